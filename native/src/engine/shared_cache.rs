//! Caches of builds that come from directories of the caller's, and go there.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use glassbox_core::build::ImportedCache;
use glassbox_core::build::shared::{self, layout_blob};
use glassbox_core::copying::Streams;
use glassbox_core::errno::Errno;
use glassbox_core::oci::image::Descriptor;
use glassbox_core::registry::http::Head;
use glassbox_core::registry::receive::{Expected, receive};
use glassbox_core::step::Undo;

use super::Engine;
use crate::exec::copy::Disk;
use crate::exec::{Done, Failure, NameCall};
use crate::store::blobs::StoreBlobs;
use crate::sys::rootfs::Root;

fn unread(why: &str) -> Failure {
    Failure::of(&shared::unread(why), Errno::ENOENT)
}

fn of_directory(directory: &str) -> Result<Disk, Failure> {
    let root = || {
        let failed = |errno: Errno| unread(&format!("open {directory}: {}", errno.sentence().to_lowercase()));
        Root::open(PathBuf::from(directory)).map_err(failed)
    };
    Ok(Disk::new(root()?, root()?))
}

pub(super) fn read(number: u16, directory: &str, manifest: Option<&str>) -> Result<ImportedCache, Failure> {
    shared::read_layout(&mut of_directory(directory)?, number, manifest).map_err(|why| unread(&why))
}

/// Answers how many bytes there are. A file that has the name of its digest is complete: it got the name when it was.
pub(super) fn write(directory: &str, documents: &[(String, String)], layers: &[Descriptor], blobs: &str) -> Result<u64, Failure> {
    fs::create_dir_all(format!("{directory}/blobs/sha256")).call("mkdir")?;
    let mut bytes = 0;
    for layer in layers {
        let name = layout_blob(&layer.digest);
        let from = Path::new(blobs).join(layer.digest.trim_start_matches("sha256:"));
        bytes += layer.size;
        place(Path::new(&format!("{directory}{name}")), |file| std::io::copy(&mut File::open(&from)?, file).map(drop))?;
    }
    for (name, text) in documents {
        bytes += text.len() as u64;
        place(Path::new(&format!("{directory}{name}")), |file| file.write_all(text.as_bytes()))?;
    }
    Ok(bytes)
}

/// Written beside its place, and then moved there.
fn place(path: &Path, fill: impl FnOnce(&mut File) -> std::io::Result<()>) -> Done {
    let beside = path.with_extension(format!("part-{}", std::process::id()));
    let written = File::create(&beside).and_then(|mut file| fill(&mut file)).call("openat");
    written.and_then(|()| fs::rename(&beside, path).call("rename")).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

impl Engine {
    pub(super) fn take_layer(&mut self, directory: &str, digest: &str, size: u64) -> Done {
        let mut disk = of_directory(directory)?;
        let store = self.store.clone();
        let journal = self.journal().map_err(|error| Failure::of("openat", error.errno().unwrap_or(Errno::EIO)))?;
        let mut announce = |digest: &str| journal.will(&Undo::DropBlob { path: store.layout().blob(digest) });
        let mut blobs = StoreBlobs { store: &store, announce: &mut announce };
        let mut fetch = |_: u64| {
            let name = layout_blob(digest);
            let failed = |errno: Errno| format!("open {name}: {}", errno.sentence().to_lowercase());
            disk.open(&name).map(|file| (Head::of(200, &[]), file)).map_err(failed)
        };
        let expected = Expected { digest, size, what: "filesystem layer" };
        receive(&mut blobs, &expected, &mut fetch).map(drop).map_err(|why| unread(&why))
    }
}
