//! The streams of a process in a container: made before it is cloned (`wire`), carried to and fro while it runs (`pump`).

pub mod ahead;
pub mod audience;
pub mod frame;
pub mod guest;
pub mod pump;

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;

use crate::sys::{self, file};

/// What the process is to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A terminal, which the child opens itself (`OpenTerminal`).
    pub tty: bool,
    /// A stdin that something can be written to; else /dev/null.
    pub stdin: bool,
    /// Nobody will ever look at its output: /dev/null.
    pub discard: bool,
}

/// The child's ends: they become its stdin, stdout and stderr.
#[derive(Debug)]
pub struct Inside(OwnedFd, OwnedFd, OwnedFd);

/// The engine's ends.
#[derive(Debug, Default)]
pub struct Outside {
    /// Writes to the process's stdin.
    pub stdin: Option<OwnedFd>,
    /// Reads its stdout.
    pub stdout: Option<OwnedFd>,
    /// Reads its stderr.
    pub stderr: Option<OwnedFd>,
    /// The master side of its terminal: all three in one.
    pub master: Option<OwnedFd>,
}

/// Makes both ends. With a terminal there is nothing to make yet.
pub fn wire(wanted: Wanted) -> sys::Result<(Option<Inside>, Outside)> {
    let null = |write: bool| -> sys::Result<OwnedFd> {
        let opened = if write { OpenOptions::new().write(true).open("/dev/null") } else { File::open("/dev/null") };
        opened.map(OwnedFd::from).map_err(|error| sys::errno_of(&error))
    };
    if wanted.discard {
        let inside = Inside(null(false)?, null(true)?, null(true)?);
        return Ok((Some(inside), Outside::default()));
    }
    if wanted.tty {
        return Ok((None, Outside::default()));
    }
    let (stdin, feed) = if wanted.stdin { file::pipe().map(|(read, write)| (read, Some(write)))? } else { (null(false)?, None) };
    let ((out, stdout), (err, stderr)) = (file::pipe()?, file::pipe()?);
    let outside = Outside { stdin: feed, stdout: Some(out), stderr: Some(err), master: None };
    Ok((Some(Inside(stdin, stdout, stderr)), outside))
}

impl Inside {
    /// dup2(2) onto 0, 1 and 2 of the calling process.
    pub fn install(&self) -> sys::Result<()> {
        file::dup2(&self.0, 0)?;
        file::dup2(&self.1, 1)?;
        file::dup2(&self.2, 2)
    }
}
