use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};

use glassbox_core::model::Status as ContainerStatus;
use glassbox_core::oci::capability::CapabilitySet;
use glassbox_core::query::{ChangeFact, ProcessFact};
use glassbox_core::step::Limit;

use super::*;
use crate::store::Record;
use crate::test_support::{TempRoot, container};

/// A process in namespaces of its own; ended when it is dropped.
struct Isolated {
    /// unshare(1), whose child is in the namespaces.
    parent: Child,
    pid: u32,
}

impl Isolated {
    /// Runs `script` by sh as pid 1 of new namespaces; it says `ready` when it is. `None`: this machine or user may not make any.
    fn start(script: &str) -> Option<Isolated> {
        let unshare = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--uts", "--net", "--ipc", "--", "sh", "-c"];
        let mut command = Command::new("unshare");
        command.args(unshare).arg(script).stdout(Stdio::piped()).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut parent = command.spawn().ok()?;
        let mut first = [0; 6];
        let ready = std::io::Read::read_exact(parent.stdout.as_mut()?, &mut first).is_ok();
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", parent.id())).unwrap_or_default();
        match children.trim().parse() {
            Ok(pid) if ready => Some(Isolated { parent, pid }),
            _ => {
                let _ = (parent.kill(), parent.wait());
                glassbox_tests::binary::skip("no namespaces can be made here");
                None
            }
        }
    }

    fn subject(&self) -> Subject {
        Subject::Process(self.pid)
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        let _ = (self.parent.kill(), self.parent.wait());
    }
}

fn probe() -> (TempRoot, LinuxProbe) {
    let root = TempRoot::new();
    let probe = LinuxProbe::new(&root.store());
    (root, probe)
}

fn processes(answer: Answer) -> Vec<ProcessFact> {
    let Answer::Processes(all) = answer else { panic!("{answer:?}") };
    all
}

#[test]
fn a_process_in_namespaces_of_its_own() {
    let Some(isolated) = Isolated::start("hostname inner; ip link set lo up 2>/dev/null; echo ready; read x") else { return };
    let (_root, probe) = probe();
    let subject = isolated.subject();
    assert_eq!(probe.ask(&Query::Hostname(subject.clone())), Ok(Answer::Text("inner".into())));
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(probe.ask(&Query::Hostname(Subject::Host)), Ok(Answer::Text(host.trim().into())), "we have not moved");
    for (kind, shared) in [(NamespaceKind::Uts, false), (NamespaceKind::User, true), (NamespaceKind::Mount, false)] {
        assert_eq!(probe.ask(&Query::SharesNamespace(Subject::Host, subject.clone(), kind)), Ok(Answer::Truth(shared)));
    }
    let Ok(Answer::Mounts(mounts)) = probe.ask(&Query::Mounts(subject.clone())) else { panic!() };
    assert!(mounts.iter().rev().any(|mount| mount.target == "/proc" && mount.fs_type == "proc"));
    let Ok(Answer::Program(_, exe)) = probe.ask(&Query::Program(subject.clone())) else { panic!() };
    assert!(exe.ends_with("sh"), "{exe}");
    let Ok(Answer::Bytes(status)) = probe.ask(&Query::FileBytes(subject, "/proc/self/status".into())) else { panic!() };
    assert!(String::from_utf8_lossy(&status).contains("\nPid:\t1\n"));
}

#[test]
fn an_interface_is_up_when_its_namespace_says_so() {
    let (_root, probe) = probe();
    let lo = |answer: Result<Answer, Errno>| {
        let Ok(Answer::Interfaces(all)) = answer else { panic!("{answer:?}") };
        all.into_iter().find(|interface| interface.name == "lo").unwrap().up
    };
    let Some(isolated) = Isolated::start("echo ready; read x") else { return };
    assert!(!lo(probe.ask(&Query::Interfaces(isolated.subject()))));
    let own_up = sys::net::is_interface_up("lo").unwrap();
    assert_eq!(lo(probe.ask(&Query::Interfaces(Subject::Host))), own_up);
    let namespace = fs::File::open(format!("/proc/{}/ns/net", isolated.pid)).unwrap();
    let raise = || {
        sys::process::set_namespace(&namespace, sys::process::CloneFlags::NONE).unwrap();
        sys::net::set_interface_up("lo").unwrap();
    };
    std::thread::scope(|scope| scope.spawn(raise).join().unwrap());
    assert!(lo(probe.ask(&Query::Interfaces(isolated.subject()))));
}

#[test]
fn pids_inside_and_a_zombie() {
    // cat waits for no child: the one that ends once cat has taken the shell's place stays a zombie.
    let wait_for_cat = "until read name </proc/1/comm && [ $name = cat ]; do :; done; exit 3";
    let script = format!("sleep 1000 & sh -c '{wait_for_cat}' & echo ready; exec cat");
    let Some(isolated) = Isolated::start(&script) else { return };
    let (_root, probe) = probe();
    let look = || processes(probe.ask(&Query::Processes(isolated.subject())).unwrap());
    let mut all = look();
    while !all.iter().any(|process| process.zombie) {
        all = look();
    }
    let shapes: Vec<(u32, u32, bool, usize)> =
        all.iter().map(|process| (process.pid, process.parent, process.zombie, process.argv.len())).collect();
    assert_eq!(shapes, [(1, 0, false, 1), (2, 1, false, 2), (3, 1, true, 0)]);
    assert_eq!((all[0].host_pid, all[1].argv.join(" ").as_str()), (isolated.pid, "sleep 1000"));
    let host = processes(probe.ask(&Query::Processes(Subject::Host)).unwrap());
    assert!(host.iter().any(|process| process.pid == isolated.pid), "the host sees it as well");
}

#[test]
fn no_link_in_a_container_leads_to_the_host() {
    let root = TempRoot::new();
    let tree = root.path().join("tree");
    fs::create_dir_all(tree.join("etc")).unwrap();
    fs::write(tree.join("etc/passwd"), "inside").unwrap();
    symlink("/etc/passwd", tree.join("absolute")).unwrap();
    symlink("../../../../../../../../etc/passwd", tree.join("relative")).unwrap();
    symlink("/proc/1/root/etc/passwd", tree.join("magic")).unwrap();
    let script = format!(
        "mount --bind {0} {0} && cd {0} && mkdir -p old proc && mount -t proc proc proc && pivot_root . old && \
                          umount -l old; echo ready; read x",
        tree.display()
    );
    let Some(isolated) = Isolated::start(&script) else { return };
    let probe = LinuxProbe::new(&root.store());
    let bytes = |path: &str| probe.ask(&Query::FileBytes(isolated.subject(), path.into()));
    for path in ["/etc/passwd", "/absolute", "/relative", "/../../etc/passwd"] {
        assert_eq!(bytes(path), Ok(Answer::Bytes(b"inside".to_vec())), "{path}");
    }
    assert_eq!(bytes("/magic"), Err(Errno::ELOOP));
    assert_eq!(bytes("/none"), Err(Errno::ENOENT));
    assert_eq!(bytes("/etc"), Err(Errno::EISDIR));
    let names = probe.ask(&Query::Directory(isolated.subject(), "/".into()));
    let expected = ["absolute", "etc", "magic", "old", "proc", "relative"].map(String::from).to_vec();
    assert_eq!(names, Ok(Answer::Names(expected)));
}

#[test]
fn credentials_and_capabilities() {
    let (_root, probe) = probe();
    // Only who may drop from the bounding set has it dropped: capabilities(7), PR_CAPBSET_DROP.
    let is_root = sys::process::effective_ids().0 == 0;
    let words: &[&str] = if is_root { &["--no-new-privs", "--bounding-set=-all"] } else { &["--no-new-privs"] };
    let mut plain = Command::new("setpriv").args(words).args(["sleep", "1000"]).spawn().unwrap();
    let subject = Subject::Process(plain.id());
    let credentials = || match probe.ask(&Query::Credentials(subject.clone())) {
        Ok(Answer::Credentials(fact)) => fact,
        other => panic!("{other:?}"),
    };
    // execve(2) changes the program first and the credentials after it: what sleeps is past both.
    let sleeps = || fs::read_to_string(format!("/proc/{}/status", plain.id())).is_ok_and(|status| status.contains("State:\tS"));
    while !matches!(probe.ask(&Query::Program(subject.clone())), Ok(Answer::Program(_, exe)) if exe.ends_with("sleep")) || !sleeps()
    {
        std::thread::yield_now();
    }
    assert_eq!((credentials().uid, credentials().no_new_privileges), (sys::process::effective_ids().0, true));
    let Ok(Answer::Capabilities(sets)) = probe.ask(&Query::Capabilities(subject.clone())) else { panic!() };
    assert!(sets.effective.is_empty());
    let own = procfs::Status::parse(&fs::read_to_string("/proc/self/status").unwrap());
    let expected = if is_root { CapabilitySet::EMPTY } else { own.capabilities("CapBnd").unwrap() };
    assert_eq!(sets.bounding, expected);
    plain.kill().unwrap();
    plain.wait().unwrap();
}

#[test]
fn containers_are_found_by_their_records() {
    let (root, probe) = probe();
    let store = root.store();
    let id = ContainerId("aa".into());
    let subject = Subject::Container(id.clone());
    assert_eq!(probe.ask(&Query::ContainerState(id.clone())), Ok(Answer::ContainerState(None)));
    assert_eq!(probe.ask(&Query::Mounts(subject.clone())), Err(Errno::ENOENT));
    let mut record = container(&store, "aa");
    store.save(&Record::of(record.clone())).unwrap();
    assert_eq!(probe.ask(&Query::Mounts(subject.clone())), Err(Errno::ESRCH));
    record.state.status = ContainerStatus::Running;
    record.state.pid = Some(std::process::id());
    store.save(&Record::of(record)).unwrap();
    let state = Answer::ContainerState(Some((ContainerStatus::Running, 0, false)));
    assert_eq!(probe.ask(&Query::ContainerState(id)), Ok(state));
    assert_eq!(probe.pid_of(&subject), Ok(std::process::id()));
    assert_eq!(probe.ask(&Query::Hostname(subject)), probe.ask(&Query::Hostname(Subject::Host)));
    assert_eq!(probe.ask(&Query::Mounts(Subject::Process(0))), Err(Errno::ESRCH));
}

#[test]
fn changes_with_both_kinds_of_whiteouts() {
    let (root, probe) = probe();
    let id = ContainerId("aa".into());
    let upper = root.path().join("containers/aa/upper");
    fs::create_dir_all(upper.join("etc")).unwrap();
    fs::write(upper.join("etc/hosts"), "x").unwrap();
    fs::write(upper.join("etc/empty"), "").unwrap();
    fs::write(upper.join("etc.conf"), "").unwrap();
    let present = |path: &str| ChangeFact::Present(path.into());
    let mut expected = vec![present("/etc.conf"), present("/etc/"), present("/etc/empty"), present("/etc/hosts")];
    if sys::mount::mknod(upper.join("gone"), sys::mount::Node::CharDevice { major: 0, minor: 0 }, 0).is_ok() {
        expected.push(ChangeFact::Removed("/gone".into()));
    }
    assert_eq!(probe.ask(&Query::Changes(id.clone())), Ok(Answer::Changes(expected.clone())));
    if sys::file::set_attribute(upper.join("etc/empty"), "trusted.overlay.whiteout", b"y").is_ok() {
        expected[2] = ChangeFact::Removed("/etc/empty".into());
        assert_eq!(probe.ask(&Query::Changes(id)), Ok(Answer::Changes(expected)));
    }
}

#[test]
fn the_host_itself() {
    let (root, probe) = probe();
    let file = root.path().join("file");
    let path = file.to_str().unwrap().to_string();
    assert_eq!(probe.ask(&Query::Exists(path.clone())), Ok(Answer::Truth(false)));
    symlink("/nowhere", &file).unwrap();
    assert_eq!(probe.ask(&Query::Exists(path.clone())), Ok(Answer::Truth(true)));
    assert_eq!(probe.ask(&Query::FileBytes(Subject::Host, path)), Err(Errno::ENOENT));
    assert_eq!(probe.ask(&Query::FileBytes(Subject::Host, "/dev/zero".into())), Err(Errno::EINVAL));
    for limit in [Limit::Memory, Limit::Pids, Limit::CpuQuota] {
        assert!(matches!(probe.ask(&Query::LimitOf(Subject::Host, limit)), Ok(Answer::Limit(_)) | Err(Errno::ENOENT)));
    }
}
