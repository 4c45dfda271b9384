//! The course: mdBook in process, with transcripts that were run.
//!
//! ```text
//! chapter.md ──transcripts──▶ exchanges ──run by the book's tests──▶ in the model kernel and on Linux, both must show the same
//!      └──────build──────────▶ mdBook: each transcript as HTML, with a link that opens the playground at that point
//! ```
//!
//! Called by `cargo xtask play` ([`build`]) and by the tests ([`transcripts`]). It never runs anything itself.

mod html;
mod transcript;

use std::path::Path;

use anyhow::{Context, Result};
use mdbook_driver::MDBook;

pub use transcript::{Transcript, fixture, transcripts};

/// The largest chapter.
pub const CHAPTER_BYTES_MAX: usize = 1 << 20;

/// Builds the book in `book_dir` into `dest_dir`. The playground is expected beside `dest_dir`: `dest_dir/../index.html`.
pub fn build(book_dir: &Path, dest_dir: &Path) -> Result<()> {
    let mut book = MDBook::load(book_dir).with_context(|| format!("reading the book in {}", book_dir.display()))?;
    book.config.build.build_dir = dest_dir.to_path_buf();
    book.config.build.create_missing = false;
    let mut outcome = Ok(());
    book.book.for_each_chapter_mut(|chapter| {
        let depth = chapter.path.as_deref().and_then(Path::parent).map_or(0, |folder| folder.components().count());
        match rendered(&chapter.content, depth) {
            Ok(text) => chapter.content = text,
            Err(error) => outcome = Err(error.context(format!("the chapter `{}`", chapter.name))),
        }
    });
    outcome?;
    book.build().with_context(|| format!("building the book into {}", dest_dir.display()))
}

/// The chapter with its transcripts as HTML. `depth`: how many folders below the book's own it lies.
fn rendered(chapter: &str, depth: usize) -> Result<String> {
    let playground = format!("{}index.html", "../".repeat(depth + 1));
    let mut commands = Vec::new();
    let mut blocks = transcripts(chapter)?.into_iter();
    transcript::replaced(chapter, |_| {
        let block = blocks.next().unwrap_or_default();
        commands.extend(block.exchanges.iter().map(|exchange| exchange.line.clone()));
        html::block(&block, &playground, &commands)
    })
}

#[cfg(test)]
mod tests;
