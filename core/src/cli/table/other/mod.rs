//! The commands of Docker that Glassbox does not carry out yet.

pub(super) mod containers;
pub(super) mod images;
pub(super) mod swarm;
pub(super) mod system;
