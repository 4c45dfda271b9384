//! `-it`: a real terminal, through a pty whose other side plays the user.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::Stdio;

use glassbox::sys::terminal::{Pty, WindowSize, set_window_size};

use super::Machine;

/// Runs `script` on a terminal of its own, typing `keys` when `prompt` has appeared; answers the exit code and all that appeared.
fn on_a_terminal(machine: &Machine, script: &str, prompt: &str, keys: &str) -> (i32, String) {
    on_a_terminal_in_steps(machine, script, &[(prompt, keys)])
}

/// As `on_a_terminal`, with several prompts, each looked for after the one before.
fn on_a_terminal_in_steps(machine: &Machine, script: &str, steps: &[(&str, &str)]) -> (i32, String) {
    let pty = Pty::open("/dev/ptmx").unwrap();
    set_window_size(&pty.master, WindowSize { rows: 33, columns: 99 }).unwrap();
    let slave = pty.open_peer().unwrap();
    let end = || Stdio::from(slave.as_fd().try_clone_to_owned().unwrap());
    let mut child = machine.command(script).stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    drop(slave);
    let mut master = File::from(pty.master);
    let (mut seen, mut block, mut from, mut steps) = (Vec::new(), [0; 4096], 0, steps.iter());
    let mut next = steps.next();
    // EIO: nobody has the other side open any more.
    while let Ok(length) = master.read(&mut block) {
        seen.extend_from_slice(&block[..length]);
        while let Some((prompt, keys)) = next {
            let new = String::from_utf8_lossy(&seen[from..]).into_owned();
            let Some(at) = new.find(prompt) else { break };
            from += at + prompt.len();
            master.write_all(keys.as_bytes()).unwrap();
            next = steps.next();
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

#[test]
fn the_detach_keys_let_go_and_attach_comes_back() {
    let Some(machine) = Machine::new() else { return };
    let script = "$G run -it --name ww --network none toolbox sh -c 'echo ready; read word; echo got $word; exit 4'; echo let go $?
        test \"$($G inspect -f '{{.State.Status}}' ww)\" = running || exit 9
        $G attach --detach-keys ctrl-x,x ww; echo again $?; $G attach ww; code=$?; $G logs ww; $G rm -f ww; (exit $code)";
    let steps = [("ready", "wo\x10\x11"), ("let go 0", "\x18x"), ("again 1", "rd\r")];
    let (code, seen) = on_a_terminal_in_steps(&machine, script, &steps);
    assert_eq!(code, 4, "{seen}");
    assert!(seen.contains("read escape sequence") && seen.contains("got word\r\n"), "{seen:?}");
}

#[test]
fn the_detach_keys_let_go_of_an_exec_and_its_program_goes_on() {
    let Some(machine) = Machine::new() else { return };
    let script = "$G run -d --network none --name ww toolbox sleep 1000
        $G exec -it --detach-keys ctrl-x,x ww sh -c 'trap \"\" HUP; echo ready; while ! test -e /tmp/go; do sleep 0.01; done
            tty > /tmp/done; exit 4'; echo let go $?
        $G exec ww sh -c 'echo > /tmp/go; while ! test -s /tmp/done; do sleep 0.01; done; cat /tmp/done'
        $G exec -it ww sh -c 'echo begun; read word; echo got $word; exit 5'; echo ended $?
        $G exec -it ww /etc/passwd; echo refused $?
        $G rm -f ww; find $GLASSBOX_ROOT/journal -type f";
    let steps = [("ready", "a\x10\x11b\x18x"), ("let go 1", ""), ("begun", "word\x18\r")];
    let (_, seen) = on_a_terminal_in_steps(&machine, script, &steps);
    assert!(seen.contains("read escape sequence") && seen.contains("let go 1\r\n/dev/pts/"), "{seen:?}");
    assert!(seen.contains("got word\x18\r\nended 5\r\n"), "{seen:?}");
    assert!(seen.contains("permission denied") && seen.contains("refused 126\r\nww\r\n"), "{seen:?}");
    assert!(seen.ends_with("ww\r\n"), "{seen:?}");
}

#[test]
fn several_are_attached_at_once() {
    let Some(machine) = Machine::new() else { return };
    let script =
        "$G run -d -i --name ww --network none toolbox sh -c 'read a; echo one $a; read b; echo two $b >&2; exit 3' > /dev/null
        cd $(dirname $GLASSBOX_ROOT); mkfifo hold; ($G attach --no-stdin ww > first 2> errors; echo $? >> first) & looker=$!
        ($G attach ww < hold > second 2>&1; echo $? >> second) & typist=$!
        exec 5> hold; echo hello >&5
        until grep -qs one second; do sleep 0.02; done
        echo again >&5; wait $looker $typist; cat first errors second; $G rm ww";
    let ran = machine.run(script);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.contains("two again\n3\n"), "{ran:?}");
}

#[test]
fn a_container_goes_on_when_its_caller_is_killed() {
    let Some(machine) = Machine::new() else { return };
    let script = "cd $(dirname $GLASSBOX_ROOT)
        $G run --sig-proxy=false --name ww --network none toolbox sh -c 'echo ready; sleep 1000' > out & run=$!
        until grep -q ready out; do sleep 0.02; done; kill -9 $run; wait $run
        $G inspect -f '{{.State.Status}}' ww; $G rm -f ww";
    let ran = machine.run(script);
    assert_eq!((ran.code, ran.out.as_str()), (0, "running\nww\n"), "{ran:?}");
}
