//! Answers that say no, in dockerd's words (distribution: `registry/client/errors.go`, `registry/api/errcode`).

use serde::Deserialize;

use super::challenge::schemes;
use super::http::{Head, reason};
use super::request::WantedImage;
use crate::cli::quoted;
use crate::go_json;

/// So much of an answer that cannot be read is shown.
const SHOWN_BYTES_MAX: usize = 400;

/// An error of the distribution API: a code in capitals, and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// `MANIFEST_UNKNOWN`
    pub code: String,
    /// `manifest unknown`
    pub message: String,
}

impl ApiError {
    fn of(code: &str, message: &str) -> ApiError {
        ApiError { code: code.into(), message: message.into() }
    }

    /// `manifest unknown: manifest unknown`
    fn told(&self) -> String {
        format!("{}: {}", self.code.to_lowercase().replace('_', " "), self.message)
    }
}

/// What an answer without success says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// In the API's own words.
    Api(ApiError),
    /// In no words of the API.
    Other(String),
}

impl Refusal {
    /// Reads it off the answer.
    pub fn of(head: &Head, body: &[u8]) -> Refusal {
        let status = head.status;
        if !(400..500).contains(&status) {
            return Refusal::Other(format!(
                "received unexpected HTTP status: {}",
                format!("{status} {}", reason(status)).trim_end()
            ));
        }
        for scheme in schemes(head).iter().filter(|scheme| scheme.name == "bearer") {
            let (code, usual) = match scheme.parameter("error") {
                Some("invalid_token") => ("UNAUTHORIZED", "authentication required"),
                Some("insufficient_scope") => ("DENIED", "requested access to the resource is denied"),
                _ => continue,
            };
            return Refusal::Api(ApiError::of(code, scheme.parameter("error_description").unwrap_or(usual)));
        }
        of_body(status, body)
    }

    /// In words, without anything about what was wanted.
    pub fn told(&self) -> String {
        match self {
            Refusal::Api(error) => error.told(),
            Refusal::Other(words) => words.clone(),
        }
    }

    /// In dockerd's words where an image was to be pulled (`translatePullError`).
    pub fn of_pull(&self, wanted: &WantedImage) -> String {
        let Refusal::Api(error) = self else { return self.told() };
        let mut name = wanted.name.clone();
        let whole = name.familiar();
        (name.tag, name.digest) = (None, None);
        match error.code.as_str() {
            "DENIED" => {
                let name = name.familiar();
                let may = "repository does not exist or may require 'docker login'";
                format!("pull access denied for {name}, {may}: {}", error.told())
            }
            "MANIFEST_UNKNOWN" => format!("manifest for {whole} not found: {}", error.told()),
            "NAME_UNKNOWN" => format!("repository {} not found: {}", name.familiar(), error.told()),
            _ => error.told(),
        }
    }
}

/// dockerd's words of a pull, as a build tells them: BuildKit asks through containerd's client, without a visit to `/v2/` before.
pub fn in_a_build(words: &str, wanted: &WantedImage) -> String {
    let name = &wanted.name;
    if words.starts_with("pull access denied for ") {
        let may = "repository does not exist or may require authorization";
        return format!("pull access denied, {may}: server message: insufficient_scope: authorization failed");
    }
    if words.starts_with("manifest for ") || words.starts_with("repository ") && words.contains(" not found: ") {
        return format!("{name}: not found");
    }
    if words.starts_with("no matching manifest for ") {
        return "no match for platform in manifest: not found".to_string();
    }
    match words.strip_prefix("Get \"").and_then(|rest| rest.split_once("/v2/\": ")) {
        Some((base, why)) => {
            format!("failed to do request: Head \"{base}/v2/{}/manifests/{}\": {why}", name.path, wanted.target())
        }
        None => words.to_string(),
    }
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<Written>,
    #[serde(default)]
    details: Option<String>,
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

fn of_body(status: u16, body: &[u8]) -> Refusal {
    let unreadable = |why: &str| {
        let shown = String::from_utf8_lossy(body.get(..SHOWN_BYTES_MAX).unwrap_or(body)).into_owned();
        match status {
            401 => Refusal::Api(ApiError::of("UNAUTHORIZED", "authentication required")),
            _ => Refusal::Other(format!("error parsing HTTP {status} response body: {why}: {}", quoted(&shown))),
        }
    };
    let read: Errors = match serde_json::from_slice(body) {
        Ok(read) => read,
        Err(_) => return unreadable(&go_reason(body)),
    };
    if let Some(details) = read.details.filter(|details| !details.is_empty()) {
        let code = match status {
            401 => "UNAUTHORIZED",
            403 => "DENIED",
            429 => "TOOMANYREQUESTS",
            _ => "UNKNOWN",
        };
        return Refusal::Api(ApiError::of(code, &details));
    }
    match read.errors.first() {
        Some(error) => {
            let known = error.code.to_lowercase().replace('_', " ");
            let message = if error.message.is_empty() { &known } else { &error.message };
            Refusal::Api(ApiError::of(if error.code.is_empty() { "UNKNOWN" } else { &error.code }, message))
        }
        None => unreadable("no error details found in HTTP response body"),
    }
}

/// What Go's JSON reader says of something that is not what was wanted.
pub(super) fn go_reason(body: &[u8]) -> String {
    match go_json::read(body) {
        Err(wrong) => wrong.words,
        Ok(value) => format!("json: cannot unmarshal {} into Go value", go_json::kind(&value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::image::Platform;
    use crate::reference::Reference;

    fn pull(status: u16, fields: &[(&str, &str)], body: &str) -> String {
        let wanted = WantedImage { name: Reference::parse("nosuch:1").unwrap(), platform: Platform::default() };
        Refusal::of(&Head::of(status, fields), body.as_bytes()).of_pull(&wanted)
    }

    #[test]
    fn a_build_says_it_otherwise() {
        let wanted = WantedImage { name: Reference::parse("nosuch:1").unwrap(), platform: Platform::default() };
        let told = |words: &str| in_a_build(words, &wanted);
        assert!(
            told("pull access denied for nosuch, x")
                .starts_with("pull access denied, repository does not exist or may require auth")
        );
        assert_eq!(told("manifest for nosuch:1 not found: manifest unknown"), "docker.io/library/nosuch:1: not found");
        let asked = "failed to do request: Head \"http://a:1/v2/library/nosuch/manifests/1\": dial tcp";
        assert_eq!(told("Get \"http://a:1/v2/\": dial tcp"), asked);
        assert_eq!(told("something else"), "something else");
    }

    #[test]
    fn refusals_are_dockers() {
        let denied = r#"Bearer realm="https://a/t",service="s",scope="x",error="insufficient_scope""#;
        let words = "pull access denied for nosuch, repository does not exist or may require 'docker login': denied: requested access to \
                     the resource is denied";
        assert_eq!(pull(401, &[("www-authenticate", denied)], "{}"), words);
        let unknown = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{}}]}"#;
        assert_eq!(pull(404, &[], unknown), "manifest for nosuch:1 not found: manifest unknown: manifest unknown");
        let limit = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}"#;
        assert_eq!(pull(429, &[], limit), "toomanyrequests: You have reached your pull rate limit.");
        let html = "error parsing HTTP 404 response body: invalid character '<' looking for beginning of value: \"<html>\"";
        assert_eq!(pull(404, &[], "<html>"), html);
        assert_eq!(pull(401, &[], "<html>"), "unauthorized: authentication required");
        assert_eq!(pull(503, &[], ""), "received unexpected HTTP status: 503 Service Unavailable");
        assert_eq!(pull(403, &[], r#"{"details":"no"}"#).split(": ").last(), Some("no"));
        assert!(pull(400, &[], "{}").contains("no error details found"));
    }
}
