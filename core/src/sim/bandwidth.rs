//! Processor time in periods: a cgroup with a quota that has used it up waits for the next period (`cpu.max`, `cpu.cfs_quota_us`; the kernel's
//! sched-bwc.rst). Time is that of the virtual clock, and the machine's processors work one after the other.

use std::fmt::Write;

use super::cgroup::Cgroup;
use super::kernel::Kernel;
use super::tables::{HostPid, Process};
use crate::host::Controller;

/// The period that a cgroup starts with, microseconds.
pub(super) const CPU_PERIOD_US: u64 = 100_000;
const NS_PER_US: u64 = 1000;

/// What a cgroup with a quota has used, and how often it had to wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Bandwidth {
    /// When the period at hand has begun; `None`: nothing has run in it yet.
    period_start_ns: Option<u64>,
    used_ns: u64,
    /// Nothing in it runs before; 0: it does not wait.
    waits_until_ns: u64,
    periods: u64,
    throttled: u64,
    throttled_ns: u64,
}

impl Bandwidth {
    /// A new quota begins with a period of its own.
    pub(super) fn restart(&mut self) {
        (self.period_start_ns, self.used_ns, self.waits_until_ns) = (None, 0, 0);
    }

    /// The lines of `cpu.stat`: version 2 counts in microseconds, version 1 in nanoseconds.
    pub(super) fn text(&self, unified: bool) -> String {
        let (time, burst, unit) =
            if unified { ("throttled_usec", "burst_usec", NS_PER_US) } else { ("throttled_time", "burst_time", 1) };
        let mut text = format!("nr_periods {}\nnr_throttled {}\n", self.periods, self.throttled);
        // Writing to memory cannot fail.
        let _ = write!(text, "{time} {}\nnr_bursts 0\n{burst} 0\n", self.throttled_ns / unit);
        text
    }

    fn charge(&mut self, now_ns: u64, ns: u64, (quota_ns, period_ns): (u64, u64)) {
        let start = now_ns - now_ns % period_ns;
        if self.period_start_ns != Some(start) {
            self.periods += 1;
            (self.period_start_ns, self.used_ns) = (Some(start), 0);
        }
        self.used_ns += ns;
        if self.used_ns >= quota_ns && self.waits_until_ns <= now_ns {
            self.waits_until_ns = start + period_ns;
            self.throttled += 1;
            self.throttled_ns += self.waits_until_ns - now_ns;
        }
    }
}

fn limits(cgroup: &Cgroup) -> Option<(u64, u64)> {
    let period = cgroup.cpu_period.unwrap_or(CPU_PERIOD_US).max(1);
    cgroup.cpu_quota.map(|quota| (quota * NS_PER_US, period * NS_PER_US))
}

impl Kernel {
    /// A process has run for so long, until now.
    pub(super) fn charge_processor(&mut self, pid: HostPid, ns: u64) {
        if !self.has_quotas {
            return;
        }
        let Some(index) = self.index_of(Controller::Cpu) else { return };
        let Some(own) = self.processes.get(&pid).and_then(|process| process.cgroups.get(index).cloned()) else { return };
        let now = self.clock_ns;
        for path in Self::chain(&own) {
            let Ok(cgroup) = self.cgroup_mut(index, path) else { continue };
            let Some(limits) = limits(cgroup) else { continue };
            cgroup.bandwidth.charge(now, ns, limits);
            let until = cgroup.bandwidth.waits_until_ns;
            self.throttled_until_ns = self.throttled_until_ns.max(until);
        }
    }

    /// When a process whose cgroup, or one above, has used up its time may go on; `None`: it need not wait.
    pub(super) fn throttled_until(&self, process: &Process) -> Option<u64> {
        if self.throttled_until_ns <= self.clock_ns {
            return None;
        }
        let index = self.index_of(Controller::Cpu)?;
        let path = process.cgroups.get(index)?;
        let waits = |at: &str| self.cgroup(index, at).ok().map(|cgroup| cgroup.bandwidth.waits_until_ns);
        Self::chain(path).into_iter().filter_map(waits).max().filter(|until| *until > self.clock_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_used_up_the_quota_waits_for_the_next_period() {
        let mut bandwidth = Bandwidth::default();
        let limits = (20, 100);
        bandwidth.charge(10, 10, limits);
        assert_eq!((bandwidth.waits_until_ns, bandwidth.throttled), (0, 0));
        bandwidth.charge(20, 10, limits);
        assert_eq!((bandwidth.waits_until_ns, bandwidth.throttled, bandwidth.throttled_ns), (100, 1, 80));
        bandwidth.charge(110, 10, limits);
        assert_eq!((bandwidth.used_ns, bandwidth.periods, bandwidth.throttled), (10, 2, 1));
        assert_eq!(bandwidth.text(false), "nr_periods 2\nnr_throttled 1\nthrottled_time 80\nnr_bursts 0\nburst_time 0\n");
    }
}
