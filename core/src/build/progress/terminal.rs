//! Progress on a terminal: all parts, one below the other, drawn again and again, as BuildKit's `tty` display shows them. The part at hand
//! has the last lines of its program below it. Text alone: whoever has the terminal writes it.
//!
//! ```text
//! [+] Building 1.2s (3/4)                              docker:default
//!  => [internal] load build definition from Dockerfile           0.0s
//!  => => transferring dockerfile: 47B                            0.0s
//!  => CACHED [2/3] COPY web /w                                   0.0s
//!  => [3/3] RUN make                                             1.1s
//!  => => # cc -c main.c
//! ```

const NS_PER_SECOND: f64 = 1e9;
/// More often it is not drawn for a program's lines.
const DRAW_NS: u64 = 100_000_000;
/// Lines of a program that are shown while it runs.
const LOG_LINES: usize = 6;
/// So much of the window's width a program's lines leave.
const LOG_MARGIN: usize = 10;
/// A name of fewer columns says nothing.
const NAME_COLUMNS_MIN: usize = 12;
/// Shorter is no time at all.
const SECONDS_MIN: f64 = 0.05;
/// How what we have to say begins.
const OWN: &str = "glassbox: ";
/// What buildx calls the builder that is the daemon itself.
const BUILDER: &str = "docker:default";
const BLUE: &str = "\x1b[34m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const FAINT: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// How a part has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was carried out.
    Done,
    /// Its result was there.
    Cached,
    /// It has failed.
    Failed,
    /// The caller has had enough of it.
    Canceled,
}

#[derive(Clone, Debug)]
struct Part {
    name: String,
    began_ns: u64,
    end: Option<(End, u64)>,
    statuses: Vec<String>,
}

/// The window, and what is on it.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    columns: usize,
    rows: usize,
    colors: bool,
    parts: Vec<Part>,
    /// The last lines of the program that runs.
    log: Vec<String>,
    /// Lines that are on the window.
    drawn: usize,
    drawn_ns: u64,
    /// What is told again at the end.
    failures: String,
    /// It is the end.
    finished: bool,
}

impl Terminal {
    pub(super) fn new(columns: u16, rows: u16, colors: bool) -> Terminal {
        let (columns, rows) = (usize::from(columns), usize::from(rows));
        Terminal {
            columns,
            rows,
            colors,
            parts: Vec::new(),
            log: Vec::new(),
            drawn: 0,
            drawn_ns: 0,
            failures: String::new(),
            finished: false,
        }
    }

    pub(super) fn begin(&mut self, name: &str, at_ns: u64) -> String {
        let name = name.replace('\t', " ");
        self.parts.push(Part { name, began_ns: at_ns, end: None, statuses: Vec::new() });
        self.log.clear();
        self.finished = false;
        self.draw(at_ns, false)
    }

    /// `told`: what is to stand below all parts at the end.
    pub(super) fn fail(&mut self, told: &str, at_ns: u64) -> String {
        self.failures += told;
        self.end(End::Failed, at_ns)
    }

    pub(super) fn end(&mut self, end: End, at_ns: u64) -> String {
        if let Some(part) = self.parts.last_mut() {
            part.end = Some((end, at_ns));
        }
        self.log.clear();
        self.draw(at_ns, false)
    }

    pub(super) fn status(&mut self, text: &str, at_ns: u64) -> String {
        let text = text.strip_suffix(" done").unwrap_or(text).to_string();
        if let Some(part) = self.parts.last_mut() {
            part.statuses.push(text);
        }
        self.draw(at_ns, false)
    }

    pub(super) fn log(&mut self, line: &str, at_ns: u64) -> String {
        if self.log.len() == LOG_LINES {
            self.log.remove(0);
        }
        self.log.push(line.chars().filter(|letter| !letter.is_control()).collect());
        self.tick(at_ns)
    }

    /// Some time has gone by.
    pub(super) fn tick(&mut self, at_ns: u64) -> String {
        if at_ns.saturating_sub(self.drawn_ns) < DRAW_NS { String::new() } else { self.draw(at_ns, false) }
    }

    /// For the last time: all of it, however much the window holds.
    pub(super) fn finish(&mut self, at_ns: u64) -> String {
        if self.parts.is_empty() || std::mem::replace(&mut self.finished, true) {
            return String::new();
        }
        let text = self.draw(at_ns, true) + &std::mem::take(&mut self.failures);
        // What follows stands below.
        self.drawn = 0;
        text
    }

    fn draw(&mut self, at_ns: u64, all: bool) -> String {
        self.drawn_ns = at_ns;
        let mut lines: Vec<String> = self.parts.iter().flat_map(|part| self.lines_of(part, at_ns)).collect();
        let room = self.rows.saturating_sub(2);
        if !all && lines.len() > room {
            lines.drain(..lines.len() - room);
        }
        let mut text = match self.drawn {
            0 => String::new(),
            drawn => format!("\x1b[{drawn}A\r"),
        };
        text += "\x1b[?25l";
        text += &self.head(at_ns, all);
        text.push('\n');
        for line in &lines {
            text += line;
            text.push('\n');
        }
        let drawn = 1 + lines.len();
        // What stood below goes.
        let left = self.drawn.saturating_sub(drawn);
        text += &"\x1b[2K\n".repeat(left);
        if left > 0 {
            text += &format!("\x1b[{left}A\r");
        }
        text += "\x1b[?25h";
        self.drawn = drawn;
        text
    }

    fn head(&self, at_ns: u64, all: bool) -> String {
        let ended = self.parts.iter().filter(|part| part.end.is_some()).count();
        let began_ns = self.parts.first().map_or(at_ns, |part| part.began_ns);
        let finished = if all && ended == self.parts.len() { "FINISHED" } else { "" };
        let left = format!("[+] Building {:.1}s ({ended}/{}) {finished}", seconds(began_ns, at_ns), self.parts.len());
        cut(&aligned(&left, BUILDER, self.columns.saturating_sub(1)), self.columns)
    }

    fn lines_of(&self, part: &Part, at_ns: u64) -> Vec<String> {
        let (end, until_ns) = part.end.map_or((None, at_ns), |(end, at_ns)| (Some(end), at_ns));
        let mark = match end {
            Some(End::Cached) => "CACHED ",
            Some(End::Failed) => "ERROR ",
            Some(End::Canceled) => "CANCELED ",
            Some(End::Done) | None => "",
        };
        let color = match end {
            Some(End::Failed) => RED,
            Some(End::Canceled) => YELLOW,
            Some(End::Cached | End::Done) => BLUE,
            None => "",
        };
        let mut lines: Vec<String> =
            self.line(&format!("{mark}{}", part.name), seconds(part.began_ns, until_ns), color).into_iter().collect();
        for status in &part.statuses {
            match status.strip_prefix(OWN) {
                // What we have to say is said in full.
                Some(told) => lines.extend(self.wrapped(told).iter().map(|line| self.colored(line, YELLOW))),
                None => lines.extend(self.line(&format!("=> {status}"), 0.0, BLUE)),
            }
        }
        if end.is_none() {
            let width = self.columns.saturating_sub(LOG_MARGIN);
            lines.extend(self.log.iter().map(|line| self.colored(&format!(" => => # {}", cut(line, width)), FAINT)));
        }
        lines
    }

    fn line(&self, name: &str, seconds: f64, color: &str) -> Option<String> {
        let seconds = if seconds < SECONDS_MIN { 0.0 } else { seconds };
        let timer = format!(" {seconds:3.1}s");
        let room = self.columns.checked_sub(" => ".len() + timer.len() + 2).filter(|room| *room >= NAME_COLUMNS_MIN)?;
        let line = aligned(&format!(" => {}", cut(name, room)), &timer, self.columns.saturating_sub(1));
        Some(self.colored(&line, color))
    }

    /// A remark of ours, word by word in as many lines as it takes.
    fn wrapped(&self, told: &str) -> Vec<String> {
        let mut lines = vec![format!(" => => {OWN}")];
        for word in told.split(' ') {
            let fits = |line: &String| line.chars().count() + 1 + word.chars().count() < self.columns;
            match lines.last_mut().filter(|line| fits(line)) {
                Some(line) => *line = format!("{line}{}{word}", if line.ends_with(' ') { "" } else { " " }),
                None => lines.push(format!(" => =>   {}", cut(word, self.columns.saturating_sub(LOG_MARGIN)))),
            }
        }
        lines
    }

    fn colored(&self, text: &str, color: &str) -> String {
        if self.colors && !color.is_empty() { format!("{color}{text}{PLAIN}") } else { text.to_string() }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a build of years is not timed to the nanosecond")]
fn seconds(began_ns: u64, at_ns: u64) -> f64 {
    at_ns.saturating_sub(began_ns) as f64 / NS_PER_SECOND
}

fn cut(text: &str, columns: usize) -> String {
    text.chars().take(columns).collect()
}

/// One at the left, one at the right.
fn aligned(left: &str, right: &str, columns: usize) -> String {
    let width = columns.saturating_sub(right.chars().count() + 1);
    format!("{left:width$} {right}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(text: &str) -> Vec<String> {
        // What a terminal makes of it: lines, and a cursor that goes up.
        let (mut lines, mut row, mut rest) = (vec![String::new()], 0, text);
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            match letter {
                '\x1b' => {
                    let end = rest.find(|letter: char| letter.is_ascii_alphabetic()).unwrap();
                    if rest[end..].starts_with('A') {
                        row -= rest[1..end].parse::<usize>().unwrap();
                    }
                    rest = &rest[end + 1..];
                    continue;
                }
                '\n' => {
                    row += 1;
                    lines.resize(lines.len().max(row + 1), String::new());
                    lines[row].clear();
                }
                '\r' => lines[row].clear(),
                letter => lines[row].push(letter),
            }
        }
        lines.iter().map(|line| line.trim_end().to_string()).collect()
    }

    #[test]
    fn parts_stand_one_below_the_other_and_are_drawn_again() {
        let mut terminal = Terminal::new(60, 20, true);
        let mut shown = terminal.begin("[internal] load build definition from Dockerfile", 0);
        shown += &terminal.status("transferring dockerfile: 47B done", 1_000_000);
        shown += &terminal.end(End::Done, 20_000_000);
        shown += &terminal.begin("[2/2] RUN make", 20_000_000);
        shown += &terminal.log("one", 30_000_000);
        shown += &terminal.log("two", 1_500_000_000);
        assert_eq!(
            screen(&shown),
            [
                "[+] Building 1.5s (1/2)                      docker:default",
                " => [internal] load build definition from Dockerfile   0.0s",
                " => => transferring dockerfile: 47B                    0.0s",
                " => [2/2] RUN make                                     1.5s",
                " => => # one",
                " => => # two",
                "",
            ]
        );
        shown += &terminal.fail("------\n > it\n", 2_000_000_000);
        shown += &terminal.finish(2_000_000_000);
        shown += &terminal.finish(2_000_000_000);
        assert_eq!(
            screen(&shown),
            [
                "[+] Building 2.0s (2/2) FINISHED             docker:default",
                " => [internal] load build definition from Dockerfile   0.0s",
                " => => transferring dockerfile: 47B                    0.0s",
                " => ERROR [2/2] RUN make                               2.0s",
                "------",
                " > it",
                "",
            ]
        );
    }

    #[test]
    fn why_it_is_not_cached_is_told_in_full() {
        let mut terminal = Terminal::new(40, 20, false);
        let mut shown = terminal.begin("[2/2] RUN make", 0);
        shown += &terminal.status("glassbox: not cached. Since it was built here last: file main.c has changed.", 0);
        let seen = screen(&shown);
        let wanted =
            [" => => glassbox: not cached. Since it", " => =>   was built here last: file", " => =>   main.c has changed."];
        assert_eq!(seen[2..5], wanted);
    }

    #[test]
    fn what_a_window_does_not_hold_is_shown_at_the_end() {
        let mut terminal = Terminal::new(40, 5, false);
        let mut shown = String::new();
        for number in 1..=6 {
            shown += &terminal.begin(&format!("part {number}"), 0);
            shown += &terminal.end(End::Cached, 0);
        }
        let seen = screen(&shown);
        assert_eq!(
            seen[1..4].iter().map(|line| &line[..18]).collect::<Vec<_>>(),
            [" => CACHED part 4 ", " => CACHED part 5 ", " => CACHED part 6 "]
        );
        shown += &terminal.finish(0);
        assert_eq!(screen(&shown).iter().filter(|line| line.contains("CACHED part")).count(), 6);
        assert_eq!(Terminal::new(3, 3, true).begin("x", 0).matches("=>").count(), 0);
    }
}
