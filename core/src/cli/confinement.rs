//! `Confinement`: what `--security-opt` and the flags on devices say about a container's fences.

use serde::{Deserialize, Serialize};

/// What was said; the empty value: Docker's defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Confinement {
    /// `--security-opt` as Docker records it: without `systempaths`, a seccomp profile by its text.
    pub security_options: Vec<String>,
    /// `seccomp=FILE`: the file as typed; the text of its JSON, without blanks, once it was read.
    pub seccomp_profile: Option<String>,
    /// `apparmor=PROFILE`
    pub apparmor: Option<String>,
    /// `systempaths=unconfined`
    pub system_paths_unconfined: bool,
    /// `writable-cgroups=true`
    pub writable_cgroups: bool,
    /// `--device`, in order.
    pub devices: Vec<DeviceMapping>,
    /// `--device-cgroup-rule`, as typed: `c 10:229 rwm`.
    pub device_rules: Vec<String>,
}

/// `--device`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceMapping {
    /// On the host; a device, or a directory of such.
    pub host: String,
    /// In the container.
    pub container: String,
    /// Of `rwm`.
    pub permissions: String,
}

impl DeviceMapping {
    /// `HOST[:CONTAINER][:rwm]`, which was checked before.
    pub fn parse(text: &str) -> DeviceMapping {
        let is_mode = |word: &str| !word.is_empty() && word.bytes().all(|byte| b"rwm".contains(&byte));
        let words: Vec<&str> = text.split(':').collect();
        let (host, container, permissions) = match words.as_slice() {
            [host, container, permissions, ..] => (*host, *container, *permissions),
            [host, mode] if is_mode(mode) => (*host, *host, *mode),
            [host, container] => (*host, *container, "rwm"),
            _ => (text, text, "rwm"),
        };
        DeviceMapping { host: host.into(), container: container.into(), permissions: permissions.into() }
    }
}
