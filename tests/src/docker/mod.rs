//! Docker itself as the judge: every fixture's commands by the stock client against a daemon of its own.
//!
//! `cargo xtask test --only docker` runs it. The daemon lives in namespaces and cgroups of its own and has its own data root; the
//! machine's Docker, if there is one, is not asked. Compared are stdout, stderr and exit codes, not events: Docker tells none.
//! Lines that begin with `glassbox:` are ours by design, after Docker's own, and are left out; so are `glassbox …` commands.

mod client;
mod daemon;
mod roundtrip;
mod verdict;

pub use client::Client;
pub use daemon::Daemon;
pub use roundtrip::round_trips;
pub use verdict::{Verdict, judge};
