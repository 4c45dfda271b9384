//! attach: the caller's terminal, connected to a container that runs already.

use super::lifecycle::find;
use super::origin::{self, planned};
use super::{CommandError, Context, Planned};
use crate::cli::{Command, DetachKeys, Mode};
use crate::model::Status;
use crate::step::{ClientStep, Step};

pub(super) fn attach(word: &str, keys: &str, context: &Context<'_>) -> Result<Vec<Planned>, CommandError> {
    let span = context.invocation.words.positional("CONTAINER");
    let refuse = |message: String| CommandError { message, exit_code: 1, span };
    let container = find(word, context).map_err(refuse)?;
    let not_now = match container.state.status {
        Status::Running => None,
        Status::Paused => Some("You cannot attach to a paused container, unpause it first"),
        Status::Restarting => Some("You cannot attach to a restarting container, wait until it is running"),
        Status::Created | Status::Exited => Some("You cannot attach to a stopped container, start it first"),
    };
    if let Some(why) = not_now {
        return Err(refuse(format!("{why}\n")));
    }
    check_keys(keys, context)?;
    let takes_input = matches!(context.invocation.command, Command::AttachContainer { no_stdin: false, .. });
    check_terminal(takes_input && container.process.tty, context)?;
    let step = ClientStep::AttachStreams { id: container.id.clone() };
    Ok(vec![planned(Step::Client(step), origin::positional(context, "CONTAINER"))])
}

/// The client's refusal to hand on to a terminal what comes from none. Only looking at the plan needs no terminal.
pub(super) fn check_terminal(wanted: bool, context: &Context<'_>) -> Result<(), CommandError> {
    let looks = matches!(context.invocation.mode, Mode::Plan { .. });
    if !wanted || looks || context.host.terminal.is_some() {
        return Ok(());
    }
    let hint = "glassbox: leave -t out where the input is a file or a pipe\n";
    let span = context.invocation.words.flag("tty").map(|flag| flag.span);
    Err(CommandError { message: format!("the input device is not a TTY\n{hint}"), exit_code: 1, span })
}

/// dockerd refuses keys that are none, and of that Docker's client tells the number alone; to an exec it tells all.
pub(super) fn check_keys(keys: &str, context: &Context<'_>) -> Result<(), CommandError> {
    if DetachKeys::parse(keys).is_some() {
        return Ok(());
    }
    let what = match context.invocation.command {
        Command::ExecProcess(_) => format!("Error response from daemon: Invalid escape keys ({keys}) provided\n"),
        _ => "unable to upgrade to tcp, received 400\n".to_string(),
    };
    let hint = "glassbox: name keys by commas: letters, or ctrl- and a letter, as in: --detach-keys ctrl-x,x\n";
    let span = context.invocation.words.flag("detach-keys").map(|flag| flag.span);
    Err(CommandError { message: format!("{what}{hint}"), exit_code: 1, span })
}

/// The client looks for the container before it asks to be attached to it.
pub(super) fn check_keys_of_start(words: &[String], keys: &str, context: &Context<'_>) -> Result<(), CommandError> {
    if words.iter().all(|word| find(word, context).is_ok()) { check_keys(keys, context) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use crate::host::HostFacts;
    use crate::model::State;
    use crate::plan::plan;

    fn refusal(line: &str, terminal: Option<(u16, u16)>) -> Option<String> {
        let host = HostFacts { terminal, ..HostFacts::example() };
        let mut state = State::of_engine("/var/lib/glassbox");
        let image = crate::oci::toolbox::image(&host.toolbox);
        state.images.insert_mut(image.id.clone(), image);
        let invocation = Rc::new(crate::cli::parse_line(line).unwrap());
        plan(&invocation, &state, &host).err().map(|error| error.message.lines().next().unwrap_or_default().to_string())
    }

    #[test]
    fn a_terminal_takes_input_from_a_terminal_only() {
        let told = Some("the input device is not a TTY".to_string());
        assert_eq!(refusal("docker run -it toolbox sh", None), told);
        assert_eq!(refusal("docker run -it toolbox sh", Some((24, 80))), None);
        for line in ["docker run -t toolbox", "docker run -i toolbox", "docker run -dit toolbox", "docker create -it toolbox"] {
            assert_eq!(refusal(line, None), None, "{line}");
        }
        assert_eq!(refusal("docker run --plan -it toolbox sh", None), None);
    }
}
