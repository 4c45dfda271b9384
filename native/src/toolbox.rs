//! The embedded toolbox binary: what the one image that Glassbox brings along is made of.

use glassbox_core::host::ToolboxFacts;

/// The binary: static, for x86-64. See `build.rs`.
pub static BINARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/toolbox"));

/// What planning knows of it.
pub fn facts() -> ToolboxFacts {
    ToolboxFacts { size_bytes: BINARY.len() as u64, sha256: env!("GLASSBOX_TOOLBOX_SHA256").to_string() }
}
