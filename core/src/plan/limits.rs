//! Limits: checked as dockerd checks them, completed with Docker's defaults, and turned into writes to the files of cgroups.
//!
//! cgroup-v2.rst and the v1 documents of the kernel; how v1's numbers become v2's is the OCI runtimes' common rule
//! (`cpu.shares` 2..262144 to `cpu.weight` 1..10000).

use super::origin::{self, docker_default, planned};
use super::{Cause, Context, Planned, block_io};
use crate::cli::{BlockIo, Resources};
use crate::cpu_list;
use crate::host::{CgroupLayout, CgroupVersion, Controller, HostFacts};
use crate::model::Container;
use crate::step::{CgroupStep, CpuShares, Limit, Step};

/// The least memory limit that Docker takes, bytes.
const MEMORY_BYTES_MIN: u64 = 6 << 20;
/// The period of the processor quota that Docker uses, microseconds.
pub(crate) const CPU_PERIOD_US: u64 = 100_000;
/// Bounds of a period, and the least quota, microseconds.
const CPU_PERIOD_US_RANGE: std::ops::RangeInclusive<u64> = 1_000..=1_000_000;
const CPU_QUOTA_US_MIN: i64 = 1_000;
const NANO_PER_CPU: u64 = 1_000_000_000;

/// What dockerd refuses, and the flag to blame.
pub(super) type Refusal = (String, &'static str);

/// Checks what was asked, in dockerd's order and words.
pub(super) fn check(asked: &Resources, host: &HostFacts) -> Result<(), Refusal> {
    if asked.memory_swap_bytes_max > 0 && asked.memory_bytes_max == 0 {
        let what = "You should always set the Memory limit when using Memoryswap limit, see usage";
        return Err((what.to_string(), "memory-swap"));
    }
    check_change(asked, host)
}

/// The same of what `update` is to change: swap may stand alone.
pub(super) fn check_change(asked: &Resources, host: &HostFacts) -> Result<(), Refusal> {
    check_real_time(asked, &host.cgroup)?;
    check_memory(asked)?;
    check_cpu(asked, host)?;
    check_cpuset(&asked.cpuset_cpus, &host.cpuset.0, ("cpus", "CPUs", "cpuset-cpus"))?;
    check_cpuset(&asked.cpuset_mems, &host.cpuset.1, ("mems", "memory nodes", "cpuset-mems"))?;
    block_io::check(&asked.block_io, &host.cgroup.block)
}

/// Few kernels schedule real-time groups (CONFIG_RT_GROUP_SCHED), and cgroup v2 has no file for it.
fn check_real_time(asked: &Resources, layout: &CgroupLayout) -> Result<(), Refusal> {
    let flag = match (asked.cpu_rt_period_us, asked.cpu_rt_runtime_us) {
        (0, 0) => return Ok(()),
        (0, _) => "cpu-rt-runtime",
        _ => "cpu-rt-period",
    };
    let what = match layout.real_time_groups {
        false => "kernel does not support CPU real-time scheduler".to_string(),
        true => format!("--{flag} is not carried out by Glassbox, though this kernel has real-time groups: leave it out"),
    };
    Err((what, flag))
}

fn check_memory(asked: &Resources) -> Result<(), Refusal> {
    let swap = u64::try_from(asked.memory_swap_bytes_max).unwrap_or_default();
    let refused = |what: &str, flag: &'static str| Err((what.to_string(), flag));
    if asked.memory_bytes_max != 0 && asked.memory_bytes_max < MEMORY_BYTES_MIN {
        return refused("Minimum memory limit allowed is 6MB", "memory");
    }
    if swap > 0 && swap < asked.memory_bytes_max {
        return refused("Minimum memoryswap limit should be larger than memory limit, see usage", "memory-swap");
    }
    if asked.memory_swappiness.is_some_and(|swappiness| swappiness > 100) {
        let swappiness = asked.memory_swappiness.unwrap_or_default();
        return Err((format!("Invalid value: {swappiness}, valid memory swappiness range is 0-100"), "memory-swappiness"));
    }
    let reserved = asked.memory_reservation_bytes;
    if reserved > 0 && reserved < MEMORY_BYTES_MIN {
        return refused("Minimum memory reservation allowed is 6MB", "memory-reservation");
    }
    if asked.memory_bytes_max > 0 && asked.memory_bytes_max < reserved {
        let what = "Minimum memory limit can not be less than memory reservation limit, see usage";
        return refused(what, "memory-reservation");
    }
    Ok(())
}

fn check_cpu(asked: &Resources, host: &HostFacts) -> Result<(), Refusal> {
    if asked.nano_cpus > 0 && asked.cpu_period_us > 0 {
        return Err(("Conflicting options: Nano CPUs and CPU Period cannot both be set".into(), "cpu-period"));
    }
    if asked.nano_cpus > 0 && asked.cpu_quota_us > 0 {
        return Err(("Conflicting options: Nano CPUs and CPU Quota cannot both be set".into(), "cpu-quota"));
    }
    if asked.nano_cpus > u64::from(host.cpus) * NANO_PER_CPU {
        let cpus = host.cpus;
        let what = format!("range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available");
        return Err((what, "cpus"));
    }
    if asked.cpu_period_us > 0 && !CPU_PERIOD_US_RANGE.contains(&asked.cpu_period_us) {
        let what = "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)";
        return Err((what.into(), "cpu-period"));
    }
    if asked.cpu_quota_us > 0 && asked.cpu_quota_us < CPU_QUOTA_US_MIN {
        return Err(("CPU cfs quota can not be less than 1ms (i.e. 1000)".into(), "cpu-quota"));
    }
    Ok(())
}

fn check_cpuset(asked: &str, available: &str, (short, long, flag): (&str, &str, &'static str)) -> Result<(), Refusal> {
    let refused = || (format!("Invalid value {asked} for cpuset {short}: invalid format: {asked}"), flag);
    let wanted = cpu_list::parse(asked).ok_or_else(refused)?;
    let there = cpu_list::parse(available).unwrap_or_default();
    if wanted.iter().all(|number| there.contains(number)) {
        return Ok(());
    }
    let what = format!("Requested {long} are not available - requested {asked}, available: {available}");
    Err((what, flag))
}

/// What was asked, with what Docker takes where nothing was said, and without what this machine cannot keep.
pub(super) fn complete(asked: &Resources, layout: &CgroupLayout) -> Resources {
    let mut all = asked.clone();
    if all.memory_bytes_max > 0 && !layout.swap {
        all.memory_swap_bytes_max = -1;
    } else if all.memory_bytes_max > 0 && all.memory_swap_bytes_max == 0 {
        all.memory_swap_bytes_max = i64::try_from(all.memory_bytes_max.saturating_mul(2)).unwrap_or(i64::MAX);
    }
    if layout.version == CgroupVersion::V2 {
        all.memory_swappiness = None;
        all.oom_kill_disable = false;
    }
    all.block_io = block_io::kept(&all.block_io, &layout.block);
    all.pids_max = all.pids_max.filter(|limit| *limit > 0);
    all
}

/// Docker's warnings on what this machine cannot keep.
pub(super) fn warnings(asked: &Resources, layout: &CgroupLayout) -> Vec<String> {
    let mut all = Vec::new();
    if asked.memory_bytes_max > 0 && asked.memory_swap_bytes_max != -1 && !layout.swap {
        let what =
            "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.";
        all.push(format!("WARNING: {what}"));
    }
    if asked.memory_swappiness.is_some() && layout.version == CgroupVersion::V2 {
        let what = "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness \
                    discarded.";
        all.push(format!("WARNING: {what}"));
        all.push("glassbox: cgroup v2 has no swappiness of its own for a cgroup; --memory-swap limits its swap".to_string());
    }
    if asked.oom_kill_disable && layout.version == CgroupVersion::V2 {
        all.push("WARNING: Your kernel does not support OomKillDisable. OomKillDisable discarded.".to_string());
        all.push("glassbox: cgroup v2 always ends a process when its memory is out; memory.high slows it down instead".to_string());
    } else if asked.oom_kill_disable && asked.memory_bytes_max == 0 {
        let what = "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running \
                    out of resources.";
        all.push(format!("WARNING: {what}"));
    }
    all.extend(block_io::warnings(&asked.block_io, &layout.block));
    all
}

/// Anything that only a cgroup can keep was asked.
pub(super) fn any(asked: &Resources) -> bool {
    *asked != Resources::default()
}

/// The controllers that a container gets a cgroup of: three always, as Docker does, others where they are asked for.
pub(super) fn controllers(resources: &Resources) -> Vec<Controller> {
    let mut all = vec![Controller::Memory, Controller::Cpu, Controller::Pids, Controller::Devices, Controller::Freezer];
    if !resources.cpuset_cpus.is_empty() || !resources.cpuset_mems.is_empty() {
        all.push(Controller::Cpuset);
    }
    if resources.block_io != BlockIo::default() {
        all.push(Controller::Io);
    }
    all
}

/// One file and what is written to it.
pub(super) struct Write {
    pub(super) file: String,
    pub(super) value: String,
    pub(super) limit: Limit,
    pub(super) flag: &'static str,
}

fn write(file: &'static str, value: impl ToString, limit: Limit, flag: &'static str) -> Write {
    Write { file: file.to_string(), value: value.to_string(), limit, flag }
}

/// The steps that write the limits, in the order in which the kernel takes them.
pub(super) fn steps(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let step = |write: Write| {
        let (file, cause) = (file(container, &write)?, cause(container, &write, context));
        Some(planned(Step::Cgroup(CgroupStep::WriteLimit { file, value: write.value, limit: write.limit, before: None }), cause))
    };
    let disks = block_io::of_disks(container, context.host);
    writes(&container.host.resources, context.host).into_iter().chain(disks).filter_map(step).collect()
}

/// What these resources ask of the files of cgroups, in the order of a fresh one.
pub(super) fn writes(resources: &Resources, host: &HostFacts) -> Vec<Write> {
    let mut all = match host.cgroup.version {
        CgroupVersion::V2 => unified(resources),
        _ => split(resources, host),
    };
    all.extend(block_io::weight(&resources.block_io, &host.cgroup.block));
    all
}

/// The file's path; `None`: the container has no cgroup with it.
pub(super) fn file(container: &Container, write: &Write) -> Option<String> {
    let controller = write.limit.controller();
    let (directory, _) = container.host.cgroups.iter().find(|(_, controllers)| controllers.contains(&controller))?;
    Some(format!("{directory}/{}", write.file))
}

fn cause(container: &Container, write: &Write, context: &Context<'_>) -> Cause {
    let page = "engine/containers/resource_constraints/";
    origin::flag_or(context, container, write.flag, || match write.limit {
        Limit::Swap => docker_default("A memory limit allows as much swap again.", page),
        Limit::CpusetCpus | Limit::CpusetMems => {
            origin::need("JoinCgroup", "A cpuset of v1 takes no process before it has processors and memory nodes.")
        }
        Limit::CpuPeriod => origin::need("WriteLimit", "A quota is so much of each period."),
        _ => origin::command(context),
    })
}

/// Quota and period in microseconds; no quota: `None`.
pub(crate) fn quota(resources: &Resources) -> Option<(Option<u64>, u64)> {
    if resources.nano_cpus > 0 {
        return Some((Some(resources.nano_cpus * CPU_PERIOD_US / NANO_PER_CPU), CPU_PERIOD_US));
    }
    let period = if resources.cpu_period_us > 0 { resources.cpu_period_us } else { CPU_PERIOD_US };
    let said = resources.cpu_quota_us != 0 || resources.cpu_period_us > 0;
    said.then(|| (u64::try_from(resources.cpu_quota_us).ok().filter(|quota| *quota > 0), period))
}

fn quota_flag(resources: &Resources) -> &'static str {
    if resources.nano_cpus > 0 {
        "cpus"
    } else if resources.cpu_quota_us != 0 {
        "cpu-quota"
    } else {
        "cpu-period"
    }
}

fn unified(resources: &Resources) -> Vec<Write> {
    let mut all = Vec::new();
    let memory = resources.memory_bytes_max;
    if memory > 0 {
        all.push(write("memory.max", memory, Limit::Memory, "memory"));
        let swap = u64::try_from(resources.memory_swap_bytes_max).ok().map(|both| both.saturating_sub(memory).to_string());
        if resources.memory_swap_bytes_max != -1 {
            all.push(write("memory.swap.max", swap.unwrap_or_else(|| "max".into()), Limit::Swap, "memory-swap"));
        }
    }
    if resources.memory_reservation_bytes > 0 {
        let bytes = resources.memory_reservation_bytes;
        all.push(write("memory.low", bytes, Limit::MemoryReservation, "memory-reservation"));
    }
    if resources.cpu_shares > 0 {
        all.push(write("cpu.weight", weight(resources.cpu_shares), Limit::CpuShares, "cpu-shares"));
    }
    if let Some((quota, period)) = quota(resources) {
        let quota = quota.map_or_else(|| "max".to_string(), |quota| quota.to_string());
        all.push(write("cpu.max", format!("{quota} {period}"), Limit::CpuQuota, quota_flag(resources)));
    }
    all.extend(pids(resources));
    if !resources.cpuset_cpus.is_empty() {
        all.push(write("cpuset.cpus", &resources.cpuset_cpus, Limit::CpusetCpus, "cpuset-cpus"));
    }
    if !resources.cpuset_mems.is_empty() {
        all.push(write("cpuset.mems", &resources.cpuset_mems, Limit::CpusetMems, "cpuset-mems"));
    }
    all
}

fn split(resources: &Resources, host: &HostFacts) -> Vec<Write> {
    let mut all = Vec::new();
    if resources.memory_bytes_max > 0 {
        all.push(write("memory.limit_in_bytes", resources.memory_bytes_max, Limit::Memory, "memory"));
        if resources.memory_swap_bytes_max != -1 {
            all.push(write("memory.memsw.limit_in_bytes", resources.memory_swap_bytes_max, Limit::Swap, "memory-swap"));
        }
    }
    if resources.memory_reservation_bytes > 0 {
        let bytes = resources.memory_reservation_bytes;
        all.push(write("memory.soft_limit_in_bytes", bytes, Limit::MemoryReservation, "memory-reservation"));
    }
    if let Some(swappiness) = resources.memory_swappiness {
        all.push(write("memory.swappiness", swappiness, Limit::Swappiness, "memory-swappiness"));
    }
    if resources.oom_kill_disable {
        all.push(write("memory.oom_control", 1, Limit::OomKillDisable, "oom-kill-disable"));
    }
    if resources.cpu_shares > 0 {
        all.push(write("cpu.shares", resources.cpu_shares, Limit::CpuShares, "cpu-shares"));
    }
    if let Some((quota, period)) = quota(resources) {
        all.push(write("cpu.cfs_period_us", period, Limit::CpuPeriod, quota_flag(resources)));
        let quota = quota.map_or_else(|| "-1".to_string(), |quota| quota.to_string());
        all.push(write("cpu.cfs_quota_us", quota, Limit::CpuQuota, quota_flag(resources)));
    }
    all.extend(pids(resources));
    if controllers(resources).contains(&Controller::Cpuset) {
        let or = |asked: &str, all: &str| if asked.is_empty() { all.to_string() } else { asked.to_string() };
        all.push(write("cpuset.cpus", or(&resources.cpuset_cpus, &host.cpuset.0), Limit::CpusetCpus, "cpuset-cpus"));
        all.push(write("cpuset.mems", or(&resources.cpuset_mems, &host.cpuset.1), Limit::CpusetMems, "cpuset-mems"));
    }
    all
}

fn pids(resources: &Resources) -> Option<Write> {
    resources.pids_max.filter(|most| *most > 0).map(|most| write("pids.max", most, Limit::Pids, "pids-limit"))
}

/// `cpu.shares` to `cpu.weight`. The kernel raises fewer shares than 2 to 2.
fn weight(shares: u64) -> u64 {
    1 + (shares.clamp(CpuShares::MIN, CpuShares::MAX) - 2) * 9_999 / 262_142
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refusal(asked: Resources) -> Option<Refusal> {
        check(&asked, &HostFacts::example()).err()
    }

    #[test]
    fn what_dockerd_refuses() {
        let memory = |max: u64, swap: i64| Resources { memory_bytes_max: max, memory_swap_bytes_max: swap, ..Resources::default() };
        assert_eq!(refusal(memory(64 << 20, 128 << 20)), None);
        assert_eq!(refusal(memory(64 << 20, -1)), None);
        let real_time = Resources { cpu_rt_runtime_us: 5, ..Resources::default() };
        let what = "kernel does not support CPU real-time scheduler".to_string();
        assert_eq!(refusal(real_time), Some((what, "cpu-rt-runtime")));
        let told = |asked: Resources| refusal(asked).map(|(_, flag)| flag);
        assert_eq!(told(memory(1 << 20, 0)), Some("memory"));
        assert_eq!(told(memory(0, 1 << 20)), Some("memory-swap"));
        assert_eq!(told(memory(64 << 20, 32 << 20)), Some("memory-swap"));
        let cpus = |cpus: &str| Resources { cpuset_cpus: cpus.into(), ..Resources::default() };
        assert_eq!(refusal(cpus("0-1")), None);
        let (what, _) = refusal(cpus("0-7")).unwrap_or_default();
        assert_eq!(what, "Requested CPUs are not available - requested 0-7, available: 0-1");
        assert_eq!(refusal(cpus("x")).unwrap_or_default().0, "Invalid value x for cpuset cpus: invalid format: x");
        let both = Resources { nano_cpus: 1, cpu_quota_us: 5_000, ..Resources::default() };
        assert_eq!(told(both), Some("cpu-quota"));
    }

    #[test]
    fn swap_is_as_much_again_unless_said_otherwise() {
        let layout = CgroupLayout::stock_v2();
        let completed = |swap: i64| {
            let asked = Resources { memory_bytes_max: 64 << 20, memory_swap_bytes_max: swap, ..Resources::default() };
            complete(&asked, &layout).memory_swap_bytes_max
        };
        assert_eq!((completed(0), completed(-1), completed(64 << 20)), (128 << 20, -1, 64 << 20));
        let without = CgroupLayout { swap: false, ..layout };
        let asked = Resources { memory_bytes_max: 64 << 20, ..Resources::default() };
        assert_eq!(complete(&asked, &without).memory_swap_bytes_max, -1);
        assert_eq!(warnings(&asked, &without).len(), 1);
    }

    #[test]
    fn shares_and_weights_have_the_same_ends() {
        assert_eq!((weight(2), weight(1024), weight(262_144)), (1, 39, 10_000));
    }
}
