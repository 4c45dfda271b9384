//! Layers made of directories and archives, and containers' files read through their layers.

use std::io::Write;
use std::path::Path;

use glassbox_core::accounts::{self, Identity};
use glassbox_core::errno::Errno;
use glassbox_core::observe::Outcome;
use glassbox_core::oci::audit::{Shelves, audit};
use glassbox_core::oci::image::transfer::{Blobs, Wording};
use glassbox_core::oci::layer::{
    Fresh, LayerError, Merged, OverlayForm, PackOptions, changes, import_blob, in_lines, pack, pack_blob,
};
use glassbox_core::step::{CallersFile, ClientStep, ContainerFiles, ImportedArchive, PackedDirectory, Undo};
use glassbox_core::userland::WaitStatus;

use glassbox_core::view::layers::{LayersShown, content};

use super::client::print;
use super::images::{callers_input, deliver};
use super::{Engine, say};
use crate::browse;
use crate::exec::layer::LayerDisk;
use crate::exec::{Done, Failure, NameCall};
use crate::store::blobs::{Incoming, StoreBlobs};

fn refused(error: &LayerError) -> Failure {
    Failure::of(&format!("Error response from daemon: {error}"), error.errno())
}

fn form(files: &ContainerFiles) -> OverlayForm {
    if files.user_xattr { OverlayForm::User } else { OverlayForm::Trusted }
}

/// A directory of the machine.
fn opened(path: &str) -> Result<LayerDisk, Failure> {
    LayerDisk::open(Path::new(path)).call("openat")
}

/// Who a user is by the files in a container's layers.
pub(super) fn identity(files: &ContainerFiles, user: &str, groups: &[String]) -> Result<Identity, Failure> {
    let directories = std::iter::once(&files.upper).chain(&files.lower);
    let disks = directories.map(|path| opened(path)).collect::<Result<Vec<_>, _>>()?;
    accounts::in_layers(user, groups, &mut Merged::new(disks, form(files))).map_err(|(call, errno)| Failure::of(call, errno))
}

impl Engine {
    /// Nobody waits for the records while files are read; the blob gets its name when they are locked again, so that nobody takes it
    /// away before an image has it.
    pub(super) fn pack_layer(&mut self, packed: &PackedDirectory, outcome: &mut Outcome) -> Done {
        let mut disk = opened(&packed.upper)?;
        self.begin_journal()?;
        self.unlock_records();
        let store = self.store.clone();
        let mut blobs = StoreBlobs { store: &store, announce: &mut |_| Ok(()) };
        let fresh = pack_blob(&mut blobs, &mut disk, &packed.options(), packed.compressed);
        self.keep_blob(fresh.map_err(|error| refused(&error)), outcome)
    }

    pub(super) fn import_layer(&mut self, imported: &ImportedArchive, outcome: &mut Outcome) -> Done {
        let source = callers_input(imported.input.as_ref())?;
        self.begin_journal()?;
        self.unlock_records();
        let store = self.store.clone();
        let mut blobs = StoreBlobs { store: &store, announce: &mut |_| Ok(()) };
        let fresh = import_blob(&mut blobs, source);
        self.keep_blob(fresh.map(Some).map_err(|error| refused(&error)), outcome)
    }

    /// So that whoever comes after a killed one looks for what is half written.
    fn begin_journal(&mut self) -> Done {
        self.journal().map(drop).map_err(|error| Failure::of("openat", error.errno().unwrap_or(Errno::EIO)))
    }

    fn keep_blob(&mut self, fresh: Result<Option<Fresh<Incoming>>, Failure>, outcome: &mut Outcome) -> Done {
        self.lock_records().map_err(|error| Failure::of(&error.message, Errno::EIO))?;
        self.store.remove_incoming();
        let Some(Fresh { layer, whole, sink }) = fresh? else { return Ok(()) };
        let store = self.store.clone();
        let journal = self.journal().map_err(|error| Failure::of("openat", error.errno().unwrap_or(Errno::EIO)))?;
        let mut announce = |digest: &str| journal.will(&Undo::DropBlob { path: store.layout().blob(digest) });
        let mut blobs = StoreBlobs { store: &store, announce: &mut announce };
        blobs.keep(sink, &layer.blob).call("rename")?;
        (outcome.packed, outcome.whole) = (Some(Box::new(layer)), whole);
        Ok(())
    }

    /// The index has it as its documents say.
    pub(super) fn record_image(&mut self, id: &str, manifest: &str, outcome: &mut Outcome) -> Done {
        let image = self.store.image_of(manifest).call("read")?;
        if image.id != id {
            return Err(Failure::of("read", Errno::EINVAL));
        }
        // What it stands on may have gone while its layer was packed.
        let store = self.store.clone();
        let mut blobs = StoreBlobs { store: &store, announce: &mut |_| Ok(()) };
        if !image.layers.iter().all(|layer| blobs.has(&layer.blob)) {
            return Err(Failure::of("openat", Errno::ENOENT));
        }
        self.store.change_index(|index| index.take_in(std::slice::from_ref(&image))).call("rename")?;
        outcome.received.images = vec![image];
        Ok(())
    }

    pub(super) fn show_changes(&mut self, files: &ContainerFiles, outcome: &mut Outcome) -> Done {
        let mut upper = opened(&files.upper)?;
        let layers: Result<Vec<LayerDisk>, Failure> = files.lower.iter().map(|path| opened(path)).collect();
        let mut lower = Merged::new(layers?, form(files));
        let found = changes(&mut upper, &mut lower, form(files), &files.without).map_err(|error| refused(&error))?;
        self.client(&ClientStep::Print { text: in_lines(&found) }, outcome)
    }

    /// As `export`, and as a build of files ends.
    pub(super) fn export_files(&mut self, files: &ContainerFiles, output: Option<&CallersFile>, wording: Wording) -> Done {
        deliver(output, wording, |out: &mut dyn Write| self.pack_files(files, out))
    }

    pub(super) fn pack_files(&self, files: &ContainerFiles, out: &mut dyn Write) -> Done {
        let layers: Result<Vec<LayerDisk>, Failure> =
            std::iter::once(&files.upper).chain(&files.lower).map(|path| opened(path)).collect();
        let mut merged = Merged::new(layers?, form(files));
        let (uid_map, gid_map) = (files.uid_map.clone(), files.gid_map.clone());
        let options = PackOptions { form: form(files), uid_map, gid_map, ..PackOptions::default() };
        pack(&mut merged, &options, out).map(drop).map_err(|error| refused(&error))
    }

    pub(super) fn check_store(&mut self, user_xattr: bool) -> Done {
        let store = self.store.clone();
        let listing = store.listing();
        let mut shelves = StoreShelves { blobs: StoreBlobs { store: &store, announce: &mut |_| Ok(()) } };
        let audit = audit(&mut shelves, &listing, &self.state, user_xattr);
        print(audit.text().as_bytes());
        if audit.is_broken() {
            self.exit_code = 1;
        }
        Ok(())
    }

    pub(super) fn show_layers(&mut self, shown: &LayersShown) -> Done {
        let trees: Result<Vec<LayerDisk>, Failure> = shown.layers.iter().map(|layer| opened(&layer.directory)).collect();
        let trees = trees?;
        if shown.asked.may_fill_a_screen() && !self.looks && browse::is_possible() {
            return self.browse_layers(shown, trees);
        }
        let answer = shown.show(trees).map_err(|error| refused(&error))?;
        print(&answer.shown);
        if let Some(why) = answer.refusal {
            say(&why);
            self.exit_code = 1;
        }
        Ok(())
    }

    /// On the whole screen, until the caller has seen enough.
    fn browse_layers(&mut self, shown: &LayersShown, mut trees: Vec<LayerDisk>) -> Done {
        let explored = shown.explore(&mut trees).map_err(|error| refused(&error))?;
        let mut read = |layer: usize, path: &str| {
            let tree = layer.checked_sub(1).and_then(|at| trees.get_mut(at));
            tree.map_or_else(|| Err("there is no such layer".to_string()), |tree| content(tree, path))
        };
        // Nobody waits for the records while somebody reads.
        self.unlock_records();
        let ended = browse::browse(shown.view(explored), &mut read).call("poll")?;
        if let Some(signal) = ended {
            self.exit_code = WaitStatus::Signaled(signal).code();
        }
        Ok(())
    }
}

/// The store, to be looked through.
struct StoreShelves<'a> {
    blobs: StoreBlobs<'a>,
}

impl<'a> Shelves for StoreShelves<'a> {
    type Blobs = StoreBlobs<'a>;
    type Tree<'s>
        = LayerDisk
    where
        Self: 's;

    fn index(&mut self) -> Result<Option<Vec<u8>>, Errno> {
        match std::fs::read(self.blobs.store.layout().image_index()) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(crate::sys::errno_of(&error)),
        }
    }

    fn blobs(&mut self) -> &mut StoreBlobs<'a> {
        &mut self.blobs
    }

    fn layer(&mut self, diff_id: &str) -> Result<LayerDisk, Errno> {
        LayerDisk::open(self.blobs.store.layout().layer(diff_id))
    }

    fn is_stand_in(&self, _digest: &str) -> bool {
        false
    }
}
