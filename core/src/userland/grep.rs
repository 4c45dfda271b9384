//! grep: -i -v -c -n -q -l -F -h -e, with the patterns of `pattern::Expression`.

use super::filter::Wants;
use super::options::Options;
use super::output::Output;
use super::pattern::Expression;

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
    titled: bool,
    file: String,
    pending: Vec<u8>,
    line: u64,
    found: u64,
    any: bool,
}

impl Grep {
    pub(crate) fn parse(args: &[String]) -> Result<(Grep, Vec<String>), String> {
        let mut options = Options::parse(args, "ivcnqlFhHe:Es")?;
        let mut patterns: Vec<String> =
            options.given().iter().filter(|(letter, _)| *letter == 'e').map(|(_, text)| text.clone()).collect();
        if patterns.is_empty() {
            if options.operands.is_empty() {
                return Err("usage: grep [-ivcnqlFh] PATTERN [FILE]...".to_string());
            }
            patterns.push(options.operands.remove(0));
        }
        let lines = patterns.iter().flat_map(|pattern| pattern.split('\n'));
        let parsed: Option<Vec<Expression>> =
            lines.map(|line| Expression::parse(line, options.has('F'), options.has('i'))).collect();
        let grep = Grep {
            expressions: parsed.ok_or("bad pattern")?,
            invert: options.has('v'),
            count: options.has('c'),
            numbered: options.has('n'),
            quiet: options.has('q'),
            names_only: options.has('l'),
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
            out.out(&[title, number].concat());
            out.bytes(1, line);
            out.out("\n");
        }
        Wants::More
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
