//! Every file says what it is for in its first lines, and no module has a name that says nothing.

use super::{Finding, Source};

const EMPTY_NAMES: [&str; 11] =
    ["manager", "managers", "helper", "helpers", "util", "utils", "utility", "utilities", "misc", "common", "stuff"];

/// The head (a `tests.rs` has its module's), the file's own name, its folders' names, and the modules that it declares.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let first = source.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!"));
    if !first.is_some_and(|line| line.starts_with("//!")) && !source.path.ends_with("/tests.rs") {
        findings.push(source.finding(1, "has no `//!` head: say what it is for, who calls it, what it must never do"));
    }
    let path = source.path.trim_end_matches(".rs");
    findings.extend(path.split('/').filter(|name| is_empty(name)).map(|name| said(source, 1, name)));
    findings.extend(declared(source).into_iter().filter(|(_, name)| is_empty(name)).map(|(line, name)| said(source, line, &name)));
    findings
}

fn said(source: &Source, line: usize, name: &str) -> Finding {
    source.finding(line, format!("{name:?} says nothing about what is in it: name it after what it holds"))
}

/// `helper`, and `text_helper` as well.
fn is_empty(name: &str) -> bool {
    name.split('_').any(|word| EMPTY_NAMES.contains(&word))
}

fn declared(source: &Source) -> Vec<(usize, String)> {
    let items = source.tree.as_ref().map_or(&[][..], |tree| &tree.items);
    let modules = items.iter().filter_map(|item| if let syn::Item::Mod(module) = item { Some(module) } else { None });
    modules.map(|module| (module.ident.span().start().line, module.ident.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn a_missing_head_is_found() {
        assert_eq!(count("core/src/a.rs", "// not a head\nfn f() {}\n"), 1);
        assert_eq!(count("core/src/a.rs", ""), 1);
        assert_eq!(count("core/src/a.rs", "\n//! What it is for.\n"), 0);
        assert_eq!(count("core/src/a/tests.rs", "use super::a;\n"), 0);
    }

    #[test]
    fn a_name_that_says_nothing_is_found_in_files_folders_and_declarations() {
        assert_eq!(count("core/src/util.rs", "//! Head.\n"), 1);
        assert_eq!(count("core/src/common/list.rs", "//! Head.\n"), 1);
        assert_eq!(count("core/src/a.rs", "//! Head.\nmod mount_helpers {}\n"), 1);
        assert_eq!(count("core/src/a.rs", "//! Head.\nmod mount {}\n"), 0);
    }
}
