//! `daemon.json`: mirrors of Docker Hub, which are asked before it, and registries whose certificates nobody vouches for; against Debian's
//! docker-registry on loopback. Docker Hub itself is never reached: where it would be asked, there is no network.

// What serves hostile images, and what runs skopeo.
#[allow(dead_code)]
mod served;

use std::fs;

use anyhow::{Result, ensure};
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{Ended, Engine, has_program, skip};
use served::{Hostile, NAMED, Registry, name_this_machine, put_toolbox};

fn is_ready(test: &str) -> bool {
    let missing = ["docker-registry", "skopeo", "htpasswd", "openssl"].into_iter().find(|program| !has_program(program));
    if let Some(program) = missing {
        skip(&format!("{test}: no {program}"));
    }
    missing.is_none()
}

fn has(text: &str, wanted: &str) -> Result<()> {
    ensure!(text.contains(wanted), "no {wanted:?} in:\n{text}");
    Ok(())
}

/// An engine with this `daemon.json` of its own.
fn engine(settings: &str) -> Result<Engine> {
    let engine = Engine::new()?;
    fs::create_dir_all(engine.root())?;
    fs::write(engine.root().join("daemon.json"), settings)?;
    Ok(engine)
}

/// Without any network.
fn alone(engine: &Engine, words: &[&str]) -> Result<Ended> {
    let binary = engine.binary().to_string_lossy().into_owned();
    Ok(engine.program("unshare", &[&["--net", binary.as_str()], words].concat()).output()?.into())
}

fn is_whole(engine: &Engine) -> Result<()> {
    let store = engine.run("fsck")?;
    ensure!(store.code == Some(0) && !store.stdout.contains("unused: "), "{store:?}");
    Ok(())
}

#[test]
fn a_mirror_is_asked_before_docker_hub() -> Result<()> {
    apart("a_mirror_is_asked_before_docker_hub", || {
        if !is_ready("mirror") {
            return Ok(());
        }
        let mirror = Registry::start(None)?;
        put_toolbox(&mirror, "library/app:1")?;
        // The first one has gone.
        let engine = engine(&format!(r#"{{"registry-mirrors": ["http://127.0.0.1:1", "{}/"]}}"#, mirror.base()))?;
        let pulled = engine.succeed("pull app:1")?;
        ensure!(pulled.stderr.is_empty(), "{}", pulled.stderr);
        ensure!(pulled.stdout.starts_with("1: Pulling from library/app\n"), "{}", pulled.stdout);
        ensure!(
            pulled.stdout.ends_with("\nStatus: Downloaded newer image for app:1\ndocker.io/library/app:1\n"),
            "{}",
            pulled.stdout
        );
        ensure!(engine.succeed("run --rm --network none app:1 echo here")?.stdout == "here\n");
        has(&engine.succeed("pull app:1")?.stdout, "Status: Image is up to date for app:1\n")?;
        let explained = engine.succeed("--explain pull app:1")?;
        let told = explained.stdout + &explained.stderr;
        has(&told, "http://127.0.0.1:1/v2/: the mirror is given up: ")?;
        has(&told, "connection refused")?;
        has(&told, "2 mirrors of Docker Hub")?;
        ensure!(!told.contains("registry-1.docker.io"), "Docker Hub was asked:\n{told}");
        is_whole(&engine)
    })
}

/// It gives the configuration and then another layer than it should: nothing of that stays.
#[test]
fn a_mirror_that_fails_in_the_middle_is_given_up() -> Result<()> {
    apart("a_mirror_that_fails_in_the_middle_is_given_up", || {
        if !is_ready("given up") {
            return Ok(());
        }
        let (hostile, mirror) = (Hostile::start("wrong-layer")?, Registry::start(None)?);
        put_toolbox(&mirror, "library/app:1")?;
        let engine = engine(&format!(r#"{{"registry-mirrors": ["http://{}", "{}"]}}"#, hostile.authority(), mirror.base()))?;
        let pulled = engine.succeed("pull app:1")?;
        ensure!(pulled.stdout.matches("1: Pulling from library/app\n").count() == 2, "{}", pulled.stdout);
        ensure!(hostile.asked().iter().any(|line| line.contains("/blobs/")), "{:?}", hostile.asked());
        ensure!(engine.succeed("run --rm --network none app:1 echo here")?.stdout == "here\n");
        is_whole(&engine)
    })
}

#[test]
fn docker_hub_is_asked_where_no_mirror_has_the_image() -> Result<()> {
    apart("docker_hub_is_asked_where_no_mirror_has_the_image", || {
        let engine = engine(r#"{"registry-mirrors": ["http://127.0.0.1:1"]}"#)?;
        let refused = alone(&engine, &["pull", "app:1"])?;
        has(
            &refused.stderr,
            "Error response from daemon: Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io",
        )?;
        ensure!(refused.code == Some(1), "{refused:?}");
        is_whole(&engine)
    })
}

/// What is kept for Docker Hub is shown to Docker Hub alone.
#[test]
fn a_mirror_is_not_shown_docker_hubs_login() -> Result<()> {
    apart("a_mirror_is_not_shown_docker_hubs_login", || {
        if !is_ready("login") {
            return Ok(());
        }
        let mirror = Registry::start(Some(("ann", "secret")))?;
        put_toolbox(&mirror, "library/app:1")?;
        let engine = engine(&format!(r#"{{"registry-mirrors": ["{}"]}}"#, mirror.base()))?;
        let directory = engine.scratch().join("docker");
        fs::create_dir(&directory)?;
        let pull = |server: &str| -> Result<Ended> {
            let config = format!(r#"{{"auths": {{"{server}": {{"auth": "YW5uOnNlY3JldA=="}}}}}}"#);
            fs::write(directory.join("config.json"), config)?;
            // Where Docker Hub is asked, nobody passes it on.
            let mut command = engine.command(&["--explain", "pull", "app:1"]);
            Ok(command.env("DOCKER_CONFIG", &directory).env("HTTPS_PROXY", "http://127.0.0.1:1").output()?.into())
        };
        let hubs = pull("https://index.docker.io/v1/")?;
        ensure!(hubs.code == Some(1), "{hubs:?}");
        has(&format!("{}{}", hubs.stdout, hubs.stderr), "no basic auth credentials")?;
        let own = pull(&mirror.authority())?;
        ensure!(own.code == Some(0), "{own:?}");
        Ok(())
    })
}

#[test]
fn what_is_wrong_in_daemon_json_is_told_with_its_place() -> Result<()> {
    apart("what_is_wrong_in_daemon_json_is_told_with_its_place", || {
        for (settings, words, place) in [
            (
                "{\n  \"registry-mirrors\": [\"https://a.example\",]\n}",
                "invalid JSON: invalid character ']' looking for",
                "line 2, column 44",
            ),
            (
                "{\"registry-mirrors\": [\"a.example\"]}",
                "invalid mirror: no scheme specified for \"a.example\"",
                "line 1, column 23",
            ),
            ("{\"mirrors\": []}", "the following directives don't match any configuration option: mirrors\n", "line 1, column 2"),
        ] {
            let engine = engine(settings)?;
            let refused = engine.run("pull 127.0.0.1:1/app")?;
            let file = engine.root().join("daemon.json").display().to_string();
            let begins = format!("Error response from daemon: unable to configure the Docker daemon with file {file}: ");
            has(&refused.stderr, &begins)?;
            has(&refused.stderr, words)?;
            has(&refused.stderr, &format!("glassbox: that is in {place} of {file}\n"))?;
            ensure!(refused.code == Some(1), "{refused:?}");
        }
        Ok(())
    })
}

#[test]
fn an_insecure_registry_speaks_http_or_shows_any_certificate() -> Result<()> {
    apart("an_insecure_registry_speaks_http_or_shows_any_certificate", || {
        if !is_ready("insecure") {
            return Ok(());
        }
        name_this_machine()?;
        for (registry, why) in [
            (Registry::start(None)?, "http: server gave HTTP response to HTTPS client"),
            (Registry::private()?, "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
        ] {
            let (authority, plain) = (registry.authority().replace("127.0.0.1", NAMED), Engine::new()?);
            let name = format!("{authority}/app:1");
            plain.succeed(&format!("tag toolbox {name}"))?;
            let refused = plain.run(&format!("push {name}"))?;
            has(&refused.stderr, &format!("Get \"https://{authority}/v2/\": {why}"))?;
            let named = engine(&format!(r#"{{"insecure-registries": ["{authority}"]}}"#))?;
            named.succeed(&format!("tag toolbox {name}"))?;
            has(&named.succeed(&format!("push {name}"))?.stdout, ": Pushed\n")?;
            let other = engine(&format!(r#"{{"insecure-registries": ["http://{authority}"]}}"#))?;
            other.succeed(&format!("pull {name}"))?;
            ensure!(other.succeed(&format!("run --rm --network none {name} echo here"))?.stdout == "here\n");
            // On this machine itself any certificate will do, as with dockerd.
            has(&Engine::new()?.succeed(&format!("pull {}", registry.name("app:1")))?.stdout, "Status: Downloaded")?;
        }
        Ok(())
    })
}

/// Docker's own file counts where there is none of ours.
#[test]
fn dockers_file_counts_where_there_is_none_of_ours() -> Result<()> {
    apart("dockers_file_counts_where_there_is_none_of_ours", || {
        let engine = Engine::new()?;
        fs::create_dir_all("/etc/docker")?;
        let status = engine.program("mount", &["-t", "tmpfs", "tmpfs", "/etc/docker"]).status()?;
        ensure!(status.success(), "mount: {status}");
        fs::write("/etc/docker/daemon.json", r#"{"debug": true, "registry-mirrors": ["ftp://a"]}"#)?;
        let refused = engine.run("pull 127.0.0.1:1/app")?;
        has(&refused.stderr, "unable to configure the Docker daemon with file /etc/docker/daemon.json: ")?;
        has(&refused.stderr, "invalid mirror: unsupported scheme \"ftp\" in \"ftp://a\"")?;
        fs::create_dir_all(engine.root())?;
        fs::write(engine.root().join("daemon.json"), "{}")?;
        has(&engine.run("pull 127.0.0.1:1/app")?.stderr, "connection refused")
    })
}
