//! The course: mdBook in process.

use std::path::Path;

use anyhow::Result;
use mdbook_driver::MDBook;

use crate::workspace;

/// Builds the book into `folder`.
pub fn build(folder: &Path) -> Result<()> {
    let mut book = MDBook::load(workspace::root().join("book"))?;
    book.config.build.build_dir = folder.to_path_buf();
    book.config.build.create_missing = false;
    book.build()
}
