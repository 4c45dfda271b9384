//! `glassbox layers` and `build` on a terminal: the built binary at a real pseudoterminal, its screen read as a terminal reads it (vt100).

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use glassbox::sys::file::{Watch, poll};
use glassbox::sys::terminal::{Pty, WindowSize, is_cooked, set_window_size};
use glassbox_tests::apart::apart;
use glassbox_tests::binary::Engine;

const PATIENCE: Duration = Duration::from_secs(60);
const TURN_MS: u32 = 100;

/// The binary at a terminal of its own.
struct Screen {
    child: Child,
    master: File,
    peer: OwnedFd,
    seen: vt100::Parser,
    bytes: Vec<u8>,
}

impl Screen {
    fn start(engine: &Engine, words: &[&str]) -> Result<Screen> {
        let pty = Pty::open("/dev/ptmx")?;
        set_window_size(&pty.master, WindowSize { rows: 24, columns: 80 })?;
        let peer = pty.open_peer()?;
        let binary = engine.binary().to_string_lossy().into_owned();
        // A session of its own, whose terminal this is: so it is told when the window changes.
        let mut command = engine.program("setsid", &[&["--ctty", binary.as_str()], words].concat());
        command.env("TERM", "xterm").stdin(peer.try_clone()?).stdout(peer.try_clone()?).stderr(peer.try_clone()?);
        let child = command.spawn()?;
        Ok(Screen { child, master: File::from(pty.master), peer, seen: vt100::Parser::new(24, 80, 0), bytes: Vec::new() })
    }

    fn type_in(&mut self, keys: &str) -> Result<()> {
        Ok(self.master.write_all(keys.as_bytes())?)
    }

    /// Takes what has been written.
    fn take(&mut self) -> Result<()> {
        let mut watches = [Watch::read(&self.master)];
        poll(&mut watches, Some(TURN_MS))?;
        if watches[0].readable {
            let mut buffer = [0; 4096];
            let count = self.master.read(&mut buffer)?;
            self.seen.process(&buffer[..count]);
            self.bytes.extend_from_slice(&buffer[..count]);
        }
        Ok(())
    }

    fn until(&mut self, what: &str, is_there: impl Fn(&str) -> bool) -> Result<()> {
        let begun = Instant::now();
        while !is_there(&self.seen.screen().contents()) {
            if begun.elapsed() > PATIENCE {
                bail!("no {what} on the screen:\n{}", self.seen.screen().contents());
            }
            self.take()?;
        }
        Ok(())
    }

    fn shows(&mut self, wanted: &str) -> Result<()> {
        self.until(wanted, |screen| screen.contains(wanted))
    }

    /// Its end, and that the terminal is as it was.
    fn end(&mut self) -> Result<ExitStatus> {
        let begun = Instant::now();
        let status = loop {
            self.take()?;
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                self.child.kill()?;
                bail!("it does not end:\n{}", self.seen.screen().contents());
            }
        };
        self.take()?;
        ensure!(is_cooked(&self.peer)?, "the terminal is still raw");
        ensure!(!self.seen.screen().alternate_screen(), "the alternate screen is still there");
        ensure!(!self.seen.screen().hide_cursor(), "the cursor is still hidden");
        Ok(status)
    }
}

/// Three layers: what the second brings, the third removes.
fn image(engine: &Engine) -> Result<()> {
    let context = engine.scratch().join("ctx");
    fs::create_dir(&context)?;
    fs::write(context.join("Dockerfile"), "FROM toolbox\nRUN echo 12345 > /five\nRUN rm /five; echo there > /there\n")?;
    engine.succeed(&format!("build -q --network none -t web {}", context.display())).map(drop)
}

#[test]
fn layers_are_looked_through_on_the_whole_screen() -> Result<()> {
    apart("layers_are_looked_through_on_the_whole_screen", || {
        let engine = Engine::new()?;
        image(&engine)?;
        let mut screen = Screen::start(&engine, &["layers", "web"])?;
        screen.shows("web:latest: ")?;
        screen.shows("in 3 layers, 6B")?;
        screen.shows("u hidden only")?;
        ensure!(!is_cooked(&screen.peer)? && screen.seen.screen().alternate_screen(), "no screen of its own");
        // To the second layer, and into its files.
        screen.type_in("j")?;
        screen.shows("five by 3")?;
        screen.type_in("\t")?;
        screen.shows("/five added, file 644 0:0, removed in layer 3")?;
        screen.type_in("\r")?;
        screen.shows("12345")?;
        screen.shows("/five in layer 2, 1 lines")?;
        screen.type_in("q")?;
        screen.shows("fold")?;
        screen.type_in("w")?;
        screen.shows("6B in 1 file removed")?;
        screen.type_in("\x1b")?;
        screen.shows("fold")?;
        set_window_size(&screen.master, WindowSize { rows: 40, columns: 120 })?;
        screen.seen.screen_mut().set_size(40, 120);
        screen.until("a line below the 24th", |contents| contents.lines().nth(39).is_some_and(|line| line.contains("q end")))?;
        screen.type_in("q")?;
        ensure!(screen.end()?.code() == Some(0));
        Ok(())
    })
}

#[test]
fn a_signal_and_ctrl_c_leave_the_terminal_as_it_was() -> Result<()> {
    apart("a_signal_and_ctrl_c_leave_the_terminal_as_it_was", || {
        let engine = Engine::new()?;
        for (signal, code) in [("-TERM", 143), ("-HUP", 129), ("-INT", 130), ("-QUIT", 131)] {
            let mut screen = Screen::start(&engine, &["layers", "toolbox"])?;
            screen.shows("q end")?;
            let sent = engine.program("kill", &[signal, &screen.child.id().to_string()]).status()?;
            ensure!(sent.success());
            let ended = screen.end()?;
            ensure!(ended.code() == Some(code), "{signal}: {ended}");
        }
        let mut screen = Screen::start(&engine, &["layers", "toolbox"])?;
        screen.shows("q end")?;
        screen.type_in("\x03")?;
        ensure!(screen.end()?.code() == Some(0));
        Ok(())
    })
}

/// A terminal that cannot, a pipe, and options that ask for something else.
#[test]
fn text_is_printed_where_it_is_asked_for() -> Result<()> {
    apart("text_is_printed_where_it_is_asked_for", || {
        let engine = Engine::new()?;
        for words in [&["layers", "--text", "toolbox"][..], &["layers", "--json", "toolbox"], &["--explain", "layers", "toolbox"]] {
            let mut screen = Screen::start(&engine, words)?;
            ensure!(screen.end()?.code() == Some(0));
            let text = String::from_utf8_lossy(&screen.bytes).into_owned();
            ensure!(text.contains("toolbox") && !text.contains("\x1b[?1049h"), "{words:?}: {text:?}");
        }
        let piped = engine.succeed("layers toolbox")?;
        ensure!(piped.stdout.starts_with("toolbox:latest\n"), "{}", piped.stdout);
        Ok(())
    })
}

const ON_A_TERMINAL: &str = "\
FROM toolbox
RUN echo first; sleep 1; echo second
RUN --mount=type=cache,target=/gate echo waits; until test -e /gate/open; do sleep 0.05; done; exit 3
";

#[test]
fn a_build_is_drawn_and_its_failure_stands_below() -> Result<()> {
    apart("a_build_is_drawn_and_its_failure_stands_below", || {
        let engine = Engine::new()?;
        let context = engine.scratch().join("ctx");
        fs::create_dir_all(&context)?;
        let directory = context.display().to_string();
        fs::write(context.join("Dockerfile"), ON_A_TERMINAL)?;
        let mut screen = Screen::start(&engine, &["build", &directory])?;
        screen.shows("\n => => # waits")?;
        let seen = screen.seen.screen().contents();
        ensure!(seen.starts_with("[+] Building ") && seen.lines().next().is_some_and(|line| line.contains("(3/4) ")), "{seen}");
        ensure!(!seen.contains("# first"), "the lines of a program that has ended are still there:\n{seen}");
        // The clock goes on while the program is silent.
        let timer = |screen: &str| screen.lines().find(|line| line.contains("[3/3] RUN")).map(str::to_string);
        let then = timer(&seen);
        screen.until("time that goes by", |screen| timer(screen) != then)?;
        let gate = engine.root().join("build-mounts");
        let gate = fs::read_dir(gate)?.next().ok_or_else(|| anyhow::anyhow!("no cache is there"))??.path();
        fs::write(gate.join("_data/open"), "")?;
        let status = screen.end()?;
        let seen = screen.seen.screen().contents();
        ensure!(status.code() == Some(1), "{status}\n{seen}");
        ensure!(String::from_utf8_lossy(&screen.bytes).contains(" FINISHED "), "{seen}");
        let wanted = ["\n => ERROR [3/3] RUN", "\n------\n > [3/3] RUN", " waits\n------\n", "exit code: 3"];
        for what in wanted {
            ensure!(seen.contains(what), "{what:?} is missing in:\n{seen}");
        }

        let plain = engine.run_words(&["build", "--progress", "tty", &directory])?;
        ensure!(plain.code == Some(1) && plain.stderr.contains("failed to get console"), "{plain:?}");
        let wrong = engine.run_words(&["build", "--progress", "loud", &directory])?;
        ensure!(
            wrong.code == Some(1) && wrong.stderr.starts_with("ERROR: failed to build: invalid progress mode loud\n"),
            "{wrong:?}"
        );
        let mut lines = Screen::start(&engine, &["build", "--progress", "plain", &directory])?;
        lines.shows("#3 CACHED")?;
        lines.end().map(drop)
    })
}
