//! Who listens: the tables of sockets of a network namespace, proc_pid_net(5), and the processes that have those sockets open.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use glassbox_core::diagnosis::Diagnosis;
use glassbox_core::model::{PublishedPort, addresses_meet};
use glassbox_core::net::Protocol;

/// The tables, with the state that a socket which listens has in them: linux/tcp_states.h; of UDP it is TCP_CLOSE.
const TABLES: [(&str, Protocol, u8); 4] =
    [("tcp", Protocol::Tcp, 10), ("tcp6", Protocol::Tcp, 10), ("udp", Protocol::Udp, 7), ("udp6", Protocol::Udp, 7)];

/// A socket that listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// Of which protocol.
    pub protocol: Protocol,
    /// Where.
    pub at: SocketAddr,
    /// Its number.
    pub inode: u64,
}

/// Those in the network namespace of a process, `self` or its number; sorted.
pub fn listeners(process: &str) -> Vec<Listener> {
    let of_table = |(name, protocol, state): &(&str, Protocol, u8)| {
        let text = fs::read_to_string(format!("/proc/{process}/net/{name}")).unwrap_or_default();
        text.lines().skip(1).filter_map(|line| listener(line, *protocol, *state)).collect::<Vec<_>>()
    };
    let mut all: Vec<Listener> = TABLES.iter().flat_map(of_table).collect();
    all.sort();
    all
}

/// The same without their numbers, each place once.
pub fn places(process: &str) -> Vec<(Protocol, SocketAddr)> {
    let mut all: Vec<_> = listeners(process).into_iter().map(|listener| (listener.protocol, listener.at)).collect();
    all.dedup();
    all
}

/// `0: 0100007F:1F90 00000000:0000 0A … 0 12345 …`
fn listener(line: &str, protocol: Protocol, listens: u8) -> Option<Listener> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    if u8::from_str_radix(state, 16) != Ok(listens) {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let at = SocketAddr::new(address_of(address)?, u16::from_str_radix(port, 16).ok()?);
    Some(Listener { protocol, at, inode: inode.parse().ok()? })
}

/// Words of four bytes, each as the machine has them.
fn address_of(digits: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(digits.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    match digits.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let bytes: Vec<u8> = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into())
        }
        _ => None,
    }
}

/// Which process of the host has a port that was to be held. A socket at `::` that takes IPv4 as well has both.
pub fn who_holds(port: &PublishedPort) -> Option<Diagnosis> {
    let meets = |listener: &Listener| {
        let both = listener.at.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let same = listener.protocol == port.port.protocol && listener.at.port() == port.host;
        same && (both || addresses_meet(listener.at.ip(), port.address))
    };
    let found = listeners("self").into_iter().find(meets)?;
    let told = format!("{}/{}", found.at, found.protocol.word());
    match owner(found.inode) {
        Some((pid, command)) => {
            let what = format!("the process {pid} ({command}) listens at {told}");
            Some(Diagnosis::new(
                what,
                format!("end it, or say another port of the host: -p {}:{}", another(port.host), port.port.number),
            ))
        }
        None => Some(Diagnosis::new(format!("somebody listens at {told}"), "see who with: ss -ltnup")),
    }
}

/// A port that is easy to type.
fn another(port: u16) -> u16 {
    port.checked_add(1).unwrap_or(1024)
}

fn owner(inode: u64) -> Option<(u32, String)> {
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let has = |pid: &u32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        open.into_iter().any(|entry| fs::read_link(entry.path()).is_ok_and(|link| link.to_str() == Some(&wanted)))
    };
    let pid = pids.find(has)?;
    Some((pid, fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_string()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use glassbox_core::model::ContainerPort;

    use super::*;

    #[test]
    fn lines_of_the_kernels_tables_are_read() {
        let line =
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0 100 0 0 10 0";
        let found = listener(line, Protocol::Tcp, 10).unwrap();
        assert_eq!((found.at.to_string(), found.inode), ("127.0.0.1:8080".to_string(), 12345));
        let six = "  1: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 0 0 0 0 0 7 1";
        assert_eq!(listener(six, Protocol::Tcp, 10).unwrap().at.to_string(), "[::1]:22");
        assert_eq!(listener(&line.replace(" 0A ", " 01 "), Protocol::Tcp, 10), None, "it is connected");
        assert_eq!(listener("nonsense", Protocol::Tcp, 10), None);
    }

    #[test]
    fn who_listens_is_found_with_its_process() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let all = places("self");
        assert!(
            all.contains(&(Protocol::Tcp, tcp.local_addr().unwrap())) && all.contains(&(Protocol::Udp, udp.local_addr().unwrap()))
        );
        let port = |number: u16| PublishedPort {
            port: ContainerPort { number: 80, protocol: Protocol::Tcp },
            address: Ipv4Addr::UNSPECIFIED.into(),
            host: number,
            chosen: false,
        };
        let found = who_holds(&port(tcp.local_addr().unwrap().port())).unwrap();
        assert!(found.what.contains(&format!("process {} (", std::process::id())), "{found:?}");
        drop(tcp);
    }
}
