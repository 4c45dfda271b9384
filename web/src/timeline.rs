//! The timeline: every step that was carried out, with the way forward and back.

use std::rc::Rc;

use glassbox_core::explain::explain;
use glassbox_core::session::{Entry, Role};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::effects;

/// Where to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// One entry back.
    Back,
    /// One entry forward; at the end the next step is carried out.
    Forward,
    /// To the place after so many entries.
    To(usize),
    /// To the end, and on until the command waits or ends.
    Run,
}

/// An entry, ready to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The command's line, where the entry is its first.
    pub command: Option<String>,
    /// `3.2.1`; empty where programs ran.
    pub number: String,
    /// What happened.
    pub text: String,
    /// It failed.
    pub failed: bool,
}

/// The rows to be drawn around a place, and the place of the first. `line_of` knows the lines of commands.
pub fn rows_around(entries: &[Entry], position: usize, line_of: impl Fn(usize) -> Option<String>) -> (usize, Vec<Row>) {
    let from = position.saturating_sub(ROWS_AROUND);
    let drawn = entries.get(from..entries.len().min(position + ROWS_AROUND)).unwrap_or_default();
    let mut last = None;
    let rows = drawn.iter().map(|entry| {
        let is_first = entry.role == Role::Command && last != Some(entry.command);
        last = if entry.role == Role::Command { Some(entry.command) } else { last };
        row(entry, is_first.then(|| line_of(entry.command)).flatten())
    });
    (from, rows.collect())
}

fn row(entry: &Entry, command: Option<String>) -> Row {
    let monitor = if entry.role == Role::Monitor { "monitor: " } else { "" };
    match &entry.node {
        Some(node) => Row {
            command,
            number: node.id.to_string(),
            text: format!("{monitor}{}", explain(&node.step).headline),
            failed: entry.errno.is_some(),
        },
        None => Row { command, number: String::new(), text: "Programs run".into(), failed: false },
    }
}

/// What the timeline is given.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The rows near the present place.
    pub rows: Rc<Vec<Row>>,
    /// How many entries there are before the first row.
    pub first: usize,
    /// How many entries there are in all.
    pub count: usize,
    /// How many of them have happened at the present place.
    pub position: usize,
    /// A command stops before its first step; `None`: it cannot.
    pub stepping: Option<bool>,
    /// There is more to carry out after the last entry.
    pub more: bool,
    /// Called when the person wants to go elsewhere.
    pub on_move: Callback<Move>,
    /// Called when stepping is switched on or off.
    pub on_stepping: Callback<bool>,
}

/// Rows drawn around the present place; the slider reaches all others.
const ROWS_AROUND: usize = 60;

/// See the module.
#[function_component(Timeline)]
pub fn timeline(props: &Props) -> Html {
    let go = |to: Move| {
        let on_move = props.on_move.clone();
        Callback::from(move |_: MouseEvent| on_move.emit(to))
    };
    let at_end = props.position == props.count && !props.more;
    use_effect_with((props.position, props.count), |_| effects::center_current("steps"));
    html! {
        <section aria-label="Timeline of steps">
            <h2>{"Steps"}</h2>
            <div class="bar">
                <button id="back" onclick={go(Move::Back)} disabled={props.position == 0} title="Alt+Left">{"◀ Back"}</button>
                <button id="forward" onclick={go(Move::Forward)} disabled={at_end} title="Alt+Right">{"Forward ▶"}</button>
                <button id="run" onclick={go(Move::Run)} disabled={at_end} title="Alt+End">{"Run"}</button>
                { slider(props) }
                if let Some(stepping) = props.stepping {
                    <label><input type="checkbox" id="stepping" checked={stepping} onchange={toggled(props)} />{" stop at every step"}</label>
                }
            </div>
            <p class="modelled" id="position">{ format!("{} of {} steps", props.position, props.count) }</p>
            <ol class="steps" id="steps">{ for props.rows.iter().enumerate().map(|(at, row)| drawn(props, props.first + at, row)) }</ol>
        </section>
    }
}

fn slider(props: &Props) -> Html {
    let on_move = props.on_move.clone();
    let oninput = Callback::from(move |event: InputEvent| {
        let field: HtmlInputElement = event.target_unchecked_into();
        on_move.emit(Move::To(field.value().parse().unwrap_or(0)));
    });
    html! {
        <input type="range" id="jump" min="0" max={props.count.to_string()} value={props.position.to_string()} {oninput}
            aria-label="Jump to a step" />
    }
}

fn toggled(props: &Props) -> Callback<Event> {
    let on_stepping = props.on_stepping.clone();
    Callback::from(move |event: Event| {
        let field: HtmlInputElement = event.target_unchecked_into();
        on_stepping.emit(field.checked());
    })
}

fn drawn(props: &Props, at: usize, row: &Row) -> Html {
    let on_move = props.on_move.clone();
    let onclick = Callback::from(move |_: MouseEvent| on_move.emit(Move::To(at + 1)));
    let current = at + 1 == props.position;
    let class = classes!((at >= props.position).then_some("later"), row.failed.then_some("failed"));
    html! {
        <li key={at} {class} aria-current={current.then_some("step")}>
            if let Some(command) = &row.command { <p class="of">{ format!("$ {command}") }</p> }
            <button {onclick}><span class="number">{ &row.number }</span>{ &row.text }{ if row.failed { " (failed)" } else { "" } }</button>
        </li>
    }
}
