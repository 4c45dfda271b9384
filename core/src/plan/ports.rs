//! `port`: where on the host a container's ports are published.

use super::lifecycle::find;
use super::origin::{self, planned};
use super::{CommandError, Context, Plan};
use crate::cli::quoted;
use crate::model::ContainerPort;
use crate::step::{ClientStep, Step};
use crate::view::ports;

/// What is published, or Docker's refusals.
pub(super) fn published(word: &str, port: Option<&str>, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let refuse = |message: String, at: &str| CommandError { message, exit_code: 1, span: context.invocation.words.positional(at) };
    let container = find(word, context).map_err(|message| refuse(message, "CONTAINER"))?;
    let Some(port) = port else {
        show(&ports::lines(container, None), context, plan);
        return Ok(());
    };
    let number = port.split('/').next().unwrap_or_default();
    let why = match number.parse::<u16>() {
        _ if number.starts_with('+') => Some("invalid syntax"),
        Ok(_) => None,
        Err(error) if *error.kind() == std::num::IntErrorKind::PosOverflow => Some("value out of range"),
        Err(_) => Some("invalid syntax"),
    };
    let found = ContainerPort::parse(port).map(|port| ports::lines(container, Some(port))).unwrap_or_default();
    if why.is_none() && !found.is_empty() {
        show(&found, context, plan);
        return Ok(());
    }
    let message = match why {
        Some(why) => format!("Error: invalid port ({number}): strconv.ParseUint: parsing {}: {why}\n", quoted(number)),
        None => format!("Error: No public port '{port}' published for {word}\n"),
    };
    Err(refuse(message, "PRIVATE_PORT"))
}

fn show(lines: &[String], context: &Context<'_>, plan: &mut Plan) {
    if !lines.is_empty() {
        let text = lines.iter().map(|line| format!("{line}\n")).collect();
        plan.steps.push(planned(Step::Client(ClientStep::Print { text }), origin::command(context)));
    }
}
