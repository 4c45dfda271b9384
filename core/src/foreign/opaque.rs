//! What the model knows by name alone.

use super::{Act, Situation};

/// The step goes on, and says what is missing.
pub(super) fn acts(situation: &Situation) -> Vec<Act> {
    vec![Act::err(&format!(
        "glassbox: modelled: {} is a program that this model does not know: what it does is left out\n",
        situation.called
    ))]
}
