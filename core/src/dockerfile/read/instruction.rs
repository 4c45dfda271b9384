//! What an instruction says, by its name.

use super::{Apart, Flags, Reader, arguments, pairs};
use crate::cli::seconds;
use crate::dockerfile::check::rule::Rule;
use crate::dockerfile::expand::quoted;
use crate::dockerfile::instruction::{Arguments, Healthcheck, Kind, NAMES, Run, Transfer};
use crate::dockerfile::lines::heredoc;
use crate::dockerfile::mounts;
use crate::dockerfile::suggest::{hint, nearest};
use crate::dockerfile::words::{Json, json_array, split_words};

/// The shortest span of time that a health check may wait.
const HEALTH_NS_MIN: u64 = 1_000_000;

impl Reader {
    pub(super) fn instruction(&mut self, line: &Apart<'_>) -> Result<Kind, String> {
        let lines = line.lines();
        match line.name.as_str() {
            "env" | "label" if line.is_legacy(self.escape) => {
                let word = line.word;
                let message = format!("\"{word} key=value\" should be used instead of legacy \"{word} key value\" format");
                self.warn(Rule::LegacyKeyValueFormat, lines, message);
            }
            "maintainer" => {
                let message = "Maintainer instruction is deprecated in favor of using label".to_string();
                self.warn(Rule::MaintainerDeprecated, lines, message);
            }
            _ => {}
        }
        let syntax = self.file.directives.syntax.as_ref().map_or("", |(syntax, _)| syntax.as_str());
        let kind = kind(line, self.escape, knows_parents(syntax))?;
        if let Kind::Arg(args) = &kind {
            let names: Vec<String> = args.iter().map(|(name, _)| name.clone()).collect();
            self.describe("ARG", &names, line);
        }
        Ok(kind)
    }
}

/// The frontend that a file asks for knows `COPY --parents`; the one that is part of Docker 28 does not.
fn knows_parents(syntax: &str) -> bool {
    const SINCE: u32 = 20;
    const LABS_SINCE: u32 = 7;
    let Some(rest) = syntax.trim_start_matches("docker.io/").strip_prefix("docker/dockerfile") else { return false };
    let tag = rest.strip_prefix(':').unwrap_or("latest");
    let (version, labs) = tag.strip_suffix("-labs").map_or((tag, false), |version| (version, true));
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    let since = if labs { LABS_SINCE } else { SINCE };
    matches!(version, "1" | "latest" | "labs" | "master") || version.starts_with("1.") && minor.is_some_and(|minor| minor >= since)
}

fn kind(line: &Apart<'_>, escape: char, parents: bool) -> Result<Kind, String> {
    let name = line.name.to_ascii_uppercase();
    let without_flags = || Flags::of(&line.flags, &[], &[], &[]).map(drop);
    let single = || match line.rest {
        "" => Err(format!("{name} requires exactly one argument")),
        rest => without_flags().map(|()| rest.to_string()),
    };
    let one_at_least = || match line.rest {
        "" => Err(format!("{name} requires at least one argument")),
        _ => without_flags(),
    };
    Ok(match line.name.as_str() {
        "add" => Kind::Add(transfer(line, escape, parents)?),
        "arg" => one_at_least().and_then(|()| args(line, escape)).map(Kind::Arg)?,
        "cmd" => without_flags().map(|()| Kind::Cmd(arguments(line.rest)))?,
        "copy" => Kind::Copy(transfer(line, escape, parents)?),
        "entrypoint" => without_flags().map(|()| Kind::Entrypoint(arguments(line.rest)))?,
        "env" => one_at_least().and_then(|()| named(line, escape)).map(Kind::Env)?,
        "expose" => one_at_least().map(|()| Kind::Expose(line.rest.split_whitespace().map(str::to_string).collect()))?,
        "healthcheck" => Kind::Healthcheck(health(line)?),
        "label" => one_at_least().and_then(|()| named(line, escape)).map(Kind::Label)?,
        "maintainer" => Kind::Maintainer(single()?),
        "onbuild" => Kind::Onbuild(trigger(line)?),
        "run" => Kind::Run(run(line)?),
        "shell" => Kind::Shell(shell(line)?),
        "stopsignal" => Kind::Stopsignal(single()?),
        "user" => Kind::User(single()?),
        "volume" => one_at_least().and_then(|()| volumes(line.rest)).map(Kind::Volume)?,
        "workdir" => Kind::Workdir(single()?),
        _ => return Err(format!("unknown instruction: {}{}", line.word, hint(nearest(&name, NAMES)))),
    })
}

fn named(line: &Apart<'_>, escape: char) -> Result<Vec<(String, String)>, String> {
    let pairs = pairs(line, escape)?;
    let blank = format!("{} names can not be blank", line.name.to_ascii_uppercase());
    if pairs.iter().any(|(name, _)| name.is_empty()) { Err(blank) } else { Ok(pairs) }
}

fn args(line: &Apart<'_>, escape: char) -> Result<Vec<(String, Option<String>)>, String> {
    let pair = |word: String| match word.split_once('=') {
        Some(("", _)) => Err("ARG names can not be blank".to_string()),
        Some((name, value)) => Ok((name.to_string(), Some(value.to_string()))),
        None => Ok((word, None)),
    };
    split_words(line.rest, escape).into_iter().map(pair).collect()
}

fn volumes(rest: &str) -> Result<Vec<String>, String> {
    let paths = match json_array(rest) {
        Json::Strings(strings) => strings,
        _ => rest.split_whitespace().map(str::to_string).collect(),
    };
    let blank = paths.iter().any(|path| path.trim().is_empty());
    if blank { Err("VOLUME specified can not be an empty string".to_string()) } else { Ok(paths) }
}

fn shell(line: &Apart<'_>) -> Result<Vec<String>, String> {
    Flags::of(&line.flags, &[], &[], &[])?;
    match json_array(line.rest) {
        Json::Strings(strings) if strings.is_empty() => Err("SHELL requires at least one argument".to_string()),
        Json::Strings(strings) => Ok(strings),
        _ if line.rest.is_empty() => Err("SHELL requires at least one argument".to_string()),
        _ => Err("SHELL requires the arguments to be in JSON form".to_string()),
    }
}

fn trigger(line: &Apart<'_>) -> Result<String, String> {
    Flags::of(&line.flags, &[], &[], &[])?;
    let name = line.rest.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    match name.as_str() {
        "" => Err("ONBUILD requires at least one argument".to_string()),
        "ONBUILD" => Err("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed".to_string()),
        "MAINTAINER" | "FROM" => Err(format!("{name} isn't allowed as an ONBUILD trigger")),
        _ => Ok(line.rest.to_string()),
    }
}

fn run(line: &Apart<'_>) -> Result<Run, String> {
    let mut flags = Flags::of(&line.flags, &["network"], &["mount"], &[])?;
    let network = flags.take("network");
    if let Some(mode) = network.as_deref().filter(|mode| !["default", "none", "host"].contains(mode)) {
        return Err(format!("invalid network mode {}", quoted(mode)));
    }
    let mounts = flags.all("mount");
    mounts.iter().try_for_each(|value| mounts::check_from(value))?;
    Ok(Run { command: arguments(line.rest), heredocs: line.line.heredocs.clone(), mounts, network })
}

fn transfer(line: &Apart<'_>, escape: char, parents: bool) -> Result<Transfer, String> {
    let adds = line.name == "add";
    let (one, switches): (&[&str], &[&str]) = if adds {
        (&["checksum", "chmod", "chown"], &["keep-git-dir", "link", "unpack"])
    } else if parents {
        (&["chmod", "chown", "from"], &["link", "parents"])
    } else {
        (&["chmod", "chown", "from"], &["link"])
    };
    let mut words = match json_array(line.rest) {
        Json::Strings(strings) => strings,
        _ => split_words(line.rest, escape),
    };
    if words.len() < 2 {
        return Err(format!(
            "{} requires at least two arguments, but only one was provided. Destination could not be determined",
            line.name.to_ascii_uppercase()
        ));
    }
    let mut flags = Flags::of(&line.flags, one, &["exclude"], switches)?;
    let destination = words.pop().unwrap_or_default();
    words.retain(|word| line.line.heredocs.is_empty() || heredoc(word).is_none());
    Ok(Transfer {
        sources: words,
        heredocs: line.line.heredocs.clone(),
        destination,
        from: flags.take("from"),
        owner: flags.take("chown"),
        mode: flags.take("chmod"),
        checksum: flags.take("checksum"),
        link: flags.switch("link").unwrap_or_default(),
        parents: flags.switch("parents").unwrap_or_default(),
        keep_git: flags.switch("keep-git-dir").unwrap_or_default(),
        unpack: flags.switch("unpack"),
        exclude: flags.all("exclude"),
    })
}

fn health(line: &Apart<'_>) -> Result<Option<Healthcheck>, String> {
    const SPANS: [&str; 5] = ["interval", "retries", "start-interval", "start-period", "timeout"];
    let (kind, rest) = line.rest.split_once(char::is_whitespace).unwrap_or((line.rest, ""));
    match kind.to_ascii_uppercase().as_str() {
        "" => return Err("HEALTHCHECK requires at least one argument".to_string()),
        "NONE" if !rest.trim().is_empty() => return Err("HEALTHCHECK NONE takes no arguments".to_string()),
        "NONE" => return Ok(None),
        "CMD" => {}
        other => return Err(format!("Unknown type {} in HEALTHCHECK (try CMD)", quoted(other))),
    }
    let mut flags = Flags::of(&line.flags, &SPANS, &[], &[])?;
    let command = arguments(rest.trim());
    let nothing = match &command {
        Arguments::Exec(words) => words.is_empty(),
        Arguments::Shell(text) => text.is_empty(),
    };
    if nothing {
        return Err("Missing command after HEALTHCHECK CMD".to_string());
    }
    Ok(Some(Healthcheck {
        command,
        interval_ns: span(&mut flags, "interval")?,
        timeout_ns: span(&mut flags, "timeout")?,
        start_period_ns: span(&mut flags, "start-period")?,
        start_interval_ns: span(&mut flags, "start-interval")?,
        retries: retries(&mut flags)?,
    }))
}

fn span(flags: &mut Flags, name: &str) -> Result<u64, String> {
    let Some(text) = flags.take(name).filter(|text| !text.is_empty()) else { return Ok(0) };
    let ns = (seconds(&text)? * 1e9).round();
    if ns != 0.0 && ns < HEALTH_NS_MIN as f64 {
        return Err(format!("Interval {} cannot be less than 1ms", quoted(name)));
    }
    Ok(ns as u64)
}

fn retries(flags: &mut Flags) -> Result<u32, String> {
    let Some(text) = flags.take("retries").filter(|text| !text.is_empty()) else { return Ok(0) };
    let number: i64 = text.parse().map_err(|_| format!("strconv.ParseInt: parsing {}: invalid syntax", quoted(&text)))?;
    u32::try_from(number).map_err(|_| format!("--retries cannot be negative ({number})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_frontends_know_parents() {
        for syntax in ["docker/dockerfile:1", "docker.io/docker/dockerfile:1.20", "docker/dockerfile:1.7-labs", "docker/dockerfile"]
        {
            assert!(knows_parents(syntax), "{syntax}");
        }
        for syntax in ["", "docker/dockerfile:1.4", "docker/dockerfile:1.7", "someone/else:1"] {
            assert!(!knows_parents(syntax), "{syntax}");
        }
    }
}
