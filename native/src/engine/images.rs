//! `save` and `load`: archives to and from files of the caller's and her streams.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use glassbox_core::errno::Errno;
use glassbox_core::observe::{Outcome, Received};
use glassbox_core::oci::image::transfer::{Arrived, Sent, TransferError, Wording, receive, send, settle, unwritable};
use glassbox_core::plan::architecture;
use glassbox_core::step::{CallersFile, ClientStep, ImageStep, Undo};
use glassbox_core::userland::FileKind;
use glassbox_core::view::images::loaded;

use super::{Engine, arrived};
use crate::exec::{Done, Failure, image};
use crate::store::StoreError;
use crate::store::blobs::StoreBlobs;

const BUFFER_BYTES: usize = 128 << 10;

fn refused(error: &TransferError) -> Failure {
    Failure::of(&format!("Error response from daemon: {error}"), error.errno())
}

fn unjournaled(error: &StoreError) -> TransferError {
    TransferError::Call { doing: "write the journal", errno: error.errno().unwrap_or(Errno::EIO) }
}

/// A file of the caller's, or her standard input.
pub(super) fn callers_input(input: Option<&CallersFile>) -> Result<Box<dyn io::Read>, Failure> {
    Ok(match input {
        Some(file) => Box::new(File::open(&file.path).map_err(of_file(&file.typed))?),
        None => Box::new(io::stdin().lock()),
    })
}

/// In the words of Docker's client.
pub(super) fn of_file(path: &str) -> impl Fn(io::Error) -> Failure + '_ {
    move |error| {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno);
        Failure::of(&format!("open {path}: {}", errno.to_string().to_lowercase()), errno)
    }
}

impl Engine {
    pub(super) fn image(&mut self, step: &ImageStep, outcome: &mut Outcome) -> Done {
        match step {
            ImageStep::SaveImages { images, output } => self.save_images(images, output.as_ref()),
            ImageStep::LoadImages { input, quiet } => self.load_images(input.as_ref(), *quiet, outcome),
            ImageStep::PackLayer(packed) => self.pack_layer(packed, outcome),
            ImageStep::ImportLayer(imported) => self.import_layer(imported, outcome),
            ImageStep::RecordImage { id, manifest, .. } => self.record_image(id, &manifest.digest, outcome),
            ImageStep::CheckStore { user_xattr } => self.check_store(*user_xattr),
            ImageStep::ShowLayers(shown) => self.show_layers(shown),
            ImageStep::ShowChanges(files) => self.show_changes(files, outcome),
            ImageStep::ExportFiles { files, output } => self.export_files(files, output.as_ref(), Wording::Export),
            _ => image::carry_out(step, &self.store),
        }
    }

    fn save_images(&mut self, images: &[Sent], output: Option<&CallersFile>) -> Done {
        // What is read stays: the lock is held.
        let store = self.store.clone();
        let mut blobs = StoreBlobs { store: &store, announce: &mut |_| Ok(()) };
        deliver(output, Wording::Save, |out| send(&mut blobs, images, out).map_err(|error| refused(&error)))
    }

    /// Nobody waits for the records while the archive is read.
    fn load_images(&mut self, input: Option<&CallersFile>, quiet: bool, outcome: &mut Outcome) -> Done {
        let source = callers_input(input)?;
        self.unlock_records();
        self.store.remove_incoming();
        let store = self.store.clone();
        let machine = architecture(&self.host.machine).to_string();
        let journal = self.journal().map_err(|error| Failure::of("openat", error.errno().unwrap_or(Errno::EIO)))?;
        let journal = RefCell::new(journal);
        let will = |undo: &Undo| journal.borrow_mut().will(undo);
        let mut announce = |digest: &str| will(&Undo::DropBlob { path: store.layout().blob(digest) });
        let mut blobs = StoreBlobs { store: &store, announce: &mut announce };
        let mut unpacked = Vec::new();
        let mut look = |_: &mut StoreBlobs<'_>, layers: &[Arrived]| {
            let tree = |layer: &Arrived| Undo::RemoveTree { path: store.layout().layer(&layer.diff_id) };
            match layers.iter().try_for_each(|layer| will(&tree(layer))) {
                Ok(()) => arrived::look_into(&store, layers, &mut unpacked),
                Err(error) => vec![Err(unjournaled(&error))],
            }
        };
        let images = receive(&mut blobs, ("linux", &machine), source, &mut look).map_err(|error| refused(&error))?;
        self.lock_records().map_err(|error| Failure::of(&error.message, Errno::EIO))?;
        // What others have loaded meanwhile.
        let known = store.images().0;
        let (images, given_up) = settle(images, &known.iter().collect::<Vec<_>>());
        store
            .change_index(|index| index.take_in(&images))
            .map_err(|error| Failure::of("rename", error.errno().unwrap_or(Errno::EIO)))?;
        for digest in &given_up {
            let blob = store.layout().blob(digest);
            store.drop_blob(Path::new(&blob)).map_err(|error| Failure::of("unlink", error.errno().unwrap_or(Errno::EIO)))?;
        }
        let text = loaded(&images, &self.state, quiet);
        *outcome.received = Received { images, extracted: unpacked };
        self.client(&ClientStep::Print { text }, outcome)
    }
}

/// To a file of the caller's, which gets its name when all of it is written, or to her.
pub(super) fn deliver(
    output: Option<&CallersFile>,
    wording: Wording,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Done {
    let Some(CallersFile { path, typed }) = output else {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
        write(&mut out)?;
        return out.flush().map_err(of_file("/dev/stdout"));
    };
    let parent = Path::new(path).parent().unwrap_or(Path::new("/"));
    if let Some(why) = unwritable(wording, typed, kind(parent), kind(Path::new(path)).ok()) {
        return Err(Failure::of(&why, Errno::EINVAL));
    }
    let part = part_of(Path::new(path));
    let written = File::create(&part).map_err(of_file(typed)).and_then(|file| {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        write(&mut out)?;
        out.flush().map_err(of_file(typed))?;
        fs::rename(&part, path).map_err(of_file(typed))
    });
    written.inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

/// Beside the file that is wanted.
pub(super) fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.part-{}", std::process::id()))
}

/// stat(2)
fn kind(path: &Path) -> Result<FileKind, Errno> {
    let found = fs::metadata(path).map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno))?.file_type();
    Ok(match () {
        () if found.is_dir() => FileKind::Directory,
        () if found.is_char_device() => FileKind::CharDevice,
        () if found.is_block_device() => FileKind::BlockDevice,
        () => FileKind::File,
    })
}
