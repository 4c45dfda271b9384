//! Images of the catalogue at work in the model.

use crate::host::HostFacts;
use crate::session::{Input, Session, Stream, TIMELINE_STEPS_MAX, joined};

/// What the caller sees of these commands, and the last one's exit code.
fn shown(lines: &[&str]) -> (String, i32) {
    let mut session = Session::new(HostFacts::example());
    for line in lines {
        session.command(line);
    }
    let chunks = joined(session.world().output().iter().filter(|chunk| chunk.stream != Stream::Prompt));
    (chunks.iter().map(|chunk| chunk.text().into_owned()).collect(), session.world().exit_code())
}

#[test]
fn a_container_of_an_image_of_the_catalogue_runs() {
    let (text, code) =
        shown(&["docker run --rm alpine:3.19 cat /etc/alpine-release", "docker run --rm debian ls -l /bin/sh /usr/bin/dash"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("3.19.9"), "{text}");
    assert!(text.contains("125640"), "{text}");
    let (text, _) = shown(&["docker run --rm hello-world", "docker images"]);
    assert!(text.contains("glassbox: modelled: hello") && text.contains("Hello from Docker!"), "{text}");
    assert!(text.contains("hello-world"), "{text}");
}

/// What a build of this Dockerfile, with these files beside it, shows, and what the commands after it show.
pub(crate) fn built(files: &[(&str, &str)], after: &[&str]) -> (String, i32) {
    let mut session = Session::new(HostFacts::example());
    for (name, text) in files {
        session.command(&format!("docker run -i --rm -v /ctx:/ctx toolbox sh -c 'cat > /ctx/{name}'"));
        session.give(&Input::Bytes(text.as_bytes().to_vec()));
        session.give(&Input::End);
        session.run(TIMELINE_STEPS_MAX);
    }
    let lines = std::iter::once("docker build -t it /ctx").chain(after.iter().copied());
    let mut code = 0;
    for line in lines {
        session.command(line);
        code = code.max(session.world().exit_code());
    }
    let chunks = joined(session.world().output().iter().filter(|chunk| chunk.stream != Stream::Prompt));
    (chunks.iter().map(|chunk| chunk.text().into_owned()).collect(), code)
}

#[test]
fn packages_are_installed_and_lists_of_them_are_files() {
    let dockerfile = "FROM debian:bookworm-slim\nRUN apt-get update && apt-get install -y --no-install-recommends curl git\nRUN rm -rf /var/lib/apt/lists/*\n";
    let (text, code) =
        built(&[("Dockerfile", dockerfile)], &["docker history it", "docker run --rm it ls /usr/bin/git /var/lib/apt/lists"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Setting up git (1:2.39.5"), "{text}");
    assert!(text.contains("glassbox: modelled: apt-get"), "{text}");
    assert!(text.contains("/usr/bin/git"), "{text}");
}

#[test]
fn what_no_list_has_is_not_found() {
    let (text, code) = built(&[("Dockerfile", "FROM debian:bookworm-slim\nRUN apt-get install -y curl\n")], &[]);
    assert!(text.contains("E: Unable to locate package curl") && code != 0, "{text}");
    let (text, code) =
        built(&[("Dockerfile", "FROM debian:bookworm-slim\nRUN apt-get update && apt-get install -y nosuchthing\n")], &[]);
    assert!(text.contains("E: Unable to locate package nosuchthing") && text.contains("exit code: 100") && code == 1, "{text}");
    let (text, _) = built(&[("Dockerfile", "FROM alpine:3.19\nRUN apk add --no-cache nosuchthing\n")], &[]);
    assert!(text.contains("  nosuchthing (no such package):\n") || text.contains("nosuchthing (no such package):"), "{text}");
    let (text, _) = built(&[("Dockerfile", "FROM alpine:3.19\nRUN apt-get update\n")], &[]);
    assert!(text.contains("apt-get: not found") && text.contains("exit code: 127"), "{text}");
}

#[test]
fn users_are_made_and_own_files() {
    let dockerfile = "FROM debian:bookworm-slim\nRUN groupadd -r app && useradd -r -g app -m -s /bin/sh app\nRUN mkdir /data && chown -R app:app /data\nUSER app\n";
    let (text, code) =
        built(&[("Dockerfile", dockerfile)], &["docker run --rm it sh -c 'id -un; ls -ld /data; touch /data/x && echo wrote'"]);
    assert!(code == 0 && text.contains("wrote") && text.contains("app"), "{text}");
    let dockerfile =
        "FROM alpine\nRUN addgroup -S app && adduser -S -D -H -G app app && apk add --no-cache curl\nUSER app\nRUN apk add git\n";
    let (text, _) = built(&[("Dockerfile", dockerfile)], &[]);
    assert!(text.contains("ERROR: Unable to lock database: Permission denied"), "{text}");
}
