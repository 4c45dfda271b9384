//! Steps on images, in words.

use super::{Call, CallWhen, Explanation, base, call, explanation, quoted};
use crate::model::short_digest;
use crate::step::ImageStep;

/// A file that is written beside its place and renamed.
fn replaced(path: &str) -> Vec<Call> {
    let new = format!("\"…/.{}.…\"", base(path));
    vec![call("openat", &["AT_FDCWD", &new, "…", "…"]), call("write", &["…", "…", "…"]), call("rename", &["…", &quoted(path)])]
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
        ImageStep::SaveImages { images, output } => {
            let why = "An image is its blobs. An archive of them with a list is all that another machine needs.";
            let calls = vec![
                call("openat", &["AT_FDCWD", "…", "…"]).when(CallWhen::Repeated),
                call("write", &["…", "…", "…"]).when(CallWhen::Repeated),
            ];
            let look =
                output.as_ref().map_or_else(|| "glassbox save IMAGE | tar tv".to_string(), |file| format!("tar tvf {}", file.path));
            let headline = if images.len() == 1 {
                "Write the image as an archive".to_string()
            } else {
                format!("Write {} images as an archive", images.len())
            };
            explanation(headline, why, calls, &[&look], "image")
        }
        ImageStep::LoadImages { input, .. } => {
            let why = "Every file of the archive is digested on its way in: what is not what its name says is refused, and what is here already is not kept twice.";
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
