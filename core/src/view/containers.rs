//! The table of `docker ps`, as Docker 28 prints it.

use crate::model::{Container, State, Status};

/// The flags of `ps`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The ended ones too.
    pub all: bool,
    /// Only ids.
    pub quiet: bool,
    /// Ids and commands in full.
    pub no_trunc: bool,
    /// The last so many, in any state; negative: no limit.
    pub last: i64,
}

/// Blanks between columns, and the least width of one: the settings of Docker's table writer.
const PADDING: usize = 3;
const WIDTH_MIN: usize = 10;
/// Characters of a command that are shown.
const COMMAND_CHARACTERS_MAX: usize = 20;

/// The table, newest container first.
pub fn table(state: &State, now_ns: u64, options: Options) -> String {
    let mut containers = state.newest_first();
    match usize::try_from(options.last) {
        Ok(last) if last > 0 => containers.truncate(last),
        _ if options.all => {}
        _ => containers.retain(|container| container.state.status == Status::Running),
    }
    let id = |container: &Container| if options.no_trunc { container.id.0.clone() } else { container.id.short().to_string() };
    if options.quiet {
        return containers.iter().map(|container| format!("{}\n", id(container))).collect();
    }
    let header = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"].map(str::to_string);
    let mut rows = vec![header];
    for container in containers {
        rows.push([
            id(container),
            container.image.clone(),
            command(container, options.no_trunc),
            format!("{} ago", human_duration(now_ns.saturating_sub(container.created_ns))),
            status(container, now_ns),
            String::new(),
            container.name.clone(),
        ]);
    }
    aligned(&rows)
}

fn aligned(rows: &[[String; 7]]) -> String {
    let width = |column: usize| {
        let longest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        (longest + PADDING).max(WIDTH_MIN)
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(&format!("{cell:<width$}"));
        }
        text.push_str(&row[6]);
        text.push('\n');
    }
    text
}

/// Program and arguments in quotes, cut with an ellipsis.
fn command(container: &Container, no_trunc: bool) -> String {
    let words = container.process.argv().join(" ");
    let cut = if no_trunc || words.chars().count() <= COMMAND_CHARACTERS_MAX {
        words
    } else {
        let kept: String = words.chars().take(COMMAND_CHARACTERS_MAX - 1).collect();
        format!("{kept}…")
    };
    format!("{cut:?}")
}

/// `Up 3 seconds`, `Exited (0) 2 minutes ago`, `Created`.
pub fn status(container: &Container, now_ns: u64) -> String {
    let state = &container.state;
    match state.status {
        Status::Created => "Created".to_string(),
        Status::Running => format!("Up {}", human_duration(now_ns.saturating_sub(state.started_ns))),
        Status::Exited => {
            format!("Exited ({}) {} ago", state.exit_code, human_duration(now_ns.saturating_sub(state.finished_ns)))
        }
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
        let text = table(&state, container.created_ns + 2_000_000_000, Options { all: true, last: -1, ..Options::default() });
        let expected = "CONTAINER ID   IMAGE     COMMAND   CREATED         STATUS    PORTS     NAMES\n\
                        0123456789ab   toolbox   \"sh\"      2 seconds ago   Created             web\n";
        assert_eq!(text, expected);
        assert_eq!(table(&state, 0, Options::default()).lines().count(), 1);
    }
}
