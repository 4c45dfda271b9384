//! mkdir, rmdir, touch, chmod: one path after the other, errors reported and the rest still done.

use super::options::{Options, parse_mode};
use super::sys::OpenFlags;
use super::tool::Context;
use crate::errno::Errno;

/// mkdir(1) with -p and -m.
pub(crate) fn mkdir(context: &mut Context<'_>, args: &[String]) -> i32 {
    let options = match Options::parse(args, "pvm:") {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    let mode = options.value('m').map(|text| parse_mode(text, 0o777).ok_or(text));
    let mode = match mode {
        Some(Err(text)) => return context.fail(&format!("invalid mode '{text}'")),
        Some(Ok(mode)) => Some(mode),
        None => None,
    };
    if options.operands.is_empty() {
        return context.fail("missing operand");
    }
    let mut status = 0;
    for path in &options.operands {
        let made = if options.has('p') { make_all(context, path) } else { context.sys.mkdir(path, 0o777) };
        let done = made.and_then(|()| mode.map_or(Ok(()), |mode| context.sys.chmod(path, mode)));
        if let Err(errno) = done {
            status = context.fail_with(&format!("can't create directory '{path}'"), errno);
        }
    }
    status
}

fn make_all(context: &mut Context<'_>, path: &str) -> Result<(), Errno> {
    let ends = path.char_indices().filter(|(at, c)| *c == '/' && *at > 0).map(|(at, _)| at);
    for end in ends.chain([path.len()]) {
        match context.sys.mkdir(&path[..end], 0o777) {
            Ok(()) => {}
            Err(errno) => match context.sys.stat(&path[..end], true) {
                Ok(stat) if stat.kind == super::FileKind::Directory => {}
                Ok(_) if end == path.len() => return Err(Errno::EEXIST),
                Ok(_) => return Err(Errno::ENOTDIR),
                Err(_) => return Err(errno),
            },
        }
    }
    Ok(())
}

/// rmdir(1) with -p.
pub(crate) fn rmdir(context: &mut Context<'_>, args: &[String]) -> i32 {
    context.each(args, "p", |context, options, path| {
        let mut path = path;
        loop {
            if let Err(errno) = context.sys.rmdir(path) {
                return context.fail_with(&format!("'{path}'"), errno);
            }
            match path.trim_end_matches('/').rsplit_once('/') {
                Some((parent, _)) if options.has('p') && !parent.is_empty() => path = parent,
                _ => return 0,
            }
        }
    })
}

/// touch(1) with -c.
pub(crate) fn touch(context: &mut Context<'_>, args: &[String]) -> i32 {
    context.each(args, "c", |context, options, path| {
        let done = match context.sys.touch_times(path) {
            Err(Errno::ENOENT) if options.has('c') => Ok(()),
            Err(Errno::ENOENT) => create(context, path),
            other => other,
        };
        done.map_or_else(|errno| context.fail_with(path, errno), |()| 0)
    })
}

fn create(context: &mut Context<'_>, path: &str) -> Result<(), Errno> {
    let flags = OpenFlags { write: true, create: true, ..OpenFlags::default() };
    let fd = context.sys.open(path, flags, 0o666)?;
    context.sys.close(fd)
}

/// chmod(1) with octal and symbolic modes.
pub(crate) fn chmod(context: &mut Context<'_>, args: &[String]) -> i32 {
    let (recursive, rest) = match args.split_first() {
        Some((first, rest)) if first == "-R" => (true, rest),
        _ => (false, args),
    };
    let Some((mode, paths)) = rest.split_first() else { return context.fail("missing operand") };
    let mut status = 0;
    let mut todo: Vec<String> = paths.iter().rev().cloned().collect();
    while let Some(path) = todo.pop() {
        match change(context, &path, mode) {
            Ok(false) => return context.fail(&format!("invalid mode '{mode}'")),
            Ok(true) => {}
            Err(errno) => status = context.fail_with(&path, errno),
        }
        let link = context.sys.stat(&path, false).map(|stat| stat.kind);
        if recursive && link == Ok(super::FileKind::Directory) {
            let entries = context.sys.read_dir(&path).unwrap_or_default();
            let inside = entries.iter().filter(|entry| entry.kind != super::FileKind::Symlink);
            todo.extend(inside.map(|entry| format!("{}/{}", path.trim_end_matches('/'), entry.name)));
        }
    }
    status
}

fn change(context: &mut Context<'_>, path: &str, mode: &str) -> Result<bool, Errno> {
    let now = context.sys.stat(path, true)?.mode;
    let Some(mode) = parse_mode(mode, now) else { return Ok(false) };
    context.sys.chmod(path, mode).map(|()| true)
}
