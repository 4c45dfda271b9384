//! Steps on mounts, made by the process that becomes the container.

use super::{Carried, Failure, Run, called, done};
use crate::errno::Errno;
use crate::model::State;
use crate::sim::kernel::Kernel;
use crate::sim::propagation::Spread;
use crate::sim::tables::{Content, HostPid, Layers, MountId, NodeId, Place};
use crate::step::{MountFlags, MountStep, SourceMount};
use crate::userland::{FileKind, SysResult};

pub(super) fn execute(step: &MountStep, kernel: &mut Kernel, run: &mut Run, state: &State) -> Carried {
    let pid = run.process.ok_or(Errno::ESRCH)?;
    match step {
        MountStep::MakeMountsPrivate => {
            let root = kernel.walk(pid, "/", true)?;
            called(kernel.set_propagation(pid, &root, Spread::Private, true), "mount")?;
        }
        MountStep::MountOverlay { .. } => {
            called(overlay(kernel, pid, step), "mount")?;
        }
        MountStep::MountFilesystem { fs_type, source, target, flags, data } => {
            let at = point(kernel, pid, target, true)?;
            called(kernel.mount_fs(pid, fs_type, source, at, *flags, data), "mount")?;
        }
        MountStep::BindMount { source, target, recursive, flags, top_only } => {
            let source = called(kernel.walk(pid, source, true), "stat")?;
            bind(kernel, pid, &source, target, *recursive, (*flags, !top_only))?;
        }
        MountStep::CopyMountTree { source, recursive, needs } => copy_tree(kernel, run, source, *recursive, *needs)?,
        MountStep::AttachMountTree { source, target, flags, top_only, .. } => {
            let at = run.held.iter().position(|(held, _)| held == source).ok_or(Errno::EBADF)?;
            let (_, top) = run.held.remove(at);
            called(attach(kernel, pid, top, target, (*flags, !top_only)), "move_mount")?;
        }
        MountStep::SetPropagation { target, propagation } => {
            let (spread, recursive) = Spread::of(propagation.word()).ok_or(Errno::EINVAL)?;
            let place = called(kernel.walk(pid, target, true), "mount")?;
            called(kernel.set_propagation(pid, &place, spread, recursive), "mount")?;
        }
        MountStep::BindSubpath { directory, subpath, target, flags } => {
            let found = super::volume::beneath(kernel, pid, directory, subpath);
            let source = called(found, "openat2")?;
            bind(kernel, pid, &source, target, true, (*flags, true))?;
        }
        MountStep::ShareMount { id, path, target, read_only } => {
            let donor = super::process::whose_namespace(state, id)?;
            let shared = called(share(kernel, pid, donor, path, target), "open_tree")?;
            if let Some(read_only) = *read_only {
                let flags = kernel.mount_of(shared.mount)?.flags;
                called(kernel.remount(pid, &shared, MountFlags { read_only, ..flags }), "mount_setattr")?;
            }
        }
        MountStep::MakeDeviceNode { .. } => make_device(kernel, pid, step)?,
        MountStep::MakeSymlink { target, path } => {
            let made = kernel.make_node(pid, path, Content::Symlink(target.as_str().into()), 0o777);
            called(made, "symlink")?;
        }
        MountStep::PivotRoot { new_root } => {
            let pivoted = kernel.walk(pid, new_root, true).and_then(|place| kernel.pivot_root(pid, &place));
            called(pivoted, "pivot_root")?;
        }
        MountStep::DetachOldRoot => called(detach_old_root(kernel, pid), "umount2")?,
        MountStep::MaskPath { path } => called(mask(kernel, pid, path), "mount")?,
        MountStep::MakePathReadOnly { path } => {
            called(read_only(kernel, pid, path), "mount")?;
        }
        MountStep::MakeRootReadOnly => {
            let root = kernel.walk(pid, "/", true)?;
            let remounted = remount_read_only(kernel, pid, &root);
            called(remounted, "mount")?;
        }
    }
    done(kernel)
}

fn overlay(kernel: &mut Kernel, pid: HostPid, step: &MountStep) -> SysResult<()> {
    let MountStep::MountOverlay { lower_dirs, upper_dir, work_dir, merged_dir, user_xattr, volatile } = step else {
        return Err(Errno::EINVAL);
    };
    let directory = |path: &str| match kernel.walk(pid, path, true)?.node {
        NodeId::Inode(id) if kernel.attributes(&NodeId::Inode(id))?.kind == FileKind::Directory => Ok(id),
        NodeId::Inode(_) => Err(Errno::ENOTDIR),
        NodeId::Path(..) => Err(Errno::EINVAL),
    };
    let lower = lower_dirs.iter().map(|path| directory(path)).collect::<SysResult<Vec<_>>>()?;
    directory(work_dir)?;
    let layers = Layers { upper: directory(upper_dir)?, lower };
    let at = kernel.walk(pid, merged_dir, true)?;
    let marks = format!("{}{}", if *volatile { ",volatile" } else { "" }, if *user_xattr { ",userxattr" } else { "" });
    let options = format!("lowerdir={},upperdir={upper_dir},workdir={work_dir}{marks}", lower_dirs.join(":"));
    kernel.mount_overlay(pid, layers, &options, at).map(|_| ())
}

/// mount(2) with MS_BIND, then mount_setattr(2), which adds the flags: to the mounts below as well with the second of `flags`.
fn bind(
    kernel: &mut Kernel,
    pid: HostPid,
    source: &Place,
    target: &str,
    recursive: bool,
    (flags, below): (MountFlags, bool),
) -> Result<(), Failure> {
    let is_directory = kernel.attributes(&source.node)?.kind == FileKind::Directory;
    let at = point(kernel, pid, target, is_directory)?;
    let id = called(kernel.bind(pid, source, at, recursive), "mount")?;
    called(add_flags(kernel, pid, id, (flags, below)), "mount")
}

/// The place of a mount, made where it is missing. openat2(2) finds a file on the way there.
fn point(kernel: &mut Kernel, pid: HostPid, target: &str, is_directory: bool) -> Result<Place, Failure> {
    let found = kernel.ensure_mount_point(pid, target, is_directory);
    let call = if found == Err(Errno::ENOTDIR) { "openat2" } else { "mount" };
    called(found, call)
}

fn add_flags(kernel: &mut Kernel, pid: HostPid, id: MountId, (flags, below): (MountFlags, bool)) -> SysResult<()> {
    if flags == MountFlags::default() {
        return Ok(());
    }
    let all = if below { kernel.subtree(id) } else { vec![id] };
    for id in all {
        let mount = kernel.mount_of(id)?;
        let (place, flags) = (Place { mount: id, node: mount.root.clone() }, mount.flags.with(flags));
        kernel.remount(pid, &place, flags)?;
    }
    Ok(())
}

/// open_tree(2) of a mount that is what its propagation asks for.
fn copy_tree(kernel: &mut Kernel, run: &mut Run, source: &str, recursive: bool, needs: SourceMount) -> Result<(), Failure> {
    let pid = run.process.ok_or(Errno::ESRCH)?;
    let place = called(kernel.walk(pid, source, true), "open_tree")?;
    let mount = kernel.mount_of(place.mount)?;
    if !needs.is_met(mount.shared.is_some(), mount.master.is_some()) {
        let root = kernel.process(pid)?.root.clone();
        let on = kernel.mount_target(place.mount, &root).unwrap_or_default();
        return called(Err(Errno::EINVAL), &needs.refusal(source, &on));
    }
    let ns = kernel.mount_ns(pid)?;
    let top = called(kernel.copy_tree(ns, &place, recursive), "open_tree")?;
    run.held.push((source.to_string(), top));
    Ok(())
}

/// move_mount(2), then mount_setattr(2).
fn attach(kernel: &mut Kernel, pid: HostPid, top: MountId, target: &str, flags: (MountFlags, bool)) -> SysResult<()> {
    let root = kernel.mount_of(top)?.root.clone();
    let is_directory = kernel.attributes(&root)?.kind == FileKind::Directory;
    let at = kernel.ensure_mount_point(pid, target, is_directory)?;
    kernel.put(top, at);
    add_flags(kernel, pid, top, flags)
}

/// What the other process finds at `path`, here too: setns(2) there and back, with the mount held by a descriptor.
fn share(kernel: &mut Kernel, pid: HostPid, donor: HostPid, path: &str, target: &str) -> SysResult<Place> {
    let source = kernel.walk(donor, path, true)?;
    let at = kernel.ensure_mount_point(pid, target, true)?;
    let mount = kernel.bind(pid, &source, at, false)?;
    Ok(Place { mount, node: source.node })
}

/// mknod(2), then chmod(2), so that the umask does not count. No user namespace but the first may make devices.
fn make_device(kernel: &mut Kernel, pid: HostPid, step: &MountStep) -> Result<(), Failure> {
    let MountStep::MakeDeviceNode { path, kind, major, minor, mode, owner } = step else { return Ok(()) };
    let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
    called(kernel.ensure_mount_point(pid, parent, true), "mkdir")?;
    match kernel.make_device(pid, path, *kind, (*major, *minor), *mode) {
        Err(Errno::EEXIST) => {}
        answer => called(answer, "mknod")?,
    }
    called(kernel.change_mode(pid, path, *mode), "chmod")?;
    let place = called(kernel.walk(pid, path, false), "lchown")?;
    let inode = kernel.writable(&place.node)?;
    let stored = kernel.inode_mut(inode)?;
    (stored.uid, stored.gid) = *owner;
    Ok(())
}

/// The old root lies on the new one: the mount on top of the process's root goes, with all below it.
fn detach_old_root(kernel: &mut Kernel, pid: HostPid) -> SysResult<()> {
    let root = kernel.process(pid)?.root.clone();
    let old = kernel.topmost(root.clone());
    if old == root {
        return Err(Errno::EINVAL);
    }
    kernel.unmount(pid, &old, true)
}

/// /dev/null over a file, an empty read-only tmpfs over a directory.
fn mask(kernel: &mut Kernel, pid: HostPid, path: &str) -> SysResult<()> {
    let place = match kernel.walk(pid, path, true) {
        Ok(place) => place,
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    if kernel.attributes(&place.node)?.kind == FileKind::Directory {
        let flags = MountFlags { read_only: true, relatime: true, ..MountFlags::default() };
        return kernel.mount_fs(pid, "tmpfs", "tmpfs", place, flags, "").map(|_| ());
    }
    let null = kernel.walk(pid, "/dev/null", true)?;
    kernel.bind(pid, &null, place, false).map(|_| ())
}

fn read_only(kernel: &mut Kernel, pid: HostPid, path: &str) -> SysResult<()> {
    let place = match kernel.walk(pid, path, true) {
        Ok(place) => place,
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    let id = kernel.bind(pid, &place, place.clone(), true)?;
    let top = Place { mount: id, node: place.node };
    remount_read_only(kernel, pid, &top)
}

/// MS_REMOUNT | MS_BIND | MS_RDONLY with the flags that the mount has.
fn remount_read_only(kernel: &mut Kernel, pid: HostPid, place: &Place) -> SysResult<()> {
    let flags = kernel.mount_of(place.mount)?.flags;
    kernel.remount(pid, place, MountFlags { read_only: true, ..flags })
}
