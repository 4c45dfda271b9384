//! How control groups are mounted, and where ours can be made: cgroups(7).
//!
//! Root makes them below the root of each tree (the mount's directory), so that nothing depends on the cgroup from which the engine was
//! called. An ordinary user can use only what was delegated to her: the parent of her own cgroup on v2, where she may write to it.

use std::fs;
use std::path::{Path, PathBuf};

use glassbox_core::host::{BlockLimits, CgroupLayout, CgroupVersion, Controller, ControllerMount};

use super::mountinfo::Mount;
use crate::sys;

/// What a v2 tree offers us. (Devices are done by eBPF there, freezing is part of the core.)
const UNIFIED: [Controller; 5] = [Controller::Memory, Controller::Cpu, Controller::Pids, Controller::Cpuset, Controller::Io];
const ALL: [Controller; 7] = [
    Controller::Memory,
    Controller::Cpu,
    Controller::Pids,
    Controller::Devices,
    Controller::Freezer,
    Controller::Cpuset,
    Controller::Io,
];

/// The layout, from the mounts and the text of /proc/self/cgroup.
pub fn layout(mounts: &[Mount], own: &str, is_root: bool) -> CgroupLayout {
    let split: Vec<ControllerMount> = ALL.into_iter().filter_map(|controller| split_mount(mounts, controller)).collect();
    let unified = mounts.iter().find(|mount| mount.fs_type == "cgroup2");
    let is_split =
        mounts.iter().any(|mount| mount.fs_type == "cgroup" && ALL.iter().any(|it| mount.has_super_option(it.split_name())));
    match unified {
        Some(unified) if !is_split => unified_layout(unified, own, is_root),
        _ => split_layout(split, unified),
    }
}

fn none() -> CgroupLayout {
    CgroupLayout {
        version: CgroupVersion::None,
        controllers: Vec::new(),
        unified: None,
        enabled: Vec::new(),
        swap: false,
        real_time_groups: false,
        block: BlockLimits::default(),
    }
}

fn unified_layout(mount: &Mount, own: &str, is_root: bool) -> CgroupLayout {
    let directory = if is_root { Some(PathBuf::from(&mount.target)) } else { delegated(Path::new(&mount.target), own) };
    let usable = directory.filter(|directory| can_write(&directory.join("cgroup.subtree_control")));
    let Some(text) = usable.as_deref().and_then(Path::to_str).map(str::to_string) else { return none() };
    let named = |file: &str| fs::read_to_string(Path::new(&text).join(file)).unwrap_or_default();
    let (available, enabled) = (named("cgroup.controllers"), named("cgroup.subtree_control"));
    let of = |list: &str| UNIFIED.into_iter().filter(|it| list.split_whitespace().any(|word| word == it.name())).collect();
    let available: Vec<Controller> = of(&available);
    let controllers = available.into_iter().map(|controller| ControllerMount { controller, directory: text.clone() });
    CgroupLayout {
        version: CgroupVersion::V2,
        controllers: controllers.collect(),
        enabled: of(&enabled),
        swap: a_child_has(Path::new(&text), "memory.swap.max"),
        real_time_groups: false,
        block: BlockLimits::default(),
        unified: Some(text.clone()),
    }
}

/// The root of a v2 tree has no limits: whether the kernel knows this one is seen in any cgroup below it. One without any is taken for
/// a stock kernel's, which does.
fn a_child_has(directory: &Path, file: &str) -> bool {
    let children = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut limited = children.filter(|child| child.join("memory.max").exists()).peekable();
    limited.peek().is_none() || limited.any(|child| child.join(file).exists())
}

/// The files on disks. v1: those that dockerd looks for in the root of the tree. v2: the root has none, and where a cgroup with the
/// controller is yet to be made, the BFQ scheduler brings its own file if the kernel has it.
pub fn block_limits(layout: &CgroupLayout) -> BlockLimits {
    let Some(directory) = layout.directory(Controller::Io).map(Path::new) else { return BlockLimits::default() };
    if layout.version != CgroupVersion::V2 {
        let there = |file: &str| directory.join(file).exists().then(|| file.to_string());
        return BlockLimits {
            weight: there("blkio.weight"),
            weight_missing: false,
            weight_device: there("blkio.weight_device"),
            rates: there("blkio.throttle.read_bps_device").is_some(),
        };
    }
    let children = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let limited: Vec<PathBuf> = children.filter(|child| child.join("io.stat").exists()).collect();
    let loaded = limited.is_empty() && Path::new("/sys/module/bfq").exists();
    let bfq = loaded || limited.iter().any(|child| child.join("io.bfq.weight").exists());
    let file = |name: &str| Some(name.to_string());
    let has = |place: &PathBuf| place.join("io.weight").exists() || place.join("io.cost.qos").exists();
    BlockLimits {
        weight: file(if bfq { "io.bfq.weight" } else { "io.weight" }),
        weight_missing: !bfq && !has(&directory.to_path_buf()) && !limited.iter().any(has),
        weight_device: if bfq { file("io.bfq.weight") } else { None },
        rates: true,
    }
}

/// The parent of the own cgroup, if its owner is this user: systemd gives `user@UID.service` and what is below to the user.
fn delegated(mount: &Path, own: &str) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let parent = Path::new(path).parent()?;
    let directory = mount.join(parent);
    // A process may only be moved by who may write to the common ancestor's cgroup.procs.
    can_write(&directory.join("cgroup.procs")).then_some(directory)
}

/// v1, the unified tree beside it being without controllers.
fn split_layout(controllers: Vec<ControllerMount>, unified: Option<&Mount>) -> CgroupLayout {
    let unified = unified.map(|mount| mount.target.clone()).filter(|target| can_write(&Path::new(target).join("cgroup.procs")));
    let version = match (controllers.is_empty(), &unified) {
        (true, _) => return none(),
        (false, Some(_)) => CgroupVersion::Hybrid,
        (false, None) => CgroupVersion::V1,
    };
    let memory = controllers.iter().find(|mount| mount.controller == Controller::Memory);
    let swap = memory.is_some_and(|mount| Path::new(&mount.directory).join("memory.memsw.limit_in_bytes").exists());
    let cpu = controllers.iter().find(|mount| mount.controller == Controller::Cpu);
    let real_time_groups = cpu.is_some_and(|mount| Path::new(&mount.directory).join("cpu.rt_runtime_us").exists());
    CgroupLayout { version, controllers, unified, enabled: Vec::new(), swap, real_time_groups, block: BlockLimits::default() }
}

/// Where a v1 controller is mounted, alone or with others (`cpu,cpuacct`), if cgroups can be made there.
fn split_mount(mounts: &[Mount], controller: Controller) -> Option<ControllerMount> {
    let mount = mounts.iter().find(|mount| mount.fs_type == "cgroup" && mount.has_super_option(controller.split_name()))?;
    let directory = mount.target.clone();
    can_write(&Path::new(&directory).join("cgroup.procs")).then_some(ControllerMount { controller, directory })
}

/// access(2) tells more than mode bits: read-only mounts and capabilities count too.
fn can_write(file: &Path) -> bool {
    sys::file::is_writable(file)
}

#[cfg(test)]
mod tests {
    use super::super::mountinfo;
    use super::*;
    use crate::test_support::TempRoot;

    /// A directory with the files of a cgroup.
    fn cgroup(path: &Path, controllers: &str, enabled: &str) {
        fs::create_dir_all(path).unwrap();
        fs::write(path.join("cgroup.procs"), "").unwrap();
        fs::write(path.join("cgroup.controllers"), controllers).unwrap();
        fs::write(path.join("cgroup.subtree_control"), enabled).unwrap();
    }

    fn mounts(lines: &[(&Path, &str, &str)]) -> Vec<Mount> {
        let line =
            |(path, kind, options): &(&Path, &str, &str)| format!("1 1 0:1 / {} rw - {kind} {kind} rw,{options}\n", path.display());
        mountinfo::parse(lines.iter().map(line).collect::<String>().as_bytes())
    }

    #[test]
    fn a_stock_machine() {
        let root = TempRoot::new();
        cgroup(root.path(), "cpuset cpu io memory hugetlb pids rdma misc\n", "cpu memory pids\n");
        let found = layout(&mounts(&[(root.path(), "cgroup2", "nsdelegate")]), "0::/init.scope\n", true);
        let directory = root.path().to_str().unwrap().to_string();
        let stock = CgroupLayout::stock_v2();
        let controllers = stock.controllers.iter().map(|mount| ControllerMount { directory: directory.clone(), ..mount.clone() });
        let (controllers, block) = (controllers.collect(), BlockLimits::default());
        assert_eq!(found, CgroupLayout { controllers, unified: Some(directory), block, ..stock });
        let block = block_limits(&found);
        assert_eq!((block.weight.is_some(), block.weight_missing, block.rates), (true, true, true));
        fs::write(root.path().join("io.cost.qos"), "").unwrap();
        assert!(!block_limits(&found).weight_missing);
        fs::create_dir(root.path().join("a.slice")).unwrap();
        ["io.stat", "io.bfq.weight"].iter().for_each(|file| fs::write(root.path().join("a.slice").join(file), "").unwrap());
        let bfq = Some("io.bfq.weight".to_string());
        assert_eq!(
            block_limits(&found),
            BlockLimits { weight: bfq.clone(), weight_missing: false, weight_device: bfq, rates: true }
        );
    }

    #[test]
    fn an_ordinary_user_has_what_was_delegated_or_nothing() {
        let root = TempRoot::new();
        let mount = mounts(&[(root.path(), "cgroup2", "")]);
        let slice = root.path().join("user.slice/user@1000.service/app.slice");
        cgroup(&slice, "memory pids", "memory");
        let found = layout(&mount, "0::/user.slice/user@1000.service/app.slice/shell.scope\n", false);
        assert_eq!((found.version, found.unified.as_deref()), (CgroupVersion::V2, slice.to_str()));
        assert_eq!((found.enabled, found.controllers.len()), (vec![Controller::Memory], 2));
        let session = "0::/user.slice/user-1000.slice/session-1.scope\n";
        assert_eq!(layout(&mount, session, false), none());
        assert_eq!(layout(&[], session, true), none());
    }

    #[test]
    fn controllers_mounted_together_and_a_tree_without_any() {
        let root = TempRoot::new();
        let (cpu, memory, unified) = (root.path().join("cpu,cpuacct"), root.path().join("memory"), root.path().join("unified"));
        for path in [&cpu, &memory, &unified] {
            cgroup(path, "", "");
        }
        let systemd = root.path().join("systemd");
        let split = [
            (cpu.as_path(), "cgroup", "cpu,cpuacct"),
            (memory.as_path(), "cgroup", "memory"),
            (systemd.as_path(), "cgroup", "xattr,name=systemd"),
            (unified.as_path(), "cgroup2", ""),
        ];
        let own = "4:memory:/deep/down\n0::/\n";
        let hybrid = layout(&mounts(&split), own, true);
        assert_eq!((hybrid.version, hybrid.unified.as_deref()), (CgroupVersion::Hybrid, unified.to_str()));
        assert_eq!(hybrid.directory(Controller::Cpu), cpu.to_str());
        assert_eq!((hybrid.directory(Controller::Memory), hybrid.directory(Controller::Pids)), (memory.to_str(), None));
        assert_eq!(block_limits(&hybrid), BlockLimits::default());
        let v1 = layout(&mounts(&split[..3]), own, true);
        assert_eq!((v1.version, v1.unified), (CgroupVersion::V1, None));
        fs::remove_file(cpu.join("cgroup.procs")).unwrap();
        fs::remove_file(memory.join("cgroup.procs")).unwrap();
        assert_eq!(layout(&mounts(&split), own, false), none());
    }
}
