//! Which program is imitated how.

use super::{Act, Situation, apk, apt, opaque, rpm};
use crate::userland::Sys;

/// What the program does, in this situation.
pub(super) fn acts(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    match situation.name.as_str() {
        "apt-get" | "apt" => apt::acts(situation, sys),
        "apk" => apk::acts(situation, sys),
        "yum" | "dnf" | "dnf5" | "microdnf" => rpm::acts(situation, sys),
        "hello" => vec![Act::out(HELLO)],
        _ => apt::others(situation, sys).unwrap_or_else(|| opaque::acts(situation)),
    }
}

const HELLO: &str = "\nHello from Docker!\nThis message shows that your installation appears to be working correctly.\n\n";
