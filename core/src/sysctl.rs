//! Kernel settings that a namespace has for itself: which they are, whose, and the file below /proc/sys.
//!
//! Read by planning (what runc refuses), by the steps, by both probes and by the model kernel. Source: sysctl(8), proc_sys(5),
//! namespaces(7), and runc's checks of `linux.sysctl`.

use crate::step::NamespaceKind;

/// Settings of an IPC namespace.
const OF_IPC: &[&str] = &[
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// The NIS domain name of a UTS namespace.
pub const DOMAIN_NAME: &str = "kernel.domainname";

/// Of names only so many bytes are kept (__NEW_UTS_LEN of linux/utsname.h).
const NAME_BYTES_MAX: usize = 64;

/// What dockerd sets in a network namespace of a container's own, unless the command sets it otherwise (moby daemon/oci_linux.go): name,
/// value, whether it names groups of the machine, of which a user namespace knows few, and what it is for.
pub const DEFAULTS: &[(&str, &str, bool, &str)] = &[
    ("net.ipv4.ip_unprivileged_port_start", "0", false, "Every user of the container may listen on ports below 1024."),
    ("net.ipv4.ping_group_range", "0 2147483647", true, "Every user of the container may send pings, without CAP_NET_RAW."),
];

/// The file of a setting.
pub fn path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// The kind of namespace that has the setting for itself; `None`: the whole machine shares it.
pub fn namespace(name: &str) -> Option<NamespaceKind> {
    match name {
        _ if OF_IPC.contains(&name) || name.starts_with("fs.mqueue.") => Some(NamespaceKind::Ipc),
        _ if name.starts_with("net.") => Some(NamespaceKind::Network),
        "kernel.hostname" | "kernel.domainname" => Some(NamespaceKind::Uts),
        _ => None,
    }
}

/// runc's refusal of a setting that would be the host's; `shared`: the kinds of namespace that the container shares with it.
pub fn refusal(name: &str, shared: &[NamespaceKind]) -> Option<String> {
    match namespace(name) {
        Some(NamespaceKind::Ipc) if shared.contains(&NamespaceKind::Ipc) => {
            Some(format!("sysctl \"{name}\" is not allowed in the hosts ipc namespace"))
        }
        Some(NamespaceKind::Network) if shared.contains(&NamespaceKind::Network) => {
            Some(format!("sysctl \"{name}\" not allowed in host network namespace"))
        }
        Some(kind) if kind != NamespaceKind::Uts || !shared.contains(&kind) => None,
        _ => Some(format!("sysctl \"{name}\" is not in a separate kernel namespace")),
    }
}

/// What the modelled kernel has, as a fresh namespace shows it: name and value. A value of several numbers has tabs between them.
pub const KNOWN: &[(&str, &str)] = &[
    ("fs.mqueue.msg_default", "10"),
    ("fs.mqueue.msg_max", "10"),
    ("fs.mqueue.msgsize_default", "8192"),
    ("fs.mqueue.msgsize_max", "8192"),
    ("fs.mqueue.queues_max", "256"),
    (DOMAIN_NAME, "(none)"),
    ("kernel.msgmax", "8192"),
    ("kernel.msgmnb", "16384"),
    ("kernel.msgmni", "32000"),
    ("kernel.sem", "32000\t1024000000\t500\t32000"),
    ("kernel.shm_rmid_forced", "0"),
    ("kernel.shmall", "18446744073692774399"),
    ("kernel.shmmax", "18446744073692774399"),
    ("kernel.shmmni", "4096"),
    ("net.core.somaxconn", "4096"),
    ("net.ipv4.conf.all.forwarding", "0"),
    ("net.ipv4.ip_default_ttl", "64"),
    ("net.ipv4.ip_forward", "0"),
    ("net.ipv4.ip_local_port_range", "32768\t60999"),
    ("net.ipv4.ip_unprivileged_port_start", "1024"),
    ("net.ipv4.ping_group_range", "1\t0"),
    ("net.ipv4.tcp_keepalive_time", "7200"),
    ("net.ipv4.tcp_syncookies", "1"),
    ("net.ipv6.conf.all.disable_ipv6", "0"),
    ("net.ipv6.conf.all.forwarding", "0"),
];

/// What the file of `name` shows after `text` was written to it; `None`: EINVAL. As many numbers as it has, between blanks; of a name the
/// first line.
pub fn written(name: &str, before: &str, text: &str) -> Option<String> {
    if name == DOMAIN_NAME {
        let line = text.split('\n').next().unwrap_or_default();
        let end = (0..=line.len().min(NAME_BYTES_MAX)).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
        return Some(line.get(..end).unwrap_or_default().to_string());
    }
    let numbers: Vec<&str> = text.split_whitespace().collect();
    let right = numbers.iter().all(|word| word.parse::<i64>().is_ok() || word.parse::<u64>().is_ok());
    let slots = before.split('\t').count();
    if numbers.is_empty() || !right || numbers.len() > slots {
        return None;
    }
    let kept = before.split('\t').skip(numbers.len());
    Some(numbers.iter().copied().chain(kept).collect::<Vec<_>>().join("\t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_a_namespaces_or_the_machines() {
        assert_eq!(namespace("net.ipv4.ip_forward"), Some(NamespaceKind::Network));
        assert_eq!(namespace("fs.mqueue.msg_max"), Some(NamespaceKind::Ipc));
        assert_eq!(namespace("vm.swappiness"), None);
        assert_eq!(refusal("net.core.somaxconn", &[]), None);
        let told = refusal("net.core.somaxconn", &[NamespaceKind::Network]);
        assert_eq!(told.as_deref(), Some("sysctl \"net.core.somaxconn\" not allowed in host network namespace"));
        let told = refusal("kernel.shmmax", &[NamespaceKind::Ipc]);
        assert_eq!(told.as_deref(), Some("sysctl \"kernel.shmmax\" is not allowed in the hosts ipc namespace"));
        assert_eq!(
            refusal("vm.swappiness", &[]).as_deref(),
            Some("sysctl \"vm.swappiness\" is not in a separate kernel namespace")
        );
    }

    #[test]
    fn numbers_replace_numbers() {
        assert_eq!(written("net.x", "0", "1\n").as_deref(), Some("1"));
        assert_eq!(written("net.x", "1\t0", "0 2147483647").as_deref(), Some("0\t2147483647"));
        assert_eq!(written("net.x", "1\t2\t3", "7").as_deref(), Some("7\t2\t3"));
        assert_eq!(written("net.x", "0", "x"), None);
        assert_eq!(written("net.x", "0", ""), None);
        assert_eq!(written(DOMAIN_NAME, "(none)", "example.org\n").as_deref(), Some("example.org"));
        assert_eq!(written(DOMAIN_NAME, "(none)", &"a".repeat(70)).map(|name| name.len()), Some(64));
    }
}
