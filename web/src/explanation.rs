//! The current step in words: why it is there, which word caused it, the kernel calls, and what the kernel showed.

use std::rc::Rc;

use glassbox_core::cli::Span;
use glassbox_core::explain::{cause_sentence, explain};
use glassbox_core::plan::{Cause, Node};
use glassbox_core::session::Entry;
use glassbox_core::view::events::event_line;
use yew::prelude::*;

/// What it is given.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The step carried out last; `None`: nothing yet.
    pub entry: Option<Rc<Entry>>,
    /// The text of the command that it belongs to.
    pub command: String,
    /// The last command turned into no steps.
    pub refused: bool,
    /// It was carried out by Linux.
    pub real: bool,
}

/// See the module.
#[function_component(Explained)]
pub fn explained(props: &Props) -> Html {
    let body = match &props.entry {
        _ if props.refused => html! { <p>{"The last command turned into no steps. The terminal says why."}</p> },
        None => html! { <p>{"Type a command. Each step that it turns into is explained here."}</p> },
        Some(entry) => match &entry.node {
            None => html! { <p>{"The engine waits, and the programs in the containers run until they wait too."}</p> },
            Some(node) => step(entry, node, props),
        },
    };
    html! { <section aria-label="Explanation of the step" aria-live="polite"><h2>{"This step"}</h2>{ body }</section> }
}

fn step(entry: &Entry, node: &Node, props: &Props) -> Html {
    let explanation = explain(&node.step);
    html! { <>
        <p class="command">{ marked(&props.command, &node.causes) }</p>
        <h3 id="headline">{ &explanation.headline }</h3>
        <p>{ &explanation.why }</p>
        <dl>
            <dt>{"Because"}</dt>
            { for node.causes.iter().map(|cause| html! { <dd>{ cause_sentence(cause) }</dd> }) }
            if !explanation.calls.is_empty() {
                <dt>{"Kernel calls"}</dt>
                <dd>{ for explanation.calls.iter().map(|call| html! { <pre>{ call.to_string() }</pre> }) }</dd>
            }
            if !entry.events.is_empty() || entry.errno.is_some() {
                <dt>{ if props.real { "What this machine's kernel shows" } else { "What the model kernel shows" } }</dt>
            }
            { for entry.events.iter().map(|event| html! { <dd>{ event_line(event) }</dd> }) }
            if let Some(errno) = entry.errno {
                <dd>{ format!("It failed: {} ({})", errno, errno.name()) }</dd>
            }
            if !explanation.see.is_empty() {
                <dt>{"See for yourself on Linux"}</dt>
                <dd>{ for explanation.see.iter().map(|line| html! { <pre>{ line }</pre> }) }</dd>
            }
        </dl>
        <p><a href={book_link(&explanation.book)}>{"In the book"}</a></p>
    </> }
}

/// `chapter.md#anchor` as the built book has it.
fn book_link(place: &str) -> String {
    format!("book/{}", place.replace(".md", ".html"))
}

/// The command with the words that caused the step marked.
fn marked(command: &str, causes: &[Cause]) -> Html {
    let mut spans: Vec<Span> = causes.iter().filter_map(words).collect();
    spans.sort_by_key(|span| span.start);
    let mut parts = Vec::new();
    let mut from = 0;
    for span in spans {
        if let (Some(before), Some(word)) = (command.get(from..span.start), command.get(span.start..span.end)) {
            parts.push(html! { <>{ before }<mark>{ word }</mark></> });
            from = span.end;
        }
    }
    parts.push(html! { { command.get(from..).unwrap_or_default() } });
    parts.into_iter().collect()
}

fn words(cause: &Cause) -> Option<Span> {
    match cause {
        Cause::Words { span, .. } => Some(*span),
        _ => None,
    }
}
