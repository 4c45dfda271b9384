//! The only place that touches the browser's storage, timers and address: what the page remembers, and where it was opened.

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

const RECORDING: &str = "glassbox.recording.1";
const TOKEN: &str = "glassbox.live.1";

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

/// The token of the live engine, which `cargo xtask play` puts into the address after `#live=`. Kept as long as the tab is open:
/// the book's links lead away from that address and back.
pub fn live_token() -> Option<String> {
    let kept = web_sys::window()?.session_storage().ok()??;
    let hash = web_sys::window()?.location().hash().ok()?;
    if let Some(token) = hash.strip_prefix("#live=") {
        let _ = kept.set_item(TOKEN, token);
        return Some(token.to_string());
    }
    kept.get_item(TOKEN).ok()?
}

/// The command lines that a link of the book puts into the address after `#run=`, percent-encoded, one a line. They are taken out of
/// the address: the page that is loaded once more shows what has been done since.
pub fn linked_commands() -> Option<Vec<String>> {
    let window = web_sys::window()?;
    let hash = window.location().hash().ok()?;
    let text = String::from(js_sys::decode_uri_component(hash.strip_prefix("#run=")?).ok()?);
    let plain = window.location().pathname().ok()?;
    let _ = window.history().ok()?.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&plain));
    Some(text.lines().map(str::to_string).collect())
}

/// An address that only differs after its `#` does not load the page: it is loaded here.
pub fn reload_on_new_link() {
    let Some(window) = web_sys::window() else { return };
    let reload = Closure::<dyn Fn()>::new(|| {
        let _ = web_sys::window().map(|window| window.location().reload());
    });
    window.set_onhashchange(Some(reload.as_ref().unchecked_ref()));
    // The page's for as long as it is there.
    reload.forget();
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

/// Scrolls a list, and not the page, so that its current item is in the middle.
pub fn center_current(id: &str) {
    let list = web_sys::window().and_then(|window| window.document()).and_then(|document| document.get_element_by_id(id));
    let Some(list) = list else { return };
    let Ok(Some(current)) = list.query_selector("[aria-current]") else { return };
    let from_top = current.get_bounding_client_rect().top() - list.get_bounding_client_rect().top();
    let middle = f64::from(list.client_height() / 2);
    list.set_scroll_top(list.scroll_top() + (from_top - middle) as i32);
}

/// Rows and columns of text that fit into an element, by an element that holds ten letters in the same font.
pub fn text_size(screen: &str, ruler: &str) -> Option<(u16, u16)> {
    let document = web_sys::window()?.document()?;
    let (screen, letters) = (document.get_element_by_id(screen)?, document.get_element_by_id(ruler)?.get_bounding_client_rect());
    let rows = f64::from(screen.client_height()) / letters.height();
    let columns = f64::from(screen.client_width()) / (letters.width() / 10.0);
    (rows >= 1.0 && columns >= 1.0).then_some((rows as u16, columns as u16))
}

/// Asks the server of `cargo xtask play` and calls back with its answer, JSON, or with why there is none.
pub fn ask_server(token: &str, path: &str, body: &str, answer: impl FnOnce(Result<String, String>) + 'static) {
    let sent = send(token, path, body, Closure::once_into_js(move |request: web_sys::XmlHttpRequest| answer(answered(&request))));
    if let Err(error) = sent {
        web_sys::console::error_1(&error);
    }
}

fn send(token: &str, path: &str, body: &str, done: wasm_bindgen::JsValue) -> Result<(), wasm_bindgen::JsValue> {
    let request = web_sys::XmlHttpRequest::new()?;
    request.open("POST", path)?;
    request.set_request_header("X-Glassbox-Token", token)?;
    request.set_request_header("Content-Type", "application/json")?;
    let done: js_sys::Function = done.unchecked_into();
    let asked = request.clone();
    let ended = Closure::once_into_js(move || {
        let _ = done.call1(&wasm_bindgen::JsValue::NULL, &asked);
    });
    request.set_onloadend(Some(ended.unchecked_ref()));
    request.send_with_opt_str(Some(body))
}

fn answered(request: &web_sys::XmlHttpRequest) -> Result<String, String> {
    let text = request.response_text().ok().flatten().unwrap_or_default();
    match request.status() {
        Ok(200) => Ok(text),
        Ok(0) | Err(_) => Err("the server of `cargo xtask play` does not answer; is it still running?".to_string()),
        Ok(status) => Err(format!("{status}: {text}")),
    }
}
