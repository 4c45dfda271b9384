//! Sizes (`64m`, as go-units reads them) and numbers of processors (`1.5`, exact to a billionth).

use super::number;

const KIB: f64 = 1024.0;
const KB: f64 = 1000.0;

/// A size in bytes; a number with a unit of 1024, from `b` to `pib`.
pub(crate) fn bytes(value: &str) -> Result<i64, String> {
    sized(value, KIB)
}

/// A size in bytes, whose units are of 1000, whatever they are called: of files, as go-units has it (`FromHumanSize`).
pub(crate) fn decimal_bytes(value: &str) -> Result<i64, String> {
    sized(value, KB)
}

fn sized(value: &str, base: f64) -> Result<i64, String> {
    let invalid = || format!("invalid size: '{value}'");
    let last = value.rfind(|letter: char| letter.is_ascii_digit() || letter == '.' || letter == ' ').ok_or_else(invalid)?;
    let (head, unit) = value.split_at_checked(last + 1).ok_or_else(invalid)?;
    let size = number::float(head.strip_suffix(' ').unwrap_or(head))?;
    if size < 0.0 {
        return Err(invalid());
    }
    let bad_unit = |unit: &str| format!("invalid suffix: '{unit}'");
    if unit.len() > 3 {
        return Err(bad_unit(unit));
    }
    let lower = unit.to_lowercase();
    let factor = match lower.as_str() {
        "" | "b" => 1.0,
        _ => unit_factor(&lower, base).ok_or_else(|| bad_unit(&lower))?,
    };
    // A cast of a float saturates, where Go's is undefined: no size beyond 2^63 is meant.
    Ok((size * factor) as i64)
}

fn unit_factor(unit: &str, base: f64) -> Option<f64> {
    let letter = unit.chars().next()?;
    let power = "kmgtp".find(letter)?;
    let tail = unit.get(1..)?;
    matches!(tail, "" | "b" | "ib").then(|| base.powi(i32::try_from(power).unwrap_or(0) + 1))
}

/// Billionths of a processor; beyond 64 bits the most that they hold.
pub(crate) fn nano_cpus(value: &str) -> Result<i64, String> {
    let (numerator, denominator) = rational(value).ok_or_else(|| format!("failed to parse {value} as a rational number"))?;
    let scaled = numerator.saturating_mul(1_000_000_000);
    match scaled % denominator {
        0 => Ok(i64::try_from(scaled / denominator).unwrap_or(if scaled < 0 { i64::MIN } else { i64::MAX })),
        _ => Err("value is too precise".to_string()),
    }
}

/// `1/2`, `0.5`, `5e-1`, `0x1`, with a sign or without.
fn rational(value: &str) -> Option<(i128, i128)> {
    let (negative, body) = match value.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, value.strip_prefix('+').unwrap_or(value)),
    };
    if body.starts_with(['+', '-']) {
        return None;
    }
    let (numerator, denominator) = match body.split_once('/') {
        Some((_, below)) if below.starts_with(['+', '-']) => return None,
        Some((above, below)) => (i128::from(number::int(above).ok()?), i128::from(number::int(below).ok()?)),
        None => number::int(body).ok().filter(|_| !is_octal(body)).map(|whole| (i128::from(whole), 1)).or_else(|| decimal(body))?,
    };
    (denominator != 0).then_some((if negative { -numerator } else { numerator }, denominator))
}

/// A leading zero does not make a fraction octal.
fn is_octal(body: &str) -> bool {
    body.len() > 1 && body.starts_with('0') && body.bytes().all(|byte| byte.is_ascii_digit())
}

fn decimal(body: &str) -> Option<(i128, i128)> {
    let (mantissa, exponent) = body.split_once(['e', 'E']).map_or((body, "0"), |(mantissa, exponent)| (mantissa, exponent));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{}", fraction.trim_end_matches('0'));
    if (whole.is_empty() && fraction.is_empty()) || !format!("{whole}{fraction}").bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: i128 = if digits.is_empty() { 0 } else { digits.parse().unwrap_or(i128::MAX) };
    let scale = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.trim_end_matches('0').len()).ok()?)?;
    let power = 10i128.saturating_pow(scale.unsigned_abs());
    Some(if scale < 0 { (digits, power) } else { (digits.saturating_mul(power), 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!((bytes("64m"), bytes("1.5GiB"), bytes("17 kb")), (Ok(67_108_864), Ok(1_610_612_736), Ok(17_408)));
        assert_eq!((bytes(".5k"), bytes("10b"), bytes("1"), bytes("7P")), (Ok(512), Ok(10), Ok(1), Ok(7 << 50)));
        assert_eq!((decimal_bytes("1k"), decimal_bytes("2MiB"), decimal_bytes("0.1")), (Ok(1000), Ok(2_000_000), Ok(0)));
        assert_eq!(bytes("x"), Err("invalid size: 'x'".into()));
        assert_eq!(bytes("-1"), Err("invalid size: '-1'".into()));
        assert_eq!(bytes("1foo"), Err("invalid suffix: 'foo'".into()));
        assert_eq!(bytes("1FOOB"), Err("invalid suffix: 'FOOB'".into()));
        assert_eq!(bytes("1kx"), Err("invalid suffix: 'kx'".into()));
        assert_eq!(bytes("a1"), Err("strconv.ParseFloat: parsing \"a1\": invalid syntax".into()));
    }

    #[test]
    fn processors() {
        assert_eq!((nano_cpus("1.5"), nano_cpus("1/2"), nano_cpus("5e-1")), (Ok(1_500_000_000), Ok(500_000_000), Ok(500_000_000)));
        assert_eq!((nano_cpus("-1"), nano_cpus(".5"), nano_cpus("2.")), (Ok(-1_000_000_000), Ok(500_000_000), Ok(2_000_000_000)));
        assert_eq!((nano_cpus("1e999"), nano_cpus(&"9".repeat(99))), (Ok(i64::MAX), Ok(i64::MAX)));
        assert_eq!(nano_cpus("1/3"), Err("value is too precise".into()));
        assert_eq!(nano_cpus("1.1234567891"), Err("value is too precise".into()));
        assert_eq!(nano_cpus("x"), Err("failed to parse x as a rational number".into()));
        assert!(nano_cpus("").is_err() && nano_cpus(".").is_err() && nano_cpus("1/0").is_err());
    }
}
