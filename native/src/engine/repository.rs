//! Files of git repositories. git is a program of this machine, as it is where BuildKit runs; what its user has configured is left out, so
//! that an address means the same everywhere.
//!
//! ```text
//! find_commit    git ls-remote ADDRESS REFERENCE            which commit it is now
//! fetch_commit   git init, fetch --depth=1, checkout        its files in a directory
//! ```
//! Nothing is asked at a terminal. A login over https comes as the secret `GIT_AUTH_TOKEN` or `GIT_AUTH_HEADER`, one over ssh from the agent
//! that `--ssh` names (Docker's "Build secrets").

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use glassbox_core::build::Repository;
use glassbox_core::cli;
use glassbox_core::errno::Errno;
use glassbox_core::registry::base64;
use glassbox_core::userland::Signal;

use super::Engine;
use super::copy::from_its_beginning;
use crate::exec::{Failure, NameCall};
use crate::sys::process;

/// Between two looks whether git has ended.
const WAIT_MILLISECONDS: u32 = 10;
/// More is not read of what it answers.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// No configuration, no keys but an agent's, nothing that waits for an answer. Whose machine answers is not looked at, as with BuildKit.
const SSH: &str = "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR";
/// What of the caller's environment says how the world is reached.
const PASSED_ON: [&str; 8] =
    ["PATH", "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "SSL_CERT_FILE"];

/// What git has said.
struct Said {
    status: ExitStatus,
    out: String,
    err: String,
}

impl Said {
    fn done(self, repository: &Repository) -> Result<String, Failure> {
        if self.status.success() {
            return Ok(self.out);
        }
        let status = self.status.to_string().replace("exit status: ", "exit status ");
        Err(Failure::of(&repository.failed(&self.err, &status), Errno::ECONNREFUSED))
    }
}

impl Engine {
    /// The commit that the reference names now. Nobody waits for the records meanwhile.
    pub(super) fn find_commit(&mut self, repository: &Repository) -> Result<String, Failure> {
        let patterns = repository.patterns();
        let mut arguments = vec!["ls-remote", &repository.url];
        arguments.extend(patterns.iter().map(String::as_str));
        let answer = self.with_others_going_on(|engine| engine.git(repository, None, &arguments)?.done(repository))?;
        repository.found(&answer).map_err(|why| Failure::of(&why, Errno::ENOENT))
    }

    /// Brings the files of the commit into a directory that is there and empty. Answers how many there are.
    pub(super) fn fetch_commit(&mut self, repository: &Repository, commit: &str, path: &Path) -> Result<u64, Failure> {
        repository.is_meant(commit).map_err(|why| Failure::of(&why, Errno::EINVAL))?;
        self.with_others_going_on(|engine| engine.check_out(repository, commit, path))
    }

    fn check_out(&mut self, repository: &Repository, commit: &str, path: &Path) -> Result<u64, Failure> {
        let below = Some(path);
        let initial = ["-c", "init.defaultBranch=master", "init", "--quiet"];
        self.git(repository, below, &initial)?.done(repository)?;
        self.bring(repository, commit, path)?;
        let tree = format!("{commit}:{}", repository.subdirectory);
        let keeps = repository.keep_git && repository.subdirectory.is_empty();
        if repository.subdirectory.is_empty() {
            self.git(repository, below, &["checkout", "--quiet", "--detach", commit])?.done(repository)?;
            if path.join(".gitmodules").exists() {
                let submodules = ["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"];
                self.git(repository, below, &submodules)?.done(repository)?;
            }
        } else {
            // A symbolic link on the way is none: it is git's tree that is looked into.
            self.git(repository, below, &["read-tree", "--reset", "-u", &tree])?.done(repository)?;
        }
        let files = self.git(repository, below, &["ls-files"])?.done(repository)?.lines().count();
        if keeps {
            self.git(repository, below, &["remote", "add", "origin", &repository.redacted()])?.done(repository)?;
        } else {
            fs::remove_dir_all(path.join(".git")).call("rmdir")?;
        }
        Ok(u64::try_from(files).unwrap_or(u64::MAX))
    }

    /// The commit alone, where the other end gives it away by its sum; else the reference, or all there is.
    fn bring(&mut self, repository: &Repository, commit: &str, path: &Path) -> Result<(), Failure> {
        let by = |what: &'static [&'static str], name: &str| -> Vec<String> {
            let words = ["fetch", "--quiet", "--no-tags"].iter().chain(what).map(|word| (*word).to_string());
            words.chain([repository.url.clone(), name.to_string()]).collect()
        };
        let mut attempts = vec![by(&["--depth=1"], commit)];
        if repository.commit().is_none() {
            let reference = if repository.reference.is_empty() { "HEAD" } else { &repository.reference };
            attempts.push(by(&["--depth=1"], reference));
        }
        attempts.push(by(&[], "+refs/*:refs/glassbox/*"));
        let mut last = String::new();
        for arguments in attempts {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let said = self.git(repository, Some(path), &arguments)?;
            let come = format!("{commit}^{{commit}}");
            if said.status.success() && self.git(repository, Some(path), &["cat-file", "-e", &come])?.status.success() {
                return Ok(());
            }
            last = said.err;
        }
        let next = format!("fatal: the commit {commit} is not there any more: build again");
        let told = if last.is_empty() { next } else { last };
        Err(Failure::of(&repository.failed(&told, "exit status 128"), Errno::ENOENT))
    }

    /// Runs git to its end; what the caller has to say ends it at once.
    fn git(&mut self, repository: &Repository, below: Option<&Path>, arguments: &[&str]) -> Result<Said, Failure> {
        let unnamed = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600).open(self.store.root())
        };
        let (out, err) = (unnamed().call("openat")?, unnamed().call("openat")?);
        let mut command = Command::new("git");
        command.args(arguments).stdin(Stdio::null());
        command.stdout(out.try_clone().call("dup")?).stderr(err.try_clone().call("dup")?);
        if let Some(directory) = below {
            command.current_dir(directory);
        }
        self.set_environment(&mut command, repository);
        self.hold_signals().map_err(|_| Failure::of("signalfd", Errno::EINVAL))?;
        // A group of its own, that it ends with all its helpers.
        command.process_group(0);
        process::bind_helper(&mut command);
        let mut child = command.spawn().map_err(|error| missing(&error))?;
        let mut status = None;
        let waited = self.wait_while(WAIT_MILLISECONDS, || {
            status = child.try_wait().call("wait4")?;
            Ok(status.is_none())
        });
        let Some(status) = status.filter(|_| waited.is_ok()) else {
            let group = i32::try_from(child.id()).map(|pid| -pid).unwrap_or_default();
            let _ = process::kill(group, Some(Signal::SIGKILL));
            let _ = child.wait();
            return Err(waited.err().unwrap_or_else(|| Failure::of("wait4", Errno::ECHILD)));
        };
        Ok(Said { status, out: text(&out).call("read")?, err: text(&err).call("read")? })
    }

    fn set_environment(&self, command: &mut Command, repository: &Repository) {
        command.env_clear();
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let fixed = [
            ("HOME", "/dev/null"),
            ("LC_ALL", "C"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ALLOW_PROTOCOL", "http:https:git:ssh"),
            ("GIT_SSH_COMMAND", SSH),
        ];
        command.envs(fixed);
        let cli::Command::BuildImage(build) = &self.invocation.command else { return };
        if let Some(agent) = build.agents.iter().find(|agent| agent.id == "default") {
            command.env("SSH_AUTH_SOCK", &agent.socket);
        }
        let Some((scheme, rest)) = repository.url.split_once("://").filter(|(scheme, _)| scheme.starts_with("http")) else {
            return;
        };
        let authority = rest.split('/').next().unwrap_or(rest);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let secret = |name: &str| build.secrets.iter().find(|secret| secret.id == name).map(|secret| secret.value.bytes());
        let own = |name: &str| secret(&format!("{name}.{host}")).or_else(|| secret(name));
        let trimmed = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_string();
        let token = || own("GIT_AUTH_TOKEN").map(trimmed);
        let basic = || token().map(|token| format!("basic {}", base64::encode(format!("x-access-token:{token}").as_bytes())));
        if let Some(login) = own("GIT_AUTH_HEADER").map(trimmed).or_else(basic) {
            // Not among its arguments: those everybody can read.
            command.env("GIT_CONFIG_COUNT", "1");
            command.env("GIT_CONFIG_KEY_0", format!("http.{scheme}://{host}/.extraheader"));
            command.env("GIT_CONFIG_VALUE_0", format!("Authorization: {login}"));
        }
    }
}

fn text(mut file: &File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file = from_its_beginning(file)?;
    file.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn missing(error: &io::Error) -> Failure {
    let errno = crate::sys::errno_of(error);
    if error.kind() != ErrorKind::NotFound {
        return Failure::of("execve git", errno);
    }
    let next = "glassbox: git fetches what lies in repositories: apt-get install git";
    Failure::of(&format!("failed to find git binary: exec: \"git\": executable file not found in $PATH\n{next}"), errno)
}
