//! A modelled registry: what the model kernel's machine reaches instead of the Internet. It answers the requests that a real one would get
//! from an [`Offer`], by the OCI distribution specification; what it has is modelled, and whoever shows its answers says so.

use super::endpoint::HUB;
use super::http::{Head, Method, Url};
use crate::oci::digest;
use crate::reference::DEFAULT_DOMAIN;

/// What a modelled registry has to give. Repositories are named as in URLs: `library/alpine`, `grafana/grafana`.
pub trait Offer {
    /// The manifest or the index that a tag (`latest`, `3.20`) or a digest (`sha256:…`) leads to. The same bytes every time.
    fn manifest(&self, repository: &str, reference: &str) -> Option<Document>;
    /// A configuration or a layer, by the digest of these bytes.
    fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>>;
    /// The tags of a repository, sorted; none: there is no such repository.
    fn tags(&self, repository: &str) -> Vec<String>;
}

impl<O: Offer + ?Sized> Offer for std::rc::Rc<O> {
    fn manifest(&self, repository: &str, reference: &str) -> Option<Document> {
        (**self).manifest(repository, reference)
    }

    fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        (**self).blob(repository, digest)
    }

    fn tags(&self, repository: &str) -> Vec<String> {
        (**self).tags(repository)
    }
}

/// A manifest or an index as a registry keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// `application/vnd.oci.image.manifest.v1+json`, …
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A registry without images.
#[derive(Clone, Copy, Debug)]
pub struct Empty;

impl Offer for Empty {
    fn manifest(&self, _repository: &str, _reference: &str) -> Option<Document> {
        None
    }

    fn blob(&self, _repository: &str, _digest: &str) -> Option<Vec<u8>> {
        None
    }

    fn tags(&self, _repository: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Mirrors of Docker Hub that are modelled: they have what it has, and let everybody in.
const MIRRORS_OF_HUB: [&str; 1] = ["mirror.gcr.io"];
/// Who gives tokens for Docker Hub.
const REALM: &str = "https://auth.docker.io/token";

/// What a modelled registry answers to a request; `token`: the request brings one, `login`: a name and a password. `None`: nobody answers at this URL. `offers` answers what
/// the registry of an image's name has to give, if it is modelled.
pub fn answer<O: Offer>(
    offers: impl Fn(&str) -> Option<O>,
    method: Method,
    url: &str,
    token: bool,
    login: bool,
) -> Option<(Head, Vec<u8>)> {
    let parts = Url::parse(url)?;
    let base = format!("{}://{}", parts.scheme, parts.authority);
    if format!("{base}{}", parts.path) == REALM {
        if login {
            let body = b"{\"details\":\"incorrect username or password\"}".to_vec();
            return Some((Head::of(401, &[("content-type", "application/json")]), body));
        }
        let body = b"{\"token\":\"modelled\",\"expires_in\":300}".to_vec();
        return Some((Head::of(200, &[("content-type", "application/json")]), body));
    }
    let is_hub = base == HUB;
    let has_hubs = is_hub || MIRRORS_OF_HUB.contains(&parts.authority);
    let offer = offers(if has_hubs { DEFAULT_DOMAIN } else { parts.authority }).filter(|_| parts.scheme == "https")?;
    let (mut head, body) = match parts.path.strip_prefix("/v2/") {
        Some(rest) if is_hub && (rest.is_empty() || !token) => unauthorized(rest, &offer),
        // Nobody has an account there.
        Some(rest) if !matches!(method, Method::Get | Method::Head) => denied(rest),
        Some("") => (Head::of(200, &[("content-type", "application/json"), VERSION]), b"{}".to_vec()),
        Some(rest) => looked_up(&offer, rest),
        None => error(404, "NOT_FOUND", "page not found"),
    };
    head.fields.push(("content-length".into(), body.len().to_string()));
    Some((head, if method == Method::Head { Vec::new() } else { body }))
}

/// As Docker Hub says it, which does not tell a private repository from one that is not there.
fn unauthorized(rest: &str, offer: &dyn Offer) -> (Head, Vec<u8>) {
    let (mut head, body) = error(401, "UNAUTHORIZED", "authentication required");
    let repository = repository_of(rest);
    let scope = repository.map(|name| format!(",scope=\"repository:{name}:pull\"")).unwrap_or_default();
    let unknown = repository.is_some_and(|name| offer.tags(name).is_empty());
    let why = if unknown { ",error=\"insufficient_scope\"" } else { "" };
    let value = format!("Bearer realm=\"{REALM}\",service=\"registry.docker.io\"{scope}{why}");
    head.fields.push(("www-authenticate".into(), value));
    (head, body)
}

/// As it answers whoever may not write.
fn denied(rest: &str) -> (Head, Vec<u8>) {
    let (mut head, body) = error(401, "UNAUTHORIZED", "authentication required");
    let name = repository_of(rest).unwrap_or_default();
    let scope = format!("scope=\"repository:{name}:pull,push\",error=\"insufficient_scope\"");
    let value = format!("Bearer realm=\"{REALM}\",service=\"registry.docker.io\",{scope}");
    head.fields.push(("www-authenticate".into(), value));
    (head, body)
}

fn repository_of(rest: &str) -> Option<&str> {
    ["/manifests/", "/blobs/", "/tags/"].iter().find_map(|mark| rest.split_once(mark)).map(|(name, _)| name)
}

const VERSION: (&str, &str) = ("docker-distribution-api-version", "registry/2.0");

fn looked_up(offer: &dyn Offer, rest: &str) -> (Head, Vec<u8>) {
    if let Some((repository, reference)) = rest.split_once("/manifests/") {
        return match offer.manifest(repository, reference) {
            Some(document) => {
                let found = digest::of(&document.bytes);
                let fields = [("content-type", document.media_type.as_str()), ("docker-content-digest", &found), VERSION];
                (Head::of(200, &fields), document.bytes)
            }
            None if offer.tags(repository).is_empty() => unauthorized(rest, offer),
            None => error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        };
    }
    if let Some((repository, wanted)) = rest.split_once("/blobs/") {
        return match offer.blob(repository, wanted) {
            Some(bytes) => {
                let fields = [("content-type", "application/octet-stream"), ("docker-content-digest", wanted), VERSION];
                (Head::of(200, &fields), bytes)
            }
            None => error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        };
    }
    match rest.strip_suffix("/tags/list") {
        Some(repository) if !offer.tags(repository).is_empty() => {
            let list = serde_json::json!({ "name": repository, "tags": offer.tags(repository) });
            (Head::of(200, &[("content-type", "application/json"), VERSION]), list.to_string().into_bytes())
        }
        _ => error(404, "NAME_UNKNOWN", "repository name not known to registry"),
    }
}

/// An error as the specification has it (spec.md, error codes).
fn error(status: u16, code: &str, message: &str) -> (Head, Vec<u8>) {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] }).to_string();
    (Head::of(status, &[("content-type", "application/json"), VERSION]), body.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_as_docker_hub_does() {
        let hub = |domain: &str| (domain == DEFAULT_DOMAIN).then_some(Empty);
        let ask = |url: &str, token| answer(hub, Method::Get, url, token, false);
        let (head, _) = ask("https://registry-1.docker.io/v2/", false).unwrap();
        assert_eq!(head.status, 401);
        assert!(super::super::Challenge::of(&head).is_some());
        let (head, body) = ask("https://auth.docker.io/token?service=registry.docker.io", false).unwrap();
        assert_eq!((head.status, body.starts_with(b"{\"token\":")), (200, true));
        let (head, _) = ask("https://registry-1.docker.io/v2/library/nosuch/manifests/latest", true).unwrap();
        assert!(head.field("www-authenticate").unwrap().contains("insufficient_scope"));
        let (head, body) = ask("https://registry-1.docker.io/v2/a/b/tags/list", true).unwrap();
        assert_eq!(head.status, 404);
        assert!(String::from_utf8_lossy(&body).contains("NAME_UNKNOWN"));
        assert_eq!(ask("https://ghcr.io/v2/", true), None);
    }
}
