//! printf(1): %s %b %c %d %i %u %o %x %X %%, with flags, width and precision; the format is used again while arguments are left.

use super::echo::unescape;
use super::tool::Context;

/// The widest field: a larger width or precision is cut to it.
const WIDTH_MAX: usize = 4096;

/// printf(1)
pub(crate) fn printf(context: &mut Context<'_>, args: &[String]) -> i32 {
    let args = if args.first().is_some_and(|arg| arg == "--") { &args[1..] } else { args };
    let Some((format, mut rest)) = args.split_first() else {
        context.fail("usage: printf FORMAT [ARG]...");
        return 2;
    };
    let mut status = 0;
    loop {
        let before = rest.len();
        if once(context, format, &mut rest, &mut status) || rest.is_empty() || rest.len() == before {
            return status;
        }
    }
}

/// One pass over the format; `true`: `\c` ended it.
fn once(context: &mut Context<'_>, format: &str, rest: &mut &[String], status: &mut i32) -> bool {
    let mut text = format;
    while let Some(at) = text.find('%') {
        let (bytes, stop) = unescape(&text[..at], false);
        context.out.bytes(1, &bytes);
        if stop {
            return true;
        }
        text = &text[at + 1..];
        if let Some(after) = text.strip_prefix('%') {
            context.out.out("%");
            text = after;
            continue;
        }
        let (spec, after) = Spec::parse(text, rest);
        text = after;
        if directive(context, &spec, rest, status) {
            return true;
        }
    }
    let (bytes, stop) = unescape(text, false);
    context.out.bytes(1, &bytes);
    stop
}

struct Spec {
    left: bool,
    zero: bool,
    plus: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

impl Spec {
    fn parse<'t>(text: &'t str, rest: &mut &[String]) -> (Spec, &'t str) {
        let mut spec = Spec { left: false, zero: false, plus: false, width: 0, precision: None, letter: '\0' };
        let mut chars = text.chars().peekable();
        while let Some(flag) = chars.next_if(|c| "-0+ #".contains(*c)) {
            spec.left |= flag == '-';
            spec.zero |= flag == '0';
            spec.plus |= flag == '+';
        }
        spec.width = count(&mut chars, rest);
        if chars.next_if_eq(&'.').is_some() {
            spec.precision = Some(count(&mut chars, rest));
        }
        spec.letter = chars.next().unwrap_or('\0');
        let left: usize = chars.map(char::len_utf8).sum();
        (spec, &text[text.len() - left..])
    }

    fn pad(&self, text: &str) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        match (self.left, self.zero && self.letter != 's') {
            (true, _) => text.to_string() + &" ".repeat(missing),
            (false, true) => {
                let sign = text.len() - text.trim_start_matches(['-', '+']).len();
                [&text[..sign], &"0".repeat(missing), &text[sign..]].concat()
            }
            (false, false) => " ".repeat(missing) + text,
        }
    }
}

fn count(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, rest: &mut &[String]) -> usize {
    if chars.next_if_eq(&'*').is_some() {
        return next(rest).parse().unwrap_or(0).min(WIDTH_MAX);
    }
    let mut value = 0;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        value = (value * 10 + digit as usize).min(WIDTH_MAX);
        chars.next();
    }
    value
}

fn next<'a>(rest: &mut &'a [String]) -> &'a str {
    match rest.split_first() {
        Some((first, others)) => {
            *rest = others;
            first
        }
        None => "",
    }
}

fn directive(context: &mut Context<'_>, spec: &Spec, rest: &mut &[String], status: &mut i32) -> bool {
    let shown = match spec.letter {
        's' => {
            let text = next(rest);
            spec.precision.map_or_else(|| text.to_string(), |limit| text.chars().take(limit).collect())
        }
        'b' => {
            let (bytes, stop) = unescape(next(rest), true);
            context.out.bytes(1, &bytes);
            return stop;
        }
        'c' => next(rest).chars().take(1).collect(),
        'd' | 'i' | 'u' | 'o' | 'x' | 'X' => {
            let text = next(rest);
            let value = integer(text).unwrap_or_else(|| {
                *status = context.fail(&format!("invalid number '{text}'"));
                0
            });
            digits(value, spec)
        }
        _ => {
            *status = context.fail("invalid format");
            return true;
        }
    };
    context.out.out(&spec.pad(&shown));
    false
}

fn digits(value: i64, spec: &Spec) -> String {
    let text = match spec.letter {
        'u' => (value as u64).to_string(),
        'o' => format!("{value:o}"),
        'x' => format!("{value:x}"),
        'X' => format!("{value:X}"),
        _ => value.unsigned_abs().to_string(),
    };
    let missing = spec.precision.unwrap_or(0).saturating_sub(text.len());
    let sign = match spec.letter {
        'd' | 'i' if value < 0 => "-",
        'd' | 'i' if spec.plus => "+",
        _ => "",
    };
    [sign, &"0".repeat(missing), &text].concat()
}

/// Decimal, 0x… and 0… as C has them, or 'c for a character's number.
fn integer(text: &str) -> Option<i64> {
    if let Some(quoted) = text.strip_prefix(['\'', '"']) {
        return Some(quoted.chars().next().map_or(0, |c| i64::from(c as u32)));
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match digits {
        "" if text.is_empty() => 0,
        _ if digits.starts_with("0x") || digits.starts_with("0X") => i64::from_str_radix(&digits[2..], 16).ok()?,
        _ if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(digits, 8).ok()?,
        _ => digits.parse().ok()?,
    };
    Some(sign * value)
}
