//! Things that live in one place: unsafe, `nix`, the browser's effects; and the direction of the core's imports.

use super::source::Named;
use super::{Finding, Source};

/// Where `unsafe` may stand: the two layers of system calls.
const UNSAFE: [&str; 2] = ["native/src/sys", "native/toolbox/src/sys"];
/// Where `nix` may stand.
const NIX: [&str; 3] = ["native/src/sys", "native/src/exec", "native/toolbox/src/sys"];
/// The one home of storage, timers and the address.
const EFFECTS: &str = "web/src/effects.rs";
const BROWSER: [&str; 16] = [
    "Storage",
    "local_storage",
    "session_storage",
    "History",
    "history",
    "Location",
    "location",
    "Url",
    "UrlSearchParams",
    "set_timeout",
    "set_timeout_with_callback",
    "set_timeout_with_callback_and_timeout_and_arguments_0",
    "set_interval_with_callback",
    "set_interval_with_callback_and_timeout_and_arguments_0",
    "clear_timeout_with_handle",
    "gloo",
];

/// What stands elsewhere than at home.
pub fn check(source: &Source) -> Vec<Finding> {
    source.paths.iter().filter_map(|named| stray(source, named)).collect()
}

fn stray(source: &Source, named: &Named) -> Option<Finding> {
    let message = if named.has("unsafe") && !lives_in(source, &UNSAFE) {
        "unsafe: only in native/src/sys and native/toolbox/src/sys"
    } else if named.segments.len() > 1 && named.is_under("nix") && !lives_in(source, &NIX) {
        "nix: only in native/src/sys and native/src/exec"
    } else if in_folder(source, "web/src") && source.path != EFFECTS && is_effect(named) {
        "storage, timers and the address: only in web/src/effects.rs"
    } else if in_module(source, "core/src/model") && imports(named, "plan") {
        "the model does not import the plan"
    } else if in_folder(source, "core/src")
        && (named.is_under("glassbox") || named.is_under("glassbox_web"))
        && named.segments.len() > 1
    {
        "the core knows of neither native nor web"
    } else {
        return None;
    };
    Some(source.finding(named.line, message))
}

/// `native/src/sys` stands for the file `native/src/sys.rs` as well as for the folder.
fn lives_in(source: &Source, homes: &[&str]) -> bool {
    homes.iter().any(|home| in_module(source, home))
}

fn in_module(source: &Source, module: &str) -> bool {
    in_folder(source, module) || source.path.strip_suffix(".rs") == Some(module)
}

fn in_folder(source: &Source, folder: &str) -> bool {
    source.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// A method or a type of the browser; a field or variable of ours may be called alike only where it is a path's sole segment in lower case.
fn is_effect(named: &Named) -> bool {
    let is_browser = named.is_under("web_sys") || named.is_under("gloo") || named.is_under("js_sys");
    let is_method = named.segments.len() == 1 && named.segments[0].contains("_");
    (is_browser || is_method) && BROWSER.iter().any(|word| named.has(word))
}

fn imports(named: &Named, module: &str) -> bool {
    let rest = named.segments.iter().skip_while(|segment| *segment == "crate" || *segment == "super").collect::<Vec<_>>();
    rest.len() < named.segments.len() && rest.first().is_some_and(|segment| *segment == module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn unsafe_away_from_home_is_found() {
        let text = "fn f() { unsafe { g() } }";
        assert_eq!(found("native/src/exec/mount.rs", text), 1);
        assert_eq!(found("native/src/system/mount.rs", text), 1);
        assert_eq!(found("native/src/sys/mount.rs", text), 0);
        assert_eq!(found("native/toolbox/src/sys.rs", text), 0);
        assert_eq!(found("core/src/lib.rs", "#![deny(unsafe_code)]"), 0);
    }

    #[test]
    fn nix_away_from_home_is_found() {
        assert_eq!(found("native/src/observe/a.rs", "use nix::{mount::mount, sched};"), 2);
        assert_eq!(found("native/src/exec/a.rs", "use nix::mount::mount;"), 0);
    }

    #[test]
    fn browser_effects_away_from_home_are_found() {
        assert_eq!(found("web/src/app.rs", "use web_sys::Storage;"), 1);
        assert_eq!(found("web/src/app.rs", "fn f() { window().local_storage(); }"), 1);
        assert_eq!(found("web/src/app.rs", "fn f(location: u8) -> u8 { location }"), 0);
        assert_eq!(found("web/src/effects.rs", "use web_sys::Storage;"), 0);
    }

    #[test]
    fn a_model_that_imports_the_plan_is_found() {
        for text in ["use crate::plan::Plan;", "use crate::{plan::Plan, errno::Errno};", "use super::super::plan;"] {
            assert_eq!(found("core/src/model/a.rs", text), 1, "{text}");
            assert_eq!(found("core/src/model.rs", text), 1, "{text}");
            assert_eq!(found("core/src/session/a.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn a_core_that_knows_its_users_is_found() {
        assert_eq!(found("core/src/a.rs", "use glassbox::exec;"), 1);
        assert_eq!(found("core/src/a.rs", "use glassbox_web::App;"), 1);
    }
}
