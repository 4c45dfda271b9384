//! How a shell is called: `sh`, `sh FILE ARGS…`, `sh -c TEXT NAME ARGS…`, with the options of `set` before.

use super::frame::{Frame, Source};
use super::shell::Shell;
use super::source::TEXT_BYTES_MAX;
use crate::userland::sys::Sys;
use crate::userland::tool::read_file;

impl Shell {
    /// The shell for these arguments (without its own name). What is wrong with them it says when it runs.
    pub(crate) fn start(args: &[String], env: &[String]) -> Shell {
        let mut shell = Shell::new("sh", env);
        let (mut text, mut from_input, mut rest) = (false, false, args);
        while let [first, others @ ..] = rest {
            let Some(letters) = first.strip_prefix(['-', '+']).filter(|letters| !letters.is_empty()) else { break };
            rest = others;
            if letters == "-" {
                break;
            }
            for letter in letters.chars() {
                match letter {
                    'c' => text = true,
                    'i' => shell.interactive = true,
                    's' => from_input = true,
                    'l' => {}
                    _ if shell.set_option(letter, first.starts_with('-')) => {}
                    _ => return shell.refusing(&format!("illegal option -{letter}")),
                }
            }
        }
        if text {
            return shell.with_text(rest);
        }
        match rest {
            [file, params @ ..] if !from_input => {
                shell.name = file.clone();
                shell.params = params.to_vec();
                shell.file = Some(file.clone());
            }
            params => {
                shell.params = params.to_vec();
                let source = Source { line: 1, input: Some(0), ..Source::default() };
                shell.frames.push(Frame::Source(Box::new(source)));
            }
        }
        shell
    }

    fn with_text(mut self, rest: &[String]) -> Shell {
        let Some((text, others)) = rest.split_first() else { return self.refusing("-c requires an argument") };
        if let Some((name, params)) = others.split_first() {
            self.name = name.clone();
            self.params = params.to_vec();
        }
        if text.len() > TEXT_BYTES_MAX {
            return self.refusing(&format!("a script of more than {TEXT_BYTES_MAX} bytes"));
        }
        self.push_text(text);
        self
    }

    fn refusing(mut self, message: &str) -> Shell {
        self.frames.clear();
        self.complain(message);
        self.ending = Some(2);
        self
    }

    /// Reads the script that the shell was called with.
    pub(crate) fn open_script(&mut self, sys: &mut dyn Sys) {
        let Some(file) = self.file.take() else { return };
        match read_file(sys, &file, TEXT_BYTES_MAX) {
            Ok(bytes) => self.push_text(&String::from_utf8_lossy(&bytes)),
            Err(errno) => {
                self.name = "sh".to_string();
                let message = if errno == crate::errno::Errno::ENOENT { "no such file".to_string() } else { errno.to_string() };
                self.complain(&format!("can't open '{file}': {message}"));
                self.ending = Some(if errno == crate::errno::Errno::ENOENT { 127 } else { 126 });
            }
        }
    }
}
