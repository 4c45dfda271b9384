//! The file of a result: what stands in it, and how it is read. Whatever else lies there is no result.

use serde::{Deserialize, Serialize};

use crate::model::{CacheMount, CacheRecord};

/// Of another version nothing is known.
const FORMAT: u32 = 1;
/// A record is no longer than this: bytes.
pub const BYTES_MAX: usize = 256 << 20;

#[derive(Serialize, Deserialize)]
struct File {
    format: u32,
    record: CacheRecord,
}

/// The text of its file.
pub fn written(record: &CacheRecord) -> String {
    // Plain strings and numbers can be written without fail.
    serde_json::to_string(&File { format: FORMAT, record: record.clone() }).unwrap_or_default()
}

/// What stands in a file; `None`: no result that can be used.
pub fn read(bytes: &[u8]) -> Option<CacheRecord> {
    let file: File = serde_json::from_slice(bytes).ok()?;
    (file.format == FORMAT).then_some(file.record)
}

/// The text of the record of a directory for caches.
pub fn written_mount(mount: &CacheMount) -> String {
    serde_json::to_string(mount).unwrap_or_default()
}

/// What stands in it; `None`: it is none.
pub fn read_mount(bytes: &[u8]) -> Option<CacheMount> {
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let record = CacheRecord { created_ns: 7, ..CacheRecord::default() };
        assert_eq!(read(written(&record).as_bytes()), Some(record));
        assert_eq!(read(br#"{"format":2,"record":{"key":{"parts":[]},"layer":null,"created_ns":1}}"#), None);
        assert_eq!(read(b"{}"), None);
    }
}
