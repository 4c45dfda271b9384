//! Running fixtures: all files of `tests/suite`, on one kernel or on both.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use glassbox_core::host::{CgroupVersion, Controller, HostFacts};

use crate::compare::Account;
use crate::fixture::{Exchange, Fixture, Kept};
use crate::kernels::{Linux, Machine, Shown};
use crate::normalise::Normaliser;

/// The folder of the fixtures.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("suite")
}

/// All fixtures, by name.
pub fn fixtures() -> Result<Vec<Fixture>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    paths.sort();
    let read = |path: &PathBuf| -> Result<Fixture> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Fixture::parse(&name, &std::fs::read_to_string(path).with_context(|| path.display().to_string())?)
    };
    paths.iter().map(read).collect()
}

/// In a command line: the directory of the host that the data root lies in. A fixture may make files there, and only there.
pub const PLACE: &str = "<place>";

/// What [`PLACE`] stands for.
pub fn place_of(machine: &dyn Machine) -> String {
    let root = machine.data_root();
    root.rsplit_once('/').map_or(root.clone(), |(place, _)| place.to_string())
}

/// Makes paths, ids and times alike in what a machine shows.
pub fn normaliser(machine: &dyn Machine) -> Normaliser {
    Normaliser::new(&[(&machine.data_root(), "<root>"), (&place_of(machine), PLACE)])
}

/// Runs a fixture from its first command to its last.
pub fn run(machine: &mut dyn Machine, fixture: &Fixture) -> Result<(Vec<Shown>, Account)> {
    let (mut shown, mut files) = (Vec::new(), Kept::default());
    for exchange in &fixture.commands {
        let context = format!("{}: {} on {}", fixture.name, exchange.line, machine.name());
        let (bare, kept) = files.opened(exchange).context(context.clone())?;
        let line = bare.line.replace(PLACE, &place_of(machine));
        let mut one = machine.run(&Exchange { line, ..bare }).context(context)?;
        files.keep(kept, &mut one.exchange);
        one.exchange.line.clone_from(&exchange.line);
        shown.push(one);
    }
    let monitor = machine.monitor_events()?;
    let account = Account::of(machine, &shown, &monitor);
    Ok((shown, account))
}

/// What the fixture would look like if this were what it expects.
pub fn rendered(machine: &dyn Machine, fixture: &Fixture, shown: &[Shown]) -> String {
    let mut normaliser = normaliser(machine);
    let exchanges: Vec<Exchange> = shown
        .iter()
        .map(|shown| Exchange {
            stdout: normaliser.text(&shown.exchange.stdout),
            stderr: without_step_numbers(&normaliser.text(&shown.exchange.stderr)),
            ..shown.exchange.clone()
        })
        .collect();
    fixture.render(&exchanges)
}

/// `glassbox: step 3.7.1 ExecProgram failed`: the number is another on a machine with other cgroup trees, each of which takes steps of
/// its own. The two kernels have to agree on it, see [`Account`]; a fixture holds on all machines.
fn without_step_numbers(text: &str) -> String {
    const LEAD: &str = "glassbox: step ";
    let line = |line: &str| match line.strip_prefix(LEAD).and_then(|rest| rest.split_once(' ')) {
        Some((number, rest)) if number.chars().all(|c| c == '.' || c.is_ascii_digit()) => format!("{LEAD}<step> {rest}"),
        _ => line.to_string(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Why a fixture cannot run on this host; `None`: it can.
pub fn missing(fixture: &Fixture, host: &HostFacts) -> Option<String> {
    let has = |word: &str| match word {
        "root" => host.is_root(),
        "memory" => host.cgroup.directory(Controller::Memory).is_some(),
        "pids" => host.cgroup.directory(Controller::Pids).is_some(),
        "freezer" => host.cgroup.version == CgroupVersion::V2 || host.cgroup.directory(Controller::Freezer).is_some(),
        "swap" => host.cgroup.swap,
        "cpuset" => host.cgroup.directory(Controller::Cpuset).is_some(),
        "disk" => {
            let named = host.devices.iter().any(|device| device.host == "/dev/vda");
            host.cgroup.block.rates && (named || host.devices.is_empty())
        }
        // Of the machine it is known only where an image asks for it.
        "wasi" => !host.wasi_runtime.is_empty() || binary().is_ok_and(|path| path.with_file_name("glassbox-wasi").is_file()),
        "cpu" => host.cgroup.directory(Controller::Cpu).is_some(),
        _ => false,
    };
    fixture.requires.iter().find(|word| !has(word)).map(|word| format!("{}: this host has no {word}", fixture.name))
}

/// The `glassbox` binary under test: `GLASSBOX_BIN`, else the one that was built beside the tests.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("GLASSBOX_BIN") {
        return Ok(PathBuf::from(path));
    }
    let own = std::env::current_exe()?;
    let beside = own.ancestors().nth(2).map(|folder| folder.join("glassbox"));
    beside.filter(|path| path.is_file()).context("no glassbox binary beside the tests; build it with: cargo build -p glassbox")
}

/// Asks `one` about all items, on all processors at once; the answers in the items' order. Each has a data root of its own.
pub fn at_once<T: Sync, R: Send>(items: &[T], one: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let places = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        places.map_while(|at| Some((at, one(items.get(at)?)))).collect::<Vec<_>>()
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut answers: Vec<(usize, R)> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        started.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Linux with a fresh data root, and the folder that holds it.
pub fn linux() -> Result<(tempfile::TempDir, Linux)> {
    let place = tempfile::Builder::new().prefix("glassbox-suite-").tempdir()?;
    let root = place.path().join("root");
    std::fs::create_dir(&root)?;
    let linux = Linux::new(&binary()?, &root)?;
    Ok((place, linux))
}

/// The caller is root: containers with all namespaces need that.
pub fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|text| text.contains("\nUid:\t0\t"))
}

#[cfg(test)]
mod tests {
    use super::{at_once, without_step_numbers};

    #[test]
    fn every_item_is_asked_once_and_in_order() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(at_once(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert!(at_once(&[0; 0], |item| *item).is_empty());
    }

    #[test]
    fn only_the_number_of_a_step_goes() {
        let text = "step 1.2 x\nglassbox: step 3.7.1 ExecProgram failed: ENOENT\nglassbox: step by step\n";
        let expected = "step 1.2 x\nglassbox: step <step> ExecProgram failed: ENOENT\nglassbox: step by step\n";
        assert_eq!(without_step_numbers(text), expected);
    }
}
