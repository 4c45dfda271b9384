//! What the prunes say: its question's answer, what was deleted, and how many bytes that gives back.

/// `y` or `yes`, in any letters: what Docker's client takes for it.
pub fn is_yes(answer: &[u8]) -> bool {
    let line = String::from_utf8_lossy(answer).lines().next().unwrap_or_default().trim().to_lowercase();
    line == "y" || line == "yes"
}

/// `Deleted Containers:`, an id a line, and the sum.
pub fn reclaimed(deleted: &[(String, Vec<String>)], bytes: u64) -> String {
    let lines = |names: &[String]| names.iter().map(|name| format!("{name}\n")).collect::<String>();
    let shown = deleted.iter().filter(|(_, names)| !names.is_empty());
    let lists: String = shown.map(|(head, names)| format!("{head}\n{}\n", lines(names))).collect();
    format!("{lists}Total reclaimed space: {}\n", human_size(bytes))
}

/// With four digits and a unit of 1000, as Docker writes sizes: `12.35kB`.
pub fn human_size(bytes: u64) -> String {
    scaled(bytes, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// With four digits and a unit of 1024: `488.3KiB`.
pub fn binary_size(bytes: u64) -> String {
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

/// With so many digits and a unit of 1000.
pub(super) fn scaled_to(bytes: u64, digits: usize) -> String {
    scaled_in(bytes, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB", "EB"], digits)
}

fn scaled(bytes: u64, base: f64, units: &[&str]) -> String {
    scaled_in(bytes, base, units, 4)
}

fn scaled_in(bytes: u64, base: f64, units: &[&str], digits: usize) -> String {
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= base && unit + 1 < units.len() {
        (size, unit) = (size / base, unit + 1);
    }
    format!("{}{}", in_digits(size, digits), units.get(unit).unwrap_or(&"B"))
}

/// C's `%.4g` for a number from 0 to 9999, or with other digits.
fn in_digits(size: f64, digits: usize) -> String {
    let whole = format!("{:.0}", size.trunc()).len();
    let text = format!("{size:.*}", digits.saturating_sub(whole));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_four_digits() {
        for (bytes, text) in [(0, "0B"), (999, "999B"), (1000, "1kB"), (12_345, "12.35kB"), (1_234_567, "1.235MB"), (5, "5B")] {
            assert_eq!(human_size(bytes), text);
        }
        assert_eq!((binary_size(500_000).as_str(), binary_size(64 << 20).as_str()), ("488.3KiB", "64MiB"));
    }

    #[test]
    fn only_yes_is_yes() {
        assert!(is_yes(b"y\n") && is_yes(b"YES") && !is_yes(b"") && !is_yes(b"\n") && !is_yes(b"yep\n"));
    }
}
