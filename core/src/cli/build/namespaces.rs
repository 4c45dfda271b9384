//! The flags on namespaces, and what Docker's daemon says of those that do not go together.

use std::net::IpAddr;

use super::Call;
use crate::cli::namespaces::{CgroupNamespace, IpcMode, NamespaceSpec, OF_CONTAINER, PidMode, TimeOffsets};
use crate::cli::{Command, FlagUse, UsageError};
use crate::cli::{error, values};

/// What is said on namespaces; the values that the client judges were judged before.
pub(super) fn namespaces(call: &Call<'_>) -> Result<NamespaceSpec, UsageError> {
    let value = |name: &str| call.flag(name).map_or("", |flag| flag.value.as_str());
    let pid = match value("pid") {
        "" => PidMode::Own,
        "host" => PidMode::Host,
        other => PidMode::Container(other.trim_start_matches(OF_CONTAINER).to_string()),
    };
    let cgroup = match value("cgroupns") {
        "private" => Some(CgroupNamespace::Private),
        "host" => Some(CgroupNamespace::Host),
        _ => None,
    };
    let (uts_host, user_host) = (value("uts") == "host", value("userns") == "host");
    let user_own = call.is_on("userns-own");
    Ok(NamespaceSpec { pid, ipc: ipc(call)?, uts_host, cgroup, user_host, user_own, time: time_offsets(call)? })
}

/// `CLOCK=DURATION`, the last one of each clock.
fn time_offsets(call: &Call<'_>) -> Result<TimeOffsets, UsageError> {
    const NS_PER_SECOND: f64 = 1e9;
    let mut offsets = TimeOffsets::default();
    for flag in call.uses("time-offset") {
        let refuse = |why: &str| {
            let message = format!("glassbox: --time-offset {}: {why}", error::echo(&flag.value));
            let next = "glassbox: write a clock and a span of time: --time-offset boottime=240h, --time-offset monotonic=-5m";
            UsageError { message: format!("{message}\n{next}"), exit_code: error::EXIT_FLAG, span: Some(flag.span) }
        };
        let (clock, span) = flag.value.split_once('=').ok_or_else(|| refuse("no clock is named"))?;
        let seconds = values::seconds(span).map_err(|why| refuse(&why))?;
        let offset_ns = (seconds * NS_PER_SECOND) as i64;
        match clock {
            "monotonic" => offsets.monotonic_ns = offset_ns,
            "boottime" => offsets.boottime_ns = offset_ns,
            _ => return Err(refuse("only the clocks monotonic and boottime can be moved")),
        }
    }
    Ok(offsets)
}

fn ipc(call: &Call<'_>) -> Result<IpcMode, UsageError> {
    let Some(flag) = call.flag("ipc") else { return Ok(IpcMode::Private) };
    Ok(match flag.value.as_str() {
        "" | "private" => IpcMode::Private,
        "shareable" => IpcMode::Shareable,
        "none" => IpcMode::None,
        "host" => IpcMode::Host,
        other => match other.strip_prefix(OF_CONTAINER).filter(|name| !name.is_empty()) {
            Some(name) => IpcMode::Container(name.to_string()),
            None => return Err(daemon(call, &format!("invalid IPC mode: {}", error::echo(other)), Some(flag))),
        },
    })
}

/// Whose network namespace a container in another's is in decides of its names, ports and addresses.
const WITH_CONTAINER_NETWORK: &[(&str, &str)] = &[
    ("hostname", "conflicting options: hostname and the network mode"),
    ("link", "conflicting options: container type network can't be used with links. This would result in undefined behavior"),
    ("dns", "conflicting options: dns and the network mode"),
    ("add-host", "conflicting options: custom host-to-IP mapping and the network mode"),
    ("publish", "conflicting options: port publishing and the container type network mode"),
    ("publish-all", "conflicting options: port publishing and the container type network mode"),
    ("expose", "conflicting options: port exposing and the container type network mode"),
];

/// Refuses what the daemon refuses when the request is read, before it looks for the image.
pub(super) fn conflicts(call: &Call<'_>) -> Result<(), UsageError> {
    if !matches!(call.row.key, "run" | "create") {
        return Ok(());
    }
    let said = |name: &str| match name {
        "publish-all" => call.flag(name).filter(|_| call.is_on(name)),
        _ => call.flag(name).filter(|flag| !flag.value.is_empty()),
    };
    let network = call.flag("network").and_then(|flag| flag.value.strip_prefix(OF_CONTAINER).map(|name| (flag, name)));
    if let Some((flag, "")) = network {
        return Err(daemon(call, "invalid network mode: invalid container format container:<name|id>", Some(flag)));
    }
    if network.is_some() {
        for (name, refusal) in WITH_CONTAINER_NETWORK {
            if let Some(flag) = said(name) {
                return Err(daemon(call, refusal, Some(flag)));
            }
        }
    }
    addresses(call)?;
    match said("hostname").filter(|_| call.flag("uts").is_some_and(|flag| flag.value == "host")) {
        Some(flag) => Err(daemon(call, "conflicting options: hostname and the UTS mode", Some(flag))),
        None => Ok(()),
    }
}

/// Addresses are given out on networks that users have made.
fn addresses(call: &Call<'_>) -> Result<(), UsageError> {
    let said = |name: &str| call.flag(name).filter(|flag| !flag.value.is_empty());
    let network = call.flag("network").map_or("default", |flag| flag.value.as_str());
    if !matches!(network, "none" | "host") && !network.starts_with(OF_CONTAINER) {
        return Ok(());
    }
    let Some(flag) = ["ip", "ip6"].into_iter().find_map(said) else { return Ok(()) };
    let mut reasons = vec!["user specified IP address is supported on user defined networks only".to_string()];
    let is_wrong = |flag: &&FlagUse| {
        let read = flag.value.parse::<IpAddr>();
        !matches!((flag.name.as_str(), read), ("ip", Ok(IpAddr::V4(_))) | ("ip6", Ok(IpAddr::V6(_))))
    };
    for wrong in ["ip", "ip6"].into_iter().filter_map(said).filter(is_wrong) {
        let version = if wrong.name == "ip" { 4 } else { 6 };
        reasons.push(format!("invalid IPv{version} address: {}", error::echo(&wrong.value)));
    }
    if !network.starts_with(OF_CONTAINER) {
        let subnets = "user specified IP address is supported only when connecting to networks with user configured subnets";
        reasons.push(subnets.to_string());
    }
    let reasons = match &reasons[..] {
        [one] => one.clone(),
        several => several.iter().map(|reason| format!("* {reason}")).collect::<Vec<_>>().join("\n"),
    };
    let what = format!("invalid config for network {}: invalid endpoint settings:\n{reasons}", error::echo(network));
    Err(daemon(call, &what, Some(flag)))
}

/// `ns`
pub(super) fn compare(call: &Call<'_>, containers: Vec<String>) -> Result<Command, UsageError> {
    let json = match call.flag("format").map(|flag| (flag, flag.value.as_str())) {
        None | Some((_, "" | "table")) => false,
        Some((_, "json")) => true,
        Some((flag, _)) => {
            let what = format!("--format {}", error::echo(&flag.value));
            return Err(error::not_yet(&what, "ns prints a table, or with --format json JSON.", Some(flag.span)));
        }
    };
    Ok(Command::CompareNamespaces { containers, json })
}

/// As the daemon's refusals look: `run` points at its help, `create` does not.
pub(super) fn daemon(call: &Call<'_>, what: &str, flag: Option<&FlagUse>) -> UsageError {
    let reason = format!("Error response from daemon: {what}");
    let span = flag.map(|flag| flag.span);
    match call.row.key {
        "run" => call.frame().value(&reason, span),
        _ => error::bare(&reason, span),
    }
}
