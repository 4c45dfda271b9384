//! grep: -E -F -i -v -c -n -q -l -o -w -x -h -H -e, with the patterns of `expression`.

use super::expression::{Expression, Extent, Syntax};
use super::filter::Wants;
use super::options::Options;
use super::output::Output;

/// The longest line that is looked at whole: a longer one is cut into pieces of this size.
const LINE_BYTES_MAX: usize = 1 << 20;

/// grep(1)
#[derive(Clone, Debug)]
pub(crate) struct Grep {
    expressions: Vec<Expression>,
    invert: bool,
    count: bool,
    numbered: bool,
    quiet: bool,
    names_only: bool,
    matches_only: bool,
    titled: bool,
    file: String,
    pending: Vec<u8>,
    line: u64,
    found: u64,
    any: bool,
}

impl Grep {
    pub(crate) fn parse(args: &[String]) -> Result<(Grep, Vec<String>), String> {
        let mut options = Options::parse(args, "ivcnqlFhHe:EGoswx")?;
        let mut patterns: Vec<String> =
            options.given().iter().filter(|(letter, _)| *letter == 'e').map(|(_, text)| text.clone()).collect();
        if patterns.is_empty() {
            if options.operands.is_empty() {
                return Err("usage: grep [-EFivcnqlowxhH] PATTERN [FILE]...".to_string());
            }
            patterns.push(options.operands.remove(0));
        }
        let lines = patterns.iter().flat_map(|pattern| pattern.split('\n'));
        let syntax = match (options.has('F'), options.has('E')) {
            (true, _) => Syntax::Fixed,
            (false, true) => Syntax::Extended,
            (false, false) => Syntax::Basic,
        };
        let extent = match (options.has('x'), options.has('w')) {
            (true, _) => Extent::Line,
            (false, true) => Extent::Words,
            (false, false) => Extent::Anywhere,
        };
        let parsed: Result<Vec<Expression>, String> =
            lines.map(|line| Expression::parse(line, syntax, extent, options.has('i'))).collect();
        let grep = Grep {
            expressions: parsed?,
            invert: options.has('v'),
            count: options.has('c'),
            numbered: options.has('n'),
            quiet: options.has('q'),
            names_only: options.has('l'),
            matches_only: options.has('o'),
            titled: (options.operands.len() > 1 || options.has('H')) && !options.has('h'),
            file: String::new(),
            pending: Vec::new(),
            line: 0,
            found: 0,
            any: false,
        };
        Ok((grep, options.operands))
    }

    pub(crate) fn begin(&mut self, file: &str) {
        self.file = if file == "-" { "(standard input)".to_string() } else { file.to_string() };
        (self.line, self.found) = (0, 0);
    }

    pub(crate) fn chunk(&mut self, bytes: &[u8], out: &mut Output) -> Wants {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.pending.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.pending.len() > LINE_BYTES_MAX {
                let line = std::mem::take(&mut self.pending);
                match self.look(&line, out) {
                    Wants::More => {}
                    other => return other,
                }
            }
        }
        Wants::More
    }

    fn look(&mut self, line: &[u8], out: &mut Output) -> Wants {
        self.line += 1;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let text = String::from_utf8_lossy(line);
        if self.expressions.iter().any(|expression| expression.matches(&text)) == self.invert {
            return Wants::More;
        }
        self.found += 1;
        self.any = true;
        if self.quiet {
            return Wants::Stop;
        }
        if self.names_only {
            return Wants::Enough(0);
        }
        if !self.count {
            let title = if self.titled { format!("{}:", self.file) } else { String::new() };
            let number = if self.numbered { format!("{}:", self.line) } else { String::new() };
            let lead = [title, number].concat();
            if self.matches_only {
                self.found_in(&text).iter().for_each(|found| out.out(&format!("{lead}{found}\n")));
            } else {
                out.out(&lead);
                out.bytes(1, line);
                out.out("\n");
            }
        }
        Wants::More
    }

    /// For -o: what was found, the leftmost first; of several patterns the longest. With -v there is nothing to show.
    fn found_in<'a>(&self, line: &'a str) -> Vec<&'a str> {
        let (mut all, mut from) = (Vec::new(), 0);
        while !self.invert && from <= line.len() {
            let found = self.expressions.iter().filter_map(|expression| expression.find_at(line, from));
            let Some((start, end)) = found.min_by_key(|(start, end)| (*start, std::cmp::Reverse(*end))) else { break };
            all.extend(line.get(start..end).filter(|text| !text.is_empty()));
            let next = line.get(end..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            from = if end > start { end } else { end + next };
        }
        all
    }

    pub(crate) fn end(&mut self, out: &mut Output) {
        if !self.pending.is_empty() {
            let line = std::mem::take(&mut self.pending);
            self.look(&line, out);
        }
        if self.names_only && self.found > 0 {
            out.out(&format!("{}\n", self.file));
        } else if self.count && !self.quiet {
            let title = if self.titled { format!("{}:", self.file) } else { String::new() };
            out.out(&format!("{title}{}\n", self.found));
        }
    }

    /// 0 found, 1 not found, 2 an error (unless -q found something).
    pub(crate) fn status(&self, failed: bool) -> i32 {
        match (self.any, failed) {
            (true, _) if self.quiet => 0,
            (_, true) => 2,
            (any, false) => i32::from(!any),
        }
    }
}
