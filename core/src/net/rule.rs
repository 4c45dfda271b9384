//! Rules of nftables, nft(8): what a packet has to be like, and what becomes of it. The text of a rule is the one that `nft list` prints.
//!
//! A closed set of matches: those that networks of containers need. Both kernels carry out the same ones: Linux as expressions in
//! registers, the model by looking at its packet.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The table in which all rules of the engine stand; of the family `inet`, which sees IPv4 and IPv6.
pub const TABLE: &str = "glassbox";

/// Where in a packet's way rules are looked at: the hooks of netfilter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chain {
    /// Packets that come in, before it is known where they go: what they are addressed to can be changed.
    Prerouting,
    /// Packets that this machine passes on: they can be refused.
    Forward,
    /// Packets of this machine's own programs: what they are addressed to can be changed.
    Output,
    /// Packets that go out, when it is known where: whom they come from can be changed.
    Postrouting,
}

impl Chain {
    /// All, in the order in which `nft list` shows them.
    pub const ALL: [Chain; 4] = [Chain::Prerouting, Chain::Forward, Chain::Output, Chain::Postrouting];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Chain::Prerouting => "prerouting",
            Chain::Forward => "forward",
            Chain::Output => "output",
            Chain::Postrouting => "postrouting",
        }
    }

    /// `nat` chains see the first packet of a connection alone: the others are dealt with as it was.
    pub fn kind(self) -> &'static str {
        if self == Chain::Forward { "filter" } else { "nat" }
    }

    /// Among the chains at one hook: the lowest first. Those of iptables have the same.
    pub fn priority(self) -> i32 {
        match self {
            Chain::Prerouting | Chain::Output => -100,
            Chain::Forward => 0,
            Chain::Postrouting => 100,
        }
    }

    /// The priority as `nft list` names it.
    pub fn priority_word(self) -> &'static str {
        match self {
            Chain::Prerouting => "dstnat",
            Chain::Output => "-100",
            Chain::Forward => "filter",
            Chain::Postrouting => "srcnat",
        }
    }
}

/// A protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

impl Protocol {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }

    /// The protocol of this name.
    pub fn of(word: &str) -> Option<Protocol> {
        [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into_iter().find(|protocol| protocol.word() == word)
    }

    /// Its number in packets (IANA, Assigned Internet Protocol Numbers).
    pub fn number(self) -> u8 {
        match self {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Sctp => 132,
        }
    }
}

/// What a packet has to be like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Match {
    /// It came in by this interface; by any other.
    CameBy {
        /// Which.
        interface: String,
        /// By any other.
        not: bool,
    },
    /// It goes out by this interface; by any other.
    GoesBy {
        /// Which.
        interface: String,
        /// By any other.
        not: bool,
    },
    /// It comes from one of these addresses.
    Source(IpNet),
    /// It goes to one of these addresses.
    Destination(IpNet),
    /// It goes to none of these addresses.
    DestinationNot(IpNet),
    /// It goes to an address of this machine's own.
    ToThisMachine,
    /// It goes to this port.
    Port(Protocol, u16),
    /// It belongs to a connection that was let through before, or that such a one has announced.
    OfKnownConnection,
    /// What the first packet of its connection was addressed to has been changed.
    OfChangedDestination,
}

/// What becomes of a packet that is so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// It goes on.
    Accept,
    /// It is gone, and nobody is told.
    Drop,
    /// It gets the address of the interface that it goes out by as its source, and answers find their way back.
    Masquerade,
    /// It is sent to this address and port instead, and answers seem to come from where it was sent to.
    SendTo(SocketAddr),
}

/// Where in its chain a rule comes to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// Before all that are there.
    Start,
    /// After all that are there.
    End,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// Where it is looked at.
    pub chain: Chain,
    /// All of these have to hold.
    pub matches: Vec<Match>,
    /// What then becomes of the packet.
    pub verdict: Verdict,
    /// What it is for: the rules of a network, or of a container, are found by it.
    pub comment: String,
}

/// `10.0.0.0/8`; one address without a length.
fn shown(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ip" } else { "ip6" }
}

impl fmt::Display for Match {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unless = |not: bool| if not { "!= " } else { "" };
        match self {
            Match::CameBy { interface, not } => write!(out, "iifname {}\"{interface}\"", unless(*not)),
            Match::GoesBy { interface, not } => write!(out, "oifname {}\"{interface}\"", unless(*not)),
            Match::Source(net) => write!(out, "{} saddr {}", family(net.addr()), shown(net)),
            Match::Destination(net) => write!(out, "{} daddr {}", family(net.addr()), shown(net)),
            Match::DestinationNot(net) => write!(out, "{} daddr != {}", family(net.addr()), shown(net)),
            Match::ToThisMachine => out.write_str("fib daddr type local"),
            Match::Port(protocol, port) => write!(out, "{} dport {port}", protocol.word()),
            Match::OfKnownConnection => out.write_str("ct state established,related"),
            Match::OfChangedDestination => out.write_str("ct status dnat"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Accept => out.write_str("accept"),
            Verdict::Drop => out.write_str("drop"),
            Verdict::Masquerade => out.write_str("masquerade"),
            Verdict::SendTo(to) => write!(out, "dnat {} to {to}", family(to.ip())),
        }
    }
}

impl Rule {
    /// What it says, without what it is for.
    pub fn without_comment(&self) -> String {
        let matches: String = self.matches.iter().map(|one| format!("{one} ")).collect();
        format!("{matches}{}", self.verdict)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.without_comment())?;
        if self.comment.is_empty() { Ok(()) } else { write!(out, " comment \"{}\"", self.comment) }
    }
}

/// The table as `nft list table inet glassbox` prints it: each chain with its rules, in their order.
pub fn table_text(rules: &[Rule]) -> String {
    let mut text = format!("table inet {TABLE} {{\n");
    for (number, chain) in Chain::ALL.into_iter().enumerate() {
        let (kind, hook, priority) = (chain.kind(), chain.name(), chain.priority_word());
        let line = format!("\tchain {hook} {{\n\t\ttype {kind} hook {hook} priority {priority}; policy accept;\n");
        text.push_str(if number > 0 { "\n" } else { "" });
        text.push_str(&line);
        rules.iter().filter(|rule| rule.chain == chain).for_each(|rule| text.push_str(&format!("\t\t{rule}\n")));
        text.push_str("\t}\n");
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_written_as_nft_writes_them() {
        let bridge = || "glassbox0".to_string();
        let subnet: IpNet = "172.17.0.0/16".parse().unwrap();
        let rule = |chain, matches, verdict| Rule { chain, matches, verdict, comment: "web".into() };
        let out = Match::GoesBy { interface: bridge(), not: true };
        let masquerade = rule(Chain::Postrouting, vec![Match::Source(subnet), out], Verdict::Masquerade);
        assert_eq!(masquerade.to_string(), "ip saddr 172.17.0.0/16 oifname != \"glassbox0\" masquerade comment \"web\"");
        let to = Verdict::SendTo("172.17.0.2:80".parse().unwrap());
        let publish = rule(Chain::Prerouting, vec![Match::ToThisMachine, Match::Port(Protocol::Tcp, 8080)], to);
        assert_eq!(publish.to_string(), "fib daddr type local tcp dport 8080 dnat ip to 172.17.0.2:80 comment \"web\"");
        let six = Verdict::SendTo("[fd00::2]:80".parse().unwrap());
        let one = Match::Destination("fd00::1/128".parse().unwrap());
        assert_eq!(rule(Chain::Output, vec![one], six).to_string(), "ip6 daddr fd00::1 dnat ip6 to [fd00::2]:80 comment \"web\"");
    }
}
