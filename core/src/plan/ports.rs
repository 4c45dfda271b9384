//! `port`: where on the host a container's ports are published. Nothing publishes one yet (`-p` is refused), so there is none to show.

use super::lifecycle::find;
use super::{CommandError, Context};
use crate::cli::quoted;

/// Docker's refusals; else nothing is printed.
pub(super) fn published(word: &str, port: Option<&str>, context: &Context<'_>) -> Result<(), CommandError> {
    let refuse = |message: String, at: &str| CommandError { message, exit_code: 1, span: context.invocation.words.positional(at) };
    find(word, context).map_err(|message| refuse(message, "CONTAINER"))?;
    let Some(port) = port else { return Ok(()) };
    let number = port.split('/').next().unwrap_or_default();
    let why = match number.parse::<u16>() {
        _ if number.starts_with('+') => Some("invalid syntax"),
        Ok(_) => None,
        Err(error) if *error.kind() == std::num::IntErrorKind::PosOverflow => Some("value out of range"),
        Err(_) => Some("invalid syntax"),
    };
    let message = match why {
        Some(why) => format!("Error: invalid port ({number}): strconv.ParseUint: parsing {}: {why}\n", quoted(number)),
        None => format!("Error: No public port '{port}' published for {word}\n"),
    };
    Err(refuse(message, "PRIVATE_PORT"))
}
