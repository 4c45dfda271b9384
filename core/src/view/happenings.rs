//! `docker events`: which happenings are shown, and how. Filters are dockerd's, lines and templates its client's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::happening::Happening;
use crate::template::{Labels, Missing, Template};

const CONTEXT: Missing = Missing::Struct("*events.Message");
const NS_PER_SECOND: u64 = 1_000_000_000;
/// Stands for what a map does not have until the template has run.
const NO_VALUE: &str = "\u{1}no value\u{1}";

/// What is shown, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// None before this: nanoseconds since 1970. Without it and `until_ns` nothing of the past is shown.
    pub since_ns: Option<u64>,
    /// None after this; when it is over nothing is waited for any more.
    pub until_ns: Option<u64>,
    /// `--filter`: name and value, in order.
    pub filters: Vec<(String, String)>,
    /// `--format`
    pub format: Option<String>,
    /// East of Greenwich: moments are shown in the caller's zone.
    #[serde(default)]
    pub utc_offset_seconds: i32,
}

impl EventView {
    /// Whether it is shown, where the past is not asked for from `began_ns` on.
    pub fn shows(&self, happening: &Happening, began_ns: u64) -> bool {
        let since = match (self.since_ns, self.until_ns) {
            (None, None) => began_ns,
            (since, _) => since.unwrap_or(0),
        };
        happening.at_ns >= since && self.until_ns.is_none_or(|until| happening.at_ns <= until) && self.fits(happening)
    }

    /// Several values of one name are alternatives, several names have all to hold, and so have several labels. A name that is unknown
    /// is no filter.
    fn fits(&self, happening: &Happening) -> bool {
        let values =
            |name: &'static str| self.filters.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str());
        let exact = |name, texts: &[&str]| values(name).next().is_none() || values(name).any(|value| texts.contains(&value));
        let begins = |name, texts: &[&str]| {
            values(name).next().is_none() || values(name).any(|value| texts.iter().any(|text| text.starts_with(value)))
        };
        let (id, action) = (happening.id.as_str(), happening.action.as_str());
        let attribute = |name: &str| happening.attributes.get(name).map_or("", String::as_str);
        let by_beginning = values("event").any(|value| ["health_status", "exec_create", "exec_start"].contains(&value));
        let of_action = if by_beginning { begins("event", &[action]) } else { exact("event", &[action]) };
        let image = attribute("image");
        let label = |wanted: &str| super::filter::label_fits(&happening.attributes, wanted);
        of_action
            && exact("type", &[&happening.kind])
            && exact("scope", &["local"])
            && ["container", "plugin", "volume", "network", "service", "node", "secret", "config"]
                .iter()
                .all(|name| begins(name, &[id, attribute("name")]))
            && values("daemon").next().is_none()
            && exact("image", &[id, image, image.split(':').next().unwrap_or(image)])
            && values("label").all(label)
    }

    /// The line, or why the template cannot be carried out.
    pub fn line(&self, happening: &Happening) -> Result<String, String> {
        match self.format.as_deref() {
            None => Ok(plain(happening, self.utc_offset_seconds)),
            Some("json" | "{{json .}}" | "{{ json . }}") => Ok(message(happening).to_string() + "\n"),
            Some(format) => formatted(happening, format),
        }
    }
}

/// The template, as Docker's client reads it and tries it on a message without anything in it; else its refusal.
pub fn check_format(format: &str) -> Result<(), String> {
    let tried = if format == "json" { Ok(String::new()) } else { formatted(&Happening::default(), format) };
    tried.map(drop).map_err(|why| format!("Error parsing format: {why}"))
}

/// `2006-01-02T15:04:05.000000000Z container start ID (image=web, name=web)`; in the caller's zone.
fn plain(happening: &Happening, utc_offset_seconds: i32) -> String {
    let attributes: Vec<String> = happening.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let attributes = if attributes.is_empty() { String::new() } else { format!(" ({})", attributes.join(", ")) };
    format!("{} {} {} {}{attributes}\n", stamp(happening.at_ns, utc_offset_seconds), happening.kind, happening.action, happening.id)
}

/// RFC 3339 with all nine digits, as Docker's client writes it.
fn stamp(at_ns: u64, utc_offset_seconds: i32) -> String {
    let Ok(at) = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ns)) else { return String::new() };
    let at = at.to_offset(time::UtcOffset::from_whole_seconds(utc_offset_seconds).unwrap_or(time::UtcOffset::UTC));
    let (hour, minute, second) = at.to_hms();
    let minutes = utc_offset_seconds / 60;
    let zone = match minutes {
        0 => "Z".to_string(),
        _ => format!("{}{:02}:{:02}", if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60),
    };
    format!("{}T{hour:02}:{minute:02}:{second:02}.{:09}{zone}", at.date(), at.nanosecond())
}

/// As Docker's API has it.
fn message(happening: &Happening) -> Value {
    let actor = json!({ "ID": happening.id, "Attributes": happening.attributes });
    let mut message = serde_json::Map::new();
    if happening.kind == "container" && !happening.id.is_empty() {
        message.insert("status".into(), json!(happening.action));
        message.insert("id".into(), json!(happening.id));
        message.insert("from".into(), json!(happening.attributes.get("image").cloned().unwrap_or_default()));
    }
    message.insert("Type".into(), json!(happening.kind));
    message.insert("Action".into(), json!(happening.action));
    message.insert("Actor".into(), actor);
    message.insert("scope".into(), json!("local"));
    message.insert("time".into(), json!(happening.at_ns / NS_PER_SECOND));
    message.insert("timeNano".into(), json!(happening.at_ns));
    Value::Object(message)
}

fn formatted(happening: &Happening, format: &str) -> Result<String, String> {
    let message = message(happening);
    let field = |name: &str| message.get(name).cloned().unwrap_or_else(|| json!(""));
    let mut attributes: BTreeMap<String, String> = happening.attributes.clone();
    for named in format.split(".Attributes.").skip(1) {
        let name: String = named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        attributes.entry(name).or_insert_with(|| NO_VALUE.to_string());
    }
    let fields = json!({
        "Status": field("status"),
        "ID": field("id"),
        "From": field("from"),
        "Type": happening.kind,
        "Action": happening.action,
        "Actor": { "ID": happening.id, "Attributes": attributes },
        "Scope": "local",
        "Time": happening.at_ns / NS_PER_SECOND,
        "TimeNano": happening.at_ns,
    });
    let ran = Template::parse(format).and_then(|template| template.run(&fields, CONTEXT, &Labels::default()));
    ran.map(|text| text.replace(NO_VALUE, "<no value>") + "\n").map_err(|error| error.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Happening {
        let attributes = [("name", "web"), ("image", "toolbox:1"), ("app", "shop")];
        Happening {
            number: 0,
            at_ns: 1_136_214_245_000_000_007,
            kind: "container".into(),
            action: "exec_create: sh -c ls".into(),
            id: "0123456789ab".into(),
            attributes: attributes.map(|(name, value)| (name.to_string(), value.to_string())).into(),
        }
    }

    fn fits(filters: &[(&str, &str)]) -> bool {
        let filters = filters.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect();
        EventView { filters, since_ns: Some(0), ..EventView::default() }.shows(&start(), 0)
    }

    #[test]
    fn a_line_is_dockers() {
        let view = |format: Option<&str>| EventView { format: format.map(str::to_string), ..EventView::default() };
        assert_eq!(
            view(None).line(&start()).unwrap(),
            "2006-01-02T15:04:05.000000007Z container exec_create: sh -c ls 0123456789ab (app=shop, image=toolbox:1, name=web)\n"
        );
        assert_eq!(
            view(Some("json")).line(&start()).unwrap(),
            "{\"status\":\"exec_create: sh -c ls\",\"id\":\"0123456789ab\",\"from\":\"toolbox:1\",\"Type\":\"container\",\
             \"Action\":\"exec_create: sh -c ls\",\"Actor\":{\"ID\":\"0123456789ab\",\"Attributes\":{\"app\":\"shop\",\
             \"image\":\"toolbox:1\",\"name\":\"web\"}},\"scope\":\"local\",\"time\":1136214245,\"timeNano\":1136214245000000007}\n"
        );
        let told = view(Some("{{.Type}} {{.Actor.Attributes.name}} {{.Actor.Attributes.none}} {{.TimeNano}}")).line(&start());
        assert_eq!(told.unwrap(), "container web <no value> 1136214245000000007\n");
        let refused = view(Some("{{.Nothing}}")).line(&start()).unwrap_err();
        assert_eq!(refused, "template: :1:2: executing \"\" at <.Nothing>: can't evaluate field Nothing in type *events.Message");
    }

    #[test]
    fn filters_are_dockerds() {
        assert!(fits(&[]) && fits(&[("nothing", "known")]));
        assert!(fits(&[("container", "web")]) && fits(&[("container", "0123")]) && !fits(&[("container", "eb")]));
        assert!(fits(&[("event", "exec_create")]) && fits(&[("event", "die"), ("event", "exec_create: sh -c ls")]));
        assert!(!fits(&[("event", "exec")]) && !fits(&[("event", "start")]));
        assert!(fits(&[("image", "toolbox")]) && fits(&[("image", "toolbox:1")]) && !fits(&[("image", "tool")]));
        assert!(fits(&[("label", "app"), ("label", "app=shop")]) && !fits(&[("label", "app"), ("label", "none")]));
        assert!(fits(&[("type", "container"), ("type", "volume")]) && !fits(&[("type", "volume")]));
        assert!(!fits(&[("volume", "data")]) && !fits(&[("network", "none")]));
    }

    #[test]
    fn the_past_is_shown_where_it_is_asked_for() {
        let at = start().at_ns;
        let shown = |since_ns, until_ns| EventView { since_ns, until_ns, ..EventView::default() }.shows(&start(), at + 1);
        assert!(!shown(None, None) && shown(Some(at), None) && shown(None, Some(at)));
        assert!(!shown(Some(at + 1), None) && !shown(None, Some(at - 1)));
    }

    #[test]
    fn moments_are_told_in_the_callers_zone() {
        let at = 1_000_000_000 * NS_PER_SECOND + 7;
        assert_eq!(stamp(at, 0), "2001-09-09T01:46:40.000000007Z");
        assert_eq!(stamp(at, 5 * 3600 + 1800), "2001-09-09T07:16:40.000000007+05:30");
        assert_eq!(stamp(at, -3 * 3600), "2001-09-08T22:46:40.000000007-03:00");
    }
}
