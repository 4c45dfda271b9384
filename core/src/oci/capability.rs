//! Placeholder until the real one lands.
use serde::{Deserialize, Serialize};
/// A set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilitySet(pub u64);
impl CapabilitySet {
    /// All 41.
    pub const ALL: CapabilitySet = CapabilitySet((1 << 41) - 1);
}
