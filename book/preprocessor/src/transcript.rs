//! Transcripts in a chapter: blocks fenced by ```` ```transcript ````, in the notation of fixtures.

use anyhow::{Context, Result, bail};
use glassbox_tests::fixture::{Exchange, Fixture};

use crate::CHAPTER_BYTES_MAX;

/// The opening fence.
const OPEN: &str = "```transcript";
const CLOSE: &str = "```";

/// A block of commands and what they show. All of a chapter run in order, on one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The line of the chapter on which its fence stands, counted from 1.
    pub line: usize,
    /// In order.
    pub exchanges: Vec<Exchange>,
}

/// The transcripts of a chapter; an error names the line.
pub fn transcripts(chapter: &str) -> Result<Vec<Transcript>> {
    let mut all = Vec::new();
    let mut line = 1;
    for part in parts(chapter)? {
        if let Part::Transcript(body) = &part {
            let place = format!("the transcript on line {line}");
            let fixture = Fixture::parse(&place, body).with_context(|| format!("{place}: begin it with `$ docker …`"))?;
            if !fixture.title.is_empty() || !fixture.requires.is_empty() {
                bail!("{place}: a transcript holds commands and what they show, no comments or requirements");
            }
            if fixture.commands.iter().any(|exchange| !exchange.stdin.is_empty()) {
                bail!("{place}: a link into the playground types commands and no input; use `echo … |` inside of `sh -c`");
            }
            all.push(Transcript { line, exchanges: fixture.commands });
        }
        line += part.lines();
    }
    Ok(all)
}

/// The chapter with each transcript replaced by what `with` makes of its body.
pub(crate) fn replaced(chapter: &str, mut with: impl FnMut(&str) -> String) -> Result<String> {
    let parts = parts(chapter)?;
    Ok(parts
        .iter()
        .map(|part| match part {
            Part::Prose(text) => text.clone(),
            Part::Transcript(body) => with(body),
        })
        .collect())
}

enum Part {
    Prose(String),
    Transcript(String),
}

impl Part {
    fn lines(&self) -> usize {
        match self {
            Part::Prose(text) => text.lines().count(),
            Part::Transcript(body) => body.lines().count() + 2,
        }
    }
}

fn parts(chapter: &str) -> Result<Vec<Part>> {
    if chapter.len() > CHAPTER_BYTES_MAX {
        bail!("the chapter is larger than {CHAPTER_BYTES_MAX} bytes (CHAPTER_BYTES_MAX): split it");
    }
    let mut parts = vec![Part::Prose(String::new())];
    for line in chapter.lines() {
        match (parts.last_mut(), line.trim_end()) {
            (Some(Part::Transcript(_)), CLOSE) => parts.push(Part::Prose(String::new())),
            (Some(Part::Prose(_)), OPEN) => parts.push(Part::Transcript(String::new())),
            (Some(Part::Prose(text) | Part::Transcript(text)), _) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    if let Some(Part::Transcript(_)) = parts.last() {
        bail!("a transcript is not closed: end it with a line ```");
    }
    Ok(parts)
}

/// The transcripts of a chapter as one fixture: all its commands in order, on one machine.
pub fn fixture(name: &str, chapter: &str) -> Result<Fixture> {
    let commands = transcripts(chapter)?.into_iter().flat_map(|transcript| transcript.exchanges).collect();
    Ok(Fixture { name: name.to_string(), commands, ..Fixture::default() })
}
