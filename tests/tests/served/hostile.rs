//! A registry on loopback that answers wrongly, in one way.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use glassbox_core::archive::{Member, MemberKind, Writer};
use glassbox_core::oci::digest;
use glassbox_core::oci::image::{ConfigFile, Descriptor, Manifest, media};

const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than any buffer on the way.
const LAYER_BYTES: usize = 3 << 20;

/// What it has, and how it answers.
struct Image {
    kind: &'static str,
    layer: Vec<u8>,
    config: Vec<u8>,
    manifest: Vec<u8>,
    /// Tokens that were given: the last one alone is good.
    tokens: AtomicUsize,
    /// One that it stands on, under the tag `base`.
    base: Option<Box<Image>>,
}

/// Those who have asked for a layer and wait for the rest of it.
#[derive(Default)]
struct Gate {
    waiting: AtomicUsize,
    open: AtomicBool,
}

/// The registry; its threads end with the test.
pub struct Hostile {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    gate: Arc<Gate>,
}

fn layer() -> Vec<u8> {
    one_file(&vec![b'x'; LAYER_BYTES]).unwrap_or_default()
}

/// A layer with nothing but `/file` in it.
pub fn one_file(content: &[u8]) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    let member = Member {
        name: b"file".to_vec(),
        kind: MemberKind::File,
        link: Vec::new(),
        mode: 0o644,
        uid: 0,
        gid: 0,
        size_bytes: content.len() as u64,
        modified: (0, 0),
        attributes: Vec::new(),
    };
    writer.member(&member)?;
    writer.content(content)?;
    Ok(writer.finish()?.1)
}

impl Image {
    fn new(kind: &'static str) -> Image {
        let layer = layer();
        let other = digest::of(b"another");
        let diff_id = if kind == "other-archive" { other } else { digest::of(&layer) };
        let below = match kind {
            "second-waits" => Some("right"),
            "both-wait" => Some("waits"),
            "first-is-wrong" => Some("wrong-layer"),
            _ => None,
        };
        if let Some(below) = below {
            let lower = one_file(b"below").unwrap_or_default();
            let lower_id = digest::of(&lower);
            return Image::standing_on(Some(Image::given(below, lower, lower_id)), "waits", layer, diff_id);
        }
        Image::given(kind, layer, diff_id)
    }

    fn given(kind: &'static str, layer: Vec<u8>, diff_id: String) -> Image {
        Image::standing_on(None, kind, layer, diff_id)
    }

    fn standing_on(base: Option<Image>, kind: &'static str, layer: Vec<u8>, diff_id: String) -> Image {
        let mut config = ConfigFile { architecture: "amd64".into(), os: "linux".into(), ..ConfigFile::default() };
        config.config.cmd = vec!["sh".into()];
        let below = base.iter().map(|base| &base.layer);
        config.rootfs.diff_ids = below.clone().map(|layer| digest::of(layer)).chain([diff_id]).collect();
        let config = config.written();
        let layers = below.chain([&layer]).map(|layer| Descriptor::of(media::LAYER, layer)).collect();
        let manifest = Manifest::of(Descriptor::of(media::CONFIG, &config), layers).written();
        Image { kind, layer, config, manifest, tokens: AtomicUsize::new(0), base: base.map(Box::new) }
    }

    fn index(&self, of: &[u8], kind: &str, architecture: &str) -> Vec<u8> {
        let found = digest::of(of);
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{kind}","digest":"{found}","size":{},"platform":{{"os":"linux","architecture":"{architecture}"}}}}]}}"#,
            media::INDEX,
            of.len()
        )
        .into_bytes()
    }

    fn answer(&self, path: &str, head: bool, range: Option<usize>, stream: &mut TcpStream, gate: &Gate) -> std::io::Result<()> {
        if let Some(base) = self.base.as_ref().filter(|base| base.has(path)) {
            return base.answer(path, head, range, stream, gate);
        }
        let ok = |stream: &mut TcpStream, kind: &str, body: &[u8]| send(stream, "200 OK", &[("Content-Type", kind)], body, head);
        let inner = self.index(&self.manifest, media::MANIFEST, "amd64");
        let top = match self.kind {
            "index-loop" => self.index(&inner, media::INDEX, "amd64"),
            "other-platform" => self.index(&self.manifest, media::MANIFEST, "s390x"),
            _ => self.manifest.clone(),
        };
        let is_manifest = path.contains("/manifests/");
        match self.kind {
            _ if path == "/v2/" => ok(stream, "application/json", b"{}"),
            "html" if is_manifest => ok(stream, "text/html", b"<html>welcome</html>"),
            "status-500" if is_manifest => send(stream, "500 Internal Server Error", &[], b"", head),
            "limit-429" if is_manifest => {
                let body = br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}"#;
                send(stream, "429 Too Many Requests", &[], body, head)
            }
            "denied-403" if is_manifest => {
                let body = br#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#;
                send(stream, "403 Forbidden", &[], body, head)
            }
            "redirect-loop" if is_manifest && !head => send(stream, "307 Temporary Redirect", &[("Location", path)], b"", head),
            "endless-manifest" if is_manifest && !head => endless(stream),
            "wrong-manifest" if is_manifest && !path.ends_with("/1") => ok(stream, media::MANIFEST, b"{\"schemaVersion\":2}"),
            _ if path.ends_with(&digest::of(&inner)) => ok(stream, media::INDEX, &inner),
            _ if is_manifest => {
                let found = digest::of(&top);
                let kind = if top == self.manifest { media::MANIFEST } else { media::INDEX };
                send(stream, "200 OK", &[("Content-Type", kind), ("Docker-Content-Digest", &found)], &top, head)
            }
            _ if path.ends_with(&digest::of(&self.config)) => ok(stream, "application/octet-stream", &self.config),
            _ => self.layer(range, stream, gate),
        }
    }

    /// It is asked for by its tag or by a digest.
    fn has(&self, path: &str) -> bool {
        let digests = [&self.layer, &self.config, &self.manifest].map(|bytes| digest::of(bytes));
        path.ends_with("/base") || digests.iter().any(|digest| path.ends_with(digest))
    }

    fn layer(&self, range: Option<usize>, stream: &mut TcpStream, gate: &Gate) -> std::io::Result<()> {
        let length = self.layer.len();
        let start =
            |stream: &mut TcpStream| write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        match (self.kind, range) {
            ("wrong-layer", _) => {
                let mut other = self.layer.clone();
                other[length / 2] = b'y';
                send(stream, "200 OK", &[], &other, false)
            }
            ("endless-layer", _) => endless(stream),
            ("short-layer", _) => send(stream, "200 OK", &[], &self.layer[..length / 2], false),
            ("breaks", None) => {
                start(stream)?;
                stream.write_all(&self.layer[..length / 2])
            }
            ("breaks", Some(from)) => {
                let told = format!("bytes {from}-{}/{length}", length - 1);
                send(stream, "206 Partial Content", &[("Content-Range", &told)], &self.layer[from..], false)
            }
            ("stalls", _) => {
                start(stream)?;
                stream.write_all(&self.layer[..length / 2])?;
                stream.flush()?;
                gate.waiting.fetch_add(1, Ordering::SeqCst);
                // Until the other side has gone.
                let mut rest = [0; 1];
                std::io::Read::read(stream, &mut rest).map(drop)
            }
            ("waits", _) => {
                start(stream)?;
                gate.waiting.fetch_add(1, Ordering::SeqCst);
                while !gate.open.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                stream.write_all(&self.layer)
            }
            _ => send(stream, "200 OK", &[], &self.layer, false),
        }
    }
}

/// What follows `start` in a line of a request.
fn lines_with(lines: &[String], start: &str) -> String {
    lines.iter().find_map(|line| line.to_lowercase().strip_prefix(start).map(str::to_string)).unwrap_or_default()
}

impl Image {
    /// A registry that takes tokens, and has forgotten the first one when a layer is asked for.
    fn let_in(&self, path: &str, shown: &str, stream: &mut TcpStream) -> Option<std::io::Result<()>> {
        if path.starts_with("/token") {
            let number = self.tokens.fetch_add(1, Ordering::SeqCst) + 1;
            return Some(send(stream, "200 OK", &[], format!("{{\"token\":\"T{number}\"}}").as_bytes(), false));
        }
        let given = self.tokens.load(Ordering::SeqCst);
        let is_layer = path.ends_with(&digest::of(&self.layer));
        if given > usize::from(is_layer) && shown == given.to_string() {
            return None;
        }
        let at = stream.local_addr().ok()?;
        let challenge = format!("Bearer realm=\"http://{at}/token\",service=\"tests\"");
        Some(send(stream, "401 Unauthorized", &[("WWW-Authenticate", &challenge)], b"", false))
    }
}

fn send(stream: &mut TcpStream, status: &str, fields: &[(&str, &str)], body: &[u8], head: bool) -> std::io::Result<()> {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    fields.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    stream.write_all(format!("{text}\r\n").as_bytes())?;
    if head { Ok(()) } else { stream.write_all(body) }
}

/// Until the other side has had enough.
fn endless(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")?;
    loop {
        stream.write_all(&[b' '; 64 << 10])?;
    }
}

impl Hostile {
    /// Answers wrongly in the way of this name.
    pub fn start(kind: &'static str) -> Result<Hostile> {
        Hostile::with(Image::new(kind))
    }

    /// Answers rightly, with an image of this layer.
    pub fn of_layer(layer: Vec<u8>, diff_id: String) -> Result<Hostile> {
        Hostile::with(Image::given("right", layer, diff_id))
    }

    fn with(image: Image) -> Result<Hostile> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (asked, gate) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Gate::default()));
        let image = Arc::new(image);
        let hostile = Hostile { port, asked: asked.clone(), gate: gate.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (image, asked, gate) = (image.clone(), asked.clone(), gate.clone());
                // What the other side does not wait for fails.
                std::thread::spawn(move || drop(served(&image, stream, &asked, &gate)));
            }
        });
        Ok(hostile)
    }

    /// `127.0.0.1:5000`
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// All lines of all requests.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().map(|asked| asked.clone()).unwrap_or_default()
    }

    /// Half of the layer has been sent.
    pub fn wait_until_it_stalls(&self) -> Result<()> {
        self.wait_for(1)
    }

    /// All layers come now.
    pub fn open_gate(&self) {
        self.gate.open.store(true, Ordering::SeqCst);
    }

    /// So many wait for a layer.
    pub fn wait_for(&self, waiting: usize) -> Result<()> {
        let start = Instant::now();
        while self.gate.waiting.load(Ordering::SeqCst) < waiting {
            if start.elapsed() > PATIENCE {
                bail!("nobody has asked for the layer");
            }
            std::thread::yield_now();
        }
        Ok(())
    }
}

fn served(image: &Image, mut stream: TcpStream, asked: &Mutex<Vec<String>>, gate: &Gate) -> std::io::Result<()> {
    let mut lines = Vec::new();
    for line in BufReader::new(stream.try_clone()?).lines() {
        match line?.as_str() {
            "" => break,
            line => lines.push(line.to_string()),
        }
    }
    let first = lines.first().cloned().unwrap_or_default();
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default().to_string(), words.next().unwrap_or_default().to_string());
    let range = lines.iter().find_map(|line| line.to_lowercase().strip_prefix("range: bytes=")?.trim_end_matches('-').parse().ok());
    let shown = lines.clone();
    if let Ok(mut asked) = asked.lock() {
        asked.extend(lines);
    }
    if image.kind == "forgets" {
        let shown = lines_with(&shown, "authorization: bearer t");
        if let Some(answered) = image.let_in(&path, &shown, &mut stream) {
            return answered;
        }
    }
    image.answer(&path, method == "HEAD", range, &mut stream, gate)
}
