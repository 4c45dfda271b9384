//! The built binary runs real containers: each case in a mount and pid namespace of its own, with a data root of its own. After each
//! nothing may be left: no process, mount, cgroup, journal.
//!
//! Needs root and unshare(1); without them a case is skipped and says why.

// clippy.toml allows it in test functions; the harness is made of others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod copy;
mod health;
mod lifecycle;
mod machine;
mod program;
mod recovery;
mod storage;
mod terminal;

pub use machine::{Machine, Ran};
