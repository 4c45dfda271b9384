//! The order of Docker's listings.

use core::cmp::Ordering;

/// Digits count as numbers: `net2` comes before `net10`.
pub fn compare(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match (one.chars().next(), other.chars().next()) {
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (first, second) = (one.split_at(digits(one)), other.split_at(digits(other)));
                let number = |text: &str| text.trim_start_matches('0').to_string();
                let (x, y) = (number(first.0), number(second.0));
                let order = x.len().cmp(&y.len()).then_with(|| x.cmp(&y)).then_with(|| first.0.len().cmp(&second.0.len()));
                if order != Ordering::Equal {
                    return order;
                }
                (one, other) = (first.1, second.1);
            }
            (Some(a), Some(b)) if a == b => {
                (one, other) = (one.get(a.len_utf8()..).unwrap_or_default(), other.get(b.len_utf8()..).unwrap_or_default());
            }
            _ => return one.cmp(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_count_as_numbers() {
        assert_eq!(compare("net2", "net10"), Ordering::Less);
        assert_eq!(compare("net10", "net010"), Ordering::Less);
        assert_eq!(compare("a1b3", "a1b20"), Ordering::Less);
        assert_eq!(compare("a", "a"), Ordering::Equal);
    }
}
