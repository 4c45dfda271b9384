//! Numbers, switches and spans of time, as Go's `strconv` and `time` read them, with their errors.

use super::super::error::{echo, quote};

fn syntax(function: &str, value: &str) -> String {
    format!("strconv.{function}: parsing {}: invalid syntax", quote(value))
}

fn range(function: &str, value: &str) -> String {
    format!("strconv.{function}: parsing {}: value out of range", quote(value))
}

/// A switch.
pub(crate) fn boolean(value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(syntax("ParseBool", value)),
    }
}

/// A whole number of 64 bits with a sign.
pub(crate) fn int(value: &str) -> Result<i64, String> {
    let (negative, digits) = match value.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, value.strip_prefix('+').unwrap_or(value)),
    };
    let size = magnitude(digits).ok_or_else(|| syntax("ParseInt", value))?;
    let number = size.and_then(|size| i128::try_from(size).ok()).map(|size| if negative { -size } else { size });
    number.and_then(|number| i64::try_from(number).ok()).ok_or_else(|| range("ParseInt", value))
}

/// A whole number of `bits` bits without a sign.
pub(crate) fn uint(value: &str, bits: u32) -> Result<u64, String> {
    let size = magnitude(value).ok_or_else(|| syntax("ParseUint", value))?;
    let fits = size.and_then(|size| u64::try_from(size).ok()).filter(|size| bits >= 64 || *size < (1 << bits));
    fits.ok_or_else(|| range("ParseUint", value))
}

/// A whole number in digits of `base` alone.
pub(crate) fn int_of(value: &str, base: u32) -> Result<i64, String> {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return Err(syntax("ParseInt", value));
    }
    i64::from_str_radix(value, base).map_err(|_| range("ParseInt", value))
}

/// A whole number without a sign, of `bits` bits, in digits of `base` alone.
pub(crate) fn uint_of(value: &str, base: u32, bits: u32) -> Result<u64, String> {
    if value.is_empty() || !value.chars().all(|digit| digit.is_digit(base)) {
        return Err(syntax("ParseUint", value));
    }
    let number = u64::from_str_radix(value, base).map_err(|_| range("ParseUint", value))?;
    if bits < 64 && number >= 1 << bits { Err(range("ParseUint", value)) } else { Ok(number) }
}

/// Digits with the prefix of their base; `Some(None)`: too many of them.
fn magnitude(digits: &str) -> Option<Option<u128>> {
    let lower = digits.to_ascii_lowercase();
    let (base, body) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?),
        [b'0', b'b', ..] => (2, lower.get(2..)?),
        [b'0', b'o', ..] => (8, lower.get(2..)?),
        [b'0', _, ..] => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    let prefixed = body.len() != lower.len();
    let body = if prefixed { body.strip_prefix('_').unwrap_or(body) } else { body };
    if body.is_empty() || body.starts_with('_') || body.ends_with('_') || body.contains("__") {
        return None;
    }
    let mut number = Some(0u128);
    for letter in body.chars().filter(|letter| *letter != '_') {
        let digit = u128::from(letter.to_digit(base)?);
        number = number.and_then(|number| number.checked_mul(u128::from(base))?.checked_add(digit));
    }
    Some(number)
}

/// A number with a fraction.
pub(crate) fn float(value: &str) -> Result<f64, String> {
    let lower = value.to_ascii_lowercase();
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    if let Some(hexadecimal) = unsigned.strip_prefix("0x") {
        let size = hex_float(hexadecimal).ok_or_else(|| syntax("ParseFloat", value))?;
        return finite(value, if lower.starts_with('-') { -size } else { size });
    }
    match unsigned {
        "inf" | "infinity" | "nan" => return unsigned.parse().map_err(|_| syntax("ParseFloat", value)),
        _ if unsigned.starts_with(['i', 'n']) => return Err(syntax("ParseFloat", value)),
        _ => {}
    }
    let plain = without_underscores(&lower).ok_or_else(|| syntax("ParseFloat", value))?;
    finite(value, plain.parse().map_err(|_| syntax("ParseFloat", value))?)
}

fn finite(value: &str, number: f64) -> Result<f64, String> {
    match number.is_finite() {
        true => Ok(number),
        false => Err(range("ParseFloat", value)),
    }
}

/// Underscores may stand between digits only.
fn without_underscores(value: &str) -> Option<String> {
    let bytes = value.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_hexdigit);
    let misplaced = |at: usize| bytes.get(at) == Some(&b'_') && !(digit(at.checked_sub(1)) && digit(Some(at + 1)));
    (0..bytes.len()).all(|at| !misplaced(at)).then(|| value.replace('_', ""))
}

/// `1.8p4`: hexadecimal digits and the power of two that must follow them.
fn hex_float(body: &str) -> Option<f64> {
    let body = without_underscores(body.strip_prefix('_').unwrap_or(body))?;
    let (digits, exponent) = body.split_once('p')?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut number = 0f64;
    for letter in whole.chars().chain(fraction.chars()) {
        number = number * 16.0 + f64::from(letter.to_digit(16)?);
    }
    let exponent: i32 = exponent.parse().ok()?;
    let shift = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    Some(number * 2f64.powi(exponent.checked_sub(shift)?))
}

/// As Go's `time` quotes: bytes beyond ASCII and control characters in hexadecimal.
fn time_quote(value: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in echo(value).bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            0x20..=0x7f => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

/// A span of time that [`duration`] takes, in nanoseconds; a negative one is none.
pub(crate) fn duration_ns(value: &str) -> u64 {
    // A float becomes the nearest number that there is.
    seconds(value).map_or(0, |seconds| (seconds * 1e9).round() as u64)
}

/// A span of time: numbers with units, one after the other.
pub(crate) fn duration(value: &str) -> Result<(), String> {
    seconds(value).map(drop)
}

/// The same as seconds.
pub(crate) fn seconds(value: &str) -> Result<f64, String> {
    let invalid = || format!("time: invalid duration {}", time_quote(value));
    let mut rest = value.strip_prefix(['+', '-']).unwrap_or(value);
    if rest == "0" {
        return Ok(0.0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0f64;
    while !rest.is_empty() {
        let number = number_end(rest);
        let (digits, tail) = rest.split_at_checked(number).unwrap_or((rest, ""));
        if !digits.contains(|letter: char| letter.is_ascii_digit()) {
            return Err(invalid());
        }
        let unit_end = tail.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(tail.len());
        let (unit, next) = tail.split_at_checked(unit_end).unwrap_or((tail, ""));
        let amount: f64 = digits.parse().map_err(|_| invalid())?;
        if amount > 9_223_372_036_854_775_808.0 {
            return Err(invalid());
        }
        let seconds = match unit {
            "" => return Err(format!("time: missing unit in duration {}", time_quote(value))),
            _ => unit_seconds(unit)
                .ok_or_else(|| format!("time: unknown unit {} in duration {}", time_quote(unit), time_quote(value)))?,
        };
        total += amount * seconds;
        rest = next;
    }
    let sign = if value.starts_with('-') { -1.0 } else { 1.0 };
    if total > 9_223_372_036.0 { Err(invalid()) } else { Ok(sign * total) }
}

/// Where digits, with one point among them or none, end.
fn number_end(text: &str) -> usize {
    let mut points = 0;
    let in_number = |letter: char| {
        points += usize::from(letter == '.');
        letter.is_ascii_digit() || (letter == '.' && points == 1)
    };
    text.len() - text.trim_start_matches(in_number).len()
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_in_go_notations() {
        assert_eq!(int("0x_1f"), Ok(31));
        assert_eq!((int("-010"), int("+5"), int("1_000")), (Ok(-8), Ok(5), Ok(1000)));
        assert_eq!(int("08"), Err("strconv.ParseInt: parsing \"08\": invalid syntax".into()));
        assert_eq!(int("9223372036854775808"), Err("strconv.ParseInt: parsing \"9223372036854775808\": value out of range".into()));
        assert_eq!(int("-9223372036854775808"), Ok(i64::MIN));
        assert!(int("").is_err() && int("1__0").is_err() && int("--1").is_err() && int(&"9".repeat(100)).is_err());
        assert_eq!(uint("65536", 16), Err("strconv.ParseUint: parsing \"65536\": value out of range".into()));
        assert_eq!(uint("-1", 16), Err("strconv.ParseUint: parsing \"-1\": invalid syntax".into()));
    }

    #[test]
    fn fractions_in_go_notations() {
        assert_eq!((float("0x1p4"), float("1_0"), float(".5"), float("-1e2")), (Ok(16.0), Ok(10.0), Ok(0.5), Ok(-100.0)));
        assert!(float("0x10").is_err() && float("_1").is_err() && float("").is_err() && float("infx").is_err());
        assert!(float("1e400").is_err_and(|reason| reason.contains("out of range")));
    }

    #[test]
    fn spans_of_time() {
        assert!(["1m30s", "0", ".5h", "-2ms", "1h0.5us"].iter().all(|value| duration(value).is_ok()));
        assert_eq!((seconds("-1m30s"), seconds("+2h"), seconds("250ms")), (Ok(-90.0), Ok(7200.0), Ok(0.25)));
        assert_eq!(duration("5"), Err("time: missing unit in duration \"5\"".into()));
        assert_eq!(duration("127.0.0.1"), Err("time: missing unit in duration \"127.0.0.1\"".into()));
        assert_eq!(duration("5x"), Err("time: unknown unit \"x\" in duration \"5x\"".into()));
        assert_eq!(duration("x"), Err("time: invalid duration \"x\"".into()));
    }
}
