//! Reading and writing open files: read(2), write(2), lseek(2), and the descriptor tables.

use std::rc::Rc;

use super::kernel::Kernel;
use super::tables::{Content, Data, Descriptor, FileId, HostPid, InodeId, Object, OpenFile, Wait};
use crate::errno::Errno;
use crate::resource_limit::Resource;
use crate::userland::{Fd, Signal, SysResult};

/// The most bytes that one read gives.
const READ_BYTES_MAX: usize = 1 << 20;
/// The most bytes of a file that are kept as such; zeros at its end do not count.
const FILE_BYTES_MAX: u64 = 64 << 20;

impl Kernel {
    pub(super) fn descriptor(&self, pid: HostPid, fd: Fd) -> SysResult<FileId> {
        self.process(pid)?.descriptors.get(&fd).map(|found| found.file).ok_or(Errno::EBADF)
    }

    /// The lowest free descriptor from `lowest` on, for a new reference to `file`.
    pub(super) fn install(&mut self, pid: HostPid, file: FileId, lowest: Fd, close_on_exec: bool) -> SysResult<Fd> {
        let process = self.process(pid)?;
        let fd = (lowest..process.descriptors_max()).find(|fd| !process.descriptors.contains_key(fd)).ok_or(Errno::EMFILE)?;
        self.install_at(pid, file, fd, close_on_exec)?;
        Ok(fd)
    }

    pub(super) fn install_at(&mut self, pid: HostPid, file: FileId, fd: Fd, close_on_exec: bool) -> SysResult<()> {
        self.file_mut(file)?.references += 1;
        let before = self.process(pid)?.descriptors.get(&fd).copied();
        self.process_mut(pid)?.descriptors.insert_mut(fd, Descriptor { file, close_on_exec });
        if let Some(before) = before {
            self.release(before.file);
        }
        Ok(())
    }

    /// A new open file description without references yet.
    pub(super) fn new_file(&mut self, object: Object) -> FileId {
        let (read, write) = match object {
            Object::PipeReader(_) => (true, false),
            Object::PipeWriter(_) => (false, true),
            _ => (true, true),
        };
        let id = self.fresh_id();
        self.files.insert_mut(id, OpenFile { object, place: None, offset: 0, read, write, append: false, references: 0 });
        id
    }

    /// One reference less; the last one closes.
    pub(super) fn release(&mut self, id: FileId) {
        let Some(file) = self.files.get_mut(&id) else { return };
        file.references = file.references.saturating_sub(1);
        if file.references > 0 {
            return;
        }
        let object = file.object.clone();
        self.files.remove_mut(&id);
        match object {
            Object::PipeReader(pipe) => self.close_pipe(pipe, true),
            Object::PipeWriter(pipe) => self.close_pipe(pipe, false),
            Object::File { inode } => self.drop_if_unused(inode),
            _ => {}
        }
    }

    pub(super) fn close_fd(&mut self, pid: HostPid, fd: Fd) -> SysResult<()> {
        let file = self.descriptor(pid, fd)?;
        self.process_mut(pid)?.descriptors.remove_mut(&fd);
        self.release(file);
        Ok(())
    }

    /// Puts the process to sleep, or EINTR where a caught signal is there to be fetched.
    pub(super) fn wait_for(&mut self, pid: HostPid, wait: Wait) -> Errno {
        let Ok(process) = self.process_mut(pid) else { return Errno::EINTR };
        if !process.pending.is_empty() {
            return Errno::EINTR;
        }
        process.state = super::tables::ProcessState::Waiting(wait);
        Errno::RESTART
    }

    pub(super) fn read_fd(&mut self, pid: HostPid, fd: Fd, bytes_max: usize) -> SysResult<Vec<u8>> {
        let id = self.descriptor(pid, fd)?;
        let file = self.file(id)?.clone();
        if !file.read {
            return Err(Errno::EBADF);
        }
        let bytes_max = bytes_max.min(READ_BYTES_MAX);
        let bytes = match &file.object {
            Object::File { inode } => self.read_inode(*inode, file.offset, bytes_max)?,
            Object::Made { text, .. } => slice(text, file.offset, bytes_max).to_vec(),
            Object::Directory => return Err(Errno::EISDIR),
            Object::Device(major, minor) => return self.read_device(*major, *minor, bytes_max),
            Object::PipeReader(pipe) => return self.read_pipe(pid, id, *pipe, bytes_max),
            Object::PipeWriter(_) => return Err(Errno::EBADF),
            Object::Terminal(tty) => return self.read_tty(pid, id, *tty, bytes_max),
        };
        self.file_mut(id)?.offset += bytes.len() as u64;
        Ok(bytes)
    }

    pub(super) fn read_inode(&self, inode: InodeId, offset: u64, bytes_max: usize) -> SysResult<Vec<u8>> {
        let Content::File(data) = &self.inode(inode)?.content else { return Err(Errno::EINVAL) };
        let mut bytes = slice(&data.bytes, offset, bytes_max).to_vec();
        let at = offset + bytes.len() as u64;
        let zeros = data.len().saturating_sub(at).min((bytes_max - bytes.len()) as u64);
        bytes.resize(bytes.len() + zeros as usize, 0);
        Ok(bytes)
    }

    fn read_device(&mut self, major: u32, minor: u32, bytes_max: usize) -> SysResult<Vec<u8>> {
        match (major, minor) {
            (1, 3) => Ok(Vec::new()),
            (1, 5 | 7) => Ok(vec![0; bytes_max]),
            (1, 8 | 9) => Ok(self.random_bytes(bytes_max)),
            _ => Err(Errno::ENXIO),
        }
    }

    /// Bytes without a pattern, the same in every replay: splitmix64 over fresh numbers.
    fn random_bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        let mut state = self.fresh_id() ^ u64::from_le_bytes(self.host.entropy.first_chunk().copied().unwrap_or_default());
        while bytes.len() < count {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }

    pub(super) fn write_fd(&mut self, pid: HostPid, fd: Fd, bytes: &[u8]) -> SysResult<usize> {
        let id = self.descriptor(pid, fd)?;
        let file = self.file(id)?.clone();
        if !file.write {
            return Err(Errno::EBADF);
        }
        match &file.object {
            Object::File { inode } => self.write_file(pid, id, *inode, &file, bytes),
            Object::Made { node, .. } => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                self.made_write(&node.clone(), pid, &text).map(|()| bytes.len())
            }
            Object::Directory => Err(Errno::EISDIR),
            Object::Device(1, 7) => Err(Errno::ENOSPC),
            Object::Device(1, _) => Ok(bytes.len()),
            Object::Device(..) => Err(Errno::ENXIO),
            Object::PipeWriter(pipe) => {
                let result = self.write_pipe(pid, id, *pipe, bytes);
                if result == Err(Errno::EPIPE) {
                    self.deliver(pid, pid, Signal::SIGPIPE);
                }
                result
            }
            Object::PipeReader(_) => Err(Errno::EBADF),
            Object::Terminal(tty) => self.write_tty(*tty, bytes),
        }
    }

    fn write_file(&mut self, pid: HostPid, id: FileId, inode: InodeId, file: &OpenFile, bytes: &[u8]) -> SysResult<usize> {
        let Content::File(data) = &self.inode(inode)?.content else { return Err(Errno::EINVAL) };
        let length = data.len();
        let offset = if file.append { length } else { file.offset };
        let end = offset + bytes.len() as u64;
        let zeros = offset == length && bytes.iter().all(|byte| *byte == 0) && !bytes.is_empty();
        let allowed = self.process(pid)?.limit(Resource::FILE_SIZE).soft;
        if end > allowed {
            // What fits is written first; with nothing that fits SIGXFSZ: write(2).
            let fits = usize::try_from(allowed.saturating_sub(offset)).unwrap_or_default();
            if fits == 0 {
                self.deliver(pid, pid, Signal::SIGXFSZ);
                return Err(Errno::EFBIG);
            }
            return self.write_file(pid, id, inode, file, &bytes[..fits]);
        }
        if end > FILE_BYTES_MAX && !zeros {
            return Err(Errno::EFBIG);
        }
        self.reserve(pid, inode, length, end.max(length))?;
        let now = self.realtime_seconds();
        let stored = self.inode_mut(inode)?;
        stored.modified_seconds = now;
        let Content::File(data) = &mut stored.content else { return Err(Errno::EINVAL) };
        if zeros {
            data.zeros += bytes.len() as u64;
        } else {
            write_into(data, offset, bytes);
        }
        self.file_mut(id)?.offset = end;
        Ok(bytes.len())
    }

    pub(super) fn truncate(&mut self, inode: InodeId) -> SysResult<()> {
        let Content::File(data) = &self.inode(inode)?.content else { return Ok(()) };
        let (length, super_id) = (data.len(), self.inode(inode)?.super_id);
        let charged = self.inode(inode)?.charged.clone();
        self.account(super_id, charged.as_ref(), length, 0);
        let now = self.realtime_seconds();
        let stored = self.inode_mut(inode)?;
        stored.content = Content::File(Data::default());
        stored.modified_seconds = now;
        Ok(())
    }

    /// ftruncate(2)
    pub(super) fn set_length(&mut self, pid: HostPid, fd: Fd, length: u64) -> SysResult<()> {
        let file = self.file(self.descriptor(pid, fd)?)?;
        let Object::File { inode } = file.object else { return Err(Errno::EINVAL) };
        if !file.write {
            return Err(Errno::EINVAL);
        }
        let Content::File(data) = &self.inode(inode)?.content else { return Err(Errno::EINVAL) };
        let mut data = data.clone();
        let (before, kept) = (data.len(), usize::try_from(length).unwrap_or(usize::MAX));
        if kept < data.bytes.len() {
            Rc::make_mut(&mut data.bytes).truncate(kept);
        }
        data.zeros = length.saturating_sub(data.bytes.len() as u64);
        let (super_id, charged) = (self.inode(inode)?.super_id, self.inode(inode)?.charged.clone());
        if let Some(super_block) = self.supers.get(&super_id)
            && super_block.bytes_max.is_some_and(|max| super_block.bytes.saturating_sub(before) + length > max)
        {
            return Err(Errno::ENOSPC);
        }
        self.account(super_id, charged.as_ref(), before, length);
        let now = self.realtime_seconds();
        let stored = self.inode_mut(inode)?;
        (stored.content, stored.modified_seconds) = (Content::File(data), now);
        Ok(())
    }

    pub(super) fn seek_fd(&mut self, pid: HostPid, fd: Fd, offset: u64) -> SysResult<()> {
        let id = self.descriptor(pid, fd)?;
        let file = self.file_mut(id)?;
        match file.object {
            Object::PipeReader(_) | Object::PipeWriter(_) | Object::Terminal(_) => Err(Errno::ESPIPE),
            _ => {
                file.offset = offset;
                Ok(())
            }
        }
    }
}

fn slice(bytes: &[u8], offset: u64, bytes_max: usize) -> &[u8] {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    &bytes[start..(start + bytes_max).min(bytes.len())]
}

fn write_into(data: &mut Data, offset: u64, new: &[u8]) {
    let offset = offset as usize;
    let bytes = Rc::make_mut(&mut data.bytes);
    let length = bytes.len() as u64 + data.zeros;
    let end = offset + new.len();
    if end > bytes.len() {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(new);
    data.zeros = length.saturating_sub(bytes.len() as u64);
}
