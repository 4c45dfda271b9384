//! Any command line is understood or refused in words, and what is understood is planned or refused; nothing panics.

#![no_main]

use std::rc::Rc;

use glassbox_core::cli;
use glassbox_core::host::HostFacts;
use glassbox_core::model::State;
use glassbox_core::oci::toolbox::image;
use glassbox_core::plan;
use glassbox_core::view::plan::plan_tree;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &str| {
    let Ok(invocation) = cli::parse_line(line) else { return };
    let host = HostFacts::example();
    let mut state = State::default();
    let image = image(&host.toolbox);
    state.images.insert_mut(image.id.clone(), image);
    if let Ok(plan) = plan::plan(&Rc::new(invocation), &state, &host) {
        let tree = plan_tree(&plan, &state, &host);
        assert!(!tree.to_text().is_empty() || plan.steps.is_empty());
    }
});
