//! Any bytes as a layer's blob are unpacked into the model or refused; what was unpacked is packed, and unpacked to the same again.

#![no_main]

use glassbox_core::host::HostFacts;
use glassbox_core::oci::layer::{Blob, LayerLimits, OverlayForm, PackOptions, UnpackOptions, pack, unpack};
use glassbox_core::sim::{Kernel, LayerDisk, boot};
use libfuzzer_sys::fuzz_target;

const OPTIONS: UnpackOptions =
    UnpackOptions { limits: LayerLimits::of_linux(1 << 20), form: OverlayForm::Trusted, owners: true, devices: true };

thread_local! {
    static BOOTED: Kernel = boot(&HostFacts::example());
}

fn disk(kernel: &mut Kernel) -> LayerDisk<'_> {
    LayerDisk::open(kernel, "/srv").expect("a directory")
}

fn packed(kernel: &mut Kernel) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    pack(&mut disk(kernel), &PackOptions::default(), &mut bytes).ok().map(|_| bytes)
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(blob) = Blob::new(bytes) else { return };
    let mut kernel = BOOTED.with(Kernel::clone);
    let answer = unpack(&mut disk(&mut kernel), &OPTIONS, blob);
    assert!(answer.is_ok() || answer.is_err_and(|error| error.to_string().len() < 2000));
    let Some(first) = packed(&mut kernel) else { return };
    if first.len() > 1 << 20 {
        return;
    }
    let mut other = BOOTED.with(Kernel::clone);
    unpack(&mut disk(&mut other), &OPTIONS, first.as_slice()).expect("what was packed is a layer");
    assert_eq!(packed(&mut other).as_deref(), Some(first.as_slice()));
});
