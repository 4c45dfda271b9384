//! Commands about registries.

use serde::{Deserialize, Serialize};

/// What is asked of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistryCommand {
    /// `pull NAME`
    Pull(PullImage),
}

/// An image that is to be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullImage {
    /// As typed.
    pub name: String,
    /// `linux/arm64`; empty: the machine's own.
    pub platform: String,
    /// `-q`
    pub quiet: bool,
}
