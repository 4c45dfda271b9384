//! The flags of `build` that are carried out: those of the checks. `check` and `progress` are buildx's.

use super::{FlagRow, Kind};

const BUILD: &[&str] = &["build"];

/// The rows.
pub(super) const ROWS: &[FlagRow] = &[
    FlagRow::new("build-arg", Kind::List, BUILD, "A value for an ARG", "--build-arg VERSION=2").carried_out(),
    FlagRow::new("check", Kind::Bool, BUILD, "Say what is wrong with the Dockerfile, and do not build", "--check").carried_out(),
    FlagRow::new("file", Kind::Text, BUILD, "Where the Dockerfile is", "-f docker/Dockerfile").short('f').carried_out(),
    FlagRow::new("platform", Kind::Text, BUILD, "For which machine", "--platform linux/arm64").carried_out(),
    FlagRow::new("progress", Kind::Text, BUILD, "How progress is shown: auto, plain, quiet, rawjson, tty", "--progress plain")
        .default("auto")
        .carried_out(),
    FlagRow::new("target", Kind::Text, BUILD, "Up to which stage", "--target test").carried_out(),
];
