//! getent hosts and nslookup: names and addresses, as resolv.conf(5) and hosts(5) say where to look.

use core::net::{IpAddr, SocketAddr};

use super::tool::Context;
use crate::errno::Errno;
use crate::net::dns::{self, Asked, Heard};

/// How long each server is waited for.
const PATIENCE_MILLISECONDS: u32 = 5_000;
/// Exit status of getent(1) where nothing was found.
const NOT_FOUND: i32 = 2;
/// Which question it is; there is never a second one under way.
const ID: u16 = 0x6762;

/// What resolv.conf(5) says.
struct Servers {
    servers: Vec<IpAddr>,
    search: Vec<String>,
    ndots: usize,
}

impl Servers {
    fn read(context: &mut Context<'_>) -> Servers {
        let text = context.read_text("/etc/resolv.conf").unwrap_or_default();
        let mut found = Servers { servers: Vec::new(), search: Vec::new(), ndots: 1 };
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["nameserver", server, ..] => found.servers.extend(server.parse::<IpAddr>().ok()),
                ["search" | "domain", domains @ ..] => found.search = domains.iter().map(|domain| (*domain).to_string()).collect(),
                ["options", options @ ..] => {
                    let mut dots = options.iter().filter_map(|option| option.strip_prefix("ndots:")?.parse().ok());
                    found.ndots = dots.next_back().unwrap_or(found.ndots);
                }
                _ => {}
            }
        }
        if found.servers.is_empty() {
            found.servers.push(IpAddr::from([127, 0, 0, 1]));
        }
        found
    }

    /// The names that are tried, one after the other.
    fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(whole) = name.strip_suffix('.') {
            return vec![whole.to_string()];
        }
        let mut all: Vec<String> = self.search.iter().map(|domain| format!("{name}.{domain}")).collect();
        let at = if name.matches('.').count() >= self.ndots { 0 } else { all.len() };
        all.insert(at, name.to_string());
        all
    }
}

/// The first answer of a server.
fn ask(context: &mut Context<'_>, servers: &[IpAddr], name: &str, asked: Asked) -> Result<(IpAddr, Heard), Errno> {
    let question = dns::question(ID, name, asked).ok_or(Errno::EINVAL)?;
    let mut failed = Err(Errno::ETIMEDOUT);
    for server in servers {
        let answer = context.sys.ask(SocketAddr::new(*server, dns::PORT), &question, PATIENCE_MILLISECONDS);
        match answer.map(|bytes| dns::read(ID, &bytes)) {
            Ok(Some(heard @ Heard::Failed(_))) => failed = Ok((*server, heard)),
            Ok(Some(heard)) => return Ok((*server, heard)),
            Ok(None) => {}
            Err(errno) => failed = failed.or(Err(errno)),
        }
    }
    failed
}

/// The name under which the owner of an address is asked for: RFC 1035, 3.5, and RFC 3596, 2.5.
fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let digits = address.octets().into_iter().rev().map(|byte| format!("{:x}.{:x}.", byte & 0xf, byte >> 4));
            digits.collect::<String>() + "ip6.arpa"
        }
    }
}

/// `getent hosts NAME…`: /etc/hosts, then the name servers.
pub(crate) fn getent(context: &mut Context<'_>, args: &[String]) -> i32 {
    let [database, names @ ..] = args else {
        return context.fail("usage: getent hosts NAME...");
    };
    if database != "hosts" || names.is_empty() {
        return context.fail("usage: getent hosts NAME...");
    }
    let mut status = 0;
    for name in names {
        let lines = found(context, name);
        if lines.is_empty() {
            status = NOT_FOUND;
        }
        lines.iter().for_each(|(address, names)| context.out.out(&format!("{:<15} {names}\n", address.to_string())));
    }
    status
}

/// Each address with its names.
fn found(context: &mut Context<'_>, name: &str) -> Vec<(IpAddr, String)> {
    let hosts = context.read_text("/etc/hosts").unwrap_or_default();
    let servers = Servers::read(context);
    if let Ok(address) = name.parse::<IpAddr>() {
        let line = lines(&hosts).find(|(of, _)| *of == address).map(|(_, names)| vec![(address, names.join(" "))]);
        return line.unwrap_or_else(|| match ask(context, &servers.servers, &reversed(address), Asked::Name) {
            Ok((_, Heard::Found(_, names))) => names.first().map(|name| (address, name.clone())).into_iter().collect(),
            _ => Vec::new(),
        });
    }
    let listed: Vec<(IpAddr, String)> =
        lines(&hosts).filter(|(_, names)| names.contains(&name)).map(|(address, names)| (address, names.join(" "))).collect();
    if !listed.is_empty() {
        return listed;
    }
    for candidate in servers.candidates(name) {
        for asked in [Asked::Six, Asked::Four] {
            if let Ok((_, Heard::Found(addresses, _))) = ask(context, &servers.servers, &candidate, asked)
                && !addresses.is_empty()
            {
                return addresses.into_iter().map(|address| (address, candidate.clone())).collect();
            }
        }
    }
    Vec::new()
}

/// The lines of hosts(5).
fn lines(text: &str) -> impl Iterator<Item = (IpAddr, Vec<&str>)> {
    text.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        Some((words.next()?.parse().ok()?, words.collect()))
    })
}

/// `nslookup NAME [SERVER]`, as busybox has it: what the name servers say, and nothing else.
pub(crate) fn nslookup(context: &mut Context<'_>, args: &[String]) -> i32 {
    let [name, rest @ ..] = args else {
        return context.fail("usage: nslookup NAME [SERVER]");
    };
    let mut servers = Servers::read(context);
    if let Some(word) = rest.first() {
        match word.parse() {
            Ok(server) => servers.servers = vec![server],
            Err(_) => return context.fail(&format!("{word}: a server is said by its address")),
        }
    }
    let questions: Vec<(String, Asked)> = match name.parse::<IpAddr>() {
        Ok(address) => vec![(reversed(address), Asked::Name)],
        Err(_) => vec![(name.clone(), Asked::Four), (name.clone(), Asked::Six)],
    };
    let mut server_shown = false;
    let mut failed = false;
    for (name, asked) in questions {
        let (server, heard) = match ask(context, &servers.servers, &name, asked) {
            Ok(answer) => answer,
            Err(errno) => {
                let all = servers.servers.iter().map(|server| format!("{server}:{}", dns::PORT)).collect::<Vec<_>>();
                context.out.out(&format!(";; no answer from {}: {errno}\n", all.join(", ")));
                return 1;
            }
        };
        if !server_shown {
            context.out.out(&format!("Server:\t\t{server}\nAddress:\t{}\n\n", SocketAddr::new(server, dns::PORT)));
            server_shown = true;
        }
        let text = match heard {
            Heard::NoSuchName => Err("NXDOMAIN"),
            Heard::Failed(word) => Err(word),
            Heard::Found(addresses, names) => {
                let addresses = addresses.iter().map(|address| format!("Name:\t{name}\nAddress: {address}\n"));
                Ok(addresses.chain(names.iter().map(|owner| format!("{name}\tname = {owner}\n"))).collect::<String>())
            }
        };
        match text {
            Ok(records) => context.out.out(&format!("Non-authoritative answer:\n{records}\n")),
            Err(word) => {
                failed = true;
                context.out.out(&format!("** server can't find {name}: {word}\n\n"));
            }
        }
    }
    i32::from(failed)
}
