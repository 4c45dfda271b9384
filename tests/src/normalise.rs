//! What differs from run to run, made alike: container ids, the data root, times that have passed, pids and namespace numbers, hardware
//! addresses and the names of interfaces that follow from ids.

use std::collections::BTreeMap;

use crate::processes::Pids;

/// Replaces ids by symbols in the order in which they turn up: `<id1>`, and `<id1:12>` for the short form.
#[derive(Clone, Debug, Default)]
pub struct Normaliser {
    /// First twelve digits to number.
    known: BTreeMap<String, usize>,
    /// Numbers of namespaces.
    namespaces: BTreeMap<String, usize>,
    /// Numbers of processes.
    pids: Pids,
    /// Texts that stand for others: the data root.
    fixed: Vec<(String, String)>,
}

const SHORT: usize = 12;
const FULL: usize = 64;
/// Of the number of a namespace.
const INODE_DIGITS: usize = 10;

impl Normaliser {
    /// `fixed`: texts to be replaced first, such as the data root.
    pub fn new(fixed: &[(&str, &str)]) -> Normaliser {
        let fixed = fixed.iter().map(|(from, to)| ((*from).to_string(), (*to).to_string())).collect();
        Normaliser { known: BTreeMap::new(), namespaces: BTreeMap::new(), pids: Pids::default(), fixed }
    }

    /// The text with ids and times made alike.
    pub fn text(&mut self, text: &str) -> String {
        let mut out = text.to_string();
        for (from, to) in &self.fixed {
            out = out.replace(from, to);
        }
        let lines: Vec<String> = out.split('\n').map(|line| self.namespace(line)).collect();
        let lines = self.pids.text(&lines.join("\n"));
        times(&interfaces(&self.ids(&lines)))
    }

    /// A line of `ns`: the kernel's numbers become symbols, and how many processes the machine itself has is its own affair.
    fn namespace(&mut self, line: &str) -> String {
        if let Some(rest) = line.strip_prefix("stdout ") {
            return format!("stdout {}", self.namespace(rest));
        }
        if let Some((kind, rest)) = line.strip_prefix("{\"Type\":").and_then(|rest| rest.split_once(",\"Inode\":")) {
            let mut parts = rest.splitn(3, ',');
            let (Some(inode), Some(count), Some(who)) = (parts.next(), parts.next(), parts.next()) else { return line.to_string() };
            let count = if who.contains("[\"host\"") { "\"Processes\":<n>" } else { count };
            return format!("{{\"Type\":{kind},\"Inode\":{},{count},{who}", self.namespace_symbol(inode));
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let [kind, inode, count, who @ ..] = &words[..] else { return line.to_string() };
        let is_number = |word: &str, least: usize| word.len() >= least && word.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(inode, INODE_DIGITS) || !is_number(count, 1) || who.is_empty() {
            return line.to_string();
        }
        let count = if who[0].trim_end_matches(',') == "host" { "<n>" } else { count };
        format!("{kind}  {}  {count}  {}", self.namespace_symbol(inode), who.join(" "))
    }

    fn namespace_symbol(&mut self, inode: &str) -> String {
        let next = self.namespaces.len() + 1;
        format!("<ns{}>", self.namespaces.entry(inode.to_string()).or_insert(next))
    }

    /// Words of 12 or 64 hexadecimal digits. One that was never seen in full counts as an id only if a digit and a letter are in it.
    fn ids(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut word = String::new();
        for c in text.chars().chain(std::iter::once('\0')) {
            if c.is_ascii_hexdigit() && !c.is_ascii_uppercase() {
                word.push(c);
                continue;
            }
            out.push_str(&self.symbol(&word));
            word.clear();
            if c != '\0' {
                out.push(c);
            }
        }
        out
    }

    fn symbol(&mut self, word: &str) -> String {
        if word.len() != SHORT && word.len() != FULL {
            return word.to_string();
        }
        let next = self.known.len() + 1;
        let number = *self.known.entry(word[..SHORT].to_string()).or_insert(next);
        if word.len() == FULL { format!("<id{number}>") } else { format!("<id{number}:12>") }
    }
}

/// `veth` with seven digits, and six bytes with colons between them, but for those that a person has chosen: all bytes alike, or the
/// broadcast address.
fn interfaces(text: &str) -> String {
    let is_hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase());
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let veth = rest.strip_prefix("veth").and_then(|rest| rest.get(..VETH_DIGITS)).is_some_and(is_hex);
        let mac = rest
            .get(..MAC_LENGTH)
            .is_some_and(|word| word.split(':').count() == 6 && word.split(':').all(|byte| byte.len() == 2 && is_hex(byte)));
        let before = out.chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric() && c != ':');
        let (shown, length) = match () {
            () if before && veth => ("<veth>", "veth".len() + VETH_DIGITS),
            () if before && mac && is_own(rest.get(..2).unwrap_or_default()) => ("<mac>", MAC_LENGTH),
            () => (rest.get(..c.len_utf8()).unwrap_or_default(), c.len_utf8()),
        };
        out.push_str(shown);
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// `02:42:ac:11:00:02`
const MAC_LENGTH: usize = 17;
/// Of the name of a pair's end on the host.
const VETH_DIGITS: usize = 7;

/// The first byte of an address that was not given to a device by its maker: the second bit is set.
fn is_own(first: &str) -> bool {
    u8::from_str_radix(first, 16).is_ok_and(|byte| byte & 3 == 2)
}

/// `Up 3 seconds`, `2 minutes ago`, `Less than a second ago`, `About a minute ago`: the amount goes, and the blanks after it.
fn times(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(times_in_line).collect();
    lines.join("\n")
}

/// `#4 DONE 0.3s`, `#4 0.312 text`, and the same text where a failure shows it again: how long a build took.
fn of_a_build(line: &str) -> String {
    if let Some(rest) = line.strip_prefix("stderr ") {
        return format!("stderr {}", of_a_build(rest));
    }
    let is_seconds = |word: &str, decimals: usize| {
        let parts = word.split_once('.');
        parts.is_some_and(|(whole, rest)| whole.parse::<u32>().is_ok() && rest.len() == decimals && rest.parse::<u32>().is_ok())
    };
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    match words[..] {
        [number, "DONE", time] if number.starts_with('#') && time.strip_suffix('s').is_some_and(|time| is_seconds(time, 1)) => {
            format!("{number} DONE <time>")
        }
        [number, time, text] if number.starts_with('#') && is_seconds(time, 3) => format!("{number} <time> {text}"),
        [time, ..] if is_seconds(time, 3) => line.replacen(time, "<time>", 1),
        _ => line.to_string(),
    }
}

fn times_in_line(line: &str) -> String {
    let mut out = of_a_build(line);
    for unit in ["second", "minute", "hour", "day"] {
        for (lead, article) in [("Less than a ", ""), ("About a ", ""), ("About an ", "")] {
            out = out.replace(&format!("{lead}{unit}{article}"), "<time>");
        }
        while let Some((from, to)) = amount(&out, unit) {
            out.replace_range(from..to, "<time>");
        }
    }
    let is_table = out != of_a_build(line) || line.contains("CONTAINER ID ");
    if !is_table { out } else { out.split("  ").map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ") }
}

/// Where `12 seconds` stands.
fn amount(line: &str, unit: &str) -> Option<(usize, usize)> {
    let at = line.match_indices(unit).find(|(at, _)| line[..*at].ends_with(' ') && digits_before(line, at - 1) > 0)?.0;
    let end = at + unit.len();
    let end = if line[end..].starts_with('s') { end + 1 } else { end };
    Some((at - 1 - digits_before(line, at - 1), end))
}

fn digits_before(line: &str, at: usize) -> usize {
    line[..at].bytes().rev().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_symbols() {
        let mut normaliser = Normaliser::new(&[("/tmp/x", "<root>")]);
        let full = "0123456789ab".to_string() + &"c".repeat(52);
        assert_eq!(normaliser.text(&format!("/tmp/x/{full} 0123456789ab")), "<root>/<id1> <id1:12>");
    }

    #[test]
    fn how_long_a_build_took_is_made_alike() {
        let mut normaliser = Normaliser::default();
        let told = "#4 [2/2] RUN x\n#4 0.312 1.5 apples\n#4 DONE 0.3s\n0.312 again\n10.5 pears";
        assert_eq!(normaliser.text(told), "#4 [2/2] RUN x\n#4 <time> 1.5 apples\n#4 DONE <time>\n<time> again\n10.5 pears");
    }

    #[test]
    fn namespaces_become_symbols() {
        let mut normaliser = Normaliser::default();
        let table =
            "pid     4026531836   17          host, a b\npid     4026532999   2           web\nnet     4026531836   1           x";
        assert_eq!(normaliser.text(table), "pid  <ns1>  <n>  host, a b\npid  <ns2>  2  web\nnet  <ns1>  1  x");
        let json = "{\"Type\":\"pid\",\"Inode\":4026532999,\"Processes\":3,\"SharedBy\":[\"host\",\"web\"]}";
        let told = "{\"Type\":\"pid\",\"Inode\":<ns2>,\"Processes\":<n>,\"SharedBy\":[\"host\",\"web\"]}";
        assert_eq!(normaliser.text(json), told);
    }

    #[test]
    fn times_lose_their_amount() {
        let mut normaliser = Normaliser::default();
        assert_eq!(normaliser.text("Up 3 seconds   a"), normaliser.text("Up 12 seconds   a"));
        assert_eq!(normaliser.text("Exited (0) 2 minutes ago"), "Exited (0) <time> ago");
        assert_eq!(normaliser.text("Up Less than a second"), "Up <time>");
        // The header is as wide as the times below it.
        let header = "stdout CONTAINER ID   CREATED                  STATUS";
        assert_eq!(normaliser.text(header), normaliser.text(&header.replace("                  ", "   ")));
    }
}
