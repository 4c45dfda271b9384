//! `HostFacts` of this machine, at this moment, for this caller. Each file is read once, and only what every command's plan may ask for:
//! it is part of every command's time. What else a model of the machine is made of comes with [`for_a_model`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use glassbox_core::errno::Errno;
use glassbox_core::host::{
    DiskUsage, HostFacts, HostNetwork, NETWORK_FILE_BYTES_MAX, NETWORK_FILES, OwnerFact, ROUTER_SETTINGS, SourceKind, ToolboxFacts,
};
use glassbox_core::oci::audit::StoreListing;
use glassbox_core::oci::defaults::{MASKED_PATHS, READONLY_PATHS};

use super::{cgroups, mountinfo};
use crate::store::StoreError;
use crate::sys;

/// The facts. `data_root` absolute; `toolbox` describes the embedded binary.
pub fn host_facts(data_root: &Path, toolbox: ToolboxFacts) -> Result<HostFacts, StoreError> {
    let (uid, gid) = sys::process::effective_ids();
    let name = sys::machine::name().map_err(unanswered("uname(2)"))?;
    let mounts = mountinfo::parse(&read("/proc/self/mountinfo")?);
    // Those of root are made below the root of each tree, whichever its own are.
    let own_cgroups = if uid == 0 { String::new() } else { line("/proc/self/cgroup") };
    Ok(HostFacts {
        hostname: name.hostname,
        machine: std::env::consts::ARCH.to_string(),
        uid,
        gid,
        now_ns: now_ns(),
        utc_offset_seconds: 0,
        entropy: sys::machine::random().map_err(unanswered("getrandom(2)"))?,
        data_root: data_root.to_string_lossy().trim_end_matches('/').to_string(),
        cgroup: cgroups::layout(&mounts, &own_cgroups, uid == 0),
        capabilities: sys::capability::permitted().unwrap_or_default(),
        cpus: sys::machine::usable_cpus().unwrap_or(1),
        cpuset: (line("/sys/devices/system/cpu/online"), memory_nodes()),
        memory_bytes: sys::machine::memory_bytes().map_err(unanswered("sysinfo(2)"))?,
        environment: environment(),
        terminal: terminal(),
        user_namespaces: true,
        seccomp: sys::seccomp::is_available(),
        overlay: true,
        wasi_runtime: String::new(),
        kernel_release: name.release,
        toolbox,
        guarded_paths: guarded_paths(&PLANNED_PATHS),
        network_files: BTreeMap::new(),
        data_mount: data_mount(&mounts, data_root),
        dev_mount: mounts.iter().rfind(|mount| mount.target == "/dev").map(mountinfo::Mount::fact),
        shm_mount: mounts.iter().rfind(|mount| mount.target == "/dev/shm").map(mountinfo::Mount::fact),
        cwd: std::env::current_dir().map_or_else(|_| "/".to_string(), |path| path.to_string_lossy().into_owned()),
        sources: BTreeMap::new(),
        owners: BTreeMap::new(),
        devices: Vec::new(),
        apparmor: apparmor(),
        operating_system: String::new(),
        network: HostNetwork::default(),
        store: StoreListing::default(),
        disk: DiskUsage::default(),
    })
}

/// The program that runs WebAssembly modules: it stands beside this one. Empty: it does not.
pub fn wasi_runtime() -> String {
    let own = std::env::current_exe().unwrap_or_default();
    let beside = own.with_file_name("glassbox-wasi");
    if beside.is_file() { beside.to_string_lossy().into_owned() } else { String::new() }
}

/// The facts, with those that no plan asks for: what a model of this machine is to do as the machine does.
pub fn for_a_model(host: &HostFacts) -> HostFacts {
    let all: Vec<&str> = MASKED_PATHS.iter().chain(READONLY_PATHS).copied().collect();
    HostFacts {
        user_namespaces: user_namespaces(),
        wasi_runtime: wasi_runtime(),
        overlay: has_overlay(&host.kernel_release),
        guarded_paths: guarded_paths(&all),
        network_files: network_files(),
        ..host.clone()
    }
}

/// The files that a container on the host's network gets copies of.
pub fn network_files() -> BTreeMap<String, Option<String>> {
    NETWORK_FILES.iter().filter_map(|path| Some(((*path).to_string(), network_file(path)?))).collect()
}

/// The host's own network namespace; what cannot be asked is left out.
pub fn network() -> HostNetwork {
    let mut netlink = sys::netlink::Netlink::open().ok();
    let setting =
        |name: &&str| Some((name.to_string(), line(&glassbox_core::sysctl::path(name)))).filter(|(_, text)| !text.is_empty());
    HostNetwork {
        interfaces: netlink.as_mut().and_then(|netlink| netlink.interfaces().ok()).unwrap_or_default(),
        routes: netlink.as_mut().and_then(|netlink| netlink.routes().ok()).unwrap_or_default(),
        settings: ROUTER_SETTINGS.iter().filter_map(setting).collect(),
        rules: sys::netlink::Nft::open().and_then(|mut nft| nft.rules()).ok().flatten(),
        listening: super::ports::places("self"),
    }
}

/// Those of the paths that are there, links followed.
pub fn sources(paths: &BTreeSet<String>) -> BTreeMap<String, SourceKind> {
    let kind = |path: &String| {
        let metadata = fs::metadata(path).ok()?;
        Some((path.clone(), if metadata.is_dir() { SourceKind::Directory } else { SourceKind::File }))
    };
    paths.iter().filter_map(kind).collect()
}

/// Whose those of the paths are that are there, links followed.
pub fn owners(paths: &BTreeSet<String>) -> BTreeMap<String, OwnerFact> {
    let owner = |path: &String| {
        let found = fs::metadata(path).ok()?;
        let mode = found.mode() & 0o7777;
        Some((path.clone(), OwnerFact { uid: found.uid(), gid: found.gid(), mode, directory: found.is_dir() }))
    };
    paths.iter().filter_map(owner).collect()
}

/// The mount that `data_root` lies below: the longest target, of equals the last, which lies over the others.
fn data_mount(mounts: &[mountinfo::Mount], data_root: &Path) -> (String, String) {
    let above = mounts.iter().filter(|mount| data_root.starts_with(&mount.target));
    let nearest = above.max_by_key(|mount| mount.target.len());
    nearest.map_or_else(Default::default, |mount| (mount.fs_type.clone(), mount.source.clone()))
}

/// Nanoseconds since 1970-01-01T00:00:00Z.
pub fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// What no Linux refuses.
fn unanswered(call: &'static str) -> impl FnOnce(Errno) -> StoreError {
    move |errno| StoreError::Io { doing: "ask", path: call.into(), errno }
}

fn read(path: &str) -> Result<Vec<u8>, StoreError> {
    sys::file::read_path(path).map_err(|errno| StoreError::Io { doing: "read", path: path.into(), errno })
}

/// The text of a file that need not be there, without the newline at its end.
fn line(path: &str) -> String {
    let bytes = sys::file::read_path(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_string()
}

/// A kernel without support for several nodes names none: then there is node 0.
fn memory_nodes() -> String {
    let nodes = line("/sys/devices/system/node/online");
    if nodes.is_empty() { "0".into() } else { nodes }
}

/// What is not UTF-8 cannot be passed on and is left out.
pub fn environment() -> BTreeMap<String, String> {
    let text =
        |(name, value): (std::ffi::OsString, std::ffi::OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    std::env::vars_os().filter_map(text).collect()
}

fn terminal() -> Option<(u16, u16)> {
    let size = sys::terminal::window_size(&std::io::stdin()).ok()?;
    Some((size.rows, size.columns))
}

/// user_namespaces(7); Debian's and Ubuntu's own switches count where they exist.
fn user_namespaces() -> bool {
    let says = |path: &str, refusal: &str| line(path) == refusal;
    !says("/proc/sys/user/max_user_namespaces", "0")
        && !says("/proc/sys/kernel/unprivileged_userns_clone", "0")
        && !says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1")
        && Path::new("/proc/self/ns/user").exists()
}

/// The profiles that are loaded, by name; `docker-default (enforce)`.
fn apparmor() -> Option<BTreeSet<String>> {
    let on = line("/sys/module/apparmor/parameters/enabled") == "Y";
    let text = on.then(|| line("/sys/kernel/security/apparmor/profiles"))?;
    Some(text.lines().filter_map(|line| Some(line.rsplit_once(" (")?.0.to_string())).collect())
}

/// In the kernel, or as a module that mount(2) loads when it is asked for.
fn has_overlay(kernel_release: &str) -> bool {
    let listed = |text: &str| text.lines().any(|line| line.split_whitespace().last() == Some("overlay"));
    if listed(&line("/proc/filesystems")) {
        return true;
    }
    let module = format!("/lib/modules/{kernel_release}/kernel/fs/overlayfs/overlay.ko");
    ["", ".xz", ".zst", ".gz"].iter().any(|ending| Path::new(&format!("{module}{ending}")).exists())
}

/// Of the guarded paths, the one on which a plan depends: /dev/core leads there.
const PLANNED_PATHS: [&str; 1] = ["/proc/kcore"];

/// Those of these paths that this kernel has, and whether each is a directory.
fn guarded_paths(paths: &[&str]) -> BTreeMap<String, bool> {
    let found = |path: &&str| Some((path.to_string(), fs::metadata(path).ok()?.is_dir()));
    paths.iter().filter_map(found).collect()
}

/// The text of one of the machine's files; `None`: there is none that can be read; without text: it is too large to be copied.
fn network_file(path: &str) -> Option<Option<String>> {
    let mut bytes = Vec::new();
    let most = NETWORK_FILE_BYTES_MAX as u64 + 1;
    fs::File::open(path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
    Some((bytes.len() <= NETWORK_FILE_BYTES_MAX).then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> HostFacts {
        let toolbox = ToolboxFacts { size_bytes: 1, diff_id: "sha256:0".into(), archive_bytes: 1 };
        for_a_model(&host_facts(Path::new("/var/lib/glassbox/"), toolbox).unwrap())
    }

    #[test]
    fn they_are_those_of_this_machine() {
        let facts = facts();
        let says = |program: &str, argument: &str| {
            let output = std::process::Command::new(program).arg(argument).output().unwrap().stdout;
            String::from_utf8(output).unwrap().trim().to_string()
        };
        assert_eq!(
            (facts.hostname, facts.kernel_release, facts.machine),
            (says("uname", "-n"), says("uname", "-r"), says("uname", "-m"))
        );
        assert_eq!((facts.uid.to_string(), facts.gid.to_string()), (says("id", "-u"), says("id", "-g")));
        assert_eq!(facts.cpus.to_string(), says("nproc", "--all"));
        assert_eq!(facts.guarded_paths.get("/proc/sys"), Some(&true));
        assert_eq!(facts.guarded_paths.contains_key("/proc/timer_list"), Path::new("/proc/timer_list").exists());
        assert_eq!(facts.data_root, "/var/lib/glassbox");
        assert!(facts.memory_bytes > 64 << 20 && facts.now_ns > 1_700_000_000_000_000_000);
        assert_eq!(facts.environment.get("PATH"), std::env::var("PATH").ok().as_ref());
        for mount in &facts.cgroup.controllers {
            assert!(Path::new(&mount.directory).join("cgroup.procs").exists(), "{mount:?}");
        }
    }

    #[test]
    fn files_of_the_network_are_there_as_far_as_they_are() {
        let root = crate::test_support::TempRoot::new();
        let path = |name: &str| root.path().join(name).to_str().unwrap().to_string();
        fs::write(path("hosts"), "127.0.0.1 localhost\n").unwrap();
        fs::write(path("large"), vec![b'#'; NETWORK_FILE_BYTES_MAX + 1]).unwrap();
        std::os::unix::fs::symlink("nowhere", path("dangling")).unwrap();
        assert_eq!(network_file(&path("hosts")), Some(Some("127.0.0.1 localhost\n".to_string())));
        assert_eq!(network_file(&path("large")), Some(None));
        assert_eq!((network_file(&path("none")), network_file(&path("dangling")), network_file(&path("."))), (None, None, None));
        for name in NETWORK_FILES {
            assert_eq!(facts().network_files.contains_key(name), Path::new(name).exists());
        }
    }

    #[test]
    fn no_two_commands_have_the_same_entropy() {
        assert_ne!(facts().entropy, facts().entropy);
    }
}
