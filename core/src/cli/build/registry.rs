//! `pull`.

use super::super::front::Call;
use super::super::{Command, PullImage, RegistryCommand};
use super::listing::filled;

pub(super) fn command(call: &Call<'_>, words: Vec<String>) -> Command {
    let mut words = words.into_iter();
    Command::Registry(RegistryCommand::Pull(PullImage {
        name: words.next().unwrap_or_default(),
        platform: filled(call, "platform").unwrap_or_default(),
        quiet: call.is_on("quiet"),
    }))
}
