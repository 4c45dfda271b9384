//! `Attempt`: a system call that is made to see what the kernel answers, chosen so that it does no harm where it is allowed.
//!
//! Made by the program `syscall`, answered by both kernels, and judged by `why` without being made. Each has one row that says what
//! the kernel asks for: the call as seccomp sees it, the capability, over whose namespace.

use serde::{Deserialize, Serialize};

use super::options::Options;
use super::tool::Context;
use crate::device::DeviceKind;
use crate::errno::Errno;
use crate::oci::capability::Capability;
use crate::step::NamespaceKind;

/// What is attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Attempt {
    /// Mount an empty tmpfs on /tmp.
    Mount,
    /// Take /dev/mqueue off.
    Umount,
    /// A new UTS namespace.
    Unshare,
    /// A new user namespace.
    UnshareUser,
    /// Enter the own UTS namespace again.
    Setns,
    /// Make `/` the root once more.
    Chroot,
    /// Change the root for itself, which is busy where it is allowed.
    PivotRoot,
    /// The host name `glassbox`.
    Sethostname,
    /// A node like /dev/null in /tmp, which is removed again.
    Mknod,
    /// With numbers that the kernel refuses.
    Reboot,
    /// With a time zone that no place has.
    Settimeofday,
    /// The number of a keyring that is not there.
    Keyctl,
    /// Without random addresses.
    Personality,
    /// Swap to a file that is not there.
    Swapon,
    /// More urgent than usual.
    Setpriority,
    /// A socket that sees whole packets.
    SocketRaw,
    /// A socket to the hypervisor.
    SocketVsock,
    /// Without arguments.
    Clone3,
    /// Open a setting below /proc/sys for writing.
    WriteProcSys,
    /// Make a file in the root directory, which is removed again.
    WriteRoot,
    /// Make a node of the kernel's log in /tmp, open it for writing, and remove it.
    OpenDevice,
}

/// Over what a capability has to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The machine: its first user namespace.
    Machine,
    /// The user namespace that owns the process's own namespace of this kind.
    Own(NamespaceKind),
}

/// What the kernel asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The word for it.
    pub word: &'static str,
    /// As strace shows it.
    pub shown: &'static str,
    /// The call's name, as seccomp profiles have it.
    pub call: &'static str,
    /// Its first two arguments.
    pub arguments: [u64; 2],
    /// What has to be held, and over what; `None`: nothing.
    pub capability: Option<(Capability, Over)>,
    /// The answer without it.
    pub refusal: Errno,
    /// The answer where nothing stands in the way; `None`: it is done.
    pub answer: Option<Errno>,
}

/// CLONE_NEWUTS and CLONE_NEWUSER.
const NEW_UTS: u64 = 0x0400_0000;
const NEW_USER: u64 = 0x1000_0000;
/// ADDR_NO_RANDOMIZE
const NO_RANDOM_ADDRESSES: u64 = 0x4_0000;
/// Where an own namespace is asked for.
const OWN_MOUNTS: Over = Over::Own(NamespaceKind::Mount);

const fn demand(word: &'static str, shown: &'static str, call: &'static str) -> Demand {
    Demand { word, shown, call, arguments: [0; 2], capability: None, refusal: Errno::EPERM, answer: None }
}

const fn needs(demand: Demand, capability: Capability, over: Over) -> Demand {
    Demand { capability: Some((capability, over)), ..demand }
}

impl Attempt {
    /// All, in the order of their words.
    pub const ALL: [Attempt; 21] = [
        Attempt::Chroot,
        Attempt::Clone3,
        Attempt::Keyctl,
        Attempt::Mknod,
        Attempt::Mount,
        Attempt::OpenDevice,
        Attempt::Personality,
        Attempt::PivotRoot,
        Attempt::Reboot,
        Attempt::Sethostname,
        Attempt::Setns,
        Attempt::Setpriority,
        Attempt::Settimeofday,
        Attempt::SocketRaw,
        Attempt::SocketVsock,
        Attempt::Swapon,
        Attempt::Umount,
        Attempt::Unshare,
        Attempt::UnshareUser,
        Attempt::WriteProcSys,
        Attempt::WriteRoot,
    ];

    /// By its word.
    pub fn named(word: &str) -> Option<Attempt> {
        Attempt::ALL.into_iter().find(|attempt| attempt.demand().word == word)
    }

    /// What the kernel asks for. Sources: the man pages of the calls, and for their order the kernel's own.
    pub fn demand(self) -> Demand {
        use Attempt::*;
        use Capability::{Mknod as MakeNodes, NetRaw, SysAdmin, SysBoot, SysChroot, SysNice, SysTime};
        match self {
            Mount => needs(demand("mount", "mount(\"none\", \"/tmp\", \"tmpfs\", 0, NULL)", "mount"), SysAdmin, OWN_MOUNTS),
            Umount => needs(demand("umount", "umount2(\"/dev/mqueue\", MNT_DETACH)", "umount2"), SysAdmin, OWN_MOUNTS),
            Unshare => {
                let row = Demand { arguments: [NEW_UTS, 0], ..demand("unshare", "unshare(CLONE_NEWUTS)", "unshare") };
                needs(row, SysAdmin, Over::Own(NamespaceKind::User))
            }
            UnshareUser => Demand { arguments: [NEW_USER, 0], ..demand("unshare-user", "unshare(CLONE_NEWUSER)", "unshare") },
            Setns => needs(
                demand("setns", "setns(\"/proc/self/ns/uts\", CLONE_NEWUTS)", "setns"),
                SysAdmin,
                Over::Own(NamespaceKind::Uts),
            ),
            Chroot => needs(demand("chroot", "chroot(\"/\")", "chroot"), SysChroot, Over::Own(NamespaceKind::User)),
            PivotRoot => {
                let row = needs(demand("pivot_root", "pivot_root(\"/\", \"/\")", "pivot_root"), SysAdmin, OWN_MOUNTS);
                Demand { answer: Some(Errno::EBUSY), ..row }
            }
            Sethostname => {
                let row = demand("sethostname", "sethostname(\"glassbox\", 8)", "sethostname");
                needs(row, SysAdmin, Over::Own(NamespaceKind::Uts))
            }
            Mknod => {
                needs(demand("mknod", "mknod(\"/tmp/.null\", S_IFCHR|0600, makedev(1, 3))", "mknod"), MakeNodes, Over::Machine)
            }
            Reboot => {
                let row = needs(demand("reboot", "reboot(0, 0, 0, NULL)", "reboot"), SysBoot, Over::Own(NamespaceKind::Pid));
                Demand { answer: Some(Errno::EINVAL), ..row }
            }
            Settimeofday => {
                let row = demand("settimeofday", "settimeofday(NULL, {tz_minuteswest=100000, tz_dsttime=0})", "settimeofday");
                Demand { answer: Some(Errno::EINVAL), ..needs(row, SysTime, Over::Machine) }
            }
            Keyctl => {
                let row = demand("keyctl", "keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0)", "keyctl");
                Demand { answer: Some(Errno::ENOKEY), ..row }
            }
            Personality => {
                let row = demand("personality", "personality(PER_LINUX|ADDR_NO_RANDOMIZE)", "personality");
                Demand { arguments: [NO_RANDOM_ADDRESSES, 0], ..row }
            }
            Swapon => {
                let row = needs(demand("swapon", "swapon(\"/nowhere\", 0)", "swapon"), SysAdmin, Over::Machine);
                Demand { answer: Some(Errno::ENOENT), ..row }
            }
            Setpriority => {
                let row = demand("setpriority", "setpriority(PRIO_PROCESS, 0, -5)", "setpriority");
                Demand { refusal: Errno::EACCES, ..needs(row, SysNice, Over::Machine) }
            }
            SocketRaw => {
                let row = Demand { arguments: [2, 3], ..demand("socket-raw", "socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)", "socket") };
                needs(row, NetRaw, Over::Own(NamespaceKind::Network))
            }
            SocketVsock => {
                let row = demand("socket-vsock", "socket(AF_VSOCK, SOCK_STREAM, 0)", "socket");
                Demand { arguments: [40, 1], answer: Some(Errno::EAFNOSUPPORT), ..row }
            }
            WriteProcSys => demand("write-proc-sys", "open(\"/proc/sys/kernel/hostname\", O_WRONLY)", "open"),
            WriteRoot => demand("write-root", "open(\"/.glassbox\", O_WRONLY|O_CREAT, 0600)", "open"),
            OpenDevice => {
                let row = demand("open-device", "open(\"/tmp/.log\" (c 1:11), O_WRONLY)", "open");
                needs(row, MakeNodes, Over::Machine)
            }
            Clone3 => Demand { answer: Some(Errno::EINVAL), ..demand("clone3", "clone3(NULL, 0)", "clone3") },
        }
    }
}

/// `syscall WORD…`: makes each call and says, as strace does, what the kernel answered. Status 1 if one was refused.
pub(crate) fn syscall(context: &mut Context<'_>, args: &[String]) -> i32 {
    let mut status = 0;
    if args.is_empty() {
        let words: Vec<&str> = Attempt::ALL.iter().map(|attempt| attempt.demand().word).collect();
        return context.fail(&format!("usage: syscall WORD…, of: {}", words.join(" ")));
    }
    for word in args {
        let Some(attempt) = Attempt::named(word) else {
            return context.fail(&format!("{word}: not known"));
        };
        let answer = match context.sys.attempt(attempt) {
            Ok(()) => "0".to_string(),
            Err(errno) => {
                status = 1;
                format!("-1 {} ({})", errno.name(), errno.sentence())
            }
        };
        context.out.out(&format!("{} = {answer}\n", attempt.demand().shown));
    }
    status
}

/// `mknod NAME c|b MAJOR MINOR`
pub(crate) fn mknod(context: &mut Context<'_>, args: &[String]) -> i32 {
    let options = match Options::parse(args, "m:") {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    let usage = "usage: mknod [-m MODE] NAME c|b MAJOR MINOR";
    let [name, kind, major, minor] = &options.operands[..] else { return context.fail(usage) };
    let kind = match kind.as_str() {
        "c" | "u" => DeviceKind::Char,
        "b" => DeviceKind::Block,
        _ => return context.fail(usage),
    };
    let mode = u32::from_str_radix(options.value('m').unwrap_or("666"), 8);
    let (Ok(major), Ok(minor), Ok(mode)) = (major.parse(), minor.parse(), mode) else { return context.fail(usage) };
    match context.sys.mknod(name, kind, (major, minor), mode) {
        Ok(()) => 0,
        Err(errno) => context.fail_with(name, errno),
    }
}
