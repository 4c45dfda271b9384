//! `Resources`: what `run`, `create` and `update` say about memory, processors and processes; Docker's names and units.

use serde::{Deserialize, Serialize};

use super::block_io::BlockIo;

/// Limits and shares. Zero, the empty text and `None` mean that nothing was said, as in Docker's HostConfig.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// `-m`, bytes.
    pub memory_bytes_max: u64,
    /// `--memory-swap`, bytes of memory and swap together; -1: as much swap as there is.
    pub memory_swap_bytes_max: i64,
    /// `--memory-reservation`, bytes that are kept back for it when memory is short.
    pub memory_reservation_bytes: u64,
    /// `--memory-swappiness`, 0 to 100; v1 only.
    pub memory_swappiness: Option<u64>,
    /// `--cpus`, in billionths of a processor.
    pub nano_cpus: u64,
    /// `--cpu-period`, microseconds.
    pub cpu_period_us: u64,
    /// `--cpu-quota`, microseconds in each period; -1: no limit.
    pub cpu_quota_us: i64,
    /// `--cpu-rt-period`, microseconds.
    pub cpu_rt_period_us: i64,
    /// `--cpu-rt-runtime`, microseconds in each such period.
    pub cpu_rt_runtime_us: i64,
    /// `--cpu-shares`: 1024 is the usual share.
    pub cpu_shares: u64,
    /// `--cpuset-cpus`: `0-3,5`
    pub cpuset_cpus: String,
    /// `--cpuset-mems`: `0`
    pub cpuset_mems: String,
    /// `--pids-limit`; 0 and less: no limit.
    pub pids_max: Option<i64>,
    /// `--oom-kill-disable`; v1 only.
    pub oom_kill_disable: bool,
    /// `--blkio-weight`, `--device-read-bps` and the like.
    pub block_io: BlockIo,
}
