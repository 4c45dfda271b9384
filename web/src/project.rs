//! The files of the learner's project in the model, an editor for them, and beside the Dockerfile what a build would do now.

use std::rc::Rc;

use glassbox_core::session::{Fate, Finding, Forecast, Foreseen};
use web_sys::{HtmlInputElement, HtmlTextAreaElement};
use yew::prelude::*;

use crate::overview::overview;

/// The directory in the model in which the files are.
pub const PROJECT: &str = "/project";

/// What a person does to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The Dockerfile stands like this in the editor.
    Draft {
        /// What it says.
        text: String,
    },
    /// A file is saved; `None`: removed.
    Save {
        /// Absolute.
        path: String,
        /// What it says.
        text: Option<String>,
    },
    /// These files are put there.
    Example(&'static [(&'static str, &'static str)]),
    /// An image is to be built of them.
    Build,
}

/// What the editor is given.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Absolute paths, with what the files say.
    pub files: Rc<Vec<(String, String)>>,
    /// What a build would do.
    pub forecast: Rc<Option<Forecast>>,
    /// Called with each change.
    pub on_edit: Callback<Edit>,
}

const EXAMPLE: &[(&str, &str)] = &[
    (
        "Dockerfile",
        "FROM toolbox\nWORKDIR /app\nCOPY list.txt .\nRUN wc -l < list.txt > count.txt\nCOPY . .\nCMD [\"cat\", \"count.txt\"]\n",
    ),
    ("list.txt", "pear\napple\nfig\n"),
    ("readme.txt", "Change me: what is copied last costs the least.\n"),
];

/// See the module.
#[function_component(Project)]
pub fn project(props: &Props) -> Html {
    let chosen = use_state(dockerfile);
    let text = use_state(String::new);
    let kept = props.files.iter().find(|(path, _)| *path == *chosen).map(|(_, text)| text.clone());
    {
        // What was saved elsewhere, or is there at another point of the timeline, comes into the editor.
        let (text, on_edit, chosen) = (text.clone(), props.on_edit.clone(), (*chosen).to_string());
        use_effect_with((kept.clone(), chosen.clone()), move |(kept, _)| {
            let kept = kept.clone().unwrap_or_default();
            if *chosen == dockerfile() {
                on_edit.emit(Edit::Draft { text: kept.clone() });
            }
            text.set(kept);
        });
    }
    let changed = kept.clone().unwrap_or_default() != *text;
    let oninput = {
        let (text, on_edit, chosen) = (text.clone(), props.on_edit.clone(), (*chosen).clone());
        Callback::from(move |event: InputEvent| {
            let field: HtmlTextAreaElement = event.target_unchecked_into();
            if *chosen == dockerfile() {
                on_edit.emit(Edit::Draft { text: field.value() });
            }
            text.set(field.value());
        })
    };
    let save = {
        let (text, on_edit, chosen) = ((*text).clone(), props.on_edit.clone(), (*chosen).clone());
        move || on_edit.emit(Edit::Save { path: chosen.clone(), text: Some(text.clone()) })
    };
    let on_save = {
        let save = save.clone();
        Callback::from(move |_: MouseEvent| save())
    };
    // Nothing is lost to whoever goes on to another file, or types a command.
    let onblur = {
        let save = save.clone();
        Callback::from(move |_: FocusEvent| {
            if changed {
                save();
            }
        })
    };
    let on_build = {
        let on_edit = props.on_edit.clone();
        Callback::from(move |_: MouseEvent| {
            if changed {
                save();
            }
            on_edit.emit(Edit::Build);
        })
    };
    html! {
        <section aria-label="Project">
            <h2>{"Your project "}<span class="modelled">{ format!("in the model: {PROJECT}") }</span></h2>
            { bar(props, &chosen) }
            <label class="modelled" for="editor">{ chosen.trim_start_matches(PROJECT).trim_start_matches('/').to_string() }
                { if changed { " (not saved)" } else { "" } }</label>
            <textarea id="editor" rows="9" spellcheck="false" autocomplete="off" value={(*text).clone()} {oninput} {onblur} />
            <div class="bar">
                <button id="save" onclick={on_save} disabled={!changed}>{"Save"}</button>
                <button id="build" onclick={on_build}>{"Build as web"}</button>
                <button id="example" onclick={example(props)}>{"Put an example here"}</button>
            </div>
            if let Some(forecast) = props.forecast.as_ref() { { outlook(forecast) } }
        </section>
    }
}

fn dockerfile() -> String {
    format!("{PROJECT}/Dockerfile")
}

fn example(props: &Props) -> Callback<MouseEvent> {
    let on_edit = props.on_edit.clone();
    Callback::from(move |_: MouseEvent| on_edit.emit(Edit::Example(EXAMPLE)))
}

/// The files, and a name for a new one.
fn bar(props: &Props, chosen: &UseStateHandle<String>) -> Html {
    let tab = |path: &String| {
        let (set, name) = (chosen.setter(), path.clone());
        let onclick = Callback::from(move |_: MouseEvent| set.set(name.clone()));
        let shown = path.trim_start_matches(PROJECT).trim_start_matches('/').to_string();
        html! { <button {onclick} aria-pressed={(**chosen == *path).to_string()}>{ shown }</button> }
    };
    let dockerfile = dockerfile();
    let mut paths: Vec<&String> = props.files.iter().map(|(path, _)| path).collect();
    if !paths.contains(&&dockerfile) {
        paths.insert(0, &dockerfile);
    }
    let set = chosen.setter();
    let onchange = Callback::from(move |event: Event| {
        let field: HtmlInputElement = event.target_unchecked_into();
        let name = field.value().trim().trim_start_matches('/').to_string();
        if !name.is_empty() {
            set.set(format!("{PROJECT}/{name}"));
            field.set_value("");
        }
    });
    html! {
        <div class="bar files">
            { for paths.into_iter().map(tab) }
            <input id="new-file" placeholder="new file" aria-label="Name of a new file" autocomplete="off" {onchange} />
        </div>
    }
}

fn outlook(forecast: &Forecast) -> Html {
    html! { <>
        <h3>{"If it were built now"}</h3>
        <div class="scroll"><table class="forecast" id="forecast">
            <thead><tr><th scope="col">{"Line"}</th><th scope="col">{"Instruction"}</th><th scope="col">{"Comes from"}</th></tr></thead>
            <tbody>{ for forecast.instructions.iter().map(foreseen) }</tbody>
        </table></div>
        if !forecast.advice.is_empty() { <p id="advice">{ &forecast.advice }</p> }
        if !forecast.error.is_empty() { <pre class="failed" id="build-error">{ &forecast.error }</pre> }
        if forecast.cut { <p>{"The build takes longer than is looked ahead."}</p> }
        <ul class="findings">{ for forecast.findings.iter().map(finding) }</ul>
        if let Some(view) = &forecast.overview { { overview(view) } }
    </> }
}

fn foreseen(one: &Foreseen) -> Html {
    let (class, word, why) = match &one.fate {
        Fate::Base => ("", "base", ""),
        Fate::Cached => ("cached", "the cache", ""),
        Fate::Built { why } => ("missed", "carried out", why.as_str()),
        Fate::Configured => ("", "configuration", ""),
        Fate::Left => ("left", "not reached", ""),
    };
    html! {
        <tr {class}>
            <td>{ one.lines.first }</td>
            <td><code>{ &one.text }</code></td>
            <td><span class="badge">{ word }</span>{" "}{ why }</td>
        </tr>
    }
}

fn finding(finding: &Finding) -> Html {
    let place = finding.lines.map(|lines| format!("Line {}: ", lines.first)).unwrap_or_default();
    let rule = if finding.rule.is_empty() { "cannot be built" } else { finding.rule.as_str() };
    html! {
        <li><span class="badge">{ rule }</span>{" "}{ place }{ &finding.message }
            if !finding.mend.is_empty() { <br /><span class="modelled">{ &finding.mend }</span> }
        </li>
    }
}
