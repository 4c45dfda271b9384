//! What a build takes from the caller's stdin or from a URL: a Dockerfile, or an archive that is the build context; and the Dockerfile that lies in a
//! context which was brought here. For both kernels.
//!
//! buildx looks at the first bytes: what a tar archive begins with, or gzip, bzip2 or xz, is a context, and all else a Dockerfile.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::transfer::followed;
use crate::copying::{self, Machine, Side, Streams, holds_archive};
use crate::dockerfile::BYTES_MAX;
use crate::errno::Errno;
use crate::oci::layer::{Blob, Compression};
use crate::userland::FileKind;

/// As many as tell how it is compressed.
const HEAD_BYTES: u64 = 6;

/// A Dockerfile that came with the command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// How it is called.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// What came from stdin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputSeen {
    /// A Dockerfile.
    Dockerfile(Definition),
    /// An archive: the build context.
    Archive,
}

/// What the build at hand was given apart from files that its command names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenInput {
    /// What stdin was, or what a URL led to, once it is read.
    pub seen: Option<InputSeen>,
    /// The commit of the repository that is the context, once it is known.
    pub commit: Option<String>,
    /// Where a context was brought to; empty: nowhere, or it is gone again.
    pub directory: String,
    /// The Dockerfile in that context, once it is read.
    pub definition: Option<Definition>,
}

/// The text of a Dockerfile. `Err`: why it is none.
pub fn text(bytes: Vec<u8>, name: &str) -> Result<String, String> {
    if bytes.len() > BYTES_MAX {
        return Err(format!("glassbox: {name} is longer than {BYTES_MAX} bytes: no Dockerfile of that size is read"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("glassbox: {name} is not UTF-8 text: the byte at offset {at} belongs to no character")
    })
}

/// What the input is; `open` begins at its first byte. `archive`: it may be one. `Err`: why nothing can be made of it.
pub fn look<R: Read>(mut open: impl FnMut() -> io::Result<R>, archive: bool) -> Result<InputSeen, String> {
    let unread = |error: io::Error| format!("failed to read dockerfile: {error}");
    if archive {
        let mut head = Vec::new();
        open().and_then(|input| input.take(HEAD_BYTES).read_to_end(&mut head)).map_err(unread)?;
        // What cannot be unpacked here is an archive all the same.
        if !matches!(Compression::of(&head), Ok(Compression::None)) || holds_archive(open().map_err(unread)?) {
            return Ok(InputSeen::Archive);
        }
    }
    let mut bytes = Vec::new();
    open().and_then(|input| input.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes)).map_err(unread)?;
    let name = "Dockerfile".to_string();
    Ok(InputSeen::Dockerfile(Definition { text: text(bytes, &name)?, name }))
}

/// Unpacks the context into the root of the machine's second side. Answers how many entries it has.
pub fn unpack<M: Streams>(machine: &mut M, input: impl Read) -> Result<u64, String> {
    let failed = |why: String| format!("failed to unpack the build context: {why}");
    let next = "glassbox: a context is a tar archive as it is, or compressed with gzip or zstd";
    let unreadable = |error: io::Error| {
        let what = error.to_string().replace("layers are not compressed", "what is compressed");
        failed(format!("{what} is not read\n{next}"))
    };
    let archive = Blob::new(input).map_err(unreadable)?;
    // Whose the files are means nothing in an image.
    copying::unpack_below(machine, "/", &None, archive).map(|copied| copied.entries).map_err(|refusal| {
        // It is BuildKit that unpacks it, and no answer of a daemon's.
        let told = refusal.to_string();
        failed(told.strip_prefix("Error response from daemon: ").unwrap_or(&told).to_string())
    })
}

/// Reads the Dockerfile in a context: `name` as `--file` says.
pub fn definition<M: Streams + Machine>(machine: &mut M, name: &str) -> Result<Definition, String> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let failed = |errno: Errno| format!("failed to read dockerfile: open {base}: {}", errno.sentence().to_lowercase());
    let (path, look) = followed(machine, &format!("/{name}")).map_err(failed)?;
    if look.kind != Some(FileKind::File) {
        return Err(failed(if look.is_directory() { Errno::EISDIR } else { Errno::EINVAL }));
    }
    machine.look(Side::From, &path).map_err(failed)?;
    let file = machine.open(&path).map_err(failed)?;
    let mut bytes = Vec::new();
    let most = BYTES_MAX as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(|error| failed(Errno(error.raw_os_error().unwrap_or(Errno::EIO.0))))?;
    Ok(Definition { name: name.to_string(), text: text(bytes, name)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(bytes: &[u8]) -> Result<InputSeen, String> {
        look(|| Ok(bytes), true)
    }

    #[test]
    fn stdin_is_a_dockerfile_or_an_archive() {
        let definition = |text: &str| InputSeen::Dockerfile(Definition { name: "Dockerfile".into(), text: text.into() });
        assert_eq!(looked(b"FROM toolbox\n"), Ok(definition("FROM toolbox\n")));
        assert_eq!(looked(b""), Ok(definition("")));
        for head in [&b"\x1f\x8b\x08junk"[..], b"BZh9junk", b"\xfd7zXZ\0junk", b"\x28\xb5\x2f\xfdjunk"] {
            assert_eq!(looked(head), Ok(InputSeen::Archive));
        }
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(0);
        archive.append_data(&mut header, "Dockerfile", &b""[..]).unwrap();
        let archive = archive.into_inner().unwrap();
        assert_eq!(looked(&archive), Ok(InputSeen::Archive));
        assert_eq!(look(|| Ok(&b"BZh9"[..]), false), Ok(definition("BZh9")));
        assert!(looked(b"FROM \xff").unwrap_err().contains("offset 5"));
        assert!(looked(&vec![b'a'; BYTES_MAX + 1]).unwrap_err().contains("longer than"));
    }
}
