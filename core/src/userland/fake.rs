//! A kernel of a few lines for unit tests: every call that can wait answers RESTART first, and a write takes three bytes.
//!
//! It shows that a program keeps its place in its fields. What programs do with processes and files is shown by the real kernels.

use std::collections::VecDeque;

use super::{DirEntry, Disposition, Fd, OpenFlags, Pid, Program, Resume, Signal, Stat, Sys, SysResult, WaitStatus};
use crate::device::DeviceKind;
use crate::errno::Errno;
use crate::resource_limit::{LimitPair, Resource};
use crate::userland::Attempt;

/// Bytes that a write takes.
const WRITE_BYTES: usize = 3;
/// Resumes after which a program counts as hanging.
const RESUMES_MAX: usize = 200_000;

#[derive(Clone, Debug, Default)]
pub(crate) struct Fake {
    input: VecDeque<u8>,
    pub(crate) output: Vec<u8>,
    pub(crate) errors: Vec<u8>,
    signals: VecDeque<Signal>,
    now: u64,
    waited: bool,
}

impl Fake {
    pub(crate) fn with_input(text: &str) -> Fake {
        Fake { input: text.bytes().collect(), ..Fake::default() }
    }

    /// Every second call that could wait waits.
    fn wait_first(&mut self) -> SysResult<()> {
        self.waited = !self.waited;
        if self.waited { Err(Errno::RESTART) } else { Ok(()) }
    }

    /// Runs a program to its end; at each step a clone of program and kernel takes over from the original.
    pub(crate) fn run(mut self, argv: &[&str]) -> (String, String, i32) {
        let argv: Vec<String> = argv.iter().map(|word| word.to_string()).collect();
        let mut program = Program::start(&argv, &["PATH=/bin".to_string()]).expect("a program");
        for _ in 0..RESUMES_MAX {
            let (mut next, mut kernel) = (program.clone(), self.clone());
            let resume = next.resume(&mut kernel);
            (program, self) = (next, kernel);
            if let Resume::Exit(status) = resume {
                let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
                return (text(self.output), text(self.errors), status);
            }
        }
        panic!("{argv:?} does not end");
    }
}

impl Sys for Fake {
    fn read(&mut self, fd: Fd, bytes_max: usize) -> SysResult<Vec<u8>> {
        self.wait_first()?;
        if fd != 0 {
            return Err(Errno::EBADF);
        }
        let count = bytes_max.min(self.input.len()).min(5);
        Ok(self.input.drain(..count).collect())
    }
    fn write(&mut self, fd: Fd, bytes: &[u8]) -> SysResult<usize> {
        self.wait_first()?;
        let taken = &bytes[..bytes.len().min(WRITE_BYTES)];
        match fd {
            1 => self.output.extend_from_slice(taken),
            2 => self.errors.extend_from_slice(taken),
            _ => return Err(Errno::EBADF),
        }
        Ok(taken.len())
    }
    fn sleep_until(&mut self, until: u64) -> SysResult<()> {
        if self.now < until {
            self.now += 1_000_000_000;
            return Err(Errno::RESTART);
        }
        Ok(())
    }
    fn kill(&mut self, _: Pid, signal: Option<Signal>) -> SysResult<()> {
        self.signals.extend(signal);
        Ok(())
    }
    fn take_signal(&mut self) -> Option<Signal> {
        self.signals.pop_front()
    }
    fn clock(&mut self) -> u64 {
        self.now
    }
    fn getcwd(&mut self) -> SysResult<String> {
        Ok("/here".to_string())
    }
    fn ids(&mut self) -> (u32, u32, Vec<u32>) {
        (0, 0, Vec::new())
    }
    fn hostname(&mut self) -> String {
        "fake".to_string()
    }
    fn uname(&mut self) -> (String, String, String) {
        ("Linux".to_string(), "6.1".to_string(), "x86_64".to_string())
    }
    fn getpid(&mut self) -> Pid {
        7
    }
    fn getppid(&mut self) -> Pid {
        1
    }
    fn realtime(&mut self) -> i64 {
        1_700_000_000
    }
    fn umask(&mut self, _: u32) -> u32 {
        0o22
    }
    fn is_terminal(&mut self, _: Fd) -> bool {
        false
    }
    fn set_disposition(&mut self, _: Signal, _: Disposition) -> SysResult<()> {
        Ok(())
    }
    fn open(&mut self, _: &str, _: OpenFlags, _: u32) -> SysResult<Fd> {
        Err(Errno::ENOENT)
    }
    fn stat(&mut self, _: &str, _: bool) -> SysResult<Stat> {
        Err(Errno::ENOENT)
    }
    fn read_dir(&mut self, _: &str) -> SysResult<Vec<DirEntry>> {
        Ok(Vec::new())
    }
    fn close(&mut self, _: Fd) -> SysResult<()> {
        Ok(())
    }
    fn dup2(&mut self, _: Fd, _: Fd) -> SysResult<()> {
        Err(Errno::ENOSYS)
    }
    fn dup_above(&mut self, _: Fd, _: Fd) -> SysResult<Fd> {
        Err(Errno::ENOSYS)
    }
    fn pipe(&mut self) -> SysResult<(Fd, Fd)> {
        Err(Errno::EMFILE)
    }
    fn seek(&mut self, _: Fd, _: u64) -> SysResult<()> {
        Err(Errno::ESPIPE)
    }
    fn window_size(&mut self, _: Fd) -> SysResult<(u16, u16)> {
        Err(Errno::ENOTTY)
    }
    fn fstat(&mut self, _: Fd) -> SysResult<Stat> {
        Err(Errno::ENOSYS)
    }
    fn readlink(&mut self, _: &str) -> SysResult<String> {
        Err(Errno::ENOENT)
    }
    fn mkdir(&mut self, _: &str, _: u32) -> SysResult<()> {
        Err(Errno::EROFS)
    }
    fn unlink(&mut self, _: &str) -> SysResult<()> {
        Err(Errno::EROFS)
    }
    fn rmdir(&mut self, _: &str) -> SysResult<()> {
        Err(Errno::EROFS)
    }
    fn rename(&mut self, _: &str, _: &str) -> SysResult<()> {
        Err(Errno::EROFS)
    }
    fn link(&mut self, _: &str, _: &str) -> SysResult<()> {
        Err(Errno::EROFS)
    }
    fn symlink(&mut self, _: &str, _: &str) -> SysResult<()> {
        Err(Errno::EROFS)
    }
    fn chmod(&mut self, _: &str, _: u32) -> SysResult<()> {
        Err(Errno::EROFS)
    }
    fn chown(&mut self, _: &str, _: Option<u32>, _: Option<u32>, _: bool) -> SysResult<()> {
        Err(Errno::EROFS)
    }
    fn truncate(&mut self, _: Fd, _: u64) -> SysResult<()> {
        Err(Errno::EINVAL)
    }
    fn touch_times(&mut self, _: &str) -> SysResult<()> {
        Err(Errno::EROFS)
    }
    fn can_execute(&mut self, _: &str) -> SysResult<()> {
        Err(Errno::EACCES)
    }
    fn chdir(&mut self, _: &str) -> SysResult<()> {
        Err(Errno::ENOENT)
    }
    fn chroot(&mut self, _: &str) -> SysResult<()> {
        Err(Errno::EPERM)
    }
    fn fork(&mut self, _: Program) -> SysResult<Pid> {
        Err(Errno::EAGAIN)
    }
    fn execve(&mut self, _: &str, _: &[String], _: &[String]) -> SysResult<()> {
        Err(Errno::ENOENT)
    }
    fn wait(&mut self, _: Pid, _: bool) -> SysResult<Option<(Pid, WaitStatus)>> {
        Err(Errno::ECHILD)
    }
    fn pause(&mut self) -> SysResult<()> {
        Err(Errno::RESTART)
    }
    fn setpgid(&mut self, _: Pid, _: Pid) -> SysResult<()> {
        Ok(())
    }
    fn set_foreground(&mut self, _: Fd, _: Pid) -> SysResult<()> {
        Ok(())
    }
    fn set_hostname(&mut self, _: &str) -> SysResult<()> {
        Err(Errno::EPERM)
    }
    fn mount(&mut self, _: &str, _: &str, _: &str, _: &[&str], _: &str) -> SysResult<()> {
        Err(Errno::EPERM)
    }
    fn umount(&mut self, _: &str, _: bool) -> SysResult<()> {
        Err(Errno::EPERM)
    }
    fn ask(&mut self, _: core::net::SocketAddr, _: &[u8], _: u32) -> SysResult<Vec<u8>> {
        Err(Errno::ENETUNREACH)
    }
    fn mknod(&mut self, _: &str, _: DeviceKind, _: (u32, u32), _: u32) -> SysResult<()> {
        Err(Errno::EPERM)
    }
    fn attempt(&mut self, _: Attempt) -> SysResult<()> {
        Err(Errno::EPERM)
    }
    fn limit(&mut self, resource: Resource) -> SysResult<LimitPair> {
        Ok(crate::resource_limit::of_a_host(resource))
    }
    fn set_limit(&mut self, _: Resource, _: LimitPair) -> SysResult<()> {
        Err(Errno::EPERM)
    }
    fn allocate(&mut self, _: u64) -> SysResult<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(input: &str, argv: &[&str]) -> (String, i32) {
        let (output, errors, status) = Fake::with_input(input).run(argv);
        assert_eq!(errors, "", "{argv:?}");
        (output, status)
    }

    #[test]
    fn partial_writes_and_restarts_lose_and_repeat_nothing() {
        let text = "first line\nsecond\n\nlast without newline";
        assert_eq!(run(text, &["cat"]), (text.to_string(), 0));
        assert_eq!(run(text, &["cat", "-n"]).0, "     1\tfirst line\n     2\tsecond\n     3\t\n     4\tlast without newline");
        assert_eq!(run(text, &["head", "-n", "2"]).0, "first line\nsecond\n");
        assert_eq!(run(text, &["tail", "-n", "1"]).0, "last without newline");
        assert_eq!(run(text, &["grep", "-n", "s.*n"]).0, "1:first line\n2:second\n4:last without newline\n");
        assert_eq!(run(text, &["wc"]).0, "        3         6        39\n");
        assert_eq!(run("", &["echo", "a", "b c"]).0, "a b c\n");
        assert_eq!(run("", &["sleep", "5"]), (String::new(), 0));
        assert_eq!(run("", &["alloc", "3m", "2"]).0, "allocated 3145728 bytes\n");
        assert_eq!(Fake::default().run(&["cat", "nosuch"]).1, "cat: can't open 'nosuch': No such file or directory\n");
    }

    #[test]
    fn a_shell_keeps_its_place() {
        let script =
            "i=0; while [ $i -lt 3 ]; do i=$((i+1)); for j in a b; do echo $i$j; done; done; f() { read x; echo got $x; }; f; f";
        let (output, status) = run("one two\nthree\n", &["sh", "-c", script]);
        assert_eq!((output.as_str(), status), ("1a\n1b\n2a\n2b\n3a\n3b\ngot one two\ngot three\n", 0));
        let (output, status) = run("echo a\nread x\nthe input\nif true\nthen echo $x\nfi\nexit 4\n", &["sh"]);
        assert_eq!((output.as_str(), status), ("a\nthe input\n", 4));
        let (output, _) = run("", &["sh", "-c", "trap 'echo usr1' USR1; kill -USR1 7; echo after; trap 'echo bye' EXIT"]);
        assert_eq!(output, "usr1\nafter\nbye\n");
    }

    #[test]
    fn a_shell_that_cannot_fork_says_so() {
        let (_, errors, status) = Fake::default().run(&["sh", "-c", "ls; echo never"]);
        assert_eq!((errors.as_str(), status), ("sh: can't fork: Resource temporarily unavailable\n", 2));
        let (_, errors, status) = Fake::default().run(&["sh", "-c", "x=$(ls); echo never"]);
        assert_eq!((errors.as_str(), status), ("sh: can't create pipe: Too many open files\n", 2));
    }

    #[test]
    fn an_endless_loop_lets_others_run() {
        let argv: Vec<String> = ["sh", "-c", "while :; do :; done"].map(str::to_string).to_vec();
        let (mut program, mut kernel) = (Program::start(&argv, &[]).expect("sh"), Fake::default());
        assert!((0..1000).all(|_| program.resume(&mut kernel) == Resume::Yield));
        let argv: Vec<String> = ["sh", "-c", "f() { f; }; f"].map(str::to_string).to_vec();
        let mut program = Program::start(&argv, &[]).expect("sh");
        let ended = (0..1_000_000).map(|_| program.resume(&mut kernel)).find(|resume| matches!(resume, Resume::Exit(_)));
        assert_eq!(ended, Some(Resume::Exit(2)));
    }

    #[test]
    fn garbage_scripts_end_without_a_panic() {
        const PIECES: &[&str] = &[
            "if ",
            "then ",
            "fi ",
            "for x in a; do ",
            "done",
            "case a in ",
            "esac",
            "{ ",
            "}",
            ";",
            "&&",
            "|",
            ">f ",
            "<<E\n",
            "E\n",
            "\n",
            "$x",
            "${x:-",
            "$((1+",
            "))",
            "'",
            "\"",
            "*",
            "x=1 ",
            "break ",
            "return ",
            "set -e",
            "shift ",
            "echo ",
            "[ a ",
            "] ",
            "exit ",
            "read x",
            "unset x",
            "trap 'echo t' EXIT",
            "eval ",
            "${x%",
            "printf %d ",
            "local x",
            ". f",
            "cd ",
            "! ",
            "f() ",
            "f ",
        ];
        let mut state = 0x1234_5678_9abc_def1_u64;
        for _ in 0..1_500 {
            let mut text = String::new();
            for _ in 0..(state >> 20) % 16 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text += PIECES[(state >> 11) as usize % PIECES.len()];
            }
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Fake::with_input("some input\n").run(&["sh", "-c", &text]);
        }
    }
}
