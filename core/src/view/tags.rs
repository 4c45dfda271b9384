//! What tags have led to: a tag is a name that moves, an id means one image for ever. Shown by `glassbox tags`.
//!
//! What a tag meant before is read off what `docker events` tells, of which so many are kept: [`HAPPENINGS_MAX`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::containers::human_duration;
use crate::model::happening::{HAPPENINGS_MAX, Happening};
use crate::model::{State, short_digest};
use crate::reference::Reference;

/// The tags that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagsView {
    /// By name.
    pub tags: Vec<TagView>,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagView {
    /// `web:1`
    pub name: String,
    /// The last one first.
    pub versions: Vec<Version>,
}

/// An image that a tag leads to, or has led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// The image's id.
    pub id: String,
    /// Since when: nanoseconds since 1970; `None`: nobody has noted it.
    pub since_ns: Option<u64>,
    /// The tag leads to it now.
    pub now: bool,
    /// The image is still here.
    pub here: bool,
    /// Names with the digest that a registry gave: they lead to it everywhere.
    pub digests: Vec<String>,
}

impl TagsView {
    /// Of the tag, or the repository, of this name; of all where none is given.
    pub fn of(word: Option<&str>, state: &State) -> TagsView {
        let moves: Vec<&Happening> = state
            .happenings
            .iter()
            .filter(|told| told.kind == "image" && told.action == "tag" && told.id.starts_with("sha256:"))
            .collect();
        let before = moves.iter().filter_map(|told| told.attributes.get("name"));
        let names: BTreeSet<&String> = state.images.values().flat_map(|image| &image.names).chain(before).collect();
        let tags = names.into_iter().filter(|name| word.is_none_or(|word| is_meant(word, name)));
        let tags = tags.map(|name| TagView { name: name.clone(), versions: versions(name, &moves, state) });
        TagsView { tags: tags.collect() }
    }

    /// As text; `now_ns`: nanoseconds since 1970.
    pub fn to_text(&self, now_ns: u64) -> String {
        let mut text: String = self.tags.iter().map(|tag| tag.to_text(now_ns)).collect();
        let now: Vec<&Version> = self.tags.iter().flat_map(|tag| &tag.versions).filter(|version| version.now).collect();
        text += "\nA tag moves, and an id stays: what has to be the same tomorrow is named by its id or by its digest.\n";
        if now.iter().any(|version| !version.digests.is_empty()) {
            text += "An id is known here alone; name@sha256:... is known by the registry, too.\n";
        }
        text
    }
}

fn is_meant(word: &str, name: &str) -> bool {
    let Ok(wanted) = Reference::parse(word) else { return false };
    let all_of_it = Reference::parse(name).is_ok_and(|name| name.domain == wanted.domain && name.path == wanted.path);
    all_of_it && (wanted.tag.is_none() || wanted.familiar() == name)
}

fn versions(name: &str, moves: &[&Happening], state: &State) -> Vec<Version> {
    let mut all: Vec<(&str, Option<u64>)> = Vec::new();
    for told in moves.iter().filter(|told| told.attributes.get("name").is_some_and(|known| known == name)) {
        if all.last().is_none_or(|(id, _)| *id != told.id) {
            all.push((&told.id, Some(told.at_ns)));
        }
    }
    let now = state.images.values().find(|image| image.names.iter().any(|known| known == name)).map(|image| image.id.as_str());
    if let Some(id) = now.filter(|id| all.last().is_none_or(|(last, _)| last != id)) {
        all.push((id, None));
    }
    let last = all.len().saturating_sub(1);
    let version = |(at, (id, since_ns)): (usize, &(&str, Option<u64>))| Version {
        id: (*id).to_string(),
        since_ns: *since_ns,
        now: at == last && now == Some(*id),
        here: state.images.contains_key(*id),
        digests: state.images.get(*id).map(|image| image.digests.clone()).unwrap_or_default(),
    };
    all.iter().enumerate().rev().map(version).collect()
}

impl TagView {
    fn to_text(&self, now_ns: u64) -> String {
        let mut text = format!("{}\n", self.name);
        let current = self.versions.iter().find(|version| version.now).map(|version| version.id.as_str());
        for version in &self.versions {
            let word = if version.now { "now" } else { "before" };
            let since = version.since_ns.map_or_else(
                || "from before what is noted".to_string(),
                |since_ns| format!("{} ago", human_duration(now_ns.saturating_sub(since_ns))),
            );
            let back = match (current == Some(version.id.as_str()), version.here) {
                (true, _) => String::new(),
                (false, true) => format!("; back to it: docker tag {} {}", short_digest(&version.id), self.name),
                (false, false) => "; deleted: only who has saved or pushed it has it".to_string(),
            };
            text += &format!("  {word:<6}  {}  {since}{back}\n", short_digest(&version.id));
            for digest in &version.digests {
                text += &format!("          {digest}\n");
            }
        }
        text
    }
}

/// What is said where no tag fits.
pub fn none(word: &str) -> String {
    format!(
        "glassbox: no tag of {word} is known: it leads to no image here, and the last {HAPPENINGS_MAX} events (HAPPENINGS_MAX) tell of none\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::HostFacts;
    use crate::session::Session;

    #[test]
    fn a_tag_moves_and_its_images_stay() {
        let mut session = Session::new(HostFacts::example());
        for line in [
            "docker create --name box toolbox true",
            "docker commit -m one box web:1",
            "docker tag web:1 web:old",
            "docker commit -m two box web:1",
            "docker commit -m three box web:1",
            "docker rmi web:old",
            "docker commit -m other box other:1",
        ] {
            session.command(line);
        }
        let view = TagsView::of(Some("web"), session.world().state());
        assert_eq!(view.tags.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["web:1", "web:old"]);
        let found: Vec<(bool, bool)> = view.tags[0].versions.iter().map(|version| (version.now, version.here)).collect();
        assert_eq!(found, [(true, true), (false, true), (false, false)]);
        assert_eq!((view.tags[1].versions.len(), view.tags[1].versions[0].now), (1, false));
        assert_eq!(TagsView::of(Some("web:1"), session.world().state()).tags.len(), 1);
        assert_eq!(TagsView::of(Some("we"), session.world().state()).tags.len(), 0);
        assert!(TagsView::of(None, session.world().state()).tags.len() >= 4);
    }
}
