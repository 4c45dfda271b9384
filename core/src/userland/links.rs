//! ln and readlink.

use super::options::Options;
use super::sys::FileKind;
use super::tool::Context;

/// ln(1) with -s, -f and -n.
pub(crate) fn ln(context: &mut Context<'_>, args: &[String]) -> i32 {
    let options = match Options::parse(args, "sfn") {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    let (targets, place) = match &options.operands[..] {
        [] => return context.fail("missing operand"),
        [target] => (std::slice::from_ref(target), "."),
        [targets @ .., place] => (targets, place.as_str()),
    };
    let follow = !options.has('n');
    let is_directory = context.sys.stat(place, follow).is_ok_and(|stat| stat.kind == FileKind::Directory);
    if targets.len() > 1 && !is_directory {
        return context.fail(&format!("'{place}' is not a directory"));
    }
    let mut status = 0;
    for target in targets {
        let link = if is_directory { join(place, base_name(target)) } else { place.to_string() };
        if options.has('f') {
            let _ = context.sys.unlink(&link);
        }
        let made = if options.has('s') { context.sys.symlink(target, &link) } else { context.sys.link(target, &link) };
        if let Err(errno) = made {
            status = context.fail_with(&link, errno);
        }
    }
    status
}

/// The last component of a path; `/` for the root.
pub(crate) fn base_name(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() && path.starts_with('/') { "/" } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }
}

/// A path inside a directory.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.ends_with('/') { format!("{directory}{name}") } else { format!("{directory}/{name}") }
}

/// readlink(1): the target of one symbolic link.
pub(crate) fn readlink(context: &mut Context<'_>, args: &[String]) -> i32 {
    context.each(args, "n", |context, options, path| match context.sys.readlink(path) {
        Ok(target) => {
            context.out.out(&if options.has('n') { target } else { target + "\n" });
            0
        }
        Err(_) => 1,
    })
}
