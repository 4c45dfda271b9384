//! Images of the catalogue at work in the model.

use crate::host::HostFacts;
use crate::session::{Session, Stream, joined};

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
