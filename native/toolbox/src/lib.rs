//! The calls of `glassbox_core::userland::Sys`, answered by Linux: shared by the toolbox and by the runtime for WebAssembly.

pub mod sys;

use glassbox_core::userland::{Program, Resume};

/// Resumes `program` to its end. On Linux the calls themselves wait, so that `Waiting` means no more than "once again".
pub fn run(mut program: Program, linux: &mut sys::Linux) -> i32 {
    loop {
        if let Resume::Exit(status) = program.resume(linux) {
            return status;
        }
    }
}
