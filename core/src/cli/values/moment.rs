//! A moment as `--since` and `--until` take it: a time ago, a date with or without a time of day, or seconds since 1970.

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::number;

/// Nanoseconds since 1970, as Docker's client reads `value` at the moment `now_ns`; without a zone it is UTC. Else its refusal.
pub(crate) fn moment(value: &str, now_ns: u64) -> Result<u64, String> {
    let refusal = || format!("failed to parse value as time or duration: {}", crate::cli::quoted(value));
    if value != "0" && number::duration(value).is_ok() {
        // Docker's client sends whole seconds.
        return Ok(now_ns.saturating_sub(number::duration_ns(value)) / NS * NS);
    }
    let found = if value.contains('-') { dated(value) } else { seconds(value) };
    found.ok_or_else(refusal)
}

const NS: u64 = 1_000_000_000;

fn seconds(value: &str) -> Option<u64> {
    let (whole, rest) = value.split_once('.').unwrap_or((value, ""));
    let digits: String = rest.chars().chain("000000000".chars()).take(9).collect();
    whole.parse::<u64>().ok()?.checked_mul(NS)?.checked_add(digits.parse().ok()?)
}

fn dated(value: &str) -> Option<u64> {
    if let Ok(at) = OffsetDateTime::parse(value, &Rfc3339) {
        return u64::try_from(at.unix_timestamp_nanos()).ok();
    }
    let value = value.strip_suffix('Z').unwrap_or(value);
    let (date, clock) = value.split_once('T').unwrap_or((value, ""));
    let mut numbers = date.split('-').map(|word| word.parse::<u16>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let date = Date::from_calendar_date(i32::from(year), Month::try_from(u8::try_from(month).ok()?).ok()?, u8::try_from(day).ok()?)
        .ok()?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut numbers = clock.split(':').filter(|word| !word.is_empty()).map(|word| word.parse::<u8>());
    let mut next = || numbers.next().unwrap_or(Ok(0)).ok();
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let clock = Time::from_hms_nano(next()?, next()?, next()?, digits.parse().ok()?).ok()?;
    u64::try_from(PrimitiveDateTime::new(date, clock).assume_utc().unix_timestamp_nanos()).ok()
}

/// Of a line of a log, which holds its time as RFC 3339.
pub(crate) fn stamped(text: &str) -> Option<u64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().and_then(|at| u64::try_from(at.unix_timestamp_nanos()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_dockers_client_reads_them() {
        let now = 1_000_000_000 * NS + 5;
        assert_eq!(moment("10m", now), Ok(now - 5 - 600 * NS));
        assert_eq!(moment("1h30m", now), Ok(now - 5 - 5400 * NS));
        assert_eq!(moment("0", now), Ok(0));
        assert_eq!(moment("1136073845.25", now), Ok(1_136_073_845 * NS + NS / 4));
        let day = 1_136_160_000 * NS;
        assert_eq!(moment("2006-01-02", now), Ok(day));
        assert_eq!(moment("2006-01-02T15:04", now), Ok(day + (15 * 3600 + 4 * 60) * NS));
        assert_eq!(moment("2006-01-02T15:04:05.5", now), Ok(day + (15 * 3600 + 4 * 60 + 5) * NS + NS / 2));
        assert_eq!(moment("2006-01-02T15:04:05+01:00", now), Ok(day + (14 * 3600 + 4 * 60 + 5) * NS));
        let refusal = |value: &str| moment(value, now).unwrap_err();
        assert_eq!(refusal("soon"), "failed to parse value as time or duration: \"soon\"");
        assert_eq!(refusal("2006-13-02"), "failed to parse value as time or duration: \"2006-13-02\"");
    }
}
