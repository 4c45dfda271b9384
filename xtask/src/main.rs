//! `cargo xtask play | test | build | bless | bench | ci-setup`: everything that is done with this workspace.
//!
//! One file per command in `command/`. A command first asks `need` for the tools that it uses, which installs them
//! or names them in one line; then it runs its steps. Nothing here is part of the product: no other package depends on it.

use clap::{Parser, Subcommand};

mod bench;
mod command;
mod engine;
mod need;
mod process;
mod serve;
mod site;
mod stage;
mod vm;
mod workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Build, run and check Glassbox")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything and serve the page, the book and the live engine on this machine
    Play(command::play::Options),
    /// Run every check: format, lints, tidy, licences, tests, the real kernel, the browser
    Test(command::test::Options),
    /// Build the glassbox command: one static file
    Build(command::build::Options),
    /// Rewrite the expectation files of the tests; read the diff afterwards
    Bless(command::bless::Options),
    /// Measure: start, plan, a container against the floor and against runc, memory, many containers
    Bench(command::bench::Options),
    /// Install whatever the other commands need on this machine
    CiSetup(command::ci_setup::Options),
    /// What `bench` holds the unpacking of an image against
    #[command(hide = true)]
    UnpackFloor {
        /// An OCI image layout with one image
        layout: std::path::PathBuf,
        /// An empty directory
        to: std::path::PathBuf,
    },
}

fn main() -> std::process::ExitCode {
    let outcome = match Cli::parse().command {
        Command::Play(options) => command::play::run(&options),
        Command::Test(options) => command::test::run(&options),
        Command::Build(options) => command::build::run(&options),
        Command::Bless(options) => command::bless::run(&options),
        Command::Bench(options) => command::bench::run(&options),
        Command::CiSetup(options) => command::ci_setup::run(&options),
        Command::UnpackFloor { layout, to } => bench::image::unpack(&layout, &to),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
