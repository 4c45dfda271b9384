//! The flags of the commands on networks.

use super::{FlagRow, Kind};

const CONNECT: &[&str] = &["network connect"];
const CREATE: &[&str] = &["network create"];
const LS: &[&str] = &["network ls"];
const PRUNE: &[&str] = &["network prune"];

/// The rows.
pub(super) const ROWS: &[FlagRow] = &[
    FlagRow::new("alias", Kind::Strings, CONNECT, "One more name of the container there", "--alias db").carried_out(),
    FlagRow::new("driver-opt", Kind::Strings, CONNECT, "An option of what makes the network", "--driver-opt name=value")
        .carried_out(),
    FlagRow::new("gw-priority", Kind::Int, CONNECT, "Of several networks the highest has the way out", "--gw-priority 1")
        .default("0")
        .carried_out(),
    FlagRow::new("ip", Kind::Text, CONNECT, "IPv4 address there", "--ip 172.30.100.104").carried_out(),
    FlagRow::new("ip6", Kind::Text, CONNECT, "IPv6 address there", "--ip6 2001:db8::33").carried_out(),
    FlagRow::new("link", Kind::List, CONNECT, "Let the container know another by name (old way)", "--link db:database")
        .carried_out(),
    FlagRow::new("link-local-ip", Kind::Strings, CONNECT, "Link-local address there", "--link-local-ip 169.254.34.22"),
    FlagRow::new("attachable", Kind::Bool, CREATE, "Containers may connect to it by hand, in a cluster", "--attachable")
        .carried_out(),
    FlagRow::new(
        "aux-address",
        Kind::Map,
        CREATE,
        "An address that no container gets, by its name",
        "--aux-address router=10.0.0.5",
    )
    .default("map[]")
    .carried_out(),
    FlagRow::new("config-from", Kind::Text, CREATE, "The network whose configuration it takes", "--config-from base").carried_out(),
    FlagRow::new("config-only", Kind::Bool, CREATE, "Keep a configuration, and make no network", "--config-only").carried_out(),
    FlagRow::new("driver", Kind::Text, CREATE, "What makes it", "-d bridge").short('d').default("bridge").carried_out(),
    FlagRow::new("gateway", Kind::Strings, CREATE, "The host's address in it", "--gateway 10.0.0.1").carried_out(),
    FlagRow::new("ingress", Kind::Bool, CREATE, "The network by which a cluster is reached", "--ingress").carried_out(),
    FlagRow::new("internal", Kind::Bool, CREATE, "No way out of it, and none in", "--internal").carried_out(),
    FlagRow::new("ip-range", Kind::Strings, CREATE, "Containers get addresses of this range alone", "--ip-range 10.0.1.0/24")
        .carried_out(),
    FlagRow::new("ipam-driver", Kind::Text, CREATE, "What gives addresses", "--ipam-driver default")
        .default("default")
        .carried_out(),
    FlagRow::new("ipam-opt", Kind::Map, CREATE, "An option of what gives addresses", "--ipam-opt name=value")
        .default("map[]")
        .carried_out(),
    FlagRow::new("ipv4", Kind::Bool, CREATE, "Addresses of IPv4", "--ipv4=false").default("true").carried_out(),
    FlagRow::new("ipv6", Kind::Bool, CREATE, "Addresses of IPv6", "--ipv6").carried_out(),
    FlagRow::new("label", Kind::List, CREATE, "Attach a note to it", "--label tier=db").carried_out(),
    FlagRow::new("opt", Kind::Map, CREATE, "An option of what makes it", "-o com.docker.network.driver.mtu=1400")
        .short('o')
        .default("map[]")
        .carried_out(),
    FlagRow::new("scope", Kind::Text, CREATE, "On how many machines it is", "--scope local").carried_out(),
    FlagRow::new("subnet", Kind::Strings, CREATE, "Its addresses", "--subnet 10.0.0.0/16").carried_out(),
    FlagRow::new("force", Kind::Bool, &["network disconnect"], "Of a container that is not there any more, too", "-f")
        .short('f')
        .carried_out(),
    FlagRow::new("format", Kind::Text, &["network inspect"], "Print by a template", "-f '{{.Driver}}'").short('f').carried_out(),
    FlagRow::new("verbose", Kind::Bool, &["network inspect"], "With what a cluster knows of it", "-v").short('v').carried_out(),
    FlagRow::new(
        "filter",
        Kind::Filter,
        LS,
        "Show only those that fit: dangling, driver, id, label, name, scope, type",
        "-f driver=bridge",
    )
    .short('f')
    .carried_out(),
    FlagRow::new("format", Kind::Text, LS, "Print by a template", "--format json").carried_out(),
    FlagRow::new("no-trunc", Kind::Bool, LS, "Do not cut ids", "--no-trunc").carried_out(),
    FlagRow::new("quiet", Kind::Bool, LS, "Print ids only", "-q").short('q').carried_out(),
    FlagRow::new("filter", Kind::Filter, PRUNE, "Delete only those that fit: label, until", "--filter until=24h").carried_out(),
    FlagRow::new("force", Kind::Bool, PRUNE, "Do not ask first", "-f").short('f').carried_out(),
    FlagRow::new("force", Kind::Bool, &["network rm"], "A network that is not there is no error", "-f").short('f').carried_out(),
];
