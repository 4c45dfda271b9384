//! basename, dirname, which, whoami, mktemp, install: small programs about names.

use super::gather::put;
use super::identity::name_of;
use super::links::base_name;
use super::options::{Options, parse_mode};
use super::owner::number_of;
use super::sys::OpenFlags;
use super::tool::{Context, read_file};
use crate::errno::Errno;

/// A larger file is not installed.
const FILE_BYTES_MAX: usize = 64 << 20;
/// Names that mktemp tries.
const TRIES_MAX: u64 = 100;

/// basename(1)
pub(crate) fn basename(context: &mut Context<'_>, args: &[String]) -> i32 {
    let Some(path) = args.first() else { return context.fail("missing operand") };
    let name = base_name(path.trim_end_matches('/'));
    let ending = args.get(1).map_or("", String::as_str);
    let name = name.strip_suffix(ending).filter(|short| !short.is_empty()).unwrap_or(name);
    let line = format!("{}\n", if name.is_empty() { "/" } else { name });
    context.out.out(&line);
    0
}

/// dirname(1)
pub(crate) fn dirname(context: &mut Context<'_>, args: &[String]) -> i32 {
    let Some(path) = args.first() else { return context.fail("missing operand") };
    let directory = match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) => "/",
        Some((directory, _)) => directory,
        None if path.starts_with('/') => "/",
        None => ".",
    };
    context.out.out(&format!("{directory}\n"));
    0
}

/// which(1), by the PATH that programs are looked up by where none is set.
pub(crate) fn which(context: &mut Context<'_>, args: &[String]) -> i32 {
    let mut status = 0;
    for name in args.iter().filter(|word| !word.starts_with('-')) {
        let directories = "/usr/local/sbin:/usr/local/bin:/usr/local/go/bin:/usr/local/cargo/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let candidates = directories.split(':').map(|directory| format!("{directory}/{name}"));
        let found = candidates.into_iter().find(|path| context.sys.can_execute(path).is_ok());
        match found {
            Some(path) => context.out.out(&format!("{path}\n")),
            None => status = 1,
        }
    }
    status
}

/// whoami(1)
pub(crate) fn whoami(context: &mut Context<'_>, _args: &[String]) -> i32 {
    let uid = context.sys.ids().0;
    let users = context.read_text("/etc/passwd").unwrap_or_default();
    match name_of(&users, uid) {
        Some(name) => {
            context.out.out(&format!("{name}\n"));
            0
        }
        None => context.fail(&format!("cannot find name for user ID {uid}")),
    }
}

/// mktemp(1) with -d, -p and -t. The name comes from the process and the clock: it is new, and not secret.
pub(crate) fn mktemp(context: &mut Context<'_>, args: &[String]) -> i32 {
    let options = match Options::parse(args, "dp:tqu") {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    let template = options.operands.first().cloned().unwrap_or_else(|| "tmp.XXXXXXXXXX".into());
    let base = match options.value('p') {
        Some(directory) => format!("{directory}/{template}"),
        None if template.contains('/') => template,
        None if options.operands.is_empty() || options.has('t') => format!("/tmp/{template}"),
        None => template,
    };
    let stem = base.trim_end_matches('X').to_string();
    let width = base.len() - stem.len();
    if width < 3 {
        return context.fail(&format!("too few X's in template '{base}'"));
    }
    let seed = context.sys.clock().wrapping_mul(31).wrapping_add(context.sys.getpid() as u64);
    for attempt in 0..TRIES_MAX {
        let path = format!("{stem}{}", letters(seed.wrapping_add(attempt), width));
        let made = match options.has('d') {
            true => context.sys.mkdir(&path, 0o700),
            false => {
                let flags = OpenFlags { write: true, create: true, exclusive: true, ..OpenFlags::default() };
                context.sys.open(&path, flags, 0o600).and_then(|fd| context.sys.close(fd))
            }
        };
        match made {
            Ok(()) => {
                context.out.out(&format!("{path}\n"));
                return 0;
            }
            Err(Errno::EEXIST) => {}
            Err(errno) => return context.fail_with(&base, errno),
        }
    }
    context.fail(&format!("no free name like {base} in {TRIES_MAX} tries (TRIES_MAX)"))
}

fn letters(seed: u64, width: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut state = seed;
    let one = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[(state >> 33) as usize % LETTERS.len()])
    };
    (0..width.min(64)).map(one).collect()
}

/// install(1): -d directories; else a file, or files into a directory, with -m, -o, -g and -D.
pub(crate) fn install(context: &mut Context<'_>, args: &[String]) -> i32 {
    let options = match Options::parse(args, "dm:o:g:DcvpsT") {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    let mode = options.value('m').and_then(|text| parse_mode(text, 0o755)).unwrap_or(0o755);
    let id = |context: &mut Context<'_>, file: &str, word: Option<&str>| {
        let known = context.read_text(file).unwrap_or_default();
        word.and_then(|word| number_of(&known, word).or_else(|| word.parse().ok()))
    };
    let owner = (id(context, "/etc/passwd", options.value('o')), id(context, "/etc/group", options.value('g')));
    if options.has('d') {
        let made = options.operands.iter().map(|path| make(context, path).map(|()| path.clone())).collect::<Result<Vec<_>, _>>();
        return match made {
            Ok(paths) => paths.iter().fold(0, |status, path| status.max(adorn(context, path, mode, owner))),
            Err((path, errno)) => context.fail_with(&path, errno),
        };
    }
    let Some((target, sources)) = options.operands.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        return context.fail("missing file operand");
    };
    let into = context.sys.stat(target, true).is_ok_and(|stat| stat.kind == super::FileKind::Directory);
    let mut status = 0;
    for source in sources {
        let path = if into { format!("{}/{}", target.trim_end_matches('/'), base_name(source)) } else { target.clone() };
        if let Some((directory, _)) = path.rsplit_once('/').filter(|(directory, _)| options.has('D') && !directory.is_empty())
            && let Err((path, errno)) = make(context, directory)
        {
            return context.fail_with(&path, errno);
        }
        let copied =
            read_file(context.sys, source, FILE_BYTES_MAX).and_then(|bytes| put(context, &path, &bytes, OpenFlags::REPLACE));
        status = match copied {
            Ok(()) => status.max(adorn(context, &path, mode, owner)),
            Err(errno) => context.fail_with(source, errno),
        };
    }
    status
}

fn make(context: &mut Context<'_>, path: &str) -> Result<(), (String, Errno)> {
    let ends = path.char_indices().filter(|(at, letter)| *letter == '/' && *at > 0).map(|(at, _)| at);
    for end in ends.chain([path.len()]) {
        match context.sys.mkdir(&path[..end], 0o755) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err((path[..end].to_string(), errno)),
        }
    }
    Ok(())
}

fn adorn(context: &mut Context<'_>, path: &str, mode: u32, (uid, gid): (Option<u32>, Option<u32>)) -> i32 {
    let owned = if uid.is_some() || gid.is_some() { context.sys.chown(path, uid, gid, true) } else { Ok(()) };
    owned.and_then(|()| context.sys.chmod(path, mode)).map_or_else(|errno| context.fail_with(path, errno), |()| 0)
}
