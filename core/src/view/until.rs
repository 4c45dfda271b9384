//! Points in time as Docker's `until=` filter takes them: a duration before now, seconds since 1970, or RFC 3339 and its shorter forms.

use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

const SECOND_NS: u64 = 1_000_000_000;

/// Nanoseconds since 1970, or Docker's refusal.
pub fn moment(text: &str, now_ns: u64) -> Result<u64, String> {
    if let Some(before_ns) = duration_ns(text) {
        return Ok(now_ns.saturating_sub(before_ns));
    }
    if let Some((seconds, fraction)) = unix(text) {
        return Ok(seconds.saturating_mul(SECOND_NS).saturating_add(fraction));
    }
    let formats = [
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]"),
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]"),
    ];
    let local = formats.iter().find_map(|format| PrimitiveDateTime::parse(text, format).ok());
    let day = || Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).ok().map(Date::midnight);
    let at = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| local.or_else(day).map(PrimitiveDateTime::assume_utc));
    let nanoseconds = at.and_then(|at| u64::try_from(at.unix_timestamp_nanos()).ok());
    nanoseconds.ok_or_else(|| format!("failed to parse value as time or duration: {}", crate::cli::quoted(text)))
}

fn unix(text: &str) -> Option<(u64, u64)> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<9}");
    Some((seconds.parse().ok()?, fraction.get(..9)?.parse().ok()?))
}

/// Go's durations: `1h30m`, `1.5h`, `250ms`.
fn duration_ns(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", SECOND_NS),
        ("m", 60 * SECOND_NS),
        ("h", 3600 * SECOND_NS),
    ];
    let (mut rest, mut sum) = (text, 0u64);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len());
        let (unit, left) = after.split_at(letters);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add((number.parse::<f64>().ok()? * *factor as f64) as u64)?;
        rest = left;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_dates() {
        let now = 1_000_000 * SECOND_NS;
        let at = |text: &str| moment(text, now).map(|at| at / SECOND_NS);
        assert_eq!(at("10m"), Ok(999_400));
        assert_eq!(at("1h30m"), Ok(994_600));
        assert_eq!(at("1.5h"), Ok(994_600));
        assert_eq!(at("12345"), Ok(12_345));
        assert_eq!(at("1970-01-02"), Ok(86_400));
        assert_eq!(at("1970-01-01T01:00:00Z"), Ok(3_600));
        assert_eq!(at("1970-01-01T01:00:00"), Ok(3_600));
        assert_eq!(at("1970-01-01T01:00:00+01:00"), Ok(0));
        assert!(at("yesterday").is_err() && at("").is_err() && at("h").is_err());
    }
}
