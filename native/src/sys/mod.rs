//! The system calls of Linux, as the executor needs them: thin, typed, answering `Result<_, Errno>`.
//!
//! This folder is the only home of `unsafe` in the binary; each use carries its argument. A function here makes the call that
//! its man page names and decides nothing: what to do, in which order, and what to undo belongs to `exec`.
//!
//! Most calls that change credentials, filters or namespaces act on the calling *thread*: they are meant for a process with one
//! thread. No function here creates a thread, writes to the standard streams or reads configuration.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use glassbox_core::errno::Errno;

/// Makes a newtype over the bits of one flags argument, with its constants named as the man page names them.
macro_rules! flags {
    ($(#[$doc:meta])* $name:ident: $bits:ty { $($(#[$flag_doc:meta])* $flag:ident = $value:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name(pub $bits);

        impl $name {
            $($(#[$flag_doc])* pub const $flag: $name = $name($value as $bits);)*

            /// No flag.
            pub const NONE: $name = $name(0);

            /// Whether all bits of `other` are set.
            pub fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = $name;
            fn bitor(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }
        }

        impl std::ops::BitOrAssign for $name {
            fn bitor_assign(&mut self, other: $name) {
                self.0 |= other.0;
            }
        }
    };
}

pub mod attribute;
pub mod bpf;
pub mod capability;
pub mod device_program;
pub mod directory;
pub mod file;
pub mod heap;
pub mod inet;
pub mod limits;
pub mod listen;
pub mod machine;
pub mod mount;
pub mod net;
pub mod netlink;
pub mod process;
pub mod rootfs;
pub mod seccomp;
pub mod signal;
pub mod socket;
pub mod syscall_numbers;
pub mod terminal;
pub mod time;
pub mod trace;
pub mod tree;
pub mod wait;

/// What a call answers.
pub type Result<T> = std::result::Result<T, Errno>;

/// The errno that the last failed call of this thread left.
fn last_errno() -> Errno {
    Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
}

/// The errno of an error of the standard library; EIO where it has none.
pub fn errno_of(error: &std::io::Error) -> Errno {
    Errno(error.raw_os_error().unwrap_or(libc::EIO))
}

/// An answer of `int`: -1 stands for errno.
fn check(answer: libc::c_int) -> Result<libc::c_int> {
    if answer == -1 { Err(last_errno()) } else { Ok(answer) }
}

/// An answer of `long`, as syscall(2) gives it: -1 stands for errno.
fn check_long(answer: libc::c_long) -> Result<libc::c_long> {
    if answer == -1 { Err(last_errno()) } else { Ok(answer) }
}

/// Makes the call again for as long as a signal interrupts it: signal(7), "Interruption of system calls".
fn retry<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            answer => return answer,
        }
    }
}

/// The path as C wants it. EINVAL where it holds a NUL byte.
fn c_path(path: impl AsRef<Path>) -> Result<CString> {
    CString::new(path.as_ref().as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}

/// The text as C wants it. EINVAL where it holds a NUL byte.
fn c_text(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Errno::EINVAL)
}

/// The pointer of an optional C string: null for none.
fn pointer_of(text: Option<&CString>) -> *const libc::c_char {
    text.map_or(std::ptr::null(), |text| text.as_ptr())
}
