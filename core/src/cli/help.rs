//! The help, in Docker's layout: usage, what it does, other names, a table of options. The words are ours, and what Glassbox does
//! not carry out yet is marked.

use super::table::{self, CommandRow, FlagRow};

/// The column at which descriptions are wrapped.
const WIDTH: usize = 100;
const MARK: &str = "(not carried out yet)";

/// The text for `Command::Help`; an unknown topic gives the help of Glassbox itself.
pub fn help(topic: &[String]) -> String {
    let path = topic.join(" ");
    match table::command(&path) {
        Some((row, shown)) => command_help(row, shown),
        None if table::is_group(&path) => group_help(&path),
        None => root_help(),
    }
}

fn command_help(row: &CommandRow, shown: &str) -> String {
    let mut text = format!("Usage:  {} {shown} {}", row.program(), row.usage).trim_end().to_string();
    text.push('\n');
    if row.carried_out {
        text.push_str(&format!("\n{}\n", row.about));
    } else {
        text.push_str("\nglassbox: this command is understood but not carried out yet\n");
    }
    if row.names.len() + row.aliases.len() > 1 {
        let names = row
            .names
            .iter()
            .take(1)
            .copied()
            .chain(row.aliases.iter().map(|(typed, _)| *typed))
            .chain(row.names.iter().skip(1).copied());
        let names: Vec<String> = names.map(|name| format!("docker {name}")).collect();
        text.push_str(&format!("\nAliases:\n  {}\n", names.join(", ")));
    }
    let mut flags: Vec<&FlagRow> = table::flags_of(row.key).filter(|flag| !flag.hidden && !flag.own).collect();
    flags.sort_by_key(|flag| flag.long);
    text.push_str(&table_of("Options", flags.into_iter().map(described)));
    let others = row.other_flags().map(|spec| (flag_names(spec.long, spec.short, spec.kind.placeholder()), String::new()));
    text.push_str(&table_of("Options", others));
    let own = table::flags_of(row.key).filter(|flag| flag.own).chain(table::OWN);
    text.push_str(&table_of("Options of Glassbox", own.map(described)));
    text.trim_end().to_string()
}

fn described(flag: &FlagRow) -> (String, String) {
    let default = if flag.default.is_empty() { String::new() } else { format!(" (default {})", quoted(flag)) };
    let mark = if flag.carried_out { String::new() } else { format!(" {MARK}") };
    (flag_names(flag.long, flag.short, flag.kind.placeholder()), format!("{}{default}{mark}", flag.help))
}

fn quoted(flag: &FlagRow) -> String {
    match flag.kind {
        table::Kind::Text => format!("\"{}\"", flag.default),
        _ => flag.default.to_string(),
    }
}

fn flag_names(long: &str, short: Option<char>, placeholder: &str) -> String {
    let letter = short.map_or_else(|| "    ".to_string(), |letter| format!("-{letter}, "));
    format!("{letter}--{long} {placeholder}").trim_end().to_string()
}

/// Two columns under a heading; nothing where there are no rows.
fn table_of(heading: &str, rows: impl Iterator<Item = (String, String)>) -> String {
    let rows: Vec<(String, String)> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, meaning) in &rows {
        let mut lines = wrapped(meaning, WIDTH.saturating_sub(width + 5)).into_iter();
        text.push_str(format!("  {name:width$}   {}", lines.next().unwrap_or_default()).trim_end());
        text.push('\n');
        for line in lines {
            text.push_str(&format!("  {:width$}   {line}\n", ""));
        }
    }
    if rows.is_empty() { text } else { format!("\n{heading}:\n{text}") }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let fits = lines.last().is_some_and(|line| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width);
        match lines.last_mut().filter(|_| fits) {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => line.push_str(&format!(" {word}")),
            None => lines.push(word.to_string()),
        }
    }
    lines
}

fn group_help(path: &str) -> String {
    let prefix = format!("{path} ");
    let row_of = |row: &CommandRow| {
        let name = row.names.iter().find_map(|name| name.strip_prefix(prefix.as_str()))?;
        Some((name.to_string(), about(row)))
    };
    let mut rows: Vec<(String, String)> = table::rows().filter_map(row_of).collect();
    rows.sort();
    let table = table_of("Commands", rows.into_iter());
    format!("Usage:  docker {path} COMMAND\n{table}\nRun 'docker {path} COMMAND --help' for more information on a command.")
}

fn about(row: &CommandRow) -> String {
    if row.carried_out { row.about.to_string() } else { MARK.to_string() }
}

fn root_help() -> String {
    let top = |row: &&CommandRow| row.names.iter().any(|name| !name.contains(' '));
    let done =
        table::rows().filter(top).filter(|row| row.carried_out && !row.own).map(|row| (row.key.to_string(), row.about.to_string()));
    let own = [
        ("plan COMMAND", "Show the steps of a command and do nothing: plan docker run …"),
        ("help COMMAND", "Print the help of a command"),
        ("ns [CONTAINER...]", "Compare the namespaces of the host and of running containers"),
    ];
    let own = own.into_iter().map(|(name, meaning)| (name.to_string(), meaning.to_string()));
    let rest: Vec<&str> = table::rows().filter(top).filter(|row| !row.carried_out).map(|row| row.key).collect();
    let mut text = String::from("Usage:  glassbox [OPTIONS] COMMAND\n\nDocker's commands, shown step by step\n");
    text.push_str(&table_of("Commands", done));
    text.push_str(&table_of("Commands of Glassbox", own));
    text.push_str("\nUnderstood but not carried out yet:\n");
    wrapped(&rest.join(" "), WIDTH - 2).iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    text.push_str(&table_of("Options of Glassbox", table::OWN.iter().map(described)));
    text.push_str(&table_of("Global Options", table::GLOBAL.iter().map(described)));
    text.push_str("\nRun 'glassbox COMMAND --help' for more information on a command.");
    text
}
