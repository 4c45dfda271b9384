//! What is measured: the release binary, the floor and runc's bundle, in a directory that goes away with the value.

use std::cell::{Cell, RefCell};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{engine, process, workspace};

/// Binaries and directories of the bench.
pub struct Place {
    /// The toolbox, static, as it is embedded in the release binary.
    pub toolbox: PathBuf,
    /// `tests/floor/peak.c`, compiled.
    pub peak: PathBuf,
    glassbox: PathBuf,
    floor: PathBuf,
    folder: tempfile::TempDir,
    containers: Cell<usize>,
    /// The large image, once it is asked for.
    pub big: super::image::Once,
    disks: RefCell<Vec<PathBuf>>,
}

/// Of a disk: what is not written takes no room.
const DISK_BYTES: u64 = 8 << 30;

impl Place {
    /// Builds everything, but for a `glassbox` that is there already.
    pub fn prepare(glassbox: Option<PathBuf>) -> Result<Place> {
        let glassbox = glassbox.map_or_else(engine::build_trained, Ok)?;
        // Not in /tmp, which may be a tmpfs or an overlay: the same file system for all that is compared.
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(workspace::target())?;
        let place = Place {
            toolbox: workspace::target().join("toolbox-build/x86_64-unknown-linux-musl/small/toolbox"),
            glassbox,
            floor: compile(folder.path(), "floor")?,
            peak: compile(folder.path(), "peak")?,
            folder,
            containers: Cell::new(0),
            big: super::image::Once::new(),
            disks: RefCell::default(),
        };
        place.make_root().context("the bench's root file system")?;
        place.make_bundle().context("runc's bundle")?;
        Ok(place)
    }

    /// The release binary, with a data root of the bench's own.
    pub fn glassbox(&self) -> Command {
        self.glassbox_in("glassbox")
    }

    /// The same with the data root of this name.
    pub fn glassbox_in(&self, name: &str) -> Command {
        let mut command = Command::new(&self.glassbox);
        command.env("GLASSBOX_ROOT", self.path(name));
        command
    }

    /// The floor, running `true`.
    pub fn floor(&self) -> Command {
        let mut command = Command::new(&self.floor);
        command.args(["rootfs", "upper", "work", "merged"].map(|name| self.path(name))).arg("/bin/true");
        command
    }

    /// `runc run` of the bundle, each time as another container.
    pub fn runc(&self) -> Command {
        self.containers.set(self.containers.get() + 1);
        let mut command = Command::new("runc");
        command.arg("--root").arg(self.path("runc")).arg("run").arg("--bundle").arg(self.folder.path());
        command.arg(format!("glassbox-bench-{}-{}", std::process::id(), self.containers.get()));
        command
    }

    /// podman with a store of the bench's own.
    pub fn podman(&self) -> Command {
        self.podman_at("podman", "vfs")
    }

    /// podman with the store of this name.
    pub fn podman_at(&self, name: &str, driver: &str) -> Command {
        let mut command = self.stored("podman", name, driver);
        command.arg("--tmpdir").arg(self.path(name).join("tmp"));
        // What asks no other service than the rest of the bench.
        command.args(["--cgroup-manager", "cgroupfs", "--events-backend", "none"]);
        command
    }

    /// buildah with the store of this name.
    pub fn buildah(&self, name: &str) -> Command {
        self.stored("buildah", name, "overlay")
    }

    fn stored(&self, program: &str, name: &str, driver: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("--root").arg(self.path(name).join("root")).arg("--runroot").arg(self.path(name).join("run"));
        command.args(["--storage-driver", driver]);
        command
    }

    /// Gives buildah, in its store of this name, the toolbox as we have it.
    pub fn give_toolbox_to_buildah(&self, name: &str) -> Result<()> {
        let archive = self.path("toolbox.oci");
        process::run_quietly(self.glassbox().args(["save", "-o"]).arg(&archive).arg("toolbox"))?;
        process::run_quietly(self.buildah(name).arg("pull").arg("-q").arg(format!("docker-archive:{}", archive.display())))
    }

    /// An empty file system of this name. One in which much has been deleted is slow to make files in (ext4 passes by what was deleted in the
    /// last minutes), so that each run would be measured by the ones before it.
    pub fn disk(&self, name: &str) -> Result<PathBuf> {
        let (path, file) = (self.path(name), self.path(&format!("{name}.disk")));
        let known = self.disks.borrow().contains(&path);
        if known {
            process::run_quietly(process::program("umount").arg(&path))?;
        } else {
            fs::create_dir_all(&path)?;
            self.disks.borrow_mut().push(path.clone());
        }
        let _ = fs::remove_file(&file);
        fs::File::create(&file)?.set_len(DISK_BYTES)?;
        process::run_quietly(process::program("mke2fs").args(["-q", "-F", "-t", "ext4", "-E", "lazy_itable_init=1"]).arg(&file))?;
        process::run_quietly(process::program("mount").args(["-o", "loop"]).arg(&file).arg(&path))?;
        Ok(path)
    }

    /// An empty directory of this name.
    pub fn fresh(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Gives podman the bench's root file system as the image `toolbox`.
    pub fn import_for_podman(&self) -> Result<()> {
        let archive = self.path("rootfs.tar");
        process::run_quietly(process::program("tar").arg("-C").arg(self.path("rootfs")).arg("-cf").arg(&archive).arg("."))?;
        process::run_quietly(self.podman().arg("import").arg(archive).arg("toolbox"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make_root(&self) -> Result<()> {
        for folder in ["rootfs/bin", "rootfs/proc", "rootfs/sys", "rootfs/dev", "upper", "work", "merged"] {
            fs::create_dir_all(self.path(folder))?;
        }
        fs::copy(&self.toolbox, self.path("rootfs/bin/toolbox"))?;
        Ok(symlink("toolbox", self.path("rootfs/bin/true"))?)
    }

    /// runc's own default specification, with `true` and without a terminal. It has a network namespace without interfaces.
    fn make_bundle(&self) -> Result<()> {
        process::run_quietly(process::program("runc").arg("spec").current_dir(self.folder.path()))?;
        let mut spec: Value = serde_json::from_slice(&fs::read(self.path("config.json"))?)?;
        spec["process"]["terminal"] = json!(false);
        spec["process"]["args"] = json!(["/bin/true"]);
        Ok(fs::write(self.path("config.json"), spec.to_string())?)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for disk in self.disks.borrow().iter() {
            let _ = process::run_quietly(process::program("umount").arg(disk));
        }
    }
}

/// Compiles `tests/floor/NAME.c`, static and small, so that its own start costs next to nothing.
fn compile(folder: &Path, name: &str) -> Result<PathBuf> {
    let program = folder.join(name);
    let source = workspace::root().join("tests/floor").join(name).with_extension("c");
    let mut command = process::program("musl-gcc");
    process::run_quietly(command.args(["-O2", "-static", "-Wall", "-Werror", "-o"]).arg(&program).arg(source))?;
    Ok(program)
}
