//! The embedded toolbox image: its one layer's archive, packed by `build.rs`, and the binary in it.

use glassbox_core::host::ToolboxFacts;

/// Where the binary stands in the archive, its length, the archive's digest.
mod built {
    include!(concat!(env!("OUT_DIR"), "/toolbox.rs"));
}

/// The archive of the image's layer.
pub static ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/toolbox.tar"));

/// The binary: static, for x86-64. See `build.rs`.
pub fn binary() -> &'static [u8] {
    ARCHIVE.get(built::BINARY_AT..built::BINARY_AT + built::BINARY_BYTES).unwrap_or_default()
}

/// What planning knows of it.
pub fn facts() -> ToolboxFacts {
    ToolboxFacts {
        size_bytes: built::BINARY_BYTES as u64,
        diff_id: built::DIFF_ID.to_string(),
        archive_bytes: ARCHIVE.len() as u64,
    }
}
