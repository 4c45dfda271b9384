//! The shell's syntax tree: what the parser makes and the interpreter walks. Immutable and shared, so that a shell is cheap to clone.

use std::sync::{Arc, OnceLock};

use crate::userland::sys::{Fd, OpenFlags};

/// A word before its expansion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) Vec<Part>);

impl Word {
    /// The text, where the word is unquoted text and nothing else: only such a word can be reserved.
    pub(crate) fn plain(&self) -> Option<&str> {
        match &self.0[..] {
            [Part::Text { text, quoted: false }] => Some(text),
            _ => None,
        }
    }
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Characters that stand for themselves; unquoted ones may form a pattern.
    Text { text: String, quoted: bool },
    /// `~` at the start.
    Home,
    /// `$x`, `${…}`
    Parameter { name: String, action: Action, quoted: bool },
    /// `$(…)`, `` `…` ``
    Command { body: Arc<Node>, quoted: bool },
    /// `$((…))`
    Arithmetic { expression: Word, quoted: bool },
}

/// What `${…}` does with its parameter. `colon`: an empty value counts as unset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// `${x}`
    Value,
    /// `${#x}`
    Length,
    /// `${x:-word}`
    Default { colon: bool, word: Word },
    /// `${x:=word}`
    Assign { colon: bool, word: Word },
    /// `${x:+word}`
    Alternative { colon: bool, word: Word },
    /// `${x:?word}`
    Require { colon: bool, word: Word },
    /// `${x#word}`, `##`, `%`, `%%`
    Trim { suffix: bool, longest: bool, word: Word },
}

/// A redirection before its expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) fd: Fd,
    pub(crate) kind: RedirectKind,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RedirectKind {
    /// `<`, `>`, `>>`, `<>`
    File(Word, OpenFlags),
    /// `>&n`, `<&n`, `>&-`
    Duplicate(Word),
    /// `<<`: the body, known once the line has ended.
    Here(Arc<OnceLock<Word>>),
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// `NAME=value word… <file`
    Simple { assignments: Vec<(String, Word)>, words: Vec<Word>, redirects: Vec<Redirect> },
    /// `a | b`, `! a`
    Pipeline { stages: Vec<Arc<Node>>, negate: bool },
    /// `a && b || c`: the first and, with `true` for `&&`, the others.
    AndOr { first: Arc<Node>, rest: Vec<(bool, Arc<Node>)> },
    /// `a &`
    Background(Arc<Node>),
    /// `a; b`, `{ a; }`
    Sequence(Vec<Arc<Node>>),
    /// `( a )`
    Subshell(Arc<Node>),
    /// A compound command with redirections.
    Redirected { body: Arc<Node>, redirects: Vec<Redirect> },
    /// `if`: conditions with their bodies, then `else`.
    If { arms: Vec<(Arc<Node>, Arc<Node>)>, otherwise: Option<Arc<Node>> },
    /// `while`, `until`
    Loop { condition: Arc<Node>, body: Arc<Node>, until: bool },
    /// `for`; without words: over the positional parameters.
    For { name: String, words: Option<Vec<Word>>, body: Arc<Node> },
    /// `case`
    Case { word: Word, arms: Vec<(Vec<Word>, Arc<Node>)> },
    /// `name() body`
    Function { name: String, body: Arc<Node> },
}

/// Whether text is a name: letters, digits, underscores, no digit first.
pub(crate) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_') && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
