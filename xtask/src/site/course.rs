//! The course: mdBook in process, with transcripts that link into the playground beside it.

use std::path::Path;

use anyhow::Result;

use crate::workspace;

/// Builds the book into `folder`.
pub fn build(folder: &Path) -> Result<()> {
    glassbox_book::build(&workspace::root().join("book"), folder)
}
