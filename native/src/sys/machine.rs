//! The machine and this process on it: uname(2), sysinfo(2), sched_getaffinity(2), getrandom(2). One call each, where /proc would have
//! text to open, read and take apart.

use std::mem::zeroed;

use nix::sys::utsname;

use super::{Errno, Result, check, retry};

/// What uname(2) tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// nodename
    pub hostname: String,
    /// `6.1.0-41-amd64`
    pub release: String,
}

/// uname(2)
pub fn name() -> Result<Name> {
    let told = utsname::uname().map_err(|errno| Errno(errno as i32))?;
    let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    Ok(Name { hostname: text(told.nodename()), release: text(told.release()) })
}

/// Bytes of memory: sysinfo(2).
pub fn memory_bytes() -> Result<u64> {
    // SAFETY: the structure is plain data, which the kernel fills.
    let told = unsafe {
        let mut told: libc::sysinfo = zeroed();
        check(libc::sysinfo(&mut told))?;
        told
    };
    Ok(told.totalram.saturating_mul(u64::from(told.mem_unit)))
}

/// How many of the processors that are online this process may use: sched_getaffinity(2).
pub fn usable_cpus() -> Result<u32> {
    // Linux knows at most 8192.
    let mut mask = [0u64; 8192 / 64];
    // SAFETY: the pointer and the length are of the same array, of which the kernel fills a part.
    check(unsafe { libc::sched_getaffinity(0, size_of_val(&mask), mask.as_mut_ptr().cast()) })?;
    Ok(mask.iter().map(|word| word.count_ones()).sum())
}

/// Random bytes: getrandom(2), from the source of /dev/urandom.
pub fn random<const LENGTH: usize>() -> Result<[u8; LENGTH]> {
    // Fewer bytes are never torn by a signal.
    const { assert!(LENGTH <= 256) };
    let mut bytes = [0; LENGTH];
    // SAFETY: the pointer and the length are of the same array.
    retry(|| check(unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), LENGTH, 0) } as i32))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_proc_tells() {
        let line = |path: &str| std::fs::read_to_string(path).unwrap().trim_end().to_string();
        let told = name().unwrap();
        assert_eq!(told.hostname, line("/proc/sys/kernel/hostname"));
        assert_eq!(told.release, line("/proc/sys/kernel/osrelease"));
        let memory = line("/proc/meminfo");
        let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
        let kibibytes: u64 = total.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        assert_eq!(memory_bytes().unwrap(), kibibytes * 1024);
        assert_eq!(usable_cpus().unwrap() as usize, std::thread::available_parallelism().unwrap().get());
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random::<32>().unwrap(), random::<32>().unwrap());
    }
}
