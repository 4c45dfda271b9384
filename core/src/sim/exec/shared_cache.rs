//! Caches of builds that come from directories of the model's machine, and go there.

use super::build::{seen, sides, told};
use super::image::{data_at, write_data};
use super::store::{make_directory, write_file};
use super::transfer::{ModelBlobs, source};
use super::{Carried, Failure, Run, called};
use crate::build::shared::{self, layout_blob};
use crate::errno::Errno;
use crate::observe::BuildFiles;
use crate::oci::image::Descriptor;
use crate::registry::http::Head;
use crate::registry::receive::{Expected, receive};
use crate::sim::kernel::Kernel;
use crate::step::{BuildStep, FilesRoot};

const DIRECTORY_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

pub(super) fn execute(step: &BuildStep, kernel: &mut Kernel, run: &Run) -> Carried {
    let files = match step {
        BuildStep::ReadCache { number, directory, manifest } => {
            let root = FilesRoot { path: directory.clone(), held: false };
            let mut model = sides(kernel, run, &root, &root).map_err(|failure| unread(directory, &failure))?;
            let read = shared::read_layout(&mut model, *number, manifest.as_deref());
            let cache = read.map_err(|why| told(shared::unread(&why), Errno::ENOENT))?;
            BuildFiles { cache: Some(Box::new(cache)), ..BuildFiles::default() }
        }
        BuildStep::TakeLayer { directory, digest, size, .. } => {
            take_layer(kernel, directory, digest, *size)?;
            BuildFiles::default()
        }
        BuildStep::WriteCache { output, documents, layers, blobs } => {
            let made = write(kernel, &output.path, documents, (layers, blobs))?;
            BuildFiles { made, ..BuildFiles::default() }
        }
        _ => BuildFiles::default(),
    };
    Ok(seen(kernel, files))
}

fn unread(directory: &str, failure: &Failure) -> Failure {
    told(shared::unread(&format!("open {directory}: {}", failure.errno.sentence().to_lowercase())), failure.errno)
}

fn take_layer(kernel: &mut Kernel, directory: &str, digest: &str, size: u64) -> Result<(), Failure> {
    let data = data_at(kernel, &format!("{directory}{}", layout_blob(digest)));
    let mut fetch = |_: u64| match &data {
        Ok(data) => Ok((Head::of(200, &[]), source(data.clone()))),
        Err(errno) => Err(format!("open {}: {}", layout_blob(digest), errno.sentence().to_lowercase())),
    };
    let expected = Expected { digest, size, what: "filesystem layer" };
    receive(&mut ModelBlobs { kernel }, &expected, &mut fetch).map(drop).map_err(|why| told(shared::unread(&why), Errno::EIO))
}

fn write(
    kernel: &mut Kernel,
    path: &str,
    documents: &[(String, String)],
    (layers, blobs): (&[Descriptor], &str),
) -> Result<u64, Failure> {
    called(make_directory(kernel, &format!("{path}/blobs/sha256"), DIRECTORY_MODE), "mkdir")?;
    let mut bytes = 0;
    for layer in layers {
        let data = called(data_at(kernel, &format!("{blobs}/{}", layer.digest.trim_start_matches("sha256:"))), "openat")?;
        bytes += data.len();
        called(write_data(kernel, &format!("{path}{}", layout_blob(&layer.digest)), FILE_MODE, data), "openat")?;
    }
    for (name, text) in documents {
        bytes += text.len() as u64;
        called(write_file(kernel, &format!("{path}{name}"), FILE_MODE, text), "openat")?;
    }
    Ok(bytes)
}
