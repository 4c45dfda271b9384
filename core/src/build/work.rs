//! What is to be done for an instruction: words resolved, defaults filled in.

use serde::{Deserialize, Serialize};

use super::mounts::RunMount;
use super::remote::{Remote, Repository};
use crate::model::ContainerId;

/// What an instruction comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// It changes the configuration, and no file.
    Configure,
    /// A program is run.
    Run(Run),
    /// Files are brought in.
    Copy(Copy),
    /// The working directory is made where it is not there.
    MakeDirectory {
        /// Absolute.
        path: String,
    },
}

impl Work {
    /// The same, to be put elsewhere.
    pub fn sources_mut(&mut self) -> Vec<&mut CopySource> {
        match self {
            Work::Copy(copy) => vec![&mut copy.from],
            Work::Run(run) => run.mounts.iter_mut().filter_map(RunMount::source_mut).collect(),
            Work::Configure | Work::MakeDirectory { .. } => Vec::new(),
        }
    }

    /// Where files are taken from.
    pub fn sources(&self) -> Vec<&CopySource> {
        match self {
            Work::Copy(copy) => vec![&copy.from],
            Work::Run(run) => run.mounts.iter().filter_map(RunMount::files).map(|(from, _)| from).collect(),
            Work::Configure | Work::MakeDirectory { .. } => Vec::new(),
        }
    }

    /// The images that files are taken from.
    pub fn images(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for source in self.sources() {
            if let CopySource::Image(name) = source {
                names.push(name.as_str());
            }
        }
        names
    }
}

/// A program that is run on the files so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// `NAME=value`: of the configuration, and of `ARG`.
    pub env: Vec<String>,
    /// Absolute.
    pub directory: String,
    /// As `USER` says; empty: root.
    pub user: String,
    /// `--network`: `default`, `none`, `host`.
    pub network: String,
    /// `--mount`
    pub mounts: Vec<RunMount>,
}

/// Files that are brought in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// Where they are.
    pub from: CopySource,
    /// Paths there, as written but for variables; patterns as those of a shell.
    pub sources: Vec<String>,
    /// Files whose content stands in the Dockerfile: their names and contents.
    pub inline: Vec<(String, String)>,
    /// Absolute; a `/` at its end says that it is a directory.
    pub destination: String,
    /// `--chown`; empty: root's where they come from the context, else whose they were.
    pub owner: String,
    /// `--chmod`: permission bits.
    pub mode: Option<u32>,
    /// `--exclude`: patterns as those of `.dockerignore`.
    pub exclude: Vec<String>,
    /// `ADD`: what is fetched before; then nothing comes from elsewhere.
    #[serde(default)]
    pub remote: Vec<Remote>,
    /// `ADD`: repositories of git that are fetched; then nothing comes from elsewhere.
    #[serde(default)]
    pub repositories: Vec<Repository>,
    /// `ADD`: what is an archive is unpacked.
    #[serde(default)]
    pub unpack: bool,
    /// `--parents`: the directories that a source names are made at the destination.
    #[serde(default)]
    pub parents: bool,
}

/// Why a RUN whose container is gone has not ended well: nobody knows how it ended.
pub fn end_unknown(id: &ContainerId) -> String {
    format!("the container {} of this instruction is gone: how its program ended is not known", id.short())
}

/// BuildKit's words for a program that did not end with 0.
pub fn failed(argv: &[String], exit_code: i32) -> String {
    format!("process {} did not complete successfully: exit code: {exit_code}", crate::cli::quoted(&argv.join(" ")))
}

/// buildx's words for a file of results that cannot be written.
pub fn unwritten(what: &str, path: &str, errno: crate::errno::Errno) -> String {
    format!("writing {what}: open {path}: {}", errno.sentence().to_lowercase())
}

/// What is said of a `local` output that would put a directory where there is none, or the other way round.
pub fn clash(path: &str, directory_comes: bool) -> String {
    let what = if directory_comes { "is no directory" } else { "is a directory" };
    format!("failed to copy files: {path} {what}\nglassbox: nothing was written; take it away, or name another directory with -o")
}

/// BuildKit's words for a secret that the caller has not given, and ours.
pub fn without_secret(id: &str) -> String {
    format!("secret {id}: not found\nglassbox: give it with --secret id={id},src=FILE or --secret id={id},env=NAME")
}

/// BuildKit's words for an agent that the caller has not given, and ours.
pub fn without_agent(id: &str) -> String {
    format!(
        "no SSH key {id:?} forwarded from the client\nglassbox: start an agent with: eval $(ssh-agent) && ssh-add; and build with --ssh {id}"
    )
}

/// Where files are brought in from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopySource {
    /// The build context.
    #[default]
    Context,
    /// What another stage has come to.
    Stage(usize),
    /// An image.
    Image(String),
    /// What was fetched for the instruction, by the URLs that it names.
    Web,
    /// A directory of the caller's that `--build-context` gives a name: absolute.
    Directory(String),
}

impl CopySource {
    /// The caller's files: whose they are there means nothing in the image.
    pub fn is_callers(&self) -> bool {
        matches!(self, CopySource::Context | CopySource::Directory(_) | CopySource::Web)
    }
}
