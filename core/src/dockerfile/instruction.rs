//! The instructions of a Dockerfile, read.

use super::Lines;

/// From a `FROM` to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// `FROM`, as it was written: its case.
    pub word: String,
    /// What it begins with, as written: an image, a stage, a variable.
    pub base: String,
    /// `AS name`, in lower case; empty: none.
    pub name: String,
    /// `--platform`, as written.
    pub platform: Option<String>,
    /// Where its `FROM` is.
    pub lines: Lines,
    /// What follows.
    pub instructions: Vec<Instruction>,
}

impl Stage {
    /// Its `FROM` in one line.
    pub fn text(&self) -> String {
        let name = if self.name.is_empty() { String::new() } else { format!(" AS {}", self.name) };
        format!("{} {}{name}", self.word, self.base)
    }
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its name as it was written: its case.
    pub word: String,
    /// Where it is, heredocs included.
    pub lines: Lines,
    /// The whole of it in one line, as BuildKit shows it; without heredocs.
    pub text: String,
    /// What it says.
    pub kind: Kind,
}

/// What an instruction says. Words are as written, with quotes, escapes and variables: [`super::expand`] resolves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ADD`
    Add(Transfer),
    /// `ARG`: names with their defaults.
    Arg(Vec<(String, Option<String>)>),
    /// `CMD`
    Cmd(Arguments),
    /// `COPY`
    Copy(Transfer),
    /// `ENTRYPOINT`
    Entrypoint(Arguments),
    /// `ENV`
    Env(Vec<(String, String)>),
    /// `EXPOSE`
    Expose(Vec<String>),
    /// `HEALTHCHECK`; `None`: `HEALTHCHECK NONE`.
    Healthcheck(Option<Healthcheck>),
    /// `LABEL`
    Label(Vec<(String, String)>),
    /// `MAINTAINER`
    Maintainer(String),
    /// `ONBUILD`: the instruction for whoever builds upon this image.
    Onbuild(String),
    /// `RUN`
    Run(Run),
    /// `SHELL`
    Shell(Vec<String>),
    /// `STOPSIGNAL`
    Stopsignal(String),
    /// `USER`
    User(String),
    /// `VOLUME`
    Volume(Vec<String>),
    /// `WORKDIR`
    Workdir(String),
}

/// The two forms of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// A JSON array: the program and its arguments.
    Exec(Vec<String>),
    /// A line for the stage's shell.
    Shell(String),
}

/// A file in the Dockerfile itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heredoc {
    /// What ends it; also the name of the file that `COPY` makes of it.
    pub name: String,
    /// Its lines.
    pub content: String,
    /// Variables in it are resolved: its name was not quoted.
    pub expand: bool,
    /// `<<-`: tabs at the beginning of its lines go.
    pub chomp: bool,
}

/// `COPY` and `ADD`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// From where, as written; heredocs are not among them.
    pub sources: Vec<String>,
    /// Files that stand in the Dockerfile.
    pub heredocs: Vec<Heredoc>,
    /// To where, as written.
    pub destination: String,
    /// `--from`
    pub from: Option<String>,
    /// `--chown`
    pub owner: Option<String>,
    /// `--chmod`
    pub mode: Option<String>,
    /// `--checksum`
    pub checksum: Option<String>,
    /// `--link`
    pub link: bool,
    /// `--parents`
    pub parents: bool,
    /// `--keep-git-dir`
    pub keep_git: bool,
    /// `--unpack`; `None`: local archives are unpacked, remote ones are not.
    pub unpack: Option<bool>,
    /// `--exclude`
    pub exclude: Vec<String>,
}

/// `HEALTHCHECK CMD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healthcheck {
    /// What is run.
    pub command: Arguments,
    /// `--interval`, in nanoseconds; 0: not given.
    pub interval_ns: u64,
    /// `--timeout`
    pub timeout_ns: u64,
    /// `--start-period`
    pub start_period_ns: u64,
    /// `--start-interval`
    pub start_interval_ns: u64,
    /// `--retries`; 0: not given.
    pub retries: u32,
}

/// `RUN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What is run.
    pub command: Arguments,
    /// Heredocs: the script, or what the script reads.
    pub heredocs: Vec<Heredoc>,
    /// `--mount`, as written.
    pub mounts: Vec<String>,
    /// `--network`
    pub network: Option<String>,
}

/// The names of all instructions, in alphabetical order.
pub const NAMES: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];
