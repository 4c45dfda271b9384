//! Plain data for pictures and tables, each with its text. Renderers are dumb: whatever is decided is decided here.

pub mod argv;
pub mod build_check;
pub mod compare;
pub mod containers;
pub mod copied;
pub mod disk;
pub mod dockerfile;
pub mod ending;
pub mod events;
pub mod filter;
pub mod happenings;
pub mod image;
pub mod images;
pub mod info;
pub mod inspect;
pub mod layers;
pub mod listing;
pub mod machine;
pub mod namespaces;
pub mod natural;
pub mod network;
pub mod networks;
pub mod observed;
pub mod plan;
pub mod ports;
pub mod reclaimed;
pub mod stack;
pub mod stats;
mod storage;
pub mod tags;
pub mod top;
pub mod version;
pub mod volumes;

/// A word as a shell takes it: in quotes where it has to be.
pub(crate) fn quoted_word(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) { word.to_string() } else { crate::userland::in_single_quotes(word) }
}

/// A view as JSON, indented, with a newline at its end. Views are made of what can be written so.
pub(crate) fn in_json(view: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(view).unwrap_or_default() + "\n"
}
