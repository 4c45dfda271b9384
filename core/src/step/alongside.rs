//! Which steps do not need each other. Of a plain `run`: what the engine may do while the container's process makes its namespaces, and
//! what that process may do meanwhile. Asked by the engine and its child (`native/src/engine/beside.rs`), and by the test that holds the
//! kernel calls against the explanations. Of a pull: the layers; of a push: what is asked of all blobs (`native/src/registry/ahead.rs`).

use super::{CgroupStep, NamespaceKind, ProcessStep, RegistryStep, Step, StoreStep};
use crate::registry::{DOWNLOADS_AT_ONCE, Purpose, UPLOADS_AT_ONCE};

impl Step {
    /// The engine may put it off until the process is made: it does not need the process, nor does the process need it at once. Cgroups
    /// only where a process joins them (v1); on v2 it is born in its own, which has to be there.
    pub fn may_follow_clone(&self) -> bool {
        match self {
            Step::Store(StoreStep::CreateDirectory { .. } | StoreStep::WriteFile { .. } | StoreStep::RecordContainer { .. }) => {
                true
            }
            Step::Cgroup(step) => matches!(
                step,
                CgroupStep::CreateCgroup { shared: false, .. } | CgroupStep::WriteLimit { .. } | CgroupStep::RestrictDevices { .. }
            ),
            _ => false,
        }
    }

    /// Those that follow each other and may all be begun at once, and how many at a time: each fetches a layer of one image, or asks the
    /// same about a blob of it, or sends one. They end in the plan's order.
    pub fn together_at_most(&self) -> Option<usize> {
        let Step::Registry(RegistryStep::SendRequest(request)) = self else { return None };
        match request.purpose {
            Purpose::GetLayer { .. } => Some(DOWNLOADS_AT_ONCE),
            Purpose::HasBlob { .. } | Purpose::StartUpload { .. } | Purpose::PutBlob { .. } => Some(UPLOADS_AT_ONCE),
            _ => None,
        }
    }

    /// The process may do it before what was put off is there: it makes what is its own alone.
    pub fn needs_nothing(&self) -> bool {
        match self {
            // A cgroup namespace shows the cgroup that one is in.
            Step::Process(ProcessStep::UnshareNamespace { kind }) => *kind != NamespaceKind::Cgroup,
            Step::Process(ProcessStep::StartSession | ProcessStep::SetHostname { .. } | ProcessStep::BringUpInterface { .. }) => {
                true
            }
            _ => false,
        }
    }
}
