//! Files as a subject sees them. Of a process other than our own: below /proc/PID/root, with openat2(2) RESOLVE_IN_ROOT, so that an
//! absolute link in a container leads to the container's file and never to the host's.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use glassbox_core::errno::Errno;

use crate::observe::procfs::{self, Status};
use crate::sys;
use crate::sys::rootfs::{Pinned, Root};

/// A larger file is answered with EFBIG.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// More names are answered with E2BIG.
const NAMES_MAX: usize = 1 << 16;

/// Whose files.
#[derive(Clone, Copy, Debug)]
pub enum View {
    /// The engine's own.
    Host,
    /// Those of a process.
    Process(u32),
}

impl View {
    /// The bytes of the file at `path`. EINVAL: it is neither a file nor a directory (reading a pipe or device could wait, or act).
    pub fn bytes(self, path: &str) -> Result<Vec<u8>, Errno> {
        match self {
            View::Host => read(Path::new(path)),
            View::Process(_) => read(&self.pin(path)?.path()),
        }
    }

    /// The names in the directory at `path`, sorted.
    pub fn names(self, path: &str) -> Result<Vec<String>, Errno> {
        match self {
            View::Host => list(Path::new(path)),
            View::Process(_) => list(&self.pin(path)?.path()),
        }
    }

    fn pin(self, path: &str) -> Result<Pinned, Errno> {
        let View::Process(pid) = self else { return Root::open("/")?.pin(path) };
        let root =
            Root::open(procfs::path(pid, "root")).map_err(|errno| if errno == Errno::ENOENT { Errno::ESRCH } else { errno })?;
        match path.strip_prefix("/proc/self/") {
            // `self` would be looked up for us, who have no pid there.
            Some(rest) => root.pin(format!("/proc/{}/{rest}", own_pid(pid)?)),
            None => root.pin(path),
        }
    }
}

/// The pid that the process has in its own pid namespace.
fn own_pid(pid: u32) -> Result<u32, Errno> {
    Status::of(pid)?.numbers("NSpid").last().copied().ok_or(Errno::ESRCH)
}

fn read(path: &Path) -> Result<Vec<u8>, Errno> {
    let errno = |error: std::io::Error| sys::errno_of(&error);
    let kind = fs::metadata(path).map_err(errno)?.file_type();
    if kind.is_dir() {
        return Err(Errno::EISDIR);
    }
    if !kind.is_file() {
        return Err(Errno::EINVAL);
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(errno)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(errno)?;
    if bytes.len() as u64 > FILE_BYTES_MAX { Err(Errno::EFBIG) } else { Ok(bytes) }
}

fn list(path: &Path) -> Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| sys::errno_of(&error))? {
        let entry = entry.map_err(|error| sys::errno_of(&error))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
        if names.len() > NAMES_MAX {
            return Err(Errno::E2BIG);
        }
    }
    names.sort_unstable();
    Ok(names)
}
