//! Pathname expansion: `*`, `?` and `[…]` against the file system.

use super::expand::Chars;
use crate::userland::pattern::{glob_matches, parse_glob};
use crate::userland::sys::Sys;

/// The most names that one pattern may match: further ones are left out.
const MATCHES_MAX: usize = 1 << 16;

/// The names that a field stands for: those that match, sorted, or the field itself where it is no pattern or none match.
pub(crate) fn pathnames(field: &Chars, sys: &mut dyn Sys, off: bool) -> Vec<String> {
    let literal: String = field.iter().map(|(c, _)| *c).collect();
    if off || !is_pattern(field) {
        return vec![literal];
    }
    let absolute = literal.starts_with('/');
    let mut found = vec![if absolute { "/".to_string() } else { String::new() }];
    let components: Vec<&[(char, bool)]> = field.split(|(c, _)| *c == '/').filter(|component| !component.is_empty()).collect();
    for component in &components {
        found = found.iter().flat_map(|prefix| step(prefix, component, sys)).take(MATCHES_MAX).collect();
    }
    found.retain(|path| sys.stat(path, false).is_ok());
    if literal.ends_with('/') {
        found.retain(|path| sys.stat(path, true).is_ok_and(|stat| stat.kind == crate::userland::FileKind::Directory));
        found.iter_mut().for_each(|path| path.push('/'));
    }
    found.sort();
    if found.is_empty() { vec![literal] } else { found }
}

fn is_pattern(chars: &[(char, bool)]) -> bool {
    chars.iter().any(|(c, quoted)| !quoted && "*?[".contains(*c))
}

fn step(prefix: &str, component: &[(char, bool)], sys: &mut dyn Sys) -> Vec<String> {
    let inside = |name: &str| {
        let gap = if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
        [prefix, gap, name].concat()
    };
    if !is_pattern(component) {
        let name: String = component.iter().map(|(c, _)| *c).collect();
        return vec![inside(&name)];
    }
    let pattern = parse_glob(component);
    let hidden = component.first().is_some_and(|(c, _)| *c == '.');
    let entries = sys.read_dir(if prefix.is_empty() { "." } else { prefix }).unwrap_or_default();
    let names = entries.into_iter().map(|entry| entry.name).filter(|name| hidden || !name.starts_with('.'));
    names.filter(|name| glob_matches(&pattern, &name.chars().collect::<Vec<_>>())).map(|name| inside(&name)).collect()
}
