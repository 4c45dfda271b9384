//! Steps that serve the caller: what her terminal gets to see, and waiting.

use serde::{Deserialize, Serialize};

use super::Undo;
use crate::model::ContainerId;

/// A step for the caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClientStep {
    /// Write this to stdout.
    Print {
        /// With its newline.
        text: String,
    },
    /// Print a question and read a line; anything but yes ends the command in order.
    Confirm {
        /// Without a newline at its end.
        question: String,
    },
    /// Print what was deleted, and how many bytes the containers had written.
    PrintReclaimed {
        /// What was deleted, in order.
        ids: Vec<ContainerId>,
    },
    /// Carry the streams of the process just started to and fro until it ends; its exit code becomes the command's.
    AttachStreams {
        /// Which container.
        id: ContainerId,
    },
    /// The monitor: keep the log until the container's first process ends, and reap it.
    WatchContainer {
        /// Which container.
        id: ContainerId,
    },
    /// Beside the monitor: wait before the next probe of the container's health; for longer while it is paused.
    AwaitProbe {
        /// Which container.
        id: ContainerId,
        /// So long.
        delay_ns: u64,
    },
    /// Keep what the probe writes until it ends; one that takes too long is ended.
    CollectProbe {
        /// Of which container.
        id: ContainerId,
        /// Too long.
        timeout_ns: u64,
    },
    /// The monitor: wait before the container is started again. Ends early when somebody wants it to end.
    AwaitRestart {
        /// Which container.
        id: ContainerId,
        /// So long.
        delay_ns: u64,
    },
    /// Wait until the container is recorded as ended.
    AwaitExit {
        /// Which container.
        id: ContainerId,
        /// Give up waiting after so many seconds (no error); `None`: never.
        timeout_seconds: Option<u64>,
        /// Print its exit code, as `docker wait` does.
        print: bool,
    },
    /// Look which namespaces the host and running containers are in, and print who shares them.
    ShowNamespaces {
        /// These containers; none: all that run.
        ids: Vec<ContainerId>,
        /// JSON instead of a table.
        json: bool,
    },
    /// Write the container's log to stdout and stderr.
    ShowLog {
        /// Which container.
        id: ContainerId,
        /// Go on until it ends.
        follow: bool,
        /// Only the last so many lines.
        tail: Option<u64>,
        /// With times.
        timestamps: bool,
    },
}

impl ClientStep {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            ClientStep::Print { .. } => "Print",
            ClientStep::Confirm { .. } => "Confirm",
            ClientStep::PrintReclaimed { .. } => "PrintReclaimed",
            ClientStep::AttachStreams { .. } => "AttachStreams",
            ClientStep::WatchContainer { .. } => "WatchContainer",
            ClientStep::AwaitProbe { .. } => "AwaitProbe",
            ClientStep::CollectProbe { .. } => "CollectProbe",
            ClientStep::AwaitRestart { .. } => "AwaitRestart",
            ClientStep::AwaitExit { .. } => "AwaitExit",
            ClientStep::ShowNamespaces { .. } => "ShowNamespaces",
            ClientStep::ShowLog { .. } => "ShowLog",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        Undo::NothingChanged
    }
}
