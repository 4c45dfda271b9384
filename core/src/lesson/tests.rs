//! A tiny machine for the linter, and a planted fault for each of its rules.

use std::collections::BTreeMap;

use super::*;
use crate::errno::Errno;
use crate::model::{Container, ContainerId, ContainerState, ProcessConfig, State, Status};
use crate::query::{Answer, Probe, Query, Subject};

/// `new NAME HOSTNAME`, `end NAME CODE`; answers from its records alone.
#[derive(Default)]
struct Fake {
    state: State,
    fresh: usize,
    /// Works only the first time, as a leftover would make it.
    forgetful: bool,
}

impl Probe for Fake {
    fn ask(&self, query: &Query) -> Result<Answer, Errno> {
        let found = |id: &ContainerId| self.state.containers.get(id).ok_or(Errno::ESRCH);
        match query {
            Query::ContainerState(id) => {
                Ok(Answer::ContainerState(found(id).ok().map(|found| (found.state.status, found.state.exit_code, false))))
            }
            Query::Hostname(Subject::Container(id)) => Ok(Answer::Text(found(id)?.process.hostname.clone())),
            Query::SharesNamespace(a, b, _) => Ok(Answer::Truth(a == b)),
            Query::FileBytes(_, path) if path == "/etc/motd" => Ok(Answer::Bytes(b"hello\n".to_vec())),
            Query::FileBytes(..) => Err(Errno::ENOENT),
            Query::LimitOf(..) => Ok(Answer::Limit(Some(64))),
            _ => Err(Errno::ENOSYS),
        }
    }
}

impl Stage for Fake {
    fn fresh(&mut self) -> Result<(), String> {
        self.state = State::default();
        self.fresh += 1;
        Ok(())
    }

    fn run(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["new", name, _] if self.forgetful && self.fresh > 1 => Err(format!("{name} is in the way")),
            ["new", name, hostname] => {
                let made = container(name, hostname);
                self.state.containers.insert_mut(made.id.clone(), made);
                Ok(())
            }
            ["end", name, code] => {
                let Ok(found) = check::named(name, &self.state) else { return Ok(()) };
                let mut ended = found.clone();
                ended.state.status = Status::Exited;
                ended.state.exit_code = code.parse().unwrap();
                self.state.containers.insert_mut(ended.id.clone(), ended);
                Ok(())
            }
            _ => Err("no such command".into()),
        }
    }

    fn look(&self, see: &mut dyn FnMut(&State, &dyn Probe)) {
        see(&self.state, self);
    }
}

fn container(name: &str, hostname: &str) -> Container {
    Container {
        id: ContainerId(name.repeat(64)),
        name: name.into(),
        process: ProcessConfig { hostname: hostname.into(), ..ProcessConfig::default() },
        state: ContainerState { status: Status::Running, pid: Some(1), ..ContainerState::default() },
        ..crate::step::samples::container()
    }
}

const FACTS: &str = r#"
format = 1
id = "sample"
misconception = "It is a machine"

[[step]]
id = "ask"
kind = "predict"
setup = ["new a first"]
ask = { query = "hostname", container = "a" }
choices = ["first", "second"]

[[step]]
id = "make"
kind = "do"
goal = [ { container = "b", state = "running", hostname = "web" } ]
hints = [ { when = { container = "b", exists = false }, text = "hint-make" },
          { when = { not = { container = "b", hostname = "web" } }, text = "hint-name" } ]
solution = ["new b web"]
wrong = ["new b other", "new c web"]

[[step]]
id = "sort"
kind = "order"
lines = ["new d x", "end d 3"]
goal = { container = "d", exit_code = 3 }
"#;

const PROSE: &str =
    "# Sample\nWords.\n## ask\nWhat?\n## make\nMake b.\n## hint-make\nNot there.\n## hint-name\nName.\n## sort\nSort.\n";

fn parse(facts: &str, prose: &str) -> (Lesson, Vec<Diagnostic>) {
    Lesson::parse(facts, &BTreeMap::from([("en".to_string(), prose.to_string())]))
}

fn lesson(facts: &str) -> Lesson {
    let (lesson, found) = parse(facts, PROSE);
    assert_eq!(found, []);
    lesson
}

/// What the linter says of the sample with one thing changed.
fn linted(from: &str, to: &str) -> String {
    assert!(FACTS.contains(from), "{from}");
    let (lesson, found) = parse(&FACTS.replacen(from, to, 1), PROSE);
    let proof = lint(&lesson, &mut Fake::default());
    found.iter().chain(&proof.found).map(|found| format!("{found}\n")).collect()
}

#[test]
fn a_good_lesson_is_proved_and_says_what_was_seen() {
    let proof = lint(&lesson(FACTS), &mut Fake::default());
    assert!(proof.seen.contains(&"ask: first".to_string()), "{proof:?}");
    assert!(proof.seen.iter().any(|seen| seen.ends_with("`new c web`: hint-make")), "{proof:?}");
    assert_eq!(proof.found, []);
}

#[test]
fn a_start_that_meets_the_goal_is_found() {
    let text = linted("setup = [\"new a first\"]", "setup = [\"new a first\", \"new b web\"]");
    assert!(text.contains("step `make`: the start already meets the goal"), "{text}");
}

#[test]
fn a_solution_that_does_not_solve_is_found() {
    let text = linted("solution = [\"new b web\"]", "solution = [\"new b wob\"]");
    assert!(text.contains("the solution does not meet the goal: the host name in `b` is `wob`"), "{text}");
}

#[test]
fn a_solution_that_works_only_once_is_found() {
    let proof = lint(&lesson(FACTS), &mut Fake { forgetful: true, ..Fake::default() });
    assert!(proof.found.iter().any(|found| found.what.contains("is in the way")), "{proof:?}");
}

#[test]
fn a_wrong_attempt_that_is_right_is_found() {
    let text = linted("wrong = [\"new b other\"", "wrong = [\"new b web\"");
    assert!(text.contains("the wrong attempt `new b web` meets the goal"), "{text}");
}

#[test]
fn a_wrong_attempt_without_a_hint_is_found() {
    let text = linted("when = { container = \"b\", exists = false }", "when = { container = \"z\", exists = true }");
    assert!(!text.contains("no hint answers the wrong attempt `new b other`"), "{text}");
    let text = linted("when = { not = { container = \"b\", hostname = \"web\" } }", "when = { container = \"z\", exists = true }");
    assert!(text.contains("no hint answers the wrong attempt `new b other`"), "{text}");
}

#[test]
fn an_order_that_does_not_matter_is_found() {
    let text = linted("goal = { container = \"d\", exit_code = 3 }", "goal = { container = \"d\", exists = true }");
    assert!(text.contains("the reverse order meets the goal"), "{text}");
}

#[test]
fn a_command_that_cannot_be_tried_is_found() {
    let text = linted("setup = [\"new a first\"]", "setup = [\"dance\"]");
    assert!(text.contains("step `ask`: `dance` could not be tried: no such command"), "{text}");
}

#[test]
fn a_question_without_an_answer_or_with_other_choices_is_found() {
    let text = linted("query = \"hostname\", container = \"a\"", "query = \"hostname\", container = \"z\"");
    assert!(text.contains("the question has no answer: there is no container `z`"), "{text}");
    let text = linted("choices = [\"first\"", "choices = [\"third\"");
    assert!(text.contains("`first` is the answer and not among the choices"), "{text}");
}

#[test]
fn a_missing_image_is_found() {
    let text = linted("[[step]]", "[start]\nimages = [\"toolbox\"]\n[[step]]");
    assert!(text.contains("the machine has no image toolbox"), "{text}");
}

#[test]
fn texts_are_missing_left_over_twice_or_without_words() {
    let found = |prose: &str| parse(FACTS, prose).1.iter().map(|found| format!("{found}\n")).collect::<String>();
    assert!(found(&PROSE.replace("## hint-name\nName.\n", "")).contains("en.md: the text `hint-name` is missing"));
    assert!(found(&PROSE.replace("Make b.", "")).contains("the text `make` is missing"));
    assert!(found(&format!("{PROSE}## other\nWords.\n")).contains("nothing uses the text `other`"));
    assert!(found(&format!("{PROSE}## ask\nAgain.\n")).contains("en.md, line 13: the text `ask` stands here twice"));
    assert!(found(&PROSE.replace("Words.", "![ ](a.png)")).contains("a picture has no words"));
    assert!(found(&PROSE.replace("# Sample\n", "")).contains("there is no title"));
    let mut both = BTreeMap::from([("en".to_string(), PROSE.to_string())]);
    both.insert("de".to_string(), PROSE.replace("## sort\nSort.\n", ""));
    assert!(Lesson::parse(FACTS, &both).1.iter().any(|found| found.place == "de.md" && found.what.contains("`sort` is missing")));
}

#[test]
fn faults_in_the_facts_are_found_where_they_are() {
    let faults = [
        ("format = 1", "format = 2", "lesson.toml: format 2 is not understood"),
        ("id = \"sample\"", "id = \"Sample!\"", "`Sample!` cannot be an id"),
        ("misconception = \"It is a machine\"", "", "`misconception` is missing"),
        ("id = \"make\"", "id = \"ask\"", "two steps are called `ask`"),
        ("kind = \"do\"", "kind = \"dance\"", "step `make`: `dance` is no kind of step"),
        ("state = \"running\"", "state = \"flying\"", "step `make`, goal, item 1: `flying` is no state of a container"),
        ("wrong = [\"new b other\", \"new c web\"]", "", "there is no wrong attempt"),
        ("solution = [\"new b web\"]", "", "there is no solution"),
        ("choices = [\"first\", \"second\"]", "chioces = []", "`chioces` is not known here"),
        ("kind = \"order\"", "kind = [1]", "`kind` is a array"),
        ("lines = [\"new d x\", \"end d 3\"]", "lines = [\"new d x\", \"new d x\"]", "each different"),
        (
            "ask = { query = \"hostname\", container = \"a\" }",
            "ask = { query = \"mood\", container = \"a\" }",
            "`mood` cannot be asked",
        ),
        ("text = \"hint-make\"", "text = \"ask\"", "the hint's text `ask` is also a step's"),
    ];
    for (from, to, wanted) in faults {
        let text = linted(from, to);
        assert!(text.contains(wanted), "{to}: {text}");
    }
    assert!(parse("format = 1\nid = \n", "").1[0].place.starts_with("lesson.toml, line 2"));
}

#[test]
fn limits_are_named_and_garbage_does_not_panic() {
    let big = "x".repeat(FACTS_BYTES_MAX + 1);
    assert!(parse(&big, PROSE).1[0].what.contains("FACTS_BYTES_MAX"));
    let text = "y".repeat(TEXT_BYTES_MAX + 1);
    assert!(parse(FACTS, &text).1.iter().any(|found| found.what.contains("TEXT_BYTES_MAX")));
    let deep = format!("{}{{ container = \"a\", exists = true }}{}", "{ not = ".repeat(20), " }".repeat(20));
    let found = parse(&FACTS.replacen("{ container = \"d\", exit_code = 3 }", &deep, 1), PROSE).1;
    assert!(found.iter().any(|found| found.what.contains("GOAL_DEPTH_MAX")), "{found:?}");
    for garbage in ["", "[", "\u{0}", "step = 3", "[[step]]", "format = 1e99", "a.b.c.d = [[[[[[[[]]]]]]]]"] {
        assert_ne!(parse(garbage, garbage).1, [], "{garbage:?}");
    }
}

/// Whether a goal is met on a machine with a running container `a` (host name `web`) and an ended one `e` (code 3).
fn met(goal: &str) -> bool {
    let table: toml::Table = format!("goal = {goal}").parse().unwrap();
    let mut found = Vec::new();
    let goal = goal::read(&table["goal"], "goal", 0, &mut found).unwrap_or_else(|| panic!("{goal}: {found:?}"));
    assert_eq!(found, []);
    let mut fake = Fake::default();
    for line in ["new a web", "new e x", "end e 3"] {
        fake.run(line).unwrap();
    }
    goal.check(&fake.state, &fake).met
}

#[test]
fn every_condition_can_be_met_and_missed() {
    let pairs = [
        ("{ container = 'a', exists = true }", "{ container = 'z', exists = true }"),
        ("{ container = 'a', state = 'running' }", "{ container = 'e', state = 'running' }"),
        ("{ container = 'e', exit_code = 3 }", "{ container = 'a', exit_code = 0 }"),
        ("{ container = 'a', hostname = 'web' }", "{ container = 'e', hostname = 'x' }"),
        ("{ shares = { a = 'a', b = 'a', kind = 'uts' } }", "{ shares = { a = 'host', b = 'a', kind = 'uts' } }"),
        ("{ limit = { container = 'a', kind = 'pids', is = 64 } }", "{ limit = { container = 'a', kind = 'pids', is = 'none' } }"),
        (
            "{ file = { container = 'a', path = '/etc/motd', content = 'hello' } }",
            "{ file = { container = 'a', path = '/x', content = '' } }",
        ),
        (
            "{ file = { container = 'a', path = '/x', exists = false } }",
            "{ file = { container = 'e', path = '/x', exists = false } }",
        ),
        (
            "{ any = [ { container = 'z', exists = true }, { container = 'a', exists = true } ] }",
            "{ any = [ { container = 'z', exists = true } ] }",
        ),
        (
            "{ not = { container = 'z', exists = true } }",
            "{ all = [ { container = 'a', exists = true }, { container = 'z', exists = true } ] }",
        ),
        ("{ container = 'a', exists = true }", "{ container = 'a', uid = 0 }"),
    ];
    for (yes, no) in pairs {
        assert!(met(yes), "{yes}");
        assert!(!met(no), "{no}");
    }
}

#[test]
fn an_answer_counts_as_a_person_would_say_it() {
    let ask = Ask::Truth(Goal::ProcessOnHost("a".into()));
    assert!(ask.is_answered_by(" Yes ", &Reply::Truth(true)));
    assert!(!ask.is_answered_by("yes", &Reply::Truth(false)));
}
