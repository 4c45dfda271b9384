//! An event as a line of text, past tense: what the kernel showed.

use crate::event::Event;
use crate::query::MountFact;
use crate::userland::Signal;

/// One line, without a newline.
pub fn event_line(event: &Event) -> String {
    match event {
        Event::LayerExtracted { directory, .. } => format!("layer extracted to {directory}"),
        Event::DirectoryCreated { path } => format!("directory {path} is there"),
        Event::FileWritten { path, size_bytes } => format!("{path} holds {size_bytes} bytes"),
        Event::ContainerRecorded { container } => format!("container {} ({}) is on record", container.name, container.id.short()),
        Event::ContainerStarted { pid, .. } => format!("container runs as process {pid} of the host"),
        Event::ContainerExited { exit_code, oom_killed, .. } => {
            let oom = if *oom_killed { ", after the OOM killer acted" } else { "" };
            format!("container ended with {exit_code}{oom}")
        }
        Event::ContainerFailed { error, .. } => format!("container could not be started: {error}"),
        Event::ContainerRemoved { id } => format!("container {} is gone", id.short()),
        Event::ControllersEnabled { directory, controllers } => {
            let names: Vec<&str> = controllers.iter().map(|controller| controller.name()).collect();
            format!("{directory} enables {} for its children", names.join(" "))
        }
        Event::CgroupCreated { directory } => format!("cgroup {directory} is there"),
        Event::LimitSet { limit, value } => format!("limit in force: {limit:?} {value}"),
        Event::CgroupJoined { directory, pid } => format!("process {pid} is in {directory}"),
        Event::CgroupRemoved { directory } => format!("cgroup {directory} is gone"),
        other => process_line(other),
    }
}

fn process_line(event: &Event) -> String {
    match event {
        Event::ProcessCloned { pid, pid_inside, new_namespaces } => {
            let kinds: Vec<&str> = new_namespaces.iter().map(|kind| kind.file()).collect();
            format!("process {pid} of the host is {pid_inside} inside; namespaces of its own: {}", listed(&kinds))
        }
        Event::IdMapWritten { groups, lines } => {
            let lines: Vec<String> =
                lines.iter().map(|(inside, outside, count)| format!("{inside} -> {outside} ({count})")).collect();
            format!("{} id map: {}", if *groups { "group" } else { "user" }, lines.join(", "))
        }
        Event::SetgroupsDenied => "setgroups is denied".to_string(),
        Event::SessionStarted => "the process leads a session".to_string(),
        Event::NamespaceEntered { kind, number, shared_with_host } => {
            let shared = if *shared_with_host { "shared with the host" } else { "not shared with the host" };
            format!("{} namespace {number}, {shared}", kind.file())
        }
        Event::HostnameSet { hostname } => format!("host name in its uts namespace: {hostname}"),
        Event::InterfaceUp { interface } => format!("interface {interface} is up"),
        Event::TerminalOpened { path } => format!("terminal {path} is open"),
        Event::CredentialsSet { credentials } => format!(
            "uid {} gid {} groups {:?}, no_new_privs {}, seccomp filter {}",
            credentials.uid,
            credentials.gid,
            credentials.groups,
            yes(credentials.no_new_privileges),
            yes(credentials.seccomp_filter)
        ),
        Event::CapabilitiesSet { capabilities } => {
            format!("capabilities: {} effective, {} in the bounding set", capabilities.effective.len(), capabilities.bounding.len())
        }
        Event::DirectoryChanged { path } => format!("working directory: {path}"),
        Event::ProgramExecuted { exe, argv } => format!("{exe} runs as: {}", argv.join(" ")),
        other => mount_line(other),
    }
}

fn mount_line(event: &Event) -> String {
    match event {
        Event::MountsMadePrivate { shared_left } => format!("mounts that still spread: {shared_left}"),
        Event::Mounted { mount } => mounted(mount),
        Event::NodeMade { path } => format!("{path} is there"),
        Event::RootChanged { mounts } => format!("it has a new root and sees {mounts} mounts"),
        Event::OldRootDetached { mounts } => format!("the old root is gone; it sees {mounts} mounts"),
        Event::PathGuarded { path, mount: None } => format!("{path} does not exist here"),
        Event::PathGuarded { mount: Some(mount), .. } => mounted(mount),
        Event::SignalSent { signal, .. } => format!("{} was delivered", Signal(*signal).name()),
        Event::ProcessExited { exit_code } => format!("the process ended with {exit_code}"),
        Event::WaitEnded { exit_code: Some(code), .. } => format!("it has ended with {code}"),
        Event::WaitEnded { exit_code: None, .. } => "time ran out first".to_string(),
        Event::Printed { text, .. } => format!("printed: {}", text.trim_end()),
        _ => String::new(),
    }
}

fn mounted(mount: &MountFact) -> String {
    let flags = mount.flags.names().join(" ");
    let flags = if flags.is_empty() { String::new() } else { format!(" ({flags})") };
    format!("{} on {} from {}{flags}", mount.fs_type, mount.target, mount.source)
}

fn listed(words: &[&str]) -> String {
    if words.is_empty() { "none".to_string() } else { words.join(" ") }
}

fn yes(truth: bool) -> &'static str {
    if truth { "on" } else { "off" }
}
