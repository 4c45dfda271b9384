//! Steps of a build, in words.

use super::image::replaced;
use super::{Call, CallWhen, Explanation, base, call, explanation, quoted};
use crate::build::key::{Change, PARENT};
use crate::build::{Copy, CopySource, Lack, Miss, Remote, Repository};
use crate::model::CacheMount;
use crate::step::BuildStep;

const CHAPTER: &str = "image";

fn short(digest: &str) -> &str {
    let digits = digest.trim_start_matches("sha256:");
    digits.get(..12).unwrap_or(digits)
}

/// A change of what a result depends on, in a few words.
pub fn change_in_words(change: &Change) -> String {
    let what = if change.what == PARENT { "the instructions above it, or the base" } else { change.what.as_str() };
    match (&change.before, &change.now) {
        (None, _) => format!("{what} is new"),
        (_, None) => format!("{what} is gone"),
        (Some(_), Some(_)) if change.what == PARENT => format!("{what} came to something else"),
        (Some(before), Some(now)) if before.len() + now.len() < 60 && !now.contains("sha256:") => {
            format!("{what} was {before:?} and is {now:?}")
        }
        _ => format!("{what} has changed"),
    }
}

/// Why nothing is taken from the cache, in a sentence.
fn miss_in_words(why: &Miss) -> String {
    match why {
        Miss::NotAsked => "--no-cache: nothing is taken from earlier builds.".to_string(),
        Miss::NotRead => "Whether there is one is known when the files are read.".to_string(),
        Miss::New => "Nothing like it was built here before.".to_string(),
        Miss::LayerGone => "It was built before, and the files of its layer are gone.".to_string(),
        Miss::Changed { parts } => {
            let told: Vec<String> = parts.iter().map(change_in_words).collect();
            format!("Since it was built here last: {}.", told.join("; "))
        }
    }
}

/// The same, and what the caches that were imported lack.
pub fn missed_in_words(why: &Miss, lacks: &[Lack]) -> String {
    let lack = |lack: &Lack| {
        let told = match &lack.why {
            None => "nothing of it was read".to_string(),
            Some(Miss::Changed { parts }) => {
                let told: Vec<String> = parts.iter().map(change_in_words).collect();
                format!("since it was exported: {}", told.join("; "))
            }
            Some(Miss::LayerGone) => "it names the result, and not its layer".to_string(),
            Some(Miss::NotAsked | Miss::NotRead | Miss::New) => "nothing like it is in there".to_string(),
        };
        format!(" Cache {}: {told}.", lack.from)
    };
    miss_in_words(why) + &lacks.iter().map(lack).collect::<String>()
}

pub(super) fn explain(step: &BuildStep) -> Explanation {
    match step {
        BuildStep::LoadDefinition { name, bytes } => {
            let why =
                "The Dockerfile and .dockerignore were read with the command. Stages that the target does not need are left out.";
            explanation(format!("Take the {bytes} bytes of {name} apart"), why, Vec::new(), &["glassbox build --check ."], CHAPTER)
        }
        BuildStep::ReadInput { .. } | BuildStep::UnpackContext { .. } | BuildStep::ReadDefinition { .. } => taken(step),
        BuildStep::WriteOutput { directory, output, .. } => write_output(*directory, output.as_ref()),
        BuildStep::UseBase { base, .. } => use_base(base.layers.len()),
        BuildStep::Configure { .. } => {
            let why = "No file changes, and there is no layer: it is written into the image's configuration at the end.";
            explanation("Note it for the configuration", why, Vec::new(), &["glassbox image inspect IMAGE"], CHAPTER)
        }
        BuildStep::ReadSources { copy, .. } => read_sources(copy),
        BuildStep::FetchFile { remote, path } => fetch_file(remote, path),
        BuildStep::FindCommit { repository, .. } => find_commit(repository),
        BuildStep::FetchCommit { repository, commit, path, .. } => fetch_commit(repository, commit, path),
        BuildStep::UseCached { path, .. } => {
            let why = "All that the result depends on is what it was: it is taken as it is.";
            // What stands in it was read with all other records when the command began.
            let calls = vec![call("statx", &["AT_FDCWD", &quoted(path), "…", "…", "…"])];
            explanation("Take the result from the cache", why, calls, &[&format!("cat {path}")], CHAPTER)
        }
        BuildStep::MissCache { why, lacks, path, .. } => {
            let told = missed_in_words(why, lacks);
            explanation("There is no result in the cache", &told, Vec::new(), &[&format!("ls {path}")], CHAPTER)
        }
        BuildStep::ReadCache { directory, .. } => read_cache(directory),
        BuildStep::TakeLayer { digest, path, .. } => take_layer(digest, path),
        BuildStep::WriteCache { output, .. } => write_cache(&output.path),
        BuildStep::BringFiles { copy, .. } => bring_files(copy),
        BuildStep::MakeCacheMount { mount, directory, .. } => make_cache_mount(mount, directory),
        BuildStep::LockCacheMount { directory, alone } => lock_cache_mount(directory, *alone),
        BuildStep::UnlockCacheMount { .. } => {
            let why = "The program has ended: whoever waits for the directory may have it.";
            explanation("Let others have the cache's directory", why, vec![call("close", &["…"])], &["cat /proc/locks"], CHAPTER)
        }
        BuildStep::RemoveCacheMount { directory, .. } => remove_cache_mount(directory),
        BuildStep::PlaceSecret { id, path, mode, .. } => place_secret(id, path, *mode),
        BuildStep::FindAgent { socket, .. } => find_agent(socket.as_deref()),
        BuildStep::NoteExit { .. } => {
            let why = "The exit code decides what becomes of what the program has changed.";
            explanation("See how the program has ended", why, Vec::new(), &["echo $?"], CHAPTER)
        }
        BuildStep::CheckExit { .. } => {
            let why = "An instruction that failed has no result. What came before it stays for the next build.";
            explanation("See whether the program has succeeded", why, Vec::new(), &["echo $?"], CHAPTER)
        }
        BuildStep::NoteImage { id } => {
            let why = "What is to be done with the image is known by its id: it is planned when there is one.";
            explanation(format!("Note the image {}", short(id)), why, Vec::new(), &["glassbox images"], CHAPTER)
        }
        BuildStep::WriteResultFile { path, what, .. } => write_result_file(path, what),
        BuildStep::SetAside { upper, directory, .. } => set_aside(upper, directory),
        BuildStep::RemoveWorkspace { path } => remove_workspace(path),
        BuildStep::DropResult { path, key } => {
            let why = "First the record, then the files: no build finds a result whose layer is half gone.";
            let calls = vec![call("unlink", &[&quoted(path)])];
            explanation(format!("Strike the result {} off", short(key)), why, calls, &[&format!("ls {path}")], CHAPTER)
        }
        BuildStep::KeepResult { path, key, .. } => {
            let why = "The record says on what the result depended, so that a later build can tell what was different.";
            explanation(format!("Keep the result as {}", short(key)), why, replaced(path), &[&format!("cat {path}")], CHAPTER)
        }
    }
}

fn set_aside(upper: &str, directory: &str) -> Explanation {
    let why = "The next instruction stands upon it at once: it need not wait until there is an archive with a digest.";
    let calls = vec![call("rename", &[&quoted(upper), &quoted(directory)])];
    explanation("Set aside what it has changed", why, calls, &[&format!("ls {directory}")], CHAPTER)
}

fn use_base(layers: usize) -> Explanation {
    let why = "A stage begins with the layers of its base. They are not copied: what is built stands upon them.";
    let headline = match layers {
        0 => "Begin the stage".to_string(),
        1 => "Begin the stage upon 1 layer".to_string(),
        count => format!("Begin the stage upon {count} layers"),
    };
    explanation(headline, why, Vec::new(), &["glassbox images"], CHAPTER)
}

fn read_cache(directory: &str) -> Explanation {
    let why = "The keys of all results stand in one document of it. Digests are held against bytes; layers stay where they are.";
    let calls = vec![call("openat2", &["…", "…", "…", "…"]), call("read", &["…", "…", "…"]).when(CallWhen::Repeated)];
    explanation("Read which results the cache has", why, calls, &[&format!("cat {directory}/index.json")], CHAPTER)
}

fn take_layer(digest: &str, path: &str) -> Explanation {
    let why = "Only the bytes of this digest are taken: the directory may be anybody's.";
    let calls = vec![
        call("openat2", &["…", "…", "…", "…"]),
        call("read", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("rename", &["…", &quoted(path)]),
    ];
    explanation(format!("Take the layer {} from the cache", short(digest)), why, calls, &[&format!("ls -l {path}")], CHAPTER)
}

fn write_cache(directory: &str) -> Explanation {
    let why = "An OCI image layout: layers first, then the documents that name them, and the index at the very end.";
    let calls = vec![
        call("mkdir", &["…", "…"]).when(CallWhen::Repeated),
        call("openat", &["…", "…", "…", "…"]).when(CallWhen::Repeated),
        call("rename", &["…", "…"]).when(CallWhen::Repeated),
    ];
    explanation("Write the cache into a directory", why, calls, &[&format!("cat {}/index.json", directory)], CHAPTER)
}

/// What comes on stdin, or from a URL.
fn taken(step: &BuildStep) -> Explanation {
    match step {
        BuildStep::UnpackContext { path } => {
            let why = "Names that lead out of the context lead nowhere. Files of an archive are unpacked as ADD unpacks them.";
            let calls = vec![call("openat2", &["…", "…", "…", "…"]).when(CallWhen::Repeated)];
            explanation("Unpack the context", why, calls, &[&format!("ls {path}")], CHAPTER)
        }
        BuildStep::ReadDefinition { path, file } => {
            let why = "What there is to do stands in it: the rest of the build is planned now.";
            let calls = vec![call("openat2", &["…", "…", "…", "…"]), call("read", &["…", "…", "…"]).when(CallWhen::Repeated)];
            explanation("Read the Dockerfile in the context", why, calls, &[&format!("cat {path}/{file}")], CHAPTER)
        }
        BuildStep::ReadInput { remote: Some(remote), .. } => {
            let why =
                "It begins like an archive, or it is taken for a Dockerfile. What a URL leads to can change: it is fetched anew.";
            let calls = vec![
                call("socket", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("connect", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("sendto", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("recvfrom", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("write", &["…", "…", "…"]).when(CallWhen::Repeated),
            ];
            let name: String = remote.name.chars().take(40).collect();
            explanation(format!("Fetch {name}"), why, calls, &[&format!("curl -I {}", remote.url)], CHAPTER)
        }
        _ => {
            let why = "It begins like an archive, or it is taken for a Dockerfile. All of it is kept in a file without a name.";
            let calls = vec![
                call("openat", &["AT_FDCWD", "…", "O_RDWR|O_CLOEXEC|O_TMPFILE", "0600"]).when(CallWhen::Repeated),
                call("lseek", &["…", "0", "SEEK_SET"]).when(CallWhen::Repeated),
                call("read", &["…", "…", "…"]).when(CallWhen::Repeated),
            ];
            explanation("Read stdin", why, calls, &["file -"], CHAPTER)
        }
    }
}

fn write_output(directory: bool, output: Option<&crate::step::CallersFile>) -> Explanation {
    let why = "The layers are read from the top down, as an overlay would show them. What is half written has another name.";
    let path = output.map_or("-", |file| file.path.as_str());
    let mut calls = vec![call("openat", &["…", "…", "…"]).when(CallWhen::Repeated)];
    if output.is_some() {
        calls.push(call("rename", &["…", "…"]).when(CallWhen::Repeated));
    }
    let headline = if directory { "Write the files into a directory" } else { "Write the files as an archive" };
    let look = if directory { format!("ls -l {path}") } else { format!("tar tvf {path}") };
    explanation(headline, why, calls, &[&look], CHAPTER)
}

fn write_result_file(path: &str, what: &str) -> Explanation {
    let why = "A script reads there what has come of the build. A file that is there already is written over.";
    let flags = "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC";
    let calls = vec![call("openat", &["AT_FDCWD", &quoted(path), flags, "0666"]), call("write", &["…", "…", "…"])];
    explanation(format!("Write the {what}"), why, calls, &[&format!("cat {path}")], CHAPTER)
}

fn make_cache_mount(mount: &CacheMount, directory: &str) -> Explanation {
    let why = "What RUN --mount=type=cache leaves in it is there for the next build. It is in no layer, and no image has it.";
    let data = quoted(&format!("{directory}/_data"));
    let mut calls = vec![
        call("mkdir", &[&data, "0777"]).when(CallWhen::Repeated),
        call("chown", &[&data, "…", "…"]).when(CallWhen::Repeated),
        call("chmod", &[&data, "…"]),
    ];
    calls.extend(replaced(&format!("{directory}/mount.json")));
    let headline = format!("Make the directory of the cache {}", mount.id.chars().take(24).collect::<String>());
    explanation(headline, why, calls, &["glassbox system df"], CHAPTER)
}

fn lock_cache_mount(directory: &str, alone: bool) -> Explanation {
    let (why, how) = match alone {
        true => (
            "sharing=locked: what two programs write at the same time may come to nothing good. The other one waits.",
            "LOCK_EX|LOCK_NB",
        ),
        false => ("Others may use it at the same time. Nobody removes it meanwhile.", "LOCK_SH|LOCK_NB"),
    };
    let calls = vec![call("openat", &["AT_FDCWD", &quoted(directory), "…"]), call("flock", &["…", how]).when(CallWhen::Repeated)];
    explanation("Have the cache's directory", why, calls, &["cat /proc/locks"], CHAPTER)
}

fn remove_cache_mount(directory: &str) -> Explanation {
    let why = "What was kept in it is downloaded or made again by the next build that wants it.";
    let calls = vec![
        call("unlinkat", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("unlinkat", &["…", &quoted(&format!("…{}", base(directory))), "AT_REMOVEDIR"]),
    ];
    explanation("Remove the directory of a cache", why, calls, &[&format!("ls {directory}")], CHAPTER)
}

fn place_secret(id: &str, path: &str, mode: u32) -> Explanation {
    let why = "It is mounted for the one program and then gone: no layer, no history and no cache key has its value.";
    let calls = vec![
        call("openat", &["AT_FDCWD", &quoted(path), "…", "0600"]),
        call("write", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("chown", &[&quoted(path), "…", "…"]).when(CallWhen::Repeated),
        call("chmod", &[&quoted(path), &format!("0{mode:o}")]),
    ];
    let headline = format!("Place the secret {}", id.chars().take(32).collect::<String>());
    explanation(headline, why, calls, &["glassbox history IMAGE"], CHAPTER)
}

fn find_agent(socket: Option<&str>) -> Explanation {
    let why = "Programs in the container ask the agent to sign, through its socket. The keys stay with it.";
    let path = socket.map_or("…".to_string(), quoted);
    let calls = vec![call("statx", &["AT_FDCWD", &path, "…", "…", "…"])];
    explanation("Look for the agent's socket", why, calls, &["echo $SSH_AUTH_SOCK"], CHAPTER)
}

fn fetch_file(remote: &Remote, path: &str) -> Explanation {
    let why = match remote.checksum.is_empty() {
        true => {
            "What a URL leads to can change: it is fetched at every build, and known by its content. --checksum says which it has to be."
        }
        false => "--checksum: the build goes on only with the bytes that were meant.",
    };
    let calls = vec![
        call("socket", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("connect", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("sendto", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("recvfrom", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("openat", &["AT_FDCWD", &quoted(path), "…", "0600"]),
        call("write", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("utimensat", &["…", "…", "…", "…"]),
    ];
    let name: String = remote.name.chars().take(40).collect();
    explanation(format!("Fetch {name}"), why, calls, &[&format!("curl -I {}", remote.url)], CHAPTER)
}

/// git is a program of the caller's machine, as it is with BuildKit.
fn git_calls(arguments: &[&str]) -> Vec<Call> {
    let argv = format!("[\"git\", {}, …]", arguments.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "));
    vec![
        call("clone", &["…"]).when(CallWhen::Repeated),
        call("execve", &["…", &argv, "…"]).when(CallWhen::Repeated),
        call("wait4", &["…", "…", "…", "…"]).when(CallWhen::Repeated),
    ]
}

fn find_commit(repository: &Repository) -> Explanation {
    let why = "A branch moves, and a tag can. The commit is what the cache knows the files by: the same one is not fetched again.";
    let named = if repository.reference.is_empty() { "HEAD" } else { &repository.reference };
    let look = format!("git ls-remote {} {named}", repository.redacted());
    let named: String = named.chars().take(40).collect();
    explanation(format!("Ask which commit {named} is"), why, git_calls(&["ls-remote"]), &[&look], CHAPTER)
}

fn fetch_commit(repository: &Repository, commit: &str, path: &str) -> Explanation {
    let why = match repository.keep_git {
        true => "One commit comes, without its history. --keep-git-dir: .git stays with the files.",
        false => "One commit comes, without its history; .git does not stay.",
    };
    let short = commit.get(..12).unwrap_or(commit);
    let name: String = repository.name().chars().take(30).collect();
    let headline = if short.is_empty() { format!("Fetch {name}") } else { format!("Fetch {name} at {short}") };
    explanation(headline, why, git_calls(&["fetch", "--depth=1"]), &[&format!("ls -a {path}")], CHAPTER)
}

fn bring_files(copy: &Copy) -> Explanation {
    let why = "The files are written into the merged tree: the kernel puts them into the upper directory, which becomes the layer.";
    let calls = vec![
        call("openat2", &["…", "…", "…", "…"]).when(CallWhen::Repeated),
        call("fchownat", &["…", "…", "…", "…", "…"]).when(CallWhen::Repeated),
    ];
    explanation(format!("Copy the files to {}", copy.destination), why, calls, &["ls -l"], CHAPTER)
}

fn remove_workspace(path: &str) -> Explanation {
    let why = "The layer is packed, and its files lie in their own place.";
    let calls = vec![
        call("unlinkat", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("unlinkat", &["…", &quoted(&format!("…{}", base(path))), "AT_REMOVEDIR"]),
    ];
    explanation("Remove the directories it was made in", why, calls, &[&format!("ls {path}")], CHAPTER)
}

fn read_sources(copy: &Copy) -> Explanation {
    let why =
        "What COPY brings is known by its content: a file that was only touched makes no difference, one that was changed does.";
    let calls = vec![
        call("openat2", &["…", "…", "…", "…"]).when(CallWhen::Repeated),
        call("read", &["…", "…", "…"]).when(CallWhen::Repeated),
    ];
    let place = match &copy.from {
        CopySource::Context => "the build context",
        CopySource::Web => "the URL",
        CopySource::Directory(_) => "the named context",
        CopySource::Stage(_) => "the other stage",
        CopySource::Image(_) => "the image",
    };
    explanation(format!("Digest the files of {place}"), why, calls, &["sha256sum FILE"], CHAPTER)
}
