//! What an answer means: read by the purpose of its request. What comes of it goes into an event, but for secrets.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::TAGS_MAX;
use super::challenge::Challenge;
use super::http::{Head, joined};
use super::refusal::{Refusal, go_reason};
use super::request::{Purpose, Request, WantedImage};
use crate::build::ImportedCache;
use crate::build::shared::{unreadable_index, unreadable_kind};
use crate::model::Standing;
use crate::oci::digest::{self, is_sha256};
use crate::oci::image::{ConfigFile, Descriptor, Index, Manifest, Platform, media};
use crate::reference::is_tag;

/// An answer that was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// `GET`
    pub method: String,
    /// What was asked.
    pub url: String,
    /// The status of the last answer; 0: there was none.
    pub status: u16,
    /// Where redirections have led to.
    pub hops: Vec<String>,
    /// How many requests it took.
    pub attempts: usize,
    /// What it says.
    pub content: Content,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// There is a registry, and it lets everybody in.
    Open,
    /// There is one, and it wants to know who asks.
    Challenge(Challenge),
    /// Nobody answers there.
    Unreachable {
        /// Why.
        why: String,
    },
    /// A mirror has not given what it was asked for: nothing more is asked of it.
    MirrorFailed {
        /// Why.
        why: String,
    },
    /// A token was given. What it is stays with whoever asked for it.
    Token {
        /// For this scope.
        scope: String,
    },
    /// The tags of a repository.
    Tags(Vec<String>),
    /// What a tag leads to.
    Resolved(Descriptor),
    /// It does not say.
    Unresolved,
    /// A list of manifests, and the one that was chosen.
    Index {
        /// The list itself.
        index: Descriptor,
        /// For the machine that was wanted.
        chosen: Descriptor,
    },
    /// A manifest.
    Manifest {
        /// What it is.
        manifest: Descriptor,
        /// Its bytes, which are text.
        text: String,
    },
    /// The registry takes the login.
    LoggedIn,
    /// How a blob stands at the registry.
    Blob {
        /// `sha256:…`
        digest: String,
        /// So.
        standing: Standing,
    },
    /// A manifest is at the registry.
    ManifestSent {
        /// `sha256:…`
        digest: String,
        /// Bytes.
        bytes: u64,
    },
    /// A configuration is in the store.
    Config {
        /// `sha256:…`
        digest: String,
        /// What it says.
        file: Box<ConfigFile>,
    },
    /// A cache that a build may take from.
    Cache(Box<ImportedCache>),
    /// A layer is in the store.
    Layer {
        /// `sha256:…`
        digest: String,
        /// Bytes.
        bytes: u64,
    },
}

/// What nobody is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(***)")
    }
}

/// Reads the answer to a request that fetches no blob. Why it is refused is told in dockerd's words.
pub fn read(request: &Request, head: &Head, body: &[u8]) -> Result<(Content, Option<Secret>), String> {
    let content = match &request.purpose {
        Purpose::Ping { .. } => ping(head)?,
        Purpose::GetToken { scope, on_behalf, .. } => return token(scope, on_behalf, head, body),
        Purpose::LogIn => logged_in(request, head)?,
        Purpose::HasBlob { .. } | Purpose::StartUpload { .. } | Purpose::PutBlob { .. } | Purpose::PutManifest { .. } => {
            sent(request, head, body)?
        }
        Purpose::ListTags { wanted } => tags(wanted, head, body)?,
        Purpose::ResolveTag => resolved(head),
        Purpose::GetManifest { wanted, digest, chosen } => manifest(wanted, digest.as_deref(), *chosen, head, body)?,
        Purpose::GetConfig { digest, .. } => {
            let file = ConfigFile::read(body, digest).map_err(|error| error.to_string())?;
            Content::Config { digest: digest.clone(), file: Box::new(file) }
        }
        Purpose::GetCache { number, digest, layers } => cache(*number, digest, layers, head, body)?,
        Purpose::GetLayer { digest, size, .. } => Content::Layer { digest: digest.clone(), bytes: *size },
    };
    Ok((content, None))
}

fn cache(number: u16, digest: &str, layers: &[Descriptor], head: &Head, body: &[u8]) -> Result<Content, String> {
    if !head.is_success() {
        return Err(Refusal::of(head, body).told());
    }
    ImportedCache::read(number, layers, body, digest).map(|cache| Content::Cache(Box::new(cache)))
}

/// dockerd looks at the challenges alone, and lets the next request tell what is wrong.
fn ping(head: &Head) -> Result<Content, String> {
    if head.status != 401 {
        return Ok(Content::Open);
    }
    Challenge::of(head).map(Content::Challenge).ok_or_else(|| {
        "unauthorized: authentication required\nglassbox: the registry does not say how (WWW-Authenticate names neither Basic nor Bearer)"
            .to_string()
    })
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

fn token(scope: &str, on_behalf: &str, head: &Head, body: &[u8]) -> Result<(Content, Option<Secret>), String> {
    let framed = |why: &str| format!("{on_behalf}: {why}");
    if !head.is_success() {
        return Err(framed(&Refusal::of(head, body).told()));
    }
    let read: TokenAnswer =
        serde_json::from_slice(body).map_err(|_| framed(&format!("unable to decode token response: {}", go_reason(body))))?;
    let token = if read.token.is_empty() { read.access_token } else { read.token };
    if token.is_empty() {
        return Err(framed("authorization server did not include a token in the response"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(framed("the token in the response is none: it has letters that no header field may have"));
    }
    Ok((Content::Token { scope: scope.to_string() }, Some(Secret(token))))
}

/// dockerd takes 200 and nothing else.
fn logged_in(request: &Request, head: &Head) -> Result<Content, String> {
    let status = format!("{} {}", head.status, super::http::reason(head.status));
    match head.status {
        200 => Ok(Content::LoggedIn),
        _ => Err(format!("login attempt to {} failed with status: {}", request.url, status.trim_end())),
    }
}

/// What became of something that was sent.
fn sent(request: &Request, head: &Head, body: &[u8]) -> Result<Content, String> {
    let refused = || Refusal::of(head, body).told();
    let (digest, standing) = match &request.purpose {
        Purpose::HasBlob { digest } if head.status == 200 => (digest, Standing::There),
        // What is wrong is told when it is to be sent: the answer to HEAD has no words.
        Purpose::HasBlob { digest } => (digest, Standing::Missing),
        Purpose::StartUpload { digest, from } if head.status == 201 => (digest, Standing::Mounted { from: from.clone() }),
        Purpose::StartUpload { digest, .. } if head.status == 202 => {
            let location = head.field("location").and_then(|location| joined(&request.url, location));
            let location = location.ok_or("the registry does not say where to send the blob (Location)")?;
            (digest, Standing::UploadAt(location))
        }
        Purpose::PutBlob { digest, .. } if head.is_success() => (digest, Standing::Sent),
        Purpose::PutManifest { digest, text } if head.is_success() => {
            return Ok(Content::ManifestSent { digest: digest.clone(), bytes: text.len() as u64 });
        }
        _ => return Err(refused()),
    };
    Ok(Content::Blob { digest: digest.clone(), standing })
}

#[derive(Deserialize)]
struct TagList {
    tags: Option<Vec<String>>,
}

/// All of them, in the registry's order.
fn tags(wanted: &WantedImage, head: &Head, body: &[u8]) -> Result<Content, String> {
    if !head.is_success() {
        return Err(Refusal::of(head, body).of_pull(wanted));
    }
    let list: TagList = serde_json::from_slice(body).map_err(|_| go_reason(body))?;
    let tags = list.tags.unwrap_or_default();
    if head.field("link").is_some() || tags.len() > TAGS_MAX {
        let why = format!("glassbox: more than {TAGS_MAX} (TAGS_MAX), or a list that goes on at another URL (Link)");
        return Err(format!("{} has too many tags to pull them all\n{why}", wanted.name.familiar()));
    }
    match tags.iter().find(|tag| !is_tag(tag)) {
        Some(tag) => Err(format!("invalid reference format\nglassbox: the registry names a tag that is none: {tag:?}")),
        None => Ok(Content::Tags(tags)),
    }
}

fn resolved(head: &Head) -> Content {
    let digest = head.field("docker-content-digest").filter(|digest| head.is_success() && is_sha256(digest));
    let size = head.field("content-length").and_then(|length| length.trim().parse().ok());
    match digest {
        Some(digest) => Content::Resolved(Descriptor {
            media_type: media_type(head),
            digest: digest.to_string(),
            size: size.unwrap_or_default(),
            ..Descriptor::default()
        }),
        None => Content::Unresolved,
    }
}

fn media_type(head: &Head) -> String {
    let whole = head.field("content-type").unwrap_or_default();
    whole.split(';').next().unwrap_or_default().trim().to_string()
}

/// What a manifest says of its own kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    #[serde(default)]
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    manifests: Option<serde_json::Value>,
}

const DEPRECATED: &str = "[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 support is disabled by \
                          default and will be removed in an upcoming release. Suggest the author of";

fn manifest(wanted: &WantedImage, digest: Option<&str>, chosen: bool, head: &Head, body: &[u8]) -> Result<Content, String> {
    if !head.is_success() {
        return Err(Refusal::of(head, body).of_pull(wanted));
    }
    let found = digest::of(body);
    if let Some(digest) = digest.filter(|digest| *digest != found) {
        return Err(format!("manifest verification failed for digest {digest}\nglassbox: its bytes have the digest {found}"));
    }
    let unreadable = |_| format!("{}\nglassbox: that is what {} answered for a manifest", go_reason(body), wanted.name.domain);
    let kind: Kind = serde_json::from_slice(body).map_err(unreadable)?;
    if kind.schema_version != 2 {
        let more = "More information at https://docs.docker.com/go/deprecated-image-specs/";
        let to = "to upgrade the image to the OCI Format or Docker Image manifest v2, schema 2.";
        return Err(format!("{DEPRECATED} {} {to} {more}", wanted.name));
    }
    let is_index = kind.manifests.is_some();
    let usual = if is_index { media::INDEX } else { media::MANIFEST };
    let told = [kind.media_type, media_type(head)].into_iter().find(|kind| kind.starts_with("application/vnd."));
    let of = told.unwrap_or_else(|| usual.to_string());
    let descriptor = Descriptor { media_type: of, digest: found.clone(), size: body.len() as u64, ..Descriptor::default() };
    if !is_index {
        let read = Manifest::read(body, &found).map_err(|error| error.to_string())?;
        if let Some(why) = unreadable_kind(&read.config.media_type) {
            return Err(why);
        }
        return Ok(Content::Manifest { manifest: descriptor, text: String::from_utf8_lossy(body).into_owned() });
    }
    if chosen {
        return Err(format!(
            "unsupported manifest type: {}\nglassbox: {found} is a list of manifests within another",
            descriptor.media_type
        ));
    }
    let index = Index::read(body).map_err(|error| error.to_string())?;
    let chosen = choose(&index, &wanted.platform).ok_or_else(|| {
        if let Some(why) = unreadable_index(body) {
            return why;
        }
        let (shown, offered) = (shown(&wanted.platform), index.manifests.iter().filter_map(|entry| entry.platform.as_ref()));
        let known = |platform: &&Platform| platform.os != "unknown";
        let mut offered: Vec<String> = offered.filter(known).map(self::shown).collect();
        offered.dedup();
        format!("no matching manifest for {shown} in the manifest list entries\nglassbox: it is there for {}", offered.join(", "))
    })?;
    Ok(Content::Index { index: descriptor, chosen: chosen.clone() })
}

/// `linux/arm/v7`
fn shown(platform: &Platform) -> String {
    let variant = if platform.variant.is_empty() { String::new() } else { format!("/{}", platform.variant) };
    format!("{}/{}{variant}", platform.os, platform.architecture)
}

/// The first that fits; a variant counts where one was asked for.
fn choose<'a>(index: &'a Index, wanted: &Platform) -> Option<&'a Descriptor> {
    let fits = |entry: &&Descriptor| {
        let known = is_sha256(&entry.digest);
        known
            && entry.platform.as_ref().is_some_and(|platform| {
                let variant = wanted.variant.is_empty() || wanted.variant == platform.variant || is_usual(platform, wanted);
                platform.os == wanted.os && platform.architecture == wanted.architecture && variant
            })
    };
    index.manifests.iter().find(fits)
}

/// containerd takes arm64 for arm64/v8.
fn is_usual(offered: &Platform, wanted: &Platform) -> bool {
    offered.architecture == "arm64" && offered.variant.is_empty() && wanted.variant == "v8"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Reference;

    fn wanted() -> WantedImage {
        let platform = Platform { os: "linux".into(), architecture: "amd64".into(), variant: String::new() };
        WantedImage { name: Reference::parse("web:1").unwrap(), platform }
    }

    fn ask(body: &str, digest: Option<&str>, chosen: bool) -> Result<Content, String> {
        manifest(&wanted(), digest, chosen, &Head::of(200, &[]), body.as_bytes())
    }

    #[test]
    fn hostile_manifests_are_refused_with_the_reason() {
        let other = format!("sha256:{}", "0".repeat(64));
        assert!(ask("{}", Some(&other), false).unwrap_err().starts_with("manifest verification failed for digest sha256:00"));
        assert!(ask("<html>", None, false).unwrap_err().starts_with("invalid character '<' looking for beginning of value\n"));
        assert!(ask(r#"{"schemaVersion":1}"#, None, false).unwrap_err().starts_with("[DEPRECATION NOTICE]"));
        let index = r#"{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"sha256:1","size":1,
            "platform":{"os":"linux","architecture":"arm64"}}]}"#;
        let none = ask(index, None, false).unwrap_err();
        assert_eq!(
            none,
            "no matching manifest for linux/amd64 in the manifest list entries\nglassbox: it is there for linux/arm64"
        );
        assert!(ask(index, None, true).unwrap_err().contains("within another"));
    }

    #[test]
    fn tokens_are_kept_secret() {
        let (content, secret) = token("s", "Head \"u\"", &Head::of(200, &[]), br#"{"access_token":"abc"}"#).unwrap();
        assert_eq!((content, format!("{secret:?}")), (Content::Token { scope: "s".into() }, "Some(Secret(***))".to_string()));
        let none = token("s", "Head \"u\"", &Head::of(200, &[]), b"{}").unwrap_err();
        assert_eq!(none, "Head \"u\": authorization server did not include a token in the response");
        assert!(token("s", "x", &Head::of(200, &[]), br#"{"token":"a\nb"}"#).is_err());
    }
}
