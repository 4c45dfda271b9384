//! Images as stacks of layers: what stands upon what, and which layers several images have in common.

use serde::{Deserialize, Serialize};

use super::reclaimed::human_size;
use crate::model::{Image, Layer, State, short_digest};
use crate::oci::layer::Waste;

/// An image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageStack {
    /// Its names, or its short id.
    pub name: String,
    /// From the lowest.
    pub layers: Vec<StackedLayer>,
    /// Bytes of files in all of them.
    pub bytes: u64,
    /// What a later layer hides, the largest first: it is there, and nobody sees it.
    pub waste: Vec<Waste>,
}

/// One of its layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackedLayer {
    /// The beginning of its digest.
    pub short: String,
    /// The instruction that made it; empty: not said.
    pub created_by: String,
    /// Bytes of files in it, as far as they are known.
    pub bytes: u64,
    /// Other images that have it too: it is kept once.
    pub shared_with: Vec<String>,
}

/// What is known of layers besides what the state says.
pub trait Shelf {
    /// Bytes of a layer's files.
    fn bytes(&self, layer: &Layer) -> u64;
    /// What of an image's layers is hidden by others of them; nothing where they do not stand extracted.
    fn waste(&self, image: &Image) -> Vec<Waste>;
}

/// All images, by name; those without one last.
pub fn stacks(state: &State, shelf: &impl Shelf) -> Vec<ImageStack> {
    let mut images: Vec<&Image> = state.images.values().collect();
    images.sort_by_key(|image| (image.names.is_empty(), image.names.clone(), image.id.clone()));
    images.iter().map(|image| stack(image, &images, shelf)).collect()
}

fn stack(image: &Image, all: &[&Image], shelf: &impl Shelf) -> ImageStack {
    let mut made_by = image.history.iter().filter(|line| !line.empty_layer).map(|line| line.created_by.as_str());
    let layers = image.layers.iter().map(|layer| StackedLayer {
        short: short_digest(&layer.diff_id).to_string(),
        created_by: made_by.next().unwrap_or_default().to_string(),
        bytes: shelf.bytes(layer),
        shared_with: (all.iter().filter(|other| other.id != image.id))
            .filter(|other| other.layers.iter().any(|own| own.diff_id == layer.diff_id))
            .map(|other| name(other))
            .collect(),
    });
    let layers: Vec<StackedLayer> = layers.collect();
    let bytes = layers.iter().map(|layer| layer.bytes).sum();
    ImageStack { name: name(image), bytes, layers, waste: shelf.waste(image) }
}

fn name(image: &Image) -> String {
    if image.names.is_empty() { short_digest(&image.id).to_string() } else { image.names.join(", ") }
}

/// `10B of /big in layer 2: removed in layer 3, and still there`
pub fn hidden(waste: &Waste) -> String {
    let Waste { path, layer, by, .. } = waste;
    format!("{} of {path} in layer {layer}: {} in layer {by}, and still there", human_size(waste.bytes), waste.cause_told())
}

/// As text, the topmost layer first.
pub fn to_text(stacks: &[ImageStack]) -> String {
    let layer = |layer: &StackedLayer| {
        let shared =
            if layer.shared_with.is_empty() { String::new() } else { format!("  also in {}", layer.shared_with.join("; ")) };
        format!("  {}  {:>9}  {}{shared}\n", layer.short, human_size(layer.bytes), layer.created_by)
    };
    let stack = |stack: &ImageStack| {
        let layers: String = stack.layers.iter().rev().map(layer).collect();
        let hidden: String = stack.waste.iter().map(|waste| format!("  {}\n", hidden(waste))).collect();
        format!("{}\n{layers}{hidden}", stack.name)
    };
    stacks.iter().map(stack).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::HostFacts;
    use crate::session::{Input, Session};

    #[test]
    fn an_image_stands_upon_the_layers_of_its_base() {
        let mut session = Session::new(HostFacts::example());
        let text = "FROM toolbox\nRUN echo 12345 > /five\nENV A=b\n".to_string();
        session.give(&Input::File { path: "/project/Dockerfile".into(), text: Some(text) });
        session.command("docker build -q -t web /project");
        let stacks = session.world().image_stacks();
        assert_eq!(stacks.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["toolbox:latest", "web:latest"]);
        assert_eq!(stacks[1].layers.len(), 2);
        assert_eq!(stacks[1].layers[0].shared_with, ["toolbox:latest"]);
        assert_eq!(stacks[1].layers[0].short, stacks[0].layers[0].short);
        assert_eq!((stacks[1].layers[1].bytes, stacks[1].layers[1].shared_with.len()), (6, 0));
        assert!(stacks[1].layers[1].created_by.contains("echo 12345"), "{stacks:?}");
        let text = to_text(&stacks);
        assert!(text.starts_with("toolbox:latest\n  "), "{text}");
        assert!(text.ends_with("also in toolbox:latest\n"), "{text}");
    }

    #[test]
    fn what_a_later_layer_removes_is_still_there() {
        let mut session = Session::new(HostFacts::example());
        let text = "FROM toolbox\nRUN echo 12345 > /five\nRUN rm /five\n".to_string();
        session.give(&Input::File { path: "/project/Dockerfile".into(), text: Some(text) });
        session.command("docker build -q -t web /project");
        let stacks = session.world().image_stacks();
        assert_eq!(stacks[0].waste, []);
        assert!(
            to_text(&stacks).ends_with("  6B of /five in layer 2: removed in layer 3, and still there\n"),
            "{}",
            to_text(&stacks)
        );
    }
}
