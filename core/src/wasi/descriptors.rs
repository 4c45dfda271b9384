//! Calls on descriptors.

use super::answer::{Done, Failed, WasiErrno};
use super::guest::{Memory, put_u32};
use super::{Call, Open, ROOT, Wasi, files};
use crate::userland::Sys;

/// `prestat`: a directory.
const PREOPENED_DIRECTORY: u32 = 0;
/// All rights: they were given up before preview 1 was left behind, and hosts grant them all.
const RIGHTS: u64 = u64::MAX >> 34;
/// `dirent` without the name, bytes.
const ENTRY_BYTES: usize = 24;

impl Wasi {
    pub(super) fn open(&self, fd: u32) -> Result<&Open, Failed> {
        self.open.get(&fd).ok_or(Failed::Own(WasiErrno::BADF))
    }

    pub(super) fn open_mut(&mut self, fd: u32) -> Result<&mut Open, Failed> {
        self.open.get_mut(&fd).ok_or(Failed::Own(WasiErrno::BADF))
    }

    pub(super) fn descriptor_call(&mut self, call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
        let fd = call.word(0);
        match call.name.as_str() {
            "fd_read" => self.read(call, memory, sys),
            "fd_write" => self.write(call, memory, sys),
            "fd_pread" | "fd_pwrite" => self.at_offset(call, memory, sys),
            "fd_seek" => self.seek(call, memory, sys),
            "fd_tell" => self.tell(call, memory),
            "fd_close" => self.close(fd, sys),
            "fd_renumber" => self.renumber(fd, call.word(1), sys),
            "fd_prestat_get" if fd == ROOT => {
                put_u32(memory, call.word(1), PREOPENED_DIRECTORY)?;
                Ok(put_u32(memory, call.word(1).wrapping_add(4), 1)?)
            }
            "fd_prestat_dir_name" if fd == ROOT && call.word(2) >= 1 => Ok(memory.write(call.word(1), b"/")?),
            "fd_prestat_get" | "fd_prestat_dir_name" => Err(WasiErrno::BADF.into()),
            "fd_fdstat_get" => self.put_status(call, memory, sys),
            "fd_fdstat_set_flags" => {
                self.open_mut(fd)?.flags = call.word(1) as u16;
                Ok(())
            }
            "fd_filestat_get" => {
                let open = self.open(fd)?;
                let stat = match (&open.path, open.fd) {
                    (_, Some(fd)) => sys.fstat(fd)?,
                    (Some(path), None) => sys.stat(path, true)?,
                    (None, None) => return Err(WasiErrno::BADF.into()),
                };
                Ok(memory.write(call.word(1), &files::stat(&stat))?)
            }
            "fd_filestat_set_size" => Ok(sys.truncate(self.stream(call)?, call.at(1))?),
            "fd_filestat_set_times" => match &self.open(fd)?.path {
                Some(path) => Ok(sys.touch_times(path)?),
                None => Err(WasiErrno::INVAL.into()),
            },
            "fd_readdir" => self.list(call, memory, sys),
            // What only promises or asks for speed and durability: the kernel does both by itself.
            "fd_advise" | "fd_allocate" | "fd_datasync" | "fd_sync" | "fd_fdstat_set_rights" => self.open(fd).map(drop),
            _ => Err(WasiErrno::NOSYS.into()),
        }
    }

    fn close(&mut self, fd: u32, sys: &mut dyn Sys) -> Done {
        let open = self.open.remove(&fd).ok_or(WasiErrno::BADF)?;
        // The process keeps its own streams: nobody else is to get their numbers.
        match open.fd {
            Some(own) if own > 2 => Ok(sys.close(own)?),
            _ => Ok(()),
        }
    }

    fn renumber(&mut self, from: u32, to: u32, sys: &mut dyn Sys) -> Done {
        self.open(to)?;
        let moved = self.open(from)?.clone();
        if from != to {
            self.close(to, sys)?;
            self.open.remove(&from);
            self.open.insert(to, moved);
        }
        Ok(())
    }

    /// `fdstat`: kind, flags, rights, rights of what is opened by it.
    fn put_status(&mut self, call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
        let open = self.open(call.word(0))?;
        let kind = match open.fd {
            Some(fd) => files::kind(sys.fstat(fd)?.kind),
            None => files::DIRECTORY,
        };
        // wasi-libc takes for a terminal what is a character device and cannot be sought.
        let rights = if open.fd.is_some() && !open.is_seekable { RIGHTS & !files::RIGHTS_TO_SEEK } else { RIGHTS };
        let mut bytes = [0; 24];
        bytes[0] = kind;
        bytes[2..4].copy_from_slice(&open.flags.to_le_bytes());
        bytes[8..16].copy_from_slice(&rights.to_le_bytes());
        bytes[16..24].copy_from_slice(&RIGHTS.to_le_bytes());
        Ok(memory.write(call.word(1), &bytes)?)
    }

    /// (descriptor, buffer, its bytes, cookie, where to write how many bytes). A buffer that is not filled says that there is no more.
    fn list(&mut self, call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
        let open = self.open(call.word(0))?;
        let path = open.path.clone().filter(|_| open.fd.is_none()).ok_or(WasiErrno::NOTDIR)?;
        let dots = [".", ".."].map(|name| (name.to_string(), files::DIRECTORY));
        let entries = sys.read_dir(&path)?.into_iter().map(|entry| (entry.name, files::kind(entry.kind)));
        let room = call.word(2) as usize;
        let mut bytes: Vec<u8> = Vec::new();
        let start = usize::try_from(call.at(3)).unwrap_or(usize::MAX);
        for (index, (name, kind)) in dots.into_iter().chain(entries).enumerate().skip(start) {
            if bytes.len() >= room {
                break;
            }
            let mut head = [0; ENTRY_BYTES];
            head[..8].copy_from_slice(&(index as u64 + 1).to_le_bytes());
            head[16..20].copy_from_slice(&(name.len() as u32).to_le_bytes());
            head[20] = kind;
            bytes.extend(head);
            bytes.extend(name.as_bytes());
        }
        bytes.truncate(room);
        memory.write(call.word(1), &bytes)?;
        Ok(put_u32(memory, call.word(4), bytes.len() as u32)?)
    }

    /// A new descriptor: the lowest that is free.
    pub(super) fn add(&mut self, open: Open) -> Result<u32, Failed> {
        let free = (ROOT + 1..super::DESCRIPTORS_MAX).find(|fd| !self.open.contains_key(fd)).ok_or(WasiErrno::MFILE)?;
        self.open.insert(free, open);
        Ok(free)
    }
}
