use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::*;

/// A server over a folder with one page, whose engine is echo.
fn server() -> (Server, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("index.html"), "the page").unwrap();
    let engine = Engine::of("/bin/echo", Duration::from_secs(10));
    let server = Server::start(0, place.path().to_path_buf(), Arc::new(engine)).unwrap();
    let (http, site) = (Arc::clone(&server.http), Arc::clone(&server.site));
    std::thread::spawn(move || answer_all(&http, &site));
    (server, place)
}

fn ask(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.write_all(request.replace("PORT", &server.port.to_string()).replace('\n', "\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn post(server: &Server, headers: &str, body: &str) -> String {
    let head = format!("POST /live HTTP/1.1\nHost: 127.0.0.1:PORT\nConnection: close\nContent-Length: {}\n{headers}\n", body.len());
    ask(server, &(head + body))
}

#[test]
fn the_page_is_served_to_its_own_name_only() {
    let (server, _place) = server();
    let page = ask(&server, "GET / HTTP/1.1\nHost: 127.0.0.1:PORT\nConnection: close\n\n");
    assert!(page.starts_with("HTTP/1.1 200") && page.ends_with("the page") && page.contains("text/html"), "{page}");
    for host in ["evil.example:PORT", "127.0.0.1", "127.0.0.1:1"] {
        let refused = ask(&server, &format!("GET / HTTP/1.1\nHost: {host}\nConnection: close\n\n"));
        assert!(refused.starts_with("HTTP/1.1 403") && !refused.contains("the page"), "{host}: {refused}");
    }
    assert!(ask(&server, "GET /../x HTTP/1.1\nHost: localhost:PORT\nConnection: close\n\n").starts_with("HTTP/1.1 404"));
    assert!(ask(&server, "PUT / HTTP/1.1\nHost: localhost:PORT\nConnection: close\n\n").starts_with("HTTP/1.1 405"));
}

#[test]
fn the_engine_answers_our_own_page_with_the_secret_only() {
    let (server, _place) = server();
    let token = server.site.guard.token().to_owned();
    let body = r#"{"line": "docker run toolbox"}"#;
    let good = format!("Origin: http://127.0.0.1:PORT\nX-Glassbox-Token: {token}\n");
    let answer = post(&server, &good, body);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""stdout":"run toolbox\n""#), "{answer}");
    let refused = [
        format!("X-Glassbox-Token: {token}\n"),
        format!("Origin: http://evil.example\nX-Glassbox-Token: {token}\n"),
        "Origin: http://127.0.0.1:PORT\n".into(),
        "Origin: http://127.0.0.1:PORT\nX-Glassbox-Token: 00112233445566778899aabbccddeeff\n".into(),
    ];
    for headers in refused {
        assert!(post(&server, &headers, body).starts_with("HTTP/1.1 403"), "{headers}");
    }
    assert!(post(&server, &good, "line").starts_with("HTTP/1.1 400"));
    assert!(post(&server, &good, &"x".repeat(70_000)).starts_with("HTTP/1.1 400"));
}
