//! What the commands on networks are asked for.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::EndpointSpec;

/// `network …`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkCommand {
    /// `network create`
    Create(Box<CreateNetwork>),
    /// `network ls`
    List {
        /// `-q`: only ids.
        quiet: bool,
        /// `--no-trunc`
        no_trunc: bool,
        /// `--filter`, as typed: `NAME=VALUE`.
        filters: Vec<String>,
        /// `--format`
        format: Option<String>,
    },
    /// `network rm NETWORK…`
    Remove {
        /// Names or ids, as typed.
        networks: Vec<String>,
        /// `-f`: one that is not there is no error.
        force: bool,
    },
    /// `network prune`
    Prune {
        /// `-f`: without it Docker asks first.
        force: bool,
        /// `--filter`, as typed: `NAME=VALUE`.
        filters: Vec<String>,
    },
    /// `network connect NETWORK CONTAINER`
    Connect {
        /// Name, prefix of an id, or id.
        container: String,
        /// The network, and what was said of the container's place in it.
        spec: Box<EndpointSpec>,
    },
    /// `network disconnect NETWORK CONTAINER`
    Disconnect {
        /// Name or id.
        network: String,
        /// Name, prefix of an id, or id.
        container: String,
        /// `-f`
        force: bool,
    },
}

/// `network create`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateNetwork {
    /// Its name.
    pub name: String,
    /// `--driver`; empty: bridge.
    pub driver: String,
    /// `--subnet`, as typed.
    pub subnets: Vec<String>,
    /// `--ip-range`, as typed.
    pub ranges: Vec<String>,
    /// `--gateway`, as typed.
    pub gateways: Vec<String>,
    /// `--aux-address`: names and addresses, as typed.
    pub auxiliary: BTreeMap<String, String>,
    /// `--internal`
    pub internal: bool,
    /// `--attachable`
    pub attachable: bool,
    /// `--ingress`
    pub ingress: bool,
    /// `--config-only`
    pub config_only: bool,
    /// `--config-from`; empty: not said.
    pub config_from: String,
    /// `--scope`; empty: not said.
    pub scope: String,
    /// `--ipam-driver`; empty: default.
    pub ipam_driver: String,
    /// `--ipam-opt`
    pub ipam_options: BTreeMap<String, String>,
    /// `--ipv4`
    pub ipv4: Option<bool>,
    /// `--ipv6`
    pub ipv6: Option<bool>,
    /// `--label`, as typed.
    pub labels: Vec<String>,
    /// `-o`
    pub options: BTreeMap<String, String>,
}

/// An address of `--link-local-ip` and the like; what is none is for the daemon to refuse.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}
