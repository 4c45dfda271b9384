//! Who may ask: requests that name this server as their host, and for the engine those of our own page that know the secret.
//!
//! The host's name is checked because a stranger's name can be made to resolve to 127.0.0.1 (DNS rebinding); the origin because
//! any page that a browser has open can post to this address; the secret because other users of this machine can, too.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};
use tiny_http::Request;

/// Header with the secret.
pub const TOKEN_HEADER: &str = "X-Glassbox-Token";
const TOKEN_BYTES: usize = 16;

/// The names of this server, and the secret.
pub struct Guard {
    hosts: [String; 2],
    token: String,
}

impl Guard {
    /// A guard of the server at `port`, with a new secret.
    pub fn new(port: u16) -> Result<Guard> {
        let mut bytes = [0; TOKEN_BYTES];
        File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut bytes))
            .context("no random bytes for the secret")?;
        let token = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Guard { hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}")], token })
    }

    /// The secret.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The request means this server, and not a name that only resolves to it.
    pub fn host(&self, request: &Request) -> Result<(), &'static str> {
        let host = value(request, "Host").unwrap_or_default();
        if self.hosts.contains(&host) { Ok(()) } else { Err("this server is 127.0.0.1 or localhost, nothing else") }
    }

    /// The request comes from our own page, and the page was opened with the secret.
    pub fn live(&self, request: &Request) -> Result<(), &'static str> {
        let origin = value(request, "Origin").unwrap_or_default();
        if !self.hosts.iter().any(|host| origin == format!("http://{host}")) {
            return Err("the live engine answers its own page only");
        }
        let token = value(request, TOKEN_HEADER).unwrap_or_default();
        if same(token.as_bytes(), self.token.as_bytes()) {
            Ok(())
        } else {
            Err("open the page by the address that `cargo xtask play` printed")
        }
    }
}

fn value(request: &Request, name: &str) -> Option<String> {
    let mut values = request.headers().iter().filter(|header| header.field.as_str().as_str().eq_ignore_ascii_case(name));
    let first = values.next()?.value.to_string();
    values.next().is_none().then_some(first)
}

/// Compares without telling by its time how much was right.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
