//! What cat, head, tail and wc do with the bytes that a filter reads.

use std::collections::VecDeque;

use super::filter::Wants;
use super::options::{Options, parse_size};
use super::output::Output;

/// The most bytes that `tail` keeps: older ones are dropped.
const TAIL_BYTES_MAX: usize = 16 << 20;

type Parsed<T> = Result<(T, Vec<String>), String>;

/// cat(1) with -n.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cat {
    numbered: bool,
    line: u64,
    inside: bool,
}

impl Cat {
    pub(crate) fn parse(args: &[String]) -> Parsed<Cat> {
        let options = Options::parse(args, "nu")?;
        Ok((Cat { numbered: options.has('n'), line: 0, inside: false }, options.operands))
    }

    pub(crate) fn chunk(&mut self, bytes: &[u8], out: &mut Output) -> Wants {
        if !self.numbered {
            out.bytes(1, bytes);
            return Wants::More;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !self.inside {
                self.line += 1;
                out.out(&format!("{:6}\t", self.line));
            }
            out.bytes(1, piece);
            self.inside = piece.last() != Some(&b'\n');
        }
        Wants::More
    }
}

/// How much head and tail show.
#[derive(Clone, Copy, Debug)]
enum Amount {
    Lines(u64),
    Bytes(u64),
    /// `tail -n +N`: from this line on.
    FromLine(u64),
}

fn amount(args: &[String], name: &str) -> Result<(Amount, Options), String> {
    let old = args.first().and_then(|arg| arg.strip_prefix('-')).filter(|digits| digits.parse::<u64>().is_ok());
    let rewritten: Vec<String> = match old {
        Some(digits) => ["-n".to_string(), digits.to_string()].into_iter().chain(args[1..].iter().cloned()).collect(),
        None => args.to_vec(),
    };
    let options = Options::parse(&rewritten, "n:c:qvf")?;
    let (letter, text) = match (options.value('c'), options.value('n')) {
        (Some(text), _) => ('c', text),
        (None, Some(text)) => ('n', text),
        (None, None) => ('n', "10"),
    };
    let from_line = text.strip_prefix('+').filter(|_| name == "tail" && letter == 'n');
    let number = parse_size(from_line.unwrap_or(text).trim_start_matches('-')).ok_or_else(|| format!("invalid number '{text}'"))?;
    let amount = match (letter, from_line) {
        (_, Some(_)) => Amount::FromLine(number.max(1)),
        ('c', _) => Amount::Bytes(number),
        _ => Amount::Lines(number),
    };
    Ok((amount, options))
}

fn title(titles: bool, files: &mut u64, file: &str, out: &mut Output) {
    if titles {
        let gap = if *files > 0 { "\n" } else { "" };
        let file = if file == "-" { "standard input" } else { file };
        out.out(&format!("{gap}==> {file} <==\n"));
    }
    *files += 1;
}

/// head(1) with -n, -c, -q, -v.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    amount: Amount,
    left: u64,
    titles: bool,
    files: u64,
}

impl Head {
    pub(crate) fn parse(args: &[String]) -> Parsed<Head> {
        let (amount, options) = amount(args, "head")?;
        let titles = (options.operands.len() > 1 || options.has('v')) && !options.has('q');
        Ok((Head { amount, left: 0, titles, files: 0 }, options.operands))
    }

    pub(crate) fn begin(&mut self, file: &str, out: &mut Output) {
        title(self.titles, &mut self.files, file, out);
        let (Amount::Lines(left) | Amount::Bytes(left) | Amount::FromLine(left)) = self.amount;
        self.left = left;
    }

    pub(crate) fn chunk(&mut self, bytes: &[u8], out: &mut Output) -> Wants {
        let mut end = 0;
        if let Amount::Bytes(_) = self.amount {
            end = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= end as u64;
        } else {
            while self.left > 0 && end < bytes.len() {
                match bytes[end..].iter().position(|byte| *byte == b'\n') {
                    Some(newline) => {
                        end += newline + 1;
                        self.left -= 1;
                    }
                    None => end = bytes.len(),
                }
            }
        }
        out.bytes(1, &bytes[..end]);
        if self.left == 0 { Wants::Enough(bytes.len() - end) } else { Wants::More }
    }
}

/// tail(1) with -n, -c, -q, -v.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    amount: Amount,
    titles: bool,
    files: u64,
    kept: VecDeque<u8>,
    lines_seen: u64,
}

impl Tail {
    pub(crate) fn parse(args: &[String]) -> Parsed<Tail> {
        let (amount, options) = amount(args, "tail")?;
        if options.has('f') {
            return Err("-f is not supported".to_string());
        }
        let titles = (options.operands.len() > 1 || options.has('v')) && !options.has('q');
        Ok((Tail { amount, titles, files: 0, kept: VecDeque::new(), lines_seen: 0 }, options.operands))
    }

    pub(crate) fn begin(&mut self, file: &str, out: &mut Output) {
        title(self.titles, &mut self.files, file, out);
        self.kept.clear();
        self.lines_seen = 1;
    }

    pub(crate) fn chunk(&mut self, bytes: &[u8], out: &mut Output) -> Wants {
        if let Amount::FromLine(first) = self.amount {
            for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                if self.lines_seen >= first {
                    out.bytes(1, piece);
                }
                self.lines_seen += u64::from(piece.ends_with(b"\n"));
            }
            return Wants::More;
        }
        self.kept.extend(bytes);
        let excess = self.kept.len().saturating_sub(TAIL_BYTES_MAX);
        self.kept.drain(..excess);
        Wants::More
    }

    pub(crate) fn end(&mut self, out: &mut Output) {
        let kept: &[u8] = self.kept.make_contiguous();
        let start = match self.amount {
            Amount::FromLine(_) => kept.len(),
            Amount::Bytes(count) => kept.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX)),
            Amount::Lines(count) => start_of_last_lines(kept, count),
        };
        out.bytes(1, &kept[start..]);
        self.kept.clear();
    }
}

fn start_of_last_lines(bytes: &[u8], count: u64) -> usize {
    if count == 0 {
        return bytes.len();
    }
    let mut found = 0;
    for at in (0..bytes.len().saturating_sub(1)).rev() {
        found += u64::from(bytes[at] == b'\n');
        if found == count {
            return at + 1;
        }
    }
    0
}

/// wc(1) with -l, -w, -c.
#[derive(Clone, Debug)]
pub(crate) struct Wc {
    shown: [bool; 3],
    counts: [u64; 3],
    totals: [u64; 3],
    in_word: bool,
    files: u64,
    named: bool,
}

impl Wc {
    pub(crate) fn parse(args: &[String]) -> Parsed<Wc> {
        let options = Options::parse(args, "lwc")?;
        let shown = if options.given().is_empty() { [true; 3] } else { ['l', 'w', 'c'].map(|letter| options.has(letter)) };
        let named = !options.operands.is_empty();
        Ok((Wc { shown, counts: [0; 3], totals: [0; 3], in_word: false, files: 0, named }, options.operands))
    }

    pub(crate) fn chunk(&mut self, bytes: &[u8]) -> Wants {
        for byte in bytes {
            let blank = byte.is_ascii_whitespace() || *byte == 11;
            self.counts[0] += u64::from(*byte == b'\n');
            self.counts[1] += u64::from(!blank && !self.in_word);
            self.in_word = !blank;
        }
        self.counts[2] += bytes.len() as u64;
        Wants::More
    }

    pub(crate) fn end(&mut self, file: &str, out: &mut Output) {
        self.line(self.counts, if self.named { file } else { "" }, out);
        for (total, count) in self.totals.iter_mut().zip(self.counts) {
            *total += count;
        }
        self.counts = [0; 3];
        self.in_word = false;
        self.files += 1;
    }

    pub(crate) fn finish(&mut self, out: &mut Output) {
        if self.files > 1 {
            self.line(self.totals, "total", out);
        }
    }

    fn line(&self, counts: [u64; 3], name: &str, out: &mut Output) {
        let single = self.shown.iter().filter(|shown| **shown).count() == 1;
        let numbers = counts.iter().zip(self.shown).filter(|(_, shown)| *shown).map(|(count, _)| *count);
        let cells: Vec<String> = numbers.map(|count| if single { count.to_string() } else { format!("{count:9}") }).collect();
        let mut text = cells.join(" ");
        if !name.is_empty() {
            text = format!("{text} {name}");
        }
        out.out(&(text + "\n"));
    }
}
