//! `--env-file`, `--label-file`: files of the caller that a command line names. The core does no I/O: whoever has a file system (the
//! binary, or the model's machine) hands a way to read them, once, between reading the line and planning.
//!
//! Docker's rules for the lines: blanks before them go, `#` begins a comment, `NAME` alone is taken from the caller's environment.

use std::collections::BTreeMap;

use super::{Command, Invocation, ProgressMode, UsageError};
use crate::errno::Errno;
use crate::go_json;

/// What buildx looks for in the environment where there is no `--progress`.
const PROGRESS: &str = "BUILDKIT_PROGRESS";
/// Larger files are refused.
pub const NAMED_FILE_BYTES_MAX: usize = 1 << 20;

/// The exit code of `run` and `create` for a bad file, and that of `exec`.
const EXIT_MADE: i32 = 125;
const EXIT_OTHER: i32 = 1;

/// The invocation with what the named files say in its environment and labels, before what flags say. `read` answers a file's bytes.
pub fn with_named_files(
    mut invocation: Invocation,
    environment: &dyn Fn() -> BTreeMap<String, String>,
    read: &dyn Fn(&str) -> Result<Vec<u8>, Errno>,
) -> Result<Invocation, UsageError> {
    let span = |name: &str| invocation.words.flag(name).map(|flag| flag.span);
    let spans = (span("env-file"), span("label-file"), span("security-opt"));
    let refuse = |message: String, shown: &str, span| UsageError {
        message: format!("docker: {message}\n\nRun 'docker {shown} --help' for more information"),
        exit_code: EXIT_MADE,
        span,
    };
    let shown = if matches!(invocation.command, Command::RunContainer(_)) { "run" } else { "create" };
    match &mut invocation.command {
        Command::RunContainer(super::RunContainer { spec, .. }) | Command::CreateContainer(spec) => {
            let env = all(&spec.env_files, Some(environment), read).map_err(|message| refuse(message, shown, spans.0))?;
            spec.env.splice(0..0, env);
            let labels = all(&spec.label_files, None, read).map_err(|message| refuse(message, shown, spans.1))?;
            spec.labels.splice(0..0, labels);
            let profile = seccomp(spec, read).map_err(|message| refuse(message, shown, spans.2))?;
            spec.confinement.seccomp_profile = profile;
        }
        Command::ExecProcess(exec) => {
            let refuse = |message| UsageError { message, exit_code: EXIT_OTHER, span: spans.0 };
            let env = all(&exec.env_files, Some(environment), read).map_err(refuse)?;
            exec.env.splice(0..0, env);
        }
        Command::CheckBuild(check) | Command::ShowDockerfile { input: check, .. } => {
            let refuse = |message: String| UsageError { message, exit_code: EXIT_OTHER, span: None };
            check.read(false, &environment(), read).map_err(refuse)?;
        }
        Command::BuildImage(build) => {
            let refuse = |message: String| UsageError { message, exit_code: EXIT_OTHER, span: None };
            let environment = environment();
            if build.progress == ProgressMode::Auto
                && let Some(mode) = environment.get(PROGRESS)
            {
                let refused = || format!("ERROR: failed to build: invalid progress mode {mode}\nglassbox: {PROGRESS} says so");
                build.progress = ProgressMode::parse(mode).ok_or_else(|| refuse(refused()))?;
            }
            build.input.read(true, &environment, read).map_err(refuse)?;
            build.contexts.iter().try_for_each(|context| context.look(read)).map_err(refuse)?;
            build.secrets.iter_mut().try_for_each(|secret| secret.read(&environment, read)).map_err(refuse)?;
            build.agents.iter_mut().try_for_each(|agent| agent.find(&environment)).map_err(refuse)?;
        }
        _ => {}
    }
    Ok(invocation)
}

/// The text of the seccomp profile, without blanks; what Docker records of the option is that text.
fn seccomp(spec: &mut super::ContainerSpec, read: &dyn Fn(&str) -> Result<Vec<u8>, Errno>) -> Result<Option<String>, String> {
    let Some(file) = spec.confinement.seccomp_profile.clone() else { return Ok(None) };
    let failed = |call: &str, errno: Errno| {
        format!("opening seccomp profile ({file}) failed: {call} {file}: {}", errno.sentence().to_lowercase())
    };
    let bytes = read(&file).map_err(|errno| failed(if errno == Errno::EISDIR { "read" } else { "open" }, errno))?;
    if bytes.len() > NAMED_FILE_BYTES_MAX {
        return Err(failed("read", Errno::EFBIG));
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let compact = compact(&text).map_err(|why| format!("compacting json for seccomp profile ({file}) failed: {why}"))?;
    for option in &mut spec.confinement.security_options {
        let value = option.strip_prefix("seccomp=").or_else(|| option.strip_prefix("seccomp:"));
        if value == Some(file.as_str()) {
            *option = format!("seccomp={compact}");
        }
    }
    Ok(Some(compact))
}

/// JSON without blanks, keys in their order; else Go's words for the first thing that is wrong.
fn compact(text: &str) -> Result<String, String> {
    let value = go_json::read(text.as_bytes()).map_err(|wrong| wrong.words)?;
    serde_json::to_string(&value).map_err(|error| error.to_string())
}

fn all(
    files: &[String],
    environment: Option<&dyn Fn() -> BTreeMap<String, String>>,
    read: &dyn Fn(&str) -> Result<Vec<u8>, Errno>,
) -> Result<Vec<String>, String> {
    let mut entries = Vec::new();
    for file in files {
        let invalid = |what: String| format!("invalid env file ({file}): {what}");
        let bytes = read(file).map_err(|errno| {
            let sentence = errno.sentence().to_lowercase();
            if errno == Errno::EISDIR { invalid(format!("read {file}: {sentence}")) } else { format!("open {file}: {sentence}") }
        })?;
        if bytes.len() > NAMED_FILE_BYTES_MAX {
            return Err(invalid(format!("larger than {NAMED_FILE_BYTES_MAX} bytes")));
        }
        entries.extend(entries_of(&bytes, environment.map(|all| all()).as_ref()).map_err(invalid)?);
    }
    Ok(entries)
}

/// `NAME=value`, as the lines say; without an environment a name alone is passed over.
fn entries_of(bytes: &[u8], environment: Option<&BTreeMap<String, String>>) -> Result<Vec<String>, String> {
    let mut entries = Vec::new();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = std::str::from_utf8(line).map_err(|_| {
            let numbers: Vec<String> = line.iter().map(u8::to_string).collect();
            format!("invalid utf8 bytes at line {}: [{}]", at + 1, numbers.join(" "))
        })?;
        let text = if at == 0 { text.trim_start_matches('\u{feff}') } else { text }.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        if name.contains(char::is_whitespace) {
            return Err(format!("variable '{name}' contains whitespaces"));
        }
        if name.is_empty() {
            return Err(format!("no variable name on line '{text}'"));
        }
        let value = value.or_else(|| environment?.get(name).map(String::as_str));
        entries.extend(value.map(|value| format!("{name}={value}")));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &[u8]) -> Result<Vec<String>, String> {
        let environment = BTreeMap::from([("HOME".to_string(), "/root".to_string())]);
        entries_of(text, Some(&environment))
    }

    /// As the stock client of Docker 28 reads them.
    #[test]
    fn lines_are_read_as_docker_reads_them() {
        let text = b"# c\n\nA=1\n  B=2 \nC\nHOME\nD=\nE=\"q\"\n";
        assert_eq!(entries(text).unwrap(), ["A=1", "B=2 ", "HOME=/root", "D=", "E=\"q\""]);
        assert_eq!(entries_of(b"x\nfoo=bar baz\n", None).unwrap(), ["foo=bar baz"]);
        assert_eq!(entries(b"A B=1"), Err("variable 'A B' contains whitespaces".into()));
        assert_eq!(entries(b"=x"), Err("no variable name on line '=x'".into()));
        assert_eq!(entries(b"A=\xff"), Err("invalid utf8 bytes at line 1: [65 61 255]".into()));
    }

    #[test]
    fn a_file_comes_before_the_flags_and_a_missing_one_is_named() {
        let read = |path: &str| if path == "e" { Ok(b"A=1\n".to_vec()) } else { Err(Errno::ENOENT) };
        let parse = |line: &str| with_named_files(crate::cli::parse_line(line).unwrap(), &BTreeMap::new, &read);
        let Command::CreateContainer(spec) = parse("docker create -e A=9 --env-file e toolbox").unwrap().command else { panic!() };
        assert_eq!(spec.env, ["A=1", "A=9"]);
        let error = parse("docker run --label-file nope toolbox").unwrap_err();
        let expected = "docker: open nope: no such file or directory\n\nRun 'docker run --help' for more information";
        assert_eq!((error.message.as_str(), error.exit_code), (expected, 125));
        assert_eq!(parse("docker exec --env-file nope a b").unwrap_err().exit_code, 1);
    }
}
