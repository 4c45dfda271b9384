//! `build --check`: the Dockerfile was read with the command line; what is found is printed.

use super::super::{Context, Plan, architecture, origin};
use crate::cli::CheckBuild;
use crate::dockerfile::{CheckInput, check, check::Environment};
use crate::host::HostFacts;
use crate::step::{ClientStep, Step};
use crate::view::build_check;

/// Docker's exit code where there is anything to say.
const EXIT_FOUND: i32 = 1;

pub(in crate::plan) fn check_only(build: &CheckBuild, context: &Context<'_>, plan: &mut Plan) {
    let files = &build.files;
    let base = |name: &str| environment_of(name, context);
    let platform = platform_of(build, context.host);
    let report = check(&input_of(build, &platform, &base));
    let text = build_check::findings(&report, &files.dockerfile, &files.name);
    if !text.is_empty() {
        plan.steps.push(origin::planned(Step::Client(ClientStep::Print { text }), origin::command(context)));
    }
    let refusal = build_check::refusal(&report, &files.dockerfile, &files.name);
    plan.late_errors = refusal + &build_check::advice(&report) + &build_check::left_open(&report);
    if !report.warnings.is_empty() || !report.faults.is_empty() {
        plan.exit_code = EXIT_FOUND;
    }
}

/// What is built for and on: what `--platform` says, or this machine.
pub(super) fn platform_of(build: &CheckBuild, host: &HostFacts) -> String {
    if build.platform.is_empty() { format!("linux/{}", architecture(&host.machine)) } else { build.platform.clone() }
}

/// What a build gives to whoever reads its Dockerfile.
pub(super) fn input_of<'a>(
    build: &'a CheckBuild,
    platform: &'a str,
    base: &'a dyn Fn(&str) -> Option<Environment>,
) -> CheckInput<'a> {
    let files = &build.files;
    CheckInput {
        text: &files.dockerfile,
        ignore: files.ignore.as_deref(),
        build_args: &files.build_args,
        target: build.target.as_deref(),
        platform,
        base,
    }
}

/// The environment that an image which is here sets.
fn environment_of(name: &str, context: &Context<'_>) -> Option<Environment> {
    let image = context.state.image(name)?;
    let pair = |entry: &String| entry.split_once('=').map(|(name, value)| (name.to_string(), value.to_string()));
    Some(image.config.env.iter().filter_map(pair).collect())
}
