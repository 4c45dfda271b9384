//! The flags on names and addresses, of `run` and `create`. The checks of their kinds have come before.

use std::net::IpAddr;

use super::Call;
use crate::cli::Naming;

pub(super) fn naming(call: &Call<'_>) -> Naming {
    Naming {
        extra_hosts: call.values("add-host").iter().map(|value| extra_host(value)).collect(),
        name_servers: call.values("dns").iter().map(|value| address(value)).collect(),
        search: call.values("dns-search").iter().map(|value| value.trim_matches(' ').to_string()).collect(),
        options: call.values("dns-option"),
    }
}

/// `NAME=ADDRESS` and `NAME:ADDRESS` are one.
fn extra_host(value: &str) -> String {
    let (name, address) = value.split_once('=').or_else(|| value.split_once(':')).unwrap_or((value, ""));
    let bare = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
    format!("{name}:{bare}")
}

/// As Go's `net.IP` writes it: an IPv4 address in one of IPv6 is the former.
fn address(value: &str) -> String {
    value.trim().parse::<IpAddr>().map_or_else(|_| value.to_string(), |address| address.to_canonical().to_string())
}
