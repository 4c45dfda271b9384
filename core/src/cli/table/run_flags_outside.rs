//! The flags of `run` and `create` on what connects a container: files, volumes, networks, ports.

use super::run_flags::both;
use super::{FlagRow, Kind};

/// The rows.
pub(super) const ROWS: &[FlagRow] = &[
    both("mount", Kind::Mount, "Put a file system into the container's", "--mount type=bind,source=/srv,target=/srv").carried_out(),
    both("read-only", Kind::Bool, "Let nothing be written to the root file system", "--read-only").carried_out(),
    both("storage-opt", Kind::List, "An option of the storage driver", "--storage-opt size=10G").carried_out(),
    both("tmpfs", Kind::List, "Put a file system of memory at this path", "--tmpfs /run:size=16m").carried_out(),
    both("use-api-socket", Kind::Bool, "Lend the daemon's socket and the registries' passwords", "--use-api-socket"),
    both("volume", Kind::List, "Put a volume, or a directory of the host, at a path", "-v data:/var/lib/data")
        .short('v')
        .carried_out(),
    both("volume-driver", Kind::Text, "Driver that makes the volumes", "--volume-driver local").carried_out(),
    both("volumes-from", Kind::List, "Put in the volumes of another container", "--volumes-from db").carried_out(),
    both("add-host", Kind::AddHost, "Add a line to /etc/hosts", "--add-host db:10.0.0.5").carried_out(),
    both("dns", Kind::Dns, "Ask this name server", "--dns 1.1.1.1").carried_out(),
    both("dns-option", Kind::List, "An option in resolv.conf", "--dns-option ndots:2").carried_out(),
    both("dns-opt", Kind::List, "Old name of --dns-option", "--dns-opt ndots:2").hidden("dns-option").carried_out(),
    both("dns-search", Kind::DnsSearch, "Look for short names in this domain", "--dns-search example.org").carried_out(),
    both("expose", Kind::List, "Note that a port is listened on", "--expose 80").carried_out(),
    both("ip", Kind::Ip, "IPv4 address on the network", "--ip 172.30.100.104").carried_out(),
    both("ip6", Kind::Ip, "IPv6 address on the network", "--ip6 2001:db8::33").carried_out(),
    both("link", Kind::Link, "Let the container know another by name (old way)", "--link db:database").carried_out(),
    both("link-local-ip", Kind::List, "Link-local address", "--link-local-ip 169.254.34.22"),
    both("mac-address", Kind::Text, "Hardware address", "--mac-address 92:d0:c6:0a:29:33").carried_out(),
    both("network", Kind::Network, "Connect to a network: none, host, container:NAME, or a network's name", "--network none")
        .carried_out(),
    both("net", Kind::Network, "Old name of --network", "--net none").hidden("network").carried_out(),
    both("network-alias", Kind::List, "One more name on the network", "--network-alias db").carried_out(),
    both("net-alias", Kind::List, "Old name of --network-alias", "--net-alias db").hidden("network-alias").carried_out(),
    both("publish", Kind::List, "Make a port of the container a port of the host", "-p 8080:80").short('p').carried_out(),
    both("publish-all", Kind::Bool, "Make every exposed port a port of the host, chosen freely", "-P").short('P').carried_out(),
];
