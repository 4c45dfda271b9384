//! `-it`: a real terminal, through a pty whose other side plays the user.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::Stdio;

use glassbox::sys::terminal::{Pty, WindowSize, set_window_size};

use super::Machine;

/// Runs `script` on a terminal of its own, typing `keys` when `prompt` has appeared; answers the exit code and all that appeared.
fn on_a_terminal(machine: &Machine, script: &str, prompt: &str, keys: &str) -> (i32, String) {
    let pty = Pty::open("/dev/ptmx").unwrap();
    set_window_size(&pty.master, WindowSize { rows: 33, columns: 99 }).unwrap();
    let slave = pty.open_peer().unwrap();
    let end = || Stdio::from(slave.as_fd().try_clone_to_owned().unwrap());
    let mut child = machine.command(script).stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    drop(slave);
    let mut master = File::from(pty.master);
    let (mut seen, mut block, mut typed) = (Vec::new(), [0; 4096], false);
    // EIO: nobody has the other side open any more.
    while let Ok(length) = master.read(&mut block) {
        seen.extend_from_slice(&block[..length]);
        if !typed && String::from_utf8_lossy(&seen).contains(prompt) {
            master.write_all(keys.as_bytes()).unwrap();
            typed = true;
        }
    }
    let code = child.wait().unwrap().code().unwrap_or(-1);
    (code, String::from_utf8_lossy(&seen).into_owned())
}

#[test]
fn a_shell_on_a_terminal() {
    let Some(machine) = Machine::new() else { return };
    let script = "$G run --rm -it --network none toolbox sh -c 'tty; echo ready; read word; echo got $word; exit 4'";
    let (code, seen) = on_a_terminal(&machine, script, "ready", "key\r");
    assert_eq!(code, 4, "{seen}");
    assert!(seen.contains("/dev/pts/0\r\n") && seen.contains("got key\r\n"), "{seen:?}");
}

#[test]
fn exec_on_a_terminal() {
    let Some(machine) = Machine::new() else { return };
    let script = "$G run -d --network none --name ww toolbox sleep 100
        $G exec -it ww sh -c 'tty; echo ready; read word; echo got $word; exit 5'; code=$?; $G rm -f ww; (exit $code)";
    let (code, seen) = on_a_terminal(&machine, script, "ready", "key\r");
    assert_eq!(code, 5, "{seen}");
    assert!(seen.contains("/dev/pts/0\r\n") && seen.contains("got key\r\n"), "{seen:?}");
}

#[test]
fn the_debugger_and_its_shell_on_a_terminal() {
    let Some(machine) = Machine::new() else { return };
    let script = "$G --step run --rm -it --network none --hostname glass toolbox sh -c 'tty; exit 6'";
    let keys = "break MaskPath\rcontinue\rshell\rcat /etc/hostname; tty; echo typed-$((6 * 7))\rexit\rdelete\rcontinue\r";
    let (code, seen) = on_a_terminal(&machine, script, "(glassbox) ", keys);
    assert_eq!(code, 6, "{seen}");
    assert!(seen.contains("glass\r\n") && seen.contains("typed-42\r\n") && seen.contains("/dev/pts/0\r\n"), "{seen:?}");
    assert!(!seen.contains("model and Linux differ") && !seen.contains("cannot tell"), "{seen:?}");
}
