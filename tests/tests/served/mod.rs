//! Registries on loopback: Debian's docker-registry, and one that answers as it is told.

pub mod hostile;
pub mod taking;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use glassbox_tests::binary::Engine;
use tempfile::TempDir;

pub use hostile::Hostile;

/// How long a registry may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);

/// docker-registry at work; it ends when it is dropped.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    port: u16,
    login: Option<(String, String)>,
    directory: TempDir,
}

impl Registry {
    /// With this user alone, or open to everybody.
    pub fn start(login: Option<(&str, &str)>) -> Result<Registry> {
        Registry::with(login, false)
    }

    /// Over TLS, with a certificate of an authority of its own: [`Registry::authority_file`].
    pub fn private() -> Result<Registry> {
        Registry::with(None, true)
    }

    /// The certificate of the authority.
    pub fn authority_file(&self) -> PathBuf {
        self.directory.path().join("ca.crt")
    }

    fn with(login: Option<(&str, &str)>, tls: bool) -> Result<Registry> {
        let directory = TempDir::new()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let root = directory.path().join("registry");
        let mut config = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
             http:\n  addr: 127.0.0.1:{port}\n",
            root.display()
        );
        if tls {
            certify(directory.path())?;
            let at = directory.path().display();
            config += &format!("  tls:\n    certificate: {at}/server.crt\n    key: {at}/server.key\n");
        }
        if let Some((user, password)) = login {
            let made = Command::new("htpasswd").args(["-Bbn", user, password]).output().context("htpasswd")?;
            let path = directory.path().join("htpasswd");
            fs::write(&path, &made.stdout)?;
            config += &format!("auth:\n  htpasswd:\n    realm: tests\n    path: {}\n", path.display());
        }
        let path = directory.path().join("config.yml");
        fs::write(&path, config)?;
        let child = Command::new("docker-registry").arg("serve").arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let login = login.map(|(user, password)| (user.to_string(), password.to_string()));
        let registry = Registry { child, port, login, directory };
        registry.wait()?;
        Ok(registry)
    }

    fn wait(&self) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if start.elapsed() > PATIENCE {
                bail!("docker-registry does not answer");
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// `127.0.0.1:5000`
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:5000`
    pub fn base(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// `127.0.0.1:5000/team/app:1`
    pub fn name(&self, repository: &str) -> String {
        format!("{}/{repository}", self.authority())
    }

    /// As skopeo names it.
    pub fn url(&self, repository: &str) -> String {
        format!("docker://{}", self.name(repository))
    }

    /// `ann:secret`
    pub fn login(&self) -> Option<String> {
        self.login.as_ref().map(|(user, password)| format!("{user}:{password}"))
    }
}

/// Another name of this machine, which is none of those that Docker takes for insecure.
pub const NAMED: &str = "registry.test";

/// Gives this machine that name, in the mount namespace at hand.
pub fn name_this_machine() -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), format!("127.0.0.1 localhost {NAMED}\n"))?;
    let status = Command::new("mount").arg("--bind").arg(file.path()).arg("/etc/hosts").status().context("mount")?;
    if status.success() { Ok(()) } else { bail!("mount: {status}") }
}

/// Puts the toolbox into the registry, with gzip as skopeo does it.
pub fn put_toolbox(registry: &Registry, name: &str) -> Result<()> {
    let engine = Engine::new()?;
    let archive = engine.scratch().join("toolbox.tar");
    engine.succeed(&format!("save -o {} toolbox", archive.display()))?;
    skopeo(&["copy", "--format", "oci", &format!("docker-archive:{}", archive.display()), &registry.url(name)], registry.login())
}

/// An authority, and what it says of 127.0.0.1.
fn certify(directory: &Path) -> Result<()> {
    let script = "cd \"$0\" && new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256' && \
                  $new -x509 -days 2 -subj /CN=authority -keyout ca.key -out ca.crt && \
                  $new -subj /CN=registry -keyout server.key -out server.csr && echo subjectAltName=IP:127.0.0.1,DNS:registry.test > names && \
                  openssl x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile names -out server.crt";
    let made = Command::new("sh").arg("-c").arg(script).arg(directory).output().context("openssl")?;
    if !made.status.success() {
        bail!("openssl: {}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(())
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs skopeo; with a login, at the destination.
pub fn skopeo(words: &[&str], login: Option<String>) -> Result<()> {
    let mut command = Command::new("skopeo");
    command.arg("--insecure-policy").args(&words[..1]).arg("--dest-tls-verify=false");
    if let Some(login) = login {
        command.arg("--dest-creds").arg(login);
    }
    let output = command.args(&words[1..]).output().context("skopeo")?;
    if !output.status.success() {
        bail!("skopeo {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// What skopeo shows of an image at the registry: its description, then its manifest.
pub fn skopeo_shows(registry: &Registry, repository: &str) -> Result<String> {
    let mut shown = String::new();
    for words in [["inspect", "--tls-verify=false"].as_slice(), &["inspect", "--raw", "--tls-verify=false"]] {
        let output = Command::new("skopeo").args(words).arg(registry.url(repository)).output().context("skopeo")?;
        if !output.status.success() {
            bail!("skopeo inspect: {}", String::from_utf8_lossy(&output.stderr));
        }
        shown += &String::from_utf8_lossy(&output.stdout);
    }
    Ok(shown)
}
