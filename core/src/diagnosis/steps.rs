//! The paths that a step or a command line names, looked at once more after it has failed: which of their elements it was.

use super::path::{Element, Fault, element};
use super::{Diagnosis, Files, Finding, Seen};
use crate::cli::{Command, Invocation, RunContainer};
use crate::errno::Errno;
use crate::step::{CopyStep, MountStep, ProcessStep, Step, StoreStep};

/// What stands before a path of the container as long as the host's root is the root.
const MERGED: &str = "/merged/";

/// What is known of the failure of a step. `files`: as the process sees them that has carried it out.
pub fn of_step(step: &Step, errno: Errno, files: &dyn Files) -> Finding {
    let diagnosis = if is_of_a_path(errno) { paths(step).into_iter().find_map(|place| place.told(files)) } else { None };
    Finding { diagnosis, ..Finding::default() }
}

/// Our own line for a command that was refused: it names one of `named` in its message. Empty: the message says it all.
pub fn of_refusal(message: &str, named: impl IntoIterator<Item = String>, files: &dyn Files) -> String {
    let told = |path: String| message.contains(&path).then(|| Place::of_host(&path).told(files)).flatten();
    named.into_iter().find_map(told).map(|why| format!("glassbox: {}\n", why.what)).unwrap_or_default()
}

/// The files that are read before planning: `--env-file`, `--label-file`, a seccomp profile.
pub fn named_files(invocation: &Invocation) -> Vec<String> {
    match &invocation.command {
        Command::RunContainer(RunContainer { spec, .. }) | Command::CreateContainer(spec) => {
            spec.env_files.iter().chain(&spec.label_files).chain(&spec.confinement.seccomp_profile).cloned().collect()
        }
        Command::ExecProcess(exec) => exec.env_files.clone(),
        _ => Vec::new(),
    }
}

fn is_of_a_path(errno: Errno) -> bool {
    matches!(errno, Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::EACCES)
}

/// A path below a root.
struct Place {
    /// Empty: the root of whoever looks.
    root: String,
    path: String,
}

impl Place {
    fn of_host(path: &str) -> Place {
        Place { root: String::new(), path: path.to_string() }
    }

    /// As it is named before the root is changed.
    fn of_container(target: &str) -> Place {
        match target.split_once(MERGED) {
            Some((before, path)) => Place { root: format!("{before}{}", MERGED.trim_end_matches('/')), path: format!("/{path}") },
            None => Place::of_host(target),
        }
    }

    /// Nothing, where all that is wrong is that the whole path is not there: Docker's line has said that.
    fn told(&self, files: &dyn Files) -> Option<Diagnosis> {
        let found = element(&Below { root: &self.root, files }, &self.path)?;
        let Element { fault, last, link, .. } = &found;
        let known = *fault == Fault::Missing && *last && link.is_none();
        (!known).then(|| found.told(&self.path))
    }
}

fn paths(step: &Step) -> Vec<Place> {
    match step {
        Step::Store(StoreStep::CreateSource { path, .. } | StoreStep::WriteIdFile { path, .. }) => vec![Place::of_host(path)],
        Step::Process(ProcessStep::ChangeDirectory { path, .. }) => vec![Place::of_host(path)],
        Step::Mount(MountStep::CopyMountTree { source, .. }) => vec![Place::of_host(source)],
        Step::Mount(MountStep::BindMount { source, target, .. } | MountStep::AttachMountTree { source, target, .. }) => {
            vec![Place::of_host(source), Place::of_container(target)]
        }
        Step::Mount(
            MountStep::MountFilesystem { target: path, .. }
            | MountStep::ShareMount { target: path, .. }
            | MountStep::MakeDeviceNode { path, .. }
            | MountStep::MakeSymlink { path, .. },
        ) => vec![Place::of_container(path)],
        Step::Copy(CopyStep::CopyFiles(copy)) => {
            [&copy.from, &copy.to].into_iter().filter(|end| end.container.is_none()).map(|end| Place::of_host(&end.path)).collect()
        }
        _ => Vec::new(),
    }
}

/// The files below a directory, as if it were the root. Links are never followed here, but by who walks.
struct Below<'a> {
    root: &'a str,
    files: &'a dyn Files,
}

impl Below<'_> {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }
}

impl Files for Below<'_> {
    fn look(&self, path: &str) -> Result<Seen, Errno> {
        self.files.look(&self.at(path))
    }

    fn stat(&self, path: &str) -> Result<Seen, Errno> {
        self.files.stat(&self.at(path))
    }

    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, Errno> {
        self.files.read(&self.at(path), offset, length)
    }

    fn may_execute(&self, path: &str) -> Result<(), Errno> {
        self.files.may_execute(&self.at(path))
    }

    fn is_on_noexec(&self, path: &str) -> bool {
        self.files.is_on_noexec(&self.at(path))
    }
}
