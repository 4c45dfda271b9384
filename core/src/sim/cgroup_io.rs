//! The files on disks of the io controller (cgroup-v2.rst) and of blkio (cgroup-v1/blkio-controller.rst). Limits are kept and shown; what
//! the model's programs read and write never reaches a disk, so that nothing ever waits for them.

use super::boot::STOCK_DISKS;
use super::cgroup::Cgroup;
use super::kernel::Kernel;
use crate::device::{Device, DeviceKind};
use crate::errno::Errno;
use crate::userland::SysResult;

/// Of one disk; `None`: no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DiskLimits {
    weight: Option<u64>,
    /// Bytes read, bytes written, reads, writes.
    rates: [Option<u64>; 4],
}

/// What version 1 shows; its weights only where the kernel has them.
pub(super) const SPLIT_FILES: &[&str] = &[
    "blkio.throttle.io_service_bytes",
    "blkio.throttle.io_service_bytes_recursive",
    RATE_FILES[0],
    RATE_FILES[1],
    RATE_FILES[2],
    RATE_FILES[3],
    "blkio.weight",
    "blkio.weight_device",
];
const RATE_FILES: [&str; 4] = [
    "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device",
    "blkio.throttle.read_iops_device",
    "blkio.throttle.write_iops_device",
];
const RATE_WORDS: [&str; 4] = ["rbps", "wbps", "riops", "wiops"];
/// What a cgroup starts with.
const WEIGHT: u64 = 100;
const SPLIT_WEIGHT: u64 = 500;

pub(super) fn is_of_disks(name: &str) -> bool {
    name.starts_with("io.") || name.starts_with("blkio.")
}

/// `None`: there is no such file.
pub(super) fn text(cgroup: &Cgroup, name: &str) -> Option<String> {
    let lines = |value: &dyn Fn(&DiskLimits) -> Option<String>| -> String {
        let line = |((major, minor), limits): (&(u32, u32), &DiskLimits)| Some(format!("{major}:{minor} {}\n", value(limits)?));
        cgroup.disks.iter().filter_map(line).collect()
    };
    let weight = |limits: &DiskLimits| limits.weight.map(|weight| weight.to_string());
    Some(match name {
        "io.stat" => String::new(),
        "blkio.throttle.io_service_bytes" | "blkio.throttle.io_service_bytes_recursive" => "Total 0\n".to_string(),
        "io.weight" => format!("default {}\n{}", cgroup.block_weight.unwrap_or(WEIGHT), lines(&weight)),
        "blkio.weight" => format!("{}\n", cgroup.block_weight.unwrap_or(SPLIT_WEIGHT)),
        "blkio.weight_device" => lines(&weight),
        "io.max" => lines(&|limits| {
            limits.rates.iter().any(Option::is_some).then(|| {
                let rate = |rate: &Option<u64>| rate.map_or_else(|| "max".to_string(), |rate| rate.to_string());
                let words: Vec<String> =
                    RATE_WORDS.iter().zip(&limits.rates).map(|(word, limit)| format!("{word}={}", rate(limit))).collect();
                words.join(" ")
            })
        }),
        _ => {
            let at = RATE_FILES.iter().position(|file| *file == name)?;
            lines(&|limits| limits.rates.get(at).copied().flatten().map(|rate| rate.to_string()))
        }
    })
}

/// A part of a disk, by its name: `vda1` of `vda`, `nvme0n1p1` of `nvme0n1`.
fn is_part(name: &str, all: &[(String, (u32, u32))]) -> bool {
    let whole = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let named = |whole: &str| all.iter().any(|(other, _)| other == whole);
    whole != name && (named(whole) || whole.strip_suffix('p').is_some_and(named))
}

impl Kernel {
    /// The whole disks of the machine.
    fn is_disk(&self, numbers: (u32, u32)) -> bool {
        let stock = || STOCK_DISKS.iter().map(|(name, numbers)| (format!("/dev{name}"), *numbers)).collect();
        let block = |device: &&Device| device.kind == DeviceKind::Block;
        let all: Vec<(String, (u32, u32))> = match self.host.devices.is_empty() {
            true => stock(),
            false => self.host.devices.iter().filter(block).map(|it| (it.host.clone(), (it.major, it.minor))).collect(),
        };
        all.iter().any(|(name, known)| *known == numbers && !is_part(name, &all))
    }

    /// `254:0 rbps=1048576`, `254:0 1048576`, `500`.
    pub(super) fn write_disk_limit(&mut self, index: usize, directory: &str, name: &str, text: &str) -> SysResult<()> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| Errno::EINVAL);
        let weights = if name == "io.weight" { 1..=10_000 } else { 10..=1000 };
        let weight = |text: &str| number(text).and_then(|it| if weights.contains(&it) { Ok(it) } else { Err(Errno::ERANGE) });
        if let ("io.weight" | "blkio.weight", false) = (name, text.contains(':')) {
            let value = weight(text.strip_prefix("default ").unwrap_or(text))?;
            self.cgroup_mut(index, directory)?.block_weight = Some(value);
            return Ok(());
        }
        let (disk, value) = text.split_once(' ').ok_or(Errno::EINVAL)?;
        let (major, minor) = disk.split_once(':').ok_or(Errno::EINVAL)?;
        let numbers = (major.parse().map_err(|_| Errno::EINVAL)?, minor.parse().map_err(|_| Errno::EINVAL)?);
        if !self.is_disk(numbers) {
            return Err(Errno::ENODEV);
        }
        let mut limits = self.cgroup(index, directory)?.disks.get(&numbers).cloned().unwrap_or_default();
        match name {
            // Nobody has told the controller of the disk (`io.cost.qos`).
            "io.weight" => return Err(Errno::EOPNOTSUPP),
            "blkio.weight_device" => limits.weight = Some(weight(value)?),
            "io.max" => set_rates(&mut limits.rates, value)?,
            _ => {
                let at = RATE_FILES.iter().position(|file| *file == name).ok_or(Errno::EINVAL)?;
                let rate = limits.rates.get_mut(at).ok_or(Errno::EINVAL)?;
                *rate = Some(number(value)?).filter(|rate| *rate > 0);
            }
        }
        self.cgroup_mut(index, directory)?.disks.insert(numbers, limits);
        Ok(())
    }
}

/// `rbps=1048576 wiops=max`: all of them, or none.
fn set_rates(rates: &mut [Option<u64>; 4], text: &str) -> SysResult<()> {
    let mut wanted = *rates;
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=').ok_or(Errno::EINVAL)?;
        let at = RATE_WORDS.iter().position(|known| *known == name).ok_or(Errno::EINVAL)?;
        let value = if value == "max" { None } else { Some(value.parse::<u64>().map_err(|_| Errno::EINVAL)?) };
        match value {
            Some(0) => return Err(Errno::ERANGE),
            Some(1) => return Err(Errno::EINVAL),
            value => *wanted.get_mut(at).ok_or(Errno::EINVAL)? = value,
        }
    }
    *rates = wanted;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_taken_whole_or_not_at_all() {
        let mut rates = [None; 4];
        assert_eq!(set_rates(&mut rates, "rbps=1048576 wiops=120"), Ok(()));
        assert_eq!(rates, [Some(1_048_576), None, None, Some(120)]);
        assert_eq!(set_rates(&mut rates, "rbps=max wbps=0"), Err(Errno::ERANGE));
        assert_eq!(set_rates(&mut rates, "rate=5"), Err(Errno::EINVAL));
        assert_eq!(rates, [Some(1_048_576), None, None, Some(120)]);
        assert_eq!(set_rates(&mut rates, "rbps=max"), Ok(()));
        assert_eq!(rates, [None, None, None, Some(120)]);
    }

    #[test]
    fn a_part_is_known_by_the_name_of_its_disk() {
        let all: Vec<(String, (u32, u32))> =
            ["vda", "vda1", "loop0", "nvme0n1", "nvme0n1p2"].iter().map(|name| (format!("/dev/{name}"), (0, 0))).collect();
        let parts = |name: &str| is_part(&format!("/dev/{name}"), &all);
        assert_eq!(["vda", "vda1", "loop0", "nvme0n1", "nvme0n1p2"].map(parts), [false, true, false, false, true]);
    }
}
