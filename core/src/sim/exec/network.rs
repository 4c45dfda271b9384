//! Steps on networks.

use super::store::{make_directory, write_file};
use super::{Carried, Failure, Run, called, done};
use crate::errno::Errno;
use crate::model::{Network, State};
use crate::sim::kernel::Kernel;
use crate::sim::tables::{HostPid, NsId};
use crate::step::{NetworkPlace, NetworkStep};
use crate::userland::SysResult;

const RECORD_MODE: u32 = 0o600;

pub(super) fn execute(step: &NetworkStep, kernel: &mut Kernel, run: &Run, state: &State) -> Carried {
    let engine = kernel.engine;
    let send = "sendto";
    match step {
        NetworkStep::RecordNetwork { network, path, .. } => write_record(kernel, network, path)?,
        NetworkStep::RemoveNetwork { path, .. } => called(kernel.remove_node(engine, path, false), "unlink")?,
        NetworkStep::CreateBridge { name, mtu, mac } => {
            let ns = namespace(kernel, run, state, &NetworkPlace::Host)?;
            called(kernel.create_bridge(ns, name, *mtu, *mac), send)?;
        }
        NetworkStep::CreateVethPair { host, inside, mac, mtu, place } => {
            let near = namespace(kernel, run, state, &NetworkPlace::Host)?;
            let far = namespace(kernel, run, state, place)?;
            called(kernel.create_veth((near, host), (far, inside, *mac), *mtu), send)?;
        }
        NetworkStep::AttachToBridge { interface, bridge } => {
            let ns = namespace(kernel, run, state, &NetworkPlace::Host)?;
            called(kernel.attach_to_bridge(ns, interface, bridge), send)?;
        }
        NetworkStep::AddAddress { place, interface, address } => {
            let ns = namespace(kernel, run, state, place)?;
            called(kernel.add_address(ns, interface, *address), send)?;
        }
        NetworkStep::BringUpLink { place, interface } => {
            let ns = namespace(kernel, run, state, place)?;
            called(kernel.bring_up_link(ns, interface), send)?;
        }
        NetworkStep::AddRoute { place, destination, gateway, interface } => {
            let ns = namespace(kernel, run, state, place)?;
            called(kernel.add_route(ns, *destination, *gateway, interface), send)?;
        }
        NetworkStep::ReplaceRoute { id, destination, gateway, interface, .. } => {
            let ns = namespace(kernel, run, state, &NetworkPlace::Container(id.clone()))?;
            called(kernel.replace_route(ns, *destination, Some((*gateway, interface))), send)?;
        }
        NetworkStep::SetHostSetting { name, value, .. } => {
            super::cgroup::write_as(kernel, engine, &crate::sysctl::path(name), value)?;
        }
        NetworkStep::CreateTable { place } => {
            let ns = namespace(kernel, run, state, place)?;
            called(kernel.create_table(ns), send)?;
        }
        NetworkStep::AddRule { place, rule, at, .. } => {
            let ns = namespace(kernel, run, state, place)?;
            called(kernel.add_rule(ns, rule, *at), send)?;
        }
        NetworkStep::DeleteRule { chain, comment } => {
            let ns = namespace(kernel, run, state, &NetworkPlace::Host)?;
            gone_already(kernel.delete_rule(ns, *chain, comment), Errno::ENOENT)?;
        }
        NetworkStep::HoldPort { id, port, to, .. } => called(kernel.hold_port(&id.0, port, *to), "bind")?,
        NetworkStep::ForwardPorts { id, .. } => kernel.forward_ports(&id.0),
        NetworkStep::ReleasePorts { id } => kernel.release_ports(&id.0),
        NetworkStep::ServeNames { id, place, servers, ndots_said } => {
            let ns = namespace(kernel, run, state, place)?;
            called(kernel.serve_names(ns, id, servers, *ndots_said), "bind")?;
        }
        NetworkStep::DeleteInterface { name } => {
            let ns = namespace(kernel, run, state, &NetworkPlace::Host)?;
            gone_already(kernel.delete_link(ns, name), Errno::ENODEV)?;
        }
    }
    done(kernel)
}

fn write_record(kernel: &mut Kernel, network: &Network, path: &str) -> Result<(), Failure> {
    let text = serde_json::to_string(network).map_err(|_| Errno::EINVAL)?;
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    if kernel.walk(kernel.engine, directory, true).is_err() {
        called(make_directory(kernel, directory, 0o711).map(drop), "mkdir")?;
    }
    called(write_file(kernel, path, RECORD_MODE, &text), "openat")
}

/// What was to be deleted and is not there is gone already.
fn gone_already(deleted: SysResult<()>, missing: Errno) -> Result<(), Failure> {
    match deleted {
        Err(errno) if errno == missing => Ok(()),
        answer => called(answer, "sendto"),
    }
}

/// The network namespace that a step acts in, if the engine may.
fn namespace(kernel: &Kernel, run: &Run, state: &State, place: &NetworkPlace) -> Result<NsId, Failure> {
    let whose: HostPid = match place {
        NetworkPlace::Host => kernel.engine,
        NetworkPlace::Process => run.process.ok_or(Errno::ESRCH)?,
        NetworkPlace::Container(id) => super::process::whose_namespace(state, id)?,
    };
    called(kernel.network_to_change(kernel.engine, whose), "sendto")
}
