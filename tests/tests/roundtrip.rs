//! Round trips with programs that no one here wrote: podman, buildah, skopeo, umoci and docker-registry take what is built, saved and pushed
//! here, and what they write loads and runs here: with the same output, environment, user and exit code.

// The registry that answers wrongly is not needed here.
#[allow(dead_code, unused_imports)]
mod served;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{Ended, Engine, has_program, skip};
use glassbox_tests::marked::{self, expected};
use served::Registry;

/// runc looks for its cgroups where /proc/self/cgroup says: seen from the test's own, which stand where the trees' roots do.
const IN_OWN_CGROUPS: &str =
    "for tree in /sys/fs/cgroup/*/; do echo 0 > $tree/cgroup.procs; done 2> /dev/null; exec unshare --cgroup \"$0\" \"$@\"";

/// What is missing of what a test needs.
fn is_ready(test: &str, programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| !has_program(program));
    if let Some(program) = missing {
        skip(&format!("{test}: no {program}"));
    }
    missing.is_none()
}

/// podman and buildah with a storage of their own, in a place that goes with the engine's.
struct Others<'a> {
    engine: &'a Engine,
}

impl Others<'_> {
    /// podman's locks are the machine's, under names that every storage has: here nobody else sees them.
    fn new(engine: &Engine) -> Result<Others<'_>> {
        for directory in ["/dev/shm", "/run"] {
            let status = engine.program("mount", &["-t", "tmpfs", "tmpfs", directory]).status()?;
            ensure!(status.success(), "mount {directory}: {status}");
        }
        Ok(Others { engine })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.engine.scratch().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn run(&self, program: &str, words: &[&str]) -> Result<Ended> {
        let (root, run) = (self.text("storage"), self.text("storage-run"));
        let mut all = vec!["--root", &root, "--runroot", &run, "--storage-driver", "vfs"];
        if program == "podman" {
            all.extend(["--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", "runc"]);
        }
        all.extend(words);
        let all = [&["-c", IN_OWN_CGROUPS, program], &all[..]].concat();
        Ok(self.engine.program("sh", &all).output().with_context(|| program.to_string())?.into())
    }

    fn succeed(&self, program: &str, words: &[&str]) -> Result<Ended> {
        let ended = self.run(program, words)?;
        ensure!(ended.code == Some(0), "{program} {words:?}: {ended:?}");
        Ok(ended)
    }

    fn plain(&self, program: &str, words: &[&str]) -> Result<String> {
        let ended = Ended::from(self.engine.program(program, words).output().with_context(|| program.to_string())?);
        ensure!(ended.code == Some(0), "{program} {words:?}: {ended:?}");
        Ok(ended.stdout)
    }

    /// As podman runs it.
    fn ran(&self, image: &str) -> Result<(Option<i32>, String)> {
        let ended = self.run("podman", &["run", "--rm", "--network", "none", "--cgroups", "no-conmon", image])?;
        Ok((ended.code, ended.stdout + &ended.stderr))
    }
}

/// As it runs here.
fn ran_here(engine: &Engine, image: &str) -> Result<(Option<i32>, String)> {
    let ended = engine.run(&format!("run --rm --network none {image}"))?;
    Ok((ended.code, ended.stdout))
}

/// An image with everything that could be lost on the way.
fn build(engine: &Engine) -> Result<()> {
    let context = engine.scratch().join("context");
    marked::write_context(&context)?;
    engine.succeed(&format!("build -q -t app:1 {}", context.display())).map(drop)
}

#[test]
fn what_is_built_here_runs_elsewhere() -> Result<()> {
    apart("what_is_built_here_runs_elsewhere", || {
        if !is_ready("podman", &["podman", "skopeo", "umoci", "runc"]) {
            return Ok(());
        }
        let engine = Engine::new()?;
        let others = Others::new(&engine)?;
        build(&engine)?;
        ensure!(ran_here(&engine, "app:1")? == expected(), "{:?}", ran_here(&engine, "app:1")?);
        let archive = others.text("app.tar");
        engine.succeed(&format!("save -o {archive} app:1"))?;
        others.succeed("podman", &["load", "-q", "-i", &archive])?;
        ensure!(others.ran("docker.io/library/app:1")? == expected(), "{:?}", others.ran("docker.io/library/app:1")?);
        others.succeed("podman", &["rmi", "docker.io/library/app:1"])?;
        // The store is an image layout, and so is what `save` writes.
        let (layout, copy) = (engine.root().join("images").display().to_string(), others.text("copy"));
        for source in
            [format!("oci:{layout}:docker.io/library/app:1"), format!("oci-archive:{archive}"), format!("docker-archive:{archive}")]
        {
            let destination = format!("dir:{copy}");
            others.plain("skopeo", &["--insecure-policy", "copy", "-q", &source, &destination])?;
            let shown = others.plain("skopeo", &["inspect", "--config", &destination])?;
            ensure!(shown.contains("\"GREETING=hello\"") && shown.contains("\"7:8\""), "{source}: {shown}");
        }
        let listed = others.plain("umoci", &["ls", "--layout", &layout])?;
        ensure!(listed == "docker.io/library/app:1\n", "{listed}");
        let bundle = others.text("bundle");
        others.plain("umoci", &["unpack", "--image", &format!("{layout}:docker.io/library/app:1"), &bundle])?;
        ensure!(fs::read_to_string(others.path("bundle/rootfs/srv/deep/f"))? == "given\nmore\n");
        Ok(())
    })
}

#[test]
fn what_others_build_runs_here() -> Result<()> {
    apart("what_others_build_runs_here", || {
        if !is_ready("buildah", &["podman", "buildah", "skopeo"]) {
            return Ok(());
        }
        let engine = Engine::new()?;
        let others = Others::new(&engine)?;
        build(&engine)?;
        let archive = others.text("app.tar");
        engine.succeed(&format!("save -o {archive} app:1"))?;
        others.succeed("podman", &["load", "-q", "-i", &archive])?;
        for format in ["docker-archive", "oci-archive"] {
            let (other, saved) = (Engine::new()?, others.text(format));
            others.succeed("podman", &["save", "-q", "--format", format, "-o", &saved, "docker.io/library/app:1"])?;
            let loaded = other.succeed(&format!("load -i {saved}"))?;
            ensure!(loaded.stdout == "Loaded image: app:1\n", "{loaded:?}");
            ensure!(ran_here(&other, "app:1")? == expected(), "{format}: {:?}", ran_here(&other, "app:1")?);
            ensure!(other.succeed("fsck")?.stdout.ends_with("nothing is broken\n"));
        }
        let dockerfile = others.path("Containerfile");
        fs::write(
            &dockerfile,
            "FROM docker.io/library/app:1\nUSER 0\nCOPY given /srv/second\nRUN [\"rm\", \"/srv/deep/f\"]\nRUN [\"ln\", \"-s\", \"/srv/second\", \"f\"]\nENV GREETING=buildah\nUSER 7:8\n",
        )?;
        let (file, context) = (dockerfile.display().to_string(), others.text("context"));
        others.succeed("buildah", &["bud", "--isolation", "chroot", "-q", "--layers", "-t", "bud:1", "-f", &file, &context])?;
        let scratch = others.succeed("buildah", &["from", "scratch"])?.stdout.trim().to_string();
        others.succeed("buildah", &["copy", "-q", &scratch, &others.text("context/given"), "/only"])?;
        others.succeed("buildah", &["commit", "-q", &scratch, "only:1"])?;
        let wanted = expected().1.replace("hello", "buildah").replace("more\n", "").replace("-rwsr-x---", "lrwxrwxrwx");
        for transport in ["docker-archive", "oci-archive"] {
            let (other, name) = (Engine::new()?, format!("{transport}.tar"));
            for image in ["bud:1", "only:1"] {
                let saved = format!("{}-{image}", others.text(&name)).replace(':', "-");
                others.succeed("buildah", &["push", "-q", image, &format!("{transport}:{saved}:docker.io/library/{image}")])?;
                other.succeed(&format!("load -q -i {saved}"))?;
            }
            ensure!(ran_here(&other, "bud:1")? == (Some(7), wanted.clone()), "{transport}: {:?}", ran_here(&other, "bud:1")?);
            other.succeed("create --name only --network none only:1 sh")?;
            let copied = other.succeed("cp only:/only -")?;
            ensure!(copied.stdout.contains("given\n"), "{copied:?}");
            ensure!(other.succeed("fsck")?.stdout.ends_with("nothing is broken\n"));
        }
        Ok(())
    })
}

#[test]
fn what_is_pushed_here_is_pulled_and_run_elsewhere_and_back() -> Result<()> {
    apart("what_is_pushed_here_is_pulled_and_run_elsewhere_and_back", || {
        if !is_ready("push", &["podman", "skopeo", "docker-registry", "htpasswd"]) {
            return Ok(());
        }
        let registry = Registry::start(Some(("ann", "secret")))?;
        let engine = Engine::new()?;
        let others = Others::new(&engine)?;
        build(&engine)?;
        let (name, docker) = (registry.name("team/app:1"), others.text("docker"));
        let at = registry.authority();
        let with_login = |engine: &Engine, words: &[&str]| -> Result<Ended> {
            Ok(engine.command(words).env("DOCKER_CONFIG", &docker).output()?.into())
        };
        ensure!(with_login(&engine, &["login", "-u", "ann", "-p", "secret", &at])?.code == Some(0));
        engine.succeed(&format!("tag app:1 {name}"))?;
        let pushed = with_login(&engine, &["push", &name])?;
        ensure!(pushed.code == Some(0), "{pushed:?}");
        let digest = pushed.stdout.split("digest: ").nth(1).and_then(|rest| rest.split(' ').next()).context("no digest")?;
        let inspected =
            others.plain("skopeo", &["inspect", "--tls-verify=false", "--creds", "ann:secret", &registry.url("team/app:1")])?;
        ensure!(inspected.contains(digest) && inspected.contains("GREETING=hello"), "{inspected}");
        others.succeed("podman", &["pull", "-q", "--tls-verify=false", "--creds", "ann:secret", &name])?;
        ensure!(others.ran(&name)? == expected(), "{:?}", others.ran(&name)?);
        // Its way back: by podman in Docker's own form, and by skopeo in OCI's with zstd.
        let (by_podman, by_skopeo) = (registry.name("back/app:v2s2"), registry.url("back/app:zstd"));
        others.succeed(
            "podman",
            &["push", "-q", "--format", "v2s2", "--tls-verify=false", "--creds", "ann:secret", &name, &by_podman],
        )?;
        let both = ["--dest-tls-verify=false", "--dest-creds", "ann:secret"];
        let words = [&["--insecure-policy", "copy", "-q", "--dest-compress-format", "zstd"], &both[..]].concat();
        let stored = format!("oci:{}/images:docker.io/library/app:1", engine.root().display());
        others.plain("skopeo", &[&words[..], &[&stored, &by_skopeo]].concat())?;
        for tag in ["v2s2", "zstd"] {
            let (other, name) = (Engine::new()?, registry.name(&format!("back/app:{tag}")));
            let pulled = with_login(&other, &["pull", &name])?;
            ensure!(pulled.code == Some(0), "{pulled:?}");
            ensure!(ran_here(&other, &name)? == expected(), "{tag}: {:?}", ran_here(&other, &name)?);
            // What is pushed again unchanged has the digest that it had.
            let digest = pulled.stdout.split("Digest: ").nth(1).and_then(|rest| rest.lines().next()).context("no digest")?;
            let again = registry.name(&format!("again/app:{tag}"));
            other.succeed(&format!("tag {name} {again}"))?;
            let pushed = with_login(&other, &["push", &again])?;
            ensure!(pushed.stdout.contains(digest), "{tag}: {digest} became {pushed:?}");
            let of_both = other.succeed(&format!("image inspect -f '{{{{json .RepoDigests}}}}' {again}"))?.stdout;
            let repository = |name: &str| format!("{at}/{name}/app@{digest}");
            ensure!(of_both.contains(&repository("back")) && of_both.contains(&repository("again")), "{of_both}");
            ensure!(other.succeed("fsck")?.stdout.ends_with("nothing is broken\n"));
        }
        Ok(())
    })
}
