//! Bad input and bad surroundings: each gets Docker's exit code, a short error that says what to do next, and leaves nothing behind.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{Ended, Engine, copy_program, has_program, skip};
use glassbox_tests::leftovers::Count;

/// No message is longer, whatever was typed.
const MESSAGE_BYTES_MAX: usize = 4096;

/// 10 MB.
const GARBAGE_BYTES: usize = 10 << 20;

/// The kernel takes no longer single argument: MAX_ARG_STRLEN, 32 pages.
const ARGUMENT_BYTES: usize = 131_071;

/// The code is right, the message is short, names what to do next, and nothing was left behind since `before`.
fn refused(engine: &Engine, before: &Count, what: &str, ended: &Ended, code: i32) -> Result<()> {
    let start: String = ended.stderr.chars().take(600).collect();
    ensure!(ended.code == Some(code), "{what}: code {:?}, signal {:?}, not {code}: {start}", ended.code, ended.signal);
    ensure!(ended.stderr.len() < MESSAGE_BYTES_MAX, "{what}: a message of {} bytes: {start}", ended.stderr.len());
    let next = ended.stderr.lines().any(|line| line.starts_with("glassbox: ") || line.contains("--help"));
    ensure!(next, "{what}: no next action in: {start}");
    ensure!(!ended.stderr.contains("panicked"), "{what}: {start}");
    let left = Count::now(&engine.root()).since(before);
    ensure!(left.is_empty(), "{what} left behind: {left:?}");
    Ok(())
}

#[test]
fn words_that_cannot_be_done() -> Result<()> {
    apart("words_that_cannot_be_done", || {
        let engine = Engine::new()?;
        engine.succeed("run -d --name taken --network none toolbox sleep 1000")?;
        let before = Count::now(&engine.root());
        let network = "--rm --network none";
        let cases: &[(&str, i32)] = &[
            ("run {n} nosuchimage true", 125),
            ("run {n} toolbox no-such-program", 127),
            ("run {n} toolbox /bin/no-such-program", 127),
            ("run {n} toolbox /etc/passwd", 126),
            ("run {n} toolbox /etc", 126),
            ("run {n} --name taken toolbox true", 125),
            ("run {n} --name x toolbox true", 125),
            ("run {n} -m lots toolbox true", 125),
            ("run {n} -m 1k toolbox true", 125),
            ("run {n} --cpus minus toolbox true", 125),
            ("run {n} --pids-limit few toolbox true", 125),
            ("run {n} --cap-add NOT_A_CAPABILITY toolbox true", 125),
            ("run {n} --security-opt nonsense toolbox true", 125),
            ("run {n} -w relative toolbox true", 125),
            ("run {n} -u no-such-user toolbox true", 125),
            ("run {n} --no-such-flag toolbox true", 125),
            ("run --rm --network no-such-network toolbox true", 125),
            ("run {n}", 1),
            ("exec taken no-such-program", 127),
            ("exec nobody true", 1),
            ("start nobody", 1),
            ("stop -t soon taken", 125),
            ("kill -s NOSUCHSIGNAL taken", 1),
            ("logs nobody", 1),
            ("inspect nobody", 1),
        ];
        let mut problems = Vec::new();
        for (line, code) in cases {
            let line = line.replace("{n}", network);
            let ended = engine.run(&line)?;
            problems.extend(refused(&engine, &before, &line, &ended, *code).err().map(|error| error.to_string()));
        }
        engine.run("rm -f taken")?;
        ensure!(problems.is_empty(), "{} of {}:\n{}", problems.len(), cases.len(), problems.join("\n"));
        Ok(())
    })
}

#[test]
fn ten_megabytes_of_arguments() -> Result<()> {
    apart("ten_megabytes_of_arguments", || {
        let engine = Engine::new()?;
        engine.succeed("ps")?;
        let before = Count::now(&engine.root());
        let one = "x".repeat(ARGUMENT_BYTES);
        // As many as the kernel takes: 2 MB with the usual stack limit (execve(2)); `--label-file`s and the like are files, below.
        let many: Vec<&str> = std::iter::repeat_n(one.as_str(), GARBAGE_BYTES / ARGUMENT_BYTES).collect();
        let flood = |first: &[&str]| -> Result<Ended> {
            for count in [many.len(), 14, 10] {
                let words: Vec<&str> = first.iter().copied().chain(many.iter().copied().take(count)).collect();
                match engine.run_words(&words) {
                    Err(error) if error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error) == Some(7) => {}
                    answer => return answer,
                }
            }
            anyhow::bail!("the kernel takes no million bytes of arguments")
        };
        let cases: &[(&[&str], i32)] = &[
            (&[], 125),
            (&["run", "--rm", "--network", "none"], 125),
            (&["run", "--rm", "--network", "none", "-m"], 125),
            (&["run", "--rm", "--network", "none", "--name"], 125),
            (&["run", "--rm", "--network", "none", "--no-such-flag"], 125),
            (&["run", "--rm", "--network", "none", "toolbox"], 125),
        ];
        let mut problems = Vec::new();
        for (words, code) in cases {
            let ended = flood(words)?;
            // Where the words are too many for the plan, the engine refuses; where not, there is no such program or command.
            let code = if matches!(ended.code, Some(127 | 126 | 1)) { ended.code.unwrap_or(*code) } else { *code };
            problems
                .extend(refused(&engine, &before, &format!("{words:?} and garbage"), &ended, code).err().map(|e| e.to_string()));
        }
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    })
}

/// 10 MB of bytes that look like anything.
fn garbage() -> Vec<u8> {
    let mut seed = 88_172_645_463_325_252_u64;
    let next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed & 0xff) as u8
    };
    std::iter::repeat_with(next).take(GARBAGE_BYTES).collect()
}

#[test]
fn ten_megabytes_of_garbage_as_records() -> Result<()> {
    apart("ten_megabytes_of_garbage_as_records", || {
        let engine = Engine::new()?;
        let id = engine.succeed("create --name web --network none toolbox true")?.stdout.trim().to_string();
        let container = engine.root().join("containers").join(&id);
        let before = Count::now(&engine.root());
        let state = std::fs::read(container.join("state.json"))?;
        let spec = std::fs::read(container.join("config.json"))?;
        std::fs::write(container.join("state.json"), garbage())?;
        let listed = engine.run("ps -a")?;
        ensure!(listed.stderr.contains("glassbox: ") && listed.stderr.len() < MESSAGE_BYTES_MAX, "ps: {listed:?}");
        let mut problems = Vec::new();
        for line in ["start web", "inspect web"] {
            problems.extend(refused(&engine, &before, line, &engine.run(line)?, 1).err().map(|error| error.to_string()));
        }
        std::fs::write(container.join("state.json"), state)?;
        std::fs::write(container.join("config.json"), garbage())?;
        let started = engine.run("start -a web")?;
        ensure!(started.stderr.len() < MESSAGE_BYTES_MAX && matches!(started.code, Some(0 | 1)), "start: {started:?}");
        std::fs::write(container.join("config.json"), spec)?;
        std::fs::write(engine.root().join("journal/1-1-0.jsonl"), garbage())?;
        let journal = engine.run("ps")?;
        ensure!(journal.stderr.contains("glassbox: ") && journal.stderr.len() < MESSAGE_BYTES_MAX, "journal: {journal:?}");
        std::fs::remove_file(engine.root().join("journal/1-1-0.jsonl"))?;
        engine.succeed("rm web")?;
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    })
}

#[test]
fn a_data_root_that_may_not_be_written() -> Result<()> {
    apart("a_data_root_that_may_not_be_written", || {
        if !has_program("setpriv") {
            skip("setpriv is not installed");
            return Ok(());
        }
        let engine = Engine::new()?;
        std::fs::create_dir(engine.root())?;
        let copy = binary_for_all(&engine)?;
        let before = Count::now(&engine.root());
        let id = ["--reuid=65534", "--regid=65534", "--clear-groups", &copy, "run", "--rm", "--network", "none", "toolbox", "true"];
        let ended: Ended = engine.program("setpriv", &id).output()?.into();
        refused(&engine, &before, "a foreign data root", &ended, 125)?;
        ensure!(ended.stderr.contains("EACCES") || ended.stderr.to_lowercase().contains("permission"), "{}", ended.stderr);
        Ok(())
    })
}

/// A copy that any user may execute.
fn binary_for_all(engine: &Engine) -> Result<String> {
    std::fs::set_permissions(engine.scratch(), std::fs::Permissions::from_mode(0o755))?;
    let copy = engine.scratch().join("glassbox");
    copy_program(engine.binary(), &copy)?;
    Ok(copy.display().to_string())
}

/// An ordinary user in a user namespace in which no further one can be made: the feature that rootless containers need is missing.
#[test]
fn a_kernel_without_user_namespaces() -> Result<()> {
    apart("a_kernel_without_user_namespaces", || {
        let engine = Engine::new()?;
        let copy = binary_for_all(&engine)?;
        std::fs::create_dir(engine.root())?;
        std::os::unix::fs::chown(engine.root(), Some(12345), Some(12345))?;
        let before = Count::now(&engine.root());
        // Executed before its ids are mapped a shell has lost its capabilities; the one that it executes then, as root, has them.
        let limit = "echo 0 > /proc/sys/user/max_user_namespaces && \
                     exec setpriv --reuid=12345 --regid=12345 --clear-groups \"$@\" run --rm --network none toolbox true";
        let script = "read mapped && exec sh -c \"$@\"";
        let mut command = engine.program("unshare", &["--user", "sh", "-c", script, "sh", limit, "sh", &copy]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("unshare")?;
        map_all_ids(child.id())?;
        child.stdin.take().context("stdin")?.write_all(b"mapped\n")?;
        let ended: Ended = child.wait_with_output()?.into();
        if ended.stderr.contains("unshare:") || ended.stderr.contains("sh: ") {
            skip(&format!("max_user_namespaces cannot be set in a user namespace here: {}", ended.stderr.trim()));
            return Ok(());
        }
        refused(&engine, &before, "no user namespaces", &ended, 125)
    })
}

/// As root, from outside: every id stands for itself. The sysctl belongs to the user namespace in which it is written.
fn map_all_ids(pid: u32) -> Result<()> {
    let own = std::fs::read_link("/proc/self/ns/user")?;
    while std::fs::read_link(format!("/proc/{pid}/ns/user"))? == own {
        std::thread::yield_now();
    }
    for file in ["uid_map", "gid_map"] {
        std::fs::write(format!("/proc/{pid}/{file}"), "0 0 65536")?;
    }
    Ok(())
}

#[test]
fn a_full_disk() -> Result<()> {
    apart("a_full_disk", || {
        let engine = Engine::new()?;
        std::fs::create_dir(engine.root())?;
        let root = engine.root().display().to_string();
        let mut problems = Vec::new();
        // From a disk that holds nothing at all up to one on which a container runs: the run fails at another step each time.
        let mut ran = false;
        for blocks in (1..2000).step_by(37) {
            let size = format!("size={}k,nr_inodes=10000", blocks * 4);
            ensure!(engine.program("mount", &["-t", "tmpfs", "-o", &size, "small", &root]).status()?.success(), "mount");
            let before = Count::now(&engine.root());
            let ended = engine.run("run --rm --network none toolbox true")?;
            let left = full_disk(&engine, &before, &ended, blocks * 4).err().map(|error| error.to_string());
            problems.extend(left);
            ensure!(engine.program("umount", &[&root]).status()?.success(), "umount");
            if ended.code == Some(0) {
                ran = true;
                break;
            }
        }
        ensure!(ran, "no container ran even on 8 MB");
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    })
}

fn full_disk(engine: &Engine, before: &Count, ended: &Ended, kilobytes: usize) -> Result<()> {
    if ended.code == Some(0) {
        return Ok(());
    }
    refused(engine, before, &format!("a disk of {kilobytes} kB"), ended, 125)?;
    ensure!(ended.stderr.contains("ENOSPC") || ended.stderr.contains("space"), "{kilobytes} kB: {}", ended.stderr);
    ensure!(Path::new(&engine.root()).is_dir(), "the data root is gone");
    Ok(())
}
