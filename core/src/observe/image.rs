//! What the steps on images leave behind: blobs, layers, lines of the index.

use super::{ExtractedLayer, Look, Outcome};
use crate::errno::Errno;
use crate::event::{Event, ImageEvent};
use crate::oci::image::{Index, Manifest};
use crate::query::Subject;
use crate::step::{ImageStep, ImportedArchive};

impl Look<'_> {
    pub(super) fn image(&self, step: &ImageStep) -> Result<Vec<Event>, Errno> {
        Ok(match step {
            ImageStep::WriteBlob { path, digest, .. } => {
                self.if_there(path, || Event::Image(ImageEvent::BlobWritten { digest: digest.clone() }))?
            }
            ImageStep::PackLayer(packed) => self.packed(&packed.upper, &packed.blobs)?,
            ImageStep::ImportLayer(imported) => self.packed(ImportedArchive::KEY, &imported.blobs)?,
            ImageStep::RecordImage { index, manifest, .. } => self.recorded_image(index, &manifest.digest)?.into_iter().collect(),
            ImageStep::ExportFiles { output: Some(file), .. } => {
                self.if_there(&file.path, || Event::Image(ImageEvent::Saved { path: file.path.clone() }))?
            }
            // What was shown is no news, and what went to a stream left nothing.
            ImageStep::ShowChanges(_) | ImageStep::CheckStore { .. } | ImageStep::ShowLayers(_) | ImageStep::ExportFiles { .. } => {
                Vec::new()
            }
            ImageStep::RemoveStray { path } => {
                self.if_gone(path, || Event::Image(ImageEvent::StrayRemoved { path: path.clone() }))?
            }
            ImageStep::TagImage { index, name, .. } => self.tagged(index, name)?.into_iter().collect(),
            ImageStep::UntagImage { index, name, .. } => {
                let gone = !self.index(index)?.manifests.iter().any(|entry| entry.name() == Some(name));
                gone.then(|| Event::Image(ImageEvent::Untagged { name: name.clone() })).into_iter().collect()
            }
            ImageStep::ForgetImage { index, manifest, .. } => {
                let gone = !self.index(index)?.manifests.iter().any(|entry| entry.digest == *manifest);
                gone.then(|| Event::Image(ImageEvent::Forgotten { manifest: manifest.clone() })).into_iter().collect()
            }
            ImageStep::SaveImages { output: Some(file), .. } => {
                self.if_there(&file.path, || Event::Image(ImageEvent::Saved { path: file.path.clone() }))?
            }
            ImageStep::SaveImages { .. } => Vec::new(),
            ImageStep::LoadImages { .. } => {
                let mut all = recorded_images(self.outcome);
                for (layer, event) in self.outcome.received.extracted.iter().zip(extracted(self.outcome)) {
                    all.extend(self.if_there(&layer.directory, || event)?);
                }
                all
            }
            ImageStep::RemoveBlob { path, digest } => {
                self.if_gone(path, || Event::Image(ImageEvent::BlobRemoved { digest: digest.clone() }))?
            }
            ImageStep::RemoveLayer { directory, diff_id } => {
                self.if_gone(directory, || Event::Image(ImageEvent::LayerRemoved { diff_id: diff_id.clone() }))?
            }
        })
    }

    fn index(&self, path: &str) -> Result<Index, Errno> {
        Index::read(&self.bytes(Subject::Host, path)?).map_err(|_| Errno::EINVAL)
    }

    /// What it is made into only the packing could tell; whether that is there is looked for.
    fn packed(&self, upper: &str, blobs: &str) -> Result<Vec<Event>, Errno> {
        let all = packed(upper, self.outcome);
        match &self.outcome.packed {
            None => Ok(all),
            Some(layer) if self.exists(&format!("{blobs}/{}", layer.blob.trim_start_matches("sha256:")))? => Ok(all),
            Some(_) => Ok(Vec::new()),
        }
    }

    /// The image as its documents say.
    fn recorded_image(&self, index: &str, manifest: &str) -> Result<Option<Event>, Errno> {
        if !self.index(index)?.manifests.iter().any(|entry| entry.digest == manifest) {
            return Ok(None);
        }
        let directory = index.rsplit_once('/').map_or("", |(directory, _)| directory);
        let read = |digest: &str| {
            let path = format!("{directory}/blobs/sha256/{}", digest.trim_start_matches("sha256:"));
            self.bytes(Subject::Host, &path).ok()
        };
        let image = crate::oci::image::one(manifest, &read).map_err(|_| Errno::EINVAL)?;
        Ok(Some(Event::Image(ImageEvent::Recorded { image: Box::new(image) })))
    }

    /// To which image a name leads: by the index to a manifest, by that to a configuration.
    fn tagged(&self, index: &str, name: &str) -> Result<Option<Event>, Errno> {
        let found = self.index(index)?;
        let Some(entry) = found.manifests.iter().find(|entry| entry.name() == Some(name)) else { return Ok(None) };
        let directory = index.rsplit_once('/').map_or("", |(directory, _)| directory);
        let path = format!("{directory}/blobs/sha256/{}", entry.digest.trim_start_matches("sha256:"));
        let manifest = Manifest::read(&self.bytes(Subject::Host, &path)?, &entry.digest).map_err(|_| Errno::EINVAL)?;
        Ok(Some(Event::Image(ImageEvent::Tagged { name: name.to_string(), id: manifest.config.digest })))
    }
}

/// What came in, as it was read from its blobs when they had their names.
fn recorded_images(outcome: &Outcome) -> Vec<Event> {
    outcome.received.images.iter().map(|image| Event::Image(ImageEvent::Recorded { image: Box::new(image.clone()) })).collect()
}

/// Of the layers that came in with images.
fn extracted(outcome: &Outcome) -> Vec<Event> {
    let event = |layer: &ExtractedLayer| {
        let of = outcome.received.images.iter().find(|image| image.layers.iter().any(|own| own.diff_id == layer.diff_id));
        let image = of.map(|image| image.names.first().unwrap_or(&image.id).clone()).unwrap_or_default();
        Event::LayerExtracted { image, diff_id: layer.diff_id.clone(), directory: layer.directory.clone() }
    };
    outcome.received.extracted.iter().map(event).collect()
}

fn packed(upper: &str, outcome: &Outcome) -> Vec<Event> {
    vec![Event::Image(ImageEvent::LayerPacked { upper: upper.to_string(), layer: outcome.packed.clone(), whole: outcome.whole })]
}

pub(super) fn essential(step: &ImageStep, outcome: &Outcome) -> Vec<Event> {
    match step {
        ImageStep::TagImage { name, id, .. } => vec![Event::Image(ImageEvent::Tagged { name: name.clone(), id: id.clone() })],
        ImageStep::UntagImage { name, .. } => vec![Event::Image(ImageEvent::Untagged { name: name.clone() })],
        ImageStep::ForgetImage { manifest, .. } => vec![Event::Image(ImageEvent::Forgotten { manifest: manifest.clone() })],
        ImageStep::RemoveLayer { diff_id, .. } => vec![Event::Image(ImageEvent::LayerRemoved { diff_id: diff_id.clone() })],
        ImageStep::LoadImages { .. } => recorded_images(outcome).into_iter().chain(extracted(outcome)).collect(),
        ImageStep::RecordImage { .. } => recorded_images(outcome),
        ImageStep::PackLayer(source) => packed(&source.upper, outcome),
        ImageStep::ImportLayer(_) => packed(ImportedArchive::KEY, outcome),
        ImageStep::WriteBlob { .. }
        | ImageStep::RemoveBlob { .. }
        | ImageStep::SaveImages { .. }
        | ImageStep::ShowChanges(_)
        | ImageStep::CheckStore { .. }
        | ImageStep::ShowLayers(_)
        | ImageStep::RemoveStray { .. }
        | ImageStep::ExportFiles { .. } => Vec::new(),
    }
}
