//! Commands about images, apart from building them.

use serde::{Deserialize, Serialize};

/// What is asked about images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageCommand {
    /// `images [REPOSITORY[:TAG]]`
    List(ImageList),
    /// `history IMAGE`
    History {
        /// As typed.
        image: String,
        /// With whole ids and instructions.
        no_trunc: bool,
        /// Ids alone.
        quiet: bool,
        /// Sizes and times for people.
        human: bool,
        /// `--format`
        format: Option<String>,
    },
    /// `tag SOURCE TARGET`
    Tag {
        /// As typed.
        source: String,
        /// As typed.
        target: String,
    },
    /// `rmi IMAGE…`
    Remove {
        /// As typed.
        images: Vec<String>,
        /// `-f`
        force: bool,
    },
    /// `image prune`
    Prune {
        /// `-a`: all that no container has, not only those without a name.
        all: bool,
        /// `-f`: without it Docker asks first.
        force: bool,
        /// `--filter`
        filters: Vec<(String, String)>,
    },
    /// `save IMAGE…`
    Save {
        /// As typed.
        images: Vec<String>,
        /// `-o`; none: to stdout.
        output: Option<String>,
    },
    /// `load`
    Load {
        /// `-i`; none: from stdin.
        input: Option<String>,
        /// `-q`
        quiet: bool,
    },
}

/// Which images are shown, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageList {
    /// Only those of this repository, or of this name; may hold `*`.
    pub name: Option<String>,
    /// With those that are only parts of others. There are none here.
    pub all: bool,
    /// With a column for digests.
    pub digests: bool,
    /// Whole ids.
    pub no_trunc: bool,
    /// Ids alone.
    pub quiet: bool,
    /// `--filter`
    pub filters: Vec<(String, String)>,
    /// `--format`
    pub format: Option<String>,
}
