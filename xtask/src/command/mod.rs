//! One file per command: its options, and `run`. A command returns an error whose text says what to do next.

pub mod bench;
pub mod bless;
pub mod build;
pub mod ci_setup;
pub mod play;
pub mod test;
