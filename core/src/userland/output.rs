//! What a program has to say and has not yet been able to write: every program queues here and flushes.
//!
//! A write may take only a part, or have to wait: the rest stays in the queue, which is part of the program's state.

use std::collections::VecDeque;

use super::sys::{Fd, Sys};
use crate::errno::Errno;

/// How far a flush came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Nothing is left.
    Done,
    /// The kernel answered RESTART: flush again when resumed.
    Waiting,
    /// A signal came in between: look at it, then flush again.
    Interrupted,
    /// A descriptor does not take bytes; what was meant for it is dropped.
    Failed(Errno),
}

/// Bytes on their way to descriptors, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    queue: VecDeque<(Fd, Vec<u8>)>,
    sent: usize,
}

impl Output {
    /// Queues text for the standard output.
    pub(crate) fn out(&mut self, text: &str) {
        self.bytes(1, text.as_bytes());
    }

    /// Queues text for the standard error.
    pub(crate) fn err(&mut self, text: &str) {
        self.bytes(2, text.as_bytes());
    }

    /// Queues bytes for `fd`.
    pub(crate) fn bytes(&mut self, fd: Fd, bytes: &[u8]) {
        match self.queue.back_mut() {
            Some((last, waiting)) if *last == fd => waiting.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => self.queue.push_back((fd, bytes.to_vec())),
        }
    }

    /// Whether nothing waits to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Writes as much as the kernel takes.
    pub(crate) fn flush(&mut self, sys: &mut dyn Sys) -> Flush {
        while let Some((fd, bytes)) = self.queue.front() {
            if self.sent < bytes.len() {
                match sys.write(*fd, &bytes[self.sent..]) {
                    Ok(taken) => {
                        self.sent += taken;
                        continue;
                    }
                    Err(Errno::RESTART) => return Flush::Waiting,
                    Err(Errno::EINTR) => return Flush::Interrupted,
                    Err(errno) => {
                        let fd = *fd;
                        self.queue.retain(|(other, _)| *other != fd);
                        self.sent = 0;
                        return Flush::Failed(errno);
                    }
                }
            }
            self.queue.pop_front();
            self.sent = 0;
        }
        Flush::Done
    }
}
