//! `ProcessIdentity`: a process beyond its number. Pids are used again; pid, start time and boot together are not (proc(5), stat 22).

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::sys::file;

/// Which process, on which boot of the machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// As the host numbers it.
    pub pid: u32,
    /// Field 22 of /proc/PID/stat: clock ticks after the boot.
    pub start_ticks: u64,
    /// /proc/sys/kernel/random/boot_id
    pub boot_id: String,
}

impl ProcessIdentity {
    /// Of a process that is there now, be it a zombie.
    pub fn of(pid: u32) -> Option<ProcessIdentity> {
        let (_, start_ticks) = read_stat(pid)?;
        Some(ProcessIdentity { pid, start_ticks, boot_id: boot_id().to_string() })
    }

    /// From `PID-START-N`, by which files of a process are named; of this boot.
    pub fn from_name(name: &str) -> Option<ProcessIdentity> {
        let mut parts = name.split('-');
        let (pid, start_ticks) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(ProcessIdentity { pid, start_ticks, boot_id: boot_id().to_string() })
    }

    /// Of the calling process.
    pub fn own() -> Option<ProcessIdentity> {
        ProcessIdentity::of(std::process::id())
    }

    /// It is there and has not ended: a zombie has.
    pub fn is_alive(&self) -> bool {
        self.boot_id == boot_id()
            && matches!(read_stat(self.pid), Some((state, start)) if start == self.start_ticks && !is_ended(state))
    }
}

/// The number of this boot. It does not change while a process lives.
pub fn boot_id() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        let bytes = file::read_path("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim().to_string()
    })
}

fn is_ended(state: char) -> bool {
    matches!(state, 'Z' | 'X' | 'x')
}

/// State letter and start time.
fn read_stat(pid: u32) -> Option<(char, u64)> {
    let bytes = file::read_path(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&String::from_utf8_lossy(&bytes))
}

/// The command name may hold blanks and parentheses: fields are counted from the last `)`.
fn parse_stat(text: &str) -> Option<(char, u64)> {
    let rest = text.get(text.rfind(')')? + 1..)?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_do_not_shift_the_fields() {
        let rest = (4..=21).map(|n: u32| n.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(parse_stat(&format!("7 (a) b (c)) S {rest} 4711 23 24")), Some(('S', 4711)));
        assert_eq!(parse_stat("7 (sh"), None);
        assert_eq!(parse_stat("7 (sh) S 1 2"), None);
    }

    #[test]
    fn a_process_is_alive_and_another_start_time_is_another_process() {
        let own = ProcessIdentity::own().unwrap();
        assert!(own.is_alive());
        assert!(!ProcessIdentity { start_ticks: own.start_ticks + 1, ..own.clone() }.is_alive());
        assert!(!ProcessIdentity { boot_id: "earlier".into(), ..own }.is_alive());
    }

    #[test]
    fn a_zombie_has_ended() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let identity = ProcessIdentity::of(child.id()).unwrap();
        while identity.is_alive() {
            std::thread::yield_now();
        }
        assert_eq!(ProcessIdentity::of(child.id()), Some(identity));
        child.wait().unwrap();
    }
}
