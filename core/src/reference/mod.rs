//! Names of images, as Docker reads them: `toolbox` means `docker.io/library/toolbox`, with `latest` where no tag is given.
//!
//! The grammar is that of the OCI distribution references: `[domain/]path[:tag][@digest]`, with Docker's rule of what the first part
//! of a familiar name is, and Docker's words for a refusal. Used by `cli` for the image of `run`, by the store for its keys.

mod grammar;

use std::fmt;

use serde::{Deserialize, Serialize};

use grammar::{is_digest, is_path};
pub(crate) use grammar::{is_domain, is_tag};

/// The registry that is meant where none is named.
pub const DEFAULT_DOMAIN: &str = "docker.io";
/// Where the official images are, which have a name of one part.
pub const OFFICIAL_PREFIX: &str = "library/";
/// The tag that is meant where neither tag nor digest is given.
pub const DEFAULT_TAG: &str = "latest";
/// The longest path, in bytes.
pub const PATH_BYTES_MAX: usize = 255;

/// The full name of an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The registry: `docker.io`, `localhost:5000`.
    pub domain: String,
    /// The repository in it: `library/toolbox`.
    pub path: String,
    /// The tag as given.
    pub tag: Option<String>,
    /// The digest as given: `sha256:…`.
    pub digest: Option<String>,
}

/// What `run` takes: a name, or an image's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyReference {
    /// A name.
    Named(Reference),
    /// The digest of an image's config, `sha256:…`.
    Id(String),
}

/// Why a text is no reference; the display is Docker's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Something that the grammar does not have.
    #[error("invalid reference format")]
    Format,
    /// A familiar name with a capital letter; the path is shown.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    Uppercase(String),
    /// The same where only the whole, in lower case, would be right.
    #[error("repository name must be lowercase")]
    UppercaseName,
    /// A path beyond `PATH_BYTES_MAX`.
    #[error("repository name must not be more than {PATH_BYTES_MAX} characters")]
    TooLong,
    /// 64 hexadecimal digits could be an id.
    #[error("invalid repository name ({0}), cannot specify 64-byte hexadecimal strings")]
    HexName(String),
    /// A digest of an algorithm that nobody knows.
    #[error("unsupported digest algorithm")]
    DigestAlgorithm,
    /// A digest with too many or too few digits.
    #[error("invalid checksum digest length")]
    DigestLength,
    /// A digest with capital letters.
    #[error("invalid checksum digest format")]
    DigestFormat,
}

/// A name as people write it; what is no name stays as it is.
pub fn familiar(name: &str) -> String {
    Reference::parse(name).map_or_else(|_| name.to_string(), |name| name.familiar())
}

impl Reference {
    /// Reads a name as typed: `toolbox`, `ghcr.io/team/app:1@sha256:…`.
    pub fn parse(text: &str) -> Result<Reference, ReferenceError> {
        if is_hex_id(text) {
            return Err(ReferenceError::HexName(text.to_string()));
        }
        let (domain, remainder) = split_domain(text);
        let path = remainder.split(':').next().unwrap_or_default();
        if path.to_lowercase() != path {
            return Err(ReferenceError::Uppercase(path.to_string()));
        }
        Reference::parse_full(&format!("{domain}/{remainder}"))
    }

    /// Reads a name or an id: 64 hexadecimal digits, or `sha256:` and these.
    pub fn parse_any(text: &str) -> Result<AnyReference, ReferenceError> {
        if is_hex_id(text) {
            return Ok(AnyReference::Id(format!("sha256:{text}")));
        }
        match check_digest(text) {
            Ok(()) => Ok(AnyReference::Id(text.to_string())),
            Err(_) => Reference::parse(text).map(AnyReference::Named),
        }
    }

    fn parse_full(full: &str) -> Result<Reference, ReferenceError> {
        let Some((name, tag, digest)) = split_full(full) else {
            return Err(match split_full(&full.to_lowercase()) {
                Some(_) => ReferenceError::UppercaseName,
                None => ReferenceError::Format,
            });
        };
        let (domain, path) = name.split_once('/').filter(|(domain, path)| is_domain(domain) && is_path(path)).unwrap_or(("", name));
        if path.len() > PATH_BYTES_MAX {
            return Err(ReferenceError::TooLong);
        }
        digest.map_or(Ok(()), check_digest)?;
        let owned = |part: Option<&str>| part.map(str::to_string);
        Ok(Reference { domain: domain.to_string(), path: path.to_string(), tag: owned(tag), digest: owned(digest) })
    }

    /// The name as people write it: without `docker.io/` and `library/`.
    pub fn familiar(&self) -> String {
        let path = match self.domain.as_str() {
            DEFAULT_DOMAIN => match self.path.strip_prefix(OFFICIAL_PREFIX) {
                Some(short) if !short.contains('/') => short.to_string(),
                _ => self.path.clone(),
            },
            "" => self.path.clone(),
            domain => format!("{domain}/{}", self.path),
        };
        self.with_suffixes(path)
    }

    /// The name with `latest` where neither tag nor digest was given.
    pub fn tagged(mut self) -> Reference {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_string());
        }
        self
    }

    fn with_suffixes(&self, mut name: String) -> String {
        for (mark, part) in [(':', &self.tag), ('@', &self.digest)] {
            if let Some(part) = part {
                name.push(mark);
                name.push_str(part);
            }
        }
        name
    }
}

/// The whole name: `docker.io/library/toolbox:latest`.
impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.domain.is_empty() { self.path.clone() } else { format!("{}/{}", self.domain, self.path) };
        formatter.write_str(&self.with_suffixes(name))
    }
}

fn is_hex_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The first part is a domain where it has a dot, a colon or a capital, or is `localhost`.
fn split_domain(text: &str) -> (String, String) {
    let named = text
        .split_once('/')
        .filter(|(first, _)| first.contains(['.', ':']) || *first == "localhost" || first.to_lowercase() != *first);
    let (domain, remainder) = match named {
        Some(("index.docker.io", rest)) => (DEFAULT_DOMAIN, rest),
        Some((domain, rest)) => (domain, rest),
        None => (DEFAULT_DOMAIN, text),
    };
    match domain == DEFAULT_DOMAIN && !remainder.contains('/') {
        true => (domain.to_string(), format!("{OFFICIAL_PREFIX}{remainder}")),
        false => (domain.to_string(), remainder.to_string()),
    }
}

/// Name, tag and digest, where the whole follows the grammar.
fn split_full(full: &str) -> Option<(&str, Option<&str>, Option<&str>)> {
    let (before, digest) = full.split_once('@').map_or((full, None), |(before, digest)| (before, Some(digest)));
    let slash = before.rfind('/').map_or(0, |at| at + 1);
    let colon = before.get(slash..)?.find(':').map(|at| slash + at);
    let (name, tag) = match colon {
        Some(at) => (before.get(..at)?, Some(before.get(at + 1..)?)),
        None => (before, None),
    };
    let with_domain = name.split_once('/').is_some_and(|(domain, path)| is_domain(domain) && is_path(path));
    let right = (with_domain || is_path(name)) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
    right.then_some((name, tag, digest))
}

/// A digest that can be computed: a known algorithm, as many digits as it has.
fn check_digest(digest: &str) -> Result<(), ReferenceError> {
    let (algorithm, digits) = digest.split_once(':').ok_or(ReferenceError::Format)?;
    let wanted = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Err(ReferenceError::DigestAlgorithm),
    };
    if digits.len() != wanted {
        return Err(ReferenceError::DigestLength);
    }
    let lower = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if lower { Ok(()) } else { Err(ReferenceError::DigestFormat) }
}

#[cfg(test)]
mod tests;
