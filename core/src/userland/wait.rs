//! Programs whose work is to wait or to be replaced: sleep, yes, alloc, env.

use super::options::parse_size;
use super::output::{Flush, Output};
use super::sys::{Resume, Sys};
use super::tool::finish;
use crate::errno::Errno;

const NANOSECONDS: f64 = 1e9;
/// The longest sleep: about 290 years, what the clock can count.
const SLEEP_SECONDS_MAX: f64 = 9.2e9;

/// sleep(1): seconds with fractions, suffixes s m h d, several are added.
#[derive(Clone, Debug)]
pub struct Sleep {
    duration: Result<u64, String>,
    until: Option<u64>,
    out: Output,
    status: Option<i32>,
}

impl Sleep {
    pub(crate) fn start(args: &[String]) -> Sleep {
        let duration = if args.is_empty() { Err("missing operand".to_string()) } else { total(args) };
        Sleep { duration, until: None, out: Output::default(), status: None }
    }

    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        if let Some(status) = self.status {
            return finish(&mut self.out, "sleep", &mut self.status, status, sys);
        }
        match &self.duration {
            Ok(nanoseconds) => {
                let until = *self.until.get_or_insert_with(|| sys.clock().saturating_add(*nanoseconds));
                sleep_until(sys, until)
            }
            Err(message) => {
                self.out.err(&format!("sleep: {message}\n"));
                self.status = Some(1);
                Resume::Yield
            }
        }
    }
}

fn sleep_until(sys: &mut dyn Sys, until: u64) -> Resume {
    match sys.sleep_until(until) {
        Ok(()) => Resume::Exit(0),
        Err(Errno::RESTART) => Resume::Waiting,
        Err(Errno::EINTR) => Resume::Yield,
        Err(_) => Resume::Exit(1),
    }
}

fn total(args: &[String]) -> Result<u64, String> {
    let mut sum = 0.0;
    for arg in args {
        let (digits, unit) = match arg.chars().last() {
            Some('s') => (&arg[..arg.len() - 1], 1.0),
            Some('m') => (&arg[..arg.len() - 1], 60.0),
            Some('h') => (&arg[..arg.len() - 1], 3600.0),
            Some('d') => (&arg[..arg.len() - 1], 86_400.0),
            _ => (arg.as_str(), 1.0),
        };
        let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
        let number: f64 = if arg == "infinity" || arg == "inf" {
            SLEEP_SECONDS_MAX
        } else if plain {
            digits.parse().map_err(|_| format!("invalid number '{arg}'"))?
        } else {
            return Err(format!("invalid number '{arg}'"));
        };
        sum += number * unit;
    }
    Ok((sum.min(SLEEP_SECONDS_MAX) * NANOSECONDS) as u64)
}

/// yes(1): the same line for ever.
#[derive(Clone, Debug)]
pub struct Yes {
    line: String,
    out: Output,
}

impl Yes {
    pub(crate) fn start(args: &[String]) -> Yes {
        let words = if args.is_empty() { "y".to_string() } else { args.join(" ") };
        Yes { line: words + "\n", out: Output::default() }
    }

    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        if self.out.is_empty() {
            let repeated = self.line.repeat((4096 / self.line.len()).max(1));
            self.out.out(&repeated);
        }
        match self.out.flush(sys) {
            Flush::Done | Flush::Interrupted => Resume::Yield,
            Flush::Waiting => Resume::Waiting,
            Flush::Failed(_) => Resume::Exit(1),
        }
    }
}

/// `alloc SIZE [SECONDS]`, a program of ours: takes memory and touches it, then says so, then sleeps: to watch a memory limit act.
#[derive(Clone, Debug)]
pub struct Alloc {
    bytes: Option<u64>,
    taken: u64,
    sleep: Option<Sleep>,
    out: Output,
    status: Option<i32>,
}

/// Memory is taken in pieces of this size, so that a limit ends the program in the middle.
const PIECE_BYTES: u64 = 1 << 20;

impl Alloc {
    pub(crate) fn start(args: &[String]) -> Alloc {
        let bytes = args.first().and_then(|text| parse_size(text));
        let sleep = args.get(1).map(|seconds| Sleep::start(std::slice::from_ref(seconds)));
        Alloc { bytes, taken: 0, sleep, out: Output::default(), status: None }
    }

    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        if let Some(status) = self.status {
            return match self.out.flush(sys) {
                Flush::Done if status != 0 => Resume::Exit(status),
                Flush::Done | Flush::Failed(_) => self.sleep.as_mut().map_or(Resume::Exit(status), |sleep| sleep.resume(sys)),
                Flush::Waiting => Resume::Waiting,
                Flush::Interrupted => Resume::Yield,
            };
        }
        let Some(bytes) = self.bytes else {
            self.out.err("usage: alloc SIZE[k|m|g] [SECONDS]\n");
            self.status = Some(2);
            return Resume::Yield;
        };
        let piece = PIECE_BYTES.min(bytes - self.taken);
        if piece == 0 {
            self.out.out(&format!("allocated {bytes} bytes\n"));
            self.status = Some(0);
        } else if let Err(errno) = sys.allocate(piece) {
            self.out.err(&format!("alloc: after {} bytes: {errno}\n", self.taken));
            self.status = Some(1);
        } else {
            self.taken += piece;
        }
        Resume::Yield
    }
}
