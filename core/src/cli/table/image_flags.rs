//! The flags of the commands about images.

use super::{FlagRow, Kind};

const LS: &[&str] = &["images"];
const HISTORY: &[&str] = &["history"];
const PRUNE: &[&str] = &["image prune"];

const COMMIT: &[&str] = &["commit"];
const LAYERS: &[&str] = &["layers"];
const ARGV: &[&str] = &["argv"];
const IMPORT: &[&str] = &["import"];

/// The rows.
pub(super) const ROWS: &[FlagRow] = &[
    FlagRow::new("all", Kind::Bool, LS, "Those that are only parts of others, too", "-a").short('a').carried_out(),
    FlagRow::new("digests", Kind::Bool, LS, "With a column for digests", "--digests").carried_out(),
    FlagRow::new(
        "filter",
        Kind::Filter,
        LS,
        "Show only those that fit: dangling, label, before, since, reference, until",
        "-f dangling=true",
    )
    .short('f')
    .carried_out(),
    FlagRow::new("format", Kind::Text, LS, "Print by a template", "--format json").carried_out(),
    FlagRow::new("no-trunc", Kind::Bool, LS, "Show whole ids", "--no-trunc").carried_out(),
    FlagRow::new("quiet", Kind::Bool, LS, "Print ids only", "-q").short('q').carried_out(),
    FlagRow::new("format", Kind::Text, HISTORY, "Print by a template", "--format json").carried_out(),
    FlagRow::new("human", Kind::Bool, HISTORY, "Sizes and times for people", "-H=false").short('H').default("true").carried_out(),
    FlagRow::new("no-trunc", Kind::Bool, HISTORY, "Show whole ids and instructions", "--no-trunc").carried_out(),
    FlagRow::new("quiet", Kind::Bool, HISTORY, "Print ids only", "-q").short('q').carried_out(),
    FlagRow::new("force", Kind::Bool, &["rmi"], "Even if it has other names, or an ended container is of it", "-f")
        .short('f')
        .carried_out(),
    FlagRow::new("no-prune", Kind::Bool, &["rmi"], "Leave parents without a name. There are none here", "--no-prune").carried_out(),
    FlagRow::new("all", Kind::Bool, PRUNE, "Those that have a name too", "-a").short('a').carried_out(),
    FlagRow::new("filter", Kind::Filter, PRUNE, "Delete only those that fit: label, until", "--filter until=24h").carried_out(),
    FlagRow::new("force", Kind::Bool, PRUNE, "Do not ask first", "-f").short('f').carried_out(),
    FlagRow::new("output", Kind::Text, &["save"], "Into this file; else to stdout", "-o web.tar").short('o').carried_out(),
    FlagRow::new("input", Kind::Text, &["load"], "From this file; else from stdin", "-i web.tar").short('i').carried_out(),
    FlagRow::new("quiet", Kind::Bool, &["load"], "Show no progress", "-q").short('q').carried_out(),
    FlagRow::new("author", Kind::Text, COMMIT, "Who made it", "-a 'Ada <ada@example.org>'").short('a').carried_out(),
    FlagRow::new("change", Kind::List, COMMIT, "Change its configuration by an instruction of a Dockerfile", "-c 'CMD [\"sh\"]'")
        .short('c')
        .carried_out(),
    FlagRow::new("message", Kind::Text, COMMIT, "What there is to say of it", "-m 'with curl'").short('m').carried_out(),
    FlagRow::new("pause", Kind::Bool, COMMIT, "Freeze the container meanwhile", "--pause=false")
        .short('p')
        .default("true")
        .carried_out(),
    FlagRow::new("change", Kind::List, IMPORT, "Configure it by an instruction of a Dockerfile", "-c 'CMD [\"sh\"]'")
        .short('c')
        .carried_out(),
    FlagRow::new("message", Kind::Text, IMPORT, "What there is to say of it", "-m 'from a backup'").short('m').carried_out(),
    FlagRow::new("platform", Kind::Text, IMPORT, "The machine that it is for", "--platform linux/arm64").carried_out(),
    FlagRow::new("output", Kind::Text, &["export"], "Into this file; else to stdout", "-o web.tar").short('o').carried_out(),
    FlagRow::new("repair", Kind::Bool, &["fsck"], "Remove what no image and no container has", "--repair").carried_out(),
    FlagRow::new("json", Kind::Bool, &["layers", "argv", "tags", "dockerfile"], "Print all as JSON", "--json").carried_out(),
    FlagRow::new("entrypoint", Kind::Text, ARGV, "Program that takes the place of the image's own", "--entrypoint /bin/sh")
        .carried_out(),
    FlagRow::new("text", Kind::Bool, LAYERS, "Print it on a terminal too, instead of filling the screen", "--text").carried_out(),
    FlagRow::new("layer", Kind::Text, LAYERS, "The files of this layer alone, counted from 1", "--layer 2").carried_out(),
    FlagRow::new("file", Kind::Text, LAYERS, "Print a file as the image has it, or as it is in --layer", "--file /etc/passwd")
        .carried_out(),
    FlagRow::new(
        "max-waste",
        Kind::Text,
        LAYERS,
        "Fail if later layers hide more: bytes, or a part of the image",
        "--max-waste 5%",
    )
    .carried_out(),
    FlagRow::new("format", Kind::Text, &["image inspect"], "Print by a template", "-f '{{.Id}}'").short('f').carried_out(),
];
