//! `Undo`: how a step is taken back. One mechanism for stepping back, rolling back, cleaning up and recovery after a crash.
//!
//! Written to the journal before the step is carried out, so that whoever finds the journal can undo what is half done. Undoing is
//! idempotent: what is already gone is no error.

use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::model::{Container, ContainerId};
use crate::net::{Chain, Protocol};
use crate::oci::image::Descriptor;

/// How a step is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Undo {
    /// A composite: each of its steps is undone, the last first.
    ByItsSteps,
    /// Remove this directory and all in it.
    RemoveTree {
        /// Absolute path under the data root.
        path: String,
    },
    /// Give this directory the name back that it had; a link that leads to it goes. Where it cannot have that any more it is removed.
    MoveBack {
        /// The name that it had: an absolute path under the data root.
        from: String,
        /// Where it is: an absolute path under the data root.
        directory: String,
    },
    /// Remove this file.
    RemoveFile {
        /// Absolute path under the data root.
        path: String,
    },
    /// Remove this file of the caller's if it still holds what was written.
    RemoveOwnFile {
        /// Absolute.
        path: String,
        /// What was written.
        contents: String,
    },
    /// Remove all that is in this directory, which was empty before.
    EmptyDirectory {
        /// Absolute path under the data root.
        path: String,
    },
    /// Write the record that was there before; the container's state stays what it is by then.
    RestoreRecord {
        /// As it was recorded.
        container: Box<Container>,
        /// Absolute path of `state.json`.
        path: String,
    },
    /// Remove this blob, unless an image has it by then.
    DropBlob {
        /// Absolute path under the data root.
        path: String,
    },
    /// Remove the blob that a layer was packed into, unless an image has it by then. Its name is known only when it is packed.
    DropPacked {
        /// What was packed: see [`super::PackedDirectory::upper`].
        upper: String,
    },
    /// Strike a manifest off the index.
    StrikeImage {
        /// Absolute path of `index.json`.
        index: String,
        /// Its digest.
        manifest: String,
    },
    /// Let a name of the index of images lead to where it led before; nowhere, if it led nowhere.
    RestoreName {
        /// Absolute path of `index.json`.
        index: String,
        /// The name in full.
        name: String,
        /// Where it led.
        before: Option<Descriptor>,
        /// This manifest came into the index by the step, and goes again.
        strike: Option<String>,
    },
    /// Close the socket that holds this port. It is the monitor's own, and ends with it at the latest.
    ClosePort {
        /// Where.
        at: SocketAddr,
        /// Of which protocol.
        protocol: Protocol,
    },
    /// End the process that passes on what comes to a container's ports. It ends with the monitor at the latest.
    EndForwarding {
        /// Of which container.
        id: ContainerId,
    },
    /// Delete the engine's own table of rules, unless a rule stands in it.
    DeleteTable,
    /// Delete a rule of the engine's own table.
    DeleteRule {
        /// In which chain.
        chain: Chain,
        /// What it is for.
        comment: String,
        /// It stays while this bridge has ports: others need it by then.
        bridge: Option<String>,
    },
    /// Write what a setting of the host's network namespace was before.
    RestoreSetting {
        /// With dots.
        name: String,
        /// What it was.
        value: String,
    },
    /// Write what the file of a cgroup held before; one that is gone has nothing to be put right.
    WriteBack {
        /// Absolute path in a cgroup file system.
        file: String,
        /// What it held.
        value: String,
    },
    /// Put back on record whether the container is paused, if it still runs.
    RestorePause {
        /// Which.
        id: ContainerId,
        /// It was.
        paused: bool,
    },
    /// Remove this empty cgroup directory, after ending whatever still runs in it.
    RemoveCgroup {
        /// Absolute path in a cgroup file system.
        directory: String,
        /// It may have come to hold what is not ours: then it stays.
        shared: bool,
    },
    /// End the process that the step made, and reap it. With it go its namespaces, and with them their mounts: a namespace lives
    /// as long as a process or an open descriptor in it (namespaces(7)).
    EndProcess,
    /// The effect lives in the container's process and ends with it. To step back, the process is ended and made again up to the
    /// step before.
    EndsWithProcess,
    /// The effect lives in a directory that an earlier step made and goes with it.
    EndsWithDirectory,
    /// The effect lives in a network interface that an earlier step made and goes with it.
    EndsWithInterface,
    /// Delete this network interface of the host.
    DeleteInterface {
        /// Its name.
        name: String,
        /// It may have come to be used by others: a bridge with ports stays.
        shared: bool,
    },
    /// Take lines out of a file and add others, if it is there.
    EditLines {
        /// Absolute path under the data root.
        path: String,
        /// Lines that go.
        remove: Vec<String>,
        /// Lines that come.
        add: Vec<String>,
    },
    /// Let a route of a container that runs lead where it led before.
    RestoreRoute {
        /// Which container.
        id: ContainerId,
        /// Where to.
        destination: IpNet,
        /// By whom, and out of which interface; nowhere: the route goes.
        before: Option<(IpAddr, String)>,
    },
    /// Take off a container's record what it has of a network.
    ReleaseEndpoint {
        /// Which container.
        id: ContainerId,
        /// The network's id.
        network: String,
    },
    /// What it did is left standing, for this reason: it does no harm, and doing it again changes nothing.
    LeftStanding {
        /// Why, in a sentence.
        why: String,
    },
    /// It cannot be taken back, for this reason.
    Impossible {
        /// Why, in a sentence.
        why: String,
    },
    /// There is nothing to take back: the step only looked or waited.
    NothingChanged,
}
