//! `exec`: a further process in the namespaces and the cgroup of a running container.

use super::namespaces::{Source, source};
use super::origin::{self, need, planned};
use super::{Context, Planned, root, start};
use crate::cli::ExecProcess;
use crate::model::Container;
use crate::step::{ClientStep, NamespaceKind, ProcessStep, Step};

/// From the engine's process to the program in the container.
pub(super) fn exec(container: &Container, exec: &ExecProcess, context: &Context<'_>) -> Vec<Planned> {
    let joined = |kind| {
        let why = "The new process is to see what the container's processes see.";
        planned(Step::Process(ProcessStep::JoinNamespace { kind, id: container.id.clone() }), need("ExecProgram", why))
    };
    let mut steps = Vec::new();
    // The user namespace first of all: the others belong to it, and only its root may enter them.
    let before = [NamespaceKind::User, NamespaceKind::Pid].into_iter().filter(|kind| source(container, *kind) != Source::Host);
    steps.extend(before.map(joined));
    let clone = ProcessStep::CloneProcess { namespaces: Vec::new(), cgroup: start::born_in(container, context) };
    let why = "A joined pid namespace holds for children: setns(2).";
    let cause = if steps.is_empty() { origin::command(context) } else { need("JoinNamespace", why) };
    steps.push(planned(Step::Process(clone), cause));
    steps.extend(start::join_cgroups(container, context));
    let session = need("ExecProgram", "Signals that the engine's terminal sends must not reach the container's processes.");
    steps.push(planned(Step::Process(ProcessStep::StartSession), session));
    steps.extend(kinds_joined_inside(container).into_iter().map(joined));
    steps.extend(enter(container, exec, context));
    let user = exec.user.clone().unwrap_or_else(|| container.process.user.clone());
    let mut given = container.clone();
    if exec.privileged {
        let all = crate::oci::capability::CapabilitySet::ALL;
        given.host.capabilities = if context.host.is_root() { context.host.capabilities } else { all };
    }
    steps.extend(start::drop_privileges(&given, &container.host, context, &user));
    let env = environment(container, exec, context);
    let own_home = !start::has_home(&env);
    let program = ProcessStep::ExecProgram { argv: exec.argv.clone(), env, secrets: Vec::new(), own_home };
    steps.push(planned(Step::Process(program), origin::positional(context, "COMMAND")));
    steps
}

/// The kinds that the new process joins itself; the mount namespace last, since the others are found under the host's /proc.
fn kinds_joined_inside(container: &Container) -> Vec<NamespaceKind> {
    use NamespaceKind::{Cgroup, Ipc, Mount, Network, Time, Uts};
    let kinds = [Uts, Ipc, Network, Cgroup, Time, Mount];
    kinds.into_iter().filter(|kind| source(container, *kind) != Source::Host).collect()
}

fn enter(container: &Container, exec: &ExecProcess, context: &Context<'_>) -> Vec<Planned> {
    let path = exec.workdir.clone().unwrap_or_else(|| container.process.cwd.clone());
    let cause = if exec.workdir.is_some() {
        flag(context, "workdir")
    } else {
        origin::docker_default("exec starts in the container's working directory.", "reference/cli/docker/container/exec/")
    };
    let mut steps = vec![planned(Step::Process(ProcessStep::ChangeDirectory { path, make: false }), cause)];
    if exec.tty {
        steps.push(planned(Step::Process(root::terminal(context)), flag(context, "tty")));
    }
    steps
}

fn flag(context: &Context<'_>, name: &str) -> super::Cause {
    let words = &context.invocation.words;
    match words.flag(name) {
        Some(used) => super::Cause::Words {
            text: words.text.get(used.span.start..used.span.end).unwrap_or_default().to_string(),
            span: used.span,
        },
        None => origin::command(context),
    }
}

fn environment(container: &Container, exec: &ExecProcess, context: &Context<'_>) -> Vec<String> {
    let mut env = start::environment(container, context.host);
    env.retain(|entry| !entry.starts_with("TERM="));
    if exec.tty {
        env.push("TERM=xterm".into());
    }
    for entry in &exec.env {
        super::create::set_env(&mut env, entry, context.host);
    }
    env.retain(|entry| entry != "HOME=");
    env
}

/// What follows the program's start: its streams, unless detached.
pub(super) fn attach(container: &Container, exec: &ExecProcess, context: &Context<'_>) -> Vec<Planned> {
    if exec.detach {
        return Vec::new();
    }
    let step = ClientStep::AttachStreams { id: container.id.clone() };
    vec![planned(Step::Client(step), origin::command(context))]
}

/// What goes on beside a program that nobody stays with.
pub(super) fn watch(container: &Container, exec: &ExecProcess) -> Vec<Planned> {
    if !exec.detach {
        return Vec::new();
    }
    let why = "It is the engine's child, and ends for good only when its parent has asked how: wait(2).";
    vec![planned(Step::Client(ClientStep::WatchExec { id: container.id.clone() }), need("ExecProgram", why))]
}
