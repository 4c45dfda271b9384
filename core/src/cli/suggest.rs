//! Completion for shells: what the last word of a line could become, with names of containers, volumes and images. The scripts beside
//! (`completion/`) ask for it by `glassbox __complete WORDS…`.

use super::flags;
use super::front;
use super::table::{self, CommandRow, FlagSpec};
use super::words::{Line, Word};
use crate::model::{State, Status};
use crate::oci::capability::Capability;
use crate::userland::Signal;

/// What could stand there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggestions {
    /// Words, each with a line of help, which may be empty.
    pub words: Vec<(String, String)>,
    /// Paths of files fit too.
    pub files: bool,
    /// No blank follows a word: it goes on.
    pub open: bool,
}

/// The script for a shell; empty for one that there is none for.
pub fn completion_script(shell: &str) -> &'static str {
    match shell {
        "bash" => include_str!("completion/bash.sh"),
        "fish" => include_str!("completion/fish.sh"),
        "zsh" => include_str!("completion/zsh.sh"),
        _ => "",
    }
}

/// cobra's bits of the last line: no blank after a word; no names of files.
const NO_SPACE: u32 = 2;
const NO_FILES: u32 = 4;

impl Suggestions {
    /// A line for each word, its help after a tab, then `:` and what the shell is to do: as Docker's own `__complete` prints it.
    pub fn to_text(&self) -> String {
        let line =
            |(word, help): &(String, String)| if help.is_empty() { format!("{word}\n") } else { format!("{word}\t{help}\n") };
        let bits = if self.files { 0 } else { NO_FILES } | if self.open { NO_SPACE } else { 0 };
        format!("{}:{bits}\n", self.words.iter().map(line).collect::<String>())
    }

    fn of(words: impl IntoIterator<Item = String>) -> Suggestions {
        Suggestions { words: words.into_iter().map(|word| (word, String::new())).collect(), ..Suggestions::default() }
    }

    fn files() -> Suggestions {
        Suggestions { files: true, ..Suggestions::default() }
    }

    fn with_files(self) -> Suggestions {
        Suggestions { files: true, ..self }
    }

    fn open(self) -> Suggestions {
        Suggestions { open: true, ..self }
    }
}

/// What the last of `words` (which may be empty) could become. The words are those after the program's name.
pub fn suggest(words: &[String], state: &State) -> Suggestions {
    let Some((current, before)) = words.split_last() else { return Suggestions::default() };
    let Ok(Line { words: before, .. }) = super::words::join(before) else { return Suggestions::default() };
    let (before, _) = front::without_plan(&before);
    let mut found = fitting(before, current, state);
    found.words.retain(|(word, _)| word.starts_with(current.as_str()));
    found.words.sort();
    found.words.dedup();
    found
}

fn fitting(words: &[Word], current: &str, state: &State) -> Suggestions {
    let first = words.iter().position(|word| !word.text.starts_with('-')).unwrap_or(words.len());
    let words = words.get(first..).unwrap_or_default();
    let depth = (1..=words.len()).rev().find(|&depth| table::is_group(&path(words, depth))).unwrap_or(0);
    if let Some((row, _)) = words.get(depth).and_then(|_| table::command(&path(words, depth + 1))) {
        return of_command(row, words.get(depth + 1..).unwrap_or_default(), current, state);
    }
    match words.len() == depth {
        true if depth == 0 && current.starts_with('-') => flag_names(&table::global_specs(true), "", current),
        true => commands(&path(words, depth)),
        false => Suggestions::default(),
    }
}

fn path(words: &[Word], depth: usize) -> String {
    words.iter().take(depth).map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// The words that can follow a group's name, those that are carried out first of all.
fn commands(group: &str) -> Suggestions {
    let prefix = if group.is_empty() { String::new() } else { format!("{group} ") };
    let mut words: Vec<(String, String)> = Vec::new();
    for row in table::rows().filter(|row| row.carried_out) {
        for name in row.names.iter().filter_map(|name| name.strip_prefix(prefix.as_str())) {
            match name.split_once(' ') {
                None => words.push((name.to_string(), row.about.to_string())),
                Some((group, _)) => words.push((group.to_string(), format!("Commands on {group}s"))),
            }
        }
    }
    if group.is_empty() {
        words.push(("help".into(), "Explain a command".into()));
        words.push(("plan".into(), "Show the steps of a command and do nothing".into()));
    }
    Suggestions { words, ..Suggestions::default() }
}

fn of_command(row: &CommandRow, words: &[Word], current: &str, state: &State) -> Suggestions {
    let specs = table::specs(row, true);
    if let Some(spec) = awaiting_value(&specs, words, row) {
        return values(row, spec.long, current, state);
    }
    if let Some((name, value)) = current.strip_prefix("--").and_then(|flag| flag.split_once('=')) {
        let mut found = values(row, name, value, state);
        found.words.iter_mut().for_each(|(word, _)| *word = format!("--{name}={word}"));
        return found;
    }
    let parsed = flags::parse(&specs, words, row.interspersed).unwrap_or_default();
    let ended = !row.interspersed && !parsed.positionals.is_empty() || words.iter().any(|word| word.text == "--");
    if current.starts_with('-') && !ended {
        return flag_names(&specs, row.key, current);
    }
    let forced = parsed.flags.iter().any(|flag| flag.name == "force");
    arguments(row, parsed.positionals.len(), forced, current, state)
}

/// The flag that the last word is, if it waits for a value.
fn awaiting_value<'a>(specs: &'a [FlagSpec], words: &[Word], row: &CommandRow) -> Option<&'a FlagSpec> {
    let (last, before) = words.split_last()?;
    // Without it the words can be read, with it something is missing.
    let readable = flags::parse(specs, before, row.interspersed).ok()?;
    if flags::parse(specs, words, row.interspersed).is_ok() || !row.interspersed && !readable.positionals.is_empty() {
        return None;
    }
    let takes = |spec: &&FlagSpec| spec.kind.implied().is_none();
    match last.text.strip_prefix("--") {
        Some(name) => specs.iter().filter(takes).find(|spec| spec.long == name),
        None => specs.iter().filter(takes).find(|spec| spec.short.is_some() && spec.short == last.text.chars().last()),
    }
}

fn flag_names(specs: &[FlagSpec], key: &str, current: &str) -> Suggestions {
    let row = |long: &str| table::flag(key, long);
    let shown = specs.iter().filter(|spec| row(spec.long).is_none_or(|row| !row.hidden));
    let word = |spec: &FlagSpec| (format!("--{}", spec.long), row(spec.long).map_or("", |row| row.help).to_string());
    let mut words: Vec<(String, String)> = shown.clone().map(word).collect();
    if current.len() < 3 && !current.starts_with("--") {
        words.extend(
            shown.filter_map(|spec| Some((format!("-{}", spec.short?), row(spec.long).map_or("", |row| row.help).to_string()))),
        );
    }
    Suggestions { words, ..Suggestions::default() }
}

/// What stands after a flag.
fn values(row: &CommandRow, flag: &str, current: &str, state: &State) -> Suggestions {
    let fixed = |words: &[&str]| Suggestions::of(words.iter().map(|word| (*word).to_string()));
    let others = |word: &str| containers(state, |_| true).into_iter().map(|name| format!("{word}{name}")).collect::<Vec<_>>();
    match flag {
        "network" | "net" => {
            Suggestions::of(["none", "host", "container:"].map(str::to_string).into_iter().chain(others("container:")))
        }
        "pid" | "ipc" => Suggestions::of(["host", "container:"].map(str::to_string).into_iter().chain(others("container:"))),
        "uts" | "userns" => fixed(&["host"]),
        "cgroupns" => fixed(&["host", "private"]),
        "pull" => fixed(&["always", "missing", "never"]),
        "restart" => fixed(&["no", "on-failure", "always", "unless-stopped"]),
        "signal" | "stop-signal" => Suggestions::of(Signal::NAMED.iter().map(|(name, _)| (*name).to_string())),
        "cap-add" | "cap-drop" => Suggestions::of(
            Capability::EVERY
                .iter()
                .map(|capability| capability.name().trim_start_matches("CAP_").to_string())
                .chain(["ALL".into()]),
        ),
        "attach" if row.key != "start" => fixed(&["stdin", "stdout", "stderr"]),
        "platform" => fixed(&["linux/amd64", "linux/arm64", "linux/386", "linux/arm/v7"]),
        "security-opt" => fixed(&["no-new-privileges", "seccomp=unconfined", "apparmor=unconfined", "label=disable"]),
        "log-driver" => fixed(&["json-file", "none", "local"]),
        "volume-driver" | "driver" => fixed(&["local"]),
        "type" => fixed(&["container", "volume"]),
        "format" => fixed(&["json", "table"]),
        "plan" => fixed(&["text", "json"]),
        "filter" => filters(row.key).open(),
        "mount" => fixed(&["type=bind,source=", "type=volume,source=", "type=tmpfs,target="]).open(),
        "volume" if current.starts_with(['/', '.']) => Suggestions::files(),
        "volume" => Suggestions::of(state.volumes.keys().map(|name| format!("{name}:"))).with_files().open(),
        "volumes-from" => Suggestions::of(containers(state, |_| true)),
        "env-file" | "label-file" | "cidfile" | "device" => Suggestions::files(),
        _ => Suggestions::default(),
    }
}

fn filters(key: &str) -> Suggestions {
    let names: &[&str] = match key {
        "ps" => {
            &["ancestor=", "before=", "exited=", "health=", "id=", "label=", "name=", "network=", "since=", "status=", "volume="]
        }
        "volume ls" => &["dangling=", "driver=", "label=", "name="],
        "volume prune" => &["all=", "label=", "label!="],
        _ => &["label=", "label!=", "until="],
    };
    Suggestions::of(names.iter().map(|name| (*name).to_string()))
}

fn containers(state: &State, fits: impl Fn(Status) -> bool) -> Vec<String> {
    state.containers.values().filter(|container| fits(container.state.status)).map(|container| container.name.clone()).collect()
}

/// What stands where no flag does; `at`: how many stand before.
fn arguments(row: &CommandRow, at: usize, forced: bool, current: &str, state: &State) -> Suggestions {
    let running = |status: Status| status == Status::Running;
    let idle = |status: Status| !status.runs();
    let names = |fits: &dyn Fn(Status) -> bool| Suggestions::of(containers(state, fits));
    let volumes = || Suggestions::of(state.volumes.keys().cloned());
    match row.key {
        "run" | "create" if at == 0 => {
            Suggestions::of(state.image_names().iter().map(|name| name.trim_end_matches(":latest").to_string()))
        }
        "run" | "create" => Suggestions::files(),
        "exec" if at == 0 => names(&running),
        "exec" => Suggestions::files(),
        "cp" if current.contains(':') || at > 1 => Suggestions::default(),
        "cp" => Suggestions::of(containers(state, |_| true).into_iter().map(|name| format!("{name}:"))).with_files().open(),
        "start" => names(&idle),
        "stop" | "kill" | "pause" | "top" | "attach" => names(&running),
        "unpause" => names(&|status| status == Status::Paused),
        "rm" if !forced => names(&idle),
        "volume rm" | "volume inspect" => volumes(),
        "inspect" => Suggestions::of(containers(state, |_| true).into_iter().chain(state.volumes.keys().cloned())),
        "logs" | "rename" | "port" | "container inspect" if at > 0 && row.key != "container inspect" => Suggestions::default(),
        _ if row.usage.contains("CONTAINER") => names(&|_| true),
        _ => Suggestions::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Volume;

    fn state() -> State {
        let mut state = State::default();
        for (digit, name, status) in
            [("1", "web", Status::Running), ("2", "worker", Status::Exited), ("3", "frozen", Status::Paused)]
        {
            let mut container = crate::step::samples::container();
            (container.id.0, container.name, container.state.status) = (digit.repeat(64), name.into(), status);
            state.containers.insert_mut(container.id.clone(), container);
        }
        state.volumes.insert_mut("data".into(), Volume { name: "data".into(), ..Volume::default() });
        state
    }

    fn words(line: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_string).collect();
        suggest(&words, &state()).words.into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn commands_flags_and_their_values() {
        assert_eq!(words("ru"), ["run"]);
        assert_eq!(words("volume r"), ["rm"]);
        assert_eq!(words("run --cid"), ["--cidfile"]);
        assert_eq!(words("run --pull n"), ["never"]);
        assert_eq!(words("run --pull=n"), ["--pull=never"]);
        assert_eq!(words("run --cap-add NET_A"), ["NET_ADMIN"]);
        assert_eq!(words("run -it -v d"), ["data:"]);
        assert_eq!(words("run --rm toolbox --rm"), Vec::<String>::new());
        assert_eq!(words("ps -f vol"), ["volume="]);
    }

    #[test]
    fn containers_in_the_state_that_the_command_is_for() {
        assert_eq!(words("stop "), ["web"]);
        assert_eq!(words("start w"), ["worker"]);
        assert_eq!(words("unpause "), ["frozen"]);
        assert_eq!(words("rm "), ["worker"]);
        assert_eq!(words("rm -f w"), ["web", "worker"]);
        assert_eq!(words("logs wo"), ["worker"]);
        assert_eq!(words("volume rm "), ["data"]);
        assert_eq!(words("cp w"), ["web:", "worker:"]);
        assert_eq!(words("exec web "), Vec::<String>::new());
        assert!(suggest(&["exec".into(), "web".into(), String::new()], &state()).files);
    }

    #[test]
    fn the_last_line_says_what_the_shell_does() {
        assert_eq!(suggest(&["run".into(), "--pull".into(), "nev".into()], &state()).to_text(), "never\n:4\n");
        assert_eq!(suggest(&["cp".into(), "fr".into()], &state()).to_text(), "frozen:\n:2\n");
    }
}
