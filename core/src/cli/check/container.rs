//! The checks of `run` and `create`: values that are read after all flags, and flags that do not go together.

use super::super::error;
use super::super::front::Call;
use super::super::values::{self, ports};
use super::{network, platform};
use crate::cli::{FlagUse, Span, UsageError};
use crate::reference::Reference;

/// A check of one flag's value.
type Check = fn(&str) -> Result<(), String>;

/// In the client's order; between the two halves it reads the environment's files.
const FIRST: &[(&str, Check)] = &[
    ("pull", pull),
    ("mac-address", mac_address),
    ("memory-swappiness", swappiness),
    ("volume", ports::volume),
    ("publish", ports::publish),
    ("expose", ports::expose),
    ("device", ports::device),
];
const SECOND: &[(&str, Check)] = &[("pid", pid), ("uts", uts), ("userns", userns), ("cgroupns", cgroupns), ("restart", restart)];
const THIRD: &[(&str, Check)] = &[("security-opt", security), ("storage-opt", storage)];

/// Refuses what the client refuses.
pub(super) fn accepts(call: &Call<'_>) -> Result<(), UsageError> {
    each(call, FIRST)?;
    each(call, SECOND)?;
    logging(call)?;
    each(call, THIRD)?;
    health(call)?;
    if let Some(flag) = call.flag("restart").filter(|flag| call.is_on("rm") && restarts(&flag.value)) {
        return Err(refused(call, flag, "conflicting options: cannot specify both --restart and --rm"));
    }
    network::accepts(call)?;
    attached(call)?;
    image(call)
}

/// Lists are checked value by value, other flags by their last.
fn each(call: &Call<'_>, checks: &[(&str, Check)]) -> Result<(), UsageError> {
    for (name, check) in checks {
        let list = matches!(*name, "volume" | "publish" | "expose" | "device" | "security-opt" | "storage-opt");
        let all = call.uses(name).collect::<Vec<_>>();
        let skipped = if list { 0 } else { all.len().saturating_sub(1) };
        for flag in all.into_iter().skip(skipped) {
            check(&flag.value).map_err(|reason| refused(call, flag, &reason))?;
        }
    }
    Ok(())
}

fn refused(call: &Call<'_>, flag: &FlagUse, reason: &str) -> UsageError {
    call.frame().value(&error::echo(reason), Some(flag.span))
}

fn pull(value: &str) -> Result<(), String> {
    match value {
        "always" | "missing" | "never" | "" => Ok(()),
        _ => Err(format!("invalid pull option: '{value}': must be one of \"always\", \"missing\" or \"never\"")),
    }
}

/// Six, eight or twenty bytes with colons or dashes between them, or in groups of two with dots.
fn is_mac_address(value: &str) -> bool {
    let groups = |mark: char, digits: usize| {
        let count = value.split(mark).count() * digits / 2;
        let right = |group: &str| group.len() == digits && group.bytes().all(|byte| byte.is_ascii_hexdigit());
        matches!(count, 6 | 8 | 20) && value.split(mark).all(right)
    };
    groups(':', 2) || groups('-', 2) || groups('.', 4)
}

pub(super) fn mac_address(value: &str) -> Result<(), String> {
    match value.is_empty() || is_mac_address(value.trim()) {
        true => Ok(()),
        false => Err(format!("{value} is not a valid mac address")),
    }
}

fn swappiness(value: &str) -> Result<(), String> {
    match values::int(value) {
        Ok(number) if !(-1..=100).contains(&number) => {
            Err(format!("invalid value: {number}. Valid memory swappiness range is 0-100"))
        }
        _ => Ok(()),
    }
}

fn one_of(value: &str, known: &[&str], refusal: &str) -> Result<(), String> {
    if known.contains(&value) { Ok(()) } else { Err(refusal.to_string()) }
}

fn pid(value: &str) -> Result<(), String> {
    match value.strip_prefix("container:") {
        Some(name) if !name.is_empty() => Ok(()),
        _ => one_of(value, &["", "host"], "--pid: invalid PID mode"),
    }
}

fn uts(value: &str) -> Result<(), String> {
    one_of(value, &["", "host"], "--uts: invalid UTS mode")
}

fn userns(value: &str) -> Result<(), String> {
    one_of(value, &["", "host"], "--userns: invalid USER mode")
}

fn cgroupns(value: &str) -> Result<(), String> {
    one_of(value, &["", "host", "private"], "--cgroupns: invalid CGROUP mode")
}

fn restart(value: &str) -> Result<(), String> {
    let Some((policy, count)) = value.split_once(':') else {
        return Ok(());
    };
    if policy.is_empty() {
        return Err("invalid restart policy format: no policy provided before colon".to_string());
    }
    match count.is_empty() || values::int_of(count, 10).is_ok() {
        true => Ok(()),
        false => Err("invalid restart policy format: maximum retry count must be an integer".to_string()),
    }
}

fn restarts(value: &str) -> bool {
    !matches!(value.split(':').next(), Some("" | "no"))
}

/// Every option but one has a value; what the value means is for the daemon, or for a file that core does not read.
fn security(value: &str) -> Result<(), String> {
    let (key, rest) = value.split_once('=').or_else(|| value.split_once(':')).unwrap_or((value, ""));
    match rest.is_empty() && key != "no-new-privileges" {
        true => Err(format!("Invalid --security-opt: {}", error::quote(value))),
        false => Ok(()),
    }
}

fn storage(value: &str) -> Result<(), String> {
    if value.contains('=') { Ok(()) } else { Err("invalid storage option".to_string()) }
}

fn logging(call: &Call<'_>) -> Result<(), UsageError> {
    match (call.flag("log-driver"), call.flag("log-opt")) {
        (Some(driver), Some(option)) if driver.value == "none" => {
            Err(refused(call, option, "invalid logging opts for driver none"))
        }
        _ => Ok(()),
    }
}

const HEALTH: &[&str] = &["health-interval", "health-timeout", "health-retries", "health-start-period", "health-start-interval"];

fn health(call: &Call<'_>) -> Result<(), UsageError> {
    let said = |flag: &&FlagUse| !matches!(flag.value.as_str(), "" | "0" | "0s");
    let setting = HEALTH.iter().chain(&["health-cmd"]).find_map(|name| call.flag(name).filter(said));
    if let Some(flag) = setting.filter(|_| call.is_on("no-healthcheck")) {
        return Err(refused(call, flag, "--no-healthcheck conflicts with --health-* options"));
    }
    let negative = HEALTH.iter().find_map(|name| call.flag(name).filter(|flag| flag.value.starts_with('-') && said(flag)));
    match negative {
        Some(flag) => Err(refused(call, flag, &format!("--{} cannot be negative", flag.name))),
        None => Ok(()),
    }
}

fn attached(call: &Call<'_>) -> Result<(), UsageError> {
    match call.flag("attach").filter(|_| call.is_on("detach")) {
        Some(flag) => Err(error::bare("conflicting options: cannot specify both --attach and --detach", Some(flag.span))),
        None => Ok(()),
    }
}

fn image(call: &Call<'_>) -> Result<(), UsageError> {
    let word = call.arguments.first().copied();
    if let Some((word, reason)) = word.and_then(|word| Reference::parse_any(&word.text).err().map(|reason| (word, reason))) {
        return Err(late(call, &reason.to_string(), word.span));
    }
    let flag = call.flag("platform").and_then(|flag| platform::check(&flag.value).err().map(|reason| (flag, reason)));
    match flag {
        Some((flag, reason)) => Err(late(call, &reason, flag.span)),
        None => Ok(()),
    }
}

/// What is checked when the request is made: only `run` still points at its help then.
fn late(call: &Call<'_>, reason: &str, span: Span) -> UsageError {
    match call.row.key {
        "run" => call.frame().value(&error::echo(reason), Some(span)),
        _ => error::bare(&error::echo(reason), Some(span)),
    }
}
