//! `Naming`: what `run` and `create` say of how names become addresses: lines of `/etc/hosts`, and what `/etc/resolv.conf` says.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What was said; the empty value: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Naming {
    /// `--add-host`: `NAME:ADDRESS`, whatever stood between them, and without brackets.
    pub extra_hosts: Vec<String>,
    /// `--dns`, as addresses are written.
    pub name_servers: Vec<String>,
    /// `--dns-search`; `.`: none, not even the host's.
    pub search: Vec<String>,
    /// `--dns-option`, as typed.
    pub options: Vec<String>,
}

impl Naming {
    /// The names to be added, with their addresses, in their order.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.extra_hosts.iter().filter_map(|line| line.split_once(':'))
    }

    /// A name server that only the host can mean by its address.
    pub fn loopback_server(&self) -> Option<&str> {
        let is_loopback = |text: &&String| text.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        self.name_servers.iter().find(is_loopback).map(String::as_str)
    }
}
