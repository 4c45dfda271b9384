//! Opening the engine: where the records are, what the machine is, what dead engines have left, who may decide.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use glassbox_core::build::progress::Progress;
use glassbox_core::cli::{Command, ImageCommand, Invocation, Mode, NetworkCommand};
use glassbox_core::errno::Errno;
use glassbox_core::host::HostFacts;
use glassbox_core::model::State;
use glassbox_core::oci::toolbox::image;
use glassbox_core::plan::{self, CommandError};

use super::{Engine, say};
use crate::journal::{self, Mark, Report};
use crate::store::happenings::Reader;
use crate::store::{Store, StoreError, bytes_below};
use crate::sys::terminal::{self, WindowSize};
use crate::{observe, sys, toolbox};

/// `GLASSBOX_ROOT`, else /var/lib/glassbox for root, else `$XDG_DATA_HOME/glassbox` or `~/.local/share/glassbox`.
pub fn data_root() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(root) = variable("GLASSBOX_ROOT") {
        return std::path::absolute(&root).unwrap_or(root);
    }
    if sys::process::effective_ids().0 == 0 {
        return PathBuf::from("/var/lib/glassbox");
    }
    let home = || variable("HOME").unwrap_or_else(|| PathBuf::from("/")).join(".local/share");
    variable("XDG_DATA_HOME").unwrap_or_else(home).join("glassbox")
}

/// For `--plan`: facts and state as they are, without making, locking or settling anything.
pub fn facts_and_state(invocation: Option<&Invocation>) -> Result<(HostFacts, State), StoreError> {
    let root = data_root();
    let mut host = observe::host_facts(&root, toolbox::facts())?;
    let is_there = root.join("journal").is_dir();
    let store = if is_there { Some(Store::open(&root)?) } else { None };
    let mut state = match &store {
        Some(store) => store.load([image(&host.toolbox)])?.state,
        None => without_records(&host),
    };
    if let Some(invocation) = invocation {
        look_for(invocation, store.as_ref(), &mut state, &mut host);
    }
    Ok((host, state))
}

/// What planning this command needs to know of the machine besides the facts that every one needs.
fn look_for(invocation: &Invocation, store: Option<&Store>, state: &mut State, host: &mut HostFacts) {
    let wanted = plan::wanted(invocation, state, host);
    if let Some(store) = store.filter(|_| wanted.build_cache) {
        store.load_build_cache(state);
        store.load_cache_mounts(state);
    }
    if let Some(store) = store.filter(|_| wanted.happenings) {
        state.happenings = Reader::open(store.root()).read().into_iter().collect();
    }
    host.sources = observe::facts::sources(&wanted.sources);
    host.owners = observe::facts::owners(&wanted.owners);
    host.devices = observe::devices::below(&wanted.devices);
    if wanted.wasi_runtime {
        host.wasi_runtime = observe::facts::wasi_runtime();
    }
    if wanted.network_files {
        host.network_files = observe::facts::network_files();
    }
    if wanted.network {
        host.network = observe::facts::network();
    }
    if wanted.disk_limits {
        host.cgroup.block = observe::cgroups::block_limits(&host.cgroup);
    }
    if wanted.utc_offset {
        host.utc_offset_seconds = sys::time::utc_offset_seconds(host.now_ns / 1_000_000_000);
    }
    if wanted.operating_system {
        let text = plan::OS_RELEASE.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        host.operating_system = glassbox_core::view::info::operating_system(&text);
    }
    if wanted.store {
        host.store = Store::open(Path::new(&host.data_root)).map(|store| store.listing()).unwrap_or_default();
    }
    let measure = |path: &str| bytes_below(Path::new(path));
    host.disk = plan::disk_usage(&invocation.command, state, &host.data_root, measure);
}

fn without_records(host: &HostFacts) -> State {
    let mut state = State::of_engine(&host.data_root);
    let image = image(&host.toolbox);
    state.images.insert_mut(image.id.clone(), image);
    state
}

/// Ready to plan and carry out `invocation`.
pub fn open(invocation: Invocation) -> Result<Engine, CommandError> {
    let root = data_root();
    if let Some(message) = Progress::lacks_terminal(&invocation).filter(|_| stderr_window().is_none()) {
        return Err(CommandError { message: message.into(), exit_code: 1, span: None });
    }
    prepare(invocation, &root).map_err(|error| CommandError { message: format!("glassbox: {error}\n"), exit_code: 125, span: None })
}

/// `glassbox recover`: undoes what commands have left that were killed, and says what it did. Answers the exit code.
pub fn recover() -> i32 {
    let report = match Store::open(&data_root()).and_then(|store| recover_all(&store)) {
        Ok(report) => report,
        Err(error) => {
            say(&format!("glassbox: {error}\n"));
            return 1;
        }
    };
    let settled = report.settled.iter().map(|id| format!("container {} had lost its monitor: it is ended now", id.short()));
    let mut lines: Vec<String> = report.undone.iter().cloned().chain(settled).collect();
    if report.is_empty() {
        lines.push("nothing to recover".into());
    }
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    // Where stdout is closed there is nobody to tell.
    let _ = sys::file::write_all(&std::io::stdout(), text.as_bytes());
    report.problems.iter().for_each(|problem| say(&format!("glassbox: {problem}\n")));
    i32::from(!report.problems.is_empty())
}

fn recover_all(store: &Store) -> Result<Report, StoreError> {
    let mut report = journal::recover(store);
    let _lock = store.lock()?;
    let stale = journal::settle_stale(store, &mut store.load([])?);
    report.settled.extend(stale.settled);
    report.problems.extend(stale.problems);
    Ok(report)
}

/// The window that stderr is; `None`: it is none.
pub(super) fn stderr_window() -> Option<WindowSize> {
    let stderr = std::io::stderr();
    terminal::is_terminal(&stderr).then(|| terminal::window_size(&stderr).ok()).flatten()
}

fn prepare(invocation: Invocation, root: &Path) -> Result<Engine, StoreError> {
    // Modes are what the steps say.
    sys::process::umask(0);
    let host = observe::host_facts(root, toolbox::facts())?;
    let needs_records = invocation.command.needs_records();
    let store = if needs_records { Store::open(root)? } else { Store::at(root)? };
    let mut progress = Progress::of(&invocation);
    // Whoever is told each step wants lines between.
    if invocation.mode == Mode::Execute
        && let Some((progress, size)) = progress.as_mut().zip(stderr_window())
    {
        progress.on_terminal(size.columns, size.rows, std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
    }
    let told = glassbox_core::registry::told::Told::of(&invocation);
    let mut engine = Engine {
        progress,
        pieces: Default::default(),
        directories: Vec::new(),
        relay: None,
        told,
        client: None,
        ahead: None,
        bars: told.and_then(super::registry::bars),
        state: without_records(&host),
        store,
        host,
        wants_lock: decides(&invocation.command),
        invocation: Rc::new(invocation),
        monitor: Vec::new(),
        looks: false,
        watchers: Vec::new(),
        lock: None,
        journal: None,
        phase: Mark::default(),
        waiting: Vec::new(),
        target: None,
        child: None,
        signals: None,
        ports: Default::default(),
        status: None,
        watched: None,
        goes_on: false,
        awaited: None,
        killed: false,
        known_edition: None,
        probing: super::health::Probing::default(),
        seat: None,
        first_guest: None,
        audience: None,
        report: None,
        last_errno: Cell::new(Errno::EIO),
        chronicle: Default::default(),
        cache_mounts: Vec::new(),
        reclaimed_bytes: 0,
        spooled: None,
        cause: String::new(),
        exit_code: 0,
    };
    if needs_records {
        for problem in journal::recover(&engine.store).problems {
            say(&format!("glassbox: {problem}\n"));
        }
        engine.load()?;
    }
    Ok(engine)
}

/// Commands on names, records or layers decide under the lock; the others only look, or leave the change to a monitor.
fn decides(command: &Command) -> bool {
    if let Command::CopyFiles { from, to, .. } = command {
        // Whoever is at the other end of a stream may wait for the lock: see `Engine::enter_copy`.
        return from != "-" && to != "-";
    }
    if let Command::Images(command) = command {
        return matches!(
            command,
            ImageCommand::Tag { .. }
                | ImageCommand::Remove { .. }
                | ImageCommand::Prune { .. }
                | ImageCommand::Commit(_)
                | ImageCommand::Check { .. }
        );
    }
    matches!(
        command,
        Command::RunContainer(_)
            | Command::CreateContainer(_)
            | Command::BuildImage(_)
            | Command::PruneBuilds(_)
            | Command::StartContainers { .. }
            | Command::RestartContainers { .. }
            | Command::UpdateContainers { .. }
            | Command::KillContainers { .. }
            | Command::StopContainers { .. }
            | Command::PauseContainers { .. }
            | Command::UnpauseContainers { .. }
            | Command::RenameContainer { .. }
            | Command::PruneContainers { .. }
            | Command::PruneSystem { .. }
            | Command::RemoveContainers { .. }
            | Command::CreateVolume { .. }
            | Command::RemoveVolumes { .. }
            | Command::PruneVolumes { .. }
            | Command::Networks(
                NetworkCommand::Create(_)
                    | NetworkCommand::Remove { .. }
                    | NetworkCommand::Prune { .. }
                    | NetworkCommand::Connect { .. }
                    | NetworkCommand::Disconnect { .. }
            )
    )
}

impl Engine {
    /// Reads the records, under the lock if the command wants it, and puts right those whose monitor died.
    pub(super) fn load(&mut self) -> Result<(), StoreError> {
        if self.wants_lock && self.lock.is_none() {
            self.lock = Some(self.store.lock()?);
        }
        let mut loaded = self.store.load([image(&self.host.toolbox)])?;
        for problem in &loaded.unreadable {
            say(&format!("glassbox: {problem}\n"));
        }
        if !loaded.stale.is_empty() {
            let _lock = if self.lock.is_none() { Some(self.store.lock()?) } else { None };
            for problem in journal::settle_stale(&self.store, &mut loaded).problems {
                say(&format!("glassbox: {problem}\n"));
            }
        }
        self.state = loaded.state;
        look_for(&self.invocation, Some(&self.store), &mut self.state, &mut self.host);
        Ok(())
    }

    /// Takes the lock, if this process does not have it.
    pub(super) fn lock_records(&mut self) -> Result<(), CommandError> {
        if self.lock.is_none() {
            let lock = self.store.lock();
            let refused = |error: StoreError| CommandError { message: format!("glassbox: {error}\n"), exit_code: 125, span: None };
            self.lock = Some(lock.map_err(refused)?);
        }
        Ok(())
    }

    /// This process has the lock.
    pub(super) fn holds_lock(&self) -> bool {
        self.lock.is_some()
    }

    /// Gives the lock back: nothing is held while a container runs or is waited for.
    pub(super) fn unlock_records(&mut self) {
        self.lock = None;
    }
}

/// The machine's facts as JSON.
pub fn facts_json() -> Result<String, CommandError> {
    let (host, _) = facts_and_state(None).map_err(|error| refused(&error))?;
    let mut host = observe::facts::for_a_model(&host);
    // A model that is made of them is to have the machine's devices too.
    host.devices = observe::devices::below(&["/dev".to_string()].into());
    host.cgroup.block = observe::cgroups::block_limits(&host.cgroup);
    Ok(json_line(&host))
}

/// Every question of the battery with its answer, as JSON: what the fidelity tests compare with the model's.
pub fn battery_json() -> Result<String, CommandError> {
    let (_, state) = facts_and_state(None).map_err(|error| refused(&error))?;
    let store = Store::open(&data_root()).map_err(|error| refused(&error))?;
    Ok(json_line(&glassbox_core::query::battery::ask(&state, &observe::LinuxProbe::new(&store))))
}

fn refused(error: &StoreError) -> CommandError {
    CommandError { message: format!("glassbox: {error}\n"), exit_code: 125, span: None }
}

fn json_line(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

/// What the last of these words could become, for a shell's completion.
pub fn completions(words: &[String]) -> Result<String, CommandError> {
    let (_, state) = facts_and_state(None).map_err(|error| refused(&error))?;
    Ok(glassbox_core::cli::suggest(words, &state).to_text())
}
