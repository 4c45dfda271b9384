//! Where a step comes from: finding the word, config field or default behind it.

use super::{Cause, Context};
use crate::model::Container;
use crate::step::Step;

/// A planned step with one cause.
pub(super) fn planned(step: Step, cause: Cause) -> super::Planned {
    super::Planned { step, causes: vec![cause] }
}

/// Docker's default, documented at `document` below docs.docker.com.
pub(super) fn docker_default(what: &'static str, document: &str) -> Cause {
    Cause::Default { whose: "docker".into(), what: what.into(), document: format!("https://docs.docker.com/{document}") }
}

/// A default of the OCI runtime specification.
pub(super) fn oci_default(what: &'static str, section: &str) -> Cause {
    let document = format!("https://github.com/opencontainers/runtime-spec/blob/main/{section}");
    Cause::Default { whose: "oci".into(), what: what.into(), document }
}

/// The step is there for another one.
pub(super) fn need(of: &'static str, why: &'static str) -> Cause {
    Cause::Need { of: of.into(), why: why.into() }
}

/// The whole command is the cause: its first words.
pub(super) fn command(context: &Context<'_>) -> Cause {
    let words = &context.invocation.words;
    let span = words.positional("SUBCOMMAND").unwrap_or(crate::cli::Span { start: 0, end: words.text.len() });
    Cause::Words { text: words.text.get(span.start..span.end).unwrap_or_default().to_string(), span }
}

/// The positional word `name` of the command at hand, or the whole command.
pub(super) fn positional(context: &Context<'_>, name: &str) -> Cause {
    let words = &context.invocation.words;
    match words.positional(name) {
        Some(span) => Cause::Words { text: words.text.get(span.start..span.end).unwrap_or_default().to_string(), span },
        None => command(context),
    }
}

/// The flag `name` (long, without dashes) of the command that made `container`, if it was given.
pub(super) fn flag(context: &Context<'_>, container: &Container, name: &str) -> Option<Cause> {
    let used = container.words.flag(name)?;
    let words = &container.words;
    let text = words.text.get(used.span.start..used.span.end).unwrap_or_default().to_string();
    if words.text == context.invocation.words.text {
        return Some(Cause::Words { text, span: used.span });
    }
    Some(Cause::EarlierWords { text, command: words.text.clone() })
}

/// The flag `name` (long, without dashes) of the command at hand, if it was given.
pub(super) fn flag_of_command(context: &Context<'_>, name: &str) -> Option<Cause> {
    let words = &context.invocation.words;
    let used = words.flag(name)?;
    Some(Cause::Words { text: words.text.get(used.span.start..used.span.end)?.to_string(), span: used.span })
}

/// The use of the flag `name` with this value in the command that made `container`; without one, the whole command.
pub(super) fn use_of(context: &Context<'_>, container: &Container, name: &str, value: &str) -> Cause {
    let words = &container.words;
    let Some(used) = words.flags.iter().find(|flag| flag.name == name && flag.value == value) else {
        return flag_or(context, container, name, || command(context));
    };
    let text = words.text.get(used.span.start..used.span.end).unwrap_or_default().to_string();
    if words.text == context.invocation.words.text {
        return Cause::Words { text, span: used.span };
    }
    Cause::EarlierWords { text, command: words.text.clone() }
}

/// The flag `name`, or else `otherwise`.
pub(super) fn flag_or(context: &Context<'_>, container: &Container, name: &str, otherwise: impl FnOnce() -> Cause) -> Cause {
    flag(context, container, name).unwrap_or_else(otherwise)
}

/// The words after the image, or the image's own CMD and ENTRYPOINT.
pub(super) fn program(context: &Context<'_>, container: &Container) -> Cause {
    if let Some(cause) = flag(context, container, "entrypoint") {
        return cause;
    }
    let words = &container.words;
    match words.positional("COMMAND") {
        Some(span) if words.text == context.invocation.words.text => {
            Cause::Words { text: words.text.get(span.start..span.end).unwrap_or_default().to_string(), span }
        }
        Some(span) => Cause::EarlierWords {
            text: words.text.get(span.start..span.end).unwrap_or_default().to_string(),
            command: words.text.clone(),
        },
        None => Cause::ImageConfig { image: container.image.clone(), field: "Cmd".into() },
    }
}
