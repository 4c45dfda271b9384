//! A Dockerfile from above: where ARG and ENV are visible, what becomes of the stages, which words the image's process is made of.

use glassbox_core::view::argv::{ArgvView, ArgvWord, Form};
use glassbox_core::view::dockerfile::{DockerfileView, StageFate, StageView, Value, VariablesRow, VariablesView};
use yew::prelude::*;

/// The pictures, folded until somebody wants to see them.
pub fn overview(view: &DockerfileView) -> Html {
    html! {
        <div id="overview">
            if !view.variables.names.is_empty() {
                <details id="variables"><summary>{"Where ARG and ENV are visible"}</summary>{ variables(&view.variables) }</details>
            }
            <details id="stages"><summary>{"What becomes of each stage"}</summary>
                <ol class="stages">{ for view.stages.iter().map(stage) }</ol>
            </details>
            <details id="argv"><summary>{"What a container of the image runs"}</summary>{ argv(&view.argv) }</details>
            { for view.missing.iter().map(|name| html! { <p class="modelled">{ format!("{name} is not here: what it sets is not shown.") }</p> }) }
        </div>
    }
}

fn variables(view: &VariablesView) -> Html {
    let head = |name: &String| html! { <th scope="col">{ name }</th> };
    html! { <>
        <div class="scroll"><table class="forecast">
            <thead><tr><th scope="col">{"Line"}</th><th scope="col">{"Instruction"}</th>{ for view.names.iter().map(head) }</tr></thead>
            <tbody>{ for view.rows.iter().map(line) }</tbody>
        </table></div>
        <p class="modelled">{"(value) of ARG: for this build alone. value of ENV: the image keeps it, its containers have it."}</p>
        if !view.in_history.is_empty() {
            <p class="modelled">{ format!("docker history shows the values of {}.", view.in_history.join(", ")) }</p>
        }
    </> }
}

fn line(row: &VariablesRow) -> Html {
    let cell = |value: &Option<Value>| match value {
        Some(value) => {
            html! { <td class={if value.stays { "cached" } else { "left" }} title={value.value.clone()}>{ value.shown() }</td> }
        }
        None => html! { <td></td> },
    };
    let number = if row.line == 0 { String::new() } else { row.line.to_string() };
    html! { <tr><td>{ number }</td><td><code>{ &row.text }</code></td>{ for row.cells.iter().map(cell) }</tr> }
}

fn stage(stage: &StageView) -> Html {
    let class = match stage.fate {
        StageFate::InImage => "cached",
        StageFate::LeftBehind => "missed",
        StageFate::NotBuilt => "left",
    };
    html! {
        <li {class}>
            <b>{ &stage.name }</b>{ format!(" upon {}, line {}: {}", stage.base, stage.line, stage.told()) }
            <ul>{ for stage.taken.iter().map(|taken| html! { <li>{"takes from "}{ taken.told() }</li> }) }</ul>
        </li>
    }
}

fn argv(view: &ArgvView) -> Html {
    let has_cmd = view.cmd.form != Form::Missing;
    let word = |word: &ArgvWord| html! { <li><code>{ &word.word }</code>{" "}{ word.from.told(has_cmd) }</li> };
    let all = std::iter::once(&view.asked).chain(&view.others);
    let typed = |typed: &glassbox_core::view::argv::Typed| {
        html! { <tr><td><code>{ &typed.line }</code></td><td><code>{ typed.shown() }</code></td></tr> }
    };
    html! { <>
        <ol>{ for view.asked.argv.iter().map(word) }</ol>
        <div class="scroll"><table class="forecast">
            <thead><tr><th scope="col">{"What is typed"}</th><th scope="col">{"What process 1 is"}</th></tr></thead>
            <tbody>{ for all.map(typed) }</tbody>
        </table></div>
        { for view.notes.iter().map(|note| html! { <p class="modelled">{ note }</p> }) }
    </> }
}
