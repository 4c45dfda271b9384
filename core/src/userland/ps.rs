//! ps: the processes that /proc shows, from /proc/N/stat, cmdline and status (proc_pid_stat(5)).

use super::identity::name_of;
use super::tool::Context;

/// Clock ticks in a second, as /proc counts them (sysconf(_SC_CLK_TCK), 100 on every Linux that runs containers).
const TICKS_PER_SECOND: u64 = 100;
/// Bytes of a page, the unit of the resident size.
const PAGE_KIB: u64 = 4;

/// A column: its name for -o, its heading, its width (0: as long as it is), aligned right or not.
struct Column {
    name: &'static str,
    heading: &'static str,
    width: usize,
    right: bool,
}

const fn column(name: &'static str, heading: &'static str, width: usize, right: bool) -> Column {
    Column { name, heading, width, right }
}

const COLUMNS: &[Column] = &[
    column("pid", "PID", 5, true),
    column("ppid", "PPID", 5, true),
    column("pgid", "PGID", 5, true),
    column("user", "USER", 8, false),
    column("stat", "STAT", 4, false),
    column("time", "TIME", 6, true),
    column("vsz", "VSZ", 8, true),
    column("rss", "RSS", 6, true),
    column("comm", "COMMAND", 16, false),
    column("args", "COMMAND", 0, false),
];

struct Process {
    pid: u64,
    comm: String,
    state: String,
    /// The fields of /proc/N/stat after the name and the state: 0 is ppid.
    numbers: Vec<i64>,
    args: String,
    user: String,
}

/// ps(1): all processes of the pid namespace; `aux`, `-ef`, `-o COLUMNS`.
pub(crate) fn ps(context: &mut Context<'_>, args: &[String]) -> i32 {
    let names = match wanted(args) {
        Ok(names) => names,
        Err(message) => return context.fail(&message),
    };
    let columns: Option<Vec<&Column>> = names.iter().map(|name| COLUMNS.iter().find(|column| column.name == name)).collect();
    let Some(columns) = columns else {
        return context.fail("bad -o argument, known are: pid,ppid,pgid,user,stat,time,vsz,rss,comm,args");
    };
    let processes = match processes(context) {
        Ok(processes) => processes,
        Err(errno) => return context.fail_with("/proc", errno),
    };
    let heading: Vec<String> = columns.iter().map(|column| column.heading.to_string()).collect();
    line(context, &columns, &heading);
    for process in &processes {
        let cells: Vec<String> = columns.iter().map(|column| process.cell(column.name)).collect();
        line(context, &columns, &cells);
    }
    0
}

fn wanted(args: &[String]) -> Result<Vec<String>, String> {
    let split = |text: &str| text.split(',').map(|name| if name == "cmd" { "args" } else { name }.to_string()).collect::<Vec<_>>();
    let mut columns = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-o" => columns.extend(split(rest.next().ok_or("option requires an argument -- 'o'")?)),
            "aux" | "-aux" | "ax" | "auxw" | "auxww" => columns = split("user,pid,vsz,rss,stat,time,args"),
            "-ef" | "-f" => columns = split("user,pid,ppid,stat,time,args"),
            "-e" | "-A" | "-a" | "-w" => {}
            _ => match arg.strip_prefix("-eo").or_else(|| arg.strip_prefix("-o")) {
                Some("") => columns.extend(split(rest.next().ok_or("option requires an argument -- 'o'")?)),
                Some(list) => columns.extend(split(list)),
                None => return Err(format!("unrecognized option '{arg}'")),
            },
        }
    }
    Ok(if columns.is_empty() { split("pid,user,time,args") } else { columns })
}

fn line(context: &mut Context<'_>, columns: &[&Column], cells: &[String]) {
    let mut text = String::new();
    for (index, (column, cell)) in columns.iter().zip(cells).enumerate() {
        let last = index + 1 == columns.len();
        let missing = " ".repeat(column.width.saturating_sub(cell.chars().count()));
        text += if index > 0 { " " } else { "" };
        text += if column.right { &missing } else { "" };
        text += cell;
        text += if column.right || last { "" } else { &missing };
    }
    context.out.out(&(text + "\n"));
}

fn processes(context: &mut Context<'_>) -> Result<Vec<Process>, crate::errno::Errno> {
    let mut pids: Vec<u64> = context.sys.read_dir("/proc")?.iter().filter_map(|entry| entry.name.parse().ok()).collect();
    pids.sort_unstable();
    let users = context.read_text("/etc/passwd").unwrap_or_default();
    Ok(pids.into_iter().filter_map(|pid| process(context, pid, &users)).collect())
}

/// `None`: it ended meanwhile.
fn process(context: &mut Context<'_>, pid: u64, users: &str) -> Option<Process> {
    let stat = context.read_text(&format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.rsplit_once(')')?;
    let comm = name.split_once('(')?.1.to_string();
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.to_string();
    let numbers: Vec<i64> = fields.map(|field| field.parse().unwrap_or(0)).collect();
    let command_line = context.read_text(&format!("/proc/{pid}/cmdline")).ok()?;
    let args = command_line.trim_end_matches('\0').replace('\0', " ");
    let status = context.read_text(&format!("/proc/{pid}/status")).ok()?;
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1)?.parse::<u32>().ok());
    let user = uid.map_or_else(|| "?".to_string(), |uid| name_of(users, uid).unwrap_or_else(|| uid.to_string()));
    Some(Process { pid, args: if args.is_empty() { format!("[{comm}]") } else { args }, comm, state, numbers, user })
}

impl Process {
    fn number(&self, index: usize) -> i64 {
        self.numbers.get(index).copied().unwrap_or(0)
    }

    fn cell(&self, column: &str) -> String {
        match column {
            "pid" => self.pid.to_string(),
            "ppid" => self.number(0).to_string(),
            "pgid" => self.number(1).to_string(),
            "user" => self.user.clone(),
            "stat" => self.stat(),
            "time" => {
                let seconds = (self.number(10) + self.number(11)) as u64 / TICKS_PER_SECOND;
                format!("{}:{:02}", seconds / 60, seconds % 60)
            }
            "vsz" => (self.number(19) as u64 / 1024).to_string(),
            "rss" => (self.number(20).max(0) as u64 * PAGE_KIB).to_string(),
            "comm" => self.comm.clone(),
            _ => self.args.clone(),
        }
    }

    /// The state, `s` for a session's leader, `+` for the terminal's foreground group.
    fn stat(&self) -> String {
        let leader = if self.number(2) == self.pid as i64 { "s" } else { "" };
        let foreground = if self.number(4) > 0 && self.number(4) == self.number(1) { "+" } else { "" };
        [self.state.as_str(), leader, foreground].concat()
    }
}
