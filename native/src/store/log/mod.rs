//! A container's log, in the format of Docker's json-file driver: one JSON object per line of output, in the order of arrival.
//!
//! ```text
//! {"log":"hello\n","stream":"stdout","time":"2026-11-21T12:34:56.123456789Z"}
//! ```
//!
//! The monitor writes ([`LogWriter`]), `logs` reads ([`LogReader`]), at the same time and without a lock: a line is there once its newline
//! is. A torn line (a monitor killed while it wrote, a full disk) is passed over.
//!
//! With `compress=true` the files that are full are packed: `NAME.1.gz`, as dockerd has them ([`packed`]).

mod entry;
mod packed;
mod reader;
mod writer;

pub use entry::{LogEntry, Stream};
pub use reader::LogReader;
pub use writer::LogWriter;

#[cfg(test)]
mod tests;
