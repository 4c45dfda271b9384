//! What is noted of a container and changes nothing in it: annotations, exposed ports; and which image it is made of.

use std::collections::{BTreeMap, BTreeSet};

use super::Call;
use crate::cli::error;
use crate::cli::values::ports;
use crate::cli::{ImageChoice, Pull, UsageError};
use crate::model::Publishing;

/// More exposed ports are refused: each is written into the record.
const EXPOSED_PORTS_MAX: usize = 10_000;

/// `NAME=VALUE`; the last of one name counts.
pub(super) fn annotations(call: &Call<'_>) -> BTreeMap<String, String> {
    let pair =
        |word: String| word.split_once('=').map_or((word.clone(), String::new()), |(name, value)| (name.into(), value.into()));
    call.values("annotation").into_iter().map(pair).collect()
}

/// More published ports are refused: for each somebody listens.
const PUBLISHED_PORTS_MAX: usize = 1_000;

pub(super) fn exposed_ports(call: &Call<'_>) -> Result<BTreeSet<String>, UsageError> {
    let mut all = BTreeSet::new();
    for flag in call.uses("expose") {
        let (first, last, protocol) = ports::exposed(&flag.value);
        all.extend((first..=last).map(|port| format!("{port}/{protocol}")));
        if all.len() > EXPOSED_PORTS_MAX {
            let what = format!("glassbox: more exposed ports than the limit of {EXPOSED_PORTS_MAX}");
            return Err(error::bare(&what, Some(flag.span)));
        }
    }
    // What is published is exposed.
    all.extend(publishing(call)?.bindings.iter().map(|binding| binding.port.to_string()));
    Ok(all)
}

/// `-p`, `-P`
pub(super) fn publishing(call: &Call<'_>) -> Result<Publishing, UsageError> {
    let mut bindings = Vec::new();
    for flag in call.uses("publish") {
        bindings.extend(ports::bindings(&flag.value));
        if bindings.len() > PUBLISHED_PORTS_MAX {
            let what = format!("glassbox: more published ports than the limit of {PUBLISHED_PORTS_MAX}");
            return Err(error::bare(&what, Some(flag.span)));
        }
    }
    Ok(Publishing { bindings, all: call.is_on("publish-all") })
}

pub(super) fn image_choice(call: &Call<'_>) -> ImageChoice {
    let text = |name: &str| call.flag(name).map_or("", |flag| flag.value.as_str());
    let pull = match text("pull") {
        "always" => Pull::Always,
        "never" => Pull::Never,
        _ => Pull::Missing,
    };
    ImageChoice { pull, platform: text("platform").to_string(), quiet: call.is_on("quiet") }
}

/// Of `run` and `create`: the client asks the daemon which system it runs on, and refuses these before anything else.
const OF_WINDOWS: &[&str] = &["cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"];
/// Of `start`.
const EXPERIMENTAL: &[&str] = &["checkpoint", "checkpoint-dir"];

/// Flags that Docker has for another daemon than that of a plain Linux machine; in its words, sorted by name.
pub(super) fn refuse_foreign(call: &Call<'_>) -> Result<(), UsageError> {
    let used = |names: &[&str]| names.iter().find_map(|name| call.flag(name)).map(|flag| flag.span);
    let lines = |names: &[&str], why: &str| {
        let lines = names.iter().filter(|name| call.flag(name).is_some()).map(|name| format!("\"--{name}\" {why}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let (names, why) = match call.row.key {
        "run" | "create" => {
            (OF_WINDOWS, "is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux")
        }
        "start" => (EXPERIMENTAL, "is only supported on a Docker daemon with experimental features enabled"),
        _ => return Ok(()),
    };
    match used(names) {
        Some(span) => Err(error::bare(&lines(names, why), Some(span))),
        None => Ok(()),
    }
}
