//! `--network`: a network's name, or `name=…,alias=…,ip=…`.

use super::fields::fields;
use super::number::int_of;

/// What one `--network` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NetworkValue {
    pub name: String,
    pub aliases: Vec<String>,
    pub ip: String,
    pub ip6: String,
    pub mac_address: String,
    pub link_local_ips: Vec<String>,
    pub driver_options: Vec<(String, String)>,
    pub gateway_priority: i64,
    /// More than a name was said.
    pub options: bool,
}

impl NetworkValue {
    /// A network that Docker makes by itself, or another container's.
    pub fn is_predefined(&self) -> bool {
        matches!(self.name.as_str(), "default" | "bridge" | "host" | "none") || self.name.starts_with("container:")
    }
}

/// Reads the value, or gives Docker's refusal.
pub(crate) fn network(value: &str) -> Result<NetworkValue, String> {
    if !has_fields(value) {
        return Ok(NetworkValue { name: value.to_string(), ..NetworkValue::default() });
    }
    let mut network = NetworkValue::default();
    for field in fields(value)? {
        let lower = field.to_lowercase();
        let Some((key, value)) = lower.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(format!("invalid field {field}"));
        };
        set(&mut network, key.trim(), value.trim())?;
    }
    match network.name.is_empty() {
        true => Err("network name/id is not specified".to_string()),
        false => Ok(network),
    }
}

fn set(network: &mut NetworkValue, key: &str, value: &str) -> Result<(), String> {
    network.options |= key != "name";
    match key {
        "name" => network.name = value.to_string(),
        "alias" => network.aliases.push(value.to_string()),
        "ip" => network.ip = value.to_string(),
        "ip6" => network.ip6 = value.to_string(),
        "mac-address" => network.mac_address = value.to_string(),
        "link-local-ip" => network.link_local_ips.push(value.to_string()),
        "driver-opt" if value.split_once('=').is_none_or(|(name, _)| name.is_empty()) => {
            return Err("invalid key value pair format in driver options".to_string());
        }
        "driver-opt" => {
            let (name, value) = value.split_once('=').unwrap_or((value, ""));
            network.driver_options.push((name.to_string(), value.to_string()));
        }
        "gw-priority" => {
            let reason = |error: String| error.rsplit(": ").next().unwrap_or_default().to_string();
            network.gateway_priority =
                int_of(value, 10).map_err(|error| format!("invalid gw-priority ({value}): {}", reason(error)))?;
        }
        _ => return Err(format!("invalid field key {key}")),
    }
    Ok(())
}

/// A letter, digit or `_` on both sides of some `=` makes it a list of fields.
fn has_fields(value: &str) -> bool {
    let bytes = value.as_bytes();
    let word =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (0..bytes.len()).any(|at| bytes.get(at) == Some(&b'=') && word(at.checked_sub(1)) && word(Some(at + 1)))
}
