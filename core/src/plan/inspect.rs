//! `inspect`, `container inspect`, `volume inspect`: looked up by name, shown as JSON or by a template.

use serde_json::Value;

use super::lifecycle::{SEE_ALL, named, print};
use super::storage::volume;
use super::{Context, Plan, image, namespaces};
use crate::cli::{Command, InspectKind};
use crate::template::Template;
use crate::view::inspect;

/// What a word names, or Docker's words where it names nothing.
fn found(word: &str, kind: InspectKind, context: &Context<'_>) -> Result<Value, String> {
    let word = named(word)?;
    let (state, host) = (context.state, context.host);
    let container = || {
        let found = state.container(word).ok()?;
        Some(inspect::container(&namespaces::as_started(found, state), host))
    };
    let image = || state.image(word).map(|image| crate::view::image::value(image, host));
    let network = || state.network(word).ok().map(|network| crate::view::network::network(network, state));
    let volume = || state.volumes.get(word).map(|volume| inspect::volume(volume, host));
    match kind {
        InspectKind::Any => {
            let found = container().or_else(image).or_else(network).or_else(volume);
            found.ok_or_else(|| format!("Error: No such object: {word}\n{SEE_ALL}"))
        }
        InspectKind::Container => super::lifecycle::find(word, context).map(|_| container().unwrap_or_default()),
        InspectKind::Image => image().ok_or_else(|| {
            let all = state.image_names();
            let (tagged, all) = (image::with_tag(word), all.join(", "));
            format!("Error response from daemon: No such image: {tagged}\nglassbox: the images here are: {all}\n")
        }),
        InspectKind::Network => {
            let next = "glassbox: see which there are with: glassbox network ls";
            network().ok_or_else(|| format!("Error response from daemon: network {word} not found\n{next}\n"))
        }
        InspectKind::Volume => volume().ok_or_else(|| volume::missing(word)),
    }
}

pub(super) fn objects(command: &Command, context: &Context<'_>, plan: &mut Plan) {
    let Command::InspectObjects { names, kind, format, sizes } = command else { return };
    if let (true, InspectKind::Image | InspectKind::Network | InspectKind::Volume) = (sizes, kind) {
        plan.warnings.push(format!("WARNING: --size ignored for {}", kind.word()));
    }
    let mut all = Vec::new();
    for word in names {
        match found(word, *kind, context) {
            Ok(value) => all.push(value),
            Err(message) => plan.fail_later(&message),
        }
    }
    let text = match format.as_deref().map(|format| (format, Template::parse(format))) {
        None => inspect::array(&all),
        Some(("json", _)) => inspect::line(&all),
        // The client has begun a line by then.
        Some(_) if all.is_empty() => "\n".to_string(),
        Some((_, Ok(template))) => {
            let texts: Result<Vec<String>, _> = all.iter().map(|value| inspect::formatted(value, &template)).collect();
            texts.map(|all| all.concat()).unwrap_or_else(|error| {
                plan.fail_later(&format!("template parsing error: {}\n", error.message));
                "\n".to_string()
            })
        }
        Some((_, Err(error))) => return plan.fail_later(&format!("template parsing error: {}\n", error.message)),
    };
    plan.steps.push(print(text, context));
}
