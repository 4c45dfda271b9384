//! Registries of the model's machine: `daemon.json`, mirrors of Docker Hub, and Docker Hub itself.

use super::{Input, Session};
use crate::host::HostFacts;

/// What is told of these commands, with this `daemon.json` of Docker's.
fn run(settings: &str, commands: &[&str]) -> String {
    let mut session = Session::new(HostFacts::example());
    session.give(&Input::File { path: "/etc/docker/daemon.json".into(), text: Some(settings.to_string()) });
    for command in commands {
        session.command(command);
    }
    session.world().output().iter().map(|chunk| chunk.text().into_owned()).collect()
}

#[test]
fn a_mirror_is_asked_before_docker_hub() {
    let told = run(r#"{"registry-mirrors": ["https://mirror.gcr.io"]}"#, &["docker pull alpine"]);
    assert!(told.contains("glassbox: modelled: mirror.gcr.io is a model here"), "{told}");
    assert!(!told.contains("registry-1.docker.io"), "{told}");
    assert!(told.ends_with("Status: Downloaded newer image for alpine:latest\ndocker.io/library/alpine:latest\n"), "{told}");
}

#[test]
fn where_no_mirror_answers_docker_hub_is_asked() {
    let told = run(r#"{"registry-mirrors": ["https://nobody.example", "http://127.0.0.1:5000"]}"#, &["docker pull -q alpine"]);
    assert_eq!(
        told,
        "$ docker pull -q alpine\nglassbox: modelled: registry-1.docker.io is a model here, and so are the files of its images\ndocker.io/library/alpine:latest\n"
    );
}

#[test]
fn what_is_wrong_in_it_is_told_in_dockerds_words() {
    let told = run("{\"registry-mirrors\": [\n\"alpine\"]}", &["docker pull alpine"]);
    let words = "unable to configure the Docker daemon with file /etc/docker/daemon.json: merged configuration validation from file and \
                 command line flags failed: invalid mirror: no scheme specified for \"alpine\"";
    assert!(told.contains(words), "{told}");
    assert!(told.contains("glassbox: that is in line 2, column 1 of /etc/docker/daemon.json\n"), "{told}");
}
