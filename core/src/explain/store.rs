//! Steps in the store, in words.

use super::{Call, CallWhen, Explanation, base, call, explanation, quoted};
use crate::oci::layer::LayerLimits;
use crate::step::StoreStep::{self, CreateSource, CreateVolume, FillVolume, MeasureDirectory, RemoveVolume, WriteIdFile};

fn write_file(path: &str, mode: u32) -> Vec<Call> {
    let flags = "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC";
    vec![call("openat", &["AT_FDCWD", &quoted(path), flags, &format!("0{mode:o}")]), call("write", &["…", "…", "…"])]
}

pub(super) fn explain(step: &StoreStep) -> Explanation {
    match step {
        StoreStep::KeepDirectory { from, diff_id, directory } => keep_directory(from, diff_id, directory),
        StoreStep::ExtractLayer { diff_id, directory, .. } => {
            let digest = diff_id.trim_start_matches("sha256:");
            let calls = vec![
                call("mkdir", &["…", "…"]).when(CallWhen::Repeated),
                call("openat", &["…", "…", "…", "…"]).when(CallWhen::Repeated),
                call("fchown", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("fchownat", &["…", "…", "…", "…", "…"]).when(CallWhen::Repeated),
                call("symlink", &["…", "…"]).when(CallWhen::Repeated),
                call("rename", &["…", &quoted(directory)]),
            ];
            let limits = LayerLimits::of_linux(u64::MAX);
            let why = format!(
                "An overlay stacks directories, so a layer's archive is extracted, once, under its digest, with the owners, modes, times \
                 and attributes that it says. It is a stranger's: names that lead out, more than {} entries, names of more than {} bytes, \
                 directories more than {} deep or another digest are refused.",
                limits.archive.entries_max, limits.name_bytes_max, limits.depth_max
            );
            let headline = format!("Extract layer {}", digest.get(..12).unwrap_or(digest));
            explanation(headline, &why, calls, &[&format!("ls -ln {directory}")], "image")
        }
        StoreStep::CreateDirectory { path, mode } => create_directory(path, *mode),
        StoreStep::WriteFile { path, mode, .. } => {
            let calls = write_file(path, *mode);
            explanation(format!("Write {}", base(path)), file_why(base(path)), calls, &[&format!("cat {path}")], "create")
        }
        StoreStep::RecordContainer { container, path } => {
            let why =
                "ps, inspect and start read this record. A container that does not run is nothing more than this and its files.";
            let headline = format!("Record the container {}", container.name);
            explanation(headline, why, replace_file(path), &[&format!("cat {path}")], "create")
        }
        StoreStep::ReplaceRecord { container, before, path } => {
            let renamed = container.name != before.name;
            let headline = if renamed { format!("Call it {}", container.name) } else { "Write the record anew".to_string() };
            let why =
                "A container is a record and its files. The record is replaced as a whole, so that no reader sees half of it.";
            explanation(headline, why, replace_file(path), &[&format!("cat {path}")], "create")
        }
        StoreStep::RemoveContainerFiles { directory, .. } => {
            let calls = vec![
                call("unlinkat", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("unlinkat", &["…", &quoted(&format!("…{}", base(directory))), "AT_REMOVEDIR"]),
            ];
            let why = "The directory holds all that was the container's own: changed files, log, specification, record.";
            explanation("Remove the container's directory", why, calls, &[&format!("ls {directory}")], "end")
        }
        CreateSource { .. }
        | WriteIdFile { .. }
        | StoreStep::RewriteFile { .. }
        | StoreStep::EditLines { .. }
        | CreateVolume { .. }
        | FillVolume { .. }
        | StoreStep::MakeWorkingDirectory { .. }
        | MeasureDirectory { .. }
        | RemoveVolume { .. } => storage(step),
        StoreStep::RecordStart { .. }
        | StoreStep::RecordEndpoint { .. }
        | StoreStep::RecordPause { .. }
        | StoreStep::RecordExit { .. }
        | StoreStep::RecordProbe { .. }
        | StoreStep::NoteSignal { .. }
        | StoreStep::RecordStopAsked { .. }
        | StoreStep::RecordRestartCancelled { .. }
        | StoreStep::RecordFailure { .. } => state(step),
    }
}

fn keep_directory(from: &str, diff_id: &str, directory: &str) -> Explanation {
    let digits = diff_id.trim_start_matches("sha256:");
    let short = digits.get(..12).unwrap_or(digits);
    let why = "What lies in it is what the archive says, file by file: it need not be extracted. It changes \
               places with a link that leads to it: nothing is copied, and whoever stands upon it already does not notice.";
    let calls = vec![
        call("symlink", &[&quoted(directory), &quoted(directory)]),
        call("renameat2", &["AT_FDCWD", &quoted(from), "AT_FDCWD", &quoted(directory), "RENAME_EXCHANGE"]),
    ];
    explanation(format!("Let the directory be the layer {short}"), why, calls, &[&format!("ls {directory}")], "image")
}

fn create_directory(path: &str, mode: u32) -> Explanation {
    let of_build = path.contains("/building/");
    let why = if of_build { BUILD_WHY } else { directory_why(base(path)) };
    let calls = vec![call("mkdir", &[&quoted(path), &format!("0{mode:o}")])];
    let name = base(path);
    let headline = if name.len() > 40 {
        "Make the container's directory".to_string()
    } else if of_build && name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        "Make a workspace for the instruction".to_string()
    } else {
        format!("Make the directory {name}")
    };
    explanation(headline, why, calls, &[&format!("ls -ld {path}")], "create")
}

/// What becomes of a container, written down.
fn state(step: &StoreStep) -> Explanation {
    match step {
        StoreStep::RecordStart { .. } => {
            let why = "From now on ps shows it as running, with its process's number on the host.";
            explanation("Record that it runs", why, replace_file("…/state.json"), &["glassbox ps"], "process")
        }
        StoreStep::RecordEndpoint { endpoint, .. } => {
            let addresses: Vec<String> = endpoint.addresses.iter().map(|address| address.addr().to_string()).collect();
            let why = "From now on the address is the container's: whoever starts next in the network gets another.";
            let headline = format!("Record the address {}", addresses.join(" and "));
            explanation(headline, why, replace_file("…/state.json"), &["glassbox inspect"], "network")
        }
        StoreStep::RecordPause { paused, .. } => {
            let headline = if *paused { "Record that it is paused" } else { "Record that it goes on" };
            let why = "ps shows it, and exec refuses a container whose processes would not run.";
            explanation(headline, why, replace_file("…/state.json"), &["glassbox ps"], "process")
        }
        StoreStep::RecordExit { .. } => {
            let why = "The exit status is told once, to the parent that waits. It is written down for ps, inspect and wait.";
            explanation("Record how it ended", why, replace_file("…/state.json"), &["glassbox ps -a"], "end")
        }
        StoreStep::RecordProbe { .. } => {
            let why = "One failure is no illness: only several in a row make it unhealthy. The last five are kept.";
            explanation("Record how the probe went", why, replace_file("…/state.json"), &["glassbox inspect"], "end")
        }
        StoreStep::NoteSignal { path, signal, .. } => {
            let calls = vec![
                call("openat", &["AT_FDCWD", &quoted(path), "O_WRONLY|O_CREAT|O_CLOEXEC", "0600"]),
                call("write", &["…", "…", "…"]),
                call("ftruncate", &["…", "…"]),
            ];
            let why = "wait(2) tells the monitor how the process ended, and not who wanted it. So it can tell this signal from a stray one.";
            let headline = format!("Note that {} is sent, and why", crate::userland::Signal(*signal).name());
            explanation(headline, why, calls, &["glassbox why NAME"], "end")
        }
        StoreStep::RecordStopAsked { .. } => {
            let why = "Its restart policy would start it again. Whoever stops a container means it.";
            explanation("Record that it is to end", why, replace_file("…/state.json"), &["glassbox inspect"], "end")
        }
        StoreStep::RecordRestartCancelled { .. } => {
            let why = "It waited to be started again, and somebody has stopped it before that.";
            explanation("Record that it stays ended", why, replace_file("…/state.json"), &["glassbox ps -a"], "end")
        }
        StoreStep::RecordFailure { .. } => {
            let why = "It could not be started. The container stays, so that you can look at it and try again.";
            explanation("Record why it could not start", why, replace_file("…/state.json"), &["glassbox ps -a"], "program")
        }
        _ => explanation("", "", Vec::new(), &[], "create"),
    }
}

/// Sources on the host, and volumes.
fn storage(step: &StoreStep) -> Explanation {
    match step {
        StoreStep::CreateSource { path, mode } => {
            let why = "-v names a path of the host that is missing, and Docker makes it: an empty directory of root's. --mount would refuse.";
            let calls = vec![call("mkdir", &[&quoted(path), &format!("0{mode:o}")])];
            explanation(format!("Make {path} on the host"), why, calls, &[&format!("ls -ld {path}")], "root")
        }
        StoreStep::RewriteFile { path, mode, .. } => {
            let mut calls = vec![call("unlink", &[&quoted(path)])];
            calls.extend(write_file(path, *mode));
            let why =
                "At each start the file is made of the host's and of what the command said: what the container wrote into it goes.";
            explanation(format!("Write {} anew", base(path)), why, calls, &[&format!("cat {path}")], "create")
        }
        StoreStep::EditLines { path, .. } => {
            let calls = vec![
                call("openat", &["AT_FDCWD", &quoted(path), "O_RDWR|O_CLOEXEC"]),
                call("read", &["…", "…", "…"]),
                call("write", &["…", "…", "…"]),
            ];
            let why = "The container has this file mounted: it is changed as it is, so that what it has written into it stays.";
            explanation(format!("Change lines of {}", base(path)), why, calls, &[&format!("cat {path}")], "network")
        }
        WriteIdFile { path, .. } => {
            let why = "--cidfile: a script reads the id there. A file that is there already is never written over.";
            let flags = "O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC";
            let calls = vec![call("openat", &["AT_FDCWD", &quoted(path), flags, "0644"]), call("write", &["…", "…", "…"])];
            explanation("Write the container's id into a file", why, calls, &[&format!("cat {path}")], "create")
        }
        MeasureDirectory { path } => {
            let calls = vec![
                call("getdents64", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("statx", &["…", "…", "…", "…", "…"]).when(CallWhen::Repeated),
            ];
            let why = "What is removed gives its bytes back. They are counted before: of a file with several names once.";
            explanation("Count what is about to go", why, calls, &[&format!("du -sb {path}")], "end")
        }
        StoreStep::CreateVolume { volume, directory } => create_volume(&volume.name, directory),
        StoreStep::FillVolume { name, path, directory, .. } => {
            let calls = vec![
                call("mkdir", &["…", "…"]).when(CallWhen::Repeated),
                call("openat", &["…", "…", "…", "…"]).when(CallWhen::Repeated),
                call("symlink", &["…", "…"]).when(CallWhen::Repeated),
            ];
            let why = "A volume over a directory of the image would hide its files. An empty one gets a copy first, with owners and modes.";
            explanation(format!("Copy the image's {path} into {name}"), why, calls, &[&format!("ls -ln {directory}")], "root")
        }
        StoreStep::MakeWorkingDirectory { upper, path, .. } => {
            let calls = vec![
                call("statx", &["…", "…", "…", "…", "…"]).when(CallWhen::Repeated),
                call("mkdir", &["…", "…"]).when(CallWhen::Repeated),
            ];
            let why =
                "The program is to start there, and the image may lack it. Docker makes it with the container, in its own layer.";
            explanation(format!("Make the working directory {path}"), why, calls, &[&format!("ls -lR {upper}")], "create")
        }
        StoreStep::RemoveVolume { name, directory } => {
            let calls = vec![
                call("unlinkat", &["…", &quoted("…volume.json"), "0"]),
                call("unlinkat", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("unlinkat", &["…", &quoted(&format!("…{}", base(directory))), "AT_REMOVEDIR"]),
            ];
            let why = "Nobody has it mounted any more. Its files go for good.";
            explanation(format!("Remove the volume {name}"), why, calls, &["glassbox volume ls"], "end")
        }
        _ => explanation("", "", Vec::new(), &[], "root"),
    }
}

fn create_volume(name: &str, directory: &str) -> Explanation {
    let data = quoted(&format!("{directory}/_data"));
    let mut calls = vec![call("mkdir", &[&quoted(directory), "0701"]), call("mkdir", &[&data, "0755"])];
    calls.push(call("openat", &["AT_FDCWD", "\"…/.volume.json.…\"", "…", "0600"]));
    calls.push(call("write", &["…", "…", "…"]));
    calls.push(call("rename", &["…", &quoted(&format!("{directory}/volume.json"))]));
    let why = "A volume is a directory of the engine's that outlives containers. Whoever mounts it sees the same files.";
    explanation(format!("Make the volume {}", name), why, calls, &[&format!("ls {directory}/_data")], "root")
}

/// A record is replaced as a whole, so that a reader never sees half of it.
pub(super) fn replace_file(path: &str) -> Vec<Call> {
    let path = quoted(path);
    vec![
        call("openat", &["AT_FDCWD", "\"…/.state.json.…\"", "…", "0600"]),
        call("write", &["…", "…", "…"]),
        call("rename", &["…", &path]),
    ]
}

/// Of a directory in which a layer is made.
const BUILD_WHY: &str = "An instruction's layer is made apart from all others, and what was needed for it goes with its workspace.";

fn directory_why(name: &str) -> &'static str {
    match name {
        "upper" => "Every file that the container changes or adds lands here. Its image is never written to.",
        "work" => "overlayfs prepares files here before it moves them into the upper directory in one go.",
        _ => "All that belongs to this container stands in one directory, so that removing it is removing that.",
    }
}

fn file_why(name: &str) -> &'static str {
    match name {
        "config.json" => "The OCI runtime specification: what any runtime needs to know to make this container.",
        "hostname" => "It will be the container's /etc/hostname.",
        "hosts" => "It will be the container's /etc/hosts: the names that need nobody to be asked.",
        "resolv.conf" => "It will be the container's /etc/resolv.conf, which says whom to ask for names.",
        _ => "The container needs this file.",
    }
}
