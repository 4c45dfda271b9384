//! Mounts as a stock machine has them, for tests that hold Linux against the model.

use glassbox::sys::mount::{MountFlags, set_propagation};
use glassbox::sys::process::{CloneFlags, unshare};

/// All shared, as systemd leaves them, in a mount namespace of this thread's and of those that it starts: nothing spreads out of it.
#[allow(clippy::unwrap_used)]
pub fn share_mounts() {
    unshare(CloneFlags::NEW_MOUNT).unwrap();
    set_propagation("/", MountFlags::RECURSIVE | MountFlags::PRIVATE).unwrap();
    set_propagation("/", MountFlags::RECURSIVE | MountFlags::SHARED).unwrap();
}
