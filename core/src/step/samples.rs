//! One sample of every step, for tests that go through all of them. A new step that is missing here makes `covers_every_step` fail.

use super::{
    BlobContent, BuildStep, CallersFile, ContainerFiles, FetchedFor, FilesRoot, ImageDraft, ImageStep, ImportedArchive,
    PackedDirectory,
};
use super::{
    CgroupStep, ClientStep, CopyEnd, CopyFiles, CopyOwner, CopyRoot, CopyStep, Limit, MountFlags, MountStep, NamespaceKind,
    NetworkPlace, NetworkStep, Phase, PrivilegeStep, ProcessStep, SourceMount, Step, StoreStep,
};
use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::build::transfer::Manner;
use crate::build::{Copy, CopySource, Miss, Remote, Repository};
use crate::cli::{ExecProcess, NetworkMode, TimeOffsets, Words};
use crate::device::{DeviceKind, default_rules};
use crate::host::Controller;
use crate::model::{
    BuildResult, CacheMount, CacheRecord, Container, ContainerId, ContainerPort, ContainerState, EVERYWHERE, Endpoint, HostConfig,
    IdMapLine, Network, ProcessConfig, Propagation, PublishedPort, SignalReason, Slot, Volume,
};
use crate::net::dns::Upstream;
use crate::net::{At, Chain, MacAddress, Match, Protocol, Rule, Verdict};
use crate::oci::capability::CapabilitySet;
use crate::oci::image::transfer::Sent;
use crate::oci::image::{Descriptor, media};
use crate::resource_limit::{LimitPair, Resource};

/// One sample of every step.
pub fn all() -> Vec<Step> {
    let mut all: Vec<Step> = phases().into_iter().map(Step::Phase).collect();
    all.extend(store().into_iter().map(Step::Store));
    all.extend(cgroups().into_iter().map(Step::Cgroup));
    all.extend(processes().into_iter().map(Step::Process));
    all.extend(mounts().into_iter().map(Step::Mount));
    all.extend(privileges().into_iter().map(Step::Privilege));
    all.extend(clients().into_iter().map(Step::Client));
    all.extend(copies().into_iter().map(Step::Copy));
    all.extend(images().into_iter().map(Step::Image));
    all.extend(builds().into_iter().map(Step::Build));
    all.extend(networks().into_iter().map(Step::Network));
    let (phases, steps) = super::registry::samples();
    all.extend(phases.into_iter().map(Phase::Registry).map(Step::Phase));
    all.extend(steps.into_iter().map(Step::Registry));
    all
}

fn web_tar() -> CallersFile {
    CallersFile { path: "/root/web.tar".into(), typed: "web.tar".into() }
}

fn images() -> Vec<ImageStep> {
    let (index, name, id) =
        (|| "/r/images/index.json".to_string(), || "docker.io/library/web:1".to_string(), || "sha256:00".to_string());
    let manifest = || Descriptor::of(media::MANIFEST, b"{}");
    let path = || "/r/images/blobs/sha256/00".to_string();
    vec![
        ImageStep::WriteBlob { path: path(), digest: id(), content: BlobContent::Text("{}".into()) },
        ImageStep::PackLayer(PackedDirectory { upper: "/r/containers/0/upper".into(), ..PackedDirectory::default() }),
        ImageStep::ImportLayer(ImportedArchive { input: Some(web_tar()), blobs: "/r/images/blobs/sha256".into() }),
        ImageStep::RecordImage { index: index(), id: id(), manifest: manifest(), fresh: true },
        ImageStep::ShowChanges(ContainerFiles::default()),
        ImageStep::ExportFiles { files: ContainerFiles::default(), output: Some(web_tar()) },
        ImageStep::TagImage { index: index(), name: name(), id: id(), manifest: manifest(), before: None, fresh: true },
        ImageStep::UntagImage { index: index(), name: name(), id: id(), manifest: manifest() },
        ImageStep::ForgetImage { index: index(), id: id(), manifest: id() },
        ImageStep::SaveImages {
            images: vec![Sent { id: id(), manifest: manifest(), names: vec![name()] }],
            output: Some(web_tar()),
        },
        ImageStep::LoadImages { input: Some(web_tar()), quiet: false },
        ImageStep::RemoveBlob { path: path(), digest: id() },
        ImageStep::CheckStore { user_xattr: false },
        ImageStep::ShowLayers(crate::view::layers::LayersShown::default()),
        ImageStep::RemoveStray { path: "/r/layers/00.part-1-2-3".into() },
        ImageStep::RemoveLayer { directory: "/r/layers/00".into(), diff_id: id() },
    ]
}

fn builds() -> Vec<BuildStep> {
    let (slot, path, key) = (Slot::default(), || "/r/build-cache/00.json".to_string(), || "sha256:00".to_string());
    let root = || FilesRoot { path: "/root/app".into(), held: false };
    let copy = Copy { from: CopySource::Context, sources: vec!["a".into()], destination: "/a".into(), ..Copy::default() };
    let record = Box::<CacheRecord>::default;
    vec![
        BuildStep::LoadDefinition { name: "Dockerfile".into(), bytes: 13 },
        BuildStep::ReadInput { archive: true, remote: None },
        BuildStep::UnpackContext { path: "/r/building/00-context".into() },
        BuildStep::ReadDefinition { path: "/r/building/00-context".into(), file: "Dockerfile".into() },
        BuildStep::UseBase { slot, name: "[1/2] FROM toolbox".into(), base: BuildResult::default() },
        BuildStep::Configure { slot, created_by: "CMD [\"sh\"]".into() },
        BuildStep::ReadSources { slot, mount: 0, copy: copy.clone(), from: root(), ignore: None },
        BuildStep::UseCached { slot, key: key(), path: path(), record: record() },
        BuildStep::MissCache { slot, key: Box::default(), why: Miss::New, lacks: Vec::new(), path: path() },
        BuildStep::ReadCache { number: 0, directory: "/root/cache".into(), manifest: None },
        BuildStep::TakeLayer { directory: "/root/cache".into(), digest: key(), size: 2, path: "/r/images/blobs/sha256/00".into() },
        BuildStep::WriteCache {
            output: web_tar(),
            documents: Vec::new(),
            layers: Vec::new(),
            blobs: "/r/images/blobs/sha256".into(),
        },
        BuildStep::BringFiles { copy, from: root(), to: root(), ignore: None, manner: Manner::default() },
        BuildStep::MakeCacheMount {
            name: "00".into(),
            directory: "/r/build-mounts/00".into(),
            mount: CacheMount { id: "/root/.cache".into(), created_ns: 1 },
            owner: (0, 0),
            mode: 0o755,
        },
        BuildStep::LockCacheMount { directory: "/r/build-mounts/00".into(), alone: true },
        BuildStep::UnlockCacheMount { directory: "/r/build-mounts/00".into() },
        BuildStep::RemoveCacheMount { name: "00".into(), directory: "/r/build-mounts/00".into() },
        BuildStep::PlaceSecret { id: "token".into(), path: "/r/building/00/secret-1".into(), owner: (0, 0), mode: 0o400 },
        BuildStep::FindAgent { id: "default".into(), socket: Some("/tmp/agent".into()) },
        BuildStep::NoteExit { slot, id: id() },
        BuildStep::FetchFile { remote: Remote::of("https://example.com/a", ""), path: "/r/building/00-web/files/a".into() },
        BuildStep::FindCommit { place: FetchedFor::Instruction(slot, 0), repository: repository() },
        BuildStep::FetchCommit {
            place: FetchedFor::Context,
            repository: repository(),
            commit: "00".repeat(20),
            path: "/r/building/00-context".into(),
        },
        BuildStep::WriteOutput { files: ContainerFiles::default(), directory: true, output: Some(web_tar()) },
        BuildStep::NoteImage { id: "sha256:00".into() },
        BuildStep::WriteResultFile { path: "/root/id.txt".into(), what: "image ID file".into(), contents: "sha256:00".into() },
        BuildStep::SetAside { slot, key: key(), upper: "/r/building/00/upper".into(), directory: "/r/building/00-layer".into() },
        BuildStep::CheckExit { slot, argv: vec!["false".into()] },
        BuildStep::RemoveWorkspace { path: "/r/building/00".into() },
        BuildStep::DropResult { key: key(), path: path() },
        BuildStep::KeepResult { slot, key: key(), path: path(), record: record() },
    ]
}

fn repository() -> Box<Repository> {
    let url = "https://example.com/a.git".to_string();
    Box::new(Repository { text: url.clone(), url, ..Repository::default() })
}

fn id() -> ContainerId {
    ContainerId("0123456789abcdef".repeat(4))
}

/// A container as `docker run --name web toolbox` records it.
pub fn container() -> Container {
    Container {
        id: id(),
        name: "web".into(),
        created_ns: 1_795_000_000_000_000_000,
        image: "toolbox".into(),
        image_id: "sha256:00".into(),
        layers: vec!["sha256:11".into()],
        process: ProcessConfig { cmd: vec!["sh".into()], cwd: "/".into(), hostname: "web".into(), ..ProcessConfig::default() },
        host: HostConfig {
            log: crate::model::LogConfig::default(),
            auto_remove: false,
            detached: false,
            network: NetworkMode::None,
            namespaces: Default::default(),
            read_only: false,
            init: false,
            wasi: None,
            resources: Default::default(),
            storage: Default::default(),
            annotations: Default::default(),
            cid_file: String::new(),
            volume_driver: String::new(),
            tuning: Default::default(),
            publishing: Default::default(),
            naming: Default::default(),
            confinement: Default::default(),
            devices: Vec::new(),
            disks: Default::default(),
            made_parents: Vec::new(),
            cap_add: Vec::new(),
            cap_drop: Vec::new(),
            capabilities: CapabilitySet::ALL,
            privileged: false,
            no_new_privileges: false,
            seccomp: true,
            uid_map: Vec::new(),
            gid_map: Vec::new(),
            cgroups: Vec::new(),
            restart: Default::default(),
        },
        mounts: Vec::new(),
        networks: Vec::new(),
        asked_for_names: false,
        state: ContainerState::default(),
        words: Words::default(),
    }
}

fn phases() -> Vec<Phase> {
    vec![
        Phase::PrepareImage { image: "toolbox:latest".into() },
        Phase::BuildInstruction { slot: Slot::default(), shown: "[2/2] RUN true".into() },
        Phase::FindResult { slot: Slot::default() },
        Phase::PackResult { slot: Slot::default() },
        Phase::KeepLayer { slot: Slot::default(), upper: "/r/building/0/upper".into() },
        Phase::ExportImage,
        Phase::TakeContext { shown: "[internal] load remote build context".into() },
        Phase::ImportCache { number: 0, shown: "importing cache manifest from team/app".into() },
        Phase::ExportCache { number: 0, shown: "exporting cache to registry".into() },
        Phase::ExportOutput { number: 0, shown: "exporting to client directory".into() },
        Phase::CreateContainer { container: Box::new(container()) },
        Phase::CommitContainer { id: id(), image: Box::new(ImageDraft::default()), pause: true },
        Phase::ImportImage {
            archive: ImportedArchive { input: None, blobs: "/r/images/blobs/sha256".into() },
            image: Box::new(ImageDraft::default()),
        },
        Phase::WriteImage { image: Box::new(ImageDraft::default()) },
        Phase::StartContainer { id: id() },
        Phase::PrepareNetworks { id: id() },
        Phase::ConnectProcess { id: id() },
        Phase::PrepareCgroup { id: id() },
        Phase::CreateProcess { id: id() },
        Phase::IsolateProcess { id: id() },
        Phase::BuildRoot { id: id() },
        Phase::HidePaths { id: id() },
        Phase::DropPrivileges { id: id() },
        Phase::RunProgram { id: id() },
        Phase::ExecInContainer { id: id(), exec: Box::new(ExecProcess::default()) },
        Phase::CopyInContainer { id: id(), copy: Box::new(CopyStep::PackArchive { from: end(), follow_links: false }) },
        Phase::StopContainer { id: id(), signal: 15, timeout_seconds: Some(10) },
        Phase::KillIfRunning { id: id() },
        Phase::CleanUpContainer { id: id() },
        Phase::CheckHealth { id: id() },
        Phase::RunProbe { id: id() },
        Phase::RestartIfWanted { id: id() },
        Phase::StartAgain { id: id() },
        Phase::RemoveContainer { id: id() },
    ]
}

fn store() -> Vec<StoreStep> {
    let path = || "/var/lib/glassbox/containers/x/upper".to_string();
    vec![
        StoreStep::KeepDirectory { from: "/r/building/00/upper".into(), diff_id: "sha256:11".into(), directory: path() },
        StoreStep::ExtractLayer {
            image: "toolbox:latest".into(),
            diff_id: "sha256:11".into(),
            blob: None,
            directory: path(),
            own: false,
        },
        StoreStep::CreateDirectory { path: path(), mode: 0o755 },
        StoreStep::WriteFile { path: path(), mode: 0o644, contents: "web\n".into() },
        StoreStep::RewriteFile { path: path(), mode: 0o644, contents: "web\n".into() },
        StoreStep::RecordContainer { container: Box::new(container()), path: path() },
        StoreStep::RecordStart { id: id() },
        StoreStep::RecordExit { id: id() },
        StoreStep::ReplaceRecord { container: Box::new(container()), before: Box::new(container()), path: path() },
        StoreStep::EditLines { path: "/r/containers/00/hosts".into(), remove: Vec::new(), add: vec!["10.0.0.2\tweb".into()] },
        StoreStep::RecordEndpoint { id: id(), network: "00".into(), endpoint: Box::new(endpoint()) },
        StoreStep::RecordPause { id: id(), paused: true },
        StoreStep::RecordProbe { id: id() },
        StoreStep::RecordStopAsked { id: id() },
        StoreStep::RecordRestartCancelled { id: id() },
        StoreStep::RecordFailure { id: id(), exit_code: 127, error: "no".into() },
        StoreStep::RemoveContainerFiles { id: id(), directory: path() },
        StoreStep::CreateSource { path: "/srv/data".into(), mode: 0o755 },
        StoreStep::NoteSignal {
            id: id(),
            path: "/var/lib/glassbox/containers/0/signal".into(),
            signal: 15,
            reason: SignalReason::Stop,
        },
        StoreStep::WriteIdFile { path: "/root/id.txt".into(), contents: id().0 },
        StoreStep::CreateVolume { volume: Box::new(Volume { name: "data".into(), ..Volume::default() }), directory: path() },
        StoreStep::MakeWorkingDirectory {
            layers: vec!["/var/lib/glassbox/layers/11".into()],
            upper: path(),
            merged: path(),
            path: "/srv/data".into(),
        },
        StoreStep::FillVolume {
            subpath: String::new(),
            name: "data".into(),
            layers: vec!["/var/lib/glassbox/layers/11".into()],
            path: "/etc".into(),
            directory: path(),
            used: false,
        },
        StoreStep::MeasureDirectory { path: path() },
        StoreStep::RemoveVolume { name: "data".into(), directory: path() },
    ]
}

fn cgroups() -> Vec<CgroupStep> {
    let directory = || "/sys/fs/cgroup/glassbox-x".to_string();
    vec![
        CgroupStep::EnableControllers { directory: "/sys/fs/cgroup".into(), controllers: vec![Controller::Memory] },
        CgroupStep::CreateCgroup { directory: directory(), controllers: vec![Controller::Memory], shared: false },
        CgroupStep::CreateCgroup { directory: "/sys/fs/cgroup/batch".into(), controllers: vec![Controller::Memory], shared: true },
        CgroupStep::WriteLimit {
            file: format!("{}/memory.max", directory()),
            value: "67108864".into(),
            limit: Limit::Memory,
            before: None,
        },
        CgroupStep::RestrictDevices { directory: directory(), rules: default_rules(), program: true },
        CgroupStep::JoinCgroup { directory: directory() },
        CgroupStep::SetFreezer { file: format!("{}/cgroup.freeze", directory()), frozen: true, patience_ns: 2_000_000_000 },
        CgroupStep::RemoveCgroup { directory: directory(), shared: false },
        CgroupStep::RemoveCgroup { directory: "/sys/fs/cgroup/batch".into(), shared: true },
    ]
}

fn processes() -> Vec<ProcessStep> {
    vec![
        ProcessStep::CloneProcess { namespaces: vec![NamespaceKind::Pid], cgroup: None },
        ProcessStep::CloneProcess { namespaces: vec![NamespaceKind::Pid], cgroup: Some("/sys/fs/cgroup/glassbox-1".into()) },
        ProcessStep::SetTimeOffsets { offsets: TimeOffsets { monotonic_ns: -5_000_000_000, boottime_ns: 1_500_000_000 } },
        ProcessStep::DenySetgroups,
        ProcessStep::WriteIdMap { groups: false, lines: vec![IdMapLine { inside: 0, outside: 1000, count: 1 }] },
        ProcessStep::StartSession,
        ProcessStep::UnshareNamespace { kind: NamespaceKind::Uts },
        ProcessStep::JoinNamespace { kind: NamespaceKind::Mount, id: id() },
        ProcessStep::SetHostname { hostname: "web".into() },
        ProcessStep::BringUpInterface { interface: "lo".into() },
        ProcessStep::SetSysctl { name: "net.ipv4.ip_forward".into(), value: "1".into() },
        ProcessStep::OpenTerminal { rows: 24, columns: 80 },
        ProcessStep::ChangeDirectory { path: "/srv".into(), make: true },
        ProcessStep::ExecProgram {
            argv: vec!["echo".into(), "hi".into()],
            env: vec!["PATH=/bin".into()],
            secrets: Vec::new(),
            own_home: true,
        },
        ProcessStep::EndProcess,
        ProcessStep::SendSignal { id: id(), signal: 15 },
    ]
}

fn mounts() -> Vec<MountStep> {
    let merged = "/var/lib/glassbox/merged";
    vec![
        MountStep::MakeMountsPrivate,
        MountStep::MountOverlay {
            lower_dirs: vec!["/l".into()],
            upper_dir: "/u".into(),
            work_dir: "/w".into(),
            merged_dir: merged.into(),
            user_xattr: false,
            volatile: true,
        },
        MountStep::MountFilesystem {
            fs_type: "proc".into(),
            source: "proc".into(),
            target: format!("{merged}/proc"),
            flags: MountFlags::GUARDED,
            data: String::new(),
        },
        MountStep::BindMount {
            source: "/h".into(),
            target: format!("{merged}/etc/hosts"),
            recursive: false,
            flags: MountFlags::default(),
            top_only: false,
        },
        MountStep::BindSubpath {
            directory: "/var/lib/glassbox/volumes/data/_data".into(),
            subpath: "a".into(),
            target: format!("{merged}/data"),
            flags: MountFlags::default(),
        },
        MountStep::CopyMountTree { source: "/srv".into(), recursive: true, needs: SourceMount::SharedOrSlave },
        MountStep::AttachMountTree {
            source: "/srv".into(),
            target: format!("{merged}/srv"),
            recursive: true,
            flags: MountFlags::default(),
            top_only: false,
        },
        MountStep::SetPropagation { target: format!("{merged}/srv"), propagation: Propagation::RSlave },
        MountStep::ShareMount { id: id(), path: "/dev/shm".into(), target: format!("{merged}/dev/shm"), read_only: None },
        MountStep::MakeDeviceNode {
            path: format!("{merged}/dev/null"),
            kind: DeviceKind::Char,
            major: 1,
            minor: 3,
            mode: 0o666,
            owner: (0, 0),
        },
        MountStep::MakeSymlink { target: "/proc/self/fd".into(), path: format!("{merged}/dev/fd") },
        MountStep::PivotRoot { new_root: merged.into() },
        MountStep::DetachOldRoot,
        MountStep::MaskPath { path: "/proc/kcore".into() },
        MountStep::MakePathReadOnly { path: "/proc/sys".into() },
        MountStep::MakeRootReadOnly,
    ]
}

fn privileges() -> Vec<PrivilegeStep> {
    vec![
        PrivilegeStep::SetNoNewPrivileges,
        PrivilegeStep::InstallSeccompFilter { capabilities: CapabilitySet::ALL, profile: None },
        PrivilegeStep::LimitBoundingSet { keep: CapabilitySet::default() },
        PrivilegeStep::SetUser { user: "nobody".into(), groups: vec!["mail".into()], layers: None },
        PrivilegeStep::SetUser { user: "nobody".into(), groups: Vec::new(), layers: Some(Box::default()) },
        PrivilegeStep::SetResourceLimit { resource: Resource::OPEN_FILES, limit: LimitPair { soft: 64, hard: 128 } },
        PrivilegeStep::SetOomScore { score: 500 },
        PrivilegeStep::SetAppArmorProfile { profile: "docker-default".into() },
        PrivilegeStep::SetCapabilities { capabilities: CapabilitySet::default() },
    ]
}

fn end() -> CopyEnd {
    CopyEnd { container: Some(CopyRoot { id: id(), word: "web".into(), mounted: None }), path: "/etc/hosts".into() }
}

fn networks() -> Vec<NetworkStep> {
    let (bridge, veth, eth0) = (|| "glassbox0".to_string(), || "veth0123456".to_string(), || "eth0".to_string());
    let (place, mac) = (NetworkPlace::Process, MacAddress::default());
    let network = || Box::new(Network { name: "web".into(), ..Network::default() });
    let path = || "/r/networks/00.json".to_string();
    let (everywhere, gateway) = (IpNet::V4(Default::default()), IpAddr::V4([172, 17, 0, 1].into()));
    vec![
        NetworkStep::RecordNetwork { network: network(), before: None, path: path() },
        NetworkStep::RemoveNetwork { id: "00".into(), path: path() },
        NetworkStep::CreateBridge { name: bridge(), mtu: 1500, mac },
        NetworkStep::CreateVethPair { host: veth(), inside: eth0(), mac, mtu: 1500, place: place.clone() },
        NetworkStep::AttachToBridge { interface: veth(), bridge: bridge() },
        NetworkStep::AddAddress { place: NetworkPlace::Host, interface: bridge(), address: everywhere },
        NetworkStep::BringUpLink { place: place.clone(), interface: eth0() },
        NetworkStep::AddRoute { place, destination: everywhere, gateway, interface: eth0() },
        NetworkStep::ReplaceRoute {
            id: id(),
            destination: everywhere,
            gateway,
            interface: eth0(),
            before: Some((gateway, eth0())),
        },
        NetworkStep::SetHostSetting { name: "net.ipv4.ip_forward".into(), value: "1".into(), before: "0".into() },
        NetworkStep::CreateTable { place: NetworkPlace::Host },
        NetworkStep::AddRule { place: NetworkPlace::Host, rule: Box::new(rule()), at: At::End, bridge: None },
        NetworkStep::DeleteRule { chain: Chain::Forward, comment: "web".into() },
        NetworkStep::HoldPort { id: id(), endpoint: "00".into(), port: published(), to: SocketAddr::new(gateway, 80) },
        NetworkStep::ForwardPorts { id: id(), network: "00".into() },
        NetworkStep::ReleasePorts { id: id() },
        NetworkStep::ServeNames {
            id: id(),
            place: NetworkPlace::Process,
            servers: vec![Upstream { address: gateway, of_host: true }],
            ndots_said: false,
        },
        NetworkStep::DeleteInterface { name: veth() },
    ]
}

fn published() -> PublishedPort {
    let port = ContainerPort { number: 80, protocol: Protocol::Tcp };
    PublishedPort { port, address: EVERYWHERE[0], host: 8080, chosen: false }
}

fn rule() -> Rule {
    let matches = vec![Match::GoesBy { interface: "glassbox0".into(), not: false }];
    Rule { chain: Chain::Forward, matches, verdict: Verdict::Drop, comment: "web".into() }
}

fn endpoint() -> Endpoint {
    Endpoint {
        id: "00".into(),
        interface: "eth0".into(),
        host_interface: "veth0123456".into(),
        mac: MacAddress::default(),
        addresses: Vec::new(),
        gateways: Vec::new(),
        ports: Vec::new(),
    }
}

fn copies() -> Vec<CopyStep> {
    let to = CopyEnd { container: None, path: "/root".into() };
    vec![
        CopyStep::CopyFiles(CopyFiles { from: end(), to, follow_links: false, owner: CopyOwner::Caller, told: true }),
        CopyStep::PackArchive { from: end(), follow_links: false },
        CopyStep::UnpackArchive { to: end(), owner: CopyOwner::Kept },
    ]
}

fn clients() -> Vec<ClientStep> {
    vec![
        ClientStep::Print { text: "web\n".into() },
        ClientStep::AttachStreams { id: id() },
        ClientStep::WatchContainer { id: id() },
        ClientStep::WatchExec { id: id() },
        ClientStep::AwaitProbe { id: id(), delay_ns: 30_000_000_000 },
        ClientStep::CollectProbe { id: id(), timeout_ns: 30_000_000_000 },
        ClientStep::AwaitRestart { id: id(), delay_ns: 200_000_000 },
        ClientStep::Confirm { question: "Are you sure? ".into() },
        ClientStep::PrintReclaimed { deleted: vec![("Deleted Containers:".into(), vec![id().0])] },
        ClientStep::AwaitExit { id: id(), timeout_seconds: Some(10), print: true },
        ClientStep::ShowNamespaces { ids: vec![id()], json: false },
        ClientStep::ShowProcesses { id: id(), options: vec!["-ef".into()], utc_offset_seconds: 0 },
        ClientStep::ShowStats { view: super::StatsView { containers: vec![(id(), "web".into())], ..Default::default() } },
        ClientStep::ShowEvents { view: crate::view::happenings::EventView::default() },
        ClientStep::ShowLog { id: id(), view: super::LogView { follow: true, ..Default::default() } },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of steps in the closed enums: the sum of their variants.
    const STEPS: usize = 25 + 4 + 32 + 11 + 7 + 15 + 18 + 8 + 15 + 3 + 16 + 34 + 11 + 3 + 18;

    #[test]
    fn covers_every_step() {
        let mut names: Vec<&str> = all().iter().map(Step::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS);
    }
}
