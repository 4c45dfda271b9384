//! The builtin `ulimit`: limits of the shell and of all that it starts, in the units of dash(1).

use super::shell::Shell;
use crate::resource_limit::{LimitPair, Resource, UNLIMITED};
use crate::userland::sys::Sys;

/// Letter, Docker's name, what `-a` calls it, bytes (or whatever) in a unit.
const ROWS: &[(char, &str, &str, u64)] = &[
    ('t', "cpu", "time(seconds)", 1),
    ('f', "fsize", "file(blocks)", 512),
    ('d', "data", "data(kbytes)", 1024),
    ('s', "stack", "stack(kbytes)", 1024),
    ('c', "core", "coredump(blocks)", 512),
    ('m', "rss", "memory(kbytes)", 1024),
    ('l', "memlock", "locked memory(kbytes)", 1024),
    ('p', "nproc", "process", 1),
    ('n', "nofile", "nofiles", 1),
    ('v', "as", "vmemory(kbytes)", 1024),
    ('w', "locks", "locks", 1),
    ('r', "rtprio", "rtprio", 1),
];

/// What is asked of a row: `-H`, `-S`.
#[derive(Clone, Copy)]
struct Which {
    soft: bool,
    hard: bool,
}

impl Shell {
    /// `ulimit [-HS] [-a | -LETTER [LIMIT]]`
    pub(super) fn ulimit(&mut self, sys: &mut dyn Sys, args: &[String]) -> i32 {
        let mut letter = 'f';
        let mut which = Which { soft: false, hard: false };
        let mut value = None;
        for arg in args {
            let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
                value = Some(arg.as_str());
                continue;
            };
            for one in letters.chars() {
                match one {
                    'H' => which.hard = true,
                    'S' => which.soft = true,
                    'a' => letter = 'a',
                    other if ROWS.iter().any(|(row, ..)| *row == other) => letter = other,
                    other => return self.refuse_ulimit(&format!("Illegal option -{other}")),
                }
            }
        }
        if letter == 'a' {
            let lines: Vec<String> = ROWS.iter().map(|row| format!("{:<20} {}\n", row.2, show(sys, row, which))).collect();
            self.out.out(&lines.concat());
            return 0;
        }
        let Some(row) = ROWS.iter().find(|(row, ..)| *row == letter) else { return 2 };
        match value {
            None => {
                self.out.out(&format!("{}\n", show(sys, row, which)));
                0
            }
            Some(text) => self.set_ulimit(sys, row, which, text),
        }
    }

    fn set_ulimit(&mut self, sys: &mut dyn Sys, row: &(char, &str, &str, u64), which: Which, text: &str) -> i32 {
        let number = if text == "unlimited" { Some(UNLIMITED) } else { text.parse().ok().and_then(|n: u64| n.checked_mul(row.3)) };
        let (Some(number), Some(resource)) = (number, Resource::named(row.1)) else {
            return self.refuse_ulimit(&format!("bad number: {text}"));
        };
        let both = which.soft == which.hard;
        let set = sys.limit(resource).and_then(|before| {
            let soft = if both || which.soft { number } else { before.soft };
            let hard = if both || which.hard { number } else { before.hard };
            sys.set_limit(resource, LimitPair { soft, hard })
        });
        match set {
            Ok(()) => 0,
            Err(errno) => self.refuse_ulimit(&format!("error setting limit: {errno}")),
        }
    }

    fn refuse_ulimit(&mut self, what: &str) -> i32 {
        self.complain(&format!("ulimit: {what}"));
        2
    }
}

fn show(sys: &mut dyn Sys, row: &(char, &str, &str, u64), which: Which) -> String {
    let limit = Resource::named(row.1).and_then(|resource| sys.limit(resource).ok());
    match limit.map(|pair| if which.hard { pair.hard } else { pair.soft }) {
        None => "?".to_string(),
        Some(UNLIMITED) => "unlimited".to_string(),
        Some(number) => (number / row.3).to_string(),
    }
}
