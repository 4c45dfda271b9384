//! Programs that need all of their input before they have anything to say: sort, uniq, cut, tr, tee, sed.
//!
//! The standard input is gathered to its end, which may take several resumes; then a function makes its calls and queues its output.

use super::output::Output;
use super::sys::{OpenFlags, Resume, Sys};
use super::tool::{Context, finish, read_file};
use super::{edit, order};
use crate::errno::Errno;

/// More input is refused.
const INPUT_BYTES_MAX: usize = 16 << 20;
const READ_BYTES: usize = 1 << 16;

/// Such a program.
#[derive(Clone, Debug)]
pub struct Gather {
    name: &'static str,
    args: Vec<String>,
    input: Vec<u8>,
    gathered: bool,
    out: Output,
    status: Option<i32>,
}

const NAMES: [&str; 6] = ["cut", "sed", "sort", "tee", "tr", "uniq"];

impl Gather {
    /// The program of that name, if there is one.
    pub(crate) fn start(name: &str, args: &[String]) -> Option<Gather> {
        let name = NAMES.into_iter().find(|known| *known == name)?;
        let wants_input = match name {
            "tee" | "tr" => true,
            "sed" => edit::files(args).is_some_and(|files| files.is_empty() || files.iter().any(|file| file == "-")),
            _ => order::files(name, args).is_ok_and(|files| files.is_empty() || files.iter().any(|file| file == "-")),
        };
        let args = args.to_vec();
        Some(Gather { name, args, input: Vec::new(), gathered: !wants_input, out: Output::default(), status: None })
    }

    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        if !self.gathered {
            match sys.read(0, READ_BYTES) {
                Ok(bytes) if bytes.is_empty() => self.gathered = true,
                Ok(bytes) if self.input.len() + bytes.len() <= INPUT_BYTES_MAX => self.input.extend(bytes),
                Ok(_) => return self.refuse(&format!("more than {INPUT_BYTES_MAX} bytes of input (INPUT_BYTES_MAX)")),
                Err(Errno::RESTART) => return Resume::Waiting,
                Err(Errno::EINTR) => {}
                Err(errno) => return self.refuse(&format!("-: {errno}")),
            }
            return Resume::Yield;
        }
        let status = match self.status {
            Some(status) => status,
            None => {
                let mut context = Context { sys: &mut *sys, out: &mut self.out, name: self.name };
                let status = match self.name {
                    "sed" => edit::sed(&mut context, &self.args, &self.input),
                    "tee" => tee(&mut context, &self.args, &self.input),
                    _ => order::run(&mut context, &self.args, &self.input),
                };
                *self.status.insert(status)
            }
        };
        finish(&mut self.out, self.name, &mut self.status, status, sys)
    }

    fn refuse(&mut self, message: &str) -> Resume {
        self.out.err(&format!("{}: {message}\n", self.name));
        (self.gathered, self.status) = (true, Some(1));
        Resume::Yield
    }
}

/// A file to work on: `-` is what was gathered.
pub(crate) fn content(context: &mut Context<'_>, file: &str, input: &[u8]) -> Result<Vec<u8>, i32> {
    if file == "-" {
        return Ok(input.to_vec());
    }
    read_file(context.sys, file, INPUT_BYTES_MAX).map_err(|errno| context.fail_with(file, errno))
}

/// Writes a file whole, in the place of what is in it or at its end.
pub(crate) fn put(context: &mut Context<'_>, file: &str, bytes: &[u8], flags: OpenFlags) -> Result<(), Errno> {
    let fd = context.sys.open(file, flags, 0o666)?;
    let mut sent = 0;
    let mut result = Ok(());
    while sent < bytes.len() && result.is_ok() {
        match context.sys.write(fd, &bytes[sent..]) {
            Ok(count) => sent += count,
            Err(errno) => result = Err(errno),
        }
    }
    context.sys.close(fd)?;
    result
}

/// tee(1) with -a.
fn tee(context: &mut Context<'_>, args: &[String], input: &[u8]) -> i32 {
    let appends = args.iter().any(|word| word == "-a" || word == "--append");
    let flags = if appends { OpenFlags::APPEND } else { OpenFlags::REPLACE };
    context.out.bytes(1, input);
    let mut status = 0;
    for file in args.iter().filter(|word| !word.starts_with('-')) {
        if let Err(errno) = put(context, file, input, flags) {
            status = context.fail_with(file, errno);
        }
    }
    status
}
