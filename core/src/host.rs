//! `HostFacts`: what planning may know of the machine, as a value.
//!
//! Planning is pure: whatever it depends on besides the command and the state stands here. The native binary reads it off the machine
//! (`native/src/observe`), the playground takes [`HostFacts::example`], which is a stock Debian with cgroup v2.

use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::device::Device;
use crate::net::{InterfaceFact, Protocol, RouteFact, Rule};
use crate::oci::audit::StoreListing;
use crate::oci::capability::CapabilitySet;
use crate::query::MountFact;

/// What the files of a container that say how names become addresses are made of.
pub const NETWORK_FILES: [&str; 3] = ["/etc/hosts", crate::resolv_conf::PATH, crate::resolv_conf::BEHIND_SYSTEMD];

/// A file of [`NETWORK_FILES`] that is larger is not copied.
pub const NETWORK_FILE_BYTES_MAX: usize = 256 << 10;

/// Facts on the machine and the caller at the moment of planning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// uname(2) nodename.
    pub hostname: String,
    /// uname(2) release: `6.1.0-41-amd64`.
    pub kernel_release: String,
    /// uname(2) machine: `x86_64`.
    pub machine: String,
    /// Effective user of the engine; 0 is root.
    pub uid: u32,
    /// Effective group of the engine.
    pub gid: u32,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub now_ns: u64,
    /// Seconds by which the caller's clocks on the wall are ahead of UTC.
    #[serde(default)]
    pub utc_offset_seconds: i32,
    /// Fresh random bytes for this command; ids and names are made from them.
    pub entropy: [u8; 32],
    /// Where images and containers live: `/var/lib/glassbox`.
    pub data_root: String,
    /// How control groups are mounted.
    pub cgroup: CgroupLayout,
    /// The capabilities that the engine holds (permitted set).
    pub capabilities: CapabilitySet,
    /// Processors.
    pub cpus: u32,
    /// The processors that are online, and the memory nodes, as `--cpuset-cpus` and `--cpuset-mems` name them: `0-1`, `0`.
    #[serde(default)]
    pub cpuset: (String, String),
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// The caller's environment, for `-e NAME`.
    pub environment: BTreeMap<String, String>,
    /// Rows and columns of the caller's terminal, where stdin is one.
    pub terminal: Option<(u16, u16)>,
    /// An ordinary user may make user namespaces.
    pub user_namespaces: bool,
    /// The kernel has seccomp filters.
    pub seccomp: bool,
    /// The kernel has overlayfs.
    pub overlay: bool,
    /// The program that runs WebAssembly modules, `glassbox-wasi`; empty: it is not there, or no image asks for it.
    #[serde(default)]
    pub wasi_runtime: String,
    /// The embedded toolbox binary.
    pub toolbox: ToolboxFacts,
    /// Which of the paths that Docker masks or makes read-only exist in this kernel's /proc and /sys: absolute path, and whether it
    /// is a directory.
    #[serde(default)]
    pub guarded_paths: BTreeMap<String, bool>,
    /// The machine's own files that say how names become addresses ([`NETWORK_FILES`]): absolute path and text. A container on the host's
    /// network gets copies. One that the machine does not have is not here; one larger than [`NETWORK_FILE_BYTES_MAX`] is without its text.
    #[serde(default)]
    pub network_files: BTreeMap<String, Option<String>>,
    /// The file system that the data root lies on: type and source, as in /proc/mounts.
    pub data_mount: (String, String),
    /// What is mounted at /dev, whose devices a container in a user namespace of its own gets. `None`: as on Debian.
    #[serde(default)]
    pub dev_mount: Option<MountFact>,
    /// What is mounted at /dev/shm, which a container with `--ipc host` gets; its times are kept in one way or another. `None`: as usual.
    #[serde(default)]
    pub shm_mount: Option<MountFact>,
    /// The caller's working directory; absolute.
    #[serde(default)]
    pub cwd: String,
    /// What the host has at the paths that this command names as sources of bind mounts (`plan::Wanted`): only those that are there.
    #[serde(default)]
    pub sources: BTreeMap<String, SourceKind>,
    /// Who owns what the host has at the paths that this command asks about (`plan::Wanted`): only those that are there.
    #[serde(default)]
    pub owners: BTreeMap<String, OwnerFact>,
    /// The devices at the paths that this command names, and below them (`plan::Wanted`).
    #[serde(default)]
    pub devices: Vec<Device>,
    /// The names of the AppArmor profiles that are loaded; `None`: the kernel has no AppArmor, or it is off.
    #[serde(default)]
    pub apparmor: Option<BTreeSet<String>>,
    /// What the system calls itself (os-release(5)); looked at only for commands that show it (`plan::Wanted`).
    #[serde(default)]
    pub operating_system: String,
    /// What lies on the disk; looked at only for commands that show it (`plan::disk_usage`).
    #[serde(default)]
    pub disk: DiskUsage,
    /// The host's own network namespace; looked at only for commands that connect something to it (`plan::Wanted`).
    #[serde(default)]
    pub network: HostNetwork,
    /// What lies in the store; looked at only for commands that go through it.
    #[serde(default)]
    pub store: StoreListing,
}

/// What is in the host's own network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNetwork {
    /// Its interfaces.
    pub interfaces: Vec<InterfaceFact>,
    /// Its main routing tables.
    pub routes: Vec<RouteFact>,
    /// Settings that matter to whoever makes it a router, by name: `net.ipv4.ip_forward`.
    pub settings: BTreeMap<String, String>,
    /// The rules of the engine's own table; `None`: there is no such table.
    pub rules: Option<Vec<Rule>>,
    /// The ports at which its programs listen.
    pub listening: Vec<(Protocol, SocketAddr)>,
}

/// The settings that [`HostNetwork::settings`] has.
pub const ROUTER_SETTINGS: [&str; 1] = ["net.ipv4.ip_forward"];

/// Bytes on the disk: of a file with several names once, of directories nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskUsage {
    /// In each layer, by its diff id.
    pub layers: BTreeMap<String, u64>,
    /// What each container has written, by its id.
    pub containers: BTreeMap<String, u64>,
    /// In each volume.
    pub volumes: BTreeMap<String, u64>,
    /// In each directory that builds have as a cache, by its name.
    #[serde(default)]
    pub cache_mounts: BTreeMap<String, u64>,
}

/// Whose a file of the host is: inode(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerFact {
    /// As the host numbers users.
    pub uid: u32,
    /// As the host numbers groups.
    pub gid: u32,
    /// Permission bits, with set-id bits and the sticky bit.
    pub mode: u32,
    /// It is a directory.
    pub directory: bool,
}

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A directory.
    Directory,
    /// Anything else.
    File,
}

/// The embedded toolbox image: its one layer, and the binary in that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolboxFacts {
    /// Bytes of the binary.
    pub size_bytes: u64,
    /// `sha256:` and the digest of the layer's archive.
    pub diff_id: String,
    /// Bytes of that archive.
    pub archive_bytes: u64,
}

/// cgroups(7): which version is mounted, and where containers get theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupLayout {
    /// The version.
    pub version: CgroupVersion,
    /// Each controller that can be used, with the directory below which `glassbox/<id>` is made. On v2 all share one directory.
    pub controllers: Vec<ControllerMount>,
    /// The unified (v2) tree's directory, where there is one: `/sys/fs/cgroup`, hybrid: `/sys/fs/cgroup/unified`.
    pub unified: Option<String>,
    /// v2: the controllers already enabled for children of `unified` (its `cgroup.subtree_control`).
    pub enabled: Vec<Controller>,
    /// Swap can be limited: `memory.swap.max`, `memory.memsw.limit_in_bytes`.
    #[serde(default)]
    pub swap: bool,
    /// v1: processor time of real-time programs can be limited (CONFIG_RT_GROUP_SCHED).
    #[serde(default)]
    pub real_time_groups: bool,
    /// How disk time and rates are limited; looked at only for commands that need it (`plan::Wanted`).
    #[serde(default)]
    pub block: BlockLimits,
}

/// The files in which a cgroup takes what is said about disks. Docker looks for them, and discards what none takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockLimits {
    /// Of the share: v1 `blkio.weight`, v2 `io.weight`, with the BFQ scheduler `io.bfq.weight`.
    pub weight: Option<String>,
    /// Docker writes to that file, and this kernel does not have it (CONFIG_BLK_CGROUP_IOCOST): a start fails.
    pub weight_missing: bool,
    /// Of the share of one disk: v1 `blkio.weight_device`, v2 with the BFQ scheduler `io.bfq.weight`.
    pub weight_device: Option<String>,
    /// Rates can be limited.
    pub rates: bool,
}

/// Which cgroup trees are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CgroupVersion {
    /// One unified tree: today's default.
    V2,
    /// v1 controllers and a v2 tree without controllers.
    Hybrid,
    /// v1 only.
    V1,
    /// None that this user may write to: no limits.
    None,
}

/// A controller of cgroups(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Controller {
    /// memory
    Memory,
    /// cpu
    Cpu,
    /// pids
    Pids,
    /// devices (v1 only; v2 does it by eBPF)
    Devices,
    /// freezer (v1; part of the core on v2)
    Freezer,
    /// cpuset
    Cpuset,
    /// io (v2), blkio (v1)
    Io,
}

impl Controller {
    /// The name in `cgroup.controllers`.
    pub fn name(self) -> &'static str {
        match self {
            Controller::Memory => "memory",
            Controller::Cpu => "cpu",
            Controller::Pids => "pids",
            Controller::Devices => "devices",
            Controller::Freezer => "freezer",
            Controller::Cpuset => "cpuset",
            Controller::Io => "io",
        }
    }

    /// The name as a tree of version 1.
    pub fn split_name(self) -> &'static str {
        if self == Controller::Io { "blkio" } else { self.name() }
    }
}

/// Where a controller is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerMount {
    /// Which.
    pub controller: Controller,
    /// The directory below which cgroups can be made.
    pub directory: String,
}

impl CgroupLayout {
    /// The directory of `controller`, if it can be used.
    pub fn directory(&self, controller: Controller) -> Option<&str> {
        self.controllers.iter().find(|mount| mount.controller == controller).map(|mount| mount.directory.as_str())
    }

    /// A stock v2 layout at `/sys/fs/cgroup`, with memory, cpu and pids enabled as systemd does.
    pub fn stock_v2() -> CgroupLayout {
        let enabled = vec![Controller::Memory, Controller::Cpu, Controller::Pids];
        let directory = "/sys/fs/cgroup".to_string();
        let all = enabled.iter().copied().chain([Controller::Cpuset, Controller::Io]);
        let block = BlockLimits { weight: Some("io.weight".to_string()), weight_missing: false, weight_device: None, rates: true };
        CgroupLayout {
            version: CgroupVersion::V2,
            controllers: all.map(|controller| ControllerMount { controller, directory: directory.clone() }).collect(),
            unified: Some(directory),
            enabled,
            swap: true,
            real_time_groups: false,
            block,
        }
    }
}

/// Whether a kernel's release is that of a version or of a later one: major and minor are compared.
pub(crate) fn is_at_least(release: &str, wanted: &str) -> bool {
    let numbers = |text: &str| {
        let mut numbers = text.split(|other: char| !other.is_ascii_digit()).map(|word| word.parse::<u32>().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    };
    numbers(release) >= numbers(wanted)
}

impl HostFacts {
    /// The modelled machine of the playground: a stock Debian 12 with cgroup v2, used by root.
    pub fn example() -> HostFacts {
        HostFacts {
            hostname: "linux".into(),
            kernel_release: "6.1.0-41-cloud-amd64".into(),
            machine: "x86_64".into(),
            uid: 0,
            gid: 0,
            now_ns: 1_795_000_000_000_000_000,
            utc_offset_seconds: 0,
            entropy: [7; 32],
            data_root: "/var/lib/glassbox".into(),
            cgroup: CgroupLayout::stock_v2(),
            capabilities: CapabilitySet::ALL,
            cpus: 2,
            cpuset: ("0-1".into(), "0".into()),
            memory_bytes: 4 << 30,
            environment: BTreeMap::new(),
            terminal: Some((24, 80)),
            user_namespaces: true,
            seccomp: true,
            overlay: true,
            wasi_runtime: "/usr/local/bin/glassbox-wasi".into(),
            toolbox: ToolboxFacts { size_bytes: 900_000, diff_id: format!("sha256:{}", "0".repeat(64)), archive_bytes: 950_000 },
            guarded_paths: stock_guarded_paths(),
            network_files: stock_network_files("linux"),
            data_mount: ("ext4".into(), "/dev/vda1".into()),
            dev_mount: None,
            shm_mount: None,
            cwd: "/root".into(),
            sources: BTreeMap::new(),
            owners: BTreeMap::new(),
            devices: Vec::new(),
            apparmor: None,
            operating_system: String::new(),
            network: HostNetwork::default(),
            disk: DiskUsage::default(),
            store: StoreListing::default(),
        }
    }

    /// The engine runs as root of the machine.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }
}

fn stock_network_files(hostname: &str) -> BTreeMap<String, Option<String>> {
    let texts = [format!("127.0.0.1\tlocalhost\n127.0.1.1\t{hostname}\n"), "nameserver 9.9.9.9\n".to_string()];
    NETWORK_FILES.iter().map(|path| (*path).to_string()).zip(texts.map(Some)).collect()
}

/// What of the guarded paths a stock Debian 12 cloud kernel has.
fn stock_guarded_paths() -> BTreeMap<String, bool> {
    let directories = ["/proc/acpi", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/sys/firmware"];
    let files = ["/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger"];
    let directories = directories.iter().map(|path| ((*path).to_string(), true));
    directories.chain(files.iter().map(|path| ((*path).to_string(), false))).collect()
}
