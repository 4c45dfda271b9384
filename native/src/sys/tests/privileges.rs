//! Credentials, capabilities and the seccomp filter, each in a process that may lose them.

use std::fs;

use glassbox::sys::bpf::compile;
use glassbox::sys::capability::{clear_ambient, limit_bounding, own_sets, raise_ambient, set};
use glassbox::sys::process::{self, CloneFlags, clone_into, exit_now};
use glassbox::sys::seccomp::install;
use glassbox::sys::wait::wait;
use glassbox_core::errno::Errno;
use glassbox_core::oci::capability::{Capability, CapabilitySet};
use glassbox_core::oci::seccomp::default_profile;
use glassbox_core::userland::WaitStatus;

use crate::{Case, Outcome, in_child, needs_root};

pub const CASES: &[Case] = &[
    ("privileges::capabilities_are_limited_to_dockers", limit),
    ("privileges::what_is_not_held_is_reported", missing),
    ("privileges::an_ordinary_user_has_none", ordinary_user),
    ("privileges::kept_when_the_user_changes", kept),
    ("privileges::ambient_ones", ambient),
    ("privileges::the_filter_refuses_what_docker_refuses", filter),
    ("privileges::the_filter_with_the_admin_capability", filter_with_admin),
    ("privileges::the_filter_survives_execve", filter_and_execve),
    ("privileges::a_filter_needs_no_new_privs", filter_needs),
];

const DEFAULT: CapabilitySet = CapabilitySet::DOCKER_DEFAULT;

fn limit() -> Outcome {
    needs_root()?;
    let held = own_sets().unwrap();
    limit_bounding(DEFAULT).unwrap();
    assert_eq!(set(DEFAULT, CapabilitySet::EMPTY).unwrap(), DEFAULT.minus(held.permitted));
    let sets = own_sets().unwrap();
    assert_eq!(sets.bounding, DEFAULT.intersection(held.bounding));
    assert_eq!((sets.effective, sets.permitted), (DEFAULT.intersection(held.permitted), DEFAULT.intersection(held.permitted)));
    assert_eq!((sets.inheritable, sets.ambient), (CapabilitySet::EMPTY, CapabilitySet::EMPTY));
    assert_eq!(process::sethostname("x").unwrap_err(), Errno::EPERM);
    Ok(())
}

fn missing() -> Outcome {
    needs_root()?;
    let held = own_sets().unwrap().permitted;
    assert_eq!(set(CapabilitySet::ALL, CapabilitySet::EMPTY).unwrap(), CapabilitySet::ALL.minus(held));
    let kill = CapabilitySet::of(&[Capability::Kill]);
    set(kill, CapabilitySet::EMPTY).unwrap();
    assert_eq!(set(kill.with(Capability::Chown), CapabilitySet::EMPTY).unwrap(), CapabilitySet::of(&[Capability::Chown]));
    Ok(())
}

fn ordinary_user() -> Outcome {
    needs_root()?;
    process::setgroups(&[7, 8]).unwrap();
    process::setresgid(1001).unwrap();
    process::setresuid(1000).unwrap();
    assert_eq!(process::effective_ids(), (1000, 1001));
    assert_eq!(process::getgroups().unwrap(), [7, 8]);
    let sets = own_sets().unwrap();
    assert!(sets.effective.is_empty() && sets.permitted.is_empty() && !sets.bounding.is_empty());
    assert_eq!(process::setresuid(0).unwrap_err(), Errno::EPERM);
    Ok(())
}

fn kept() -> Outcome {
    needs_root()?;
    process::set_keep_capabilities(true).unwrap();
    process::setresuid(1000).unwrap();
    let kill = CapabilitySet::of(&[Capability::Kill]);
    assert!(own_sets().unwrap().effective.is_empty());
    assert_eq!(set(kill, CapabilitySet::EMPTY).unwrap(), CapabilitySet::EMPTY);
    assert_eq!(own_sets().unwrap().effective, kill);
    Ok(())
}

fn ambient() -> Outcome {
    needs_root()?;
    let kill = CapabilitySet::of(&[Capability::Kill]);
    assert_eq!(raise_ambient(Capability::Kill).unwrap_err(), Errno::EPERM);
    set(kill, kill).unwrap();
    raise_ambient(Capability::Kill).unwrap();
    assert_eq!(own_sets().unwrap().ambient, kill);
    clear_ambient().unwrap();
    assert!(own_sets().unwrap().ambient.is_empty());
    Ok(())
}

fn install_for(capabilities: CapabilitySet) {
    let program = compile(&default_profile(&capabilities)).unwrap();
    process::set_no_new_privs().unwrap();
    install(&program).unwrap();
}

/// The errno of a raw call with up to two arguments, 0 for success.
fn raw(number: libc::c_long, first: u64, second: u64) -> i32 {
    // SAFETY: only called with numbers that take no pointers in their first two arguments, or that the filter refuses.
    match unsafe { libc::syscall(number, first, second, 0, 0, 0) } {
        -1 => std::io::Error::last_os_error().raw_os_error().unwrap(),
        _ => 0,
    }
}

fn filter() -> Outcome {
    install_for(DEFAULT);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    assert!(status.contains("NoNewPrivs:\t1\n") && status.contains("Seccomp:\t2\n"));
    for number in [libc::SYS_mount, libc::SYS_keyctl, libc::SYS_unshare, libc::SYS_setns, libc::SYS_bpf, libc::SYS_io_uring_setup] {
        assert_eq!(raw(number, 0, 0), libc::EPERM, "call {number}");
    }
    assert_eq!(clone_into(CloneFlags::NONE, None).unwrap_err(), Errno::ENOSYS);
    assert_eq!(raw(libc::SYS_clone, (libc::CLONE_NEWUSER | libc::SIGCHLD) as u64, 0), libc::EPERM);
    assert_eq!(raw(libc::SYS_personality, 0x4_0000, 0), libc::EPERM);
    assert_eq!(raw(libc::SYS_personality, 0xffff_ffff, 0), 0);
    assert_eq!(raw(libc::SYS_socket, libc::AF_VSOCK as u64, libc::SOCK_STREAM as u64), libc::EPERM);
    assert_eq!(raw(libc::SYS_socket, libc::AF_UNIX as u64, libc::SOCK_STREAM as u64), 0);
    assert_eq!(raw(9999, 0, 0), libc::ENOSYS);
    ordinary_things_pass();
    Ok(())
}

fn ordinary_things_pass() {
    // SAFETY: clone(2) as fork(2): neither CLONE_VM nor a stack.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
    assert_ne!(pid, -1);
    if pid == 0 {
        exit_now(3);
    }
    assert_eq!(wait(pid as i32, true).unwrap().unwrap().status, WaitStatus::Exited(3));
    assert_eq!(std::thread::spawn(|| 4).join().unwrap(), 4);
    assert!(fs::read("/etc/passwd").is_ok());
}

fn filter_with_admin() -> Outcome {
    needs_root()?;
    install_for(DEFAULT.with(Capability::SysAdmin));
    assert_eq!(in_child(CloneFlags::NEW_UTS, || 6).status, WaitStatus::Exited(6));
    process::unshare(CloneFlags::NEW_UTS).unwrap();
    assert_eq!(raw(libc::SYS_keyctl, 0, 0), libc::EPERM);
    Ok(())
}

fn filter_and_execve() -> Outcome {
    let ended = in_child(CloneFlags::NONE, || {
        install_for(DEFAULT);
        let argv = ["sh", "-c", "cd / && ls >/dev/null && ! unshare -U true 2>/dev/null"].map(str::to_string);
        process::execve(c"/bin/sh", &process::c_strings(&argv).unwrap(), &[]).map(|_| 0).unwrap_or(102)
    });
    assert_eq!(ended.status, WaitStatus::Exited(0));
    Ok(())
}

fn filter_needs() -> Outcome {
    needs_root()?;
    let program = compile(&default_profile(&DEFAULT)).unwrap();
    process::setresuid(1000).unwrap();
    assert_eq!(install(&program).unwrap_err(), Errno::EACCES);
    process::set_no_new_privs().unwrap();
    install(&program).unwrap();
    assert_eq!(clone_into(CloneFlags::NONE, None).unwrap_err(), Errno::ENOSYS);
    Ok(())
}
