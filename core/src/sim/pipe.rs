//! Pipes: pipe(7).

use std::rc::Rc;

use super::kernel::Kernel;
use super::tables::{FileId, HostPid, Object, Pipe, PipeId, Wait};
use crate::errno::Errno;
use crate::userland::SysResult;

/// Capacity of a pipe.
const PIPE_BYTES_MAX: usize = 65_536;
/// PIPE_BUF: writes up to this size are not torn apart.
const ATOMIC_BYTES_MAX: usize = 4096;

impl Kernel {
    /// An empty pipe without ends.
    pub(super) fn new_pipe(&mut self) -> PipeId {
        let id = self.fresh_id();
        self.pipes.insert_mut(id, Pipe::default());
        id
    }

    /// A new end of a pipe, as an open file.
    pub(super) fn pipe_end(&mut self, pipe: PipeId, reader: bool) -> FileId {
        if let Some(found) = self.pipes.get_mut(&pipe) {
            if reader {
                found.readers += 1;
            } else {
                found.writers += 1;
            }
        }
        self.new_file(if reader { Object::PipeReader(pipe) } else { Object::PipeWriter(pipe) })
    }

    pub(super) fn close_pipe(&mut self, id: PipeId, reader: bool) {
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        if reader {
            pipe.readers = pipe.readers.saturating_sub(1);
        } else {
            pipe.writers = pipe.writers.saturating_sub(1);
        }
        if pipe.readers == 0 && pipe.writers == 0 {
            self.pipes.remove_mut(&id);
        }
    }

    pub(super) fn read_pipe(&mut self, pid: HostPid, file: FileId, id: PipeId, bytes_max: usize) -> SysResult<Vec<u8>> {
        let pipe = self.pipes.get_mut(&id).ok_or(Errno::EBADF)?;
        if pipe.bytes.is_empty() {
            let ended = pipe.writers == 0;
            return if ended || bytes_max == 0 { Ok(Vec::new()) } else { Err(self.wait_for(pid, Wait::Readable(file))) };
        }
        Ok(take(pipe, bytes_max))
    }

    pub(super) fn write_pipe(&mut self, pid: HostPid, file: FileId, id: PipeId, bytes: &[u8]) -> SysResult<usize> {
        let pipe = self.pipes.get_mut(&id).ok_or(Errno::EPIPE)?;
        if pipe.readers == 0 {
            return Err(Errno::EPIPE);
        }
        let free = PIPE_BYTES_MAX - pipe.bytes.len().min(PIPE_BYTES_MAX);
        let count = if bytes.len() <= ATOMIC_BYTES_MAX && free < bytes.len() { 0 } else { free.min(bytes.len()) };
        if count == 0 && !bytes.is_empty() {
            return Err(self.wait_for(pid, Wait::Writable(file)));
        }
        Rc::make_mut(&mut pipe.bytes).extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    /// What the engine reads from its end.
    pub(super) fn drain_pipe(&mut self, id: PipeId) -> Vec<u8> {
        self.pipes.get_mut(&id).map_or_else(Vec::new, |pipe| take(pipe, usize::MAX))
    }

    pub(super) fn is_pipe_readable(&self, id: PipeId) -> bool {
        self.pipes.get(&id).is_none_or(|pipe| !pipe.bytes.is_empty() || pipe.writers == 0)
    }

    pub(super) fn is_pipe_writable(&self, id: PipeId) -> bool {
        self.pipes.get(&id).is_none_or(|pipe| pipe.readers == 0 || pipe.bytes.len() + ATOMIC_BYTES_MAX <= PIPE_BYTES_MAX)
    }
}

fn take(pipe: &mut Pipe, bytes_max: usize) -> Vec<u8> {
    if bytes_max >= pipe.bytes.len() {
        return Rc::unwrap_or_clone(std::mem::take(&mut pipe.bytes));
    }
    let rest = pipe.bytes[bytes_max..].to_vec();
    let mut taken = Rc::unwrap_or_clone(std::mem::replace(&mut pipe.bytes, Rc::new(rest)));
    taken.truncate(bytes_max);
    taken
}
