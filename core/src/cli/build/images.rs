//! `images`, `history`, `tag`, `rmi`, `image prune`, `save`, `load`.

use super::super::front::{Call, is_on};
use super::super::{ImageCommand, ImageList};
use super::listing::{filled, filters};

pub(super) fn command(call: &Call<'_>, words: Vec<String>) -> ImageCommand {
    let mut names = words.clone().into_iter();
    let mut next = || names.next().unwrap_or_default();
    match call.row.key {
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
    }
}
