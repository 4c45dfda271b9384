//! "did you mean": the nearest of some words.

/// Words that differ by more letters are not proposed, as in BuildKit.
const DISTANCE_MAX: usize = 2;

/// The nearest of `known`, the first of equally near ones. `None` also where `word` is one of them.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|candidate| (strsim::levenshtein(word, candidate), candidate));
    let best = near.filter(|(distance, _)| *distance <= DISTANCE_MAX).min_by_key(|(distance, _)| *distance)?;
    (best.0 > 0).then_some(best.1)
}

/// ` (did you mean X?)`, or nothing.
pub(super) fn hint(nearest: Option<&str>) -> String {
    nearest.map(|word| format!(" (did you mean {word}?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_proposed_and_a_far_one_is_not() {
        assert_eq!(nearest("RUM", ["COPY", "RUN"]), Some("RUN"));
        assert_eq!(nearest("chwon", ["checksum", "chmod", "chown"]), Some("chmod"), "the first of equally near ones");
        assert_eq!(nearest("FOOBAR", ["COPY", "RUN"]), None);
        assert_eq!(nearest("RUN", ["RUN"]), None);
        assert_eq!(hint(Some("a")), " (did you mean a?)");
    }
}
