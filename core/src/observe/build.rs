//! What the steps of a build leave behind.

use super::{Look, Outcome};
use crate::build::record;
use crate::errno::Errno;
use crate::event::{BuildEvent, Event};
use crate::model::{BuildResult, CacheRecord, FailedProgram, Slot};
use crate::query::Subject;
use crate::step::{BuildStep, FetchedFor};
use crate::userland::WaitStatus;

impl Look<'_> {
    pub(super) fn build(&self, step: &BuildStep) -> Result<Vec<Event>, Errno> {
        match step {
            BuildStep::UseCached { slot, key, path, .. } => {
                let record = self.cached(path)?;
                Ok(vec![done(*slot, key, &record)])
            }
            BuildStep::SetAside { directory, .. } if !self.exists(directory)? => Ok(Vec::new()),
            BuildStep::KeepResult { slot, key, path, .. } => {
                let record = self.cached(path)?;
                Ok(kept(*slot, key, &record))
            }
            BuildStep::MakeCacheMount { name, directory, .. } => {
                let bytes = self.bytes(Subject::Host, &format!("{directory}/mount.json"))?;
                let mount = record::read_mount(&bytes).ok_or(Errno::EINVAL)?;
                Ok(vec![Event::Build(BuildEvent::CacheMountMade { name: name.clone(), mount })])
            }
            BuildStep::WriteResultFile { path, .. } => {
                let size_bytes = self.bytes(Subject::Host, path)?.len() as u64;
                Ok(vec![Event::FileWritten { path: path.clone(), size_bytes }])
            }
            BuildStep::RemoveCacheMount { directory, .. } if self.exists(directory)? => Ok(Vec::new()),
            BuildStep::RemoveWorkspace { path } | BuildStep::DropResult { path, .. } if self.exists(path)? => Ok(Vec::new()),
            _ => Ok(essential(step, self.outcome)),
        }
    }

    fn cached(&self, path: &str) -> Result<CacheRecord, Errno> {
        record::read(&self.bytes(Subject::Host, path)?).ok_or(Errno::EINVAL)
    }
}

fn done(slot: Slot, key: &str, record: &CacheRecord) -> Event {
    let layers = record.layer.iter().cloned().collect();
    let result = BuildResult { key: key.to_string(), layers, created_ns: record.created_ns };
    Event::Build(BuildEvent::InstructionDone { slot, result: Box::new(result) })
}

fn kept(slot: Slot, key: &str, record: &CacheRecord) -> Vec<Event> {
    let kept = BuildEvent::ResultKept { key: key.to_string(), record: Box::new(record.clone()) };
    vec![done(slot, key, record), Event::Build(kept)]
}

/// Of what is no file of the caller's.
fn of_elsewhere(step: &BuildStep, outcome: &Outcome) -> Option<BuildEvent> {
    let files = outcome.files.as_deref();
    match step {
        BuildStep::ReadInput { .. } => files?.seen.clone().map(|seen| BuildEvent::InputRead { seen }),
        BuildStep::UnpackContext { path } | BuildStep::FetchCommit { path, .. } => {
            Some(BuildEvent::ContextTaken { directory: path.clone(), entries: files.map_or(0, |files| files.made) })
        }
        BuildStep::FindCommit { place, .. } => {
            files?.commit.clone().map(|commit| BuildEvent::CommitFound { place: *place, commit })
        }
        BuildStep::ReadDefinition { .. } => files?.definition.clone().map(|definition| BuildEvent::DefinitionRead { definition }),
        _ => None,
    }
}

/// Without looking at anything but the outcome.
pub(super) fn essential(step: &BuildStep, outcome: &Outcome) -> Vec<Event> {
    let event = match step {
        BuildStep::LoadDefinition { .. } => BuildEvent::Begun,
        BuildStep::FetchCommit { place: FetchedFor::Instruction(..), path, .. } => {
            return vec![Event::DirectoryCreated { path: path.clone() }];
        }
        BuildStep::ReadInput { .. }
        | BuildStep::UnpackContext { .. }
        | BuildStep::ReadDefinition { .. }
        | BuildStep::FindCommit { .. }
        | BuildStep::FetchCommit { .. } => return of_elsewhere(step, outcome).map(Event::Build).into_iter().collect(),
        BuildStep::WriteOutput { output, .. } => {
            let Some(file) = output else { return Vec::new() };
            let size_bytes = outcome.files.as_ref().map_or(0, |files| files.made);
            return vec![Event::FileWritten { path: file.path.clone(), size_bytes }];
        }
        BuildStep::ReadCache { .. } => match outcome.files.as_ref().and_then(|files| files.cache.clone()) {
            Some(cache) => BuildEvent::CacheRead { cache },
            None => return Vec::new(),
        },
        BuildStep::WriteCache { output, .. } => {
            let size_bytes = outcome.files.as_ref().map_or(0, |files| files.made);
            return vec![Event::FileWritten { path: output.path.clone(), size_bytes }];
        }
        BuildStep::TakeLayer { path, size, .. } => return vec![Event::FileWritten { path: path.clone(), size_bytes: *size }],
        BuildStep::UseBase { slot, base, .. } => BuildEvent::InstructionDone { slot: *slot, result: Box::new(base.clone()) },
        BuildStep::ReadSources { slot, mount, .. } => BuildEvent::SourcesRead {
            slot: *slot,
            mount: *mount,
            parts: outcome.files.as_ref().map(|files| files.parts.clone()).unwrap_or_default(),
        },
        BuildStep::UseCached { slot, key, record, .. } => return vec![done(*slot, key, record)],
        BuildStep::KeepResult { slot, key, record, .. } => return kept(*slot, key, record),
        BuildStep::MissCache { slot, key, .. } => BuildEvent::ResultMissed { slot: *slot, key: key.digest() },
        BuildStep::SetAside { slot, key, directory, .. } => {
            BuildEvent::ChangesSetAside { slot: *slot, key: key.clone(), directory: directory.clone() }
        }
        BuildStep::BringFiles { copy, .. } => BuildEvent::FilesBrought {
            destination: copy.destination.clone(),
            entries: outcome.files.as_ref().map_or(0, |files| files.made),
        },
        BuildStep::DropResult { key, .. } => BuildEvent::ResultDropped { key: key.clone() },
        BuildStep::RemoveWorkspace { path } => BuildEvent::WorkspaceRemoved { path: path.clone() },
        BuildStep::MakeCacheMount { name, mount, .. } => BuildEvent::CacheMountMade { name: name.clone(), mount: mount.clone() },
        BuildStep::RemoveCacheMount { name, .. } => BuildEvent::CacheMountRemoved { name: name.clone() },
        BuildStep::NoteExit { slot, .. } => {
            let exit_code = outcome.status.map_or(0, WaitStatus::code);
            if exit_code == 0 {
                return Vec::new();
            }
            BuildEvent::ProgramFailed { failed: FailedProgram { slot: *slot, exit_code } }
        }
        BuildStep::FetchFile { path, .. } => {
            let size_bytes = outcome.files.as_ref().map_or(0, |files| files.made);
            return vec![Event::FileWritten { path: path.clone(), size_bytes }];
        }
        BuildStep::NoteImage { id } => BuildEvent::ImageNoted { id: id.clone() },
        BuildStep::WriteResultFile { path, contents, .. } => {
            return vec![Event::FileWritten { path: path.clone(), size_bytes: contents.len() as u64 }];
        }
        BuildStep::Configure { .. }
        | BuildStep::LockCacheMount { .. }
        | BuildStep::UnlockCacheMount { .. }
        | BuildStep::PlaceSecret { .. }
        | BuildStep::FindAgent { .. }
        | BuildStep::CheckExit { .. } => return Vec::new(),
    };
    vec![Event::Build(event)]
}
