//! Registries on Linux: requests that the plan holds are sent as they are, with what shows who asks. What the answers mean is the core's
//! affair (`glassbox_core::registry`); secrets are here, and nowhere else.

mod ahead;
mod keys;
mod prompt;
mod settings;
mod transport;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, UNIX_EPOCH};

use glassbox_core::build::Remote;
use glassbox_core::errno::Errno;
use glassbox_core::model::Account;
use glassbox_core::oci::digest;
use glassbox_core::oci::image::transfer::Blobs;
use glassbox_core::registry::http::{Head, Method, date_seconds};
use glassbox_core::registry::receive::{Expected, document, receive};
use glassbox_core::registry::send::{Piece, give};
use glassbox_core::registry::{ANSWER_BYTES_MAX, Answered, BLOB_BYTES_MAX, Content, Proof, Purpose, Request, reading};

use sha2::{Digest, Sha256};

pub use ahead::{Ahead, Come};
use keys::Keys;
pub use settings::read_settings;
use transport::{Body, Part, Received, Transport, words};

/// As BuildKit leaves a file that it has fetched.
const FETCHED_MODE: u32 = 0o600;
const FETCH_PIECE_BYTES: usize = 64 << 10;

/// What one command has to do with registries.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    keys: Keys,
    /// How each token was got, by its scope.
    tokens: BTreeMap<String, Request>,
    /// Here it is counted what of a blob has been sent.
    sent: Arc<AtomicU64>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Client")
    }
}

impl Default for Client {
    fn default() -> Client {
        Client { transport: Transport::new(), keys: Keys::default(), tokens: BTreeMap::new(), sent: Arc::default() }
    }
}

impl Client {
    /// Looks up the login that is kept for a registry, and keeps its secret. `Err`: the words of Docker's client.
    pub fn find_login(&mut self, server: &str, config: &str) -> Result<Option<Account>, String> {
        self.keys = Keys::default();
        self.keys.find(server, config)
    }

    /// Counts there from now on what of a blob has been sent.
    pub fn count_into(&mut self, sent: Arc<AtomicU64>) {
        self.sent = sent;
    }

    /// Sends the request and takes its answer; a blob goes to the store. `Err`: why, in dockerd's words, and then in ours.
    pub fn send(&mut self, request: &Request, blobs: &mut impl Blobs<Source = File>) -> Result<Answered, String> {
        request.ended(self.answer(request, blobs))
    }

    fn answer(&mut self, request: &Request, blobs: &mut impl Blobs<Source = File>) -> Result<Answered, String> {
        if request.purpose.blob().is_some() {
            return self.fetch(request, blobs);
        }
        if let Purpose::PutBlob { digest, .. } = &request.purpose {
            return self.upload(request, digest, blobs);
        }
        let received = match self.ask_with(request, 0, &mut || Ok(body_of(request))) {
            Ok(received) => received,
            Err(why) if matches!(request.purpose, Purpose::Ping { optional: true }) => {
                return Ok(answered(request, 0, Vec::new(), 1, Content::Unreachable { why }));
            }
            Err(why) => return Err(why),
        };
        let body = whole(received.body).map_err(|why| failed(request, &why))?;
        let (content, secret) = reading::read(request, &received.head, &body)?;
        if let (Content::Token { scope }, Some(secret)) = (&content, secret) {
            self.keys.grant(scope, secret);
            self.tokens.insert(scope.clone(), request.clone());
        }
        Ok(answered(request, received.head.status, received.hops, 1, content))
    }

    fn fetch(&mut self, request: &Request, blobs: &mut impl Blobs) -> Result<Answered, String> {
        let Some((digest, size, _)) = request.purpose.blob() else { return Err("no blob is asked for".into()) };
        let is_config = matches!(request.purpose, Purpose::GetConfig { .. });
        let what = if is_config { "image config" } else { "filesystem layer" };
        let (mut hops, mut status) = (Vec::new(), 0);
        let mut ask = |from: u64| {
            let received = self.ask(request, from)?;
            (hops, status) = (received.hops, received.head.status);
            Ok((received.head, received.body))
        };
        let attempts = receive(blobs, &Expected { digest, size, what }, &mut ask)?;
        let body = if is_config { document(blobs, digest)? } else { Vec::new() };
        let (content, _) = reading::read(request, &Head::of(200, &[]), &body)?;
        Ok(answered(request, status, hops, attempts, content))
    }

    fn upload(&mut self, request: &Request, digest: &str, blobs: &mut impl Blobs<Source = File>) -> Result<Answered, String> {
        let failed = |errno: Errno| format!("open the blob {digest}: {}", errno.to_string().to_lowercase());
        let (file, size) = blobs.open(digest).map_err(failed)?;
        let sent = self.sent.clone();
        let mut ask = |piece: &Piece| {
            let (method, url, fields) = (piece.method, piece.url.clone(), piece.fields());
            let asked = Request { method, url, fields, ..request.clone() };
            let received = self.ask_with(&asked, 0, &mut || part_of(&file, piece, &sent))?;
            Ok((received.head, whole(received.body)?))
        };
        let (head, body, broken) = give(&request.url, digest, size, &mut ask)?;
        let (content, _) = reading::read(request, &head, &body)?;
        Ok(answered(request, head.status, Vec::new(), broken + 1, content))
    }

    /// Fetches a file that `ADD` names. Answers how many bytes came. `Err`: why, in BuildKit's words.
    pub fn fetch_file(&mut self, remote: &Remote, path: &Path) -> Result<u64, String> {
        let failed = |error: std::io::Error| remote.framed(&format!("{}: {}", remote.url, words(&error)));
        let file = OpenOptions::new().write(true).create_new(true).mode(FETCHED_MODE).open(path).map_err(failed)?;
        let (bytes, head) = self.fetch_into(remote, &mut &file)?;
        // Without a date it is as old as can be, as with BuildKit.
        let seconds = head.field("last-modified").and_then(date_seconds).unwrap_or_default();
        let since = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        file.set_modified(UNIX_EPOCH + since).map_err(failed)?;
        Ok(bytes)
    }

    /// Writes what a URL leads to. Answers how many bytes came, and how the answer began. `Err`: why, in BuildKit's words.
    pub fn fetch_into(&mut self, remote: &Remote, file: &mut impl Write) -> Result<(u64, Head), String> {
        let request = Request::of(Method::Get, remote.url.clone(), Purpose::Ping { optional: false });
        let sent = self.transport.send(&request, None, Body::None, 0);
        let mut received = sent.map_err(|error| remote.framed(&error.told(&request)))?;
        if let Some(refused) = remote.refused(received.head.status) {
            return Err(refused);
        }
        let failed = |error: std::io::Error| remote.framed(&format!("{}: {}", remote.url, words(&error)));
        let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
        let mut buffer = vec![0_u8; FETCH_PIECE_BYTES];
        loop {
            let count = received.body.read(&mut buffer).map_err(failed)?;
            let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { break };
            bytes += count as u64;
            if bytes > BLOB_BYTES_MAX {
                return Err(remote.framed(&format!("{} is longer than {BLOB_BYTES_MAX} bytes", remote.url)));
            }
            hash.update(piece);
            file.write_all(piece).map_err(failed)?;
        }
        if let Some(mismatch) = remote.mismatch(&digest::in_words(&hash.finalize())) {
            return Err(mismatch);
        }
        Ok((bytes, received.head))
    }

    /// Takes the password that was given, or the one on stdin.
    pub fn take_password(&mut self, user: &str, given: Option<&str>) -> Result<Account, String> {
        self.keys = Keys::default();
        self.keys.take(user, given)
    }

    /// Asks at the caller's terminal for what was not given.
    pub fn ask_password(&mut self, user: &str, given: Option<&str>) -> Result<Account, String> {
        let user = if user.is_empty() { prompt::ask("Username: ")? } else { user.to_string() };
        if user.is_empty() {
            return Err("Error: Non-null Username Required".to_string());
        }
        let password = match given {
            Some(given) => given.to_string(),
            None => prompt::ask_silently("Password: ")?,
        };
        if password.is_empty() {
            return Err("Error: Password Required".to_string());
        }
        self.take_password(&user, Some(&password))
    }

    /// Keeps the login that was taken. Answers what Docker's client warns of.
    pub fn keep_login(&self, server: &str, config: &str) -> Result<String, String> {
        self.keys.keep(server, config)
    }

    /// Forgets what is kept for a registry.
    pub fn drop_login(&self, server: &str, config: &str) -> Result<(), String> {
        keys::forget(server, config)
    }

    fn ask(&mut self, request: &Request, from: u64) -> Result<Received, String> {
        self.ask_with(request, from, &mut || Ok(Body::None))
    }

    /// A token may run out while a layer is on its way: then another one is asked for, once.
    fn ask_with(
        &mut self,
        request: &Request,
        from: u64,
        body: &mut dyn FnMut() -> Result<Body, String>,
    ) -> Result<Received, String> {
        if request.proof == Proof::Missing {
            return Err(request.missing_login());
        }
        let received = self.once(request, from, body()?)?;
        match &request.proof {
            Proof::Token { scope } if received.head.status == 401 && self.renew(scope)? => self.once(request, from, body()?),
            _ => Ok(received),
        }
    }

    /// `false`: nobody knows how.
    fn renew(&mut self, scope: &str) -> Result<bool, String> {
        let Some(request) = self.tokens.get(scope).cloned() else { return Ok(false) };
        let received = self.once(&request, 0, Body::None)?;
        let body = whole(received.body).map_err(|why| failed(&request, &why))?;
        if let (_, Some(secret)) = reading::read(&request, &received.head, &body)? {
            self.keys.grant(scope, secret);
        }
        Ok(true)
    }

    fn once(&mut self, request: &Request, from: u64, body: Body) -> Result<Received, String> {
        let (authorization, form) = self.keys.of(request);
        let body = form.map_or(body, Body::Form);
        self.transport.send(request, authorization.as_deref(), body, from).map_err(|error| error.told(request))
    }
}

/// What a request brings with it.
fn body_of(request: &Request) -> Body {
    match &request.purpose {
        Purpose::PutManifest { text, .. } => Body::Text(text.clone()),
        Purpose::StartUpload { .. } => Body::Text(String::new()),
        _ => Body::None,
    }
}

/// The bytes of a blob that a piece brings.
fn part_of(blob: &File, piece: &Piece, sent: &Arc<AtomicU64>) -> Result<Body, String> {
    let (from, to) = piece.bytes;
    if piece.method == Method::Get {
        return Ok(Body::None);
    }
    let unreadable = |error: std::io::Error| format!("read the blob: {}", transport::words(&error));
    let mut file = blob.try_clone().map_err(unreadable)?;
    file.seek(SeekFrom::Start(from)).map_err(unreadable)?;
    Ok(Body::Part(Part { bytes: file.take(to - from), at: from, sent: sent.clone() }))
}

fn failed(request: &Request, why: &str) -> String {
    format!("{} \"{}\": {why}", request.method.in_errors(), request.url)
}

fn answered(request: &Request, status: u16, hops: Vec<String>, attempts: usize, content: Content) -> Answered {
    Answered { method: request.method.name().to_string(), url: request.url.clone(), status, hops, attempts, content }
}

/// What is to be read as a whole is short.
fn whole(body: Box<dyn Read>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    body.take(ANSWER_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| transport::words(&error))?;
    match bytes.len() > ANSWER_BYTES_MAX {
        true => Err(format!("the answer is longer than {ANSWER_BYTES_MAX} bytes (ANSWER_BYTES_MAX)")),
        false => Ok(bytes),
    }
}
