//! What an instruction makes of an image's configuration: for `commit -c`, `import -c`, and builds.
//!
//! Source: the Dockerfile reference; moby's builder/dockerfile for what `commit -c` refuses, and in which words.

use super::expand::expand;
use super::instruction::{Arguments, Healthcheck, Instruction, Kind};
use super::lines::split;
use super::read;
use crate::cli::exposed;
use crate::model::{ImageConfig, ImageHealthcheck, Nothing};
use crate::userland::Signal;

/// Those that change nothing but the configuration.
const CHANGES: [&str; 11] =
    ["CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"];
/// What runs a command that is no array.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];
const FIRST_LINE: &str = "FROM scratch\n";

/// The configuration as `commit -c` changes it; the error is dockerd's.
pub fn changed(config: &ImageConfig, changes: &[String]) -> Result<ImageConfig, String> {
    if changes.is_empty() {
        return Ok(config.clone());
    }
    let text = changes.join("\n");
    let lines = split(&text);
    if lines.lines.is_empty() {
        return Err("file with no instructions".to_string());
    }
    // Instructions stand in a stage; of places nothing is said.
    let file = read(&format!("{FIRST_LINE}{text}"));
    let of_shape = file.faults.iter().find(|fault| !fault.message.starts_with(FRAME));
    if let Some(fault) = of_shape {
        return Err(fault.message.clone());
    }
    let word = |text: &str| text.split_whitespace().next().unwrap_or_default().to_string();
    let foreign = |word: &String| !CHANGES.contains(&word.to_ascii_uppercase().as_str());
    if let Some(word) = lines.lines.iter().map(|line| word(&line.text)).find(foreign) {
        return Err(format!("{word} is not a valid change command"));
    }
    if let Some(fault) = file.faults.first() {
        return Err(without_frame(&fault.message).to_string());
    }
    let mut configured = Configured { config: config.clone(), cmd_set: false };
    for instruction in file.stages.iter().flat_map(|stage| &stage.instructions) {
        configured.take(instruction, file.directives.escape)?;
    }
    let mut after = configured.config;
    // What was emptied is what it was before.
    if after.entrypoint.is_empty() {
        if after.cmd.is_empty() {
            after.cmd = config.cmd.clone();
        }
        after.entrypoint = config.entrypoint.clone();
    }
    Ok(after)
}

const FRAME: &str = "dockerfile parse error on line ";

fn without_frame(message: &str) -> &str {
    message.strip_prefix(FRAME).and_then(|rest| rest.split_once(": ")).map_or(message, |(_, why)| why)
}

/// A configuration, and what instructions so far have said of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    /// As it is by now.
    pub config: ImageConfig,
    /// CMD stood here, and not only in what this builds upon: then ENTRYPOINT leaves it.
    pub cmd_set: bool,
}

impl Configured {
    /// Takes an instruction in. One that makes a layer, or is about the build, changes nothing.
    pub fn take(&mut self, instruction: &Instruction, escape: char) -> Result<(), String> {
        let before = self.config.env.clone();
        let value = |name: &str| variable(&before, name);
        let resolved = |word: &String| expand(word, escape, &value).map(|found| found.text);
        let config = &mut self.config;
        match &instruction.kind {
            Kind::Cmd(arguments) => {
                (config.cmd, self.cmd_set) = (words(arguments, &config.shell), true);
            }
            Kind::Entrypoint(arguments) => {
                config.entrypoint = words(arguments, &config.shell);
                if !self.cmd_set {
                    config.cmd.clear();
                }
            }
            Kind::Env(pairs) => {
                for (name, value) in pairs {
                    set(&mut config.env, &resolved(name)?, &resolved(value)?);
                }
            }
            Kind::Label(pairs) => {
                for (name, value) in pairs {
                    config.labels.insert(resolved(name)?, resolved(value)?);
                }
            }
            Kind::Expose(ports) => {
                for port in ports {
                    config.exposed_ports.extend(ports_of(&resolved(port)?)?);
                }
            }
            Kind::Volume(paths) => {
                for path in paths {
                    config.volumes.insert(resolved(path)?, Nothing {});
                }
            }
            Kind::Healthcheck(check) => config.healthcheck = Some(health(check.as_ref())),
            Kind::Onbuild(trigger) => config.on_build.push(trigger.clone()),
            Kind::Shell(words) => config.shell = words.clone(),
            Kind::Stopsignal(signal) => {
                let signal = resolved(signal)?;
                Signal::parse(&signal).ok_or_else(|| format!("invalid signal: {signal}"))?;
                config.stop_signal = Some(signal);
            }
            Kind::User(user) => config.user = resolved(user)?,
            Kind::Workdir(path) => config.working_dir = within(&config.working_dir, &resolved(path)?),
            Kind::Add(_) | Kind::Arg(_) | Kind::Copy(_) | Kind::Maintainer(_) | Kind::Run(_) => {}
        }
        Ok(())
    }
}

fn variable(env: &[String], name: &str) -> Option<String> {
    let of = |entry: &String| entry.split_once('=').filter(|(known, _)| *known == name).map(|(_, value)| value.to_string());
    env.iter().rev().find_map(of)
}

/// Sets a variable in its place, or at the end.
fn set(env: &mut Vec<String>, name: &str, value: &str) {
    let entry = format!("{name}={value}");
    let is_it = |known: &String| known.split_once('=').map_or(known.as_str(), |(known, _)| known) == name;
    match env.iter().position(is_it) {
        Some(at) => env[at] = entry,
        None => env.push(entry),
    }
}

fn words(arguments: &Arguments, shell: &[String]) -> Vec<String> {
    match arguments {
        Arguments::Exec(words) => words.clone(),
        Arguments::Shell(text) if text.is_empty() => Vec::new(),
        Arguments::Shell(text) if shell.is_empty() => SHELL.iter().map(|word| (*word).to_string()).chain([text.clone()]).collect(),
        Arguments::Shell(text) => shell.iter().cloned().chain([text.clone()]).collect(),
    }
}

fn health(check: Option<&Healthcheck>) -> ImageHealthcheck {
    let Some(check) = check else { return ImageHealthcheck { test: vec!["NONE".into()], ..ImageHealthcheck::default() } };
    let test = match &check.command {
        Arguments::Exec(words) => std::iter::once("CMD".to_string()).chain(words.iter().cloned()).collect(),
        Arguments::Shell(text) => vec!["CMD-SHELL".to_string(), text.clone()],
    };
    ImageHealthcheck {
        test,
        interval: check.interval_ns,
        timeout: check.timeout_ns,
        start_period: check.start_period_ns,
        start_interval: check.start_interval_ns,
        retries: u64::from(check.retries),
    }
}

/// `80`, `80/udp`, `8000-8010`.
fn ports_of(word: &str) -> Result<Vec<(String, Nothing)>, String> {
    let (first, last, protocol) = exposed(word)?;
    Ok((first..=last).map(|port| (format!("{port}/{protocol}"), Nothing {})).collect())
}

/// A relative path is meant from where the directory is by now.
fn within(directory: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_string() } else { format!("{directory}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(changes: &[&str]) -> Result<ImageConfig, String> {
        let config = ImageConfig { env: vec!["PATH=/bin".into()], cmd: vec!["sh".into()], ..ImageConfig::default() };
        changed(&config, &changes.iter().map(|line| (*line).to_string()).collect::<Vec<_>>())
    }

    /// As dockerd 28.5.2 does it.
    #[test]
    fn instructions_change_the_configuration() {
        let all = change(&[
            "CMD [\"ls\", \"-l\"]",
            "ENV A=b C=$PATH:x",
            "LABEL x=\"y z\"",
            "EXPOSE 80-82/udp 90",
            "USER $A",
            "WORKDIR /q",
            "WORKDIR z/../y",
            "ENTRYPOINT echo $A",
            "VOLUME /v",
            "ONBUILD RUN ls",
            "STOPSIGNAL 9",
            "HEALTHCHECK --retries=3 CMD ls",
        ])
        .unwrap();
        assert_eq!(
            (all.cmd, all.entrypoint),
            (vec!["ls".into(), "-l".into()], ["/bin/sh", "-c", "echo $A"].map(String::from).into())
        );
        assert_eq!(all.env, ["PATH=/bin", "A=b", "C=/bin:x"]);
        assert_eq!((all.user.as_str(), all.working_dir.as_str(), all.stop_signal.as_deref()), ("b", "/q/y", Some("9")));
        assert_eq!(all.exposed_ports.keys().collect::<Vec<_>>(), ["80/udp", "81/udp", "82/udp", "90/tcp"]);
        assert_eq!((all.labels["x"].as_str(), all.on_build), ("y z", vec!["RUN ls".to_string()]));
        assert_eq!(
            all.healthcheck.unwrap(),
            ImageHealthcheck { test: vec!["CMD-SHELL".into(), "ls".into()], retries: 3, ..Default::default() }
        );
    }

    #[test]
    fn an_entrypoint_takes_the_command_with_it_and_an_empty_one_is_none() {
        assert_eq!(change(&["ENTRYPOINT [\"x\"]"]).unwrap().cmd, Vec::<String>::new());
        assert_eq!(change(&["CMD []"]).unwrap().cmd, ["sh"]);
        assert_eq!(change(&["CMD [\"x\"] #c"]).unwrap().cmd, ["/bin/sh", "-c", "[\"x\"] #c"]);
        assert_eq!(change(&["CMD a\nENV Z=z"]).unwrap().env, ["PATH=/bin", "Z=z"]);
    }

    /// dockerd 28.5.2's words.
    #[test]
    fn what_is_no_change_is_refused() {
        for (changes, why) in [
            (&["RUN ls"][..], "RUN is not a valid change command"),
            (&["run ls"], "run is not a valid change command"),
            (&["SHELL [\"a\"]"], "SHELL is not a valid change command"),
            (&["FOO x"], "FOO is not a valid change command"),
            (&["ENV"], "ENV requires at least one argument"),
            (&["ENV A"], "ENV must have two arguments"),
            (&["LABEL a"], "LABEL must have two arguments"),
            (&["CMD [\"a", "USER"], "USER requires exactly one argument"),
            (&[""], "file with no instructions"),
            (&["# x"], "file with no instructions"),
            (&["STOPSIGNAL foo"], "invalid signal: foo"),
            (&["EXPOSE foo"], "Invalid containerPort: foo"),
        ] {
            assert_eq!(change(changes).unwrap_err(), why, "{changes:?}");
        }
    }
}
