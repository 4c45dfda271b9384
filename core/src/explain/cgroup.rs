//! Steps on control groups, in words.

use super::{Call, Explanation, base, call, explanation, quoted};
use crate::step::{CgroupStep, Limit};

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
        CgroupStep::CreateCgroup { directory, controllers } => {
            let names: Vec<&str> = controllers.iter().map(|controller| controller.name()).collect();
            let why = "A directory in this file system is a control group. The kernel fills it with the files to read and set.";
            let calls = vec![call("mkdir", &[&quoted(directory), "0755"])];
            explanation(
                format!("Make a control group for {}", names.join(", ")),
                why,
                calls,
                &[&format!("ls {directory}")],
                "cgroup",
            )
        }
        CgroupStep::WriteLimit { file, value, limit } => {
            let why = limit_why(*limit);
            let headline = format!("Limit {}: write {value} to {}", limit_name(*limit), base(file));
            explanation(headline, why, write(file, value), &[&format!("cat {file}")], "cgroup")
        }
        CgroupStep::JoinCgroup { directory } => {
            let calls = write(&format!("{directory}/tasks"), "0");
            let why = "A process starts in its parent's cgroup, and so will its own children. It moves itself: 0 stands for whoever writes.";
            explanation("Move into the control group", why, calls, &["cat /proc/PID/cgroup"], "cgroup")
        }
        CgroupStep::RemoveCgroup { directory } => {
            let calls = vec![call("rmdir", &[&quoted(directory)])];
            let why = "A cgroup stays until it is removed, even an empty one.";
            explanation("Remove the control group", why, calls, &[&format!("ls -d {directory}")], "end")
        }
    }
}

fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::Memory => "memory",
        Limit::Swap => "swap",
        Limit::Pids => "processes",
        Limit::CpuQuota => "processor time",
        Limit::CpuPeriod => "the period",
    }
}

fn limit_why(limit: Limit) -> &'static str {
    match limit {
        Limit::Memory => "All processes of the container together may use so many bytes. Beyond that the kernel ends one of them.",
        Limit::Swap => "So many bytes may be moved out to disk.",
        Limit::Pids => {
            "No more processes and threads than this can exist at once in the container. Beyond that fork fails with EAGAIN."
        }
        Limit::CpuQuota => {
            "In each period the container's processes may run for so many microseconds. Then they wait for the next."
        }
        Limit::CpuPeriod => "The length of the period in which the quota counts, in microseconds.",
    }
}
