//! From words to the command they name and the flags and arguments it is given.
//!
//! Docker reads its global flags, then the words of groups (`container`), then the command's own flags; a refusal is framed by the
//! level at which it happens.

use super::error::Frame;
use super::flags::{self, Parsed};
use super::table::{self, CommandRow};
use super::words::Word;
use super::{FlagUse, Mode, Span, UsageError};

/// What a line names.
#[derive(Clone, Debug)]
pub(crate) enum Target<'a> {
    /// The help of these words; none: of `docker` itself.
    Help(Vec<String>, Vec<FlagUse>),
    /// `--version`
    Version(Vec<FlagUse>),
    /// A command.
    Command(Call<'a>),
}

/// A command with its flags and arguments.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub row: &'static CommandRow,
    /// The name as Docker shows it.
    pub shown: &'static str,
    /// Where its name stands.
    pub name_span: Span,
    /// Flags before the name, then those after it.
    pub flags: Vec<FlagUse>,
    /// How many of the flags stand before the name.
    pub global_count: usize,
    pub arguments: Vec<&'a Word>,
    /// What Docker's client says of deprecated flags, a line for each use.
    pub notices: Vec<String>,
}

impl Call<'_> {
    pub fn frame(&self) -> Frame<'static> {
        Frame { shown: self.shown, usage: self.row.usage }
    }

    /// The last use of a flag, by its long name or an old name of it.
    pub fn flag(&self, long: &str) -> Option<&FlagUse> {
        self.uses(long).next_back()
    }

    /// Every use of a flag of the command's own.
    pub fn uses(&self, long: &str) -> impl DoubleEndedIterator<Item = &FlagUse> {
        self.flags.iter().skip(self.global_count).filter(move |flag| flag.name == long)
    }

    /// The values of a flag, in order.
    pub fn values(&self, long: &str) -> Vec<String> {
        self.uses(long).map(|flag| flag.value.clone()).collect()
    }

    /// Whether a switch is on.
    pub fn is_on(&self, long: &str) -> bool {
        self.flag(long).is_some_and(is_on)
    }
}

/// Whether this use of a switch turns it on.
pub(crate) fn is_on(flag: &FlagUse) -> bool {
    flag.value.is_empty() || super::values::boolean(&flag.value).unwrap_or(false)
}

/// A typed line without the program's name.
pub(crate) fn without_program(words: &[Word]) -> &[Word] {
    match words.split_first() {
        Some((first, rest)) if matches!(first.text.as_str(), "docker" | "glassbox") => rest,
        _ => words,
    }
}

/// `plan docker run …` is `--plan run …`: the words after it, and whether it was there.
pub(crate) fn without_plan(words: &[Word]) -> (&[Word], bool) {
    match words.split_first() {
        Some((first, rest)) if first.text == "plan" => (without_program(rest), true),
        _ => (words, false),
    }
}

const ROOT: Frame<'static> = Frame { shown: "", usage: "[OPTIONS] COMMAND [ARG...]" };

/// Finds the command. `own`: Glassbox's flags are taken too.
pub(crate) fn target(words: &[Word], own: bool) -> Result<Target<'_>, UsageError> {
    let parsed = read(&table::global_specs(own), words, false, ROOT)?;
    let rest = parsed.positionals.first().and_then(|&at| words.get(at..)).unwrap_or_default();
    let version = parsed.flags.iter().rfind(|flag| flag.name == "version").is_some_and(is_on);
    match rest.split_first() {
        _ if parsed.help => Ok(Target::Help(Vec::new(), parsed.flags)),
        _ if version => Ok(Target::Version(parsed.flags)),
        None => Ok(Target::Help(Vec::new(), parsed.flags)),
        Some((first, rest)) if first.text == "help" => help_target(rest, parsed.flags),
        Some((first, _)) if table::is_group(&first.text) => group(rest, 1, parsed, own),
        Some((first, after)) => match table::command(&first.text).filter(|(row, _)| own || !row.own) {
            Some((row, shown)) => call(row, shown, first.span, after, parsed, own),
            None => Err(ROOT.unknown_command(&first.text, first.span)),
        },
    }
}

fn read(specs: &[table::FlagSpec], words: &[Word], interspersed: bool, frame: Frame<'_>) -> Result<Parsed, UsageError> {
    flags::parse(specs, words, interspersed).map_err(|error| match error.ours {
        true => UsageError { message: error.message, exit_code: super::error::EXIT_FLAG, span: Some(error.span) },
        false => frame.flag(&error.message, Some(error.span)),
    })
}

/// The first `depth` of `words` name a group; the next names a command of it, or a group.
fn group(words: &[Word], depth: usize, before: Parsed, own: bool) -> Result<Target<'_>, UsageError> {
    let (names, rest) = words.split_at_checked(depth).unwrap_or((words, &[]));
    let path = names.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    if let Some((next, after)) = rest.split_first() {
        let longer = format!("{path} {}", next.text);
        if table::is_group(&longer) {
            return group(words, depth + 1, before, own);
        }
        if let Some((row, shown)) = table::command(&longer) {
            return call(row, shown, next.span, after, before, own);
        }
    }
    let frame = Frame { shown: &path, usage: "" };
    let parsed = read(&table::global_specs(own).split_off(table::GLOBAL.len()), rest, true, frame)?;
    match parsed.positionals.first().and_then(|&at| rest.get(at)) {
        Some(word) if !parsed.help => Err(frame.unknown_command(&word.text, word.span)),
        _ => Ok(Target::Help(path.split(' ').map(str::to_string).collect(), before.flags)),
    }
}

/// `help run`: the longest known path of the words.
fn help_target(words: &[Word], flags: Vec<FlagUse>) -> Result<Target<'_>, UsageError> {
    let topic: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
    let path = topic.join(" ");
    match topic.is_empty() || table::is_group(&path) || table::command(&path).is_some() {
        true => Ok(Target::Help(topic, flags)),
        false => Err(super::error::bare(
            &format!("unknown help topic: {}", super::error::echo(&path)),
            words.first().map(|word| word.span),
        )),
    }
}

fn call<'a>(
    row: &'static CommandRow,
    shown: &'static str,
    name_span: Span,
    words: &'a [Word],
    before: Parsed,
    own: bool,
) -> Result<Target<'a>, UsageError> {
    let frame = Frame { shown, usage: row.usage };
    let parsed = read(&table::specs(row, own), words, row.interspersed, frame)?;
    let notices: Vec<String> = parsed.flags.iter().filter_map(|flag| notice(row, flag)).collect();
    let global_count = before.flags.len();
    let flags: Vec<FlagUse> = before.flags.into_iter().chain(parsed.flags.into_iter().map(|flag| renamed(row, flag))).collect();
    if parsed.help {
        return Ok(Target::Help(shown.split(' ').map(str::to_string).collect(), flags));
    }
    let arguments: Vec<&Word> = parsed.positionals.iter().filter_map(|&at| words.get(at)).collect();
    if let Some((wanted, lead)) = row.arity.refusal(arguments.len()) {
        let refusal = frame.arguments(&wanted, lead, Some(name_span));
        return Err(UsageError { message: notices.concat() + &refusal.message, ..refusal });
    }
    Ok(Target::Command(Call { row, shown, name_span, flags, global_count, arguments, notices }))
}

/// As pflag has it, once the flags are read: on stdout, since Docker's client prints there.
fn notice(row: &CommandRow, flag: &FlagUse) -> Option<String> {
    let deprecated = table::flag(row.key, &flag.name).map(|row| row.deprecated).filter(|text| !text.is_empty())?;
    Some(format!("Flag --{} has been deprecated, {deprecated}\n", flag.name))
}

/// A flag under its present name.
fn renamed(row: &CommandRow, mut flag: FlagUse) -> FlagUse {
    let alias = table::flag(row.key, &flag.name).map_or("", |row| row.alias_of);
    if !alias.is_empty() {
        flag.name = alias.to_string();
    }
    flag
}

/// What Glassbox's own flags ask for; the last one counts.
pub(crate) fn mode(flags: &[FlagUse], planned: bool) -> Mode {
    let start = if planned { Mode::Plan { json: false } } else { Mode::Execute };
    flags.iter().fold(start, |mode, flag| match flag.name.as_str() {
        "plan" => Mode::Plan { json: flag.value == "json" },
        "explain" if is_on(flag) => Mode::Explain,
        "step" if is_on(flag) => Mode::Step,
        _ => mode,
    })
}
