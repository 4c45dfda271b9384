//! A chosen entry made into an image: layers, configuration, manifest, index.

use super::entry::{Entry, with_version};
use super::tag::Chosen;
use super::tree::{self, File, Files, Kind, Words};
use super::{archive, tag};
use crate::model::{History, ImageConfig, Nothing};
use crate::oci::image::{ConfigFile, Descriptor, Index, Manifest, Platform, RootFs, media};

/// A blob of the model's registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What it is; digest and size are of `bytes`.
    pub descriptor: Descriptor,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What the real image's layer of this place is long as it is transferred; 0: no layer.
    pub transfer_bytes: u64,
    /// Of a layer: what its files are long together.
    pub content_bytes: u64,
}

/// An image of the catalogue under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The familiar name, with its tag.
    pub name: String,
    /// The index that the tag leads to: one machine, `linux/amd64`.
    pub index: Blob,
    /// The manifest.
    pub manifest: Blob,
    /// The configuration.
    pub config: Blob,
    /// The layers from the lowest; archives that are not compressed.
    pub layers: Vec<Blob>,
}

impl Listed {
    /// A blob by its digest.
    pub fn blob(&self, digest: &str) -> Option<&Blob> {
        let all = [&self.index, &self.manifest, &self.config].into_iter().chain(&self.layers);
        all.into_iter().find(|blob| blob.descriptor.digest == digest)
    }
}

/// When all files were changed the last time: 2026-09-01.
const MODIFIED: i64 = 1_788_220_800;

fn blob(media_type: &str, bytes: Vec<u8>) -> Blob {
    Blob { descriptor: Descriptor::of(media_type, &bytes), bytes, transfer_bytes: 0, content_bytes: 0 }
}

pub(super) fn build(chosen: &Chosen, name: &str) -> Listed {
    let entry = &chosen.entry;
    let layers: Vec<Blob> = layer_files(chosen)
        .iter()
        .zip(&entry.layers)
        .map(|(files, (transfer_bytes, _))| Blob {
            transfer_bytes: *transfer_bytes,
            content_bytes: files.values().map(length).sum(),
            ..blob(media::LAYER, archive::packed(files, MODIFIED))
        })
        .collect();
    let file = ConfigFile {
        created: entry.created.clone(),
        architecture: "amd64".into(),
        os: "linux".into(),
        config: config(chosen),
        rootfs: RootFs { diff_ids: layers.iter().map(|layer| layer.descriptor.digest.clone()).collect(), ..RootFs::default() },
        history: history(chosen),
        ..ConfigFile::default()
    };
    let config = blob(media::CONFIG, file.written());
    let descriptors = layers.iter().map(|layer| layer.descriptor.clone()).collect();
    let manifest = blob(media::MANIFEST, Manifest::of(config.descriptor.clone(), descriptors).written());
    let platform = Platform { architecture: "amd64".into(), os: "linux".into(), variant: String::new() };
    let listed = Descriptor { platform: Some(platform), ..manifest.descriptor.clone() };
    let index = Index { manifests: vec![listed], ..Index::default() };
    let index = blob(media::INDEX, index.written().into_bytes());
    Listed { name: name.to_string(), index, manifest, config, layers }
}

fn config(chosen: &Chosen) -> ImageConfig {
    let entry = &chosen.entry;
    let set = |names: &[String]| names.iter().map(|name| (name.clone(), Nothing {})).collect();
    let mut env = with_version(&entry.env, &entry.version, &chosen.version);
    let numbered = |line: &String| line.strip_prefix("JAVA_VERSION=").is_some() && !entry.java.is_empty();
    env.iter_mut().filter(|line| numbered(line)).for_each(|line| *line = format!("JAVA_VERSION=jdk-{}", entry.java));
    ImageConfig {
        user: entry.user.clone(),
        exposed_ports: set(entry.ports.as_deref().unwrap_or_default()),
        env,
        entrypoint: entry.entrypoint.clone(),
        cmd: entry.cmd.clone(),
        volumes: set(&entry.volumes),
        working_dir: entry.workdir.clone().unwrap_or_default(),
        labels: entry.labels.clone(),
        stop_signal: entry.stop.clone().filter(|signal| !signal.is_empty()),
        ..ImageConfig::default()
    }
}

/// As many entries with a layer as there are layers.
fn history(chosen: &Chosen) -> Vec<History> {
    let Entry { history, version, created, layers, .. } = &chosen.entry;
    let comment = "glassbox: modelled".to_string();
    let known = history.iter().filter(|(.., layer)| *layer == 1).count() == layers.len();
    if known {
        let named = |text: &String| if version.is_empty() { text.clone() } else { text.replace(version, &chosen.version) };
        let line = |(created, text, layer): &(String, String, u8)| History {
            created: created.clone(),
            created_by: named(text),
            comment: comment.clone(),
            empty_layer: *layer == 0,
            ..History::default()
        };
        return history.iter().map(line).collect();
    }
    let line = |at: usize| History {
        created: created.clone(),
        created_by: format!("layer {} (what made it is not in the catalogue)", at + 1),
        comment: comment.clone(),
        ..History::default()
    };
    (0..layers.len()).map(line).collect()
}

fn length(file: &File) -> u64 {
    match &file.kind {
        Kind::Text(text) => text.len() as u64,
        Kind::Program(_) | Kind::Data => file.bytes,
        Kind::Directory | Kind::Link(_) => 0,
    }
}

/// The files of each layer: the distribution's in the lowest, the image's own in the largest of the others, and in each a file that stands
/// for the rest.
fn layer_files(chosen: &Chosen) -> Vec<Files> {
    let entry = &chosen.entry;
    let base = base_files(chosen);
    let mut layers = vec![Files::new(); entry.layers.len()];
    let own = (1..layers.len()).max_by_key(|at| entry.layers[*at].1).unwrap_or(0);
    let words = Words { version: chosen.version.clone(), codename: String::new(), java: java_home(entry, &chosen.version) };
    let mut software = Files::new();
    for section in sections(chosen) {
        let found = tree::section(section, &words, &base);
        software.extend(found);
    }
    if let Some(first) = layers.first_mut() {
        *first = base;
    }
    layers[own].extend(software);
    for (at, files) in layers.iter_mut().enumerate() {
        let known: u64 = files.values().map(length).sum();
        let (transferred, whole) = entry.layers[at];
        let rest = whole.saturating_sub(known);
        // Layers of one content are one layer: the rest is known by how long the real one is.
        let path = format!("/usr/share/glassbox/layer-of-{transferred}-bytes");
        let header = crate::modelled::DATA_HEADER.len() as u64;
        let path = if chosen.distro == "none" || chosen.distro == "distroless" { path.replace("/usr/share", "") } else { path };
        if rest > header || files.is_empty() {
            files.insert(path, File { kind: Kind::Data, mode: 0o444, owner: (0, 0), bytes: rest.max(header) });
        }
    }
    layers
}

fn base_files(chosen: &Chosen) -> Files {
    let (distro, release) = chosen.distro.split_once('-').unwrap_or((&chosen.distro, ""));
    let of_release = tag::release(release).map_or("", |(_, version)| version);
    let version = match distro {
        "debian" | "ubuntu" => of_release.to_string(),
        "alpine" if release.is_empty() => tag::newest("alpine"),
        "alpine" => tag::newest_of("alpine", release),
        _ => chosen.version.clone(),
    };
    let words = Words { version, codename: release.to_string(), java: String::new() };
    tree::section(distro, &words, &Files::new())
}

fn java_home(entry: &Entry, version: &str) -> String {
    let home = entry.env.iter().find_map(|line| line.strip_prefix("JAVA_HOME=")).unwrap_or("/usr/local/openjdk");
    home.replace(&format!("-{}", entry.version), &format!("-{version}"))
}

/// What an image has besides its distribution.
fn sections(chosen: &Chosen) -> Vec<&str> {
    let entry = &chosen.entry;
    let name = entry.name.as_str();
    let fat = entry.layers.len() > 3 && entry.layers.get(3).is_some_and(|layer| layer.1 > 300_000_000);
    let mut all: Vec<&str> = Vec::new();
    if fat && chosen.distro.starts_with("debian") {
        all.push("build-tools");
    }
    match name {
        "golang" if entry.variant.is_empty() => all.extend(["golang", "golang-cgo"]),
        "php" if entry.variant == "apache" => all.push("php-apache"),
        "php" if entry.variant.starts_with("fpm") => all.push("php-fpm"),
        "eclipse-temurin" if entry.variant.starts_with("jre") => all.extend(["java", "temurin"]),
        "eclipse-temurin" => all.extend(["jdk", "temurin"]),
        "openjdk" | "amazoncorretto" => all.push("jdk"),
        "maven" | "gradle" | "tomcat" => all.extend(["jdk", name]),
        _ if name.starts_with("mcr.microsoft.com/dotnet") => all.push("dotnet"),
        "rust" => all.extend(["rust", "golang-cgo"]),
        "alpine" | "busybox" | "debian" | "ubuntu" => {}
        _ if tree::has(name) && name != chosen.distro => all.push(name),
        _ => {}
    }
    all
}
