//! What `docker build --check` prints.

use crate::dockerfile::{Fault, Lines, Report};

/// Lines of the file that are shown around a place: so many where it is a single line, so many elsewhere.
const AROUND_ONE: u32 = 4;
const AROUND_MORE: u32 = 2;
const RULE: &str = "--------------------\n";

/// What goes to stdout: Docker's own text.
pub fn findings(report: &Report, file: &str, name: &str) -> String {
    let mut text = match report.warnings.len() {
        0 if report.faults.is_empty() => return "Check complete, no warnings found.\n".to_string(),
        0 => return String::new(),
        1 => "Check complete, 1 warning has been found!\n".to_string(),
        count => format!("Check complete, {count} warnings have been found!\n"),
    };
    for warning in &report.warnings {
        text += &format!("\nWARNING: {} - {}\n{}\n", warning.rule.name(), warning.rule.url(), warning.message);
        text += &place(file, name, warning.lines);
    }
    if !report.faults.is_empty() {
        text.push('\n');
    }
    text
}

/// What goes to stderr: Docker's error, and behind it what Docker would say only when that one is mended, marked as ours.
pub fn refusal(report: &Report, file: &str, name: &str) -> String {
    let Some(first) = report.faults.first() else { return String::new() };
    let mut text = format!("ERROR: {}\n", first.message);
    text += &first.lines.map(|lines| place(file, name, lines)).unwrap_or_default();
    text.push('\n');
    let further = report.faults.iter().skip(1).map(|fault| format!("glassbox: then {}\n", told(fault)));
    text + &further.collect::<String>()
}

/// What Docker would know and this machine does not; empty: nothing.
pub fn left_open(report: &Report) -> String {
    let mut text = String::new();
    if let Some(frontend) = &report.frontend {
        text += &format!(
            "glassbox: the file asks for the frontend {frontend}, which is not fetched: it was read by the rules of Docker 28's own\n"
        );
    }
    if !report.unknown_bases.is_empty() {
        text += &format!(
            "glassbox: not here: {}. Which variables it sets is not known, so that UndefinedVar was not asked in stages upon it\n",
            report.unknown_bases.join(", ")
        );
    }
    text
}

/// Why the rules that found something are there, and what mends it: ours.
pub fn advice(report: &Report) -> String {
    let mut rules: Vec<_> = report.warnings.iter().map(|warning| warning.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules.iter().map(|rule| format!("glassbox: {}: {} {}\n", rule.name(), rule.why(), rule.mend())).collect()
}

fn told(fault: &Fault) -> String {
    match fault.lines {
        Some(lines) if !fault.message.contains(" on line ") => format!("on line {}: {}", lines.first, fault.message),
        _ => fault.message.clone(),
    }
}

/// The lines of a place, marked, with some around them.
pub fn place(file: &str, name: &str, lines: Lines) -> String {
    let all: Vec<&str> = file.split('\n').collect();
    let count = all.len() as u32;
    let last = lines.last.min(count);
    let (from, to) = around(Lines { first: lines.first, last }, count);
    let mut text = format!("{name}:{}\n{RULE}", lines.first);
    for (number, line) in (1u32..).zip(&all).skip(from as usize - 1).take((to - from + 1) as usize) {
        let mark = if (lines.first..=last).contains(&number) { ">>>" } else { "   " };
        text += &format!(" {number:3} | {mark} {line}\n");
    }
    text + RULE
}

/// As BuildKit widens a place: one line above, one below, in turns.
fn around(lines: Lines, count: u32) -> (u32, u32) {
    let most = if lines.first == lines.last { AROUND_ONE } else { AROUND_MORE };
    let (mut from, mut to) = (lines.first.max(1), lines.last.max(1));
    let mut done = 0;
    while done < most {
        if from > 1 {
            from -= 1;
            done += 1;
        }
        if to != count {
            to += 1;
            done += 1;
        }
        done += 1;
    }
    (from, to)
}
