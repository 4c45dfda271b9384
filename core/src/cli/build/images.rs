//! `images`, `history`, `tag`, `rmi`, `image prune`, `save`, `load`, `commit`, `import`, `export`, `diff`.

use super::super::front::{Call, is_on};
use super::super::{Commit, ImageCommand, ImageList, Import};
use super::listing::{filled, filters};

fn text(call: &Call<'_>, flag: &str) -> String {
    filled(call, flag).unwrap_or_default()
}

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
