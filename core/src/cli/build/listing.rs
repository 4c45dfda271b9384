//! `ps`, `inspect`, `rename`, `container prune`: what is looked at and kept.

use super::super::error;
use super::super::front::Call;
use super::number;
use crate::cli::{Command, ContainerList, InspectKind, UsageError};
use crate::template::{self, Template};

/// What Docker's command exits with for a template that cannot be read, in `inspect`.
const EXIT_TEMPLATE: i32 = 64;

pub(super) fn containers(call: &Call<'_>) -> Result<Command, UsageError> {
    let last = number(call, "last")?.unwrap_or(-1);
    let last = if call.is_on("latest") && last == -1 { 1 } else { last };
    let format = filled(call, "format");
    Ok(Command::ListContainers(ContainerList {
        all: call.is_on("all"),
        quiet: call.is_on("quiet"),
        no_trunc: call.is_on("no-trunc"),
        last,
        filters: filters(call),
        sizes: call.is_on("size") || format.as_ref().is_some_and(|format| format.contains(".Size")),
        format,
    }))
}

pub(super) fn stats(call: &Call<'_>, containers: Vec<String>) -> Command {
    Command::ShowStats {
        containers,
        all: call.is_on("all"),
        stream: !call.is_on("no-stream"),
        no_trunc: call.is_on("no-trunc"),
        format: filled(call, "format"),
    }
}

pub(super) fn events(call: &Call<'_>) -> Command {
    let text = |name: &str| filled(call, name).unwrap_or_default();
    Command::ShowEvents { since: text("since"), until: text("until"), filters: filters(call), format: filled(call, "format") }
}

pub(super) fn filled(call: &Call<'_>, name: &str) -> Option<String> {
    call.flag(name).map(|flag| flag.value.clone()).filter(|value| !value.is_empty())
}

/// `--filter name=value`, as the check of its kind has let it through; names are in small letters and without blanks around them.
pub(super) fn filters(call: &Call<'_>) -> Vec<(String, String)> {
    let split = |text: &String| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.trim().to_lowercase(), value.trim().to_string())
    };
    call.values("filter").iter().filter(|text| !text.is_empty()).map(split).collect()
}

/// The client takes blanks around the names away.
pub(super) fn rename(mut words: Vec<String>) -> Result<Command, UsageError> {
    let name = words.pop().unwrap_or_default().trim().to_string();
    let container = words.pop().unwrap_or_default().trim().to_string();
    if name.is_empty() || container.is_empty() {
        return Err(error::bare("Error: Neither old nor new names may be empty", None));
    }
    Ok(Command::RenameContainer { container, name })
}

pub(super) fn ports(words: Vec<String>) -> Command {
    let mut words = words.into_iter();
    let container = words.next().unwrap_or_default();
    Command::ShowPorts { container, port: words.next().filter(|port| !port.is_empty()) }
}

pub(super) fn why(words: Vec<String>) -> Command {
    let mut words = words.into_iter();
    Command::ExplainRefusal { container: words.next().unwrap_or_default(), call: words.next() }
}

pub(super) fn inspect(call: &Call<'_>, names: Vec<String>) -> Result<Command, UsageError> {
    let said = call.flag("type").map_or("", |flag| flag.value.as_str());
    let kind = match (call.row.key, said) {
        ("volume inspect", _) | (_, "volume") => InspectKind::Volume,
        ("network inspect", _) | (_, "network") => InspectKind::Network,
        ("container inspect", _) | (_, "container") => InspectKind::Container,
        ("image inspect", _) | (_, "image") => InspectKind::Image,
        (_, "") => InspectKind::Any,
        _ => {
            let what = format!("--type {}", error::echo(said));
            let next = "Containers, images, networks and volumes can be inspected.";
            return Err(error::not_yet(&what, next, call.flag("type").map(|flag| flag.span)));
        }
    };
    Ok(Command::InspectObjects { names, kind, format: template(call)?, sizes: call.is_on("size") })
}

/// `--format`, which can be read.
pub(super) fn template(call: &Call<'_>) -> Result<Option<String>, UsageError> {
    let format = filled(call, "format");
    if let Some(text) = format.as_deref().filter(|text| *text != "json")
        && let Err(template::Error { message, .. }) = Template::parse(text)
    {
        let span = call.flag("format").map(|flag| flag.span);
        return Err(UsageError { message: format!("template parsing error: {message}"), exit_code: EXIT_TEMPLATE, span });
    }
    Ok(format)
}
