//! A network namespace with a machine's network in it, as the model has it: for commands that are to see no other's bridges.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::binary::is_root;

/// Loopback, and `eth0` with an address behind a router, which is not there; it is no router itself.
pub const MACHINE: &str = "ip link set lo up && ip link add eth0 type veth peer name wire && ip address add 192.0.2.10/24 dev eth0 && \
                           ip link set wire up && ip link set eth0 up && ip route add default via 192.0.2.1 && echo 0 > /proc/sys/net/ipv4/ip_forward";

/// The namespace; it ends when dropped.
#[derive(Debug)]
pub struct Network {
    holder: Child,
}

impl Network {
    /// A new one. `None`: an ordinary user makes no bridges, and needs none.
    pub fn new() -> Result<Option<Network>> {
        if !is_root() {
            return Ok(None);
        }
        let script = format!("{MACHINE} && echo ready && exec sleep 100000");
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", &script]).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let mut holder = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("unshare")?;
        let mut line = String::new();
        if let Some(stdout) = holder.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        if line != "ready\n" {
            bail!("no network namespace: {line:?}");
        }
        Ok(Some(Network { holder }))
    }

    /// `program` in it.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("/usr/bin/nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.holder.id())).arg(program);
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
