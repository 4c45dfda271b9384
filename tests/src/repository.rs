//! A git repository that is served on loopback, as `git daemon` would: a request in one packet, then `git upload-pack` speaks
//! (gitprotocol-pack(5)).

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// One with files that a test has put there.
pub struct Repository {
    directory: tempfile::TempDir,
    address: SocketAddr,
}

impl Repository {
    /// An empty one.
    pub fn new() -> Result<Repository> {
        let directory = tempfile::tempdir()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let path = directory.path().to_path_buf();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who goes away early is not answered.
                let _ = serve(stream, &path);
            }
        });
        let repository = Repository { directory, address };
        repository.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(repository)
    }

    /// By which it is asked for.
    pub fn url(&self) -> String {
        format!("git://{}/repository.git", self.address)
    }

    /// Where its files are.
    pub fn path(&self) -> PathBuf {
        self.directory.path().to_path_buf()
    }

    /// Commits what is there now. Answers the commit.
    pub fn commit(&self, message: &str) -> Result<String> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "-m", message])?;
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git in it. Answers what it says.
    pub fn git(&self, words: &[&str]) -> Result<String> {
        let who = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
        let said = Command::new("git").args(who).args(words).current_dir(self.directory.path()).output()?;
        ensure!(said.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&said.stderr));
        Ok(String::from_utf8_lossy(&said.stdout).trim().to_string())
    }
}

/// `git-upload-pack PATH NUL host=… NUL NUL version=2 NUL`, with its length in four digits before it.
fn serve(mut stream: TcpStream, path: &Path) -> Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::from_str_radix(std::str::from_utf8(&length)?, 16)?;
    let mut request = vec![0; length.checked_sub(4).context("no request is that short")?];
    stream.read_exact(&mut request)?;
    let request = String::from_utf8_lossy(&request).into_owned();
    let mut pack = Command::new("git");
    if let Some(version) = request.split('\0').find(|field| field.starts_with("version=")) {
        pack.env("GIT_PROTOCOL", version);
    }
    let (input, output) = (OwnedFd::from(stream.try_clone()?), OwnedFd::from(stream));
    pack.arg("upload-pack").arg(path).stdin(input).stdout(output).stderr(Stdio::null()).status()?;
    Ok(())
}
