//! Tidiness is a test: sizes, names, module heads, and the homes of unsafe, `nix` and the browser's effects.
//!
//! The rules and their own tests, each with a planted violation, are in `tests/src/tidy/`. Limits are in `tests/tidy.toml`.

#[cfg(test)]
#[path = "../src/tidy/mod.rs"]
mod tidy;

#[test]
fn the_tree_is_tidy() {
    let root = tidy::tree::root();
    let sources = tidy::tree::sources(&root);
    assert!(sources.len() > 50, "the sources were not found under {}", root.display());
    let recorded = tidy::limits::Limits::read(&root.join("tests/tidy.toml"));
    let findings = tidy::check(&sources, &recorded);
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), lines.join("\n"));
    if std::env::var_os("GLASSBOX_BLESS").is_some() {
        let tight = recorded.tightened(&tidy::size::measure(&sources));
        tight.write(&root.join("tests/tidy.toml"));
    }
}
