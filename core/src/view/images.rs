//! `images` and `history`: the tables, and templates as Docker's client runs them.

use serde_json::{Value, json};

use super::containers::{aligned, human_duration};
use super::disk;
use super::reclaimed::human_size;
use crate::cli::ImageList;
use crate::host::HostFacts;
use crate::model::{Image, Layer, State, short_digest};
use crate::reference::Reference;
use crate::template::{Labels, Missing, Template};

/// Go's names of what the templates are run on.
const IMAGE: Missing = Missing::Struct("*formatter.imageContext");
const STEP: Missing = Missing::Struct("*formatter.historyContext");

/// What stands where an image has no name.
const NONE: &str = "<none>";
/// A longer instruction is cut in the table of `history`.
const CREATED_BY_CHARACTERS_MAX: usize = 45;

const IMAGE_HEADERS: &[(&str, &str)] = &[
    ("Containers", "CONTAINERS"),
    ("CreatedAt", "CREATED AT"),
    ("CreatedSince", "CREATED"),
    ("Digest", "DIGEST"),
    ("ID", "IMAGE ID"),
    ("Repository", "REPOSITORY"),
    ("SharedSize", "SHARED SIZE"),
    ("Size", "SIZE"),
    ("Tag", "TAG"),
    ("UniqueSize", "UNIQUE SIZE"),
    ("VirtualSize", "SIZE"),
];

const STEP_HEADERS: &[(&str, &str)] = &[
    ("Comment", "COMMENT"),
    ("CreatedAt", "CREATED AT"),
    ("CreatedBy", "CREATED BY"),
    ("CreatedSince", "CREATED"),
    ("ID", "IMAGE"),
    ("Size", "SIZE"),
];

/// Repository and tag of a familiar name; `<none>` twice where there is no name.
pub fn repository_and_tag(name: Option<&str>) -> (String, String) {
    let read = name.and_then(|name| Reference::parse(name).ok());
    let Some(name) = read else { return (NONE.into(), NONE.into()) };
    let tag = name.tag.clone().unwrap_or_else(|| NONE.into());
    (Reference { tag: None, digest: None, ..name }.familiar(), tag)
}

/// Bytes of a layer's files: measured where they stand extracted.
fn layer_bytes(image: &Image, layer: &Layer, host: &HostFacts) -> u64 {
    let known = image.embedded || !layer.extracted;
    if known { layer.size_bytes } else { disk::image_bytes([layer.diff_id.clone()], host) }
}

/// Bytes of all its layers' files.
pub fn bytes(image: &Image, host: &HostFacts) -> u64 {
    image.layers.iter().map(|layer| layer_bytes(image, layer, host)).sum()
}

/// The moment of RFC 3339, nanoseconds since 1970.
pub fn moment_ns(text: &str) -> Option<i128> {
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(text, format).ok().map(time::OffsetDateTime::unix_timestamp_nanos)
}

/// `3 weeks ago`; nothing of an image that does not say when it was made.
fn since(created: &str, host: &HostFacts) -> String {
    let Some(created) = moment_ns(created) else { return String::new() };
    let passed = u64::try_from(i128::from(host.now_ns) - created).unwrap_or_default();
    format!("{} ago", human_duration(passed))
}

/// As Go prints a time; of one that is not said, its first.
fn at(created: &str) -> String {
    let format = &time::format_description::well_known::Rfc3339;
    match time::OffsetDateTime::parse(created, format) {
        Ok(moment) => {
            let utc = moment.to_offset(time::UtcOffset::UTC);
            let (date, clock) = (utc.date(), utc.time());
            format!("{date} {:02}:{:02}:{:02} +0000 UTC", clock.hour(), clock.minute(), clock.second())
        }
        Err(_) => "N/A".to_string(),
    }
}

fn short(id: &str, whole: bool) -> String {
    if whole { id.to_string() } else { short_digest(id).to_string() }
}

/// One line of `images`: an image by one of its names.
pub struct Row<'a> {
    /// Which.
    pub image: &'a Image,
    /// The name; none: it is dangling.
    pub name: Option<&'a str>,
}

fn fields(row: &Row<'_>, asked: &ImageList, host: &HostFacts) -> Value {
    let (repository, tag) = repository_and_tag(row.name);
    let size = human_size(bytes(row.image, host));
    json!({
        "Containers": "N/A",
        "CreatedAt": at(&row.image.created),
        "CreatedSince": since(&row.image.created, host),
        "Digest": digest_of(row, &repository),
        "ID": short(&row.image.id, asked.no_trunc),
        "Repository": repository,
        "SharedSize": "N/A",
        "Size": size.clone(),
        "Tag": tag,
        "UniqueSize": "N/A",
        "VirtualSize": size,
    })
}

/// The digest by which its repository's registry knows it.
fn digest_of<'a>(row: &Row<'a>, repository: &str) -> &'a str {
    let of = |known: &'a String| known.split_once('@').filter(|(name, _)| *name == repository).map(|(_, digest)| digest);
    row.image.digests.iter().find_map(of).unwrap_or(NONE)
}

/// What `images` prints of these; the message is the client's.
pub fn list(rows: &[Row<'_>], asked: &ImageList, host: &HostFacts) -> Result<String, String> {
    let digest = if asked.digests { "{{.Digest}}\t" } else { "" };
    let standard = format!(
        "{{{{.Repository}}}}\t{{{{.Tag}}}}\t{digest}{{{{.ID}}}}\t{{{{if .CreatedSince}}}}{{{{.CreatedSince}}}}{{{{else}}}}N/A{{{{end}}}}\t{{{{.Size}}}}"
    );
    let standard_header = format!("{{{{.Repository}}}}\t{{{{.Tag}}}}\t{digest}{{{{.ID}}}}\t{{{{.CreatedSince}}}}\t{{{{.Size}}}}");
    let (table, text) = match asked.format.as_deref() {
        None | Some("table") if asked.quiet => (None, "{{.ID}}".to_string()),
        None | Some("table") => (Some(standard_header), standard),
        Some("json") => (None, "{{json .}}".to_string()),
        Some("raw") if asked.quiet => (None, "image_id: {{.ID}}".to_string()),
        Some("raw") => (None, RAW.to_string()),
        Some(format) => match format.strip_prefix("table") {
            Some(rest) => (Some(rest.trim().to_string()), rest.trim().to_string()),
            None => (None, format.to_string()),
        },
    };
    let values: Vec<Value> = rows.iter().map(|row| fields(row, asked, host)).collect();
    printed(&values, table.as_deref(), &text, IMAGE_HEADERS, IMAGE)
}

const RAW: &str =
    "repository: {{ .Repository }}\ntag: {{.Tag}}\nimage_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n";

/// A table, or a line for each.
fn printed(
    values: &[Value],
    header: Option<&str>,
    text: &str,
    headers: &[(&str, &str)],
    context: Missing,
) -> Result<String, String> {
    let plain = |text: &str| text.replace("\\t", "\t").replace("\\n", "\n");
    let text = plain(text);
    let template = Template::parse(&text).map_err(|error| format!("template parsing error: {}", error.message))?;
    let rows: Result<Vec<String>, _> = values.iter().map(|value| template.run(value, context, &Labels::default())).collect();
    let rows = rows.map_err(|error| format!("template parsing error: {}", error.message))?;
    let Some(header) = header else { return Ok(rows.iter().map(|row| format!("{row}\n")).collect()) };
    let cells = |row: &String| row.split('\t').map(str::to_string).collect::<Vec<String>>();
    let top = super::listing::header(&plain(header), headers, context);
    let all: Vec<Vec<String>> = std::iter::once(&top).chain(&rows).map(cells).collect();
    Ok(aligned(&all))
}

/// How `history` is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistoryView<'a> {
    /// With whole ids and instructions.
    pub no_trunc: bool,
    /// Ids alone.
    pub quiet: bool,
    /// Sizes and times for people.
    pub human: bool,
    /// `--format`
    pub format: Option<&'a str>,
}

/// What `history` prints: the last instruction first.
pub fn history(image: &Image, view: HistoryView<'_>, host: &HostFacts) -> Result<String, String> {
    let values = steps(image, view, host);
    let created = if view.human { "CreatedSince" } else { "CreatedAt" };
    let standard = format!("{{{{.ID}}}}\t{{{{.{created}}}}}\t{{{{.CreatedBy}}}}\t{{{{.Size}}}}\t{{{{.Comment}}}}");
    let (table, text) = match view.format {
        _ if view.quiet && matches!(view.format, None | Some("table")) => (None, "{{.ID}}".to_string()),
        None | Some("table") => (Some(standard.clone()), standard),
        Some("json") => (None, "{{json .}}".to_string()),
        Some(format) => match format.strip_prefix("table") {
            Some(rest) => (Some(rest.trim().to_string()), rest.trim().to_string()),
            None => (None, format.to_string()),
        },
    };
    printed(&values, table.as_deref(), &text, STEP_HEADERS, STEP)
}

fn steps(image: &Image, view: HistoryView<'_>, host: &HostFacts) -> Vec<Value> {
    let mut layers = image.layers.iter();
    let mut values: Vec<Value> = Vec::new();
    for step in &image.history {
        let layer = if step.empty_layer { None } else { layers.next() };
        let size = layer.map_or(0, |layer| layer_bytes(image, layer, host));
        let said: String = step.created_by.replace('\t', " ");
        let cut: String = said.chars().take(CREATED_BY_CHARACTERS_MAX - 1).chain(['…']).collect();
        let is_long = !view.no_trunc && said.chars().count() > CREATED_BY_CHARACTERS_MAX;
        let ago = since(&step.created, host);
        values.push(json!({
            "Comment": step.comment,
            "CreatedAt": at(&step.created),
            "CreatedBy": if is_long { cut } else { said },
            "CreatedSince": if ago.is_empty() { "N/A".to_string() } else { ago },
            "ID": "<missing>",
            "Size": if view.human { human_size(size) } else { size.to_string() },
        }));
    }
    if let Some(last) = values.last_mut() {
        last["ID"] = json!(short(&image.id, view.no_trunc));
    }
    values.reverse();
    values
}

/// What `load` prints, given what was there before.
pub fn loaded(images: &[Image], before: &State, quiet: bool) -> String {
    let mut text = String::new();
    for image in images {
        for name in &image.names {
            let other = before.image_named(name).filter(|known| known.id != image.id);
            if let Some(other) = other.filter(|_| !quiet) {
                text += &format!("The image {name} already exists, renaming the old one with ID {} to empty string\n", other.id);
            }
            text += &format!("Loaded image: {name}\n");
        }
        if image.names.is_empty() {
            text += &format!("Loaded image ID: {}\n", image.id);
        }
    }
    text
}
