//! Holds the grammar against what the stock client of Docker 28 takes and refuses, where the collected facts are at hand.
//!
//! Without /work/shared/data/docker-28 these tests print that they were skipped; the cases of our own stand beside the code.

use std::collections::BTreeMap;
use std::path::PathBuf;

use glassbox_core::cli;
use serde_json::Value;

fn rows(file: &str) -> Option<Vec<Value>> {
    let path = PathBuf::from("/work/shared/data/docker-28").join(file);
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().map(|line| serde_json::from_str(line).ok()).collect()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

/// How many rows there were, and on how many of them the answers agree.
#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    agreeing: usize,
    same_words: usize,
    undecidable: usize,
    disagreeing: Vec<String>,
}

impl Tally {
    /// `said`: our first line, or `None` where we take the line.
    fn add(&mut self, what: String, accept: bool, stderr: &str, ours: Option<String>) {
        *(if accept { &mut self.accepted } else { &mut self.refused }) += 1;
        let ours_text = ours.clone().unwrap_or_default();
        if accept != ours.is_none() {
            self.disagreeing.push(format!("{what}: docker {accept} {stderr:?}, ours {ours_text:?}"));
            return;
        }
        self.agreeing += 1;
        let first = |text: &str| text.split("\n\n").next().unwrap_or_default().trim_end().to_string();
        if accept || first(stderr) == first(&ours_text) {
            self.same_words += 1;
        } else {
            self.disagreeing.push(format!("{what}: other words: docker {:?}, ours {:?}", first(stderr), first(&ours_text)));
        }
    }

    fn print(&self, name: &str) {
        let Tally { accepted, refused, agreeing, same_words, undecidable, .. } = self;
        println!(
            "{name}: {accepted} accepted and {refused} refused by docker; {agreeing} agree, {same_words} word for word; {undecidable} need a file, a daemon, a variable or a terminal"
        );
        self.disagreeing.iter().for_each(|line| println!("  {line}"));
    }

    fn judged(&self) -> usize {
        self.accepted + self.refused
    }
}

#[test]
fn flag_values_are_judged_as_docker_does() {
    let Some(rows) = rows("flag-values.jsonl") else {
        println!("skipped: no flag-values.jsonl");
        return;
    };
    let mut tally = Tally::default();
    for row in &rows {
        let (flag, value) = (text(row, "flag"), text(row, "value"));
        if text(row, "stderr").starts_with("docker: unknown server OS") {
            tally.undecidable += 1;
            continue;
        }
        let words: Vec<&str> = if flag == "IMAGE" { vec!["create", "--", value] } else { vec!["create", flag, value, "busybox"] };
        let argv: Vec<String> = words.into_iter().map(str::to_string).collect();
        let ours = cli::check_grammar(&argv).err().map(|error| error.message);
        tally.add(format!("{flag} {value:?}"), row["accept"] == Value::Bool(true), text(row, "stderr"), ours);
    }
    tally.print("flag-values");
    assert_eq!(tally.agreeing, tally.judged());
    assert!(tally.same_words * 100 >= tally.judged() * 99, "{} of {} word for word", tally.same_words, tally.judged());
}

/// The commands that must agree on every line.
const SURE: &[&str] = &["run", "create", "exec", "ps", "stop", "kill", "rm", "logs", "inspect", "wait", "start", "container"];

#[test]
fn command_lines_are_judged_as_docker_does() {
    let Some(rows) = rows("command-lines.jsonl") else {
        println!("skipped: no command-lines.jsonl");
        return;
    };
    let mut tallies: BTreeMap<bool, Tally> = BTreeMap::new();
    for row in &rows {
        let line = text(row, "cmd");
        let command = line.split_whitespace().nth(1).unwrap_or_default();
        let tally = tallies.entry(SURE.contains(&command)).or_default();
        if !matches!(text(row, "kind"), "accept" | "reject") {
            tally.undecidable += 1;
            continue;
        }
        let ours = cli::check_grammar_line(line).err().map(|error| error.message);
        // The collected answers have variables filled in, and without a terminal `-t` is refused before the image is looked at.
        let by_image = ours.as_deref().is_some_and(|ours| ours.contains("reference format"));
        if by_image && (line.contains('$') || line.contains(" -it")) {
            tally.undecidable += 1;
            continue;
        }
        tally.add(line.to_string(), row["accept"] == Value::Bool(true), text(row, "stderr"), ours);
    }
    for (sure, tally) in &tallies {
        tally.print(if *sure { "commands of the table" } else { "other commands" });
        let floor = if *sure { 100 } else { 97 };
        assert!(tally.agreeing * 100 >= tally.judged() * floor, "{} of {}", tally.agreeing, tally.judged());
    }
}

#[test]
fn every_documented_flag_of_the_table_is_known() {
    let path = "/work/shared/data/docker-28/commands.json";
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: no commands.json");
        return;
    };
    let commands: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let (mut known, mut missing) = (0, Vec::new());
    for (command, facts) in &commands {
        for flag in facts["flags"].as_array().into_iter().flatten() {
            let long = flag["name"].as_str().unwrap_or_default().rsplit("--").next().unwrap_or_default();
            let argv: Vec<String> = command.split(' ').map(str::to_string).chain([format!("--{long}=1")]).collect();
            let message = cli::check_grammar(&argv).err().map_or_else(String::new, |error| error.message);
            if message.starts_with("unknown flag") || message.contains("unknown command") {
                missing.push(format!("{command} --{long}"));
            } else {
                known += 1;
            }
        }
    }
    println!("documented flags: {known} known, {} not: {missing:?}", missing.len());
    let of_the_table = |flag: &&String| SURE[..11].contains(&flag.split(' ').next().unwrap_or_default());
    assert_eq!(missing.iter().filter(of_the_table).count(), 0);
    assert!(missing.len() * 50 <= known);
}

/// `stock-client.jsonl`: argument vectors, half of them drawn at random from the flags and from values that try them, and what the
/// stock client 28.2 without a daemon said: its exit code and all of its message, or nothing where it went on to the daemon.
#[test]
fn recorded_answers_of_the_stock_client_are_ours() {
    let (mut taken, mut refused) = (0, 0);
    for line in include_str!("stock-client.jsonl").lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let argv: Vec<String> = row["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_string()).collect();
        let ours = cli::check_grammar(&argv).err().map(|error| (i64::from(error.exit_code), error.message));
        let docker = row["exit"].as_i64().map(|exit| (exit, text(&row, "stderr").to_string()));
        *(if docker.is_none() { &mut taken } else { &mut refused }) += 1;
        let trimmed = ours.map(|(exit, message)| (exit, message.trim_end().to_string()));
        assert_eq!(trimmed, docker, "{argv:?}");
    }
    println!("recorded answers: {taken} taken, {refused} refused");
    assert!(taken > 100 && refused > 300);
}
