//! The checks of `--network` with the flags that speak of the network: several networks, aliases, addresses.

use std::collections::BTreeSet;

use super::super::error;
use super::super::front::Call;
use super::super::values::{self, NetworkValue};
use super::container::mac_address;
use crate::cli::{FlagUse, UsageError};

/// Refuses what the client refuses.
pub(super) fn accepts(call: &Call<'_>) -> Result<(), UsageError> {
    let refused = |flag: Option<&FlagUse>, reason: String| call.frame().value(&error::echo(&reason), flag.map(|flag| flag.span));
    let mut seen = BTreeSet::new();
    let (mut named, mut predefined) = (None, None);
    for (at, flag) in call.uses("network").enumerate() {
        let mut network = values::network(&flag.value).map_err(|reason| refused(Some(flag), reason))?;
        if at == 0 {
            first(call, &mut network).map_err(|reason| refused(Some(flag), reason))?;
        }
        attachment(&network).map_err(|reason| refused(Some(flag), reason))?;
        if !seen.insert(network.name.clone()) {
            return Err(refused(Some(flag), format!("network {} is specified multiple times", error::quote(&network.name))));
        }
        *(if network.is_predefined() { &mut predefined } else { &mut named }) = Some(flag);
    }
    if let (Some(_), Some(flag)) = (named, predefined) {
        let reason = "conflicting options: cannot attach both user-defined and non-user-defined network-modes";
        return Err(refused(Some(flag), reason.to_string()));
    }
    if seen.is_empty() {
        let mut network = NetworkValue { name: "default".to_string(), ..NetworkValue::default() };
        first(call, &mut network)
            .and_then(|()| attachment(&network))
            .map_err(|reason| refused(call.flag("network-alias"), reason))?;
    }
    Ok(())
}

/// The flags beside `--network` belong to the first network.
fn first(call: &Call<'_>, network: &mut NetworkValue) -> Result<(), String> {
    let said = |name: &str| call.flag(name).is_some_and(|flag| !flag.value.is_empty());
    let listed = |name: &str| call.flag(name).is_some();
    let conflicts = [
        (!network.aliases.is_empty() && listed("network-alias"), "--network-alias", "alias"),
        (!network.ip.is_empty() && said("ip"), "--ip", "IPv4 address"),
        (!network.ip6.is_empty() && said("ip6"), "--ip6", "IPv6 address"),
        (!network.mac_address.is_empty() && said("mac-address"), "--mac-address", "MAC address"),
        (!network.link_local_ips.is_empty() && listed("link-local-ip"), "--link-local-ip", "link-local IP addresses"),
    ];
    if let Some((_, flag, what)) = conflicts.into_iter().find(|(both, _, _)| *both) {
        return Err(format!("conflicting options: cannot specify both {flag} and per-network {what}"));
    }
    network.aliases.extend(call.values("network-alias"));
    Ok(())
}

fn attachment(network: &NetworkValue) -> Result<(), String> {
    if network.name.trim().is_empty() {
        return Err("no name set for network".to_string());
    }
    if network.is_predefined() && !network.aliases.is_empty() {
        return Err("network-scoped aliases are only supported for user-defined networks".to_string());
    }
    mac_address(&network.mac_address)
}
