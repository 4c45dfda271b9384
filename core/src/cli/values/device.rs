//! Values on devices and limits: rates, weights, cgroup rules, graphics processors, ulimits, kernel settings.

use std::collections::BTreeSet;

use super::fields::fields;
use super::number::{int_of, uint_of};
use super::size::bytes;

/// `device:value`, the device under /dev.
fn device_and(value: &str) -> Result<(&str, &str), String> {
    let (device, rest) =
        value.split_once(':').filter(|(device, _)| !device.is_empty()).ok_or_else(|| format!("bad format: {value}"))?;
    match device.starts_with("/dev/") {
        true => Ok((device, rest)),
        false => Err(format!("bad format for device path: {value}")),
    }
}

/// `--blkio-weight-device`
pub(super) fn weight(value: &str) -> Result<(), String> {
    let (_, weight) = device_and(value)?;
    match uint_of(weight, 10, 16) {
        Ok(0 | 10..=1000) => Ok(()),
        _ => Err(format!("invalid weight for device: {value}")),
    }
}

/// `--device-read-bps`
pub(super) fn rate_bytes(value: &str) -> Result<(), String> {
    let (_, rate) = device_and(value)?;
    let form = "<device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb";
    bytes(rate).map(drop).map_err(|_| format!("invalid rate for device: {value}. The correct format is {form}"))
}

/// `--device-read-iops`
pub(super) fn rate(value: &str) -> Result<(), String> {
    let (_, rate) = device_and(value)?;
    let form = "<device-path>:<number>. Number must be a positive integer";
    uint_of(rate, 10, 64).map(drop).map_err(|_| format!("invalid rate for device: {value}. The correct format is {form}"))
}

/// `c 1:3 rwm`
pub(super) fn cgroup_rule(value: &str) -> Result<(), String> {
    let number = |text: &str| text == "*" || (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    let right = match value.split(' ').collect::<Vec<_>>().as_slice() {
        ["a" | "b" | "c", numbers, modes] => {
            let pair = numbers.split_once(':').is_some_and(|(major, minor)| number(major) && number(minor));
            pair && (1..=3).contains(&modes.len()) && modes.bytes().all(|mode| b"rwm".contains(&mode))
        }
        _ => false,
    };
    if right { Ok(()) } else { Err(format!("invalid device cgroup format '{value}'")) }
}

/// `--gpus`
pub(super) fn gpus(value: &str) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for field in fields(value)? {
        let (key, value) = field.split_once('=').unwrap_or((&field, ""));
        if seen.contains(key) {
            return Err(format!("gpu request key '{key}' can be specified only once"));
        }
        seen.insert(key.to_string());
        let key = if field.contains('=') { key } else { "count" };
        seen.insert(key.to_string());
        match key {
            "count" => gpu_count(if field.contains('=') { value } else { &field })?,
            "driver" | "device" => {}
            "capabilities" | "options" => drop(fields(value)?),
            _ => return Err(format!("unexpected key '{key}' in '{field}'")),
        }
    }
    Ok(())
}

fn gpu_count(value: &str) -> Result<(), String> {
    if value == "all" {
        return Ok(());
    }
    let reason = |error: String| error.rsplit(": ").next().unwrap_or_default().to_string();
    let refused = |error: String| format!("invalid count ({value}): value must be either \"all\" or an integer: {}", reason(error));
    int_of(value, 10).map(drop).map_err(refused)
}

const ULIMITS: &[&str] = &[
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// `--ulimit`: -1 is no limit.
pub(super) fn ulimit(value: &str) -> Result<(), String> {
    let (name, limits) = value.split_once('=').ok_or_else(|| format!("invalid ulimit argument: {value}"))?;
    if !ULIMITS.contains(&name) {
        return Err(format!("invalid ulimit type: {name}"));
    }
    let (soft, hard) = match limits.split(':').collect::<Vec<_>>().as_slice() {
        [soft] => (int_of(soft, 10)?, None),
        [soft, hard] => {
            let soft = int_of(soft, 10)?;
            (soft, Some(int_of(hard, 10)?))
        }
        _ => return Err(format!("too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`")),
    };
    let least = "ulimit soft limit must be less than or equal to hard limit";
    match hard {
        None | Some(-1) => Ok(()),
        Some(hard) if soft == -1 => Err(format!("{least}: soft: -1 (unlimited), hard: {hard}")),
        Some(hard) if soft > hard => Err(format!("{least}: {soft} > {hard}")),
        Some(_) => Ok(()),
    }
}

const SYSCTLS: &[&str] = &[
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// `--sysctl`: only settings that a namespace has for itself.
pub(super) fn sysctl(value: &str) -> Result<(), String> {
    let namespaced = |name: &str| SYSCTLS.contains(&name) || name.starts_with("net.") || name.starts_with("fs.mqueue.");
    match value.split_once('=').is_some_and(|(name, _)| namespaced(name)) {
        true => Ok(()),
        false => Err(format!("sysctl '{value}' is not allowed")),
    }
}
