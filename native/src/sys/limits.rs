//! Resource limits of the calling process: getrlimit(2), by prlimit(2).

use std::ptr;

use glassbox_core::resource_limit::{LimitPair, Resource};

use super::{Result, check};

/// Sets a limit of this process. EPERM: a hard limit above the present one, without CAP_SYS_RESOURCE.
pub fn set(resource: Resource, limit: LimitPair) -> Result<()> {
    let new = libc::rlimit64 { rlim_cur: limit.soft, rlim_max: limit.hard };
    // SAFETY: the new limit outlives the call, which only reads it; the old one is not asked for.
    check(unsafe { libc::prlimit64(0, libc::c_uint::from(resource.0) as _, &raw const new, ptr::null_mut()) })?;
    Ok(())
}
