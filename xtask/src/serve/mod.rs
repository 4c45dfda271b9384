//! A small web server for one person on one machine: `dist/` by GET, and the live engine by POST.
//!
//! ```text
//! request ──▶ guard (Host, and for /live Origin and token) ──▶ files | live
//! ```
//!
//! It listens on 127.0.0.1 alone, never reads outside of its folder, and runs nothing but the glassbox binary.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use tiny_http::{Header, Method, Request, Response};

mod files;
mod guard;
pub mod live;
mod session;

use guard::Guard;
use live::Engine;

/// The longest body that is read.
const BODY_BYTES_MAX: u64 = 64 * 1024;
const WORKERS: usize = 4;

type Reply = Response<std::io::Cursor<Vec<u8>>>;

/// The server, listening.
pub struct Server {
    http: Arc<tiny_http::Server>,
    site: Arc<Site>,
    port: u16,
}

struct Site {
    folder: PathBuf,
    guard: Guard,
    engine: Arc<Engine>,
}

impl Server {
    /// Listens on 127.0.0.1; port 0 takes a free one.
    pub fn start(port: u16, folder: PathBuf, engine: Arc<Engine>) -> Result<Server> {
        let http = tiny_http::Server::http(("127.0.0.1", port))
            .map_err(|error| anyhow!("cannot listen on 127.0.0.1:{port}: {error}; choose another with --port N, or --port 0"))?;
        let port = http.server_addr().to_ip().map_or(port, |address| address.port());
        Ok(Server { http: Arc::new(http), site: Arc::new(Site { folder, guard: Guard::new(port)?, engine }), port })
    }

    /// Where the page is, with the secret that lets it run commands. The part after `#` is not sent to any server.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/#live={}", self.port, self.site.guard.token())
    }

    /// Whether the live engine can be used, in words.
    pub fn engine(&self) -> String {
        self.site.engine.to_string()
    }

    /// Answers requests, several at a time, without end.
    pub fn serve(&self) -> Result<()> {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                let (http, site) = (Arc::clone(&self.http), Arc::clone(&self.site));
                std::thread::spawn(move || answer_all(&http, &site))
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a worker of the server panicked")))
    }
}

fn answer_all(http: &tiny_http::Server, site: &Site) {
    while let Ok(mut request) = http.recv() {
        let reply = answer(&mut request, site).with_header(header("X-Content-Type-Options", "nosniff"));
        let reply = reply.with_header(header("Cross-Origin-Resource-Policy", "same-origin"));
        // The browser may have gone meanwhile: nobody is left to tell.
        let _ = request.respond(reply.with_header(header("Referrer-Policy", "no-referrer")));
    }
}

fn answer(request: &mut Request, site: &Site) -> Reply {
    if let Err(why) = site.guard.host(request) {
        return text(403, why);
    }
    let path = request.url().split(['?', '#']).next().unwrap_or_default().to_owned();
    match (request.method().clone(), path.as_str()) {
        (Method::Post, "/live" | "/live/start" | "/live/at") => live_reply(&path, request, site),
        (Method::Get | Method::Head, _) => file_reply(&path, site),
        _ => text(405, "only GET, and POST /live"),
    }
}

fn file_reply(path: &str, site: &Site) -> Reply {
    if files::lacks_its_slash(&site.folder, path) {
        return text(301, "moved").with_header(header("Location", &format!("{path}/")));
    }
    match files::read(&site.folder, path) {
        Some((bytes, mime)) => {
            Response::from_data(bytes).with_header(header("Content-Type", mime)).with_header(header("Cache-Control", "no-cache"))
        }
        None => text(404, "not found"),
    }
}

fn live_reply(path: &str, request: &mut Request, site: &Site) -> Reply {
    if let Err(why) = site.guard.live(request) {
        return text(403, why);
    }
    let mut body = String::new();
    if request.as_reader().take(BODY_BYTES_MAX + 1).read_to_string(&mut body).is_err() || body.len() as u64 > BODY_BYTES_MAX {
        return text(400, "the body is not text of at most 64 KiB");
    }
    let asked = serde_json::from_str::<serde_json::Value>(&body).unwrap_or_default();
    let answer = match (path, asked["line"].as_str()) {
        ("/live/at", _) => site.engine.at(&asked).to_string(),
        ("/live/start", Some(line)) => site.engine.start(line, &asked).to_string(),
        (_, Some(line)) => site.engine.run(line).to_string(),
        (_, None) => return text(400, "the body is not {\"line\": \"docker run …\"}"),
    };
    Response::from_data(answer.into_bytes()).with_header(header("Content-Type", "application/json"))
}

fn text(status: u16, what: &str) -> Reply {
    Response::from_string(format!("{what}\n"))
        .with_status_code(status)
        .with_header(header("Content-Type", "text/plain; charset=utf-8"))
}

#[expect(clippy::expect_used, reason = "names are constants, and values are ASCII: constants or the path of a request")]
fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("a valid header")
}

#[cfg(test)]
mod tests;
