//! A moment as `--since`, `--until` and the filter `until` take it: a time ago, a date with or without a time of day, or seconds since
//! 1970. Docker's client and its daemon read it by one rule (moby api/types/time, GetTimestamp), and so does this.

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime};

use super::number;
use crate::cli::quoted;
use crate::host::HostFacts;

const NS: i128 = 1_000_000_000;

/// Nanoseconds since 1970, or Docker's refusal. A date without a zone is of the caller's; a time ago is counted in whole seconds.
pub(crate) fn moment(value: &str, host: &HostFacts) -> Result<u64, String> {
    if let Some(ago) = number::seconds(value).ok().filter(|_| value != "0") {
        let at = i128::from(host.now_ns) - (ago * 1e9).round() as i128;
        return Ok(clamped(at.div_euclid(NS) * NS));
    }
    match dated(value, host.utc_offset_seconds) {
        Ok(at) => Ok(clamped(at)),
        Err(refusal) if value.contains('-') => Err(refusal),
        Err(_) => seconds(value).ok_or_else(|| format!("failed to parse value as time or duration: {}", quoted(value))),
    }
}

/// Nothing here is older than 1970.
fn clamped(at: i128) -> u64 {
    u64::try_from(at.max(0)).unwrap_or(u64::MAX)
}

fn seconds(value: &str) -> Option<u64> {
    let (whole, rest) = value.split_once('.').unwrap_or((value, "0"));
    let digits: String = rest.chars().chain("000000000".chars()).take(9).collect();
    let is_number = !rest.is_empty() && rest.chars().all(|digit| digit.is_ascii_digit());
    let fraction: u64 = digits.parse().ok().filter(|_| is_number)?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(fraction)
}

/// One element of a layout of Go's package time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Literal(&'static str),
    Number {
        layout: &'static str,
        two_digits: bool,
        field: usize,
        name: &'static str,
        range: (u32, u32),
    },
    /// Digits behind a point, which may be missing.
    Fraction,
    Zone,
}

const fn number(layout: &'static str, two_digits: bool, field: usize, name: &'static str, range: (u32, u32)) -> Element {
    Element::Number { layout, two_digits, field, name, range }
}

const DAY: &[Element] = &[
    number("2006", true, 0, "year", (0, 9999)),
    Element::Literal("-"),
    number("01", true, 1, "month", (1, 12)),
    Element::Literal("-"),
    number("02", true, 2, "day", (0, 99)),
];
const HOUR: Element = number("15", false, 3, "hour", (0, 23));
const MINUTE: Element = number("04", true, 4, "minute", (0, 59));
const SECOND: Element = number("05", true, 5, "second", (0, 59));
const COLON: Element = Element::Literal(":");

/// The layout that GetTimestamp chooses by the look of the value: its elements, and how Go writes it.
fn layout(value: &str, has_zone: bool) -> (Vec<Element>, String) {
    let mut elements = DAY.to_vec();
    let mut text = "2006-01-02".to_string();
    let colons = value.matches(':').count();
    let colons = if has_zone && !value.contains(['z', 'Z']) { colons.saturating_sub(1) } else { colons };
    let fraction = value.contains('.');
    if fraction || value.contains('T') {
        let clock: &[Element] = match colons {
            0 if !fraction => &[HOUR],
            1 if !fraction => &[HOUR, COLON, MINUTE],
            _ => &[HOUR, COLON, MINUTE, COLON, SECOND],
        };
        elements.push(Element::Literal("T"));
        elements.extend(clock);
        text += ["T15", "T15:04", "T15:04:05"][clock.len() / 2];
    }
    if fraction {
        elements.push(Element::Fraction);
        text += ".999999999";
    }
    if has_zone {
        elements.push(Element::Zone);
        text += "Z07:00";
    }
    (elements, text)
}

/// A value as far as it was read.
struct Reading<'a> {
    value: &'a str,
    layout: String,
    rest: &'a str,
    fields: [u32; 6],
    fraction_ns: i128,
    offset_seconds: i64,
}

impl<'a> Reading<'a> {
    fn cannot(&self, from: &str, element: &str) -> String {
        let (value, layout) = (quoted(self.value), quoted(&self.layout));
        format!("parsing time {value} as {layout}: cannot parse {} as {}", quoted(from), quoted(element))
    }

    fn out_of_range(&self, what: &str) -> String {
        format!("parsing time {}: {what} out of range", quoted(self.value))
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let found = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(found).filter(|_| found >= least)?;
        self.rest = rest;
        digits.parse().ok()
    }

    fn read(&mut self, element: Element) -> Result<(), String> {
        let from = self.rest;
        match element {
            Element::Literal(text) => {
                self.rest = from.strip_prefix(text).ok_or_else(|| self.cannot(from, text))?;
            }
            Element::Number { layout, two_digits, field, name, range } => {
                let least = if two_digits { layout.len() } else { 1 };
                let number = self.digits(least, layout.len()).ok_or_else(|| self.cannot(from, layout))?;
                if number < range.0 || number > range.1 {
                    return Err(self.out_of_range(name));
                }
                self.fields[field] = number;
                if name == "second" {
                    self.fraction();
                }
            }
            Element::Fraction => self.fraction(),
            Element::Zone => self.zone(from)?,
        }
        Ok(())
    }

    /// Go takes digits behind the seconds whether the layout has them or not.
    fn fraction(&mut self) {
        let Some(after) = self.rest.strip_prefix(['.', ',']) else { return };
        let count = after.bytes().take_while(u8::is_ascii_digit).count();
        if count > 0 {
            let digits: String = after.chars().take(count).chain("000000000".chars()).take(9).collect();
            self.fraction_ns = digits.parse().unwrap_or_default();
            self.rest = after.get(count..).unwrap_or_default();
        }
    }

    fn zone(&mut self, from: &'a str) -> Result<(), String> {
        if let Some(rest) = from.strip_prefix('Z') {
            self.rest = rest;
            return Ok(());
        }
        let cannot = self.cannot(from, "Z07:00");
        let sign = if from.starts_with('-') { -1 } else { 1 };
        self.rest = from.strip_prefix(['+', '-']).ok_or_else(|| cannot.clone())?;
        let hours = self.digits(2, 2).ok_or_else(|| cannot.clone())?;
        self.rest = self.rest.strip_prefix(':').ok_or_else(|| cannot.clone())?;
        let minutes = self.digits(2, 2).ok_or(cannot)?;
        let wrong = [(hours > 24, "time zone offset hour"), (minutes > 60, "time zone offset minute")];
        if let Some((_, what)) = wrong.iter().find(|(wrong, _)| *wrong) {
            return Err(self.out_of_range(what));
        }
        self.offset_seconds = sign * i64::from(hours * 3600 + minutes * 60);
        Ok(())
    }

    fn at_ns(&self) -> Option<i128> {
        let [year, month, day, hour, minute, second] = self.fields;
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
        let in_day = i64::from(hour * 3600 + minute * 60 + second) - self.offset_seconds;
        Some(i128::from(date.midnight().assume_utc().unix_timestamp() + in_day) * NS + self.fraction_ns)
    }
}

/// A date, with the words of Go's package time for what is wrong with it.
fn dated(value: &str, zone_seconds: i32) -> Result<i128, String> {
    let has_zone = value.contains(['z', 'Z', '+']) || value.matches('-').count() == 3;
    let (elements, layout) = layout(value, has_zone);
    let offset_seconds = if has_zone { 0 } else { i64::from(zone_seconds) };
    let mut reading = Reading { value, layout, rest: value, fields: [0, 1, 1, 0, 0, 0], fraction_ns: 0, offset_seconds };
    for element in elements {
        reading.read(element)?;
    }
    if !reading.rest.is_empty() {
        return Err(format!("parsing time {}: extra text: {}", quoted(value), quoted(reading.rest)));
    }
    reading.at_ns().ok_or_else(|| reading.out_of_range("day"))
}

/// Of a line of a log, which holds its time as RFC 3339.
pub(crate) fn stamped(text: &str) -> Option<u64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().and_then(|at| u64::try_from(at.unix_timestamp_nanos()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(value: &str) -> Result<u64, String> {
        moment(value, &HostFacts { now_ns: 1_000_000_000 * SECOND + 5, ..HostFacts::example() })
    }

    #[test]
    fn moments_are_read_as_dockers_client_reads_them() {
        let now = 1_000_000_000 * SECOND;
        assert_eq!(at("10m"), Ok(now - 600 * SECOND));
        assert_eq!(at("1h30m"), Ok(now - 5400 * SECOND));
        assert_eq!(at("1.5h"), Ok(now - 5400 * SECOND));
        assert_eq!(at("-1h"), Ok(now + 3600 * SECOND));
        assert_eq!(at("0"), Ok(0));
        assert_eq!(at("12345"), Ok(12_345 * SECOND));
        assert_eq!(at("1136073845.25"), Ok(1_136_073_845 * SECOND + SECOND / 4));
        let day = 1_136_160_000 * SECOND;
        let clock = |hours: u64, minutes: u64, seconds: u64| Ok(day + (hours * 3600 + minutes * 60 + seconds) * SECOND);
        assert_eq!(at("2006-01-02"), Ok(day));
        assert_eq!(at("2006-01-02Z"), Ok(day));
        assert_eq!(at("2006-01-02T3"), clock(3, 0, 0));
        assert_eq!(at("2006-01-02T15:04"), clock(15, 4, 0));
        assert_eq!(at("2006-01-02T15:04:05.5"), clock(15, 4, 5).map(|at: u64| at + SECOND / 2));
        assert_eq!(at("2006-01-02T15:04:05+01:00"), clock(14, 4, 5));
        assert_eq!(at("2006-01-02T15:04:05-01:00"), clock(16, 4, 5));
        assert_eq!(at("1970-01-01T00:00:00+01:00"), Ok(0));
    }

    #[test]
    fn what_is_wrong_is_said_in_gos_words() {
        let cases = [
            ("soon", "failed to parse value as time or duration: \"soon\""),
            ("1.x", "failed to parse value as time or duration: \"1.x\""),
            ("1.5.2", "failed to parse value as time or duration: \"1.5.2\""),
            ("1e3", "failed to parse value as time or duration: \"1e3\""),
            ("2006-13-02", "parsing time \"2006-13-02\": month out of range"),
            ("2006-02-30", "parsing time \"2006-02-30\": day out of range"),
            ("2006-01-02T25:00", "parsing time \"2006-01-02T25:00\": hour out of range"),
            ("2006-01-02x", "parsing time \"2006-01-02x\": extra text: \"x\""),
            ("2006-1-2", "parsing time \"2006-1-2\" as \"2006-01-02\": cannot parse \"1-2\" as \"01\""),
            ("-5", "parsing time \"-5\" as \"2006-01-02\": cannot parse \"-5\" as \"2006\""),
            ("2006-01-02T", "parsing time \"2006-01-02T\" as \"2006-01-02T15\": cannot parse \"\" as \"15\""),
            (
                "2006-01-02T15:4:05",
                "parsing time \"2006-01-02T15:4:05\" as \"2006-01-02T15:04:05\": cannot parse \"4:05\" as \"04\"",
            ),
            ("2006-01-02T15:04:60Z", "parsing time \"2006-01-02T15:04:60Z\": second out of range"),
        ];
        for (value, expected) in cases {
            assert_eq!(at(value).unwrap_err(), expected);
        }
        assert!(at("").is_err() && at("h").is_err());
    }

    #[test]
    fn a_date_without_a_zone_is_of_the_callers() {
        let host = HostFacts { utc_offset_seconds: 3600, ..HostFacts::example() };
        assert_eq!(moment("2006-01-02", &host), Ok((1_136_160_000 - 3600) * SECOND));
        assert_eq!(moment("2006-01-02T00:00:00Z", &host), Ok(1_136_160_000 * SECOND));
    }
}
