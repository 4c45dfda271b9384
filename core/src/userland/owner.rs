//! chown and chgrp.

use super::links::join;
use super::options::Options;
use super::sys::FileKind;
use super::tool::Context;

/// The number of a name in a file of the form of passwd(5) or group(5).
pub(crate) fn number_of(file: &str, name: &str) -> Option<u32> {
    let line = file.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// Names first, as POSIX has it, then numbers.
fn id(context: &mut Context<'_>, file: &str, word: &str) -> Option<u32> {
    let known = context.read_text(file).unwrap_or_default();
    number_of(&known, word).or_else(|| word.parse().ok())
}

/// chown(1) with -R and -h.
pub(crate) fn chown(context: &mut Context<'_>, args: &[String]) -> i32 {
    let (options, owner, paths) = match split(context, args) {
        Ok(parts) => parts,
        Err(status) => return status,
    };
    let (user, group) = match owner.split_once([':', '.']) {
        Some((user, group)) => (user.to_string(), Some(group.to_string())),
        None => (owner.clone(), None),
    };
    let uid = match user.as_str() {
        "" => None,
        name => match id(context, "/etc/passwd", name) {
            Some(uid) => Some(uid),
            None => return context.fail(&format!("unknown user {name}")),
        },
    };
    let gid = match group.as_deref() {
        None => None,
        // `user:` is the group that the user logs in with.
        Some("") => login_group(context, &user),
        Some(name) => match id(context, "/etc/group", name) {
            Some(gid) => Some(gid),
            None => return context.fail(&format!("unknown group {name}")),
        },
    };
    change(context, &options, &paths, (uid, gid))
}

/// chgrp(1) with -R and -h.
pub(crate) fn chgrp(context: &mut Context<'_>, args: &[String]) -> i32 {
    let (options, group, paths) = match split(context, args) {
        Ok(parts) => parts,
        Err(status) => return status,
    };
    match id(context, "/etc/group", &group) {
        Some(gid) => change(context, &options, &paths, (None, Some(gid))),
        None => context.fail(&format!("unknown group {group}")),
    }
}

fn login_group(context: &mut Context<'_>, user: &str) -> Option<u32> {
    let known = context.read_text("/etc/passwd").unwrap_or_default();
    let line = known.lines().find(|line| line.split(':').next() == Some(user))?.to_string();
    line.split(':').nth(3)?.parse().ok()
}

fn split(context: &mut Context<'_>, args: &[String]) -> Result<(Options, String, Vec<String>), i32> {
    let long = |word: &String| match word.as_str() {
        "--recursive" => "-R".to_string(),
        "--no-dereference" => "-h".to_string(),
        _ => word.clone(),
    };
    let args: Vec<String> = args.iter().map(long).collect();
    let options = Options::parse(&args, "RhvcfLHP").map_err(|message| context.fail(&message))?;
    match options.operands.split_first() {
        Some((owner, paths)) if !paths.is_empty() => {
            let (owner, paths) = (owner.clone(), paths.to_vec());
            Ok((options, owner, paths))
        }
        _ => Err(context.fail("missing operand")),
    }
}

fn change(context: &mut Context<'_>, options: &Options, paths: &[String], (uid, gid): (Option<u32>, Option<u32>)) -> i32 {
    let recursive = options.has('R');
    let mut status = 0;
    let mut pending: Vec<String> = paths.iter().rev().cloned().collect();
    while let Some(path) = pending.pop() {
        let kind = context.sys.stat(&path, false).map(|stat| stat.kind);
        let is_link_below = recursive && kind == Ok(FileKind::Symlink);
        let follow = !options.has('h') && !is_link_below;
        if let Err(errno) = context.sys.chown(&path, uid, gid, follow)
            && !options.has('f')
        {
            status = context.fail_with(&path, errno);
        }
        if recursive && kind == Ok(FileKind::Directory) {
            let entries = context.sys.read_dir(&path).unwrap_or_default();
            pending.extend(entries.iter().rev().map(|entry| join(&path, &entry.name)));
        }
    }
    status
}
