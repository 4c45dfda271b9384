//! Layers in the model: the shared cases, and what packing promises.

mod cases;
mod packing;
mod reading;

/// What the shared cases are written with; natively it is another module of this name.
mod api {
    pub use crate::archive::{Member, MemberKind, Writer};
    pub use crate::oci::layer::*;
}

use crate::host::HostFacts;
use crate::sim::{Kernel, LayerDisk, boot};
use api::*;

/// A booted model, in whose /srv layers are made.
fn kernel() -> Kernel {
    boot(&HostFacts::example())
}

fn disk(kernel: &mut Kernel) -> LayerDisk<'_> {
    LayerDisk::open(kernel, "/srv").unwrap()
}

#[test]
fn every_case_is_unpacked_or_refused() {
    for case in cases::all() {
        let mut kernel = kernel();
        cases::check(&case, &mut disk(&mut kernel));
    }
}

#[test]
fn nothing_outside_is_touched() {
    for case in cases::all() {
        let mut kernel = kernel();
        LayerDisk::open(&mut kernel, "/").unwrap().make_directory(b"srv/inside").unwrap();
        let before = listing(&mut kernel);
        let mut inside = LayerDisk::open(&mut kernel, "/srv/inside").unwrap();
        let _ = unpack(&mut inside, &case.options, case.archive.as_slice());
        LayerDisk::open(&mut kernel, "/").unwrap().remove(b"srv/inside").unwrap();
        LayerDisk::open(&mut kernel, "/").unwrap().make_directory(b"srv/inside").unwrap();
        assert_eq!(listing(&mut kernel), before, "{}", case.name);
    }
}

/// What lies beside the layer.
fn listing(kernel: &mut Kernel) -> Vec<String> {
    let mut all = Vec::new();
    for top in ["/etc", "/srv", "/home", "/tmp"] {
        all.extend(cases::listing(&mut LayerDisk::open(kernel, top).unwrap()));
    }
    // The directory above the layer had something made in it.
    all.into_iter().filter(|line| !line.contains(" inside")).collect()
}

/// The model's names are text. Linux takes the other ones too: `tests/tests/layers.rs`.
#[test]
fn a_name_that_is_no_text_is_refused_in_the_model() {
    let mut kernel = kernel();
    let error = unpack(&mut disk(&mut kernel), &cases::OPTIONS, cases::not_text().as_slice()).unwrap_err();
    assert_eq!(error.to_string(), "glassbox: layer: \"caf\\xe9\": open: invalid or incomplete multibyte or wide character");
}
