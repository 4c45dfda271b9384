//! `/etc/hosts` and `/etc/resolv.conf` of a container: what is in them, and which words of the command, or else whose default, put it
//! there. A container that shares another's network has the files of that one.

use super::{Cause, Context, origin};
use crate::cli::NetworkMode;
use crate::host::HostFacts;
use crate::model::Container;
use crate::resolv_conf;

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
pub(super) fn hosts(container: &Container, host: &HostFacts) -> String {
    let naming = &container.host.naming;
    match of_host(HOSTS_PATH, host) {
        Some(text) if container.host.network == NetworkMode::Host && naming.extra_hosts.is_empty() => text.to_string(),
        _ => HOSTS.to_string() + &naming.hosts().map(|(name, address)| format!("{address}\t{name}\n")).collect::<String>(),
    }
}

/// Made of the host's file, and of what was said.
pub(super) fn resolv_conf(container: &Container, host: &HostFacts) -> String {
    let on_hosts = container.host.network == NetworkMode::Host;
    let source = resolv_conf::source(of_host(resolv_conf::PATH, host), on_hosts);
    resolv_conf::text(&container.host.naming, source, of_host(source, host), on_hosts)
}

pub(super) fn hosts_cause(container: &Container, context: &Context<'_>, otherwise: impl FnOnce() -> Cause) -> Cause {
    origin::flag_or(context, container, "add-host", otherwise)
}

pub(super) fn resolver_cause(container: &Container, context: &Context<'_>, otherwise: impl FnOnce() -> Cause) -> Cause {
    let said = ["dns", "dns-search", "dns-option"].into_iter().find_map(|name| origin::flag(context, container, name));
    said.unwrap_or_else(otherwise)
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
