//! Mounts, in a mount namespace of their own.

use std::fs;
use std::path::Path;

use glassbox::sys::mount::{
    self, MountAttributes, MountFlags, Node, UmountFlags, bind, flags_of, make_read_only, mknod, pivot_root, umount,
};
use glassbox::sys::process::{self, CloneFlags};
use glassbox::sys::rootfs::Root;
use glassbox_core::errno::Errno;
use glassbox_core::userland::WaitStatus;

use crate::{Case, Outcome, in_child, needs_root, own_mounts};

pub const CASES: &[Case] = &[
    ("mounts::a_read_only_bind_keeps_its_other_flags", read_only_bind),
    ("mounts::locked_flags_in_a_user_namespace", locked_flags),
    ("mounts::the_root_is_replaced", replace_root),
    ("mounts::overlay_merges", overlay),
    ("mounts::a_detached_copy_is_attached", detached),
    ("mounts::device_nodes", nodes),
    ("mounts::a_root_is_not_left_through_links", pinned),
    ("mounts::what_fails_says_why", failures),
];

fn read_only_bind() -> Outcome {
    own_mounts()?;
    fs::create_dir_all("/tmp/a/deep").unwrap();
    bind("/tmp/a", "/tmp/a", false).unwrap();
    make_read_only("/tmp/a", false).unwrap();
    assert_eq!(fs::write("/tmp/a/file", "x").unwrap_err().raw_os_error(), Some(Errno::EROFS.0));
    fs::write("/tmp/file", "still writable").unwrap();
    let wanted = MountFlags::READ_ONLY | MountFlags::NO_SUID | MountFlags::NO_EXEC;
    assert!(flags_of("/tmp/a").unwrap().contains(wanted));
    mount::set_attributes("/tmp/a", MountAttributes::NO_DEVICES, MountAttributes::READ_ONLY, false).unwrap();
    let flags = flags_of("/tmp/a").unwrap();
    assert!(flags.contains(MountFlags::NO_DEVICES) && !flags.contains(MountFlags::READ_ONLY));
    Ok(())
}

fn locked_flags() -> Outcome {
    own_mounts()?;
    fs::create_dir("/tmp/a").unwrap();
    let ended = in_child(CloneFlags::NEW_USER | CloneFlags::NEW_MOUNT, || {
        fs::write("/proc/self/uid_map", "0 0 1").unwrap();
        bind("/tmp/a", "/tmp/a", false).unwrap();
        let remount = MountFlags::REMOUNT | MountFlags::BIND | MountFlags::READ_ONLY;
        assert_eq!(mount::mount(None, "/tmp/a", None, remount, None).unwrap_err(), Errno::EPERM);
        // What `make_read_only` does where mount_setattr(2) is missing.
        let kept = flags_of("/tmp/a").unwrap();
        mount::mount(None, "/tmp/a", None, remount | kept, None).unwrap();
        umount("/tmp/a", UmountFlags::NONE).unwrap();
        bind("/tmp/a", "/tmp/a", false).unwrap();
        make_read_only("/tmp/a", true).unwrap();
        i32::from(!flags_of("/tmp/a").unwrap().contains(MountFlags::READ_ONLY | MountFlags::NO_SUID))
    });
    assert_eq!(ended.status, WaitStatus::Exited(0));
    Ok(())
}

fn replace_root() -> Outcome {
    own_mounts()?;
    fs::create_dir("/tmp/root").unwrap();
    mount::mount(Some("tmpfs"), "/tmp/root", Some("tmpfs"), MountFlags::NONE, None).unwrap();
    fs::write("/tmp/root/inside", "yes").unwrap();
    process::chdir("/tmp/root").unwrap();
    pivot_root(".", ".").unwrap();
    umount(".", UmountFlags::DETACH).unwrap();
    process::chdir("/").unwrap();
    let names: Vec<_> = fs::read_dir("/").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["inside"]);
    assert_eq!(fs::read_to_string("/../inside").unwrap(), "yes");
    Ok(())
}

fn overlay() -> Outcome {
    own_mounts()?;
    for directory in ["lower", "upper", "work", "merged"] {
        fs::create_dir(Path::new("/tmp").join(directory)).unwrap();
    }
    fs::write("/tmp/lower/gone", "x").unwrap();
    let data = "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work";
    match mount::mount(Some("overlay"), "/tmp/merged", Some("overlay"), MountFlags::NONE, Some(data)) {
        Err(Errno::ENODEV) => return Err("this kernel has no overlay".to_string()),
        answer => answer.unwrap(),
    }
    fs::remove_file("/tmp/merged/gone").unwrap();
    fs::write("/tmp/merged/new", "y").unwrap();
    assert!(Path::new("/tmp/lower/gone").exists() && Path::new("/tmp/upper/gone").symlink_metadata().is_ok());
    assert_eq!(fs::read_to_string("/tmp/upper/new").unwrap(), "y");
    Ok(())
}

fn detached() -> Outcome {
    own_mounts()?;
    fs::create_dir_all("/tmp/from/child").unwrap();
    fs::create_dir("/tmp/to").unwrap();
    let tree = mount::detached_copy("/tmp/from", true).unwrap();
    mount::attach(&tree, "/tmp/to").unwrap();
    assert!(Path::new("/tmp/to/child").is_dir());
    assert_eq!(umount("/tmp/to", UmountFlags::NONE).unwrap_err(), Errno::EBUSY);
    drop(tree);
    umount("/tmp/to", UmountFlags::NO_FOLLOW).unwrap();
    assert!(!Path::new("/tmp/to/child").exists());
    Ok(())
}

fn nodes() -> Outcome {
    own_mounts()?;
    process::umask(0);
    mknod("/tmp/null", Node::CharDevice { major: 1, minor: 3 }, 0o666).unwrap();
    fs::write("/tmp/null", "swallowed").unwrap();
    assert_eq!(fs::read("/tmp/null").unwrap(), b"");
    mknod("/tmp/file", Node::File, 0o640).unwrap();
    assert_eq!(mknod("/tmp/file", Node::Fifo, 0o640).unwrap_err(), Errno::EEXIST);
    Ok(())
}

fn pinned() -> Outcome {
    own_mounts()?;
    fs::create_dir_all("/tmp/root/etc").unwrap();
    fs::create_dir("/tmp/source").unwrap();
    fs::write("/tmp/source/marker", "").unwrap();
    std::os::unix::fs::symlink("/etc", "/tmp/root/link").unwrap();
    let root = Root::open("/tmp/root").unwrap();
    let place = root.pin("/link").unwrap();
    bind("/tmp/source", place.path(), false).unwrap();
    assert!(Path::new("/tmp/root/etc/marker").exists() && !Path::new("/etc/marker").exists());
    Ok(())
}

fn failures() -> Outcome {
    needs_root()?;
    own_mounts()?;
    let mount = |file_system: &str, target: &str| mount::mount(None, target, Some(file_system), MountFlags::NONE, None);
    assert_eq!(mount("nosuchfs", "/tmp").unwrap_err(), Errno::ENODEV);
    assert_eq!(mount("tmpfs", "/tmp/none").unwrap_err(), Errno::ENOENT);
    assert_eq!(umount("/tmp/none", UmountFlags::NONE).unwrap_err(), Errno::ENOENT);
    fs::create_dir("/tmp/plain").unwrap();
    assert_eq!(umount("/tmp/plain", UmountFlags::NONE).unwrap_err(), Errno::EINVAL);
    assert_eq!(pivot_root("/tmp/plain", "/tmp/plain").unwrap_err(), Errno::EINVAL);
    Ok(())
}
