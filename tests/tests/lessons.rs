//! Lessons: every one is read, and proved by the linter on Linux with a data root of its own. The same is proved in the simulator.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;
use glassbox::observe::{LinuxProbe, host_facts};
use glassbox::store::Store;
use glassbox_core::host::HostFacts;
use glassbox_core::lesson::{Lesson, Proof, SessionStage, Stage, lint};
use glassbox_core::model::State;
use glassbox_core::oci::toolbox;
use glassbox_core::query::Probe;
use glassbox_tests::apart::apart;
use glassbox_tests::binary::skip;
use glassbox_tests::normalise::Normaliser;
use glassbox_tests::still;
use tempfile::TempDir;

/// All lessons of the course, by folder.
fn lessons() -> Vec<(String, Lesson)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lessons");
    let mut folders: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.iter().map(|folder| (folder.file_name().unwrap().to_string_lossy().into_owned(), read(folder))).collect()
}

fn read(folder: &Path) -> Lesson {
    let facts = fs::read_to_string(folder.join("lesson.toml")).unwrap();
    let mut texts = BTreeMap::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|ending| ending == "md") {
            texts.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap());
        }
    }
    let (lesson, found) = Lesson::parse(&facts, &texts);
    assert!(found.is_empty(), "{}: {}", folder.display(), found.iter().map(|one| format!("\n  {one}")).collect::<String>());
    lesson
}

/// The `glassbox` binary: `GLASSBOX_BIN`, else the one beside the tests.
fn binary() -> Option<PathBuf> {
    let beside = || std::env::current_exe().ok()?.ancestors().nth(2).map(|folder| folder.join("glassbox"));
    std::env::var_os("GLASSBOX_BIN").map(PathBuf::from).or_else(beside).filter(|path| path.is_file())
}

/// Linux: the binary carries the commands out, the probe looks at what they left.
struct LinuxStage {
    binary: PathBuf,
    place: TempDir,
}

impl LinuxStage {
    fn new(binary: &Path) -> LinuxStage {
        LinuxStage { binary: binary.to_path_buf(), place: LinuxStage::place() }
    }

    fn place() -> TempDir {
        tempfile::Builder::new().prefix("glassbox-lesson-").tempdir().unwrap()
    }

    fn facts(&self) -> HostFacts {
        host_facts(self.place.path(), glassbox::toolbox::facts()).unwrap()
    }

    fn look_at(&self) -> (Store, State) {
        let store = Store::open(self.place.path()).unwrap();
        let state = store.load([toolbox::image(&glassbox::toolbox::facts())]).unwrap().state;
        (store, state)
    }

    fn remove_containers(&mut self) {
        for container in self.look_at().1.newest_first() {
            self.run(&format!("docker rm -f {}", container.id)).unwrap();
        }
    }
}

impl Stage for LinuxStage {
    fn fresh(&mut self) -> Result<(), String> {
        self.remove_containers();
        self.place = LinuxStage::place();
        Ok(())
    }

    /// A shell splits the words, as it does for a learner.
    fn run(&mut self, line: &str) -> Result<(), String> {
        let script = format!("docker() {{ \"$GLASSBOX\" \"$@\"; }}\n{line}");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).env("GLASSBOX", &self.binary).env("GLASSBOX_ROOT", self.place.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let output = command.output().map_err(|error| error.to_string())?;
        still::wait(self.place.path()).map_err(|error| error.to_string())?;
        match output.status.code() {
            Some(code) if code != 125 => Ok(()),
            _ => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    fn look(&self, see: &mut dyn FnMut(&State, &dyn Probe)) {
        let (store, state) = self.look_at();
        see(&state, &LinuxProbe::new(&store));
    }
}

impl Drop for LinuxStage {
    fn drop(&mut self) {
        self.remove_containers();
    }
}

fn assert_holds(name: &str, machine: &str, proof: &Proof) {
    let found: String = proof.found.iter().map(|found| format!("\n  {found}")).collect();
    assert!(found.is_empty(), "{name} on {machine}:{found}\nseen: {:#?}", proof.seen);
    assert!(!proof.seen.is_empty(), "{name} on {machine}: nothing was proved");
}

/// What was seen, with container ids made alike.
fn normalised(proof: &Proof) -> Vec<String> {
    let mut normaliser = Normaliser::default();
    proof.seen.iter().map(|line| normaliser.text(line)).collect()
}

/// Why nothing can be proved on Linux here, or the stage to do it on. In CI that is a failure.
fn linux() -> Option<LinuxStage> {
    let is_root = fs::read_to_string("/proc/self/status").is_ok_and(|text| text.contains("\nUid:\t0\t"));
    let why = match binary() {
        Some(binary) if is_root => return Some(LinuxStage::new(&binary)),
        Some(_) => "containers with all namespaces need root",
        None => "no glassbox binary beside the tests; build it with: cargo build -p glassbox",
    };
    skip(why);
    None
}

#[test]
fn every_lesson_holds_in_the_simulator() {
    for (name, lesson) in lessons() {
        let mut stage = SessionStage::new(HostFacts::example());
        assert_eq!(lesson.unmet(&HostFacts::example()), [""; 0], "{name}");
        assert_holds(&name, "the model", &lint(&lesson, &mut stage));
    }
}

/// The linter finds on a real session what is wrong: the solution without its host name does not solve.
#[test]
fn a_planted_fault_is_found_in_the_simulator() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lessons/101-container-or-machine");
    let facts = fs::read_to_string(folder.join("lesson.toml")).unwrap().replacen("--hostname web toolbox", "toolbox", 1);
    let texts = BTreeMap::from([("en".to_string(), fs::read_to_string(folder.join("en.md")).unwrap())]);
    let (lesson, _) = Lesson::parse(&facts, &texts);
    let proof = lint(&lesson, &mut SessionStage::new(HostFacts::example()));
    assert!(proof.found.iter().any(|found| found.what.contains("the solution does not meet the goal")), "{:?}", proof.found);
}

#[test]
fn every_lesson_holds_on_linux() -> Result<()> {
    if linux().is_none() {
        return Ok(());
    }
    apart("every_lesson_holds_on_linux", lessons_on_linux)
}

fn lessons_on_linux() -> Result<()> {
    let Some(mut stage) = linux() else { return Ok(()) };
    let (mut proved, mut skipped) = (0, Vec::new());
    for (name, lesson) in lessons() {
        let unmet = lesson.unmet(&stage.facts());
        if unmet.is_empty() {
            let proof = lint(&lesson, &mut stage);
            assert_holds(&name, "Linux", &proof);
            let predicted = lint(&lesson, &mut SessionStage::new(stage.facts()));
            assert_eq!(normalised(&predicted), normalised(&proof), "{name}: the model and Linux differ");
            proved += 1;
        } else {
            skipped.push(format!("{name}: {}", unmet.join(", ")));
        }
    }
    println!("{proved} lessons proved on Linux, {} skipped {skipped:?}", skipped.len());
    assert!(skipped.is_empty() || std::env::var_os("CI").is_none(), "skipped in CI: {skipped:?}");
    Ok(())
}

#[test]
fn there_are_lessons_and_their_ids_differ() {
    let all = lessons();
    let ids: std::collections::BTreeSet<&String> = all.iter().map(|(_, lesson)| &lesson.id).collect();
    assert!(!all.is_empty() && ids.len() == all.len());
    for (name, lesson) in &all {
        assert!(name.ends_with(&format!("-{}", lesson.id)), "the folder {name} holds the lesson {}", lesson.id);
        assert!(lesson.needs.iter().all(|need| ids.contains(need)), "{name} needs a lesson that is not there");
    }
}
