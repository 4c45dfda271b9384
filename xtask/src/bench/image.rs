//! Images: a large one unpacked, a build that is cached, many files copied; each beside those who do the same.
//!
//! The large image is made of this machine's own programs and libraries: files as people have them, of all sizes and as compressible as
//! they are. Each run begins with an empty store on an empty file system.

use std::cell::OnceCell;
use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::place::Place;
use super::{Measured, time};
use crate::process;

/// Of the large image.
const LAYERS: usize = 10;
/// Of files in each of its layers.
const LAYER_BYTES: u64 = 50 << 20;
/// Where its files are from.
const SOURCE: &str = "/usr/lib";
/// A larger file would fill a layer alone.
const FILE_BYTES_MAX: u64 = 20 << 20;
/// What is measured in seconds is measured so often at most.
const RUNS_MAX: usize = 5;
/// Small files of the copied context.
const FILES: usize = 50_000;
/// Each in one of so many directories.
const FOLDERS: usize = 500;

/// `load` and the first run, which extracts the layers, against the faster of `umoci unpack` and `podman load`.
pub fn against_peers(place: &Place, n: usize) -> Result<Measured> {
    let big = Big::of(place)?;
    let n = n.min(RUNS_MAX);
    let umoci = time::against(n, &|| big.glassbox(place), &|| big.umoci(place))?;
    let podman = time::against(n, &|| big.glassbox(place), &|| big.podman(place))?;
    let value = umoci.value.max(podman.value);
    Ok(Measured { value, detail: format!("umoci unpack: {}; podman load: {}", umoci.detail, podman.detail) })
}

/// The same against decompressing, hashing and writing alone, two layers at a time: see [`unpack`].
pub fn against_floor(place: &Place, n: usize) -> Result<Measured> {
    let big = Big::of(place)?;
    time::against(n.min(RUNS_MAX), &|| big.glassbox(place), &|| big.floor(place))
}

/// The most memory that any process of `load` has, and of the run that extracts.
pub fn peak_memory(place: &Place, n: usize) -> Result<Measured> {
    let big = Big::of(place)?;
    let load = time::peak(n.min(RUNS_MAX), &place.peak, &|| big.load(place))?;
    // Loaded by the last of those; extracted by the first of these.
    let run = time::peak(1, &place.peak, &|| Big::run(place))?;
    Ok(Measured { value: load.value.max(run.value), detail: format!("load {:.1} MB, run {:.1} MB", load.value, run.value) })
}

/// A build of twelve steps of which nothing has changed, against buildah's.
pub fn cached_build(place: &Place, n: usize) -> Result<Measured> {
    let context = place.fresh("cached-context")?;
    fs::write(context.join("list"), "one\n")?;
    let runs: String = (0..8).map(|number| format!("RUN echo {number} > /made-{number}\n")).collect();
    let text = format!("FROM toolbox\nWORKDIR /app\nENV A=1\nCOPY list list\n{runs}CMD [\"cat\", \"list\"]\n");
    fs::write(context.join("Dockerfile"), text)?;
    place.give_toolbox_to_buildah("buildah")?;
    let ours = || build(place.glassbox(), &["build", "-q", "-t", "cached"], &context);
    let theirs = || {
        build(
            place.buildah("buildah"),
            &["build", "-q", "--layers", "--isolation=chroot", "--pull=never", "-t", "cached"],
            &context,
        )
    };
    time::against(n, &ours, &theirs)
}

/// `COPY` of many small files, nothing cached, against buildah's.
pub fn many_files(place: &Place, n: usize) -> Result<Measured> {
    let context = place.fresh("many-context")?;
    for number in 0..FILES {
        let folder = context.join("files").join((number % FOLDERS).to_string());
        if number < FOLDERS {
            fs::create_dir_all(&folder)?;
        }
        fs::write(folder.join(number.to_string()), format!("file {number}\n"))?;
    }
    fs::write(context.join("Dockerfile"), "FROM toolbox\nCOPY files /files\n")?;
    let ours = || {
        prepared(place.disk("glassbox-many"));
        build(place.glassbox_in("glassbox-many"), &["build", "-q", "-t", "many"], &context)
    };
    let theirs = || {
        prepared(place.disk("buildah-many").and_then(|_| place.give_toolbox_to_buildah("buildah-many")));
        build(place.buildah("buildah-many"), &["build", "-q", "--layers", "--pull=never", "-t", "many"], &context)
    };
    time::against(n.min(RUNS_MAX), &ours, &theirs)
}

/// Where it could not be, the command that is to be measured fails and says so.
fn prepared<T>(done: Result<T>) {
    if let Err(error) = done {
        eprintln!("xtask: {error:#}");
    }
}

fn build(mut command: Command, arguments: &[&str], context: &Path) -> Command {
    command.args(arguments).arg(context);
    command
}

/// The large image, as an OCI image layout and as an archive of it; made once for all measurements.
pub struct Big {
    layout: PathBuf,
    archive: PathBuf,
}

impl Big {
    fn of(place: &Place) -> Result<&Big> {
        if place.big.get().is_none() {
            println!("making an image of {LAYERS} layers of {} MB …", LAYER_BYTES >> 20);
            let big = Big::make(place).context("the large image")?;
            let _ = place.big.set(big);
        }
        place.big.get().context("the large image")
    }

    fn make(place: &Place) -> Result<Big> {
        let folder = place.fresh("big")?;
        let (layout, archive) = (folder.join("layout"), folder.join("big.tar"));
        let umoci = |arguments: &[&str]| process::run_quietly(process::program("umoci").args(arguments));
        let name = format!("{}:big", layout.display());
        umoci(&["init", "--layout", &layout.to_string_lossy()])?;
        umoci(&["new", "--image", &name])?;
        fs::create_dir_all(folder.join("bin"))?;
        fs::copy(&place.toolbox, folder.join("bin/true"))?;
        let mut files = files_below(Path::new(SOURCE))?.into_iter();
        for number in 0..LAYERS {
            let (list, layer) = (folder.join("list"), folder.join("layer.tar"));
            let mut chosen = String::new();
            let mut bytes = 0;
            while bytes < LAYER_BYTES {
                let Some((path, length)) = files.next() else { bail!("{SOURCE} has fewer files than {LAYERS} layers need") };
                bytes += length;
                chosen.push_str(&format!("{}\n", path.display()));
            }
            fs::write(&list, chosen)?;
            let mut tar = process::program("tar");
            tar.arg("-cf").arg(&layer).arg("-C").arg("/").arg("-T").arg(&list);
            if number == 0 {
                tar.arg("-C").arg(&folder).arg("bin/true");
            }
            process::run_quietly(&mut tar)?;
            umoci(&["raw", "add-layer", "--image", &name, &layer.to_string_lossy()])?;
            fs::remove_file(layer)?;
        }
        let to = format!("oci-archive:{}:docker.io/library/big:latest", archive.display());
        process::run_quietly(process::program("skopeo").args(["copy", "-q"]).arg(format!("oci:{name}")).arg(to))?;
        Ok(Big { layout, archive })
    }

    /// `load`, then a run.
    fn glassbox(&self, place: &Place) -> Command {
        let (load, run) = (self.load(place), Big::run(place));
        let mut both = process::program("sh");
        both.args(["-c", "set -e; load=$1; archive=$2; shift 2; \"$load\" load -q -i \"$archive\"; \"$@\"", "sh"]);
        both.arg(load.get_program()).arg(&self.archive).arg(run.get_program()).args(run.get_args());
        for (name, value) in run.get_envs() {
            both.env(name, value.unwrap_or_default());
        }
        both
    }

    fn load(&self, place: &Place) -> Command {
        prepared(place.disk("glassbox-big"));
        let mut command = place.glassbox_in("glassbox-big");
        command.args(["load", "-q", "-i"]).arg(&self.archive);
        command
    }

    fn run(place: &Place) -> Command {
        let mut command = place.glassbox_in("glassbox-big");
        command.args(["run", "--rm", "--network", "none", "big", "/bin/true"]);
        command
    }

    fn umoci(&self, place: &Place) -> Command {
        let mut command = process::program("umoci");
        let bundle = place.disk("umoci").unwrap_or_default().join("bundle");
        command.args(["unpack", "--image", &format!("{}:big", self.layout.display())]).arg(bundle);
        command
    }

    fn podman(&self, place: &Place) -> Command {
        prepared(place.disk("podman-big"));
        let mut command = place.podman_at("podman-big", "overlay");
        command.args(["load", "-q", "-i"]).arg(&self.archive);
        command
    }

    fn floor(&self, place: &Place) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap_or_default());
        command.arg("unpack-floor").arg(&self.layout).arg(place.disk("floor-big").unwrap_or_default());
        command
    }
}

/// Made when first asked for.
pub type Once = OnceCell<Big>;

/// Regular files, in the order of their paths, with their lengths in bytes.
fn files_below(folder: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut all = Vec::new();
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            all.extend(files_below(&entry.path())?);
        } else if kind.is_file() && entry.metadata()?.len() <= FILE_BYTES_MAX {
            all.push((entry.path(), entry.metadata()?.len()));
        }
    }
    Ok(all)
}

/// What unpacking cannot do without: the layers of the image layout are decompressed, hashed and written to a directory each, by two
/// threads. Nothing is checked, nothing recorded.
pub fn unpack(layout: &Path, to: &Path) -> Result<()> {
    let read = |digest: &str| fs::read(layout.join("blobs").join(digest.replace(':', "/")));
    let document = |bytes: Vec<u8>| serde_json::from_slice::<serde_json::Value>(&bytes);
    let index = document(fs::read(layout.join("index.json"))?)?;
    let manifest = document(read(index["manifests"][0]["digest"].as_str().context("no manifest")?)?)?;
    let layers = manifest["layers"].as_array().context("no layers")?;
    let digests: Vec<&str> = layers.iter().filter_map(|layer| layer["digest"].as_str()).collect();
    ensure!(!digests.is_empty(), "{} has no layers", layout.display());
    let next = Mutex::new(digests.into_iter());
    let work = || -> Result<()> {
        loop {
            let Some(digest) = next.lock().ok().and_then(|mut next| next.next()) else { return Ok(()) };
            let blob = fs::File::open(layout.join("blobs").join(digest.replace(':', "/")))?;
            let mut hashed =
                Hashed { inner: flate2::read::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, blob)), hash: Sha256::new() };
            let mut archive = tar::Archive::new(&mut hashed);
            archive.set_preserve_mtime(false);
            archive.unpack(to.join(digest.replace(':', "-")))?;
            std::io::copy(&mut hashed, &mut std::io::sink())?;
            std::hint::black_box(hashed.hash.finalize());
        }
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(work);
        work()?;
        second.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?
    })
}

/// What is read goes into a hash too.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hash.update(&buffer[..length]);
        Ok(length)
    }
}
