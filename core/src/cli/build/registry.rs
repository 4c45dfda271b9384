//! `pull`, `push`, `login`, `logout`.

use super::super::front::Call;
use super::super::{Command, LogIn, PullImage, PushImage, RegistryCommand};
use super::listing::filled;

pub(super) fn command(call: &Call<'_>, words: Vec<String>) -> Command {
    let first = words.into_iter().next().unwrap_or_default();
    let text = |name: &str| filled(call, name).unwrap_or_default();
    Command::Registry(match call.row.key {
        "push" => RegistryCommand::Push(PushImage { name: first, quiet: call.is_on("quiet"), all: call.is_on("all-tags") }),
        "login" => RegistryCommand::LogIn(LogIn {
            server: first,
            user: text("username"),
            password: filled(call, "password"),
            password_stdin: call.is_on("password-stdin"),
        }),
        "logout" => RegistryCommand::LogOut { server: first },
        _ => RegistryCommand::Pull(PullImage {
            name: first,
            platform: text("platform"),
            quiet: call.is_on("quiet"),
            all: call.is_on("all-tags"),
        }),
    })
}
