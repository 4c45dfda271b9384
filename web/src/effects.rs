//! The only place that touches the browser's storage, timers and address: what the page remembers, and where it was opened.

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

const RECORDING: &str = "glassbox.recording.1";

/// The recording of the last visit, if the browser kept it.
pub fn saved_recording() -> Option<String> {
    storage()?.get_item(RECORDING).ok()?
}

/// Keeps the recording; a browser that refuses loses nothing but this.
pub fn save_recording(json: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(RECORDING, json);
    }
}

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// The token of the live engine, which `cargo xtask play` puts into the address after `#live=`.
pub fn live_token() -> Option<String> {
    let hash = web_sys::window()?.location().hash().ok()?;
    hash.strip_prefix("#live=").map(str::to_string)
}

/// Calls back once, after so many milliseconds.
pub fn after(milliseconds: i32, call: impl FnOnce() + 'static) {
    let closure = Closure::once_into_js(call);
    if let Some(window) = web_sys::window() {
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(closure.unchecked_ref(), milliseconds);
    }
}

/// Scrolls an element to its end.
pub fn scroll_to_end(id: &str) {
    let element = web_sys::window().and_then(|window| window.document()).and_then(|document| document.get_element_by_id(id));
    if let Some(element) = element {
        element.set_scroll_top(element.scroll_height());
    }
}
