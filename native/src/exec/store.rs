//! Steps on files under the data root and on the engine's records, by way of `crate::store`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use glassbox_core::apply::apply;
use glassbox_core::errno::Errno;
use glassbox_core::model::{Container, ContainerId, SentSignal, SignalReason, State, health};
use glassbox_core::observe::{Actors, Outcome, essential};
use glassbox_core::oci::image::other_archive;
use glassbox_core::oci::layer::{Blob, LayerLimits, OverlayForm, UnpackOptions, unpack};
use glassbox_core::resolv_conf::edited;
use glassbox_core::step::{Step, StoreStep};
use glassbox_core::workdir::Refusal;

use super::layer::LayerDisk;
use super::{Done, Failure, NameCall};
use crate::store::{Store, layer, volume};
use crate::streams::ahead;
use crate::sys::file;
use crate::sys::rootfs::Root;

/// Of the directory of all layers.
const LAYERS_MODE: u32 = 0o755;
/// A layer of more bytes is not unpacked.
const LAYER_BYTES_MAX: u64 = 64 << 30;

/// Where another build has made the same layer meanwhile, that one is as good.
fn keep_directory(from: &Path, directory: &Path) -> Done {
    if let Some(layers) = directory.parent() {
        DirBuilder::new().recursive(true).mode(LAYERS_MODE).create(layers).call("mkdir")?;
    }
    match std::os::unix::fs::symlink(directory, directory) {
        // Another build has made the same layer; but what one has left that was killed here is but a link.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if !directory.symlink_metadata().call("lstat")?.is_symlink() {
                return Ok(());
            }
        }
        made => made.call("symlink")?,
    }
    match file::exchange(from, directory) {
        // The file system has no such call: for a moment the next instruction would find nothing, and starts a good while later.
        Err(Errno::EINVAL | Errno::ENOSYS) => {
            std::fs::remove_file(directory).call("unlink")?;
            std::fs::rename(from, directory).call("rename")?;
            std::os::unix::fs::symlink(directory, from).call("symlink")
        }
        exchanged => exchanged.call("renameat2"),
    }
}

/// What the steps work on.
#[derive(Debug)]
pub struct Shelf<'a> {
    /// The records.
    pub store: &'a Store,
    /// The state before the step.
    pub state: &'a State,
    /// What execution knows by now: pid, status, time.
    pub outcome: &'a Outcome,
    /// The process of the container.
    pub actors: Actors,
}

impl Shelf<'_> {
    /// Carries the step out.
    pub fn carry_out(&self, step: &StoreStep) -> Done {
        match step {
            StoreStep::ExtractLayer { diff_id, blob, directory, own, .. } => {
                extract(diff_id, blob.as_deref(), Path::new(directory), *own)
            }
            StoreStep::KeepDirectory { from, directory, .. } => keep_directory(Path::new(from), Path::new(directory)),
            StoreStep::CreateDirectory { path, mode } => create_directory(path, *mode),
            StoreStep::WriteFile { path, mode, contents } => write_file(path, *mode, contents),
            StoreStep::RewriteFile { path, mode, contents } => {
                match std::fs::remove_file(path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                }
                .call("unlink")?;
                write_file(path, *mode, contents)
            }
            StoreStep::EditLines { path, remove, add } => edit_lines(path, remove, add),
            StoreStep::WriteIdFile { path, contents } => {
                let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
                file.call("openat")?.write_all(contents.as_bytes()).call("write")
            }
            StoreStep::CreateSource { path, mode } => create_directory(path, *mode),
            StoreStep::CreateVolume { volume, directory } => volume::create(volume, Path::new(directory)).call("mkdir"),
            StoreStep::FillVolume { layers, path, directory, subpath, .. } => fill_volume(layers, path, directory, subpath),
            StoreStep::MakeWorkingDirectory { layers, upper, merged, path } => {
                let refused = |why: Refusal| Failure { finding: why.finding(), ..Failure::of(why.call(), why.errno) };
                volume::make_working_directory(layers, Path::new(upper), merged, path).map_err(refused)
            }
            // Counted by the engine, which keeps the sum.
            StoreStep::MeasureDirectory { .. } => Ok(()),
            StoreStep::RemoveVolume { directory, .. } => volume::remove(self.store, Path::new(directory)).call("rmdir"),
            StoreStep::RecordContainer { container, .. } => self.store.save_container(container).call("rename"),
            StoreStep::ReplaceRecord { container, .. } => self.store.replace_container(container).map(drop).call("rename"),
            StoreStep::RecordPause { id, paused } => self.store.set_paused(id, *paused).map(drop).call("rename"),
            StoreStep::NoteSignal { id, path, signal, reason } => self.note_signal(id, path, *signal, *reason),
            StoreStep::RecordProbe { id } => {
                let Some(probe) = &self.outcome.probe else { return Ok(()) };
                self.store.change(id, |container| health::probed(container, probe)).map(drop).call("rename")
            }
            // It may run: who runs it stays on record.
            StoreStep::RecordEndpoint { id, .. } => self.store.replace_container(&self.after(id, step)?).map(drop).call("rename"),
            StoreStep::RecordStopAsked { id } => {
                self.store.change(id, |container| container.state.stop_asked = true).map(drop).call("rename")
            }
            StoreStep::RecordStart { id }
            | StoreStep::RecordExit { id }
            | StoreStep::RecordRestartCancelled { id }
            | StoreStep::RecordFailure { id, .. } => self.save(id, step),
            StoreStep::RemoveContainerFiles { id, directory } => {
                // Somebody has started it again between its end and this.
                if self.state.containers.get(id).is_some_and(|container| container.state.status.runs()) {
                    return Err(Failure::of("", Errno::EBUSY));
                }
                // First of all: from then on it is not on record, whatever else is left.
                forgive_missing(fs::remove_file(format!("{directory}/state.json"))).call("unlink")?;
                let removed = self.store.remove(Path::new(directory));
                if let (Err(_), Some(container)) = (&removed, self.state.containers.get(id)) {
                    // On record again: whoever wants it gone can try again.
                    self.store.save_container(container).call("rename")?;
                }
                removed.call("rmdir")
            }
        }
    }

    fn note_signal(&self, id: &ContainerId, path: &str, signal: i32, reason: SignalReason) -> Done {
        let started_ns = self.state.containers.get(id).map_or(0, |container| container.state.started_ns);
        let sent = serde_json::to_string(&SentSignal { signal, reason, started_ns }).unwrap_or_default();
        // Written first and cut to its length then: ext4 brings a file that was emptied to the disk when it is closed.
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = match file {
            // It has gone meanwhile, by its end and --rm; the signal will find nobody either.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            answer => answer.call("openat")?,
        };
        file.write_all(sent.as_bytes()).call("write")?;
        file.set_len(sent.len() as u64).call("ftruncate")
    }

    /// The record as it will be once this step's events are applied.
    fn save(&self, id: &ContainerId, step: &StoreStep) -> Done {
        self.store.save_container(&self.after(id, step)?).call("rename")
    }

    /// The container as the step leaves it.
    fn after(&self, id: &ContainerId, step: &StoreStep) -> Result<Container, Failure> {
        let mut after = self.state.clone();
        for event in essential(&Step::Store(step.clone()), self.outcome, self.actors) {
            apply(&mut after, &event);
        }
        after.containers.get(id).cloned().ok_or_else(|| Failure::of("rename", Errno::ENOENT))
    }
}

/// In the file as it is.
pub fn edit_lines(path: &str, remove: &[String], add: &[String]) -> Done {
    let mut file = OpenOptions::new().read(true).write(true).open(path).call("openat")?;
    let mut bytes = Vec::new();
    (&mut file).take(EDITED_BYTES_MAX).read_to_end(&mut bytes).call("read")?;
    let text = edited(&String::from_utf8_lossy(&bytes), remove, add);
    file.seek(SeekFrom::Start(0)).call("lseek")?;
    file.write_all(text.as_bytes()).call("write")?;
    file.set_len(text.len() as u64).call("ftruncate")
}

/// Files whose lines are edited are shorter.
const EDITED_BYTES_MAX: u64 = 1 << 20;

/// The archive that is part of the program, or that of a blob, into a new directory. `own`: it was packed here.
pub fn extract(diff_id: &str, blob: Option<&str>, directory: &Path, own: bool) -> Done {
    let judged = |found: String| match found == diff_id {
        true => Ok(()),
        false => Err(Failure::of(&other_archive(diff_id, &found), Errno::EINVAL)),
    };
    layer::extract(directory, |part| match blob {
        None => unpack_archive(diff_id, Blob::new(crate::toolbox::ARCHIVE).call("read")?, part).and_then(judged),
        Some(path) => {
            let archive = Blob::new(File::open(path).call("openat")?).call("read")?;
            let archive = if own { archive.own() } else { archive };
            // One processor decompresses while the other writes files.
            ahead::read(archive, |archive| unpack_archive(diff_id, archive, part)).call("clone3")?.and_then(judged)
        }
    })
    .map(drop)
}

/// A blob into a directory, where it is not there yet. Answers the digest that its archive has, and whether it was extracted: if that is
/// another one than `diff_id`, it was not. `None`: it is there already.
pub fn extract_new(diff_id: &str, blob: &Path, directory: &Path) -> Result<Option<(String, bool)>, Failure> {
    let mut found = None;
    let is_other = || Failure::of("", Errno::EINVAL);
    let extracted = layer::extract(directory, |part| {
        let archive = Blob::new(File::open(blob).call("openat")?).call("read")?;
        let digest = found.insert(unpack_archive(diff_id, archive, part)?);
        if digest == diff_id { Ok(()) } else { Err(is_other()) }
    });
    match (found, extracted) {
        (Some(digest), _) if digest != diff_id => Ok(Some((digest, false))),
        (Some(digest), extracted) => extracted.map(|is_new| Some((digest, is_new))),
        (None, extracted) => extracted.map(|_| None),
    }
}

/// Answers the digest of the archive.
fn unpack_archive(diff_id: &str, archive: impl Read, part: &Path) -> Result<String, Failure> {
    let root = nix::unistd::geteuid().is_root();
    let form = if root { OverlayForm::Trusted } else { OverlayForm::User };
    let options = UnpackOptions { limits: LayerLimits::of_linux(LAYER_BYTES_MAX), form, owners: root, devices: root };
    let mut disk = LayerDisk::open(part).call("openat")?;
    let told = unpack(&mut disk, &options, archive);
    let unpacked = told.map_err(|error| Failure::of(&format!("unpack {diff_id}: {error}"), error.errno()))?;
    Ok(unpacked.diff_id)
}

/// A part of the volume is resolved so that no link in it leads out; one that is missing is told of when the container starts.
fn fill_volume(layers: &[String], path: &str, directory: &str, subpath: &str) -> Done {
    if subpath.is_empty() {
        return volume::fill(layers, path, Path::new(directory)).call("openat");
    }
    if !volume::has_directory(layers, path).call("statx")? {
        return Ok(());
    }
    match Root::open(directory).and_then(|root| root.pin_beneath(subpath)) {
        Err(Errno::ENOENT) => Ok(()),
        pinned => volume::fill(layers, path, &pinned.call("openat2")?.path()).call("openat"),
    }
}

fn forgive_missing(answer: std::io::Result<()>) -> std::io::Result<()> {
    answer.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// The engine's umask is 0: the mode is what the step says. A directory that is there already is taken as it is.
fn create_directory(path: &str, mode: u32) -> Done {
    DirBuilder::new().recursive(true).mode(mode).create(path).call("mkdir")
}

fn write_file(path: &str, mode: u32, contents: &str) -> Done {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path).call("openat")?;
    file.write_all(contents.as_bytes()).call("write")
}
