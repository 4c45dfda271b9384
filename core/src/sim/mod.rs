//! `sim`: the model kernel, an in-memory model of Linux.
//!
//! The userland's programs run on it through `Sys`, and the engine's steps are carried out in it by [`exec`]. It is plain data, cheap to
//! clone and deterministic: the same calls in the same order give the same world, byte for byte. It does no I/O and has no clock but
//! its own, which goes on by resumes and by [`Kernel::let_clock_go_on`].
//!
//! ```text
//! tables   what there is: inodes, mounts, namespaces, processes, open files      kernel   the tables together, ids, the clock
//! walk     paths to places             vfs, overlay, proc_fs, cgroup_fs   what stands at a place
//! mount    mount tables                process, signal, schedule   processes       calls, Caller   the `Sys` of one process
//! file, pipe, tty   open files         cgroup   limits              probe   answers to queries       exec   the steps      look   facts
//! ```

mod attempt;
mod bandwidth;
mod boot;
mod calls;
mod cgroup;
mod cgroup_fs;
mod cgroup_io;
mod credentials;
mod devices;
pub mod exec;
mod execve;
mod file;
mod kernel;
mod layer_disk;
mod limits;
mod look;
mod mount;
mod mount_calls;
mod names;
mod namespace;
mod net;
mod open;
mod overlay;
mod pipe;
mod probe;
mod proc_fs;
mod proc_pid;
mod process;
mod propagation;
mod schedule;
mod seen;
mod signal;
mod store_listing;
mod streams;
mod tables;
#[cfg(test)]
mod tests;
mod topology;
mod tree;
mod tty;
mod vfs;
mod walk;

pub use boot::boot;
pub use kernel::Kernel;
pub use layer_disk::LayerDisk;
pub use probe::SimProbe;
pub use schedule::Ran;
pub use seen::SeenBy;
pub use store_listing::store_listing;

/// How many times programs get to run before the driver looks again.
pub const RESUMES_PER_TURN: usize = 200;
