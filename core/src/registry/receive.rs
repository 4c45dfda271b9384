//! A blob that comes in: digested and counted as it passes, and asked for again from where it broke off (RFC 9110, 14.2).

use std::io::{Read, Write};

use super::http::Head;
use super::refusal::Refusal;
use super::{ATTEMPTS_MAX, BLOB_BYTES_MAX};
use crate::errno::Errno;
use crate::oci::image::transfer::Blobs;
use crate::oci::layer::Digested;

const PIECE_BYTES: usize = 128 << 10;

/// What is fetched, and what it is called in complaints.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// `sha256:…`
    pub digest: &'a str,
    /// Bytes, as the manifest says.
    pub size: u64,
    /// `filesystem layer`, `image config`
    pub what: &'a str,
}

impl Expected<'_> {
    fn refused(&self, why: &str) -> String {
        format!("{} verification failed for digest {}\nglassbox: {why}", self.what, self.digest)
    }

    /// As dockerd says it of its file; so many bytes had come.
    fn unwritten(&self, errno: Errno, come: u64) -> String {
        let next = match errno {
            Errno::ENOSPC => "; see what takes up the room (docker system df), and give some back (docker system prune)",
            _ => "",
        };
        let words = crate::copying::sentence(errno);
        format!("write blob {}: {words}\nglassbox: {come} of {} bytes had come{next}", self.digest, self.size)
    }
}

/// Fetches a blob into the store. `fetch` sends the request, from this byte on, and answers head and body, or why there is no answer.
/// Answers how many times it was asked. Nothing stays of what is not what it should be.
pub fn receive<B: Blobs, R: Read>(
    blobs: &mut B,
    expected: &Expected<'_>,
    fetch: &mut dyn FnMut(u64) -> Result<(Head, R), String>,
) -> Result<usize, String> {
    if expected.size > BLOB_BYTES_MAX {
        let why = format!("it has {} bytes, more than {BLOB_BYTES_MAX} (BLOB_BYTES_MAX)", expected.size);
        return Err(expected.refused(&why));
    }
    let failed = |errno: Errno| expected.unwritten(errno, expected.size);
    let mut sink = Digested::new(blobs.create().map_err(failed)?);
    match all(&mut sink, expected, fetch) {
        Ok(attempts) => {
            blobs.keep(sink.into_inner(), expected.digest).map_err(failed)?;
            Ok(attempts)
        }
        Err(why) => {
            blobs.discard(sink.into_inner());
            Err(why)
        }
    }
}

/// A document of the store that has just come in.
pub fn document<B: Blobs>(blobs: &mut B, digest: &str) -> Result<Vec<u8>, String> {
    let (source, _) = blobs.open(digest).map_err(|errno| format!("read the blob: {}", crate::copying::sentence(errno)))?;
    let mut bytes = Vec::new();
    let read = source.take(super::ANSWER_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("read the blob: {error}"))?;
    Ok(bytes)
}

fn all<W: Write, R: Read>(
    sink: &mut Digested<W>,
    expected: &Expected<'_>,
    fetch: &mut dyn FnMut(u64) -> Result<(Head, R), String>,
) -> Result<usize, String> {
    let mut last = "unexpected EOF".to_string();
    for attempt in 1..=ATTEMPTS_MAX {
        let from = sink.passed_bytes();
        match fetch(from) {
            Ok((head, body)) => match part(sink, expected, from, &head, body)? {
                None => return judged(sink, expected).map(|()| attempt),
                Some(why) => last = why,
            },
            // No answer to the first request is told at once: dockerd tries others only after something has come.
            Err(why) if from == 0 => return Err(why),
            Err(why) => last = why,
        }
    }
    Err(format!("{last}\nglassbox: {} of {} bytes had come, in {ATTEMPTS_MAX} attempts", sink.passed_bytes(), expected.size))
}

/// Takes what comes; `None`: all is there; else why it broke off.
fn part<W: Write>(
    sink: &mut Digested<W>,
    expected: &Expected<'_>,
    from: u64,
    head: &Head,
    mut body: impl Read,
) -> Result<Option<String>, String> {
    let mut passed_over = match head.status {
        206 if starts_at(head) == Some(from) => 0,
        200 => from,
        206 => return Err(expected.refused("the registry sent another part than the one that was asked for")),
        _ => {
            let mut text = Vec::new();
            let _ = body.take(super::ANSWER_BYTES_MAX as u64).read_to_end(&mut text);
            return Err(Refusal::of(head, &text).told());
        }
    };
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) if sink.passed_bytes() >= expected.size => return Ok(None),
            Ok(0) => return Ok(Some("unexpected EOF".to_string())),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Some(error.to_string())),
        };
        // A registry that knows no ranges begins anew.
        let skipped = usize::try_from(passed_over).unwrap_or(usize::MAX).min(count);
        passed_over -= skipped as u64;
        let written = sink.write_all(&buffer[skipped..count]);
        written.map_err(|error| expected.unwritten(error.raw_os_error().map_or(Errno::EIO, Errno), sink.passed_bytes()))?;
        if sink.passed_bytes() > expected.size {
            return Err(expected.refused(&format!("it does not end after its {} bytes", expected.size)));
        }
    }
}

/// `Content-Range: bytes 10-99/100`
fn starts_at(head: &Head) -> Option<u64> {
    head.field("content-range")?.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

fn judged<W: Write>(sink: &Digested<W>, expected: &Expected<'_>) -> Result<(), String> {
    let found = sink.digest();
    match found == expected.digest {
        true => Ok(()),
        false => Err(expected.refused(&format!("its bytes have the digest {found}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Cursor;

    #[derive(Default)]
    struct Memory(BTreeMap<String, Vec<u8>>);

    impl Blobs for Memory {
        type Source = Cursor<Vec<u8>>;
        type Sink = Vec<u8>;
        fn open(&mut self, digest: &str) -> Result<(Self::Source, u64), Errno> {
            let bytes = self.0.get(digest).ok_or(Errno::ENOENT)?;
            Ok((Cursor::new(bytes.clone()), bytes.len() as u64))
        }
        fn has(&mut self, digest: &str) -> bool {
            self.0.contains_key(digest)
        }
        fn create(&mut self) -> Result<Vec<u8>, Errno> {
            Ok(Vec::new())
        }
        fn keep(&mut self, blob: Vec<u8>, digest: &str) -> Result<(), Errno> {
            self.0.insert(digest.to_string(), blob);
            Ok(())
        }
        fn discard(&mut self, _blob: Vec<u8>) {}
        fn remove(&mut self, digest: &str) {
            self.0.remove(digest);
        }
    }

    fn run(bytes: &[u8], answers: Vec<(Head, &[u8])>) -> Result<(usize, bool), String> {
        let digest = crate::oci::digest::of(bytes);
        let expected = Expected { digest: &digest, size: bytes.len() as u64, what: "filesystem layer" };
        let mut answers = answers.into_iter();
        let mut store = Memory::default();
        let mut fetch = |_from: u64| {
            let (head, body) = answers.next().ok_or("no more")?;
            Ok((head, Cursor::new(body.to_vec())))
        };
        let attempts = receive(&mut store, &expected, &mut fetch)?;
        Ok((attempts, store.0.get(&digest).is_some_and(|kept| kept == bytes)))
    }

    #[test]
    fn a_broken_connection_is_gone_on_with() {
        let ok = || Head::of(200, &[]);
        assert_eq!(run(b"abcdef", vec![(ok(), b"abcdef")]), Ok((1, true)));
        let rest = Head::of(206, &[("content-range", "bytes 2-5/6")]);
        assert_eq!(run(b"abcdef", vec![(ok(), b"ab"), (rest, b"cdef")]), Ok((2, true)));
        assert_eq!(run(b"abcdef", vec![(ok(), b"ab"), (ok(), b"abcdef")]), Ok((2, true)));
    }

    #[test]
    fn what_is_not_what_it_should_be_is_refused() {
        let ok = || Head::of(200, &[]);
        let other = run(b"abcdef", vec![(ok(), b"abcdeX")]).unwrap_err();
        assert!(other.starts_with("filesystem layer verification failed for digest sha256:"), "{other}");
        assert!(run(b"abc", vec![(ok(), b"abcd")]).unwrap_err().contains("does not end"));
        let wrong = Head::of(206, &[("content-range", "bytes 1-5/6")]);
        assert!(run(b"abcdef", vec![(ok(), b"ab"), (wrong, b"cdef")]).unwrap_err().contains("another part"));
        let short = vec![(ok(), b"ab".as_slice()); 9];
        assert!(run(b"abcdef", short).unwrap_err().starts_with("unexpected EOF\n"));
        assert_eq!(
            run(b"abc", vec![(Head::of(500, &[]), b"")]),
            Err("received unexpected HTTP status: 500 Internal Server Error".into())
        );
    }
}
