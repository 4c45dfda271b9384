//! nftables over netlink: the engine's own table, and no other's. Each change is a transaction: all of it, or nothing.
//!
//! A rule is a list of expressions that the kernel carries out one after the other: one loads something of the packet into a register,
//! the next compares the register, and so on (linux/netfilter/nf_tables.h). The program nft does the same.

use std::net::IpAddr;

use glassbox_core::errno::Errno;
use glassbox_core::net::{At, Chain, Match, Rule, TABLE, Verdict};
use ipnet::IpNet;
use netlink_bindings::nftables::{
    self, BitwiseOps, CmpOps, CtKeys, FibFlags, IterableExprListAttrs, MetaKeys, NatRangeFlags, Nfgenmsg, PayloadBase,
    PushExprListAttrs, PushRuleAttrs, Registers, VerdictCode,
};
use netlink_bindings::utils::RequestBuf;
use netlink_socket2::NetlinkSocket;

use super::rules;
use crate::sys::{Result, errno_of};

/// NFPROTO_INET
const FAMILY: u8 = 1;
/// NFNL_SUBSYS_NFTABLES: whose transaction it is.
const SUBSYSTEM: u16 = 10;
/// How many messages a transaction may have.
const MESSAGES_MAX: u32 = 4096;
/// NFTNL_UDATA_RULE_COMMENT: what kind of user data a comment is.
const COMMENT: u8 = 0;
/// An interface's name is compared with its padding: IFNAMSIZ.
const NAME_BYTES: usize = 16;
/// NFT_FIB_RESULT_ADDRTYPE; the library's own number for it is that of another one.
const ADDRESS_TYPE: u32 = 3;
/// RTN_LOCAL: an address of this machine.
const LOCAL: u32 = 2;
/// IP_CT_ESTABLISHED and IP_CT_RELATED, as bits of `ct state`.
const KNOWN: u32 = 2 | 4;
/// IPS_DST_NAT of `ct status`.
const CHANGED: u32 = 1 << 5;
/// The expressions of a rule, while they are written.
type Expressions<'a> = PushExprListAttrs<PushRuleAttrs<RequestBuf<'a>>>;

/// A conversation with the kernel about the rules of one network namespace.
pub struct Nft {
    socket: NetlinkSocket,
}

impl Nft {
    /// Opens a socket in the calling thread's network namespace. EOPNOTSUPP and the like: the kernel has no nftables.
    pub fn open() -> Result<Nft> {
        let mut nft = Nft { socket: NetlinkSocket::new() };
        // The library opens its socket with the first question.
        nft.generation().map(drop)?;
        Ok(nft)
    }

    fn generation(&mut self) -> Result<u32> {
        let request = nftables::Request::new().op_getgen_do(&Nfgenmsg::new());
        let mut reply = self.socket.request(&request).map_err(|error| errno_of(&error))?;
        let (_, attributes) = reply.recv_one().map_err(|error| errno_of(error.as_io_error()))?;
        attributes.get_id().map_err(|_| Errno::EINVAL)
    }

    /// Makes the table with its chains; one that is there stays as it is.
    pub fn create_table(&mut self) -> Result<()> {
        self.change(|messages| {
            drop(messages.request().set_create().op_newtable_do(&family()).into_encoder().push_name_bytes(TABLE.as_bytes()));
            for chain in Chain::ALL {
                let new = messages.request().set_create().op_newchain_do(&family()).into_encoder();
                let new = new.push_table_bytes(TABLE.as_bytes()).push_name_bytes(chain.name().as_bytes()).nested_hook();
                let new = new.push_num(hook(chain)).push_priority(chain.priority()).end_nested();
                drop(new.push_policy(VerdictCode::Accept as u32).push_type_bytes(chain.kind().as_bytes()));
            }
        })
    }

    /// Removes the table with all that is in it. ENOENT: it is not there.
    pub fn delete_table(&mut self) -> Result<()> {
        self.change(|messages| drop(messages.request().op_deltable_do(&family()).into_encoder().push_name_bytes(TABLE.as_bytes())))
    }

    /// Adds the rule to its chain. ENOENT: there is no table.
    pub fn add_rule(&mut self, rule: &Rule, at: At) -> Result<()> {
        self.change(|messages| add(messages, rule, at))
    }

    /// Removes the rules of a chain with this comment. ENOENT: there is none.
    pub fn delete_rule(&mut self, chain: Chain, comment: &str) -> Result<()> {
        let mut found = Vec::new();
        self.list(|of, handle, what, _| {
            if of == chain && what == comment {
                found.push(handle);
            }
        })?;
        if found.is_empty() {
            return Err(Errno::ENOENT);
        }
        self.change(|messages| {
            for handle in &found {
                let gone = messages.request().op_delrule_do(&family()).into_encoder();
                drop(gone.push_table_bytes(TABLE.as_bytes()).push_chain_bytes(chain.name().as_bytes()).push_handle(*handle));
            }
        })
    }

    /// The rules, of each chain in their order, without those that say what the engine's own do not; `None`: there is no table.
    pub fn rules(&mut self) -> Result<Option<Vec<Rule>>> {
        let mut found = Vec::new();
        let is_there = self.list(|chain, _, comment, expressions| found.extend(rules::read(chain, comment, expressions)))?;
        Ok(is_there.then_some(found))
    }

    /// Goes through the rules: chain, number, comment, expressions. `false`: there is no table.
    fn list(&mut self, mut each: impl FnMut(Chain, u64, String, IterableExprListAttrs<'_>)) -> Result<bool> {
        let mut request = nftables::Request::new().op_getrule_dump(&family());
        drop(request.encode().push_table_bytes(TABLE.as_bytes()));
        let mut reply = self.socket.request(&request).map_err(|error| errno_of(&error))?;
        while let Some(answer) = reply.recv() {
            let (_, attributes) = match answer {
                Err(error) if errno_of(error.as_io_error()) == Errno::ENOENT => return Ok(false),
                answer => answer.map_err(|error| errno_of(error.as_io_error()))?,
            };
            let (Ok(chain), Ok(handle)) = (attributes.get_chain(), attributes.get_handle()) else { continue };
            let Some(chain) = Chain::ALL.into_iter().find(|one| one.name().as_bytes() == chain.to_bytes()) else { continue };
            let comment = comment_of(attributes.get_userdata().unwrap_or_default());
            each(chain, handle, comment, attributes.get_expressions().unwrap_or_default());
        }
        // Of a table that is not there the kernel lists nothing.
        self.has_table()
    }

    fn has_table(&mut self) -> Result<bool> {
        let mut request = nftables::Request::new().op_gettable_do(&family());
        drop(request.encode().push_name_bytes(TABLE.as_bytes()));
        let mut reply = self.socket.request(&request).map_err(|error| errno_of(&error))?;
        match reply.recv_one() {
            Ok(_) => Ok(true),
            Err(error) if errno_of(error.as_io_error()) == Errno::ENOENT => Ok(false),
            Err(error) => Err(errno_of(error.as_io_error())),
        }
    }

    /// A transaction of these messages. EAGAIN: somebody else has changed rules meanwhile, and it is to be tried again.
    fn change(&mut self, write: impl Fn(&mut nftables::Chained<'static>)) -> Result<()> {
        /// ERESTART: the generation of the rules is not the one that the transaction was written for.
        const ERESTART: Errno = Errno(85);
        const TRIES: usize = 10;
        for _ in 0..TRIES {
            match self.try_change(&write) {
                Err(ERESTART) => {}
                answer => return answer,
            }
        }
        Err(Errno::EAGAIN)
    }

    fn try_change(&mut self, write: &impl Fn(&mut nftables::Chained<'static>)) -> Result<()> {
        let generation = self.generation()?;
        let mut messages = nftables::Chained::new(self.socket.reserve_seq(MESSAGES_MAX));
        let mut edge = Nfgenmsg::new();
        edge.set_res_id(SUBSYSTEM);
        drop(messages.request().op_batch_begin_do(&edge).into_encoder().push_genid(generation));
        write(&mut messages);
        drop(messages.request().op_batch_end_do(&edge));
        let messages = messages.finalize();
        let mut reply = self.socket.request_chained(&messages).map_err(|error| errno_of(&error))?;
        reply.recv_all().map_err(|error| errno_of(error.as_io_error()))
    }
}

fn family() -> Nfgenmsg {
    let mut header = Nfgenmsg::new();
    header.nfgen_family = FAMILY;
    header
}

/// NF_INET_PRE_ROUTING and the others of linux/netfilter.h.
fn hook(chain: Chain) -> u32 {
    match chain {
        Chain::Prerouting => 0,
        Chain::Forward => 2,
        Chain::Output => 3,
        Chain::Postrouting => 4,
    }
}

fn user_data(comment: &str) -> Vec<u8> {
    let length = u8::try_from(comment.len() + 1).unwrap_or(u8::MAX);
    let mut data = vec![COMMENT, length];
    data.extend(comment.bytes().take(usize::from(length) - 1));
    data.push(0);
    data
}

fn comment_of(data: &[u8]) -> String {
    match data {
        [COMMENT, _, rest @ ..] => String::from_utf8_lossy(rest.strip_suffix(&[0]).unwrap_or(rest)).into_owned(),
        _ => String::new(),
    }
}

fn add(messages: &mut nftables::Chained<'static>, rule: &Rule, at: At) {
    let request = messages.request().set_create();
    let request = if at == At::End { request.set_append() } else { request };
    let new = request.op_newrule_do(&family()).into_encoder();
    let new = new.push_table_bytes(TABLE.as_bytes()).push_chain_bytes(rule.chain.name().as_bytes());
    let mut expressions = new.nested_expressions();
    for one in &rule.matches {
        expressions = matched(expressions, one);
    }
    let rest = decided(expressions, &rule.verdict).end_nested();
    if !rule.comment.is_empty() {
        drop(rest.push_userdata(&user_data(&rule.comment)));
    }
}

fn matched<'a>(expressions: Expressions<'a>, one: &Match) -> Expressions<'a> {
    match one {
        Match::CameBy { interface, not } => compare(meta(expressions, MetaKeys::Iifname), &padded(interface), *not),
        Match::GoesBy { interface, not } => compare(meta(expressions, MetaKeys::Oifname), &padded(interface), *not),
        Match::Source(net) => address(expressions, net, true, false),
        Match::Destination(net) => address(expressions, net, false, false),
        Match::DestinationNot(net) => address(expressions, net, false, true),
        Match::ToThisMachine => {
            let fib = expressions.nested_elem().nested_data_fib().push_dreg(Registers::Reg1 as u32);
            let fib = fib.push_result(ADDRESS_TYPE).push_flags(FibFlags::Daddr as u32).end_nested().end_nested();
            compare(fib, &LOCAL.to_ne_bytes(), false)
        }
        Match::Port(protocol, port) => {
            let of_protocol = compare(meta(expressions, MetaKeys::L4Proto), &[protocol.number()], false);
            compare(payload(of_protocol, PayloadBase::TransportHeader, 2, 2), &port.to_be_bytes(), false)
        }
        Match::OfKnownConnection => any_of(connection(expressions, CtKeys::State), KNOWN),
        Match::OfChangedDestination => any_of(connection(expressions, CtKeys::Status), CHANGED),
    }
}

fn decided<'a>(expressions: Expressions<'a>, verdict: &Verdict) -> Expressions<'a> {
    match verdict {
        Verdict::Accept => end(expressions, VerdictCode::Accept),
        Verdict::Drop => end(expressions, VerdictCode::Drop),
        Verdict::Masquerade => expressions.nested_elem().push_name_bytes(b"masq").end_nested(),
        Verdict::SendTo(to) => {
            /// NFT_NAT_DNAT
            const DESTINATION: u32 = 1;
            let loaded = match to.ip() {
                IpAddr::V4(address) => immediate(expressions, Registers::Reg1, &address.octets()),
                IpAddr::V6(address) => immediate(expressions, Registers::Reg1, &address.octets()),
            };
            let nat = immediate(loaded, Registers::Reg2, &to.port().to_be_bytes()).nested_elem().nested_data_nat();
            let nat = nat.push_type(DESTINATION).push_family(if to.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u32);
            let nat = nat.push_reg_addr_min(Registers::Reg1 as u32).push_reg_proto_min(Registers::Reg2 as u32);
            nat.push_flags(NatRangeFlags::ProtoSpecified as u32).end_nested().end_nested()
        }
    }
}

fn padded(name: &str) -> [u8; NAME_BYTES] {
    let mut bytes = [0; NAME_BYTES];
    bytes.iter_mut().zip(name.bytes()).for_each(|(slot, byte)| *slot = byte);
    bytes
}

/// What the kernel knows of the packet, into the first register.
fn meta(expressions: Expressions<'_>, key: MetaKeys) -> Expressions<'_> {
    expressions.nested_elem().nested_data_meta().push_dreg(Registers::Reg1 as u32).push_key(key as u32).end_nested().end_nested()
}

/// What the kernel knows of its connection, into the first register.
fn connection(expressions: Expressions<'_>, key: CtKeys) -> Expressions<'_> {
    expressions.nested_elem().nested_data_ct().push_dreg(Registers::Reg1 as u32).push_key(key as u32).end_nested().end_nested()
}

/// Bytes of the packet, into the first register.
fn payload(expressions: Expressions<'_>, base: PayloadBase, offset: u32, length: u32) -> Expressions<'_> {
    let load = expressions.nested_elem().nested_data_payload().push_dreg(Registers::Reg1 as u32).push_base(base as u32);
    load.push_offset(offset).push_len(length).end_nested().end_nested()
}

/// The rule goes on if the first register holds this; with `not` if it does not.
fn compare<'a>(expressions: Expressions<'a>, value: &[u8], not: bool) -> Expressions<'a> {
    let how = if not { CmpOps::Neq } else { CmpOps::Eq };
    let compare = expressions.nested_elem().nested_data_cmp().push_sreg(Registers::Reg1 as u32).push_op(how as u32);
    compare.nested_data().push_value(value).end_nested().end_nested().end_nested()
}

/// The first register without the bits that are not in the mask.
fn masked<'a>(expressions: Expressions<'a>, mask: &[u8]) -> Expressions<'a> {
    let length = u32::try_from(mask.len()).unwrap_or_default();
    let zeros = vec![0; mask.len()];
    let register = Registers::Reg1 as u32;
    let bits = expressions.nested_elem().nested_data_bitwise().push_sreg(register).push_dreg(register).push_len(length);
    let bits = bits.push_op(BitwiseOps::MaskXor as u32).nested_mask().push_value(mask).end_nested();
    bits.nested_xor().push_value(&zeros).end_nested().end_nested().end_nested()
}

/// The rule goes on if one of these bits is set in the first register.
fn any_of(expressions: Expressions<'_>, bits: u32) -> Expressions<'_> {
    compare(masked(expressions, &bits.to_ne_bytes()), &[0; 4], true)
}

/// An address of the packet's IP header lies in a net.
fn address<'a>(expressions: Expressions<'a>, net: &IpNet, source: bool, not: bool) -> Expressions<'a> {
    // RFC 791, RFC 8200: where the source stands, and the destination behind it.
    let (protocol, offset, length, bytes, mask) = match net {
        IpNet::V4(net) => (libc::NFPROTO_IPV4, 12, 4, net.network().octets().to_vec(), net.netmask().octets().to_vec()),
        IpNet::V6(net) => (libc::NFPROTO_IPV6, 8, 16, net.network().octets().to_vec(), net.netmask().octets().to_vec()),
    };
    let of_family = compare(meta(expressions, MetaKeys::Nfproto), &[u8::try_from(protocol).unwrap_or_default()], false);
    let offset = if source { offset } else { offset + length };
    let loaded = payload(of_family, PayloadBase::NetworkHeader, offset, length);
    let whole = net.prefix_len() == net.max_prefix_len();
    compare(if whole { loaded } else { masked(loaded, &mask) }, &bytes, not)
}

/// A value into a register.
fn immediate<'a>(expressions: Expressions<'a>, register: Registers, value: &[u8]) -> Expressions<'a> {
    let load = expressions.nested_elem().nested_data_immediate().push_dreg(register as u32);
    load.nested_data().push_value(value).end_nested().end_nested().end_nested()
}

fn end(expressions: Expressions<'_>, verdict: VerdictCode) -> Expressions<'_> {
    let load = expressions.nested_elem().nested_data_immediate().push_dreg(Registers::RegVerdict as u32).nested_data();
    load.nested_verdict().push_code(verdict as u32).end_nested().end_nested().end_nested().end_nested()
}
