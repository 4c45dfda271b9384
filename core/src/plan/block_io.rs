//! Limits on disks: checked as dockerd checks them, without what this machine cannot keep, as writes to the files of a cgroup.
//!
//! cgroup-v2.rst (IO), cgroup-v1/blkio-controller.rst. A disk is named to the kernel by its numbers. The weight of Docker, 10 to 1000, is
//! that of v1 and of the BFQ scheduler; how it becomes one of 1 to 10000 is the OCI runtimes' common rule.

use std::collections::BTreeMap;

use super::limits::{Refusal, Write};
use super::{CommandError, Context, create};
use crate::cli::{BlockIo, Command, ContainerSpec, DeviceNumber, Invocation};
use crate::host::{BlockLimits, CgroupVersion, HostFacts};
use crate::model::{Container, State};
use crate::step::Limit;

/// What Docker takes as a weight.
const WEIGHTS: std::ops::RangeInclusive<u64> = 10..=1000;
/// How an error of the client ends that found no file: stat(2).
const NOT_THERE: &str = "no such file or directory";

/// This command has something to do with limits on disks: [`crate::host::CgroupLayout::block`] is to be there.
pub(super) fn asks_of_disks(invocation: &Invocation, state: &State) -> bool {
    let asks = |block: &BlockIo| *block != BlockIo::default();
    let of_command = match &invocation.command {
        Command::RunContainer(run) => asks(&run.spec.resources.block_io),
        Command::CreateContainer(spec) => asks(&spec.resources.block_io),
        Command::UpdateContainers { resources, .. } => asks(&resources.block_io),
        _ => false,
    };
    of_command || state.containers.values().any(|container| asks(&container.host.resources.block_io))
}

/// A weight is judged only where it can be kept.
pub(super) fn check(block: &BlockIo, limits: &BlockLimits) -> Result<(), Refusal> {
    if block.weight > 0 && limits.weight.is_some() && !WEIGHTS.contains(&block.weight) {
        return Err(("Range of blkio weight is from 10 to 1000".to_string(), "blkio-weight"));
    }
    Ok(())
}

/// dockerd's refusal of a disk that the host does not have.
pub(super) fn check_disks(spec: &ContainerSpec, context: &Context<'_>) -> Result<(), CommandError> {
    let kept = kept(&spec.resources.block_io, &context.host.cgroup.block);
    let named = LISTS.iter().flat_map(|list| (list.of)(&kept).iter().map(|number| (number, list.flag)));
    for (number, flag) in named {
        let device = &number.device;
        if !context.host.sources.contains_key(device) {
            return Err(create::refuse(context, &format!("stat {device}: {NOT_THERE}"), Some(flag)));
        }
    }
    Ok(())
}

/// The numbers of the disks that are named; 0:0 of what is no device, which the kernel then refuses.
pub(super) fn disks(spec: &ContainerSpec, host: &HostFacts) -> BTreeMap<String, (u32, u32)> {
    let numbers = |path: &str| {
        let found = host.devices.iter().find(|device| device.host == path);
        found.map_or((0, 0), |device| (device.major, device.minor))
    };
    spec.resources.block_io.devices().map(|path| (path.to_string(), numbers(path))).collect()
}

/// One kind of what is said about single disks.
struct List {
    flag: &'static str,
    of: fn(&BlockIo) -> &Vec<DeviceNumber>,
    limit: Limit,
    /// The file of version 1.
    split: &'static str,
    /// The word of version 2 in `io.max`.
    unified: &'static str,
    /// Docker's words for it: what a kernel has or has not, and what is left out.
    kernel: &'static str,
    discarded: &'static str,
}

/// In the order in which dockerd goes through them.
const LISTS: [List; 5] = [
    List {
        flag: "blkio-weight-device",
        of: |block| &block.weight_device,
        limit: Limit::BlockDeviceWeight,
        split: "",
        unified: "",
        kernel: "Block I/O weight_device",
        discarded: "Weight-device",
    },
    List {
        flag: "device-read-bps",
        of: |block| &block.read_bps,
        limit: Limit::BlockReadBytes,
        split: "blkio.throttle.read_bps_device",
        unified: "rbps",
        kernel: "BPS Block I/O read limit",
        discarded: "Block I/O BPS read limit",
    },
    List {
        flag: "device-write-bps",
        of: |block| &block.write_bps,
        limit: Limit::BlockWriteBytes,
        split: "blkio.throttle.write_bps_device",
        unified: "wbps",
        kernel: "BPS Block I/O write limit",
        discarded: "Block I/O BPS write limit",
    },
    List {
        flag: "device-read-iops",
        of: |block| &block.read_iops,
        limit: Limit::BlockReads,
        split: "blkio.throttle.read_iops_device",
        unified: "riops",
        kernel: "IOPS Block read limit",
        discarded: "Block I/O IOPS read limit",
    },
    List {
        flag: "device-write-iops",
        of: |block| &block.write_iops,
        limit: Limit::BlockWrites,
        split: "blkio.throttle.write_iops_device",
        unified: "wiops",
        kernel: "IOPS Block write limit",
        discarded: "Block I/O IOPS write limit",
    },
];

/// Without what no file takes. On v2 dockerd keeps the weight of a disk on record though only the BFQ scheduler takes it.
pub(super) fn kept(block: &BlockIo, limits: &BlockLimits) -> BlockIo {
    let rates = |numbers: &Vec<DeviceNumber>| if limits.rates { numbers.clone() } else { Vec::new() };
    let weights = limits.weight.is_some() && (limits.weight_device.is_some() || is_unified(limits));
    BlockIo {
        weight: if limits.weight.is_some() { block.weight } else { 0 },
        weight_device: if weights { block.weight_device.clone() } else { Vec::new() },
        read_bps: rates(&block.read_bps),
        write_bps: rates(&block.write_bps),
        read_iops: rates(&block.read_iops),
        write_iops: rates(&block.write_iops),
    }
}

fn is_unified(limits: &BlockLimits) -> bool {
    limits.weight.as_ref().is_some_and(|file| file.starts_with("io."))
}

fn not_kept(kernel: &str, discarded: &str) -> String {
    format!("WARNING: Your kernel does not support {kernel} or the cgroup is not mounted. {discarded} discarded.")
}

/// Docker's warnings on what this machine cannot keep; ours where Docker leaves something out and says nothing.
pub(super) fn warnings(block: &BlockIo, limits: &BlockLimits) -> Vec<String> {
    let mut all = Vec::new();
    let kept = kept(block, limits);
    if block.weight > 0 && kept.weight == 0 {
        all.push(not_kept("Block I/O weight", "Weight"));
    }
    for list in &LISTS {
        if (list.of)(&kept).len() < (list.of)(block).len() {
            all.push(not_kept(list.kernel, list.discarded));
        }
    }
    if !kept.weight_device.is_empty() && limits.weight_device.is_none() {
        all.push(
            "glassbox: only the BFQ scheduler has a weight for each disk, and it is not in use: left out, as Docker does".into(),
        );
    }
    all
}

/// The write of the weight; v2 without BFQ counts from 1 to 10000.
pub(super) fn weight(block: &BlockIo, limits: &BlockLimits) -> Option<Write> {
    let file = limits.weight.clone().filter(|_| block.weight > 0)?;
    let value = if file == "io.weight" { 1 + (block.weight - WEIGHTS.start()) * 9_999 / 990 } else { block.weight };
    Some(Write { file, value: value.to_string(), limit: Limit::BlockWeight, flag: "blkio-weight" })
}

/// The writes for single disks: each takes a line of its own.
pub(super) fn of_disks(container: &Container, host: &HostFacts) -> Vec<Write> {
    let (block, limits) = (&container.host.resources.block_io, &host.cgroup.block);
    let mut all = Vec::new();
    for list in &LISTS {
        for DeviceNumber { device, number } in (list.of)(block) {
            let (major, minor) = container.host.disks.get(device).copied().unwrap_or_default();
            let unified = host.cgroup.version == CgroupVersion::V2;
            let (file, value) = match (list.limit, unified) {
                (Limit::BlockDeviceWeight, _) => match &limits.weight_device {
                    Some(file) => (file.clone(), number.to_string()),
                    None => continue,
                },
                (_, true) => ("io.max".to_string(), format!("{}={number}", list.unified)),
                (_, false) => (list.split.to_string(), number.to_string()),
            };
            all.push(Write { file, value: format!("{major}:{minor} {value}"), limit: list.limit, flag: list.flag });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::CgroupLayout;

    fn asked() -> BlockIo {
        let disk = |number| vec![DeviceNumber { device: "/dev/vda".into(), number }];
        BlockIo { weight: 500, weight_device: disk(200), read_bps: disk(1 << 20), write_iops: disk(100), ..BlockIo::default() }
    }

    #[test]
    fn a_weight_is_judged_where_it_can_be_kept() {
        let limits = CgroupLayout::stock_v2().block;
        let told = |weight| check(&BlockIo { weight, ..BlockIo::default() }, &limits).err().map(|(what, _)| what);
        assert_eq!([told(0), told(10), told(1000)], [None, None, None]);
        assert_eq!(told(9).as_deref(), Some("Range of blkio weight is from 10 to 1000"));
        assert_eq!(told(1001), told(9));
        assert_eq!(check(&BlockIo { weight: 9, ..BlockIo::default() }, &BlockLimits::default()), Ok(()));
    }

    #[test]
    fn what_no_file_takes_is_discarded_and_said() {
        let none = BlockLimits::default();
        assert_eq!(kept(&asked(), &none), BlockIo::default());
        let told = warnings(&asked(), &none);
        assert_eq!(told.len(), 4);
        assert!(told.iter().all(|line| line.starts_with("WARNING: Your kernel does not support ")), "{told:?}");
        // As kernels since 5.0 have it on version 1.
        let rates = BlockLimits { rates: true, ..none };
        let told = warnings(&asked(), &rates);
        assert!(told.len() == 2 && told.iter().all(|line| line.contains("Weight")), "{told:?}");
        let stock = CgroupLayout::stock_v2().block;
        assert_eq!(kept(&asked(), &stock), asked());
        assert!(matches!(warnings(&asked(), &stock).as_slice(), [only] if only.contains("only the BFQ scheduler")));
        let bfq = BlockLimits {
            weight: Some("io.bfq.weight".into()),
            weight_missing: false,
            weight_device: Some("io.bfq.weight".into()),
            rates: true,
        };
        assert_eq!(warnings(&asked(), &bfq), [] as [String; 0]);
    }

    #[test]
    fn each_version_has_files_and_numbers_of_its_own() {
        let mut host = HostFacts::example();
        let mut container = crate::step::samples::container();
        container.host.resources.block_io = asked();
        container.host.disks = [("/dev/vda".to_string(), (254, 0))].into();
        let written = |host: &HostFacts| -> Vec<String> {
            let weight = weight(&asked(), &host.cgroup.block);
            let all = weight.into_iter().chain(of_disks(&container, host));
            all.map(|write| format!("{}: {}", write.file, write.value)).collect()
        };
        assert_eq!(written(&host), ["io.weight: 4950", "io.max: 254:0 rbps=1048576", "io.max: 254:0 wiops=100"]);
        host.cgroup.block.weight = Some("io.bfq.weight".into());
        host.cgroup.block.weight_device = Some("io.bfq.weight".into());
        assert_eq!(written(&host)[..2], ["io.bfq.weight: 500", "io.bfq.weight: 254:0 200"]);
        host.cgroup.version = CgroupVersion::V1;
        host.cgroup.block = BlockLimits {
            weight: Some("blkio.weight".into()),
            weight_device: Some("blkio.weight_device".into()),
            ..host.cgroup.block
        };
        let expected = [
            "blkio.weight: 500",
            "blkio.weight_device: 254:0 200",
            "blkio.throttle.read_bps_device: 254:0 1048576",
            "blkio.throttle.write_iops_device: 254:0 100",
        ];
        assert_eq!(written(&host), expected);
    }
}
