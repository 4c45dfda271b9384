//! Steps of a build: the files of instructions, the cache, and what it tells of its progress.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use glassbox_core::build::transfer::{self, TransferFault};
use glassbox_core::build::{Remote, input, record, work};
use glassbox_core::dockerfile::ignore::Ignore;
use glassbox_core::errno::Errno;
use glassbox_core::model::{CacheMount, ContainerId, Slot};
use glassbox_core::observe::{BuildFiles, Outcome};
use glassbox_core::oci::image::transfer::Wording;
use glassbox_core::plan::CommandError;
use glassbox_core::step::{BuildStep, FilesRoot, Step};
use glassbox_core::userland::{Signal, WaitStatus};

use super::copy::from_its_beginning;
use super::{Engine, lost_journal, say, shared_cache};
use crate::exec::copy::Disk;
use crate::exec::{Done, Failure, NameCall};
use crate::journal::Journal;
use crate::observe::facts::now_ns;
use crate::sys::file::{self, Watch};
use crate::sys::rootfs::Root;
use crate::sys::signal::SignalFd;

/// What is the caller's stays hers: nobody else can give it away.
fn set_owner(path: &Path, (uid, gid): (u32, u32)) -> Done {
    if (uid, gid) == (0, 0) {
        return Ok(());
    }
    std::os::unix::fs::chown(path, Some(uid), Some(gid)).call("chown")
}

/// What `--iidfile` or `--metadata-file` names.
fn write_result_file(path: &str, what: &str, contents: &str) -> Done {
    fs::write(path, contents).map_err(|error| {
        let errno = crate::sys::errno_of(&error);
        Failure::of(&work::unwritten(what, path, errno), errno)
    })
}

fn place_secret(path: &Path, value: &[u8], owner: (u32, u32), mode: u32) -> Done {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).call("openat")?;
    file.write_all(value).call("write")?;
    set_owner(path, owner)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).call("chmod")
}

/// Of the directory in which all workspaces are: a container's users pass through it.
const SHARED_MODE: u32 = 0o711;
/// Between two looks whether a cache is free.
const CACHE_WAIT_MILLISECONDS: u32 = 50;
/// As a shell has it of a program that SIGINT has ended.
pub(super) const INTERRUPTED: i32 = 130;

fn refused(fault: &TransferFault) -> Failure {
    Failure::of(&fault.told(), fault.errno())
}

impl Engine {
    pub(super) fn build(&mut self, step: &BuildStep, outcome: &mut Outcome) -> Done {
        match step {
            BuildStep::LoadDefinition { .. }
            | BuildStep::UseBase { .. }
            | BuildStep::Configure { .. }
            | BuildStep::MissCache { .. }
            | BuildStep::NoteImage { .. } => Ok(()),
            BuildStep::WriteResultFile { path, what, contents } => write_result_file(path, what, contents),
            BuildStep::WriteOutput { .. }
            | BuildStep::ReadInput { .. }
            | BuildStep::UnpackContext { .. }
            | BuildStep::ReadDefinition { .. }
            | BuildStep::FindCommit { .. }
            | BuildStep::FetchCommit { .. }
            | BuildStep::FetchFile { .. } => self.of_the_caller(step, outcome),
            BuildStep::ReadSources { copy, from, ignore, .. } => {
                let ignore = ignore.as_deref().map(Ignore::read);
                let mut disk = Disk::new(self.files_root(from)?, self.files_root(from)?);
                let found = transfer::find(&mut disk, copy, ignore.as_ref()).map_err(|fault| refused(&fault))?;
                let parts = transfer::parts(&mut disk, copy, &found).map_err(|fault| refused(&fault))?;
                outcome.files = Some(Box::new(BuildFiles { parts, ..BuildFiles::default() }));
                Ok(())
            }
            BuildStep::UseCached { path, .. } => fs::metadata(path).map(drop).call("openat"),
            BuildStep::BringFiles { copy, from, to, ignore, manner } => {
                let ignore = ignore.as_deref().map(Ignore::read);
                let mut disk = Disk::new(self.files_root(from)?, self.files_root(to)?);
                let found = transfer::find(&mut disk, copy, ignore.as_ref()).map_err(|fault| refused(&fault))?;
                let made = transfer::bring(&mut disk, copy, &found, *manner).map_err(|fault| refused(&fault))?;
                outcome.files = Some(Box::new(BuildFiles { made, ..BuildFiles::default() }));
                Ok(())
            }
            BuildStep::ReadCache { .. } | BuildStep::TakeLayer { .. } | BuildStep::WriteCache { .. } => {
                self.shared_cache(step, outcome)
            }
            BuildStep::MakeCacheMount { directory, mount, owner, mode, .. } => {
                self.make_cache_mount(directory, mount, *owner, *mode)
            }
            BuildStep::LockCacheMount { directory, alone } => {
                let held = fs::File::open(directory).call("openat")?;
                self.wait_for_cache(&held, *alone)?;
                self.cache_mounts.push((directory.clone(), held));
                Ok(())
            }
            BuildStep::UnlockCacheMount { directory } => {
                self.cache_mounts.retain(|(held, _)| held != directory);
                Ok(())
            }
            BuildStep::RemoveCacheMount { directory, .. } => self.store.remove(Path::new(directory)).call("rmdir"),
            BuildStep::PlaceSecret { id, path, owner, mode } => {
                let secret = self.invocation.command.secrets().iter().find(|secret| secret.id == *id);
                let secret = secret.ok_or_else(|| Failure::of(&work::without_secret(id), Errno::ENOENT))?;
                place_secret(Path::new(path), secret.value.bytes(), *owner, *mode)
            }
            BuildStep::FindAgent { id, socket } => {
                let socket = socket.as_ref().ok_or_else(|| Failure::of(&work::without_agent(id), Errno::ENOENT))?;
                fs::metadata(socket).map(drop).call(&format!("stat {socket}"))
            }
            BuildStep::NoteExit { id, .. } => self.note_exit(id, outcome),
            BuildStep::CheckExit { slot, argv } => self.check_exit(*slot, argv),
            BuildStep::SetAside { upper, directory, .. } => self.set_aside(upper, directory),
            BuildStep::RemoveWorkspace { path } => self.remove_workspace(path),
            BuildStep::DropResult { path, .. } => fs::remove_file(path).call("unlink"),
            BuildStep::KeepResult { path, record: kept, .. } => {
                self.store.write_blob(Path::new(path), record::written(kept).as_bytes()).call("rename")
            }
        }
    }

    fn shared_cache(&mut self, step: &BuildStep, outcome: &mut Outcome) -> Done {
        match step {
            BuildStep::ReadCache { number, directory, manifest } => {
                let cache = Some(Box::new(shared_cache::read(*number, directory, manifest.as_deref())?));
                outcome.files = Some(Box::new(BuildFiles { cache, ..BuildFiles::default() }));
                Ok(())
            }
            BuildStep::TakeLayer { directory, digest, size, .. } => self.take_layer(directory, digest, *size),
            BuildStep::WriteCache { output, documents, layers, blobs } => {
                let made = shared_cache::write(&output.path, documents, layers, blobs)?;
                outcome.files = Some(Box::new(BuildFiles { made, ..BuildFiles::default() }));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What the instructions before have come to stays in the cache, whatever becomes of the build.
    pub(super) fn keep_done(&mut self) -> Result<(), CommandError> {
        let directories = std::mem::take(&mut self.directories);
        let before = self.journal.take();
        // Before the old journal goes: there is no moment at which nobody would remove them.
        self.own_directories(&directories)?;
        before.map_or(Ok(()), Journal::commit).map_err(|error| lost_journal(&error))?;
        self.begin_top_level();
        Ok(())
    }

    /// Directories that stay up to a later step, or are made by a copy: whoever finds the journal removes them.
    pub(super) fn own_directories(&mut self, paths: &[String]) -> Result<(), CommandError> {
        for path in paths {
            self.journal().and_then(|journal| journal.will_remove(path)).map_err(|error| lost_journal(&error))?;
            self.directories.push(path.clone());
        }
        Ok(())
    }

    fn set_aside(&mut self, upper: &str, directory: &str) -> Done {
        if let Some(all) = Path::new(directory).parent() {
            fs::DirBuilder::new().recursive(true).mode(SHARED_MODE).create(all).call("mkdir")?;
        }
        fs::rename(upper, directory).call("rename")?;
        self.directories.push(directory.to_string());
        Ok(())
    }

    fn remove_workspace(&mut self, path: &str) -> Done {
        self.directories.retain(|owned| owned != path);
        self.store.remove(Path::new(path)).call("rmdir")
    }

    fn check_exit(&self, slot: Slot, argv: &[String]) -> Done {
        match self.state.building.failed.as_ref().filter(|failed| failed.slot == slot) {
            None => Ok(()),
            Some(failed) => Err(Failure::of(&work::failed(argv, failed.exit_code), Errno::ECANCELED)),
        }
    }

    fn note_exit(&self, id: &ContainerId, outcome: &mut Outcome) -> Done {
        let container = self.state.containers.get(id).ok_or_else(|| Failure::of(&work::end_unknown(id), Errno::ENOENT))?;
        outcome.status = Some(WaitStatus::Exited(container.state.exit_code));
        Ok(())
    }

    /// What comes from the caller or from elsewhere, and what goes to her.
    fn of_the_caller(&mut self, step: &BuildStep, outcome: &mut Outcome) -> Done {
        match step {
            BuildStep::WriteOutput { files, directory: false, output } => self.export_files(files, output.as_ref(), Wording::Build),
            BuildStep::WriteOutput { files, output, .. } => self.write_tree(files, output.as_ref(), outcome),
            BuildStep::ReadInput { archive, remote } => self.read_input(*archive, remote.as_deref(), outcome),
            BuildStep::FindCommit { repository, .. } => {
                let commit = Some(self.find_commit(repository)?);
                outcome.files = Some(Box::new(BuildFiles { commit, ..BuildFiles::default() }));
                Ok(())
            }
            BuildStep::FetchCommit { repository, commit, path, .. } => {
                let made = self.fetch_commit(repository, commit, Path::new(path))?;
                outcome.files = Some(Box::new(BuildFiles { made, ..BuildFiles::default() }));
                Ok(())
            }
            BuildStep::UnpackContext { path } => self.unpack_context(Path::new(path), outcome),
            BuildStep::ReadDefinition { path, file } => {
                let root = || Root::open(PathBuf::from(path)).call("open");
                let read = input::definition(&mut Disk::new(root()?, root()?), file);
                let definition = Some(read.map_err(|why| Failure::of(&why, Errno::ENOENT))?);
                outcome.files = Some(Box::new(BuildFiles { definition, ..BuildFiles::default() }));
                Ok(())
            }
            BuildStep::FetchFile { remote, path } => self
                .fetch_file(remote, Path::new(path))
                .map(|made| outcome.files = Some(Box::new(BuildFiles { made, ..BuildFiles::default() }))),
            _ => Ok(()),
        }
    }

    /// A build that is interrupted ends before its next step: what its instruction has done is undone.
    pub(super) fn check_interrupted(&mut self) -> Result<(), CommandError> {
        let Some(progress) = &mut self.progress else { return Ok(()) };
        while let Some(Ok(Some(info))) = self.signals.as_ref().map(SignalFd::read) {
            if info.signal != Signal::SIGWINCH {
                progress.interrupt();
            }
        }
        if !progress.is_interrupted() {
            return Ok(());
        }
        let message = "ERROR: failed to build: failed to solve: Canceled: context canceled\n".to_string();
        Err(CommandError { message, exit_code: INTERRUPTED, span: None })
    }

    /// Whoever is at the other end may wait for the records.
    fn read_input(&mut self, archive: bool, remote: Option<&Remote>, outcome: &mut Outcome) -> Done {
        let unread = |error: std::io::Error| Failure::of("read", crate::sys::errno_of(&error));
        self.with_others_going_on(|engine| match remote {
            Some(remote) => engine.spool_remote(remote),
            None => engine.spool().map(drop).map_err(unread),
        })?;
        let spooled = self.spool().map_err(unread)?;
        let seen = input::look(|| from_its_beginning(spooled), archive);
        let seen = Some(seen.map_err(|why| Failure::of(&why, Errno::EINVAL))?);
        outcome.files = Some(Box::new(BuildFiles { seen, ..BuildFiles::default() }));
        Ok(())
    }

    fn unpack_context(&mut self, path: &Path, outcome: &mut Outcome) -> Done {
        let root = || Root::open(path).call("open");
        let mut disk = Disk::new(root()?, root()?);
        let spooled = self.spool().and_then(|file| from_its_beginning(file)).call("lseek")?;
        let made = input::unpack(&mut disk, spooled).map_err(|why| Failure::of(&why, Errno::EINVAL))?;
        outcome.files = Some(Box::new(BuildFiles { made, ..BuildFiles::default() }));
        Ok(())
    }

    /// What a URL leads to, in the place of stdin.
    fn spool_remote(&mut self, remote: &Remote) -> Done {
        if self.spooled.is_some() {
            return Ok(());
        }
        let options = OpenOptions::new().read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600).clone();
        let file = options.open(self.store.root()).call("openat")?;
        let mut client = self.client.take().unwrap_or_default();
        let fetched = client.fetch_into(remote, &mut &file);
        self.client = Some(client);
        fetched.map_err(|why| Failure::of(&why, Errno::ECONNREFUSED))?;
        self.spooled = Some(file);
        Ok(())
    }

    fn fetch_file(&mut self, remote: &Remote, path: &Path) -> Result<u64, Failure> {
        self.with_others_going_on(|engine| {
            let mut client = engine.client.take().unwrap_or_default();
            let fetched = client.fetch_file(remote, path);
            engine.client = Some(client);
            fetched.map_err(|why| Failure::of(&why, Errno::ECONNREFUSED))
        })
    }

    /// Nobody waits for the records meanwhile.
    pub(super) fn with_others_going_on<T>(&mut self, work: impl FnOnce(&mut Engine) -> Result<T, Failure>) -> Result<T, Failure> {
        let had_records = self.holds_lock();
        self.unlock_records();
        let done = work(self);
        if had_records {
            self.lock_records().map_err(|_| Failure::of("flock", Errno::EIO))?;
        }
        done
    }

    /// Whoever has it needs the records to go on, and the caller may have had enough of waiting.
    fn wait_for_cache(&mut self, held: &fs::File, alone: bool) -> Done {
        let locked = || if alone { file::try_lock_exclusive(held) } else { file::try_lock_shared(held) }.call("flock");
        if locked()? {
            return Ok(());
        }
        self.with_others_going_on(|engine| engine.wait_while(CACHE_WAIT_MILLISECONDS, || locked().map(|is_free| !is_free)))
    }

    /// Waits as long as it is so. What the caller has to say ends it at once.
    pub(super) fn wait_while(&mut self, milliseconds: u32, mut holds: impl FnMut() -> Result<bool, Failure>) -> Done {
        while holds()? {
            self.check_interrupted().map_err(|_| Failure::of("Canceled: context canceled", Errno::ECANCELED))?;
            match &self.signals {
                // What cannot be polled is asked again and again, the signals are waited for.
                Some(signals) => match file::poll(&mut [Watch::read(signals)], Some(milliseconds)) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(errno) => return Err(Failure::of("poll", errno)),
                },
                None => std::thread::sleep(Duration::from_millis(milliseconds.into())),
            }
        }
        Ok(())
    }

    fn make_cache_mount(&self, directory: &str, mount: &CacheMount, owner: (u32, u32), mode: u32) -> Done {
        let data = Path::new(directory).join("_data");
        fs::create_dir_all(&data).call("mkdir")?;
        set_owner(&data, owner)?;
        fs::set_permissions(&data, fs::Permissions::from_mode(mode)).call("chmod")?;
        let record = record::written_mount(mount);
        self.store.write_blob(&Path::new(directory).join("mount.json"), record.as_bytes()).call("rename")
    }

    fn files_root(&self, root: &FilesRoot) -> Result<Root, Failure> {
        let path = match (root.held, &self.child) {
            (false, _) => PathBuf::from(&root.path),
            (true, Some(child)) => PathBuf::from(format!("/proc/{}/root{}", child.pid, root.path)),
            (true, None) => return Err(Failure::of("open", Errno::ESRCH)),
        };
        Root::open(path).call("open")
    }

    pub(super) fn tell_entering(&mut self, step: &Step) {
        if let Some(progress) = &mut self.progress {
            say(&progress.entering(step, now_ns()));
        }
    }

    pub(super) fn tell_after(&mut self, step: &Step) {
        if let Some(progress) = &mut self.progress {
            say(&progress.after(step, now_ns()));
        }
    }

    pub(super) fn tell_leaving(&mut self, step: &Step) {
        if let Some(progress) = &mut self.progress {
            say(&progress.leaving(step, now_ns()));
        }
    }

    pub(super) fn tell_failed(&mut self, error: &CommandError) {
        // Of a copy it is told where the engine hears of it.
        if let Some(progress) = self.progress.as_mut().filter(|_| self.relay.is_none()) {
            say(&progress.failed(&error.message, now_ns()));
        }
    }
}
