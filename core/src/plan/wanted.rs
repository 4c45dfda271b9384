//! What planning one command needs to know of the machine besides the facts that every command needs: it is looked at before, and only
//! then. The caller (the engine on Linux, the session in the model) fills in what is wanted; which that is, is decided here.

use std::collections::BTreeSet;

use super::{block_io, cgroup_parent, device, network, storage};
use crate::cli::{Command, ContainerSpec, ImageCommand, InspectKind, Invocation, NetworkCommand, NetworkMode};
use crate::host::{DiskUsage, HostFacts};
use crate::layout::Layout;
use crate::model::{Image, State};
use crate::wasi;

/// Of a command, what is to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Paths of the host: [`HostFacts::sources`].
    pub sources: BTreeSet<String>,
    /// Paths of the host: [`HostFacts::owners`].
    pub owners: BTreeSet<String>,
    /// Paths of the host, and what is below them: [`HostFacts::devices`].
    pub devices: BTreeSet<String>,
    /// How disk time and rates are limited: [`crate::host::CgroupLayout::block`].
    pub disk_limits: bool,
    /// The names of all that is in the store: [`HostFacts::store`].
    pub store: bool,
    /// Results of earlier builds: [`State::build_cache`].
    pub build_cache: bool,
    /// What was told of late: [`State::happenings`].
    pub happenings: bool,
    /// The caller's zone: [`HostFacts::utc_offset_seconds`].
    pub utc_offset: bool,
    /// What a container's own files on names are made of: [`HostFacts::network_files`].
    pub network_files: bool,
    /// The host's own interfaces and routes: [`HostFacts::network`].
    pub network: bool,
    /// What the system calls itself: [`HostFacts::operating_system`].
    pub operating_system: bool,
    /// What runs WebAssembly modules: [`HostFacts::wasi_runtime`].
    pub wasi_runtime: bool,
}

/// Where a system says what it is: os-release(5).
pub const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// What `invocation` needs to be planned.
pub fn wanted(invocation: &Invocation, state: &State, host: &HostFacts) -> Wanted {
    let named = storage::named_sources(invocation, state, &host.cwd);
    let cgroups = cgroup_parent::named_cgroups(invocation, &host.cgroup);
    Wanted {
        sources: storage::ways(&named).into_iter().chain(named).chain(cgroups).collect(),
        owners: storage::named_owners(invocation, state, &host.data_root),
        devices: device::named_devices(invocation),
        disk_limits: block_io::asks_of_disks(invocation, state),
        store: matches!(invocation.command, Command::Images(ImageCommand::Check { .. } | ImageCommand::Prune { .. })),
        build_cache: matches!(
            invocation.command,
            Command::BuildImage(_)
                | Command::PruneBuilds(_)
                | Command::Images(_)
                | Command::PruneSystem { .. }
                | Command::ShowDiskUsage { .. }
        ),
        happenings: matches!(invocation.command, Command::Images(ImageCommand::Tags { .. })),
        utc_offset: reads_moments(&invocation.command),
        network_files: makes_network_files(&invocation.command),
        network: network::looks_at_host(invocation, state),
        operating_system: matches!(invocation.command, Command::ShowInfo { .. }),
        wasi_runtime: makes_wasi_container(&invocation.command, state),
    }
}

/// The command makes a container of an image for `wasi/wasm`, or asks for one.
fn makes_wasi_container(command: &Command, state: &State) -> bool {
    let spec = match command {
        Command::RunContainer(run) => &run.spec,
        Command::CreateContainer(spec) => spec,
        _ => return false,
    };
    spec.image_choice.platform.starts_with(wasi::OS) || state.image(&spec.image).is_some_and(|image| image.os == wasi::OS)
}

/// The command makes a container, or starts one again.
fn makes_network_files(command: &Command) -> bool {
    let own = |spec: &ContainerSpec| !matches!(spec.network, NetworkMode::Container(_));
    match command {
        Command::RunContainer(run) => own(&run.spec),
        Command::CreateContainer(spec) => own(spec),
        Command::StartContainers { .. } | Command::RestartContainers { .. } | Command::BuildImage(_) => true,
        Command::Networks(NetworkCommand::Connect { .. }) => true,
        _ => false,
    }
}

/// The command may name a moment, or shows one: without a zone it is of the caller's ([`crate::host::HostFacts::utc_offset_seconds`]).
fn reads_moments(command: &Command) -> bool {
    use Command::{PruneContainers, PruneSystem, ShowEvents, ShowLogs, ShowProcesses};
    matches!(command, ShowLogs { .. } | PruneContainers { .. } | PruneSystem { .. } | ShowEvents { .. } | ShowProcesses { .. })
}

/// The command shows or gives back what lies on the disk: [`crate::host::HostFacts::disk`] is to be filled by `measure`.
pub fn disk_usage(command: &Command, state: &State, data_root: &str, measure: impl Fn(&str) -> u64) -> DiskUsage {
    let shows = match command {
        Command::ShowDiskUsage { .. } => true,
        Command::ListContainers(asked) => asked.sizes,
        Command::InspectObjects { sizes, .. } => *sizes,
        // What is to be left has a size.
        Command::PruneBuilds(asked) => asked.keep_bytes > 0,
        _ => false,
    };
    let of_images = match command {
        Command::Images(ImageCommand::List(_) | ImageCommand::History { .. }) => true,
        Command::InspectObjects { kind, .. } => matches!(kind, InspectKind::Any | InspectKind::Image),
        _ => shows,
    };
    let layout = Layout::new(data_root);
    // What is part of the program is known without looking.
    let wanted = |image: &&Image| shows || of_images && !image.embedded;
    let layers = state.images.values().filter(wanted).flat_map(|image| &image.layers).filter(|layer| layer.extracted);
    let layers = layers.map(|layer| (layer.diff_id.clone(), measure(&layout.layer(&layer.diff_id)))).collect();
    if !shows {
        return DiskUsage { layers, ..DiskUsage::default() };
    }
    DiskUsage {
        layers,
        containers: state.containers.keys().map(|id| (id.0.clone(), measure(&layout.of(id, "upper")))).collect(),
        volumes: state.volumes.keys().map(|name| (name.clone(), measure(&layout.volume_data(name)))).collect(),
        cache_mounts: state
            .cache_mounts
            .keys()
            .map(|name| (name.clone(), measure(&format!("{}/_data", layout.cache_mount(name)))))
            .collect(),
    }
}
