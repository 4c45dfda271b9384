//! The flags of the commands on volumes and on all that lies on the disk.

use super::{FlagRow, Kind};

const CREATE: &[&str] = &["volume create"];
const LS: &[&str] = &["volume ls"];
const PRUNE: &[&str] = &["volume prune"];
const SYSTEM: &[&str] = &["system prune"];

/// The rows.
pub(super) const ROWS: &[FlagRow] = &[
    FlagRow::new("availability", Kind::Text, CREATE, "Whether a cluster may use it: active, pause, drain", "--availability pause")
        .default("active")
        .carried_out(),
    FlagRow::new("driver", Kind::Text, CREATE, "What makes it", "-d nfs").short('d').default("local").carried_out(),
    FlagRow::new("group", Kind::Text, CREATE, "Its group in a cluster", "--group fast").carried_out(),
    FlagRow::new("label", Kind::List, CREATE, "Attach a note to it", "--label tier=db").carried_out(),
    FlagRow::new("limit-bytes", Kind::Bytes, CREATE, "At most so large, in a cluster", "--limit-bytes 1g")
        .default("0")
        .carried_out(),
    FlagRow::new("opt", Kind::Map, CREATE, "An option of what makes it", "-o type=tmpfs").short('o').default("map[]").carried_out(),
    FlagRow::new("required-bytes", Kind::Bytes, CREATE, "At least so large, in a cluster", "--required-bytes 1g")
        .default("0")
        .carried_out(),
    FlagRow::new("scope", Kind::Text, CREATE, "On how many machines of a cluster: single, multi", "--scope multi")
        .default("single")
        .carried_out(),
    FlagRow::new("secret", Kind::Map, CREATE, "A secret for it, in a cluster", "--secret key=name").default("map[]").carried_out(),
    FlagRow::new("sharing", Kind::Text, CREATE, "Who may share it: none, readonly, onewriter, all", "--sharing all")
        .default("none")
        .carried_out(),
    FlagRow::new("topology-preferred", Kind::List, CREATE, "Where a cluster had better make it", "--topology-preferred zone=a")
        .carried_out(),
    FlagRow::new("topology-required", Kind::List, CREATE, "Where a cluster has to make it", "--topology-required zone=a")
        .carried_out(),
    FlagRow::new("type", Kind::Text, CREATE, "How a cluster reaches it: mount, block", "--type mount")
        .default("block")
        .carried_out(),
    FlagRow::new(
        "availability",
        Kind::Text,
        &["volume update"],
        "Whether a cluster may use it: active, pause, drain",
        "--availability pause",
    )
    .default("active")
    .carried_out(),
    FlagRow::new("cluster", Kind::Bool, LS, "Show those of a cluster", "--cluster").carried_out(),
    FlagRow::new("filter", Kind::Filter, LS, "Show only those that fit: dangling, name, label, driver", "-f dangling=true")
        .short('f')
        .carried_out(),
    FlagRow::new("format", Kind::Text, LS, "Print by a template", "--format json").carried_out(),
    FlagRow::new("quiet", Kind::Bool, LS, "Print names only", "-q").short('q').carried_out(),
    FlagRow::new("format", Kind::Text, &["volume inspect"], "Print by a template", "-f '{{.Mountpoint}}'").short('f').carried_out(),
    FlagRow::new("force", Kind::Bool, &["volume rm"], "A volume that is not there is no error", "-f").short('f').carried_out(),
    FlagRow::new("all", Kind::Bool, PRUNE, "Those that have a name too", "-a").short('a').carried_out(),
    FlagRow::new("filter", Kind::Filter, PRUNE, "Delete only those that fit: label", "--filter label=tier=db").carried_out(),
    FlagRow::new("force", Kind::Bool, PRUNE, "Do not ask first", "-f").short('f').carried_out(),
    FlagRow::new("format", Kind::Text, &["system df"], "Print by a template", "--format json").carried_out(),
    FlagRow::new("verbose", Kind::Bool, &["system df"], "Show everything by itself", "-v").short('v').carried_out(),
    FlagRow::new("all", Kind::Bool, SYSTEM, "Images that no container has, too", "-a").short('a').carried_out(),
    FlagRow::new("filter", Kind::Filter, SYSTEM, "Delete only those that fit: label, until", "--filter until=24h").carried_out(),
    FlagRow::new("force", Kind::Bool, SYSTEM, "Do not ask", "-f").short('f').carried_out(),
    FlagRow::new("volumes", Kind::Bool, SYSTEM, "Volumes that nobody named, too", "--volumes").carried_out(),
];
