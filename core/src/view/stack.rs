//! Images as stacks of layers: what stands upon what, and which layers several images have in common.

use serde::{Deserialize, Serialize};

use crate::model::{Image, Layer, State, short_digest};

/// An image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageStack {
    /// Its names, or its short id.
    pub name: String,
    /// From the lowest.
    pub layers: Vec<StackedLayer>,
    /// Bytes of files in all of them.
    pub bytes: u64,
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

/// All images, by name; those without one last. `bytes` knows the length of a layer's files where they stand extracted.
pub fn stacks(state: &State, bytes: &dyn Fn(&Layer) -> u64) -> Vec<ImageStack> {
    let mut images: Vec<&Image> = state.images.values().collect();
    images.sort_by_key(|image| (image.names.is_empty(), image.names.clone(), image.id.clone()));
    images.iter().map(|image| stack(image, &images, bytes)).collect()
}

fn stack(image: &Image, all: &[&Image], bytes: &dyn Fn(&Layer) -> u64) -> ImageStack {
    let mut made_by = image.history.iter().filter(|line| !line.empty_layer).map(|line| line.created_by.as_str());
    let layers = image.layers.iter().map(|layer| StackedLayer {
        short: short_digest(&layer.diff_id).to_string(),
        created_by: made_by.next().unwrap_or_default().to_string(),
        bytes: bytes(layer),
        shared_with: (all.iter().filter(|other| other.id != image.id))
            .filter(|other| other.layers.iter().any(|own| own.diff_id == layer.diff_id))
            .map(|other| name(other))
            .collect(),
    });
    let layers: Vec<StackedLayer> = layers.collect();
    ImageStack { name: name(image), bytes: layers.iter().map(|layer| layer.bytes).sum(), layers }
}

fn name(image: &Image) -> String {
    if image.names.is_empty() { short_digest(&image.id).to_string() } else { image.names.join(", ") }
}

/// As text, the topmost layer first.
pub fn to_text(stacks: &[ImageStack]) -> String {
    let layer = |layer: &StackedLayer| {
        let shared =
            if layer.shared_with.is_empty() { String::new() } else { format!("  also in {}", layer.shared_with.join("; ")) };
        format!("  {}  {:>9}  {}{shared}\n", layer.short, super::reclaimed::human_size(layer.bytes), layer.created_by)
    };
    let stack = |stack: &ImageStack| format!("{}\n{}", stack.name, stack.layers.iter().rev().map(layer).collect::<String>());
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
}
