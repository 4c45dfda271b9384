//! `docker stats`: what a container uses, computed from the kernel's files as Docker's daemon and client do. Two looks make a row.
//!
//! Called by both kernels' executors for `ShowStats`. What no file tells is shown as `--`: never a number that was not read.

use serde_json::{Map, Value, json};

use super::containers::aligned;
use super::reclaimed::{binary_size, scaled_to};
use super::top::pids;
use crate::cli::NetworkMode;
use crate::model::{Container, ContainerId, State};
use crate::query::{Answer, Probe, Query, Subject};
use crate::step::StatsView;
use crate::template::{Labels, Missing, Template};

/// Between the two looks.
pub const INTERVAL_NS: u64 = 1_000_000_000;
const CONTEXT: Missing = Missing::Struct("*container.statsContext");
const NS_PER_TICK: u64 = 10_000_000;
/// Digits of network and block sizes.
const DIGITS: usize = 3;
const UNKNOWN: &str = "--";
/// The fields of a row, in the order of their names, and what stands over them.
const HEADERS: [(&str, &str); 9] = [
    ("BlockIO", "BLOCK I/O"),
    ("CPUPerc", "CPU %"),
    ("Container", "CONTAINER"),
    ("ID", "CONTAINER ID"),
    ("MemPerc", "MEM %"),
    ("MemUsage", "MEM USAGE / LIMIT"),
    ("Name", "NAME"),
    ("NetIO", "NET I/O"),
    ("PIDs", "PIDS"),
];
/// Those of the table.
const TABLE: [&str; 8] = ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"];

/// One look at a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// It had processes.
    runs: bool,
    /// Nanoseconds of processor time that it has used.
    cpu_ns: Option<u64>,
    /// Nanoseconds that all processors of the machine have passed, busy or not.
    system_ns: u64,
    /// Processors.
    cpus: u64,
    /// Bytes in use but for files that could be dropped, and the limit.
    memory: Option<(u64, u64)>,
    /// Bytes received and sent.
    network: Option<(u64, u64)>,
    /// Bytes read and written.
    block: Option<(u64, u64)>,
    pids: Option<u64>,
}

fn read(path: String, probe: &dyn Probe) -> Option<String> {
    match probe.ask(&Query::FileBytes(Subject::Host, path)) {
        Ok(Answer::Bytes(bytes)) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        _ => None,
    }
}

/// The number after a name at the beginning of a line.
fn number_after(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix([' ', ':'])?.split_whitespace().next()?.parse().ok())
}

impl Sample {
    /// It had processes.
    pub fn runs(&self) -> bool {
        self.runs
    }

    /// Looks at a container. `cpus`: of the machine, where /proc/stat has no line for each.
    pub fn look(container: &Container, cpus: u32, probe: &dyn Probe) -> Sample {
        if !container.state.status.has_process() {
            return Sample::default();
        }
        let stat = read("/proc/stat".into(), probe).unwrap_or_default();
        let passed = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8);
        let counted = stat.lines().skip(1).filter(|line| line.starts_with("cpu")).count() as u64;
        Sample {
            runs: true,
            cpu_ns: cpu_ns(container, probe),
            system_ns: passed.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * NS_PER_TICK,
            cpus: if counted > 0 { counted } else { u64::from(cpus) },
            memory: memory(container, probe),
            network: network(container, probe),
            block: block(container, probe),
            pids: in_cgroups(container, "pids.current", probe).and_then(|text| text.trim().parse().ok()).or_else(|| {
                // Without the controller they are counted.
                pids(container, probe).ok().map(|pids| pids.len() as u64)
            }),
        }
    }
}

/// A file of its cgroups, whichever has it.
fn in_cgroups(container: &Container, name: &str, probe: &dyn Probe) -> Option<String> {
    container.host.cgroups.iter().find_map(|(directory, _)| read(format!("{directory}/{name}"), probe))
}

/// `cpu.stat` (v2), else `cpuacct.usage` (v1), else what its processes have used so far.
fn cpu_ns(container: &Container, probe: &dyn Probe) -> Option<u64> {
    let file = |name: &str| in_cgroups(container, name, probe);
    let unified = file("cpu.stat").and_then(|text| number_after(&text, "usage_usec")).map(|usage| usage * 1000);
    let counted = || file("cpuacct.usage").and_then(|text| text.trim().parse().ok());
    let summed = || {
        let ticks = |pid: &u32| {
            let stat = read(format!("/proc/{pid}/stat"), probe)?;
            let fields: Vec<u64> = stat.rsplit_once(')')?.1.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
            Some(fields.get(11)? + fields.get(12)?)
        };
        Some(pids(container, probe).ok()?.iter().filter_map(ticks).sum::<u64>() * NS_PER_TICK)
    };
    unified.or_else(counted).or_else(summed)
}

/// Of the machine, where there is no limit.
fn memory(container: &Container, probe: &dyn Probe) -> Option<(u64, u64)> {
    let number = |name: &str| in_cgroups(container, name, probe).and_then(|text| text.trim().parse::<u64>().ok());
    let used = number("memory.current").or_else(|| number("memory.usage_in_bytes"))?;
    let stat = in_cgroups(container, "memory.stat", probe).unwrap_or_default();
    let inactive = number_after(&stat, "total_inactive_file").or_else(|| number_after(&stat, "inactive_file")).unwrap_or_default();
    let machine = number_after(&read("/proc/meminfo".into(), probe)?, "MemTotal")? * 1024;
    let limit = number("memory.max").or_else(|| number("memory.limit_in_bytes")).map_or(machine, |limit| limit.min(machine));
    Some((if inactive < used { used - inactive } else { used }, limit))
}

/// Of the interfaces in a network namespace of its own, but for loopback. In the host's Docker counts none.
fn network(container: &Container, probe: &dyn Probe) -> Option<(u64, u64)> {
    if container.host.network == NetworkMode::Host {
        return Some((0, 0));
    }
    let text = read(format!("/proc/{}/net/dev", container.state.pid?), probe)?;
    let interface = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().map(|number| number.parse().unwrap_or(0)).collect();
        (name.trim() != "lo").then_some((*numbers.first()?, *numbers.get(8)?))
    };
    Some(text.lines().skip(2).filter_map(interface).fold((0, 0), |(received, sent), (more, out)| (received + more, sent + out)))
}

/// `io.stat` (v2), `blkio.throttle.io_service_bytes_recursive` (v1, once a disk is limited), else what its processes have had read and
/// written so far.
fn block(container: &Container, probe: &dyn Probe) -> Option<(u64, u64)> {
    let file = |name: &str| in_cgroups(container, name, probe);
    let unified = || file("io.stat").map(|text| unified_bytes(&text));
    let split = || split_bytes(&file("blkio.throttle.io_service_bytes_recursive")?);
    let summed = || {
        let of = |pid: u32| {
            let text = read(format!("/proc/{pid}/io"), probe)?;
            Some((number_after(&text, "read_bytes")?, number_after(&text, "write_bytes")?))
        };
        let all: Vec<(u64, u64)> = pids(container, probe).ok()?.into_iter().filter_map(of).collect();
        (!all.is_empty()).then(|| all.iter().fold((0, 0), |(read, written), (more, out)| (read + more, written + out)))
    };
    unified().or_else(split).or_else(summed)
}

/// A line for each disk: `254:0 rbytes=4096 wbytes=0 …`.
fn unified_bytes(text: &str) -> (u64, u64) {
    let sum = |name: &str| {
        let words = text.split_whitespace().filter_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
        words.sum::<u64>()
    };
    (sum("rbytes"), sum("wbytes"))
}

/// Lines for each disk: `254:0 Read 4096`. Without one the kernel does not count.
fn split_bytes(text: &str) -> Option<(u64, u64)> {
    let numbers = |kind: &str| -> Vec<u64> {
        let of = |line: &str| line.split_once(kind)?.1.trim().parse().ok();
        text.lines().filter_map(of).collect()
    };
    let (read, written) = (numbers(" Read "), numbers(" Write "));
    (!read.is_empty()).then(|| (read.iter().sum(), written.iter().sum()))
}

/// Of a hundred, of one processor.
fn cpu_percent(before: &Sample, after: &Sample) -> Option<f64> {
    let used = after.cpu_ns?.saturating_sub(before.cpu_ns?) as f64;
    let passed = after.system_ns.saturating_sub(before.system_ns) as f64;
    Some(if passed > 0.0 && used > 0.0 { used / passed * after.cpus as f64 * 100.0 } else { 0.0 })
}

/// What a row says, by Docker's names of the fields. `word`: as the caller named it.
fn fields(container: &Container, word: &str, looks: (&Sample, &Sample), no_trunc: bool) -> Value {
    let (before, after) = looks;
    let stopped = !after.runs;
    let percent = |value: Option<f64>| value.map_or_else(|| UNKNOWN.to_string(), |value| format!("{value:.2}%"));
    let pair = |pair: Option<(u64, u64)>, size: &dyn Fn(u64) -> String| {
        pair.map_or_else(|| UNKNOWN.to_string(), |(one, other)| format!("{} / {}", size(one), size(other)))
    };
    let known = |pair: Option<(u64, u64)>| if stopped { Some((0, 0)) } else { pair };
    let decimal = |bytes: u64| scaled_to(bytes, DIGITS);
    let memory = known(after.memory);
    let of_limit = memory.map(|(used, limit)| if limit > 0 { used as f64 / limit as f64 * 100.0 } else { 0.0 });
    let usage = memory.map_or_else(|| format!("{UNKNOWN} / {UNKNOWN}"), |_| pair(memory, &|bytes| binary_size(bytes)));
    let pids = if stopped { Some(0) } else { after.pids };
    let mut all = Map::new();
    for (name, _) in HEADERS {
        let text = match name {
            "BlockIO" => pair(known(after.block), &decimal),
            "CPUPerc" => percent(if stopped { Some(0.0) } else { cpu_percent(before, after) }),
            "Container" => word.to_string(),
            "ID" => if no_trunc { container.id.0.as_str() } else { container.id.short() }.to_string(),
            "MemPerc" => percent(of_limit),
            "MemUsage" => usage.clone(),
            "Name" => container.name.clone(),
            "NetIO" => pair(known(after.network), &decimal),
            _ => pids.map_or_else(|| UNKNOWN.to_string(), |pids| pids.to_string()),
        };
        all.insert(name.to_string(), json!(text));
    }
    Value::Object(all)
}

/// The containers that are shown: those that were named and are still there, or all, the newest first.
pub fn chosen<'a>(view: &StatsView, state: &'a State) -> Vec<(&'a Container, String)> {
    if !view.containers.is_empty() {
        let found = |(id, word): &(ContainerId, String)| Some((state.containers.get(id)?, word.clone()));
        return view.containers.iter().filter_map(found).collect();
    }
    let shown = |container: &&Container| view.all || container.state.status.runs();
    state.newest_first().into_iter().filter(shown).map(|container| (container, container.id.short().to_string())).collect()
}

/// A container with the word for it and two looks at it.
pub type Watched<'a> = (&'a Container, String, Sample, Sample);

/// So Docker's client begins, whether a template cannot be read or asks for what there is not.
const NOT_READ: &str = "template parsing error: ";

/// Whether a template is the client's to refuse, as it does before it looks at any container.
pub fn check_format(format: &str) -> Result<(), String> {
    template(Some(format)).map(drop)
}

/// Whether the lines make a table, and what makes each of them; `None`: the usual table.
fn template(format: Option<&str>) -> Result<Option<(bool, Template)>, String> {
    let (is_table, text) = match format {
        None | Some("table") => return Ok(None),
        Some("json") => (false, "{{json .}}".to_string()),
        Some(format) => match format.strip_prefix("table ") {
            Some(columns) => (true, columns.replace("\\t", "\t").replace("\\n", "\n")),
            None => (false, format.replace("\\t", "\t").replace("\\n", "\n")),
        },
    };
    let read = Template::parse(&text).map_err(|error| format!("{NOT_READ}{}", error.message))?;
    Ok(Some((is_table, read)))
}

/// The table, or a line for each by a template; else what is wrong with that.
pub fn text(rows: &[Watched<'_>], no_trunc: bool, format: Option<&str>) -> Result<String, String> {
    let rows: Vec<Value> =
        rows.iter().map(|(container, word, before, after)| fields(container, word, (before, after), no_trunc)).collect();
    let headers: Value = Value::Object(HEADERS.iter().map(|(name, header)| ((*name).to_string(), json!(header))).collect());
    let Some((is_table, read)) = template(format)? else {
        let cells = |row: &Value| TABLE.iter().map(|name| row[*name].as_str().unwrap_or_default().to_string()).collect();
        let lines: Vec<Vec<String>> = std::iter::once(&headers).chain(&rows).map(cells).collect();
        return Ok(aligned(&lines));
    };
    let line = |row: &Value| {
        let ran = read.run(row, CONTEXT, &Labels::default());
        ran.map_err(|error| format!("{NOT_READ}{}", error.message))
    };
    let shown = if is_table { vec![headers] } else { Vec::new() };
    let lines: Vec<String> = shown.iter().chain(&rows).map(line).collect::<Result<_, _>>()?;
    if is_table {
        let cells: Vec<Vec<String>> = lines.iter().map(|line| line.split('\t').map(str::to_string).collect()).collect();
        return Ok(aligned(&cells));
    }
    Ok(lines.iter().map(|line| format!("{line}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks() -> (Sample, Sample) {
        let before = Sample { runs: true, cpu_ns: Some(1_000), system_ns: 0, cpus: 2, ..Sample::default() };
        let after = Sample {
            runs: true,
            cpu_ns: Some(500_001_000),
            system_ns: 2_000_000_000,
            cpus: 2,
            memory: Some((8 << 20, 64 << 20)),
            network: Some((1_234, 0)),
            block: None,
            pids: Some(3),
        };
        (before, after)
    }

    fn shown(format: Option<&str>) -> String {
        let container = crate::step::samples::container();
        let (before, after) = looks();
        text(&[(&container, container.name.clone(), before, after)], false, format).unwrap()
    }

    #[test]
    fn a_row_is_computed_as_dockers_client_does() {
        let format = "{{.CPUPerc}}|{{.MemUsage}}|{{.MemPerc}}|{{.NetIO}}|{{.BlockIO}}|{{.PIDs}}";
        assert_eq!(shown(Some(format)), "50.00%|8MiB / 64MiB|12.50%|1.23kB / 0B|--|3\n");
        assert!(shown(None).starts_with("CONTAINER ID   NAME"), "{}", shown(None));
        assert!(shown(Some("json")).starts_with("{\"BlockIO\":\"--\",\"CPUPerc\":\"50.00%\",\"Container\":"));
        assert_eq!(shown(Some("table {{.Name}}\\t{{.PIDs}}")).lines().count(), 2);
    }

    #[test]
    fn each_version_tells_bytes_of_disks_in_its_own_way() {
        let unified = "254:0 rbytes=4096 wbytes=512 rios=1 wios=1 dbytes=0 dios=0\n7:0 rbytes=1 wbytes=0 rios=1 wios=0\n";
        assert_eq!((unified_bytes(unified), unified_bytes("")), ((4097, 512), (0, 0)));
        let split = "254:0 Read 4096\n254:0 Write 512\n254:0 Sync 4608\n254:0 Total 4608\n7:0 Read 1\n7:0 Write 0\nTotal 4609\n";
        assert_eq!((split_bytes(split), split_bytes("Total 0\n")), (Some((4097, 512)), None));
    }

    #[test]
    fn one_that_has_ended_uses_nothing() {
        let container = crate::step::samples::container();
        let rows = [(&container, "web".to_string(), Sample::default(), Sample::default())];
        let line = text(&rows, false, Some("{{.CPUPerc}} {{.MemUsage}} {{.NetIO}} {{.PIDs}}")).unwrap();
        assert_eq!(line, "0.00% 0B / 0B 0B / 0B 0\n");
    }
}
