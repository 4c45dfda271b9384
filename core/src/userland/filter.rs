//! Filters: cat, head, tail, wc, grep. They read their operands (or the standard input) piece by piece.

use super::grep::Grep;
use super::output::{Flush, Output};
use super::sys::{Fd, OpenFlags, Resume, Sys};
use super::text::{Cat, Head, Tail, Wc};
use crate::errno::Errno;

/// Bytes that one read asks for.
const READ_BYTES: usize = 1 << 16;

/// Whether a filter wants more of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Go on.
    More,
    /// Enough of this file; this many of the bytes just given were too many.
    Enough(usize),
    /// Enough of everything.
    Stop,
}

/// What a filter does with what it reads.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// cat(1)
    Cat(Cat),
    /// head(1)
    Head(Head),
    /// tail(1)
    Tail(Tail),
    /// wc(1)
    Wc(Wc),
    /// grep(1)
    Grep(Grep),
}

impl Kind {
    fn begin(&mut self, file: &str, out: &mut Output) {
        match self {
            Kind::Head(head) => head.begin(file, out),
            Kind::Tail(tail) => tail.begin(file, out),
            Kind::Grep(grep) => grep.begin(file),
            Kind::Cat(_) | Kind::Wc(_) => {}
        }
    }

    fn chunk(&mut self, bytes: &[u8], out: &mut Output) -> Wants {
        match self {
            Kind::Cat(cat) => cat.chunk(bytes, out),
            Kind::Head(head) => head.chunk(bytes, out),
            Kind::Tail(tail) => tail.chunk(bytes, out),
            Kind::Wc(wc) => wc.chunk(bytes),
            Kind::Grep(grep) => grep.chunk(bytes, out),
        }
    }

    fn end(&mut self, file: &str, out: &mut Output) {
        match self {
            Kind::Tail(tail) => tail.end(out),
            Kind::Wc(wc) => wc.end(file, out),
            Kind::Grep(grep) => grep.end(out),
            Kind::Cat(_) | Kind::Head(_) => {}
        }
    }

    /// The exit status, given that of the errors met.
    fn finish(&mut self, failed: bool, out: &mut Output) -> i32 {
        match self {
            Kind::Wc(wc) => wc.finish(out),
            Kind::Grep(grep) => return grep.status(failed),
            _ => {}
        }
        i32::from(failed)
    }
}

/// A filter as a program.
#[derive(Clone, Debug)]
pub struct Filter {
    name: &'static str,
    kind: Kind,
    files: Vec<String>,
    next: usize,
    open: Option<Fd>,
    taken: u64,
    out: Output,
    failed: bool,
    stopped: bool,
    status: Option<i32>,
}

impl Filter {
    /// The filter called `name`, if there is one; a usage error becomes a program that says so and fails.
    pub(crate) fn start(name: &str, args: &[String]) -> Option<Filter> {
        let (name, parsed, usage_status) = match name {
            "cat" => ("cat", Cat::parse(args).map(|(cat, files)| (Kind::Cat(cat), files)), 1),
            "head" => ("head", Head::parse(args).map(|(head, files)| (Kind::Head(head), files)), 1),
            "tail" => ("tail", Tail::parse(args).map(|(tail, files)| (Kind::Tail(tail), files)), 1),
            "wc" => ("wc", Wc::parse(args).map(|(wc, files)| (Kind::Wc(wc), files)), 1),
            "grep" => ("grep", Grep::parse(args).map(|(grep, files)| (Kind::Grep(grep), files)), 2),
            _ => return None,
        };
        let mut out = Output::default();
        let (kind, files, status) = match parsed {
            Ok((kind, files)) => (kind, files, None),
            Err(message) => {
                out.err(&format!("{name}: {message}\n"));
                (Kind::Cat(Cat::default()), Vec::new(), Some(usage_status))
            }
        };
        let files = if files.is_empty() { vec!["-".to_string()] } else { files };
        let filter = Filter { name, kind, files, next: 0, open: None, taken: 0, out, failed: false, stopped: false, status };
        Some(filter)
    }

    /// Goes on: writes what is queued, then reads a piece.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        match self.out.flush(sys) {
            Flush::Done => {}
            Flush::Waiting => return Resume::Waiting,
            Flush::Interrupted => return Resume::Yield,
            Flush::Failed(errno) => return self.output_failed(errno),
        }
        match self.status {
            Some(status) => Resume::Exit(status),
            None if self.stopped || (self.open.is_none() && self.next == self.files.len()) => {
                self.status = Some(self.kind.finish(self.failed, &mut self.out));
                Resume::Yield
            }
            None => self.advance(sys),
        }
    }

    fn output_failed(&mut self, errno: Errno) -> Resume {
        if self.status.is_none() {
            self.out.err(&format!("{}: write error: {errno}\n", self.name));
        }
        self.status = Some(1);
        Resume::Yield
    }

    fn file(&self) -> String {
        self.files[self.next.saturating_sub(1)].clone()
    }

    fn advance(&mut self, sys: &mut dyn Sys) -> Resume {
        let Some(fd) = self.open else { return self.open_next(sys) };
        match sys.read(fd, READ_BYTES) {
            Ok(bytes) if bytes.is_empty() => self.close(sys, fd),
            Ok(bytes) => {
                self.taken += bytes.len() as u64;
                match self.kind.chunk(&bytes, &mut self.out) {
                    Wants::More => {}
                    Wants::Enough(excess) => {
                        if excess > 0 {
                            let _ = sys.seek(fd, self.taken - excess as u64);
                        }
                        self.close(sys, fd);
                    }
                    Wants::Stop => self.stopped = true,
                }
            }
            Err(Errno::RESTART) => return Resume::Waiting,
            Err(Errno::EINTR) => {}
            Err(errno) => {
                let text = format!("{}: {}: {errno}\n", self.name, self.file());
                self.out.err(&text);
                self.failed = true;
                self.close(sys, fd);
            }
        }
        Resume::Yield
    }

    fn close(&mut self, sys: &mut dyn Sys, fd: Fd) {
        let file = self.file();
        self.kind.end(&file, &mut self.out);
        self.open = None;
        if fd != 0 {
            let _ = sys.close(fd);
        }
    }

    fn open_next(&mut self, sys: &mut dyn Sys) -> Resume {
        let file = self.files[self.next].clone();
        let opened = if file == "-" { Ok(0) } else { sys.open(&file, OpenFlags::READ, 0) };
        if opened == Err(Errno::RESTART) {
            return Resume::Waiting;
        }
        self.next += 1;
        self.taken = 0;
        match opened {
            Ok(fd) => {
                self.kind.begin(&file, &mut self.out);
                self.open = Some(fd);
            }
            Err(errno) => {
                let opening = matches!(self.kind, Kind::Cat(_) | Kind::Tail(_));
                let what = if opening { format!("can't open '{file}'") } else { file };
                self.out.err(&format!("{}: {what}: {errno}\n", self.name));
                self.failed = true;
            }
        }
        Resume::Yield
    }
}
