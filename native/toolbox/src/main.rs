//! `toolbox`: the userland of `glassbox_core` over real system calls, one static binary.
//!
//! Called by a link's name (`/bin/ls -> toolbox`) or as `toolbox NAME ARGS…`. It does nothing itself: it resumes the program until
//! that ends. A forked child resumes its own program to the end and exits with its status.

use glassbox_toolbox::sys;

use glassbox_core::userland::Program;

/// Not found, as a shell says it.
const STATUS_NOT_FOUND: i32 = 127;

fn main() {
    let argv: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let env: Vec<String> = sys::environment();
    let Some(program) = Program::start(&argv, &env) else {
        sys::exit(usage(&argv));
    };
    let mut linux = sys::Linux::new();
    sys::exit(glassbox_toolbox::run(program, &mut linux));
}

fn usage(argv: &[String]) -> i32 {
    let asked = argv.get(1).filter(|_| argv[0].ends_with("toolbox"));
    match asked.or(argv.first()).filter(|_| argv.len() > 1) {
        Some(name) if name == "--list" => {
            sys::say(1, &(Program::NAMES.join("\n") + "\n"));
            0
        }
        Some(name) => {
            sys::say(2, &["toolbox: ", name, ": no such program\n"].concat());
            STATUS_NOT_FOUND
        }
        None => {
            sys::say(2, "usage: toolbox NAME [ARG]...   (toolbox --list shows the names)\n");
            STATUS_NOT_FOUND
        }
    }
}
