//! Published ports on the real kernel: from where they are reached and as whom, who has one that is taken, and what is left of them.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use glassbox::exec::Failure;
use glassbox::exec::network::in_namespace;
use glassbox::sys::netlink::Nft;
use glassbox_core::errno::Errno;
use glassbox_core::net::table_text;
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{Engine, has_program, skip};

/// Long, because a machine may be slow.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long nothing comes: it never will.
const SILENCE: Duration = Duration::from_secs(2);

/// A network namespace.
struct Place(File);

impl Place {
    fn here() -> Result<Place> {
        Ok(Place(File::open("/proc/thread-self/ns/net")?))
    }

    fn of(engine: &Engine, container: &str) -> Result<Place> {
        let pid = engine.succeed(&format!("inspect --format {{{{.State.Pid}}}} {container}"))?.stdout;
        Ok(Place(File::open(format!("/proc/{}/ns/net", pid.trim()))?))
    }

    fn within<T: Send>(&self, work: impl FnOnce() -> std::io::Result<T> + Send) -> std::io::Result<T> {
        let failure = |error: std::io::Error| Failure::of("", Errno(error.raw_os_error().unwrap_or(110)));
        in_namespace(&self.0, || work().map_err(failure)).map_err(|failure| std::io::Error::from_raw_os_error(failure.errno.0))
    }

    /// A server that tells each client by which address it knows it, for as long as the test runs.
    fn serve(&self, protocol: &str, port: u16) -> Result<()> {
        let any = SocketAddr::from(([0, 0, 0, 0], port));
        if protocol == "tcp" {
            let listener = self.within(|| TcpListener::bind(any))?;
            std::thread::spawn(move || {
                while let Ok((mut client, peer)) = listener.accept() {
                    let _ = client.write_all(peer.ip().to_string().as_bytes());
                }
            });
        } else {
            let socket = self.within(|| UdpSocket::bind(any))?;
            std::thread::spawn(move || {
                while let Ok((_, peer)) = socket.recv_from(&mut [0; 16]) {
                    let _ = socket.send_to(peer.ip().to_string().as_bytes(), peer);
                }
            });
        }
        Ok(())
    }

    /// As whom the server knows who asks from here, or why it cannot be reached.
    fn ask(&self, protocol: &str, at: &str) -> String {
        let Ok(at) = at.parse::<SocketAddr>() else { return format!("{at} is no address with a port") };
        let asked = self.within(|| {
            let mut answer = String::new();
            if protocol == "tcp" {
                let mut stream = TcpStream::connect_timeout(&at, SILENCE)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.read_to_string(&mut answer)?;
            } else {
                let socket = UdpSocket::bind(if at.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
                socket.set_read_timeout(Some(SILENCE))?;
                socket.connect(at)?;
                socket.send(b"?")?;
                let mut bytes = [0; 64];
                let length = socket.recv(&mut bytes)?;
                answer = String::from_utf8_lossy(&bytes[..length]).into_owned();
            }
            Ok(answer)
        });
        match asked {
            Ok(answer) if answer.parse::<IpAddr>().is_ok() => answer,
            Ok(_) => "closed".into(),
            Err(error) => match error.kind() {
                std::io::ErrorKind::ConnectionRefused => "refused".into(),
                std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => "silence".into(),
                std::io::ErrorKind::NetworkUnreachable => "no way".into(),
                _ => error.to_string(),
            },
        }
    }
}

/// A second host, at the other end of the machine's cable.
struct Outside(Child);

impl Outside {
    fn new() -> Result<Outside> {
        let mut holder = Command::new("unshare");
        let child = holder.args(["--net", "sh", "-c", "echo ready; exec sleep 1000"]).stdout(Stdio::piped()).spawn()?;
        let mut outside = Outside(child);
        outside.0.stdout.take().context("stdout")?.read_exact(&mut [0; 6])?;
        let pid = outside.0.id();
        let script = format!(
            "ip link set wire netns {pid} && nsenter --net=/proc/{pid}/ns/net sh -c \
             'ip link set lo up && ip address add 192.0.2.1/24 dev wire && ip link set wire up && ip route add 172.16.0.0/12 via 192.0.2.10'"
        );
        let status = Command::new("sh").args(["-c", &script]).status()?;
        ensure!(status.success(), "{script}: {status}");
        Ok(outside)
    }

    fn place(&self) -> Result<Place> {
        Ok(Place(File::open(format!("/proc/{}/ns/net", self.0.id()))?))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds()? {
        ensure!(Instant::now() < deadline, "in vain waited for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The columns of `docker run -p` in Docker's own documentation of packet filtering, and what its bridge does with each.
#[test]
fn a_published_port_is_reached_as_dockers_is() -> Result<()> {
    apart("a_published_port_is_reached_as_dockers_is", || {
        let engine = Engine::new()?;
        let outside = Outside::new()?;
        engine
            .succeed("run -d --name web -p 8080:80 -p 8081:81/udp -p 127.0.0.1:8082:80 -p 192.0.2.10:8083:80 toolbox sleep 1000")?;
        engine.succeed("run -d --name other toolbox sleep 1000")?;
        engine.succeed("network create apart")?;
        engine.succeed("run -d --name far --network apart toolbox sleep 1000")?;
        let (host, out) = (Place::here()?, outside.place()?);
        let (web, other, far) = (Place::of(&engine, "web")?, Place::of(&engine, "other")?, Place::of(&engine, "far")?);
        web.serve("tcp", 80)?;
        web.serve("udp", 81)?;
        let expected = [
            ("host", &host, "tcp", "127.0.0.1:8080", "172.17.0.1"),
            ("host", &host, "tcp", "[::1]:8080", "172.17.0.1"),
            ("host", &host, "tcp", "192.0.2.10:8080", "192.0.2.10"),
            ("host", &host, "tcp", "172.17.0.2:80", "172.17.0.1"),
            ("host", &host, "udp", "127.0.0.1:8081", "172.17.0.1"),
            ("host", &host, "udp", "192.0.2.10:8081", "192.0.2.10"),
            ("host", &host, "tcp", "127.0.0.1:8082", "172.17.0.1"),
            ("host", &host, "tcp", "192.0.2.10:8082", "refused"),
            ("host", &host, "tcp", "192.0.2.10:8083", "192.0.2.10"),
            ("host", &host, "tcp", "127.0.0.1:8083", "refused"),
            ("host", &host, "tcp", "127.0.0.1:80", "refused"),
            ("outside", &out, "tcp", "192.0.2.10:8080", "192.0.2.1"),
            ("outside", &out, "udp", "192.0.2.10:8081", "192.0.2.1"),
            ("outside", &out, "tcp", "192.0.2.10:8082", "refused"),
            ("outside", &out, "tcp", "192.0.2.10:8083", "192.0.2.1"),
            ("outside", &out, "tcp", "172.17.0.2:80", "silence"),
            ("other", &other, "tcp", "172.17.0.2:80", "172.17.0.3"),
            ("other", &other, "tcp", "172.17.0.1:8080", "172.17.0.1"),
            ("other", &other, "tcp", "192.0.2.10:8080", "172.17.0.1"),
            ("other", &other, "udp", "172.17.0.1:8081", "172.17.0.1"),
            ("other", &other, "tcp", "172.17.0.2:81", "refused"),
            ("web", &web, "tcp", "192.0.2.10:8080", "172.17.0.1"),
            ("web", &web, "tcp", "127.0.0.1:80", "127.0.0.1"),
            ("web", &web, "tcp", "127.0.0.1:8080", "refused"),
            ("far", &far, "tcp", "172.17.0.2:80", "silence"),
            ("far", &far, "tcp", "192.0.2.10:8080", "172.17.0.1"),
        ];
        let wrong: Vec<String> = expected
            .iter()
            .map(|(from, place, protocol, at, expected)| (format!("{from} to {at}/{protocol}"), place.ask(protocol, at), expected))
            .filter(|(_, found, expected)| found != *expected)
            .map(|(what, found, expected)| format!("{what}: {found}, and not {expected}"))
            .collect();
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        out.serve("tcp", 7000)?;
        ensure!(other.ask("tcp", "192.0.2.1:7000") == "192.0.2.10", "the way out is by the host's address");
        Ok(())
    })
}

#[test]
fn ports_move_with_the_way_out_and_end_with_it() -> Result<()> {
    apart("ports_move_with_the_way_out_and_end_with_it", || {
        let engine = Engine::new()?;
        let (host, outside) = (Place::here()?, Outside::new()?);
        for network in ["mid", "alpha", "--internal inner"] {
            engine.succeed(&format!("network create {network}"))?;
        }
        engine.succeed("run -d --name web --network mid -p 8080:80 toolbox sleep 1000")?;
        let web = Place::of(&engine, "web")?;
        web.serve("tcp", 80)?;
        let ask = || -> Result<(String, String)> {
            Ok((host.ask("tcp", "127.0.0.1:8080"), outside.place()?.ask("tcp", "192.0.2.10:8080")))
        };
        ensure!(ask()? == ("172.18.0.1".into(), "192.0.2.1".into()), "{:?}", ask()?);
        engine.succeed("network connect alpha web")?;
        ensure!(ask()? == ("172.19.0.1".into(), "192.0.2.1".into()), "{:?}", ask()?);
        engine.succeed("network disconnect alpha web")?;
        ensure!(ask()? == ("172.18.0.1".into(), "192.0.2.1".into()), "{:?}", ask()?);
        engine.succeed("network connect inner web")?;
        engine.succeed("network disconnect mid web")?;
        let _ = ask()?;
        ensure!(ask()?.0 == "refused", "{:?}", ask()?);
        engine.succeed("rm -f web")?;
        let rules = Nft::open().and_then(|mut nft| nft.rules()).map_err(|errno| anyhow::anyhow!("{errno}"))?.unwrap_or_default();
        ensure!(!rules.iter().any(|rule| rule.comment.contains("8080")), "{rules:?}");
        Ok(())
    })
}

#[test]
fn who_has_a_taken_port_is_told() -> Result<()> {
    apart("who_has_a_taken_port_is_told", || {
        let engine = Engine::new()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let refused = engine.run(&format!("run -d --name web -p {port}:80 toolbox sleep 1000"))?;
        let own = format!("glassbox: the process {} (", std::process::id());
        ensure!(refused.code == Some(125) && refused.stderr.contains("address already in use"), "{refused:?}");
        ensure!(
            refused.stderr.contains(&own) && refused.stderr.contains(&format!("listens at 127.0.0.1:{port}/tcp")),
            "{refused:?}"
        );
        drop(listener);
        engine.succeed("start web")?;
        ensure!(engine.succeed("port web")?.stdout.contains(&format!("0.0.0.0:{port}")), "it is free again");
        Ok(())
    })
}

#[test]
fn a_killed_monitor_leaves_no_port_and_no_rule() -> Result<()> {
    apart("a_killed_monitor_leaves_no_port_and_no_rule", || {
        let engine = Engine::new()?;
        engine.succeed("run -d --name web -p 8080:80 toolbox sleep 1000")?;
        let id = engine.succeed("inspect --format {{.Id}} web")?.stdout.trim().to_string();
        let record = std::fs::read_to_string(engine.root().join("containers").join(&id).join("state.json"))?;
        let record: serde_json::Value = serde_json::from_str(&record)?;
        let monitor = record["monitor"]["pid"].as_u64().context("no monitor")?;
        let status = Command::new("kill").args(["-9", &monitor.to_string()]).status()?;
        ensure!(status.success(), "kill: {status}");
        until("the port is free", || Ok(TcpListener::bind("0.0.0.0:8080").is_ok()))?;
        let state = engine.succeed("inspect --format {{.State.Status}} web")?.stdout;
        ensure!(state == "exited\n", "{state}");
        let rules = Nft::open().and_then(|mut nft| nft.rules()).map_err(|errno| anyhow::anyhow!("{errno}"))?.unwrap_or_default();
        let short = id.get(..12).context("a short id")?;
        ensure!(!rules.iter().any(|rule| rule.comment.starts_with(short)), "{rules:?}");
        engine.succeed("start web")?;
        Ok(())
    })
}

#[test]
fn nft_shows_the_rules_as_we_show_them() -> Result<()> {
    if !has_program("nft") {
        skip("nft is not installed: apt-get install nftables");
        return Ok(());
    }
    apart("nft_shows_the_rules_as_we_show_them", || {
        let engine = Engine::new()?;
        engine.succeed("network create --internal inner")?;
        engine.succeed("network create --ipv6 six")?;
        engine.succeed("run -d --name web -p 8080:80 -p 192.0.2.10:8081:81/udp -p 127.0.0.1:8082:82 toolbox sleep 1000")?;
        engine.succeed("run -d --name two --network six -p 9090:80 toolbox sleep 1000")?;
        engine.succeed("run -d --name three --network inner toolbox sleep 1000")?;
        let rules = Nft::open().and_then(|mut nft| nft.rules()).map_err(|errno| anyhow::anyhow!("{errno}"))?;
        let shown = Command::new("nft").args(["list", "table", "inet", "glassbox"]).output()?;
        let (shown, own) = (String::from_utf8(shown.stdout)?, table_text(&rules.context("no table")?));
        if shown.trim() != own.trim() {
            bail!("nft:\n{shown}\nours:\n{own}");
        }
        Ok(())
    })
}
