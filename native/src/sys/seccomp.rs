//! Installing a seccomp filter: seccomp(2) with SECCOMP_SET_MODE_FILTER. The program comes from `bpf`.

use glassbox_core::errno::Errno;

use super::bpf::Instruction;
use super::{Result, check, check_long};

/// struct sock_fprog of linux/filter.h.
#[repr(C)]
struct Program {
    length: libc::c_ushort,
    instructions: *const Instruction,
}

/// Installs the program for this thread and all that it makes from now on; it cannot be taken away again. Calls that are refused
/// are not logged. EACCES: neither no_new_privs is set nor CAP_SYS_ADMIN held. EINVAL: not a valid program.
pub fn install(program: &[Instruction]) -> Result<()> {
    let length = libc::c_ushort::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    let argument = Program { length, instructions: program.as_ptr() };
    // As runc: without flags of its own a profile runs without the mitigation for speculative store bypass.
    let flags = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    // SAFETY: `Program` and `Instruction` have the layouts of sock_fprog and sock_filter; the length is that of the slice, which
    // outlives the call; the kernel copies and checks the program.
    check_long(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const argument) })?;
    Ok(())
}

/// Whether the kernel has filters: PR_GET_SECCOMP of prctl(2) answers, and is not EINVAL.
pub fn is_available() -> bool {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_GET_SECCOMP, 0, 0, 0, 0) }).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_have_the_size_of_the_kernel() {
        assert_eq!(size_of::<Instruction>(), size_of::<libc::sock_filter>());
        assert_eq!(size_of::<Program>(), size_of::<libc::sock_fprog>());
    }

    #[test]
    fn an_invalid_program_is_refused() {
        assert_eq!(install(&[]).unwrap_err(), Errno::EINVAL);
    }
}
