//! What the kernel shows: facts on the machine for planning, and the probe that answers queries on processes and containers.
//!
//! Called by `main` (facts), and by `exec` and the debugger (probe). Reads /proc, cgroup file systems and the data root; changes nothing.

pub mod cgroups;
pub mod devices;
pub mod facts;
pub mod holders;
pub mod mountinfo;
pub mod ports;
pub mod probe;
pub mod procfs;

pub use facts::host_facts;
pub use probe::LinuxProbe;
