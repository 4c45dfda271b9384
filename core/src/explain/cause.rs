//! A cause in words.

use crate::plan::Cause;

/// Why a step is there, in a sentence.
pub fn cause_sentence(cause: &Cause) -> String {
    match cause {
        Cause::Words { text, .. } => format!("You wrote `{text}`."),
        Cause::EarlierWords { text, command } => format!("`{text}` was written when the container was created: {command}"),
        Cause::ImageConfig { image, field } => format!("The image {image} says so: {field} in its configuration."),
        Cause::Dockerfile { file, line, text } => format!("{file}:{line} says `{text}`."),
        Cause::Default { whose, what, document } => {
            let whose = match whose.as_ref() {
                "docker" => "Docker's default",
                "oci" => "The OCI runtime specification",
                "linux" => "The kernel's rule",
                _ => "Glassbox's default",
            };
            format!("{whose}: {what} ({document})")
        }
        Cause::Need { of, why } => format!("{of} needs it. {why}"),
    }
}
