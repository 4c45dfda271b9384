//! /proc/PID/status and its neighbours, as proc_pid_status(5) describes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use glassbox_core::errno::Errno;
use glassbox_core::oci::capability::CapabilitySet;
use glassbox_core::query::CapabilitiesFact;

use crate::sys;

/// `/proc/PID/NAME`
pub fn path(pid: u32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{name}"))
}

/// The bytes of `/proc/PID/NAME`. A process that has gone is ESRCH, however the kernel says it.
pub fn read(pid: u32, name: &str) -> Result<Vec<u8>, Errno> {
    sys::file::read_path(path(pid, name)).map_err(|errno| gone(pid, errno))
}

/// As `read`, as text; bytes that are no UTF-8 are replaced.
pub fn read_text(pid: u32, name: &str) -> Result<String, Errno> {
    read(pid, name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// What the symbolic link `/proc/PID/NAME` says.
pub fn read_link(pid: u32, name: &str) -> Result<String, Errno> {
    let target = fs::read_link(path(pid, name)).map_err(|error| gone(pid, sys::errno_of(&error)))?;
    Ok(target.to_string_lossy().into_owned())
}

fn gone(pid: u32, errno: Errno) -> Errno {
    match errno {
        Errno::ENOENT if !path(pid, "").exists() => Errno::ESRCH,
        errno => errno,
    }
}

/// The number in a link such as `pid:[4026531836]`.
pub fn namespace(pid: u32, file: &str) -> Result<u64, Errno> {
    let text = read_link(pid, &format!("ns/{file}"))?;
    let number = text.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
    number.and_then(|number| number.parse().ok()).ok_or(Errno::EIO)
}

/// The lines of /proc/PID/status by their names.
#[derive(Clone, Debug, Default)]
pub struct Status(BTreeMap<String, String>);

impl Status {
    /// Of a process.
    pub fn of(pid: u32) -> Result<Status, Errno> {
        read_text(pid, "status").map(|text| Status::parse(&text))
    }

    /// From the file's text.
    pub fn parse(text: &str) -> Status {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        Status(lines.map(|(name, value)| (name.to_string(), value.trim().to_string())).collect())
    }

    /// A line's value.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A line's numbers, in decimal.
    pub fn numbers(&self, name: &str) -> Vec<u32> {
        self.text(name).unwrap_or_default().split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
    }

    /// The n-th number of a line.
    pub fn number(&self, name: &str, index: usize) -> Result<u32, Errno> {
        self.numbers(name).get(index).copied().ok_or(Errno::EIO)
    }

    /// A capability set: `CapPrm`.
    pub fn capabilities(&self, name: &str) -> Result<CapabilitySet, Errno> {
        let bits = self.text(name).and_then(|text| u64::from_str_radix(text, 16).ok());
        bits.map(CapabilitySet).ok_or(Errno::EIO)
    }

    /// All five sets.
    pub fn capability_sets(&self) -> Result<CapabilitiesFact, Errno> {
        Ok(CapabilitiesFact {
            effective: self.capabilities("CapEff")?,
            permitted: self.capabilities("CapPrm")?,
            inheritable: self.capabilities("CapInh")?,
            bounding: self.capabilities("CapBnd")?,
            ambient: self.capabilities("CapAmb")?,
        })
    }

    /// It has ended and was not waited for.
    pub fn is_zombie(&self) -> bool {
        self.text("State").is_some_and(|state| state.starts_with(['Z', 'X']))
    }
}

/// The lines of `uid_map` or `gid_map`: (first inside, first outside, count), user_namespaces(7). "Outside" is as the reader counts.
pub fn id_map(text: &str) -> Vec<(u32, u32, u32)> {
    let line = |line: &str| {
        let mut words = line.split_ascii_whitespace().map(|word| word.parse().ok());
        Some((words.next()??, words.next()??, words.next()??))
    };
    text.lines().filter_map(line).collect()
}

/// The inside number of an outside one; the overflow id 65534 where none is mapped to it.
pub fn inside(map: &[(u32, u32, u32)], outside: u32) -> u32 {
    let found = map.iter().find_map(|(first, from, count)| {
        let offset = outside.checked_sub(*from).filter(|offset| offset < count)?;
        first.checked_add(offset)
    });
    found.unwrap_or(65_534)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_counted_from_inside() {
        let map = id_map("         0       1000          1\n 1 100000 65536\nx\n");
        assert_eq!(map, [(0, 1000, 1), (1, 100_000, 65_536)]);
        let found: Vec<u32> = [1000, 1001, 100_000, 165_535, 165_536].map(|id| inside(&map, id)).to_vec();
        assert_eq!(found, [0, 65_534, 1, 65_536, 65_534]);
    }

    #[test]
    fn our_own_status() {
        let status = Status::of(std::process::id()).unwrap();
        assert_eq!(status.number("Pid", 0).unwrap(), std::process::id());
        assert!(!status.is_zombie());
        assert_eq!(status.capability_sets().unwrap().permitted, status.capabilities("CapPrm").unwrap());
        assert_eq!(Status::of(0).unwrap_err(), Errno::ESRCH);
    }
}
