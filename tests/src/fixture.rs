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
//! (see `docker`). `$ docker cp box:/x - > NAME` keeps the bytes of stdout in a file of the harness, and `$ docker cp - box:/ < NAME` gives
//! them to another command. A line of stdout that begins with one of these marks, or is empty at the end, is written with a `|` before it. A fixture
//! that never fails is worth nothing: `harness` tests plant divergences.

use std::collections::BTreeMap;

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
    /// Standard input as bytes, where it comes from a kept file.
    pub piped: Option<Vec<u8>>,
    /// Standard output as bytes, where a machine has shown it.
    pub written: Vec<u8>,
}

/// The files of a fixture's redirections, by name.
#[derive(Debug, Default)]
pub struct Kept(BTreeMap<String, Vec<u8>>);

impl Kept {
    /// The command without its redirections, with what it is given; and the name that its output is kept under.
    pub fn opened(&self, exchange: &Exchange) -> Result<(Exchange, Option<String>)> {
        let mut bare = exchange.clone();
        let mut kept = None;
        while let Some((line, mark, name)) = redirection(&bare.line) {
            match (mark, self.0.get(name)) {
                (">", _) => kept = Some(name.to_string()),
                (_, Some(bytes)) => bare.piped = Some(bytes.clone()),
                (_, None) => bail!("{}: no command before has kept {name}", exchange.line),
            }
            bare.line = line.to_string();
        }
        Ok((bare, kept))
    }

    /// What was shown goes into the file instead.
    pub fn keep(&mut self, name: Option<String>, shown: &mut Exchange) {
        if let Some(name) = name {
            self.0.insert(name, std::mem::take(&mut shown.written));
            shown.stdout.clear();
        }
        shown.written.clear();
        shown.piped = None;
    }
}

/// A line, and what is at its end: `> NAME` or `< NAME`. Quoted words and paths are no names: they belong to the command.
fn redirection(line: &str) -> Option<(&str, &str, &str)> {
    let (before, name) = line.rsplit_once(' ')?;
    let (command, mark) = before.rsplit_once(' ')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    (is_name && matches!(mark, "<" | ">")).then_some((command, mark, name))
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
    /// What goes into its standard input.
    pub fn input(&self) -> &[u8] {
        self.piped.as_deref().unwrap_or(self.stdin.as_bytes())
    }

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
    fn what_is_kept_is_given_to_another() {
        let mut kept = Kept::default();
        let exchange = |line: &str| Exchange { line: line.into(), ..Exchange::default() };
        let (bare, name) = kept.opened(&exchange("docker cp box:/x - > x.tar")).unwrap();
        assert_eq!((bare.line.as_str(), name.as_deref()), ("docker cp box:/x -", Some("x.tar")));
        let mut shown = Exchange { stdout: "?".into(), written: vec![0xff], ..bare };
        kept.keep(name, &mut shown);
        assert_eq!((shown.stdout.as_str(), shown.written.len()), ("", 0));
        let (bare, name) = kept.opened(&exchange("docker cp - box:/ < x.tar")).unwrap();
        assert_eq!((bare.line.as_str(), bare.piped, name), ("docker cp - box:/", Some(vec![0xff]), None));
        assert!(kept.opened(&exchange("docker cp - box:/ < y.tar")).is_err());
        assert_eq!(
            kept.opened(&exchange("docker run toolbox sh -c 'echo > x'")).unwrap().0.line,
            "docker run toolbox sh -c 'echo > x'"
        );
    }

    #[test]
    fn an_error_names_the_line() {
        let error = Fixture::parse("a", "words\n$ docker ps\n").unwrap_err();
        assert!(format!("{error:#}").contains("line 1"));
        assert!(Fixture::parse("a", "# nothing\n").is_err());
    }
}
