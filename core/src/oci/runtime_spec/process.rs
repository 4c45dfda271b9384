//! `process`: the program, who it is and what it may.

use oci_spec::runtime::{
    Box as ConsoleSize, BoxBuilder, Capabilities, LinuxCapabilities, PosixRlimit, PosixRlimitBuilder, PosixRlimitType, Process,
    User,
};

use crate::cli::Ulimit;
use crate::host::HostFacts;
use crate::model::Container;
use crate::oci::capability::CapabilitySet;
use crate::oci::toolbox::{self, ToolboxFileKind};
use crate::resource_limit::Resource;

pub(super) fn process(container: &Container, host: &HostFacts) -> Process {
    let mut user = user(&container.process.user);
    let groups: Vec<u32> = container.host.tuning.group_add.iter().filter_map(|group| group.parse().ok()).collect();
    user.set_additional_gids((!groups.is_empty()).then_some(groups));
    let mut process = Process::default();
    process
        .set_terminal(Some(container.process.tty))
        .set_console_size(container.process.tty.then(|| console_size(host)))
        .set_args(Some(crate::plan::program(container)))
        .set_env(Some(crate::plan::environment(container, host)))
        .set_cwd(container.process.cwd.clone().into())
        .set_capabilities(Some(capabilities(container.host.capabilities, user.uid() == 0)))
        .set_rlimits(rlimits(container))
        .set_oom_score_adj(Some(container.host.tuning.oom_score_adj).filter(|score| *score != 0).map(|score| score as i32))
        .set_apparmor_profile(crate::plan::apparmor_profile(container, host))
        .set_no_new_privileges(Some(container.host.no_new_privileges))
        .set_user(user);
    process
}

fn rlimits(container: &Container) -> Option<Vec<PosixRlimit>> {
    let of = |(resource, limit): (Resource, Ulimit)| {
        let typ: PosixRlimitType = serde_json::from_value(resource.constant().into()).ok()?;
        PosixRlimitBuilder::default().typ(typ).soft(limit.pair().soft).hard(limit.pair().hard).build().ok()
    };
    let all: Vec<PosixRlimit> = container.host.tuning.limits().filter_map(of).collect();
    (!all.is_empty()).then_some(all)
}

fn console_size(host: &HostFacts) -> ConsoleSize {
    let (rows, columns) = host.terminal.unwrap_or((24, 80));
    BoxBuilder::default().height(rows).width(columns).build().unwrap_or_default()
}

/// Ids as far as they are known before the root file system is there: numbers, and the names of the toolbox image. Another name is kept
/// as `username`, and the engine looks it up in the container.
fn user(text: &str) -> User {
    let (name, group) = text.split_once(':').unwrap_or((text, ""));
    let known = if name.is_empty() { Some((0, 0)) } else { name.parse().ok().map(|uid| (uid, 0)).or_else(|| toolbox_user(name)) };
    let mut user = User::default();
    match known {
        Some((uid, gid)) => user.set_uid(uid).set_gid(group.parse().unwrap_or(gid)),
        None => user.set_username(Some(text.to_string())),
    };
    user
}

/// The ids of a name in the toolbox image's /etc/passwd.
fn toolbox_user(name: &str) -> Option<(u32, u32)> {
    let file = toolbox::files().into_iter().find(|file| file.path == "/etc/passwd")?;
    let ToolboxFileKind::Text(text) = file.kind else { return None };
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2).filter_map(|field| field.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// Docker gives no ambient and no inheritable capabilities; execve takes the rest from whoever is not root.
fn capabilities(given: CapabilitySet, root: bool) -> LinuxCapabilities {
    let held = if root { given } else { CapabilitySet::EMPTY };
    let mut sets = LinuxCapabilities::default();
    sets.set_bounding(Some(names(given)))
        .set_effective(Some(names(held)))
        .set_permitted(Some(names(held)))
        .set_inheritable(None)
        .set_ambient(None);
    sets
}

fn names(set: CapabilitySet) -> Capabilities {
    let short = |name: &'static str| name.trim_start_matches("CAP_");
    set.iter().filter_map(|capability| short(capability.name()).parse().ok()).collect()
}
