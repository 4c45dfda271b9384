//! Docker's grammar as data: commands and flags, a row each.
//!
//! A row of a flag says its name, letter, kind of value, the commands that take it, what it means in our words, an example, and
//! whether Glassbox carries it out. A row of a command says its names, usage line and number of arguments. The parser, the help and
//! the tests read these rows; nothing else knows a flag by name but `build`, which makes commands of them.

mod build_flags;
mod commands;
mod container_flags;
mod global_flags;
mod image_flags;
mod kind;
mod network_flags;
mod other;
mod registry_flags;
mod run_flags;
mod run_flags_host;
mod run_flags_outside;
mod volume_flags;

pub use commands::{Arity, CommandRow};
pub use kind::Kind;

pub(crate) use commands::{command, is_group, rows};
pub(crate) use global_flags::{GLOBAL, OWN};

/// One flag of one or several commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagRow {
    /// The name without dashes.
    pub long: &'static str,
    /// The letter, where it has one.
    pub short: Option<char>,
    /// What its value may be.
    pub kind: Kind,
    /// The commands that take it, by their keys.
    pub commands: &'static [&'static str],
    /// What it does, in our words.
    pub help: &'static str,
    /// A use of it, as typed.
    pub example: &'static str,
    /// The value without the flag, where the help names it.
    pub default: &'static str,
    /// Glassbox does what it says; else the flag is understood and refused.
    pub carried_out: bool,
    /// Docker does not know it.
    pub own: bool,
    /// Docker takes it and does not list it.
    pub hidden: bool,
    /// Another flag that it is an old name of; empty: none.
    pub alias_of: &'static str,
    /// What Docker's client says of it wherever it is used: `Flag --NAME has been deprecated, …`; empty: nothing.
    pub deprecated: &'static str,
}

impl FlagRow {
    const fn new(
        long: &'static str,
        kind: Kind,
        commands: &'static [&'static str],
        help: &'static str,
        example: &'static str,
    ) -> Self {
        let (short, default, carried_out, hidden, alias_of, deprecated) = (None, "", false, false, "", "");
        FlagRow { long, short, kind, commands, help, example, default, carried_out, own: false, hidden, alias_of, deprecated }
    }

    const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    const fn default(mut self, value: &'static str) -> Self {
        self.default = value;
        self
    }

    const fn carried_out(mut self) -> Self {
        self.carried_out = true;
        self
    }

    const fn own(mut self) -> Self {
        self.own = true;
        self
    }

    const fn hidden(mut self, alias_of: &'static str) -> Self {
        self.hidden = true;
        self.alias_of = alias_of;
        self
    }

    const fn deprecated(mut self, instead: &'static str) -> Self {
        self.deprecated = instead;
        self
    }

    fn spec(&self) -> FlagSpec {
        FlagSpec { long: self.long, short: self.short, kind: self.kind }
    }
}

/// What the parser needs of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlagSpec {
    pub long: &'static str,
    pub short: Option<char>,
    pub kind: Kind,
}

/// Every flag row of the commands that Glassbox carries out.
pub fn flag_rows() -> impl Iterator<Item = &'static FlagRow> {
    [
        run_flags::ROWS,
        run_flags_host::ROWS,
        run_flags_outside::ROWS,
        container_flags::ROWS,
        volume_flags::ROWS,
        network_flags::ROWS,
        image_flags::ROWS,
        registry_flags::ROWS,
        build_flags::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// The flag rows of one command.
pub(crate) fn flags_of(key: &str) -> impl Iterator<Item = &'static FlagRow> {
    flag_rows().filter(move |row| row.commands.contains(&key))
}

/// The row of flag `long` of the command `key`.
pub(crate) fn flag(key: &str, long: &str) -> Option<&'static FlagRow> {
    flags_of(key).find(|row| row.long == long)
}

/// What the parser looks for in a line of this command: its rows, `--help`, and with `own` Glassbox's flags.
pub(crate) fn specs(row: &CommandRow, own: bool) -> Vec<FlagSpec> {
    let mut specs: Vec<FlagSpec> =
        flags_of(row.key).filter(|flag| own || !flag.own).map(FlagRow::spec).chain(row.other_flags()).collect();
    specs.push(FlagSpec { long: "help", short: None, kind: Kind::Bool });
    if own {
        specs.extend(OWN.iter().map(FlagRow::spec));
    }
    specs
}

/// The same for `docker` itself (before a command's name).
pub(crate) fn global_specs(own: bool) -> Vec<FlagSpec> {
    let rows = GLOBAL.iter().chain(OWN.iter().filter(|_| own));
    rows.map(FlagRow::spec).chain([FlagSpec { long: "help", short: None, kind: Kind::Bool }]).collect()
}
