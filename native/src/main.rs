//! `glassbox`: reads the command line and hands it to the engine, or shows the plan. It does nothing by itself.

use std::io::Read;
use std::path::PathBuf;
use std::rc::Rc;

use glassbox::engine::{self, Narrator, Recorder};
use glassbox::exec::seen::OwnFiles;
use glassbox::sys::file;
use glassbox_core::cli::{self, Command, Invocation, Mode, UsageError};
use glassbox_core::diagnosis::steps;
use glassbox_core::plan::{self, CommandError};
use glassbox_core::view::plan::plan_tree;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: glassbox::sys::heap::Heap = glassbox::sys::heap::Heap::empty();

/// Docker's exit code where the engine itself failed.
const ENGINE_FAILED: i32 = 125;

fn main() {
    let mut argv: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let record = take_record(&mut argv);
    let exit_code = match argv.first().map(String::as_str) {
        Some("recover") => engine::recover(),
        Some("facts") => looked(engine::facts_json()),
        Some("__complete") => looked(engine::completions(argv.get(1..).unwrap_or_default())),
        Some("probe") => looked(engine::battery_json()),
        _ => match cli::parse(&argv).and_then(with_named_files) {
            Ok(invocation) => carry_out(invocation, record).unwrap_or_else(|error| told(&error)),
            Err(error) => said(&format!("{}\n", error.message), error.exit_code),
        },
    };
    std::process::exit(exit_code);
}

/// Files that the command line names are read here: the core does no I/O.
fn with_named_files(invocation: Invocation) -> Result<Invocation, UsageError> {
    let read = |path: &str| {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|error| glassbox::sys::errno_of(&error))?;
        let most = cli::NAMED_FILE_BYTES_MAX as u64 + 1;
        file.take(most).read_to_end(&mut bytes).map_err(|error| glassbox::sys::errno_of(&error))?;
        Ok(bytes)
    };
    let named = steps::named_files(&invocation);
    cli::with_named_files(invocation, &glassbox::observe::facts::environment, &read).map_err(|mut error| {
        let why = steps::of_refusal(&error.message, named, &OwnFiles);
        // The end of the line is who prints it's.
        if !why.is_empty() {
            error.message.push_str(&format!("\n{}", why.trim_end()));
        }
        error
    })
}

/// `--record FILE` before the command, or GLASSBOX_RECORD: where the steps and events of this run are written.
fn take_record(argv: &mut Vec<String>) -> Option<PathBuf> {
    if argv.first().is_some_and(|word| word == "--record") && argv.len() > 1 {
        return argv.drain(..2).nth(1).map(PathBuf::from);
    }
    std::env::var_os("GLASSBOX_RECORD").filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn carry_out(invocation: Invocation, record: Option<PathBuf>) -> Result<i32, CommandError> {
    if let Mode::Plan { json } = invocation.mode {
        return show_plan(invocation, json);
    }
    if starts_a_monitor(&invocation.command) {
        // A monitor must not hold what the caller left open; nothing of ours is open yet.
        let _ = file::close_from(3);
    }
    let mode = invocation.mode;
    let invocation = if mode == Mode::Step { attached(invocation) } else { invocation };
    let mut engine = engine::open(invocation)?;
    if let Some(path) = record {
        engine.watch_with(Box::new(Recorder::create(&path)?));
    }
    match mode {
        Mode::Explain => engine.watch_with(Box::new(Narrator)),
        Mode::Step => {
            let plan = engine.plan()?;
            return Ok(glassbox::debug::run(engine, plan));
        }
        Mode::Execute | Mode::Plan { .. } => {}
    }
    let plan = engine.plan()?;
    Ok(engine::run(engine, plan))
}

fn show_plan(invocation: Invocation, json: bool) -> Result<i32, CommandError> {
    let refused = |message: String| CommandError { message, exit_code: ENGINE_FAILED, span: None };
    let seen = engine::facts_and_state(Some(&invocation));
    let (host, state) = seen.map_err(|error| refused(format!("glassbox: {error}\n")))?;
    let plan = plan::plan(&Rc::new(invocation), &state, &host)?;
    let tree = plan_tree(&plan, &state, &host);
    let text = if json { tree.to_json() } else { tree.to_text() };
    // Where stdout is closed there is nobody to show it to.
    let _ = file::write_all(&std::io::stdout(), text.as_bytes());
    let closing = plan::failure::closing(&plan.invocation.command, &plan.failed);
    Ok(said(&(plan.late_errors + &closing), plan.exit_code))
}

/// In the debugger the container stays with the caller: its monitor is stepped through as well.
fn attached(mut invocation: Invocation) -> Invocation {
    match &mut invocation.command {
        Command::RunContainer(run) => run.detach = false,
        Command::StartContainers { containers, attach, .. } => *attach |= containers.len() == 1,
        _ => {}
    }
    invocation
}

/// What the machine is (`facts`), what both kernels can be asked (`probe`): JSON for tests and bug reports.
fn looked(answer: Result<String, CommandError>) -> i32 {
    match answer {
        Ok(text) => {
            let _ = file::write_all(&std::io::stdout(), text.as_bytes());
            0
        }
        Err(error) => told(&error),
    }
}

fn starts_a_monitor(command: &Command) -> bool {
    matches!(command, Command::RunContainer(_) | Command::StartContainers { .. } | Command::RestartContainers { .. })
}

fn told(error: &CommandError) -> i32 {
    said(&error.message, error.exit_code)
}

fn said(message: &str, exit_code: i32) -> i32 {
    let _ = file::write_all(&std::io::stderr(), message.as_bytes());
    exit_code
}
