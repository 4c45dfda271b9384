//! The model kernel under whole commands: planned, walked with the cursor, executed, observed, applied.

mod bench;
mod containers;
mod mountinfo;
mod names;
mod oddities;
mod programs;
mod rootless;
mod shells;
mod topology;
mod why;
