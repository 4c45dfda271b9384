//! The devices of this machine at the paths that a command names, and below them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use glassbox_core::device::{Device, DeviceKind, NOT_DEVICES};

/// Deeper directories and further devices are not looked at.
const DEPTH_MAX: usize = 8;
const DEVICES_MAX: usize = 4096;

/// All of them, sorted by path. A path that is no device gives none; a named link is followed, one that was found is not.
pub fn below(paths: &BTreeSet<String>) -> Vec<Device> {
    let mut all = Vec::new();
    for path in paths {
        if let Ok(metadata) = fs::metadata(path) {
            look(path, &metadata, 0, &mut all);
        }
    }
    all.sort_by(|one, other| one.host.cmp(&other.host));
    all.dedup_by(|one, other| one.host == other.host);
    all
}

fn look(path: &str, metadata: &fs::Metadata, depth: usize, all: &mut Vec<Device>) {
    if metadata.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries.filter(|_| depth < DEPTH_MAX) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Ok(metadata) = entry.metadata()
                && !NOT_DEVICES.contains(&name.as_str())
            {
                look(&format!("{}/{name}", path.trim_end_matches('/')), &metadata, depth + 1, all);
            }
        }
    } else if all.len() < DEVICES_MAX {
        all.extend(device(Path::new(path), metadata));
    }
}

fn device(path: &Path, metadata: &fs::Metadata) -> Option<Device> {
    let kind = match metadata.file_type() {
        kind if kind.is_char_device() => DeviceKind::Char,
        kind if kind.is_block_device() => DeviceKind::Block,
        _ => return None,
    };
    let path = path.to_str()?.to_string();
    let number = metadata.rdev();
    Some(Device {
        host: path.clone(),
        path,
        kind,
        major: libc::major(number),
        minor: libc::minor(number),
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        permissions: "rwm".to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_device_and_a_whole_directory() {
        let of = |path: &str| below(&BTreeSet::from([path.to_string()]));
        let zero = of("/dev/zero");
        assert_eq!((zero[0].major, zero[0].minor, zero[0].kind, zero[0].mode), (1, 5, DeviceKind::Char, 0o666));
        let all = of("/dev");
        assert!(
            all.iter().any(|device| device.host == "/dev/null") && all.iter().all(|device| !device.host.starts_with("/dev/pts"))
        );
        assert_eq!((of("/nowhere"), of("/etc/passwd")), (Vec::new(), Vec::new()));
    }
}
