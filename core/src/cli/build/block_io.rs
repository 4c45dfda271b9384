//! The flags on disks, of `run`, `create` and `update`.

use super::{Call, number};
use crate::cli::UsageError;
use crate::cli::block_io::{BlockIo, DeviceNumber};
use crate::cli::values;

pub(super) fn block_io(call: &Call<'_>) -> Result<BlockIo, UsageError> {
    let bytes = |text: &str| values::bytes(text).ok().and_then(|bytes| u64::try_from(bytes).ok());
    let count = |text: &str| values::uint_of(text, 10, 64).ok();
    Ok(BlockIo {
        weight: number(call, "blkio-weight")?.and_then(|weight| u64::try_from(weight).ok()).unwrap_or_default(),
        weight_device: of_devices(call, "blkio-weight-device", count),
        read_bps: of_devices(call, "device-read-bps", bytes),
        write_bps: of_devices(call, "device-write-bps", bytes),
        read_iops: of_devices(call, "device-read-iops", count),
        write_iops: of_devices(call, "device-write-iops", count),
    })
}

/// The check of its kind has come before: `/dev/sda:1mb`.
fn of_devices(call: &Call<'_>, flag: &str, read: impl Fn(&str) -> Option<u64>) -> Vec<DeviceNumber> {
    let one = |value: &String| {
        let (device, number) = value.split_once(':')?;
        Some(DeviceNumber { device: device.to_string(), number: read(number)? })
    };
    call.values(flag).iter().filter_map(one).collect()
}
