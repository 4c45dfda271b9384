//! Reads flags out of words as pflag does, the library under Docker's command line: `--flag=value`, `--flag value`, `-m64m`, `-it`,
//! `--`, with its error texts. What a flag's value may be is asked of `values`, at once, so that the first wrong word is reported.

use super::error::{echo, quote, quote_byte};
use super::table::{FlagSpec, Kind};
use super::values;
use super::words::Word;
use super::{FlagUse, Span};

/// A refusal: the text of the first line, and the word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlagError {
    pub message: String,
    pub span: Span,
    /// A limit of ours, which Docker does not have.
    pub ours: bool,
}

impl FlagError {
    fn new(message: String, span: Span) -> Self {
        FlagError { message, span, ours: false }
    }
}

/// The most flags of one command line; a cluster of letters can hold many.
pub const FLAGS_MAX: usize = 10_000;

/// What the words hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub flags: Vec<FlagUse>,
    /// Indices into the words that were read.
    pub positionals: Vec<usize>,
    /// `--help`, or `-h` where that is no flag of the command's own.
    pub help: bool,
}

/// Reads `words`. `interspersed`: flags may stand after positional words; else the first of these ends the flags.
pub(crate) fn parse(specs: &[FlagSpec], words: &[Word], interspersed: bool) -> Result<Parsed, FlagError> {
    let mut reader = Reader { specs, words, at: 0, parsed: Parsed::default() };
    while let Some(word) = words.get(reader.at) {
        let here = reader.at;
        reader.at += 1;
        if word.text == "--" {
            reader.rest_is_positional(reader.at);
        } else if let Some(name) = word.text.strip_prefix("--") {
            reader.long(word, name)?;
        } else if word.text.len() > 1 && word.text.starts_with('-') {
            reader.cluster(word)?;
        } else if interspersed {
            reader.parsed.positionals.push(here);
        } else {
            reader.rest_is_positional(here);
        }
    }
    Ok(reader.parsed)
}

struct Reader<'a> {
    specs: &'a [FlagSpec],
    words: &'a [Word],
    at: usize,
    parsed: Parsed,
}

impl<'a> Reader<'a> {
    fn rest_is_positional(&mut self, from: usize) {
        self.parsed.positionals.extend(from..self.words.len());
        self.at = self.words.len();
    }

    fn next_word(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    fn long(&mut self, word: &Word, body: &str) -> Result<(), FlagError> {
        if body.starts_with(['-', '=']) {
            return Err(FlagError::new(format!("bad flag syntax: {}", echo(&word.text)), word.span));
        }
        let (name, given) = body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value)));
        let Some(spec) = self.specs.iter().find(|spec| spec.long == name) else {
            return Err(FlagError::new(format!("unknown flag: --{}", echo(name)), word.part(0, 2 + name.len())));
        };
        let (value, end) = match (given, spec.kind.implied()) {
            (Some(value), _) => (value.to_string(), word.span.end),
            (None, Some(implied)) => (implied.to_string(), word.span.end),
            (None, None) => match self.next_word() {
                Some(next) => (next.text.clone(), next.span.end),
                None => return Err(FlagError::new(format!("flag needs an argument: --{name}"), word.span)),
            },
        };
        self.set(spec, value, given.is_none(), Span { start: word.span.start, end })
    }

    /// `-it`, `-m64m`, `-m=64m`: each letter a flag until one takes a value.
    fn cluster(&mut self, word: &Word) -> Result<(), FlagError> {
        let mut at = 1;
        while at < word.text.len() {
            at = self.short(word, at)?;
        }
        Ok(())
    }

    /// The flag at byte `at` of the cluster; answers where the next one stands.
    fn short(&mut self, word: &Word, at: usize) -> Result<usize, FlagError> {
        let (end, bytes) = (word.text.len(), word.text.as_bytes());
        let byte = bytes.get(at).copied().unwrap_or_default();
        let rest = || echo(word.text.get(at..).unwrap_or_default());
        let Some(spec) = self.specs.iter().find(|spec| spec.short == Some(char::from(byte))) else {
            return self.unknown_short(word, at, byte, &rest());
        };
        let first = if at == 1 { 0 } else { at };
        let tail = word.text.get(at + 1..).unwrap_or_default();
        if let Some(value) = tail.strip_prefix('=').filter(|value| !value.is_empty()) {
            self.set(spec, value.to_string(), false, word.part(first, end))?;
            return Ok(end);
        }
        if let Some(implied) = spec.kind.implied() {
            self.set(spec, implied.to_string(), true, word.part(first, at + 1))?;
            return Ok(at + 1);
        }
        let mut span = word.part(first, end);
        let value = match tail.is_empty() {
            false => tail.to_string(),
            true => {
                let Some(next) = self.next_word() else {
                    return Err(FlagError::new(format!("flag needs an argument: {} in -{}", quote_byte(byte), rest()), span));
                };
                span.end = next.span.end;
                next.text.clone()
            }
        };
        self.set(spec, value, false, span)?;
        Ok(end)
    }

    fn unknown_short(&mut self, word: &Word, at: usize, byte: u8, rest: &str) -> Result<usize, FlagError> {
        if byte == b'h' {
            self.parsed.help = true;
            return Ok(at + 1);
        }
        let end = (at + 1..=word.text.len()).find(|&end| word.text.is_char_boundary(end)).unwrap_or(word.text.len());
        let start = (0..=at).rev().find(|&start| word.text.is_char_boundary(start)).unwrap_or(0);
        Err(FlagError::new(format!("unknown shorthand flag: {} in -{rest}", quote_byte(byte)), word.part(start, end)))
    }

    /// Checks the value and notes the use. `implied`: the value was not typed.
    fn set(&mut self, spec: &FlagSpec, value: String, implied: bool, span: Span) -> Result<(), FlagError> {
        if self.parsed.flags.len() >= FLAGS_MAX {
            return Err(FlagError { message: format!("glassbox: more flags than the limit of {FLAGS_MAX}"), span, ours: true });
        }
        if let Err(reason) = values::check(spec.kind, &value) {
            let flag = spec.short.map_or_else(|| format!("--{}", spec.long), |short| format!("-{short}, --{}", spec.long));
            return Err(FlagError::new(format!("invalid argument {} for \"{flag}\" flag: {}", quote(&value), echo(&reason)), span));
        }
        if spec.long == "help" {
            self.parsed.help = values::boolean(&value).unwrap_or(true);
        }
        let typed = if implied && spec.kind == Kind::Bool { String::new() } else { value };
        self.parsed.flags.push(FlagUse { name: spec.long.to_string(), value: typed, span });
        Ok(())
    }
}
