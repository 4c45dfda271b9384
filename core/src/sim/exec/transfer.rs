//! `save` and `load` in the model: archives in files of its machine, or on the caller's streams.

use std::io::{self, Chain, Cursor, Read, Repeat, Take, Write};
use std::rc::Rc;

use super::image::{MODELLED_ARCHIVE, change, data_at, write_data};
use super::store::{make_directory, remove_tree};
use super::{Carried, Done, Failure, Run, called};
use crate::errno::Errno;
use crate::layout::Layout;
use crate::model::{Image, State};
use crate::observe::{ExtractedLayer, Outcome, Received};
use crate::oci::image::other_archive;
use crate::oci::image::transfer::{Arrived, Blobs, Sent, TransferError, Wording, digests, receive, send, settle, unwritable};
use crate::oci::layer::{Blob, LayerLimits, OverlayForm, UnpackOptions, unpack};
use crate::plan::architecture;
use crate::sim::kernel::Kernel;
use crate::sim::layer_disk::LayerDisk;
use crate::sim::tables::Data;
use crate::step::CallersFile;
use crate::userland::SysResult;
use crate::view::images::loaded;

/// A longer archive, or blob, is not taken: a page has memory, and no disk.
pub(super) const BYTES_MAX: usize = 64 << 20;
pub(super) const FILE_MODE: u32 = 0o644;

fn refused(error: &TransferError) -> Failure {
    let call = Some(format!("Error response from daemon: {error}"));
    Failure { errno: error.errno(), call, ..Failure::from(error.errno()) }
}

pub(super) fn of_file(path: &str, errno: Errno) -> Failure {
    Failure { call: Some(format!("open {path}: {}", errno.to_string().to_lowercase())), ..Failure::from(errno) }
}

/// Bytes in memory, up to a limit.
#[derive(Debug, Default)]
pub(super) struct Bounded(pub(super) Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > BYTES_MAX {
            return Err(io::Error::other(format!("glassbox: the model takes archives of at most {BYTES_MAX} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The blobs of the model's store.
pub(super) struct ModelBlobs<'a> {
    pub(super) kernel: &'a mut Kernel,
}

impl ModelBlobs<'_> {
    pub(super) fn path(&self, digest: &str) -> String {
        Layout::new(&self.kernel.host.data_root).blob(digest)
    }
}

pub(super) fn source(data: Data) -> Chain<Cursor<Vec<u8>>, Take<Repeat>> {
    Cursor::new(data.bytes.as_ref().clone()).chain(io::repeat(0).take(data.zeros))
}

impl Blobs for ModelBlobs<'_> {
    type Source = Chain<Cursor<Vec<u8>>, Take<Repeat>>;
    type Sink = Bounded;

    fn open(&mut self, digest: &str) -> SysResult<(Self::Source, u64)> {
        let data = data_at(self.kernel, &self.path(digest))?;
        let length = data.len();
        Ok((source(data), length))
    }

    fn has(&mut self, digest: &str) -> bool {
        data_at(self.kernel, &self.path(digest)).is_ok()
    }

    fn create(&mut self) -> SysResult<Bounded> {
        Ok(Bounded::default())
    }

    fn keep(&mut self, blob: Bounded, digest: &str) -> SysResult<()> {
        let path = self.path(digest);
        make_directory(self.kernel, path.rsplit_once('/').map_or("/", |(directory, _)| directory), 0o755)?;
        write_data(self.kernel, &path, FILE_MODE, Data { bytes: Rc::new(blob.0), zeros: 0 })
    }

    fn discard(&mut self, _blob: Bounded) {}

    fn remove(&mut self, digest: &str) {
        let (engine, path) = (self.kernel.engine, self.path(digest));
        let _ = self.kernel.remove_node(engine, &path, false);
    }

    /// What stands for the archive of the toolbox's layer has that archive's digest.
    fn stands_for(&self, blob: &Bounded) -> Option<String> {
        blob.0.starts_with(MODELLED_ARCHIVE.as_bytes()).then(|| self.kernel.host.toolbox.diff_id.clone())
    }
}

pub(super) fn unwritable_file(kernel: &Kernel, file: &CallersFile, wording: Wording) -> Option<String> {
    let kind = |path: &str| {
        let place = kernel.walk(kernel.engine, path, true)?;
        kernel.attributes(&place.node).map(|attributes| attributes.kind)
    };
    let parent =
        file.path.trim_end_matches('/').rsplit_once('/').map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent });
    unwritable(wording, &file.typed, kind(parent), kind(&file.path).ok())
}

pub(super) fn save(kernel: &mut Kernel, run: &mut Run, images: &[Sent], output: Option<&CallersFile>) -> Result<(), Failure> {
    if let Some(why) = output.and_then(|file| unwritable_file(kernel, file, Wording::Save)) {
        return Err(Failure { call: Some(why), ..Failure::from(Errno::EINVAL) });
    }
    let mut written = Bounded::default();
    send(&mut ModelBlobs { kernel }, images, &mut written).map_err(|error| refused(&error))?;
    deliver(kernel, run, written, output)
}

/// To a file of the caller's, or to her.
pub(super) fn deliver(kernel: &mut Kernel, run: &mut Run, written: Bounded, output: Option<&CallersFile>) -> Result<(), Failure> {
    let Some(file) = output else {
        run.shown.push((false, written.0));
        return Ok(());
    };
    let data = Data { bytes: Rc::new(written.0), zeros: 0 };
    write_data(kernel, &file.path, FILE_MODE, data).map_err(|errno| of_file(&file.typed, errno))
}

/// The bytes of a file of the caller's, or of her standard input; `None`: there is more to come.
pub(super) fn callers_data(kernel: &Kernel, run: &mut Run, input: Option<&CallersFile>) -> Result<Option<Data>, Failure> {
    if let Some(file) = input {
        return data_at(kernel, &file.path).map(Some).map_err(|errno| of_file(&file.typed, errno));
    }
    run.asked = !run.answer_ended && run.answer.len() <= BYTES_MAX;
    Ok((!run.asked).then(|| Data { bytes: Rc::new(std::mem::take(&mut run.answer)), zeros: 0 }))
}

pub(super) fn load(kernel: &mut Kernel, run: &mut Run, asked: (Option<&CallersFile>, bool), state: &State) -> Carried {
    let (input, quiet) = asked;
    let Some(data) = callers_data(kernel, run, input)? else { return Ok(Done::Waiting) };
    let machine = architecture(&kernel.host.machine).to_string();
    let mut unpacked = Vec::new();
    let mut look = |blobs: &mut ModelBlobs<'_>, layers: &[Arrived]| look_into(blobs, layers, &mut unpacked);
    let received = receive(&mut ModelBlobs { kernel }, ("linux", &machine), source(data), &mut look);
    let received = received.map_err(|error| {
        unpacked.iter().for_each(|layer: &ExtractedLayer| remove_tree(kernel, &layer.directory).unwrap_or_default());
        refused(&error)
    })?;
    let known: Vec<&Image> = state.images.values().collect();
    let (received, given_up) = settle(received, &known);
    let index = Layout::new(&kernel.host.data_root).image_index();
    called(change(kernel, &index, |index| index.take_in(&received)), "rename")?;
    given_up.iter().for_each(|digest| ModelBlobs { kernel }.remove(digest));
    let text = loaded(&received, state, quiet);
    run.shown.push((false, text.clone().into_bytes()));
    let received = Box::new(Received { images: received, extracted: unpacked });
    Ok(Done::Outcome(Outcome { received, printed: text, at_ns: kernel.realtime_ns(), ..Outcome::default() }))
}

/// Layers that have come in are extracted, as far as their files are not there yet.
fn look_into(
    blobs: &mut ModelBlobs<'_>,
    layers: &[Arrived],
    unpacked: &mut Vec<ExtractedLayer>,
) -> Vec<Result<String, TransferError>> {
    let of_step = |failure: Failure| TransferError::Layer { call: failure.call.unwrap_or_default(), errno: failure.errno };
    let mut look = |layer: &Arrived| {
        let directory = Layout::new(&blobs.kernel.host.data_root).layer(&layer.diff_id);
        let path = blobs.path(&layer.blob);
        let data = data_at(blobs.kernel, &path).map_err(|errno| of_step(of_file(&path, errno)))?;
        if blobs.kernel.walk(blobs.kernel.engine, &directory, true).is_ok() {
            return digests(blobs, std::slice::from_ref(layer)).remove(0);
        }
        let found = if data.bytes.starts_with(MODELLED_ARCHIVE.as_bytes()) {
            super::store::extract_toolbox(blobs.kernel, &directory).map_err(of_step)?;
            layer.diff_id.clone()
        } else {
            unpack_into(blobs.kernel, data, &layer.diff_id, &directory, false).map_err(of_step)?
        };
        if found == layer.diff_id {
            unpacked.push(ExtractedLayer { diff_id: found.clone(), directory });
        }
        Ok(found)
    };
    layers.iter().map(&mut look).collect()
}

/// A layer from its blob into a new directory; of one that is refused nothing stays.
pub(super) fn extract(kernel: &mut Kernel, blob: &str, diff_id: &str, directory: &str, own: bool) -> Result<(), Failure> {
    let data = data_at(kernel, blob).map_err(|errno| of_file(blob, errno))?;
    match unpack_into(kernel, data, diff_id, directory, own)? {
        found if found == diff_id => Ok(()),
        found => Err(Failure { call: Some(other_archive(diff_id, &found)), ..Failure::from(Errno::EINVAL) }),
    }
}

/// Answers the digest that the archive has; where that is another one, nothing stays.
fn unpack_into(kernel: &mut Kernel, data: Data, diff_id: &str, directory: &str, own: bool) -> Result<String, Failure> {
    make_directory(kernel, directory, 0o755)?;
    let root = kernel.host.is_root();
    let form = if root { OverlayForm::Trusted } else { OverlayForm::User };
    let options = UnpackOptions { limits: LayerLimits::of_linux(BYTES_MAX as u64), form, owners: root, devices: root };
    let archive = Blob::new(source(data)).map_err(|error| refused(&TransferError::Stream(error)))?;
    let archive = if own { archive.own() } else { archive };
    let unpacked = LayerDisk::open(kernel, directory).map_err(Failure::from).and_then(|mut disk| {
        let told = unpack(&mut disk, &options, archive);
        told.map_err(|error| Failure { call: Some(format!("unpack {diff_id}: {error}")), ..Failure::from(error.errno()) })
    });
    if unpacked.as_ref().map_or(true, |unpacked| unpacked.diff_id != diff_id) {
        let _ = remove_tree(kernel, directory);
    }
    unpacked.map(|unpacked| unpacked.diff_id)
}
