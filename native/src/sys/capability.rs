//! The capability sets of the calling thread: capget(2), capset(2), and the capability options of prctl(2).
//!
//! What the thread does not hold cannot be given: such capabilities are left out and reported, never an error. The sets of other
//! processes are read from /proc by `observe`.

use glassbox_core::oci::capability::{Capability, CapabilitySet};

use super::{Errno, Result, check, check_long};

/// The five sets of a thread: capabilities(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapabilitySets {
    /// What is checked.
    pub effective: CapabilitySet,
    /// What may be made effective.
    pub permitted: CapabilitySet,
    /// What a program with inheritable file capabilities keeps.
    pub inheritable: CapabilitySet,
    /// What can be gained by execve at all.
    pub bounding: CapabilitySet,
    /// What an ordinary program keeps through execve.
    pub ambient: CapabilitySet,
}

/// _LINUX_CAPABILITY_VERSION_3 of linux/capability.h
const VERSION_3: u32 = 0x2008_0522;

/// struct __user_cap_header_struct
#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

/// struct __user_cap_data_struct: the lower 32 capabilities come first, then the upper ones.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// All five sets of the calling thread.
pub fn own_sets() -> Result<CapabilitySets> {
    let (effective, permitted, inheritable) = get()?;
    let asked = |ask: fn(Capability) -> Result<bool>| -> Result<CapabilitySet> {
        Capability::EVERY
            .iter()
            .copied()
            .try_fold(CapabilitySet::EMPTY, |set, capability| Ok(if ask(capability)? { set.with(capability) } else { set }))
    };
    let (bounding, ambient) = (asked(is_bounding)?, asked(is_ambient)?);
    Ok(CapabilitySets { effective, permitted, inheritable, bounding, ambient })
}

/// The permitted set of the calling thread.
pub fn permitted() -> Result<CapabilitySet> {
    get().map(|(_, permitted, _)| permitted)
}

/// capget(2): effective, permitted, inheritable.
fn get() -> Result<(CapabilitySet, CapabilitySet, CapabilitySet)> {
    let (mut header, mut halves) = (Header { version: VERSION_3, pid: 0 }, [Half::default(); 2]);
    // SAFETY: both structures have the layout of version 3, which has two halves; the kernel writes into them.
    check_long(unsafe { libc::syscall(libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) })?;
    let whole = |part: fn(&Half) -> u32| CapabilitySet(u64::from(part(&halves[0])) | u64::from(part(&halves[1])) << 32);
    Ok((whole(|half| half.effective), whole(|half| half.permitted), whole(|half| half.inheritable)))
}

/// capset(2): sets effective and permitted to what of `wanted` the thread holds (its permitted set), inheritable to what of
/// `inheritable` it may. Answers what of `wanted` it could not have.
pub fn set(wanted: CapabilitySet, inheritable: CapabilitySet) -> Result<CapabilitySet> {
    let (_, held, _) = get()?;
    let given = wanted.intersection(held);
    let inheritable = inheritable.intersection(held);
    let half = |shift: u32| {
        let part = |set: CapabilitySet| (set.0 >> shift) as u32;
        Half { effective: part(given), permitted: part(given), inheritable: part(inheritable) }
    };
    let (header, halves) = (Header { version: VERSION_3, pid: 0 }, [half(0), half(32)]);
    // SAFETY: both structures have the layout of version 3, which has two halves; the kernel only reads the halves.
    check_long(unsafe { libc::syscall(libc::SYS_capset, &raw const header, halves.as_ptr()) })?;
    Ok(wanted.minus(given))
}

/// PR_CAPBSET_DROP for all that is not in `keep`. EPERM without CAP_SETPCAP in the user namespace of the caller.
pub fn limit_bounding(keep: CapabilitySet) -> Result<()> {
    for capability in Capability::EVERY.iter().copied().filter(|capability| !keep.contains(*capability)) {
        match prctl(libc::PR_CAPBSET_DROP, capability.number(), 0) {
            // Unknown to this kernel.
            Ok(_) | Err(Errno::EINVAL) => {}
            // What is gone already need not be dropped.
            Err(Errno::EPERM) if !is_bounding(capability)? => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// PR_CAP_AMBIENT_CLEAR_ALL
pub fn clear_ambient() -> Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u32, 0).map(drop)
}

/// PR_CAP_AMBIENT_RAISE. EPERM unless it is both permitted and inheritable.
pub fn raise_ambient(capability: Capability) -> Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as u32, capability.number()).map(drop)
}

/// PR_CAPBSET_READ. A capability that this kernel does not know is in no set.
fn is_bounding(capability: Capability) -> Result<bool> {
    known(prctl(libc::PR_CAPBSET_READ, capability.number(), 0))
}

/// PR_CAP_AMBIENT_IS_SET
fn is_ambient(capability: Capability) -> Result<bool> {
    known(prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_IS_SET as u32, capability.number()))
}

fn known(answer: Result<libc::c_int>) -> Result<bool> {
    match answer {
        Err(Errno::EINVAL) => Ok(false),
        answer => Ok(answer? == 1),
    }
}

fn prctl(option: libc::c_int, second: u32, third: u32) -> Result<libc::c_int> {
    let (second, third, zero) = (libc::c_ulong::from(second), libc::c_ulong::from(third), 0 as libc::c_ulong);
    // SAFETY: the capability options take numbers, no pointers.
    check(unsafe { libc::prctl(option, second, third, zero, zero) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_read_is_what_proc_says() {
        let Ok(status) = std::fs::read_to_string("/proc/thread-self/status") else { return };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            CapabilitySet(u64::from_str_radix(line.trim(), 16).unwrap())
        };
        let sets = own_sets().unwrap();
        assert_eq!(sets.effective, field("CapEff:"));
        assert_eq!(sets.permitted, field("CapPrm:"));
        assert_eq!(sets.inheritable, field("CapInh:"));
        assert_eq!(sets.bounding, field("CapBnd:"));
        assert_eq!(sets.ambient, field("CapAmb:"));
    }
}
