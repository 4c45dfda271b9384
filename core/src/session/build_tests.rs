//! Builds whose bases are not here: fetched from the modelled Docker Hub by the steps of `pull`.

use super::{Input, Session};
use crate::host::HostFacts;

/// What these commands have shown, with these files below `/ctx`.
fn shown(files: &[(&str, &str)], commands: &[&str]) -> String {
    let mut session = Session::new(HostFacts::example());
    for (name, text) in files {
        session.give(&Input::File { path: format!("/ctx/{name}"), text: Some((*text).to_string()) });
    }
    for command in commands {
        session.command(command);
    }
    session.world().output().iter().map(|chunk| chunk.text().into_owned()).collect()
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn bases_that_are_not_here_are_fetched_one_after_the_other() {
    let text = shown(
        &[(
            "Dockerfile",
            "FROM alpine:3.20 AS one\nFROM busybox\nCOPY --from=one /etc/alpine-release /\nCOPY --from=nginx:alpine /etc/nginx /nginx\n",
        )],
        &["docker build -t web /ctx", "docker build -t web /ctx", "docker images --format '{{.Repository}}:{{.Tag}}'"],
    );
    has(
        &text,
        &[
            "#2 [internal] load metadata for docker.io/library/alpine:3.20\n",
            "glassbox: modelled: registry-1.docker.io is a model here",
            "#2 resolve docker.io/library/alpine:3.20@sha256:",
            "#2 extracting sha256:",
            "#3 [internal] load metadata for docker.io/library/busybox:latest\n",
            "#4 [internal] load metadata for docker.io/library/nginx:alpine\n",
            "#5 [one 1/1] FROM docker.io/library/alpine:3.20\n",
            "#3 [stage-1 1/3] FROM docker.io/library/busybox:latest\n",
            "CACHED",
            "web:latest",
            "nginx:alpine",
        ],
    );
}

#[test]
fn what_is_not_at_the_registry_is_told_in_buildkits_words() {
    let denied = "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: \
                  authorization failed";
    let text = shown(&[("Dockerfile", "FROM alpnie\n")], &["docker build /ctx"]);
    has(
        &text,
        &[&format!("#2 ERROR: {denied}\n------\n > [internal] load metadata for docker.io/library/alpnie:latest:\n------\n")],
    );
    has(
        &text,
        &[&format!(
            "/ctx/Dockerfile:1\n--------------------\n   1 | >>> FROM alpnie\n   2 |     \n--------------------\nERROR: failed to build: failed to \
         solve: alpnie: failed to resolve source metadata for docker.io/library/alpnie:latest: {denied}\nglassbox: did you mean alpine?\n"
        )],
    );
    let text = shown(&[("Dockerfile", "FROM alpine:3.99\n")], &["docker build /ctx"]);
    has(
        &text,
        &[
            "alpine:3.99: failed to resolve source metadata for docker.io/library/alpine:3.99: docker.io/library/alpine:3.99: not found\n",
        ],
    );
    let text = shown(&[("Dockerfile", "FROM alpine AS make\nFROM alpine\nCOPY --from=mak /x /\n")], &["docker build /ctx"]);
    has(&text, &["Dockerfile:3\n", "mak: failed to resolve source metadata", denied, "glassbox: did you mean the stage make?\n"]);
}

#[test]
fn pull_asks_for_what_is_here_as_well() {
    let text = shown(&[("Dockerfile", "FROM toolbox\n")], &["docker build --pull /ctx"]);
    has(&text, &["toolbox: failed to resolve source metadata for docker.io/library/toolbox:latest: pull access denied"]);
    let text = shown(&[("Dockerfile", "FROM busybox\n")], &["docker build -q /ctx", "docker build --pull /ctx"]);
    has(&text, &["#2 [internal] load metadata for docker.io/library/busybox:latest\n", "#3 [1/1] FROM docker.io/library/busybox"]);
}

#[test]
fn a_plan_says_what_would_be_fetched() {
    let text = shown(&[("Dockerfile", "FROM busybox\nRUN true\n")], &["docker build --plan /ctx"]);
    has(
        &text,
        &[
            "2 Pull the image busybox:latest\n",
            "because: /ctx/Dockerfile:1 says `FROM busybox`.",
            "The rest is planned when the image is here",
        ],
    );
    assert!(!text.contains("2.4.1"), "{text}");
}

#[test]
fn triggers_of_a_base_may_name_further_images() {
    let text = shown(
        &[
            ("base/Dockerfile", "FROM busybox\nONBUILD COPY --from=alpine:3.20 /etc/alpine-release /\n"),
            ("Dockerfile", "FROM base\n"),
        ],
        &["docker build -q -t base /ctx/base", "docker build /ctx", "docker run --rm base true"],
    );
    has(
        &text,
        &["load metadata for docker.io/library/alpine:3.20", "[1/2] FROM docker.io/library/base:latest", "COPY --from=alpine:3.20"],
    );
}

#[test]
fn what_add_fetches_is_modelled_and_says_so() {
    let text = shown(
        &[(
            "Dockerfile",
            "FROM toolbox\nADD https://example.com/get.sh https://example.com/tool.tar.gz /opt/\nRUN ls -l /opt && cat /opt/get.sh\n",
        )],
        &["docker build /ctx", "docker build /ctx"],
    );
    has(
        &text,
        &[
            "glassbox: modelled: what https://example.com/get.sh would send is made up\n",
            "fetching https://example.com/tool.tar.gz done\n",
            "-rw-------",
            "# glassbox: modelled: what https://example.com/get.sh would send stands here",
            "CACHED",
        ],
    );
}

#[test]
fn repositories_are_made_up_and_said_to_be() {
    let add = "FROM toolbox\nADD https://example.com/team/app.git#v1 /src\nRUN ls /src\n";
    let text = shown(&[("Dockerfile", add)], &["docker build /ctx", "docker build /ctx"]);
    has(
        &text,
        &[
            "glassbox: modelled: which commit https://example.com/team/app.git has is made up\n",
            "glassbox: modelled: what https://example.com/team/app.git has at ",
            " README.md\n",
            "#3 [2/3] ADD https://example.com/team/app.git#v1 /src\n",
            "#3 CACHED\n",
        ],
    );
    let text = shown(&[], &["docker build https://example.com/team/app.git"]);
    has(&text, &["#1 [internal] load git source https://example.com/team/app.git\n", "failed to read dockerfile: open Dockerfile"]);
    let text = shown(&[("Dockerfile", "FROM toolbox\nADD git://127.0.0.1/app.git /src\n")], &["docker build /ctx"]);
    has(&text, &["failed to fetch remote git://127.0.0.1/app.git: git stderr:\nfatal: unable to connect to 127.0.0.1:\n"]);
    let text = shown(&[], &["docker build http://127.0.0.1:1/ctx.tar"]);
    has(&text, &["Get \"http://127.0.0.1:1/ctx.tar\": dial tcp 127.0.0.1:1: connect: connection refused"]);
    let text = shown(&[], &["docker build https://example.com/app.tar"]);
    has(&text, &["glassbox: modelled: what https://example.com/app.tar would send is made up\n"]);
}

/// Where FROM says for which platform, an image that is here for another one is no answer.
#[test]
fn a_base_is_for_the_platform_that_is_asked_for() {
    let file = "FROM --platform=linux/arm64 alpine:3.20\nCOPY Dockerfile /\n";
    let text = shown(&[("Dockerfile", file)], &["docker pull -q alpine:3.20", "docker build /ctx"]);
    has(
        &text,
        &[
            "for docker.io/library/alpine:3.20: no match for platform in manifest: not found\nglassbox: it is there for linux/amd64\n",
        ],
    );
    let own = shown(&[("Dockerfile", "FROM --platform=$BUILDPLATFORM toolbox\n")], &["docker build -q /ctx"]);
    has(&own, &["\nsha256:"]);
    let both = shown(
        &[("Dockerfile", "FROM --platform=linux/arm64 alpine AS a\nFROM alpine\nCOPY --from=a /etc/hostname /\n")],
        &["docker build /ctx"],
    );
    has(
        &both,
        &["alpine:latest is wanted for linux/arm64 and for linux/amd64, and here a name leads to one image\n", "Dockerfile:2\n"],
    );
}
