//! Completion of a typed line: names of commands, groups and flags. For terminals; never says anything about images or containers.

use super::flags;
use super::front;
use super::table::{self, CommandRow};
use super::words::{self, Word};

/// What the word at byte `cursor` of `line` could become: whole words in order. Empty where nothing is known, also for a line that
/// cannot be split or a cursor within a letter.
pub fn complete(line: &str, cursor: usize) -> Vec<String> {
    let Some(Ok(before)) = line.get(..cursor).map(words::split) else {
        return Vec::new();
    };
    let mut typed = before.words;
    let open = typed.last().is_some_and(|word| word.span.end == cursor);
    let current = if open { typed.pop().map(|word| word.text).unwrap_or_default() } else { String::new() };
    let (rest, _) = front::without_plan(front::without_program(&typed));
    let mut found: Vec<String> = candidates(rest, &current).into_iter().filter(|word| word.starts_with(&current)).collect();
    found.sort();
    found.dedup();
    found
}

fn candidates(words: &[Word], current: &str) -> Vec<String> {
    let first = words.iter().position(|word| !word.text.starts_with('-')).unwrap_or(words.len());
    let words = words.get(first..).unwrap_or_default();
    let depth = (0..=words.len()).rev().find(|&depth| depth == 0 || table::is_group(&path(words, depth))).unwrap_or(0);
    if let Some((row, _)) = words.get(depth).and_then(|_| table::command(&path(words, depth + 1))) {
        return flags_of(row, words.get(depth + 1..).unwrap_or_default(), current);
    }
    match words.len() == depth {
        true if depth == 0 && current.starts_with('-') => {
            table::global_specs(true).iter().map(|spec| format!("--{}", spec.long)).collect()
        }
        true => names_in(&path(words, depth)),
        false => Vec::new(),
    }
}

fn path(words: &[Word], depth: usize) -> String {
    words.iter().take(depth).map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// The words that can follow a group's name, or with the empty one the program's.
fn names_in(group: &str) -> Vec<String> {
    let prefix = if group.is_empty() { String::new() } else { format!("{group} ") };
    let next = |name: &str| name.strip_prefix(prefix.as_str()).map(|rest| rest.split(' ').next().unwrap_or_default().to_string());
    let mut names: Vec<String> = table::rows().flat_map(|row| row.names.iter().filter_map(|name| next(name))).collect();
    if group.is_empty() {
        names.extend(["help", "plan"].map(str::to_string));
    }
    names
}

/// Flags, where one may stand: not as the value of another, not after the image.
fn flags_of(row: &CommandRow, words: &[Word], current: &str) -> Vec<String> {
    let specs = table::specs(row, true);
    let ended = match flags::parse(&specs, words, row.interspersed) {
        Ok(parsed) => !row.interspersed && !parsed.positionals.is_empty() || words.iter().any(|word| word.text == "--"),
        Err(_) => true,
    };
    if ended || !current.starts_with('-') {
        return Vec::new();
    }
    let hidden = |long: &str| table::flag(row.key, long).is_some_and(|row| row.hidden);
    specs.iter().filter(|spec| !hidden(spec.long)).map(|spec| format!("--{}", spec.long)).collect()
}

#[cfg(test)]
mod tests {
    use super::complete;

    fn at_end(line: &str) -> Vec<String> {
        complete(line, line.len())
    }

    #[test]
    fn commands_and_groups() {
        assert_eq!(at_end("docker ru"), ["run"]);
        assert_eq!(at_end("docker container st"), ["start", "stats", "stop"]);
        assert!(at_end("").contains(&"container".to_string()) && at_end("plan docker r").contains(&"run".to_string()));
        assert_eq!(at_end("trust k"), ["key"]);
    }

    #[test]
    fn flags_where_one_may_stand() {
        assert_eq!(at_end("docker run --mem"), ["--memory", "--memory-reservation", "--memory-swap", "--memory-swappiness"]);
        assert_eq!(at_end("docker run -it --pl"), ["--plan", "--platform"]);
        assert_eq!(at_end("run --name --pl"), Vec::<String>::new());
        assert_eq!(at_end("run toolbox --pl"), Vec::<String>::new());
        assert_eq!(at_end("stop web --ti"), ["--timeout"]);
        assert_eq!(at_end("run 'x"), Vec::<String>::new());
        assert_eq!(complete("é", 1), Vec::<String>::new());
        assert_eq!(complete("docker ru toolbox", 9), ["run"]);
    }
}
