//! `/etc/resolv.conf` of a container, made of the host's as dockerd makes it (libnetwork, `resolvconf`): what was said by flags stands
//! for what the host has, and on a network of its own name servers that only the host can reach are left out. Source: resolv.conf(5),
//! and what dockerd 28.5 writes.

use std::net::IpAddr;

use crate::cli::Naming;
use crate::net::dns::{self, Upstream};

/// Where a machine says whom to ask for names.
pub const PATH: &str = "/etc/resolv.conf";
/// Where systemd-resolved keeps the servers that it asks itself: resolved.conf(5). `/etc/resolv.conf` names systemd-resolved alone then.
pub const BEHIND_SYSTEMD: &str = "/run/systemd/resolve/resolv.conf";
/// The address at which systemd-resolved listens.
const SYSTEMD: &str = "127.0.0.53";
/// What Docker asks where the host has no server that a container could reach.
const PUBLIC: [&str; 2] = ["8.8.8.8", "8.8.4.4"];

/// What of the host's file concerns containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Conf {
    servers: Vec<String>,
    invalid: Vec<String>,
    search: Vec<String>,
    options: Vec<String>,
    /// Lines that say something else.
    other: Vec<String>,
}

impl Conf {
    fn parse(text: &str) -> Conf {
        let mut conf = Conf::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let owned = |words: &[&str]| words.iter().map(|word| (*word).to_string()).collect::<Vec<_>>();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with(['#', ';']) => {}
                ["nameserver" | "domain" | "search" | "options"] => {}
                ["nameserver", server, ..] if address(server).is_some() => conf.servers.push((*server).to_string()),
                ["nameserver", server, ..] => conf.invalid.push((*server).to_string()),
                ["domain" | "search", domains @ ..] => conf.search = owned(domains),
                ["options", options @ ..] => conf.options.extend(owned(options)),
                _ => conf.other.push(line.to_string()),
            }
        }
        conf
    }
}

/// An address, perhaps of an interface: `fe80::1%eth0`.
fn address(text: &str) -> Option<IpAddr> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    let address = address.parse::<IpAddr>().ok()?;
    zone.is_none_or(|zone| address.is_ipv6() && !zone.is_empty()).then_some(address)
}

/// Whom a container asks for names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Whom the host asks: it is on the host's network.
    AsTheHost,
    /// Those of the host's servers that it can reach.
    Reachable,
    /// The engine's own server at 127.0.0.11, which asks on.
    Engine,
}

impl Asks {
    /// What Docker calls what it has done to the host's file.
    fn transformed(self) -> &'static str {
        match self {
            Asks::AsTheHost => "",
            Asks::Reachable => " (legacy)",
            Asks::Engine => " (internal resolver)",
        }
    }
}

/// The file that is read for a container: where it is to reach the servers itself it is that behind systemd-resolved, where the host asks
/// nobody else. The engine's server reaches systemd-resolved.
pub fn source(of_host: Option<&str>, on_default_network: bool) -> &'static str {
    let servers = of_host.map(Conf::parse).unwrap_or_default().servers;
    if servers == [SYSTEMD] && on_default_network { BEHIND_SYSTEMD } else { PATH }
}

/// What is known of the host's file, with what was said in its place; where the option `ndots` comes from; what was said.
fn overridden(naming: &Naming, text: Option<&str>) -> (Conf, &'static str, Vec<&'static str>) {
    let mut conf = Conf::parse(text.unwrap_or_default());
    let mut overrides = Vec::new();
    let mut ndots_from = "host";
    if !naming.name_servers.is_empty() {
        conf.servers.clone_from(&naming.name_servers);
        overrides.push("nameservers");
    }
    if !naming.search.is_empty() {
        conf.search = naming.search.iter().filter(|domain| *domain != ".").cloned().collect();
        overrides.push("search");
    }
    if !naming.options.is_empty() {
        conf.options.clone_from(&naming.options);
        overrides.push("options");
        ndots_from = "override";
    }
    (conf, ndots_from, overrides)
}

/// Whom the engine's own server asks on, and whether `ndots` was said. `text`: of the file `source`, if there is one.
pub fn upstream(naming: &Naming, text: Option<&str>) -> (Vec<Upstream>, bool) {
    let (conf, ..) = overridden(naming, text);
    let of_host = naming.name_servers.is_empty();
    let servers = conf.servers.iter().filter_map(|server| Some(Upstream { address: server.parse().ok()?, of_host }));
    (servers.collect(), conf.options.iter().any(|option| is_ndots(option)))
}

fn is_ndots(option: &str) -> bool {
    option.split(':').next() == Some("ndots")
}

/// The text for a container. `text`: of the file `source`, if there is one.
pub fn text(naming: &Naming, source: &str, text: Option<&str>, asks: Asks) -> String {
    let (mut conf, mut ndots_from, overrides) = overridden(naming, text);
    let mut warning = None;
    let mut external = Vec::new();
    if asks == Asks::Reachable && naming.name_servers.is_empty() && keep_reachable(&mut conf) {
        warning = Some("Used default nameservers.");
    }
    if asks == Asks::Engine {
        external = std::mem::replace(&mut conf.servers, vec![dns::ADDRESS.to_string()]);
        if external.is_empty() {
            warning = Some("NO EXTERNAL NAMESERVERS DEFINED");
        }
        if naming.name_servers.is_empty() {
            external.iter_mut().for_each(|server| *server = format!("host({server})"));
        }
        conf.options.retain(|option| !is_ndots(option) || option.get(6..).is_some_and(|dots| dots.parse::<u32>().is_ok()));
        if !conf.options.iter().any(|option| is_ndots(option)) {
            // A name without a dot is asked as it is first: it may be a container's.
            conf.options.push("ndots:0".into());
            ndots_from = "internal";
        }
    }
    written(&conf, &Remarks { source, asks, warning, external: &external, overrides: &overrides, ndots_from })
}

/// On a network of its own a container reaches no server on the host's loopback, and Docker gives it none with an IPv6 address. Whether
/// none was left, and the public ones stand in.
fn keep_reachable(conf: &mut Conf) -> bool {
    let reachable = |server: &String| {
        address(server).is_some_and(|address| match address {
            IpAddr::V4(address) => !address.is_loopback(),
            IpAddr::V6(_) => false,
        })
    };
    conf.servers.retain(reachable);
    let none = conf.servers.is_empty();
    if none {
        conf.servers = PUBLIC.iter().map(|server| (*server).to_string()).collect();
    }
    none
}

/// What the comments at the end say.
struct Remarks<'a> {
    source: &'a str,
    asks: Asks,
    warning: Option<&'a str>,
    /// Whom the engine's own server asks.
    external: &'a [String],
    overrides: &'a [&'a str],
    ndots_from: &'a str,
}

fn written(conf: &Conf, remarks: &Remarks<'_>) -> String {
    let mut text = "# Written by Glassbox, once, as Docker Engine writes it. This file can be edited.\n\n".to_string();
    conf.servers.iter().for_each(|server| text.push_str(&format!("nameserver {server}\n")));
    for (word, values) in [("search", &conf.search), ("options", &conf.options)] {
        if !values.is_empty() {
            text.push_str(&format!("{word} {}\n", values.join(" ")));
        }
    }
    conf.other.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    text.push_str(&format!("\n# Based on host file: '{}'{}\n", remarks.source, remarks.asks.transformed()));
    if let Some(warning) = remarks.warning {
        text.push_str(&format!("# {warning}\n"));
    }
    for (what, servers) in [("ExtServers", remarks.external), ("Invalid nameservers", &conf.invalid)] {
        if !servers.is_empty() {
            text.push_str(&format!("# {what}: [{}]\n", servers.join(" ")));
        }
    }
    text.push_str(&format!("# Overrides: [{}]\n", remarks.overrides.join(" ")));
    if conf.options.iter().any(|option| option.starts_with("ndots:")) {
        text.push_str(&format!("# Option ndots from: {}\n", remarks.ndots_from));
    }
    text
}

/// A text without the lines `remove`, and with the lines `add` at its end.
pub fn edited(text: &str, remove: &[String], add: &[String]) -> String {
    let kept = text.lines().filter(|line| !remove.iter().any(|gone| gone == line));
    kept.chain(add.iter().map(String::as_str)).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands between the first line and the end.
    fn of(naming: &Naming, host: &str, host_network: bool) -> String {
        shown(naming, host, if host_network { Asks::AsTheHost } else { Asks::Reachable })
    }

    fn shown(naming: &Naming, host: &str, asks: Asks) -> String {
        let whole = text(naming, PATH, Some(host), asks);
        whole.split_once("\n\n").map(|(_, rest)| rest.to_string()).unwrap()
    }

    fn naming(servers: &[&str], search: &[&str], options: &[&str]) -> Naming {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_string()).collect();
        Naming { name_servers: owned(servers), search: owned(search), options: owned(options), ..Naming::default() }
    }

    /// Each of them read off dockerd 28.5.2.
    #[test]
    fn it_is_what_dockerd_writes() {
        let none = Naming::default();
        let systemd = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch a.org b.org\n";
        let public = "nameserver 8.8.8.8\nnameserver 8.8.4.4\nsearch a.org b.org\noptions edns0 trust-ad\n\n\
                      # Based on host file: '/etc/resolv.conf' (legacy)\n# Used default nameservers.\n# Overrides: []\n";
        assert_eq!(of(&none, systemd, false), public);
        let kept = "nameserver 127.0.0.53\nsearch a.org b.org\noptions edns0 trust-ad\n\n\
                    # Based on host file: '/etc/resolv.conf'\n# Overrides: []\n";
        assert_eq!(of(&none, systemd, true), kept);
        let odd = "nameserver 2001:db8::1\nnameserver fe80::1%eth0\nnameserver 1.2.3.4\nnameserver bad\nnameserver\n; c\n# d\n\n  domain x.org\n\
                   search y.org z.org\noptions ndots:3\n options rotate\nsortlist 1.2.3.4\n lookup file\nsearch\n";
        let end = "nameserver 1.2.3.4\nsearch y.org z.org\noptions ndots:3 rotate\nsortlist 1.2.3.4\n lookup file\n\n\
                   # Based on host file: '/etc/resolv.conf'";
        let remarks = "\n# Invalid nameservers: [bad]\n# Overrides: []\n# Option ndots from: host\n";
        assert_eq!(of(&none, odd, false), format!("{end} (legacy){remarks}"));
        assert_eq!(of(&none, odd, true), format!("nameserver 2001:db8::1\nnameserver fe80::1%eth0\n{end}{remarks}"));
        let said = naming(&["1.1.1.1", "::1"], &["example.org", "sub.example.org"], &["ndots:2", "timeout:3"]);
        let all = "nameserver 1.1.1.1\nnameserver ::1\nsearch example.org sub.example.org\noptions ndots:2 timeout:3\n\n\
                   # Based on host file: '/etc/resolv.conf' (legacy)\n# Overrides: [nameservers search options]\n\
                   # Option ndots from: override\n";
        assert_eq!(of(&said, systemd, false), all);
        let emptied = of(&naming(&[], &["."], &[]), "nameserver 9.9.9.9\nsearch a.org\n", false);
        assert_eq!(emptied, "nameserver 9.9.9.9\n\n# Based on host file: '/etc/resolv.conf' (legacy)\n# Overrides: [search]\n");
        let bare = of(&none, "nameserver 0.0.0.0\nnameserver ::ffff:1.2.3.4\nnameserver 1.2.3.4 x\n", false);
        assert!(bare.starts_with("nameserver 0.0.0.0\nnameserver 1.2.3.4\n\n"), "{bare}");
    }

    #[test]
    fn behind_systemd_resolved_stand_the_servers_that_it_asks() {
        assert_eq!(source(Some("nameserver 127.0.0.53\n"), true), BEHIND_SYSTEMD);
        assert_eq!(source(Some("nameserver 127.0.0.53\n"), false), PATH);
        assert_eq!(source(Some("nameserver 127.0.0.53\nnameserver 1.1.1.1\n"), true), PATH);
        assert_eq!(source(None, true), PATH);
    }

    #[test]
    fn in_a_network_with_names_the_engine_is_asked() {
        let host = "nameserver 127.0.0.53\nnameserver 192.0.2.1\noptions edns0 trust-ad\nsearch a.org\n";
        let text = shown(&Naming::default(), host, Asks::Engine);
        let wanted = "nameserver 127.0.0.11\nsearch a.org\noptions edns0 trust-ad ndots:0\n\n\
                      # Based on host file: '/etc/resolv.conf' (internal resolver)\n\
                      # ExtServers: [host(127.0.0.53) host(192.0.2.1)]\n# Overrides: []\n# Option ndots from: internal\n";
        assert_eq!(text, wanted);
        let said = naming(&["1.1.1.1", "::1"], &["x.org"], &["ndots:2"]);
        let wanted = "nameserver 127.0.0.11\nsearch x.org\noptions ndots:2\n\n\
                      # Based on host file: '/etc/resolv.conf' (internal resolver)\n# ExtServers: [1.1.1.1 ::1]\n\
                      # Overrides: [nameservers search options]\n# Option ndots from: override\n";
        assert_eq!(shown(&said, host, Asks::Engine), wanted);
        let none = shown(&Naming::default(), "options ndots:x\n", Asks::Engine);
        let wanted = "nameserver 127.0.0.11\noptions ndots:0\n\n# Based on host file: '/etc/resolv.conf' (internal resolver)\n\
                      # NO EXTERNAL NAMESERVERS DEFINED\n# Overrides: []\n# Option ndots from: internal\n";
        assert_eq!(none, wanted);
    }

    #[test]
    fn the_engine_asks_whom_the_host_asks_or_whom_was_said() {
        let host = Some("nameserver 127.0.0.53\nnameserver fe80::1%eth0\nnameserver bad\n");
        let (servers, ndots_said) = upstream(&Naming::default(), host);
        assert_eq!((servers, ndots_said), (vec![Upstream { address: [127, 0, 0, 53].into(), of_host: true }], false));
        let (servers, ndots_said) = upstream(&naming(&["1.1.1.1"], &[], &["ndots:2"]), host);
        assert_eq!((servers, ndots_said), (vec![Upstream { address: [1, 1, 1, 1].into(), of_host: false }], true));
    }
}
