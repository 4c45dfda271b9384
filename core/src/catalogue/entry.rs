//! The facts: one image a line.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What is known of an image.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Entry {
    /// Familiar, without a tag.
    pub(super) name: String,
    /// The tag that the facts are of.
    pub(super) tag: String,
    /// `slim`, `alpine`, `fpm-alpine`; empty: the plain one.
    pub(super) variant: String,
    pub(super) version: String,
    /// `debian-trixie`
    pub(super) distro: String,
    /// `NAME:TAG` of the entry that says what this one leaves out.
    pub(super) like: Option<String>,
    /// The version of Java in it, where that is not the image's own.
    pub(super) java: String,
    pub(super) created: String,
    pub(super) env: Vec<String>,
    pub(super) entrypoint: Vec<String>,
    pub(super) cmd: Vec<String>,
    pub(super) user: String,
    pub(super) workdir: Option<String>,
    pub(super) ports: Option<Vec<String>>,
    pub(super) volumes: Vec<String>,
    pub(super) stop: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    /// Bytes as transferred, and of the files.
    pub(super) layers: Vec<(u64, u64)>,
    /// When, what, and whether it made a layer.
    pub(super) history: Vec<(String, String, u8)>,
}

const FACTS: &str = include_str!("data/facts.json");
const MORE: &str = include_str!("data/more.json");

/// When the images are said to be made whose facts leave it out.
const CREATED: &str = "2026-09-01T00:00:00Z";

/// All of them, each whole.
pub(super) fn all() -> Vec<Entry> {
    let read = |text: &str| serde_json::from_str::<Vec<Entry>>(text).unwrap_or_default();
    let facts = read(FACTS);
    let more: Vec<Entry> = read(MORE).into_iter().map(|entry| completed(entry, &facts)).collect();
    facts.into_iter().chain(more).collect()
}

fn completed(mut entry: Entry, facts: &[Entry]) -> Entry {
    let like = entry.like.take().and_then(|like| {
        let (name, tag) = like.split_once(':')?;
        facts.iter().find(|known| known.name == name && known.tag == tag)
    });
    if let Some(like) = like {
        if entry.env.is_empty() {
            entry.env = with_version(&like.env, &like.version, &entry.version);
        }
        if entry.entrypoint.is_empty() {
            entry.entrypoint.clone_from(&like.entrypoint);
        }
        if entry.cmd.is_empty() {
            entry.cmd.clone_from(&like.cmd);
        }
        if entry.volumes.is_empty() {
            entry.volumes.clone_from(&like.volumes);
        }
        entry.workdir = entry.workdir.or_else(|| like.workdir.clone());
        entry.ports = entry.ports.or_else(|| like.ports.clone());
        entry.stop = entry.stop.or_else(|| like.stop.clone());
    }
    if entry.created.is_empty() {
        entry.created = CREATED.into();
    }
    entry
}

/// The environment of another version: what names the old one names the new one, and sums of archives that are not this version's are left
/// out.
pub(super) fn with_version(env: &[String], old: &str, new: &str) -> Vec<String> {
    if old == new || old.is_empty() {
        return env.to_vec();
    }
    let is_sum = |name: &str| ["SHA", "GPG", "CHECKSUM", "MD5"].iter().any(|part| name.contains(part));
    let kept = env.iter().filter(|line| !is_sum(line.split('=').next().unwrap_or_default()));
    let major = |version: &str| version.split('.').next().unwrap_or_default().to_string();
    let named = |line: &String| match line.split_once('=') {
        Some((name, value)) if value == major(old) => format!("{name}={}", major(new)),
        Some((name, value)) if value == two(old) => format!("{name}={}", two(new)),
        Some((name, value)) => format!("{name}={}", value.replace(old, new)),
        None => line.clone(),
    };
    kept.map(named).collect()
}

/// Its first two numbers.
pub(super) fn two(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}
