//! Which images a command is about that have to be there before it can be planned.

use crate::cli::{BuildImage, Command, Invocation};
use crate::dockerfile::CheckInput;
use crate::dockerfile::check::{Base, Resolved, resolve};
use crate::host::HostFacts;

/// Their names as typed, those that a build takes files from included.
pub fn named_images(invocation: &Invocation, host: &HostFacts) -> Vec<String> {
    match &invocation.command {
        Command::BuildImage(build) => of_build(build, host),
        // Those of containers are pulled.
        _ => Vec::new(),
    }
}

fn of_build(build: &BuildImage, host: &HostFacts) -> Vec<String> {
    let files = &build.input.files;
    let own = format!("linux/{}", super::architecture(&host.machine));
    let resolved = resolve(&CheckInput {
        text: &files.dockerfile,
        ignore: files.ignore.as_deref(),
        build_args: &files.build_args,
        target: build.input.target.as_deref(),
        platform: if build.input.platform.is_empty() { &own } else { &build.input.platform },
        base: &|_| None,
    });
    let Ok(resolved) = resolved else { return Vec::new() };
    let wanted = (0..resolved.file.stages.len()).filter(|stage| resolved.wanted[*stage]);
    let mut names: Vec<String> = Vec::new();
    for stage in wanted {
        if let Base::Image(name) = &resolved.bases[stage] {
            names.push(name.clone());
        }
        names.extend(sources(&resolved, stage));
    }
    names.dedup();
    names
}

/// `COPY --from=IMAGE`, `RUN --mount=from=IMAGE`: what is neither a stage nor its number.
fn sources(resolved: &Resolved, stage: usize) -> Vec<String> {
    let stages = &resolved.file.stages;
    let is_stage = |name: &str| name.parse::<usize>().is_ok() || stages.iter().any(|known| known.name == name.to_lowercase());
    let words = stages[stage].instructions.iter().flat_map(|instruction| instruction.text.split([' ', ',', '\t']));
    let named = words.filter_map(|word| word.strip_prefix("--from=").or_else(|| word.strip_prefix("from=")));
    named.filter(|name| !is_stage(name) && !name.contains('$') && !name.is_empty()).map(str::to_string).collect()
}
