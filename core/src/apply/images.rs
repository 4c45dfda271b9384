//! What becomes of images.

use crate::model::{Image, PackedLayer, State};
use crate::reference::familiar;

fn change(state: &mut State, which: impl Fn(&Image) -> bool, how: impl Fn(&mut Image)) {
    let ids: Vec<String> = state.images.values().filter(|image| which(image)).map(|image| image.id.clone()).collect();
    for id in ids {
        if let Some(image) = state.images.get_mut(&id) {
            how(image);
        }
    }
}

/// Layers are shared: every image that has it.
pub(super) fn set_extracted(state: &mut State, diff_id: &str, extracted: bool) {
    let has = |image: &Image| image.layers.iter().any(|layer| layer.diff_id == diff_id);
    change(state, has, |image| {
        image.layers.iter_mut().filter(|layer| layer.diff_id == diff_id).for_each(|layer| layer.extracted = extracted);
    });
}

pub(super) fn tagged(state: &mut State, name: &str, id: &str) {
    untagged(state, name);
    change(
        state,
        |image| image.id == id,
        |image| {
            image.lead_to(Some(familiar(name)));
            image.stored = true;
        },
    );
}

pub(super) fn untagged(state: &mut State, name: &str) {
    let name = familiar(name);
    let has = |image: &Image| image.names.contains(&name) || image.digests.contains(&name);
    change(state, has, |image| {
        image.names.retain(|known| *known != name);
        image.digests.retain(|known| *known != name);
    });
}

/// What is part of the program is still there, only not in the store.
pub(super) fn forgotten(state: &mut State, manifest: &str) {
    change(
        state,
        |image| image.manifest == manifest && image.embedded,
        |image| {
            image.names = vec![crate::oci::toolbox::REFERENCE.into()];
            image.stored = false;
        },
    );
    let gone = |image: &&Image| image.manifest == manifest && !image.embedded;
    let ids: Vec<String> = state.images.values().filter(gone).map(|image| image.id.clone()).collect();
    for id in ids {
        state.images.remove_mut(&id);
    }
}

/// Layers that it shares with another are extracted if they are there.
pub(super) fn recorded(state: &mut State, image: &Image) {
    let of_images = state.images.values().flat_map(|known| &known.layers);
    let of_builds = state.building.results.values().flat_map(|result| &result.layers);
    let of_cache = state.build_cache.values().filter_map(|record| record.layer.as_ref());
    let all = of_images.chain(of_builds).chain(of_cache);
    let extracted: Vec<String> = all.filter(|layer| layer.extracted).map(|layer| layer.diff_id.clone()).collect();
    state.add_images(vec![image.clone()]);
    // What was packed has its image now.
    let has = |packed: &PackedLayer| {
        packed.layer.as_ref().is_none_or(|layer| image.layers.iter().any(|own| own.diff_id == layer.diff_id))
    };
    let taken: Vec<String> = state.packed.iter().filter(|(_, packed)| has(packed)).map(|(upper, _)| upper.clone()).collect();
    for upper in taken {
        state.packed.remove_mut(&upper);
    }
    if let Some(known) = state.images.get_mut(&image.id) {
        known.layers.iter_mut().for_each(|layer| layer.extracted = extracted.contains(&layer.diff_id));
    }
}
