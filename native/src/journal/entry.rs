//! The lines of a journal: JSON, one per line.

use std::net::IpAddr;
use std::path::Path;

use glassbox_core::model::{Container, ContainerId};
use glassbox_core::net::Chain;
use glassbox_core::oci::image::Descriptor;
use glassbox_core::step::Undo;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::store::{ProcessIdentity, Store};

/// A journal longer than this is not ours.
pub const JOURNAL_BYTES_MAX: u64 = 4 << 20;

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// This is about to be made, or was made (a process).
    Will {
        /// What.
        entry: Entry,
    },
    /// The last line that stands has been undone: what it tells does not hold any more.
    Undone,
    /// The owner watches this container: the files written down before stay.
    Watch {
        /// Which.
        id: ContainerId,
    },
}

/// Something that is to be undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Remove this directory and all in it.
    Tree {
        /// Absolute, below the data root.
        path: String,
    },
    /// Give this directory back the name that it had; where it cannot have that any more, remove it.
    Moved {
        /// The name that it had: absolute, below the data root.
        from: String,
        /// Where it is: absolute, below the data root.
        path: String,
    },
    /// Remove this file.
    File {
        /// Absolute, below the data root.
        path: String,
    },
    /// Remove this file of the caller's if it still holds what was written.
    OwnFile {
        /// Absolute.
        path: String,
        /// What was written.
        contents: String,
    },
    /// Remove all that is in this directory, which was empty.
    Contents {
        /// Absolute, below the data root.
        path: String,
    },
    /// End what runs in this cgroup, and remove it.
    Cgroup {
        /// Absolute.
        directory: String,
    },
    /// Remove this cgroup if nothing is in it.
    EmptyCgroup {
        /// Absolute.
        directory: String,
    },
    /// Write this record again; what is on record by then keeps its state.
    Record {
        /// As it was recorded.
        container: Box<Container>,
    },
    /// Write this to the file of a cgroup.
    Write {
        /// Absolute.
        file: String,
        /// What it held before.
        value: String,
    },
    /// Put back on record whether the container is paused.
    Pause {
        /// Which.
        id: ContainerId,
        /// It was.
        paused: bool,
    },
    /// Remove a blob, unless an image has it.
    Blob {
        /// Absolute.
        path: String,
    },
    /// Strike a manifest off the index of images.
    Image {
        /// Its digest.
        manifest: String,
    },
    /// Let a name of the index of images lead to where it led before.
    Name {
        /// In full.
        name: String,
        /// Where it led.
        before: Option<Descriptor>,
        /// A manifest that had come with it.
        strike: Option<String>,
    },
    /// Delete this network interface of the host.
    Interface {
        /// Its name.
        name: String,
        /// Only if nobody else uses it: a bridge without ports.
        shared: bool,
    },
    /// Delete the engine's own table of rules, unless a rule stands in it.
    Table,
    /// What its owner has open, and what ends with it: nothing is left to be done.
    EndsWithOwner,
    /// Delete this rule of the engine's own table.
    Rule {
        /// In which chain.
        chain: Chain,
        /// What it is for.
        comment: String,
        /// It stays while this bridge has ports.
        bridge: Option<String>,
    },
    /// Write this setting of the host's network namespace again.
    Setting {
        /// With dots.
        name: String,
        /// What it was before.
        value: String,
    },
    /// Take lines out of a file and add others, if it is there.
    Lines {
        /// Absolute, below the data root.
        path: String,
        /// Lines that go.
        remove: Vec<String>,
        /// Lines that come.
        add: Vec<String>,
    },
    /// Let a route of a container that runs lead where it led before.
    Route {
        /// Which container.
        id: ContainerId,
        /// Where to.
        destination: IpNet,
        /// By whom, and out of which interface.
        before: Option<(IpAddr, String)>,
    },
    /// Take off a container's record what it has of a network.
    Endpoint {
        /// Which container.
        id: ContainerId,
        /// The network's id.
        network: String,
    },
    /// End this process.
    Process {
        /// Which.
        process: ProcessIdentity,
    },
}

/// What is left to do of a whole journal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pending {
    /// To be undone, the last first.
    pub entries: Vec<Entry>,
    /// To be settled after that.
    pub watched: Vec<ContainerId>,
}

impl Line {
    /// With its newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

impl Entry {
    /// Of a step's undo; `None`: it leaves nothing that would outlive its process or its directory, or nothing can be done.
    pub fn of_undo(undo: &Undo) -> Option<Entry> {
        match undo {
            Undo::RemoveTree { path } => Some(Entry::Tree { path: path.clone() }),
            Undo::MoveBack { from, directory } => Some(Entry::Moved { from: from.clone(), path: directory.clone() }),
            Undo::EmptyDirectory { path } => Some(Entry::Contents { path: path.clone() }),
            Undo::RemoveFile { path } => Some(Entry::File { path: path.clone() }),
            Undo::RemoveOwnFile { path, contents } => Some(Entry::OwnFile { path: path.clone(), contents: contents.clone() }),
            Undo::RestoreRecord { container, .. } => Some(Entry::Record { container: container.clone() }),
            Undo::WriteBack { file, value } => Some(Entry::Write { file: file.clone(), value: value.clone() }),
            Undo::DropBlob { path } => Some(Entry::Blob { path: path.clone() }),
            Undo::RestoreName { name, before, strike, .. } => {
                Some(Entry::Name { name: name.clone(), before: before.clone(), strike: strike.clone() })
            }
            Undo::StrikeImage { manifest, .. } => Some(Entry::Image { manifest: manifest.clone() }),
            Undo::RestorePause { id, paused } => Some(Entry::Pause { id: id.clone(), paused: *paused }),
            Undo::RemoveCgroup { directory, shared: false } => Some(Entry::Cgroup { directory: directory.clone() }),
            Undo::RemoveCgroup { directory, shared: true } => Some(Entry::EmptyCgroup { directory: directory.clone() }),
            Undo::DeleteInterface { name, shared } => Some(Entry::Interface { name: name.clone(), shared: *shared }),
            Undo::DeleteTable => Some(Entry::Table),
            Undo::ClosePort { .. } | Undo::EndForwarding { .. } => Some(Entry::EndsWithOwner),
            Undo::DeleteRule { chain, comment, bridge } => {
                Some(Entry::Rule { chain: *chain, comment: comment.clone(), bridge: bridge.clone() })
            }
            Undo::RestoreSetting { name, value } => Some(Entry::Setting { name: name.clone(), value: value.clone() }),
            Undo::EditLines { path, remove, add } => {
                Some(Entry::Lines { path: path.clone(), remove: remove.clone(), add: add.clone() })
            }
            Undo::RestoreRoute { id, destination, before } => {
                Some(Entry::Route { id: id.clone(), destination: *destination, before: before.clone() })
            }
            Undo::ReleaseEndpoint { id, network } => Some(Entry::Endpoint { id: id.clone(), network: network.clone() }),
            // Its blob is written down when its name is known.
            Undo::DropPacked { .. }
            | Undo::ByItsSteps
            | Undo::EndProcess
            | Undo::EndsWithProcess
            | Undo::EndsWithDirectory
            | Undo::EndsWithInterface
            | Undo::LeftStanding { .. }
            | Undo::Impossible { .. }
            | Undo::NothingChanged => None,
        }
    }

    /// Nothing of this name is ever made again: the directory of a container, whose id is its own.
    pub fn is_for_good(&self, store: &Store) -> bool {
        let containers = store.layout().containers();
        matches!(self, Entry::Tree { path } if Path::new(path).parent() == Some(Path::new(&containers)))
    }

    /// It is there now: whoever is about to make it does not.
    pub fn exists(&self) -> bool {
        match self {
            Entry::Tree { path } | Entry::File { path } | Entry::OwnFile { path, .. } => Path::new(path).symlink_metadata().is_ok(),
            // One that is there may be nobody's, and about to be removed: whoever counts on it says so. Undone, it stays if an image has it.
            Entry::Blob { .. } => false,
            Entry::Contents { path } => std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()),
            Entry::Cgroup { directory } | Entry::EmptyCgroup { directory } => Path::new(directory).is_dir(),
            // What stands there already is asked for when it is undone: a layer that somebody uses stays.
            Entry::Moved { .. }
            | Entry::Interface { .. }
            | Entry::Table
            | Entry::EndsWithOwner
            | Entry::Rule { .. }
            | Entry::Endpoint { .. }
            | Entry::Setting { .. }
            | Entry::Route { .. }
            | Entry::Lines { .. }
            | Entry::Process { .. }
            | Entry::Record { .. }
            | Entry::Write { .. }
            | Entry::Pause { .. }
            | Entry::Image { .. }
            | Entry::Name { .. } => false,
        }
    }

    /// Undoing it undoes the other as well: a directory and what is made in it. Not the record: it has to go before the volumes and
    /// layers that were made later, which stay as long as a container on record has them.
    pub fn holds(&self, other: &Entry) -> bool {
        match (self, other) {
            (Entry::Tree { path: tree }, Entry::Tree { path } | Entry::File { path }) => {
                let below = path.strip_prefix(tree.as_str());
                below.is_some_and(|rest| rest.starts_with('/') && rest != "/state.json")
            }
            _ => false,
        }
    }

    /// It is to be undone even when the container's files stay.
    pub fn outlives_watch(&self) -> bool {
        matches!(
            self,
            Entry::Cgroup { .. }
                | Entry::EmptyCgroup { .. }
                | Entry::Process { .. }
                | Entry::Interface { shared: false, .. }
                | Entry::Rule { bridge: None, .. }
        )
    }
}

/// What a journal's bytes leave to do. A torn last line is passed over: its step had not begun.
pub fn replay(bytes: &[u8]) -> Result<Pending, String> {
    let mut standing = Vec::new();
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end);
    for (index, line) in bytes.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        match serde_json::from_slice(line).map_err(|error| format!("line {}: {error}", index + 1))? {
            Line::Undone => drop(standing.pop()),
            line => standing.push(line),
        }
    }
    Ok(Pending::of(standing))
}

impl Pending {
    fn of(standing: Vec<Line>) -> Pending {
        let mut pending = Pending::default();
        for line in standing {
            match line {
                Line::Will { entry } => pending.entries.push(entry),
                Line::Watch { id } => {
                    pending.entries.retain(Entry::outlives_watch);
                    pending.watched.push(id);
                }
                Line::Undone => {}
            }
        }
        pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(path: &str) -> Line {
        Line::Will { entry: Entry::Tree { path: path.into() } }
    }

    fn bytes(lines: &[Line]) -> Vec<u8> {
        lines.iter().flat_map(Line::to_bytes).collect()
    }

    #[test]
    fn what_was_undone_is_not_pending_and_a_torn_line_is_passed_over() {
        let mut written = bytes(&[tree("/r/a"), tree("/r/b"), Line::Undone, tree("/r/c")]);
        let pending = replay(&written).unwrap();
        assert_eq!(pending.entries, [Entry::Tree { path: "/r/a".into() }, Entry::Tree { path: "/r/c".into() }]);
        written.truncate(written.len() - 3);
        assert_eq!(replay(&written).unwrap().entries, [Entry::Tree { path: "/r/a".into() }]);
        assert_eq!(replay(b"").unwrap(), Pending::default());
        assert_eq!(replay(b"{\"wi").unwrap(), Pending::default());
    }

    #[test]
    fn watching_keeps_the_files_and_not_the_cgroup() {
        let cgroup = Entry::Cgroup { directory: "/sys/fs/cgroup/glassbox/a".into() };
        let id = ContainerId("a".into());
        let lines = [tree("/r/a"), Line::Will { entry: cgroup.clone() }, Line::Watch { id: id.clone() }];
        assert_eq!(replay(&bytes(&lines)).unwrap(), Pending { entries: vec![cgroup], watched: vec![id] });
    }

    #[test]
    fn stepped_back_over_a_watch_the_files_go_again() {
        let written = bytes(&[tree("/r/a"), Line::Watch { id: ContainerId("a".into()) }, Line::Undone]);
        assert_eq!(replay(&written).unwrap(), Pending { entries: vec![Entry::Tree { path: "/r/a".into() }], watched: vec![] });
    }

    #[test]
    fn garbage_in_the_middle_names_its_line() {
        assert!(replay(b"\"undone\"\n{}\n").unwrap_err().starts_with("line 2: "));
    }
}
