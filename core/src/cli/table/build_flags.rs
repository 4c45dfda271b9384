//! The flags of `build` that are carried out. `check` and `progress` are buildx's.

use super::{FlagRow, Kind};

const BUILD: &[&str] = &["build"];
/// What is said of a Dockerfile, whether it is built or looked at.
const INPUT: &[&str] = &["build", "dockerfile"];
const PRUNE: &[&str] = &["builder prune"];

/// The rows.
pub(super) const ROWS: &[FlagRow] = &[
    FlagRow::new("all", Kind::Bool, PRUNE, "Also what images are made of", "-a").short('a').carried_out(),
    FlagRow::new("filter", Kind::Filter, PRUNE, "Only what fits", "--filter until=24h").carried_out(),
    FlagRow::new("force", Kind::Bool, PRUNE, "Do not ask first", "-f").short('f').carried_out(),
    FlagRow::new("keep-storage", Kind::Bytes, PRUNE, "Leave so many bytes", "--keep-storage 1GB").carried_out(),
    FlagRow::new("build-arg", Kind::List, INPUT, "A value for an ARG", "--build-arg VERSION=2").carried_out(),
    FlagRow::new("build-context", Kind::List, BUILD, "What a name means: a directory, or an image", "--build-context lib=../lib")
        .carried_out(),
    FlagRow::new("cache-from", Kind::List, BUILD, "Take results from elsewhere: an image, a directory", "--cache-from team/app:1")
        .carried_out(),
    FlagRow::new(
        "cache-to",
        Kind::List,
        BUILD,
        "Leave results elsewhere: a registry, a directory, the image",
        "--cache-to type=inline",
    )
    .carried_out(),
    FlagRow::new("check", Kind::Bool, BUILD, "Say what is wrong with the Dockerfile, and do not build", "--check").carried_out(),
    FlagRow::new("iidfile", Kind::Text, BUILD, "Write the image's id into a file", "--iidfile id.txt").carried_out(),
    FlagRow::new("load", Kind::Bool, BUILD, "Keep the image here, as is done in any case", "--load").carried_out(),
    FlagRow::new("metadata-file", Kind::Text, BUILD, "Write what the image is known by into a file", "--metadata-file m.json")
        .carried_out(),
    FlagRow::new("output", Kind::List, BUILD, "Write what is built elsewhere: a directory, an archive", "-o out")
        .short('o')
        .carried_out(),
    FlagRow::new("sizes", Kind::Bool, BUILD, "Say at the end what each stage came to, and what the image leaves behind", "--sizes")
        .carried_out(),
    FlagRow::new("push", Kind::Bool, BUILD, "Give the image away to the registries of its names", "--push").carried_out(),
    FlagRow::new("label", Kind::List, BUILD, "Attach a note to the image", "--label tier=web").carried_out(),
    FlagRow::new("network", Kind::Text, BUILD, "What RUN has of a network: default, none, host", "--network none")
        .default("default")
        .carried_out(),
    FlagRow::new("no-cache", Kind::Bool, BUILD, "Take nothing from earlier builds", "--no-cache").carried_out(),
    FlagRow::new("pull", Kind::Bool, BUILD, "Ask the registry for images that are here, too", "--pull").carried_out(),
    FlagRow::new("quiet", Kind::Bool, BUILD, "Show no progress, and print the image's id", "-q").short('q').carried_out(),
    FlagRow::new("secret", Kind::List, BUILD, "What RUN --mount=type=secret may ask for", "--secret id=token,src=token.txt")
        .carried_out(),
    FlagRow::new("ssh", Kind::List, BUILD, "The agent that RUN --mount=type=ssh may ask for", "--ssh default").carried_out(),
    FlagRow::new("tag", Kind::List, BUILD, "The image's name", "-t web:1").short('t').carried_out(),
    FlagRow::new("file", Kind::Text, INPUT, "Where the Dockerfile is", "-f docker/Dockerfile").short('f').carried_out(),
    FlagRow::new("platform", Kind::Text, INPUT, "For which machine", "--platform linux/arm64").carried_out(),
    FlagRow::new(
        "progress",
        Kind::Text,
        BUILD,
        "How progress is shown: auto, plain, quiet, rawjson or json, tty",
        "--progress plain",
    )
    .default("auto")
    .carried_out(),
    FlagRow::new("target", Kind::Text, INPUT, "Up to which stage", "--target test").carried_out(),
];
