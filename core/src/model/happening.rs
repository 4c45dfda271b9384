//! What `docker events` tells: an act of the engine's, in Docker's words. Kept in a log of its own, of which only the last are shown.
//!
//! Not to be taken for an [`crate::event::Event`], which is what a step left behind in the kernel.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Container;

/// The last so many are shown, and no more kept in the model: dockerd's `eventsLimit`.
pub const HAPPENINGS_MAX: usize = 256;

/// One line of `events`: dockerd's `events.Message`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// Which it is since the model's machine has booted; 0 on Linux.
    #[serde(skip)]
    pub number: u64,
    /// Nanoseconds since 1970.
    pub at_ns: u64,
    /// `container`, `volume`
    pub kind: String,
    /// `start`, `exec_create: sh`
    pub action: String,
    /// The id of a container, the name of a volume; empty: no one thing.
    pub id: String,
    /// What is told besides.
    pub attributes: BTreeMap<String, String>,
}

impl Happening {
    /// About a container: with its image, its name and its labels.
    pub fn of_container(container: &Container, action: &str, at_ns: u64) -> Happening {
        let mut attributes = container.process.labels.clone();
        attributes.insert("image".into(), container.image.clone());
        attributes.insert("name".into(), container.name.clone());
        Happening { number: 0, at_ns, kind: "container".into(), action: action.into(), id: container.id.0.clone(), attributes }
    }

    /// About a volume.
    pub fn of_volume(name: &str, action: &str, at_ns: u64) -> Happening {
        let attributes = [("driver".to_string(), "local".to_string())].into();
        Happening { number: 0, at_ns, kind: "volume".into(), action: action.into(), id: name.into(), attributes }
    }

    /// About an image.
    pub fn of_image(id: &str, action: &str, name: &str, at_ns: u64) -> Happening {
        let attributes = [("name".to_string(), name.to_string())].into();
        Happening { number: 0, at_ns, kind: "image".into(), action: action.into(), id: id.into(), attributes }
    }

    /// With something told besides.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Happening {
        self.attributes.insert(name.into(), value.into());
        self
    }
}
