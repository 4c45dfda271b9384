//! Terminals of a devpts of their own.

use glassbox::sys::mount::{MountFlags, mount};
use glassbox::sys::process::{self, CloneFlags, CloneResult, clone_into, exit_now};
use glassbox::sys::terminal::{Pty, WindowSize, foreground_group, make_controlling, set_window_size, window_size};
use glassbox::sys::wait::wait_until_ended;
use glassbox::sys::{file, signal};
use glassbox_core::errno::Errno;
use glassbox_core::userland::{Signal, WaitStatus};

use crate::{Case, Outcome, own_mounts};

pub const CASES: &[Case] =
    &[("terminals::the_first_of_a_new_devpts", first), ("terminals::a_session_gets_its_terminal_and_its_signals", session)];

fn own_devpts() -> Outcome {
    own_mounts()?;
    std::fs::create_dir("/tmp/pts").unwrap();
    mount(Some("devpts"), "/tmp/pts", Some("devpts"), MountFlags::NO_SUID, Some("newinstance,ptmxmode=0666,mode=0620")).unwrap();
    Ok(())
}

fn first() -> Outcome {
    own_devpts()?;
    let pty = Pty::open("/tmp/pts/ptmx").unwrap();
    assert_eq!(pty.number, 0);
    let peer = pty.open_peer().unwrap();
    file::write_all(&peer, b"from inside\n").unwrap();
    // The line discipline hands a line on in pieces.
    let mut seen = Vec::new();
    while !seen.ends_with(b"\n") {
        let mut buffer = [0; 32];
        let length = file::read(&pty.master, &mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..length]);
    }
    assert_eq!(seen, b"from inside\r\n");
    assert_eq!(Pty::open("/tmp/pts/none").unwrap_err(), Errno::ENOENT);
    Ok(())
}

fn session() -> Outcome {
    own_devpts()?;
    let pty = Pty::open("/tmp/pts/ptmx").unwrap();
    let (reader, writer) = file::pipe().unwrap();
    let size = WindowSize { rows: 50, columns: 100 };
    set_window_size(&pty.master, size).unwrap();
    let peer = pty.open_peer().unwrap();
    signal::restore_all().unwrap();
    let CloneResult::Parent { pidfd, .. } = clone_into(CloneFlags::NONE, None).unwrap() else {
        assert_eq!(make_controlling(&peer).unwrap_err(), Errno::EPERM);
        let session = process::setsid().unwrap();
        make_controlling(&peer).unwrap();
        assert_eq!((foreground_group(&peer).unwrap(), process::getsid(0).unwrap()), (session, session));
        assert_eq!(window_size(&peer).unwrap(), size);
        file::write_all(&writer, b"ready").unwrap();
        let _ = file::poll(&mut [], None);
        exit_now(0)
    };
    drop(writer);
    assert_eq!(file::read(&reader, &mut [0; 8]).unwrap(), 5);
    // Control-C: the line discipline turns it into SIGINT for the foreground group.
    file::write_all(&pty.master, b"\x03").unwrap();
    assert_eq!(wait_until_ended(&pidfd).unwrap().status, WaitStatus::Signaled(Signal::SIGINT));
    Ok(())
}
