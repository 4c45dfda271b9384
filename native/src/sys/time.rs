//! Clocks: clock_gettime(2). Used for timings in events and for the timestamps of containers and logs.

use super::{Result, check};

/// A point on a clock: seconds and the nanoseconds within the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// Whole seconds.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

impl Instant {
    /// All of it in nanoseconds.
    pub fn as_nanoseconds(self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds)
    }
}

/// CLOCK_MONOTONIC: time since an unnamed point, never set back.
pub fn monotonic() -> Result<Instant> {
    clock(libc::CLOCK_MONOTONIC)
}

/// CLOCK_BOOTTIME: as monotonic, and goes on while the machine sleeps.
pub fn since_boot() -> Result<Instant> {
    clock(libc::CLOCK_BOOTTIME)
}

/// CLOCK_REALTIME: since 1970-01-01T00:00:00Z.
pub fn realtime() -> Result<Instant> {
    clock(libc::CLOCK_REALTIME)
}

/// Seconds by which the wall clocks of the caller's zone (TZ, else /etc/localtime) are ahead of UTC at that second since 1970.
pub fn utc_offset_seconds(at_seconds: u64) -> i32 {
    // The field has the C library's own width of seconds, whose name the crate advises against.
    let mut at = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    match at_seconds.try_into() {
        Ok(seconds) => at.tv_sec = seconds,
        Err(_) => return 0,
    }
    // SAFETY: `at` and `fields` outlive the call; localtime_r(3) writes into `fields` only, of which all zeros are valid.
    let fields = unsafe {
        let mut fields: libc::tm = std::mem::zeroed();
        if libc::localtime_r(&at.tv_sec, &mut fields).is_null() {
            return 0;
        }
        fields
    };
    i32::try_from(fields.tm_gmtoff).unwrap_or_default()
}

fn clock(id: libc::clockid_t) -> Result<Instant> {
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `spec` is a valid timespec that outlives the call.
    check(unsafe { libc::clock_gettime(id, &mut spec) })?;
    Ok(Instant { seconds: spec.tv_sec, nanoseconds: spec.tv_nsec as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_does_not_go_back() {
        let first = monotonic().unwrap();
        assert!(monotonic().unwrap() >= first);
        assert!(first.nanoseconds < 1_000_000_000);
    }

    #[test]
    fn realtime_is_after_this_was_written() {
        assert!(realtime().unwrap().seconds > 1_700_000_000);
        assert!(since_boot().unwrap().as_nanoseconds() > 0);
    }
}
