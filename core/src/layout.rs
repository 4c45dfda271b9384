//! Where things lie under the data root: one place that knows the names.
//!
//! ```text
//! layers/<diff id without sha256:>/   the files of an extracted layer
//! images/                             an OCI image layout: oci-layout, index.json, blobs/sha256/<digest>
//! build-cache/<key>.json              what an instruction of a build came to, and on what that depended
//! build-mounts/<name>/{mount.json,_data}  a directory of RUN --mount=type=cache
//! building/<id>/{upper,work,merged}   a layer that is being made
//! containers/<id>/state.json          what the engine knows of the container
//! containers/<id>/config.json         the OCI runtime specification
//! containers/<id>/{upper,work}        the overlay
//! merged/                             where every container's overlay appears, each in a mount namespace of its own: empty from outside
//! containers/<id>/{hostname,hosts,resolv.conf}
//! containers/<id>/<id>-json.log       stdout and stderr, as Docker's json-file driver writes them
//! networks/<id>.json                 what the engine knows of a network
//! volumes/<name>/volume.json          what the engine knows of a volume
//! volumes/<name>/_data/               its files
//! events.log                          on Linux: what was done, a line of JSON each
//! daemon.json                         yours: mirrors and insecure registries, as in Docker's /etc/docker/daemon.json, which counts where this is not
//! ```

use crate::model::ContainerId;

/// Paths under a data root.
#[derive(Clone, Debug)]
pub struct Layout<'a> {
    root: &'a str,
}

impl<'a> Layout<'a> {
    /// `root` is `HostFacts::data_root`, absolute.
    pub fn new(root: &'a str) -> Layout<'a> {
        Layout { root }
    }

    /// The directory of an extracted layer.
    pub fn layer(&self, diff_id: &str) -> String {
        // What is not packed yet has no digest: it is known by where it is. See `Layer::aside`.
        match diff_id.strip_prefix("sha256:") {
            None if crate::model::is_aside(diff_id) => diff_id.to_string(),
            digits => format!("{}/layers/{}", self.root, digits.unwrap_or(diff_id)),
        }
    }

    /// The index of the images: which manifests there are, and what they are called.
    pub fn image_index(&self) -> String {
        format!("{}/images/index.json", self.root)
    }

    /// How registries are reached, where it is to be otherwise than with Docker.
    pub fn daemon_settings(&self) -> String {
        format!("{}/daemon.json", self.root)
    }

    /// The record of a network.
    pub fn network(&self, id: &str) -> String {
        format!("{}/networks/{id}.json", self.root)
    }

    /// The directory of all images: an OCI image layout.
    pub fn images(&self) -> String {
        format!("{}/images", self.root)
    }

    /// A blob of an image.
    pub fn blob(&self, digest: &str) -> String {
        format!("{}/images/blobs/sha256/{}", self.root, digest.trim_start_matches("sha256:"))
    }

    /// The record of a result of a build, by the digest of its key.
    pub fn cached_result(&self, key: &str) -> String {
        format!("{}/build-cache/{}.json", self.root, key.trim_start_matches("sha256:"))
    }

    /// A directory that builds mount as a cache: its record `mount.json`, and `_data`.
    pub fn cache_mount(&self, name: &str) -> String {
        format!("{}/build-mounts/{name}", self.root)
    }

    /// The directory in which a layer is made.
    pub fn workspace(&self, id: &str) -> String {
        format!("{}/building/{id}", self.root)
    }

    /// The directory of all blobs of images.
    pub fn blobs(&self) -> String {
        format!("{}/images/blobs/sha256", self.root)
    }

    /// The directory of all extracted layers.
    pub fn layers(&self) -> String {
        format!("{}/layers", self.root)
    }

    /// The directory of all containers.
    pub fn containers(&self) -> String {
        format!("{}/containers", self.root)
    }

    /// The directory of one container.
    pub fn container(&self, id: &ContainerId) -> String {
        format!("{}/containers/{}", self.root, id.0)
    }

    /// A file or directory of a container: `upper`, `work`, `config.json`, `hostname`, `hosts`, `resolv.conf`, `state.json`.
    pub fn of(&self, id: &ContainerId, name: &str) -> String {
        format!("{}/containers/{}/{name}", self.root, id.0)
    }

    /// Where an overlay appears. One place for all containers: none of them sees what another has mounted there.
    pub fn merged(&self) -> String {
        format!("{}/merged", self.root)
    }

    /// Which signal was sent to a container last, and why.
    pub fn signal_note(&self, id: &ContainerId) -> String {
        self.of(id, "signal")
    }

    /// The log of a container.
    pub fn log(&self, id: &ContainerId) -> String {
        self.of(id, &format!("{}-json.log", id.0))
    }

    /// The directory of a volume: its record, and `_data`.
    pub fn volume(&self, name: &str) -> String {
        format!("{}/volumes/{name}", self.root)
    }

    /// The directory that is mounted where a volume is.
    pub fn volume_data(&self, name: &str) -> String {
        format!("{}/volumes/{name}/_data", self.root)
    }
}
