//! `system df`: what lies on the disk, as Docker's client shows it. Sizes come with the facts (`HostFacts::disk`): nothing is counted here.

use serde_json::json;

use super::containers::{aligned, command, human_duration, status};
use super::reclaimed::human_size;
use crate::host::HostFacts;
use crate::model::{Container, Image, Layer, MountKind, State, Volume, short_digest};
use crate::template::{Labels, Missing, Template};

const CONTEXT: Missing = Missing::Struct("*formatter.diskUsageImagesContext");

/// A row of the summary.
struct Row {
    kind: &'static str,
    total: usize,
    active: usize,
    bytes: u64,
    reclaimable_bytes: u64,
}

impl Row {
    /// With what part of the whole it is, where there is anything.
    fn reclaimable(&self) -> String {
        let size = human_size(self.reclaimable_bytes);
        match (self.reclaimable_bytes * 100).checked_div(self.bytes) {
            Some(percent) => format!("{size} ({percent}%)"),
            None => size,
        }
    }

    fn cells(&self) -> Vec<String> {
        let (total, active) = (self.total.to_string(), self.active.to_string());
        vec![self.kind.to_string(), total, active, human_size(self.bytes), self.reclaimable()]
    }
}

/// Bytes in the layers of an image.
pub(super) fn image_bytes(layers: impl IntoIterator<Item = String>, host: &HostFacts) -> u64 {
    layers.into_iter().map(|layer| host.disk.layers.get(&layer).copied().unwrap_or_default()).sum()
}

fn layers(image: &Image) -> impl Iterator<Item = String> {
    image.layers.iter().map(|layer| layer.diff_id.clone())
}

/// Bytes that a container has written.
pub(super) fn written(container: &Container, host: &HostFacts) -> u64 {
    host.disk.containers.get(&container.id.0).copied().unwrap_or_default()
}

/// `0B (virtual 1.23MB)`: what it has written, and that with its image.
pub fn container_size(container: &Container, host: &HostFacts) -> String {
    let own = written(container, host);
    let image = image_bytes(container.layers.iter().cloned(), host);
    format!("{} (virtual {})", human_size(own), human_size(own + image))
}

fn volume_bytes(volume: &Volume, host: &HostFacts) -> u64 {
    host.disk.volumes.get(&volume.name).copied().unwrap_or_default()
}

fn containers_of<'a>(image: &'a Image, state: &'a State) -> impl Iterator<Item = &'a Container> {
    state.containers.values().filter(|container| container.image_id == image.id)
}

fn rows(state: &State, host: &HostFacts) -> [Row; 4] {
    let images: Vec<&Image> = state.images.values().collect();
    let used = images.iter().filter(|image| containers_of(image, state).next().is_some());
    let bytes: u64 = images.iter().map(|image| image_bytes(layers(image), host)).sum();
    let used_bytes: u64 = used.clone().map(|image| image_bytes(layers(image), host)).sum();
    let containers: Vec<&Container> = state.containers.values().collect();
    let idle = containers.iter().filter(|container| !container.state.status.runs());
    let unused: Vec<&Volume> = state.volumes.values().filter(|volume| state.users_of_volume(&volume.name).is_empty()).collect();
    [
        Row { kind: "Images", total: images.len(), active: used.count(), bytes, reclaimable_bytes: bytes - used_bytes },
        Row {
            kind: "Containers",
            total: containers.len(),
            active: containers.len() - idle.clone().count(),
            bytes: containers.iter().map(|container| written(container, host)).sum(),
            reclaimable_bytes: idle.map(|container| written(container, host)).sum(),
        },
        Row {
            kind: "Local Volumes",
            total: state.volumes.size(),
            active: state.volumes.size() - unused.len(),
            bytes: state.volumes.values().map(|volume| volume_bytes(volume, host)).sum(),
            reclaimable_bytes: unused.iter().map(|volume| volume_bytes(volume, host)).sum(),
        },
        build_cache(state, host),
    ]
}

/// What images are made of is counted with them.
fn build_cache(state: &State, host: &HostFacts) -> Row {
    let of_images = |layer: &&Layer| state.images.values().flat_map(|image| &image.layers).any(|own| own.diff_id == layer.diff_id);
    let all = state.build_cache.values().filter_map(|record| record.layer.as_ref());
    let layers: u64 = all.filter(|layer| !of_images(layer)).map(|layer| layer.size_bytes).sum();
    let bytes = layers + host.disk.cache_mounts.values().sum::<u64>();
    Row {
        kind: "Build Cache",
        total: state.build_cache.size() + state.cache_mounts.size(),
        active: 0,
        bytes,
        reclaimable_bytes: bytes,
    }
}

/// The table, or a line for each row by a template.
pub fn summary(state: &State, host: &HostFacts, format: Option<&str>) -> Result<String, String> {
    let rows = rows(state, host);
    let Some(format) = format.filter(|format| *format != "table") else {
        let header = ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"].map(str::to_string).to_vec();
        let cells: Vec<Vec<String>> = std::iter::once(header).chain(rows.iter().map(Row::cells)).collect();
        return Ok(aligned(&cells));
    };
    let text = if format == "json" { "{{json .}}" } else { format };
    let text = text.replace("\\t", "\t").replace("\\n", "\n");
    let template = Template::parse(&text).map_err(|error| format!("template parsing error: {}", error.message))?;
    let line = |row: &Row| {
        let fields = json!({
            "Active": row.active.to_string(),
            "Reclaimable": row.reclaimable(),
            "Size": human_size(row.bytes),
            "TotalCount": row.total.to_string(),
            "Type": row.kind,
        });
        let ran = template.run(&fields, CONTEXT, &Labels::default());
        ran.map(|text| text + "\n").map_err(|error| format!("template parsing error: {}", error.message))
    };
    rows.iter().map(line).collect()
}

/// `-v`: everything by itself.
pub fn verbose(state: &State, host: &HostFacts) -> String {
    format!(
        "Images space usage:\n\n{}\nContainers space usage:\n\n{}\nLocal Volumes space usage:\n\n{}\nBuild cache usage: {}\n\n{}\n",
        images(state, host),
        containers(state, host),
        volumes(state, host),
        human_size(build_cache(state, host).bytes),
        cached(state, host).trim_end_matches('\n'),
    )
}

/// What builds have left. When it was used last, and how often, is written down nowhere.
fn cached(state: &State, host: &HostFacts) -> String {
    let age = |created_ns: u64| format!("{} ago", human_duration(host.now_ns.saturating_sub(created_ns)));
    let row = |id: &str, kind: &str, bytes: u64, created_ns: u64, shared: bool| {
        let id = id.trim_start_matches("sha256:");
        let id = id.get(..12).unwrap_or(id).to_string();
        vec![id, kind.to_string(), human_size(bytes), age(created_ns), String::new(), String::new(), shared.to_string()]
    };
    let of_images = |layer: &Layer| state.images.values().flat_map(|image| &image.layers).any(|own| own.diff_id == layer.diff_id);
    let results = state.build_cache.iter().map(|(key, record)| {
        let layer = record.layer.as_ref();
        row(key, "regular", layer.map_or(0, |layer| layer.size_bytes), record.created_ns, layer.is_some_and(of_images))
    });
    let mounts = state.cache_mounts.iter().map(|(name, mount)| {
        let bytes = host.disk.cache_mounts.get(name).copied().unwrap_or_default();
        row(name, "exec.cachemount", bytes, mount.created_ns, false)
    });
    let head = header(&["CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED"]);
    aligned(&std::iter::once(head).chain(results).chain(mounts).collect::<Vec<_>>())
}

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_string()).collect()
}

fn images(state: &State, host: &HostFacts) -> String {
    let names = ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"];
    let row = |image: &Image| {
        let (repository, tag) = super::images::repository_and_tag(image.names.first().map(String::as_str));
        let size = human_size(image_bytes(layers(image), host));
        let created = "N/A".to_string();
        let count = containers_of(image, state).count().to_string();
        let id = short_digest(&image.id).to_string();
        vec![repository, tag, id, created, size.clone(), "0B".into(), size, count]
    };
    aligned(&std::iter::once(header(&names)).chain(state.images.values().map(row)).collect::<Vec<_>>())
}

fn containers(state: &State, host: &HostFacts) -> String {
    let names = ["CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"];
    let row = |container: &Container| {
        let volumes = container.mounts.iter().filter(|point| point.kind == MountKind::Volume).count();
        vec![
            container.id.short().to_string(),
            container.image.clone(),
            command(container, false),
            volumes.to_string(),
            human_size(written(container, host)),
            format!("{} ago", human_duration(host.now_ns.saturating_sub(container.created_ns))),
            status(container, host.now_ns),
            container.name.clone(),
        ]
    };
    let all = state.newest_first();
    aligned(&std::iter::once(header(&names)).chain(all.into_iter().map(row)).collect::<Vec<_>>())
}

fn volumes(state: &State, host: &HostFacts) -> String {
    let row = |volume: &Volume| {
        let links = state.users_of_volume(&volume.name).len().to_string();
        vec![volume.name.clone(), links, human_size(volume_bytes(volume, host))]
    };
    aligned(&std::iter::once(header(&["VOLUME NAME", "LINKS", "SIZE"])).chain(state.volumes.values().map(row)).collect::<Vec<_>>())
}
