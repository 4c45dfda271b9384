//! true, false, echo, and the backslash escapes that echo and printf share.

use super::tool::Context;

/// true(1)
pub(crate) fn succeed(_: &mut Context<'_>, _: &[String]) -> i32 {
    0
}

/// false(1)
pub(crate) fn fail(_: &mut Context<'_>, _: &[String]) -> i32 {
    1
}

/// echo(1) with -n and -e as busybox has it: without -e, backslashes are left alone.
pub(crate) fn echo(context: &mut Context<'_>, args: &[String]) -> i32 {
    let (mut newline, mut escapes, mut first) = (true, false, 0);
    for arg in args {
        let Some(letters) = arg.strip_prefix('-').filter(|l| !l.is_empty() && l.chars().all(|c| "neE".contains(c))) else { break };
        newline &= !letters.contains('n');
        escapes = letters.chars().rev().find(|c| *c != 'n').map_or(escapes, |c| c == 'e');
        first += 1;
    }
    let text = args[first..].join(" ");
    if escapes {
        let (bytes, stop) = unescape(&text, true);
        context.out.bytes(1, &bytes);
        newline &= !stop;
    } else {
        context.out.out(&text);
    }
    if newline {
        context.out.out("\n");
    }
    0
}

/// Replaces backslash escapes. The flag says that `\c` was met: nothing after it is to be written.
/// In echo an octal escape is `\0nnn`, in printf's format `\nnn` too.
pub(crate) fn unescape(text: &str, in_echo: bool) -> (Vec<u8>, bool) {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        if bytes[at] != b'\\' || at + 1 == bytes.len() {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        let letter = bytes[at + 1];
        at += 2;
        match letter {
            b'c' => return (out, true),
            b'0'..=b'7' if letter == b'0' || !in_echo => {
                let start = if in_echo { at } else { at - 1 };
                let (value, used) = number(&bytes[start..], 8, 3);
                out.push(value);
                at = start + used;
            }
            b'x' => {
                let (value, used) = number(&bytes[at..], 16, 2);
                out.push(value);
                at += used;
            }
            _ => push_letter(&mut out, letter),
        }
    }
    (out, false)
}

fn push_letter(out: &mut Vec<u8>, letter: u8) {
    let byte = match letter {
        b'a' => 7,
        b'b' => 8,
        b'e' => 27,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' => b'\\',
        _ => {
            out.push(b'\\');
            letter
        }
    };
    out.push(byte);
}

fn number(bytes: &[u8], radix: u32, digits_max: usize) -> (u8, usize) {
    let (mut value, mut used) = (0u32, 0);
    while used < digits_max {
        let Some(digit) = bytes.get(used).and_then(|b| char::from(*b).to_digit(radix)) else { break };
        value = value * radix + digit;
        used += 1;
    }
    (value as u8, used)
}
