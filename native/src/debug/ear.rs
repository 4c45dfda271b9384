//! Where the debugger hears what the person says: stdin, or the terminal itself where stdin is what the container is to read.
//!
//! `echo hi | glassbox --step run -i IMAGE cat`: the pipe is the container's, the orders come from /dev/tty, tty(4).

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Stdio;

use glassbox_core::errno::Errno;
use glassbox_core::plan::CommandError;

use crate::sys::{errno_of, file, terminal};

/// The terminal that the command was typed at.
const TERMINAL: &str = "/dev/tty";
/// What is longer is no order: the rest of its line is not kept.
const ORDER_BYTES_MAX: usize = 4096;
/// As with all that is refused before a container is there.
const REFUSED: i32 = 125;

/// Where orders come from.
#[derive(Debug)]
pub enum Ear {
    /// What follows an order there is for the shell or the container.
    Stdin,
    /// Stdin is no terminal, and the container's.
    Terminal(File),
}

impl Ear {
    /// `taken`: stdin goes to the container.
    pub fn open(taken: bool) -> Result<Ear, CommandError> {
        if !taken || terminal::is_terminal(&std::io::stdin()) {
            return Ok(Ear::Stdin);
        }
        File::open(TERMINAL).map(Ear::Terminal).map_err(|error| {
            let message = format!(
                "glassbox: --step takes its orders from the terminal here, since -i gives stdin to the container; there is none: {TERMINAL}: {}\n\
                 glassbox: leave -i out, or start it from a terminal; without one `script` gives it one\n",
                errno_of(&error)
            );
            CommandError { message, exit_code: REFUSED, span: None }
        })
    }

    /// A line without its end, byte by byte. `None`: there is no more.
    pub fn line(&self) -> Option<String> {
        let (mut line, mut byte) = (Vec::new(), [0]);
        loop {
            let read = match self {
                Ear::Stdin => file::read(&std::io::stdin(), &mut byte),
                Ear::Terminal(terminal) => file::read(terminal, &mut byte),
            };
            match read {
                Err(Errno::EINTR) => {}
                Ok(1) if byte[0] == b'\n' => break,
                Ok(1) if line.len() < ORDER_BYTES_MAX => line.push(byte[0]),
                Ok(1) => {}
                _ if line.is_empty() => return None,
                _ => break,
            }
        }
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    /// What a shell that the person asks for reads.
    pub fn for_a_shell(&self) -> Stdio {
        match self {
            Ear::Stdin => Stdio::inherit(),
            Ear::Terminal(terminal) => terminal.as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from),
        }
    }
}
