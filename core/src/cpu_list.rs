//! Lists of processors and memory nodes in the form of cpuset(7): `0-2,4`. What Docker's flags take and what the kernel's files hold.

/// The most numbers that a list may name: no machine has more processors.
const NUMBERS_MAX: u32 = 8192;

/// The numbers, ascending, each once; the empty text is the empty list. `None`: it is not of that form.
pub fn parse(list: &str) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for part in list.split(',').filter(|_| !list.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last >= NUMBERS_MAX {
            return None;
        }
        all.extend(first..=last);
    }
    all.sort_unstable();
    all.dedup();
    Some(all)
}

/// As the kernel writes it: neighbours as a range.
pub fn format(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let text = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    ranges.iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_in_its_shortest_form() {
        for (list, shortest) in [("0-2,4", "0-2,4"), ("4,0,1,2", "0-2,4"), ("", ""), ("3", "3"), ("1,1", "1"), ("0-1,1-3", "0-3")] {
            assert_eq!(parse(list).map(|numbers| format(&numbers)).as_deref(), Some(shortest), "{list}");
        }
    }

    #[test]
    fn anything_else_is_no_list() {
        for wrong in ["a", "0-", "2-1", "0,,1", "-1", "0-99999", "4294967295", " 1"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
