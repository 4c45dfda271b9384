//! `ps --format`: what each container shows, by field, and tables made of a template, as Docker's client makes them.

use serde_json::{Value, json};

use super::containers::{aligned, command, human_duration, state_word, status};
use crate::cli::{ContainerList, NetworkMode};
use crate::host::HostFacts;
use crate::model::{Container, MountKind, MountPoint, State};
use crate::template::{Error, Labels, Missing, Template};

/// Go's name of what a template of `ps` is run on.
const CONTEXT: Missing = Missing::Struct("*formatter.ContainerContext");

/// A longer name of a mount is cut, as Docker's client cuts it.
const MOUNT_CHARACTERS_MAX: usize = 15;

/// What heads the column of a field.
const HEADERS: &[(&str, &str)] = &[
    ("Command", "COMMAND"),
    ("CreatedAt", "CREATED AT"),
    ("ID", "CONTAINER ID"),
    ("Image", "IMAGE"),
    ("Labels", "LABELS"),
    ("LocalVolumes", "LOCAL VOLUMES"),
    ("Mounts", "MOUNTS"),
    ("Names", "NAMES"),
    ("Networks", "NETWORKS"),
    ("Platform", "PLATFORM"),
    ("Ports", "PORTS"),
    ("RunningFor", "CREATED"),
    ("Size", "SIZE"),
    ("State", "STATE"),
    ("Status", "STATUS"),
];

/// What `ps --format TEXT` prints of these containers; the message is the client's.
pub fn formatted(containers: &[&Container], host: &HostFacts, asked: &ContainerList, format: &str) -> Result<String, String> {
    let (table, text) = match format.strip_prefix("table") {
        Some(rest) => (true, rest.trim()),
        None if format == "json" => (false, "{{json .}}"),
        None => (false, format),
    };
    let text = text.replace("\\t", "\t").replace("\\n", "\n");
    let template = Template::parse(&text).map_err(|error| format!("failed to parse template: {}", error.message))?;
    let rows = containers.iter().map(|container| template.run(&fields(container, host, asked), CONTEXT, &container.process.labels));
    let rows: Result<Vec<String>, Error> = rows.collect();
    let rows = rows.map_err(|error| format!("failed to execute template: {}", error.message))?;
    if !table {
        return Ok(rows.iter().map(|row| format!("{row}\n")).collect());
    }
    let cells = |row: &String| row.split('\t').map(str::to_string).collect::<Vec<String>>();
    let all: Vec<Vec<String>> = std::iter::once(&header(&text, HEADERS, CONTEXT)).chain(&rows).map(cells).collect();
    Ok(aligned(&all))
}

/// The template with the columns' names in place of the fields: functions leave those as they are.
pub(super) fn header(text: &str, headers: &[(&str, &str)], context: Missing) -> String {
    let mut plain = text.to_string();
    for function in ["json", "upper", "lower", "title"] {
        plain = plain.replace(&format!("{{{{{function} "), "{{").replace(&format!("| {function}}}}}"), "}}");
    }
    let fields: serde_json::Map<String, Value> =
        headers.iter().map(|(field, header)| ((*field).to_string(), json!(header))).collect();
    let ran = Template::parse(&plain).and_then(|template| template.run(&Value::Object(fields), context, &label_headers(text)));
    ran.unwrap_or_default()
}

/// Of `.Label "com.example.a-b"` the header is `a b`.
fn label_headers(text: &str) -> Labels {
    let names = text.split(".Label \"").skip(1).filter_map(|rest| rest.split('"').next());
    names
        .map(|name| {
            let last = name.rsplit('.').next().unwrap_or(name);
            (name.to_string(), last.replace(['-', '_'], " "))
        })
        .collect()
}

fn fields(container: &Container, host: &HostFacts, asked: &ContainerList) -> Value {
    let (now_ns, no_trunc) = (host.now_ns, asked.no_trunc);
    let labels: Vec<String> = container.process.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    json!({
        "Command": command(container, no_trunc),
        "CreatedAt": created_at(container.created_ns),
        "ID": if no_trunc { container.id.0.as_str() } else { container.id.short() },
        "Image": container.image,
        "Labels": labels.join(","),
        "LocalVolumes": container.mounts.iter().filter(|mount| mount.kind == MountKind::Volume).count().to_string(),
        "Mounts": mounts(container, no_trunc),
        "Names": container.name,
        "Networks": match &container.host.network {
            NetworkMode::Container(_) => String::new(),
            network if container.networks.is_empty() => network.word(),
            _ => container.networks.iter().map(|attachment| attachment.spec.network.as_str()).collect::<Vec<_>>().join(","),
        },
        "Platform": Value::Null,
        "Ports": super::ports::listing(container),
        "RunningFor": format!("{} ago", human_duration(now_ns.saturating_sub(container.created_ns))),
        "Size": if asked.sizes { super::disk::container_size(container, host) } else { "0B".to_string() },
        "State": state_word(container),
        "Status": status(container, now_ns),
    })
}

/// Volumes by their names, what else is mounted by where it comes from, each cut to fit a column.
fn mounts(container: &Container, no_trunc: bool) -> String {
    let shown = |mount: &MountPoint| {
        let name = if mount.name.is_empty() { &mount.source } else { &mount.name };
        let cut = name.chars().count() > MOUNT_CHARACTERS_MAX && !no_trunc;
        if cut { name.chars().take(MOUNT_CHARACTERS_MAX - 1).chain(['…']).collect() } else { name.clone() }
    };
    container.mounts.iter().map(shown).collect::<Vec<String>>().join(",")
}

/// `2026-11-21 16:37:58 +0000 UTC`
pub(super) fn created_at(created_ns: u64) -> String {
    let Ok(at) = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(created_ns)) else { return String::new() };
    let (date, time) = (at.date(), at.time());
    format!("{date} {:02}:{:02}:{:02} +0000 UTC", time.hour(), time.minute(), time.second())
}

/// The containers that `ps` shows; the message is dockerd's.
pub fn chosen<'a>(state: &'a State, asked: &ContainerList) -> Result<Vec<&'a Container>, String> {
    let filters = super::filter::Filters::of_list(&asked.filters, state)?;
    let limit = usize::try_from(asked.last).unwrap_or_default();
    let mut all = state.newest_first();
    if limit == 0 && !asked.all && !filters.has("status") {
        all.retain(|container| container.state.status.runs());
    }
    Ok(filters.chosen(all, limit, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: &str) -> Result<String, String> {
        let mut container = crate::step::samples::container();
        container.process.labels = [("b".to_string(), "2".to_string()), ("com.x.a-b".to_string(), "1".to_string())].into();
        let asked =
            ContainerList { all: true, quiet: false, no_trunc: false, last: -1, filters: Vec::new(), format: None, sizes: false };
        formatted(
            &[&container],
            &HostFacts { now_ns: container.created_ns + 2_000_000_000, ..HostFacts::example() },
            &asked,
            format,
        )
    }

    #[test]
    fn what_is_mounted_is_named_and_volumes_are_counted() {
        let mut container = crate::step::samples::container();
        let volume = MountPoint { kind: MountKind::Volume, name: "data".into(), ..MountPoint::default() };
        let bind = MountPoint { source: "/srv/a-rather-long-path".into(), ..MountPoint::default() };
        container.mounts = vec![volume, bind];
        let asked =
            ContainerList { all: true, quiet: false, no_trunc: false, last: -1, filters: Vec::new(), format: None, sizes: false };
        let shown = |no_trunc| fields(&container, &HostFacts::example(), &ContainerList { no_trunc, ..asked.clone() });
        assert_eq!((&shown(false)["LocalVolumes"], &shown(false)["Mounts"]), (&json!("1"), &json!("data,/srv/a-rather-…")));
        assert_eq!(shown(true)["Mounts"], json!("data,/srv/a-rather-long-path"));
    }

    #[test]
    fn templates_and_tables_are_those_of_dockers_client() {
        for (format, expected) in [
            ("{{.Names}}|{{.Label \"b\"}}|{{upper .Image}}|{{.Labels}}", "web|2|TOOLBOX|b=2,com.x.a-b=1\n"),
            ("table {{.Names}}\\t{{.Status}}\\t{{.ID}}", "NAMES     STATUS    CONTAINER ID\nweb       Created   0123456789ab\n"),
            ("table {{upper .Names}}\\t{{.Command}}", "NAMES     COMMAND\nWEB       \"sh\"\n"),
            ("table {{.Label \"com.x.a-b\"}}", "a b\n1\n"),
            (
                "json",
                "{\"Command\":\"\\\"sh\\\"\",\"CreatedAt\":\"2026-11-18 11:06:40 +0000 UTC\",\"ID\":\"0123456789ab\",\"Image\":\"toolbox\",\
                 \"Labels\":\"b=2,com.x.a-b=1\",\"LocalVolumes\":\"0\",\"Mounts\":\"\",\"Names\":\"web\",\"Networks\":\"none\",\
                 \"Platform\":null,\"Ports\":\"\",\"RunningFor\":\"2 seconds ago\",\"Size\":\"0B\",\"State\":\"created\",\
                 \"Status\":\"Created\"}\n",
            ),
        ] {
            assert_eq!(shown(format), Ok(expected.to_string()), "{format}");
        }
        let what = "failed to execute template: template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type \
                    *formatter.ContainerContext";
        assert_eq!(shown("{{.Foo}}"), Err(what.to_string()));
        assert_eq!(shown("{{.Foo"), Err("failed to parse template: template: :1: unclosed action".to_string()));
    }
}
