//! The read builtin: one line, byte by byte, so that nothing is taken from those who read after it.

use super::frame::{Frame, ReadLine};
use super::run::{Pause, pause_for};
use super::shell::Shell;
use super::source::TEXT_BYTES_MAX;
use crate::userland::sys::Sys;

impl Shell {
    /// Reads on, and at the end of the line sets the variables. Status 1 at the end of the input.
    pub(crate) fn read_line(&mut self, sys: &mut dyn Sys, mut read: Box<ReadLine>) -> Result<(), Pause> {
        loop {
            let status = match sys.read(0, 1) {
                Ok(bytes) => match bytes.first() {
                    Some(byte) if !read.take(*byte) && read.bytes.len() < TEXT_BYTES_MAX => continue,
                    Some(_) => 0,
                    None => 1,
                },
                Err(errno) => {
                    if let Some(pause) = pause_for(errno) {
                        self.frames.push(Frame::Read(read));
                        return Err(pause);
                    }
                    self.complain(&format!("read: {errno}"));
                    1
                }
            };
            let status = self.assign_fields(&read).map_or(2, |()| status);
            self.completed(sys, status);
            return Ok(());
        }
    }

    fn assign_fields(&mut self, read: &ReadLine) -> Option<()> {
        let ifs = self.variable("IFS").unwrap_or(" \t\n").as_bytes().to_vec();
        let values = read.split(&ifs);
        for (name, value) in read.names.iter().zip(values) {
            if let Err(message) = self.set(name, &String::from_utf8_lossy(&value)) {
                self.complain(&message);
                return None;
            }
        }
        Some(())
    }
}

impl ReadLine {
    /// Takes a byte; `true`: the line is complete.
    fn take(&mut self, byte: u8) -> bool {
        if self.escaped {
            self.escaped = false;
            if byte != b'\n' {
                self.protected.push(self.bytes.len());
                self.bytes.push(byte);
            }
            return false;
        }
        match byte {
            b'\n' => return true,
            b'\\' if !self.raw => self.escaped = true,
            0 => {}
            _ => self.bytes.push(byte),
        }
        false
    }

    /// One value for each name; the last takes the rest of the line.
    fn split(&self, ifs: &[u8]) -> Vec<Vec<u8>> {
        let separates = |at: usize| ifs.contains(&self.bytes[at]) && self.protected.binary_search(&at).is_err();
        let blank = |at: usize| separates(at) && self.bytes[at].is_ascii_whitespace();
        let length = self.bytes.len();
        let (mut values, mut at) = (Vec::new(), 0);
        for index in 0..self.names.len() {
            while at < length && blank(at) {
                at += 1;
            }
            let start = at;
            if index + 1 == self.names.len() {
                let mut end = length;
                while end > start && blank(end - 1) {
                    end -= 1;
                }
                values.push(self.bytes[start..end].to_vec());
                break;
            }
            while at < length && !separates(at) {
                at += 1;
            }
            values.push(self.bytes[start..at].to_vec());
            while at < length && blank(at) {
                at += 1;
            }
            if at < length && separates(at) {
                at += 1;
            }
        }
        values
    }
}
