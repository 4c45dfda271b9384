//! The table of `docker ps`, as Docker 28 prints it.

use crate::cli::ContainerList;
use crate::host::HostFacts;
use crate::model::health::HealthStatus;
use crate::model::{Container, Status};

/// Blanks between columns, and the least width of one: the settings of Docker's table writer.
const PADDING: usize = 3;
const WIDTH_MIN: usize = 10;
/// Characters of a command that are shown.
const COMMAND_CHARACTERS_MAX: usize = 20;

/// The table of these containers.
pub fn table(containers: &[&Container], host: &HostFacts, options: &ContainerList) -> String {
    let now_ns = host.now_ns;
    let id = |container: &Container| if options.no_trunc { container.id.0.clone() } else { container.id.short().to_string() };
    if options.quiet {
        return containers.iter().map(|container| format!("{}\n", id(container))).collect();
    }
    let header = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"].map(str::to_string);
    let mut rows = vec![header.to_vec()];
    rows.extend(rows_of(containers, now_ns, options));
    if options.sizes {
        let sizes = containers.iter().map(|container| super::disk::container_size(container, host));
        let cells = std::iter::once("SIZE".to_string()).chain(sizes);
        rows.iter_mut().zip(cells).for_each(|(row, size)| row.push(size));
    }
    aligned(&rows)
}

fn rows_of(containers: &[&Container], now_ns: u64, options: &ContainerList) -> Vec<Vec<String>> {
    let id = |container: &Container| if options.no_trunc { container.id.0.clone() } else { container.id.short().to_string() };
    let mut rows = Vec::new();
    for container in containers {
        rows.push(vec![
            id(container),
            container.image.clone(),
            command(container, options.no_trunc),
            format!("{} ago", human_duration(now_ns.saturating_sub(container.created_ns))),
            status(container, now_ns),
            String::new(),
            container.name.clone(),
        ]);
    }
    rows
}

/// Cells below one another; the last of a row is as wide as it is.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    aligned_from(rows, WIDTH_MIN)
}

/// As `aligned`, with columns at least so wide.
pub(super) fn aligned_from(rows: &[Vec<String>], width_min: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let longest = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default();
        (longest + PADDING).max(width_min)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if at + 1 == row.len() { text.push_str(cell) } else { text.push_str(&format!("{cell:<width$}")) }
        }
        text.push('\n');
    }
    text
}

/// Program and arguments in quotes, cut with an ellipsis. As dockerd puts them together: an argument with a blank in it stands between
/// single quotes.
pub(super) fn command(container: &Container, no_trunc: bool) -> String {
    let argv = container.process.argv();
    let argument = |(at, word): (usize, &String)| if at > 0 && word.contains(' ') { format!("'{word}'") } else { word.clone() };
    let words: Vec<String> = argv.iter().enumerate().map(argument).collect();
    let words = words.join(" ");
    let cut = if no_trunc || words.chars().count() <= COMMAND_CHARACTERS_MAX {
        words
    } else {
        let kept: String = words.chars().take(COMMAND_CHARACTERS_MAX - 1).collect();
        format!("{kept}…")
    };
    go_quoted(&cut)
}

/// A string literal as Go writes it.
fn go_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            control if control.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(control))),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

/// Docker's word for its state.
pub fn state_word(container: &Container) -> &'static str {
    match container.state.status {
        Status::Created => "created",
        Status::Running => "running",
        Status::Paused => "paused",
        Status::Restarting => "restarting",
        Status::Exited => "exited",
    }
}

/// `Up 3 seconds`, `Exited (0) 2 minutes ago`, `Created`.
pub fn status(container: &Container, now_ns: u64) -> String {
    let state = &container.state;
    match state.status {
        Status::Created => "Created".to_string(),
        Status::Running => {
            format!("Up {}{}", human_duration(now_ns.saturating_sub(state.started_ns)), health_words(container))
        }
        Status::Paused => format!("Up {} (Paused)", human_duration(now_ns.saturating_sub(state.started_ns))),
        Status::Restarting => {
            format!("Restarting ({}) {} ago", state.exit_code, human_duration(now_ns.saturating_sub(state.finished_ns)))
        }
        Status::Exited => {
            format!("Exited ({}) {} ago", state.exit_code, human_duration(now_ns.saturating_sub(state.finished_ns)))
        }
    }
}

/// As Docker puts it behind the time: ` (health: starting)`, ` (healthy)`.
fn health_words(container: &Container) -> String {
    match container.state.health.as_ref().map(|health| health.status) {
        None => String::new(),
        Some(HealthStatus::Starting) => " (health: starting)".to_string(),
        Some(status) => format!(" ({})", status.name()),
    }
}

/// A duration in nanoseconds as Docker words it.
pub fn human_duration(nanoseconds: u64) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match () {
        () if seconds < 1 => "Less than a second".to_string(),
        () if seconds == 1 => "1 second".to_string(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".to_string(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_string(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::State;
    use crate::view::listing;

    fn asked(all: bool, last: i64) -> ContainerList {
        ContainerList { all, quiet: false, no_trunc: false, last, filters: Vec::new(), format: None, sizes: false }
    }

    fn shown_of(state: &State, now_ns: u64, options: &ContainerList) -> String {
        table(&listing::chosen(state, options).unwrap(), &HostFacts { now_ns, ..HostFacts::example() }, options)
    }

    #[test]
    fn durations_are_worded_as_docker_words_them() {
        let second = 1_000_000_000;
        let cases = [(0, "Less than a second"), (1, "1 second"), (46, "46 seconds"), (60, "About a minute"), (125, "2 minutes")];
        for (seconds, words) in cases {
            assert_eq!(human_duration(seconds * second), words);
        }
        assert_eq!(human_duration(3600 * second), "About an hour");
        assert_eq!(human_duration(24 * 3 * 3600 * second), "3 days");
    }

    #[test]
    fn the_table_has_dockers_columns() {
        let mut state = State::default();
        let container = crate::step::samples::container();
        state.containers.insert_mut(container.id.clone(), container.clone());
        let text = shown_of(&state, container.created_ns + 2_000_000_000, &asked(true, -1));
        let expected = "CONTAINER ID   IMAGE     COMMAND   CREATED         STATUS    PORTS     NAMES\n\
                        0123456789ab   toolbox   \"sh\"      2 seconds ago   Created             web\n";
        assert_eq!(text, expected);
        assert_eq!(shown_of(&state, 0, &asked(false, -1)).lines().count(), 1);
    }

    fn shown(argv: &[&str]) -> String {
        let mut container = crate::step::samples::container();
        container.process.cmd = argv.iter().map(|word| (*word).to_string()).collect();
        command(&container, false)
    }

    #[test]
    fn commands_are_quoted_and_cut_as_docker_does() {
        assert_eq!(shown(&["sh", "-c", "a b"]), "\"sh -c 'a b'\"");
        assert_eq!(shown(&["sh", "-c", "while true; do date; done"]), "\"sh -c 'while true; …\"");
        assert_eq!(shown(&["echo", "\"\n\u{1b}é"]), "\"echo \\\"\\n\\x1bé\"");
        assert_eq!(shown(&["12345678901234567890"]), "\"12345678901234567890\"");
        assert_eq!(shown(&["123456789012345678901"]), "\"1234567890123456789…\"");
    }

    #[test]
    fn states_are_worded_as_docker_words_them() {
        let mut container = crate::step::samples::container();
        (container.state.status, container.state.started_ns) = (Status::Running, 1_000_000_000);
        assert_eq!(status(&container, 62_000_000_000), "Up About a minute");
        (container.state.status, container.state.finished_ns, container.state.exit_code) = (Status::Exited, 2_000_000_000, 137);
        assert_eq!(status(&container, 5_000_000_000), "Exited (137) 3 seconds ago");
    }

    #[test]
    fn the_last_so_many_are_shown_in_any_state() {
        let mut state = State::default();
        for (digit, seconds) in [("1", 5), ("2", 7), ("3", 6)] {
            let mut container = crate::step::samples::container();
            (container.id.0, container.created_ns) = (digit.repeat(64), seconds);
            state.containers.insert_mut(container.id.clone(), container);
        }
        let ids = |options: ContainerList| shown_of(&state, 10, &ContainerList { quiet: true, ..options });
        assert_eq!(ids(asked(false, 2)), "222222222222\n333333333333\n");
        assert_eq!(ids(asked(false, -1)), "");
        let whole = ContainerList { no_trunc: true, ..asked(true, -1) };
        assert_eq!(ids(whole).lines().next(), Some("2".repeat(64).as_str()));
    }
}
