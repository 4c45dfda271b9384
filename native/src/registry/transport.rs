//! HTTP and TLS, by ureq and rustls: one request and the redirections that follow it. Errors are told in the words of Go's client, because
//! dockerd shows those.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use glassbox_core::registry::http::{Head, Method, Url, joined};
use glassbox_core::registry::{REDIRECTS_MAX, Request, endpoint};
use ureq::http;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Error, SendBody};

/// Until a connection stands: that of dockerd's client.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// Until an answer begins, and between two pieces of it.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
/// A longer head of an answer is not read.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Here Docker looks for certificates of a registry's own authority, in a directory of its name:
/// <https://docs.docker.com/engine/security/certificates/>.
const CERTIFICATES: &str = "/etc/docker/certs.d";
/// A longer file of certificates is not read.
const CERTIFICATES_BYTES_MAX: u64 = 1 << 20;

/// For whom an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    /// This machine: no proxy.
    is_local: bool,
    /// Any certificate will do.
    insecure: bool,
}

/// Keeps connections. A clone has the same ones.
#[derive(Clone)]
pub struct Transport {
    agents: BTreeMap<Kind, Agent>,
    /// For registries with certificates of their own, by authority; `None`: it has none.
    own: BTreeMap<String, Option<Agent>>,
}

/// What a request brings with it.
pub enum Body {
    /// Nothing.
    None,
    /// Fields of a form.
    Form(String),
    /// Text.
    Text(String),
    /// A part of a file.
    Part(Part),
}

/// A part of a file, and how far it has been sent.
pub struct Part {
    /// The bytes.
    pub bytes: io::Take<File>,
    /// Where in the file the next one is.
    pub at: u64,
    /// Told that.
    pub sent: Arc<AtomicU64>,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.at += count as u64;
        self.sent.store(self.at, Ordering::Relaxed);
        Ok(count)
    }
}

/// An answer whose body is still to be read.
pub struct Received {
    /// Status and header fields.
    pub head: Head,
    /// The URLs that redirections have led to.
    pub hops: Vec<String>,
    /// The rest.
    pub body: Box<dyn Read>,
}

/// No answer.
pub struct Unanswered {
    /// What was asked last.
    url: String,
    why: String,
}

impl Unanswered {
    /// `Get "https://…": …`
    pub fn told(&self, request: &Request) -> String {
        format!("{} \"{}\": {}", request.method.in_errors(), self.url, self.why)
    }
}

impl Transport {
    /// Without connections.
    pub fn new() -> Transport {
        Transport { agents: BTreeMap::new(), own: BTreeMap::new() }
    }

    /// As with dockerd, certificates of a registry's own authority are not looked for where any will do.
    fn agent(&mut self, url: &str, insecure: bool) -> Result<&Agent, String> {
        let parts = Url::parse(url);
        let kind = Kind { is_local: parts.is_some_and(|parts| endpoint::is_local(parts.authority)), insecure };
        if let Some(parts) = parts.filter(|parts| parts.scheme == "https" && !insecure) {
            if !self.own.contains_key(parts.authority) {
                let own = certificates(parts.authority)?;
                let own = own.map(|certificates| agent(kind, RootCerts::new_with_certs(&certificates)));
                self.own.insert(parts.authority.to_string(), own);
            }
            if let Some(Some(own)) = self.own.get(parts.authority) {
                return Ok(own);
            }
        }
        Ok(self.agents.entry(kind).or_insert_with(|| agent(kind, RootCerts::PlatformVerifier)))
    }

    /// Sends the request, and follows where it is sent to. What shows who asks goes to the first server alone.
    pub fn send(&mut self, request: &Request, authorization: Option<&str>, body: Body, from: u64) -> Result<Received, Unanswered> {
        let (mut url, mut hops, mut body) = (request.url.clone(), Vec::new(), Some(body));
        let first = authority(&request.url);
        loop {
            let failed = |why: String| Unanswered { url: url.clone(), why };
            let shown = authorization.filter(|_| authority(&url) == first);
            let agent = self.agent(&url, request.reach.insecure).map_err(failed)?;
            let answer = once(agent, request, &url, shown, body.take().unwrap_or(Body::None), from)
                .map_err(|error| failed(in_words(&error, &url)))?;
            let head = head_of(&answer);
            let location = head.field("location").filter(|_| matches!(head.status, 301 | 302 | 303 | 307 | 308));
            let Some(location) = location.filter(|_| matches!(request.method, Method::Get | Method::Head)) else {
                return Ok(Received { head, hops, body: Box::new(answer.into_body().into_reader()) });
            };
            if hops.len() == REDIRECTS_MAX {
                return Err(failed(format!("stopped after {REDIRECTS_MAX} redirects")));
            }
            let next = joined(&url, location).ok_or_else(|| failed(format!("the redirection to {location:?} leads nowhere")))?;
            if url.starts_with("https:") && next.starts_with("http:") {
                return Err(failed(format!("the redirection to {next} would leave TLS")));
            }
            hops.push(next.clone());
            url = next;
        }
    }
}

/// One that takes servers whose certificates come from these authorities.
fn agent(kind: Kind, roots: RootCerts) -> Agent {
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder().provider(TlsProvider::Rustls).root_certs(roots).disable_verification(kind.insecure);
    let tls = tls.unversioned_rustls_crypto_provider(crypto).build();
    let builder = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(HEAD_BYTES_MAX)
        .timeout_connect(Some(CONNECT_PATIENCE))
        .timeout_recv_response(Some(ANSWER_PATIENCE))
        .timeout_per_read(Some(ANSWER_PATIENCE))
        .user_agent(concat!("glassbox/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls);
    if kind.is_local { builder.proxy(None) } else { builder }.build().new_agent()
}

/// The authorities in the files `*.crt` of the registry's directory; `None`: there are none. They alone are trusted then.
fn certificates(authority: &str) -> Result<Option<Vec<Certificate<'static>>>, String> {
    let directory = Path::new(CERTIFICATES).join(authority);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) if !authority.starts_with('.') => entries,
        _ => return Ok(None),
    };
    let is_authority = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "crt");
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_authority).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let refused = |error: io::Error| format!("open {}: {}", path.display(), words(&error));
        let mut bytes = Vec::new();
        File::open(&path).and_then(|file| file.take(CERTIFICATES_BYTES_MAX).read_to_end(&mut bytes)).map_err(refused)?;
        let before = found.len();
        found.extend(parse_pem(&bytes).flatten().filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        }));
        if found.len() == before {
            return Err(format!("there is no certificate in {}", path.display()));
        }
    }
    Ok(Some(found).filter(|found| !found.is_empty()))
}

fn once(
    agent: &Agent,
    request: &Request,
    url: &str,
    authorization: Option<&str>,
    body: Body,
    from: u64,
) -> Result<http::Response<ureq::Body>, Error> {
    let mut built = http::Request::builder().method(request.method.name()).uri(url);
    for (name, value) in &request.fields {
        built = built.header(name, value);
    }
    if let Some(authorization) = authorization {
        built = built.header("Authorization", authorization);
    }
    if from > 0 {
        built = built.header("Range", format!("bytes={from}-"));
    }
    match body {
        Body::Form(form) => agent.run(built.header("Content-Type", "application/x-www-form-urlencoded").body(form)?),
        Body::Text(text) => agent.run(built.body(text)?),
        Body::Part(part) => {
            let length = part.bytes.limit().to_string();
            let typed = built.header("Content-Type", "application/octet-stream").header("Content-Length", length);
            agent.run(typed.body(SendBody::from_owned_reader(part))?)
        }
        Body::None => agent.run(built.body(SendBody::none())?),
    }
}

fn authority(url: &str) -> Option<String> {
    Url::parse(url).map(|url| format!("{}://{}", url.scheme, url.authority))
}

fn head_of(answer: &http::Response<ureq::Body>) -> Head {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Head { status: answer.status().as_u16(), fields: answer.headers().iter().map(field).collect() }
}

/// As Go's client says it.
fn in_words(error: &Error, url: &str) -> String {
    let parts = Url::parse(url);
    let host = parts.map_or("", |url| url.host());
    match error {
        Error::HostNotFound => format!("dial tcp: lookup {host}: no such host"),
        Error::Timeout(_) => "net/http: request canceled (Client.Timeout exceeded while awaiting headers)".to_string(),
        Error::Rustls(rustls::Error::InvalidMessage(_)) => "http: server gave HTTP response to HTTPS client".to_string(),
        Error::Rustls(rustls::Error::InvalidCertificate(why)) => certificate(why, host),
        Error::Rustls(why) => format!("tls: {why}"),
        Error::Io(error) => dialled(error, url),
        other => other.to_string(),
    }
}

fn certificate(why: &rustls::CertificateError, host: &str) -> String {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer};
    let why = match why {
        UnknownIssuer => "certificate signed by unknown authority".to_string(),
        Expired | ExpiredContext { .. } => "certificate has expired or is not yet valid".to_string(),
        NotValidForName | NotValidForNameContext { .. } => format!("certificate is not valid for {host}"),
        other => other.to_string(),
    };
    format!("tls: failed to verify certificate: x509: {why}")
}

fn dialled(error: &io::Error, url: &str) -> String {
    if let Some(inner) = tls_error(error) {
        return match inner {
            rustls::Error::InvalidMessage(_) => "http: server gave HTTP response to HTTPS client".to_string(),
            rustls::Error::InvalidCertificate(why) => certificate(why, Url::parse(url).map_or("", |url| url.host())),
            other => format!("tls: {other}"),
        };
    }
    let Some(parts) = Url::parse(url) else { return words(error) };
    let port = if parts.scheme == "https" { "443" } else { "80" };
    let port = parts.authority.strip_prefix(parts.host()).and_then(|rest| rest.strip_prefix(':')).unwrap_or(port);
    let host = if parts.host() == "localhost" { "127.0.0.1" } else { parts.host() };
    match error.raw_os_error() {
        Some(_) if error.kind() != io::ErrorKind::ConnectionReset => format!("dial tcp {host}:{port}: connect: {}", words(error)),
        Some(_) => format!("read tcp {host}:{port}: read: {}", words(error)),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "EOF".to_string(),
        None if error.to_string().contains("lookup") || error.to_string().contains("resolution") => {
            let why = error.to_string();
            let why = why.rsplit(": ").next().unwrap_or_default();
            format!("dial tcp: lookup {}: {why}", parts.host())
        }
        None => words(error),
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref::<rustls::Error>().or_else(|| inner.source()?.downcast_ref::<rustls::Error>())
}

/// An error of a stream, as Go writes the kernel's: in small letters, without the number.
pub(super) fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => glassbox_core::errno::Errno(number).to_string().to_lowercase(),
        None => error.to_string(),
    }
}
