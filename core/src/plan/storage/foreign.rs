//! Volumes of other types than tmpfs and bind: what is handed to mount(2), and what cannot be.
//!
//! dockerd mounts such a volume on the host and binds it into the container. Glassbox mounts it in the container's own mount namespace, so
//! that nothing of it is left on the host; what would look otherwise from there is refused.

use crate::model::Backing;
use crate::step::MountFlags;

/// Their content is that of the namespaces in which they are mounted.
const OF_NAMESPACES: &[&str] = &["proc", "sysfs", "mqueue", "cgroup", "cgroup2", "devpts", "binfmt_misc"];
/// Words that dockerd takes for flags of mount(2) (moby/sys mount/flags_linux.go): those that say nothing.
const SILENT: &[&str] = &["defaults", "async", "atime", "diratime", "nomand", "loud", "norelatime", "nostrictatime"];
/// And those that a mount of Glassbox does not have.
const OTHERS: &[&str] = &[
    "sync",
    "dirsync",
    "noatime",
    "nodiratime",
    "mand",
    "remount",
    "slave",
    "rslave",
    "shared",
    "rshared",
    "private",
    "rprivate",
    "unbindable",
    "runbindable",
];

/// Flags and data of mount(2) for a volume's `o`.
pub(crate) fn options(words: &str) -> (MountFlags, String) {
    let (flags, _) = super::spec::mount_options(MountFlags::default(), words);
    let data: Vec<&str> = words.split(',').filter(|word| !word.is_empty() && !is_flag(word)).collect();
    (flags, data.join(","))
}

fn is_flag(word: &str) -> bool {
    const CARRIED_OUT: &[&str] = &["ro", "rw", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "relatime", "strictatime"];
    [CARRIED_OUT, SILENT, OTHERS].iter().any(|known| known.contains(&word))
}

/// Why it is not mounted here, in our words.
pub(super) fn refusal(backing: &Backing, subpath: &str) -> Option<String> {
    let Backing::Other { fs_type, options, .. } = backing else { return None };
    let other = options.split(',').find(|word| OTHERS.contains(word));
    let address = options.split(',').find_map(|word| word.strip_prefix("addr="));
    let named = address.filter(|address| address.parse::<std::net::IpAddr>().is_err());
    let what = match (other, named) {
        _ if OF_NAMESPACES.contains(&fs_type.as_str()) => {
            format!("the type {fs_type}: it would show the container's namespaces where Docker's shows the host's")
        }
        (Some(word), _) => format!("the option {word}: leave it out"),
        (_, Some(name)) => format!("the name {name}: give addr= a number"),
        _ if !subpath.is_empty() => "volume-subpath of such a volume: mount the whole".to_string(),
        _ => return None,
    };
    Some(format!(
        "glassbox: a volume of type {fs_type} is mounted in the container alone, and this is not carried out:\nglassbox: {what}\n"
    ))
}

/// What failed, in the words of dockerd's local driver: `mount DEVICE:DIRECTORY, flags: 0x1, data: OPTIONS`.
pub(in crate::plan) fn told(device: &str, directory: &str, flags: MountFlags, data: &str) -> String {
    let bits = [
        (flags.read_only, 0x1),
        (flags.no_suid, 0x2),
        (flags.no_dev, 0x4),
        (flags.no_exec, 0x8),
        (flags.relatime, 0x20_0000),
        (flags.strictatime, 0x100_0000),
    ];
    let number: u32 = bits.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum();
    let flags = if number == 0 { String::new() } else { format!(", flags: {number:#x}") };
    let hidden: Vec<&str> =
        data.split(',').map(|word| if word.starts_with("password=") { "password=********" } else { word }).collect();
    let data = if data.is_empty() { String::new() } else { format!(", data: {}", hidden.join(",")) };
    format!("mount {device}:{directory}{flags}{data}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(fs_type: &str, options: &str) -> Backing {
        Backing::Other { fs_type: fs_type.into(), device: "/dev/x".into(), options: options.into() }
    }

    #[test]
    fn flags_are_taken_out_of_the_data() {
        let (flags, data) = options("ro,noexec,foo=bar,defaults,acl,size=1");
        assert_eq!((flags.read_only, flags.no_exec, flags.no_dev), (true, true, false));
        assert_eq!(data, "foo=bar,acl,size=1");
        assert_eq!(told("/dev/x", "/v", flags, &data), "mount /dev/x:/v, flags: 0x9, data: foo=bar,acl,size=1");
        assert_eq!(
            told("//h/x", "/v", MountFlags::default(), "username=u,password=p"),
            "mount //h/x:/v, data: username=u,password=********"
        );
        assert_eq!(told("a", "/v", MountFlags::default(), ""), "mount a:/v");
    }

    #[test]
    fn what_would_look_otherwise_is_refused() {
        assert_eq!(refusal(&other("ext4", "ro,acl"), ""), None);
        assert_eq!(refusal(&other("nfs", "addr=192.0.2.1,vers=4"), ""), None);
        for (fs_type, options, subpath) in [("proc", "", ""), ("ext4", "noatime", ""), ("nfs", "addr=host", ""), ("ext4", "", "a")]
        {
            assert!(refusal(&other(fs_type, options), subpath).is_some(), "{fs_type} {options}");
        }
        assert_eq!(refusal(&Backing::Own, "a"), None);
    }
}
