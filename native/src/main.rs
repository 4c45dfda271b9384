//! `glassbox`: reads the command line and hands it to the engine, or shows the plan.

use glassbox::engine;
use glassbox_core::cli::{self, Invocation};

fn main() {
    let argv: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let exit_code = match cli::parse(&argv) {
        Ok(invocation) => carry_out(invocation),
        Err(error) => {
            eprint!("{}", error.message);
            error.exit_code
        }
    };
    std::process::exit(exit_code);
}

fn carry_out(invocation: Invocation) -> i32 {
    let planned = engine::open(invocation).and_then(|engine| Ok((engine.plan()?, engine)));
    match planned {
        Ok((plan, engine)) => engine::run(engine, plan),
        Err(error) => {
            eprint!("{}", error.message);
            error.exit_code
        }
    }
}
