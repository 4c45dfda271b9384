//! The processes of a pid namespace, pid_namespaces(7): those in it and, as it sees them too, those in namespaces below it.

use std::collections::BTreeMap;
use std::fs;

use glassbox_core::errno::Errno;
use glassbox_core::query::ProcessFact;

use crate::observe::procfs::{self, Status};
use crate::sys;

/// What /proc/PID/status tells, before it is known whether the process belongs to the subject's namespace.
struct Seen {
    status: Status,
    /// Its pids from the reader's namespace down to its own: the `NSpid` line.
    pids: Vec<u32>,
    parent: u32,
}

/// The processes in the pid namespace of process `pid`, by their pids there.
pub fn in_namespace_of(pid: u32) -> Result<Vec<ProcessFact>, Errno> {
    let namespace = procfs::namespace(pid, "pid")?;
    let depth = Status::of(pid)?.numbers("NSpid").len();
    let mut others = all(depth)?;
    // Who is as deep is asked for its namespace; who is deeper belongs to its parent.
    let is_direct = |host_pid: &u32, seen: &Seen| seen.pids.len() == depth && procfs::namespace(*host_pid, "pid") == Ok(namespace);
    let mut members: BTreeMap<u32, Seen> = BTreeMap::new();
    members.extend(others.extract_if(.., |host_pid, seen| is_direct(host_pid, seen)));
    others.retain(|_, seen| seen.pids.len() > depth);
    loop {
        let below: Vec<(u32, Seen)> = others.extract_if(.., |_, seen| members.contains_key(&seen.parent)).collect();
        if below.is_empty() {
            break;
        }
        members.extend(below);
    }
    let mut facts: Vec<ProcessFact> =
        members.iter().filter_map(|(host_pid, seen)| fact(*host_pid, seen, &members, depth)).collect();
    facts.sort_by_key(|fact| fact.pid);
    Ok(facts)
}

/// All processes that are at least so deep, by their pids on the host.
fn all(depth: usize) -> Result<BTreeMap<u32, Seen>, Errno> {
    let entries = fs::read_dir("/proc").map_err(|error| sys::errno_of(&error))?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // A process that ends while we look is passed over.
    let seen = pids.filter_map(|pid| Some((pid, look(pid)?)));
    Ok(seen.filter(|(_, seen)| seen.pids.len() >= depth).collect())
}

fn look(pid: u32) -> Option<Seen> {
    let status = Status::of(pid).ok()?;
    Some(Seen { pids: status.numbers("NSpid"), parent: status.number("PPid", 0).ok()?, status })
}

fn fact(host_pid: u32, seen: &Seen, members: &BTreeMap<u32, Seen>, depth: usize) -> Option<ProcessFact> {
    let inside = |seen: &Seen| seen.pids.get(depth.checked_sub(1)?).copied();
    let zombie = seen.status.is_zombie();
    let uids = procfs::id_map(&procfs::read_text(host_pid, "uid_map").unwrap_or_default());
    Some(ProcessFact {
        pid: inside(seen)?,
        parent: members.get(&seen.parent).and_then(inside).unwrap_or(0),
        host_pid,
        argv: if zombie { Vec::new() } else { argv(host_pid) },
        zombie,
        uid: procfs::inside(&uids, seen.status.number("Uid", 1).ok()?),
    })
}

/// /proc/PID/cmdline: each argument with a NUL byte after it.
fn argv(pid: u32) -> Vec<String> {
    let bytes = procfs::read(pid, "cmdline").unwrap_or_default();
    let Some(words) = bytes.strip_suffix(b"\0") else { return Vec::new() };
    words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}
