//! `Cause`: why a step is in the plan.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::cli::Span;

/// Why a step is in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// Words of the command being carried out.
    Words {
        /// As typed: `-m 64m`.
        text: String,
        /// Where in the command's text.
        span: Span,
    },
    /// Words of the earlier command that created the container.
    EarlierWords {
        /// As typed.
        text: String,
        /// That command.
        command: String,
    },
    /// A field of the image's configuration.
    ImageConfig {
        /// The image.
        image: String,
        /// `Cmd`, `Env`, `WorkingDir`…
        field: String,
    },
    /// A line of the Dockerfile.
    Dockerfile {
        /// Its name.
        file: String,
        /// Counted from 1.
        line: u32,
        /// The instruction.
        text: String,
    },
    /// A default.
    Default {
        /// Whose: `docker`, `oci`, `glassbox`, `linux`.
        whose: Cow<'static, str>,
        /// What it says.
        what: Cow<'static, str>,
        /// Where it is documented.
        document: String,
    },
    /// Another step needs it.
    Need {
        /// Which step, by name.
        of: Cow<'static, str>,
        /// Why, in a sentence.
        why: Cow<'static, str>,
    },
}
