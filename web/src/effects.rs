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

/// The command lines that a link of the book puts into the address after `#run=`, percent-encoded, one a line.
pub fn linked_commands() -> Option<Vec<String>> {
    let hash = web_sys::window()?.location().hash().ok()?;
    let text = String::from(js_sys::decode_uri_component(hash.strip_prefix("#run=")?).ok()?);
    Some(text.lines().map(str::to_string).collect())
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

/// Sends a command line to the live engine of `cargo xtask play` and calls back with its answer, JSON, or with why there is none.
pub fn run_live(token: &str, line: &str, answer: impl Fn(Result<String, String>) + 'static) {
    let sent = send(token, line, Closure::once_into_js(move |request: web_sys::XmlHttpRequest| answer(answered(&request))));
    if let Err(error) = sent {
        web_sys::console::error_1(&error);
    }
}

fn send(token: &str, line: &str, done: wasm_bindgen::JsValue) -> Result<(), wasm_bindgen::JsValue> {
    let request = web_sys::XmlHttpRequest::new()?;
    request.open("POST", "live")?;
    request.set_request_header("X-Glassbox-Token", token)?;
    request.set_request_header("Content-Type", "application/json")?;
    let done: js_sys::Function = done.unchecked_into();
    let asked = request.clone();
    let ended = Closure::once_into_js(move || {
        let _ = done.call1(&wasm_bindgen::JsValue::NULL, &asked);
    });
    request.set_onloadend(Some(ended.unchecked_ref()));
    request.send_with_opt_str(Some(&serde_json::json!({ "line": line }).to_string()))
}

fn answered(request: &web_sys::XmlHttpRequest) -> Result<String, String> {
    let text = request.response_text().ok().flatten().unwrap_or_default();
    match request.status() {
        Ok(200) => Ok(text),
        Ok(0) | Err(_) => Err("the server of `cargo xtask play` does not answer; is it still running?".to_string()),
        Ok(status) => Err(format!("{status}: {text}")),
    }
}
