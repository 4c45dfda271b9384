//! Descriptors across processes.

use std::os::fd::{AsFd, AsRawFd};

use glassbox::sys::file;
use glassbox::sys::process::CloneFlags;
use glassbox::sys::socket::Channel;
use glassbox_core::userland::WaitStatus;

use crate::{Case, Outcome, in_child};

pub const CASES: &[Case] = &[
    ("files::a_descriptor_goes_to_another_process", send_descriptor),
    ("files::the_end_of_a_process_is_the_end_of_its_channel", end_of_channel),
    ("files::closing_all_from_a_number_on", close_from),
];

fn send_descriptor() -> Outcome {
    let (ours, theirs) = Channel::pair().unwrap();
    let ended = in_child(CloneFlags::NONE, || {
        let made = file::memory_file("from the child").unwrap();
        file::write_all(&made, b"hello").unwrap();
        theirs.send(b"here it is", &[made.as_fd()]).unwrap();
        0
    });
    assert_eq!(ended.status, WaitStatus::Exited(0));
    let message = ours.receive().unwrap().unwrap();
    let path = format!("/proc/self/fd/{}", message.descriptors[0].as_raw_fd());
    assert_eq!((message.bytes.as_slice(), std::fs::read(path).unwrap().as_slice()), (&b"here it is"[..], &b"hello"[..]));
    Ok(())
}

fn end_of_channel() -> Outcome {
    let (ours, theirs) = Channel::pair().unwrap();
    in_child(CloneFlags::NONE, || theirs.send(b"last words", &[]).map_or(1, |()| 0));
    drop(theirs);
    assert_eq!(ours.receive().unwrap().unwrap().bytes, b"last words");
    assert!(ours.receive().unwrap().is_none());
    Ok(())
}

fn close_from() -> Outcome {
    let (reader, writer) = file::pipe().unwrap();
    let ended = in_child(CloneFlags::NONE, || {
        let lowest = reader.as_raw_fd().min(writer.as_raw_fd());
        file::close_from(lowest).unwrap();
        let closed = file::read(&reader, &mut [0; 1]).is_err() && file::write(&writer, b"x").is_err();
        // The owners must not close what is closed.
        glassbox::sys::process::exit_now(if closed { 0 } else { 1 })
    });
    assert_eq!(ended.status, WaitStatus::Exited(0));
    Ok(())
}
