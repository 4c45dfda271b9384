//! A registry on loopback that takes blobs, and answers none before so many are on their way at once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

const PATIENCE: Duration = Duration::from_secs(60);

/// Blobs that are on their way.
#[derive(Default)]
struct Gate {
    /// Now, and at most so far.
    under_way: Mutex<(usize, usize)>,
    changed: Condvar,
    wanted: usize,
}

/// The registry; its threads end with the test.
pub struct Taking {
    port: u16,
    gate: Arc<Gate>,
}

impl Taking {
    /// Blobs are taken as soon as so many of them have come at once.
    pub fn start(wanted: usize) -> Result<Taking> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let gate = Arc::new(Gate { wanted, ..Gate::default() });
        let taking = Taking { port, gate: gate.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let gate = gate.clone();
                // What the other side does not wait for fails.
                std::thread::spawn(move || drop(served(stream, &gate)));
            }
        });
        Ok(taking)
    }

    /// `127.0.0.1:5000`
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How many blobs were on their way at once, at most.
    pub fn most(&self) -> usize {
        self.gate.under_way.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

impl Gate {
    /// Until enough are under way. `false`: they are not.
    fn pass(&self) -> bool {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.0 += 1;
        under_way.1 = under_way.1.max(under_way.0);
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(under_way, PATIENCE, |(_, most)| *most < self.wanted);
        let (mut under_way, _) = waited.unwrap_or_else(PoisonError::into_inner);
        under_way.0 -= 1;
        under_way.1 >= self.wanted
    }
}

fn served(mut stream: TcpStream, gate: &Gate) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut lines, mut length) = (Vec::new(), 0_u64);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(bytes) = line.to_lowercase().strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap_or_default();
        }
        lines.push(line);
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let first = lines.first().map(String::as_str).unwrap_or_default();
    let (status, location) = match first.split(' ').next().unwrap_or_default() {
        "GET" => ("200 OK", ""),
        "HEAD" => ("404 Not Found", ""),
        "POST" => ("202 Accepted", "Location: /upload\r\n"),
        _ if first.contains("/manifests/") || gate.pass() => ("201 Created", ""),
        _ => ("500 Internal Server Error", ""),
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n{location}\r\n");
    stream.write_all(answer.as_bytes())
}
