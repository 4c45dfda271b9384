//! `why`: which layer of a container's fences refuses a system call. Nothing is run: it is found out from the container's record.
//!
//! ```text
//! call ─▶ seccomp ─▶ read-only mounts ─▶ capability ─▶ whose namespace ─▶ AppArmor ─▶ device cgroup ─▶ the kernel's own answer
//! ```
//! Asked for by `glassbox why CONTAINER [CALL]`. Held against the model kernel, where programs make these calls under the same steps, and
//! by fixtures against Linux. It must never say anything that the kernel would not.

use crate::device::{self, DeviceKind, is_allowed};
use crate::errno::Errno;
use crate::host::{Controller, HostFacts};
use crate::model::{Container, MountKind, MountPoint};
use crate::oci::capability::CapabilitySet;
use crate::oci::seccomp::{opened_by, verdict};
use crate::plan::namespaces::{Source, source};
use crate::plan::{apparmor_profile, seccomp_profile};
use crate::step::NamespaceKind;
use crate::userland::{Attempt, Demand, Over};

/// What may say no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The filter of system calls.
    Seccomp,
    /// A mount, or the file system on it, is read-only.
    ReadOnly,
    /// Owner and mode of a file.
    Permissions,
    /// Root's power, cut into pieces.
    Capability,
    /// A capability holds for what its user namespace owns.
    UserNamespace,
    /// A mount on which devices cannot be opened.
    NoDevices,
    /// Rules about paths.
    AppArmor,
    /// The list of devices.
    DeviceCgroup,
    /// Nothing of the container: the call itself.
    Kernel,
}

impl Layer {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Seccomp => "seccomp",
            Layer::ReadOnly => "read-only",
            Layer::Permissions => "permission bits",
            Layer::Capability => "capability",
            Layer::UserNamespace => "user namespace",
            Layer::NoDevices => "nodev",
            Layer::AppArmor => "AppArmor",
            Layer::DeviceCgroup => "device cgroup",
            Layer::Kernel => "the kernel",
        }
    }
}

/// One layer that refuses, and what would move it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which.
    pub layer: Layer,
    /// The errno that the caller would see.
    pub errno: Errno,
    /// Why, in a sentence.
    pub why: String,
    /// The words of a command that open it; empty: nothing does.
    pub opens: String,
}

/// All layers that refuse the attempt, in the order in which the kernel asks them: the first one's errno is what the caller sees.
pub fn judge(container: &Container, host: &HostFacts, attempt: Attempt) -> Vec<Refusal> {
    let judge = Judge { container, host, demand: attempt.demand(), attempt };
    let layers = [
        judge.seccomp(),
        judge.read_only(),
        judge.capability(),
        judge.permissions(),
        judge.apparmor(),
        judge.no_devices(),
        judge.devices(),
    ];
    let mut all: Vec<Refusal> = layers.into_iter().flatten().collect();
    if let (Some(errno), true) = (judge.demand.answer, all.is_empty()) {
        let why = "No layer of the container refuses it; the kernel does not do it with these arguments.".to_string();
        all.push(Refusal { layer: Layer::Kernel, errno, why, opens: String::new() });
    }
    all
}

struct Judge<'a> {
    container: &'a Container,
    host: &'a HostFacts,
    demand: Demand,
    attempt: Attempt,
}

impl Judge<'_> {
    fn is_root(&self) -> bool {
        matches!(self.container.process.user.split(':').next(), Some("" | "0" | "root") | None)
    }

    fn is_rootless(&self) -> bool {
        !self.container.host.uid_map.is_empty()
    }

    /// What the program holds: execve(2) takes all from whoever is not root.
    fn held(&self) -> CapabilitySet {
        if self.is_root() { self.container.host.capabilities } else { CapabilitySet::EMPTY }
    }

    fn seccomp(&self) -> Option<Refusal> {
        let profile = seccomp_profile(&self.container.host, self.host)?;
        let call = self.demand.call;
        let [first, second] = self.demand.arguments;
        let errno = verdict(&profile, call, &[first, second, 0, 0, 0, 0]).refusal()?;
        if self.container.host.confinement.seccomp_profile.is_some() {
            let why = format!("The profile of --security-opt seccomp refuses {call} with these arguments.");
            return Some(Refusal { layer: Layer::Seccomp, errno, why, opens: "another profile".into() });
        }
        let openers: Vec<&str> = opened_by(call).iter().map(|one| one.name().trim_start_matches("CAP_")).collect();
        let (why, opens) = match openers.as_slice() {
            [] => (format!("Docker's default profile never allows {call} with these arguments."), String::new()),
            names => {
                let words: Vec<String> = names.iter().map(|name| format!("--cap-add {name}")).collect();
                let all: Vec<String> = names.iter().map(|name| format!("CAP_{name}")).collect();
                (
                    format!("Docker's default profile allows {call} only to a container with {}.", all.join(" or ")),
                    words.join(" or "),
                )
            }
        };
        let unconfined = "--security-opt seccomp=unconfined";
        let opens = if opens.is_empty() { unconfined.to_string() } else { format!("{opens}, or {unconfined}") };
        Some(Refusal { layer: Layer::Seccomp, errno, why, opens })
    }

    /// What is mounted on /tmp, where nodes are made.
    fn mount_on_tmp(&self) -> Option<&MountPoint> {
        self.container.mounts.iter().rev().find(|point| point.target == "/tmp")
    }

    fn no_devices(&self) -> Option<Refusal> {
        let mount = self.mount_on_tmp().filter(|mount| mount.kind == MountKind::Tmpfs && self.attempt == Attempt::OpenDevice)?;
        let why = "/tmp is mounted nodev: a device node in it leads nowhere.".to_string();
        let allowed = mount.options.split(',').any(|option| option == "dev");
        (!allowed).then(|| Refusal { layer: Layer::NoDevices, errno: Errno::EACCES, why, opens: "--tmpfs /tmp:dev".into() })
    }

    fn read_only(&self) -> Option<Refusal> {
        let host = &self.container.host;
        let refusal = |why: &str, opens: &str| {
            Some(Refusal { layer: Layer::ReadOnly, errno: Errno::EROFS, why: why.into(), opens: opens.into() })
        };
        let open = host.privileged || host.confinement.system_paths_unconfined;
        match self.attempt {
            Attempt::WriteProcSys if !open && self.is_root() && !self.is_rootless() => refusal(
                "/proc/sys is mounted read-only over itself.",
                "--security-opt systempaths=unconfined, or --sysctl for one setting",
            ),
            Attempt::WriteRoot if host.read_only => {
                refusal("--read-only made the root file system read-only.", "--tmpfs DIRECTORY, or -v")
            }
            Attempt::Mknod | Attempt::OpenDevice if self.mount_on_tmp().is_some_and(|mount| mount.read_only) => {
                refusal("What is mounted on /tmp is read-only.", "the mount without ro")
            }
            Attempt::Mknod | Attempt::OpenDevice if host.read_only && self.mount_on_tmp().is_none() => {
                refusal("/tmp lies on the root file system, which --read-only made read-only.", "--tmpfs /tmp")
            }
            _ => None,
        }
    }

    /// Only what is written or made below /, which belongs to root.
    fn permissions(&self) -> Option<Refusal> {
        let ours = matches!(self.attempt, Attempt::WriteProcSys | Attempt::WriteRoot);
        let why = "The file belongs to root, and its mode lets nobody else write.".to_string();
        let refusal = Refusal { layer: Layer::Permissions, errno: Errno::EACCES, why, opens: "-u 0".into() };
        // Root of a user namespace is nobody to a setting of the whole machine.
        let outside = self.attempt == Attempt::WriteProcSys && self.is_rootless();
        (ours && !self.is_root() || outside).then_some(refusal)
    }

    fn capability(&self) -> Option<Refusal> {
        let (capability, over) = self.demand.capability?;
        let errno = self.demand.refusal;
        let short = capability.name().trim_start_matches("CAP_");
        if !self.held().contains(capability) {
            let given = self.container.host.capabilities.contains(capability);
            let (why, opens) = match (self.is_root(), given) {
                (false, _) => (
                    format!("It needs {}, and a program that does not run as root holds none.", capability.name()),
                    if given { "-u 0".to_string() } else { format!("-u 0 --cap-add {short}") },
                ),
                _ => (format!("It needs {}, which this container was not given.", capability.name()), format!("--cap-add {short}")),
            };
            return Some(Refusal { layer: Layer::Capability, errno, why, opens });
        }
        let shared = |kind| kind != NamespaceKind::User && source(self.container, kind) == Source::Host;
        let outside = self.is_rootless() && (over == Over::Machine || matches!(over, Over::Own(kind) if shared(kind)));
        let why =
            format!("{} holds for what the container's user namespace owns, and this belongs to the machine.", capability.name());
        outside.then(|| Refusal { layer: Layer::UserNamespace, errno, why, opens: "an engine that root runs".into() })
    }

    /// What docker-default denies of these: mounting and another root. A profile of one's own is not read.
    fn apparmor(&self) -> Option<Refusal> {
        let profile = apparmor_profile(self.container, self.host).filter(|profile| profile == "docker-default")?;
        let denied = matches!(self.attempt, Attempt::Mount | Attempt::PivotRoot);
        let why = format!("The AppArmor profile {profile} denies it, whatever capabilities are held.");
        let opens = "--security-opt apparmor=unconfined".to_string();
        denied.then_some(Refusal { layer: Layer::AppArmor, errno: Errno::EACCES, why, opens })
    }

    fn devices(&self) -> Option<Refusal> {
        let host = &self.container.host;
        let fenced = host.cgroups.iter().any(|(_, controllers)| controllers.contains(&Controller::Devices)) && !host.privileged;
        let rules = device::rules(&host.devices, &host.confinement.device_rules);
        let refused = match self.attempt {
            Attempt::OpenDevice => !is_allowed(&rules, DeviceKind::Char, 1, 11, 'w'),
            Attempt::Mknod => !is_allowed(&rules, DeviceKind::Char, 1, 3, 'm'),
            _ => false,
        };
        let why = "No rule of the container's device cgroup allows to write to the device c 1:11.".to_string();
        let opens = "--device /dev/kmsg, or --device-cgroup-rule 'c 1:11 w'".to_string();
        (fenced && refused).then_some(Refusal { layer: Layer::DeviceCgroup, errno: Errno::EPERM, why, opens })
    }
}

/// As text: the call with its answer, then each layer that refuses and what opens it.
pub fn text(container: &Container, host: &HostFacts, attempt: Attempt) -> String {
    let all = judge(container, host, attempt);
    let answer = match all.first() {
        None => "0".to_string(),
        Some(first) => format!("-1 {} ({})", first.errno.name(), first.errno.sentence()),
    };
    let mut text = format!("{} = {answer}\n", attempt.demand().shown);
    for (at, refusal) in all.iter().enumerate() {
        let says = if at == 0 { "says no" } else { "would say no" };
        text += &format!("  {} {says}: {}\n", refusal.layer.name(), refusal.why);
        if !refusal.opens.is_empty() {
            text += &format!("    opened by: {}\n", refusal.opens);
        }
    }
    if all.is_empty() {
        text += "  no layer refuses it\n";
    }
    text
}

/// All calls, a line each.
pub fn table(container: &Container, host: &HostFacts) -> String {
    let line = |attempt: Attempt| {
        let first = judge(container, host, attempt).into_iter().next();
        let (answer, layer) = first.map_or(("0", ""), |first| (first.errno.name(), first.layer.name()));
        format!("{:<16}{answer:<14}{layer}", attempt.demand().word).trim_end().to_string() + "\n"
    };
    let head = format!("{:<16}{:<14}{}\n", "CALL", "ANSWER", "WHO SAYS NO");
    head + &Attempt::ALL.into_iter().map(line).collect::<String>()
}
