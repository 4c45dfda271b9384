//! `glassbox layers`: plain data, its text, and the verdict over thresholds.

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::reclaimed::human_size;
use crate::errno::Errno;
use crate::model::Image;
use crate::oci::layer::{Explored, LayerError, Merged, NodeKind, OverlayForm, Touch, Touched, Tree, Waste, explore};

/// What of an image is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayersView {
    /// Its id.
    pub id: String,
    /// Its names.
    pub names: Vec<String>,
    /// From the lowest.
    pub layers: Vec<LayerView>,
    /// Bytes of files in all layers.
    pub bytes: u64,
    /// Bytes of those that a container sees.
    pub seen_bytes: u64,
    /// Bytes that a later layer hides.
    pub wasted_bytes: u64,
    /// Of `bytes`, in hundredths of a percent.
    pub wasted_basis_points: u64,
    /// The largest first.
    pub waste: Vec<Waste>,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerView {
    /// From 1.
    pub number: usize,
    /// Of its archive.
    pub diff_id: String,
    /// Of its blob.
    pub digest: String,
    /// The instruction that made it; empty: not said.
    pub created_by: String,
    /// Bytes of files in it.
    pub bytes: u64,
    /// Bytes of its blob.
    pub blob_bytes: u64,
    /// Bytes in it that later layers hide.
    pub wasted_bytes: u64,
    /// What it does.
    pub files: Vec<Touched>,
}

/// At most so much may be wasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WasteLimit {
    /// Bytes.
    Bytes(u64),
    /// Hundredths of a percent of the image's bytes.
    BasisPoints(u64),
}

/// How it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayersAsked {
    /// As JSON.
    pub json: bool,
    /// This layer's files alone, from 1.
    pub layer: Option<usize>,
    /// The content of this file.
    pub file: Option<String>,
    /// More is a failure.
    pub max_waste: Option<WasteLimit>,
    /// As text, also on a terminal.
    pub text: bool,
}

impl LayersAsked {
    /// On a terminal it is looked through on the whole screen: nothing else was asked for.
    pub fn may_fill_a_screen(&self) -> bool {
        *self == LayersAsked::default()
    }
}

/// An image and how it is shown: what the step that shows it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayersShown {
    /// Its id.
    pub id: String,
    /// Its names.
    pub names: Vec<String>,
    /// From the lowest.
    pub layers: Vec<LayerShown>,
    /// They are marked with `user.overlay.*`.
    pub user_xattr: bool,
    /// How.
    pub asked: LayersAsked,
}

/// A layer and where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerShown {
    /// Its extracted files: absolute.
    pub directory: String,
    /// Of its archive.
    pub diff_id: String,
    /// Of its blob.
    pub digest: String,
    /// Bytes of its blob.
    pub blob_bytes: u64,
    /// The instruction that made it.
    pub created_by: String,
}

impl LayersShown {
    /// Of an image whose layers stand extracted.
    pub fn of(image: &Image, directory: impl Fn(&str) -> String, user_xattr: bool, asked: LayersAsked) -> LayersShown {
        let mut made_by = image.history.iter().filter(|step| !step.empty_layer).map(|step| step.created_by.clone());
        let layers = image.layers.iter().map(|layer| LayerShown {
            directory: directory(&layer.diff_id),
            diff_id: layer.diff_id.clone(),
            digest: layer.blob.clone(),
            blob_bytes: layer.blob_bytes,
            created_by: made_by.next().unwrap_or_default(),
        });
        LayersShown { id: image.id.clone(), names: image.names.clone(), layers: layers.collect(), user_xattr, asked }
    }

    /// What was found in them.
    pub fn view(&self, explored: Explored) -> LayersView {
        let wasted_in = |number: usize| explored.waste.iter().filter(|waste| waste.layer == number).map(|waste| waste.bytes).sum();
        let layers: Vec<LayerView> = self
            .layers
            .iter()
            .zip(explored.layers)
            .enumerate()
            .map(|(index, (layer, files))| LayerView {
                number: index + 1,
                diff_id: layer.diff_id.clone(),
                digest: layer.digest.clone(),
                created_by: layer.created_by.clone(),
                bytes: files.iter().map(|file| file.bytes).sum(),
                blob_bytes: layer.blob_bytes,
                wasted_bytes: wasted_in(index + 1),
                files,
            })
            .collect();
        let bytes: u64 = layers.iter().map(|layer| layer.bytes).sum();
        let wasted_bytes: u64 = explored.waste.iter().map(|waste| waste.bytes).sum();
        let wasted_basis_points = u64::try_from(u128::from(wasted_bytes) * 10_000 / u128::from(bytes.max(1))).unwrap_or_default();
        LayersView {
            id: self.id.clone(),
            names: self.names.clone(),
            layers,
            bytes,
            seen_bytes: bytes - wasted_bytes,
            wasted_bytes,
            wasted_basis_points,
            waste: explored.waste,
        }
    }
}

/// What a look at layers answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayersAnswer {
    /// To stdout.
    pub shown: Vec<u8>,
    /// To stderr, and the command fails.
    pub refusal: Option<String>,
}

/// A longer file is not shown.
const FILE_BYTES_MAX: u64 = 16 << 20;

impl LayersShown {
    fn form(&self) -> OverlayForm {
        if self.user_xattr { OverlayForm::User } else { OverlayForm::Trusted }
    }

    /// What is in the layers, from the lowest.
    pub fn explore<T: Tree>(&self, trees: &mut [T]) -> Result<Explored, LayerError> {
        explore(trees, self.form())
    }

    /// Looks at the layers, from the lowest.
    pub fn show<T: Tree>(&self, mut trees: Vec<T>) -> Result<LayersAnswer, LayerError> {
        let form = self.form();
        if let Some(path) = &self.asked.file {
            let answer = match self.asked.layer {
                Some(number) => {
                    trees.get_mut(number - 1).map_or_else(|| Err("there is no such layer".to_string()), |tree| content(tree, path))
                }
                None => {
                    trees.reverse();
                    content(&mut Merged::new(trees, form), path)
                }
            };
            return Ok(match answer {
                Ok(shown) => LayersAnswer { shown, refusal: None },
                Err(why) => LayersAnswer { shown: Vec::new(), refusal: Some(format!("glassbox: {path}: {why}\n")) },
            });
        }
        let view = self.view(self.explore(&mut trees)?);
        Ok(LayersAnswer { shown: view.text(&self.asked).into_bytes(), refusal: view.refusal(self.asked.max_waste) })
    }
}

/// What is in a file; of a link, where it leads.
pub fn content<T: Tree>(tree: &mut T, path: &str) -> Result<Vec<u8>, String> {
    let said = |errno: Errno| crate::copying::sentence(errno);
    let clean = crate::plan::clean(path);
    let path = clean.trim_matches('/').as_bytes();
    let look = tree.look(path).map_err(said)?;
    match look.kind {
        NodeKind::File if look.size_bytes > FILE_BYTES_MAX => Err(format!("it is longer than the limit of {FILE_BYTES_MAX} bytes")),
        NodeKind::File => {
            let mut bytes = Vec::new();
            let read = tree.open(path).map_err(said)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes);
            read.map_err(|error| error.to_string()).map(|_| bytes)
        }
        NodeKind::Symlink => {
            let text = tree.symlink_text(path).map_err(said)?;
            Err(format!("it is a link to {}", String::from_utf8_lossy(&text)))
        }
        NodeKind::Directory => Err("it is a directory".to_string()),
        NodeKind::WHITEOUT => Err("this layer removes it".to_string()),
        _ => Err("it is no file".to_string()),
    }
}

/// Files of a layer, and places of waste, that are listed where nothing else is asked.
const LISTED_MAX: usize = 10;

impl LayersView {
    /// What is printed.
    pub fn text(&self, asked: &LayersAsked) -> String {
        if asked.json {
            return super::in_json(self);
        }
        if let Some(layer) = asked.layer.and_then(|number| self.layers.get(number - 1)) {
            return files(layer, usize::MAX);
        }
        let mut text = format!("{}\n", self.names.first().unwrap_or(&self.id));
        for layer in &self.layers {
            text += &headline(layer);
            text += &files(layer, LISTED_MAX);
        }
        text + &self.summary()
    }

    fn summary(&self) -> String {
        let whole = format!("{} in {} layers", human_size(self.bytes), self.layers.len());
        if self.wasted_bytes == 0 {
            return format!("{whole}; nothing in them is hidden by a later layer\n");
        }
        let mut text =
            format!("{whole}; {} ({}) of it nobody sees:\n", human_size(self.wasted_bytes), percent(self.wasted_basis_points));
        for waste in self.waste.iter().take(LISTED_MAX) {
            text += &format!(
                "  {:>8}  {}: in layer {}, {} in layer {}\n",
                human_size(waste.bytes),
                waste.path,
                waste.layer,
                waste.cause_told(),
                waste.by
            );
        }
        match self.waste.len().checked_sub(LISTED_MAX) {
            None | Some(0) => text,
            Some(more) => format!("{text}  and {more} files more: --json has all\n"),
        }
    }

    /// Why it does not pass; `None`: it does.
    pub fn refusal(&self, limit: Option<WasteLimit>) -> Option<String> {
        let (over, most) = match limit? {
            WasteLimit::Bytes(most) => (self.wasted_bytes > most, human_size(most)),
            WasteLimit::BasisPoints(most) => (self.wasted_basis_points > most, percent(most)),
        };
        let found = format!("{} ({})", human_size(self.wasted_bytes), percent(self.wasted_basis_points));
        over.then(|| {
            format!(
                "glassbox: {found} of the image are hidden by later layers, more than --max-waste {most} allows\n\
                 glassbox: remove a file in the instruction that makes it, or make it in a stage that is not part of the image\n"
            )
        })
    }
}

fn percent(basis_points: u64) -> String {
    format!("{}.{:02}%", basis_points / 100, basis_points % 100)
}

fn headline(layer: &LayerView) -> String {
    let digits = layer.diff_id.trim_start_matches("sha256:");
    let short = digits.get(..12).unwrap_or(digits);
    let wasted = match layer.wasted_bytes {
        0 => String::new(),
        bytes => format!(", {} of it hidden by later layers", human_size(bytes)),
    };
    let made_by = if layer.created_by.is_empty() { String::new() } else { format!("  {}", layer.created_by) };
    format!("\nlayer {}  {short}  {}{wasted}{made_by}\n", layer.number, human_size(layer.bytes))
}

/// What is in it: a directory that is only on the way to something is left out.
fn files(layer: &LayerView, most: usize) -> String {
    let on_the_way = |file: &&Touched| file.kind != "directory" || file.touch != Touch::Changed || file.opaque;
    let all: Vec<&Touched> = layer.files.iter().filter(on_the_way).collect();
    let mut text = String::new();
    for file in all.iter().take(most) {
        let sign = match file.touch {
            Touch::Added => '+',
            Touch::Changed => '~',
            Touch::Removed => '-',
        };
        let slash = if file.kind == "directory" { "/" } else { "" };
        let bytes = if file.kind == "file" && file.touch != Touch::Removed { human_size(file.bytes) } else { String::new() };
        let opaque = if file.opaque { "  (hides all that was in it)" } else { "" };
        text += &format!("  {sign} {bytes:>8}  {}{slash}{opaque}\n", file.path);
    }
    match all.len().checked_sub(most) {
        None | Some(0) => text,
        Some(more) => format!("{text}  and {more} more: --layer {} has all\n", layer.number),
    }
}
