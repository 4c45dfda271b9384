//! The simulator as wasm: every fixture's recording is replayed by the page's own module under node, and the timelines and
//! outputs have to be the native ones, byte for byte. Needs `dist/` (`cargo xtask play --build-only`) and node.

use std::path::{Path, PathBuf};
use std::process::Command;

use glassbox_core::host::HostFacts;
use glassbox_core::session::Session;
use glassbox_tests::binary::skip;
use glassbox_tests::kernels::Model;
use glassbox_tests::suite;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_module_of_the_page_shows_the_same_as_the_native_simulator() {
    let dist = root().join("dist");
    if !dist.join("glassbox_web_bg.wasm").is_file() {
        skip("dist/ is not built; build it with: cargo xtask play --build-only");
        return;
    }
    let host = HostFacts::example();
    let mut recordings = Vec::new();
    for fixture in suite::fixtures().unwrap() {
        let mut model = Model::new(&host);
        suite::run(&mut model, &fixture).unwrap();
        recordings.push(model.recording().clone());
    }
    let place = tempfile::tempdir().unwrap();
    let (cases, out) = (place.path().join("cases.json"), place.path().join("out.json"));
    let all: Vec<_> = recordings.iter().map(|recording| serde_json::json!({ "facts": host, "recording": recording })).collect();
    std::fs::write(&cases, serde_json::to_string(&all).unwrap()).unwrap();
    let script = root().join("tests/wasm/replay.mjs");
    let status = Command::new("node").arg(script).arg(&dist).arg(&cases).arg(&out).status().unwrap();
    assert!(status.success(), "node: {status}");
    let timelines: Vec<String> = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(timelines.len(), recordings.len());
    assert!(timelines.len() >= 60);
    for (recording, timeline) in recordings.iter().zip(&timelines) {
        let native = Session::replay(host.clone(), recording).unwrap();
        let output: Vec<_> = native.world().output().iter().collect();
        let native = serde_json::to_string(&(native.timeline(), output)).unwrap();
        assert!(native == *timeline, "{:?}\nnative {native:.2000}\nwasm   {timeline:.2000}", recording.inputs);
    }
    println!("{} recordings, byte for byte the same natively and as wasm", timelines.len());
}
