//! Which rules a network needs: the way out with the host's address, nobody in but by a published port, and nothing from network to
//! network. The engine's own table holds them, and no other's is touched: nft(8).

use super::super::origin::{docker_default, need, planned};
use super::super::{Context, Planned};
use crate::model::Network;
use crate::net::{At, Chain, Match, Rule, Verdict};
use crate::step::{NetworkPlace, NetworkStep, Step};

/// The option that keeps the containers' own addresses on what goes out.
const MASQUERADE: &str = "com.docker.network.bridge.enable_ip_masquerade";
/// Where Docker tells of its own rules.
const FIREWALL: &str = "engine/network/packet-filtering-firewalls/";

/// A rule, where in its chain it stands, and why.
pub(super) struct Wanted {
    rule: Rule,
    at: At,
    why: &'static str,
}

/// The steps that make the rules of a network which are not there, and the table, if it is not.
pub(super) fn missing(network: &Network, context: &Context<'_>) -> Vec<Planned> {
    let there = context.host.network.rules.as_deref();
    let is_missing = |wanted: &Wanted| !there.unwrap_or_default().contains(&wanted.rule);
    let wanted: Vec<Wanted> = of_network(network).into_iter().filter(is_missing).collect();
    let mut steps = Vec::new();
    if there.is_none() && !wanted.is_empty() {
        steps.push(table());
    }
    let step = |wanted: Wanted| {
        let rule = Box::new(wanted.rule);
        let step = NetworkStep::AddRule { place: NetworkPlace::Host, rule, at: wanted.at, bridge: Some(network.interface.clone()) };
        planned(Step::Network(step), docker_default(wanted.why, FIREWALL))
    };
    steps.extend(wanted.into_iter().map(step));
    steps
}

/// The engine's own table.
pub(super) fn table() -> Planned {
    let why = "Rules stand in chains, and chains in a table: one of the engine's own is in nobody's way.";
    planned(Step::Network(NetworkStep::CreateTable { place: NetworkPlace::Host }), need("AddRule", why))
}

/// The steps that delete the rules of a network.
pub(super) fn delete(network: &Network, cause: impl Fn() -> super::super::Cause) -> Vec<Planned> {
    let step = |wanted: Wanted| {
        let step = NetworkStep::DeleteRule { chain: wanted.rule.chain, comment: wanted.rule.comment };
        planned(Step::Network(step), cause())
    };
    of_network(network).into_iter().map(step).collect()
}

/// What a network needs.
fn of_network(network: &Network) -> Vec<Wanted> {
    let bridge = || network.interface.clone();
    let (from, elsewhere) =
        (|| Match::CameBy { interface: bridge(), not: false }, || Match::GoesBy { interface: bridge(), not: true });
    let (to, from_elsewhere) =
        (|| Match::GoesBy { interface: bridge(), not: false }, || Match::CameBy { interface: bridge(), not: true });
    let rule = |chain, matches, verdict, what: &str| {
        let comment = format!("{} {what}", network.short());
        Rule { chain, matches, verdict, comment }
    };
    let wanted = |rule, at, why| Wanted { rule, at, why };
    if network.internal {
        let out = rule(Chain::Forward, vec![from(), elsewhere()], Verdict::Drop, "no way out");
        let within = rule(Chain::Forward, vec![to(), from_elsewhere()], Verdict::Drop, "no way in");
        return vec![
            wanted(out, At::Start, "The network is internal: what is sent elsewhere is dropped, whatever else lets it through."),
            wanted(within, At::Start, "The network is internal: nobody else gets in."),
        ];
    }
    let own = rule(Chain::Prerouting, vec![from()], Verdict::Accept, "own");
    let answers = rule(Chain::Forward, vec![to(), Match::OfKnownConnection], Verdict::Accept, "answers");
    let published = rule(Chain::Forward, vec![to(), Match::OfChangedDestination], Verdict::Accept, "published");
    let closed = rule(Chain::Forward, vec![to(), from_elsewhere()], Verdict::Drop, "closed");
    let mut all = vec![
        wanted(
            own,
            At::Start,
            "What a container sends to a published port is taken by the process that listens there: its answer comes back the same way.",
        ),
        wanted(answers, At::End, "Who has asked gets the answer."),
        wanted(published, At::End, "A published port is a way in: what was sent to it now has the container's address."),
        wanted(closed, At::End, "Nobody else gets in, be it from another network or from another machine."),
    ];
    if network.options.get(MASQUERADE).is_none_or(|value| value != "false") {
        for (number, subnet) in network.subnets.iter().enumerate() {
            let what = if number == 0 { "out".to_string() } else { format!("out {number}") };
            let matches = vec![Match::Source(subnet.subnet), elsewhere()];
            let out = rule(Chain::Postrouting, matches, Verdict::Masquerade, &what);
            let why = "Nobody outside knows the way to a container: what it sends out goes with the host's address, and the answer is sent on to it.";
            all.push(wanted(out, At::End, why));
        }
    }
    all
}
