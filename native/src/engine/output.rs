//! `build --output type=local`: files of layers into a directory of the caller's, all of them or none.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use glassbox_core::build::work;
use glassbox_core::copying::unpack_below;
use glassbox_core::errno::Errno;
use glassbox_core::observe::{BuildFiles, Outcome};
use glassbox_core::step::{CallersFile, ContainerFiles};

use super::Engine;
use super::images::{of_file, part_of};
use crate::exec::copy::Disk;
use crate::exec::{Done, Failure, NameCall};
use crate::sys::rootfs::Root;

const DIRECTORY_MODE: u32 = 0o755;

impl Engine {
    /// Beside the directory first; what is there already stays unless something of its name comes.
    pub(super) fn write_tree(&mut self, files: &ContainerFiles, output: Option<&CallersFile>, outcome: &mut Outcome) -> Done {
        let file = output.ok_or_else(|| Failure::of("openat", Errno::EINVAL))?;
        let target = Path::new(&file.path);
        if fs::metadata(target).is_ok_and(|found| !found.is_dir()) {
            return Err(Failure::of(&format!("destination directory {} is a file", file.typed), Errno::ENOTDIR));
        }
        let parent = target.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(of_file(&file.typed))?;
        let part = part_of(target);
        let written = self.unpacked(files, &part, &file.typed).and_then(|made| {
            clashes(&part, target)?;
            merge(&part, target).map_err(of_file(&file.typed))?;
            Ok(made)
        });
        // What was moved has left it.
        let _ = fs::remove_dir_all(&part);
        outcome.files = Some(Box::new(BuildFiles { made: written?, ..BuildFiles::default() }));
        Ok(())
    }

    /// The files as an archive without a name, and that into the directory.
    fn unpacked(&mut self, files: &ContainerFiles, part: &Path, typed: &str) -> Result<u64, Failure> {
        let root = self.store.root();
        let mut options = File::options();
        let archive = options.read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600).open(root).call("openat")?;
        let mut out = BufWriter::new(&archive);
        self.pack_files(files, &mut out)?;
        out.flush().call("write")?;
        drop(out);
        (&archive).rewind().call("lseek")?;
        fs::DirBuilder::new().mode(DIRECTORY_MODE).create(part).map_err(of_file(typed))?;
        let open = || Root::open(part).call("open");
        let mut disk = Disk::new(open()?, open()?);
        // They become the caller's, as with BuildKit.
        let done = unpack_below(&mut disk, "/", &None, BufReader::new(&archive));
        done.map(|copied| copied.entries).map_err(|refusal| Failure::of(&refusal.to_string(), refusal.errno()))
    }
}

/// A directory and what is none in one place: then nothing is moved at all.
fn clashes(from: &Path, to: &Path) -> Done {
    for entry in fs::read_dir(from).call("openat")?.flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let Ok(there) = fs::symlink_metadata(&target) else { continue };
        if there.is_dir() != is_directory {
            return Err(Failure::of(&work::clash(&target.display().to_string(), is_directory), Errno::EEXIST));
        }
        if is_directory {
            clashes(&path, &target)?;
        }
    }
    Ok(())
}

fn merge(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut pending: Vec<(PathBuf, PathBuf)> = vec![(from.to_path_buf(), to.to_path_buf())];
    while let Some((from, to)) = pending.pop() {
        match fs::symlink_metadata(&to) {
            Ok(there) if there.is_dir() && fs::symlink_metadata(&from)?.is_dir() => {
                for entry in fs::read_dir(&from)? {
                    let name = entry?.file_name();
                    pending.push((from.join(&name), to.join(&name)));
                }
            }
            _ => fs::rename(&from, &to)?,
        }
    }
    Ok(())
}
