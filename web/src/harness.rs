//! What the tests and the benchmark call in the wasm module: fixtures and timelines in the simulator, with text in and text out.

use glassbox_core::host::HostFacts;
use glassbox_core::session::{Chunk, Input, Recording, Session, forecast};
use wasm_bindgen::prelude::wasm_bindgen;

/// Replays a recording on a machine with these facts, both as JSON; answers the timeline and the output as JSON, or an error's text
/// after `error: `.
#[wasm_bindgen]
pub fn replay(facts: &str, recording: &str) -> String {
    match replayed(facts, recording) {
        Ok(session) => {
            let output: Vec<&Chunk> = session.world().output().iter().collect();
            serde_json::to_string(&(session.timeline(), output)).unwrap_or_else(|error| format!("error: {error}"))
        }
        Err(error) => format!("error: {error}"),
    }
}

fn replayed(facts: &str, recording: &str) -> Result<Session, String> {
    let facts: HostFacts = serde_json::from_str(facts).map_err(|error| format!("host facts: {error}"))?;
    let recording: Recording = serde_json::from_str(recording).map_err(|error| format!("recording: {error}"))?;
    Session::replay(facts, &recording)
}

/// Carries out `docker run --rm --network none toolbox true` until `steps` entries stand in the timeline; answers how many do.
#[wasm_bindgen]
pub fn run_steps(steps: usize) -> usize {
    filled(steps).timeline().len()
}

fn filled(steps: usize) -> Session {
    let mut session = Session::new(HostFacts::example());
    while session.timeline().len() < steps {
        session.command("docker run --rm --network none toolbox true");
    }
    session
}

/// A timeline of `steps` entries, to be jumped in.
#[wasm_bindgen]
pub struct Timeline {
    session: Session,
}

#[wasm_bindgen]
impl Timeline {
    /// Makes one.
    #[wasm_bindgen(constructor)]
    pub fn new(steps: usize) -> Timeline {
        Timeline { session: filled(steps) }
    }

    /// Jumps, and draws the pictures' data at that place; answers how many processes the machine has there.
    pub fn jump(&mut self, position: usize) -> usize {
        self.session.jump(position);
        let world = self.session.world();
        glassbox_core::view::machine::machine(world.state(), &world.probe()).processes.len()
    }
}

/// A project whose Dockerfile has been built once.
#[wasm_bindgen]
pub struct Editor {
    session: Session,
    text: String,
}

/// Where the project lies in the model.
const PROJECT: &str = "/project";

#[wasm_bindgen]
impl Editor {
    /// With a Dockerfile of `lines` lines: a base, then files, programs and configuration in turn.
    #[wasm_bindgen(constructor)]
    pub fn new(lines: usize) -> Editor {
        let instruction = |number: usize| match number % 4 {
            0 => format!("COPY list list-{number}"),
            1 => format!("RUN echo {number} > /made-{number}"),
            2 => format!("ENV NUMBER_{number}={number}"),
            _ => format!("LABEL number-{number}={number}"),
        };
        let mut text: Vec<String> = (1..lines).map(instruction).collect();
        text.insert(0, "FROM toolbox".into());
        let text = text.join("\n") + "\n";
        let mut session = Session::new(HostFacts::example());
        for (name, text) in [("Dockerfile", text.as_str()), ("list", "one\n")] {
            session.give(&Input::File { path: format!("{PROJECT}/{name}"), text: Some(text.to_string()) });
        }
        session.command(&format!("docker build -q {PROJECT}"));
        Editor { session, text }
    }

    /// What a build would do with one more line; answers how many instructions it tells of.
    pub fn replan(&self, line: &str) -> usize {
        let told = forecast(self.session.world(), PROJECT, &format!("{}{line}\n", self.text));
        told.map_or(0, |told| told.instructions.len())
    }
}
