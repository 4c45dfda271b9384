//! The flags of the commands on containers that exist: `exec`, `ps`, `start`, `stop`, `kill`, `rm`, `logs`, `inspect`.

use super::{FlagRow, Kind};

const EXEC: &[&str] = &["exec"];
const PS: &[&str] = &["ps"];
const ATTACH: &[&str] = &["attach"];
const START: &[&str] = &["start"];
const STOP: &[&str] = &["stop", "restart"];
const UPDATE: &[&str] = &["update"];
const PRUNE: &[&str] = &["container prune"];
const CP: &[&str] = &["cp"];
const RM: &[&str] = &["rm"];
const LOGS: &[&str] = &["logs"];
const STATS: &[&str] = &["stats"];
const EVENTS: &[&str] = &["events"];
const NS: &[&str] = &["ns"];
const INSPECT: &[&str] = &["inspect", "container inspect"];

/// The rows.
pub(super) const ROWS: &[FlagRow] = &[
    FlagRow::new("detach", Kind::Bool, EXEC, "Leave the program in the background", "-d").short('d').carried_out(),
    FlagRow::new("detach-keys", Kind::Text, EXEC, "Keys that let go of the terminal", "--detach-keys ctrl-x,x").carried_out(),
    FlagRow::new("env", Kind::Env, EXEC, "Set an environment variable; without a value, hand on the caller's", "-e LEVEL=debug")
        .short('e')
        .carried_out(),
    FlagRow::new("env-file", Kind::List, EXEC, "Set the environment variables that a file lists", "--env-file app.env")
        .carried_out(),
    FlagRow::new("interactive", Kind::Bool, EXEC, "Keep the program's input open", "-i").short('i').carried_out(),
    FlagRow::new("privileged", Kind::Bool, EXEC, "Give the program every capability", "--privileged").carried_out(),
    FlagRow::new("tty", Kind::Bool, EXEC, "Give the program a terminal", "-t").short('t').carried_out(),
    FlagRow::new("user", Kind::Text, EXEC, "Run as this user, and group: name or number", "-u 1000:1000").short('u').carried_out(),
    FlagRow::new("workdir", Kind::Text, EXEC, "Start in this directory of the container", "-w /tmp").short('w').carried_out(),
    FlagRow::new("all", Kind::Bool, PS, "Show the ended ones too", "-a").short('a').carried_out(),
    FlagRow::new("filter", Kind::Filter, PS, "Show only those that fit", "-f status=exited").short('f').carried_out(),
    FlagRow::new("format", Kind::Text, PS, "Print by a template", "--format json").carried_out(),
    FlagRow::new("last", Kind::Int, PS, "Show the last so many made, in any state", "-n 3").short('n').default("-1").carried_out(),
    FlagRow::new("latest", Kind::Bool, PS, "Show the last one made, in any state", "-l").short('l').carried_out(),
    FlagRow::new("no-trunc", Kind::Bool, PS, "Print ids and commands in full", "--no-trunc").carried_out(),
    FlagRow::new("quiet", Kind::Bool, PS, "Print ids only", "-q").short('q').carried_out(),
    FlagRow::new("size", Kind::Bool, PS, "Print how much each has written", "-s").short('s').carried_out(),
    FlagRow::new("format", Kind::Text, NS, "table, or json: one object on each line", "--format json").carried_out(),
    FlagRow::new("attach", Kind::Bool, START, "Show its output here, hand signals on", "-a").short('a').carried_out(),
    FlagRow::new("checkpoint", Kind::Text, START, "Go on from this checkpoint", "--checkpoint before").hidden(""),
    FlagRow::new("checkpoint-dir", Kind::Text, START, "Where checkpoints are kept", "--checkpoint-dir /var/tmp").hidden(""),
    FlagRow::new("detach-keys", Kind::Text, START, "Keys that let go of the terminal", "--detach-keys ctrl-x,x").carried_out(),
    FlagRow::new("detach-keys", Kind::Text, ATTACH, "Keys that let go of the terminal", "--detach-keys ctrl-x,x").carried_out(),
    FlagRow::new("no-stdin", Kind::Bool, ATTACH, "Keep the input here", "--no-stdin").carried_out(),
    FlagRow::new("sig-proxy", Kind::Bool, ATTACH, "Hand signals on to the program", "--sig-proxy=false")
        .default("true")
        .carried_out(),
    FlagRow::new("interactive", Kind::Bool, START, "Hand the input here to it", "-i").short('i').carried_out(),
    FlagRow::new("signal", Kind::Text, STOP, "The signal to ask with", "-s SIGINT").short('s').carried_out(),
    FlagRow::new("timeout", Kind::Int, STOP, "Seconds until it is ended by force; -1: never", "-t 3")
        .short('t')
        .default("0")
        .carried_out(),
    FlagRow::new("time", Kind::Int, STOP, "Old name of --timeout", "--time 3")
        .hidden("timeout")
        .deprecated("use --timeout instead")
        .carried_out(),
    FlagRow::new("signal", Kind::Text, &["kill"], "The signal to send", "-s HUP").short('s').default("KILL").carried_out(),
    FlagRow::new("force", Kind::Bool, RM, "End it first if it runs", "-f").short('f').carried_out(),
    FlagRow::new("link", Kind::Bool, RM, "Delete the named link", "-l").short('l'),
    FlagRow::new("volumes", Kind::Bool, RM, "Delete its unnamed volumes with it", "-v").short('v').carried_out(),
    FlagRow::new("archive", Kind::Bool, CP, "Copies into a container belong to its user", "-a").short('a').carried_out(),
    FlagRow::new("follow-link", Kind::Bool, CP, "Copy what a link leads to, not the link", "-L").short('L').carried_out(),
    FlagRow::new("quiet", Kind::Bool, CP, "Do not tell how much was copied", "-q").short('q').carried_out(),
    FlagRow::new("filter", Kind::Filter, PRUNE, "Delete only those that fit", "--filter label=old").carried_out(),
    FlagRow::new("force", Kind::Bool, PRUNE, "Do not ask", "-f").short('f').carried_out(),
    FlagRow::new("blkio-weight", Kind::Uint16, UPDATE, "Share of disk time, 10 to 1000", "--blkio-weight 300")
        .default("0")
        .carried_out(),
    FlagRow::new("cpu-period", Kind::Int, UPDATE, "Length of a scheduling period, microseconds", "--cpu-period 100000")
        .carried_out(),
    FlagRow::new("cpu-quota", Kind::Int, UPDATE, "Processor time in each period, microseconds", "--cpu-quota 50000").carried_out(),
    FlagRow::new("cpu-rt-period", Kind::Int, UPDATE, "Length of a real-time period, microseconds", "--cpu-rt-period 1000000")
        .carried_out(),
    FlagRow::new("cpu-rt-runtime", Kind::Int, UPDATE, "Real-time time in each period, microseconds", "--cpu-rt-runtime 950000")
        .carried_out(),
    FlagRow::new("cpu-shares", Kind::Int, UPDATE, "Share of processor time when others want it too", "-c 512")
        .short('c')
        .carried_out(),
    FlagRow::new("cpus", Kind::Decimal, UPDATE, "At most so many processors", "--cpus 1.5").carried_out(),
    FlagRow::new("cpuset-cpus", Kind::Text, UPDATE, "Only these processors", "--cpuset-cpus 0-3").carried_out(),
    FlagRow::new("cpuset-mems", Kind::Text, UPDATE, "Only memory of these nodes", "--cpuset-mems 0,1").carried_out(),
    FlagRow::new("memory", Kind::Bytes, UPDATE, "At most so much memory", "-m 64m").short('m').carried_out(),
    FlagRow::new(
        "memory-reservation",
        Kind::Bytes,
        UPDATE,
        "Memory to keep within when others want it too",
        "--memory-reservation 32m",
    )
    .carried_out(),
    FlagRow::new(
        "memory-swap",
        Kind::SwapBytes,
        UPDATE,
        "At most so much memory and swap together; -1: no limit",
        "--memory-swap 128m",
    )
    .carried_out(),
    FlagRow::new("pids-limit", Kind::Int, UPDATE, "At most so many processes; -1: no limit", "--pids-limit 50").carried_out(),
    FlagRow::new("restart", Kind::Text, UPDATE, "What to do when it ends", "--restart always").carried_out(),
    FlagRow::new("details", Kind::Bool, LOGS, "Print the attributes given to the log", "--details").carried_out(),
    FlagRow::new("follow", Kind::Bool, LOGS, "Go on printing until the container ends", "-f").short('f').carried_out(),
    FlagRow::new("since", Kind::Text, LOGS, "Only lines from this time on", "--since 10m").carried_out(),
    FlagRow::new("tail", Kind::Text, LOGS, "Only the last so many lines", "-n 20").short('n').default("all").carried_out(),
    FlagRow::new("timestamps", Kind::Bool, LOGS, "Print the time of each line", "-t").short('t').carried_out(),
    FlagRow::new("until", Kind::Text, LOGS, "Only lines before this time", "--until 10m").carried_out(),
    FlagRow::new("all", Kind::Bool, STATS, "Also those that do not run", "-a").short('a').carried_out(),
    FlagRow::new("format", Kind::Text, STATS, "Print by a template, as a table or as json", "--format json").carried_out(),
    FlagRow::new("no-stream", Kind::Bool, STATS, "Look once and end", "--no-stream").carried_out(),
    FlagRow::new("no-trunc", Kind::Bool, STATS, "Print ids in full", "--no-trunc").carried_out(),
    FlagRow::new("filter", Kind::Filter, EVENTS, "Only those that fit", "-f event=die").short('f').carried_out(),
    FlagRow::new("format", Kind::Text, EVENTS, "Print each by a template, or as json", "--format json").carried_out(),
    FlagRow::new("since", Kind::Text, EVENTS, "Also what has happened since this time", "--since 10m").carried_out(),
    FlagRow::new("until", Kind::Text, EVENTS, "Only until this time, and end then", "--until 10m").carried_out(),
    FlagRow::new("format", Kind::Text, INSPECT, "Print by a template", "-f '{{.Name}}'").short('f').carried_out(),
    FlagRow::new("size", Kind::Bool, INSPECT, "Add how much each has written", "-s").short('s').carried_out(),
    FlagRow::new("type", Kind::Text, &["inspect"], "Look among things of this type only", "--type container").carried_out(),
    FlagRow::new("format", Kind::Text, &["info", "version"], "Print by a template", "-f json").short('f').carried_out(),
];
