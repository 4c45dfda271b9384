//! Cache keys: the digest of all that the result of an instruction depends on. What went into one is kept beside its result, so that
//! a miss can say what was different.

use serde::{Deserialize, Serialize};

/// One thing that a result depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What: `parent`, `instruction`, `variable HOME`, `file src/main.rs`.
    pub what: String,
    /// Its value or its digest.
    pub value: String,
}

impl Part {
    /// Of these.
    pub fn new(what: impl Into<String>, value: impl Into<String>) -> Part {
        Part { what: what.into(), value: value.into() }
    }
}

/// All that a result depends on, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The parts.
    pub parts: Vec<Part>,
}

/// Why there is no result for a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Miss {
    /// `--no-cache`
    NotAsked,
    /// Which files are copied is not known yet: nothing is carried out.
    NotRead,
    /// Nothing like it was built before.
    New,
    /// It was built before with other parts: what they are now, and what they were.
    Changed {
        /// At the most so many as are worth reading; never empty.
        parts: Vec<Change>,
    },
    /// It was built, and the files of its layer are gone.
    LayerGone,
}

/// A part that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// See [`Part::what`].
    pub what: String,
    /// `None`: it was not there.
    pub before: Option<String>,
    /// `None`: it is not there any more.
    pub now: Option<String>,
}

/// Changes that a miss tells; more are of no use to a reader.
const CHANGES_MAX: usize = 16;

/// The part that every key begins with.
pub const PARENT: &str = "parent";
/// What is done, in words.
pub const INSTRUCTION: &str = "instruction";

impl Key {
    /// `sha256:…` of the parts. Lengths are hashed with them: no two lists of parts have the same bytes.
    pub fn digest(&self) -> String {
        let mut bytes = Vec::new();
        for text in self.parts.iter().flat_map(|part| [&part.what, &part.value]) {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        crate::oci::digest::of(&bytes)
    }

    fn value(&self, what: &str) -> Option<&str> {
        self.parts.iter().find(|part| part.what == what).map(|part| part.value.as_str())
    }

    /// What is different from an earlier key.
    pub fn changes_since(&self, before: &Key) -> Vec<Change> {
        let mut changes = Vec::new();
        for part in &self.parts {
            let old = before.value(&part.what);
            if old != Some(part.value.as_str()) {
                changes.push(Change { what: part.what.clone(), before: old.map(str::to_string), now: Some(part.value.clone()) });
            }
        }
        let gone = before.parts.iter().filter(|part| self.value(&part.what).is_none());
        changes.extend(gone.map(|part| Change { what: part.what.clone(), before: Some(part.value.clone()), now: None }));
        changes
    }

    /// Why none of the keys that are known is this one: held against the one that differs least.
    pub fn miss<'a>(&self, known: impl Iterator<Item = &'a Key>) -> Miss {
        let comparable = |key: &&Key| {
            // What has neither its instruction nor its place in common with this is something else.
            let verb = |key: &Key| key.value(INSTRUCTION).and_then(|text| text.split(' ').next()).map(str::to_string);
            let same_place = key.value(PARENT) == self.value(PARENT) && verb(key) == verb(self);
            key.value(INSTRUCTION) == self.value(INSTRUCTION) || same_place
        };
        let nearest = known.filter(comparable).map(|key| self.changes_since(key)).min_by_key(Vec::len);
        match nearest {
            Some(parts) => Miss::changed(parts),
            None => Miss::New,
        }
    }
}

impl Miss {
    /// Of these changes; more than are worth reading are left out.
    pub fn changed(mut parts: Vec<Change>) -> Miss {
        parts.truncate(CHANGES_MAX);
        if parts.is_empty() { Miss::New } else { Miss::Changed { parts } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(parts: &[(&str, &str)]) -> Key {
        Key { parts: parts.iter().map(|(what, value)| Part::new(*what, *value)).collect() }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(key(&[("a", "bc")]).digest(), key(&[("ab", "c")]).digest());
        assert_ne!(key(&[("a", "b"), ("c", "d")]).digest(), key(&[("a", "bc"), ("", "d")]).digest());
    }

    #[test]
    fn a_miss_names_what_was_different() {
        let now = key(&[("parent", "p"), ("instruction", "COPY . /"), ("file a", "2"), ("file c", "1")]);
        let before = key(&[("parent", "p"), ("instruction", "COPY . /"), ("file a", "1"), ("file b", "1")]);
        let other = key(&[("parent", "q"), ("instruction", "RUN x")]);
        let Miss::Changed { parts } = now.miss([&other, &before].into_iter()) else { panic!("not a change") };
        let told: Vec<(&str, Option<&str>, Option<&str>)> =
            parts.iter().map(|part| (part.what.as_str(), part.before.as_deref(), part.now.as_deref())).collect();
        assert_eq!(told, [("file a", Some("1"), Some("2")), ("file c", None, Some("1")), ("file b", Some("1"), None)]);
        assert_eq!(now.miss([&other].into_iter()), Miss::New);
    }
}
