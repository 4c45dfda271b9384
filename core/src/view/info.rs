//! `info`: what the machine offers, and how much there is of everything: the fields of Docker's that Glassbox has. There is no daemon, no
//! swarm and no registry's mirror to be told of; what is left out is no fact here.

use serde_json::{Value, json};

use super::reclaimed::binary_size;
use super::version::{Shown, filled};
use crate::host::{CgroupLayout, CgroupVersion, Controller, HostFacts};
use crate::model::{State, Status};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The text, or what a template makes of the fields, as far as it comes.
pub fn text(state: &State, host: &HostFacts, format: Option<&str>) -> Result<Shown, (String, i32)> {
    let fields = fields(state, host);
    match format {
        None => Ok((whole(&fields), None)),
        Some("json") => filled("{{json .}}", "", &fields, TYPE, part),
        Some(text) => filled(text, "", &fields, TYPE, part),
    }
}

/// How Docker's client calls its fields, where a template asks for one that there is not.
const TYPE: &str = "system.dockerInfo";

fn part(place: &str) -> &'static str {
    let types = [("<.ClientInfo.", "*system.clientInfo"), ("<.Plugins.", "system.PluginsInfo"), ("<.Swarm.", "swarm.Info")];
    types.iter().find(|(below, _)| place.contains(below)).map_or(TYPE, |(_, of)| of)
}

fn fields(state: &State, host: &HostFacts) -> Value {
    let mut all = of_engine(state, host);
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), of_machine(host)) {
        all.extend(more);
    }
    all
}

fn of_engine(state: &State, host: &HostFacts) -> Value {
    let count = |wanted: &[Status]| state.containers.values().filter(|one| wanted.contains(&one.state.status)).count();
    json!({
        "Containers": state.containers.size(),
        "ContainersRunning": count(&[Status::Running, Status::Restarting]),
        "ContainersPaused": count(&[Status::Paused]),
        "ContainersStopped": count(&[Status::Created, Status::Exited]),
        "Images": state.images.size(),
        "Driver": "overlay2",
        "DriverStatus": [["Backing Filesystem", backing(&host.data_mount.0)], ["userxattr", (!host.is_root()).to_string()]],
        "Plugins": { "Volume": ["local"], "Network": ["host", "null"], "Authorization": null, "Log": ["json-file", "local"] },
    })
}

fn of_machine(host: &HostFacts) -> Value {
    let has = |controller| host.cgroup.directory(controller).is_some();
    let v1 = matches!(host.cgroup.version, CgroupVersion::V1 | CgroupVersion::Hybrid);
    let mut machine = json!({
        "MemoryLimit": has(Controller::Memory),
        "SwapLimit": host.cgroup.swap,
        "CpuCfsPeriod": has(Controller::Cpu),
        "CpuCfsQuota": has(Controller::Cpu),
        "CPUShares": has(Controller::Cpu),
        "CPUSet": has(Controller::Cpuset),
        "PidsLimit": has(Controller::Pids),
        "Debug": false,
        "OomKillDisable": v1 && has(Controller::Memory),
        "SystemTime": super::inspect::timestamp(host.now_ns),
        "LoggingDriver": crate::model::LogConfig::USUAL,
        "CgroupDriver": if host.cgroup.version == CgroupVersion::None { "none" } else { "cgroupfs" },
        "CgroupVersion": if v1 { "1" } else { "2" },
        "KernelVersion": host.kernel_release,
        "OperatingSystem": host.operating_system,
        "OSType": "linux",
        "Architecture": host.machine,
    });
    let rest = json!({
        "NCPU": host.cpus,
        "MemTotal": host.memory_bytes,
        "DockerRootDir": host.data_root,
        "Name": host.hostname,
        "Labels": [],
        "ExperimentalBuild": false,
        "ServerVersion": VERSION,
        "Swarm": { "LocalNodeState": "inactive" },
        "SecurityOptions": security(host),
        "Warnings": warnings(&host.cgroup),
        "ClientInfo": {
            "Debug": false,
            "Version": VERSION,
            "Os": "linux",
            "Arch": crate::plan::architecture(&host.machine),
            "Context": "default",
            "Plugins": [],
            "Warnings": null,
        },
    });
    if let (Some(machine), Value::Object(rest)) = (machine.as_object_mut(), rest) {
        machine.extend(rest);
    }
    machine
}

/// Docker's name of a file system, which is that of its magic number: ext2, ext3 and ext4 have one.
fn backing(fs_type: &str) -> &str {
    match fs_type {
        "ext2" | "ext3" | "ext4" => "extfs",
        "overlay" => "overlayfs",
        other => other,
    }
}

fn security(host: &HostFacts) -> Vec<&'static str> {
    let all = [
        (host.apparmor.is_some(), "name=apparmor"),
        (host.seccomp, "name=seccomp,profile=builtin"),
        (!host.is_root(), "name=rootless"),
        (host.cgroup.version == CgroupVersion::V2, "name=cgroupns"),
    ];
    all.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect()
}

/// dockerd's, of what the kernel cannot limit.
fn warnings(cgroup: &CgroupLayout) -> Vec<String> {
    let has = |controller| cgroup.directory(controller).is_some();
    let all = [
        (has(Controller::Memory), "memory limit"),
        (cgroup.swap, "swap limit"),
        (has(Controller::Cpu), "cpu cfs period"),
        (has(Controller::Cpu), "cpu cfs quota"),
        (has(Controller::Cpu), "cpu shares"),
        (has(Controller::Cpuset), "cpuset"),
    ];
    all.into_iter().filter(|(has, _)| !has).map(|(_, what)| format!("WARNING: No {what} support")).collect()
}

/// As Docker's client lays it out.
fn whole(fields: &Value) -> String {
    let shown = |name: &str| match &fields[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let words = |list: &Value| {
        let words: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        words.join(" ")
    };
    let mut text = format!("Client:\n Version:    {VERSION}\n Context:    default\n Debug Mode: false\n\nServer:\n");
    let mut line = |label: &str, value: &str| text.push_str(&format!(" {label}: {value}\n"));
    for (label, name) in [
        ("Containers", "Containers"),
        (" Running", "ContainersRunning"),
        (" Paused", "ContainersPaused"),
        (" Stopped", "ContainersStopped"),
        ("Images", "Images"),
        ("Server Version", "ServerVersion"),
        ("Storage Driver", "Driver"),
    ] {
        line(label, &shown(name));
    }
    for pair in fields["DriverStatus"].as_array().into_iter().flatten() {
        line(&format!(" {}", pair[0].as_str().unwrap_or_default()), pair[1].as_str().unwrap_or_default());
    }
    for (label, name) in
        [("Logging Driver", "LoggingDriver"), ("Cgroup Driver", "CgroupDriver"), ("Cgroup Version", "CgroupVersion")]
    {
        line(label, &shown(name));
    }
    let plugins = &fields["Plugins"];
    text.push_str(" Plugins:\n");
    for name in ["Volume", "Network", "Log"] {
        text.push_str(&format!("  {name}: {}\n", words(&plugins[name])));
    }
    text.push_str(" Swarm: inactive\n Security Options:\n");
    for option in fields["SecurityOptions"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        text.push_str(&security_lines(option));
    }
    for (label, name) in [
        ("Kernel Version", "KernelVersion"),
        ("Operating System", "OperatingSystem"),
        ("OSType", "OSType"),
        ("Architecture", "Architecture"),
        ("CPUs", "NCPU"),
    ] {
        text.push_str(&format!(" {label}: {}\n", shown(name)));
    }
    text.push_str(&format!(" Total Memory: {}\n", binary_size(fields["MemTotal"].as_u64().unwrap_or_default())));
    for (label, name) in
        [("Name", "Name"), ("Docker Root Dir", "DockerRootDir"), ("Debug Mode", "Debug"), ("Experimental", "ExperimentalBuild")]
    {
        text.push_str(&format!(" {label}: {}\n", shown(name)));
    }
    text + "\n"
}

/// `name=seccomp,profile=builtin`: the name, and each further word on a line of its own.
fn security_lines(option: &str) -> String {
    let mut text = String::new();
    for (at, word) in option.split(',').enumerate() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match at {
            0 => text.push_str(&format!("  {value}\n")),
            _ => text.push_str(&format!("   {}{}: {value}\n", key[..1].to_uppercase(), &key[1..])),
        }
    }
    text
}

/// What Docker's client says on stderr after the text.
pub fn warned(host: &HostFacts) -> Vec<String> {
    warnings(&host.cgroup)
}

/// The name of a system, from its os-release(5).
pub fn operating_system(text: &str) -> String {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("PRETTY_NAME="));
    value
        .map(|value| value.trim().trim_matches(['"', '\'']).to_string())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "Linux".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_is_told_in_dockers_layout() {
        let host = HostFacts { operating_system: "Debian GNU/Linux 12 (bookworm)".into(), ..HostFacts::example() };
        let (text, failed) = text(&State::default(), &host, None).unwrap();
        assert!(failed.is_none() && text.starts_with("Client:\n Version:    "), "{text}");
        for line in [
            " Containers: 0\n  Running: 0\n  Paused: 0\n  Stopped: 0\n Images: 0\n",
            " Storage Driver: overlay2\n  Backing Filesystem: extfs\n  userxattr: false\n Logging Driver: json-file\n",
            " Cgroup Version: 2\n Plugins:\n  Volume: local\n  Network: host null\n  Log: json-file local\n Swarm: inactive\n",
            " Security Options:\n  seccomp\n   Profile: builtin\n  cgroupns\n Kernel Version: 6.1.0-41-cloud-amd64\n",
            " Operating System: Debian GNU/Linux 12 (bookworm)\n OSType: linux\n Architecture: x86_64\n CPUs: 2\n Total Memory: 4GiB\n",
            " Docker Root Dir: /var/lib/glassbox\n Debug Mode: false\n Experimental: false\n\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in {text}");
        }
    }

    #[test]
    fn what_cannot_be_limited_is_told() {
        let mut host = HostFacts::example();
        assert!(warned(&host).is_empty());
        host.cgroup.swap = false;
        assert_eq!(warned(&host), ["WARNING: No swap limit support"]);
    }

    #[test]
    fn a_template_is_run_on_the_fields() {
        let of = |format| text(&State::default(), &HostFacts::example(), Some(format));
        assert_eq!(of("{{.NCPU}} {{.OSType}}"), Ok(("2 linux\n".into(), None)));
        let told = |what: &str| Ok(("\n".to_string(), Some((what.to_string(), 1))));
        assert_eq!(
            of("{{.Foo}}"),
            told("template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type system.dockerInfo")
        );
        let below = "template: :1:10: executing \"\" at <.Plugins.Foo>: can't evaluate field Foo in type system.PluginsInfo";
        assert_eq!(of("{{.Plugins.Foo}}"), told(below));
        assert_eq!(of("{{.Foo"), Err(("template parsing error: template: :1: unclosed action".into(), 64)));
    }

    #[test]
    fn a_system_says_its_name() {
        assert_eq!(
            operating_system("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
            "Debian GNU/Linux 12 (bookworm)"
        );
        assert_eq!(operating_system(""), "Linux");
    }
}
