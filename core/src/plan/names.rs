//! Ids and names of containers, made from the random bytes that come with the host's facts.

use sha2::{Digest, Sha256};

use crate::model::{ContainerId, State};

const FIRST: &[&str] = &[
    "amber", "brave", "brisk", "calm", "clever", "cosmic", "dapper", "eager", "fabled", "fond", "gentle", "gilded", "happy",
    "hazy", "humble", "jolly", "keen", "kind", "lively", "lucid", "mellow", "merry", "mossy", "nimble", "noble", "patient",
    "plucky", "polite", "proud", "quick", "quiet", "rapid", "rustic", "serene", "silent", "sleek", "steady", "stoic", "sunny",
    "swift", "tidy", "upbeat", "vivid", "warm", "wise", "witty", "zesty",
];
const SECOND: &[&str] = &[
    "babbage",
    "bell",
    "bohr",
    "boole",
    "booth",
    "carson",
    "cerf",
    "church",
    "conway",
    "curie",
    "dijkstra",
    "easley",
    "engelbart",
    "euler",
    "fermi",
    "franklin",
    "galileo",
    "gauss",
    "goldberg",
    "hamilton",
    "hopper",
    "hypatia",
    "johnson",
    "kay",
    "kepler",
    "knuth",
    "lamarr",
    "lamport",
    "liskov",
    "lovelace",
    "maxwell",
    "meitner",
    "newton",
    "noether",
    "pascal",
    "perlman",
    "ritchie",
    "rubin",
    "shannon",
    "thompson",
    "turing",
    "vaughan",
    "wiles",
    "wing",
    "wozniak",
    "wu",
    "yalow",
];

/// 64 hexadecimal digits from the entropy; the last try is 255.
fn digest(entropy: &[u8; 32], purpose: &str, attempt: u8) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(entropy);
    hash.update(purpose.as_bytes());
    hash.update([attempt]);
    hash.finalize().into()
}

/// A fresh container id: as long as Docker's, 64 hexadecimal digits.
pub(super) fn fresh_id(entropy: &[u8; 32]) -> ContainerId {
    ContainerId(digest(entropy, "container id", 0).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The name of a volume that nobody named; `number` tells those of one command apart.
pub(super) fn fresh_volume(entropy: &[u8; 32], number: usize) -> String {
    let bytes = digest(entropy, &format!("volume {number}"), 0);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name that no container has, as Docker makes them: two words, and a digit when the words are taken.
pub(super) fn fresh_name(entropy: &[u8; 32], state: &State) -> String {
    let taken = |name: &str| state.containers.values().any(|container| container.name == name);
    for attempt in 0..=u8::MAX {
        let bytes = digest(entropy, "container name", attempt);
        let first = FIRST[usize::from(bytes[0]) % FIRST.len()];
        let second = SECOND[usize::from(bytes[1]) % SECOND.len()];
        let digit = if attempt < 4 { String::new() } else { (bytes[2] % 10).to_string() };
        let name = format!("{first}_{second}{digit}");
        if !taken(&name) {
            return name;
        }
    }
    fresh_id(entropy).0
}

/// Docker's rule for names: `[a-zA-Z0-9][a-zA-Z0-9_.-]+`.
pub(super) fn is_valid(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    name.len() >= 2 && name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric()) && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_64_digits_and_follow_the_entropy() {
        assert_eq!(fresh_id(&[1; 32]).0.len(), 64);
        assert_ne!(fresh_id(&[1; 32]), fresh_id(&[2; 32]));
    }

    #[test]
    fn names_follow_dockers_rule() {
        assert!(is_valid("web-1"));
        assert!(!is_valid("w") && !is_valid("-web") && !is_valid("a b"));
        assert!(is_valid(&fresh_name(&[3; 32], &State::default())));
    }
}
