//! Making, placing, signalling and waiting.

use std::fs;
use std::os::fd::AsRawFd;

use glassbox::sys::process::{self, CloneFlags, CloneResult, clone_into, exit_now};
use glassbox::sys::signal::{self, SignalFd, SignalSet};
use glassbox::sys::wait::{wait, wait_pidfd, wait_until_ended};
use glassbox::sys::{file, net};
use glassbox_core::errno::Errno;
use glassbox_core::userland::{Signal, WaitStatus};

use crate::{Case, Outcome, in_child, needs_root};

pub const CASES: &[Case] = &[
    ("processes::a_child_tells_its_status_and_its_memory", status_and_memory),
    ("processes::pid_1_of_its_own_namespace", pid_1),
    ("processes::born_in_a_cgroup", born_in_a_cgroup),
    ("processes::a_program_gets_its_arguments_and_environment", execute),
    ("processes::a_program_that_is_not_there", not_there),
    ("processes::a_pidfd_carries_signals", pidfd_signal),
    ("processes::orphans_go_to_the_subreaper", subreaper),
    ("processes::a_host_name_of_its_own", host_name),
    ("processes::namespaces_are_joined", join),
    ("processes::lo_is_brought_up", lo),
    ("processes::a_blocked_signal_is_read", read_signal),
    ("processes::dispositions_are_restored", dispositions),
    ("processes::the_death_of_the_parent", parent_death),
];

fn status_and_memory() -> Outcome {
    let ended = in_child(CloneFlags::NONE, || {
        let memory = vec![1u8; 30 << 20];
        i32::from(memory[(20 << 20) + 1]) + 6
    });
    assert_eq!(ended.status, WaitStatus::Exited(7));
    assert!(ended.usage.memory_bytes_max > 30 << 20, "{ended:?}");
    assert_eq!(wait(-1, false).unwrap_err(), Errno::ECHILD);
    Ok(())
}

fn pid_1() -> Outcome {
    needs_root()?;
    let ended = in_child(CloneFlags::NEW_PID, || {
        assert_eq!((process::getpid(), process::getppid()), (1, 0));
        in_child(CloneFlags::NONE, process::getpid).status.code()
    });
    assert_eq!(ended.status, WaitStatus::Exited(2));
    Ok(())
}

/// Where a cgroup v2 tree is mounted.
fn unified() -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .find(|fields| fields[2] == "cgroup2")
        .map(|fields| fields[1].into())
}

fn born_in_a_cgroup() -> Outcome {
    needs_root()?;
    let name = format!("glassbox-sys-test-{}", process::getpid());
    let directory = format!("{}/{name}", unified().ok_or("no cgroup v2 tree is mounted")?);
    fs::create_dir(&directory).map_err(|error| format!("{directory}: {error}"))?;
    let opened = fs::File::open(&directory).unwrap();
    let cloned = clone_into(CloneFlags::NONE, Some(opened.as_raw_fd()));
    if let Ok(CloneResult::Child) = cloned {
        let found = fs::read_to_string("/proc/self/cgroup").is_ok_and(|text| text.contains(&name));
        exit_now(if found { 0 } else { 1 });
    }
    let ended = cloned.map(|cloned| match cloned {
        CloneResult::Parent { pidfd, .. } => wait_until_ended(&pidfd).unwrap(),
        CloneResult::Child => unreachable!("it has ended above"),
    });
    fs::remove_dir(&directory).unwrap();
    assert_eq!(ended.unwrap().status, WaitStatus::Exited(0));
    Ok(())
}

fn execute() -> Outcome {
    let (reader, writer) = file::pipe().unwrap();
    let argv = ["sh", "-c", "echo $1 $GIVEN; test ! -e /proc/self/fd/50", "sh", "first"].map(str::to_string);
    let (argv, env) = (process::c_strings(&argv).unwrap(), process::c_strings(&["GIVEN=second".to_string()]).unwrap());
    let ended = in_child(CloneFlags::NONE, || {
        file::dup2(&writer, 1).unwrap();
        file::dup2(&writer, 50).unwrap();
        file::close_on_exec_from(3).unwrap();
        process::execve(c"/bin/sh", &argv, &env).map(|_| 0).unwrap_or(102)
    });
    assert_eq!(ended.status, WaitStatus::Exited(0));
    let mut buffer = [0; 64];
    let length = file::read(&reader, &mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"first second\n");
    Ok(())
}

fn not_there() -> Outcome {
    assert_eq!(process::execve(c"/no/such/program", &[], &[]).unwrap_err(), Errno::ENOENT);
    assert_eq!(process::execve(c"/etc/passwd", &[], &[]).unwrap_err(), Errno::EACCES);
    assert_eq!(process::c_strings(&["a\0b".to_string()]).unwrap_err(), Errno::EINVAL);
    Ok(())
}

fn pidfd_signal() -> Outcome {
    let CloneResult::Parent { pid, pidfd } = clone_into(CloneFlags::NONE, None).unwrap() else {
        let _ = file::poll(&mut [], None);
        exit_now(0)
    };
    assert_eq!(wait_pidfd(&pidfd, false).unwrap(), None);
    assert_eq!(wait(pid, false).unwrap(), None);
    let second = process::pidfd_open(pid).unwrap();
    process::pidfd_send_signal(&second, Signal::SIGTERM).unwrap();
    file::poll(&mut [file::Watch::read(&pidfd)], None).unwrap();
    let ended = wait_until_ended(&pidfd).unwrap();
    assert_eq!((ended.pid, ended.status), (pid, WaitStatus::Signaled(Signal::SIGTERM)));
    assert_eq!(process::pidfd_send_signal(&pidfd, Signal::SIGTERM).unwrap_err(), Errno::ESRCH);
    assert_eq!(process::kill(pid, None).unwrap_err(), Errno::ESRCH);
    Ok(())
}

fn subreaper() -> Outcome {
    process::set_child_subreaper(true).unwrap();
    let (reader, writer) = file::pipe().unwrap();
    in_child(CloneFlags::NONE, || {
        if let CloneResult::Child = clone_into(CloneFlags::NONE, None).unwrap() {
            // The orphan: goes on when its parent has been waited for.
            file::read(&reader, &mut [0; 8]).unwrap();
            exit_now(9);
        }
        0
    });
    file::write_all(&writer, b"go").unwrap();
    let orphan = wait(-1, true).unwrap().unwrap();
    assert_eq!(orphan.status, WaitStatus::Exited(9));
    Ok(())
}

fn host_name() -> Outcome {
    needs_root()?;
    process::unshare(CloneFlags::NEW_UTS).unwrap();
    process::sethostname("glassbox-test").unwrap();
    process::setdomainname("example").unwrap();
    assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), "glassbox-test\n");
    assert_eq!(process::sethostname(&"x".repeat(65)).unwrap_err(), Errno::EINVAL);
    Ok(())
}

fn join() -> Outcome {
    needs_root()?;
    let CloneResult::Parent { pid, pidfd } = clone_into(CloneFlags::NEW_UTS | CloneFlags::NEW_IPC, None).unwrap() else {
        let _ = process::set_parent_death_signal(Signal::SIGKILL);
        let _ = file::poll(&mut [], None);
        exit_now(0)
    };
    let names = |of: &str| ["uts", "ipc", "net"].map(|kind| fs::read_link(format!("/proc/{of}/ns/{kind}")).unwrap());
    let theirs = names(&pid.to_string());
    assert_ne!(names("self")[..2], theirs[..2]);
    process::set_namespace(&pidfd, CloneFlags::NEW_UTS).unwrap();
    process::set_namespace(&fs::File::open(format!("/proc/{pid}/ns/ipc")).unwrap(), CloneFlags::NEW_IPC).unwrap();
    assert_eq!(names("self"), theirs);
    process::pidfd_send_signal(&pidfd, Signal::SIGKILL).unwrap();
    wait_until_ended(&pidfd).unwrap();
    Ok(())
}

fn lo() -> Outcome {
    needs_root()?;
    process::unshare(CloneFlags::NEW_NET).unwrap();
    assert!(!net::is_interface_up("lo").unwrap());
    assert!(std::net::UdpSocket::bind("127.0.0.1:0").unwrap().connect("127.0.0.1:9").is_err());
    net::set_interface_up("lo").unwrap();
    assert!(net::is_interface_up("lo").unwrap());
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().connect("127.0.0.1:9").unwrap();
    Ok(())
}

fn read_signal() -> Outcome {
    let set = SignalSet::of(&[Signal::SIGUSR1, Signal::SIGCHLD]);
    signal::block(&set).unwrap();
    let signals = SignalFd::new(&set).unwrap();
    assert_eq!(signals.read().unwrap(), None);
    process::kill(process::getpid(), Some(Signal::SIGUSR1)).unwrap();
    assert_eq!(file::poll(&mut [file::Watch::read(&signals)], None).unwrap(), 1);
    let info = signals.read().unwrap().unwrap();
    assert_eq!((info.signal, info.pid), (Signal::SIGUSR1, process::getpid()));
    let ended = in_child(CloneFlags::NONE, || 5);
    let info = signals.read().unwrap().unwrap();
    assert_eq!((info.signal, info.pid, info.status), (Signal::SIGCHLD, ended.pid, 5));
    Ok(())
}

fn dispositions() -> Outcome {
    signal::ignore(Signal::SIGUSR2).unwrap();
    process::kill(process::getpid(), Some(Signal::SIGUSR2)).unwrap();
    signal::block(&SignalSet::full()).unwrap();
    let ended = in_child(CloneFlags::NONE, || {
        assert!(signal::is_ignored(Signal::SIGUSR2).unwrap());
        signal::restore_all().unwrap();
        assert!(!signal::is_ignored(Signal::SIGUSR2).unwrap());
        process::kill(process::getpid(), Some(Signal::SIGUSR2)).unwrap();
        0
    });
    assert_eq!(ended.status, WaitStatus::Signaled(Signal::SIGUSR2));
    Ok(())
}

fn parent_death() -> Outcome {
    process::set_child_subreaper(true).unwrap();
    let (reader, writer) = file::pipe().unwrap();
    in_child(CloneFlags::NONE, || {
        let CloneResult::Child = clone_into(CloneFlags::NONE, None).unwrap() else {
            file::read(&reader, &mut [0; 1]).unwrap();
            return 0;
        };
        process::set_parent_death_signal(Signal::SIGUSR1).unwrap();
        file::write_all(&writer, b"x").unwrap();
        let _ = file::poll(&mut [], None);
        exit_now(0)
    });
    let orphan = wait(-1, true).unwrap().unwrap();
    assert_eq!(orphan.status, WaitStatus::Signaled(Signal::SIGUSR1));
    Ok(())
}
