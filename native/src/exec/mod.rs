//! One function per leaf step: it does what the step says, by system calls, or fails with the errno and the name of the call.
//!
//! ```text
//! Place::Engine     store cgroup client, part of process     in this process
//! Place::Container  mount privilege, rest of process         in the child, see `crate::child`
//! ```
//! Nothing here chooses between steps, prints a message or changes the state: that is the engine's.

pub mod cgroup;
pub mod copy;
pub mod image;
pub mod layer;
pub mod mount;
pub mod network;
pub mod privilege;
pub mod process;
pub mod program;
pub mod seen;
pub mod store;

use glassbox_core::diagnosis::Finding;
use glassbox_core::errno::Errno;

use crate::store::StoreError;
use crate::sys;

/// Why a step could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the kernel answered.
    pub errno: Errno,
    /// To which call, as strace names it; empty where it was none.
    pub call: String,
    /// What else is known of it.
    pub finding: Finding,
}

/// A step was carried out, or why not.
pub type Done = Result<(), Failure>;

impl Failure {
    /// A failure of this call.
    pub fn of(call: &str, errno: Errno) -> Failure {
        Failure { errno, call: call.to_string(), finding: Finding::default() }
    }
}

/// Names the call to which an errno was the answer.
pub trait NameCall<T> {
    /// `mount`, `open`: as strace prints it.
    fn call(self, name: &str) -> Result<T, Failure>;
}

impl<T> NameCall<T> for sys::Result<T> {
    fn call(self, name: &str) -> Result<T, Failure> {
        self.map_err(|errno| Failure::of(name, errno))
    }
}

impl<T> NameCall<T> for std::io::Result<T> {
    fn call(self, name: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::of(name, sys::errno_of(&error)))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::of("mkdir", error.errno().unwrap_or(Errno::EIO))
    }
}

impl<T> NameCall<T> for Result<T, StoreError> {
    fn call(self, name: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::of(name, error.errno().unwrap_or(Errno::EIO)))
    }
}
