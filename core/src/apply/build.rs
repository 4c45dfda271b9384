//! What becomes of the build at hand, and of the cache.

use crate::event::BuildEvent;
use crate::model::{BuildResult, Building, Layer, State};
use crate::step::FetchedFor;

pub(super) fn apply(state: &mut State, event: &BuildEvent) {
    match event {
        BuildEvent::Begun => {
            let taken = std::mem::take(&mut state.building.taken);
            state.building = Building { taken, ..Building::default() };
            state.packed = Default::default();
        }
        BuildEvent::SourcesRead { slot, mount, parts } => state.building.files.insert_mut((*slot, *mount), parts.clone()),
        BuildEvent::ProgramFailed { failed } => state.building.failed = Some(failed.clone()),
        BuildEvent::ImageNoted { id } => state.building.image = Some(id.clone()),
        BuildEvent::CacheMountMade { name, mount } => state.cache_mounts.insert_mut(name.clone(), mount.clone()),
        BuildEvent::CacheMountRemoved { name } => {
            state.cache_mounts.remove_mut(name);
        }
        BuildEvent::InstructionDone { slot, result } => state.building.results.insert_mut(*slot, (**result).clone()),
        BuildEvent::ChangesSetAside { slot, key, directory } => {
            let layers = vec![Layer::aside(directory)];
            state.building.results.insert_mut(*slot, BuildResult { key: key.clone(), layers, created_ns: 0 });
            state.building.aside.insert_mut(*slot, directory.clone());
        }
        BuildEvent::ResultKept { key, record } => state.build_cache.insert_mut(key.clone(), (**record).clone()),
        BuildEvent::ResultDropped { key } => {
            state.build_cache.remove_mut(key);
        }
        BuildEvent::InputRead { seen } => state.building.taken.seen = Some(seen.clone()),
        BuildEvent::ContextTaken { directory, .. } => state.building.taken.directory.clone_from(directory),
        BuildEvent::CommitFound { place: FetchedFor::Context, commit } => state.building.taken.commit = Some(commit.clone()),
        BuildEvent::CommitFound { place: FetchedFor::Instruction(slot, number), commit } => {
            state.building.commits.insert_mut((*slot, *number), commit.clone());
        }
        BuildEvent::DefinitionRead { definition } => state.building.taken.definition = Some(definition.clone()),
        BuildEvent::CacheRead { cache } => state.building.imported.insert_mut(cache.number, (**cache).clone()),
        BuildEvent::WorkspaceRemoved { path } => {
            if state.building.taken.directory == *path {
                state.building.taken.directory.clear();
            }
            let gone: Vec<_> = state.building.aside.iter().filter(|(_, aside)| *aside == path).map(|(slot, _)| *slot).collect();
            for slot in gone {
                state.building.aside.remove_mut(&slot);
            }
        }
        BuildEvent::ResultMissed { .. } | BuildEvent::FilesBrought { .. } => {}
    }
}

/// Wherever a layer is known, its files are known to stand extracted, or not any more.
pub(super) fn set_extracted(state: &mut State, diff_id: &str, extracted: bool) {
    let set = |layer: &mut Layer| {
        if layer.diff_id == diff_id {
            layer.extracted = extracted;
        }
    };
    let slots: Vec<_> = state.building.results.keys().copied().collect();
    for slot in slots {
        if let Some(result) = state.building.results.get_mut(&slot) {
            result.layers.iter_mut().for_each(set);
        }
    }
    let keys: Vec<String> = state.build_cache.keys().cloned().collect();
    for key in keys {
        if let Some(record) = state.build_cache.get_mut(&key) {
            record.layer.iter_mut().for_each(set);
        }
    }
}
