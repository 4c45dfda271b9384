//! A container that `run` makes of any flags has a config.json that the OCI's own types read, and write again with the same meaning; a
//! seccomp profile of one's own is read or refused.

#![no_main]

use std::rc::Rc;

use glassbox_core::cli::{self, Command};
use glassbox_core::host::HostFacts;
use glassbox_core::model::State;
use glassbox_core::oci::capability::CapabilitySet;
use glassbox_core::oci::{seccomp_file, toolbox::image};
use glassbox_core::plan::{self, Context, Cursor, Visit};
use glassbox_core::step::{Step, StoreStep};
use libfuzzer_sys::fuzz_target;
use oci_spec::runtime::Spec;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let host = HostFacts::example();
    let _ = seccomp_file::resolve(text, &CapabilitySet::DOCKER_DEFAULT, &host.kernel_release);
    let words: Vec<String> =
        ["create"].into_iter().chain(text.split('\n')).chain(["toolbox", "true"]).map(str::to_string).collect();
    let Ok(invocation) = cli::parse(&words) else { return };
    if !matches!(invocation.command, Command::CreateContainer(_)) {
        return;
    }
    let mut state = State::default();
    let image = image(&host.toolbox);
    state.images.insert_mut(image.id.clone(), image);
    let invocation = Rc::new(invocation);
    let Ok(plan) = plan::plan(&invocation, &state, &host) else { return };
    let context = Context { state: &state, host: &host, invocation: &invocation };
    let mut cursor = Cursor::new(plan.steps, Vec::new());
    while let Some(visit) = cursor.advance(&context) {
        let Visit::Leaf(node) = visit else { continue };
        if let Step::Store(StoreStep::WriteFile { path, contents, .. }) = &node.step
            && path.ends_with("/config.json")
        {
            let spec: Spec = serde_json::from_str(contents).expect("config.json is one of the OCI's");
            let again: Spec = serde_json::from_value(serde_json::to_value(&spec).expect("written")).expect("read again");
            assert_eq!(spec, again);
            assert!(serde_json::from_str::<Value>(contents).expect("JSON").is_object());
        }
    }
});
