//! Redirections once their words are expanded: the calls that carry them out, and the way back.

use super::sys::{Fd, OpenFlags, Sys};
use crate::errno::Errno;

/// The lowest descriptor for saved copies, as in other shells.
const SAVED_FROM: Fd = 10;
/// What fits a pipe without a reader (pipe(7): PIPE_BUF): a longer here-document needs a writer.
pub(crate) const PIPE_BYTES: usize = 4096;

/// Where a descriptor is to lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file.
    Path(String, OpenFlags),
    /// Where another descriptor leads.
    Same(Fd),
    /// Nowhere.
    Closed,
    /// A descriptor of ours that is given away: it is closed afterwards.
    Given(Fd),
}

/// One redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirection {
    pub(crate) fd: Fd,
    pub(crate) target: Target,
}

/// A list of redirections, how many are done, and what they replaced.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redirections {
    list: Vec<Redirection>,
    done: usize,
    saved: Vec<(Fd, Option<Fd>)>,
}

impl Redirections {
    pub(crate) fn new(list: Vec<Redirection>) -> Redirections {
        Redirections { list, done: 0, saved: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Descriptors of ours that are given away: a parent closes them once it has forked.
    pub(crate) fn given(&self) -> Vec<Fd> {
        let given = |redirection: &Redirection| match redirection.target {
            Target::Given(fd) => Some(fd),
            _ => None,
        };
        self.list.iter().filter_map(given).collect()
    }

    /// Carries them out in order; with `save`, so that `restore` can undo them. `Err(None)`: wait, then call again;
    /// `Err(Some)`: the message.
    pub(crate) fn apply(&mut self, sys: &mut dyn Sys, save: bool) -> Result<(), Option<String>> {
        while let Some(redirection) = self.list.get(self.done) {
            let Redirection { fd, target } = redirection.clone();
            if save && !self.saved.iter().any(|(saved, _)| *saved == fd) {
                self.saved.push((fd, sys.dup_above(fd, SAVED_FROM).ok()));
            }
            match one(sys, fd, &target) {
                Ok(()) => self.done += 1,
                Err(Errno::RESTART) => return Err(None),
                Err(errno) => return Err(Some(message(fd, &target, errno))),
            }
        }
        Ok(())
    }

    /// Makes the saved copies permanent: they are closed and there is no way back.
    pub(crate) fn forget(&mut self, sys: &mut dyn Sys) {
        for (_, copy) in self.saved.drain(..) {
            if let Some(copy) = copy {
                let _ = sys.close(copy);
            }
        }
    }

    /// Undoes what was done.
    pub(crate) fn restore(&mut self, sys: &mut dyn Sys) {
        for (fd, copy) in std::mem::take(&mut self.saved).into_iter().rev() {
            match copy {
                Some(copy) => {
                    let _ = sys.dup2(copy, fd);
                    let _ = sys.close(copy);
                }
                None => {
                    let _ = sys.close(fd);
                }
            }
        }
    }
}

fn one(sys: &mut dyn Sys, fd: Fd, target: &Target) -> Result<(), Errno> {
    match target {
        Target::Path(path, flags) => {
            let opened = sys.open(path, *flags, 0o666)?;
            give(sys, opened, fd)
        }
        Target::Same(other) => sys.dup2(*other, fd),
        Target::Given(other) => give(sys, *other, fd),
        Target::Closed => {
            let _ = sys.close(fd);
            Ok(())
        }
    }
}

fn give(sys: &mut dyn Sys, from: Fd, to: Fd) -> Result<(), Errno> {
    if from == to {
        return Ok(());
    }
    sys.dup2(from, to)?;
    sys.close(from)
}

fn message(fd: Fd, target: &Target, errno: Errno) -> String {
    match target {
        Target::Path(path, flags) if flags.create && errno == Errno::ENOENT => {
            format!("can't create {path}: nonexistent directory")
        }
        Target::Path(path, flags) if flags.create => format!("can't create {path}: {errno}"),
        Target::Path(path, _) if errno == Errno::ENOENT => format!("can't open {path}: no such file"),
        Target::Path(path, _) => format!("can't open {path}: {errno}"),
        Target::Same(other) => format!("dup2({other},{fd}): {errno}"),
        Target::Closed | Target::Given(_) => format!("{fd}: {errno}"),
    }
}
