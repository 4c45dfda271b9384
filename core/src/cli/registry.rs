//! Commands about registries.

use serde::{Deserialize, Serialize};

/// What is asked of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistryCommand {
    /// `pull NAME`
    Pull(PullImage),
    /// `push NAME`
    Push(PushImage),
    /// `login [SERVER]`
    LogIn(LogIn),
    /// `logout [SERVER]`
    LogOut {
        /// As typed; empty: Docker Hub.
        server: String,
    },
}

/// An image that is to be given away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushImage {
    /// As typed.
    pub name: String,
    /// `-q`
    pub quiet: bool,
    /// `-a`
    pub all: bool,
}

/// Who wants to be known to a registry.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogIn {
    /// As typed; empty: Docker Hub.
    pub server: String,
    /// `-u`
    pub user: String,
    /// `-p`
    pub password: Option<String>,
    /// `--password-stdin`
    pub password_stdin: bool,
}

impl std::fmt::Debug for LogIn {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "LogIn({}, {}, ***)", self.server, self.user)
    }
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
    /// `-a`
    pub all: bool,
}
