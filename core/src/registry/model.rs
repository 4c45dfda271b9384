//! A modelled registry: what the model kernel's machine reaches instead of the Internet. It answers the requests that a real one would get
//! from an [`Offer`], by the OCI distribution specification; what it has is modelled, and whoever shows its answers says so.

use super::http::{Head, Method, Url};
use crate::oci::digest;

/// What a modelled registry has to give. Repositories are named as in URLs: `library/alpine`, `grafana/grafana`.
pub trait Offer {
    /// The manifest or the index that a tag (`latest`, `3.20`) or a digest (`sha256:…`) leads to. The same bytes every time.
    fn manifest(&self, repository: &str, reference: &str) -> Option<Document>;
    /// A configuration or a layer, by the digest of these bytes.
    fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>>;
    /// The tags of a repository, sorted; none: there is no such repository.
    fn tags(&self, repository: &str) -> Vec<String>;
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

/// What the registry answers to a request for `url`.
pub fn answer(offer: &dyn Offer, method: Method, url: &str) -> (Head, Vec<u8>) {
    let Some(rest) = Url::parse(url).and_then(|url| url.path.strip_prefix("/v2/").map(str::to_string)) else {
        return error(404, "NOT_FOUND", "page not found");
    };
    if rest.is_empty() {
        return (Head::of(200, &[("content-type", "application/json"), VERSION]), b"{}".to_vec());
    }
    let (mut head, body) = looked_up(offer, &rest);
    head.fields.push(("content-length".into(), body.len().to_string()));
    (head, if method == Method::Head { Vec::new() } else { body })
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
            None if offer.tags(repository).is_empty() => error(401, "UNAUTHORIZED", "authentication required"),
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
    fn it_answers_as_the_specification_says() {
        let (head, body) = answer(&Empty, Method::Get, "https://registry-1.docker.io/v2/");
        assert_eq!((head.status, body.as_slice()), (200, b"{}".as_slice()));
        let (head, body) = answer(&Empty, Method::Get, "https://registry-1.docker.io/v2/a/b/tags/list");
        assert_eq!(head.status, 404);
        assert!(String::from_utf8_lossy(&body).contains("NAME_UNKNOWN"));
        assert!(answer(&Empty, Method::Head, "https://registry-1.docker.io/v2/a/blobs/sha256:00").1.is_empty());
    }
}
