//! The fixture format: one text file, commands and what they show.
//!
//! ```text
//! # What this fixture shows, in a line or two.
//! @ requires root
//! $ docker run --rm toolbox cat
//! < typed into its standard input
//! typed into its standard input
//! $ docker run --rm toolbox false
//! ? 1
//! $ docker stop nobody
//! ! Error response from daemon: No such container: nobody
//! ? 1
//! ```
//!
//! `$` a command, `<` a line of its standard input, `!` a line of stderr, `?` the exit code where it is not 0, `~` why Docker itself shows
//! something else by design, everything else a line of stdout. `@ docker not asked: …` says why Docker cannot be held against it at all
//! (see `docker`). A line of stdout that begins with one of these marks, or is empty at the end, is written with a `|` before it. A fixture
//! that never fails is worth nothing: `harness` tests plant divergences.

use anyhow::{Result, bail};

/// Fixtures larger than this are refused.
pub const FIXTURE_BYTES_MAX: usize = 256 << 10;

/// A fixture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fixture {
    /// The file's name without its ending.
    pub name: String,
    /// The opening comment.
    pub title: String,
    /// What a real host must offer: `root`, `memory`, `pids`, `cpu`.
    pub requires: Vec<String>,
    /// Why Docker's daemon is not asked; `None`: it is.
    pub docker_not_asked: Option<String>,
    /// In order.
    pub commands: Vec<Exchange>,
}

/// A command and what it shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The command line, as typed.
    pub line: String,
    /// Standard input.
    pub stdin: String,
    /// Expected.
    pub stdout: String,
    /// Expected.
    pub stderr: String,
    /// Expected.
    pub exit_code: i32,
    /// Why Docker shows something else; empty: it shows the same.
    pub differs: String,
}

impl Fixture {
    /// Reads a fixture; an error names the line.
    pub fn parse(name: &str, text: &str) -> Result<Fixture> {
        if text.len() > FIXTURE_BYTES_MAX {
            bail!("{name}: larger than {FIXTURE_BYTES_MAX} bytes");
        }
        let mut fixture = Fixture { name: name.to_string(), ..Fixture::default() };
        for (number, line) in text.lines().enumerate() {
            fixture.take(line).map_err(|error| error.context(format!("{name}, line {}", number + 1)))?;
        }
        if fixture.commands.is_empty() {
            bail!("{name}: no command");
        }
        Ok(fixture)
    }

    fn take(&mut self, line: &str) -> Result<()> {
        if let Some(command) = line.strip_prefix("$ ") {
            self.commands.push(Exchange { line: command.to_string(), ..Exchange::default() });
            return Ok(());
        }
        if let Some(words) = line.strip_prefix("@ requires ") {
            self.requires.extend(words.split_whitespace().map(str::to_string));
            return Ok(());
        }
        if let Some(why) = line.strip_prefix("@ docker not asked: ") {
            self.docker_not_asked = Some(why.to_string());
            return Ok(());
        }
        let Some(exchange) = self.commands.last_mut() else {
            return self.take_title(line);
        };
        match line.split_at_checked(2).unwrap_or((line, "")) {
            ("< ", rest) => push_line(&mut exchange.stdin, rest),
            ("! ", rest) => push_line(&mut exchange.stderr, rest),
            ("~ ", rest) => push_line(&mut exchange.differs, rest),
            ("? ", rest) => exchange.exit_code = rest.trim().parse()?,
            ("| ", rest) => push_line(&mut exchange.stdout, rest),
            _ if line == "|" => push_line(&mut exchange.stdout, ""),
            _ if line == "!" => push_line(&mut exchange.stderr, ""),
            _ => push_line(&mut exchange.stdout, line),
        }
        Ok(())
    }

    fn take_title(&mut self, line: &str) -> Result<()> {
        match line.strip_prefix('#') {
            Some(words) => push_line(&mut self.title, words.trim()),
            None if line.trim().is_empty() => {}
            None => bail!("before the first command only comments (#) and requirements (@) may stand"),
        }
        Ok(())
    }

    /// The fixture as text, with these exchanges in place of the expected ones: what `cargo xtask bless` writes.
    pub fn render(&self, exchanges: &[Exchange]) -> String {
        let mut text: String = self.title.lines().map(|line| format!("# {line}\n")).collect();
        if !self.requires.is_empty() {
            text.push_str(&format!("@ requires {}\n", self.requires.join(" ")));
        }
        if let Some(why) = &self.docker_not_asked {
            text.push_str(&format!("@ docker not asked: {why}\n"));
        }
        for exchange in exchanges {
            text.push_str(&exchange.render());
        }
        text
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

impl Exchange {
    fn render(&self) -> String {
        let mut text = format!("$ {}\n", self.line);
        self.stdin.lines().for_each(|line| text.push_str(&format!("< {line}\n")));
        self.stdout.lines().for_each(|line| text.push_str(&escaped(line)));
        for line in self.stderr.lines() {
            push_line(&mut text, format!("! {line}").trim_end());
        }
        if self.exit_code != 0 {
            text.push_str(&format!("? {}\n", self.exit_code));
        }
        self.differs.lines().for_each(|line| text.push_str(&format!("~ {line}\n")));
        text
    }
}

/// A line of stdout that could be taken for a mark gets a `|`.
fn escaped(line: &str) -> String {
    let marks = ["$ ", "< ", "! ", "? ", "| ", "@ ", "~ "];
    match line {
        "" => "|\n".to_string(),
        _ if marks.iter().any(|mark| line.starts_with(mark)) || line == "|" || line == "!" => format!("| {line}\n"),
        _ => format!("{line}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# Shows a thing.\n@ requires root\n@ docker not asked: why\n$ docker run toolbox cat\n< hi\nhi\n|\n! oops\n? 3\n~ so\n";

    #[test]
    fn a_fixture_survives_a_round_trip() {
        let fixture = Fixture::parse("a", TEXT).unwrap();
        assert_eq!(fixture.commands[0].stdout, "hi\n\n");
        assert_eq!(fixture.commands[0].exit_code, 3);
        assert_eq!(fixture.commands[0].differs, "so\n");
        assert_eq!(fixture.render(&fixture.commands), TEXT);
    }

    #[test]
    fn an_error_names_the_line() {
        let error = Fixture::parse("a", "words\n$ docker ps\n").unwrap_err();
        assert!(format!("{error:#}").contains("line 1"));
        assert!(Fixture::parse("a", "# nothing\n").is_err());
    }
}
