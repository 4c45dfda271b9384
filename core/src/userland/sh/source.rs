//! Where commands come from: a text, a file, the standard input line by line, or a person at a prompt.

use super::frame::{Frame, Source};
use super::parse::{Parser, Problem};
use super::run::{Pause, pause_for};
use super::shell::Shell;
use crate::userland::sys::Sys;

/// The largest script, and the longest command at a prompt.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 20;

impl Shell {
    /// Runs the next command of a source, or reads more of it.
    pub(crate) fn source(&mut self, mut source: Box<Source>, sys: &mut dyn Sys) -> Result<(), Pause> {
        let rest = &source.text[source.at..];
        if rest.trim().is_empty() && source.ended {
            return Ok(());
        }
        let readable = source.input.is_none() || source.ended || rest.ends_with('\n');
        if !readable || (rest.is_empty() && !source.ended) || source.inside {
            return self.read_more(source, sys);
        }
        let mut parser = Parser::new(rest, source.line, source.ended);
        match parser.line_of_commands() {
            Ok(Some(node)) => {
                source.at += parser.at;
                source.line = parser.line;
                let no_more = source.ended && source.text[source.at..].trim().is_empty();
                if !no_more || source.file {
                    self.frames.push(Frame::Source(source));
                }
                if !self.options.no_execute {
                    self.frames.push(Frame::Run(node));
                }
                Ok(())
            }
            Ok(None) => {
                source.at = source.text.len();
                source.line = parser.line;
                self.frames.push(Frame::Source(source));
                Ok(())
            }
            Err(Problem::Incomplete(_)) if !source.ended => {
                source.inside = true;
                self.frames.push(Frame::Source(source));
                Ok(())
            }
            Err(problem) => {
                let prompts = source.prompts;
                source.at = source.text.len();
                if prompts {
                    self.frames.push(Frame::Source(source));
                }
                self.fail_hard(sys, &problem.message());
                Ok(())
            }
        }
    }

    fn read_more(&mut self, mut source: Box<Source>, sys: &mut dyn Sys) -> Result<(), Pause> {
        let Some(fd) = source.input else {
            source.ended = true;
            source.inside = false;
            self.frames.push(Frame::Source(source));
            return Ok(());
        };
        if source.prompts && !source.prompted {
            source.prompted = true;
            self.reap_all(sys);
            let prompt = if source.inside { "> ".to_string() } else { self.prompt(sys) };
            self.out.err(&prompt);
            self.frames.push(Frame::Source(source));
            return Ok(());
        }
        // A terminal hands over a line at most; from anything else the shell must not take what its commands are to read.
        let bytes_max = if source.prompts { 4096 } else { 1 };
        match sys.read(fd, bytes_max) {
            Ok(bytes) if bytes.is_empty() => {
                source.ended = true;
                source.inside = false;
                source.text.push_str(&String::from_utf8_lossy(&std::mem::take(&mut source.pending)));
                if source.prompts {
                    self.out.err("\n");
                }
            }
            Ok(bytes) => self.append(&mut source, &bytes),
            Err(errno) => {
                if let Some(pause) = pause_for(errno) {
                    self.frames.push(Frame::Source(source));
                    return Err(pause);
                }
                self.complain(&format!("read: {errno}"));
                source.ended = true;
                source.inside = false;
            }
        }
        if source.text.len() - source.at + source.pending.len() > TEXT_BYTES_MAX {
            self.fail_hard(sys, &format!("a command of more than {TEXT_BYTES_MAX} bytes"));
            return Ok(());
        }
        self.frames.push(Frame::Source(source));
        Ok(())
    }

    fn append(&mut self, source: &mut Source, bytes: &[u8]) {
        if source.at > 0 {
            source.text.drain(..source.at);
            source.at = 0;
        }
        source.pending.extend_from_slice(bytes);
        // A line is taken whole, so that a character of several bytes is never cut.
        if source.pending.ends_with(b"\n") {
            source.text.push_str(&String::from_utf8_lossy(&std::mem::take(&mut source.pending)));
            source.inside = false;
            source.prompted = false;
        }
    }

    fn prompt(&self, sys: &mut dyn Sys) -> String {
        if let Some(prompt) = self.variable("PS1").filter(|prompt| !prompt.contains('\\')) {
            return prompt.to_string();
        }
        let directory = sys.getcwd().unwrap_or_else(|_| "?".to_string());
        let mark = if sys.ids().0 == 0 { "#" } else { "$" };
        format!("{directory} {mark} ")
    }
}
