//! The flags of the commands about registries.

use super::{FlagRow, Kind};

const PULL: &[&str] = &["pull"];

/// The rows.
pub(super) const ROWS: &[FlagRow] = &[
    FlagRow::new("all-tags", Kind::Bool, PULL, "Fetch all images of the repository", "-a").short('a'),
    FlagRow::new(
        "disable-content-trust",
        Kind::Bool,
        PULL,
        "Do not ask for signatures. None are asked for here",
        "--disable-content-trust",
    )
    .default("true")
    .carried_out()
    .hidden(""),
    FlagRow::new("platform", Kind::Text, PULL, "The one for this system and processor", "--platform linux/arm64").carried_out(),
    FlagRow::new("quiet", Kind::Bool, PULL, "Show no progress", "-q").short('q').carried_out(),
];
