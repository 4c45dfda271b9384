//! Devices and who may use them: the rules of the device cgroup, Docker's defaults, and what they say to one use.
//!
//! Read by planning (what a container is given), by the step that sets the rules, by both kernels and by `why`. Sources: the kernel's
//! cgroup-v1/devices.rst; BPF_PROG_TYPE_CGROUP_DEVICE for cgroup v2; dockerd's and runc's default rules.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A character device.
    Char,
    /// A block device.
    Block,
}

impl DeviceKind {
    /// `c` or `b`.
    pub fn letter(self) -> char {
        if self == DeviceKind::Char { 'c' } else { 'b' }
    }
}

/// What below /dev no container gets as devices of the host: terminals, memory, links.
pub const NOT_DEVICES: &[&str] = &["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console"];

/// A device node of the host that a container gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// On the host.
    pub host: String,
    /// In the container.
    pub path: String,
    /// Character or block.
    pub kind: DeviceKind,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// What of `rwm` it may be used for.
    pub permissions: String,
}

/// A rule of the device cgroup that allows something; what no rule allows is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRule {
    /// `None`: both kinds.
    pub kind: Option<DeviceKind>,
    /// `None`: all.
    pub major: Option<u32>,
    /// `None`: all.
    pub minor: Option<u32>,
    /// Of `r` (read), `w` (write), `m` (make a node).
    pub access: String,
}

impl DeviceRule {
    fn new(kind: DeviceKind, major: Option<u32>, minor: Option<u32>, access: &str) -> DeviceRule {
        DeviceRule { kind: Some(kind), major, minor, access: access.into() }
    }

    /// `c 10:229 rwm`, `b *:* m`, `a *:* rwm`.
    pub fn parse(text: &str) -> Option<DeviceRule> {
        let mut words = text.split(' ');
        let kind = match words.next()? {
            "a" => None,
            "b" => Some(DeviceKind::Block),
            "c" => Some(DeviceKind::Char),
            _ => return None,
        };
        let (major, minor) = words.next()?.split_once(':')?;
        let number = |text: &str| if text == "*" { Some(None) } else { text.parse().ok().map(Some) };
        Some(DeviceRule { kind, major: number(major)?, minor: number(minor)?, access: words.next()?.into() })
    }

    /// Whether it allows this use, `r`, `w` or `m`, of a device.
    pub fn allows(&self, kind: DeviceKind, major: u32, minor: u32, access: char) -> bool {
        self.kind.is_none_or(|own| own == kind)
            && self.major.is_none_or(|own| own == major)
            && self.minor.is_none_or(|own| own == minor)
            && self.access.contains(access)
    }
}

impl fmt::Display for DeviceRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<u32>| number.map_or_else(|| "*".to_string(), |number| number.to_string());
        let kind = self.kind.map_or('a', DeviceKind::letter);
        write!(out, "{kind} {}:{} {}", number(self.major), number(self.minor), self.access)
    }
}

/// What every container may use: dockerd's list, and what runc adds to it: making any node (using it is another matter), terminals.
pub fn default_rules() -> Vec<DeviceRule> {
    let char = |major, minor| DeviceRule::new(DeviceKind::Char, Some(major), minor, "rwm");
    vec![
        DeviceRule::new(DeviceKind::Char, None, None, "m"),
        DeviceRule::new(DeviceKind::Block, None, None, "m"),
        char(1, Some(3)),
        char(1, Some(5)),
        char(1, Some(7)),
        char(1, Some(8)),
        char(1, Some(9)),
        char(5, Some(0)),
        char(5, Some(1)),
        char(5, Some(2)),
        char(136, None),
    ]
}

/// Whether a use is allowed by these rules.
pub fn is_allowed(rules: &[DeviceRule], kind: DeviceKind, major: u32, minor: u32, access: char) -> bool {
    rules.iter().any(|rule| rule.allows(kind, major, minor, access))
}

/// The rules of a container with these devices, and with these of `--device-cgroup-rule`.
pub fn rules(devices: &[Device], typed: &[String]) -> Vec<DeviceRule> {
    let own =
        devices.iter().map(|device| DeviceRule::new(device.kind, Some(device.major), Some(device.minor), &device.permissions));
    let mut all = default_rules();
    for rule in own.chain(typed.iter().filter_map(|text| DeviceRule::parse(text))) {
        if !all.contains(&rule) {
            all.push(rule);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_as_it_is_written() {
        for text in ["c 10:229 rwm", "b *:* m", "a *:* rwm", "c 136:* rw"] {
            assert_eq!(DeviceRule::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(DeviceRule::parse("d 1:1 r"), None);
        assert_eq!(DeviceRule::parse("c 1 r"), None);
    }

    #[test]
    fn making_is_allowed_and_using_is_not() {
        let rules = rules(&[], &[]);
        let kmsg = |access| is_allowed(&rules, DeviceKind::Char, 1, 11, access);
        assert_eq!([kmsg('r'), kmsg('w'), kmsg('m')], [false, false, true]);
        assert!(is_allowed(&rules, DeviceKind::Char, 1, 3, 'w') && is_allowed(&rules, DeviceKind::Char, 136, 7, 'r'));
        assert!(!is_allowed(&rules, DeviceKind::Block, 1, 3, 'r'));
        let rules = super::rules(&[], &["c 1:11 r".into()]);
        assert!(is_allowed(&rules, DeviceKind::Char, 1, 11, 'r') && !is_allowed(&rules, DeviceKind::Char, 1, 11, 'w'));
    }
}
