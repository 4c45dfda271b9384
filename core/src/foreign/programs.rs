//! Which program is imitated how.

use super::{Act, Situation, opaque};
use crate::userland::Sys;

/// What the program does, in this situation.
pub(super) fn acts(situation: &Situation, _sys: &mut dyn Sys) -> Vec<Act> {
    match situation.name.as_str() {
        "hello" => {
            vec![Act::out("\nHello from Docker!\nThis message shows that your installation appears to be working correctly.\n\n")]
        }
        _ => opaque::acts(situation),
    }
}
