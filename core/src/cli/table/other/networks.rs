//! Docker's commands for networks and volumes that are not carried out yet: enough of their grammar to judge a line.
//!
//! One row each; flags as `name/letter=kind`.

use super::super::{Arity, CommandRow};

/// The rows.
pub(in crate::cli::table) const ROWS: &[CommandRow] = &[
    CommandRow::new("network connect", &["network connect"], "[OPTIONS] NETWORK CONTAINER", Arity::Exact(2))
        .specs("alias=strings driver-opt=strings gw-priority=int ip=text ip6=text link=list link-local-ip=strings"),
    CommandRow::new("network create", &["network create"], "[OPTIONS] NETWORK", Arity::Exact(1)).specs(
        "attachable=bool aux-address=map config-from=text config-only=bool driver/d=text gateway=strings ingress=bool \
             internal=bool ip-range=strings ipam-driver=text ipam-opt=map ipv4=bool ipv6=bool label=list opt/o=map \
             scope=text subnet=strings",
    ),
    CommandRow::new("network disconnect", &["network disconnect"], "[OPTIONS] NETWORK CONTAINER", Arity::Exact(2))
        .specs("force/f=bool"),
    CommandRow::new("network inspect", &["network inspect"], "[OPTIONS] NETWORK [NETWORK...]", Arity::AtLeast(1))
        .specs("format/f=text verbose/v=bool"),
    CommandRow::new("network ls", &["network ls"], "[OPTIONS]", Arity::None)
        .aliases(&[("network list", "network ls")])
        .specs("filter/f=filter format=text no-trunc=bool quiet/q=bool"),
    CommandRow::new("network prune", &["network prune"], "[OPTIONS]", Arity::None).specs("filter=filter force/f=bool"),
    CommandRow::new("network rm", &["network rm"], "NETWORK [NETWORK...]", Arity::AtLeast(1))
        .aliases(&[("network remove", "network rm")])
        .specs("force/f=bool"),
];
