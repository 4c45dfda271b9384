//! The flags of the commands about registries.

use super::{FlagRow, Kind};

const PULL: &[&str] = &["pull"];
const PUSH: &[&str] = &["push"];
const LOGIN: &[&str] = &["login"];

/// The rows.
pub(super) const ROWS: &[FlagRow] = &[
    FlagRow::new("all-tags", Kind::Bool, PULL, "Fetch all images of the repository", "-a").short('a').carried_out(),
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
    FlagRow::new("all-tags", Kind::Bool, PUSH, "Give all images of the repository away", "-a").short('a').carried_out(),
    FlagRow::new("disable-content-trust", Kind::Bool, PUSH, "Do not sign it. Nothing is signed here", "--disable-content-trust")
        .default("true")
        .carried_out()
        .hidden(""),
    FlagRow::new("platform", Kind::Text, PUSH, "Of several, the one for this system and processor", "--platform linux/arm64"),
    FlagRow::new("quiet", Kind::Bool, PUSH, "Show no progress", "-q").short('q').carried_out(),
    FlagRow::new("password", Kind::Text, LOGIN, "The password: others see it in the list of processes", "-p secret")
        .short('p')
        .carried_out(),
    FlagRow::new("password-stdin", Kind::Bool, LOGIN, "Read the password from stdin", "--password-stdin").carried_out(),
    FlagRow::new("username", Kind::Text, LOGIN, "The name", "-u ann").short('u').carried_out(),
];
