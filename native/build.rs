//! Embeds the toolbox binary: the file that GLASSBOX_TOOLBOX names, or one built here for musl, so that it is static.
//!
//! Its size and digest are computed now, and not at every start of `glassbox`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use sha2::{Digest, Sha256};

const TARGET: &str = "x86_64-unknown-linux-musl";

fn main() {
    println!("cargo:rerun-if-env-changed=GLASSBOX_TOOLBOX");
    for path in ["build.rs", "../core/src", "../core/Cargo.toml", "toolbox/src", "toolbox/Cargo.toml"] {
        println!("cargo:rerun-if-changed={path}");
    }
    if let Err(what) = embed() {
        // The one line that says what to do.
        println!("cargo::error={what}");
    }
}

fn embed() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this by cargo")?);
    let binary = match env::var_os("GLASSBOX_TOOLBOX") {
        Some(path) => PathBuf::from(path),
        None => build(&out)?,
    };
    let bytes = fs::read(&binary).map_err(|error| format!("cannot read the toolbox binary {}: {error}", binary.display()))?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(out.join("toolbox"), &bytes).map_err(|error| format!("cannot write the toolbox binary: {error}"))?;
    println!("cargo:rerun-if-changed={}", binary.display());
    println!("cargo:rustc-env=GLASSBOX_TOOLBOX_SHA256={digest}");
    Ok(())
}

/// A target directory of its own: the outer cargo holds the lock on the usual one.
fn build(out: &Path) -> Result<PathBuf, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let directory = out.ancestors().nth(4).unwrap_or(out).join("toolbox-build");
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--profile", "small", "--target", TARGET, "-p", "glassbox-toolbox", "--target-dir"]);
    command.arg(&directory).current_dir("..");
    for name in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_TARGET_DIR"] {
        command.env_remove(name);
    }
    let output = command.output().map_err(|error| format!("cannot run cargo to build the toolbox: {error}"))?;
    if output.status.success() {
        return Ok(directory.join(TARGET).join("small/toolbox"));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("can't find crate for `core`") || said.contains("target may not be installed") {
        return Err(format!("the toolbox is built for musl: type `rustup target add {TARGET}`, then build again"));
    }
    Err(format!("the toolbox does not build; see `cargo build --target {TARGET} -p glassbox-toolbox`:\n{said}"))
}
