//! `docker inspect` of containers: Docker's field names, in Docker's order.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::{DeviceNumber, Healthcheck, NetworkMode};
use crate::host::HostFacts;
use crate::layout::Layout;
use crate::model::health::{Health, Probe};
use crate::model::{Container, ContainerId, LogConfig, ProcessConfig, Volume};
use crate::oci::defaults;
use crate::template::{Error, Labels, Missing, Template};

/// The size of /dev/shm: see [`defaults::mounts`].
const SHM_BYTES: u64 = 64 << 20;

/// One volume.
pub fn volume(volume: &Volume, host: &HostFacts) -> Value {
    super::storage::volume(volume, host)
}

/// The JSON array that `inspect` prints, indented by four blanks, with its newline.
pub fn array(values: &[Value]) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    // Writing plain values to memory cannot fail.
    let _ = serde::Serialize::serialize(&values, &mut serializer);
    String::from_utf8_lossy(&bytes).into_owned() + "\n"
}

/// What `inspect --format` prints of one thing, with its newline; else Go's words for what is wrong.
pub fn formatted(value: &Value, template: &Template) -> Result<String, Error> {
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut().filter(|object| object.contains_key("HostConfig")) {
        // A template can ask for what the whole of a container leaves out: Docker has it as null.
        for size in ["SizeRw", "SizeRootFs"] {
            object.entry(size).or_insert(Value::Null);
        }
    }
    template.run(&value, Missing::Map, &Labels::default()).map(|text| text + "\n")
}

/// `inspect --format json`: one line.
pub fn line(values: &[Value]) -> String {
    serde_json::to_string(&values).unwrap_or_default() + "\n"
}

/// RFC 3339 with nanoseconds; Docker's zero time for 0.
pub fn timestamp(nanoseconds: u64) -> String {
    if nanoseconds == 0 {
        return "0001-01-01T00:00:00Z".to_string();
    }
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanoseconds)).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

/// One container.
pub fn container(container: &Container, host: &HostFacts) -> Value {
    let mut value = whole_value(container, host);
    // Without -s Docker leaves them out.
    if !host.disk.containers.contains_key(&container.id.0)
        && let Some(object) = value.as_object_mut()
    {
        object.shift_remove("SizeRw");
        object.shift_remove("SizeRootFs");
    }
    value
}

fn whole_value(container: &Container, host: &HostFacts) -> Value {
    let written = super::disk::written(container, host);
    let layout = Layout::new(&host.data_root);
    let argv = container.process.argv();
    let network_file = |name: &str| match &container.host.network {
        NetworkMode::Container(_) if container.state.started_ns == 0 => String::new(),
        NetworkMode::Container(owner) => layout.of(&ContainerId(owner.clone()), name),
        _ => layout.of(&container.id, name),
    };
    json!({
        "Id": container.id.0,
        "Created": timestamp(container.created_ns),
        "Path": argv.first(),
        "Args": argv.get(1..).unwrap_or_default(),
        "State": state(container),
        "Image": container.image_id,
        "ResolvConfPath": network_file("resolv.conf"),
        "HostnamePath": network_file("hostname"),
        "HostsPath": network_file("hosts"),
        "LogPath": if container.host.log.driver == LogConfig::USUAL { layout.log(&container.id) } else { String::new() },
        "Name": format!("/{}", container.name),
        "RestartCount": container.state.restart_count,
        "Driver": "overlay2",
        "Platform": "linux",
        "HostConfig": host_config(container),
        "GraphDriver": {
            "Data": {
                "ID": container.id.0,
                "LowerDir": container.layers.iter().rev().map(|layer| layout.layer(layer)).collect::<Vec<_>>().join(":"),
                "MergedDir": layout.merged(),
                "UpperDir": layout.of(&container.id, "upper"),
                "WorkDir": layout.of(&container.id, "work"),
            },
            "Name": "overlay2",
        },
        "SizeRw": written,
        "SizeRootFs": written + super::disk::image_bytes(container.layers.iter().cloned(), host),
        "Mounts": super::storage::mounts(container),
        "Config": config(container),
        "NetworkSettings": super::network::settings(container),
    })
}

fn state(container: &Container) -> Value {
    let state = &container.state;
    let status = super::containers::state_word(container);
    let mut value = json!({
        "Status": status,
        "Running": state.status.runs(),
        "Paused": state.status == crate::model::Status::Paused,
        "Restarting": state.status == crate::model::Status::Restarting,
        "OOMKilled": state.oom_killed,
        "Dead": false,
        "Pid": state.pid.unwrap_or_default(),
        "ExitCode": state.exit_code,
        "Error": state.error,
        "StartedAt": timestamp(state.started_ns),
        "FinishedAt": timestamp(state.finished_ns),
    });
    insert(&mut value, "Health", state.health.as_ref().map(health));
    value
}

fn host_config(container: &Container) -> Value {
    let host = &container.host;
    let security = security_options(container);
    let hidden = |paths: &[&str]| {
        let none: &[&str] = &[];
        if host.privileged { Value::Null } else { json!(if host.confinement.system_paths_unconfined { none } else { paths }) }
    };
    let mut value = json!({
        "Binds": super::storage::binds(container),
        "ContainerIDFile": host.cid_file,
        "LogConfig": { "Type": host.log.driver, "Config": host.log.options },
        "NetworkMode": host.network.word(),
        "PortBindings": super::ports::bindings(container),
        "RestartPolicy": { "Name": host.restart.name(), "MaximumRetryCount": host.restart.retries_max() },
        "AutoRemove": host.auto_remove,
        "VolumeDriver": host.volume_driver,
        "VolumesFrom": list(&host.storage.volumes_from),
        "CapAdd": list(&host.cap_add),
        "CapDrop": list(&host.cap_drop),
        "CgroupnsMode": crate::plan::namespaces::cgroup_namespace(container).word(),
        "Dns": host.naming.name_servers,
        "DnsOptions": host.naming.options,
        "DnsSearch": host.naming.search,
        "ExtraHosts": list(&host.naming.extra_hosts),
        "GroupAdd": list(&host.tuning.group_add),
        "IpcMode": host.namespaces.ipc.word(),
        "OomScoreAdj": host.tuning.oom_score_adj,
        "PidMode": host.namespaces.pid.word(),
        "Privileged": host.privileged,
        "PublishAllPorts": host.publishing.all,
        "ReadonlyRootfs": host.read_only,
        "SecurityOpt": list(&security),
        "UTSMode": if host.namespaces.uts_host { "host" } else { "" },
        "UsernsMode": if host.namespaces.user_host { "host" } else { "" },
        "ShmSize": if host.tuning.shm_bytes > 0 { host.tuning.shm_bytes } else { SHM_BYTES },
    });
    extend(&mut value, resources(container));
    let paths = json!({
        "MaskedPaths": hidden(defaults::MASKED_PATHS),
        "ReadonlyPaths": hidden(defaults::READONLY_PATHS),
    });
    extend(&mut value, paths);
    insert(&mut value, "Annotations", (!host.annotations.is_empty()).then(|| json!(host.annotations)));
    insert(&mut value, "Mounts", super::storage::specs(container));
    insert(&mut value, "Tmpfs", super::storage::tmpfs(container));
    insert(&mut value, "Sysctls", (!host.tuning.sysctls.is_empty()).then(|| json!(host.tuning.sysctls)));
    insert(&mut value, "Init", host.init.then_some(Value::Bool(true)));
    value
}

/// The part on what the host lends.
fn resources(container: &Container) -> Value {
    let host = &container.host;
    let (resources, block) = (&host.resources, &host.resources.block_io);
    json!({
        "CpuShares": resources.cpu_shares,
        "Memory": resources.memory_bytes_max,
        "NanoCpus": resources.nano_cpus,
        "CgroupParent": host.tuning.cgroup_parent,
        "BlkioWeight": block.weight,
        "BlkioWeightDevice": of_disks(&block.weight_device, "Weight"),
        "BlkioDeviceReadBps": of_disks(&block.read_bps, "Rate"),
        "BlkioDeviceWriteBps": of_disks(&block.write_bps, "Rate"),
        "BlkioDeviceReadIOps": of_disks(&block.read_iops, "Rate"),
        "BlkioDeviceWriteIOps": of_disks(&block.write_iops, "Rate"),
        "CpuPeriod": resources.cpu_period_us,
        "CpuQuota": resources.cpu_quota_us,
        "Devices": host.confinement.devices.iter().map(|device| {
            json!({ "PathOnHost": device.host, "PathInContainer": device.container, "CgroupPermissions": device.permissions })
        }).collect::<Vec<_>>(),
        "DeviceCgroupRules": list(&host.confinement.device_rules),
        "CpusetCpus": resources.cpuset_cpus,
        "CpusetMems": resources.cpuset_mems,
        "MemoryReservation": resources.memory_reservation_bytes,
        "MemorySwap": resources.memory_swap_bytes_max,
        "MemorySwappiness": resources.memory_swappiness,
        "OomKillDisable": resources.oom_kill_disable,
        "PidsLimit": resources.pids_max,
        "Ulimits": host.tuning.limits().map(|(resource, limit)| {
            json!({ "Name": resource.name(), "Hard": limit.hard, "Soft": limit.soft })
        }).collect::<Vec<_>>(),
    })
}

fn list(words: &[String]) -> Value {
    if words.is_empty() { Value::Null } else { json!(words) }
}

fn extend(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
}

fn of_disks(numbers: &[DeviceNumber], name: &str) -> Vec<Value> {
    numbers.iter().map(|number| json!({ "Path": number.device, name: number.number })).collect()
}

/// As typed; a privileged container without any is not labelled.
fn security_options(container: &Container) -> Vec<String> {
    let host = &container.host;
    match (host.confinement.security_options.as_slice(), host.privileged) {
        ([], true) => vec!["label=disable".to_string()],
        ([], false) if host.no_new_privileges => vec!["no-new-privileges".to_string()],
        (options, _) => options.to_vec(),
    }
}

/// A field that Docker leaves out where it has no value.
fn insert(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(name.to_string(), value);
    }
}

fn config(container: &Container) -> Value {
    let process = &container.process;
    let attached = !container.host.detached;
    let named = |stream: &str| process.attach.iter().any(|named| named == stream);
    let all = attached && process.attach.is_empty();
    let mut value = json!({
        "Hostname": process.hostname,
        "Domainname": process.domainname,
        "User": process.user,
        "AttachStdin": attached && process.open_stdin || named("stdin"),
        "AttachStdout": all || named("stdout"),
        "AttachStderr": all || named("stderr"),
        "Tty": process.tty,
        "OpenStdin": process.open_stdin,
        "StdinOnce": attached && process.open_stdin,
        "Env": process.env,
        "Cmd": process.cmd,
        "Image": container.image,
        "Volumes": super::storage::unnamed(container),
        "WorkingDir": process.cwd,
        "Entrypoint": if process.entrypoint.is_empty() { Value::Null } else { json!(process.entrypoint) },
        "Labels": process.labels,
    });
    let ports: serde_json::Map<String, Value> = process.exposed_ports.iter().map(|port| (port.clone(), json!({}))).collect();
    insert(&mut value, "ExposedPorts", (!ports.is_empty()).then_some(Value::Object(ports)));
    insert(&mut value, "Healthcheck", process.healthcheck.as_ref().map(healthcheck));
    insert(&mut value, "StopSignal", stop_signal(process));
    insert(&mut value, "StopTimeout", process.stop_timeout_seconds.map(|seconds| json!(seconds)));
    value
}

/// As it was said; older records have the signal alone.
fn stop_signal(process: &ProcessConfig) -> Option<Value> {
    let word = Some(&process.stop_signal_word).filter(|word| !word.is_empty());
    word.map(|word| json!(word)).or_else(|| process.stop_signal.map(|signal| json!(signal.name())))
}

/// Docker leaves out what was not said.
fn healthcheck(check: &Healthcheck) -> Value {
    let mut value = json!({});
    insert(&mut value, "Test", (!check.test.is_empty()).then(|| json!(check.test)));
    let times = [
        ("Interval", check.interval_ns),
        ("Timeout", check.timeout_ns),
        ("StartPeriod", check.start_period_ns),
        ("StartInterval", check.start_interval_ns),
        ("Retries", u64::from(check.retries)),
    ];
    for (name, number) in times {
        insert(&mut value, name, (number > 0).then(|| json!(number)));
    }
    value
}

fn health(health: &Health) -> Value {
    let probe = |probe: &Probe| {
        json!({
            "Start": timestamp(probe.start_ns),
            "End": timestamp(probe.end_ns),
            "ExitCode": probe.exit_code,
            "Output": probe.output,
        })
    };
    let log: Vec<Value> = health.log.iter().map(probe).collect();
    json!({ "Status": health.status.name(), "FailingStreak": health.failing_streak, "Log": log })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_array_of_objects_in_dockers_order() {
        let container = crate::step::samples::container();
        let text = array(&[super::container(&container, &HostFacts::example())]);
        assert!(text.starts_with("[\n    {\n        \"Id\": \"0123456789abcdef"), "{text}");
        assert!(text.contains("\"StartedAt\": \"0001-01-01T00:00:00Z\""));
        assert_eq!(array(&[]), "[]\n");
    }

    #[test]
    fn what_was_asked_for_is_shown_where_docker_shows_it() {
        let mut container = crate::step::samples::container();
        container.host.init = true;
        container.host.resources.memory_bytes_max = 64 << 20;
        container.process.stop_timeout_seconds = Some(3);
        let value = super::container(&container, &HostFacts::example());
        let names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names[..5], ["Id", "Created", "Path", "Args", "State"]);
        assert_eq!((&value["HostConfig"]["Init"], &value["HostConfig"]["Memory"]), (&json!(true), &json!(64 << 20)));
        assert_eq!(value["Config"]["StopTimeout"], 3);
        assert!(value["Config"].get("StopSignal").is_none() && value["HostConfig"]["MaskedPaths"].as_array().is_some());
        container.host.privileged = true;
        assert!(super::container(&container, &HostFacts::example())["HostConfig"]["MaskedPaths"].is_null());
    }
}
