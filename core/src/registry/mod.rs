//! Registries: the protocol by which images are fetched and given away (OCI distribution specification), without I/O.
//!
//! ```text
//! plan ─▶ Step (a Request as a value) ─▶ native: sent with ureq      ─▶ head and body ─▶ `reading` ─▶ Event ─▶ State::exchange ─▶ next step
//!                                     └▶ model: answered by `model`
//! ```
//! A phase (`PullImage`, …) expands with what earlier answers have left in the state: that is the state machine. What an answer means is
//! read here, in one place for both kernels. Secrets are in no request, step or event: whoever sends a request adds them.

pub mod bars;
pub mod base64;
pub mod challenge;
pub mod compress;
pub mod endpoint;
pub mod http;
pub mod logins;
pub mod model;
pub mod reading;
pub mod receive;
pub mod refusal;
pub mod request;
pub mod send;
pub mod settings;
pub mod told;

pub use challenge::Challenge;
pub use reading::{Answered, Content, Secret};
pub use request::{Errand, Proof, Purpose, PushedImage, Reach, Request, Visit, WantedImage};
pub use settings::Settings;

/// Redirections of one request: Go's client stops there too.
pub const REDIRECTS_MAX: usize = 10;
/// Layers that come beside each other: dockerd's `max-concurrent-downloads`.
pub const DOWNLOADS_AT_ONCE: usize = 3;
/// Blobs that go beside each other: dockerd's `max-concurrent-uploads`.
pub const UPLOADS_AT_ONCE: usize = 5;
/// How often a blob is asked for that breaks off: dockerd's `max-download-attempts`.
pub const ATTEMPTS_MAX: usize = 5;
/// A larger blob is not taken.
pub const BLOB_BYTES_MAX: u64 = 64 << 30;
/// Of a repository with more tags they are not all pulled.
pub const TAGS_MAX: usize = 10_000;
/// A longer answer that is to be read as a whole is not: manifests, tokens, errors.
pub const ANSWER_BYTES_MAX: usize = crate::oci::image::DOCUMENT_BYTES_MAX;
