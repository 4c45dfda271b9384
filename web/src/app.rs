//! The page: one session in the model, the commands that ran on the real kernel, and what a person does to them.

use std::cell::RefCell;
use std::rc::Rc;

use glassbox_core::host::HostFacts;
use glassbox_core::session::{Chunk, Entry, Forecast, Input, Progress, Recording, Session, forecast, joined};
use glassbox_core::view::machine::{self, Machine};
use glassbox_core::view::stack::ImageStack;
use yew::prelude::*;

use crate::effects;
use crate::explanation::Explained;
use crate::pictures::Pictures;
use crate::project::{Edit, PROJECT, Project};
use crate::real::Real;
use crate::stacks::Stacks;
use crate::terminal::{Terminal, Typed};
use crate::timeline::{Move, Row, Timeline, rows_around};

/// Entries that one key press may set going before the page is drawn again.
const STEPS_PER_TURN: usize = 400;

/// What a link of the book asks for, else what was there at the last visit.
fn restored() -> Session {
    let lines = |commands: Vec<String>| Recording { format: 1, inputs: commands.into_iter().map(Input::Line).collect() };
    let linked = effects::linked_commands().map(lines);
    let is_linked = linked.is_some();
    let replayed = linked.or_else(saved).and_then(|recording| Session::replay(HostFacts::example(), &recording).ok());
    let session = replayed.unwrap_or_else(|| Session::new(HostFacts::example()));
    if is_linked {
        remember(&session);
    }
    effects::reload_on_new_link();
    effects::after(0, || effects::scroll_to_end("screen"));
    session
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

/// Applies what was done to the project's files.
fn edited(session: &mut Session, edit: &Edit, stepping: bool) {
    match edit {
        Edit::Draft { .. } => {}
        Edit::Save { path, text } => {
            let there = session.world().texts_below(PROJECT).into_iter().find(|(known, _)| known == path);
            if there.map(|(_, text)| text) != *text {
                session.give(&Input::File { path: path.clone(), text: text.clone() });
            }
        }
        Edit::Example(files) => {
            for (name, text) in files.iter() {
                session.give(&Input::File { path: format!("{PROJECT}/{name}"), text: Some((*text).to_string()) });
            }
        }
        Edit::Build => typed(session, &Typed::Line(format!("docker build -t web {PROJECT}")), stepping),
    }
    remember(session);
}

/// What a build would do with what stands in the editor.
#[derive(Default)]
struct Outlook {
    draft: String,
    /// Of the last edit: a forecast is made when none has followed for a while.
    edits: usize,
    forecast: Rc<Option<Forecast>>,
}

/// So long nothing is typed before a forecast is made.
const PAUSE_MILLISECONDS: i32 = 200;

fn look_ahead(session: &Rc<RefCell<Session>>, outlook: &Rc<RefCell<Outlook>>, drawn: &UseForceUpdateHandle) {
    outlook.borrow_mut().edits += 1;
    let number = outlook.borrow().edits;
    let (session, outlook, drawn) = (Rc::clone(session), Rc::clone(outlook), drawn.clone());
    effects::after(PAUSE_MILLISECONDS, move || {
        if outlook.borrow().edits == number {
            let draft = outlook.borrow().draft.clone();
            let told = if draft.trim().is_empty() { None } else { forecast(session.borrow().world(), PROJECT, &draft) };
            outlook.borrow_mut().forecast = Rc::new(told);
            drawn.force_update();
        }
    });
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

/// Where commands are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kernel {
    Model,
    Linux,
}

/// Asks the server for what is new, draws it, and asks again until the command has ended.
fn follow(real: &Rc<RefCell<Real>>, token: &str, drawn: &UseForceUpdateHandle) {
    let question = real.borrow_mut().question(effects::text_size("screen", "ruler"));
    let Some((path, body)) = question else { return };
    let (real, token_again, drawn) = (Rc::clone(real), token.to_string(), drawn.clone());
    effects::ask_server(token, path, &body.to_string(), move |answer| {
        if real.borrow_mut().answered(answer) {
            drawn.force_update();
            effects::after(0, || effects::scroll_to_end("screen"));
        }
        follow(&real, &token_again, &drawn);
    });
}

/// The whole page.
#[function_component(App)]
pub fn app() -> Html {
    let session = use_mut_ref(restored);
    let real = use_mut_ref(Real::new);
    let drawn = use_force_update();
    let stepping = use_state(|| false);
    let token = use_memo((), |()| effects::live_token());
    let kernel = use_state(|| Kernel::Model);
    let outlook = use_mut_ref(Outlook::default);
    let on_edit = editing(&session, &outlook, &drawn, *stepping);
    let on_typed = {
        let (session, real, drawn, stepping) = (session.clone(), real.clone(), drawn.clone(), *stepping);
        let outlook = outlook.clone();
        let token = token.as_ref().clone().filter(|_| *kernel == Kernel::Linux);
        Callback::from(move |what: Typed| {
            match &token {
                None => {
                    typed(&mut session.borrow_mut(), &what, stepping);
                    look_ahead(&session, &outlook, &drawn);
                }
                Some(token) => {
                    if real.borrow_mut().typed(&what) {
                        follow(&real, token, &drawn);
                    }
                }
            }
            drawn.force_update();
            effects::after(0, || effects::scroll_to_end("screen"));
        })
    };
    let on_move = {
        let (session, real, drawn, kernel) = (session.clone(), real.clone(), drawn.clone(), *kernel);
        Callback::from(move |to: Move| {
            match kernel {
                Kernel::Model => moved(&mut session.borrow_mut(), to),
                Kernel::Linux => looked_at(&mut real.borrow_mut(), to),
            }
            drawn.force_update();
        })
    };
    let on_stepping = {
        let stepping = stepping.clone();
        Callback::from(move |on: bool| stepping.set(on))
    };
    let on_reset = resetting(&session, &real, &drawn, *kernel);
    let scene = match *kernel {
        Kernel::Model => Scene::of_session(&session.borrow(), *stepping),
        Kernel::Linux => Scene::of_real(&real.borrow()),
    };
    html! { <>
        { masthead(on_reset) }
        <main onkeydown={keys(on_move.clone())}>
            <div class="column">
                if token.is_some() { { switch(&kernel) } }
                <Terminal output={scene.output} progress={scene.progress} real={scene.real} {on_typed} />
                if !scene.real {
                    <Project files={scene.files} forecast={Rc::clone(&outlook.borrow().forecast)} {on_edit} />
                }
                <Pictures machine={scene.machine} real={scene.real} />
            </div>
            <div class="column">
                <Timeline rows={scene.rows} first={scene.first} count={scene.count} position={scene.position} stepping={scene.stepping}
                    {on_move} {on_stepping} more={!scene.real && scene.progress == Progress::Running} />
                <Explained entry={scene.entry} command={scene.command} refused={scene.refused} real={scene.real} />
                if !scene.real { <Stacks stacks={scene.stacks} /> }
            </div>
        </main>
    </> }
}

/// What is done to the project's files.
fn editing(
    session: &Rc<RefCell<Session>>,
    outlook: &Rc<RefCell<Outlook>>,
    drawn: &UseForceUpdateHandle,
    stepping: bool,
) -> Callback<Edit> {
    let (session, outlook, drawn) = (Rc::clone(session), Rc::clone(outlook), drawn.clone());
    Callback::from(move |edit: Edit| {
        if let Edit::Draft { text } = &edit {
            outlook.borrow_mut().draft.clone_from(text);
        } else {
            edited(&mut session.borrow_mut(), &edit, stepping);
            drawn.force_update();
            effects::after(0, || effects::scroll_to_end("screen"));
        }
        look_ahead(&session, &outlook, &drawn);
    })
}

/// Everything from the beginning.
fn resetting(
    session: &Rc<RefCell<Session>>,
    real: &Rc<RefCell<Real>>,
    drawn: &UseForceUpdateHandle,
    kernel: Kernel,
) -> Callback<MouseEvent> {
    let (session, real, drawn) = (Rc::clone(session), Rc::clone(real), drawn.clone());
    Callback::from(move |_: MouseEvent| {
        match kernel {
            Kernel::Model => {
                *session.borrow_mut() = Session::new(HostFacts::example());
                remember(&session.borrow());
            }
            Kernel::Linux => real.borrow_mut().forget(),
        }
        drawn.force_update();
    })
}

/// The past of a real run can be looked at, not changed.
fn looked_at(real: &mut Real, to: Move) {
    let end = real.entries.len();
    real.position = match to {
        Move::Back => real.position.saturating_sub(1),
        Move::Forward => (real.position + 1).min(end),
        Move::To(position) => position.min(end),
        Move::Run => end,
    };
}

/// Model or Linux: only where the page's server has an engine.
fn switch(kernel: &UseStateHandle<Kernel>) -> Html {
    let choice = |id: &'static str, this: Kernel, text: &'static str| {
        let set = kernel.setter();
        let onchange = Callback::from(move |_: Event| set.set(this));
        html! { <label><input type="radio" name="kernel" {id} checked={**kernel == this} {onchange} />{" "}{ text }</label> }
    };
    html! {
        <section class="where" aria-label="Where commands run">
            <h2>{"Commands run on"}</h2>
            { choice("on-model", Kernel::Model, "the model of Linux in this page") }
            { choice("on-linux", Kernel::Linux, "this machine's Linux, for real") }
        </section>
    }
}

/// All that is drawn, wherever it comes from.
struct Scene {
    real: bool,
    output: Rc<Vec<Chunk>>,
    progress: Progress,
    machine: Rc<Machine>,
    rows: Rc<Vec<Row>>,
    first: usize,
    count: usize,
    position: usize,
    stepping: Option<bool>,
    entry: Option<Rc<Entry>>,
    command: String,
    refused: bool,
    files: Rc<Vec<(String, String)>>,
    stacks: Rc<Vec<ImageStack>>,
}

impl Scene {
    fn of_session(session: &Session, stepping: bool) -> Scene {
        let (world, position, count) = (session.world(), session.position(), session.timeline().len());
        let line_of = |command: usize| session.line_of(command).map(str::to_string);
        let (first, rows) = rows_around(session.timeline(), position, line_of);
        // The entry before the present place is the step that was carried out last.
        let entry = position.checked_sub(1).and_then(|at| session.timeline().get(at));
        let next = entry.map_or(0, |entry| entry.command + 1);
        let is_ready = matches!(session.progress(), Progress::Ready(_));
        Scene {
            real: false,
            output: Rc::new(joined(world.output().iter())),
            progress: session.progress(),
            machine: Rc::new(machine::machine(world.state(), &world.probe())),
            files: Rc::new(world.texts_below(PROJECT)),
            stacks: Rc::new(world.image_stacks()),
            rows: Rc::new(rows),
            first,
            count,
            position,
            stepping: Some(stepping),
            command: entry.and_then(|entry| line_of(entry.command)).unwrap_or_default(),
            refused: is_ready && position == count && world.commands() > next,
            entry: entry.cloned().map(Rc::new),
        }
    }

    fn of_real(real: &Real) -> Scene {
        let line_of = |command: usize| real.lines.get(command).cloned();
        let (first, rows) = rows_around(&real.entries, real.position, line_of);
        let entry = real.position.checked_sub(1).and_then(|at| real.entries.get(at));
        let next = entry.map_or(0, |entry| entry.command + 1);
        let is_ready = matches!(real.progress(), Progress::Ready(_));
        Scene {
            real: true,
            output: Rc::new(real.output.clone()),
            progress: real.progress(),
            machine: Rc::new(real.machine()),
            files: Rc::default(),
            stacks: Rc::default(),
            rows: Rc::new(rows),
            first,
            count: real.entries.len(),
            position: real.position,
            stepping: None,
            command: entry.and_then(|entry| line_of(entry.command)).unwrap_or_default(),
            refused: is_ready && real.position == real.entries.len() && real.lines.len() > next,
            entry: entry.cloned().map(Rc::new),
        }
    }
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
