//! One run of the machine: starts QEMU, shows what the job says, waits for the closing line, ends QEMU whatever happens.
//!
//! The first serial line is the kernel's console and goes to a file, shown only when the machine never came to its closing line.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::VmResult;
use super::image::Image;
use crate::process;

const CLOSING: &str = "GLASSBOX-EXIT ";
const CONSOLE_LINES: usize = 30;

/// Boots `image` with the job's disk and waits for the job's end, at most `timeout`.
pub fn run(image: &Image, disk: &Path, timeout: Duration) -> Result<VmResult> {
    let console = tempfile::NamedTempFile::new()?;
    let start = Instant::now();
    let mut machine = Machine::start(image, disk, console.path())?;
    let lines = machine.lines()?;
    match listen(&lines, start + timeout) {
        Ok((status, output)) => Ok(VmResult { status, output, took: start.elapsed() }),
        Err(error) => {
            let console = std::fs::read(console.path()).unwrap_or_default();
            Err(error.context(format!("the machine's console ended with:\n{}", last_lines(&String::from_utf8_lossy(&console)))))
        }
    }
}

/// A running QEMU, ended when dropped.
struct Machine(Child);

impl Machine {
    fn start(image: &Image, disk: &Path, console: &Path) -> Result<Machine> {
        let child = qemu(image, disk, console).stdout(Stdio::piped()).spawn().context("cannot start qemu-system-x86_64")?;
        Ok(Machine(child))
    }

    fn lines(&mut self) -> Result<Receiver<String>> {
        let stdout = self.0.stdout.take().context("QEMU's output was taken already")?;
        let (sender, receiver) = channel();
        std::thread::spawn(move || read_lines(stdout, &sender));
        Ok(receiver)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to do, and nothing to tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read_lines(stdout: ChildStdout, sender: &std::sync::mpsc::Sender<String>) {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
            return;
        }
        line.clear();
    }
}

fn listen(lines: &Receiver<String>, deadline: Instant) -> Result<(i32, String)> {
    let mut output = String::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(status) = closing(&line) {
                    return Ok((status?, output));
                }
                print!("{line}");
                output.push_str(&line);
            }
            Err(RecvTimeoutError::Timeout) => bail!("the job did not end in time"),
            Err(RecvTimeoutError::Disconnected) => bail!("the machine went off before the job's end"),
        }
    }
}

/// The status, if this is the closing line. The job's last line may have had no newline.
fn closing(line: &str) -> Option<Result<i32>> {
    let (_, status) = line.rsplit_once(CLOSING)?;
    Some(status.trim().parse().with_context(|| format!("an odd closing line: {line:?}")))
}

fn qemu(image: &Image, disk: &Path, console: &Path) -> Command {
    let mut command = process::program("qemu-system-x86_64");
    // KVM is not asked for: where this runs it may be absent, or present and hang.
    command.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024"]);
    command.args(["-nodefaults", "-no-reboot", "-display", "none", "-device", "virtio-rng-pci"]);
    command.arg("-kernel").arg(&image.kernel).arg("-initrd").arg(&image.initrd);
    command.args(["-append", "console=ttyS0 quiet panic=-1 systemd.show_status=0"]);
    command.arg("-drive").arg(format!("file={},format=raw,if=virtio,snapshot=on", image.disk.display()));
    command.arg("-drive").arg(format!("file={},format=raw,if=virtio,readonly=on", disk.display()));
    command.arg("-serial").arg(format!("file:{}", console.display())).args(["-serial", "stdio"]);
    command
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(CONSOLE_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Result<(i32, String)> {
        let (sender, receiver) = channel();
        for line in lines {
            sender.send((*line).to_owned()).unwrap();
        }
        drop(sender);
        listen(&receiver, Instant::now() + Duration::from_secs(5))
    }

    #[test]
    fn the_closing_line_carries_the_status_and_is_no_output() {
        assert_eq!(said(&["one\n", "GLASSBOX-EXIT 7\n"]).unwrap(), (7, "one\n".into()));
        assert_eq!(said(&["no newlineGLASSBOX-EXIT 0\n"]).unwrap().0, 0);
    }

    #[test]
    fn a_machine_that_goes_off_early_is_an_error() {
        assert!(said(&["one\n"]).unwrap_err().to_string().contains("went off"));
        assert!(said(&["GLASSBOX-EXIT\n", "GLASSBOX-EXIT x\n"]).is_err());
    }
}
