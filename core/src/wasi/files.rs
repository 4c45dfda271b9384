//! What WASI says of a file.

use crate::userland::{FileKind, Stat};

/// `filetype`: a directory.
pub(super) const DIRECTORY: u8 = 3;
/// `rights`: fd_seek and fd_tell.
pub(super) const RIGHTS_TO_SEEK: u64 = 1 << 2 | 1 << 5;

/// `filetype`
pub(super) fn kind(kind: FileKind) -> u8 {
    match kind {
        FileKind::BlockDevice => 1,
        FileKind::CharDevice => 2,
        FileKind::Directory => DIRECTORY,
        FileKind::File => 4,
        FileKind::Symlink => 7,
        FileKind::Fifo => 0,
    }
}

/// `filestat`: device, inode, kind, links, size, and three times, of which the modification's stands for all.
pub(super) fn stat(stat: &Stat) -> [u8; 64] {
    let mut bytes = [0; 64];
    let seconds = u64::try_from(stat.modified_seconds).unwrap_or_default();
    let time = seconds.saturating_mul(1_000_000_000);
    let numbers = [(0, stat.device), (8, stat.inode), (24, stat.links), (32, stat.size), (40, time), (48, time), (56, time)];
    for (at, number) in numbers {
        bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    bytes[16] = kind(stat.kind);
    bytes
}
