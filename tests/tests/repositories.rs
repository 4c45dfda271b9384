//! `ADD` of git repositories, and build contexts that lie elsewhere: git speaks to a repository on loopback.

// clippy.toml allows it in test functions; these are what they are made of.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use glassbox_core::registry::base64;
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{Ended, Engine};
use glassbox_tests::elsewhere::{Repository, Served, page};

fn built_of(engine: &Engine, text: &str) -> anyhow::Result<Ended> {
    let context = engine.scratch().join("ctx");
    std::fs::create_dir_all(&context)?;
    std::fs::write(context.join("Dockerfile"), format!("FROM toolbox\n{text}\n"))?;
    engine.run_words(&["build", "--network", "none", "-t", "it", &context.display().to_string()])
}

/// `NAME: what it holds` of each of these files of the image.
fn held(engine: &Engine, files: &str) -> anyhow::Result<String> {
    Ok(engine.succeed(&format!("run --rm --network none it cat {files}"))?.stdout)
}

fn is_clean(engine: &Engine) -> anyhow::Result<()> {
    ensure!(engine.succeed("ps -aq")?.stdout.is_empty());
    for left in ["journal", "containers", "building"] {
        let there = std::fs::read_dir(engine.root().join(left)).is_ok_and(|mut entries| entries.next().is_some());
        ensure!(!there, "something is left in {left}");
    }
    let store = engine.run("fsck")?;
    ensure!(store.code == Some(0), "{store:?}");
    Ok(())
}

#[test]
fn repositories_are_known_by_their_commit() -> anyhow::Result<()> {
    apart("repositories_are_known_by_their_commit", || {
        let (engine, repository) = (Engine::new()?, Repository::new()?);
        let (url, path) = (repository.url(), repository.path());
        std::fs::create_dir(path.join("web"))?;
        std::fs::write(path.join("web/page"), "one\n")?;
        std::os::unix::fs::symlink("/etc", path.join("away"))?;
        std::fs::write(path.join("Dockerfile"), "FROM toolbox\nCOPY web/page /\nRUN cat /page\n")?;
        let first = repository.commit("first")?;
        repository.git(&["tag", "-a", "-m", "one", "v1"])?;

        let by_branch = format!("ADD {url}#main /src");
        let built = built_of(&engine, &by_branch)?;
        ensure!(built.code == Some(0) && built.stderr.contains(&format!("fetching {first} done\n")), "{built:?}");
        ensure!(built_of(&engine, &by_branch)?.stderr.contains("\n#3 CACHED\n"));
        ensure!(held(&engine, "/src/web/page")? == "one\n");
        let mode = engine.succeed("run --rm --network none it ls -ld /src/web /src/web/page /src/.git");
        ensure!(mode.is_err(), ".git has come along");

        std::fs::write(path.join("web/page"), "two\n")?;
        let second = repository.commit("second")?;
        let moved = built_of(&engine, &by_branch)?;
        ensure!(moved.stderr.contains(&format!("commit of {url} has changed")), "{moved:?}");
        ensure!(held(&engine, "/src/web/page")? == "two\n");

        // A tag with a message, a directory, a commit by its sum; and .git with the files.
        let adds =
            format!("ADD {url}#v1:web /tag/\nADD --checksum={first} {url}#{first} /sum/\nADD --keep-git-dir=true {url} /all/");
        let built = built_of(&engine, &adds)?;
        ensure!(built.code == Some(0), "{built:?}");
        ensure!(held(&engine, "/tag/page /sum/web/page /all/web/page /all/.git/HEAD")? == format!("one\none\ntwo\n{second}\n"));

        for (text, why) in [
            (format!("ADD {url}#gone /x"), "repository does not contain ref gone, output: \"\"".to_string()),
            (format!("ADD {url}#main:away /x"), format!("failed to fetch remote {url}: git stderr:\nfatal: ")),
            (format!("ADD {url}#main:../../../etc /x"), format!("failed to fetch remote {url}: git stderr:\nfatal: ")),
            (format!("ADD --checksum={first} {url} /x"), format!("expected checksum to match {first}, got {second}")),
            (format!("ADD {url}/ web /x/"), "an ADD takes URLs, or repositories, or files".to_string()),
        ] {
            let refused = built_of(&engine, &text)?;
            ensure!(refused.code == Some(1) && refused.stderr.contains(&why), "{text}: {refused:?}");
        }
        is_clean(&engine)
    })
}

#[test]
fn a_repository_or_a_url_is_a_build_context() -> anyhow::Result<()> {
    apart("a_repository_or_a_url_is_a_build_context", || {
        let (engine, repository) = (Engine::new()?, Repository::new()?);
        let (url, path) = (repository.url(), repository.path());
        std::fs::create_dir(path.join("web"))?;
        std::fs::write(path.join("web/page"), "one\n")?;
        std::fs::write(path.join("Dockerfile"), "FROM toolbox\nCOPY web/page /\n")?;
        std::fs::write(path.join("web/Other"), "FROM toolbox\nCOPY page /other\n")?;
        let commit = repository.commit("first")?;

        let built = engine.run_words(&["build", "-t", "it", &format!("{url}#main")])?;
        ensure!(built.code == Some(0), "{built:?}");
        ensure!(
            built.stderr.starts_with(&format!("#1 [internal] load git source {url}\n#1 fetching {commit} done\n")),
            "{built:?}"
        );
        ensure!(held(&engine, "/page")? == "one\n");
        engine.succeed(&format!("build -t it -f Other {url}#{commit}:web"))?;
        ensure!(held(&engine, "/other")? == "one\n");
        let mut piped = engine.command(&["build", "-t", "it", "-f", "-", &url]).stdin(Stdio::piped()).spawn()?;
        piped.stdin.take().context("it reads")?.write_all(b"FROM toolbox\nCOPY web/page /piped\n")?;
        ensure!(piped.wait()?.success());
        ensure!(held(&engine, "/piped")? == "one\n");

        let none = engine.run_words(&["build", &format!("{url}#main:web")])?;
        ensure!(
            none.code == Some(1) && none.stderr.contains("failed to read dockerfile: open Dockerfile: no such file"),
            "{none:?}"
        );
        let checked = engine.run_words(&["build", "--check", &url])?;
        ensure!(checked.code == Some(1) && checked.stderr.starts_with("glassbox: what lies at a URL"), "{checked:?}");

        // What lies at a URL: an archive is the context, all else a Dockerfile.
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_dir_all(".", path.join("web"))?;
        let served = Served::new(vec![
            ("/ctx.tar", page(&archive.into_inner()?)),
            ("/Dockerfile", page(b"FROM toolbox\nRUN echo far > /far\n")),
        ])?;
        engine.succeed(&format!("build -t it -f Other {}/ctx.tar", served.url))?;
        ensure!(held(&engine, "/other")? == "one\n");
        engine.succeed(&format!("build --network none -t it {}/Dockerfile", served.url))?;
        ensure!(held(&engine, "/far")? == "far\n");
        engine.succeed(&format!("build --network none -t it -f {}/Dockerfile {}", served.url, path.display()))?;
        ensure!(held(&engine, "/far")? == "far\n");
        let gone = engine.run_words(&["build", &format!("{}/gone", served.url)])?;
        ensure!(gone.code == Some(1) && gone.stderr.contains("invalid response status 404"), "{gone:?}");

        // A token goes to the server, and nowhere else.
        let token = engine.scratch().join("token");
        std::fs::write(&token, "topsecret\n")?;
        let secret = format!("id=GIT_AUTH_TOKEN,src={}", token.display());
        let refused = engine.run_words(&["build", "--secret", &secret, &format!("{}/a.git", served.url)])?;
        ensure!(refused.code == Some(1) && !refused.stderr.contains("topsecret"), "{refused:?}");
        let asked = served.asked();
        let login = base64::encode(b"x-access-token:topsecret");
        ensure!(asked.to_lowercase().contains(&format!("authorization: basic {login}").to_lowercase()), "{asked}");
        is_clean(&engine)
    })
}

/// Whoever waits for a server that says nothing can go.
#[test]
fn an_interrupt_ends_git_at_once() -> anyhow::Result<()> {
    apart("an_interrupt_ends_git_at_once", || {
        let (engine, listener) = (Engine::new()?, TcpListener::bind("127.0.0.1:0")?);
        let mut build = engine.command(&["build", &format!("git://{}/a.git", listener.local_addr()?)]);
        let mut build = build.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let (stream, _) = listener.accept()?;
        ensure!(Command::new("kill").args(["-INT", &build.id().to_string()]).status()?.success());
        let mut said = String::new();
        build.stderr.take().context("it has a stderr")?.read_to_string(&mut said)?;
        ensure!(build.wait()?.code() == Some(130) && said.ends_with("context canceled\n"), "{said}");
        // Its git is gone: nobody holds the other end.
        let mut stream = stream;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.read_to_end(&mut Vec::new())?;
        is_clean(&engine)
    })
}
