//! Boot: a machine as it is before the first command, a small Debian with its first process and the engine's.

use std::collections::BTreeSet;
use std::rc::Rc;

use rpds::{RedBlackTreeMap, Vector};

use super::cgroup::{self, Hierarchy};
use super::execve::WASI_HEADER;
use super::kernel::Kernel;
use super::process::HOST_INIT;
use super::tables::{
    Content, Credentials, Data, FsKind, HostPid, InodeId, Namespace, NodeId, NsData, NsId, NsSet, Place, Process, ProcessState,
};
use super::tree::{Owner, file};
use crate::cli::TimeOffsets;
use crate::device::DeviceKind;
use crate::host::{CgroupVersion, Controller, HostFacts, SourceKind};
use crate::layout::Layout;
use crate::model::IdMapLine;
use crate::oci::capability::CapabilitySet;
use crate::oci::defaults;
use crate::step::MountFlags;
use crate::userland::SysResult;

/// The numbers of the first namespaces, in the order of `NamespaceKind::ALL`: linux/proc_ns.h.
const FIRST_NAMESPACES: [u64; 8] =
    [4_026_531_837, 4_026_531_836, 4_026_531_841, 4_026_531_838, 4_026_531_839, 4_026_531_840, 4_026_531_835, 4_026_531_834];
/// Namespaces made later count from here.
const LATER_NAMESPACES: u64 = 4_026_532_200;
/// Where processes count on after boot.
const FIRST_PID: u32 = 1_200;
const ENGINE: HostPid = 1_100;
/// About as long as the real one.
const WASI_RUNTIME_BYTES: u64 = 6 << 20;
/// How long the machine has been up.
const UPTIME_NS: u64 = 60_000_000_000;

const NODEV: MountFlags =
    MountFlags { read_only: false, no_suid: true, no_dev: true, no_exec: false, relatime: true, strictatime: false };
const GUARDED: MountFlags = MountFlags { no_exec: true, ..NODEV };
/// The disk of a stock machine, and its part that the root lies on; Debian's group for them.
pub(super) const STOCK_DISKS: [(&str, (u32, u32)); 2] = [("/vda", (254, 0)), ("/vda1", (254, 1))];
const DISK_GROUP: u32 = 6;
const RELATIME: MountFlags = MountFlags { relatime: true, no_suid: false, no_dev: false, ..NODEV };

const HOST_DIRECTORIES: &[(&str, u32)] = &[
    ("/bin", 0o755),
    ("/boot", 0o755),
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/mnt", 0o755),
    ("/opt", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr/bin", 0o755),
    ("/usr/sbin", 0o755),
    ("/var/lib", 0o755),
    ("/var/log", 0o755),
    ("/var/tmp", 0o1777),
];

/// A machine with these facts, just booted. What cannot happen on a fresh kernel leaves it without that piece.
pub fn boot(host: &HostFacts) -> Kernel {
    let mut kernel = empty(host);
    let _ = kernel.furnish();
    kernel
}

fn empty(host: &HostFacts) -> Kernel {
    // The clock of the facts is the moment of boot's end: realtime is now_ns plus the monotonic clock.
    let facts = HostFacts { now_ns: host.now_ns.saturating_sub(UPTIME_NS), ..host.clone() };
    Kernel {
        host: Rc::new(facts),
        clock_ns: UPTIME_NS,
        next_id: 20,
        next_namespace: LATER_NAMESPACES,
        inodes: RedBlackTreeMap::new(),
        supers: RedBlackTreeMap::new(),
        mounts: RedBlackTreeMap::new(),
        mounted: RedBlackTreeMap::new(),
        namespaces: RedBlackTreeMap::new(),
        settings: RedBlackTreeMap::new(),
        processes: RedBlackTreeMap::new(),
        files: RedBlackTreeMap::new(),
        pipes: RedBlackTreeMap::new(),
        ttys: RedBlackTreeMap::new(),
        hierarchies: Vector::new(),
        cgroups: RedBlackTreeMap::new(),
        frozen_cgroups: 0,
        has_quotas: false,
        throttled_until_ns: 0,
        streams: RedBlackTreeMap::new(),
        listening: RedBlackTreeMap::new(),
        engine: ENGINE,
        sysfs: 0,
        sysfs_roots: RedBlackTreeMap::new(),
        last_run: 0,
    }
}

impl Kernel {
    fn furnish(&mut self) -> SysResult<()> {
        let host = self.host.clone();
        let (fs_type, source) = &host.data_mount;
        let (_, root) = self.new_stored(fs_type, source, Owner::root(0o755));
        self.host_files(root)?;
        self.first_namespaces();
        let set = NsSet(FIRST_NAMESPACES);
        let mount_ns = set.0[2];
        let mount = self.attach(mount_ns, None, NodeId::Inode(root), RELATIME)?;
        let place = Place { mount, node: NodeId::Inode(root) };
        if let Some(ns) = self.namespaces.get_mut(&mount_ns) {
            ns.data = NsData::Mount { root: mount };
        }
        self.host_mounts(&place)?;
        self.mount_cgroups(&place)?;
        self.share_mounts();
        self.first_process(&place, HOST_INIT, "systemd", &["/sbin/init"], CapabilitySet::ALL, 0, 0);
        let (uid, gid, capabilities) = (self.host.uid, self.host.gid, self.host.capabilities);
        self.first_process(&place, ENGINE, "glassbox", &["glassbox"], capabilities, uid, gid);
        let data_root = self.host.data_root.clone();
        self.make_tree(root, &data_root, Owner { uid, gid, mode: 0o711 })?;
        let merged = Layout::new(&data_root).merged();
        self.make_tree(root, &merged, Owner { uid, gid, mode: 0o755 }).map(drop)
    }

    fn host_files(&mut self, root: InodeId) -> SysResult<()> {
        for (path, mode) in HOST_DIRECTORIES {
            self.make_tree(root, path, Owner::root(0o755))?;
            let id = self.make_tree(root, path, Owner::root(*mode))?;
            self.inode_mut(id)?.mode = *mode;
        }
        let hostname = self.host.hostname.clone();
        let texts = [
            ("/etc/hostname", format!("{hostname}\n")),
            ("/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n".to_string()),
            (
                "/etc/passwd",
                "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n".to_string(),
            ),
            ("/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n".to_string()),
        ];
        let network = self.host.network_files.clone();
        let network = network.iter().filter_map(|(path, text)| Some((path.as_str(), text.clone()?)));
        for (path, text) in texts.into_iter().chain(network) {
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            self.make_tree(root, parent, Owner::root(0o755))?;
            self.make_at(root, path, file(&text), Owner::root(0o644))?;
        }
        self.wasi_runtime(root)?;
        self.host_sources(root)
    }

    fn wasi_runtime(&mut self, root: InodeId) -> SysResult<()> {
        let path = self.host.wasi_runtime.clone();
        let Some((parent, _)) = path.rsplit_once('/') else { return Ok(()) };
        self.make_tree(root, parent, Owner::root(0o755))?;
        let content = Content::File(Data { bytes: Rc::new(WASI_HEADER.to_vec()), zeros: WASI_RUNTIME_BYTES });
        self.make_at(root, &path, content, Owner::root(0o755)).map(drop)
    }

    /// What a command's sources are on the real machine, where a model is made of its facts: empty, but there.
    fn host_sources(&mut self, root: InodeId) -> SysResult<()> {
        let sources = self.host.sources.clone();
        for (path, kind) in &sources {
            match kind {
                SourceKind::Directory => drop(self.make_tree(root, path, Owner::root(0o755))?),
                SourceKind::File => {
                    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
                    let parent = self.make_tree(root, parent, Owner::root(0o755))?;
                    if self.entry(parent, name)?.is_none() {
                        self.make_at(root, path, file(""), Owner::root(0o644))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn first_namespaces(&mut self) {
        let everyone = || vec![IdMapLine { inside: 0, outside: 0, count: u32::MAX }];
        let data = [
            NsData::User { parent: None, uid_map: everyone(), gid_map: everyone(), setgroups: true, creator: 0 },
            NsData::Pid { parent: None, next: FIRST_PID, init: Some(HOST_INIT) },
            NsData::Mount { root: 0 },
            NsData::Uts { hostname: Rc::from(self.host.hostname.as_str()) },
            NsData::Ipc,
            NsData::Network { stack: super::net::of_host() },
            NsData::Cgroup { roots: Vec::new() },
            NsData::Time { offsets: TimeOffsets::default() },
        ];
        for (id, data) in FIRST_NAMESPACES.into_iter().zip(data) {
            self.namespaces.insert_mut(id, Namespace { owner: FIRST_NAMESPACES[0], data });
        }
    }

    fn place_at(&self, root: &Place, path: &str) -> SysResult<Place> {
        let walker = super::walk::Walker { root: root.clone(), cwd: root.clone(), viewer: HOST_INIT, checked: false };
        self.walk_as(&walker, path, true)
    }

    fn mount_at_boot(&mut self, root: &Place, path: &str, node: NodeId, flags: MountFlags) -> SysResult<()> {
        let at = self.place_at(root, path)?;
        self.attach(FIRST_NAMESPACES[2], Some(at), node, flags).map(|_| ())
    }

    fn host_mounts(&mut self, root: &Place) -> SysResult<()> {
        let (sysfs, top) = self.new_stored("sysfs", "sysfs", Owner::root(0o555));
        self.sysfs = sysfs;
        self.fill_sysfs(top, FIRST_NAMESPACES[5])?;
        self.mount_at_boot(root, "/sys", NodeId::Inode(top), GUARDED)?;
        let proc = self.new_super("proc", "proc", FsKind::Proc(FIRST_NAMESPACES[1]));
        self.mount_at_boot(root, "/proc", NodeId::Path(proc, Rc::from("")), GUARDED)?;
        let of_debian = ("devtmpfs".to_string(), "udev".to_string(), MountFlags { no_dev: false, ..NODEV });
        let seen = self.host.dev_mount.clone();
        let (fs_type, source, flags) = seen.map_or(of_debian, |mount| (mount.fs_type, mount.source, mount.flags));
        let (_, dev) = self.new_stored(&fs_type, &source, Owner::root(0o755));
        for device in defaults::device_nodes() {
            let path = device.path.trim_start_matches("/dev");
            self.make_at(dev, path, Content::Device(device.major, device.minor), Owner::root(device.mode))?;
        }
        self.host_devices(dev)?;
        for directory in ["pts", "shm", "mqueue"] {
            self.make_tree(dev, directory, Owner::root(0o755))?;
        }
        self.mount_at_boot(root, "/dev", NodeId::Inode(dev), flags)?;
        let shm = self.host.shm_mount.as_ref().map_or(NODEV, |mount| mount.flags);
        for (path, fs_type, mode, flags) in [
            ("/dev/pts", "devpts", 0o755, MountFlags { no_dev: false, ..GUARDED }),
            ("/run", "tmpfs", 0o755, GUARDED),
            ("/dev/shm", "tmpfs", 0o1777, shm),
            ("/dev/mqueue", "mqueue", 0o1777, GUARDED),
        ] {
            let (_, top) = self.new_stored(fs_type, fs_type, Owner::root(mode));
            self.mount_at_boot(root, path, NodeId::Inode(top), flags)?;
        }
        Ok(())
    }

    /// Those of the machine that the model is made of; of a stock one the kernel's log and a disk.
    fn host_devices(&mut self, dev: InodeId) -> SysResult<()> {
        let host = self.host.clone();
        if host.devices.is_empty() {
            for (name, (major, minor)) in STOCK_DISKS {
                self.make_at(dev, name, Content::Block(major, minor), Owner { uid: 0, gid: DISK_GROUP, mode: 0o660 })?;
            }
            return self.make_at(dev, "/kmsg", Content::Device(1, 11), Owner::root(0o644)).map(drop);
        }
        for device in &host.devices {
            let Some(path) = device.host.strip_prefix("/dev").filter(|path| path.starts_with('/')) else { continue };
            let content = match device.kind {
                DeviceKind::Char => Content::Device(device.major, device.minor),
                DeviceKind::Block => Content::Block(device.major, device.minor),
            };
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let parent = if parent.is_empty() { dev } else { self.make_tree(dev, parent, Owner::root(0o755))? };
            if self.entry(parent, name)?.is_none() {
                self.make_at(parent, name, content, Owner { uid: device.uid, gid: device.gid, mode: device.mode })?;
            }
        }
        Ok(())
    }

    /// `ns`: the network namespace whose interfaces it shows.
    pub(super) fn fill_sysfs(&mut self, top: InodeId, ns: NsId) -> SysResult<()> {
        let last = self.host.cpus.saturating_sub(1);
        let online = if last == 0 { "0\n".to_string() } else { format!("0-{last}\n") };
        self.make_at(top, "/devices/system/cpu/online", file(&online), Owner::root(0o444))?;
        for path in ["/fs/cgroup", "/class/net", "/kernel", "/block", "/bus", "/module"] {
            self.make_tree(top, path, Owner::root(0o755))?;
        }
        self.sysfs_roots.insert_mut(top, ns);
        self.show_links(ns);
        let guarded: Vec<(String, bool)> = self.host.guarded_paths.iter().map(|(path, is)| (path.clone(), *is)).collect();
        for (path, is_directory) in guarded {
            let Some(path) = path.strip_prefix("/sys") else { continue };
            if is_directory {
                self.make_tree(top, path, Owner::root(0o755))?;
            } else {
                self.make_at(top, path, file(""), Owner::root(0o444))?;
            }
        }
        Ok(())
    }

    fn mount_cgroups(&mut self, root: &Place) -> SysResult<()> {
        let layout = self.host.cgroup.clone();
        let mut all: Vec<(String, bool, Vec<Controller>)> = Vec::new();
        if let Some(unified) = &layout.unified {
            let controllers = if layout.version == CgroupVersion::V2 {
                layout.controllers.iter().map(|mount| mount.controller).collect()
            } else {
                Vec::new()
            };
            all.push((mount_point(unified, layout.version == CgroupVersion::V2), true, controllers));
        }
        if matches!(layout.version, CgroupVersion::Hybrid | CgroupVersion::V1) {
            for mount in &layout.controllers {
                let point = mount_point(&mount.directory, false);
                match all.iter_mut().find(|(known, unified, _)| *known == point && !unified) {
                    Some((_, _, controllers)) => controllers.push(mount.controller),
                    None => all.push((point, false, vec![mount.controller])),
                }
            }
            let (_, top) = self.new_stored("tmpfs", "tmpfs", Owner::root(0o755));
            for (point, _, _) in &all {
                self.make_tree(top, point.trim_start_matches("/sys/fs/cgroup"), Owner::root(0o755))?;
            }
            self.mount_at_boot(root, "/sys/fs/cgroup", NodeId::Inode(top), GUARDED)?;
        }
        self.cgroups = cgroup::roots(all.len());
        for (index, (point, unified, controllers)) in all.into_iter().enumerate() {
            self.mount_hierarchy(root, index, &point, unified, controllers)?;
        }
        let paths = layout.controllers.iter().map(|mount| mount.directory.clone()).chain(layout.unified.clone());
        paths.collect::<BTreeSet<_>>().into_iter().try_for_each(|path| self.make_cgroup_parents(root, &path))
    }

    fn mount_hierarchy(
        &mut self,
        root: &Place,
        index: usize,
        point: &str,
        unified: bool,
        controllers: Vec<Controller>,
    ) -> SysResult<()> {
        let fs_type = if unified { "cgroup2" } else { "cgroup" };
        let super_id = self.new_super(fs_type, fs_type, FsKind::Cgroup(index));
        let names: Vec<&str> = controllers.iter().map(|controller| controller.split_name()).collect();
        let label = if unified { String::new() } else { names.join(",") };
        if let Some(found) = self.supers.get_mut(&super_id) {
            found.options = Rc::from(if unified { "nsdelegate,memory_recursiveprot" } else { label.as_str() });
        }
        if unified {
            self.cgroup_mut(index, "")?.subtree = self.host.cgroup.enabled.clone();
        }
        self.hierarchies.push_back_mut(Hierarchy { super_id, unified, controllers, label: Rc::from(label.as_str()) });
        self.mount_at_boot(root, point, NodeId::Path(super_id, Rc::from("")), GUARDED)
    }

    /// The cgroups above the one below which the engine makes its own.
    fn make_cgroup_parents(&mut self, root: &Place, directory: &str) -> SysResult<()> {
        let mut path = String::new();
        for name in directory.split('/').filter(|name| !name.is_empty()) {
            let parent = self.place_at(root, if path.is_empty() { "/" } else { &path })?;
            path = format!("{path}/{name}");
            if self.place_at(root, &path).is_err() {
                self.add(&parent.node, name, super::tree::directory(0), Owner::root(0o755))?;
                if let NodeId::Path(super_id, above) = &parent.node
                    && let FsKind::Cgroup(index) = self.fs_kind(*super_id)?
                {
                    self.cgroup_mut(index, above)?.subtree = self.host.cgroup.enabled.clone();
                }
            }
        }
        Ok(())
    }

    /// systemd makes all mounts shared.
    fn share_mounts(&mut self) {
        let all: Vec<u64> = self.mounts.keys().copied().collect();
        for (group, id) in all.into_iter().enumerate() {
            if let Some(mount) = self.mounts.get_mut(&id) {
                mount.shared = Some(group as u64 + 1);
            }
        }
        let count = self.hierarchies.len();
        if let Some(ns) = self.namespaces.get_mut(&FIRST_NAMESPACES[6]) {
            ns.data = NsData::Cgroup { roots: vec![Rc::from(""); count] };
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn first_process(&mut self, root: &Place, pid: HostPid, comm: &str, argv: &[&str], held: CapabilitySet, uid: u32, gid: u32) {
        let credentials = Credentials {
            uid,
            gid,
            groups: Vec::new(),
            effective: held,
            permitted: held,
            inheritable: CapabilitySet::EMPTY,
            bounding: CapabilitySet::ALL,
            ambient: CapabilitySet::EMPTY,
            no_new_privileges: false,
            seccomp: None,
            apparmor: (None, None),
        };
        let process = Process {
            numbers: vec![(FIRST_NAMESPACES[1], pid)],
            parent: if pid == HOST_INIT { 0 } else { HOST_INIT },
            group: pid,
            session: pid,
            terminal: None,
            namespaces: NsSet(FIRST_NAMESPACES),
            pid_for_children: FIRST_NAMESPACES[1],
            root: root.clone(),
            cwd: root.clone(),
            umask: 0o022,
            descriptors: RedBlackTreeMap::new(),
            credentials,
            program: None,
            argv: Rc::new(argv.iter().map(|word| (*word).to_string()).collect()),
            env: Rc::new(vec!["PATH=/usr/sbin:/usr/bin:/sbin:/bin".to_string()]),
            exe: None,
            comm: Rc::from(comm),
            state: ProcessState::Runnable,
            pending: Vec::new(),
            held: Vec::new(),
            dispositions: RedBlackTreeMap::new(),
            cgroups: vec![Rc::from(""); self.hierarchies.len()],
            limits: RedBlackTreeMap::new(),
            oom_score_adj: (0, 0),
            memory_bytes: 0,
            started_ns: 0,
            cpu_ns: 0,
            says_modelled: false,
        };
        self.processes.insert_mut(pid, process);
    }
}

/// Where the hierarchy of a directory is mounted: `/sys/fs/cgroup` on version 2, one further on version 1.
fn mount_point(directory: &str, unified_alone: bool) -> String {
    let rest = directory.trim_start_matches("/sys/fs/cgroup").trim_start_matches('/');
    match rest.split('/').next() {
        Some(first) if !unified_alone && !first.is_empty() => format!("/sys/fs/cgroup/{first}"),
        _ => "/sys/fs/cgroup".to_string(),
    }
}
