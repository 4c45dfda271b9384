//! The page: one session, and what a person does to it.

use std::rc::Rc;

use glassbox_core::host::HostFacts;
use glassbox_core::session::{Input, Progress, Recording, Session};
use glassbox_core::view::machine;
use yew::prelude::*;

use crate::effects;
use crate::explanation::Explained;
use crate::live::Live;
use crate::pictures::Pictures;
use crate::terminal::{Terminal, Typed};
use crate::timeline::{Move, Timeline};

/// Entries that one key press may set going before the page is drawn again.
const STEPS_PER_TURN: usize = 400;

/// What a link of the book asks for, else what was there at the last visit.
fn restored() -> Session {
    let lines = |commands: Vec<String>| Recording { format: 1, inputs: commands.into_iter().map(Input::Line).collect() };
    let linked = effects::linked_commands().map(lines);
    let saved = linked.or_else(saved);
    let replayed = saved.and_then(|recording| Session::replay(HostFacts::example(), &recording).ok());
    replayed.unwrap_or_else(|| Session::new(HostFacts::example()))
}

fn saved() -> Option<Recording> {
    effects::saved_recording().and_then(|text| serde_json::from_str(&text).ok())
}

fn remember(session: &Session) {
    if let Ok(text) = serde_json::to_string(session.recording()) {
        effects::save_recording(&text);
    }
}

/// Applies what was typed.
fn typed(session: &mut Session, typed: &Typed, stepping: bool) {
    let input = match typed {
        Typed::Line(line) if matches!(session.progress(), Progress::Ready(_)) => Input::Line(line.clone()),
        Typed::Line(line) => Input::Bytes(format!("{line}\n").into_bytes()),
        Typed::EndOfInput => Input::End,
        Typed::Interrupt => Input::Interrupt,
    };
    session.give(&input);
    if !stepping {
        session.run(STEPS_PER_TURN);
    }
    remember(session);
}

fn moved(session: &mut Session, to: Move) {
    let position = session.position();
    match to {
        Move::Back => session.jump(position.saturating_sub(1)),
        Move::Forward => {
            session.step();
        }
        Move::To(position) => session.jump(position),
        Move::Run => {
            session.jump(session.timeline().len());
            session.run(STEPS_PER_TURN);
        }
    }
}

/// The whole page.
#[function_component(App)]
pub fn app() -> Html {
    let session = use_mut_ref(restored);
    let drawn = use_force_update();
    let stepping = use_state(|| false);
    let on_typed = {
        let (session, drawn, stepping) = (session.clone(), drawn.clone(), *stepping);
        Callback::from(move |what: Typed| {
            typed(&mut session.borrow_mut(), &what, stepping);
            drawn.force_update();
            effects::after(0, || effects::scroll_to_end("screen"));
        })
    };
    let on_move = {
        let (session, drawn) = (session.clone(), drawn.clone());
        Callback::from(move |to: Move| {
            moved(&mut session.borrow_mut(), to);
            drawn.force_update();
        })
    };
    let on_stepping = {
        let stepping = stepping.clone();
        Callback::from(move |on: bool| stepping.set(on))
    };
    let on_reset = {
        let (session, drawn) = (session.clone(), drawn.clone());
        Callback::from(move |_: MouseEvent| {
            *session.borrow_mut() = Session::new(HostFacts::example());
            remember(&session.borrow());
            drawn.force_update();
        })
    };
    let now = session.borrow();
    html! { <>
        { masthead(on_reset) }
        <main onkeydown={keys(on_move.clone())}>
            <div class="column">
                <Terminal output={chunks(&now)} progress={now.progress()} {on_typed} />
                { pictures(&now) }
                if let Some(token) = effects::live_token() { <Live {token} /> }
            </div>
            <div class="column">
                <Timeline rows={rows(&now)} position={now.position()} stepping={*stepping} {on_move} {on_stepping}
                    more={matches!(now.progress(), Progress::Running)} />
                { explained(&now) }
            </div>
        </main>
    </> }
}

fn masthead(on_reset: Callback<MouseEvent>) -> Html {
    html! {
        <header>
            <h1>{"Glassbox"}</h1>
            <p>{"A model of Linux runs in this page. The same steps run on a real kernel with "}<code>{"glassbox run --step"}</code>{"."}</p>
            <a href="book/index.html">{"Book"}</a>
            <button onclick={on_reset}>{"Start over"}</button>
        </header>
    }
}

/// Alt and an arrow key move through the timeline from anywhere on the page.
fn keys(on_move: Callback<Move>) -> Callback<KeyboardEvent> {
    Callback::from(move |event: KeyboardEvent| {
        let to = match (event.alt_key(), event.key().as_str()) {
            (true, "ArrowLeft") => Move::Back,
            (true, "ArrowRight") => Move::Forward,
            (true, "End") => Move::Run,
            _ => return,
        };
        event.prevent_default();
        on_move.emit(to);
    })
}

fn chunks(session: &Session) -> Rc<Vec<glassbox_core::session::Chunk>> {
    Rc::new(session.world().output().iter().cloned().collect())
}

fn rows(session: &Session) -> Rc<Vec<crate::timeline::Row>> {
    Rc::new(session.timeline().iter().map(crate::timeline::row).collect())
}

fn pictures(session: &Session) -> Html {
    let world = session.world();
    let machine = Rc::new(machine::machine(world.state(), &world.probe()));
    html! { <Pictures {machine} /> }
}

/// The entry before the present place is the step that was carried out last.
fn explained(session: &Session) -> Html {
    let entry = session.position().checked_sub(1).and_then(|at| session.timeline().get(at));
    html! { <Explained entry={entry.cloned().map(Rc::new)} command={session.command_text()} /> }
}
