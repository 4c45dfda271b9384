//! Registries on loopback: Debian's docker-registry, and one that answers as it is told.

mod hostile;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
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
    _directory: TempDir,
}

impl Registry {
    /// With this user alone, or open to everybody.
    pub fn start(login: Option<(&str, &str)>) -> Result<Registry> {
        let directory = TempDir::new()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let root = directory.path().join("registry");
        let mut config = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
             http:\n  addr: 127.0.0.1:{port}\n",
            root.display()
        );
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
        let registry = Registry { child, port, login, _directory: directory };
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
