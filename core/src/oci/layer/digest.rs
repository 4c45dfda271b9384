//! The digest of what passes.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use crate::oci::digest::in_words;

/// A stream whose bytes are digested as they pass.
#[derive(Debug)]
pub struct Digested<S> {
    stream: S,
    state: Sha256,
    bytes: u64,
}

impl<S> Digested<S> {
    /// Nothing has passed yet.
    pub fn new(stream: S) -> Digested<S> {
        Digested { stream, state: Sha256::new(), bytes: 0 }
    }

    /// Bytes that have passed.
    pub fn passed_bytes(&self) -> u64 {
        self.bytes
    }

    /// `sha256:…` of what has passed.
    pub fn digest(&self) -> String {
        in_words(self.state.clone().finalize().as_slice())
    }

    /// The stream.
    pub fn into_inner(self) -> S {
        self.stream
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.passed(&buffer[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Digested<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.stream.write(bytes)?;
        self.passed(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
