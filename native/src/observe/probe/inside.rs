//! Asking a question from within another process's namespace: setns(2).
//!
//! Root asks from a thread of its own, which alone is moved: UTS and network namespaces belong to a thread, and it ends with its
//! answer. An ordinary user must first join the user namespace that owns the other, which a process with several threads cannot: she
//! asks from a forked child, that hands its answer over a pipe.

use std::fs::File;
use std::io::Read;
use std::thread;

use glassbox_core::errno::Errno;
use glassbox_core::step::NamespaceKind;

use crate::observe::procfs;
use crate::sys::process::{self, CloneFlags, CloneResult};
use crate::sys::{self, file, wait};

/// An answer longer than this is cut off.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Asks `question` in the namespace of this kind (UTS or network) of process `pid`.
pub fn ask(pid: u32, kind: NamespaceKind, question: impl Fn() -> Result<String, Errno> + Sync) -> Result<String, Errno> {
    if procfs::namespace(pid, kind.file())? == procfs::namespace(std::process::id(), kind.file())? {
        return question();
    }
    let namespace = open(pid, kind)?;
    let (uid, _) = process::effective_ids();
    if uid != 0 {
        return ask_in_child(&open(pid, NamespaceKind::User)?, &namespace, &question);
    }
    thread::scope(|scope| {
        let moved = || {
            process::set_namespace(&namespace, CloneFlags::NONE)?;
            question()
        };
        scope.spawn(moved).join().unwrap_or(Err(Errno::EIO))
    })
}

fn open(pid: u32, kind: NamespaceKind) -> Result<File, Errno> {
    let path = procfs::path(pid, &format!("ns/{}", kind.file()));
    File::open(path).map_err(|error| sys::errno_of(&error))
}

fn ask_in_child(user: &File, namespace: &File, question: &dyn Fn() -> Result<String, Errno>) -> Result<String, Errno> {
    let (reader, writer) = file::pipe()?;
    match process::clone_into(CloneFlags::NONE, None)? {
        CloneResult::Child => {
            let moved =
                process::set_namespace(user, CloneFlags::NONE).and_then(|()| process::set_namespace(namespace, CloneFlags::NONE));
            let answer = moved.and_then(|()| question());
            let sent = answer.and_then(|text| file::write_all(&writer, text.as_bytes()));
            process::exit_now(sent.err().map_or(0, |errno| errno.0))
        }
        CloneResult::Parent { pidfd, .. } => {
            drop(writer);
            let mut answer = String::new();
            let read = File::from(reader).take(ANSWER_BYTES_MAX).read_to_string(&mut answer);
            match wait::wait_until_ended(&pidfd)?.status.code() {
                0 => read.map(|_| answer).map_err(|error| sys::errno_of(&error)),
                errno => Err(Errno(errno)),
            }
        }
    }
}
