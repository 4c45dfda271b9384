//! Reading ahead: a thread reads, a few blocks before whoever wants the bytes. For what costs as much to read as to use: a compressed layer.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes of a block.
const BLOCK_BYTES: usize = 256 << 10;
/// Blocks that may wait.
const BLOCKS_MAX: usize = 4;

/// Calls `with` with the bytes of `source`, which a thread of its own reads. An error of `source` is read where it occurred; that no thread
/// can be made is this function's own error.
pub fn read<R: Read + Send, T>(mut source: R, with: impl FnOnce(Ahead) -> T) -> io::Result<T> {
    std::thread::scope(|scope| {
        let (full, blocks) = sync_channel(BLOCKS_MAX);
        let (empty, again) = sync_channel(BLOCKS_MAX + 1);
        std::thread::Builder::new().spawn_scoped(scope, move || fill(&mut source, &full, &again))?;
        Ok(with(Ahead { blocks, empty, block: Vec::new(), at: 0 }))
    })
}

/// Until the end, an error, or until nobody wants more.
fn fill(source: &mut impl Read, full: &SyncSender<io::Result<Vec<u8>>>, again: &Receiver<Vec<u8>>) {
    loop {
        let mut block = again.try_recv().unwrap_or_default();
        block.clear();
        let read = source.take(BLOCK_BYTES as u64).read_to_end(&mut block);
        let is_last = read.as_ref().map_or(true, |count| *count == 0);
        // What was read before an error comes first.
        let sent = if read.is_ok() || !block.is_empty() { full.send(Ok(block)).is_ok() } else { true };
        let told = read.map_or_else(|error| full.send(Err(error)).is_ok(), |_| true);
        if is_last || !sent || !told {
            return;
        }
    }
}

/// What was read ahead.
#[derive(Debug)]
pub struct Ahead {
    blocks: Receiver<io::Result<Vec<u8>>>,
    empty: SyncSender<Vec<u8>>,
    block: Vec<u8>,
    at: usize,
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            // The sender is gone: that was the end.
            let Ok(next) = self.blocks.recv() else { return Ok(0) };
            let used = std::mem::replace(&mut self.block, next?);
            self.at = 0;
            let _ = self.empty.try_send(used);
        }
        let count = (&self.block[self.at..]).read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many bytes, then an error or the end.
    struct Source(usize, bool);

    impl Read for Source {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(self.0).min(1000);
            if count == 0 && self.1 && !buffer.is_empty() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            for (at, byte) in buffer[..count].iter_mut().enumerate() {
                *byte = u8::try_from((self.0 - at) % 251).unwrap_or_default();
            }
            self.0 -= count;
            Ok(count)
        }
    }

    #[test]
    fn the_same_bytes_come_as_without() {
        for length in [0, 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 7] {
            let (mut plain, mut ahead) = (Vec::new(), Vec::new());
            Source(length, false).read_to_end(&mut plain).unwrap();
            read(Source(length, false), |mut source| source.read_to_end(&mut ahead)).unwrap().unwrap();
            assert!(plain == ahead, "{length} bytes");
        }
    }

    #[test]
    fn an_error_comes_after_what_was_read_before_it() {
        let mut got = Vec::new();
        let told = read(Source(BLOCK_BYTES + 5, true), |mut source| source.read_to_end(&mut got)).unwrap();
        assert_eq!((told.map_err(|error| error.kind()), got.len()), (Err(io::ErrorKind::InvalidData), BLOCK_BYTES + 5));
    }

    #[test]
    fn who_wants_no_more_keeps_nobody_waiting() {
        let first = read(Source(100 * BLOCK_BYTES, false), |mut source| source.read(&mut [0; 10])).unwrap();
        assert_eq!(first.ok(), Some(10));
    }
}
