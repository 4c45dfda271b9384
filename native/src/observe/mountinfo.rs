//! /proc/PID/mountinfo, as proc_pid_mountinfo(5) describes it.

use glassbox_core::query::MountFact;
use glassbox_core::step::MountFlags;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where, as the process sees it.
    pub target: String,
    /// The directory of the file system that is mounted.
    pub root: String,
    /// Type: `ext4`, `fuse.sshfs`.
    pub fs_type: String,
    /// Source.
    pub source: String,
    /// Options of the mount: `rw,nosuid`.
    pub options: String,
    /// Options of the file system: `rw,cpu,cpuacct`.
    pub super_options: String,
    /// In a peer group: mounts spread to its other members.
    pub shared: bool,
    /// The slave of a peer group: mounts spread from it.
    pub slave: bool,
}

/// All lines that can be understood, in order: a later one lies over an earlier one.
pub fn parse(bytes: &[u8]) -> Vec<Mount> {
    bytes.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let root = unescape(fields.nth(3)?);
    let target = unescape(fields.next()?);
    let options = unescape(fields.next()?);
    let optional: Vec<&[u8]> = fields.by_ref().take_while(|field| *field != b"-").collect();
    let fs_type = unescape(fields.next()?);
    let source = unescape(fields.next()?);
    let super_options = unescape(fields.next().unwrap_or_default());
    let shared = optional.iter().any(|field| field.starts_with(b"shared:"));
    let slave = optional.iter().any(|field| field.starts_with(b"master:"));
    Some(Mount { target, root, fs_type, source, options, super_options, shared, slave })
}

/// Blank, tab, newline and backslash stand as a backslash and three octal digits.
fn unescape(field: &[u8]) -> String {
    if !field.contains(&b'\\') {
        return String::from_utf8_lossy(field).into_owned();
    }
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        match (first, octal(after)) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn octal(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits.get(..3)?).ok()?;
    u8::from_str_radix(digits, 8).ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()))
}

impl Mount {
    /// The file system has this option.
    pub fn has_super_option(&self, option: &str) -> bool {
        self.super_options.split(',').any(|found| found == option)
    }

    /// The mount has this option.
    pub fn has_option(&self, option: &str) -> bool {
        self.options.split(',').any(|found| found == option)
    }

    /// As the answer to a query. MS_STRICTATIME has no word of its own: neither `relatime` nor `noatime` stands there.
    pub fn fact(&self) -> MountFact {
        let relatime = self.has_option("relatime");
        let flags = MountFlags {
            read_only: self.has_option("ro"),
            no_suid: self.has_option("nosuid"),
            no_dev: self.has_option("nodev"),
            no_exec: self.has_option("noexec"),
            relatime,
            strictatime: !relatime && !self.has_option("noatime"),
        };
        MountFact {
            target: self.target.clone(),
            root: self.root.clone(),
            fs_type: self.fs_type.clone(),
            source: self.source.clone(),
            flags,
            shared: self.shared,
            slave: self.slave,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_escapes_and_optional_fields() {
        let text = b"36 35 98:0 /a\\040b /mnt\\134x\\011y rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n\
                     25 24 0:23 / /dev/shm ro,nosuid,nodev - tmpfs tmpfs rw,size=4k\ngarbage\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!((mounts[0].root.as_str(), mounts[0].target.as_str()), ("/a b", "/mnt\\x\ty"));
        assert!(mounts[0].shared && mounts[0].slave && !mounts[1].shared && !mounts[1].slave);
        assert!(!mounts[0].fact().flags.strictatime && mounts[1].fact().flags.strictatime);
        assert_eq!(mounts[1].fact().flags.names(), ["MS_RDONLY", "MS_NOSUID", "MS_NODEV", "MS_STRICTATIME"]);
        assert!(mounts[1].has_super_option("size=4k") && !mounts[1].has_super_option("size"));
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(unescape(b"a\\09x\\"), "a\\09x\\");
        assert_eq!(unescape(b"\\777\\+11"), "\\777\\+11");
    }
}
