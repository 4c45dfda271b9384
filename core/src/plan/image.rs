//! Which image a container is made of: `IMAGE`, `--pull`, `--platform`. What is not here is fetched before, by a plan of its own.

use super::{CommandError, Context, Planned, create, origin, registry};
use crate::cli::{ContainerSpec, ImageChoice, Pull};
use crate::model::Image;
use crate::reference::{AnyReference, Reference};

/// The image's reference with its tag: `toolbox` is `toolbox:latest`.
pub(super) fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains(':') || image.contains('@') { image.to_string() } else { format!("{image}:latest") }
}

/// The same without what Docker adds to the names of its own registry.
pub(super) fn familiar(image: &str) -> String {
    with_tag(image).trim_start_matches("docker.io/").trim_start_matches("library/").to_string()
}

/// The image, or Docker's refusal.
pub(super) fn find<'a>(spec: &ContainerSpec, context: &Context<'a>) -> Result<&'a Image, CommandError> {
    let ImageChoice { pull, platform, .. } = &spec.image_choice;
    let reference = with_tag(&spec.image);
    let found = context.state.image(&spec.image);
    match found {
        Some(image) => {
            match other_platform(platform, context).filter(|_| fetched(spec, context).is_none() && !is_for(image, platform)) {
                None => Ok(image),
                Some(own) => {
                    let what = format!(
                        "image with reference {} was found but its platform ({own}) does not match the specified platform ({})",
                        spec.image,
                        normal(platform)
                    );
                    Err(refuse(context, &looked(*pull, &reference), "platform", &what))
                }
            }
        }
        None => Err(refuse(context, &looked(*pull, &reference), "", &format!("No such image: {reference}"))),
    }
}

/// What has to be fetched before the container can be planned, or was.
pub(super) enum Fetch {
    /// The first steps of the plan, and all that can be known of it.
    First(Planned),
    /// They have been carried out.
    Done(Planned),
}

/// The name, where this command has fetched it already.
fn fetched(spec: &ContainerSpec, context: &Context<'_>) -> Option<Reference> {
    let name = Reference::parse(&spec.image).ok()?;
    let wanted = registry::wanted(name, &spec.image_choice.platform, context);
    context.state.exchange.has_fetched(&wanted.name).then_some(wanted.name)
}

/// Whether the image is to be asked for at a registry: where it is not here for this platform, or in any case.
pub(super) fn fetch(spec: &ContainerSpec, context: &Context<'_>) -> Option<Fetch> {
    let ImageChoice { pull, platform, .. } = &spec.image_choice;
    let Ok(AnyReference::Named(name)) = Reference::parse_any(&spec.image) else { return None };
    let (always, done) = (*pull == Pull::Always, fetched(spec, context).is_some());
    let fits = |image: &Image| other_platform(platform, context).is_none() || is_for(image, platform);
    let here = || context.state.image(&spec.image).is_some_and(fits);
    if !done && (*pull == Pull::Never || !always && here()) {
        return None;
    }
    let cause = match origin::flag_of_command(context, "pull").filter(|_| always) {
        Some(cause) => cause,
        None => origin::positional(context, "IMAGE"),
    };
    let step = registry::pull_phase(registry::wanted(name, platform, context), cause);
    Some(if done { Fetch::Done(step) } else { Fetch::First(step) })
}

/// What the client says before it asks a registry.
fn looked(pull: Pull, reference: &str) -> String {
    if pull == Pull::Never { String::new() } else { format!("Unable to find image '{reference}' locally\n") }
}

/// Whether that is what the image says of itself: `wasi/wasm`.
fn is_for(image: &Image, asked: &str) -> bool {
    normal(asked) == format!("{}/{}", image.os, image.architecture)
}

/// The machine's own platform, where the one asked for is another.
fn other_platform(asked: &str, context: &Context<'_>) -> Option<String> {
    let own = format!("linux/{}", processor(&context.host.machine));
    let same = asked.is_empty() || normal(asked) == own || (own == "linux/arm64" && normal(asked) == "linux/arm64/v8");
    (!same).then_some(own)
}

/// `os/arch` in the names of the Go language, as containerd writes a platform.
pub(super) fn normal(asked: &str) -> String {
    let lower = asked.to_lowercase();
    let mut parts = lower.split('/').map(processor);
    match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
        (system @ ("linux" | "windows" | "darwin" | "freebsd"), Some(arch), Some(variant)) => format!("{system}/{arch}/{variant}"),
        (system @ ("linux" | "windows" | "darwin" | "freebsd"), Some(arch), None) => format!("{system}/{arch}"),
        (system @ ("windows" | "darwin" | "freebsd"), None, None) => system.to_string(),
        ("linux", None, None) => "linux/amd64".to_string(),
        (arch, None, None) => format!("linux/{arch}"),
        _ => lower,
    }
}

/// A processor as the Go language names it.
pub fn processor(name: &str) -> &str {
    match name {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        "i386" | "i686" => "386",
        other => other,
    }
}

fn refuse(context: &Context<'_>, before: &str, flag: &str, what: &str) -> CommandError {
    let known = context.state.image_names();
    let (frame, closing, exit_code) = match create::subcommand(context) {
        "run" => ("docker: ", "\n\nRun 'docker run --help' for more information\n", 125),
        _ => ("", "\n", 1),
    };
    let message =
        format!("{before}{frame}Error response from daemon: {what}{closing}glassbox: the images here are: {}\n", known.join(", "));
    let words = &context.invocation.words;
    let span = words.flag(flag).map(|used| used.span).or_else(|| words.positional("IMAGE"));
    CommandError { message, exit_code, span }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_written_in_one_way() {
        assert_eq!(normal("x86_64"), "linux/amd64");
        assert_eq!(normal("linux/ARM64"), "linux/arm64");
        assert_eq!(normal("linux/arm/v7"), "linux/arm/v7");
        assert_eq!(normal("windows"), "windows");
    }
}
