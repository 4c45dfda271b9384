//! What the kernel shows: facts on the machine for planning, and the probe that answers queries on processes and containers.
//!
//! Called by `main` (facts), and by `exec` and the debugger (probe). Reads /proc, cgroup file systems and the data root; changes nothing.

pub mod mountinfo;
