//! Commands about images, apart from building them.

use serde::{Deserialize, Serialize};

use crate::view::layers::LayersAsked;

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
    /// `commit CONTAINER [NAME]`
    Commit(Box<Commit>),
    /// `import FILE|- [NAME]`
    Import(Box<Import>),
    /// `export CONTAINER`
    Export {
        /// As typed.
        container: String,
        /// `-o`; none: to stdout.
        output: Option<String>,
    },
    /// `fsck`: whether the store is whole.
    Check {
        /// Remove what nobody has.
        repair: bool,
    },
    /// `argv IMAGE [COMMAND] [ARG...]`
    Argv {
        /// As typed.
        image: String,
        /// `--entrypoint`; the empty word clears that of the image.
        entrypoint: Option<String>,
        /// Behind the image's name.
        arguments: Vec<String>,
        /// As JSON.
        json: bool,
    },
    /// `tags [NAME]`: what tags have led to.
    Tags {
        /// A tag or a repository, as typed; `None`: all.
        name: Option<String>,
        /// As JSON.
        json: bool,
    },
    /// `layers IMAGE`
    Layers {
        /// As typed.
        image: String,
        /// How.
        asked: LayersAsked,
    },
    /// `diff CONTAINER`
    Diff {
        /// As typed.
        container: String,
    },
    /// `load`
    Load {
        /// `-i`; none: from stdin.
        input: Option<String>,
        /// `-q`
        quiet: bool,
    },
}

/// An image made of what a container changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// As typed.
    pub container: String,
    /// As typed; none: it stays without a name.
    pub name: Option<String>,
    /// `-a`
    pub author: String,
    /// `-m`
    pub message: String,
    /// `-c`: instructions of a Dockerfile.
    pub changes: Vec<String>,
    /// The container is paused meanwhile.
    pub pause: bool,
}

/// An image made of an archive of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// A file; `-`: from stdin.
    pub source: String,
    /// As typed; none: it stays without a name.
    pub name: Option<String>,
    /// `-m`
    pub message: String,
    /// `-c`: instructions of a Dockerfile.
    pub changes: Vec<String>,
    /// `--platform`
    pub platform: String,
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
