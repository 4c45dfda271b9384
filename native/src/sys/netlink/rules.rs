//! Rules as the kernel lists them, back into what they say: the inverse of what [`super::nft`] writes.
//!
//! One expression loads something of the packet, one may mask it, one compares it; two more load an address and a port for a translation.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use glassbox_core::net::{Chain, Match, Protocol, Rule, Verdict};
use ipnet::IpNet;
use netlink_bindings::nftables::{
    CmpOps, CtKeys, ExprOps, IterableExprAttrs, IterableExprCmpAttrs, IterableExprImmediateAttrs, IterableExprListAttrs,
    IterableExprNatAttrs, MetaKeys, PayloadBase, VerdictCode,
};

/// What is in the first register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Loaded {
    #[default]
    Nothing,
    Meta(u32),
    Connection(u32),
    /// The kind of the packet's destination.
    AddressType,
    /// Bytes of a header: which one, from where on.
    Payload(u32, u32),
}

/// What the expressions up to here say.
#[derive(Debug, Default)]
struct Reading {
    loaded: Loaded,
    mask: Option<Vec<u8>>,
    protocol: Option<u8>,
    registers: BTreeMap<u32, Vec<u8>>,
    matches: Vec<Match>,
    verdict: Option<Verdict>,
}

/// The rule; `None`: it says something that the engine's own rules do not.
pub fn read(chain: Chain, comment: String, expressions: IterableExprListAttrs<'_>) -> Option<Rule> {
    let mut reading = Reading::default();
    for element in expressions.get_elem() {
        reading.take(element)?;
    }
    Some(Rule { chain, matches: reading.matches, verdict: reading.verdict?, comment })
}

impl Reading {
    fn take(&mut self, element: IterableExprAttrs<'_>) -> Option<()> {
        if element.get_name().ok()?.to_bytes() == b"masq" {
            self.verdict = Some(Verdict::Masquerade);
            return Some(());
        }
        match element.get_data().ok()? {
            ExprOps::Meta(meta) => self.load(Loaded::Meta(meta.get_key().ok()?)),
            ExprOps::Ct(ct) => self.load(Loaded::Connection(ct.get_key().ok()?)),
            ExprOps::Fib(_) => self.load(Loaded::AddressType),
            ExprOps::Payload(payload) => self.load(Loaded::Payload(payload.get_base().ok()?, payload.get_offset().ok()?)),
            ExprOps::Bitwise(bits) => self.mask = Some(bits.get_mask().ok()?.get_value().ok()?.to_vec()),
            ExprOps::Cmp(compare) => self.compare(&compare)?,
            ExprOps::Immediate(value) => self.immediate(&value)?,
            ExprOps::Nat(nat) => self.verdict = Some(Verdict::SendTo(self.translation(&nat)?)),
            _ => return None,
        }
        Some(())
    }

    fn load(&mut self, what: Loaded) {
        (self.loaded, self.mask) = (what, None);
    }

    fn compare(&mut self, compare: &IterableExprCmpAttrs<'_>) -> Option<()> {
        const NETWORK: u32 = PayloadBase::NetworkHeader as u32;
        const TRANSPORT: u32 = PayloadBase::TransportHeader as u32;
        let not = compare.get_op().ok()? == CmpOps::Neq as u32;
        let value = compare.get_data().ok()?.get_value().ok()?;
        let found = match self.loaded {
            Loaded::Meta(key) if key == MetaKeys::Nfproto as u32 => return Some(()),
            Loaded::Meta(key) if key == MetaKeys::L4Proto as u32 => {
                self.protocol = value.first().copied();
                return Some(());
            }
            Loaded::Meta(key) if key == MetaKeys::Iifname as u32 => Match::CameBy { interface: name(value), not },
            Loaded::Meta(key) if key == MetaKeys::Oifname as u32 => Match::GoesBy { interface: name(value), not },
            Loaded::Connection(key) if key == CtKeys::State as u32 => Match::OfKnownConnection,
            Loaded::Connection(key) if key == CtKeys::Status as u32 => Match::OfChangedDestination,
            Loaded::AddressType => Match::ToThisMachine,
            Loaded::Payload(NETWORK, offset) => {
                let net = net(value, self.mask.as_deref())?;
                match (offset, not) {
                    (12 | 8, false) => Match::Source(net),
                    (16 | 24, false) => Match::Destination(net),
                    (16 | 24, true) => Match::DestinationNot(net),
                    _ => return None,
                }
            }
            Loaded::Payload(TRANSPORT, 2) => {
                let known = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
                let protocol = known.into_iter().find(|protocol| Some(protocol.number()) == self.protocol)?;
                Match::Port(protocol, u16::from_be_bytes(value.try_into().ok()?))
            }
            _ => return None,
        };
        self.matches.push(found);
        Some(())
    }

    fn immediate(&mut self, value: &IterableExprImmediateAttrs<'_>) -> Option<()> {
        let data = value.get_data().ok()?;
        if let Ok(verdict) = data.get_verdict() {
            let code = verdict.get_code().ok()?;
            let known = [(VerdictCode::Accept as u32, Verdict::Accept), (VerdictCode::Drop as u32, Verdict::Drop)];
            self.verdict = Some(known.into_iter().find(|(one, _)| *one == code)?.1);
        } else {
            self.registers.insert(value.get_dreg().ok()?, data.get_value().ok()?.to_vec());
        }
        Some(())
    }

    fn translation(&self, nat: &IterableExprNatAttrs<'_>) -> Option<SocketAddr> {
        let address = address(self.registers.get(&nat.get_reg_addr_min().ok()?)?)?;
        let port = self.registers.get(&nat.get_reg_proto_min().ok()?)?.get(..2)?;
        Some(SocketAddr::new(address, u16::from_be_bytes(port.try_into().ok()?)))
    }
}

fn name(padded: &[u8]) -> String {
    let end = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
    String::from_utf8_lossy(padded.get(..end).unwrap_or_default()).into_owned()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => None,
    }
}

fn net(value: &[u8], mask: Option<&[u8]>) -> Option<IpNet> {
    let address = address(value)?;
    match mask {
        None => Some(IpNet::from(address)),
        Some(mask) => IpNet::with_netmask(address, self::address(mask)?).ok(),
    }
}
