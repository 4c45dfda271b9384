//! Words that are not written: what is left unfinished anywhere, and in the core everything that is input, output or chance.

use syn::visit::Visit;

use super::{Finding, Source};

const UNFINISHED: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];

/// What the core must not name, and why.
const NOT_IN_CORE: [(&str, &str); 15] = [
    ("std::fs", "no file system"),
    ("std::env", "no environment: host facts enter as a value"),
    ("std::time::Instant", "no clock: time is ticks"),
    ("std::time::SystemTime", "no clock: time is ticks"),
    ("std::thread", "no threads"),
    ("std::net::TcpStream", "no sockets"),
    ("std::net::TcpListener", "no sockets"),
    ("std::net::UdpSocket", "no sockets"),
    ("std::process", "no processes: exit codes are values"),
    ("std::os", "no operating system"),
    ("std::io::stdin", "no input"),
    ("std::io::stdout", "no output"),
    ("std::io::stderr", "no output"),
    ("nix", "no kernel"),
    ("libc", "no kernel"),
];
const NOT_IN_CORE_ANYWHERE: [(&str, &str); 8] = [
    ("HashMap", "its order changes from run to run: BTreeMap or rpds"),
    ("HashSet", "its order changes from run to run: BTreeSet or rpds"),
    ("thread_local!", "no globals"),
    ("lazy_static!", "no globals"),
    ("println!", "no output: return it"),
    ("eprintln!", "no output: return it"),
    ("print!", "no output: return it"),
    ("eprint!", "no output: return it"),
];
const CHANGEABLE: [&str; 9] = ["Cell", "RefCell", "OnceCell", "LazyCell", "Mutex", "RwLock", "OnceLock", "LazyLock", "UnsafeCell"];

/// Unfinished work anywhere; effects and globals in the core.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for named in &source.paths {
        if let Some(word) = UNFINISHED.iter().find(|word| named.has(word)) {
            findings.push(source.finding(named.line, format!("{word} is unfinished work")));
        }
    }
    let mut marks = Marks { ignored: Vec::new(), globals: Vec::new() };
    if let Ok(tree) = &source.tree {
        marks.visit_file(tree);
    }
    findings.extend(marks.ignored.iter().map(|line| source.finding(*line, "#[ignore]: a test runs or is not there")));
    if source.path.starts_with("core/src/") {
        findings
            .extend(marks.globals.iter().map(|line| source.finding(*line, "a static that can change: the core has no globals")));
        findings.extend(effects(source));
    }
    findings
}

fn effects(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for named in source.product_paths() {
        let path = NOT_IN_CORE.iter().find(|(path, _)| named.segments.len() > 1 && named.is_under(path));
        let word = NOT_IN_CORE_ANYWHERE.iter().find(|(word, _)| named.has(word));
        if let Some((what, why)) = path.or(word) {
            findings.push(source.finding(named.line, format!("{what} in the core: {why}")));
        }
    }
    findings
}

struct Marks {
    ignored: Vec<usize>,
    globals: Vec<usize>,
}

impl<'ast> Visit<'ast> for Marks {
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("ignore") {
            self.ignored.push(attribute.pound_token.span.start().line);
        }
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        let mut words = Words(false);
        words.visit_type(&item.ty);
        if words.0 || matches!(item.mutability, syn::StaticMutability::Mut(_)) {
            self.globals.push(item.static_token.span.start().line);
        }
    }
}

/// Whether a type is made of something that can change behind a shared reference.
struct Words(bool);

impl<'ast> Visit<'ast> for Words {
    fn visit_ident(&mut self, ident: &'ast syn::Ident) {
        self.0 |= CHANGEABLE.iter().any(|word| ident == word) || ident.to_string().starts_with("Atomic");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn every_effect_is_found_in_the_core_and_only_there() {
        let mut planted: Vec<String> = NOT_IN_CORE.iter().map(|(path, _)| format!("use {path}::x;")).collect();
        planted.extend(NOT_IN_CORE_ANYWHERE.iter().map(|(word, _)| match word.strip_suffix('!') {
            Some(name) => format!("fn f() {{ {name}!(); }}"),
            None => format!("use std::collections::{word};"),
        }));
        for text in planted {
            assert_eq!(found("core/src/sim/a.rs", &text), 1, "{text}");
            assert_eq!(found("native/src/a.rs", &text), 0, "{text}");
        }
    }

    #[test]
    fn a_group_or_a_macro_does_not_hide_an_effect() {
        assert_eq!(found("core/src/a.rs", "use std::{collections::BTreeMap, fs::File};"), 1);
        assert_eq!(found("core/src/a.rs", "fn f() { assert!(std::env::args().count() > 1); }"), 1);
    }

    #[test]
    fn globals_that_can_change_are_found_in_the_core() {
        for text in [
            "static mut A: u8 = 0;",
            "static A: Mutex<u8> = Mutex::new(0);",
            "static A: OnceLock<u8> = OnceLock::new();",
            "static A: AtomicU8 = x;",
        ] {
            assert_eq!(found("core/src/a.rs", text), 1, "{text}");
        }
        assert_eq!(found("core/src/a.rs", "static A: &[u8] = &[1];"), 0);
    }

    #[test]
    fn unfinished_work_is_found_anywhere() {
        for text in [
            "fn f() { todo!() }",
            "fn f() { unimplemented!() }",
            "fn f() { dbg!(1); }",
            "#[ignore]\nfn f() {}",
            "#[ignore = \"x\"]\nfn f() {}",
        ] {
            assert_eq!(found("web/src/a.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn a_variable_called_like_a_crate_is_no_effect() {
        assert_eq!(found("core/src/a.rs", "fn f(libc: u8) -> u8 { libc }"), 0);
    }
}
