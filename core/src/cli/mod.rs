//! Docker's grammar as data, and the parser over it: text to [`Command`], with Docker's own error wording and exit codes.
//!
//! ```text
//! line -words-> words -front-> command row, mode -flags-> flags, arguments -check-> Docker takes it -build-> Command
//! ```
//!
//! `table` holds the grammar; `values` says what a flag's value may be; `error` frames refusals as Docker does. Core does no I/O, so
//! `-e NAME` stays as typed. A line that Docker takes and Glassbox does not carry out yet is refused in words of ours.

mod block_io;
mod build;
mod build_cache;
mod build_output;
mod build_secrets;
mod check;
mod command;
mod complete;
mod confinement;
mod container_spec;
mod detach_keys;
mod error;
mod flags;
mod front;
mod help;
mod image_build;
mod images;
mod invocation;
mod kept;
mod lifecycle;
mod lists;
mod named_files;
mod namespaces;
mod naming;
mod network;
mod registry;
mod resources;
mod storage;
mod suggest;
pub mod table;
mod tuning;
mod values;
mod words;

pub use block_io::{BlockIo, DeviceNumber};
pub use build_cache::{BuildCache, CacheKind};
pub use build_output::{BuildOutput, OutputKind};
pub use build_secrets::{BuildAgent, BuildSecret, Hidden, SecretSource, secret_variable};
pub use command::Command;
pub use complete::complete;
pub use confinement::{Confinement, DeviceMapping};
pub use container_spec::{ContainerSpec, ExecProcess, ImageChoice, NetworkMode, Pull, RunContainer};
pub use detach_keys::DetachKeys;
pub use error::ECHO_BYTES_MAX;
pub(crate) use error::quote as quoted;
pub use flags::FLAGS_MAX;
pub use help::help;
pub use image_build::{BuildFiles, BuildImage, CheckBuild, ContextSource, NamedContext, ProgressMode, PruneBuilds, STDIN, Sent};
pub use images::{Commit, ImageCommand, ImageList, Import};
pub use invocation::{FlagUse, Invocation, Mode, Span, UsageError, Words};
pub(crate) use kept::Kept;
pub use lifecycle::{Healthcheck, RestartPolicy};
pub use lists::{ContainerList, InspectKind};
pub use named_files::{NAMED_FILE_BYTES_MAX, with_named_files};
pub use namespaces::{CgroupNamespace, IpcMode, NamespaceSpec, PidMode, TimeOffsets};
pub use naming::Naming;
pub use network::{CreateNetwork, NetworkCommand};
pub use registry::{LogIn, PullImage, PushImage, RegistryCommand};
pub use resources::Resources;
pub use storage::{MountSpec, StorageSpec};
pub use suggest::{Suggestions, completion_script, suggest};
pub use tuning::{Tuning, Ulimit};
pub(crate) use values::bytes as size_in_bytes;
pub(crate) use values::decimal_bytes as file_bytes;
pub(crate) use values::moment::{moment, stamped};
pub(crate) use values::ports::of_instruction as exposed;
pub(crate) use values::{boolean, fields, seconds};
pub use words::{LINE_BYTES_MAX, WORDS_MAX};

/// Parses an argument vector, the program's own name not among it. Spans refer to `words.text`: the words, quoted where a shell
/// needs it, joined by blanks.
pub fn parse(argv: &[String]) -> Result<Invocation, UsageError> {
    let line = words::join(argv)?;
    build::invocation(&line, &line.words)
}

/// Parses a line as typed; it may start with `docker` or `glassbox`. Spans are bytes of `line`.
pub fn parse_line(line: &str) -> Result<Invocation, UsageError> {
    let line = words::split(line)?;
    build::invocation(&line, front::without_program(&line.words))
}

/// The words of a line as typed, unquoted, without a leading `docker` or `glassbox`: what the program would be started with.
pub fn words_of(line: &str) -> Result<Vec<String>, UsageError> {
    let line = words::split(line)?;
    Ok(front::without_program(&line.words).iter().map(|word| word.text.clone()).collect())
}

/// Judges only whether Docker's own client would take the line: its errors, and none of ours but the limits.
pub fn check_grammar(argv: &[String]) -> Result<(), UsageError> {
    let line = words::join(argv)?;
    front::target(&line.words, false).and_then(|target| check::accepts(&target)).map(drop)
}

/// The same of a line as typed; it may start with `docker`.
pub fn check_grammar_line(line: &str) -> Result<(), UsageError> {
    let line = words::split(line)?;
    front::target(front::without_program(&line.words), false).and_then(|target| check::accepts(&target)).map(drop)
}

#[cfg(test)]
mod tests;
