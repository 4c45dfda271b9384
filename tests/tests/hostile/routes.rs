//! The ways by which a stranger's archive comes into the store, and what the store and its neighbourhood were before.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use glassbox_core::oci::digest;
use glassbox_core::oci::image::ConfigFile;
use glassbox_core::oci::layer::{Blob, Compression};
use glassbox_tests::binary::{Ended, Engine};

use super::archive::{archive, entry};
use crate::served::Hostile;

/// How a layer comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `load` of Docker's archive, then `create`.
    Load,
    /// `import`, then `create`.
    Import,
    /// `pull`, then `create`.
    Pull,
    /// ADD in a build.
    Add,
    /// The context of a build, on stdin.
    Sent,
}

/// All of them.
pub const ROUTES: [Route; 5] = [Route::Load, Route::Import, Route::Pull, Route::Add, Route::Sent];

/// A configuration of one layer.
pub fn config(diff_id: &str) -> Vec<u8> {
    let mut config = ConfigFile { architecture: "amd64".into(), os: "linux".into(), ..ConfigFile::default() };
    config.config.cmd = vec!["sh".into()];
    config.rootfs.diff_ids = vec![diff_id.to_string()];
    config.written()
}

impl Route {
    /// Takes a layer by this way and everything away again that came of it. `Err`: what the engine said when it refused.
    pub fn go(self, store: &Store, layer: &[u8], diff_id: &str) -> Result<Result<(), String>> {
        match self {
            Route::Load => {
                let config = config(diff_id);
                let list = br#"[{"Config":"config.json","RepoTags":["hostile:1"],"Layers":["layer.tar"]}]"#;
                let files = [("manifest.json", &list[..]), ("config.json", &config), ("layer.tar", layer)];
                let entries: Vec<Vec<u8>> = files.iter().map(|(name, bytes)| entry(name, b'0', "", bytes)).collect();
                store.load(&archive(&entries))
            }
            Route::Import => {
                let path = store.write("import.tar", layer)?;
                store.taken(&format!("import {path} hostile:1"), "hostile:1")
            }
            Route::Pull => {
                let registry = Hostile::of_layer(layer.to_vec(), diff_id.to_string())?;
                let name = format!("{}/hostile:1", registry.authority());
                store.taken(&format!("pull -q {name}"), &name)
            }
            Route::Add => store.added(layer),
            Route::Sent => store.sent(layer),
        }
    }
}

/// A store, what was in it, and a directory beside it that nobody is to touch.
pub struct Store {
    engine: Engine,
    before: BTreeMap<PathBuf, String>,
}

impl Store {
    /// With the toolbox extracted.
    pub fn new() -> Result<Store> {
        let engine = Engine::new()?;
        fs::create_dir(engine.scratch().join("beside"))?;
        fs::create_dir(engine.scratch().join("given"))?;
        fs::write(engine.scratch().join("beside/kept"), "as it was")?;
        let mut store = Store { engine, before: BTreeMap::new() };
        let right = archive(&[super::archive::file("file")]);
        for route in ROUTES {
            let answer = route.go(&store, &right, &digest::of(&right))?;
            ensure!(answer.is_ok(), "an honest layer by {route:?}: {answer:?}");
        }
        store.before = store.files();
        Ok(store)
    }

    /// The data root.
    pub fn root(&self) -> PathBuf {
        self.engine.root()
    }

    /// What is not to be touched.
    pub fn beside(&self) -> PathBuf {
        self.engine.scratch().join("beside")
    }

    /// Loads an archive of images, and makes a container of what came.
    pub fn load(&self, bytes: &[u8]) -> Result<Result<(), String>> {
        let path = self.write("load.tar", bytes)?;
        let ended = self.engine.run(&format!("load -q -i {path}"))?;
        let Some(name) = ended.stdout.lines().next().and_then(|line| line.split_once(": ")).map(|(_, name)| name.to_string())
        else {
            return Ok(Err(ended.stderr));
        };
        self.made_of(&name)
    }

    fn taken(&self, line: &str, name: &str) -> Result<Result<(), String>> {
        let ended = self.engine.run(line)?;
        if ended.code != Some(0) {
            return refused(ended);
        }
        self.made_of(name)
    }

    fn made_of(&self, name: &str) -> Result<Result<(), String>> {
        let made = self.engine.run_words(&["create", "--network", "none", "--name", "made", name, "sh"])?;
        let answer = if made.code == Some(0) { Ok(()) } else { Err(made) };
        if answer.is_ok() {
            self.engine.succeed("rm made")?;
        }
        self.engine.succeed(&format!("rmi {name}"))?;
        answer.map_or_else(refused, |()| Ok(Ok(())))
    }

    fn added(&self, layer: &[u8]) -> Result<Result<(), String>> {
        let context = self.engine.scratch().join("context");
        fs::create_dir_all(&context)?;
        fs::write(context.join("Dockerfile"), "FROM toolbox\nADD layer.tar /\n")?;
        fs::write(context.join("layer.tar"), layer)?;
        let built = self.engine.run(&format!("build -q -t hostile:1 {}", context.display()))?;
        if built.code == Some(0) {
            self.engine.succeed("rmi hostile:1")?;
        }
        self.engine.succeed("builder prune -af")?;
        if built.code == Some(0) { Ok(Ok(())) } else { refused(built) }
    }

    /// An archive goes on behind the Dockerfile.
    fn sent(&self, layer: &[u8]) -> Result<Result<(), String>> {
        let dockerfile = entry("Dockerfile", b'0', "", b"FROM toolbox\nCOPY . /sent/\n");
        // Bytes of an archive follow those of another; what is compressed goes as it is.
        let is_archive = Blob::new(layer).is_ok_and(|found| found.compression() == Compression::None);
        let context = if is_archive { [&dockerfile, layer].concat() } else { layer.to_vec() };
        let path = self.write("context.tar", &context)?;
        let mut build = self.engine.command(&["build", "-q", "-t", "hostile:1", "-"]);
        let built = Ended::from(build.stdin(fs::File::open(path)?).output()?);
        if built.code == Some(0) {
            self.engine.succeed("rmi hostile:1")?;
        }
        self.engine.succeed("builder prune -af")?;
        if built.code == Some(0) { Ok(Ok(())) } else { refused(built) }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let path = self.engine.scratch().join("given").join(name);
        fs::write(&path, bytes)?;
        Ok(path.display().to_string())
    }

    /// Every file of the store is as it was, `fsck` finds nothing, and what lies beside is untouched.
    pub fn is_unchanged(&self) -> Result<()> {
        let now = self.files();
        let only = |one: &BTreeMap<PathBuf, String>, other: &BTreeMap<PathBuf, String>| -> Vec<String> {
            let differs = |(path, what): &(&PathBuf, &String)| other.get(*path) != Some(*what);
            one.iter().filter(differs).map(|(path, what)| format!("{} {what}", path.display())).collect()
        };
        ensure!(now == self.before, "new: {:?}\ngone: {:?}", only(&now, &self.before), only(&self.before, &now));
        let told = self.engine.succeed("fsck")?.stdout;
        ensure!(told.ends_with("nothing is broken\n") && !told.contains("unused: "), "{told}");
        let beside: Vec<_> = fs::read_dir(self.beside())?.collect::<Result<_, _>>()?;
        ensure!(beside.len() == 1 && fs::read(self.beside().join("kept"))? == b"as it was", "what lies beside: {beside:?}");
        Ok(())
    }

    fn files(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        collect(&self.engine.root(), &mut found);
        found
    }
}

fn refused(ended: Ended) -> Result<Result<(), String>> {
    ensure!(ended.code.is_some_and(|code| (1..=125).contains(&code)) && !ended.stderr.contains("panicked"), "{ended:?}");
    Ok(Err(ended.stderr))
}

/// Kind, mode and length of everything; what commands note of themselves grows.
fn collect(directory: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(look) = fs::symlink_metadata(&path) else { continue };
        if entry.file_name() == "events.log" {
            continue;
        }
        let length = if look.is_dir() { 0 } else { look.len() };
        found.insert(path.clone(), format!("{:o} {length}", look.mode()));
        if look.is_dir() {
            collect(&path, found);
        }
    }
}
