//! The table itself: every row can be used as its example says, and the help shows it.

use super::super::table::{self, FlagRow};
use super::super::*;

/// A line for the command of this key, with so many arguments as it needs.
fn line_with(key: &str, flag: &str) -> String {
    let arguments = match key {
        "exec" | "network connect" | "network disconnect" => "a b",
        "cp" => "a:/x b",
        "tag" => "a b",
        "ps" | "version" | "info" | "ns" | "events" | "images" | "load" | "container prune" | "image prune" | "volume ls"
        | "volume prune" | "network ls" | "network prune" | "system df" | "system prune" | "builder prune" | "fsck" | "tags"
        | "completion bash" | "completion fish" | "completion zsh" => "",
        _ => "a",
    };
    format!("{key} {flag} {arguments}")
}

#[test]
fn every_example_is_taken_by_every_command_of_its_row() {
    let mut count = 0;
    for row in table::flag_rows() {
        for key in row.commands {
            let line = line_with(key, row.example);
            let own = row.own || table::command(key).is_some_and(|(row, _)| row.own);
            let answer = if own { parse_line(&line).map(drop) } else { check_grammar_line(&line) };
            assert!(answer.is_ok() || row.long == "network-alias" || row.long == "net-alias", "{line}: {answer:?}");
            check_carried_out(row, &line);
            count += 1;
        }
    }
    assert!(count > 250, "{count}");
}

/// What the row says of being carried out is what happens.
fn check_carried_out(row: &FlagRow, line: &str) {
    match parse_line(line) {
        Ok(invocation) => assert!(row.carried_out || row.long.ends_with("-alias"), "{line}: {:?}", invocation.words.flags),
        Err(error) if error.message.starts_with("glassbox: ") || error.message.contains("only supported on a Docker daemon") => {
            assert!(!row.carried_out, "{line}: {}", error.message)
        }
        Err(error) => assert!(row.long.ends_with("-alias"), "{line}: {}", error.message),
    }
}

#[test]
fn rows_are_whole_and_unique() {
    let mut seen = std::collections::BTreeSet::new();
    for row in table::flag_rows() {
        assert!(!row.help.is_empty() && row.example.contains(row.long) || row.short.is_some(), "{}", row.long);
        for key in row.commands {
            assert!(seen.insert((*key, row.long.to_string())), "{key} --{} twice", row.long);
            assert!(row.short.is_none_or(|short| seen.insert((*key, format!("-{short}")))), "{key} {:?} twice", row.short);
            assert!(table::command(key).is_some(), "no command {key}");
        }
    }
    let mut names = std::collections::BTreeSet::new();
    for row in table::rows() {
        let aliases = row.aliases.iter().map(|(typed, _)| *typed);
        row.names.iter().copied().chain(aliases).for_each(|name| assert!(names.insert(name), "{name} twice"));
        assert!(row.names.contains(&row.key), "{}", row.key);
        assert!(row.aliases.iter().all(|(_, shown)| row.names.contains(shown)), "{}", row.key);
    }
}

#[test]
fn help_shows_each_flag_and_marks_what_is_missing() {
    let run = help(&["run".to_string()]);
    assert!(run.starts_with("Usage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\n"), "{run}");
    assert!(run.contains("Aliases:\n  docker container run, docker run\n"), "{run}");
    for row in table::flags_of("run") {
        assert_eq!(
            run.contains(&format!("--{} ", row.long)) || run.contains(&format!("--{}\n", row.long)),
            !row.hidden,
            "{}",
            row.long
        );
    }
    let line = |flag: &str| run.lines().find(|line| line.contains(flag)).unwrap_or_default().to_string();
    assert!(line("--publish ").starts_with("  -p, --publish list"), "{}", line("--publish "));
    assert!(run.lines().all(|line| line.chars().count() <= 100));
    assert!(help(&["search".to_string()]).contains("not carried out yet"));
    assert!(help(&["container".to_string()]).contains("\nCommands:\n"));
    assert!(help(&[]).starts_with("Usage:  glassbox [OPTIONS] COMMAND\n"));
}

#[test]
fn every_command_has_help() {
    for row in table::rows() {
        for name in row.names {
            let topic: Vec<String> = name.split(' ').map(str::to_string).collect();
            assert!(help(&topic).starts_with(&format!("Usage:  {} {name}", row.program())), "{name}");
        }
    }
}
