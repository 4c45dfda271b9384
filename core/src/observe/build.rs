//! What the steps of a build leave behind.

use super::{Look, Outcome};
use crate::build::record;
use crate::errno::Errno;
use crate::event::{BuildEvent, Event};
use crate::model::{BuildResult, CacheRecord, Slot};
use crate::query::Subject;
use crate::step::BuildStep;

impl Look<'_> {
    pub(super) fn build(&self, step: &BuildStep) -> Result<Vec<Event>, Errno> {
        match step {
            BuildStep::UseCached { slot, key, path, .. } => {
                let record = self.cached(path)?;
                Ok(vec![done(*slot, key, &record)])
            }
            BuildStep::KeepResult { slot, key, path, .. } => {
                let record = self.cached(path)?;
                Ok(kept(*slot, key, &record))
            }
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

/// Without looking at anything but the outcome.
pub(super) fn essential(step: &BuildStep, outcome: &Outcome) -> Vec<Event> {
    let event = match step {
        BuildStep::LoadDefinition { .. } => BuildEvent::Begun,
        BuildStep::UseBase { slot, base, .. } => BuildEvent::InstructionDone { slot: *slot, result: Box::new(base.clone()) },
        BuildStep::ReadSources { slot, .. } => BuildEvent::SourcesRead {
            slot: *slot,
            parts: outcome.files.as_ref().map(|files| files.parts.clone()).unwrap_or_default(),
        },
        BuildStep::UseCached { slot, key, record, .. } => return vec![done(*slot, key, record)],
        BuildStep::KeepResult { slot, key, record, .. } => return kept(*slot, key, record),
        BuildStep::MissCache { slot, key, .. } => BuildEvent::ResultMissed { slot: *slot, key: key.digest() },
        BuildStep::BringFiles { copy, .. } => BuildEvent::FilesBrought {
            destination: copy.destination.clone(),
            entries: outcome.files.as_ref().map_or(0, |files| files.made),
        },
        BuildStep::DropResult { key, .. } => BuildEvent::ResultDropped { key: key.clone() },
        BuildStep::RemoveWorkspace { path } => BuildEvent::WorkspaceRemoved { path: path.clone() },
        BuildStep::Configure { .. } | BuildStep::CheckExit { .. } => return Vec::new(),
    };
    vec![Event::Build(event)]
}
