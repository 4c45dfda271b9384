//! How much lies below a directory.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The sizes of all files and links below, as Docker counts them: no directories, and a file with several names once. What cannot be
/// looked at counts nothing.
pub fn bytes_below(directory: &Path) -> u64 {
    let (mut pending, mut seen, mut bytes) = (vec![directory.to_path_buf()], BTreeSet::new(), 0);
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => pending.push(entry.path()),
                Ok(metadata) if metadata.nlink() > 1 && !seen.insert((metadata.dev(), metadata.ino())) => {}
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}
