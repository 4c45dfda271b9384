//! The stages of `cargo xtask test`, in the order in which they run.
//!
//! A stage is a name, a condition under which it is there at all (its inputs exist), what it needs on the machine, and what it
//! does. Stages do not know of each other; the runner goes through the list, times each and prints one table at the end.

use anyhow::Result;

use crate::need::Need;

mod browser;
mod code;
mod docker;
mod fuzz;
pub mod kernel;
mod licences;
mod site;
mod vm;
mod wasm;

/// The stages that run only when asked for.
pub use docker::DOCKER;
pub use fuzz::FUZZ;
pub use vm::VM;

/// One stage.
pub struct Stage {
    /// What `--only` and the table call it.
    pub name: &'static str,
    /// What it shows, in the heading.
    pub about: &'static str,
    /// Whether `--quick` runs it.
    pub quick: bool,
    /// Whether its inputs are in the tree.
    pub is_here: fn() -> bool,
    /// What must be installed before it starts.
    pub needs: &'static [Need],
    /// Runs it; the error says what failed.
    pub run: fn() -> Result<()>,
}

/// All stages whose inputs are in the tree, in order.
pub fn all() -> Vec<Stage> {
    let stages = [
        code::FORMAT,
        code::LINTS,
        code::TIDY,
        licences::LICENCES,
        code::TESTS,
        wasm::WASM,
        site::SITE,
        kernel::KERNEL,
        browser::BROWSER,
        VM,
        FUZZ,
        DOCKER,
    ];
    stages.into_iter().filter(|stage| (stage.is_here)()).collect()
}

fn always() -> bool {
    true
}
