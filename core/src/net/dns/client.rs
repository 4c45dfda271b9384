//! The other side: a question in bytes, and what an answer says. Called by the programs of the userland.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Addresses of IPv4.
    Four,
    /// Addresses of IPv6.
    Six,
    /// The name of who has an address.
    Name,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// There is no such name.
    NoSuchName,
    /// The server could not answer, or would not: the word for it.
    Failed(&'static str),
    /// The addresses and names, in their order; none: there is the name, but nothing of this kind.
    Found(Vec<IpAddr>, Vec<String>),
}

/// The bytes of a question; `None`: it is no name.
pub fn question(id: u16, name: &str, asked: Asked) -> Option<Vec<u8>> {
    let kind = match asked {
        Asked::Four => TYPE::A,
        Asked::Six => TYPE::AAAA,
        Asked::Name => TYPE::PTR,
    };
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(Name::new(name).ok()?, kind.into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().ok()
}

/// What the bytes of an answer to the question with this id say; `None`: it is none.
pub fn read(id: u16, answer: &[u8]) -> Option<Heard> {
    let packet = Packet::parse(answer).ok()?;
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    Some(match packet.rcode() {
        RCODE::NoError => {
            let (mut addresses, mut names) = (Vec::new(), Vec::new());
            for record in &packet.answers {
                match &record.rdata {
                    RData::A(found) => addresses.push(IpAddr::V4(Ipv4Addr::from(found.address))),
                    RData::AAAA(found) => addresses.push(IpAddr::V6(Ipv6Addr::from(found.address))),
                    RData::PTR(found) => names.push(found.0.to_string()),
                    _ => {}
                }
            }
            Heard::Found(addresses, names)
        }
        RCODE::NameError => Heard::NoSuchName,
        RCODE::ServerFailure => Heard::Failed("SERVFAIL"),
        RCODE::Refused => Heard::Failed("REFUSED"),
        RCODE::FormatError => Heard::Failed("FORMERR"),
        RCODE::NotImplemented => Heard::Failed("NOTIMP"),
        _ => Heard::Failed("failure"),
    })
}
