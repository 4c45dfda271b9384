//! Building: from the instructions of a Dockerfile to what is done for each, and to the image that comes of it. Pure.
//!
//! ```text
//! stages ─scope─▶ per instruction: configuration so far, work ─key─▶ cache key: parent, instruction, variables, files
//!                                          │                              │ known: its layer is taken
//!                                          ▼ unknown                      ▼
//!                        RUN: a container   COPY, ADD, WORKDIR: files ──▶ layer ──▶ configuration, manifest, name
//! ```
//! Sources: the Dockerfile reference; BuildKit's own answers where it leaves something open.

pub mod history;
pub mod input;
pub mod key;
pub mod mounts;
pub mod progress;
pub mod record;
pub mod remote;
pub mod scope;
pub mod shared;
pub mod transfer;
pub mod work;

pub use input::{Definition, InputSeen, TakenInput};
pub use key::{Key, Miss, Part};
pub use mounts::{Mounted, RunMount};
pub use remote::{Remote, Repository};
pub use scope::{Done, Given, Scope};
pub use shared::{ImportedCache, Lack, SharedCache};
pub use work::{Copy, CopySource, Run, Work};
