//! The files of a layer as rows: a tree whose directories can be folded, or what later layers hide.

use std::collections::{BTreeMap, BTreeSet};

use glassbox_core::oci::layer::{Touch, Touched, Waste};
use glassbox_core::view::layers::LayersView;

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where its path is in the layer's list.
    pub place: usize,
    /// Its depth; 0 where the whole path is shown.
    pub depth: usize,
    /// What is shown of its path.
    pub name: String,
    /// Bytes of it, or of all that the layer has in it.
    pub bytes: u64,
    /// The layer that hides it, and how.
    pub hidden: Option<(usize, Touch)>,
    /// A directory, and it is folded.
    pub folded: Option<bool>,
}

/// What is to be seen of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Directories whose contents are not shown.
    pub folded: BTreeSet<String>,
    /// Files alone that later layers hide.
    pub hidden_only: bool,
}

/// The rows of a layer, from its place in the image.
pub fn rows(view: &LayersView, layer: usize, choice: &Choice) -> Vec<Row> {
    let Some(shown) = view.layers.get(layer) else { return Vec::new() };
    let hides: BTreeMap<&str, &Waste> =
        view.waste.iter().filter(|waste| waste.layer == layer + 1).map(|waste| (waste.path.as_str(), waste)).collect();
    let hidden = |path: &str| hides.get(path).map(|waste| (waste.by, waste.cause));
    if choice.hidden_only {
        let row = |(place, file): (usize, &Touched)| {
            let hidden = hidden(&file.path)?;
            Some(Row { place, depth: 0, name: file.path.clone(), bytes: file.bytes, hidden: Some(hidden), folded: None })
        };
        let mut rows: Vec<Row> = shown.files.iter().enumerate().filter_map(row).collect();
        rows.sort_by(|one, other| other.bytes.cmp(&one.bytes).then_with(|| one.name.cmp(&other.name)));
        return rows;
    }
    let within = bytes_within(&shown.files);
    let mut ordered: Vec<(usize, &Touched)> = shown.files.iter().enumerate().collect();
    ordered.sort_by(|(_, one), (_, other)| one.path.split('/').cmp(other.path.split('/')));
    let mut rows = Vec::new();
    let mut closed: Option<&str> = None;
    for (place, file) in ordered {
        if closed.is_some_and(|directory| is_below(&file.path, directory)) {
            continue;
        }
        let is_directory = file.kind == "directory" && file.touch != Touch::Removed;
        let folded = is_directory.then(|| choice.folded.contains(&file.path));
        closed = (folded == Some(true)).then_some(file.path.as_str());
        rows.push(Row {
            place,
            depth: file.path.matches('/').count().saturating_sub(1),
            name: file.path.rsplit('/').next().unwrap_or_default().to_string(),
            bytes: if is_directory { within.get(file.path.as_str()).copied().unwrap_or_default() } else { file.bytes },
            hidden: hidden(&file.path),
            folded,
        });
    }
    rows
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| directory == "/" || rest.starts_with('/'))
}

fn bytes_within(files: &[Touched]) -> BTreeMap<&str, u64> {
    let mut within: BTreeMap<&str, u64> = BTreeMap::new();
    for file in files.iter().filter(|file| file.touch != Touch::Removed) {
        let mut path = file.path.as_str();
        while let Some((directory, _)) = path.rsplit_once('/').filter(|(directory, _)| !directory.is_empty()) {
            *within.entry(directory).or_default() += file.bytes;
            path = directory;
        }
    }
    within
}
