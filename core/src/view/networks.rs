//! `network ls`: the table, and templates as Docker's client runs them.

use serde_json::{Value, json};

use super::containers::aligned;
use super::listing::{created_at, header};
use crate::model::Network;
use crate::template::{Missing, Template};

/// Go's name of what a template of `network ls` is run on.
const CONTEXT: Missing = Missing::Struct("*network.networkContext");

/// What heads the column of a field.
const HEADERS: &[(&str, &str)] = &[
    ("CreatedAt", "CREATED AT"),
    ("Driver", "DRIVER"),
    ("ID", "NETWORK ID"),
    ("IPv4", "IPV4"),
    ("IPv6", "IPV6"),
    ("Internal", "INTERNAL"),
    ("Labels", "LABELS"),
    ("Name", "NAME"),
    ("Scope", "SCOPE"),
];

fn fields(network: &Network, no_trunc: bool) -> Value {
    let labels = network.labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    json!({
        "CreatedAt": created_at(network.created_ns),
        "Driver": network.driver.word(),
        "ID": if no_trunc { network.id.as_str() } else { network.short() },
        "IPv4": network.ipv4.to_string(),
        "IPv6": network.ipv6.to_string(),
        "Internal": network.internal.to_string(),
        "Labels": labels.join(","),
        "Name": network.name,
        "Scope": "local",
    })
}

/// What `network ls --format FORMAT` prints; without a format the table. The message is the client's.
pub fn list(networks: &[&Network], quiet: bool, no_trunc: bool, format: Option<&str>) -> Result<String, String> {
    let (table, text) = match format {
        None | Some("table") if quiet => (false, "{{.ID}}"),
        None | Some("table") => (true, "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}"),
        Some("json") => (false, "{{json .}}"),
        Some("raw") if quiet => (false, "network_id: {{.ID}}"),
        Some("raw") => (false, "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n"),
        Some(format) => format.strip_prefix("table").map_or((false, format), |rest| (true, rest.trim())),
    };
    let text = text.replace("\\t", "\t").replace("\\n", "\n");
    let template = Template::parse(&text).map_err(|error| format!("template parsing error: {}", error.message))?;
    let rows = networks.iter().map(|network| template.run(&fields(network, no_trunc), CONTEXT, &network.labels));
    let rows: Result<Vec<String>, _> = rows.collect();
    let rows = rows.map_err(|error| format!("template parsing error: {}", error.message))?;
    if !table {
        return Ok(rows.iter().map(|row| format!("{row}\n")).collect());
    }
    let cells = |row: &String| row.split('\t').map(str::to_string).collect::<Vec<String>>();
    let all: Vec<Vec<String>> = std::iter::once(&header(&text, HEADERS, CONTEXT)).chain(&rows).map(cells).collect();
    Ok(aligned(&all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_tables_are_those_of_dockers_client() {
        let network = Network { id: "0123456789abcdef".into(), name: "web".into(), ipv4: true, ..Network::default() };
        let shown = |quiet, format| list(&[&network], quiet, false, format);
        assert_eq!(
            shown(false, None),
            Ok("NETWORK ID     NAME      DRIVER    SCOPE\n0123456789ab   web       bridge    local\n".into())
        );
        assert_eq!(shown(true, None), Ok("0123456789ab\n".into()));
        assert_eq!(shown(false, Some("{{.IPv4}} {{.Internal}}")), Ok("true false\n".into()));
        let what = "template parsing error: template: :1:2: executing \"\" at <.Nope>: can't evaluate field Nope in type *network.networkContext";
        assert_eq!(shown(false, Some("{{.Nope}}")), Err(what.into()));
    }
}
