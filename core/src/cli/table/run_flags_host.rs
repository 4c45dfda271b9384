//! The flags of `run` and `create` on what the host lends: memory, processors, devices, privileges, namespaces.

use super::run_flags::both;
use super::{FlagRow, Kind};

/// The rows.
pub(super) const ROWS: &[FlagRow] = &[
    both("blkio-weight", Kind::Uint16, "Share of disk time, 10 to 1000; 0: no say", "--blkio-weight 500")
        .default("0")
        .carried_out(),
    both("blkio-weight-device", Kind::BlkioWeight, "Share of one disk's time", "--blkio-weight-device /dev/sda:200")
        .default("[]")
        .carried_out(),
    both("cap-add", Kind::List, "Give one more capability, or ALL", "--cap-add NET_ADMIN").carried_out(),
    both("cap-drop", Kind::List, "Take one capability away, or ALL", "--cap-drop ALL").carried_out(),
    both("cgroup-parent", Kind::Text, "The cgroup under which the container's own is made", "--cgroup-parent /batch").carried_out(),
    both("cgroupns", Kind::Text, "Cgroup namespace: host or private", "--cgroupns private").carried_out(),
    both("cpu-count", Kind::Int, "Number of processors (Windows)", "--cpu-count 2").default("0"),
    both("cpu-percent", Kind::Int, "Percent of the processors (Windows)", "--cpu-percent 50").default("0"),
    both("cpu-period", Kind::Int, "Length of a scheduling period, microseconds", "--cpu-period 100000").default("0").carried_out(),
    both("cpu-quota", Kind::Int, "Processor time in each period, microseconds", "--cpu-quota 50000").default("0").carried_out(),
    both("cpu-rt-period", Kind::Int, "Length of a real-time period, microseconds", "--cpu-rt-period 1000000")
        .default("0")
        .carried_out(),
    both("cpu-rt-runtime", Kind::Int, "Real-time processor time in each period, microseconds", "--cpu-rt-runtime 950000")
        .default("0")
        .carried_out(),
    both("cpu-shares", Kind::Int, "Share of processor time when others want it too", "-c 512")
        .short('c')
        .default("0")
        .carried_out(),
    both("cpus", Kind::Decimal, "At most so many processors", "--cpus 1.5").carried_out(),
    both("cpuset-cpus", Kind::Text, "Only these processors", "--cpuset-cpus 0-3").carried_out(),
    both("cpuset-mems", Kind::Text, "Only memory of these nodes", "--cpuset-mems 0,1").carried_out(),
    both("device", Kind::List, "Lend a device of the host", "--device /dev/fuse").carried_out(),
    both("device-cgroup-rule", Kind::DeviceCgroupRule, "Allow a class of devices", "--device-cgroup-rule 'c 10:229 rwm'")
        .carried_out(),
    both("device-read-bps", Kind::DeviceBytes, "Bytes a second read from a device", "--device-read-bps /dev/sda:1mb")
        .default("[]")
        .carried_out(),
    both("device-read-iops", Kind::DeviceRate, "Reads a second from a device", "--device-read-iops /dev/sda:1000")
        .default("[]")
        .carried_out(),
    both("device-write-bps", Kind::DeviceBytes, "Bytes a second written to a device", "--device-write-bps /dev/sda:1mb")
        .default("[]")
        .carried_out(),
    both("device-write-iops", Kind::DeviceRate, "Writes a second to a device", "--device-write-iops /dev/sda:1000")
        .default("[]")
        .carried_out(),
    both("gpus", Kind::Gpus, "Lend graphics processors: all, or how many", "--gpus all"),
    both("io-maxbandwidth", Kind::Bytes, "Bytes a second of the system disk (Windows)", "--io-maxbandwidth 1mb").default("0"),
    both("io-maxiops", Kind::Uint, "Operations a second of the system disk (Windows)", "--io-maxiops 100").default("0"),
    both(
        "ipc",
        Kind::Text,
        "Namespace of shared memory and message queues: private, shareable, host, container:NAME",
        "--ipc host",
    )
    .carried_out(),
    both("isolation", Kind::Text, "How containers are kept apart (Windows)", "--isolation process").carried_out(),
    both("kernel-memory", Kind::Bytes, "Memory of the kernel's for it; no longer has a meaning", "--kernel-memory 50m")
        .default("0"),
    both("memory", Kind::Bytes, "At most so much memory", "-m 64m").short('m').default("0").carried_out(),
    both("memory-reservation", Kind::Bytes, "Memory to keep within when others want it too", "--memory-reservation 32m")
        .default("0")
        .carried_out(),
    both("memory-swap", Kind::SwapBytes, "At most so much memory and swap together; -1: no limit", "--memory-swap 128m")
        .default("0")
        .carried_out(),
    both("memory-swappiness", Kind::Int, "How readily its memory is swapped out, 0 to 100", "--memory-swappiness 0")
        .default("-1")
        .carried_out(),
    both("oom-kill-disable", Kind::Bool, "When memory is out, wait and do not kill", "--oom-kill-disable").carried_out(),
    both(
        "oom-score-adj",
        Kind::Int,
        "How readily it is killed when the host's memory is out, -1000 to 1000",
        "--oom-score-adj 500",
    )
    .default("0")
    .carried_out(),
    both("pid", Kind::Text, "Namespace of processes: host, container:NAME", "--pid host").carried_out(),
    both("pids-limit", Kind::Int, "At most so many processes; -1: no limit", "--pids-limit 50").default("0").carried_out(),
    both("privileged", Kind::Bool, "Take the fences down: every capability, every device, no seccomp filter", "--privileged")
        .carried_out(),
    both(
        "security-opt",
        Kind::List,
        "no-new-privileges, seccomp=…, apparmor=…, label=…, systempaths=…",
        "--security-opt no-new-privileges",
    )
    .carried_out(),
    both("shm-size", Kind::Bytes, "Size of /dev/shm", "--shm-size 128m").default("0").carried_out(),
    both("sysctl", Kind::Sysctl, "Set a kernel setting of its namespaces", "--sysctl net.ipv4.ip_forward=1")
        .default("map[]")
        .carried_out(),
    both("ulimit", Kind::Ulimit, "Set a limit of each process: soft, or soft:hard", "--ulimit nofile=1024:2048")
        .default("[]")
        .carried_out(),
    both(
        "time-offset",
        Kind::List,
        "Give it a time namespace with a clock that is so far ahead: monotonic=…, boottime=…; Docker has no flag for it",
        "--time-offset boottime=240h",
    )
    .own()
    .carried_out(),
    both("userns", Kind::Text, "Namespace of users: host", "--userns host").carried_out(),
    both(
        "userns-own",
        Kind::Bool,
        "Give it a user namespace of its own, with the ids of the host; Docker's daemon has --userns-remap for all containers",
        "--userns-own",
    )
    .own()
    .carried_out(),
    both("uts", Kind::Text, "Namespace of host names: host", "--uts host").carried_out(),
];
