//! What a flag's value may be: a check for each kind, with Docker's words for a refusal, and the reading of the typed ones.
//!
//! Called by `flags` for each flag as it is read, and by `build` for the values themselves. Pure: what a value means on the host
//! (a variable of the environment, a file) is for the caller.

mod device;
mod fields;
pub(crate) use fields::fields;
pub(crate) mod moment;
mod mount;
mod network;
pub(super) mod number;
pub(crate) mod ports;
mod size;
mod text;

use super::table::Kind;

pub(crate) use mount::mount;
pub(crate) use network::{NetworkValue, network};
pub(crate) use number::{boolean, int, int_of, seconds, uint_of};
pub(crate) use size::{bytes, decimal_bytes, nano_cpus};

/// Docker's refusal of `value` for a flag of this kind: the reason, as it stands after the flag's name.
pub(crate) fn check(kind: Kind, value: &str) -> Result<(), String> {
    match kind {
        Kind::Bool => boolean(value).map(drop),
        Kind::PlanFormat => match value {
            "text" | "json" => Ok(()),
            _ => Err("must be \"text\" or \"json\"".to_string()),
        },
        Kind::Int => int(value).map(drop),
        Kind::Uint => number::uint(value, 64).map(drop),
        Kind::Uint32 => number::uint(value, 32).map(drop),
        Kind::Uint16 => number::uint(value, 16).map(drop),
        Kind::Float => number::float(value).map(drop),
        Kind::Decimal => nano_cpus(value).map(drop),
        Kind::Duration => number::duration(value),
        Kind::SwapBytes if value == "-1" => Ok(()),
        Kind::Bytes | Kind::SwapBytes => bytes(value).map(drop),
        Kind::Env => text::env(value),
        Kind::Label => text::label(value),
        Kind::Attach => text::attach(value),
        Kind::AddHost => text::add_host(value),
        Kind::Dns => text::dns(value),
        Kind::DnsSearch => text::dns_search(value),
        Kind::Link => text::link(value),
        Kind::Filter => text::filter(value),
        Kind::Ulimit => device::ulimit(value),
        Kind::Sysctl => device::sysctl(value),
        Kind::Mount => mount::check(value),
        Kind::Network => network(value).map(drop),
        Kind::Gpus => device::gpus(value),
        Kind::BlkioWeight => device::weight(value),
        Kind::DeviceBytes => device::rate_bytes(value),
        Kind::DeviceRate => device::rate(value),
        Kind::DeviceCgroupRule => device::cgroup_rule(value),
        Kind::Text | Kind::List | Kind::Strings | Kind::Map | Kind::Ip | Kind::LogOpt => Ok(()),
    }
}
