//! How a container's last run ended: what its exit code alone does not say.
//!
//! Docker shows `137`. Here stands what the engine knows besides: whether the process ended by a signal or by itself, who sent that signal,
//! what the OOM killer and the limit on processes have counted.

use serde::{Deserialize, Serialize};

use super::Container;
use crate::diagnosis::program::Refused;
use crate::host::Controller;
#[cfg(test)]
use crate::userland::Signal;
use crate::userland::WaitStatus;

/// What is known of an end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// wait(2) told that this signal ended the first process; `None`: it ended by itself, whatever its exit code.
    #[serde(default)]
    pub signal: Option<i32>,
    /// execve(2) refused its program.
    #[serde(default)]
    pub refused: Option<Refused>,
    /// The last signal that a command has sent to it.
    #[serde(default)]
    pub sent: Option<SentSignal>,
    /// Processes that the OOM killer has ended in its cgroup: `oom_kill` of memory.events, or of memory.oom_control.
    #[serde(default)]
    pub oom_kills: u64,
    /// How often its own limit on memory was reached: `oom` of memory.events, memory.failcnt and memory.memsw.failcnt; `None`: it had no
    /// limit, nothing was ended, or nothing is known of it.
    #[serde(default)]
    pub memory_limit_hits: Option<u64>,
    /// Nobody saw it: its monitor was killed, and the next command has ended what was left.
    #[serde(default)]
    pub unseen: bool,
    /// Forks that its limit on processes has refused: `max` of pids.events.
    #[serde(default)]
    pub forks_refused: u64,
}

/// A signal that a command has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentSignal {
    /// Its number.
    pub signal: i32,
    /// Why it was sent.
    pub reason: SignalReason,
    /// When the run had started that it was sent to: of an earlier run it tells nothing.
    pub started_ns: u64,
}

/// Why a command sends a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalReason {
    /// `kill`
    Kill,
    /// `stop` asks it to end.
    Stop,
    /// `stop` has waited.
    StopTimeout {
        /// So long.
        seconds: u64,
        /// After this signal.
        first: i32,
    },
    /// `restart` asks it to end.
    Restart,
    /// `restart` has waited.
    RestartTimeout {
        /// So long.
        seconds: u64,
        /// After this signal.
        first: i32,
    },
    /// `rm --force`
    Remove,
}

impl Ending {
    /// Without what differs from run to run: times, and how often a limit was reached.
    pub fn normalised(&self) -> Ending {
        let sent = self.sent.map(|sent| SentSignal { started_ns: 0, ..sent });
        let memory_limit_hits = self.memory_limit_hits.map(|hits| hits.min(1));
        Ending { sent, memory_limit_hits, forks_refused: self.forks_refused.min(1), ..self.clone() }
    }

    /// What is known of a run of `container` that has just ended with this status. `read` gives the text of a file of its cgroups, which
    /// are there still.
    pub fn of(container: &Container, status: WaitStatus, read: &dyn Fn(&str) -> Option<String>) -> Ending {
        let signal = match status {
            WaitStatus::Signaled(signal) => Some(signal.0),
            WaitStatus::Exited(_) => None,
        };
        let mut ending = Ending { signal, ..Ending::default() };
        let resources = &container.host.resources;
        let directory = |wanted: Controller| {
            let found = container.host.cgroups.iter().find(|(_, controllers)| controllers.contains(&wanted));
            found.map(|(directory, _)| directory.as_str())
        };
        let limited = resources.memory_bytes_max > 0;
        if let Some(directory) = directory(Controller::Memory).filter(|_| limited || status.code() == SIGKILL_CODE) {
            ending.count_memory(resources.memory_bytes_max, |file| read(&format!("{directory}/{file}")));
        }
        if let Some(directory) = directory(Controller::Pids).filter(|_| resources.pids_max.is_some_and(|most| most > 0)) {
            let events = read(&format!("{directory}/pids.events")).unwrap_or_default();
            ending.forks_refused = counted(&events, "max").unwrap_or(0);
        }
        ending
    }

    /// With the signal that a command has sent, as its note says (`NoteSignal`); one of an earlier run does not count.
    pub fn with_note(self, note: Option<&[u8]>, started_ns: u64) -> Ending {
        let sent = note.and_then(|note| serde_json::from_slice::<SentSignal>(note).ok());
        Ending { sent: sent.filter(|sent| sent.started_ns == started_ns), ..self }
    }

    /// The signal that a command has sent to the run that began then.
    pub fn sent_to(&self, started_ns: u64) -> Option<SentSignal> {
        self.sent.filter(|sent| sent.started_ns == started_ns)
    }

    fn count_memory(&mut self, limit: u64, read: impl Fn(&str) -> Option<String>) {
        let (kills, hits) = match read("memory.events") {
            Some(events) => (counted(&events, "oom_kill"), counted(&events, "oom")),
            None => {
                let control = read("memory.oom_control").unwrap_or_default();
                // With as much swap as memory it is the limit on both together that is met.
                let failed =
                    ["memory.failcnt", "memory.memsw.failcnt"].map(|file| read(file).and_then(|text| text.trim().parse().ok()));
                let hits: Vec<u64> = failed.into_iter().flatten().collect();
                let peak: u64 = read("memory.max_usage_in_bytes").and_then(|text| text.trim().parse().ok()).unwrap_or(0);
                // Not every kernel counts the second kind: a peak at the limit tells it as well, and without one nothing is known.
                let hits = hits.iter().sum::<u64>().max(u64::from(peak >= limit - limit / NEAR));
                (counted(&control, "oom_kill"), Some(hits).filter(|hits| *hits > 0))
            }
        };
        self.oom_kills = kills.unwrap_or(0);
        // Without an end by it a limit that was reached has only made the kernel give pages back.
        self.memory_limit_hits = hits.filter(|_| limit > 0 && self.oom_kills > 0);
    }
}

/// The kernel charges pages in batches: a peak within this part of the limit is one at the limit.
const NEAR: u64 = 16;

/// 128 + SIGKILL.
const SIGKILL_CODE: i32 = 137;

/// The number after a word at the beginning of a line.
fn counted(text: &str, word: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(files: &[(&str, &str)], status: WaitStatus) -> Ending {
        let mut container = crate::step::samples::container();
        let resources = &mut container.host.resources;
        (resources.memory_bytes_max, resources.pids_max) = (16 << 20, Some(4));
        container.host.cgroups = vec![("/cgroup".into(), vec![Controller::Memory, Controller::Pids])];
        let read =
            |path: &str| files.iter().find(|(name, _)| path == format!("/cgroup/{name}")).map(|(_, text)| (*text).to_string());
        Ending::of(&container, status, &read)
    }

    #[test]
    fn both_versions_of_cgroups_count_alike() {
        let kill = WaitStatus::Signaled(Signal::SIGKILL);
        let unified = [("memory.events", "low 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n"), ("pids.events", "max 3\n")];
        let split = [
            ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
            ("memory.failcnt", "2\n"),
            ("pids.events", "max 3\n"),
        ];
        let expected = Ending { signal: Some(9), oom_kills: 1, memory_limit_hits: Some(2), forks_refused: 3, ..Ending::default() };
        assert_eq!(ended(&unified, kill), expected);
        assert_eq!(ended(&split, kill), expected);
        assert_eq!(ended(&[], WaitStatus::Exited(0)), Ending::default());
    }
}
