//! The harness: fixtures run by the simulator, by the simulator as wasm, and by Linux.

pub mod compare;
pub mod fixture;
pub mod kernels;
pub mod normalise;
pub mod suite;
