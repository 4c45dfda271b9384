//! Images as stacks of layers: the base below, what was built upon it above, and which layers are kept once for several images.

use std::rc::Rc;

use glassbox_core::view::reclaimed::human_size;
use glassbox_core::view::stack::{ImageStack, StackedLayer, hidden};
use yew::prelude::*;

/// Of so many files a stack says that they are hidden.
const WASTE_SHOWN: usize = 5;

/// What they are drawn from.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The images at this moment.
    pub stacks: Rc<Vec<ImageStack>>,
}

/// See the module.
#[function_component(Stacks)]
pub fn stacks(props: &Props) -> Html {
    html! {
        <section aria-label="Images">
            <h2>{"Images, the topmost layer first"}</h2>
            <div class="stacks">{ for props.stacks.iter().map(stack) }</div>
            <p class="modelled">{"A layer that several images have is kept once: it is marked."}</p>
        </section>
    }
}

fn stack(stack: &ImageStack) -> Html {
    html! {
        <div class="stack">
            <h3>{ &stack.name }{" "}<span class="badge">{ human_size(stack.bytes) }</span></h3>
            <ol reversed=true>{ for stack.layers.iter().rev().map(layer) }</ol>
            { for stack.waste.iter().take(WASTE_SHOWN).map(|waste| html! { <p class="failed">{ hidden(waste) }</p> }) }
        </div>
    }
}

fn layer(layer: &StackedLayer) -> Html {
    let shared = !layer.shared_with.is_empty();
    let title = if shared { format!("also in {}", layer.shared_with.join(", ")) } else { String::new() };
    html! {
        <li class={classes!(shared.then_some("shared"))} {title}>
            <span class="pid">{ human_size(layer.bytes) }</span>
            <code>{ if layer.created_by.is_empty() { layer.short.as_str() } else { layer.created_by.as_str() } }</code>
            if shared { {" "}<span class="badge">{"shared"}</span> }
        </li>
    }
}
