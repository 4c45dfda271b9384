//! sh: a POSIX shell of our own.
//!
//! ```text
//! text -token, word, parse-> Node (syntax)  -run, command, job-> system calls
//!                                            frames: the explicit stack that makes a shell plain data
//! ```
//!
//! Nothing recurses while a command runs: a shell can stop at any system call, be cloned there, and go on in both copies.

mod arithmetic;
mod builtin;
mod command;
mod expand;
mod frame;
mod invoke;
mod job;
mod parse;
mod paths;
mod read;
mod run;
mod shell;
mod source;
mod syntax;
mod token;
mod trap;
mod ulimit;
mod word;

#[cfg(test)]
mod tests;

pub(crate) use builtin::quoted as in_single_quotes;
pub use shell::Shell;
