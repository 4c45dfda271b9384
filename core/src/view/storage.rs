//! Volumes and mounts as `inspect` shows them: Docker's field names, in Docker's order.

use serde_json::{Map, Value, json};

use super::inspect::timestamp;
use crate::cli::MountSpec;
use crate::host::HostFacts;
use crate::layout::Layout;
use crate::model::{Container, MountKind, MountPoint, Volume};

/// One volume of `volume inspect`.
pub(super) fn volume(volume: &Volume, host: &HostFacts) -> Value {
    const SECOND_NS: u64 = 1_000_000_000;
    json!({
        "CreatedAt": timestamp(volume.created_ns - volume.created_ns % SECOND_NS),
        "Driver": "local",
        "Labels": volume.labels,
        "Mountpoint": Layout::new(&host.data_root).volume_data(&volume.name),
        "Name": volume.name,
        "Options": if volume.options.is_empty() { Value::Null } else { json!(volume.options) },
        "Scope": "local",
    })
}

/// `Mounts`: what is mounted. Of memory `--mount` is shown and `--tmpfs` is not, as in Docker.
pub(super) fn mounts(container: &Container) -> Value {
    let shown = container.mounts.iter().filter(|point| point.kind != MountKind::Tmpfs || point.flag == "mount");
    Value::Array(shown.map(mount).collect())
}

fn mount(point: &MountPoint) -> Value {
    let mut value = Map::new();
    let mut put = |name: &str, content: Value| drop(value.insert(name.to_string(), content));
    put("Type", json!(point.kind));
    if point.kind == MountKind::Volume {
        put("Name", json!(point.name));
    }
    put("Source", json!(point.source));
    put("Destination", json!(point.target));
    if point.kind == MountKind::Volume {
        put("Driver", json!("local"));
    }
    put("Mode", json!(if point.anonymous && point.flag == "volume" { "" } else { &point.mode }));
    put("RW", json!(!point.read_only));
    put("Propagation", json!(if point.kind == MountKind::Bind { point.propagation.word() } else { "" }));
    Value::Object(value)
}

/// `HostConfig.Binds`: the words of `-v` but for those that name no source.
pub(super) fn binds(container: &Container) -> Value {
    let words: Vec<&String> = container.host.storage.volumes.iter().filter(|word| word.contains(':')).collect();
    if words.is_empty() { Value::Null } else { json!(words) }
}

/// `Config.Volumes`: the paths of `-v` that name no source.
pub(super) fn unnamed(container: &Container) -> Value {
    let words = container.host.storage.volumes.iter().filter(|word| !word.contains(':'));
    let all: Map<String, Value> = words.map(|word| (word.clone(), json!({}))).collect();
    if all.is_empty() { Value::Null } else { Value::Object(all) }
}

/// `HostConfig.Mounts`; left out where there is none.
pub(super) fn specs(container: &Container) -> Option<Value> {
    let all = &container.host.storage.mounts;
    (!all.is_empty()).then(|| Value::Array(all.iter().map(spec).collect()))
}

fn spec(mount: &MountSpec) -> Value {
    let mut value = Map::new();
    let mut put = |name: &str, content: Value| drop(value.insert(name.to_string(), content));
    put("Type", json!(mount.kind));
    if !mount.source.is_empty() {
        put("Source", json!(mount.source));
    }
    put("Target", json!(mount.target));
    if mount.read_only {
        put("ReadOnly", json!(true));
    }
    if !mount.propagation.is_empty() || !mount.recursion.is_empty() {
        put("BindOptions", bind_options(mount));
    }
    if mount.of_volume || mount.no_copy || !mount.labels.is_empty() {
        put("VolumeOptions", volume_options(mount));
    }
    if mount.tmpfs_bytes_max != 0 || mount.tmpfs_mode.is_some() {
        put("TmpfsOptions", tmpfs_options(mount));
    }
    Value::Object(value)
}

fn bind_options(mount: &MountSpec) -> Value {
    let mut value = Map::new();
    if !mount.propagation.is_empty() {
        value.insert("Propagation".into(), json!(mount.propagation));
    }
    for (name, recursion) in
        [("NonRecursive", "disabled"), ("ReadOnlyNonRecursive", "writable"), ("ReadOnlyForceRecursive", "readonly")]
    {
        if mount.recursion == recursion {
            value.insert(name.into(), json!(true));
        }
    }
    Value::Object(value)
}

fn volume_options(mount: &MountSpec) -> Value {
    let mut value = Map::new();
    if mount.no_copy {
        value.insert("NoCopy".into(), json!(true));
    }
    let pair = |word: &String| word.split_once('=').map_or((word.clone(), json!("")), |(name, value)| (name.into(), json!(value)));
    let labels: Map<String, Value> = mount.labels.iter().map(pair).collect();
    if !labels.is_empty() {
        value.insert("Labels".into(), Value::Object(labels));
    }
    if !mount.subpath.is_empty() {
        value.insert("Subpath".into(), json!(mount.subpath));
    }
    let mut driver = Map::new();
    if !mount.driver.is_empty() {
        driver.insert("Name".into(), json!(mount.driver));
    }
    if !mount.driver_options.is_empty() {
        driver.insert("Options".into(), json!(mount.driver_options));
    }
    value.insert("DriverConfig".into(), Value::Object(driver));
    Value::Object(value)
}

fn tmpfs_options(mount: &MountSpec) -> Value {
    let mut value = Map::new();
    if mount.tmpfs_bytes_max != 0 {
        value.insert("SizeBytes".into(), json!(mount.tmpfs_bytes_max));
    }
    if let Some(mode) = mount.tmpfs_mode {
        value.insert("Mode".into(), json!(mode));
    }
    Value::Object(value)
}

/// `HostConfig.Tmpfs`: paths and their options; left out where there is none.
pub(super) fn tmpfs(container: &Container) -> Option<Value> {
    let words = container.host.storage.tmpfs.iter();
    let all: Map<String, Value> =
        words.map(|word| word.split_once(':').unwrap_or((word, ""))).map(|(path, options)| (path.into(), json!(options))).collect();
    (!all.is_empty()).then_some(Value::Object(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::StorageSpec;
    use crate::step::samples;

    fn container() -> Container {
        let mut container = samples::container();
        let spec =
            MountSpec { kind: "volume".into(), source: "data".into(), target: "/d".into(), no_copy: true, ..Default::default() };
        container.host.storage = StorageSpec {
            volumes: vec!["/srv:/s:ro".into(), "/own".into()],
            mounts: vec![spec],
            tmpfs: vec!["/run:size=1m".into()],
            volumes_from: Vec::new(),
        };
        let bind =
            MountPoint { source: "/srv".into(), target: "/s".into(), read_only: true, mode: "ro".into(), ..MountPoint::default() };
        let memory = MountPoint { kind: MountKind::Tmpfs, target: "/run".into(), flag: "tmpfs".into(), ..MountPoint::default() };
        let volume = MountPoint { kind: MountKind::Volume, name: "data".into(), mode: "z".into(), ..bind.clone() };
        container.mounts = vec![bind, memory, volume];
        container
    }

    #[test]
    fn mounts_are_shown_as_docker_shows_them() {
        let shown = mounts(&container());
        let bind = r#"{"Type":"bind","Source":"/srv","Destination":"/s","Mode":"ro","RW":false,"Propagation":"rprivate"}"#;
        assert_eq!(shown[0].to_string(), bind);
        assert_eq!(
            (&shown[1]["Name"], &shown[1]["Driver"], &shown[1]["Propagation"]),
            (&json!("data"), &json!("local"), &json!(""))
        );
        assert!(shown.get(2).is_none(), "--tmpfs is not among Mounts: {shown}");
    }

    #[test]
    fn what_was_said_stands_where_docker_has_it() {
        let container = container();
        assert_eq!(binds(&container), json!(["/srv:/s:ro"]));
        assert_eq!(unnamed(&container), json!({"/own": {}}));
        assert_eq!(tmpfs(&container), Some(json!({"/run": "size=1m"})));
        let specs = specs(&container).unwrap();
        assert_eq!(
            specs[0].to_string(),
            r#"{"Type":"volume","Source":"data","Target":"/d","VolumeOptions":{"NoCopy":true,"DriverConfig":{}}}"#
        );
        let plain = samples::container();
        assert!(
            binds(&plain).is_null()
                && unnamed(&plain).is_null()
                && super::specs(&plain).is_none()
                && super::tmpfs(&plain).is_none()
        );
    }
}
