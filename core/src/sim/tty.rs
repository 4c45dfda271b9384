//! Pseudoterminals: pty(7), and the canonical line discipline of termios(3) with echo.

use super::kernel::Kernel;
use super::tables::{FileId, HostPid, ProcessState, TtyId, Wait};
use crate::errno::Errno;
use crate::userland::{Signal, SysResult};

/// ^C: VINTR
const INTERRUPT: u8 = 3;
/// ^D: VEOF
const END: u8 = 4;
/// ^\: VQUIT
const QUIT: u8 = 28;
/// VERASE and backspace
const ERASE: [u8; 2] = [127, 8];
/// ^U: VKILL
const KILL_LINE: u8 = 21;

/// A terminal: the engine holds its master, the container its slave.
#[derive(Clone, Debug, Default)]
pub(super) struct Tty {
    /// The devpts that has the slave.
    pub(super) super_id: u64,
    /// The slave's number there.
    pub(super) number: u32,
    pub(super) rows: u16,
    pub(super) columns: u16,
    /// The line being typed.
    line: Vec<u8>,
    /// Lines that are ready to be read; an empty one is the end of the input.
    ready: Vec<Vec<u8>>,
    /// For the master.
    output: Vec<u8>,
    pub(super) session: HostPid,
    pub(super) foreground: HostPid,
}

impl Tty {
    pub(super) fn new(super_id: u64, number: u32, rows: u16, columns: u16) -> Tty {
        Tty { super_id, number, rows, columns, ..Tty::default() }
    }

    pub(super) fn is_readable(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    fn show(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.output.push(b'\r');
            }
            self.output.push(*byte);
        }
    }

    fn end_line(&mut self) {
        self.ready.push(std::mem::take(&mut self.line));
    }

    /// A byte that was typed; answers the signal that it stands for.
    fn typed(&mut self, byte: u8) -> Option<Signal> {
        match byte {
            INTERRUPT | QUIT => {
                self.show(if byte == QUIT { b"^\\" } else { b"^C" });
                self.line.clear();
                self.ready.clear();
                return Some(if byte == QUIT { Signal::SIGQUIT } else { Signal::SIGINT });
            }
            END => self.end_line(),
            KILL_LINE => {
                for _ in 0..std::mem::take(&mut self.line).len() {
                    self.show(b"\x08 \x08");
                }
            }
            b'\r' | b'\n' => {
                self.show(b"\n");
                self.line.push(b'\n');
                self.end_line();
            }
            _ if ERASE.contains(&byte) => {
                if self.line.pop().is_some() {
                    self.show(b"\x08 \x08");
                }
            }
            _ => {
                self.show(&[byte]);
                self.line.push(byte);
            }
        }
        None
    }
}

impl Kernel {
    pub(super) fn read_tty(&mut self, pid: HostPid, file: FileId, id: TtyId, bytes_max: usize) -> SysResult<Vec<u8>> {
        let tty = self.ttys.get_mut(&id).ok_or(Errno::EIO)?;
        let Some(first) = tty.ready.first_mut() else { return Err(self.wait_for(pid, Wait::Readable(file))) };
        if first.len() <= bytes_max {
            return Ok(tty.ready.remove(0));
        }
        let rest = first.split_off(bytes_max);
        Ok(std::mem::replace(first, rest))
    }

    pub(super) fn write_tty(&mut self, id: TtyId, bytes: &[u8]) -> SysResult<usize> {
        self.ttys.get_mut(&id).ok_or(Errno::EIO)?.show(bytes);
        Ok(bytes.len())
    }

    /// What the master reads.
    pub(super) fn drain_tty(&mut self, id: TtyId) -> Vec<u8> {
        self.ttys.get_mut(&id).map_or_else(Vec::new, |tty| std::mem::take(&mut tty.output))
    }

    /// What is written to the master: typed at the terminal.
    pub(super) fn type_at(&mut self, id: TtyId, bytes: &[u8]) {
        for byte in bytes {
            let Some(tty) = self.ttys.get_mut(&id) else { return };
            let (signal, group) = (tty.typed(*byte), tty.foreground);
            if let Some(signal) = signal {
                self.signal_group_from_terminal(group, signal);
            }
        }
    }

    fn signal_group_from_terminal(&mut self, group: HostPid, signal: Signal) {
        let members = self.processes.iter().filter(|(_, process)| process.group == group && !is_zombie(&process.state));
        let members: Vec<HostPid> = members.map(|(pid, _)| *pid).collect();
        for pid in members {
            self.deliver(pid, pid, signal);
        }
    }
}

pub(super) fn is_zombie(state: &ProcessState) -> bool {
    matches!(state, ProcessState::Zombie(_))
}
