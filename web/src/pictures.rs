//! Pictures of the machine: its processes as a tree, and which namespaces they share.

use std::rc::Rc;

use glassbox_core::view::machine::{Machine, ProcessRow};
use yew::prelude::*;

/// What they are drawn from.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The machine at this moment.
    pub machine: Rc<Machine>,
    /// Seen in a recording of the real kernel.
    pub real: bool,
}

const TREE: &str = "Number on the host, then the number in its own pid namespace where that differs.";
const SEEN: &str = "The process that this command made on this machine, as its steps showed it; not those that it makes itself.";

/// See the module.
#[function_component(Pictures)]
pub fn pictures(props: &Props) -> Html {
    html! { <>
        <section aria-label="Process tree">
            <h2>{"Processes"}</h2>
            <ul class="tree">{ for props.machine.processes.iter().map(process) }</ul>
            <p class="modelled">{ caption(props) }</p>
        </section>
        <section aria-label="Namespaces">
            <h2>{"Namespaces"}</h2>
            <div class="scroll">{ matrix(&props.machine) }</div>
            <p class="modelled">{"Equal letters: the same namespace. A marked cell is not the host's."}</p>
        </section>
    </> }
}

fn caption(props: &Props) -> &'static str {
    match (props.real, props.machine.processes.is_empty()) {
        (false, _) => TREE,
        (true, true) => "At this step the command has no process of its own making.",
        (true, false) => SEEN,
    }
}

fn process(row: &ProcessRow) -> Html {
    let inside = (row.pid_inside != row.pid).then(|| format!("{} inside", row.pid_inside));
    html! {
        <li>
            <span class="pid">{ row.pid }</span>
            <span style={format!("padding-left: {}rem", row.depth)}>{ &row.command }</span>{" "}
            if let Some(inside) = inside { <span class="badge">{ inside }</span> }
            if let Some(container) = &row.container { {" "}<span class="badge">{ container }</span> }
            if row.zombie { {" "}<span class="badge">{"zombie"}</span> }
        </li>
    }
}

fn matrix(machine: &Machine) -> Html {
    html! {
        <table>
            <thead><tr><th scope="col">{"Who"}</th>{ for machine.kinds.iter().map(|kind| html! { <th scope="col">{ kind }</th> }) }</tr></thead>
            <tbody>
            { for machine.namespaces.iter().map(|row| html! {
                <tr><th scope="row">{ &row.who }</th>
                { for row.cells.iter().map(|cell| html! { <td class={classes!((cell != "A").then_some("own"))}>{ cell }</td> }) }</tr>
            }) }
            </tbody>
        </table>
    }
}
