//! The catalogue as a registry has it: by repository, tag and digest.

use std::cell::RefCell;

use super::{Blob, Listed, entry, find, tag};
use crate::reference::Reference;
use crate::registry::model::{Document, Offer};

/// How many images are kept at hand: whoever asks for a tag asks for its blobs next.
const AT_HAND_MAX: usize = 4;

/// What a registry has of the catalogue.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// As references name it: `docker.io`, `gcr.io`.
    domain: String,
    at_hand: RefCell<Vec<Listed>>,
}

impl Catalogue {
    /// The images whose names begin with this registry's.
    pub fn of(domain: &str) -> Catalogue {
        Catalogue { domain: domain.to_string(), at_hand: RefCell::default() }
    }

    fn reference(&self, repository: &str, tag: &str) -> Option<Reference> {
        Reference::parse(&format!("{}/{repository}:{tag}", self.domain)).ok()
    }

    fn by_tag(&self, repository: &str, tag: &str) -> Option<Listed> {
        let reference = self.reference(repository, tag)?;
        let known = self.at_hand.borrow().iter().find(|image| image.name == reference.familiar()).cloned();
        known.or_else(|| {
            let found = find(&reference)?;
            let mut at_hand = self.at_hand.borrow_mut();
            at_hand.truncate(AT_HAND_MAX - 1);
            at_hand.insert(0, found.clone());
            Some(found)
        })
    }

    /// Among those that were asked for, else among all of the repository.
    fn by_digest(&self, repository: &str, digest: &str) -> Option<Blob> {
        let at_hand = self.at_hand.borrow().iter().find_map(|image| image.blob(digest).cloned());
        let tags = || self.tags(repository);
        at_hand.or_else(|| tags().iter().find_map(|tag| self.by_tag(repository, tag)?.blob(digest).cloned()))
    }
}

impl Offer for Catalogue {
    fn manifest(&self, repository: &str, reference: &str) -> Option<Document> {
        let found = match reference.starts_with("sha256:") {
            true => self.by_digest(repository, reference)?,
            false => self.by_tag(repository, reference)?.index,
        };
        Some(Document { media_type: found.descriptor.media_type, bytes: found.bytes })
    }

    fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        self.by_digest(repository, digest).map(|found| found.bytes)
    }

    fn tags(&self, repository: &str) -> Vec<String> {
        let Some(familiar) = self.reference(repository, "x").map(|reference| reference.familiar()) else { return Vec::new() };
        let name = familiar.trim_end_matches(":x");
        let mut tags: Vec<String> = entry::all().iter().filter(|entry| entry.name == name).flat_map(tag::tags).collect();
        tags.sort();
        tags.dedup();
        tags
    }
}
