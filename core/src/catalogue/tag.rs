//! From a tag to an image: `3.12-slim` is version 3.12 in the variant `slim`, `20-alpine3.19` version 20 upon Alpine 3.19.

use super::entry::Entry;

/// The entry whose facts come nearest, and what the tag says besides.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) entry: Entry,
    pub(super) version: String,
    /// `debian-bookworm`, `alpine-3.19`
    pub(super) distro: String,
}

const VERSIONS: &str = include_str!("data/versions.txt");

/// Debian's and Ubuntu's releases by their names.
const RELEASES: [(&str, &str, &str); 14] = [
    ("jessie", "debian", "8"),
    ("stretch", "debian", "9"),
    ("buster", "debian", "10"),
    ("bullseye", "debian", "11"),
    ("bookworm", "debian", "12"),
    ("trixie", "debian", "13"),
    ("stable", "debian", "13"),
    ("trusty", "ubuntu", "14.04"),
    ("xenial", "ubuntu", "16.04"),
    ("bionic", "ubuntu", "18.04"),
    ("focal", "ubuntu", "20.04"),
    ("jammy", "ubuntu", "22.04"),
    ("noble", "ubuntu", "24.04"),
    ("rolling", "ubuntu", "24.04"),
];
const VARIANTS: [&str; 13] =
    ["slim", "alpine", "apache", "cli", "fpm", "dind", "jre", "jdk", "perl", "management", "scratch", "nonroot", "debug"];
/// What stands in tags and changes nothing here.
const WITHOUT_MEANING: [&str; 8] = ["latest", "debian12", "debian13", "eclipse", "temurin", "openjdk", "ubi9", "minimal"];

/// What a tag says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    version: String,
    release: String,
    variant: Vec<String>,
}

/// The version of a release, by its name; and the name by its version.
pub(super) fn release(word: &str) -> Option<(&'static str, &'static str)> {
    let known = RELEASES.iter().find(|(name, ..)| *name == word)?;
    Some((known.1, known.2))
}

/// `bookworm` for Debian 12.
pub(super) fn codename(distro: &str, version: &str) -> &'static str {
    RELEASES.iter().find(|(_, of, number)| *of == distro && *number == version).map_or("", |(name, ..)| name)
}

fn versions(name: &str) -> Vec<&'static str> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let line = VERSIONS.lines().find(|line| line.split(' ').next() == Some(base));
    line.map(|line| line.split(' ').skip(1).collect()).unwrap_or_default()
}

/// `None`: a part of it is unknown.
fn read(name: &str, tag: &str) -> Option<Said> {
    let mut said = Said::default();
    for (at, part) in tag.split('-').enumerate() {
        let digits = part.strip_prefix('v').unwrap_or(part);
        if let Some(version) = part.strip_prefix("alpine").filter(|version| !version.is_empty()) {
            said.variant.push("alpine".into());
            said.release = format!("alpine-{version}");
        } else if digits.starts_with(|letter: char| letter.is_ascii_digit()) && (at == 0 || said.version.is_empty()) {
            said.version = digits.to_string();
        } else if digits.starts_with(|letter: char| letter.is_ascii_digit()) {
            // `maven:3.9-eclipse-temurin-17`: Java's.
            said.release = format!("java-{digits}");
        } else if let Some((distro, version)) = release(part) {
            match part {
                _ if name == distro => said.version = version.into(),
                "stable" | "rolling" => {}
                _ => said.release = format!("{distro}-{part}"),
            }
        } else if VARIANTS.contains(&part) {
            said.variant.push(part.into());
        } else if matches!(part, "lts" | "current" | "mainline") {
            said.version = if part == "lts" { "24".into() } else { String::new() };
        } else if !WITHOUT_MEANING.contains(&part) {
            return None;
        }
    }
    Some(said)
}

fn is_of(version: &str, asked: &str) -> bool {
    asked.is_empty() || version == asked || version.strip_prefix(asked).is_some_and(|rest| rest.starts_with(['.', '-']))
}

/// What a short version stands for; `None`: there is none like it.
fn whole(name: &str, asked: &str, entries: &[&Entry]) -> Option<String> {
    let known = versions(name);
    if known.is_empty() {
        let own = entries.iter().find(|entry| is_of(&entry.version, asked) || is_of(asked, &entry.version));
        return own.map(|entry| entry.version.clone());
    }
    if let Some(found) = known.iter().rev().find(|version| is_of(version, asked)) {
        return Some((*found).to_string());
    }
    // Another patch of a known version.
    known.iter().any(|version| is_of(asked, &super::entry::two(version))).then(|| asked.to_string())
}

/// The image of this name with this tag.
pub(super) fn choose(entries: &[Entry], name: &str, tag: &str) -> Option<Chosen> {
    let base = name.strip_suffix("-debian12").or_else(|| name.strip_suffix("-debian13")).unwrap_or(name);
    let nodejs = base.strip_prefix("gcr.io/distroless/nodejs").filter(|version| !version.is_empty());
    let (name, tag) = match nodejs {
        Some(version) => ("gcr.io/distroless/nodejs", version),
        None => (base, tag),
    };
    let own: Vec<&Entry> = entries.iter().filter(|entry| entry.name == name).collect();
    let exact = own.iter().find(|entry| entry.tag == tag);
    if let Some(entry) = exact {
        let (version, distro) = (entry.version.clone(), entry.distro.clone());
        return Some(Chosen { entry: (*entry).clone(), version, distro });
    }
    let said = read(name, tag)?;
    let version = whole(name, &said.version, &own)?;
    let entry =
        (*own.iter().rev().max_by_key(|entry| nearness(entry, &said, &version)).filter(|entry| suits(entry, &said))?).clone();
    let (release, java) = match said.release.strip_prefix("java-") {
        Some(java) => ("", java.to_string()),
        None => (said.release.as_str(), entry.java.clone()),
    };
    let distro = if release.is_empty() { own_distro(&entry, &version) } else { release.to_string() };
    Some(Chosen { entry: Entry { java, ..entry }, version, distro })
}

/// An image of a distribution is its own.
fn own_distro(entry: &Entry, version: &str) -> String {
    match entry.name.as_str() {
        name @ ("debian" | "ubuntu") => format!("{name}-{}", codename(name, version)),
        "alpine" => format!("alpine-{version}"),
        _ => entry.distro.clone(),
    }
}

fn variant_of(said: &Said) -> String {
    said.variant
        .iter()
        .filter(|part| !matches!(part.as_str(), "nonroot" | "debug" | "management" | "perl"))
        .cloned()
        .collect::<Vec<_>>()
        .join("-")
}

/// Some images have one variant alone, whatever the tag says.
fn suits(entry: &Entry, said: &Said) -> bool {
    let wanted = variant_of(said);
    entry.variant == wanted
        || (entry.variant == "apache" && wanted.is_empty())
        || (entry.variant == "cli" && wanted.is_empty())
        || (entry.variant == "cli-alpine" && wanted == "alpine")
        || (entry.variant == "jdk" && wanted.is_empty())
        || (entry.variant == "jdk-alpine" && wanted == "alpine")
        || (entry.variant == "slim" && entry.name == "debian")
        || matches!((entry.name.as_str(), wanted.as_str()), ("caddy" | "registry" | "composer" | "traefik", "alpine"))
        || matches!((entry.name.as_str(), wanted.as_str()), ("maven" | "gradle" | "tomcat", "jdk" | "slim" | "jre" | "alpine"))
        || matches!((entry.name.as_str(), wanted.as_str()), ("amazoncorretto" | "rabbitmq" | "busybox", _))
        || matches!((entry.name.as_str(), wanted.as_str()), ("openjdk", "jdk" | "jre"))
        || matches!((entry.name.as_str(), wanted.as_str()), ("docker", "" | "cli"))
}

fn nearness(entry: &Entry, said: &Said, version: &str) -> (bool, bool, bool, bool) {
    let wanted = variant_of(said);
    let of_version = entry.version == *version;
    let of_line = super::entry::two(&entry.version) == super::entry::two(version);
    let plain = entry.variant == "cli" || entry.variant == "jdk" || entry.variant == "cli-alpine" || entry.variant == "jdk-alpine";
    (entry.variant == wanted, suits(entry, said) && plain, suits(entry, said), of_version || of_line)
}

/// The newest version in the table.
pub(super) fn newest(name: &str) -> String {
    versions(name).last().map(|version| (*version).to_string()).unwrap_or_default()
}

/// The newest that a short version stands for; itself where none is known.
pub(super) fn newest_of(name: &str, asked: &str) -> String {
    let found = versions(name).into_iter().rev().find(|version| is_of(version, asked));
    found.unwrap_or(asked).to_string()
}

/// The tags that a registry lists of an entry: its own, and each version that is known, in its variant.
pub(super) fn tags(entry: &Entry) -> Vec<String> {
    let suffix = if entry.variant.is_empty() { String::new() } else { format!("-{}", entry.variant) };
    let versions = versions(&entry.name).into_iter().flat_map(|version| [version.to_string(), super::entry::two(version)]);
    let latest = if entry.variant.is_empty() { "latest" } else { &entry.variant };
    versions.map(|version| format!("{version}{suffix}")).chain([entry.tag.clone(), latest.to_string()]).collect()
}
