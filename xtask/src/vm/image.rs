//! The machine's kernel, initramfs and disk: built once by debootstrap, kept under `target/vm` by the hash of the recipe.
//!
//! It is built in a mount and pid namespace of its own, so that nothing stays mounted on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{process, workspace};

const SUITE: &str = "bookworm";
const PACKAGES: &str = "systemd,systemd-sysv,dbus,libpam-systemd,udev,kmod,busybox-static,iproute2,nftables,procps,strace";
const DISK_SIZE: &str = "1500M";
/// The files of `xtask/vm`, as the root sees them while it is built.
const GUEST: [(&str, &str); 5] = [
    ("build.sh", include_str!("../../vm/build.sh")),
    ("init.sh", include_str!("../../vm/init.sh")),
    ("agent.sh", include_str!("../../vm/agent.sh")),
    ("agent.service", include_str!("../../vm/agent.service")),
    ("job@.service", include_str!("../../vm/job@.service")),
];

/// What QEMU starts from.
pub struct Image {
    /// The stock kernel.
    pub kernel: PathBuf,
    /// Loads the disk's driver.
    pub initrd: PathBuf,
    /// Debian, as an ext4 file system without a partition table.
    pub disk: PathBuf,
}

/// The image of the present recipe, built if it is not there.
pub fn cached() -> Result<Image> {
    let folder = workspace::target().join("vm").join(key());
    if !folder.is_dir() {
        build(&folder).context("building the stock Debian image")?;
    }
    Ok(Image { kernel: folder.join("vmlinuz"), initrd: folder.join("initrd"), disk: folder.join("disk.img") })
}

fn key() -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{SUITE} {PACKAGES} {DISK_SIZE}"));
    for (name, text) in GUEST {
        hash.update(format!("{name} {}\n{text}", text.len()));
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Builds beside the final place and renames at the end: a folder that is there is whole.
fn build(folder: &Path) -> Result<()> {
    if !process::is_root() {
        bail!("debootstrap needs root, once: sudo -E cargo xtask test --only vm");
    }
    let parent = folder.parent().context("target/vm has a parent")?;
    fs::create_dir_all(parent)?;
    let place = tempfile::Builder::new().prefix("building-").tempdir_in(parent)?;
    let root = place.path().join("root");
    debootstrap(&root)?;
    finish(&root)?;

    let done = place.path().join("done");
    fs::create_dir(&done)?;
    fs::rename(root.join("boot/vmlinuz"), done.join("vmlinuz"))?;
    fs::rename(root.join("boot/initrd"), done.join("initrd"))?;
    let mut make = process::program("mke2fs");
    make.args(["-q", "-t", "ext4", "-d"]).arg(&root).arg(done.join("disk.img")).arg(DISK_SIZE);
    process::run(&mut make)?;
    Ok(fs::rename(done, folder)?)
}

fn debootstrap(root: &Path) -> Result<()> {
    let mut command = apart();
    command.arg("debootstrap").args(["--variant=minbase", &format!("--include={PACKAGES}"), SUITE]).arg(root);
    process::run(&mut command)
}

fn finish(root: &Path) -> Result<()> {
    let guest = root.join("glassbox");
    fs::create_dir(&guest)?;
    for (name, text) in GUEST {
        fs::write(guest.join(name), text)?;
    }
    let mut command = apart();
    command.arg("chroot").arg(root).args(["/bin/sh", "/glassbox/build.sh"]);
    process::run(&mut command)
}

/// Mounts that the command makes, and processes that it leaves, end with it.
fn apart() -> std::process::Command {
    let mut command = process::program("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child"]);
    command
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_key_is_a_folder_name_and_does_not_change_from_one_call_to_the_next() {
        assert_eq!(super::key(), super::key());
        assert!(super::key().len() == 16 && super::key().chars().all(|digit| digit.is_ascii_hexdigit()));
    }
}
