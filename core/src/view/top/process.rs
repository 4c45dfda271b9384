//! What ps reads of a process and of the machine: proc_pid_stat(5), proc_pid_cmdline(5), proc_stat(5), proc_meminfo(5).

use crate::errno::Errno;
use crate::query::{Answer, Probe, Query, Subject};

/// Clock ticks in a second, as /proc counts them (sysconf(_SC_CLK_TCK), 100 on every Linux that runs containers).
pub(super) const TICKS_PER_SECOND: u64 = 100;

/// What is the same for all rows.
pub(super) struct Machine {
    /// Seconds since it has booted.
    pub uptime_s: u64,
    /// When that was: seconds since 1970.
    pub boot_s: u64,
    /// KiB.
    pub memory_kib: u64,
    /// East of Greenwich.
    pub utc_offset_seconds: i32,
    users: Vec<(u32, String)>,
    groups: Vec<(u32, String)>,
}

/// A row.
pub(super) struct Process {
    pub pid: u32,
    /// Its name: what the kernel calls it.
    pub comm: String,
    /// `S`, `R`, …
    pub state: char,
    /// The fields of /proc/PID/stat after the state: 0 is the parent.
    numbers: Vec<i64>,
    /// Its arguments, with blanks between them.
    pub args: String,
    /// Real, effective, saved, of the file system.
    pub uids: [u32; 4],
    /// The same of its group.
    pub gids: [u32; 4],
    /// KiB of locked pages.
    pub locked_kib: u64,
}

fn read(path: String, probe: &dyn Probe) -> Result<String, Errno> {
    let Answer::Bytes(bytes) = probe.ask(&Query::FileBytes(Subject::Host, path))? else { return Err(Errno::EINVAL) };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The number after a name at the beginning of a line.
fn number_after(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

/// The names of ids in passwd(5) and group(5): the third field is the number.
fn names(text: &str) -> Vec<(u32, String)> {
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_string();
        Some((fields.nth(1)?.parse().ok()?, name))
    };
    text.lines().filter_map(entry).collect()
}

fn name_of(names: &[(u32, String)], id: u32) -> String {
    names.iter().find(|(known, _)| *known == id).map_or_else(|| id.to_string(), |(_, name)| name.clone())
}

impl Machine {
    pub fn look(utc_offset_seconds: i32, probe: &dyn Probe) -> Result<Machine, Errno> {
        let uptime = read("/proc/uptime".into(), probe)?;
        let uptime_s = uptime.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
        // Who has no name is shown by number.
        let file = |path: &str| names(&read(path.into(), probe).unwrap_or_default());
        Ok(Machine {
            uptime_s,
            boot_s: number_after(&read("/proc/stat".into(), probe)?, "btime ").unwrap_or_default(),
            memory_kib: number_after(&read("/proc/meminfo".into(), probe)?, "MemTotal:").unwrap_or_default(),
            utc_offset_seconds,
            users: file("/etc/passwd"),
            groups: file("/etc/group"),
        })
    }

    pub fn user(&self, uid: u32) -> String {
        name_of(&self.users, uid)
    }

    pub fn group(&self, gid: u32) -> String {
        name_of(&self.groups, gid)
    }
}

impl Process {
    /// `None`: it has ended.
    pub fn look(pid: u32, probe: &dyn Probe) -> Option<Process> {
        let stat = read(format!("/proc/{pid}/stat"), probe).ok()?;
        let (name, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let status = read(format!("/proc/{pid}/status"), probe).ok()?;
        let ids = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let mut ids = line.split_whitespace().map(|id| id.parse().unwrap_or_default());
            [(); 4].map(|()| ids.next().unwrap_or_default())
        };
        let args = read(format!("/proc/{pid}/cmdline"), probe).unwrap_or_default();
        Some(Process {
            pid,
            comm: name.split_once('(')?.1.to_string(),
            state,
            numbers: fields.map(|field| field.parse().unwrap_or(0)).collect(),
            args: args.trim_end_matches('\0').replace(['\0', '\n'], " "),
            uids: ids("Uid:"),
            gids: ids("Gid:"),
            locked_kib: number_after(&status, "VmLck:").unwrap_or_default(),
        })
    }

    /// A field of /proc/PID/stat by its number in proc_pid_stat(5): 4 is ppid.
    pub fn field(&self, number: usize) -> i64 {
        self.numbers.get(number.saturating_sub(4)).copied().unwrap_or(0)
    }

    pub fn parent(&self) -> u32 {
        u32::try_from(self.field(4)).unwrap_or_default()
    }

    /// Seconds of processor time: utime and stime.
    pub fn cpu_s(&self) -> u64 {
        u64::try_from(self.field(14) + self.field(15)).unwrap_or_default() / TICKS_PER_SECOND
    }

    /// Seconds between boot and its start.
    pub fn start_s(&self) -> u64 {
        u64::try_from(self.field(22)).unwrap_or_default() / TICKS_PER_SECOND
    }
}
