//! Registries: the built binary against Debian's docker-registry on loopback, with images that skopeo has put there, and against a registry
//! that answers wrongly in every way.

// What serves hostile images.
#[allow(dead_code)]
mod served;

use std::fs;

use anyhow::{Context, Result, ensure};
use glassbox_core::registry::UPLOADS_AT_ONCE;
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{Engine, has_program, skip};
use served::taking::Taking;
use served::{Hostile, NAMED, Registry, name_this_machine, put_toolbox, skopeo_shows};

/// What these tests need besides the binary.
fn is_ready(test: &str) -> bool {
    let missing = ["docker-registry", "skopeo", "htpasswd"].into_iter().find(|program| !has_program(program));
    if let Some(program) = missing {
        skip(&format!("{test}: no {program}"));
    }
    missing.is_none()
}

fn has(text: &str, wanted: &str) -> Result<()> {
    ensure!(text.contains(wanted), "no {wanted:?} in:\n{text}");
    Ok(())
}

#[test]
fn images_are_pulled_by_tag_and_by_digest_and_run() -> Result<()> {
    apart("images_are_pulled_by_tag_and_by_digest_and_run", || {
        if !is_ready("pull") {
            return Ok(());
        }
        let registry = Registry::start(None)?;
        put_toolbox(&registry, "team/app:1")?;
        let (engine, name) = (Engine::new()?, registry.name("team/app:1"));
        let pulled = engine.succeed(&format!("pull {name}"))?;
        ensure!(pulled.stderr.is_empty(), "{}", pulled.stderr);
        let lines: Vec<&str> = pulled.stdout.lines().collect();
        ensure!(lines[0] == "1: Pulling from team/app", "{lines:?}");
        for (line, end) in [(1, "Pulling fs layer"), (2, "Verifying Checksum"), (3, "Download complete"), (4, "Pull complete")] {
            ensure!(lines[line].ends_with(&format!(": {end}")), "{lines:?}");
        }
        let digest = lines[5].strip_prefix("Digest: ").context("no digest")?.to_string();
        ensure!(lines[6..] == [format!("Status: Downloaded newer image for {name}"), name.clone()], "{lines:?}");
        let again = engine.succeed(&format!("pull {name}"))?;
        has(&again.stdout, &format!("Digest: {digest}\nStatus: Image is up to date for {name}\n{name}\n"))?;
        ensure!(engine.succeed(&format!("pull -q {name}"))?.stdout == format!("{name}\n"));
        let ran = engine.succeed(&format!("run --rm --network none {name} echo here"))?;
        ensure!((ran.stdout.as_str(), ran.stderr.as_str()) == ("here\n", ""), "{ran:?}");
        let by_digest = format!("{}@{digest}", registry.name("team/app"));
        has(&engine.succeed(&format!("pull {by_digest}"))?.stdout, &format!("Status: Image is up to date for {by_digest}"))?;
        let other = Engine::new()?;
        has(&other.succeed(&format!("pull {by_digest}"))?.stdout, &format!("{by_digest}: Pulling from team/app\n"))?;
        ensure!(other.succeed(&format!("run --rm --network none {by_digest} echo here"))?.stdout == "here\n");
        let inspected = engine.succeed(&format!("image inspect -f '{{{{json .RepoDigests}}}}' {name}"))?;
        ensure!(inspected.stdout == format!("[\"{by_digest}\"]\n"), "{}", inspected.stdout);
        has(&engine.succeed("fsck")?.stdout, "")
    })
}

#[test]
fn an_absent_image_is_pulled_before_it_runs() -> Result<()> {
    apart("an_absent_image_is_pulled_before_it_runs", || {
        if !is_ready("run") {
            return Ok(());
        }
        let registry = Registry::start(None)?;
        put_toolbox(&registry, "app:latest")?;
        let (engine, name) = (Engine::new()?, registry.name("app"));
        let ran = engine.succeed(&format!("run --rm --network none {name} echo here"))?;
        ensure!(ran.stdout == "here\n", "{ran:?}");
        has(&ran.stderr, &format!("Unable to find image '{name}:latest' locally\nlatest: Pulling from app\n"))?;
        has(&ran.stderr, &format!("Status: Downloaded newer image for {name}:latest\n"))?;
        let always = engine.succeed(&format!("run --rm --pull always --network none {name} echo here"))?;
        has(&always.stderr, &format!("Status: Image is up to date for {name}:latest\n"))?;
        let quiet = Engine::new()?.succeed(&format!("run -q --rm --network none {name} echo here"))?;
        ensure!((quiet.stdout.as_str(), quiet.stderr.as_str()) == ("here\n", ""), "{quiet:?}");
        let created = Engine::new()?.succeed(&format!("create {name}"))?;
        has(&created.stderr, "Unable to find image")?;
        let never = engine.run(&format!("run --rm --pull never {}", registry.name("nosuch")))?;
        has(&never.stderr, &format!("docker: Error response from daemon: No such image: {}", registry.name("nosuch:latest")))?;
        let missing = engine.run(&format!("run --rm {}", registry.name("nosuch:2")))?;
        let name = registry.name("nosuch:2");
        has(
            &missing.stderr,
            &format!("docker: Error response from daemon: manifest for {name} not found: manifest unknown: manifest unknown\n\n"),
        )?;
        ensure!(missing.code == Some(125), "{missing:?}");
        Ok(())
    })
}

#[test]
fn a_base_that_is_not_here_is_fetched_before_the_build() -> Result<()> {
    apart("a_base_that_is_not_here_is_fetched_before_the_build", || {
        if !is_ready("build") {
            return Ok(());
        }
        let registry = Registry::start(None)?;
        put_toolbox(&registry, "base:1")?;
        put_toolbox(&registry, "other:1")?;
        let (engine, base, other) = (Engine::new()?, registry.name("base:1"), registry.name("other:1"));
        let context = engine.scratch().join("ctx");
        fs::create_dir(&context)?;
        let write = |text: &str| fs::write(context.join("Dockerfile"), text);
        write(&format!("FROM {base}\nCOPY --from={other} /bin/sh /copied\nRUN echo made > /file\n"))?;
        let build = format!("build --network none -t it {}", context.display());
        let built = engine.succeed(&build)?;
        for wanted in [
            format!("#2 [internal] load metadata for {base}\n#2 resolve {base}@sha256:"),
            "#2 extracting sha256:".to_string(),
            format!("#3 [internal] load metadata for {other}\n"),
            format!("#4 [1/3] FROM {base}\n"),
        ] {
            has(&built.stderr, &wanted)?;
        }
        ensure!(engine.succeed("run --rm --network none it cat /file")?.stdout == "made\n");
        ensure!(!engine.succeed(&build)?.stderr.contains("load metadata"));
        let pulled = engine.succeed(&format!("build --pull --network none {}", context.display()))?;
        has(&pulled.stderr, &format!("#2 [internal] load metadata for {base}\n"))?;
        has(&pulled.stderr, "#6 CACHED\n")?;
        write(&format!("FROM {}\n", registry.name("base:2")))?;
        let refused = engine.run(&build)?;
        let full = registry.name("base:2");
        has(&refused.stderr, &format!("#2 ERROR: {full}: not found\n------\n > [internal] load metadata for {full}:\n------\n"))?;
        has(
            &refused.stderr,
            &format!("failed to solve: {full}: failed to resolve source metadata for {full}: {full}: not found\n"),
        )?;
        has(&refused.stderr, "glassbox: the images here are: ")?;
        has(&engine.succeed("fsck")?.stdout, "")
    })
}

#[test]
fn a_build_pushes_what_it_has_made() -> Result<()> {
    apart("a_build_pushes_what_it_has_made", || {
        if !is_ready("build --push") {
            return Ok(());
        }
        let registry = Registry::start(None)?;
        let (engine, name) = (Engine::new()?, registry.name("made:1"));
        let (context, told) = (engine.scratch().join("ctx"), engine.scratch().join("meta"));
        fs::create_dir(&context)?;
        fs::write(context.join("Dockerfile"), "FROM toolbox\nLABEL a=b\n")?;
        let line = format!("build --push -t {name} --metadata-file {} {}", told.display(), context.display());
        let built = engine.succeed(&line)?;
        has(&built.stderr, &format!("pushing {name} with docker\n"))?;
        has(&built.stderr, "pushing manifest sha256:")?;
        let told = fs::read_to_string(told)?;
        has(&told, &format!("\"image.name\": \"{name}\""))?;
        let id = engine.succeed(&format!("image inspect -f '{{{{.Id}}}}' {name}"))?;
        has(&told, &format!("\"containerimage.config.digest\": \"{}\"", id.stdout.trim()))?;
        has(&skopeo_shows(&registry, "made:1")?, "\"a\": \"b\"")?;
        Ok(())
    })
}

#[test]
fn a_cache_goes_from_store_to_store() -> Result<()> {
    apart("a_cache_goes_from_store_to_store", || {
        if !is_ready("build --cache-to") {
            return Ok(());
        }
        let registry = Registry::start(None)?;
        let (one, cache) = (Engine::new()?, registry.name("team/app:cache"));
        let context = one.scratch().join("ctx");
        fs::create_dir(&context)?;
        let write = |name: &str, text: &str| fs::write(context.join(name), text);
        write("file", "1")?;
        write(
            "Dockerfile",
            "FROM toolbox AS made\nRUN echo made > /made\nFROM toolbox\nCOPY --from=made /made /\nWORKDIR /app\nCOPY file .\nRUN cat file\n",
        )?;
        let build = |more: &str| format!("build --network none -t it {more} {}", context.display());
        let first = one.succeed(&build(&format!("--cache-to type=registry,ref={cache},mode=max")))?;
        has(&first.stderr, "exporting cache to registry\n")?;
        has(&first.stderr, "pushing manifest sha256:")?;
        let id = |engine: &Engine| Ok::<_, anyhow::Error>(engine.succeed("image inspect -f '{{.Id}}' it")?.stdout);
        for from in [cache.clone(), format!("type=registry,ref={cache}")] {
            let other = Engine::new()?;
            let second = other.succeed(&build(&format!("--cache-from {from}")))?;
            has(&second.stderr, &format!("#2 importing cache manifest from {cache}\n#2 resolve {cache}@sha256:"))?;
            let cached = second.stderr.lines().filter(|line| line.ends_with(" CACHED")).count();
            ensure!(cached == 5, "{cached} of 5 are cached:\n{}", second.stderr);
            ensure!(id(&one)? == id(&other)?);
            ensure!(other.succeed("run --rm --network none it cat /made file")?.stdout == "made\n1");
            ensure!(!other.succeed("images -a --format '{{.Repository}}'")?.stdout.contains("team"));
            has(&other.succeed("fsck")?.stdout, "")?;
        }
        // What is not hit is not fetched, and a miss says what the cache lacks.
        write("file", "2")?;
        let other = Engine::new()?;
        let missed = other.succeed(&build(&format!("--cache-from {cache} --cache-from {}", registry.name("gone"))))?;
        let gone = format!("{}:latest: not found", registry.name("gone"));
        has(&missed.stderr, &format!("#3 ERROR: failed to configure registry cache importer: {gone}\n"))?;
        let lacks = format!("Cache {cache}: since it was exported: file file has changed.");
        has(&missed.stderr, &lacks)?;
        has(&missed.stderr, &format!("Cache {}: nothing of it was read.", registry.name("gone")))?;
        Ok(())
    })
}

#[test]
fn an_image_brings_its_cache_along() -> Result<()> {
    apart("an_image_brings_its_cache_along", || {
        if !is_ready("build --cache-to type=inline") {
            return Ok(());
        }
        let registry = Registry::start(None)?;
        put_toolbox(&registry, "plain:1")?;
        let (one, other, name) = (Engine::new()?, Engine::new()?, registry.name("app:1"));
        let context = one.scratch().join("ctx");
        fs::create_dir(&context)?;
        fs::write(context.join("Dockerfile"), "FROM toolbox\nRUN echo made > /made\nCMD [\"cat\", \"/made\"]\n")?;
        one.succeed(&format!("build --network none --push --cache-to type=inline -t {name} {}", context.display()))?;
        let built = other.succeed(&format!("build --network none -t it --cache-from {name} {}", context.display()))?;
        has(&built.stderr, " CACHED\n")?;
        ensure!(other.succeed("run --rm --network none it")?.stdout == "made\n");
        // Here it is taken from the image, and the registry is not asked.
        one.succeed("builder prune -af")?;
        drop(registry);
        has(&one.succeed(&format!("build --network none --cache-from {name} {}", context.display()))?.stderr, " CACHED\n")?;
        Ok(())
    })
}

#[test]
fn a_private_registry_wants_a_login() -> Result<()> {
    apart("a_private_registry_wants_a_login", || {
        if !is_ready("auth") {
            return Ok(());
        }
        let registry = Registry::start(Some(("ann", "secret")))?;
        put_toolbox(&registry, "app:1")?;
        let (engine, name) = (Engine::new()?, registry.name("app:1"));
        let refused = engine.run(&format!("pull {name}"))?;
        let words =
            format!("Error response from daemon: Head \"{}/v2/app/manifests/1\": no basic auth credentials\n", registry.base());
        ensure!((refused.code, refused.stderr.as_str()) == (Some(1), words.as_str()), "{refused:?}");
        let directory = engine.scratch().join("docker");
        fs::create_dir(&directory)?;
        let pull = |auth: &str| -> Result<glassbox_tests::binary::Ended> {
            fs::write(directory.join("config.json"), auth)?;
            Ok(engine.command(&["pull", &name]).env("DOCKER_CONFIG", &directory).output()?.into())
        };
        // ann:wrong
        let wrong = pull(&format!(r#"{{"auths":{{"{}":{{"auth":"YW5uOndyb25n"}}}}}}"#, registry.authority()))?;
        has(&wrong.stderr, "Error response from daemon: unauthorized: authentication required\n")?;
        let broken = pull("{")?;
        has(&broken.stderr, "WARNING: Error loading config file: ")?;
        // ann:secret
        let right = pull(&format!(r#"{{"auths":{{"{}":{{"auth":"YW5uOnNlY3JldA=="}}}}}}"#, registry.authority()))?;
        ensure!(right.code == Some(0), "{right:?}");
        Ok(())
    })
}

#[test]
fn answers_that_are_wrong_are_refused_with_the_reason() -> Result<()> {
    apart("answers_that_are_wrong_are_refused_with_the_reason", || {
        let cases = [
            ("html", "invalid character '<' looking for beginning of value"),
            ("status-500", "received unexpected HTTP status: 500 Internal Server Error"),
            ("limit-429", "toomanyrequests: You have reached your pull rate limit."),
            (
                "denied-403",
                "repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
            ),
            ("wrong-manifest", "manifest verification failed for digest sha256:"),
            ("wrong-layer", "filesystem layer verification failed for digest sha256:"),
            ("endless-layer", "filesystem layer verification failed for digest sha256:"),
            ("short-layer", "unexpected EOF"),
            ("redirect-loop", "stopped after 10 redirects"),
            ("endless-manifest", "the answer is longer than 4194304 bytes"),
            ("index-loop", "unsupported manifest type: application/vnd.oci.image.index.v1+json"),
            ("other-platform", "no matching manifest for linux/amd64 in the manifest list entries"),
            ("other-archive", "its archive has the digest"),
        ];
        for (kind, words) in cases {
            let hostile = Hostile::start(kind)?;
            let engine = Engine::new()?;
            let refused = engine.run(&format!("pull {}/app:1", hostile.authority()))?;
            ensure!(refused.code == Some(1), "{kind}: {refused:?}");
            has(&refused.stderr, words).with_context(|| kind.to_string())?;
            ensure!(refused.stderr.contains("Error response from daemon: "), "{kind}: {}", refused.stderr);
            let left: Vec<_> = fs::read_dir(engine.root().join("images/blobs/sha256")).into_iter().flatten().flatten().collect();
            ensure!(left.is_empty(), "{kind} leaves {left:?}");
            ensure!(!engine.succeed("images -q --no-trunc")?.stdout.trim().contains('\n'), "{kind} leaves an image");
        }
        Ok(())
    })
}

#[test]
fn a_broken_connection_is_gone_on_with_where_it_broke() -> Result<()> {
    apart("a_broken_connection_is_gone_on_with_where_it_broke", || {
        let hostile = Hostile::start("breaks")?;
        let engine = Engine::new()?;
        engine.succeed(&format!("pull {}/app:1", hostile.authority()))?;
        let ranges = hostile.asked().into_iter().filter(|line| line.to_lowercase().starts_with("range: bytes=")).count();
        ensure!(ranges > 0, "the rest was not asked for: {:?}", hostile.asked());
        Ok(())
    })
}

#[test]
fn nobody_who_answers_is_told_in_gos_words() -> Result<()> {
    let engine = Engine::new()?;
    let refused = engine.run("pull 127.0.0.1:1/app")?;
    let words = "Error response from daemon: Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused\n";
    ensure!((refused.code, refused.stderr.as_str()) == (Some(1), words), "{refused:?}");
    ensure!(refused.stdout == "Using default tag: latest\n", "{refused:?}");
    Ok(())
}

#[test]
fn a_pull_that_is_killed_leaves_nothing() -> Result<()> {
    apart("a_pull_that_is_killed_leaves_nothing", || {
        let hostile = Hostile::start("stalls")?;
        let engine = Engine::new()?;
        let mut child = engine.command(&["pull", &format!("{}/app:1", hostile.authority())]).spawn()?;
        hostile.wait_until_it_stalls()?;
        child.kill()?;
        child.wait()?;
        engine.succeed("images")?;
        let left: Vec<_> = fs::read_dir(engine.root().join("images/blobs/sha256")).into_iter().flatten().flatten().collect();
        ensure!(left.is_empty(), "left: {left:?}");
        Ok(())
    })
}

/// What is there of an image is whole, and nothing else is.
fn is_whole(engine: &Engine) -> Result<()> {
    let store = engine.run("fsck")?;
    ensure!(store.code == Some(0) && !store.stdout.contains("unused: "), "{store:?}");
    Ok(())
}

fn begun(engine: &Engine, line: &str) -> Result<std::process::Child> {
    let mut command = engine.command(&line.split(' ').collect::<Vec<_>>());
    Ok(command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn()?)
}

fn ended(child: std::process::Child) -> Result<glassbox_tests::binary::Ended> {
    Ok(child.wait_with_output()?.into())
}

/// Two pulls of one image and a build on it; one pull is killed, and what it had is taken away while the others have it too.
#[test]
fn pulls_of_one_image_at_once_do_not_take_blobs_from_each_other() -> Result<()> {
    apart("pulls_of_one_image_at_once_do_not_take_blobs_from_each_other", || {
        let (hostile, engine) = (Hostile::start("waits")?, Engine::new()?);
        let name = format!("{}/app:1", hostile.authority());
        let context = engine.scratch().join("ctx");
        fs::create_dir(&context)?;
        fs::write(context.join("Dockerfile"), format!("FROM {name}\nCOPY Dockerfile /\n"))?;
        let mut killed = begun(&engine, &format!("pull {name}"))?;
        let pull = begun(&engine, &format!("pull {name}"))?;
        let build = begun(&engine, &format!("build -t made {}", context.display()))?;
        hostile.wait_for(3)?;
        killed.kill()?;
        killed.wait()?;
        // Recovers: the configuration that all three have fetched is nobody's yet.
        engine.succeed("images")?;
        hostile.open_gate();
        for child in [pull, build] {
            let ended = ended(child)?;
            ensure!(ended.code == Some(0), "{ended:?}");
        }
        is_whole(&engine)?;
        engine.succeed(&format!("rmi made {name}"))?;
        is_whole(&engine)
    })
}

/// Both are asked for before one has come; they are told and kept in the manifest's order. Where one is wrong, nobody waits for the other.
#[test]
fn layers_come_beside_each_other() -> Result<()> {
    apart("layers_come_beside_each_other", || {
        let (hostile, engine) = (Hostile::start("both-wait")?, Engine::new()?);
        let pull = begun(&engine, &format!("pull {}/app:1", hostile.authority()))?;
        hostile.wait_for(2)?;
        hostile.open_gate();
        let pulled = ended(pull)?;
        ensure!(pulled.code == Some(0), "{pulled:?}");
        let ids: Vec<&str> = pulled.stdout.lines().skip(1).filter_map(|line| line.split_once(": ")).map(|(id, _)| id).collect();
        ensure!(ids[..2] == [ids[0], ids[1]] && ids[2..8] == [ids[0], ids[0], ids[1], ids[1], ids[0], ids[1]], "{}", pulled.stdout);
        is_whole(&engine)?;
        // Where steps are looked at they go one by one, and leave the same behind.
        let looked = Engine::new()?;
        looked.succeed(&format!("--explain pull {}/app:1", hostile.authority()))?;
        is_whole(&looked)?;
        let (hostile, engine) = (Hostile::start("first-is-wrong")?, Engine::new()?);
        let refused = engine.run(&format!("pull {}/app:1", hostile.authority()))?;
        has(&refused.stderr, "filesystem layer verification failed for digest sha256:")?;
        let left = fs::read_dir(engine.root().join("images/blobs/sha256"))?.count();
        ensure!(left == 0, "{left} files are left");
        is_whole(&engine)
    })
}

/// What is missing because another one fails beside it is fetched again, and what an image has that goes meanwhile, too.
#[test]
fn a_layer_that_goes_with_its_image_while_another_is_fetched_is_fetched_too() -> Result<()> {
    apart("a_layer_that_goes_with_its_image_while_another_is_fetched_is_fetched_too", || {
        let (hostile, engine) = (Hostile::start("second-waits")?, Engine::new()?);
        let name = |tag: &str| format!("{}/app:{tag}", hostile.authority());
        engine.succeed(&format!("pull {}", name("base")))?;
        let pull = begun(&engine, &format!("pull {}", name("1")))?;
        hostile.wait_for(1)?;
        engine.succeed(&format!("rmi {}", name("base")))?;
        hostile.open_gate();
        let ended = ended(pull)?;
        ensure!(ended.code == Some(0) && ended.stdout.contains(": Already exists\n"), "{ended:?}");
        is_whole(&engine)?;
        engine.succeed(&format!("save -o {} {}", engine.scratch().join("out").display(), name("1")))?;
        Ok(())
    })
}

/// A disk on which nothing fits at first, up to one on which the image does.
#[test]
fn a_disk_that_gets_full_while_a_layer_comes() -> Result<()> {
    apart("a_disk_that_gets_full_while_a_layer_comes", || {
        let (hostile, engine) = (Hostile::start("right")?, Engine::new()?);
        fs::create_dir(engine.root())?;
        let root = engine.root().display().to_string();
        let mut pulled = false;
        for kilobytes in [16, 64, 2000, 3084, 3100, 4000, 5000, 6140, 6180, 6200, 6300, 8000] {
            let size = format!("size={kilobytes}k,nr_inodes=10000");
            ensure!(engine.program("mount", &["-t", "tmpfs", "-o", &size, "small", &root]).status()?.success(), "mount");
            let ended = engine.run(&format!("pull {}/app:1", hostile.authority()))?;
            pulled = ended.code == Some(0);
            let told = ended.stderr.contains("no space left on device");
            ensure!(pulled || ended.code == Some(1) && told, "{kilobytes} kB: {ended:?}");
            is_whole(&engine).with_context(|| format!("{kilobytes} kB"))?;
            let blobs = fs::read_dir(engine.root().join("images/blobs/sha256")).into_iter().flatten().count();
            ensure!(pulled || blobs == 0, "{kilobytes} kB: {blobs} blobs are left");
            ensure!(engine.program("umount", &[&root]).status()?.success(), "umount");
        }
        ensure!(pulled, "not even 8 MB do");
        Ok(())
    })
}

#[test]
fn what_is_pushed_is_read_by_others_and_sent_once() -> Result<()> {
    apart("what_is_pushed_is_read_by_others_and_sent_once", || {
        if !is_ready("push") {
            return Ok(());
        }
        let registry = Registry::start(None)?;
        let (engine, name) = (Engine::new()?, registry.name("team/app:1"));
        let missing = engine.run(&format!("push {}", registry.name("team/none")))?;
        let words = format!("An image does not exist locally with the tag: {}\n", registry.name("team/none"));
        ensure!(missing.code == Some(1) && missing.stderr.starts_with(&words), "{missing:?}");
        engine.succeed(&format!("tag toolbox {name}"))?;
        let pushed = engine.succeed(&format!("push {name}"))?;
        let lines: Vec<&str> = pushed.stdout.lines().collect();
        ensure!(lines[0] == format!("The push refers to repository [{}]", registry.name("team/app")), "{pushed:?}");
        ensure!(lines[1].ends_with(": Preparing") && lines[2].ends_with(": Pushed"), "{pushed:?}");
        ensure!(lines[3].starts_with("1: digest: sha256:") && lines[3].contains(" size: "), "{pushed:?}");
        let seen = skopeo_shows(&registry, "team/app:1")?;
        has(&seen, "application/vnd.oci.image.layer.v1.tar+gzip")?;
        has(&seen, lines[3].split(' ').nth(2).context("no digest")?)?;
        let again = engine.succeed(&format!("push {name}"))?;
        has(&again.stdout, ": Layer already exists\n")?;
        ensure!(again.stdout.lines().last() == Some(lines[3]), "other bytes: {again:?}");
        let other = registry.name("other/app:2");
        engine.succeed(&format!("tag {name} {other}"))?;
        has(&engine.succeed(&format!("push {other}"))?.stdout, ": Mounted from team/app\n")?;
        ensure!(engine.succeed(&format!("push -q {other}"))?.stdout == format!("{other}\n"));
        let reader = Engine::new()?;
        ensure!(reader.succeed(&format!("run -q --rm --network none {other} echo here"))?.stdout == "here\n");
        has(&engine.succeed("fsck")?.stdout, "")?;
        let blobs = fs::read_dir(engine.root().join("images/blobs/sha256"))?.count();
        ensure!(blobs == 3, "{blobs} blobs: what was compressed for the way is still there");
        Ok(())
    })
}

#[test]
fn a_login_is_tried_and_kept_and_forgotten() -> Result<()> {
    apart("a_login_is_tried_and_kept_and_forgotten", || {
        if !is_ready("login") {
            return Ok(());
        }
        let registry = Registry::start(Some(("ann", "secret")))?;
        let (engine, name) = (Engine::new()?, registry.name("app:1"));
        let (directory, secret) = (engine.scratch().join("docker"), engine.scratch().join("password"));
        fs::write(&secret, "secret\n")?;
        let run = |words: &[&str]| -> Result<glassbox_tests::binary::Ended> {
            let mut command = engine.command(words);
            Ok(command.env("DOCKER_CONFIG", &directory).stdin(fs::File::open(&secret)?).output()?.into())
        };
        engine.succeed(&format!("tag toolbox {name}"))?;
        let refused = run(&["push", &name])?;
        ensure!((refused.code, refused.stderr.as_str()) == (Some(1), "no basic auth credentials\n"), "{refused:?}");
        let at = registry.authority();
        let wrong = run(&["login", "-u", "ann", "-p", "wrong", &at])?;
        let words = format!("login attempt to {}/v2/ failed with status: 401 Unauthorized\n", registry.base());
        has(&wrong.stderr, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n")?;
        has(&wrong.stderr, &format!("Error response from daemon: {words}"))?;
        ensure!(!directory.join("config.json").exists(), "a wrong password is kept");
        let right = run(&["login", "-u", "ann", "--password-stdin", &at])?;
        ensure!((right.code, right.stdout.as_str()) == (Some(0), "Login Succeeded\n"), "{right:?}");
        has(&right.stderr, "WARNING! Your credentials are stored unencrypted in '")?;
        let kept = fs::read_to_string(directory.join("config.json"))?;
        ensure!(
            kept == format!("{{\n\t\"auths\": {{\n\t\t\"{at}\": {{\n\t\t\t\"auth\": \"YW5uOnNlY3JldA==\"\n\t\t}}\n\t}}\n}}"),
            "{kept}"
        );
        ensure!(run(&["push", &name])?.code == Some(0));
        ensure!(run(&["pull", &name])?.code == Some(0));
        let out = run(&["logout", &at])?;
        ensure!(out.stdout == format!("Removing login credentials for {at}\n"), "{out:?}");
        ensure!(run(&["push", &name])?.stderr == "no basic auth credentials\n");
        let plan = run(&["--plan=json", "login", "-u", "ann", "--password-stdin", &at])?;
        ensure!(!plan.stdout.contains("secret"), "the password is in the plan");
        Ok(())
    })
}

/// `script` gives it a terminal.
#[test]
fn a_login_asks_for_what_it_is_not_given() -> Result<()> {
    apart("a_login_asks_for_what_it_is_not_given", || {
        if !is_ready("login") || !has_program("script") {
            return Ok(());
        }
        let registry = Registry::start(Some(("ann", "secret")))?;
        let engine = Engine::new()?;
        let (directory, typed) = (engine.scratch().join("docker"), engine.scratch().join("typed"));
        let log_in = |options: &str, keys: &str| -> Result<glassbox_tests::binary::Ended> {
            fs::write(&typed, keys)?;
            let line = format!("{} login {options}{}", engine.binary().display(), registry.authority());
            let mut command = engine.program("script", &["-qec", &line, "/dev/null"]);
            Ok(command.env("DOCKER_CONFIG", &directory).stdin(fs::File::open(&typed)?).output()?.into())
        };
        let shown = log_in("", "ann\nsecret\n")?;
        ensure!(shown.code == Some(0), "{shown:?}");
        has(&shown.stdout, "Username: ")?;
        has(&shown.stdout, "Password: ")?;
        has(&shown.stdout, "Login Succeeded")?;
        has(&fs::read_to_string(directory.join("config.json"))?, "YW5uOnNlY3JldA==")?;
        has(&log_in("-u ann ", "wrong\n")?.stdout, "401 Unauthorized")?;
        has(&log_in("", "\n")?.stdout, "Error: Non-null Username Required")?;
        has(&log_in("-u ann ", "\n")?.stdout, "Error: Password Required")
    })
}

#[test]
fn all_tags_of_a_repository_are_pushed_and_pulled() -> Result<()> {
    apart("all_tags_of_a_repository_are_pushed_and_pulled", || {
        if !is_ready("tags") {
            return Ok(());
        }
        let registry = Registry::start(None)?;
        let (engine, name) = (Engine::new()?, registry.name("team/app"));
        let refused = engine.run(&format!("push -a {name}:1"))?;
        has(&refused.stderr, "tag can't be used with --all-tags/-a\n")?;
        has(&engine.run(&format!("push -a {name}"))?.stderr, "An image does not exist locally with the tag: ")?;
        for tag in ["1", "2", "latest"] {
            engine.succeed(&format!("tag toolbox {name}:{tag}"))?;
        }
        let pushed = engine.succeed(&format!("push -a {name}"))?;
        for tag in ["1", "2", "latest"] {
            has(&pushed.stdout, &format!("\n{tag}: digest: sha256:"))?;
        }
        let other = Engine::new()?;
        let pulled = other.succeed(&format!("pull -a {name}"))?;
        // In the order in which the registry names them.
        for tag in ["1", "2", "latest"] {
            has(&format!("\n{}", pulled.stdout), &format!("\n{tag}: Pulling from team/app\n"))?;
        }
        ensure!(pulled.stdout.ends_with(&format!("\nStatus: Downloaded newer image for {name}\n{name}\n")), "{}", pulled.stdout);
        ensure!(pulled.stdout.matches("Status: ").count() == 1 && pulled.stdout.matches("Digest: ").count() == 3, "{pulled:?}");
        let listed = other.succeed(&format!("images --format {{{{.Tag}}}} {name}"))?.stdout;
        ensure!(listed.split_whitespace().count() == 3, "{listed}");
        let again = other.succeed(&format!("pull --all-tags {name}"))?.stdout;
        ensure!(again.ends_with(&format!("Status: Image is up to date for {name}\n{name}\n")), "{again}");
        ensure!(other.succeed(&format!("pull -qa {name}"))?.stdout == format!("{name}\n"));
        is_whole(&other)?;
        let missing = other.run(&format!("pull -a {}", registry.name("nosuch")))?;
        has(&missing.stderr, "Error response from daemon: ")
    })
}

#[test]
fn a_credential_helper_is_asked_and_given_what_it_is_to_keep() -> Result<()> {
    apart("a_credential_helper_is_asked_and_given_what_it_is_to_keep", || {
        if !is_ready("helper") {
            return Ok(());
        }
        let registry = Registry::start(Some(("ann", "secret")))?;
        put_toolbox(&registry, "app:1")?;
        let (engine, name) = (Engine::new()?, registry.name("app:1"));
        let directory = engine.scratch().join("docker");
        fs::create_dir(&directory)?;
        fs::write(directory.join("config.json"), r#"{"credsStore":"tests"}"#)?;
        let (program, store) = (directory.join("docker-credential-tests"), directory.join("kept"));
        let script = format!(
            "#!/bin/sh\ncase $1 in\nstore) cat > {0};;\nerase) cat > /dev/null; rm -f {0};;\nget) cat > /dev/null; if test -e {0}; then cat {0}; \
             else echo credentials not found in native keychain; exit 1; fi;;\nesac\n",
            store.display()
        );
        fs::write(&program, script)?;
        std::process::Command::new("chmod").arg("755").arg(&program).status()?;
        let path = format!("{}:{}", directory.display(), glassbox_tests::binary::PATH);
        let run = |words: &[&str]| -> Result<glassbox_tests::binary::Ended> {
            Ok(engine.command(words).env("DOCKER_CONFIG", &directory).env("PATH", &path).output()?.into())
        };
        has(&run(&["pull", &name])?.stderr, "no basic auth credentials\n")?;
        let kept = run(&["login", "-u", "ann", "-p", "secret", &registry.authority()])?;
        ensure!(kept.code == Some(0) && !kept.stderr.contains("unencrypted"), "{kept:?}");
        has(&fs::read_to_string(&store)?, r#""Username":"ann","Secret":"secret""#)?;
        ensure!(!fs::read_to_string(directory.join("config.json"))?.contains("YW5u"));
        ensure!(run(&["pull", &name])?.code == Some(0));
        run(&["logout", &registry.authority()])?;
        ensure!(!store.exists(), "the helper has it still");
        fs::write(directory.join("config.json"), r#"{"credsStore":"nosuch"}"#)?;
        has(&run(&["pull", &name])?.stderr, "exec: \"docker-credential-nosuch\": executable file not found in $PATH")
    })
}

#[test]
fn a_token_that_runs_out_is_asked_for_once_more() -> Result<()> {
    apart("a_token_that_runs_out_is_asked_for_once_more", || {
        let (hostile, engine) = (Hostile::start("forgets")?, Engine::new()?);
        engine.succeed(&format!("pull {}/app:1", hostile.authority()))?;
        let asked = hostile.asked().into_iter().filter(|line| line.starts_with("GET /token")).count();
        ensure!(asked == 2, "{asked} tokens: {:?}", hostile.asked());
        Ok(())
    })
}

#[test]
fn an_authority_of_its_own_is_trusted_where_its_certificate_lies() -> Result<()> {
    apart("an_authority_of_its_own_is_trusted_where_its_certificate_lies", || {
        if !is_ready("certificates") || !has_program("openssl") {
            return Ok(());
        }
        // By its address the registry would be insecure.
        name_this_machine()?;
        let (registry, engine) = (Registry::private()?, Engine::new()?);
        let authority = registry.authority().replace("127.0.0.1", NAMED);
        let name = format!("{authority}/app:1");
        engine.succeed(&format!("tag toolbox {name}"))?;
        let refused = engine.run(&format!("push {name}"))?;
        ensure!(refused.code == Some(1), "{refused:?}");
        fs::create_dir_all("/etc/docker")?;
        let status = engine.program("mount", &["-t", "tmpfs", "tmpfs", "/etc/docker"]).status()?;
        ensure!(status.success(), "mount: {status}");
        let directory = std::path::Path::new("/etc/docker/certs.d").join(&authority);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("ca.crt"), "no certificate")?;
        has(&engine.run(&format!("push {name}"))?.stderr, "")?;
        fs::copy(registry.authority_file(), directory.join("ca.crt"))?;
        has(&engine.succeed(&format!("push {name}"))?.stdout, ": Pushed\n")?;
        let ran = Engine::new()?.succeed(&format!("run -q --rm --network none {name} echo here"))?;
        ensure!(ran.stdout == "here\n", "{ran:?}");
        Ok(())
    })
}

/// Seven layers and a configuration: none is taken before five are on their way, and never are there more.
#[test]
fn blobs_go_beside_each_other() -> Result<()> {
    apart("blobs_go_beside_each_other", || {
        let (registry, engine) = (Taking::start(UPLOADS_AT_ONCE)?, Engine::new()?);
        let (context, name) = (engine.scratch().join("ctx"), format!("{}/app:1", registry.authority()));
        fs::create_dir(&context)?;
        let copies: String = (1..=6).map(|number| format!("COPY Dockerfile /{number}\n")).collect();
        fs::write(context.join("Dockerfile"), format!("FROM toolbox\n{copies}"))?;
        engine.succeed(&format!("build -q -t {name} {}", context.display()))?;
        let pushed = engine.succeed(&format!("push {name}"))?.stdout;
        let lines: Vec<&str> = pushed.lines().skip(1).filter_map(|line| line.split_once(": ")).map(|(_, words)| words).collect();
        ensure!(lines[..9] == [["Preparing"; 7].as_slice(), &["Waiting"; 2]].concat() && lines[9..16] == ["Pushed"; 7], "{pushed}");
        ensure!(registry.most() == UPLOADS_AT_ONCE, "{} at once: {pushed}", registry.most());
        // Where steps are looked at they go one by one.
        let (single, name) = (Taking::start(1)?, "app:1");
        let there = format!("{}/{name}", single.authority());
        engine.succeed(&format!("tag {}/{name} {there}", registry.authority()))?;
        engine.succeed(&format!("--explain push {there}"))?;
        ensure!(single.most() == 1, "{} at once", single.most());
        is_whole(&engine)
    })
}

/// A layer of 40 MB that does not become shorter.
#[test]
fn a_long_layer_goes_in_pieces() -> Result<()> {
    apart("a_long_layer_goes_in_pieces", || {
        if !is_ready("pieces") || !has_program("script") {
            return Ok(());
        }
        let (registry, engine, name) = (Registry::start(None)?, Engine::new()?, "long:1");
        let (file, archive) = (engine.scratch().join("noise"), engine.scratch().join("noise.tar"));
        let script = "head -c 40000000 /dev/urandom > \"$0\" && tar -cf \"$1\" -C \"${0%/*}\" noise";
        let made = engine.program("sh", &["-c", script, &file.to_string_lossy(), &archive.to_string_lossy()]).status()?;
        ensure!(made.success(), "{made}");
        engine.succeed(&format!("import {} {name}", archive.display()))?;
        let there = registry.name(name);
        engine.succeed(&format!("tag {name} {there}"))?;
        // At a terminal: its line tells how far it is.
        let line = format!("{} push {there}", engine.binary().display());
        let shown: glassbox_tests::binary::Ended = engine.program("script", &["-qec", &line, "/dev/null"]).output()?.into();
        has(&shown.stdout, ": Pushing ")?;
        has(&shown.stdout, "MB/40.")?;
        has(&shown.stdout, ": Pushed ")?;
        let other = Engine::new()?;
        other.succeed(&format!("pull -q {there}"))?;
        other.succeed(&format!("create --name long {there} sh"))?;
        let back = engine.scratch().join("back");
        other.succeed(&format!("cp long:/noise {}", back.display()))?;
        ensure!(fs::read(back)? == fs::read(file)?, "other bytes");
        Ok(())
    })
}
