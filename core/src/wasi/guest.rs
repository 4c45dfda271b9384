//! The module's memory: the only place through which it and the host see each other's data. All numbers are little-endian.

/// An address outside of the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

/// Linear memory: core specification, "Memory Instances".
pub trait Memory {
    /// `length` bytes from `address` on.
    fn read(&self, address: u32, length: u32) -> Result<Vec<u8>, Fault>;
    /// Writes them from `address` on; all or none.
    fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), Fault>;
}

/// The most bytes that one call moves: what is longer is done in part, as read(2) and write(2) may.
pub(super) const BYTES_MAX: u32 = 1 << 20;
/// The most buffers that one call has: IOV_MAX.
const BUFFERS_MAX: u32 = 1024;
/// `iovec`: pointer and length.
const BUFFER_BYTES: u32 = 8;

pub(super) fn put_u32(memory: &mut dyn Memory, address: u32, value: u32) -> Result<(), Fault> {
    memory.write(address, &value.to_le_bytes())
}

pub(super) fn put_u64(memory: &mut dyn Memory, address: u32, value: u64) -> Result<(), Fault> {
    memory.write(address, &value.to_le_bytes())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// The buffers of `iovec_array`: address and length of each.
pub(super) fn buffers(memory: &dyn Memory, address: u32, count: u32) -> Result<Vec<(u32, u32)>, Fault> {
    let list = memory.read(address, count.min(BUFFERS_MAX) * BUFFER_BYTES)?;
    Ok(list.chunks_exact(BUFFER_BYTES as usize).map(|one| (u32_at(one, 0), u32_at(one, 4))).collect())
}

/// What the buffers hold, one after the other.
pub(super) fn gather(memory: &dyn Memory, buffers: &[(u32, u32)]) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    for (address, length) in buffers {
        let room = BYTES_MAX - bytes.len() as u32;
        bytes.extend(memory.read(*address, (*length).min(room))?);
    }
    Ok(bytes)
}

/// Fills the buffers one after the other.
pub(super) fn scatter(memory: &mut dyn Memory, buffers: &[(u32, u32)], mut bytes: &[u8]) -> Result<(), Fault> {
    for (address, length) in buffers {
        let (now, later) = bytes.split_at(bytes.len().min(*length as usize));
        memory.write(*address, now)?;
        bytes = later;
    }
    Ok(())
}

/// How much the buffers hold together, as far as one call goes.
pub(super) fn room(buffers: &[(u32, u32)]) -> u32 {
    buffers.iter().fold(0u32, |sum, (_, length)| sum.saturating_add(*length)).min(BYTES_MAX)
}
