//! `lesson.toml` → [`Lesson`], with a diagnostic for everything that is not as it should be.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::fields::{Fields, is_id};
use super::{Diagnostic, FACTS_BYTES_MAX, FORMAT, Hint, Lesson, Question, Requirement, STEPS_MAX, Step, Task, ask, goal, report};
use crate::host::Controller;

const FILE: &str = "lesson.toml";

/// The facts of a lesson.
pub(super) fn facts(text: &str, found: &mut Vec<Diagnostic>) -> Lesson {
    if text.len() > FACTS_BYTES_MAX {
        report(found, FILE, format!("larger than {FACTS_BYTES_MAX} bytes (FACTS_BYTES_MAX)"), "split the lesson");
        return Lesson::default();
    }
    match text.parse::<Table>() {
        Ok(table) => lesson(&table, found),
        Err(error) => {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            let place = format!("{FILE}, line {line}");
            report(found, &place, format!("not TOML: {}", error.message()), "repair the line");
            Lesson::default()
        }
    }
}

fn lesson(table: &Table, found: &mut Vec<Diagnostic>) -> Lesson {
    let mut fields = Fields::new(table, FILE);
    match fields.integer("format", found) {
        Some(FORMAT) => {}
        Some(other) => report(found, FILE, format!("format {other} is not understood"), format!("write `format = {FORMAT}`")),
        None => report(found, FILE, "`format` is missing", format!("write `format = {FORMAT}`")),
    }
    let mut lesson = Lesson {
        id: id(&mut fields, found),
        misconception: fields.needed_text("misconception", found),
        needs: fields.texts("needs", found),
        ..Lesson::default()
    };
    lesson.requires = requirements(&mut fields, found);
    if let Some(table) = fields.table("start", found) {
        let mut start = Fields::new(table, format!("{FILE}, start"));
        lesson.images = start.texts("images", found);
        lesson.start = start.texts("commands", found);
        start.finish(found);
    }
    lesson.steps = steps(&mut fields, found);
    fields.finish(found);
    lesson
}

fn id(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> String {
    let id = fields.needed_text("id", found);
    if !id.is_empty() && !is_id(&id) {
        report(found, fields.place(), format!("`{id}` cannot be an id"), "use lower-case letters, digits and hyphens");
    }
    id
}

fn requirements(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Vec<Requirement> {
    let words = fields.texts("requires", found);
    let read = words.iter().filter_map(|word| {
        let requirement = match word.as_str() {
            "root" => Requirement::Root,
            "cgroup" => Requirement::Cgroup,
            "memory" => Requirement::Controller(Controller::Memory),
            "pids" => Requirement::Controller(Controller::Pids),
            "cpu" => Requirement::Controller(Controller::Cpu),
            "user-namespaces" => Requirement::UserNamespaces,
            _ => {
                let known = "use root, cgroup, memory, pids, cpu or user-namespaces";
                report(found, fields.place(), format!("`{word}` is nothing that a host can offer"), known);
                return None;
            }
        };
        Some(requirement)
    });
    read.collect()
}

fn steps(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Vec<Step> {
    let all = fields.list("step", found);
    if all.is_empty() || all.len() > STEPS_MAX {
        let what = format!("{} steps: a lesson has 1 to {STEPS_MAX} (STEPS_MAX)", all.len());
        report(found, FILE, what, "write `[[step]]` tables, or split the lesson");
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut steps = Vec::new();
    for (at, value) in all.iter().enumerate() {
        let Value::Table(table) = value else { continue };
        let step = step(table, at, found);
        if !seen.insert(step.id.clone()) {
            report(found, FILE, format!("two steps are called `{}`", step.id), "rename one");
        }
        steps.push(step);
    }
    steps
}

fn step(table: &Table, at: usize, found: &mut Vec<Diagnostic>) -> Step {
    let mut fields = Fields::new(table, format!("{FILE}, step {}", at + 1));
    let id = id(&mut fields, found);
    fields.rename(format!("{FILE}, step `{id}`"));
    let setup = fields.texts("setup", found);
    let kind = fields.needed_text("kind", found);
    let task = match kind.as_str() {
        "look" => Task::Look,
        "predict" => question(&mut fields, found).map(Task::Predict).unwrap_or_default(),
        "recall" => question(&mut fields, found).map(Task::Recall).unwrap_or_default(),
        "do" => make(&mut fields, found),
        "order" => order(&mut fields, found),
        _ => {
            let known = "use predict, do, look, order or recall";
            report(found, fields.place(), format!("`{kind}` is no kind of step"), known);
            return Step { id, setup, ..Step::default() };
        }
    };
    let hints = hints(&mut fields, found);
    fields.finish(found);
    Step { id, task, setup, hints }
}

fn question(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Question> {
    let command = fields.text("command", found);
    let choices = fields.texts("choices", found);
    let Some(value) = fields.get("ask") else {
        report(found, fields.place(), "`ask` is missing", "write `ask = { query = \"hostname\", container = \"a\" }` or a goal");
        return None;
    };
    let ask = ask::read(value, &format!("{}, ask", fields.place()), found)?;
    Some(Question { command, ask, choices })
}

fn make(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Task {
    let goal = wanted(fields, found);
    let solution = fields.texts("solution", found);
    let wrong = fields.texts("wrong", found);
    if solution.is_empty() {
        report(found, fields.place(), "there is no solution", "write `solution = [\"docker …\"]`");
    }
    if wrong.is_empty() {
        report(found, fields.place(), "there is no wrong attempt", "write one that a learner would make: `wrong = [\"docker …\"]`");
    }
    match goal {
        Some(goal) => Task::Do { goal, solution, wrong },
        None if fields.has("goal") => Task::Look,
        None => {
            report(found, fields.place(), "`goal` is missing", "write `goal = [ { container = \"a\", state = \"running\" } ]`");
            Task::Look
        }
    }
}

fn wanted(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<goal::Goal> {
    let value = fields.get("goal")?;
    goal::read(value, &format!("{}, goal", fields.place()), 0, found)
}

fn order(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Task {
    let lines = fields.texts("lines", found);
    let distinct: BTreeSet<&String> = lines.iter().collect();
    if lines.len() < 2 || distinct.len() != lines.len() {
        report(found, fields.place(), "`lines` needs two or more, each different", "write them in the right order");
    }
    Task::Order { lines, goal: wanted(fields, found) }
}

fn hints(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Vec<Hint> {
    let mut hints = Vec::new();
    for (at, value) in fields.list("hints", found).iter().enumerate() {
        let place = format!("{}, hint {}", fields.place(), at + 1);
        let Value::Table(table) = value else {
            report(found, &place, "not a table", "write `{ when = { … }, text = \"hint-…\" }`");
            continue;
        };
        let mut hint = Fields::new(table, place.clone());
        let text = hint.needed_text("text", found);
        match hint.get("when") {
            None => report(found, &place, "`when` is missing", "write the state in which the hint helps"),
            Some(value) => hints.extend(goal::read(value, &place, 0, found).map(|when| Hint { when, text })),
        }
        hint.finish(found);
    }
    hints
}
