//! The page and the book, built as `cargo xtask play` builds them; the browser's stage runs on what this leaves in `dist/`.

use super::{Stage, always};
use crate::need::Need;
use crate::site;

pub const SITE: Stage = Stage {
    name: "site",
    about: "the page and the book build",
    quick: false,
    is_here: always,
    needs: &[Need::Target("wasm32-unknown-unknown")],
    run: || site::build().map(drop),
};
