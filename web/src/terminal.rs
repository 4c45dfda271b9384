//! The terminal: what was shown, and a line to type into.

use std::rc::Rc;

use glassbox_core::session::{Chunk, Progress, Stream};
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// What a person typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line, without its newline.
    Line(String),
    /// ^D
    EndOfInput,
    /// ^C
    Interrupt,
}

/// What the terminal is given.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What was shown.
    pub output: Rc<Vec<Chunk>>,
    /// Whether there is a prompt.
    pub progress: Progress,
    /// Commands are carried out by Linux, not by the model.
    pub real: bool,
    /// Called with what is typed.
    pub on_typed: Callback<Typed>,
}

/// Lines typed earlier, and which of them is shown.
#[derive(Clone, Default, PartialEq)]
struct Past {
    lines: Vec<String>,
    shown: usize,
}

/// See the module.
#[function_component(Terminal)]
pub fn terminal(props: &Props) -> Html {
    let input = use_node_ref();
    let past = use_mut_ref(Past::default);
    let onkeydown = {
        let (input, past, on_typed) = (input.clone(), past, props.on_typed.clone());
        Callback::from(move |event: KeyboardEvent| {
            let Some(field) = input.cast::<HtmlInputElement>() else { return };
            if let Some(what) = key(&event, &field, &mut past.borrow_mut()) {
                event.prevent_default();
                on_typed.emit(what);
            }
        })
    };
    let (label, hint) = label(props.progress, props.real);
    html! {
        <section class="terminal" aria-label="Terminal">
            <h2>{"Terminal "}<span>{hint}</span></h2>
            <pre class="screen" id="screen" tabindex="0" role="log" aria-live="polite">{ for props.output.iter().map(chunk) }</pre>
            <pre class="ruler" id="ruler" aria-hidden="true">{"MMMMMMMMMM"}</pre>
            <div class="entry">
                <label for="line">{label}</label>
                <input id="line" ref={input} {onkeydown} autocomplete="off" autocapitalize="off" spellcheck="false"
                    placeholder={placeholder(props.progress)} />
            </div>
        </section>
    }
}

fn label(progress: Progress, real: bool) -> (&'static str, &'static str) {
    match progress {
        Progress::Ready(_) if real => ("$", "(real: Linux on this machine; type a docker command)"),
        Progress::NeedsInput if real => (">", "(it runs; what you type goes to it, ^D ends its input, ^C interrupts)"),
        Progress::Ready(_) => ("$", "(simulated; type a docker command)"),
        Progress::NeedsInput => (">", "(the program waits for input; ^D ends it, ^C interrupts)"),
        Progress::Running => ("…", "(stopped between two steps; use Forward or Run)"),
        Progress::Stuck => ("…", "(the program waits; ^C interrupts)"),
    }
}

fn placeholder(progress: Progress) -> &'static str {
    if matches!(progress, Progress::Ready(_)) { "docker run --rm toolbox echo hi" } else { "" }
}

fn chunk(chunk: &Chunk) -> Html {
    let class = match chunk.stream {
        Stream::Prompt => "prompt",
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    if chunk.is_binary() && chunk.stream == Stream::Stdout {
        let href = data_url(&chunk.bytes);
        let label = format!("Save these {} bytes: they are no text", chunk.bytes.len());
        return html! { <span {class}><a {href} download="output">{ label }</a>{"\n"}</span> };
    }
    html! { <span {class}>{ chunk.text().replace('\r', "") }</span> }
}

/// Bytes as an address of their own (RFC 2397), in base64 (RFC 4648).
fn data_url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut url = "data:application/octet-stream;base64,".to_string();
    for three in bytes.chunks(3) {
        let word = three.iter().enumerate().fold(0u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        let digit = |at: usize| char::from(DIGITS[(word >> (18 - 6 * at)) as usize & 63]);
        url.extend((0..4).map(|at| if at <= three.len() { digit(at) } else { '=' }));
    }
    url
}

/// Enter sends the line; ^C and ^D do what they do; the arrows bring back earlier lines.
fn key(event: &KeyboardEvent, field: &HtmlInputElement, past: &mut Past) -> Option<Typed> {
    match (event.ctrl_key(), event.key().as_str()) {
        (false, "Enter") => {
            let line = field.value();
            field.set_value("");
            past.lines.push(line.clone());
            past.shown = past.lines.len();
            Some(Typed::Line(line))
        }
        (true, "c") if field.value().is_empty() => Some(Typed::Interrupt),
        (true, "d") => Some(Typed::EndOfInput),
        (false, "ArrowUp") if !event.alt_key() => recall(field, past, past.shown.saturating_sub(1)),
        (false, "ArrowDown") if !event.alt_key() => recall(field, past, past.shown + 1),
        _ => None,
    }
}

fn recall(field: &HtmlInputElement, past: &mut Past, at: usize) -> Option<Typed> {
    past.shown = at.min(past.lines.len());
    field.set_value(past.lines.get(past.shown).map_or("", String::as_str));
    None
}

#[cfg(test)]
mod tests {
    use super::data_url;

    #[test]
    fn bytes_are_told_as_rfc_4648_shows_them() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(data_url(bytes.as_bytes()).rsplit(',').next(), Some(text));
        }
        assert!(data_url(&[0xff, 0xfe, 0, 0x80]).ends_with(",//4AgA=="));
    }
}
