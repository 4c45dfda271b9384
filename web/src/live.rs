//! The live engine: the same command on the machine's real kernel, with what that kernel showed after each step.

use glassbox_core::event::Event;
use glassbox_core::explain::explain;
use glassbox_core::step::Step;
use glassbox_core::view::events::event_line;
use serde::Deserialize;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::effects;

/// What the server answers.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct Answer {
    available: bool,
    why: String,
    exit: Option<i32>,
    stdout: String,
    stderr: String,
    recording: Vec<Recorded>,
}

/// A line of the recording; its first has only a format.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct Recorded {
    id: String,
    step: Option<Step>,
    events: Vec<Event>,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq)]
enum Shown {
    Nothing,
    Running,
    Refused(String),
    Ran(Box<Answer>),
}

/// What it is given.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The secret from the page's address.
    pub token: String,
}

/// See the module.
#[function_component(Live)]
pub fn live(props: &Props) -> Html {
    let shown = use_state(|| Shown::Nothing);
    let input = use_node_ref();
    let onsubmit = {
        let (shown, input, token) = (shown.clone(), input.clone(), props.token.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let Some(field) = input.cast::<HtmlInputElement>() else { return };
            let shown = shown.clone();
            shown.set(Shown::Running);
            effects::run_live(&token, &field.value(), move |answer| shown.set(read(answer)));
        })
    };
    html! {
        <section aria-label="The real kernel">
            <h2>{"On this machine's kernel "}<span class="badge">{"real"}</span></h2>
            <form class="bar" {onsubmit}>
                <label for="live">{"$"}</label>
                <input id="live" ref={input} autocomplete="off" spellcheck="false" value="docker run --rm --network none toolbox id" />
                <button>{"Run on Linux"}</button>
            </form>
            <div aria-live="polite">{ body(&shown) }</div>
        </section>
    }
}

fn read(answer: Result<String, String>) -> Shown {
    let parsed = answer.and_then(|text| serde_json::from_str::<Answer>(&text).map_err(|error| format!("the answer: {error}")));
    match parsed {
        Ok(answer) if answer.available => Shown::Ran(Box::new(answer)),
        Ok(answer) => Shown::Refused(answer.why),
        Err(error) => Shown::Refused(error),
    }
}

fn body(shown: &Shown) -> Html {
    match shown {
        Shown::Nothing => {
            html! { <p class="modelled">{"Containers started here really run, on the machine that serves this page."}</p> }
        }
        Shown::Running => html! { <p>{"Running…"}</p> },
        Shown::Refused(why) => html! { <p>{ why }</p> },
        Shown::Ran(answer) => html! { <>
            <pre id="live-output">{ &answer.stdout }{ &answer.stderr }</pre>
            <p class="modelled">{ format!("exit code {}", answer.exit.unwrap_or(-1)) }</p>
            <ol class="steps" tabindex="0">{ for answer.recording.iter().filter_map(recorded) }</ol>
        </> },
    }
}

fn recorded(line: &Recorded) -> Option<Html> {
    let step = line.step.as_ref()?;
    let events: Vec<String> = line.events.iter().map(event_line).collect();
    Some(html! {
        <li><span class="number">{ &line.id }</span>{ explain(step).headline }<br /><span class="modelled">{ events.join("; ") }</span></li>
    })
}
