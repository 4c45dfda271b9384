//! `images`, `history`, `tag`, `rmi`, `image prune`, `save`, `load`, `commit`, `import`, `export`, `diff`.

use super::super::front::{Call, is_on};
use super::super::{Commit, FlagUse, ImageCommand, ImageList, Import, UsageError};
use super::listing::{filled, filters};
use crate::view::layers::{LayersAsked, WasteLimit};

fn text(call: &Call<'_>, flag: &str) -> String {
    filled(call, flag).unwrap_or_default()
}

pub(super) fn command(call: &Call<'_>, words: Vec<String>) -> Result<ImageCommand, UsageError> {
    let mut names = words.clone().into_iter();
    let mut next = || names.next().unwrap_or_default();
    Ok(match call.row.key {
        "history" => ImageCommand::History {
            image: next(),
            no_trunc: call.is_on("no-trunc"),
            quiet: call.is_on("quiet"),
            human: call.flag("human").is_none_or(is_on),
            format: filled(call, "format"),
        },
        "tag" => ImageCommand::Tag { source: next(), target: next() },
        "rmi" => ImageCommand::Remove { images: words, force: call.is_on("force") },
        "image prune" => ImageCommand::Prune { all: call.is_on("all"), force: call.is_on("force"), filters: filters(call) },
        "save" => ImageCommand::Save { images: words, output: filled(call, "output") },
        "commit" => ImageCommand::Commit(Box::new(Commit {
            container: next(),
            name: names.next().filter(|name| !name.is_empty()),
            author: text(call, "author"),
            message: text(call, "message"),
            changes: call.values("change"),
            pause: call.flag("pause").is_none_or(is_on),
        })),
        "import" => ImageCommand::Import(Box::new(Import {
            source: next(),
            name: names.next().filter(|name| !name.is_empty()),
            message: text(call, "message"),
            changes: call.values("change"),
            platform: text(call, "platform"),
        })),
        "export" => ImageCommand::Export { container: next(), output: filled(call, "output") },
        "diff" => ImageCommand::Diff { container: next() },
        "fsck" => ImageCommand::Check { repair: call.is_on("repair") },
        "tags" => ImageCommand::Tags { name: names.next().filter(|name| !name.is_empty()), json: call.is_on("json") },
        "argv" => ImageCommand::Argv {
            image: next(),
            entrypoint: call.flag("entrypoint").map(|flag| flag.value.clone()),
            arguments: names.collect(),
            json: call.is_on("json"),
        },
        "layers" => ImageCommand::Layers { image: next(), asked: layers(call)? },
        "load" => ImageCommand::Load { input: filled(call, "input"), quiet: call.is_on("quiet") },
        _ => ImageCommand::List(ImageList {
            name: words.into_iter().next().filter(|name| !name.is_empty()),
            all: call.is_on("all"),
            digests: call.is_on("digests"),
            no_trunc: call.is_on("no-trunc"),
            quiet: call.is_on("quiet"),
            filters: filters(call),
            format: filled(call, "format"),
        }),
    })
}

/// `--layer`, `--file`, `--max-waste`, `--json`.
fn layers(call: &Call<'_>) -> Result<LayersAsked, UsageError> {
    let wrong = |flag: &FlagUse, why: &str| super::refused(call, flag, why);
    let layer = match call.flag("layer") {
        None => None,
        Some(flag) => {
            Some(flag.value.parse().ok().filter(|number| *number > 0).ok_or_else(|| wrong(flag, "layers are numbered from 1"))?)
        }
    };
    let max_waste = match call.flag("max-waste") {
        None => None,
        Some(flag) => {
            Some(waste(&flag.value).ok_or_else(|| wrong(flag, "say bytes, as in 10m, or a part of the image, as in 5%"))?)
        }
    };
    Ok(LayersAsked { json: call.is_on("json"), layer, file: filled(call, "file"), max_waste, text: call.is_on("text") })
}

/// `10m`, `5%`, `0.5%`.
fn waste(word: &str) -> Option<WasteLimit> {
    match word.strip_suffix('%') {
        None => u64::try_from(super::super::size_in_bytes(word).ok()?).ok().map(WasteLimit::Bytes),
        Some(number) => {
            let (whole, part) = number.split_once('.').unwrap_or((number, ""));
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 2 {
                return None;
            }
            let part: u64 = format!("{part:0<2}").parse().ok()?;
            Some(WasteLimit::BasisPoints(whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(part)?))
        }
    }
}
