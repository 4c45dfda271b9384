//! The steps, carried out in the model kernel: each leaf makes the model's system calls, as the engine's process or as the one that
//! becomes the container. It does what the step says or fails with the errno; it decides nothing.

mod build;
mod cgroup;
mod client;
mod copy;
mod image;
mod layer;
mod mount;
mod network;
mod privilege;
mod process;
mod record;
mod registry;
mod remote;
mod run;
mod save;
mod shared_cache;
mod store;
mod transfer;
mod undo;
mod volume;

pub use copy::ARCHIVE_BYTES_MAX;
pub use layer::hidden;
pub(super) use record::container_of;
pub use run::Run;
pub use save::save;
pub use undo::undo;

use super::kernel::Kernel;
use crate::diagnosis::Finding;
use crate::errno::Errno;
use crate::model::State;
use crate::observe::Outcome;
use crate::step::Step;

/// How carrying out a step went on.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// The step is done.
    Outcome(Outcome),
    /// It waits for programs or time: let the kernel run, then execute the same step again.
    Waiting,
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the kernel said.
    pub errno: Errno,
    /// The call that failed, as strace names it: `mount`.
    pub call: Option<String>,
    /// What else is known of it.
    pub finding: Finding,
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure { errno, call: None, finding: Finding::default() }
    }
}

/// What one step function answers.
type Carried = Result<Done, Failure>;

/// Names the call that failed, as strace names it.
fn called<T>(result: Result<T, Errno>, call: &str) -> Result<T, Failure> {
    result.map_err(|errno| Failure { errno, call: Some(call.to_string()), finding: Finding::default() })
}

/// Done, with nothing to tell but the time.
fn done(kernel: &Kernel) -> Carried {
    Ok(Done::Outcome(Outcome { at_ns: kernel.realtime_ns(), ..Outcome::default() }))
}

/// Carries out one leaf step. A phase has nothing to be done.
pub fn execute(step: &Step, kernel: &mut Kernel, run: &mut Run, state: &State) -> Result<Done, Failure> {
    match step {
        Step::Phase(_) => done(kernel),
        Step::Store(step) => store::execute(step, kernel, run, state),
        Step::Cgroup(step) => cgroup::execute(step, kernel, run),
        Step::Process(step) => process::execute(step, kernel, run, state),
        Step::Mount(step) => mount::execute(step, kernel, run, state),
        Step::Privilege(step) => privilege::execute(step, kernel, run),
        Step::Client(step) => client::execute(step, kernel, run, state),
        Step::Copy(step) => copy::execute(step, kernel, run, state),
        Step::Image(step) => image::execute(step, kernel, run, state),
        Step::Build(step) => build::execute(step, kernel, run, state),
        Step::Registry(step) => registry::execute(step, kernel, run),
        Step::Network(step) => network::execute(step, kernel, run, state),
    }
}
