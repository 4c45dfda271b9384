//! Steps that take power away: capabilities(7), seccomp(2), credentials(7).

use oci_spec::runtime::LinuxSeccomp;
use serde::{Deserialize, Serialize};

use super::{ContainerFiles, Undo};
use crate::oci::capability::CapabilitySet;
use crate::resource_limit::{LimitPair, Resource};

/// A step on privileges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PrivilegeStep {
    /// prctl(PR_SET_NO_NEW_PRIVS)
    SetNoNewPrivileges,
    /// A seccomp profile; without another one Docker's default, as it applies with these capabilities.
    InstallSeccompFilter {
        /// The capabilities that the container is given.
        capabilities: CapabilitySet,
        /// Another profile than Docker's default, as it applies with these capabilities.
        #[serde(default)]
        profile: Option<Box<LinuxSeccomp>>,
    },
    /// Write `exec NAME` to `/proc/self/attr/apparmor/exec`: the profile holds from the next execve(2) on. apparmor(7).
    SetAppArmorProfile {
        /// One that is loaded.
        profile: String,
    },
    /// prctl(PR_CAPBSET_DROP) for every capability that is not in `keep`.
    LimitBoundingSet {
        /// What stays.
        keep: CapabilitySet,
    },
    /// setgroups(2), setresgid(2), setresuid(2). `keep_capabilities` first sets PR_SET_KEEPCAPS.
    SetUser {
        /// User, as typed (a name is looked up in the container's /etc/passwd); empty: root.
        user: String,
        /// Further groups, as typed (names are looked up in the container's /etc/group).
        #[serde(default)]
        groups: Vec<String>,
        /// Something is mounted over these files: they are read in the container's layers, where nothing is mounted, by the engine.
        #[serde(default)]
        layers: Option<Box<ContainerFiles>>,
    },
    /// prlimit(2): a limit of this process and of all that it starts.
    SetResourceLimit {
        /// Which.
        resource: Resource,
        /// Soft and hard.
        limit: LimitPair,
    },
    /// Write `/proc/self/oom_score_adj`, proc_pid_oom_score_adj(5).
    SetOomScore {
        /// -1000 to 1000.
        score: i64,
    },
    /// capset(2): effective, permitted; inheritable and ambient are emptied. A user other than root loses them with execve (Docker gives
    /// no ambient capabilities), and until then the program is looked for with them, as by runc.
    SetCapabilities {
        /// Effective and permitted.
        capabilities: CapabilitySet,
    },
}

impl PrivilegeStep {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            PrivilegeStep::SetNoNewPrivileges => "SetNoNewPrivileges",
            PrivilegeStep::InstallSeccompFilter { .. } => "InstallSeccompFilter",
            PrivilegeStep::LimitBoundingSet { .. } => "LimitBoundingSet",
            PrivilegeStep::SetUser { .. } => "SetUser",
            PrivilegeStep::SetCapabilities { .. } => "SetCapabilities",
            PrivilegeStep::SetResourceLimit { .. } => "SetResourceLimit",
            PrivilegeStep::SetOomScore { .. } => "SetOomScore",
            PrivilegeStep::SetAppArmorProfile { .. } => "SetAppArmorProfile",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        Undo::EndsWithProcess
    }
}
