//! update: limits of containers changed while they run, and on record for the next start. dockerd 28's rules for what may be changed.

use super::origin::{self, need, planned};
use super::{Context, Plan, Planned, block_io, create, lifecycle, limits, records};
use crate::cli::{BlockIo, Resources, RestartPolicy};
use crate::host::HostFacts;
use crate::model::{Container, HostConfig};
use crate::step::{CgroupStep, Limit, Step};

pub(super) fn update(words: &[String], asked: &Resources, restart: Option<RestartPolicy>, context: &Context<'_>, plan: &mut Plan) {
    plan.warnings.extend(limits::warnings(asked, &context.host.cgroup));
    lifecycle::for_each(words, context, plan, |before, word, plan| {
        let refuse = |what: String| format!("Error response from daemon: {what}\n");
        limits::check_change(asked, context.host).map_err(|(what, _)| refuse(what))?;
        if before.host.auto_remove && restart.is_some_and(|policy| policy != RestartPolicy::No) {
            let what = "Restart policy cannot be updated because AutoRemove is enabled for the container";
            return Err(refuse(format!("Cannot update container {}: {what}", before.id)));
        }
        let weight = block_io::kept(&asked.block_io, &context.host.cgroup.block);
        let merged = merge(&before.host.resources, &Resources { block_io: weight, ..asked.clone() });
        let resources = merged.map_err(|what| refuse(format!("Cannot update container {}: {what}", before.id)))?;
        let runs = before.state.status.runs();
        let cgroups = if runs {
            before.host.cgroups.clone()
        } else {
            create::cgroups(&resources, &before.host.tuning.cgroup_parent, context.host, &before.id)
        };
        let host = HostConfig { resources, cgroups, restart: restart.unwrap_or(before.host.restart), ..before.host.clone() };
        let container = Container { host, ..before.clone() };
        let mut steps = if runs { changes(&container, before, context, plan) } else { Vec::new() };
        let why = need("WriteLimit", "The next start is to set the same limits.");
        let why = if restart.is_some() { origin::flag_of_command(context, "restart").unwrap_or(why) } else { why };
        steps.push(planned(records::replace(container, before, context), why));
        steps.push(lifecycle::echo(word, context));
        Ok(steps)
    });
}

/// What was said replaces what was on record.
fn merge(before: &Resources, asked: &Resources) -> Result<Resources, String> {
    let conflict = |what: &str| Err(format!("Conflicting options: {what}"));
    match () {
        () if asked.nano_cpus > 0 && before.cpu_period_us > 0 => {
            return conflict("Nano CPUs cannot be updated as CPU Period has already been set");
        }
        () if asked.nano_cpus > 0 && before.cpu_quota_us > 0 => {
            return conflict("Nano CPUs cannot be updated as CPU Quota has already been set");
        }
        () if asked.cpu_period_us > 0 && before.nano_cpus > 0 => {
            return conflict("CPU Period cannot be updated as NanoCPUs has already been set");
        }
        () if asked.cpu_quota_us > 0 && before.nano_cpus > 0 => {
            return conflict("CPU Quota cannot be updated as NanoCPUs has already been set");
        }
        () => {}
    }
    let swap = before.memory_swap_bytes_max;
    if i64::try_from(asked.memory_bytes_max).unwrap_or(i64::MAX) > swap
        && asked.memory_bytes_max > 0
        && asked.memory_swap_bytes_max == 0
    {
        let what = "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time";
        return Err(what.to_string());
    }
    let number = |asked: u64, before: u64| if asked == 0 { before } else { asked };
    let signed = |asked: i64, before: i64| if asked == 0 { before } else { asked };
    let text = |asked: &String, before: &String| if asked.is_empty() { before.clone() } else { asked.clone() };
    Ok(Resources {
        memory_bytes_max: number(asked.memory_bytes_max, before.memory_bytes_max),
        memory_swap_bytes_max: signed(asked.memory_swap_bytes_max, swap),
        memory_reservation_bytes: number(asked.memory_reservation_bytes, before.memory_reservation_bytes),
        memory_swappiness: asked.memory_swappiness.or(before.memory_swappiness),
        nano_cpus: number(asked.nano_cpus, before.nano_cpus),
        cpu_period_us: number(asked.cpu_period_us, before.cpu_period_us),
        cpu_quota_us: signed(asked.cpu_quota_us, before.cpu_quota_us),
        cpu_rt_period_us: before.cpu_rt_period_us,
        cpu_rt_runtime_us: before.cpu_rt_runtime_us,
        cpu_shares: number(asked.cpu_shares, before.cpu_shares),
        cpuset_cpus: text(&asked.cpuset_cpus, &before.cpuset_cpus),
        cpuset_mems: text(&asked.cpuset_mems, &before.cpuset_mems),
        pids_max: asked.pids_max.map(|most| most.max(0)).or(before.pids_max),
        oom_kill_disable: before.oom_kill_disable,
        block_io: BlockIo { weight: number(asked.block_io.weight, before.block_io.weight), ..before.block_io.clone() },
    })
}

/// Only the files whose value changes; v1 takes no limit of memory above that of both, so that one goes first where it has to.
fn changes(container: &Container, before: &Container, context: &Context<'_>, plan: &mut Plan) -> Vec<Planned> {
    let old = limits::writes(&before.host.resources, context.host);
    let mut new = limits::writes(&container.host.resources, context.host);
    if before.host.resources.pids_max.is_some_and(|most| most > 0) && container.host.resources.pids_max == Some(0) {
        new.push(limits::Write { file: "pids.max".to_string(), value: "max".into(), limit: Limit::Pids, flag: "pids-limit" });
    }
    let (memory, swap) = (container.host.resources.memory_bytes_max, before.host.resources.memory_swap_bytes_max);
    if u64::try_from(swap).is_ok_and(|swap| swap > 0 && memory > swap) {
        new.sort_by_key(|write| write.limit != Limit::Swap);
    }
    let mut steps = Vec::new();
    for write in new {
        let held = old.iter().find(|known| known.file == write.file).map(|known| known.value.clone());
        if held.as_ref() == Some(&write.value) {
            continue;
        }
        let Some(file) = limits::file(container, &write) else {
            let name = &container.name;
            plan.warnings
                .push(format!("glassbox: {name} runs without a cgroup for --{}: stop it, update it, start it", write.flag));
            continue;
        };
        let held = Some(held.unwrap_or_else(|| fresh(&write.file, context.host)));
        let step = CgroupStep::WriteLimit { file, value: write.value, limit: write.limit, before: held };
        let words = &context.invocation.words;
        let used = words.flag(write.flag).and_then(|flag| Some((words.text.get(flag.span.start..flag.span.end)?, flag.span)));
        let cause = used.map(|(text, span)| super::Cause::Words { text: text.to_string(), span });
        steps.push(planned(Step::Cgroup(step), cause.unwrap_or_else(|| origin::command(context))));
    }
    steps
}

/// What a file holds in a cgroup that was never limited.
fn fresh(file: &str, host: &HostFacts) -> String {
    match file {
        "memory.low" => "0".to_string(),
        "memory.swappiness" => "60".to_string(),
        "cpu.weight" | "io.weight" | "io.bfq.weight" => "100".to_string(),
        "blkio.weight" => "500".to_string(),
        "cpu.max" => format!("max {}", limits::CPU_PERIOD_US),
        "cpu.shares" => "1024".to_string(),
        "cpu.cfs_period_us" => limits::CPU_PERIOD_US.to_string(),
        "cpuset.cpus" => host.cpuset.0.clone(),
        "cpuset.mems" => host.cpuset.1.clone(),
        "memory.limit_in_bytes" | "memory.memsw.limit_in_bytes" | "memory.soft_limit_in_bytes" | "cpu.cfs_quota_us" => {
            "-1".to_string()
        }
        _ => "max".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dockerd_lets_be_changed() {
        let memory = |max: u64, swap: i64| Resources { memory_bytes_max: max, memory_swap_bytes_max: swap, ..Resources::default() };
        assert_eq!(merge(&memory(64 << 20, 128 << 20), &memory(100 << 20, 0)), Ok(memory(100 << 20, 128 << 20)));
        assert!(merge(&memory(64 << 20, 128 << 20), &memory(200 << 20, 0)).is_err());
        assert_eq!(merge(&memory(64 << 20, 128 << 20), &memory(200 << 20, -1)), Ok(memory(200 << 20, -1)));
        let cpus = Resources { nano_cpus: 1, ..Resources::default() };
        let quota = Resources { cpu_quota_us: 5000, ..Resources::default() };
        let told = merge(&cpus, &quota).unwrap_err();
        assert_eq!(told, "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
        let pids = |most: Option<i64>| Resources { pids_max: most, ..Resources::default() };
        assert_eq!(merge(&pids(Some(5)), &pids(Some(-1))), Ok(pids(Some(0))));
        assert_eq!(merge(&pids(Some(5)), &pids(None)), Ok(pids(Some(5))));
    }
}
