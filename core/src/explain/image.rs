//! Steps on images, in words.

use super::{Call, CallWhen, Explanation, base, call, explanation, quoted};
use crate::model::short_digest;
use crate::step::ImageStep;

/// A file that is written beside its place and renamed.
pub(super) fn replaced(path: &str) -> Vec<Call> {
    let new = format!("\"…/.{}.…\"", base(path));
    vec![call("openat", &["AT_FDCWD", &new, "…", "…"]), call("write", &["…", "…", "…"]), call("rename", &["…", &quoted(path)])]
}

/// Files that are read, and a blob that gets its name when its digest is known.
fn packing() -> Vec<Call> {
    vec![
        call("openat", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("write", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("rename", &["…", "…"]).when(CallWhen::IfPresent),
    ]
}

pub(super) fn explain(step: &ImageStep) -> Explanation {
    match step {
        ImageStep::WriteBlob { path, digest, .. } => {
            let why = "All that an image is made of is kept under the digest of its bytes: the same content is there once, and damage shows.";
            explanation(
                format!("Write the blob {}", short_digest(digest)),
                why,
                replaced(path),
                &[&format!("sha256sum {path}")],
                "image",
            )
        }
        ImageStep::PackLayer(packed) => pack_layer(packed),
        ImageStep::ImportLayer(imported) => import_layer(imported),
        ImageStep::RecordImage { index, id, .. } => {
            let why = "Its blobs are there; what the index names is in the store. From here on it is an image, if without a name.";
            explanation(
                format!("Put the image {} into the index", short_digest(id)),
                why,
                replaced(index),
                &[&format!("cat {index}")],
                "image",
            )
        }
        ImageStep::ShowChanges(files) => show_changes(files),
        ImageStep::ExportFiles { files, output } => export_files(files, output.as_ref()),
        ImageStep::TagImage { index, name, .. } => {
            let why = "A name is a line in the index that leads to a manifest. It can be led elsewhere at any time; the image does not change.";
            explanation(format!("Let {name} lead to the image"), why, replaced(index), &[&format!("cat {index}")], "image")
        }
        ImageStep::UntagImage { index, name, .. } => {
            let why = "rmi takes a name away. The image goes only when it has no name left.";
            explanation(format!("Take the name {name} away"), why, replaced(index), &[&format!("cat {index}")], "image")
        }
        ImageStep::ForgetImage { index, id, .. } => {
            let why = "What the index does not name is not in the store. First the name, then the files: nobody finds an image that is half there.";
            explanation(format!("Strike the image {} off", short_digest(id)), why, replaced(index), &["glassbox images"], "image")
        }
        ImageStep::SaveImages { images, output } => save_images(images, output.as_ref()),
        ImageStep::LoadImages { input, .. } => {
            let why = "Every file of the archive is digested on its way in: what is not what its name says is refused, and what is here already is not kept twice. As with dockerd, the layers stand extracted when it is through.";
            let calls = vec![
                call("openat", &["AT_FDCWD", "…", "…", "…"]).when(CallWhen::Repeated),
                call("write", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("rename", &["…", "…"]).when(CallWhen::Repeated),
            ];
            let look = input.as_ref().map_or_else(|| "glassbox images".to_string(), |file| format!("tar tvf {}", file.path));
            explanation("Read the archive into the store", why, calls, &[&look], "image")
        }
        ImageStep::RemoveBlob { path, digest } => {
            let why = "No image that is left is made of it.";
            let calls = vec![call("unlink", &[&quoted(path)])];
            explanation(format!("Remove the blob {}", short_digest(digest)), why, calls, &[&format!("ls -l {path}")], "image")
        }
        ImageStep::CheckStore { .. } => check_store(),
        ImageStep::ShowLayers(shown) => show_layers(shown),
        ImageStep::RemoveStray { path } => remove_stray(path),
        ImageStep::RemoveLayer { directory, diff_id } => {
            let why = "Layers are shared: this one goes because no image that is left has it, and no container stands on it.";
            let calls = vec![
                call("unlinkat", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("unlinkat", &["…", &quoted(&format!("…{}", base(directory))), "AT_REMOVEDIR"]),
            ];
            explanation(format!("Remove the layer {}", short_digest(diff_id)), why, calls, &[&format!("ls {directory}")], "image")
        }
    }
}

fn pack_layer(packed: &crate::step::PackedDirectory) -> Explanation {
    let why = "What was changed lies apart from the image's files, in the overlay's upper directory: as an archive it is a layer. \
               Archive, digests and compression are made in one pass.";
    explanation("Pack the changes into a layer", why, packing(), &[&format!("ls -lR {}", packed.upper)], "image")
}

fn import_layer(imported: &crate::step::ImportedArchive) -> Explanation {
    let why = "A layer is an archive of files: any archive will do. Its digest is that of its bytes, uncompressed.";
    let look = imported.input.as_ref().map_or_else(|| "glassbox images".to_string(), |file| format!("tar tvf {}", file.path));
    explanation("Read the archive into a layer", why, packing(), &[&look], "image")
}

fn show_changes(files: &crate::step::ContainerFiles) -> Explanation {
    let why = "overlayfs keeps what a container changes in a directory of its own. What is there is added or changed; a device 0/0 \
               stands for what was deleted.";
    let calls = vec![call("getdents64", &["…", "…", "…"]).when(CallWhen::Repeated)];
    explanation("Show what the container changed", why, calls, &[&format!("ls -lR {}", files.upper)], "image")
}

fn export_files(files: &crate::step::ContainerFiles, output: Option<&crate::step::CallersFile>) -> Explanation {
    let why = "The container's files are its layers and its own changes laid over each other. The archive has what a program in it \
               would see, without volumes.";
    let calls =
        vec![call("openat", &["…", "…", "…"]).when(CallWhen::Repeated), call("write", &["…", "…", "…"]).when(CallWhen::Repeated)];
    let look = output.map_or_else(|| format!("ls -l {}", files.upper), |file| format!("tar tvf {}", file.path));
    explanation("Write the container's files as an archive", why, calls, &[&look], "image")
}

fn check_store() -> Explanation {
    let why = "A blob's name is the digest of its bytes: whether it is whole can be seen at any time. Layers that stand extracted are \
               held against their archives.";
    let calls =
        vec![call("openat", &["…", "…", "…"]).when(CallWhen::Repeated), call("read", &["…", "…", "…"]).when(CallWhen::Repeated)];
    explanation("Look whether the store is whole", why, calls, &["glassbox images"], "image")
}

fn show_layers(shown: &crate::view::layers::LayersShown) -> Explanation {
    let why = "A file that a later layer removes or replaces is in the image all the same. Only the layers side by side show it.";
    let look = shown.layers.last().map_or_else(|| "glassbox images".to_string(), |layer| format!("ls -lR {}", layer.directory));
    let calls = vec![call("getdents64", &["…", "…", "…"]).when(CallWhen::Repeated)];
    explanation("Show what each layer brings and hides", why, calls, &[&look], "image")
}

fn remove_stray(path: &str) -> Explanation {
    let why = "The command that began to write it was killed, and nobody will end it.";
    let calls =
        vec![call("unlinkat", &["…", "…", "…"]).when(CallWhen::Repeated), call("unlink", &[&quoted(path)]).when(CallWhen::IfFile)];
    explanation(format!("Remove the unfinished {}", base(path)), why, calls, &[&format!("ls -ld {path}")], "image")
}

fn save_images(images: &[crate::oci::image::transfer::Sent], output: Option<&crate::step::CallersFile>) -> Explanation {
    let why = "An image is its blobs. An archive of them with a list is all that another machine needs.";
    let calls = vec![
        call("openat", &["AT_FDCWD", "…", "…"]).when(CallWhen::Repeated),
        call("write", &["…", "…", "…"]).when(CallWhen::Repeated),
    ];
    let look = output.map_or_else(|| "glassbox save IMAGE | tar tv".to_string(), |file| format!("tar tvf {}", file.path));
    let headline = if images.len() == 1 {
        "Write the image as an archive".to_string()
    } else {
        format!("Write {} images as an archive", images.len())
    };
    explanation(headline, why, calls, &[&look], "image")
}
