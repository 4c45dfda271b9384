//! An image as `inspect` shows it: Docker's field names, in Docker's order; what is not known of it is left out.

use serde_json::{Map, Value, json};

use crate::host::HostFacts;
use crate::layout::Layout;
use crate::model::{Image, ImageConfig};

/// One image of `inspect --type image`.
pub fn value(image: &Image, host: &HostFacts) -> Value {
    let layout = Layout::new(&host.data_root);
    let diff_ids: Vec<&String> = image.layers.iter().map(|layer| &layer.diff_id).collect();
    let upper = diff_ids.last().map(|diff_id| layout.layer(diff_id)).unwrap_or_default();
    let mut data = Map::new();
    if diff_ids.len() > 1 {
        let below: Vec<String> = diff_ids.iter().rev().skip(1).map(|diff_id| layout.layer(diff_id)).collect();
        data.insert("LowerDir".into(), json!(below.join(":")));
    }
    data.insert("UpperDir".into(), json!(upper));
    let mut value = json!({
        "Id": image.id,
        "RepoTags": image.names,
        "RepoDigests": image.digests,
        "Parent": "",
        "Comment": image.history.last().map(|last| last.comment.as_str()).unwrap_or_default(),
        "Created": image.created,
        "DockerVersion": "",
        "Author": image.author,
        "Config": config(&image.config),
        "Architecture": image.architecture,
        "Os": image.os,
        "Size": super::images::bytes(image, host),
        "GraphDriver": { "Data": data, "Name": "overlay2" },
        "RootFS": { "Type": "layers", "Layers": diff_ids },
    });
    if let Some(known) = value.as_object_mut().filter(|_| image.created.is_empty()) {
        known.shift_remove("Created");
    }
    value
}

/// Docker leaves out what the image does not say.
fn config(config: &ImageConfig) -> Value {
    let mut value = Map::new();
    let mut put = |name: &str, said: bool, content: Value| {
        if said {
            value.insert(name.to_string(), content);
        }
    };
    let set =
        |names: Vec<&String>| -> Value { names.into_iter().map(|name| (name.clone(), json!({}))).collect::<Map<_, _>>().into() };
    put("User", !config.user.is_empty(), json!(config.user));
    put("ExposedPorts", !config.exposed_ports.is_empty(), set(config.exposed_ports.keys().collect()));
    put("Env", !config.env.is_empty(), json!(config.env));
    put("Entrypoint", !config.entrypoint.is_empty(), json!(config.entrypoint));
    put("Cmd", !config.cmd.is_empty(), json!(config.cmd));
    put("Healthcheck", config.healthcheck.is_some(), json!(config.healthcheck));
    put("Volumes", !config.volumes.is_empty(), set(config.volumes.keys().collect()));
    put("WorkingDir", !config.working_dir.is_empty(), json!(config.working_dir));
    put("OnBuild", !config.on_build.is_empty(), json!(config.on_build));
    put("Labels", !config.labels.is_empty(), json!(config.labels));
    put("StopSignal", config.stop_signal.is_some(), json!(config.stop_signal));
    put("Shell", !config.shell.is_empty(), json!(config.shell));
    Value::Object(value)
}
