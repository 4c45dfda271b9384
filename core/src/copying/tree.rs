//! Copying what a source holds, entry by entry.

use super::paths::{self, join};
use super::{Copied, Look, Machine, Refusal, Side, resolve};
use crate::accounts;
use crate::plan::clean;
use crate::step::{CopyFiles, CopyOwner};
use crate::userland::FileKind;

/// The size of a header and of a block in an archive.
const BLOCK_BYTES: u64 = 512;
/// An archive ends with two empty blocks.
const END_BYTES: u64 = 2 * BLOCK_BYTES;

/// Carries the step out.
pub fn carry_out(machine: &mut impl Machine, step: &CopyFiles) -> Result<Copied, Refusal> {
    let source = resolve::source(machine, &step.from, step.follow_links)?;
    let destination = resolve::destination(machine, &step.to)?;
    let (directory, name) = paths::place(&source, &destination)?;
    let directory = resolve::directory(machine, &step.to, &directory)?;
    let owner = owner_of(machine, &step.owner);
    let mut copied =
        Copied { directory: directory.clone(), name: name.clone().unwrap_or_default(), entries: 0, archive_bytes: END_BYTES };
    let top = clean(&source.path);
    let target = name.map_or_else(|| directory.clone(), |name| join(&directory, &name));
    let to_host = step.to.container.is_none();
    walk(machine, &top, &mut |machine, path, look| {
        let inside = path.strip_prefix(top.as_str()).unwrap_or_default().trim_start_matches('/');
        let target = if inside.is_empty() { target.clone() } else { join(&target, inside) };
        if !put(machine, path, &target, &directory, look, to_host)? {
            return Ok(());
        }
        copied.entries += 1;
        let size = if look.kind == Some(FileKind::File) { look.size_bytes } else { 0 };
        copied.archive_bytes += BLOCK_BYTES + size.div_ceil(BLOCK_BYTES) * BLOCK_BYTES;
        // A directory's last, once it is filled: see `walk`.
        if look.is_directory() {
            return Ok(());
        }
        adorn(machine, &target, look, &owner)
    })?;
    adorn_directories(machine, &top, &target, &directory, &owner)?;
    Ok(copied)
}

/// Who owns what was made; `None`: the caller. `Some(None)`: whoever owned it at the source.
pub type Owner = Option<Option<(u32, u32)>>;

/// Who owns what this step makes.
pub fn owner_of(machine: &mut impl Machine, owner: &CopyOwner) -> Owner {
    match owner {
        CopyOwner::Caller => None,
        CopyOwner::Kept => Some(None),
        CopyOwner::User { user } => Some(Some(user_ids(machine, user))),
    }
}

/// The numbers of a user in the container's own files; root's where they know no such name.
fn user_ids(machine: &mut impl Machine, user: &str) -> (u32, u32) {
    let passwd = machine.text(Side::To, accounts::PASSWD);
    let groups = machine.text(Side::To, accounts::GROUP);
    accounts::resolve(user, &passwd, &groups).map(|found| (found.uid, found.gid)).unwrap_or_default()
}

pub(super) fn adorn(machine: &mut impl Machine, path: &str, look: &Look, owner: &Owner) -> Result<(), Refusal> {
    let owner = owner.map(|fixed| fixed.unwrap_or((look.uid, look.gid)));
    machine.adorn(path, look, owner).map_err(|errno| Refusal::call("lchown", path, errno))
}

/// The deepest first: what is made in a directory changes its time.
fn adorn_directories(machine: &mut impl Machine, top: &str, target: &str, directory: &str, owner: &Owner) -> Result<(), Refusal> {
    let mut all: Vec<(String, Look)> = Vec::new();
    walk(machine, top, &mut |_, path, look| {
        let inside = path.strip_prefix(top).unwrap_or_default().trim_start_matches('/');
        let target = if inside.is_empty() { target.to_string() } else { join(target, inside) };
        if look.is_directory() && target != directory {
            all.push((target, *look));
        }
        Ok(())
    })?;
    all.iter().rev().try_for_each(|(path, look)| adorn(machine, path, look, owner))
}

/// Makes what `look` says at `target`. `false`: nothing was to be made.
fn put(machine: &mut impl Machine, path: &str, target: &str, directory: &str, look: &Look, to_host: bool) -> Result<bool, Refusal> {
    // The content of a directory goes into one that is there already.
    if target == directory && look.is_directory() {
        return Ok(false);
    }
    let Some(kind) = look.kind else { return Ok(false) };
    if clear(machine, target, directory, look, to_host)? {
        return Ok(true);
    }
    let failed = |call: &'static str| move |errno| Refusal::call(call, target, errno);
    match kind {
        FileKind::Directory => machine.make_directory(target).map_err(failed("mkdir"))?,
        FileKind::File => machine.copy_file(path, target).map_err(failed("open"))?,
        FileKind::Symlink => {
            let text = machine.link_text(Side::From, path).map_err(|errno| Refusal::call("readlink", path, errno))?;
            machine.make_link(target, &text).map_err(failed("symlink"))?;
        }
        FileKind::CharDevice | FileKind::BlockDevice if to_host => return Err(Refusal::DeviceOut { path: target.to_string() }),
        FileKind::CharDevice | FileKind::BlockDevice | FileKind::Fifo => {
            machine.make_node(target, look).map_err(failed("mknod"))?
        }
    }
    Ok(true)
}

/// Takes away what is in the way of something new; `true`: a directory that is there is taken as it is.
pub(super) fn clear(
    machine: &mut impl Machine,
    target: &str,
    directory: &str,
    look: &Look,
    to_host: bool,
) -> Result<bool, Refusal> {
    let Ok(there) = machine.look(Side::To, target) else { return Ok(false) };
    match (there.is_directory(), look.is_directory()) {
        (true, true) => return Ok(true),
        (one, other) if one != other => {
            return Err(Refusal::Clash { directory: one, path: target.to_string(), name: directory.to_string(), to_host });
        }
        _ => {}
    }
    machine.remove(target).map_err(|errno| Refusal::call("unlinkat", target, errno))?;
    Ok(false)
}

/// What is done with each.
type Visit<'a, M> = &'a mut dyn FnMut(&mut M, &str, &Look) -> Result<(), Refusal>;

/// Everything from `top` on, a directory before what is in it. What has gone meanwhile is passed over.
pub fn walk<M: Machine>(machine: &mut M, top: &str, visit: Visit<'_, M>) -> Result<(), Refusal> {
    let mut pending = vec![top.to_string()];
    while let Some(path) = pending.pop() {
        let look = match machine.look(Side::From, &path) {
            Ok(look) => look,
            Err(crate::errno::Errno::ENOENT) if path != top => continue,
            Err(errno) => return Err(Refusal::call("lstat", &path, errno)),
        };
        visit(machine, &path, &look)?;
        if look.is_directory() {
            let names = machine.names(Side::From, &path).map_err(|errno| Refusal::call("open", &path, errno))?;
            pending.extend(names.iter().rev().map(|name| join(&path, name)));
        }
    }
    Ok(())
}
