//! The parser: recursive descent over the grammar of POSIX's shell, one complete command at a time. It never panics, and a depth
//! limit keeps its recursion small.

use std::sync::{Arc, OnceLock};

use super::syntax::{Node, Part, Redirect, RedirectKind, Word, is_name};
use super::token::{PendingHere, Token};
use crate::userland::sys::OpenFlags;

/// How deep commands, substitutions and quotes may nest.
pub(crate) const DEPTH_MAX: u32 = 200;

/// Why there is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The text ends in the middle: more may make it whole.
    Incomplete(u32),
    /// It cannot become right: the line and the sentence.
    Syntax(u32, String),
}

impl Problem {
    /// The sentence, with its line.
    pub(crate) fn message(&self) -> String {
        match self {
            Problem::Incomplete(line) => format!("line {line}: syntax error: unexpected end of file"),
            Problem::Syntax(line, message) => format!("line {line}: syntax error: {message}"),
        }
    }
}

type Parsed<T> = Result<T, Problem>;

/// A place in a text.
pub(crate) struct Parser<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
    pub(crate) line: u32,
    pub(crate) depth: u32,
    pub(crate) peeked: Option<Token>,
    pub(crate) pending: Vec<PendingHere>,
    /// No more text will come.
    pub(crate) whole: bool,
}

const RESERVED_ENDS: &[&str] = &["then", "else", "elif", "fi", "do", "done", "esac", "}"];

impl<'a> Parser<'a> {
    /// At the start of `text`, whose first line has the number `line`.
    pub(crate) fn new(text: &'a str, line: u32, whole: bool) -> Parser<'a> {
        Parser { text, at: 0, line, depth: 0, peeked: None, pending: Vec::new(), whole }
    }

    /// For a text within a text.
    pub(crate) fn nested(text: &'a str, line: u32, depth: u32) -> Parsed<Parser<'a>> {
        let parser = Parser { depth, ..Parser::new(text, line, true) };
        if depth > DEPTH_MAX { Err(parser.syntax_error("nested too deep")) } else { Ok(parser) }
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn first(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn incomplete(&self) -> Problem {
        Problem::Incomplete(self.line)
    }

    pub(crate) fn syntax_error(&self, message: &str) -> Problem {
        Problem::Syntax(self.line, message.to_string())
    }

    pub(crate) fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(self.syntax_error("nested too deep")) } else { Ok(()) }
    }

    fn unexpected<T>(&mut self) -> Parsed<T> {
        let shown = match self.peek()? {
            Token::End => return Err(self.incomplete()),
            Token::Operator("\n") => "newline".to_string(),
            Token::Operator(operator) => format!("\"{operator}\""),
            Token::Word(word) => word.plain().map_or("word".to_string(), |text| format!("\"{text}\"")),
            Token::Number(number) => format!("\"{number}\""),
        };
        Err(self.syntax_error(&format!("unexpected {shown}")))
    }

    fn skip_newlines(&mut self) -> Parsed<()> {
        while self.take_operator("\n")? {}
        Ok(())
    }

    /// The next complete command, up to the end of its line. `None`: there is none left.
    pub(crate) fn line_of_commands(&mut self) -> Parsed<Option<Arc<Node>>> {
        self.skip_newlines()?;
        if *self.peek()? == Token::End {
            return Ok(None);
        }
        let mut nodes = Vec::new();
        loop {
            let node = self.and_or()?;
            let ended = match self.peek()? {
                Token::Operator("&") => {
                    self.peeked = None;
                    nodes.push(Arc::new(Node::Background(node)));
                    false
                }
                Token::Operator(";") => {
                    self.peeked = None;
                    nodes.push(node);
                    false
                }
                Token::Operator("\n") | Token::End => {
                    nodes.push(node);
                    true
                }
                _ => return self.unexpected(),
            };
            if ended || matches!(self.peek()?, Token::Operator("\n") | Token::End) {
                break;
            }
        }
        if self.next()? == Token::End && !self.pending.is_empty() {
            return Err(self.incomplete());
        }
        Ok(Some(sequence(nodes)))
    }

    /// All the text as one command.
    pub(crate) fn whole_text(&mut self) -> Parsed<Arc<Node>> {
        let mut nodes = Vec::new();
        while let Some(node) = self.line_of_commands()? {
            nodes.push(node);
        }
        Ok(sequence(nodes))
    }

    /// What stands between `$(` and `)`.
    pub(crate) fn nested_list(&mut self) -> Parsed<Arc<Node>> {
        self.deeper()?;
        let pending = std::mem::take(&mut self.pending);
        let body = self.list(&[")"], true)?;
        if !self.take_operator(")")? {
            return self.unexpected();
        }
        self.pending = pending;
        self.depth -= 1;
        Ok(body)
    }

    fn at_end(&mut self, ends: &[&str]) -> Parsed<bool> {
        Ok(match self.peek()? {
            Token::Operator(operator) => ends.contains(operator),
            Token::Word(word) => word.plain().is_some_and(|text| ends.contains(&text)),
            _ => false,
        })
    }

    /// Commands up to one of the words or operators in `ends`, which is left in place.
    fn list(&mut self, ends: &[&str], may_be_empty: bool) -> Parsed<Arc<Node>> {
        let mut nodes = Vec::new();
        self.skip_newlines()?;
        while !self.at_end(ends)? {
            let node = self.and_or()?;
            match self.peek()? {
                Token::Operator("&") => {
                    self.peeked = None;
                    nodes.push(Arc::new(Node::Background(node)));
                }
                Token::Operator(";" | "\n") => {
                    self.peeked = None;
                    nodes.push(node);
                }
                _ => {
                    nodes.push(node);
                    if !self.at_end(ends)? {
                        return self.unexpected();
                    }
                }
            }
            self.skip_newlines()?;
        }
        if nodes.is_empty() && !may_be_empty {
            return self.unexpected();
        }
        Ok(sequence(nodes))
    }

    fn and_or(&mut self) -> Parsed<Arc<Node>> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let and = match self.peek()? {
                Token::Operator("&&") => true,
                Token::Operator("||") => false,
                _ => break,
            };
            self.peeked = None;
            self.skip_newlines()?;
            rest.push((and, self.pipeline()?));
        }
        Ok(if rest.is_empty() { first } else { Arc::new(Node::AndOr { first, rest }) })
    }

    fn take_word(&mut self, wanted: &str) -> Parsed<bool> {
        let found = matches!(self.peek()?, Token::Word(word) if word.plain() == Some(wanted));
        if found {
            self.peeked = None;
        }
        Ok(found)
    }

    fn expect_word(&mut self, wanted: &str) -> Parsed<()> {
        if self.take_word(wanted)? { Ok(()) } else { self.unexpected() }
    }

    fn pipeline(&mut self) -> Parsed<Arc<Node>> {
        let mut negate = false;
        while self.take_word("!")? {
            negate = !negate;
        }
        let mut stages = vec![self.command()?];
        while self.take_operator("|")? {
            self.skip_newlines()?;
            stages.push(self.command()?);
        }
        match (stages.len(), negate) {
            (1, false) => Ok(stages.remove(0)),
            _ => Ok(Arc::new(Node::Pipeline { stages, negate })),
        }
    }

    fn command(&mut self) -> Parsed<Arc<Node>> {
        let keyword = match self.peek()? {
            Token::Operator("(") => "(".to_string(),
            Token::Word(word) => word.plain().unwrap_or_default().to_string(),
            _ => String::new(),
        };
        if RESERVED_ENDS.contains(&keyword.as_str()) {
            return self.unexpected();
        }
        if !matches!(keyword.as_str(), "(" | "{" | "if" | "while" | "until" | "for" | "case") {
            return self.simple();
        }
        self.peeked = None;
        self.deeper()?;
        let body = self.compound(&keyword)?;
        self.depth -= 1;
        let mut redirects = Vec::new();
        while self.redirect(&mut redirects)? {}
        Ok(if redirects.is_empty() { body } else { Arc::new(Node::Redirected { body, redirects }) })
    }

    fn compound(&mut self, keyword: &str) -> Parsed<Arc<Node>> {
        match keyword {
            "(" => {
                let body = self.list(&[")"], false)?;
                self.peeked = None;
                Ok(Arc::new(Node::Subshell(body)))
            }
            "{" => {
                let body = self.list(&["}"], false)?;
                self.peeked = None;
                Ok(body)
            }
            "if" => self.conditional(),
            "for" => self.for_loop(),
            "case" => self.case(),
            _ => {
                let condition = self.list(&["do"], false)?;
                let body = self.do_group()?;
                Ok(Arc::new(Node::Loop { condition, body, until: keyword == "until" }))
            }
        }
    }

    fn do_group(&mut self) -> Parsed<Arc<Node>> {
        self.expect_word("do")?;
        let body = self.list(&["done"], false)?;
        self.peeked = None;
        Ok(body)
    }

    fn conditional(&mut self) -> Parsed<Arc<Node>> {
        let (mut arms, mut otherwise) = (Vec::new(), None);
        loop {
            let condition = self.list(&["then"], false)?;
            self.peeked = None;
            let body = self.list(&["elif", "else", "fi"], false)?;
            arms.push((condition, body));
            if !self.take_word("elif")? {
                break;
            }
        }
        if self.take_word("else")? {
            otherwise = Some(self.list(&["fi"], false)?);
        }
        self.expect_word("fi")?;
        Ok(Arc::new(Node::If { arms, otherwise }))
    }

    fn for_loop(&mut self) -> Parsed<Arc<Node>> {
        let name = match self.peek()? {
            Token::Word(word) if word.plain().is_some_and(is_name) => word.plain().unwrap_or_default().to_string(),
            _ => return self.unexpected(),
        };
        self.peeked = None;
        self.skip_newlines()?;
        let mut words = None;
        if self.take_word("in")? {
            let mut list = Vec::new();
            while let Token::Word(_) = self.peek()? {
                if let Token::Word(word) = self.next()? {
                    list.push(word);
                }
            }
            words = Some(list);
            if !matches!(self.peek()?, Token::Operator(";" | "\n")) {
                return self.unexpected();
            }
        }
        self.take_operator(";")?;
        self.skip_newlines()?;
        let body = self.do_group()?;
        Ok(Arc::new(Node::For { name, words, body }))
    }

    fn case(&mut self) -> Parsed<Arc<Node>> {
        let Token::Word(_) = self.peek()? else { return self.unexpected() };
        let Token::Word(word) = self.next()? else { return self.unexpected() };
        self.skip_newlines()?;
        self.expect_word("in")?;
        self.skip_newlines()?;
        let mut arms = Vec::new();
        while !self.take_word("esac")? {
            self.take_operator("(")?;
            let mut patterns = Vec::new();
            loop {
                let Token::Word(_) = self.peek()? else { return self.unexpected() };
                if let Token::Word(pattern) = self.next()? {
                    patterns.push(pattern);
                }
                if !self.take_operator("|")? {
                    break;
                }
            }
            if !self.take_operator(")")? {
                return self.unexpected();
            }
            let body = self.list(&[";;", "esac"], true)?;
            arms.push((patterns, body));
            self.take_operator(";;")?;
            self.skip_newlines()?;
        }
        Ok(Arc::new(Node::Case { word, arms }))
    }

    fn simple(&mut self) -> Parsed<Arc<Node>> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::<Word>::new(), Vec::new());
        loop {
            if self.redirect(&mut redirects)? {
                continue;
            }
            let Token::Word(_) = self.peek()? else { break };
            let Token::Word(word) = self.next()? else { break };
            if words.is_empty()
                && let Some(assignment) = as_assignment(&word)
            {
                assignments.push(assignment);
                continue;
            }
            words.push(word);
            if words.len() == 1 && assignments.is_empty() && redirects.is_empty() && *self.peek()? == Token::Operator("(") {
                return self.function(&words[0]);
            }
        }
        if words.is_empty() && assignments.is_empty() && redirects.is_empty() {
            return self.unexpected();
        }
        Ok(Arc::new(Node::Simple { assignments, words, redirects }))
    }

    fn function(&mut self, word: &Word) -> Parsed<Arc<Node>> {
        let Some(name) = word.plain().filter(|text| is_name(text)).map(str::to_string) else { return self.unexpected() };
        self.peeked = None;
        if !self.take_operator(")")? {
            return self.unexpected();
        }
        self.skip_newlines()?;
        self.deeper()?;
        let body = self.command()?;
        self.depth -= 1;
        Ok(Arc::new(Node::Function { name, body }))
    }

    /// A redirection, if one is next.
    fn redirect(&mut self, redirects: &mut Vec<Redirect>) -> Parsed<bool> {
        let number = match self.peek()? {
            Token::Number(number) => Some(*number),
            Token::Operator(operator) if operator.starts_with(['<', '>']) || *operator == "&>" => None,
            _ => return Ok(false),
        };
        if number.is_some() {
            self.peeked = None;
        }
        let Token::Operator(operator) = self.next()? else { return self.unexpected() };
        let Token::Word(_) = self.peek()? else { return self.unexpected() };
        let Token::Word(word) = self.next()? else { return self.unexpected() };
        let fd = number.unwrap_or(i32::from(!operator.starts_with('<')));
        let kind = match operator {
            "<" => RedirectKind::File(word, OpenFlags::READ),
            ">" | ">|" | "&>" => RedirectKind::File(word, OpenFlags::REPLACE),
            ">>" => RedirectKind::File(word, OpenFlags::APPEND),
            "<>" => RedirectKind::File(word, OpenFlags { write: true, create: true, ..OpenFlags::READ }),
            "<<" | "<<-" => RedirectKind::Here(self.here(&word, operator == "<<-")),
            _ => RedirectKind::Duplicate(word),
        };
        redirects.push(Redirect { fd, kind });
        if operator == "&>" {
            let one = Word(vec![Part::Text { text: "1".to_string(), quoted: false }]);
            redirects.push(Redirect { fd: 2, kind: RedirectKind::Duplicate(one) });
        }
        Ok(true)
    }

    fn here(&mut self, word: &Word, strip_tabs: bool) -> Arc<OnceLock<Word>> {
        let (mut delimiter, mut any_quoted) = (String::new(), false);
        for part in &word.0 {
            if let Part::Text { text, quoted } = part {
                delimiter.push_str(text);
                any_quoted |= quoted;
            }
        }
        let body = Arc::new(OnceLock::new());
        self.pending.push(PendingHere { delimiter, quoted: any_quoted, strip_tabs, body: body.clone() });
        body
    }
}

fn sequence(mut nodes: Vec<Arc<Node>>) -> Arc<Node> {
    if nodes.len() == 1 { nodes.remove(0) } else { Arc::new(Node::Sequence(nodes)) }
}

fn as_assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Part::Text { text, quoted: false }) = word.0.first() else { return None };
    let (name, value) = text.split_once('=').filter(|(name, _)| is_name(name))?;
    let mut parts = word.0.clone();
    match value.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            parts[0] = Part::Text { text: rest.to_string(), quoted: false };
            parts.insert(0, Part::Home);
        }
        _ => parts[0] = Part::Text { text: value.to_string(), quoted: false },
    }
    Some((name.to_string(), Word(parts)))
}
