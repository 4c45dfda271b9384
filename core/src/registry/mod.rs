//! Registries: the protocol by which images are fetched and given away (OCI distribution specification), without I/O.
//!
//! ```text
//! plan ─▶ Step (a Request as a value) ─▶ native: sent with ureq      ─▶ Answer ─▶ read here ─▶ Event ─▶ State::exchange ─▶ next step
//!                                     └▶ model: answered by [`model`]
//! ```
//! A phase (`PullImage`, …) expands with what earlier answers have left in the state: that is the state machine. What an answer means is
//! read here, in one place for both kernels. Secrets are in no request, step or event: whoever sends a request adds them.

pub mod http;
pub mod model;
