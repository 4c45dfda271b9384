//! The files of a layer as an archive: what is long is said to be so, see [`crate::modelled`].

use std::io;

use super::tree::{File, Files, Kind};
use crate::archive::{Member, MemberKind, Writer};
use crate::modelled;

/// The archive, all of whose files are of this time (seconds since 1970).
pub(super) fn packed(files: &Files, modified: i64) -> Vec<u8> {
    // Nothing that is written to memory fails.
    written(files, modified).unwrap_or_default()
}

fn written(files: &Files, modified: i64) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    for (path, file) in files {
        let bytes = content(file);
        let length = file.bytes.max(bytes.len() as u64);
        let attributes = match length > bytes.len() as u64 {
            true => vec![(modelled::LENGTH_ATTRIBUTE.to_string(), length.to_string().into_bytes())],
            false => Vec::new(),
        };
        let (kind, link) = match &file.kind {
            Kind::Directory => (MemberKind::Directory, Vec::new()),
            Kind::Link(target) => (MemberKind::Symlink, target.clone().into_bytes()),
            Kind::Program(_) | Kind::Text(_) | Kind::Data => (MemberKind::File, Vec::new()),
        };
        writer.member(&Member {
            name: path.trim_start_matches('/').as_bytes().to_vec(),
            kind,
            link,
            mode: file.mode,
            uid: u64::from(file.owner.0),
            gid: u64::from(file.owner.1),
            size_bytes: bytes.len() as u64,
            modified: (modified, 0),
            attributes,
        })?;
        writer.content(bytes.as_bytes())?;
    }
    writer.finish().map(|(_, bytes)| bytes)
}

fn content(file: &File) -> String {
    match &file.kind {
        Kind::Program(name) => modelled::program(name, &[]),
        Kind::Text(text) => text.clone(),
        Kind::Data => modelled::DATA_HEADER.to_string(),
        Kind::Directory | Kind::Link(_) => String::new(),
    }
}
