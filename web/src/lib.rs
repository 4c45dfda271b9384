//! The playground: a terminal over a modelled Linux, the steps of each command, and pictures of what they change.
//!
//! Components are dumb: they draw plain data from `glassbox_core` and report what a person did. All state is one `Session`. Also the
//! door through which the fidelity tests run fixtures in the simulator as wasm.

mod app;
mod effects;
mod explanation;
mod overview;
mod pictures;
mod project;
mod real;
mod screen;
mod stacks;
mod terminal;
mod timeline;

pub mod harness;

use wasm_bindgen::prelude::wasm_bindgen;

/// Puts the playground into the element with the id `app`.
#[wasm_bindgen]
pub fn start() {
    let root = web_sys::window().and_then(|window| window.document()).and_then(|document| document.get_element_by_id("app"));
    if let Some(root) = root {
        root.set_inner_html("");
        yew::Renderer::<app::App>::with_root(root).render();
    }
}
