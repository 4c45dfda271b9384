//! The harness: fixtures run by the simulator, by the simulator as wasm, and by Linux.

pub mod apart;
pub mod binary;
pub mod compare;
pub mod docker;
pub mod elsewhere;
pub mod fixture;
pub mod kernels;
pub mod leftovers;
pub mod marked;
pub mod network;
pub mod normalise;
pub mod processes;
pub mod still;
pub mod suite;
pub mod trace;
