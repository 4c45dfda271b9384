//! The harness: fixtures run by the simulator, by the simulator as wasm, and by Linux.

pub mod fixture;
pub mod normalise;
pub mod words;
