//! The Linux side of Glassbox: the same plans that the model kernel carries out, as real system calls.
//!
//! ```text
//! main ─▶ engine ─▶ exec (this process) and child (the process that becomes the container)
//!           │            both by way of sys, the only home of unsafe
//!           ├─▶ store, journal: what is on record, and what is half done
//!           ├─▶ registry: requests to registries
//!           └─▶ observe: what the kernel shows; streams: stdin, stdout, stderr, logs
//! ```

mod browse;
pub mod child;
pub mod debug;
pub mod engine;
pub mod exec;
pub mod forward;
pub mod journal;
pub mod names;
pub mod observe;
pub mod registry;
pub mod store;
pub mod streams;
pub mod sys;
#[cfg(test)]
mod test_support;
pub mod toolbox;
