//! `--log-driver` and `--log-opt`: what dockerd refuses when the container is made, what when it is started, and what is not done here.
//!
//! Output is kept in the format of Docker's json-file driver, or not at all (`none`). Of `local`, whose own format only dockerd reads, the
//! files are the same ones, full and packed when those of dockerd would be (`model/log.rs`).

use std::collections::BTreeMap;

use super::{CommandError, Context, create};
use crate::cli::{ContainerSpec, boolean, file_bytes, quoted, size_in_bytes};
use crate::model::{Container, LogConfig};

/// Those that dockerd has and Glassbox has not.
const OTHERS: &[&str] = &["awslogs", "fluentd", "gcplogs", "gelf", "journald", "splunk", "syslog"];
const OF_BOTH: &[&str] = &["max-file", "max-size", "compress"];
const OF_JSON_FILE: &[&str] = &["labels", "labels-regex", "env", "env-regex", "tag"];
/// Of the daemon itself.
const OF_ALL: &[&str] = &["mode", "max-buffer-size"];
/// Of the copy that the daemon keeps for a driver that cannot be read: for these there is none.
const WITHOUT_MEANING: &[&str] = &["cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"];
/// What stands before the reason where a driver does not start.
const FRAME: &str = "failed to create task for container: failed to initialize logging driver: ";

/// What goes on record.
pub(super) fn config(spec: &ContainerSpec) -> LogConfig {
    let pair =
        |word: &String| word.split_once('=').map_or((word.clone(), String::new()), |(name, value)| (name.into(), value.into()));
    let driver = if spec.log_driver.is_empty() { LogConfig::USUAL } else { &spec.log_driver };
    LogConfig { driver: driver.to_string(), options: spec.log_options.iter().map(pair).collect() }
}

/// Docker's refusal before there is a container, or ours.
pub(super) fn check(spec: &ContainerSpec, context: &Context<'_>) -> Result<(), CommandError> {
    let config = config(spec);
    refusal(&config).map_err(|(what, flag)| create::refuse(context, &what, Some(flag)))?;
    let Some((what, flag, next)) = not_here(&config) else { return Ok(()) };
    let message = format!("glassbox: {what} is understood but not carried out yet.\nglassbox: {next}\n");
    Err(CommandError { message, exit_code: 125, span: context.invocation.words.flag(flag).map(|used| used.span) })
}

/// What dockerd says, and of which flag.
fn refusal(config: &LogConfig) -> Result<(), (String, &'static str)> {
    let driver = config.driver.as_str();
    if !["json-file", "local", "none"].contains(&driver) && !OTHERS.contains(&driver) {
        return Err((format!("error looking up logging plugin {driver}: plugin {} not found", quoted(driver)), "log-driver"));
    }
    mode(&config.options).map_err(|what| (what, "log-opt"))?;
    let known = |name: &str| {
        let lists = [OF_BOTH, OF_ALL, WITHOUT_MEANING];
        lists.iter().any(|list| list.contains(&name)) || driver == "json-file" && OF_JSON_FILE.contains(&name)
    };
    match (driver, config.options.keys().find(|name| !known(name))) {
        ("json-file", Some(name)) => Err((format!("unknown log opt '{name}' for json-file log driver"), "log-opt")),
        ("local", Some(name)) => Err((format!("unknown log opt '{name}' for log driver local"), "log-opt")),
        _ => Ok(()),
    }
}

fn mode(options: &BTreeMap<String, String>) -> Result<(), String> {
    let mode = options.get("mode").map_or("", String::as_str);
    if !["", "blocking", "non-blocking"].contains(&mode) {
        return Err(format!("logger: logging mode not supported: {mode}"));
    }
    match options.get("max-buffer-size") {
        Some(_) if mode != "non-blocking" => {
            Err("logger: max-buffer-size option is only supported with 'mode=non-blocking'".to_string())
        }
        Some(size) => size_in_bytes(size).map(drop).map_err(|what| format!("error parsing option max-buffer-size: {what}")),
        None => Ok(()),
    }
}

/// What it is that is not done here, the flag, and what to do next. A value that is wrong is refused at the start, as dockerd does.
fn not_here(config: &LogConfig) -> Option<(String, &'static str, &'static str)> {
    if OTHERS.contains(&config.driver.as_str()) {
        return Some((format!("--log-driver {}", config.driver), "log-driver", "There are: json-file, local, none."));
    }
    if started(config).is_err() {
        return None;
    }
    let name = config.options.iter().find(|(name, value)| match name.as_str() {
        "max-size" | "max-file" | "compress" => false,
        "mode" => value.as_str() == "non-blocking",
        name => !WITHOUT_MEANING.contains(&name),
    })?;
    Some((format!("--log-opt {}", name.0), "log-opt", "Leave it out: there is one way to keep a log."))
}

/// Why the container cannot be started, in dockerd's words.
pub(super) fn not_initialised(container: &Container) -> Option<String> {
    started(&container.host.log).err().map(|what| format!("{FRAME}{what}"))
}

fn started(config: &LogConfig) -> Result<(), String> {
    match config.driver.as_str() {
        LogConfig::USUAL => json_file(config),
        LogConfig::LOCAL => local(config),
        _ => Ok(()),
    }
}

fn json_file(config: &LogConfig) -> Result<(), String> {
    let option = |name: &str| config.options.get(name).map(String::as_str);
    if let Some(size) = option("max-size")
        && file_bytes(size)? == 0
    {
        return Err("max-size must be a positive number".to_string());
    }
    let files = option("max-file").map_or(Ok(1), number)?;
    if files < 1 {
        return Err("max-file cannot be less than 1".to_string());
    }
    if option("compress").map_or(Ok(false), boolean)? && (files < 2 || option("max-size").is_none()) {
        return Err("compress cannot be true when max-file is less than 2 or max-size is not set".to_string());
    }
    Ok(())
}

fn local(config: &LogConfig) -> Result<(), String> {
    const FILES: i64 = 5;
    let option = |name: &str| config.options.get(name).map(String::as_str);
    let framed = |name: &str, value: &str, what: String| format!("invalid value for {name}: {value}: {what}");
    if let Some(size) = option("max-size") {
        file_bytes(size).map_err(|what| framed("max-size", size, what))?;
    }
    let files = option("max-file").map_or(Ok(FILES), |text| number(text).map_err(|what| framed("max-file", text, what)))?;
    let compress =
        option("compress").map_or(Ok(true), boolean).map_err(|what| format!("error reading compress log option: {what}"))?;
    match files {
        ..0 => Err("max file count cannot be less than 0".to_string()),
        0..=1 if compress => Err("compression cannot be enabled when max file count is 1".to_string()),
        _ => Ok(()),
    }
}

/// Go's strconv.Atoi.
fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("strconv.Atoi: parsing {}: invalid syntax", quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(driver: &str, options: &[(&str, &str)]) -> LogConfig {
        let options = options.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect();
        LogConfig { driver: driver.into(), options }
    }

    #[test]
    fn what_is_wrong_is_refused_where_dockerd_refuses_it() {
        let at_create = |driver, options: &[(&str, &str)]| refusal(&config(driver, options)).map_err(|(what, _)| what).err();
        assert_eq!(at_create("json-file", &[("max-size", "x"), ("cache-disabled", "true")]), None);
        assert_eq!(at_create("json-file", &[("nope", "1")]).unwrap(), "unknown log opt 'nope' for json-file log driver");
        assert_eq!(at_create("local", &[("labels", "1")]).unwrap(), "unknown log opt 'labels' for log driver local");
        assert_eq!(at_create("nope", &[]).unwrap(), "error looking up logging plugin nope: plugin \"nope\" not found");
        assert_eq!(at_create("json-file", &[("mode", "x")]).unwrap(), "logger: logging mode not supported: x");
        let at_start = |driver, options: &[(&str, &str)]| started(&config(driver, options)).err();
        assert_eq!(at_start("json-file", &[("max-size", "-1")]).unwrap(), "invalid size: '-1'");
        assert_eq!(at_start("local", &[("max-size", "x")]).unwrap(), "invalid value for max-size: x: invalid size: 'x'");
        assert_eq!(at_start("json-file", &[("max-file", "0")]).unwrap(), "max-file cannot be less than 1");
        assert_eq!(at_start("json-file", &[("max-file", "3")]), None);
        assert_eq!(at_start("json-file", &[("max-size", "0.1")]).unwrap(), "max-size must be a positive number");
        assert_eq!(at_start("json-file", &[("max-size", "0"), ("max-file", "x")]).unwrap(), "max-size must be a positive number");
        assert_eq!(at_start("local", &[("max-size", "0")]), None);
        let alone = "compression cannot be enabled when max file count is 1";
        assert_eq!(at_start("local", &[("max-file", "0")]).unwrap(), alone);
        assert_eq!(at_start("local", &[("max-file", "1"), ("compress", "false")]), None);
        assert_eq!(at_start("local", &[("max-file", "-1")]).unwrap(), "max file count cannot be less than 0");
        let no_truth = "error reading compress log option: strconv.ParseBool: parsing \"x\": invalid syntax";
        assert_eq!(at_start("local", &[("max-file", "-1"), ("compress", "x")]).unwrap(), no_truth);
    }

    #[test]
    fn what_is_not_done_here_is_said() {
        let told = |driver, options: &[(&str, &str)]| not_here(&config(driver, options)).map(|(what, ..)| what);
        assert_eq!(told("json-file", &[("max-file", "3"), ("mode", "blocking"), ("cache-disabled", "true")]), None);
        assert_eq!(told("json-file", &[("max-size", "x")]), None);
        assert_eq!(told("json-file", &[("max-size", "1k"), ("max-file", "2"), ("compress", "false")]), None);
        assert_eq!(told("json-file", &[("max-size", "1k"), ("max-file", "2"), ("compress", "true")]), None);
        assert_eq!(told("local", &[("mode", "non-blocking")]).unwrap(), "--log-opt mode");
        assert_eq!(told("syslog", &[]).unwrap(), "--log-driver syslog");
    }
}
