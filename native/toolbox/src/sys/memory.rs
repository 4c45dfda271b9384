//! Memory that a program takes on purpose.

use glassbox_core::errno::Errno;
use glassbox_core::userland::SysResult;

const PAGE_BYTES: usize = 4096;

/// mmap(2), then a write to each page. The mapping stays until the process ends.
pub fn allocate(bytes: u64) -> SysResult<()> {
    let bytes = usize::try_from(bytes).map_err(|_| Errno::ENOMEM)?;
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new anonymous mapping at a place of the kernel's choice touches nothing that exists.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(super::last_errno());
    }
    for offset in (0..bytes).step_by(PAGE_BYTES) {
        // SAFETY: `offset` is less than the length of the mapping, which is writable and ours alone.
        unsafe { start.cast::<u8>().add(offset).write_volatile(1) };
    }
    Ok(())
}
