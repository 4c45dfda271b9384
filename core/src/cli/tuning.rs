//! `Tuning`: what `run` and `create` set for the processes of a container besides its cgroup: limits of each process, settings of its
//! namespaces, its rank before the OOM killer, further groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::resource_limit::{LimitPair, Resource, UNLIMITED};

/// What was said; the empty value: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuning {
    /// `--sysctl`, by name.
    pub sysctls: BTreeMap<String, String>,
    /// `--ulimit`, by Docker's name: the last one of a name holds.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// `--shm-size`, bytes; 0: Docker's 64 MiB.
    pub shm_bytes: u64,
    /// `--oom-score-adj`
    pub oom_score_adj: i64,
    /// `--group-add`, names and numbers as typed.
    pub group_add: Vec<String>,
    /// `--cgroup-parent`, as typed.
    pub cgroup_parent: String,
}

/// `--ulimit`; -1 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// Soft.
    pub soft: i64,
    /// Hard; the soft one where it was not said.
    pub hard: i64,
}

impl Ulimit {
    /// As the kernel takes it.
    pub fn pair(self) -> LimitPair {
        let limit = |number: i64| u64::try_from(number).unwrap_or(UNLIMITED);
        LimitPair { soft: limit(self.soft), hard: limit(self.hard) }
    }
}

impl Tuning {
    /// The limits of each process, in the order in which `inspect` shows them.
    pub fn limits(&self) -> impl Iterator<Item = (Resource, Ulimit)> + '_ {
        self.ulimits.iter().filter_map(|(name, limit)| Some((Resource::named(name)?, *limit)))
    }
}
