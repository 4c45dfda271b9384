//! The page: glassbox-web as WebAssembly, its JavaScript made by wasm-bindgen as a library, and the static files beside it.

use std::path::Path;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use super::copy;
use crate::{process, workspace};

/// Builds the page into `folder`: `glassbox_web.js`, `glassbox_web_bg.wasm` and all of `web/static`.
pub fn build(folder: &Path) -> Result<()> {
    let args = ["build", "-p", "glassbox-web", "--lib", "--target", "wasm32-unknown-unknown", "--profile", "page"];
    process::run(&mut process::cargo(&args))?;
    let wasm = workspace::target().join("wasm32-unknown-unknown/page/glassbox_web.wasm");
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).web(true)?.typescript(false).remove_producers_section(true).remove_name_section(true);
    bindgen.generate(folder).context("wasm-bindgen on the page")?;
    copy(&workspace::root().join("web/static"), folder)
}
