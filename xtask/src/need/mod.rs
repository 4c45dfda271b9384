//! What a command needs on the machine: rustup targets and components, Debian packages, node and its packages.
//!
//! Each need is checked first; a missing one is installed where that can be done without asking (rustup, apt-get as root,
//! npm), and otherwise named in one line with the command that installs it. Never fetches a program from anywhere else.

use anyhow::Result;

mod debian;
mod node;
pub mod rustup;

/// One thing that must be there before a command starts.
pub enum Need {
    /// A compilation target of the pinned toolchain.
    Target(&'static str),
    /// LLVM's own tools, in the compiler's version: the component `llvm-tools`.
    LlvmTools,
    /// `musl-gcc`, for the C parts of a static build.
    MuslTools,
    /// A program on the PATH, and the Debian package that has it.
    Program(&'static str, &'static str),
    /// node 18 or newer.
    Node,
    /// The npm packages of `tests/browser`, from its lock file.
    BrowserPackages,
    /// Debian's chromium.
    Chromium,
}

/// Makes sure of every need, or fails with the lines that name all the missing ones.
pub fn ensure(needs: &[Need]) -> Result<()> {
    let missing: Vec<String> = needs.iter().filter_map(|need| ensure_one(need).err()).map(|error| format!("{error:#}")).collect();
    if missing.is_empty() { Ok(()) } else { Err(anyhow::anyhow!(missing.join("\n       "))) }
}

fn ensure_one(need: &Need) -> Result<()> {
    match need {
        Need::Target(name) => rustup::target(name),
        Need::LlvmTools => rustup::llvm_tools(),
        Need::MuslTools => debian::program("musl-gcc", "musl-tools"),
        Need::Program(program, package) => debian::program(program, package),
        Need::Node => node::version(),
        Need::BrowserPackages => node::packages("tests/browser"),
        Need::Chromium => debian::program("chromium", "chromium"),
    }
}
