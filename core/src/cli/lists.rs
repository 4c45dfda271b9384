//! What `ps` and `inspect` are asked for.

use serde::{Deserialize, Serialize};

/// Among what `inspect` looks a name up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum InspectKind {
    /// Containers, then images, networks and volumes.
    #[default]
    Any,
    /// `--type container`
    Container,
    /// `--type image`
    Image,
    /// `--type volume`
    Volume,
    /// `--type network`
    Network,
}

impl InspectKind {
    /// Docker's word.
    pub fn word(self) -> &'static str {
        match self {
            InspectKind::Any => "",
            InspectKind::Container => "container",
            InspectKind::Image => "image",
            InspectKind::Volume => "volume",
            InspectKind::Network => "network",
        }
    }
}

/// `ps`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerList {
    /// `-a`: the ended ones too.
    pub all: bool,
    /// `-q`: only ids.
    pub quiet: bool,
    /// `--no-trunc`
    pub no_trunc: bool,
    /// `-n`: the last so many, in any state; negative: no limit.
    pub last: i64,
    /// `--filter`: name and value, in order.
    pub filters: Vec<(String, String)>,
    /// `--format`
    pub format: Option<String>,
    /// `-s`: with how much each has written.
    #[serde(default)]
    pub sizes: bool,
}
