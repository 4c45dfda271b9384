//! What a build finds elsewhere, on loopback: files by their URLs; and a git repository, served as by `git daemon`: a request in one packet,
//! then `git upload-pack` speaks (gitprotocol-pack(5)).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

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

/// A server of the web on loopback.
pub struct Served {
    /// Where it is: `http://127.0.0.1:…`.
    pub url: String,
    asked: Arc<Mutex<String>>,
}

impl Served {
    /// Paths, and what is answered after `HTTP/1.1`.
    pub fn new(pages: Vec<(&'static str, Vec<u8>)>) -> std::io::Result<Served> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (url, asked) = (format!("http://{}", listener.local_addr()?), Arc::new(Mutex::new(String::new())));
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (mut stream, mut head) = (stream, [0_u8; 4096]);
                let count = stream.read(&mut head).unwrap_or(0);
                let text = String::from_utf8_lossy(&head[..count]).into_owned();
                heard.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
                let path = text.split(' ').nth(1).unwrap_or_default();
                let found = pages.iter().find(|(known, _)| *known == path);
                let answer = found.map_or(&b"404 Not Found\r\nContent-Length: 2\r\n\r\nno"[..], |(_, answer)| answer);
                let line = answer.iter().position(|byte| *byte == b'\n').map_or(answer.len(), |at| at + 1);
                // A caller that has gone wants no answer.
                let _ = stream.write_all(&[b"HTTP/1.1 ", &answer[..line], b"Connection: close\r\n", &answer[line..]].concat());
            }
        });
        Ok(Served { url, asked })
    }

    /// All requests so far.
    pub fn asked(&self) -> String {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An answer with this content.
pub fn page(content: &[u8]) -> Vec<u8> {
    [format!("200 OK\r\nContent-Length: {}\r\n\r\n", content.len()).as_bytes(), content].concat()
}
