//! Steps on mounts and the root file system, carried out by the child in its own mount namespace.
//!
//! Until `PivotRoot` the paths are the host's, and the new root is somebody else's data: `/etc/hosts` in it may be a link that leads
//! out. Every mount point is therefore resolved as if the new root were `/` already ([`sys::rootfs`]); mount(2) is given the place
//! where that ended.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use glassbox_core::device::DeviceKind;
use glassbox_core::errno::Errno;
use glassbox_core::model::{ContainerId, Propagation, State};
use glassbox_core::step::{MountFlags, MountStep, SourceMount};

use super::process::first_process;
use super::{Done, Failure, NameCall};
use crate::observe::mountinfo;
use crate::sys::mount::{self, MountAttributes, MountFlags as Bits, Node, UmountFlags};
use crate::sys::process::{self, CloneFlags};
use crate::sys::rootfs::Root;

/// What the child remembers of the root that it builds.
#[derive(Debug, Default)]
pub struct Building {
    /// Where the merged tree lies, and a hold on it; none before the overlay is mounted and after the root was changed.
    root: Option<(String, Root)>,
    /// Copies of mounts that have no place yet, and of what they are.
    held: Vec<(String, OwnedFd)>,
}

impl Building {
    /// Carries the step out.
    pub fn carry_out(&mut self, step: &MountStep, state: &State) -> Done {
        match step {
            MountStep::MakeMountsPrivate => mount::set_propagation("/", Bits::RECURSIVE | Bits::PRIVATE).call("mount"),
            MountStep::MountOverlay { merged_dir, .. } => {
                overlay(step)?;
                self.root = Some((merged_dir.clone(), Root::open(merged_dir).call("openat")?));
                Ok(())
            }
            MountStep::MountFilesystem { fs_type, source, target, flags, data } => {
                let place = self.place(target, true)?;
                let data = Some(data.as_str()).filter(|data| !data.is_empty());
                mount::mount(Some(source), place, Some(fs_type), bits(*flags), data).call("mount")
            }
            MountStep::BindMount { source, target, recursive, flags, top_only } => {
                let directory = fs::metadata(source).call("stat")?.is_dir();
                bind(Path::new(source), self.place(target, directory)?, *recursive, (*flags, !top_only))
            }
            MountStep::CopyMountTree { source, recursive, needs } => {
                check_source(source, *needs)?;
                self.held.push((source.clone(), mount::detached_copy(source, *recursive).call("open_tree")?));
                Ok(())
            }
            MountStep::AttachMountTree { .. } => self.attach_tree(step),
            MountStep::SetPropagation { target, propagation } => {
                mount::set_propagation(self.place(target, true)?, spread(*propagation)).call("mount")
            }
            MountStep::BindSubpath { directory, subpath, target, flags } => {
                let pinned = Root::open(directory).and_then(|root| root.pin_beneath(subpath)).call("openat2")?;
                let is_directory = fs::metadata(pinned.path()).call("stat")?.is_dir();
                bind(&pinned.path(), self.place(target, is_directory)?, true, (*flags, true))
            }
            MountStep::ShareMount { id, path, target, read_only } => {
                let place = self.place(target, true)?;
                share(id, path, &place, state)?;
                read_only.map_or(Ok(()), |read_only| set_read_only(&place, read_only))
            }
            MountStep::MakeDeviceNode { .. } => self.device(step),
            MountStep::MakeSymlink { target, path } => std::os::unix::fs::symlink(target, path).call("symlink"),
            MountStep::PivotRoot { new_root } => {
                self.root = None;
                pivot(new_root)
            }
            MountStep::DetachOldRoot => {
                mount::umount(".", UmountFlags::DETACH).call("umount2")?;
                process::chdir("/").call("chdir")
            }
            MountStep::MaskPath { path } => mask(path),
            MountStep::MakePathReadOnly { path } => make_path_read_only(path),
            MountStep::MakeRootReadOnly => mount::make_read_only("/", false).call("mount_setattr"),
        }
    }

    /// What `CopyMountTree` holds, at its place.
    fn attach_tree(&mut self, step: &MountStep) -> Done {
        let MountStep::AttachMountTree { source, target, recursive, flags, top_only } = step else { return Ok(()) };
        let held = self.held.iter().position(|(held, _)| held == source);
        let (_, tree) = self.held.remove(held.ok_or_else(|| Failure::of("move_mount", Errno::EBADF))?);
        let directory = fs::metadata(source).call("stat")?.is_dir();
        let place = self.place(target, directory)?;
        mount::attach(&tree, &place).call("move_mount")?;
        add_flags(&place, (*flags, *recursive && !top_only))
    }

    /// In /dev, which is new and empty, or below another directory, resolved as if the new root were `/` already.
    fn device(&self, step: &MountStep) -> Done {
        let MountStep::MakeDeviceNode { path, kind, major, minor, mode, owner } = step else { return Ok(()) };
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let path = if parent.ends_with("/merged/dev") { PathBuf::from(path) } else { self.place(parent, true)?.join(name) };
        let (major, minor) = (*major, *minor);
        let node = match kind {
            DeviceKind::Char => Node::CharDevice { major, minor },
            DeviceKind::Block => Node::BlockDevice { major, minor },
        };
        match mount::mknod(&path, node, *mode) {
            Err(Errno::EEXIST) => return Ok(()),
            answer => answer.call("mknod")?,
        }
        if *owner == (0, 0) {
            return Ok(());
        }
        std::os::unix::fs::lchown(&path, Some(owner.0), Some(owner.1)).call("lchown")
    }

    /// Where a mount on `target` goes; made there if it is missing.
    fn place(&self, target: &str, directory: bool) -> Result<PathBuf, Failure> {
        let Some((merged, root)) = &self.root else { return Ok(PathBuf::from(target)) };
        let inside = target.strip_prefix(merged.as_str()).filter(|rest| rest.starts_with('/'));
        let inside = inside.ok_or_else(|| Failure::of("mount", Errno::EINVAL))?;
        let pinned = match root.pin(inside) {
            Err(Errno::ENOENT) => {
                make_mount_point(root, inside, directory)?;
                root.pin(inside)
            }
            answer => answer,
        };
        fs::read_link(pinned.call("openat2")?.path()).call("readlink")
    }
}

/// The mount that another container has at `path`, attached at `place`: a copy made in its mount namespace and taken along.
fn share(id: &ContainerId, path: &str, place: &Path, state: &State) -> Done {
    let pid = first_process(id, state).call("openat")?;
    let theirs = File::open(format!("/proc/{pid}/ns/mnt")).call("openat")?;
    let ours = File::open("/proc/self/ns/mnt").call("openat")?;
    process::set_namespace(&theirs, CloneFlags::NEW_MOUNT).call("setns")?;
    let tree = mount::detached_copy(path, false).call("open_tree");
    process::set_namespace(&ours, CloneFlags::NEW_MOUNT).call("setns")?;
    mount::attach(&tree?, place).call("move_mount")
}

fn set_read_only(place: &Path, read_only: bool) -> Done {
    let (on, off) = (MountAttributes::READ_ONLY, MountAttributes::NONE);
    let (set, clear) = if read_only { (on, off) } else { (off, on) };
    mount::set_attributes(place, set, clear, false).call("mount_setattr")
}

fn make_mount_point(root: &Root, inside: &str, directory: bool) -> Done {
    if directory {
        return root.create_directories(inside, 0o755).call("mkdir");
    }
    if let Some((parent, _)) = inside.rsplit_once('/').filter(|(parent, _)| !parent.is_empty()) {
        root.create_directories(parent, 0o755).call("mkdir")?;
    }
    root.write_file(inside, b"", 0o644).call("openat")
}

fn overlay(step: &MountStep) -> Done {
    let MountStep::MountOverlay { lower_dirs, upper_dir, work_dir, merged_dir, user_xattr, volatile } = step else {
        return Ok(());
    };
    let mut data = overlay_options(lower_dirs, upper_dir, work_dir);
    if *volatile {
        forget_former_mount(work_dir)?;
        data += ",volatile";
    }
    if *user_xattr {
        data += ",userxattr";
    }
    mount::mount(Some("overlay"), merged_dir, Some("overlay"), Bits::NONE, Some(&data)).call("mount")
}

/// A volatile overlay leaves a mark, by which the kernel refuses to mount it again: after a crash its changes may be lost. Where the
/// mark is found here the machine has not crashed: what runs now is the container's first process, made anew.
fn forget_former_mount(work_dir: &str) -> Done {
    let mark = Path::new(work_dir).join("work/incompat/volatile");
    let forgiven = |answer: std::io::Result<()>| match answer {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        answer => answer,
    };
    forgiven(fs::remove_file(mark.join("dirty"))).call("unlink")?;
    forgiven(fs::remove_dir(mark)).call("rmdir")
}

/// The options as overlayfs reads them: a colon in a lower directory and a comma anywhere are escaped by a backslash.
fn overlay_options(lower_dirs: &[String], upper_dir: &str, work_dir: &str) -> String {
    let comma = |path: &str| path.replace('\\', "\\\\").replace(',', "\\,");
    let lower: Vec<String> = lower_dirs.iter().map(|path| comma(path).replace(':', "\\:")).collect();
    format!("lowerdir={},upperdir={},workdir={}", lower.join(":"), comma(upper_dir), comma(work_dir))
}

/// A bind mount takes its flags by a second call only, which adds them: a user namespace may not clear what the source has.
/// The second of `flags`: they go to the mounts below as well.
fn bind(source: &Path, place: PathBuf, recursive: bool, (flags, below): (MountFlags, bool)) -> Done {
    mount::bind(source, &place, recursive).call("mount")?;
    add_flags(&place, (flags, recursive && below))
}

fn add_flags(place: &Path, (flags, below): (MountFlags, bool)) -> Done {
    if flags == MountFlags::default() {
        return Ok(());
    }
    mount::set_attributes(place, attributes(flags), MountAttributes::NONE, below).call("mount_setattr")
}

/// Whether the mount that `source` lies on is what its propagation asks for: the one with the longest path, of equals the last.
fn check_source(source: &str, needs: SourceMount) -> Done {
    if needs == SourceMount::Any {
        return Ok(());
    }
    let path = fs::canonicalize(source).call("readlink")?;
    let mounts = mountinfo::parse(&fs::read("/proc/self/mountinfo").call("openat")?);
    let above = mounts.iter().filter(|mount| path.starts_with(&mount.target));
    let on = above.max_by_key(|mount| mount.target.len()).ok_or_else(|| Failure::of("openat", Errno::ENOENT))?;
    if needs.is_met(on.shared, on.slave) { Ok(()) } else { Err(Failure::of(&needs.refusal(source, &on.target), Errno::EINVAL)) }
}

fn spread(propagation: Propagation) -> Bits {
    let kind = match propagation {
        Propagation::Private | Propagation::RPrivate => Bits::PRIVATE,
        Propagation::Slave | Propagation::RSlave => Bits::SLAVE,
        Propagation::Shared | Propagation::RShared => Bits::SHARED,
    };
    if propagation.is_recursive() { kind | Bits::RECURSIVE } else { kind }
}

fn pivot(new_root: &str) -> Done {
    process::chdir(new_root).call("chdir")?;
    mount::pivot_root(".", ".").call("pivot_root")
}

/// /dev/null fits over a file only. It is asked first: a bind mount that fails costs milliseconds, since the kernel then waits until
/// nobody can see the mount that it had prepared (synchronize_rcu).
fn mask(path: &str) -> Done {
    match fs::symlink_metadata(path).map(|metadata| metadata.is_dir()) {
        Ok(true) => mount::mount(Some("tmpfs"), path, Some("tmpfs"), Bits::READ_ONLY, None).call("mount"),
        Ok(false) => mount::bind("/dev/null", path, false).call("mount"),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).call("statx"),
    }
}

fn make_path_read_only(path: &str) -> Done {
    match mount::bind(path, path, true) {
        Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(Failure::of("mount", errno)),
        Ok(()) => mount::make_read_only(path, false).call("mount_setattr"),
    }
}

fn bits(flags: MountFlags) -> Bits {
    let all = [
        (flags.read_only, Bits::READ_ONLY),
        (flags.no_suid, Bits::NO_SUID),
        (flags.no_dev, Bits::NO_DEVICES),
        (flags.no_exec, Bits::NO_EXEC),
        (flags.relatime, Bits::RELATIVE_ACCESS_TIME),
        (flags.strictatime, Bits::STRICT_ACCESS_TIME),
    ];
    all.into_iter().filter(|(set, _)| *set).fold(Bits::NONE, |sum, (_, bit)| sum | bit)
}

fn attributes(flags: MountFlags) -> MountAttributes {
    let all = [
        (flags.read_only, MountAttributes::READ_ONLY),
        (flags.no_suid, MountAttributes::NO_SUID),
        (flags.no_dev, MountAttributes::NO_DEVICES),
        (flags.no_exec, MountAttributes::NO_EXEC),
    ];
    all.into_iter().filter(|(set, _)| *set).fold(MountAttributes::NONE, |sum, (_, bit)| sum | bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlay_options_escape_what_would_end_them() {
        let lower = ["/a:b".to_string(), "/c,d".to_string()];
        let expected = "lowerdir=/a\\:b:/c\\,d,upperdir=/u,workdir=/w";
        assert_eq!(overlay_options(&lower, "/u", "/w"), expected);
    }

    #[test]
    fn a_target_outside_of_the_new_root_is_refused() {
        let root = std::env::temp_dir();
        let building = Building { root: Some(("/data/merged".into(), Root::open(&root).unwrap())), ..Building::default() };
        assert_eq!(building.place("/data/merged-not/proc", true).unwrap_err().errno, Errno::EINVAL);
        assert_eq!(building.place("/etc", true).unwrap_err().errno, Errno::EINVAL);
        assert_eq!(building.place("/data/merged/", true).unwrap(), root.canonicalize().unwrap());
    }
}
