//! Reading, writing, seeking.

use super::answer::{Done, Failed, WasiErrno};
use super::guest::{Memory, buffers, gather, put_u32, put_u64, room, scatter};
use super::{Call, Wasi};
use crate::errno::Errno;
use crate::userland::{Fd, Sys};

/// `fdflags`: write at the end.
pub(super) const APPEND: u16 = 1;

/// `whence`
const SET: u8 = 0;
const CURRENT: u8 = 1;
const END: u8 = 2;

impl Wasi {
    /// (descriptor, buffers, how many, where to write how many bytes)
    pub(super) fn read(&mut self, call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
        let fd = self.stream(call)?;
        let buffers = buffers(memory, call.word(1), call.word(2))?;
        let bytes = sys.read(fd, room(&buffers) as usize)?;
        self.advance(call, bytes.len());
        scatter(memory, &buffers, &bytes)?;
        Ok(put_u32(memory, call.word(3), bytes.len() as u32)?)
    }

    /// As `read`.
    pub(super) fn write(&mut self, call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
        let fd = self.stream(call)?;
        let bytes = gather(memory, &buffers(memory, call.word(1), call.word(2))?)?;
        let taken = sys.write(fd, &bytes)?;
        self.advance(call, taken);
        Ok(put_u32(memory, call.word(3), taken as u32)?)
    }

    /// (descriptor, buffers, how many, offset, where to write how many bytes): `pread` and `pwrite`, by going there and back.
    pub(super) fn at_offset(&mut self, call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
        let fd = self.stream(call)?;
        let back = self.open(call.word(0))?.at;
        let buffers = buffers(memory, call.word(1), call.word(2))?;
        sys.seek(fd, call.at(3))?;
        let moved = if call.name == "fd_pread" {
            let bytes = sys.read(fd, room(&buffers) as usize);
            bytes.map_err(Failed::from).and_then(|bytes| Ok(scatter(memory, &buffers, &bytes).map(|()| bytes.len())?))
        } else {
            gather(memory, &buffers).map_err(Failed::from).and_then(|bytes| Ok(sys.write(fd, &bytes)?))
        };
        sys.seek(fd, back)?;
        Ok(put_u32(memory, call.word(4), moved? as u32)?)
    }

    /// (descriptor, offset with a sign, whence, where to write the place)
    pub(super) fn seek(&mut self, call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
        let fd = self.stream(call)?;
        let open = self.open(call.word(0))?;
        if !open.is_seekable {
            return Err(WasiErrno::SPIPE.into());
        }
        let base = match call.word(2) as u8 {
            SET => 0,
            CURRENT => open.at,
            END => sys.fstat(fd)?.size,
            _ => return Err(WasiErrno::INVAL.into()),
        };
        let place = base.checked_add_signed(call.at(1) as i64).ok_or(WasiErrno::INVAL)?;
        sys.seek(fd, place)?;
        self.open_mut(call.word(0))?.at = place;
        Ok(put_u64(memory, call.word(3), place)?)
    }

    pub(super) fn tell(&mut self, call: &Call, memory: &mut dyn Memory) -> Done {
        let open = self.open(call.word(0))?;
        let place = if open.is_seekable { open.at } else { return Err(WasiErrno::SPIPE.into()) };
        Ok(put_u64(memory, call.word(1), place)?)
    }

    /// The process's descriptor behind the module's.
    pub(super) fn stream(&self, call: &Call) -> Result<Fd, Failed> {
        self.open(call.word(0))?.fd.ok_or(Failed::Kernel(Errno::EISDIR))
    }

    fn advance(&mut self, call: &Call, bytes: usize) {
        if let Ok(open) = self.open_mut(call.word(0)) {
            open.at = open.at.saturating_add(bytes as u64);
        }
    }
}
