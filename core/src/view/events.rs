//! An event as a line of text, past tense: what the kernel showed. Told by `--explain`, the step debugger and the page.

use crate::build::InputSeen;
use crate::event::{BuildEvent, Event, ImageEvent, NetworkEvent, RegistryEvent};
use crate::host::Controller;
use crate::model::{Endpoint, Standing};
use crate::query::{CapabilitiesFact, CredentialsFact, MountFact};
use crate::registry::http::{Url, reason};
use crate::registry::{Challenge, Content};
use crate::resource_limit::shown;
use crate::step::{Limit, NamespaceKind};
use crate::userland::Signal;

/// Of what became of images.
fn image(event: &ImageEvent) -> String {
    match event {
        ImageEvent::Tagged { name, id } => format!("{name} leads to the image {id}"),
        ImageEvent::Untagged { name } => format!("{name} leads nowhere"),
        ImageEvent::Forgotten { manifest } => format!("the index does not have {manifest}"),
        ImageEvent::BlobWritten { digest } => format!("blob {digest} is there"),
        ImageEvent::Recorded { image } => format!("image {} is in the store", image.id),
        ImageEvent::LayerPacked { layer: Some(layer), .. } => format!("layer {} is packed", layer.diff_id),
        ImageEvent::LayerPacked { layer: None, .. } => "nothing was changed: no layer".to_string(),
        ImageEvent::Saved { path } => format!("archive {path} is there"),
        ImageEvent::BlobRemoved { digest } => format!("blob {digest} is gone"),
        ImageEvent::StrayRemoved { path } => format!("{path} is gone"),
        ImageEvent::LayerRemoved { diff_id } => format!("layer {diff_id} is gone"),
    }
}

/// Of what a registry answered.
fn registry(event: &RegistryEvent) -> String {
    let answered = match event {
        RegistryEvent::SettingsRead { file: None, .. } => return "no daemon.json".to_string(),
        RegistryEvent::SettingsRead { file: Some(file), settings } => {
            let (mirrors, insecure) = (settings.mirrors.len(), settings.insecure.len());
            return format!("{file}: {mirrors} mirrors of Docker Hub, {insecure} insecure registries");
        }
        RegistryEvent::LoginLookedUp { server, login: None, .. } => return format!("no login at {server} is kept"),
        RegistryEvent::LoginLookedUp { server, login: Some(login), .. } => {
            let who = if login.is_token { "an identity token" } else { login.user.as_str() };
            return format!("at {server} you are {who}");
        }
        RegistryEvent::Answered(answered) => answered,
        RegistryEvent::PasswordTaken { login } => return format!("the password of {} was given", login.user),
        RegistryEvent::LoginKept { server, config } => return format!("{config} keeps the login at {server}"),
        RegistryEvent::LoginDropped { server } => return format!("no login at {server} is kept"),
        RegistryEvent::ManifestRead { manifest, .. } => return format!("the manifest {}", manifest.digest),
        RegistryEvent::LayerCompressed { diff_id, blob, .. } => {
            return format!("layer {diff_id} is {} in {} bytes", blob.digest, blob.size);
        }
    };
    let what = match &answered.content {
        Content::Open => "everybody may ask".to_string(),
        Content::Challenge(Challenge::Basic) => "it wants a name and a password".to_string(),
        Content::Challenge(Challenge::Bearer { realm, .. }) => format!("it wants a token from {realm}"),
        Content::MirrorFailed { why } => return format!("{}: the mirror is given up: {why}", answered.url),
        Content::Unreachable { why } => return format!("{}: no answer: {why}", answered.url),
        Content::Token { scope } => format!("a token for {scope}"),
        Content::Tags(tags) => format!("it has {} tags", tags.len()),
        Content::Resolved(found) => format!("it leads to {}, {} bytes", found.digest, found.size),
        Content::LoggedIn => "the login is taken".to_string(),
        Content::Blob { digest, standing } => match standing {
            Standing::Missing => format!("{digest} is not there"),
            Standing::UploadAt(_) => format!("{digest} can be sent"),
            Standing::There => format!("{digest} is there already"),
            Standing::Mounted { from } => format!("{digest} was taken from {from}"),
            Standing::Sent => format!("{digest} is there"),
        },
        Content::ManifestSent { digest, .. } => format!("the manifest {digest} is there"),
        Content::Unresolved => "it does not say where that leads".to_string(),
        Content::Index { chosen, .. } => format!("a list of manifests; for this machine {}", chosen.digest),
        Content::Manifest { manifest, .. } => format!("the manifest {}", manifest.digest),
        Content::Config { digest, .. } => format!("configuration {digest} is there"),
        Content::Cache(cache) => format!("a cache was read: {} results, {} layers", cache.results.len(), cache.layers.len()),
        Content::Layer { digest, bytes } => format!("layer {digest} is there, {bytes} bytes"),
    };
    let hops: String = answered.hops.iter().filter_map(|hop| Url::parse(hop)).map(|url| format!(" by {}", url.authority)).collect();
    let again = if answered.attempts > 1 { format!(" in {} requests", answered.attempts) } else { String::new() };
    format!("{} {}{hops}{again}: {what}", answered.status, reason(answered.status))
}

/// Of what became of a build.
fn build(event: &BuildEvent) -> String {
    match event {
        BuildEvent::Begun => "the build has begun".to_string(),
        BuildEvent::InputRead { seen: InputSeen::Archive } => "an archive has come".to_string(),
        BuildEvent::InputRead { seen: InputSeen::Dockerfile(definition) } => {
            format!("a Dockerfile of {} bytes has come", definition.text.len())
        }
        BuildEvent::ContextTaken { directory, entries } => format!("{directory}: {entries} made"),
        BuildEvent::CommitFound { commit, .. } => format!("the commit is {commit}"),
        BuildEvent::DefinitionRead { definition } => format!("{} has {} bytes", definition.name, definition.text.len()),
        BuildEvent::CacheRead { cache } => {
            format!("a cache was read: {} results, {} layers", cache.results.len(), cache.layers.len())
        }
        BuildEvent::SourcesRead { parts, .. } => format!("{} files were read", parts.len()),
        BuildEvent::InstructionDone { result, .. } => match result.layers.as_slice() {
            [] => "no file was changed".to_string(),
            [layer] => format!("it comes to the layer {}", layer.diff_id),
            layers => format!("it comes to {} layers", layers.len()),
        },
        BuildEvent::ProgramFailed { failed } => format!("the program has ended with {}", failed.exit_code),
        BuildEvent::ImageNoted { id } => format!("the build has come to {id}"),
        BuildEvent::CacheMountMade { mount, .. } => format!("there is a directory for the cache {}", mount.id),
        BuildEvent::CacheMountRemoved { name } => format!("the directory {} for a cache is gone", name.get(..12).unwrap_or(name)),
        BuildEvent::ChangesSetAside { directory, .. } => format!("what was changed lies in {directory}"),
        BuildEvent::ResultMissed { key, .. } => format!("the cache does not have {key}"),
        BuildEvent::FilesBrought { destination, entries } => format!("{destination}: {entries} made"),
        BuildEvent::WorkspaceRemoved { path } => format!("directory {path} is gone"),
        BuildEvent::ResultDropped { key } => format!("the cache does not have {key} any more"),
        BuildEvent::ResultKept { key, .. } => format!("the cache has {key}"),
    }
}

/// `eth0 has 172.17.0.2`
fn addresses(endpoint: &Endpoint) -> String {
    let addresses: Vec<String> = endpoint.addresses.iter().map(|address| address.addr().to_string()).collect();
    format!("{} has {}", endpoint.interface, addresses.join(" and "))
}

fn network(event: &NetworkEvent) -> String {
    match event {
        NetworkEvent::NetworkRecorded { network } => format!("network {} is on record", network.name),
        NetworkEvent::NetworkRemoved { id } => format!("network {} is gone", id.get(..12).unwrap_or(id)),
        NetworkEvent::InterfaceSeen { place, interface } => {
            let state = if interface.up { "up" } else { "down" };
            let port = interface.master.as_ref().map(|bridge| format!(", a port of {bridge}")).unwrap_or_default();
            format!("{place}: {} is there, {state}{port}", interface.name)
        }
        NetworkEvent::AddressAdded { place, interface, address } => format!("{place}: {interface} has {address}"),
        NetworkEvent::RouteAdded { place, route } => {
            let by = route.gateway.map(|gateway| format!(" by {gateway}")).unwrap_or_default();
            format!("{place}: {} is reached{by} over {}", route.destination, route.interface)
        }
        NetworkEvent::HostSettingSet { name, value } => format!("{name} is {value} on the host"),
        NetworkEvent::TableCreated { place } => format!("{place}: the table of rules is there"),
        NetworkEvent::RuleAdded { place, rule } => format!("{place}: in {}: {}", rule.chain.name(), rule.without_comment()),
        NetworkEvent::RuleDeleted { comment } => format!("the rule \"{comment}\" is gone"),
        NetworkEvent::PortHeld { at, protocol } => format!("host: somebody listens at {at}/{}", protocol.word()),
        NetworkEvent::NamesServed { id } => format!("names are answered in {}", id.short()),
        NetworkEvent::PortsForwarded { id } => format!("what comes to the ports of {} is passed on", id.short()),
        NetworkEvent::PortsReleased { id } => format!("the ports of {} are free", id.short()),
        NetworkEvent::InterfaceDeleted { name } => format!("{name} is gone"),
    }
}

/// `monotonic +10 s, boottime -5 s`
fn ahead(clocks: &[(String, i64, i64)]) -> String {
    let clock = |(name, seconds, _): &(String, i64, i64)| format!("{name} {seconds:+} s");
    clocks.iter().map(clock).collect::<Vec<_>>().join(", ")
}

/// One line, without a newline.
pub fn event_line(event: &Event) -> String {
    match event {
        Event::LayerExtracted { directory, .. } => format!("layer extracted to {directory}"),
        Event::Image(event) => image(event),
        Event::Build(event) => build(event),
        Event::Registry(event) => registry(event),
        Event::Network(event) => network(event),
        Event::EndpointRecorded { endpoint, .. } => format!("on record: {}", addresses(endpoint)),
        Event::DirectoryCreated { path } => format!("directory {path} is there"),
        Event::FileWritten { path, size_bytes } => format!("{path} holds {size_bytes} bytes"),
        Event::ContainerRecorded { container } => format!("container {} ({}) is on record", container.name, container.id.short()),
        Event::ContainerStarted { pid, .. } => format!("container runs as process {pid} of the host"),
        Event::SignalNoted { sent, .. } => format!("noted that {} is sent", Signal(sent.signal).name()),
        Event::ExecRefused { refused } => refused.line().trim_end().to_string(),
        Event::ContainerExited { exit_code, oom_killed, .. } => ended(*exit_code, *oom_killed),
        Event::ContainerPaused { paused, .. } => if *paused { "container is paused" } else { "container goes on" }.to_string(),
        Event::CgroupFrozen { file, frozen } => format!("{file}: {}", if *frozen { "frozen" } else { "not frozen" }),
        Event::HealthProbed { probe, .. } => format!("the probe ended with {}", probe.exit_code),
        Event::StopAsked { id } => format!("container {} is to end", id.short()),
        Event::RestartCancelled { id } => format!("container {} is not started again", id.short()),
        Event::ContainerFailed { error, .. } => format!("container could not be started: {error}"),
        Event::ContainerRemoved { id } => format!("container {} is gone", id.short()),
        Event::SourceCreated { path } => format!("directory {path} of the host is there"),
        Event::FilesCopied { directory, name, entries } => format!("{directory}/{name}: {entries} copied"),
        Event::HolderEnded { pid } => format!("process {pid} of the host is gone, and its mounts with it"),
        Event::VolumeCreated { volume } => format!("volume {} is on record", volume.name),
        Event::VolumeFilled { name, names } => format!("volume {name} holds: {}", listed_names(names)),
        Event::DirectoryMeasured { path, bytes } => format!("{path} holds {bytes} bytes"),
        Event::VolumeRemoved { name } => format!("volume {name} is gone"),
        Event::ControllersEnabled { directory, controllers } => enabled(directory, controllers),
        Event::CgroupCreated { directory } => format!("cgroup {directory} is there"),
        Event::LimitSet { limit, value } => format!("{} limit in force: {value}", limit_name(*limit)),
        Event::CgroupJoined { directory, pid } => format!("process {pid} is in {directory}"),
        Event::CgroupRemoved { directory } => format!("cgroup {directory} is gone"),
        Event::ProcessCloned { pid, pid_inside, new_namespaces } => cloned(*pid, *pid_inside, new_namespaces),
        Event::TimeOffsetsSet { clocks } => format!("clocks: {}", ahead(clocks)),
        Event::IdMapWritten { groups, lines } => id_map(*groups, lines),
        Event::SetgroupsDenied => "setgroups is denied".to_string(),
        Event::SessionStarted => "the process leads a session".to_string(),
        Event::NamespaceEntered { kind, number, shared_with_host } => entered(*kind, *number, *shared_with_host),
        Event::HostnameSet { hostname } => format!("host name in its uts namespace: {hostname}"),
        Event::SysctlSet { name, value } => format!("{name} is {value}"),
        Event::ResourceLimitSet { resource, limit } => {
            format!("{} of this process: {}, at most {}", resource.name(), shown(limit.soft), shown(limit.hard))
        }
        Event::DevicesRestricted { directory } => format!("{directory} refuses devices that it does not name"),
        Event::AppArmorProfileSet { profile } => format!("AppArmor profile from the next execve on: {profile}"),
        Event::OomScoreSet { score } => format!("rank before the OOM killer: {score}"),
        Event::InterfaceUp { interface } => format!("interface {interface} is up"),
        Event::TerminalOpened { path } => format!("terminal {path} is open"),
        Event::MountsMadePrivate { shared_left } => format!("mounts that still spread: {shared_left}"),
        Event::Mounted { mount } => mounted(mount),
        Event::PropagationSet { mount } => spread(mount),
        Event::NodeMade { path } => format!("{path} is there"),
        Event::RootChanged { mounts } => format!("it has a new root and sees {mounts} mounts"),
        Event::OldRootDetached { mounts } => format!("the old root is gone; it sees {mounts} mounts"),
        Event::PathGuarded { path, mount: None } => format!("nothing lies over {path}"),
        Event::PathGuarded { path: _, mount: Some(mount) } => mounted(mount),
        Event::CredentialsSet { credentials } => credentials_line(credentials),
        Event::CapabilitiesSet { capabilities } => capabilities_line(capabilities),
        Event::DirectoryChanged { path } => format!("working directory: {path}"),
        Event::ProgramExecuted { exe, argv } => format!("{exe} runs as: {}", argv.join(" ")),
        Event::SignalSent { signal, .. } => format!("{} was delivered", Signal(*signal).name()),
        Event::ProcessExited { exit_code } => format!("the process ended with {exit_code}{}", signal_of(*exit_code)),
        Event::WaitEnded { exit_code: Some(code), .. } => format!("it has ended with {code}{}", signal_of(*code)),
        Event::WaitEnded { exit_code: None, .. } => "time ran out first".to_string(),
        Event::Printed { text, .. } => printed(text.trim_end()),
    }
}

fn spread(mount: &MountFact) -> String {
    let how = match (mount.shared, mount.slave) {
        (true, _) => "shared: what is mounted below it appears on the other side, both ways",
        (false, true) => "a slave: what is mounted on the other side appears here",
        (false, false) => "private: neither side sees what the other mounts",
    };
    format!("{} is {how}", mount.target)
}

/// The first line; the terminal has the others.
fn printed(text: &str) -> String {
    match (text.lines().next().unwrap_or_default(), text.lines().count()) {
        (first, 0 | 1) => format!("printed: {first}"),
        (first, lines) => format!("printed: {first} … ({lines} lines in all)"),
    }
}

fn listed_names(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_string() } else { names.join(", ") }
}

fn ended(exit_code: i32, oom_killed: bool) -> String {
    let oom = if oom_killed { "; the OOM killer acted in its cgroup" } else { "" };
    format!("container ended with {exit_code}{}{oom}", signal_of(exit_code))
}

/// Docker's exit codes above 128 stand for signals.
fn signal_of(exit_code: i32) -> String {
    let known = |signal: &Signal| Signal::NAMED.iter().any(|(_, named)| named == signal);
    let signal = Some(Signal(exit_code - 128)).filter(known);
    signal.map_or_else(String::new, |signal| format!(" (128 + {}: {})", signal.0, signal.name()))
}

fn enabled(directory: &str, controllers: &[Controller]) -> String {
    let names: Vec<&str> = controllers.iter().map(|controller| controller.name()).collect();
    format!("{directory} enables for its children: {}", listed(&names))
}

fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::Memory => "memory",
        Limit::Swap => "swap",
        Limit::Pids => "process",
        Limit::CpuQuota => "processor time",
        Limit::CpuPeriod => "period of the processor time",
        Limit::MemoryReservation => "memory that is kept",
        Limit::Swappiness => "swapping",
        Limit::OomKillDisable => "waiting instead of ending",
        Limit::CpuShares => "share of the processor time",
        Limit::CpusetCpus => "processors",
        Limit::CpusetMems => "memory nodes",
        Limit::BlockWeight => "share of disk time",
        Limit::BlockDeviceWeight => "share of a disk's time",
        Limit::BlockReadBytes => "bytes read",
        Limit::BlockWriteBytes => "bytes written",
        Limit::BlockReads => "reads",
        Limit::BlockWrites => "writes",
    }
}

fn cloned(pid: u32, pid_inside: u32, new_namespaces: &[NamespaceKind]) -> String {
    let kinds: Vec<&str> = new_namespaces.iter().map(|kind| kind.file()).collect();
    format!("process {pid} of the host is {pid_inside} inside; namespaces of its own: {}", listed(&kinds))
}

fn id_map(groups: bool, lines: &[(u32, u32, u32)]) -> String {
    let line = |(inside, outside, count): &(u32, u32, u32)| format!("{inside} inside is {outside} outside ({count})");
    let lines: Vec<String> = lines.iter().map(line).collect();
    format!("{} id map: {}", if groups { "group" } else { "user" }, lines.join(", "))
}

fn entered(kind: NamespaceKind, number: u64, shared_with_host: bool) -> String {
    let shared = if shared_with_host { "shared with the host" } else { "not shared with the host" };
    format!("{} namespace {number}, {shared}", kind.file())
}

fn credentials_line(fact: &CredentialsFact) -> String {
    let groups: Vec<String> = fact.groups.iter().map(u32::to_string).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    format!(
        "uid {}, gid {}, further groups: {}; no_new_privs {}, seccomp filter {}",
        fact.uid,
        fact.gid,
        listed(&groups),
        on(fact.no_new_privileges),
        on(fact.seccomp_filter)
    )
}

fn capabilities_line(fact: &CapabilitiesFact) -> String {
    format!("capabilities: {} effective, {} in the bounding set", fact.effective.len(), fact.bounding.len())
}

fn mounted(mount: &MountFact) -> String {
    let flags = mount.flags.names().join(" ");
    let flags = if flags.is_empty() { String::new() } else { format!(" ({flags})") };
    format!("{} on {} from {}{flags}", mount.fs_type, mount.target, mount.source)
}

fn listed(words: &[&str]) -> String {
    if words.is_empty() { "none".to_string() } else { words.join(" ") }
}

fn on(truth: bool) -> &'static str {
    if truth { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(event: &Event, line: &str) {
        assert_eq!(event_line(event), line);
    }

    #[test]
    fn lines_say_what_was_seen() {
        let kind = NamespaceKind::Uts;
        let entered = Event::NamespaceEntered { kind, number: 4_026_532_211, shared_with_host: false };
        check(&entered, "uts namespace 4026532211, not shared with the host");
        check(&Event::LimitSet { limit: Limit::Memory, value: "67108864".into() }, "memory limit in force: 67108864");
        check(&Event::IdMapWritten { groups: false, lines: vec![(0, 1000, 1)] }, "user id map: 0 inside is 1000 outside (1)");
        check(&Event::PathGuarded { path: "/proc/scsi".into(), mount: None }, "nothing lies over /proc/scsi");
        check(&Event::Printed { stderr: false, text: "a\nb\n".into() }, "printed: a … (2 lines in all)");
        check(&Event::Printed { stderr: false, text: "a\n".into() }, "printed: a");
    }

    #[test]
    fn exit_codes_above_128_name_their_signal() {
        check(&Event::ProcessExited { exit_code: 137 }, "the process ended with 137 (128 + 9: SIGKILL)");
        check(&Event::ProcessExited { exit_code: 1 }, "the process ended with 1");
        check(&Event::ProcessExited { exit_code: 255 }, "the process ended with 255");
    }
}
