//! The columns of ps(1), "STANDARD FORMAT SPECIFIERS": names, headings, and what stands in them.

use super::process::{Machine, Process, TICKS_PER_SECOND};

/// A user's name that is longer is cut, as in ps of procps-ng 4.
const USER_WIDTH: usize = 8;
const PAGE_KIB: i64 = 4;
const SECONDS_PER_DAY: u64 = 86_400;
/// What ps knows besides; a name that it does not know either is refused in its words.
pub(super) const KNOWN_TO_PS: &str = "blocked bsdstart caught cgname cgroup cpuid drs eip esp exe fgid fgroup fname fsgid fsgroup ignored ipcns label \
    lsession lstart luid lwp lxc machine mntns netns numa oom ouid pcap pcaps pending pidns pss rbytes rops sched seat \
    sgi_p sgid sgroup sig sigcatch sigignore sigmask size slice spid stackp start supgid supgrp svgid taskset tgid thcgr \
    tid timens tpgid trs uss unit userns utsns wbytes wcbytes wchan wops cuc cuu ag_id ag_nice";

macro_rules! columns {
    ($($column:ident, $heading:literal, $($name:literal)|+;)+) => {
        /// A column.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Column { $($column,)+ }

        /// The column of this name.
        pub(super) fn named(name: &str) -> Option<Column> {
            match name { $($($name)|+ => Some(Column::$column),)+ _ => None }
        }

        /// The names, one for each.
        pub(super) fn names() -> impl Iterator<Item = &'static str> {
            [$([$($name),+][0]),+].into_iter()
        }

        impl Column {
            /// As ps calls it.
            pub fn heading(self) -> &'static str {
                match self { $(Column::$column => $heading,)+ }
            }
        }
    };
}

columns! {
    Pid, "PID", "pid";
    Ppid, "PPID", "ppid";
    Pgid, "PGID", "pgid" | "pgrp";
    Sid, "SID", "sid" | "sess" | "session";
    User, "USER", "user" | "uname";
    UserOfFull, "UID", "uid_name";
    EffectiveUser, "EUSER", "euser";
    RealUser, "RUSER", "ruser";
    SavedUser, "SUSER", "suser" | "svuser";
    FileUser, "FUSER", "fuser" | "fsuser";
    Uid, "UID", "uid";
    EffectiveUid, "EUID", "euid";
    RealUid, "RUID", "ruid";
    SavedUid, "SUID", "suid" | "svuid";
    FileUid, "FUID", "fuid" | "fsuid";
    Group, "GROUP", "group";
    EffectiveGroup, "EGROUP", "egroup";
    RealGroup, "RGROUP", "rgroup";
    Gid, "GID", "gid";
    EffectiveGid, "EGID", "egid";
    RealGid, "RGID", "rgid";
    Comm, "COMMAND", "comm" | "ucomm";
    CommAsCmd, "CMD", "ucmd";
    Cmd, "CMD", "cmd";
    Args, "COMMAND", "args" | "command";
    State, "S", "s" | "state";
    Stat, "STAT", "stat";
    Tty, "TTY", "tname";
    Tt, "TT", "tty" | "tt";
    Time, "TIME", "time" | "cputime";
    TimeSeconds, "TIME", "cputimes" | "times";
    ElapsedSeconds, "ELAPSED", "etimes";
    BsdTime, "TIME", "bsdtime";
    Elapsed, "ELAPSED", "etime";
    StartTime, "START", "start_time";
    Stime, "STIME", "stime";
    C, "C", "c";
    Pcpu, "%CPU", "pcpu" | "%cpu";
    Pmem, "%MEM", "pmem" | "%mem";
    Vsz, "VSZ", "vsz" | "vsize";
    Rss, "RSS", "rss" | "rssize";
    Resident, "RSZ", "rsz";
    Sz, "SZ", "sz";
    Nice, "NI", "ni" | "nice";
    Priority, "PRI", "pri";
    PriorityOfKernel, "PRI", "priority";
    PriorityOfLong, "PRI", "opri" | "intpri";
    Class, "CLS", "cls" | "class";
    Policy, "POL", "policy";
    RealTime, "RTPRIO", "rtprio";
    Threads, "NLWP", "nlwp";
    ThreadCount, "THCNT", "thcount";
    FaultsOfDisk, "MAJFL", "maj_flt" | "majflt" | "pagein";
    Faults, "MINFL", "min_flt" | "minflt";
    Processor, "PSR", "psr";
    Flags, "F", "f" | "flag" | "flags";
}

impl Column {
    /// What stands in it.
    pub(super) fn cell(self, process: &Process, machine: &Machine) -> String {
        let field = |number: usize| process.field(number).to_string();
        match self {
            Column::Pid => process.pid.to_string(),
            Column::Ppid => field(4),
            Column::Pgid => field(5),
            Column::Sid => field(6),
            Column::RealUser => cut(&machine.user(process.uids[0])),
            Column::User | Column::UserOfFull | Column::EffectiveUser => cut(&machine.user(process.uids[1])),
            Column::SavedUser => cut(&machine.user(process.uids[2])),
            Column::FileUser => cut(&machine.user(process.uids[3])),
            Column::RealUid => process.uids[0].to_string(),
            Column::Uid | Column::EffectiveUid => process.uids[1].to_string(),
            Column::SavedUid => process.uids[2].to_string(),
            Column::FileUid => process.uids[3].to_string(),
            Column::RealGroup => cut(&machine.group(process.gids[0])),
            Column::Group | Column::EffectiveGroup => cut(&machine.group(process.gids[1])),
            Column::RealGid => process.gids[0].to_string(),
            Column::Gid | Column::EffectiveGid => process.gids[1].to_string(),
            Column::Comm | Column::CommAsCmd => process.comm.clone() + defunct(process),
            Column::Cmd | Column::Args => command(process),
            Column::State => process.state.to_string(),
            Column::Stat => stat(process),
            Column::Tty | Column::Tt => terminal(process.field(7)),
            Column::Time => clock(process.cpu_s()),
            Column::BsdTime => format!("{}:{:02}", process.cpu_s() / 60, process.cpu_s() % 60),
            Column::Elapsed => elapsed(machine.uptime_s.saturating_sub(process.start_s())),
            Column::StartTime | Column::Stime => started(process, machine),
            Column::C => (permille(process, machine) / 10).min(99).to_string(),
            Column::Pcpu => tenths(permille(process, machine)),
            Column::Pmem => {
                let resident = u64::try_from(process.field(24) * PAGE_KIB).unwrap_or_default();
                tenths((resident * 1000).checked_div(machine.memory_kib).unwrap_or_default().min(999))
            }
            Column::Vsz => (process.field(23) / 1024).to_string(),
            Column::Rss | Column::Resident => (process.field(24) * PAGE_KIB).to_string(),
            Column::Sz => (process.field(23) / 1024 / PAGE_KIB).to_string(),
            Column::Nice => field(19),
            Column::Priority => (39 - process.field(18)).to_string(),
            Column::PriorityOfKernel => field(18),
            Column::PriorityOfLong => (60 + process.field(18)).to_string(),
            Column::Class | Column::Policy => class(process.field(41)).to_string(),
            // Those of the ordinary classes have none.
            Column::RealTime if process.field(40) == 0 => "-".to_string(),
            Column::RealTime => field(40),
            Column::FaultsOfDisk => field(12),
            Column::Faults => field(10),
            Column::TimeSeconds => process.cpu_s().to_string(),
            Column::ElapsedSeconds => machine.uptime_s.saturating_sub(process.start_s()).to_string(),
            Column::Threads | Column::ThreadCount => field(20),
            Column::Processor => field(39),
            // Only what is not 1 << 6 and above: forked but did not exec, used super-user privileges.
            Column::Flags => (process.field(9) >> 6 & 7).to_string(),
        }
    }
}

fn cut(name: &str) -> String {
    if name.chars().count() <= USER_WIDTH { name.to_string() } else { name.chars().take(USER_WIDTH - 1).collect::<String>() + "+" }
}

fn defunct(process: &Process) -> &'static str {
    if process.state == 'Z' { " <defunct>" } else { "" }
}

/// What has no arguments is shown by its name in brackets: a zombie, a thread of the kernel.
fn command(process: &Process) -> String {
    if process.args.is_empty() { format!("[{}]{}", process.comm, defunct(process)) } else { process.args.clone() }
}

/// The state, then: priority, locked pages, session leader, threads, the terminal's foreground group.
fn stat(process: &Process) -> String {
    let mut text = process.state.to_string();
    let nice = process.field(19);
    let marks = [
        (nice < 0, '<'),
        (nice > 0, 'N'),
        (process.locked_kib > 0, 'L'),
        (process.field(6) == i64::from(process.pid), 's'),
        (process.field(20) > 1, 'l'),
        (process.field(8) == process.field(5) && process.field(7) != 0, '+'),
    ];
    text.extend(marks.iter().filter(|(holds, _)| *holds).map(|(_, mark)| *mark));
    text
}

/// The number as the kernel packs it: makedev(3) in 32 bits.
fn terminal(number: i64) -> String {
    let (major, minor) = (number >> 8 & 0xfff, number & 0xff | number >> 12 & 0xfff00);
    match major {
        0 => "?".to_string(),
        4 if minor < 64 => format!("tty{minor}"),
        4 => format!("ttyS{}", minor - 64),
        136..=143 => format!("pts/{}", (major - 136) * 256 + minor),
        _ => "?".to_string(),
    }
}

fn clock(seconds: u64) -> String {
    let (days, rest) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
    let days = if days > 0 { format!("{days}-") } else { String::new() };
    format!("{days}{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

fn elapsed(seconds: u64) -> String {
    if seconds >= 3600 { clock(seconds) } else { format!("{:02}:{:02}", seconds / 60, seconds % 60) }
}

/// Processor time in a thousand parts of the time that it has lived.
fn permille(process: &Process, machine: &Machine) -> u64 {
    let lived = machine.uptime_s.saturating_sub(process.start_s());
    let used_ticks = u64::try_from(process.field(14) + process.field(15)).unwrap_or_default();
    (used_ticks * 1000 / TICKS_PER_SECOND).checked_div(lived).unwrap_or_default()
}

fn tenths(permille: u64) -> String {
    if permille > 999 { (permille / 10).to_string() } else { format!("{}.{}", permille / 10, permille % 10) }
}

/// The scheduling class by its number, sched(7).
fn class(policy: i64) -> &'static str {
    match policy {
        0 => "TS",
        1 => "FF",
        2 => "RR",
        3 => "B",
        4 => "ISO",
        5 => "IDL",
        6 => "DLN",
        _ => "?",
    }
}

/// The time of today, else the day, else the year; in the caller's zone.
fn started(process: &Process, machine: &Machine) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let zone = i64::from(machine.utc_offset_seconds);
    let at = |seconds: u64| time::OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).unwrap_or_default() + zone);
    let (Ok(start), Ok(now)) = (at(machine.boot_s + process.start_s()), at(machine.boot_s + machine.uptime_s)) else {
        return "?".to_string();
    };
    if start.year() != now.year() {
        return start.year().to_string();
    }
    if start.ordinal() != now.ordinal() {
        return format!("{}{:02}", MONTHS[usize::from(u8::from(start.month())) - 1], start.day());
    }
    format!("{:02}:{:02}", start.hour(), start.minute())
}
