//! Steps on mounts, in words.

use super::{Call, CallWhen, Explanation, call, explanation, inside, quoted};
use crate::device::DeviceKind;
use crate::model::Propagation;
use crate::step::{MountFlags, MountStep, SourceMount};

pub(super) fn explain(step: &MountStep) -> Explanation {
    let mounts = &["cat /proc/PID/mountinfo"];
    match step {
        MountStep::MakeMountsPrivate => {
            let calls = vec![call("mount", &["NULL", "\"/\"", "NULL", "MS_REC|MS_PRIVATE", "NULL"])];
            let why = "The copied mounts may still be shared: what is mounted here would appear on the host as well.";
            explanation("Stop mounts from spreading to the host", why, calls, mounts, "root")
        }
        MountStep::MountOverlay { .. } => overlay(step),
        MountStep::MountFilesystem { fs_type, target, .. } => {
            let headline = format!("Mount {fs_type} on {}", inside(target));
            explanation(headline, filesystem_why(fs_type, inside(target)), filesystem_calls(step), mounts, "root")
        }
        MountStep::BindMount { source, target, .. } => {
            let why = "A bind mount shows one file or directory at a second place. It is the same file, not a copy.";
            explanation(format!("Bind {} to {}", super::base(source), inside(target)), why, bind_calls(step), mounts, "root")
        }
        MountStep::BindSubpath { directory, subpath, target, .. } => {
            let why = "Another container that has the volume may have put a link at that name: it is resolved so that it cannot leave the \
                       volume, and what was found is bound.";
            let headline = format!("Bind {subpath} of {} to {}", volume_name(directory), inside(target));
            explanation(headline, why, subpath_calls(step), mounts, "root")
        }
        MountStep::CopyMountTree { source, .. } => {
            let why = "The next steps cut the container's mounts off from the host's. A copy taken before stays connected: what is mounted \
                       later can still spread.";
            explanation(format!("Take a copy of the mount at {}", super::base(source)), why, copy_calls(step), mounts, "root")
        }
        MountStep::AttachMountTree { source, target, .. } => {
            let why =
                "The copy that was taken gets its place in the container. It is the same file system, not a copy of its files.";
            let headline = format!("Attach {} at {}", super::base(source), inside(target));
            explanation(headline, why, attach_calls(step), mounts, "root")
        }
        MountStep::SetPropagation { target, propagation } => {
            let calls = vec![call("mount", &["NULL", &quoted(target), "NULL", propagation.flags(), "NULL"])];
            let headline = format!("Make {} {}", inside(target), propagation.word());
            explanation(headline, propagation_why(*propagation), calls, mounts, "root")
        }
        MountStep::ShareMount { .. } => share(step),
        MountStep::MakeDeviceNode { .. } => device(step),
        MountStep::MakeSymlink { target, path } => {
            let calls = vec![call("symlink", &[&quoted(target), &quoted(path)])];
            let why = "Programs expect this name in /dev.";
            explanation(format!("Link {} to {target}", inside(path)), why, calls, &["ls -l /proc/PID/root/dev"], "root")
        }
        MountStep::PivotRoot { new_root } => {
            let calls = vec![call("chdir", &[&quoted(new_root)]), call("pivot_root", &["\".\"", "\".\""])];
            let why = "The merged directory becomes `/`. The old root is stacked on the same place until the next step.";
            explanation("Make the merged directory the root", why, calls, &["ls -l /proc/PID/root/"], "root")
        }
        MountStep::DetachOldRoot => {
            let calls = vec![call("umount2", &["\".\"", "MNT_DETACH"]), call("chdir", &["\"/\""])];
            let why = "As long as the old root is mounted, the host's files can be reached. After this no name leads to them.";
            explanation("Detach the old root", why, calls, mounts, "root")
        }
        MountStep::MaskPath { path } => mask(path),
        MountStep::MakePathReadOnly { path } => {
            let calls = vec![bind(path, path, "MS_BIND|MS_REC"), read_only(path).when(CallWhen::IfPresent)];
            let why = "Its files may be read, but writing them would change settings of the whole host.";
            explanation(format!("Make {path} read-only"), why, calls, mounts, "hidden")
        }
        MountStep::MakeRootReadOnly => {
            let why = "A container that cannot write its root cannot keep changes, nor can an intruder.";
            explanation("Make the root read-only", why, vec![read_only("/")], mounts, "hidden")
        }
    }
}

fn copy_calls(step: &MountStep) -> Vec<Call> {
    let MountStep::CopyMountTree { source, recursive, needs } = step else { return Vec::new() };
    let below = if *recursive { "|AT_RECURSIVE" } else { "" };
    let look = call("openat", &["AT_FDCWD", "\"/proc/self/mountinfo\"", "O_RDONLY|O_CLOEXEC"]);
    let copy = call("open_tree", &["AT_FDCWD", &quoted(source), &format!("OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC{below}")]);
    Some(look).filter(|_| *needs != SourceMount::Any).into_iter().chain([copy]).collect()
}

fn attach_calls(step: &MountStep) -> Vec<Call> {
    let MountStep::AttachMountTree { target, recursive, flags, top_only, .. } = step else { return Vec::new() };
    let file = "{flags=O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, mode=0644, …}";
    let mut calls = vec![
        call("openat2", &["…", &quoted(inside(target)), file, "24"]).when(CallWhen::IfMissing),
        call("move_mount", &["…", "\"\"", "AT_FDCWD", &quoted(target), "MOVE_MOUNT_F_EMPTY_PATH"]),
    ];
    calls.extend(set_flags(target, *flags, *recursive && !top_only));
    calls
}

fn propagation_why(propagation: Propagation) -> &'static str {
    if propagation.is_shared() {
        "What the container mounts below it appears on the host, and what the host mounts appears in the container."
    } else if propagation.is_slave() {
        "What the host mounts below it appears in the container. What the container mounts stays in it."
    } else {
        "What is mounted below it on one side is not seen on the other."
    }
}

fn share(step: &MountStep) -> Explanation {
    let MountStep::ShareMount { path, target, read_only, .. } = step else { return explanation("", "", Vec::new(), &[], "root") };
    let own = |file: &str| call("openat", &["AT_FDCWD", &format!("\"/proc/{file}/ns/mnt\""), "O_RDONLY|O_CLOEXEC"]);
    let mut calls = vec![
        own("…"),
        own("self"),
        call("setns", &["…", "CLONE_NEWNS"]),
        call("open_tree", &["AT_FDCWD", &quoted(path), "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC"]),
        call("setns", &["…", "CLONE_NEWNS"]),
        call("move_mount", &["…", "\"\"", "AT_FDCWD", &quoted(target), "MOVE_MOUNT_F_EMPTY_PATH"]),
    ];
    if let Some(read_only) = read_only {
        let (set, clear) = if *read_only { ("MOUNT_ATTR_RDONLY", "0") } else { ("0", "MOUNT_ATTR_RDONLY") };
        let argument = format!("{{attr_set={set}, attr_clr={clear}, …}}");
        calls.push(call("mount_setattr", &["AT_FDCWD", &quoted(target), "0", &argument, "32"]));
    }
    let why = "Only who is in the other's mount namespace finds the mount. A copy of it, held by a descriptor, is taken along.";
    explanation(format!("Share {path} of the other container"), why, calls, &["cat /proc/PID/mountinfo"], "root")
}

fn device(step: &MountStep) -> Explanation {
    let MountStep::MakeDeviceNode { path, kind, major, minor, mode, owner } = step else {
        return explanation("", "", Vec::new(), &[], "root");
    };
    // As strace has it: no prefix before a zero.
    let number = |number: &u32| if *number == 0 { "0".to_string() } else { format!("{number:#x}") };
    let format = if *kind == DeviceKind::Char { "S_IFCHR" } else { "S_IFBLK" };
    let device = format!("makedev({}, {})", number(major), number(minor));
    let calls = vec![call("mknod", &[&quoted(path), &format!("{format}|0{mode:o}"), &device])];
    let (uid, gid) = (owner.0.to_string(), owner.1.to_string());
    let owned = (*owner != (0, 0)).then(|| call("lchown", &[&quoted(path), &uid, &gid]));
    let calls = calls.into_iter().chain(owned).collect();
    let why = "A device node is a file that leads to a driver by two numbers. A container gets only harmless ones.";
    explanation(format!("Make the device {}", inside(path)), why, calls, &["ls -l /proc/PID/root/dev"], "root")
}

fn bind(source: &str, target: &str, flags: &str) -> Call {
    call("mount", &[&quoted(source), &quoted(target), "NULL", flags, "NULL"])
}

/// The attribute is set on this one mount: mount_setattr(2).
fn read_only(path: &str) -> Call {
    call("mount_setattr", &["AT_FDCWD", &quoted(path), "0", "{attr_set=MOUNT_ATTR_RDONLY, attr_clr=0, …}", "32"])
}

fn overlay(step: &MountStep) -> Explanation {
    let MountStep::MountOverlay { lower_dirs, upper_dir, work_dir, merged_dir, user_xattr, volatile } = step else {
        return explanation("", "", Vec::new(), &[], "root");
    };
    let marks = format!("{}{}", if *volatile { ",volatile" } else { "" }, if *user_xattr { ",userxattr" } else { "" });
    let data = format!("lowerdir={},upperdir={upper_dir},workdir={work_dir}{marks}", lower_dirs.join(":"));
    let mark = |file: &str| quoted(&format!("{work_dir}/work/incompat/volatile{file}"));
    let forget = || [call("unlink", &[&mark("/dirty")]), call("rmdir", &[&mark("")])].map(|call| call.when(CallWhen::IfPresent));
    let mut calls: Vec<Call> = if *volatile { forget().to_vec() } else { Vec::new() };
    calls.push(call("mount", &["\"overlay\"", &quoted(merged_dir), "\"overlay\"", "0", &quoted(&data)]));
    let why = match volatile {
        false => "The image's layers lie below and are never written to. Every change is copied up into the directory above.",
        true => {
            "The image's layers lie below, and every change is copied up into the directory above. With --rm nothing of it is kept: \
             the kernel need not write it to disk at the end (volatile)."
        }
    };
    let see = format!("ls {upper_dir}");
    explanation("Mount the image and a writable layer as one tree", why, calls, &[&see], "root")
}

fn joined(flags: MountFlags) -> String {
    let names = flags.names();
    if names.is_empty() { "0".to_string() } else { names.join("|") }
}

fn filesystem_calls(step: &MountStep) -> Vec<Call> {
    let MountStep::MountFilesystem { fs_type, source, target, flags, data } = step else { return Vec::new() };
    let data = if data.is_empty() { "NULL".to_string() } else { quoted(data) };
    vec![
        call("mkdirat", &["…", &quoted(super::base(target)), "0755"]).when(CallWhen::IfMissing),
        call("mount", &[&quoted(source), &quoted(target), &quoted(fs_type), &joined(*flags), &data]),
    ]
}

fn bind_calls(step: &MountStep) -> Vec<Call> {
    let MountStep::BindMount { source, target, recursive, flags, top_only } = step else { return Vec::new() };
    let how = if *recursive { "MS_BIND|MS_REC" } else { "MS_BIND" };
    let file = "{flags=O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, mode=0644, …}";
    let place = call("openat2", &["…", &quoted(inside(target)), file, "24"]).when(CallWhen::IfMissing);
    let mut calls = vec![place, bind(source, target, how)];
    calls.extend(set_flags(target, *flags, *recursive && !top_only));
    calls
}

fn set_flags(target: &str, flags: MountFlags, recursive: bool) -> Option<Call> {
    let attributes = flags.names().iter().map(|name| name.replace("MS_", "MOUNT_ATTR_")).collect::<Vec<_>>().join("|");
    let argument = format!("{{attr_set={attributes}, attr_clr=0, …}}");
    let how = if recursive { "AT_RECURSIVE" } else { "0" };
    (!attributes.is_empty()).then(|| call("mount_setattr", &["AT_FDCWD", &quoted(target), how, &argument, "32"]))
}

/// `…/volumes/NAME/_data`
fn volume_name(directory: &str) -> &str {
    super::base(directory.trim_end_matches("/_data"))
}

fn subpath_calls(step: &MountStep) -> Vec<Call> {
    let MountStep::BindSubpath { directory, subpath, target, flags } = step else { return Vec::new() };
    let beneath = "{flags=O_RDONLY|O_CLOEXEC|O_PATH, resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_BENEATH}";
    let mut calls = vec![
        call("openat", &["AT_FDCWD", &quoted(directory), "O_RDONLY|O_CLOEXEC|O_PATH|O_DIRECTORY"]),
        call("openat2", &["…", &quoted(subpath), beneath, "24"]),
        call("mkdirat", &["…", &quoted(super::base(target)), "0755"]).when(CallWhen::IfMissing),
        bind("/proc/self/fd/…", target, "MS_BIND|MS_REC"),
    ];
    calls.extend(set_flags(target, *flags, true));
    calls
}

fn mask(path: &str) -> Explanation {
    let calls = vec![
        bind("/dev/null", path, "MS_BIND").when(CallWhen::IfFile),
        call("mount", &["\"tmpfs\"", &quoted(path), "\"tmpfs\"", "MS_RDONLY", "NULL"]).when(CallWhen::IfDirectory),
    ];
    let why = "It tells of the whole host or acts on it. A file is covered by /dev/null, a directory by an empty file system.";
    explanation(format!("Hide {path}"), why, calls, &["cat /proc/PID/mountinfo"], "hidden")
}

fn filesystem_why(fs_type: &str, target: &str) -> &'static str {
    match (fs_type, target) {
        ("proc", _) => "The kernel shows processes as files here: those of the pid namespace of whoever mounts it.",
        ("sysfs", _) => "The kernel shows devices and drivers here. Read-only, since most of it belongs to the whole host.",
        ("devpts", _) => "Terminals of the container are its own: /dev/pts/0 here is not the host's.",
        ("mqueue", _) => "POSIX message queues of the ipc namespace appear here as files.",
        ("cgroup2", _) => "The container sees its own control group as the root of this tree, and cannot change it.",
        ("tmpfs", "/dev") => "Device nodes need a directory that is not the image's. This one lives in memory.",
        ("tmpfs", "/dev/shm") => "POSIX shared memory is kept in files here, in memory, at most 64 MB.",
        _ => "Programs expect this file system here.",
    }
}
