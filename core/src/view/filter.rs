//! `--filter` of `ps` and `container prune`, as dockerd 28 reads it: several values of one name are alternatives, several names have all to
//! hold, and so have several labels.

use std::collections::BTreeMap;

use regex_lite::Regex;

use crate::cli::NetworkMode;
use crate::host::HostFacts;
use crate::model::{Attachment, Container, Lookup, MountKind, MountPoint, State, Status};

/// Filters that can be applied.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    all: Vec<(String, String)>,
    before: Option<Container>,
    since: Option<Container>,
    /// Made before this moment: nanoseconds since 1970.
    until_ns: Option<u64>,
}

/// What `ps` knows.
const OF_LIST: &[&str] = &[
    "ancestor",
    "before",
    "exited",
    "expose",
    "health",
    "id",
    "is-task",
    "isolation",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
];
/// What the prunes know.
const OF_PRUNE: &[&str] = &["label", "label!", "until"];
const HEALTHS: &[&str] = &["none", "starting", "healthy", "unhealthy"];
const STATES: &[&str] = &["paused", "restarting", "removing", "running", "dead", "created", "exited"];

impl Filters {
    /// Whether an image fits what `image prune` was asked for.
    pub fn fits_image(&self, image: &crate::model::Image) -> bool {
        let has = |label: &str| label_fits(&image.config.labels, label);
        let fits = |(name, value): &(String, String)| match name.as_str() {
            "label" => has(value),
            "label!" => !has(value),
            _ => true,
        };
        let created = super::images::moment_ns(&image.created);
        self.all.iter().all(fits) && self.until_ns.is_none_or(|until| created < Some(i128::from(until)))
    }

    /// Those of `ps`; else dockerd's refusal.
    pub fn of_list(all: &[(String, String)], state: &State) -> Result<Filters, String> {
        known(all, OF_LIST)?;
        for (name, value) in all {
            match name.as_str() {
                "status" if !STATES.contains(&value.as_str()) => {
                    let states = "created, running, paused, restarting, removing, exited, dead";
                    return Err(format!(
                        "invalid filter 'status={value}': invalid value for state ({value}): must be one of {states}"
                    ));
                }
                "health" if !HEALTHS.contains(&value.as_str()) => {
                    let healths = HEALTHS.join(", ");
                    let why = format!("invalid value for health ({value}): must be one of {healths}");
                    return Err(format!("invalid filter 'health={value}': {why}"));
                }
                "exited" if value.parse::<i64>().is_err() => {
                    {
                        let why = format!("strconv.Atoi: parsing {}: invalid syntax", crate::cli::quoted(value));
                        return Err(format!("invalid filter 'exited={value}': {why}"));
                    };
                }
                _ => {}
            }
        }
        let named = |name: &str| all.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value);
        let found = |word: Option<&String>| word.map(|word| find(word, state)).transpose();
        Ok(Filters { all: all.to_vec(), before: found(named("before"))?, since: found(named("since"))?, until_ns: None })
    }

    /// Those of `container prune`.
    pub fn of_prune(all: &[(String, String)], host: &HostFacts) -> Result<Filters, String> {
        known(all, OF_PRUNE)?;
        let mut moments = all.iter().filter(|(name, _)| name == "until").map(|(_, value)| crate::cli::moment(value, host));
        let until_ns = moments.next().transpose()?;
        if moments.next().is_some() {
            return Err("more than one until filter specified".to_string());
        }
        Ok(Filters { all: all.to_vec(), until_ns, ..Filters::default() })
    }

    /// A filter of this name was given.
    pub fn has(&self, name: &str) -> bool {
        self.all.iter().any(|(known, _)| known == name)
    }

    /// Those that fit, in their order; at most `limit`, if that is not 0.
    pub fn chosen<'a>(&self, all: Vec<&'a Container>, limit: usize, state: &State) -> Vec<&'a Container> {
        let limit = if limit == 0 { usize::MAX } else { limit };
        all.into_iter().filter(|container| self.fits(container, state)).take(limit).collect()
    }

    fn fits(&self, container: &Container, state: &State) -> bool {
        let older = |bound: &Container| (container.created_ns, &bound.id) < (bound.created_ns, &container.id);
        let newer = |bound: &Container| (container.created_ns, &bound.id) > (bound.created_ns, &container.id);
        self.before.as_ref().is_none_or(older)
            && self.until_ns.is_none_or(|until_ns| container.created_ns <= until_ns)
            && self.since.as_ref().is_none_or(|bound| bound.id != container.id && newer(bound))
            && self.all.iter().filter(|(name, _)| name == "label").all(|(_, label)| has_label(container, label))
            && !self.all.iter().any(|(name, label)| name == "label!" && has_label(container, label))
            && OF_LIST.iter().filter(|name| **name != "label").all(|name| self.fits_one(name, container, state))
    }

    /// One of the values given for `name` fits, if any was given.
    fn fits_one(&self, name: &str, container: &Container, state: &State) -> bool {
        let mut values = self.all.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).peekable();
        values.peek().is_none() || values.any(|value| fits(name, value, container, state))
    }
}

fn known(all: &[(String, String)], names: &[&str]) -> Result<(), String> {
    match all.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        Some((name, _)) => Err(not_a_filter(name, names)),
        None => Ok(()),
    }
}

fn find(word: &str, state: &State) -> Result<Container, String> {
    state.container(word).cloned().map_err(|lookup| match lookup {
        Lookup::Missing => format!("No such container: {word}"),
        Lookup::Ambiguous => format!("multiple IDs found with provided prefix: {word}"),
    })
}

fn fits(name: &str, value: &str, container: &Container, state: &State) -> bool {
    let ended = container.state.status == Status::Exited;
    match name {
        "id" => matches(value, &container.id.0),
        "name" => matches(value, &container.name) || matches(value, &format!("/{}", container.name)),
        "status" => super::containers::state_word(container) == value,
        "exited" => ended && value.parse() == Ok(container.state.exit_code),
        "ancestor" => is_of_image(container, value, state),
        "network" => is_in(container, value),
        "health" => container.state.health.as_ref().map_or("none", |health| health.status.name()) == value,
        "is-task" => matches!(value, "false" | "0"),
        "volume" => has_mounted(container, value),
        "expose" => container.process.exposed_ports.iter().any(|port| is_port(port, value)),
        "publish" => super::ports::is_asked_for(container, |port| is_port(port, value)),
        "isolation" => false,
        _ => true,
    }
}

/// Connected to the network of this name or id.
fn is_in(container: &Container, value: &str) -> bool {
    let by_name = |attachment: &Attachment| attachment.spec.network == value || !value.is_empty() && attachment.network_id == value;
    match &container.host.network {
        NetworkMode::Container(_) => false,
        mode if container.networks.is_empty() => mode.word() == value,
        _ => container.networks.iter().any(by_name),
    }
}

/// A volume by its name, a bind mount by its source, either by where it is mounted.
fn has_mounted(container: &Container, value: &str) -> bool {
    let named = |point: &MountPoint| if point.name.is_empty() { point.source == value } else { point.name == value };
    container.mounts.iter().any(|point| point.kind != MountKind::Tmpfs && (named(point) || point.target == value))
}

/// `80`, `80/udp`, `8000-8080/tcp`
fn is_port(port: &str, value: &str) -> bool {
    let (wanted, protocol) = value.split_once('/').unwrap_or((value, "tcp"));
    let (first, last) = wanted.split_once('-').unwrap_or((wanted, wanted));
    let (Some((number, own)), Ok(first), Ok(last)) = (port.split_once('/'), first.parse::<u16>(), last.parse::<u16>()) else {
        return false;
    };
    own == protocol && number.parse::<u16>().is_ok_and(|number| (first..=last).contains(&number))
}

/// As a whole, or a regular expression that fits somewhere.
fn matches(pattern: &str, text: &str) -> bool {
    pattern == text || Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
}

fn is_of_image(container: &Container, value: &str, state: &State) -> bool {
    let tagged = |reference: &str| if reference.contains(':') { reference.to_string() } else { format!("{reference}:latest") };
    let id = |id: &str| id.trim_start_matches("sha256:").to_string();
    let by_name = state.image(value).is_some_and(|image| image.id == container.image_id);
    by_name || tagged(&container.image) == tagged(value) || value.len() >= 4 && id(&container.image_id).starts_with(&id(value))
}

fn has_label(container: &Container, label: &str) -> bool {
    label_fits(&container.process.labels, label)
}

/// There is a label as a filter wants it: `NAME`, or `NAME=VALUE`.
pub(crate) fn label_fits(labels: &BTreeMap<String, String>, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|known| known == value),
        None => labels.contains_key(wanted),
    }
}

/// dockerd's refusal of a filter that it does not have, and which there are.
pub(crate) fn not_a_filter(name: &str, known: &[&str]) -> String {
    format!("invalid filter '{name}'\nglassbox: it filters by {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::default();
        for (digit, name) in [("1", "web"), ("2", "db"), ("3", "web-old")] {
            let mut container = crate::step::samples::container();
            (container.id.0, container.name) = (digit.repeat(64), name.into());
            container.created_ns = digit.parse().unwrap();
            container.process.labels.insert("app".into(), name.into());
            if name == "db" {
                (container.state.status, container.state.exit_code) = (Status::Exited, 3);
            }
            state.containers.insert_mut(container.id.clone(), container);
        }
        state
    }

    fn names(filters: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let state = state();
        let owned: Vec<(String, String)> = filters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let filters = Filters::of_list(&owned, &state)?;
        Ok(filters.chosen(state.newest_first(), 0, &state).iter().map(|container| container.name.clone()).collect())
    }

    /// Filters, and the names that are left.
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

    #[test]
    fn filters_choose_as_dockerd_does() {
        let cases: &[Case<'_>] = &[
            (&[("name", "web")], &["web-old", "web"]),
            (&[("name", "^web$")], &["web"]),
            (&[("name", "^/web$")], &["web"]),
            (&[("name", "db"), ("name", "old")], &["web-old", "db"]),
            (&[("status", "exited")], &["db"]),
            (&[("exited", "3")], &["db"]),
            (&[("exited", "0")], &[]),
            (&[("label", "app")], &["web-old", "db", "web"]),
            (&[("label", "app=db")], &["db"]),
            (&[("label", "app=db"), ("label", "other")], &[]),
            (&[("before", "db")], &["web"]),
            (&[("since", "db")], &["web-old"]),
            (&[("id", "22")], &["db"]),
            (&[("ancestor", "toolbox")], &["web-old", "db", "web"]),
            (&[("ancestor", "other")], &[]),
        ];
        for (filters, expected) in cases {
            assert_eq!(names(filters).unwrap(), *expected, "{filters:?}");
        }
    }

    #[test]
    fn what_is_unknown_is_refused() {
        let bogus = names(&[("bogus", "1")]).unwrap_err();
        assert!(bogus.starts_with("invalid filter 'bogus'\nglassbox: it filters by ancestor, before, "), "{bogus}");
        assert_eq!(names(&[("status", "x")]), Err("invalid filter 'status=x': invalid value for state (x): must be one of created, running, paused, restarting, removing, exited, dead".into()));
        assert_eq!(names(&[("before", "x")]), Err("No such container: x".into()));
    }
}
