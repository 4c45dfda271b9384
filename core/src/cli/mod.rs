//! Docker's grammar as data, and the parser over it: text to [`Command`], with Docker's own error wording and exit codes.

mod command;

pub use command::{
    Command, ContainerSpec, ExecProcess, FlagUse, Invocation, Mode, NetworkMode, RunContainer, Span, UsageError, Words,
};
