//! Steps that serve the caller: what her terminal gets to see, and waiting.

use serde::{Deserialize, Serialize};

use super::Undo;
use crate::model::ContainerId;
use crate::view::happenings::EventView;

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
    /// Print what was deleted, and the sum of what was measured before.
    PrintReclaimed {
        /// What stands over each list (`Deleted Containers:`), and the list; an empty one is not shown.
        deleted: Vec<(String, Vec<String>)>,
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
    /// Where nobody stays with the program of an exec: wait until it ends, and reap it.
    WatchExec {
        /// In which container.
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
    /// Look for the processes of a container among the host's, and print of each what ps would.
    ShowProcesses {
        /// Of which container.
        id: ContainerId,
        /// The words for ps.
        options: Vec<String>,
        /// East of Greenwich: what ps shows is the time of the caller's zone.
        #[serde(default)]
        utc_offset_seconds: i32,
    },
    /// Look twice what containers use, a second apart, and print what they used in between.
    ShowStats {
        /// Which, and how.
        view: StatsView,
    },
    /// Tell what was done to containers and volumes, and go on telling until the time is over.
    ShowEvents {
        /// What, and how.
        view: EventView,
    },
    /// Write the container's log to stdout and stderr.
    ShowLog {
        /// Which container.
        id: ContainerId,
        /// What of it, and how.
        view: LogView,
    },
}

/// Whose use is shown, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsView {
    /// These, each with the caller's word for it; none: all that run.
    pub containers: Vec<(ContainerId, String)>,
    /// Where none is named, the ended ones too.
    pub all: bool,
    /// Over and over.
    pub stream: bool,
    /// With full ids.
    pub no_trunc: bool,
    /// `--format`
    pub format: Option<String>,
}

/// Which lines of a log are shown, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogView {
    /// Go on until the container ends.
    pub follow: bool,
    /// Only the last so many lines.
    pub tail: Option<u64>,
    /// With times.
    pub timestamps: bool,
    /// With the attributes of the log. There are none, but for the blank after them.
    pub details: bool,
    /// None before this: nanoseconds since 1970.
    pub since_ns: Option<u64>,
    /// None after this.
    pub until_ns: Option<u64>,
}

impl LogView {
    /// Whether a line of this moment is shown.
    pub fn shows(&self, at_ns: u64) -> bool {
        self.since_ns.is_none_or(|since| at_ns >= since) && self.until_ns.is_none_or(|until| at_ns <= until)
    }

    /// As `shows`, of the time as it stands in the log.
    pub fn shows_text(&self, time: &str) -> bool {
        let bounded = self.since_ns.is_some() || self.until_ns.is_some();
        !bounded || crate::cli::stamped(time).is_some_and(|at_ns| self.shows(at_ns))
    }

    /// What stands before a line, given its time.
    pub fn prefix(&self, time: &str) -> String {
        let time = if self.timestamps { format!("{time} ") } else { String::new() };
        if self.details { time + " " } else { time }
    }
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
            ClientStep::WatchExec { .. } => "WatchExec",
            ClientStep::AwaitProbe { .. } => "AwaitProbe",
            ClientStep::CollectProbe { .. } => "CollectProbe",
            ClientStep::AwaitRestart { .. } => "AwaitRestart",
            ClientStep::AwaitExit { .. } => "AwaitExit",
            ClientStep::ShowNamespaces { .. } => "ShowNamespaces",
            ClientStep::ShowProcesses { .. } => "ShowProcesses",
            ClientStep::ShowStats { .. } => "ShowStats",
            ClientStep::ShowEvents { .. } => "ShowEvents",
            ClientStep::ShowLog { .. } => "ShowLog",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        Undo::NothingChanged
    }
}
