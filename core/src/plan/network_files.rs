//! `/etc/hosts`, `/etc/resolv.conf` and `/etc/hostname` of a container: what is in them, and which words of the command, or else whose default, put it
//! there. A container that shares another's network has the files of that one.

use super::origin::{self, planned};
use super::{Cause, Context, Planned};
use crate::cli::NetworkMode;
use crate::host::HostFacts;
use crate::layout::Layout;
use crate::model::{Container, Endpoint};
use crate::net::dns::Upstream;
use crate::resolv_conf::{self, Asks};
use crate::step::{Step, StoreStep};

/// Where names that every machine has are listed: hosts(5).
const HOSTS_PATH: &str = "/etc/hosts";
/// What Docker begins a file of its own with.
const HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n\
                     ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";
/// An address that stands for the host's on a bridge.
const GATEWAY: &str = "host-gateway";

fn of_host<'a>(path: &str, host: &'a HostFacts) -> Option<&'a str> {
    host.network_files.get(path).and_then(Option::as_ref).map(String::as_str)
}

/// As in Docker, a container on the host's network gets a copy of the host's file, not the file itself: it may be written to. With names
/// added, or where the host has no such file, it gets one of its own.
fn hosts(container: &Container, host: &HostFacts) -> String {
    let naming = &container.host.naming;
    match of_host(HOSTS_PATH, host) {
        Some(text) if container.host.network == NetworkMode::Host && naming.extra_hosts.is_empty() => text.to_string(),
        _ => {
            let said: String = naming.hosts().map(|(name, address)| format!("{address}\t{name}\n")).collect();
            HOSTS.to_string() + &said + &own_names(container)
        }
    }
}

/// Its own name, by each of its addresses.
fn own_names(container: &Container) -> String {
    let endpoints = container.networks.iter().filter_map(|attachment| attachment.endpoint.as_ref());
    endpoints.flat_map(|endpoint| names_of(container, endpoint)).map(|line| format!("{line}\n")).collect()
}

/// Its own name by its addresses in one network: lines without their ends.
pub(super) fn names_of(container: &Container, endpoint: &Endpoint) -> Vec<String> {
    let (process, addresses) = (&container.process, &endpoint.addresses);
    addresses.iter().map(|address| format!("{}\t{}", address.addr(), process.hostname)).collect()
}

/// Made of the host's file, and of what was said.
pub(super) fn resolv_conf(container: &Container, host: &HostFacts) -> String {
    let asks = match &container.host.network {
        NetworkMode::Host => Asks::AsTheHost,
        _ if container.asks_for_names() => Asks::Engine,
        _ => Asks::Reachable,
    };
    let source = source_of(container, host);
    resolv_conf::text(&container.host.naming, source, of_host(source, host), asks)
}

fn source_of(container: &Container, host: &HostFacts) -> &'static str {
    let by_default = !matches!(container.host.network, NetworkMode::Host | NetworkMode::Named(_));
    resolv_conf::source(of_host(resolv_conf::PATH, host), by_default)
}

/// Whom the engine's own server asks for the container, and whether `ndots` was said.
pub(super) fn upstream(container: &Container, host: &HostFacts) -> (Vec<Upstream>, bool) {
    resolv_conf::upstream(&container.host.naming, of_host(source_of(container, host), host))
}

/// Each by its name in the container's directory, with its text and its cause.
pub(super) fn all(container: &Container, context: &Context<'_>) -> Vec<(&'static str, String, Cause)> {
    if matches!(container.host.network, NetworkMode::Container(_)) {
        return Vec::new(); // it gets those of the container whose network it shares
    }
    let flag = |name: &str| origin::flag(context, container, name);
    let names = || origin::docker_default("Docker manages these three files.", "engine/network/#dns-services");
    let network = || if container.host.network == NetworkMode::Host { flag("network").unwrap_or_else(names) } else { names() };
    let said = |flags: &[&str]| flags.iter().find_map(|name| flag(name));
    vec![
        ("hostname", format!("{}\n", container.process.hostname), flag("hostname").unwrap_or_else(names)),
        ("hosts", hosts(container, context.host), said(&["add-host"]).unwrap_or_else(network)),
        ("resolv.conf", resolv_conf(container, context.host), said(&["dns", "dns-search", "dns-option"]).unwrap_or_else(network)),
    ]
}

/// As in Docker: each start after the first writes them anew; where it gives addresses, once these are known (`network::prepare`).
pub(super) fn anew(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    if container.state.started_ns == 0 || !container.networks.is_empty() {
        return Vec::new();
    }
    rewritten(container, context)
}

/// All of them anew.
pub(super) fn rewritten(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let step = |(name, contents, cause): (&str, String, Cause)| {
        planned(Step::Store(StoreStep::RewriteFile { path: layout.of(&container.id, name), mode: 0o644, contents }), cause)
    };
    all(container, context).into_iter().map(step).collect()
}

/// The daemon's refusal to start a container: there is no bridge here whose address could be meant.
pub(super) fn not_known(container: &Container) -> Option<String> {
    let gateway = container.host.naming.hosts().any(|(_, address)| address == GATEWAY);
    gateway.then(|| "unable to derive the IP value for host-gateway".to_string())
}

/// What Docker's client says before it asks for the container.
pub(super) fn warning(container: &Container) -> Option<String> {
    let server = container.host.naming.loopback_server()?;
    Some(format!("WARNING: Localhost DNS ({server}) may fail in containers."))
}
