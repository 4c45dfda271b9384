//! `docker top`: the host's process table, as ps(1) shows it, cut down to the processes of one container.
//!
//! Docker runs the host's `ps` with the words given, and keeps the rows whose PID is in the container's cgroup. Here the same table is
//! made of what ps reads: /proc. Called by both kernels' executors for `ShowProcesses`; it looks and changes nothing.

mod columns;
mod options;
mod process;

use std::collections::{BTreeMap, BTreeSet};

use super::containers::aligned_from;
use crate::errno::Errno;
use crate::model::Container;
use crate::query::{Answer, Probe, Query, Subject};

pub use columns::Column;
pub use options::{Asked, Refusal, parse};
use process::{Machine, Process};

/// Docker's client: each column at least so wide.
const CELL_MIN: usize = 20;
/// Cgroups below one another that are looked into.
const CGROUP_DEPTH_MAX: usize = 8;

/// The table as Docker's client prints it.
pub fn text(container: &Container, asked: &Asked, utc_offset_seconds: i32, probe: &dyn Probe) -> Result<String, Errno> {
    let machine = Machine::look(utc_offset_seconds, probe)?;
    // One that has ended meanwhile has no row.
    let mut processes: Vec<Process> = pids(container, probe)?.into_iter().filter_map(|pid| Process::look(pid, probe)).collect();
    for (column, descending) in asked.order.iter().rev() {
        let cell = |process: &Process| sorted_by(&column.cell(process, &machine));
        processes.sort_by(|one, other| if *descending { cell(other).cmp(&cell(one)) } else { cell(one).cmp(&cell(other)) });
    }
    let mut rows = vec![titles(asked)];
    for process in &processes {
        let line: Vec<String> = asked.columns.iter().map(|(column, _)| column.cell(process, &machine)).collect();
        rows.push(split(&line.join(" "), rows[0].len()));
    }
    Ok(aligned_from(&rows, CELL_MIN))
}

/// Numbers by their size, and before texts.
fn sorted_by(cell: &str) -> (bool, i64, String) {
    // A tenth is the smallest part that a column shows.
    let tenths = |text: &str| {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        Some(whole.parse::<i64>().ok()?.checked_mul(10)? + part.parse::<i64>().ok().filter(|part| (0..10).contains(part))?)
    };
    tenths(cell).map_or_else(|| (true, 0, cell.to_string()), |tenths| (false, tenths, String::new()))
}

/// The first line of ps, word by word: what Docker takes for the names of the columns.
pub fn titles(asked: &Asked) -> Vec<String> {
    let line: Vec<&str> = asked.columns.iter().map(|(_, heading)| heading.as_str()).collect();
    line.join(" ").split_ascii_whitespace().map(str::to_string).collect()
}

/// As Docker takes a line of ps apart: at blanks, into as many cells as there are titles, the rest to the last.
fn split(line: &str, cells: usize) -> Vec<String> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let last = cells.saturating_sub(1).min(words.len());
    let (first, rest) = words.split_at(last);
    first.iter().map(|word| (*word).to_string()).chain([rest.join(" ")]).collect()
}

/// The processes of a container as the host numbers them: those in its cgroup; without a cgroup, the first one and its descendants.
pub fn pids(container: &Container, probe: &dyn Probe) -> Result<BTreeSet<u32>, Errno> {
    if let Some((directory, _)) = container.host.cgroups.first() {
        let mut pids = BTreeSet::new();
        in_cgroup(directory, 0, probe, &mut pids)?;
        return Ok(pids);
    }
    let first = container.state.pid.ok_or(Errno::ESRCH)?;
    let Answer::Names(names) = probe.ask(&Query::Directory(Subject::Host, "/proc".into()))? else { return Err(Errno::EINVAL) };
    let all = names.iter().filter_map(|name| Process::look(name.parse().ok()?, probe));
    let parents: BTreeMap<u32, u32> = all.map(|process| (process.pid, process.parent())).collect();
    let descends = |pid: u32| {
        let up = std::iter::successors(Some(pid), |pid| parents.get(pid).copied().filter(|parent| *parent > 0));
        up.take(parents.len() + 1).any(|above| above == first)
    };
    Ok(parents.keys().copied().filter(|pid| descends(*pid)).collect())
}

/// With the cgroups that the container may have made below its own.
fn in_cgroup(directory: &str, depth: usize, probe: &dyn Probe, pids: &mut BTreeSet<u32>) -> Result<(), Errno> {
    let file = |name: &str| Query::FileBytes(Subject::Host, format!("{directory}/{name}"));
    let Answer::Bytes(text) = probe.ask(&file("cgroup.procs"))? else { return Err(Errno::EINVAL) };
    pids.extend(String::from_utf8_lossy(&text).lines().filter_map(|line| line.trim().parse::<u32>().ok()));
    if depth >= CGROUP_DEPTH_MAX {
        return Ok(());
    }
    let names = match probe.ask(&Query::Directory(Subject::Host, directory.to_string())) {
        Ok(Answer::Names(names)) => names,
        _ => return Ok(()),
    };
    for name in names.iter().filter(|name| !is_kernels(name)) {
        // What is no directory has no such file.
        let _ = in_cgroup(&format!("{directory}/{name}"), depth + 1, probe, pids);
    }
    Ok(())
}

/// The kernel's own files in a cgroup: `controller.name`, and three without a dot (v1).
fn is_kernels(name: &str) -> bool {
    const CONTROLLERS: &[&str] = &[
        "blkio",
        "cgroup",
        "cpu",
        "cpuacct",
        "cpuset",
        "devices",
        "freezer",
        "hugetlb",
        "io",
        "irq",
        "memory",
        "misc",
        "net_cls",
        "net_prio",
        "perf_event",
        "pids",
        "rdma",
    ];
    let controller = name.split('.').next().unwrap_or(name);
    matches!(name, "tasks" | "notify_on_release" | "release_agent") || name.contains('.') && CONTROLLERS.contains(&controller)
}

#[cfg(test)]
mod tests;
