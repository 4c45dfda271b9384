//! `volume ls`: the table, and templates as Docker's client runs them.

use serde_json::{Value, json};

use super::containers::aligned;
use crate::host::HostFacts;
use crate::layout::Layout;
use crate::model::Volume;
use crate::template::{Missing, Template};

/// Go's name of what a template of `volume ls` is run on.
const CONTEXT: Missing = Missing::Struct("*formatter.volumeContext");
/// What the client shows of a volume of one machine where a cluster's would have something.
const NONE: &str = "N/A";

/// The client's table for `--cluster`.
pub const OF_CLUSTER: &str = "table {{.Name}}\\t{{.Group}}\\t{{.Driver}}\\t{{.Availability}}\\t{{.Status}}";

/// What heads the column of a field.
const HEADERS: &[(&str, &str)] = &[
    ("Availability", "AVAILABILITY"),
    ("Driver", "DRIVER"),
    ("Group", "GROUP"),
    ("Labels", "LABELS"),
    ("Links", "LINKS"),
    ("Mountpoint", "MOUNTPOINT"),
    ("Name", "VOLUME NAME"),
    ("Scope", "SCOPE"),
    ("Size", "SIZE"),
    ("Status", "STATUS"),
];

fn fields(volume: &Volume, host: &HostFacts) -> Value {
    let labels = volume.labels.iter().flatten().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    json!({
        "Availability": NONE,
        "Driver": "local",
        "Group": NONE,
        "Labels": labels.join(","),
        "Links": NONE,
        "Mountpoint": Layout::new(&host.data_root).volume_data(&volume.name),
        "Name": volume.name,
        "Scope": "local",
        "Size": NONE,
        "Status": NONE,
    })
}

/// What `volume ls --format FORMAT` prints; without a format the table. The message is the client's.
pub fn list(volumes: &[&Volume], host: &HostFacts, quiet: bool, format: Option<&str>) -> Result<String, String> {
    let (table, text) = match format {
        _ if quiet && matches!(format, None | Some("table")) => (false, "{{.Name}}"),
        None | Some("table") => (true, "{{.Driver}}\t{{.Name}}"),
        Some("json") => (false, "{{json .}}"),
        Some("raw") if quiet => (false, "name: {{.Name}}"),
        Some("raw") => (false, "name: {{.Name}}\ndriver: {{.Driver}}\n"),
        Some(format) => format.strip_prefix("table").map_or((false, format), |rest| (true, rest.trim())),
    };
    let text = text.replace("\\t", "\t").replace("\\n", "\n");
    let template = Template::parse(&text).map_err(|error| format!("template parsing error: {}", error.message))?;
    let run = |volume: &&Volume| {
        let labels = volume.labels.iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
        template.run(&fields(volume, host), CONTEXT, &labels)
    };
    let rows: Result<Vec<String>, _> = volumes.iter().map(run).collect();
    let rows = rows.map_err(|error| format!("template parsing error: {}", error.message))?;
    if !table {
        return Ok(rows.iter().map(|row| format!("{row}\n")).collect());
    }
    let cells = |row: &String| row.split('\t').map(str::to_string).collect::<Vec<String>>();
    let all: Vec<Vec<String>> = std::iter::once(&super::listing::header(&text, HEADERS, CONTEXT)).chain(&rows).map(cells).collect();
    Ok(aligned(&all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_tables_are_those_of_dockers_client() {
        let volume = Volume { name: "v".into(), labels: Some([("a".into(), "1".into())].into()), ..Volume::default() };
        let shown = |quiet, format| list(&[&volume], &HostFacts::example(), quiet, format);
        assert_eq!(shown(false, None), Ok("DRIVER    VOLUME NAME\nlocal     v\n".into()));
        assert_eq!(shown(false, Some("table")), shown(false, None));
        assert_eq!(shown(true, None), Ok("v\n".into()));
        let of_cluster = list(&[], &HostFacts::example(), false, Some(OF_CLUSTER));
        assert_eq!(of_cluster, Ok("VOLUME NAME   GROUP     DRIVER    AVAILABILITY   STATUS\n".into()));
        assert_eq!(shown(true, Some("{{.Driver}}")), Ok("local\n".into()));
        assert_eq!(shown(false, Some("raw")), Ok("name: v\ndriver: local\n\n".into()));
        assert_eq!(
            shown(false, Some("table {{.Name}}\\t{{.Label \"a\"}}\\t{{.Links}}")),
            Ok("VOLUME NAME   a         LINKS\nv             1         N/A\n".into())
        );
        let json = "{\"Availability\":\"N/A\",\"Driver\":\"local\",\"Group\":\"N/A\",\"Labels\":\"a=1\",\"Links\":\"N/A\",\"Mountpoint\":\
                    \"/var/lib/glassbox/volumes/v/_data\",\"Name\":\"v\",\"Scope\":\"local\",\"Size\":\"N/A\",\"Status\":\"N/A\"}\n";
        assert_eq!(shown(false, Some("json")), Ok(json.into()));
        let what = "template parsing error: template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type \
                    *formatter.volumeContext";
        assert_eq!(shown(false, Some("{{.Foo}}")), Err(what.into()));
    }
}
