//! `--build-context`: names that mean something else in this build than they would without.

use crate::build::CopySource;
use crate::cli::{ContextSource, NamedContext};
use crate::copying::absolute;
use crate::dockerfile::check::{Base, Resolved};

/// What the caller has given this name; the last one counts.
pub(super) fn find<'a>(contexts: &'a [NamedContext], name: &str) -> Option<&'a ContextSource> {
    let name = NamedContext::known_as(name);
    contexts.iter().rfind(|context| context.name == name).map(|context| &context.source)
}

/// Stages that begin with such a name begin with what it means. Answers, by stage, the name of a directory: its files are copied in.
pub(super) fn apply(contexts: &[NamedContext], resolved: &mut Resolved) -> Vec<Option<String>> {
    let mut directories = vec![None; resolved.bases.len()];
    for (base, directory) in resolved.bases.iter_mut().zip(&mut directories) {
        let name = match &*base {
            Base::Image(name) => name.clone(),
            Base::Stage(stage) => resolved.file.stages[*stage].name.clone(),
            Base::Scratch => continue,
        };
        match find(contexts, &name) {
            None => {}
            Some(ContextSource::Image(image)) => *base = Base::Image(image.clone()),
            Some(ContextSource::Directory(_)) => (*base, *directory) = (Base::Scratch, Some(NamedContext::known_as(&name))),
        }
    }
    directories
}

/// The same where files are taken from. `cwd`: where the caller stands.
pub(super) fn redirect(contexts: &[NamedContext], source: &mut CopySource, cwd: &str) {
    let CopySource::Image(name) = &*source else { return };
    match find(contexts, name) {
        None => {}
        Some(ContextSource::Image(image)) => *source = CopySource::Image(image.clone()),
        Some(ContextSource::Directory(path)) => *source = CopySource::Directory(absolute(path, cwd)),
    }
}
