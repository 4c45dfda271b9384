//! `RUN --mount`, resolved: what is mounted for one program, and what a cache key says of it.
//!
//! As BuildKit has it, a key knows the content of files that are mounted, and of a secret, an agent or a cache only the name: another
//! value of a secret is no other result.

use serde::{Deserialize, Serialize};

use super::work::CopySource;
use crate::dockerfile::mounts::{Mount, MountType, Sharing};
use crate::plan::clean;

/// Of a cache, unless it says otherwise.
const CACHE_MODE: u32 = 0o755;
/// Of a secret.
const SECRET_MODE: u32 = 0o400;

/// Something that is mounted for a program, and is gone afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMount {
    /// Absolute.
    pub target: String,
    /// Nothing can be written there.
    pub read_only: bool,
    /// What it is.
    pub what: Mounted,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mounted {
    /// Files; what the program changes in them is gone afterwards.
    Files {
        /// Where they are.
        from: CopySource,
        /// The path there: absolute.
        source: String,
    },
    /// A script that stands in the Dockerfile and names its interpreter.
    Script {
        /// Its name.
        name: String,
        /// What it says.
        content: String,
    },
    /// A directory that stays from build to build.
    Cache {
        /// By which builds find it.
        id: String,
        /// Who may use it at the same time.
        sharing: Sharing,
        /// What it begins with.
        from: Option<CopySource>,
        /// The path in it: absolute.
        source: String,
        /// Whose it is when it is made.
        owner: (u32, u32),
        /// Its permission bits when it is made.
        mode: u32,
    },
    /// Memory.
    Memory {
        /// 0: the kernel's own limit.
        size_bytes: u64,
    },
    /// A secret of the caller's.
    Secret {
        /// Which.
        id: String,
        /// It is a file; else only a variable.
        file: bool,
        /// The variable that has it.
        variable: Option<String>,
        /// Without it the build fails.
        required: bool,
        /// Whose the file is.
        owner: (u32, u32),
        /// Its permission bits.
        mode: u32,
    },
    /// The socket of the caller's agent.
    Agent {
        /// Which.
        id: String,
        /// Without it the build fails.
        required: bool,
    },
}

/// What a mount is resolved with.
pub struct Place<'a> {
    /// Where the stage stands.
    pub directory: &'a str,
    /// How many agents were mounted before.
    pub agents: usize,
    /// The number of the stage that a name stands for.
    pub stage: &'a dyn Fn(&str) -> Option<usize>,
}

impl Place<'_> {
    fn absolute(&self, target: &str) -> String {
        clean(&if target.starts_with('/') { target.to_string() } else { format!("{}/{target}", self.directory) })
    }

    fn from(&self, from: Option<&String>) -> Option<CopySource> {
        from.map(|from| (self.stage)(from).map_or_else(|| CopySource::Image(from.clone()), CopySource::Stage))
    }
}

/// Defaults filled in.
pub fn resolve(mount: Mount, place: &Place<'_>) -> RunMount {
    let owner = (mount.uid.unwrap_or_default(), mount.gid.unwrap_or_default());
    let target = place.absolute(&mount.target);
    let source = clean(&format!("/{}", mount.source));
    let read_only = mount.read_only;
    let of = |target: String, what: Mounted| RunMount { target, read_only, what };
    match mount.kind {
        MountType::Bind => {
            let from = place.from(mount.from.as_ref()).unwrap_or(CopySource::Context);
            of(target, Mounted::Files { from, source })
        }
        MountType::Cache => {
            let id = if mount.id.is_empty() { clean(&mount.target) } else { mount.id };
            let (from, mode) = (place.from(mount.from.as_ref()), mount.mode.unwrap_or(CACHE_MODE));
            of(target, Mounted::Cache { id, sharing: mount.sharing, from, source, owner, mode })
        }
        MountType::Tmpfs => of(target, Mounted::Memory { size_bytes: mount.size_bytes }),
        MountType::Secret => {
            let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_string();
            let id = [mount.source, mount.id].into_iter().find(|id| !id.is_empty()).unwrap_or_else(|| last(&mount.target));
            let file = mount.env.is_none() || !mount.target.is_empty();
            let target = if mount.target.is_empty() { format!("/run/secrets/{}", last(&id)) } else { target };
            let mode = mount.mode.unwrap_or(SECRET_MODE);
            of(target, Mounted::Secret { id, file, variable: mount.env, required: mount.required, owner, mode })
        }
        MountType::Ssh => {
            let id = if mount.id.is_empty() { "default".to_string() } else { mount.id };
            let usual = format!("/run/buildkit/ssh_agent.{}", place.agents);
            let target = if mount.target.is_empty() { usual } else { target };
            of(target, Mounted::Agent { id, required: mount.required })
        }
    }
}

impl RunMount {
    /// Where files come from that are read for it.
    pub fn files(&self) -> Option<(&CopySource, &str)> {
        match &self.what {
            Mounted::Files { from, source } => Some((from, source)),
            Mounted::Cache { from: Some(from), .. } => Some((from, "/")),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn source_mut(&mut self) -> Option<&mut CopySource> {
        match &mut self.what {
            Mounted::Files { from, .. } => Some(from),
            Mounted::Cache { from, .. } => from.as_mut(),
            _ => None,
        }
    }

    /// What a key says of it besides the content of files.
    pub fn in_key(&self) -> String {
        let access = if self.read_only { "read-only" } else { "writable" };
        match &self.what {
            Mounted::Files { source, .. } => format!("{access} {source}"),
            Mounted::Script { name, content } => format!("script {name} {}", crate::oci::digest::of(content.as_bytes())),
            Mounted::Cache { id, sharing, source, owner: (uid, gid), mode, .. } => {
                format!("{access} cache {id} {source} {} {uid}:{gid} {mode:o}", sharing.word())
            }
            Mounted::Memory { size_bytes } => format!("{access} memory {size_bytes}"),
            Mounted::Secret { id, file, variable, required, owner: (uid, gid), mode } => {
                let variable = variable.as_deref().unwrap_or_default();
                format!("secret {id} {file} {variable:?} {required} {uid}:{gid} {mode:o}")
            }
            Mounted::Agent { id, required } => format!("agent {id} {required}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::mounts::read;

    fn resolved(text: &str) -> RunMount {
        let stage = |name: &str| (name == "one").then_some(1);
        let mount = read(text, |value| Ok(value.to_string())).unwrap();
        resolve(mount, &Place { directory: "/app", agents: 0, stage: &stage })
    }

    #[test]
    fn defaults_are_buildkits() {
        let bind = resolved("from=one,source=a/../b,target=x");
        assert_eq!((bind.target.as_str(), bind.read_only), ("/app/x", true));
        assert_eq!(bind.files(), Some((&CopySource::Stage(1), "/b")));
        let Mounted::Cache { id, mode, .. } = resolved("type=cache,target=/c/").what else { panic!("no cache") };
        assert_eq!((id.as_str(), mode), ("/c", 0o755));
        let secret = resolved("type=secret,id=a/b");
        assert_eq!(secret.target, "/run/secrets/b");
        let Mounted::Secret { file, variable, .. } = resolved("type=secret,id=t,env=T").what else { panic!("no secret") };
        assert_eq!((file, variable.as_deref()), (false, Some("T")));
        assert_eq!(resolved("type=ssh").target, "/run/buildkit/ssh_agent.0");
    }
}
