//! An ordinary user runs containers: root inside, she herself outside, nothing left behind, and clear words about what she cannot do.

use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{Ended, Engine, copy_program, has_program, skip};
use glassbox_tests::leftovers::Count;

/// Nobody's on a stock machine.
const USER: u32 = 12345;

/// An ordinary user with a home and a data root of her own, and a copy of the binary that she may execute.
struct Ordinary {
    engine: Engine,
}

impl Ordinary {
    fn new() -> Result<Ordinary> {
        let engine = Engine::new()?;
        std::fs::set_permissions(engine.scratch(), std::fs::Permissions::from_mode(0o755))?;
        copy_program(engine.binary(), &engine.scratch().join("glassbox"))?;
        std::fs::create_dir(engine.root())?;
        std::os::unix::fs::chown(engine.root(), Some(USER), Some(USER))?;
        Ok(Ordinary { engine })
    }

    fn command(&self, line: &str) -> Result<Command> {
        let id = USER.to_string();
        let (user, group) = (format!("--reuid={id}"), format!("--regid={id}"));
        let mut command = self.engine.program("setpriv", &[&user, &group, "--clear-groups"]);
        command.env("HOME", self.engine.root()).arg(self.engine.scratch().join("glassbox"));
        command.args(glassbox_core::cli::words_of(line).map_err(|error| anyhow::anyhow!(error.message))?);
        Ok(command)
    }

    fn run(&self, line: &str) -> Result<Ended> {
        Ok(self.command(line)?.output().context("setpriv")?.into())
    }
}

fn can_run() -> bool {
    let most = std::fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    let why = match (has_program("setpriv"), most.trim()) {
        (false, _) => "setpriv is not installed",
        (true, "0" | "") => "this kernel makes no user namespaces",
        _ => return true,
    };
    skip(why);
    false
}

#[test]
fn an_ordinary_user_is_root_inside() -> Result<()> {
    apart("an_ordinary_user_is_root_inside", || {
        if !can_run() {
            return Ok(());
        }
        let ordinary = Ordinary::new()?;
        let before = Count::now(&ordinary.engine.root());
        for network in ["none", "host"] {
            let ended = ordinary.run(&format!("run --rm --network {network} toolbox id -u"))?;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "0\n"), "{network}: {}", ended.stderr);
        }
        let map = ordinary.run("run --rm --network none toolbox cat /proc/self/uid_map")?;
        let numbers: Vec<&str> = map.stdout.split_whitespace().collect();
        assert_eq!(numbers, ["0", "12345", "1"]);
        assert_eq!(ordinary.run("run --rm --network none toolbox false")?.code, Some(1));
        assert_eq!(ordinary.run("run --rm --network none toolbox nope")?.code, Some(127));
        assert_eq!(Count::now(&ordinary.engine.root()).since(&before), [""; 0]);
        Ok(())
    })
}

#[test]
fn an_ordinary_users_binds_and_volumes_are_hers() -> Result<()> {
    apart("an_ordinary_users_binds_and_volumes_are_hers", || {
        if !can_run() {
            return Ok(());
        }
        let ordinary = Ordinary::new()?;
        let own = ordinary.engine.root().join("own");
        let flags = format!("--rm --network none -v {}:/bind -v data:/etc -v /tmp --tmpfs /run", own.display());
        let ended =
            ordinary.run(&format!("run {flags} toolbox sh -c 'touch /bind/a /etc/b /tmp/c /run/d; ls /etc/passwd; id -u'"))?;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "/etc/passwd\n0\n"), "{}", ended.stderr);
        assert_eq!(std::fs::metadata(own.join("a"))?.uid(), USER);
        let data = ordinary.engine.root().join("volumes/data/_data");
        assert_eq!(std::fs::metadata(data.join("b"))?.uid(), USER);
        let read_only = ordinary.run(&format!("run --rm --network none -v {}:/bind:ro toolbox touch /bind/x", own.display()))?;
        assert_eq!(read_only.code, Some(1), "{}", read_only.stderr);
        assert_eq!(ordinary.run("volume ls -q")?.stdout, "data\n");
        assert_eq!(ordinary.run("volume rm data")?.code, Some(0));
        assert!(!data.exists());
        Ok(())
    })
}

/// Mounts spread to a namespace that has less rights, and none from it: what is shared on the machine is not in hers.
#[test]
fn an_ordinary_users_mounts_can_be_slaves_and_not_shared() -> Result<()> {
    apart("an_ordinary_users_mounts_can_be_slaves_and_not_shared", || {
        if !can_run() {
            return Ok(());
        }
        ensure!(Command::new("mount").args(["--make-rshared", "/"]).status()?.success(), "mount --make-rshared");
        let ordinary = Ordinary::new()?;
        let place = ordinary.engine.scratch().join("place");
        std::fs::create_dir(&place)?;
        let run = |mode: &str| {
            let inside = "grep ' /data ' /proc/self/mountinfo | grep -c master:";
            ordinary.run(&format!("run --rm --network none -v {}:/data:{mode} toolbox sh -c \"{inside}\"", place.display()))
        };
        assert_eq!(run("rslave")?.stdout, "1\n");
        assert_eq!(run("rprivate")?.stdout, "0\n");
        let refused = run("rshared")?;
        let said = format!("path {} is mounted on / but it is not a shared mount\n", place.display());
        assert_eq!((refused.code, refused.stderr.contains(&said)), (Some(125), true), "{}", refused.stderr);
        Ok(())
    })
}

#[test]
fn with_the_host_network_its_own_interfaces_are_seen_and_without_only_loopback() -> Result<()> {
    apart("with_the_host_network_its_own_interfaces_are_seen_and_without_only_loopback", || {
        if !can_run() {
            return Ok(());
        }
        let ordinary = Ordinary::new()?;
        let own = std::fs::read_link("/proc/self/ns/net")?.display().to_string();
        let inside = |network: &str| -> Result<String> {
            let ended = ordinary.run(&format!("run --rm --network {network} toolbox cat /proc/self/net/dev"))?;
            ensure!(ended.code == Some(0), "{network}, here {own}: {}", ended.stderr);
            let names = ended.stdout.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim().to_string());
            Ok(names.collect::<Vec<_>>().join(" "))
        };
        let here = std::fs::read_to_string("/proc/self/net/dev")?;
        let here: Vec<&str> = here.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim()).collect();
        assert_eq!(inside("none")?, "lo");
        assert_eq!(inside("host")?, here.join(" "));
        Ok(())
    })
}

#[test]
fn what_root_inside_writes_is_the_users_outside() -> Result<()> {
    apart("what_root_inside_writes_is_the_users_outside", || {
        if !can_run() {
            return Ok(());
        }
        let ordinary = Ordinary::new()?;
        let before = Count::now(&ordinary.engine.root());
        let ended = ordinary.run("run --name web --network none toolbox sh -c 'echo hi > /root/written'")?;
        ensure!(ended.code == Some(0), "{ended:?}");
        let containers = ordinary.engine.root().join("containers");
        let container = std::fs::read_dir(&containers)?.next().context("no container")??.path();
        let metadata = std::fs::metadata(container.join("upper/root/written"))?;
        assert_eq!((metadata.uid(), metadata.gid()), (USER, USER));
        ensure!(ordinary.run("rm web")?.code == Some(0), "rm");
        assert_eq!(Count::now(&ordinary.engine.root()).since(&before), [""; 0]);
        Ok(())
    })
}

#[test]
fn a_detached_container_is_entered_stopped_and_removed() -> Result<()> {
    apart("a_detached_container_is_entered_stopped_and_removed", || {
        if !can_run() {
            return Ok(());
        }
        let ordinary = Ordinary::new()?;
        let before = Count::now(&ordinary.engine.root());
        for (line, stdout) in [
            ("run -d --name web --network none toolbox sleep 1000", None),
            ("exec web id -u", Some("0\n")),
            ("exec web hostname", None),
            ("kill web", Some("web\n")),
            ("wait web", Some("137\n")),
            ("rm web", Some("web\n")),
        ] {
            let ended = ordinary.run(line)?;
            ensure!(ended.code == Some(0), "{line}: {ended:?}");
            ensure!(stdout.is_none_or(|stdout| stdout == ended.stdout), "{line}: {ended:?}");
        }
        assert_eq!(Count::now(&ordinary.engine.root()).since(&before), [""; 0]);
        Ok(())
    })
}

#[test]
fn limits_that_cannot_be_kept_are_announced() -> Result<()> {
    apart("limits_that_cannot_be_kept_are_announced", || {
        if !can_run() {
            return Ok(());
        }
        let ordinary = Ordinary::new()?;
        let ended = ordinary.run("run --rm --network none -m 64m toolbox true")?;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let delegated = ended.stderr.is_empty();
        assert!(delegated || ended.stderr.contains("Limits discarded"), "{}", ended.stderr);
        Ok(())
    })
}
