//! Names for containers: what the server at 127.0.0.11 answers, RFC 1034 and 1035. Pure: bytes of a question in, bytes of an answer out, so
//! that both kernels answer alike. As Docker's own (moby, libnetwork's resolver): what is known is answered here, what is not is somebody
//! else's to answer.
//!
//! Called by the process that serves a container's names on Linux, and by the model kernel.

mod client;
mod directory;
#[cfg(test)]
mod tests;

use core::net::{IpAddr, Ipv4Addr};

use simple_dns::rdata::{A, AAAA, OPT, PTR, RData};
use simple_dns::{CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, SimpleDnsError, TYPE};

pub use client::{Asked, Heard, question, read};
pub use directory::{Directory, Neighbours, Upstream, pointed_at};

/// Where it is asked, in the container's own network namespace.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
/// At which port it is asked: RFC 1035, 4.2.
pub const PORT: u16 = 53;
/// At which port it listens: a program in the container may want to have port 53 for itself. None that a kernel chooses for others.
pub const OWN_PORT: u16 = 61_053;
/// How long whoever has asked may keep an answer, in seconds.
const TTL_SECONDS: u32 = 600;
/// The longest answer as a datagram for who says nothing else: RFC 1035, 4.2.1.
const DATAGRAM_BYTES: usize = 512;
/// The longest datagram that is taken from who speaks of extensions: RFC 6891, 6.2.5.
const EXTENDED_BYTES: u16 = 4096;
/// The longest answer over a connection: its length is two bytes.
const STREAM_BYTES: usize = 65_535;
/// The bytes that every message begins with.
const HEADER_BYTES: usize = 12;

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As a datagram: a long answer is cut off, and says so.
    Datagram,
    /// Over a connection.
    Stream,
}

/// What becomes of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// This is sent back.
    Answer(Vec<u8>),
    /// [`Directory::upstream`] is asked, and where nobody knows anything, [`failure`] is sent back.
    Forward,
    /// It is no question: nothing is sent back.
    Drop,
}

/// Answers a question. `turn` counts them: of several addresses each is the first in its turn.
pub fn answer(query: &[u8], directory: &Directory, transport: Transport, turn: usize) -> Reply {
    if let Some(reply) = judge_header(query) {
        return reply;
    }
    let packet = match Packet::parse(query) {
        Ok(packet) => packet,
        // Types and classes that the library does not know are others' to answer.
        Err(SimpleDnsError::InvalidQType(_) | SimpleDnsError::InvalidQClass(_)) => return forwarded(query, directory),
        Err(_) => return header_only(query, RCODE::FormatError),
    };
    let Some(question) = packet.questions.first() else { return header_only(query, RCODE::FormatError) };
    let name = question.qname.to_string().to_lowercase();
    let Some(records) = records(question, &name, directory, turn) else {
        return if is_left_to_the_caller(question, &name, directory) {
            written(&packet, Vec::new(), transport)
        } else {
            forwarded(query, directory)
        };
    };
    written(&packet, records, transport)
}

/// The answer where nobody knows one.
pub fn failure(query: &[u8]) -> Reply {
    with_code(query, RCODE::ServerFailure)
}

/// The answer to who asks while too many others do.
pub fn refusal(query: &[u8]) -> Reply {
    with_code(query, RCODE::Refused)
}

fn with_code(query: &[u8], code: RCODE) -> Reply {
    let Ok(packet) = Packet::parse(query) else { return header_only(query, code) };
    let mut reply = reply_to(&packet);
    *reply.rcode_mut() = code;
    reply.build_bytes_vec_compressed().map_or(Reply::Drop, Reply::Answer)
}

/// What is no question, or one that nobody here understands.
fn judge_header(query: &[u8]) -> Option<Reply> {
    const ANSWER: u8 = 0x80;
    let header = query.get(..HEADER_BYTES);
    let Some(&[_, _, flags, _, many, one, ..]) = header else { return Some(Reply::Drop) };
    match OPCODE::from(u16::from(flags >> 3 & 0xf)) {
        _ if flags & ANSWER != 0 => Some(Reply::Drop),
        OPCODE::StandardQuery if (many, one) == (0, 1) => None,
        OPCODE::StandardQuery => Some(header_only(query, RCODE::FormatError)),
        _ => Some(header_only(query, RCODE::NotImplemented)),
    }
}

fn forwarded(query: &[u8], directory: &Directory) -> Reply {
    if directory.upstream().next().is_some() { Reply::Forward } else { failure(query) }
}

/// An answer without the question: it was not understood.
fn header_only(query: &[u8], code: RCODE) -> Reply {
    let Some(&[high, low, ..]) = query.get(..HEADER_BYTES) else { return Reply::Drop };
    let mut reply = Packet::new_reply(u16::from_be_bytes([high, low]));
    *reply.rcode_mut() = code;
    reply.build_bytes_vec().map_or(Reply::Drop, Reply::Answer)
}

/// A name without a dot: with `ndots` said its domains are tried, and nobody else is asked.
fn is_left_to_the_caller(question: &Question<'_>, name: &str, directory: &Directory) -> bool {
    let of_address = matches!(question.qtype, QTYPE::TYPE(TYPE::A | TYPE::AAAA));
    of_address && directory.ndots_said && !name.contains('.')
}

/// What is known; `None`: nothing is.
fn records(question: &Question<'_>, name: &str, directory: &Directory, turn: usize) -> Option<Vec<RData<'static>>> {
    if !matches!(question.qclass, QCLASS::CLASS(CLASS::IN) | QCLASS::ANY) {
        return None;
    }
    match question.qtype {
        QTYPE::TYPE(TYPE::A) => Some(in_turn(directory.addresses(name)?, IpAddr::is_ipv4, turn)),
        QTYPE::TYPE(TYPE::AAAA) => Some(in_turn(directory.addresses(name)?, IpAddr::is_ipv6, turn)),
        // Mail for a host without such a record goes to the host: RFC 5321, 5.1.
        QTYPE::TYPE(TYPE::MX) => directory.addresses(name).map(|_| Vec::new()),
        QTYPE::TYPE(TYPE::PTR) => {
            let owner = directory.owner(pointed_at(name)?)?;
            Some(vec![RData::PTR(PTR(Name::new(&owner).ok()?.into_owned()))])
        }
        _ => None,
    }
}

fn in_turn(addresses: &[IpAddr], wanted: fn(&IpAddr) -> bool, turn: usize) -> Vec<RData<'static>> {
    let mut found: Vec<RData<'static>> = addresses.iter().filter(|address| wanted(address)).map(record).collect();
    if let Some(first) = turn.checked_rem(found.len()) {
        found.rotate_left(first);
    }
    found
}

fn record(address: &IpAddr) -> RData<'static> {
    match address {
        IpAddr::V4(address) => RData::A(A::from(*address)),
        IpAddr::V6(address) => RData::AAAA(AAAA::from(*address)),
    }
}

/// An answer to a question, without records.
fn reply_to<'a>(packet: &Packet<'a>) -> Packet<'a> {
    const SAID: [PacketFlag; 2] = [PacketFlag::RECURSION_DESIRED, PacketFlag::CHECKING_DISABLED];
    let mut reply = Packet::new_reply(packet.id());
    SAID.into_iter().filter(|flag| packet.has_flags(*flag)).for_each(|flag| reply.set_flags(flag));
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE);
    reply.questions.clone_from(&packet.questions);
    // Who speaks of extensions is answered in the same way: RFC 6891, 6.1.1.
    *reply.opt_mut() = packet.opt().map(|_| OPT { opt_codes: Vec::new(), udp_packet_size: EXTENDED_BYTES, version: 0 });
    reply
}

/// As many of the records as there is room for.
fn written(packet: &Packet<'_>, mut records: Vec<RData<'static>>, transport: Transport) -> Reply {
    let Some(question) = packet.questions.first() else { return Reply::Drop };
    let room = match transport {
        Transport::Stream => STREAM_BYTES,
        Transport::Datagram => packet.opt().map_or(DATAGRAM_BYTES, |opt| DATAGRAM_BYTES.max(opt.udp_packet_size.into())),
    };
    let mut cut = false;
    loop {
        let mut reply = reply_to(packet);
        if cut {
            reply.set_flags(PacketFlag::TRUNCATION);
        }
        let record = |data: &RData<'static>| ResourceRecord::new(question.qname.clone(), CLASS::IN, TTL_SECONDS, data.clone());
        reply.answers = records.iter().map(record).collect();
        match reply.build_bytes_vec_compressed() {
            Ok(bytes) if bytes.len() <= room || records.is_empty() => return Reply::Answer(bytes),
            Ok(bytes) => {
                // A record is at least sixteen bytes: its name a reference, its head, its address.
                const RECORD_BYTES: usize = 16;
                let over = (bytes.len() - room).div_ceil(RECORD_BYTES).max(1);
                records.truncate(records.len().saturating_sub(over.min(records.len())));
                cut = true;
            }
            Err(_) => return Reply::Drop,
        }
    }
}
