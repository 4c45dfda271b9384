//! Files below a container's root, made from outside of it: openat2(2) with RESOLVE_IN_ROOT.
//!
//! A root file system is somebody else's data: `/etc/hosts` in it may be a link to `/etc/shadow`. Here every path is resolved as
//! if the root were `/`: links and `..` lead nowhere else, and what is not a mere name in a directory is never followed.

use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use glassbox_core::errno::Errno;

use super::mount::Node;
use super::{Result, c_path, check, check_long, file};

/// The argument of openat2(2).
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// The root directory of a container.
#[derive(Debug)]
pub struct Root(OwnedFd);

impl Root {
    /// Opens the directory `path` of the machine as a root: open(2) with O_PATH | O_DIRECTORY.
    pub fn open(path: impl AsRef<Path>) -> Result<Root> {
        let path = c_path(path)?;
        // SAFETY: the path is a C string that outlives the call.
        let fd = check(unsafe { libc::open(path.as_ptr(), libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) })?;
        // SAFETY: the descriptor is new and nobody else owns it.
        Ok(Root(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// openat2(2) with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS: opens `path` in this root, following links within it. `flags`
    /// as for open(2), with O_CLOEXEC added; `mode` for O_CREAT, before the umask.
    pub fn open_file(&self, path: impl AsRef<Path>, flags: i32, mode: u32) -> Result<OwnedFd> {
        self.open_resolved(path.as_ref(), flags, mode, libc::RESOLVE_IN_ROOT)
    }

    fn open_resolved(&self, path: &Path, flags: i32, mode: u32, how_far: u64) -> Result<OwnedFd> {
        let path = c_path(path)?;
        let creates = flags & (libc::O_CREAT | libc::O_TMPFILE) != 0;
        let how = OpenHow {
            flags: (flags | libc::O_CLOEXEC) as u64,
            mode: if creates { u64::from(mode) } else { 0 },
            resolve: how_far | libc::RESOLVE_NO_MAGICLINKS,
        };
        let (root, size) = (self.0.as_raw_fd(), size_of::<OpenHow>());
        // SAFETY: the path is a C string, and `how` has the layout and the size that the call is told.
        let open = || check_long(unsafe { libc::syscall(libc::SYS_openat2, root, path.as_ptr(), &raw const how, size) });
        // EAGAIN: something was renamed while the kernel walked; the man page asks to try again.
        let fd = (0..OPEN_TRIES).map(|_| super::retry(open)).find(|answer| *answer != Err(Errno::EAGAIN));
        // SAFETY: the descriptor is new and nobody else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd.unwrap_or(Err(Errno::EAGAIN))? as i32) })
    }

    /// Makes the file, or empties it, and writes `bytes`. `mode` for a new file, before the umask.
    pub fn write_file(&self, path: impl AsRef<Path>, bytes: &[u8], mode: u32) -> Result<()> {
        let fd = self.open_file(path, libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC, mode)?;
        file::write_all(&fd, bytes)
    }

    /// Makes the directory and those above it that are missing; one that is there is left as it is. `mode` before the umask.
    pub fn create_directories(&self, path: impl AsRef<Path>, mode: u32) -> Result<()> {
        // Most often only the last one is missing. Whatever else there is, is found below.
        if self.create_directory(&path, mode).is_ok() {
            return Ok(());
        }
        let mut made = PathBuf::new();
        for component in path.as_ref().components() {
            if !matches!(component, Component::Normal(_) | Component::ParentDir) {
                continue;
            }
            made.push(component);
            match self.create_directory(&made, mode) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        // A name that is there may be a file or a dangling link: this tells.
        self.open_file(made_or_root(made), libc::O_PATH | libc::O_DIRECTORY, 0).map(drop)
    }

    /// mkdirat(2) in the resolved parent.
    pub fn create_directory(&self, path: impl AsRef<Path>, mode: u32) -> Result<()> {
        let (parent, name) = self.parent_of(path.as_ref())?;
        // SAFETY: the name is a C string that outlives the call.
        check(unsafe { libc::mkdirat(parent.as_raw_fd(), name.as_ptr(), mode) })?;
        Ok(())
    }

    /// symlinkat(2) in the resolved parent. The text of the link is not looked at.
    pub fn create_symlink(&self, target: &str, path: impl AsRef<Path>) -> Result<()> {
        let (parent, name) = self.parent_of(path.as_ref())?;
        let target = super::c_text(target)?;
        // SAFETY: both are C strings that outlive the call.
        check(unsafe { libc::symlinkat(target.as_ptr(), parent.as_raw_fd(), name.as_ptr()) })?;
        Ok(())
    }

    /// mknodat(2) in the resolved parent.
    pub fn create_node(&self, path: impl AsRef<Path>, node: Node, mode: u32) -> Result<()> {
        let (parent, name) = self.parent_of(path.as_ref())?;
        let (kind, device) = node.kind_and_device();
        // SAFETY: the name is a C string that outlives the call.
        check(unsafe { libc::mknodat(parent.as_raw_fd(), name.as_ptr(), kind | mode, device) })?;
        Ok(())
    }

    /// The resolved place as a path of the machine that no link can turn elsewhere while the descriptor lives:
    /// `/proc/self/fd/N`, for calls such as mount(2) that take no descriptor.
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<Pinned> {
        self.open_file(path, libc::O_PATH, 0).map(Pinned)
    }

    /// The same with RESOLVE_BENEATH: EXDEV where the path, or a link on its way, leads out or is absolute.
    pub fn pin_beneath(&self, path: impl AsRef<Path>) -> Result<Pinned> {
        self.open_resolved(path.as_ref(), libc::O_PATH, 0, libc::RESOLVE_BENEATH).map(Pinned)
    }

    /// The directory that holds the last component, resolved in the root, and that component. EINVAL where it is no name.
    fn parent_of(&self, path: &Path) -> Result<(OwnedFd, std::ffi::CString)> {
        let name = path.file_name().ok_or(Errno::EINVAL)?;
        let parent = made_or_root(path.parent().map(Path::to_path_buf).unwrap_or_default());
        Ok((self.open_file(parent, libc::O_PATH | libc::O_DIRECTORY, 0)?, c_path(name)?))
    }
}

/// How often an open that met a concurrent rename is tried.
const OPEN_TRIES: usize = 16;

fn made_or_root(path: PathBuf) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::from("/") } else { path }
}

/// A file below a root, held fast.
#[derive(Debug)]
pub struct Pinned(OwnedFd);

impl Pinned {
    /// `/proc/self/fd/N`. Needs a /proc of the own pid namespace.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

/// A name in a pinned directory: no link on the way there can turn it elsewhere, and what the name itself is, is not followed by calls
/// that do not follow.
#[derive(Debug)]
pub struct Entry {
    directory: Pinned,
    name: std::ffi::OsString,
}

impl Root {
    /// The name at the end of `path`, its directory resolved below this root. The root itself is its own name `.`.
    pub fn entry(&self, path: impl AsRef<Path>) -> Result<Entry> {
        let path = path.as_ref();
        let (parent, name) = match path.file_name() {
            Some(name) => (made_or_root(path.parent().map(Path::to_path_buf).unwrap_or_default()), name.to_os_string()),
            None => (PathBuf::from("/"), ".".into()),
        };
        let directory = Pinned(self.open_file(parent, libc::O_PATH | libc::O_DIRECTORY, 0)?);
        Ok(Entry { directory, name })
    }
}

impl Entry {
    /// `/proc/self/fd/N/NAME`
    pub fn path(&self) -> PathBuf {
        self.directory.path().join(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let path = std::env::temp_dir().join(format!("glassbox-rootfs-{}-{name}", std::process::id()));
            fs::create_dir_all(path.join("root/etc")).unwrap();
            Scratch(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn links_lead_nowhere_else() {
        let scratch = Scratch::new("links");
        fs::write(scratch.0.join("secret"), "machine").unwrap();
        symlink(scratch.0.join("secret"), scratch.0.join("root/etc/hosts")).unwrap();
        symlink("../../secret", scratch.0.join("root/etc/up")).unwrap();
        symlink("/proc/self/root", scratch.0.join("root/magic")).unwrap();
        let root = Root::open(scratch.0.join("root")).unwrap();
        assert_eq!(root.write_file("/etc/hosts", b"x", 0o644).unwrap_err(), Errno::ENOENT);
        root.write_file("/etc/up", b"inside", 0o644).unwrap();
        assert_eq!(fs::read_to_string(scratch.0.join("secret")).unwrap(), "machine");
        assert_eq!(fs::read_to_string(scratch.0.join("root/secret")).unwrap(), "inside");
        assert_eq!(root.write_file("/magic/tmp/x", b"x", 0o644).unwrap_err(), Errno::ENOENT);
    }

    #[test]
    fn directories_links_and_nodes_are_made_below_the_root() {
        let scratch = Scratch::new("make");
        let root = Root::open(scratch.0.join("root")).unwrap();
        root.create_directories("/a/b/c", 0o755).unwrap();
        root.create_directories("/a/b/c", 0o755).unwrap();
        root.create_directories("/", 0o755).unwrap();
        root.create_symlink("../../..", "/a/b/link").unwrap();
        root.create_node("/a/b/link/fifo", Node::Fifo, 0o600).unwrap();
        assert!(scratch.0.join("root/a/b/c").is_dir() && scratch.0.join("root/fifo").exists());
        assert_eq!(root.create_directories("/fifo/x", 0o755).unwrap_err(), Errno::ENOTDIR);
        assert_eq!(root.create_directory("/..", 0o755).unwrap_err(), Errno::EINVAL);
        let pinned = root.pin("/a/b").unwrap();
        assert!(pinned.path().join("c").is_dir());
    }
}
