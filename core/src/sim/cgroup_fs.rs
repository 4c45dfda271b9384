//! The files of cgroup file systems: cgroup-v2.rst and the v1 documents of the kernel. Made when they are looked at.

use super::bandwidth::CPU_PERIOD_US;
use super::cgroup::Hierarchy;
use super::cgroup_io;
use super::kernel::Kernel;
use super::overlay::{last_of, parent_of};
use super::tables::{HostPid, Process};
use super::vfs::Attributes;
use crate::cpu_list;
use crate::errno::Errno;
use crate::host::Controller;
use crate::step::CpuShares;
use crate::userland::{FileKind, SysResult};

/// What a cgroup starts with.
const CPU_WEIGHT: u64 = 100;
const CPU_SHARES: u64 = 1024;
const SWAPPINESS: u64 = 60;
/// What v1 shows for no limit: the largest number of whole pages.
const V1_UNLIMITED: u64 = 9_223_372_036_854_771_712;

impl Kernel {
    fn hierarchy(&self, index: usize) -> SysResult<&Hierarchy> {
        self.hierarchies.get(index).ok_or(Errno::ENOENT)
    }

    /// The controllers whose files a cgroup has.
    fn controllers_of(&self, index: usize, path: &str) -> SysResult<Vec<Controller>> {
        let hierarchy = self.hierarchy(index)?;
        if !hierarchy.unified || path.is_empty() {
            return Ok(hierarchy.controllers.clone());
        }
        Ok(self.cgroup(index, parent_of(path))?.subtree.clone())
    }

    fn cgroup_files(&self, index: usize, path: &str) -> SysResult<Vec<&'static str>> {
        let unified = self.hierarchy(index)?.unified;
        let root = path.is_empty();
        let mut files: Vec<&'static str> = match (unified, root) {
            (true, true) => vec!["cgroup.controllers", "cgroup.procs", "cgroup.subtree_control"],
            (true, false) => {
                vec![
                    "cgroup.controllers",
                    "cgroup.events",
                    "cgroup.freeze",
                    "cgroup.procs",
                    "cgroup.subtree_control",
                    "cgroup.type",
                    "cgroup.kill",
                ]
            }
            (false, _) => vec!["cgroup.procs", "tasks", "notify_on_release"],
        };
        for controller in self.controllers_of(index, path)? {
            files.extend(match (controller, unified) {
                (Controller::Memory, true) if !root => {
                    &["memory.current", "memory.events", "memory.low", "memory.max", "memory.peak", "memory.swap.max"][..]
                }
                (Controller::Memory, false) => &[
                    "memory.failcnt",
                    "memory.limit_in_bytes",
                    "memory.memsw.limit_in_bytes",
                    "memory.oom_control",
                    "memory.soft_limit_in_bytes",
                    "memory.swappiness",
                    "memory.usage_in_bytes",
                ][..],
                (Controller::Devices, false) => &["devices.allow", "devices.deny", "devices.list"][..],
                (Controller::Pids, true) if root => &[][..],
                (Controller::Pids, false) if root => &["pids.current"][..],
                (Controller::Pids, _) => &["pids.current", "pids.events", "pids.max"][..],
                (Controller::Cpu, true) if !root => &["cpu.max", "cpu.stat", "cpu.weight"][..],
                (Controller::Cpu, false) => &["cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.shares", "cpu.stat"][..],
                (Controller::Freezer, false) if !root => &["freezer.parent_freezing", "freezer.self_freezing", "freezer.state"][..],
                (Controller::Cpuset, true) if root => &["cpuset.cpus.effective", "cpuset.mems.effective"][..],
                (Controller::Cpuset, true) => &["cpuset.cpus", "cpuset.cpus.effective", "cpuset.mems", "cpuset.mems.effective"][..],
                (Controller::Cpuset, false) => {
                    &["cpuset.cpus", "cpuset.effective_cpus", "cpuset.effective_mems", "cpuset.mems"][..]
                }
                (Controller::Io, true) if root => &["io.stat"][..],
                (Controller::Io, true) => &["io.max", "io.stat", "io.weight"][..],
                (Controller::Io, false) => cgroup_io::SPLIT_FILES,
                _ => &[][..],
            });
        }
        let weights = self.host.cgroup.block.weight.is_some() && !self.host.cgroup.block.weight_missing;
        files.retain(|file| weights || !matches!(*file, "io.weight" | "blkio.weight" | "blkio.weight_device"));
        files.sort_unstable();
        Ok(files)
    }

    pub(super) fn cgroup_attributes(&self, index: usize, path: &str) -> SysResult<Attributes> {
        let owner = if path.is_empty() { 0 } else { self.host.uid };
        if self.cgroup(index, path).is_ok() {
            return Ok(Attributes::made(FileKind::Directory, 0o755, owner, 0));
        }
        let name = last_of(path);
        if !self.cgroup_files(index, parent_of(path))?.contains(&name) {
            return Err(Errno::ENOENT);
        }
        let read_only = [
            "devices.list",
            "cgroup.controllers",
            "cgroup.events",
            "memory.current",
            "memory.events",
            "memory.peak",
            "pids.current",
            "cpu.stat",
            "io.stat",
            "blkio.throttle.io_service_bytes",
            "blkio.throttle.io_service_bytes_recursive",
        ];
        let mode = match name {
            _ if read_only.contains(&name) => 0o444,
            "cgroup.kill" | "devices.allow" | "devices.deny" => 0o200,
            _ => 0o644,
        };
        Ok(Attributes::made(FileKind::File, mode, owner, 0))
    }

    pub(super) fn cgroup_names(&self, index: usize, path: &str) -> SysResult<Vec<String>> {
        let mut names: Vec<String> = self.cgroup_files(index, path)?.into_iter().map(str::to_string).collect();
        let children = self.cgroups.keys().filter(|(of, other)| *of == index && !other.is_empty() && parent_of(other) == path);
        names.extend(children.map(|(_, other)| last_of(other).to_string()));
        names.sort_unstable();
        Ok(names)
    }

    pub(super) fn cgroup_text(&self, index: usize, path: &str, viewer: HostPid) -> SysResult<String> {
        let (directory, name) = (parent_of(path), last_of(path));
        let cgroup = self.cgroup(index, directory)?;
        let max = |limit: Option<u64>| limit.map_or_else(|| "max\n".to_string(), |limit| format!("{limit}\n"));
        let v1 = |limit: Option<u64>| format!("{}\n", limit.unwrap_or(V1_UNLIMITED));
        let period = cgroup.cpu_period.unwrap_or(CPU_PERIOD_US);
        Ok(match name {
            "cgroup.procs" | "tasks" => self.members_text(index, directory, viewer),
            "cgroup.controllers" => words(&self.controllers_of(index, directory)?),
            "cgroup.subtree_control" => words(&cgroup.subtree),
            "cgroup.events" => {
                let populated = u8::from(!self.cgroup_members(index, directory, true).is_empty());
                let frozen = u8::from(self.is_cgroup_frozen(index, directory));
                format!("populated {populated}\nfrozen {frozen}\n")
            }
            "cgroup.freeze" | "freezer.self_freezing" => format!("{}\n", u8::from(cgroup.frozen)),
            "freezer.parent_freezing" => format!("{}\n", u8::from(self.is_cgroup_frozen(index, parent_of(directory)))),
            "freezer.state" => format!("{}\n", if self.is_cgroup_frozen(index, directory) { "FROZEN" } else { "THAWED" }),
            "cgroup.type" => "domain\n".to_string(),
            "memory.max" => max(cgroup.memory_bytes_max),
            "memory.swap.max" => max(cgroup.swap_bytes_max),
            "memory.current" | "memory.usage_in_bytes" => format!("{}\n", self.memory_current(index, directory)),
            "memory.peak" => format!("{}\n", cgroup.memory_bytes_peak),
            "memory.events" => {
                let (most, kills) = (cgroup.max_events, cgroup.oom_kills);
                format!("low 0\nhigh 0\nmax {most}\noom {kills}\noom_kill {kills}\noom_group_kill 0\n")
            }
            "memory.oom_control" => {
                format!("oom_kill_disable {}\nunder_oom 0\noom_kill {}\n", u8::from(cgroup.oom_kill_disable), cgroup.oom_kills)
            }
            "memory.failcnt" => format!("{}\n", cgroup.max_events),
            "memory.limit_in_bytes" => v1(cgroup.memory_bytes_max),
            "memory.memsw.limit_in_bytes" => v1(cgroup.swap_bytes_max),
            "pids.max" => max(cgroup.pids_max),
            "pids.current" => format!("{}\n", self.pids_current(index, directory)),
            "pids.events" => format!("max {}\n", cgroup.pids_events),
            "cpu.max" => cgroup.cpu_quota.map_or_else(|| format!("max {period}\n"), |quota| format!("{quota} {period}\n")),
            "cpu.cfs_period_us" => format!("{period}\n"),
            "cpu.cfs_quota_us" => cgroup.cpu_quota.map_or_else(|| "-1\n".to_string(), |quota| format!("{quota}\n")),
            "memory.low" => format!("{}\n", cgroup.memory_reservation_bytes.unwrap_or(0)),
            "memory.soft_limit_in_bytes" => v1(cgroup.memory_reservation_bytes),
            "memory.swappiness" => format!("{}\n", cgroup.swappiness.unwrap_or(SWAPPINESS)),
            "cpu.weight" => format!("{}\n", cgroup.cpu_shares.unwrap_or(CPU_WEIGHT)),
            "cpu.shares" => format!("{}\n", cgroup.cpu_shares.unwrap_or(CPU_SHARES)),
            "cpuset.cpus" if directory.is_empty() => format!("{}\n", self.host.cpuset.0),
            "cpuset.mems" if directory.is_empty() => format!("{}\n", self.host.cpuset.1),
            "cpuset.cpus" => format!("{}\n", cgroup.cpuset_cpus),
            "cpuset.mems" => format!("{}\n", cgroup.cpuset_mems),
            "cpuset.cpus.effective" | "cpuset.effective_cpus" => format!("{}\n", self.effective_cpuset(index, directory, true)),
            "cpuset.mems.effective" | "cpuset.effective_mems" => format!("{}\n", self.effective_cpuset(index, directory, false)),
            "cpu.stat" => self.cpu_stat(index, directory)?,
            "devices.list" => match &cgroup.devices {
                None => "a *:* rwm\n".to_string(),
                Some(rules) => rules.iter().map(|rule| format!("{rule}\n")).collect(),
            },
            _ if cgroup_io::is_of_disks(name) => cgroup_io::text(cgroup, name).ok_or(Errno::EINVAL)?,
            "notify_on_release" => "0\n".to_string(),
            _ => return Err(Errno::EINVAL),
        })
    }

    /// The processors, or the memory nodes, that a process may use.
    pub(super) fn cpuset_of(&self, process: &Process, cpus: bool) -> String {
        let index = self.hierarchies.iter().position(|hierarchy| hierarchy.controllers.contains(&Controller::Cpuset));
        let own = index.and_then(|index| Some((index, process.cgroups.get(index)?)));
        let (index, directory) = own.map_or((0, ""), |(index, directory)| (index, directory));
        self.effective_cpuset(index, directory, cpus)
    }

    /// Its own list, else that of the next one above that has one, else all of the machine.
    fn effective_cpuset(&self, index: usize, directory: &str, cpus: bool) -> String {
        let of_host = if cpus { &self.host.cpuset.0 } else { &self.host.cpuset.1 };
        let mut at = directory;
        while !at.is_empty() {
            let own = self.cgroup(index, at).map(|found| if cpus { found.cpuset_cpus.clone() } else { found.cpuset_mems.clone() });
            match own {
                Ok(list) if !list.is_empty() => return list,
                _ => at = parent_of(at),
            }
        }
        of_host.clone()
    }

    fn members_text(&self, index: usize, directory: &str, viewer: HostPid) -> String {
        let ns = self.own_pid_ns(viewer);
        let members = self.cgroup_members(index, directory, false);
        members.into_iter().map(|pid| format!("{}\n", self.number_in(pid, ns).unwrap_or(0))).collect()
    }

    /// Version 1 leaves the time that was used to another controller, cpuacct.
    fn cpu_stat(&self, index: usize, directory: &str) -> SysResult<String> {
        let unified = self.hierarchy(index)?.unified;
        let waits = self.cgroup(index, directory)?.bandwidth.text(unified);
        if !unified {
            return Ok(waits);
        }
        let members = self.cgroup_members(index, directory, true);
        let used: u64 = members.iter().filter_map(|pid| self.processes.get(pid)).map(|process| process.cpu_ns).sum();
        Ok(format!("usage_usec {0}\nuser_usec {0}\nsystem_usec 0\n{waits}", used / 1000))
    }

    pub(super) fn cgroup_write(&mut self, index: usize, path: &str, viewer: HostPid, text: &str) -> SysResult<()> {
        let (directory, name) = (parent_of(path).to_string(), last_of(path));
        let text = text.trim();
        match name {
            "cgroup.procs" | "tasks" => return self.write_procs(index, &directory, viewer, text),
            "cgroup.subtree_control" => return self.write_subtree(index, &directory, text),
            "cgroup.kill" if text == "1" => {
                self.kill_cgroup(index, &directory);
                return Ok(());
            }
            _ => {}
        }
        if cgroup_io::is_of_disks(name) {
            return self.write_disk_limit(index, &directory, name, text);
        }
        if let "cgroup.freeze" | "freezer.state" = name {
            let frozen = match text {
                "1" | "FROZEN" => true,
                "0" | "THAWED" => false,
                _ => return Err(Errno::EINVAL),
            };
            return self.freeze_cgroup(index, &directory, frozen);
        }
        if let "cpuset.cpus" | "cpuset.mems" = name {
            return self.write_cpuset(index, &directory, name == "cpuset.cpus", text);
        }
        if name.starts_with("cpu.") {
            return self.write_processor_time(index, &directory, name, text);
        }
        let cgroup = self.cgroup_mut(index, &directory)?;
        match name {
            "memory.max" => cgroup.memory_bytes_max = limit(text)?.map(|bytes| bytes & !0xfff),
            "memory.swap.max" => cgroup.swap_bytes_max = limit(text)?.map(|bytes| bytes & !0xfff),
            // The limit of both together is never below that of memory alone.
            "memory.limit_in_bytes" => {
                let wanted = limit(text)?.map(|bytes| bytes & !0xfff);
                if wanted.unwrap_or(u64::MAX) > cgroup.swap_bytes_max.unwrap_or(u64::MAX) {
                    return Err(Errno::EINVAL);
                }
                cgroup.memory_bytes_max = wanted;
            }
            "memory.memsw.limit_in_bytes" => {
                let wanted = limit(text)?.map(|bytes| bytes & !0xfff);
                if wanted.unwrap_or(u64::MAX) < cgroup.memory_bytes_max.unwrap_or(u64::MAX) {
                    return Err(Errno::EINVAL);
                }
                cgroup.swap_bytes_max = wanted;
            }
            "memory.low" => cgroup.memory_reservation_bytes = limit(text)?.map(|bytes| bytes & !0xfff),
            "memory.soft_limit_in_bytes" => cgroup.memory_reservation_bytes = limit(text)?.map(|bytes| bytes & !0xfff),
            "memory.oom_control" if number(text)? > 1 => return Err(Errno::EINVAL),
            "memory.oom_control" => cgroup.oom_kill_disable = text == "1",
            "memory.swappiness" if number(text)? > 100 => return Err(Errno::EINVAL),
            "memory.swappiness" => cgroup.swappiness = Some(number(text)?),
            "pids.max" => cgroup.pids_max = limit(text)?,
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    fn write_processor_time(&mut self, index: usize, directory: &str, name: &str, text: &str) -> SysResult<()> {
        let cgroup = self.cgroup_mut(index, directory)?;
        match name {
            "cpu.weight" if !(1..=10_000).contains(&number(text)?) => return Err(Errno::ERANGE),
            "cpu.weight" => cgroup.cpu_shares = Some(number(text)?),
            "cpu.shares" => cgroup.cpu_shares = Some(number(text)?.clamp(CpuShares::MIN, CpuShares::MAX)),
            "cpu.cfs_quota_us" => cgroup.cpu_quota = limit(text)?,
            "cpu.cfs_period_us" => cgroup.cpu_period = Some(number(text)?),
            "cpu.max" => {
                let (quota, period) = text.split_once(' ').map_or((text, None), |(quota, period)| (quota, Some(period)));
                cgroup.cpu_quota = limit(quota)?;
                if let Some(period) = period {
                    cgroup.cpu_period = Some(number(period)?);
                }
            }
            _ => return Err(Errno::EINVAL),
        }
        cgroup.bandwidth.restart();
        self.has_quotas |= cgroup.cpu_quota.is_some();
        Ok(())
    }

    fn write_cpuset(&mut self, index: usize, directory: &str, cpus: bool, text: &str) -> SysResult<()> {
        let wanted = cpu_list::parse(text).ok_or(Errno::EINVAL)?;
        let of_host = if cpus { &self.host.cpuset.0 } else { &self.host.cpuset.1 };
        let there = cpu_list::parse(of_host).unwrap_or_default();
        if wanted.iter().any(|number| !there.contains(number)) && !self.hierarchy(index)?.unified {
            return Err(Errno::EINVAL);
        }
        let cgroup = self.cgroup_mut(index, directory)?;
        *(if cpus { &mut cgroup.cpuset_cpus } else { &mut cgroup.cpuset_mems }) = cpu_list::format(&wanted);
        Ok(())
    }

    fn write_procs(&mut self, index: usize, directory: &str, viewer: HostPid, text: &str) -> SysResult<()> {
        let number: u32 = text.parse().map_err(|_| Errno::EINVAL)?;
        let ns = self.own_pid_ns(viewer).ok_or(Errno::ESRCH)?;
        let pid = if number == 0 { viewer } else { self.by_number(ns, number).ok_or(Errno::ESRCH)? };
        // No internal processes: a v2 cgroup that gives controllers to its children has no processes itself.
        let gives = !directory.is_empty() && !self.cgroup(index, directory)?.subtree.is_empty();
        if gives && self.hierarchy(index)?.unified {
            return Err(Errno::EBUSY);
        }
        self.join_cgroup(index, directory, pid)
    }

    fn write_subtree(&mut self, index: usize, directory: &str, text: &str) -> SysResult<()> {
        let available = self.controllers_of(index, directory)?;
        let inhabited = !directory.is_empty() && !self.cgroup_members(index, directory, false).is_empty();
        for word in text.split_whitespace() {
            let (sign, name) = word.split_at_checked(1).ok_or(Errno::EINVAL)?;
            let controller = available.iter().copied().find(|controller| controller.name() == name).ok_or(Errno::ENOENT)?;
            let cgroup = self.cgroup_mut(index, directory)?;
            match sign {
                "+" if inhabited => return Err(Errno::EBUSY),
                "+" if !cgroup.subtree.contains(&controller) => cgroup.subtree.push(controller),
                "+" => {}
                "-" => cgroup.subtree.retain(|given| *given != controller),
                _ => return Err(Errno::EINVAL),
            }
            cgroup.subtree.sort_unstable();
        }
        Ok(())
    }

    /// SIGKILL to all in a cgroup and below.
    pub(super) fn kill_cgroup(&mut self, index: usize, directory: &str) {
        for pid in self.cgroup_members(index, directory, true) {
            self.end_process(pid, crate::userland::WaitStatus::Signaled(crate::userland::Signal::SIGKILL));
        }
    }
}

fn number(text: &str) -> SysResult<u64> {
    text.parse().map_err(|_| Errno::EINVAL)
}

/// `max`, and on version 1 -1, is no limit.
fn limit(text: &str) -> SysResult<Option<u64>> {
    if text == "max" || text == "-1" { Ok(None) } else { number(text).map(Some) }
}

/// `cpu io memory pids`, in the kernel's order.
fn words(controllers: &[Controller]) -> String {
    let order = [Controller::Cpuset, Controller::Cpu, Controller::Io, Controller::Memory, Controller::Pids];
    let names: Vec<&str> = order.iter().filter(|controller| controllers.contains(controller)).map(|c| c.name()).collect();
    names.join(" ") + "\n"
}
