//! Layers that have to stand extracted, and do not yet.

use std::collections::BTreeSet;

use super::super::origin::{need, planned};
use super::super::{Context, Planned};
use crate::layout::Layout;
use crate::model::Layer;
use crate::step::{Step, StoreStep};

/// Extracts those of the layers that are not. `image`: for which image, in the words of the step. `own`: they were packed by this command.
pub(in crate::plan) fn extracted(layers: &[Layer], image: &str, own: bool, context: &Context<'_>) -> Vec<Planned> {
    let state = context.state;
    let layout = Layout::new(&context.host.data_root);
    let known = |layer: &Layer| {
        let same = |other: &Layer| other.diff_id == layer.diff_id && other.extracted;
        let of_images = state.images.values().any(|image| image.layers.iter().any(same));
        let of_cache = state.build_cache.values().filter_map(|record| record.layer.as_ref()).any(same);
        of_images || of_cache || state.building.results.values().any(|result| result.layers.iter().any(same))
    };
    let embedded = state.embedded_image();
    let is_embedded = |layer: &Layer| embedded.is_some_and(|image| image.layers.iter().any(|own| own.diff_id == layer.diff_id));
    let step = |layer: &Layer| {
        // What is part of the program need not be read from the store.
        let blob = (!is_embedded(layer)).then(|| layout.blob(&layer.blob));
        let of = embedded.filter(|_| blob.is_none()).and_then(|image| image.names.first()).map_or(image, String::as_str);
        let (diff_id, directory) = (layer.diff_id.clone(), layout.layer(&layer.diff_id));
        let step = StoreStep::ExtractLayer { image: of.to_string(), diff_id, blob, directory, own };
        planned(Step::Store(step), need("MountOverlay", "The overlay's lower directories are extracted layers."))
    };
    let mut seen = BTreeSet::new();
    layers.iter().filter(|layer| !layer.extracted && !known(layer) && seen.insert(&layer.diff_id)).map(step).collect()
}
