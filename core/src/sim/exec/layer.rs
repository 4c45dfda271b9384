//! Layers made of directories and archives, in the model.

use super::image::{change, data_at};
use super::transfer::{Bounded, ModelBlobs, callers_data, deliver, source, unwritable_file};
use super::{Carried, Done, Failure, Run, called};
use crate::accounts::{self, Identity};
use crate::errno::Errno;
use crate::layout::Layout;
use crate::model::State;
use crate::observe::{Outcome, Received};
use crate::oci::audit::{Shelves, audit};
use crate::oci::image::transfer::{Blobs, Wording};
use crate::oci::image::{Descriptor, one};
use crate::oci::layer::{
    Fresh, LayerError, Merged, OverlayForm, PackOptions, Waste, changes, explore, import_blob, in_lines, pack as pack_tree,
    pack_blob,
};
use crate::sim::kernel::Kernel;
use crate::sim::layer_disk::LayerDisk;
use crate::sim::store_listing;
use crate::step::{CallersFile, ContainerFiles, ImportedArchive, PackedDirectory};
use crate::view::layers::LayersShown;

fn refused(error: &LayerError) -> Failure {
    Failure { call: Some(format!("Error response from daemon: {error}")), ..Failure::from(error.errno()) }
}

/// Gives the blob its name, and remembers it if it is new.
fn keep(kernel: &mut Kernel, run: &mut Run, upper: &str, fresh: Option<Fresh<Bounded>>) -> Carried {
    let (packed, whole) = match fresh {
        None => (None, false),
        Some(Fresh { layer, whole, sink }) => {
            let mut blobs = ModelBlobs { kernel };
            if !blobs.has(&layer.blob) {
                run.packed.insert(upper.to_string(), blobs.path(&layer.blob));
            }
            called(blobs.keep(sink, &layer.blob), "rename")?;
            (Some(layer), whole)
        }
    };
    Ok(Done::Outcome(Outcome { packed: packed.map(Box::new), whole, at_ns: kernel.realtime_ns(), ..Outcome::default() }))
}

pub(super) fn pack(kernel: &mut Kernel, run: &mut Run, packed: &PackedDirectory) -> Carried {
    // Read from a snapshot: what is written goes elsewhere.
    let mut snapshot = kernel.clone();
    let mut disk = called(LayerDisk::open(&mut snapshot, &packed.upper), "openat")?;
    let fresh = pack_blob(&mut ModelBlobs { kernel }, &mut disk, &packed.options(), packed.compressed);
    keep(kernel, run, &packed.upper, fresh.map_err(|error| refused(&error))?)
}

pub(super) fn import(kernel: &mut Kernel, run: &mut Run, imported: &ImportedArchive) -> Carried {
    let Some(data) = callers_data(kernel, run, imported.input.as_ref())? else { return Ok(Done::Waiting) };
    let fresh = import_blob(&mut ModelBlobs { kernel }, source(data)).map_err(|error| refused(&error))?;
    keep(kernel, run, ImportedArchive::KEY, Some(fresh))
}

pub(super) fn record(kernel: &mut Kernel, index: &str, id: &str, manifest: &Descriptor) -> Carried {
    let read = |digest: &str| {
        let path = Layout::new(&kernel.host.data_root).blob(digest);
        data_at(kernel, &path).ok().map(|data| data.bytes.as_ref().clone())
    };
    let image = one(&manifest.digest, &read)
        .map_err(|error| Failure { call: Some(format!("Error response from daemon: {error}")), ..Failure::from(Errno::EINVAL) })?;
    if image.id != id {
        return Err(Errno::EINVAL.into());
    }
    let mut blobs = ModelBlobs { kernel };
    if !image.layers.iter().all(|layer| blobs.has(&layer.blob)) {
        return Err(Errno::ENOENT.into());
    }
    called(change(kernel, index, |index| index.take_in(std::slice::from_ref(&image))), "rename")?;
    Ok(Done::Outcome(Outcome {
        received: Box::new(Received { images: vec![image], extracted: Vec::new() }),
        at_ns: kernel.realtime_ns(),
        ..Outcome::default()
    }))
}

/// One snapshot for each directory: a reader holds the machine that it reads.
fn snapshots(kernel: &Kernel, count: usize) -> Vec<Kernel> {
    (0..count).map(|_| kernel.clone()).collect()
}

fn form(files: &ContainerFiles) -> OverlayForm {
    if files.user_xattr { OverlayForm::User } else { OverlayForm::Trusted }
}

fn opened<'a>(machines: &'a mut [Kernel], directories: &[&String]) -> Result<Vec<LayerDisk<'a>>, Failure> {
    let open = |(machine, directory): (&'a mut Kernel, &&String)| called(LayerDisk::open(machine, directory), "openat");
    machines.iter_mut().zip(directories).map(open).collect()
}

pub(super) fn show_changes(kernel: &mut Kernel, run: &mut Run, files: &ContainerFiles) -> Carried {
    let lower: Vec<&String> = files.lower.iter().collect();
    let (mut own, mut machines) = (kernel.clone(), snapshots(kernel, lower.len()));
    let mut upper = called(LayerDisk::open(&mut own, &files.upper), "openat")?;
    let mut lower = Merged::new(opened(&mut machines, &lower)?, form(files));
    let found = changes(&mut upper, &mut lower, form(files), &files.without).map_err(|error| refused(&error))?;
    let text = in_lines(&found);
    run.shown.push((false, text.clone().into_bytes()));
    Ok(Done::Outcome(Outcome { printed: text, at_ns: kernel.realtime_ns(), ..Outcome::default() }))
}

/// Who a user is by the files in a container's layers.
pub(super) fn identity(kernel: &Kernel, files: &ContainerFiles, user: &str, groups: &[String]) -> Result<Identity, Failure> {
    let directories: Vec<&String> = std::iter::once(&files.upper).chain(&files.lower).collect();
    let mut machines = snapshots(kernel, directories.len());
    let mut merged = Merged::new(opened(&mut machines, &directories)?, form(files));
    accounts::in_layers(user, groups, &mut merged).map_err(|(call, errno)| Failure { call: Some(call.into()), ..errno.into() })
}

pub(super) fn export(
    kernel: &mut Kernel,
    run: &mut Run,
    files: &ContainerFiles,
    output: Option<&CallersFile>,
    wording: Wording,
) -> Result<(), Failure> {
    if let Some(why) = output.and_then(|file| unwritable_file(kernel, file, wording)) {
        return Err(Failure { call: Some(why), ..Failure::from(Errno::EINVAL) });
    }
    let written = packed_files(kernel, files)?;
    deliver(kernel, run, written, output)
}

/// As an archive.
pub(super) fn packed_files(kernel: &Kernel, files: &ContainerFiles) -> Result<Bounded, Failure> {
    let directories: Vec<&String> = std::iter::once(&files.upper).chain(&files.lower).collect();
    let mut machines = snapshots(kernel, directories.len());
    let mut merged = Merged::new(opened(&mut machines, &directories)?, form(files));
    let (uid_map, gid_map) = (files.uid_map.clone(), files.gid_map.clone());
    let options = PackOptions { form: form(files), uid_map, gid_map, ..PackOptions::default() };
    let mut written = Bounded::default();
    pack_tree(&mut merged, &options, &mut written).map_err(|error| refused(&error))?;
    Ok(written)
}

/// The model's store.
struct ModelShelves<'a> {
    blobs: ModelBlobs<'a>,
    /// Layers are read from a snapshot.
    machine: Kernel,
}

impl<'a> Shelves for ModelShelves<'a> {
    type Blobs = ModelBlobs<'a>;
    type Tree<'s>
        = LayerDisk<'s>
    where
        Self: 's;

    fn index(&mut self) -> Result<Option<Vec<u8>>, Errno> {
        match data_at(&self.machine, &Layout::new(&self.machine.host.data_root).image_index()) {
            Ok(data) => Ok(Some(data.bytes.as_ref().clone())),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    fn blobs(&mut self) -> &mut ModelBlobs<'a> {
        &mut self.blobs
    }

    fn layer(&mut self, diff_id: &str) -> Result<LayerDisk<'_>, Errno> {
        let directory = Layout::new(&self.machine.host.data_root).layer(diff_id);
        LayerDisk::open(&mut self.machine, &directory)
    }

    fn is_stand_in(&self, digest: &str) -> bool {
        *digest == self.machine.host.toolbox.diff_id
    }
}

pub(super) fn check(kernel: &mut Kernel, run: &mut Run, state: &State, user_xattr: bool) -> Carried {
    let listing = store_listing(kernel);
    let machine = kernel.clone();
    let mut shelves = ModelShelves { blobs: ModelBlobs { kernel }, machine };
    let audit = audit(&mut shelves, &listing, state, user_xattr);
    run.failed |= audit.is_broken();
    run.shown.push((false, audit.text().into_bytes()));
    Ok(Done::Outcome(Outcome { at_ns: kernel.realtime_ns(), ..Outcome::default() }))
}

/// What of these layers nobody sees; `None`: they cannot be read.
pub fn hidden(kernel: &Kernel, directories: &[String], form: OverlayForm) -> Option<Vec<Waste>> {
    let directories: Vec<&String> = directories.iter().collect();
    let mut machines = snapshots(kernel, directories.len());
    let mut trees = opened(&mut machines, &directories).ok()?;
    explore(&mut trees, form).ok().map(|explored| explored.waste)
}

pub(super) fn show_layers(kernel: &mut Kernel, run: &mut Run, shown: &LayersShown) -> Carried {
    let directories: Vec<&String> = shown.layers.iter().map(|layer| &layer.directory).collect();
    let mut machines = snapshots(kernel, directories.len());
    let answer = shown.show(opened(&mut machines, &directories)?).map_err(|error| refused(&error))?;
    run.shown.push((false, answer.shown));
    if let Some(why) = answer.refusal {
        run.shown.push((true, why.into_bytes()));
        run.failed = true;
    }
    Ok(Done::Outcome(Outcome { at_ns: kernel.realtime_ns(), ..Outcome::default() }))
}
