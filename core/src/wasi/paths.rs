//! Calls on names: relative to an open directory, and never above it.

use super::answer::{Done, Failed, WasiErrno};
use super::guest::{Memory, put_u32};
use super::{Call, Open, Wasi, files, streams};
use crate::userland::{FileKind, OpenFlags, Sys};

/// The longest name: PATH_MAX.
const PATH_BYTES_MAX: u32 = 4096;
/// `lookupflags`: a link at the end is followed.
const FOLLOW: u32 = 1;
/// `oflags`
const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;
/// `rights`
const READ: u64 = 1 << 1;
const WRITE: u64 = 1 << 6;
/// What a new file may be used for, before the umask.
const FILE_MODE: u32 = 0o666;
const DIRECTORY_MODE: u32 = 0o777;

impl Wasi {
    pub(super) fn path_call(&mut self, call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
        let name = |wasi: &Wasi, memory: &dyn Memory, fd: usize, at: usize| wasi.path(call.word(fd), call, at, memory);
        match call.name.as_str() {
            "path_open" => self.open_path(call, memory, sys),
            "path_create_directory" => Ok(sys.mkdir(&name(self, memory, 0, 1)?, DIRECTORY_MODE)?),
            "path_remove_directory" => Ok(sys.rmdir(&name(self, memory, 0, 1)?)?),
            "path_unlink_file" => Ok(sys.unlink(&name(self, memory, 0, 1)?)?),
            "path_rename" => Ok(sys.rename(&name(self, memory, 0, 1)?, &name(self, memory, 3, 4)?)?),
            "path_link" => Ok(sys.link(&name(self, memory, 0, 2)?, &name(self, memory, 4, 5)?)?),
            "path_symlink" => {
                let target = text(memory, call.word(0), call.word(1))?;
                if target.starts_with('/') {
                    return Err(WasiErrno::PERM.into());
                }
                Ok(sys.symlink(&target, &name(self, memory, 2, 3)?)?)
            }
            "path_readlink" => {
                let target = sys.readlink(&name(self, memory, 0, 1)?)?;
                let bytes = &target.as_bytes()[..target.len().min(call.word(4) as usize)];
                memory.write(call.word(3), bytes)?;
                Ok(put_u32(memory, call.word(5), bytes.len() as u32)?)
            }
            "path_filestat_get" => {
                let stat = sys.stat(&name(self, memory, 0, 2)?, call.word(1) & FOLLOW != 0)?;
                Ok(memory.write(call.word(4), &files::stat(&stat))?)
            }
            "path_filestat_set_times" => Ok(sys.touch_times(&name(self, memory, 0, 2)?)?),
            _ => Err(WasiErrno::NOSYS.into()),
        }
    }

    /// (directory, lookup flags, name, its bytes, open flags, rights, rights of what is opened by it, flags, where to write the descriptor)
    fn open_path(&mut self, call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
        let path = self.path(call.word(0), call, 2, memory)?;
        let (asked, rights, flags) = (call.word(4), call.at(5), call.word(7) as u16);
        let there = sys.stat(&path, call.word(1) & FOLLOW != 0);
        if let Ok(stat) = &there
            && stat.kind == FileKind::Directory
        {
            // Whether it may be read is asked now, as open(2) does.
            let fd = sys.open(&path, OpenFlags { directory: true, ..OpenFlags::READ }, 0)?;
            sys.close(fd)?;
            let fd = self.add(Open { fd: None, path: Some(path), at: 0, flags, is_seekable: false })?;
            return Ok(put_u32(memory, call.word(8), fd)?);
        }
        let writes = rights & WRITE != 0;
        let wanted = OpenFlags {
            read: rights & READ != 0 || !writes,
            write: writes,
            create: asked & CREATE != 0,
            exclusive: asked & EXCLUSIVE != 0,
            truncate: asked & TRUNCATE != 0,
            append: flags & streams::APPEND != 0,
            directory: asked & DIRECTORY != 0,
        };
        let own = sys.open(&path, wanted, FILE_MODE)?;
        let is_seekable = sys.fstat(own).is_ok_and(|stat| stat.kind == FileKind::File);
        match self.add(Open { fd: Some(own), path: Some(path), at: 0, flags, is_seekable }) {
            Ok(fd) => Ok(put_u32(memory, call.word(8), fd)?),
            Err(failed) => {
                sys.close(own)?;
                Err(failed)
            }
        }
    }

    /// The absolute path of a name below an open directory. A name that leads above it is refused (EPERM), as wasmtime does.
    fn path(&self, fd: u32, call: &Call, at: usize, memory: &dyn Memory) -> Result<String, Failed> {
        let open = self.open(fd)?;
        let base = open.path.as_deref().filter(|_| open.fd.is_none()).ok_or(WasiErrno::NOTDIR)?;
        let name = text(memory, call.word(at), call.word(at + 1))?;
        let mut depth = 0i32;
        for part in name.split('/') {
            depth += match part {
                "" | "." => 0,
                ".." => -1,
                _ => 1,
            };
            if depth < 0 {
                return Err(WasiErrno::PERM.into());
            }
        }
        match name.as_str() {
            "" => Err(crate::errno::Errno::ENOENT.into()),
            name if name.starts_with('/') => Err(WasiErrno::PERM.into()),
            name => Ok(format!("{}/{name}", base.trim_end_matches('/'))),
        }
    }
}

/// A string of the module: UTF-8, without NUL.
fn text(memory: &dyn Memory, address: u32, length: u32) -> Result<String, Failed> {
    if length > PATH_BYTES_MAX {
        return Err(crate::errno::Errno::ENAMETOOLONG.into());
    }
    let bytes = memory.read(address, length)?;
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or(Failed::Own(WasiErrno(25)))
}
