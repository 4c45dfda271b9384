//! `--cgroup-parent`: the cgroups above a container's own. dockerd takes it as a path below the root of each tree; runc makes what of it is
//! not there. What was made here goes with the last container in it, what was there stays.

use std::collections::BTreeSet;

use super::origin::{self, need, planned};
use super::{Context, Planned, limits};
use crate::cli::{Command, Invocation, Resources};
use crate::host::{CgroupLayout, CgroupVersion, Controller};
use crate::model::Container;
use crate::step::{CgroupStep, Limit, Step};

/// The words of a path without `.` and `..`, which lead nowhere above the root.
fn words(parent: &str) -> Vec<&str> {
    let mut all = Vec::new();
    for word in parent.split('/') {
        match word {
            "" | "." => {}
            ".." => drop(all.pop()),
            word => all.push(word),
        }
    }
    all
}

/// The cgroups of a parent in a tree, the highest first; none: the root of the tree.
pub(super) fn levels(tree: &str, parent: &str) -> Vec<String> {
    let mut path = tree.trim_end_matches('/').to_string();
    let mut all = Vec::new();
    for word in words(parent) {
        path = format!("{path}/{word}");
        all.push(path.clone());
    }
    all
}

/// What is above a container's own cgroup: the root of its tree, then the levels of its parent.
pub(super) fn above(directory: &str, parent: &str) -> Vec<String> {
    let mut at = directory;
    let up = |at: &mut &str| {
        *at = at.rsplit_once('/').map_or("/", |(above, _)| above);
        (*at).to_string()
    };
    let mut all: Vec<String> = (0..=words(parent).len()).map(|_| up(&mut at)).collect();
    all.reverse();
    all
}

/// The cgroups of which planning is to know whether they are there: [`crate::host::HostFacts::sources`].
pub(super) fn named_cgroups(invocation: &Invocation, layout: &CgroupLayout) -> BTreeSet<String> {
    let spec = match &invocation.command {
        Command::RunContainer(run) => &run.spec,
        Command::CreateContainer(spec) => spec,
        _ => return BTreeSet::new(),
    };
    let parent = &spec.tuning.cgroup_parent;
    layout.controllers.iter().flat_map(|mount| levels(&mount.directory, parent)).collect()
}

/// Those that are not there, or are there only because containers on record made them: the highest first, in each tree.
pub(super) fn made(resources: &Resources, parent: &str, context: &Context<'_>) -> Vec<String> {
    let host = context.host;
    let by_others = |directory: &String| {
        let mut all = context.state.containers.values();
        all.any(|container| container.host.made_parents.contains(directory))
    };
    let mut made: Vec<String> = Vec::new();
    if host.cgroup.version == CgroupVersion::None {
        return made;
    }
    for controller in limits::controllers(resources) {
        let tree = host.cgroup.directory(controller).map(|tree| levels(tree, parent)).unwrap_or_default();
        for directory in tree {
            if !made.contains(&directory) && (!host.sources.contains_key(&directory) || by_others(&directory)) {
                made.push(directory);
            }
        }
    }
    made
}

/// Makes it where it is one of those. A cpuset of version 1 gives its children only what it has itself.
pub(super) fn make(container: &Container, directory: &str, controllers: &[Controller], context: &Context<'_>) -> Vec<Planned> {
    if !container.host.made_parents.iter().any(|made| made == directory) {
        return Vec::new();
    }
    let cause = || origin::flag_or(context, container, "cgroup-parent", || origin::command(context));
    let controllers: Vec<Controller> = controllers.to_vec();
    let split_cpuset = controllers.contains(&Controller::Cpuset) && context.host.cgroup.version != CgroupVersion::V2;
    let step = CgroupStep::CreateCgroup { directory: directory.to_string(), controllers, shared: true };
    let mut steps = vec![planned(Step::Cgroup(step), cause())];
    if split_cpuset {
        let (cpus, mems) = &context.host.cpuset;
        for (name, value, limit) in [("cpuset.cpus", cpus, Limit::CpusetCpus), ("cpuset.mems", mems, Limit::CpusetMems)] {
            let file = format!("{directory}/{name}");
            let step = CgroupStep::WriteLimit { file, value: value.clone(), limit, before: None };
            steps.push(planned(
                Step::Cgroup(step),
                need("WriteLimit", "A cpuset of v1 gives its children only what it has itself."),
            ));
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_a_path_below_each_root() {
        assert_eq!(levels("/sys/fs/cgroup", ""), [] as [String; 0]);
        assert_eq!(levels("/sys/fs/cgroup/", "/"), [] as [String; 0]);
        assert_eq!(levels("/c", "/batch/night/"), ["/c/batch", "/c/batch/night"]);
        assert_eq!(levels("/c", "batch/../../other/./x"), ["/c/other", "/c/other/x"]);
        assert_eq!(above("/c/glassbox-1", ""), ["/c"]);
        assert_eq!(above("/c/batch/night/glassbox-1", "batch/night"), ["/c", "/c/batch", "/c/batch/night"]);
    }
}
