//! `--progress rawjson`: a line of JSON for each change, as buildx writes what BuildKit's control API tells (`SolveStatus`).
//!
//! ```text
//! {"vertexes":[{"digest":"sha256:…","name":"[2/2] RUN make","started":"…","completed":"…","cached":true,"error":"…"}]}
//! {"statuses":[{"id":"extracting","vertex":"sha256:…","current":0,"timestamp":"…","started":"…","completed":"…"}]}
//! {"logs":[{"vertex":"sha256:…","stream":1,"data":"…","timestamp":"…"}]}
//! ```
//! `data` is base64; times are RFC 3339.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::oci::digest;
use crate::registry::base64;
use crate::view::inspect::timestamp;

/// The part at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Vertex {
    digest: String,
    name: String,
    started: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    completed: String,
    #[serde(skip_serializing_if = "is_false")]
    cached: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
}

#[derive(Serialize)]
struct Status<'a> {
    id: &'a str,
    vertex: &'a str,
    current: u64,
    timestamp: &'a str,
    started: &'a str,
    completed: &'a str,
}

#[derive(Serialize)]
struct Log<'a> {
    vertex: &'a str,
    stream: u8,
    data: String,
    timestamp: String,
}

/// One of them is filled.
#[derive(Default, Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vertexes: Vec<&'a Vertex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    statuses: Vec<Status<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logs: Vec<Log<'a>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

fn line(line: &Line<'_>) -> String {
    serde_json::to_string(line).map(|text| text + "\n").unwrap_or_default()
}

impl Vertex {
    pub(super) fn begin(&mut self, number: u32, name: &str, at_ns: u64) -> String {
        let digest = digest::in_words(&Sha256::digest(format!("{number} {name}").as_bytes()));
        *self = Vertex { digest, name: name.to_string(), started: timestamp(at_ns), ..Vertex::default() };
        self.told()
    }

    pub(super) fn end(&mut self, cached: bool, error: &str, at_ns: u64) -> String {
        (self.cached, self.completed) = (cached, timestamp(at_ns));
        self.error = error.to_string();
        self.told()
    }

    fn told(&self) -> String {
        line(&Line { vertexes: vec![self], ..Line::default() })
    }

    pub(super) fn status(&self, text: &str, at_ns: u64) -> String {
        let at = timestamp(at_ns);
        let status = Status { id: text, vertex: &self.digest, current: 0, timestamp: &at, started: &at, completed: &at };
        line(&Line { statuses: vec![status], ..Line::default() })
    }

    pub(super) fn log(&self, bytes: &[u8], at_ns: u64) -> String {
        let log = Log { vertex: &self.digest, stream: 1, data: base64::encode(bytes), timestamp: timestamp(at_ns) };
        line(&Line { logs: vec![log], ..Line::default() })
    }
}
