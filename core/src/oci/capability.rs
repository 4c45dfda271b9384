//! Capabilities as data: their names and numbers, sets of them, and Docker's rules for `--cap-add`, `--cap-drop`, `--privileged`.
//!
//! Numbers are those of capabilities(7) and linux/capability.h. The rules are dockerd's: names are taken in any case, with or
//! without `CAP_`; `ALL` stands for all of them. Nothing here asks a kernel what it has: that comes in as a value.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! capabilities {
    ($($name:ident = $number:literal, $text:literal, $meaning:literal;)*) => {
        /// One capability: capabilities(7).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Capability {
            $(#[doc = $meaning] #[serde(rename = $text)] $name = $number,)*
        }

        impl Capability {
            /// All, in order of their numbers.
            pub const EVERY: &'static [Capability] = &[$(Capability::$name,)*];

            /// `CAP_CHOWN`
            pub fn name(self) -> &'static str {
                match self { $(Capability::$name => $text,)* }
            }

            /// What it allows, in a few words.
            pub fn meaning(self) -> &'static str {
                match self { $(Capability::$name => $meaning,)* }
            }
        }
    };
}

capabilities! {
    Chown = 0, "CAP_CHOWN", "change the owner and group of any file";
    DacOverride = 1, "CAP_DAC_OVERRIDE", "read, write and execute files whatever their permission bits say";
    DacReadSearch = 2, "CAP_DAC_READ_SEARCH", "read files and search directories whatever their permission bits say";
    Fowner = 3, "CAP_FOWNER", "change modes, times and attributes of files that belong to others";
    Fsetid = 4, "CAP_FSETID", "keep set-user-id and set-group-id bits when a file is changed";
    Kill = 5, "CAP_KILL", "send signals to processes of other users";
    Setgid = 6, "CAP_SETGID", "change group ids and supplementary groups";
    Setuid = 7, "CAP_SETUID", "change user ids";
    Setpcap = 8, "CAP_SETPCAP", "drop capabilities from the bounding set, add inheritable ones from it";
    LinuxImmutable = 9, "CAP_LINUX_IMMUTABLE", "set the append-only and immutable attributes of files";
    NetBindService = 10, "CAP_NET_BIND_SERVICE", "bind to ports below 1024";
    NetBroadcast = 11, "CAP_NET_BROADCAST", "nothing: unused by Linux";
    NetAdmin = 12, "CAP_NET_ADMIN", "configure interfaces, routes, addresses and packet filters";
    NetRaw = 13, "CAP_NET_RAW", "use raw and packet sockets";
    IpcLock = 14, "CAP_IPC_LOCK", "lock memory, use huge pages";
    IpcOwner = 15, "CAP_IPC_OWNER", "use System V IPC objects of others";
    SysModule = 16, "CAP_SYS_MODULE", "load and unload kernel modules";
    SysRawio = 17, "CAP_SYS_RAWIO", "reach I/O ports and raw devices";
    SysChroot = 18, "CAP_SYS_CHROOT", "use chroot, enter mount namespaces";
    SysPtrace = 19, "CAP_SYS_PTRACE", "trace processes and read their memory";
    SysPacct = 20, "CAP_SYS_PACCT", "switch process accounting";
    SysAdmin = 21, "CAP_SYS_ADMIN", "mount, make namespaces, set the host name, and much else";
    SysBoot = 22, "CAP_SYS_BOOT", "reboot, load another kernel";
    SysNice = 23, "CAP_SYS_NICE", "raise priorities, choose processors and memory nodes for others";
    SysResource = 24, "CAP_SYS_RESOURCE", "exceed quotas, raise hard resource limits";
    SysTime = 25, "CAP_SYS_TIME", "set the clock";
    SysTtyConfig = 26, "CAP_SYS_TTY_CONFIG", "hang up terminals and configure virtual ones";
    Mknod = 27, "CAP_MKNOD", "make device files";
    Lease = 28, "CAP_LEASE", "take leases on files of others";
    AuditWrite = 29, "CAP_AUDIT_WRITE", "write to the kernel's audit log";
    AuditControl = 30, "CAP_AUDIT_CONTROL", "switch auditing and change its rules";
    Setfcap = 31, "CAP_SETFCAP", "set capabilities on files";
    MacOverride = 32, "CAP_MAC_OVERRIDE", "pass over mandatory access control";
    MacAdmin = 33, "CAP_MAC_ADMIN", "configure mandatory access control";
    Syslog = 34, "CAP_SYSLOG", "read and clear the kernel log";
    WakeAlarm = 35, "CAP_WAKE_ALARM", "set timers that wake the machine";
    BlockSuspend = 36, "CAP_BLOCK_SUSPEND", "keep the machine from sleeping";
    AuditRead = 37, "CAP_AUDIT_READ", "read the audit log by multicast";
    Perfmon = 38, "CAP_PERFMON", "observe performance of the system";
    Bpf = 39, "CAP_BPF", "load BPF programs and maps";
    CheckpointRestore = 40, "CAP_CHECKPOINT_RESTORE", "checkpoint and restore processes";
}

impl Capability {
    /// The bit number in the masks of /proc/PID/status.
    pub fn number(self) -> u32 {
        self as u32
    }

    /// Reads a name in any case, with or without `CAP_`.
    pub fn parse(text: &str) -> Option<Capability> {
        let wanted = normalized(text);
        Capability::EVERY.iter().copied().find(|capability| capability.name() == wanted)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A set of capabilities: the bits of a mask in /proc/PID/status. Serialised as a list of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Vec<Capability>", from = "Vec<Capability>")]
pub struct CapabilitySet(pub u64);

impl CapabilitySet {
    /// None.
    pub const EMPTY: CapabilitySet = CapabilitySet(0);

    /// All 41.
    pub const ALL: CapabilitySet = CapabilitySet((1 << Capability::EVERY.len()) - 1);

    /// The 14 that Docker gives to a container unless told otherwise.
    pub const DOCKER_DEFAULT: CapabilitySet = CapabilitySet::of(&[
        Capability::Chown,
        Capability::DacOverride,
        Capability::Fowner,
        Capability::Fsetid,
        Capability::Kill,
        Capability::Setgid,
        Capability::Setuid,
        Capability::Setpcap,
        Capability::NetBindService,
        Capability::NetRaw,
        Capability::SysChroot,
        Capability::Mknod,
        Capability::AuditWrite,
        Capability::Setfcap,
    ]);

    /// These.
    pub const fn of(capabilities: &[Capability]) -> CapabilitySet {
        let (mut bits, mut index) = (0, 0);
        while index < capabilities.len() {
            bits |= 1 << capabilities[index] as u32;
            index += 1;
        }
        CapabilitySet(bits)
    }

    /// Whether it is in the set.
    pub fn contains(self, capability: Capability) -> bool {
        self.0 & (1 << capability.number()) != 0
    }

    /// This set and one more.
    #[must_use]
    pub fn with(self, capability: Capability) -> CapabilitySet {
        CapabilitySet(self.0 | 1 << capability.number())
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: CapabilitySet) -> CapabilitySet {
        CapabilitySet(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(self, other: CapabilitySet) -> CapabilitySet {
        CapabilitySet(self.0 & other.0)
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub fn minus(self, other: CapabilitySet) -> CapabilitySet {
        CapabilitySet(self.0 & !other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Its members in order of their numbers. Bits without a name are passed over.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::EVERY.iter().copied().filter(move |capability| self.contains(*capability))
    }

    /// The names of its members, as the OCI runtime spec lists them.
    pub fn names(self) -> Vec<String> {
        self.iter().map(|capability| capability.name().to_string()).collect()
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<Source: IntoIterator<Item = Capability>>(source: Source) -> CapabilitySet {
        source.into_iter().fold(CapabilitySet::EMPTY, CapabilitySet::with)
    }
}

impl From<Vec<Capability>> for CapabilitySet {
    fn from(list: Vec<Capability>) -> CapabilitySet {
        list.into_iter().collect()
    }
}

impl From<CapabilitySet> for Vec<Capability> {
    fn from(set: CapabilitySet) -> Vec<Capability> {
        set.iter().collect()
    }
}

/// `CAP_CHOWN, CAP_KILL`; `none` and `all 41` for the two ends.
impl fmt::Display for CapabilitySet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            CapabilitySet::EMPTY => out.write_str("none"),
            CapabilitySet::ALL => write!(out, "all {}", Capability::EVERY.len()),
            set => out.write_str(&set.names().join(", ")),
        }
    }
}

/// The field of Docker's API that a refused name stood in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapabilityField {
    /// `--cap-add`
    CapAdd,
    /// `--cap-drop`
    CapDrop,
}

/// Why dockerd refuses a `--cap-add` or `--cap-drop`. The texts are dockerd's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    /// No such name.
    #[error("invalid {field:?}: unknown capability: {name:?}")]
    Unknown {
        /// Where it stood.
        field: CapabilityField,
        /// In capitals, with `CAP_`.
        name: String,
    },
    /// The engine itself does not hold it, so that it cannot give it.
    #[error("invalid {field:?}: capability not supported by your kernel or not available in the current environment: {name:?}")]
    NotAvailable {
        /// Where it stood.
        field: CapabilityField,
        /// In capitals, with `CAP_`.
        name: String,
    },
}

/// What a container gets, where the engine can give all there are. See [`apply_available`].
pub fn apply(add: &[String], drop: &[String], privileged: bool) -> Result<CapabilitySet, CapabilityError> {
    apply_available(add, drop, privileged, CapabilitySet::ALL)
}

/// What a container gets from `--cap-add`, `--cap-drop` and `--privileged`, by dockerd's rules: privileged is everything that is
/// `available` (the engine's own bounding set); `--cap-add ALL` is that without what is dropped; `--cap-drop ALL` leaves what is
/// added; otherwise the defaults without what is dropped, with what is added (adding wins).
pub fn apply_available(
    add: &[String],
    drop: &[String],
    privileged: bool,
    available: CapabilitySet,
) -> Result<CapabilitySet, CapabilityError> {
    let (added, add_all) = read(add, CapabilityField::CapAdd, available)?;
    let (dropped, drop_all) = read(drop, CapabilityField::CapDrop, available)?;
    Ok(match (privileged, add_all, drop_all) {
        (true, ..) => available,
        (_, true, _) => available.minus(dropped),
        (_, _, true) => added,
        _ => CapabilitySet::DOCKER_DEFAULT.minus(dropped).union(added),
    })
}

/// The names of one field as a set, and whether `ALL` is among them.
fn read(names: &[String], field: CapabilityField, available: CapabilitySet) -> Result<(CapabilitySet, bool), CapabilityError> {
    let (mut set, mut all) = (CapabilitySet::EMPTY, false);
    for name in names {
        if name.eq_ignore_ascii_case("ALL") {
            all = true;
            continue;
        }
        let unknown = || CapabilityError::Unknown { field, name: normalized(name) };
        let capability = Capability::parse(name).ok_or_else(unknown)?;
        if !available.contains(capability) {
            return Err(CapabilityError::NotAvailable { field, name: normalized(name) });
        }
        set = set.with(capability);
    }
    Ok((set, all))
}

fn normalized(name: &str) -> String {
    let upper = name.to_uppercase();
    if upper.starts_with("CAP_") { upper } else { format!("CAP_{upper}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &str) -> Vec<String> {
        words.split_whitespace().map(str::to_string).collect()
    }

    fn check(add: &str, drop: &str, wanted: &str) {
        let set = apply(&strings(add), &strings(drop), false).map(|set| set.to_string()).unwrap_or_else(|error| error.to_string());
        assert_eq!(set, wanted, "--cap-add {add} --cap-drop {drop}");
    }

    #[test]
    fn numbers_are_those_of_the_kernel() {
        for (index, capability) in Capability::EVERY.iter().enumerate() {
            assert_eq!(capability.number() as usize, index);
        }
        assert_eq!(CapabilitySet::ALL.0, 0x1ff_ffff_ffff);
        // CapEff of a container that Docker started with the defaults.
        assert_eq!(CapabilitySet::DOCKER_DEFAULT.0, 0xa804_25fb);
        assert_eq!(CapabilitySet::DOCKER_DEFAULT.len(), 14);
    }

    #[test]
    fn names_in_any_case_with_or_without_the_prefix() {
        for name in ["NET_ADMIN", "net_admin", "CAP_NET_ADMIN", "cap_Net_Admin"] {
            assert_eq!(Capability::parse(name), Some(Capability::NetAdmin));
        }
        assert_eq!(Capability::parse("CAP_CAP_KILL"), None);
    }

    #[test]
    fn dockers_rules() {
        check("", "ALL", "none");
        check("ALL", "", "all 41");
        check("all", "ALL", "all 41");
        check("kill cap_chown", "all", "CAP_CHOWN, CAP_KILL");
        assert_eq!(apply(&strings("KILL"), &strings("KILL"), false), Ok(CapabilitySet::DOCKER_DEFAULT));
        let without = apply(&[], &strings("MKNOD"), false).unwrap();
        assert_eq!(without.union(CapabilitySet::of(&[Capability::Mknod])), CapabilitySet::DOCKER_DEFAULT);
        assert_eq!(apply(&strings("ALL"), &strings("SYS_TIME"), false).unwrap().len(), 40);
        assert_eq!(apply(&[], &strings("KILL"), true), Ok(CapabilitySet::ALL));
    }

    #[test]
    fn dockers_refusals() {
        check("foo", "", "invalid CapAdd: unknown capability: \"CAP_FOO\"");
        check("", "CAP_ALL", "invalid CapDrop: unknown capability: \"CAP_ALL\"");
        check("nix", "nix", "invalid CapAdd: unknown capability: \"CAP_NIX\"");
        let available = CapabilitySet::ALL.minus(CapabilitySet::of(&[Capability::SysResource]));
        let error = apply_available(&strings("sys_resource"), &[], false, available).unwrap_err().to_string();
        let text = "capability not supported by your kernel or not available in the current environment: \"CAP_SYS_RESOURCE\"";
        assert_eq!(error, format!("invalid CapAdd: {text}"));
        assert_eq!(apply_available(&strings("ALL"), &[], false, available), Ok(available));
    }

    #[test]
    fn serialised_by_name() {
        let set = CapabilitySet::of(&[Capability::Kill, Capability::Bpf]);
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(text, r#"["CAP_KILL","CAP_BPF"]"#);
        assert_eq!(serde_json::from_str::<CapabilitySet>(&text).unwrap(), set);
    }
}
