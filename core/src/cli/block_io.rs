//! `BlockIo`: what `run`, `create` and `update` say about disks; Docker's names and units.

use serde::{Deserialize, Serialize};

/// Shares and limits of what goes to and from disks. Zero and the empty list mean that nothing was said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockIo {
    /// `--blkio-weight`, 10 to 1000.
    pub weight: u64,
    /// `--blkio-weight-device`, for one disk.
    pub weight_device: Vec<DeviceNumber>,
    /// `--device-read-bps`, bytes a second.
    pub read_bps: Vec<DeviceNumber>,
    /// `--device-write-bps`, bytes a second.
    pub write_bps: Vec<DeviceNumber>,
    /// `--device-read-iops`, operations a second.
    pub read_iops: Vec<DeviceNumber>,
    /// `--device-write-iops`, operations a second.
    pub write_iops: Vec<DeviceNumber>,
}

/// A disk and a number for it: a weight, or a rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceNumber {
    /// Path on the host, below /dev.
    pub device: String,
    /// How much.
    pub number: u64,
}

impl BlockIo {
    /// The disks that are named.
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        let rates = [&self.weight_device, &self.read_bps, &self.write_bps, &self.read_iops, &self.write_iops];
        rates.into_iter().flatten().map(|rate| rate.device.as_str())
    }
}
