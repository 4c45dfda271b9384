//! Steps on control groups, in words.

use super::{Call, Explanation, base, call, explanation, quoted};
use crate::device::DeviceRule;
use crate::step::{CgroupStep, Limit, freezer_word};

fn write(file: &str, value: &str) -> Vec<Call> {
    let length = value.len().to_string();
    vec![call("openat", &["AT_FDCWD", &quoted(file), "O_WRONLY|O_CLOEXEC"]), call("write", &["…", &quoted(value), &length])]
}

pub(super) fn explain(step: &CgroupStep) -> Explanation {
    match step {
        CgroupStep::EnableControllers { directory, controllers } => {
            let value: Vec<String> = controllers.iter().map(|controller| format!("+{}", controller.name())).collect();
            let file = format!("{directory}/cgroup.subtree_control");
            let why = "A cgroup has the files of a controller only if its parent enables that controller for its children.";
            explanation(
                format!("Enable {} for child cgroups", value.join(" ")),
                why,
                write(&file, &value.join(" ")),
                &[&format!("cat {file}")],
                "cgroup",
            )
        }
        CgroupStep::CreateCgroup { directory, controllers, shared } => {
            let names: Vec<&str> = controllers.iter().map(|controller| controller.name()).collect();
            let why = if *shared {
                "What is set for this group holds for all that is below it, together. It was not there, and goes when it is empty."
            } else {
                "A directory in this file system is a control group. The kernel fills it with the files to read and set."
            };
            let calls = vec![call("mkdir", &[&quoted(directory), "0755"])];
            explanation(
                format!("Make a control group {}for {}", if *shared { "above it " } else { "" }, names.join(", ")),
                why,
                calls,
                &[&format!("ls {directory}")],
                "cgroup",
            )
        }
        CgroupStep::WriteLimit { file, value, limit, .. } => {
            let why = limit_why(*limit);
            let headline = format!("Limit {}: write {value} to {}", limit_name(*limit), base(file));
            explanation(headline, why, write(file, value), &[&format!("cat {file}")], "cgroup")
        }
        CgroupStep::JoinCgroup { directory } => {
            let calls = write(&format!("{directory}/tasks"), "0");
            let why = "A process starts in its parent's cgroup, and so will its own children. It moves itself: 0 stands for whoever writes.";
            explanation("Move into the control group", why, calls, &["cat /proc/PID/cgroup"], "cgroup")
        }
        CgroupStep::SetFreezer { file, frozen, .. } => {
            let (headline, why) = if *frozen {
                let why = "The kernel lets none of the group's processes run any further. They stay in memory and notice nothing.";
                ("Freeze the control group", why)
            } else {
                ("Let the control group go on", "The processes go on where they were. Signals sent meanwhile reach them now.")
            };
            explanation(headline, why, write(file, freezer_word(file, *frozen)), &[&format!("cat {file}")], "cgroup")
        }
        CgroupStep::RestrictDevices { directory, rules, program } => restrict(directory, rules, *program),
        CgroupStep::RemoveCgroup { directory, shared } => {
            let calls = vec![call("rmdir", &[&quoted(directory)])];
            let (headline, why) = match shared {
                false => ("Remove the control group", "A cgroup stays until it is removed, even an empty one."),
                true => {
                    ("Remove the control group above it", "It was made for containers, and the kernel keeps it while one is in it.")
                }
            };
            explanation(headline, why, calls, &[&format!("ls -d {directory}")], "end")
        }
    }
}

fn restrict(directory: &str, rules: &[DeviceRule], program: bool) -> Explanation {
    let why = "On every mknod and open of a device the kernel asks this list. What is not on it is refused with EPERM.";
    let headline = format!("Allow {} kinds of devices and no others", rules.len());
    if program {
        let calls = vec![
            call("openat", &["AT_FDCWD", &quoted(directory), "…"]),
            call("bpf", &["BPF_PROG_LOAD", "{prog_type=BPF_PROG_TYPE_CGROUP_DEVICE, …", "…"]),
            call("bpf", &["BPF_PROG_ATTACH", "…", "…"]),
        ];
        return explanation(headline, why, calls, &[&format!("bpftool cgroup show {directory}")], "cgroup");
    }
    let mut calls = write(&format!("{directory}/devices.deny"), "a");
    calls.push(call("openat", &["AT_FDCWD", &quoted(&format!("{directory}/devices.allow")), "…"]));
    calls.extend(rules.iter().map(|rule| {
        let text = rule.to_string();
        call("write", &["…", &quoted(&text), &text.len().to_string()])
    }));
    explanation(headline, why, calls, &[&format!("cat {directory}/devices.list")], "cgroup")
}

fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::Memory => "memory",
        Limit::Swap => "swap",
        Limit::Pids => "processes",
        Limit::CpuQuota => "processor time",
        Limit::CpuPeriod => "the period",
        Limit::MemoryReservation => "memory that is kept",
        Limit::Swappiness => "swapping",
        Limit::OomKillDisable => "what happens when memory is out",
        Limit::CpuShares => "the share of processor time",
        Limit::CpusetCpus => "the processors",
        Limit::CpusetMems => "the memory nodes",
        Limit::BlockWeight => "the share of disk time",
        Limit::BlockDeviceWeight => "the share of a disk's time",
        Limit::BlockReadBytes => "bytes read",
        Limit::BlockWriteBytes => "bytes written",
        Limit::BlockReads => "reads",
        Limit::BlockWrites => "writes",
    }
}

fn limit_why(limit: Limit) -> &'static str {
    match limit {
        Limit::Memory => "All processes of the container together may use so many bytes. Beyond that the kernel ends one of them.",
        Limit::Swap => {
            "Without a limit of swap a limit of memory only moves what is beyond it out to disk. v1 counts both together."
        }
        Limit::MemoryReservation => "When the host is short of memory, it takes from others first until they are down to theirs.",
        Limit::OomKillDisable => "A process that finds no memory left waits until others give some back, instead of being ended.",
        Limit::Swappiness => "0 keeps memory in place as long as that can be done, 100 moves it to disk readily.",
        Limit::CpuShares => {
            "It counts only while others want the processor too: then time is dealt out in proportion to these numbers."
        }
        Limit::CpusetCpus => "The scheduler runs the container's processes on these processors and on no other.",
        Limit::CpusetMems => "Memory comes from these nodes of the machine. Machines with one processor socket have one, node 0.",
        Limit::Pids => {
            "No more processes and threads than this can exist at once in the container. Beyond that fork fails with EAGAIN."
        }
        Limit::CpuQuota => {
            "In each period the container's processes may run for so many microseconds. Then they wait for the next."
        }
        Limit::BlockWeight | Limit::BlockDeviceWeight => {
            "It counts only while others want the disk too: then its scheduler deals out time in proportion to these numbers."
        }
        Limit::BlockReadBytes | Limit::BlockWriteBytes => {
            "The disk, by its numbers, serves the container so many bytes a second. What is beyond that waits; nothing fails."
        }
        Limit::BlockReads | Limit::BlockWrites => {
            "The disk, by its numbers, serves the container so many requests a second. What is beyond that waits; nothing fails."
        }
        Limit::CpuPeriod => "The length of the period in which the quota counts, in microseconds.",
    }
}
