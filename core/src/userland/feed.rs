//! Feed: the process that writes a long here-document into its pipe.

use super::output::{Flush, Output};
use super::sys::{Fd, Resume, Sys};

/// Writes a text to a descriptor, then ends.
#[derive(Clone, Debug)]
pub struct Feed {
    unused: Option<Fd>,
    out: Output,
}

impl Feed {
    /// `unused` is the other end of the pipe, which this process must not keep open.
    pub(crate) fn new(unused: Fd, fd: Fd, text: &str) -> Feed {
        let mut out = Output::default();
        out.bytes(fd, text.as_bytes());
        Feed { unused: Some(unused), out }
    }

    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        if let Some(fd) = self.unused.take() {
            let _ = sys.close(fd);
        }
        match self.out.flush(sys) {
            Flush::Done => Resume::Exit(0),
            Flush::Waiting => Resume::Waiting,
            Flush::Interrupted => Resume::Yield,
            Flush::Failed(_) => Resume::Exit(1),
        }
    }
}
