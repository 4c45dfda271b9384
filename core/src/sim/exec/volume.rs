//! Steps on volumes, made by the engine's process.

use super::Failure;
use super::called;
use super::store::{engine_owner, make_directory, remove_tree, write_file};
use crate::errno::Errno;
use crate::model::Volume;
use crate::sim::kernel::Kernel;
use crate::sim::tables::{Content, HostPid, InodeId, Layers, NodeId, Place};
use crate::sim::tree::{Owner, directory as new_directory};
use crate::step::StoreStep;
use crate::userland::{FileKind, SysResult};
use crate::workdir::{self, Refusal, Shown};

/// The directory, `_data` in it, the record.
pub(super) fn create(kernel: &mut Kernel, volume: &Volume, directory: &str) -> Result<(), Failure> {
    const RECORD_MODE: u32 = 0o600;
    called(make_directory(kernel, directory, 0o701).map(drop), "mkdir")?;
    called(make_directory(kernel, &format!("{directory}/_data"), 0o755).map(drop), "mkdir")?;
    let text = serde_json::to_string(volume).map_err(|_| Errno::EINVAL)?;
    called(write_file(kernel, &format!("{directory}/volume.json"), RECORD_MODE, &text), "openat")
}

pub(super) fn remove(kernel: &mut Kernel, directory: &str) -> Result<(), Failure> {
    called(remove_tree(kernel, directory), "unlink")
}

/// What the layers show at `path`, merged as an overlay merges them, into a directory, or one below it, that is empty.
pub(super) fn fill(kernel: &mut Kernel, step: &StoreStep) -> Result<(), Failure> {
    let StoreStep::FillVolume { layers, path, directory, subpath, .. } = step else { return Ok(()) };
    called(copy(kernel, layers, path, (directory, subpath)), "openat")
}

/// The most links that are followed on the way.
const LINKS_MAX: usize = 40;

/// openat2(2) with RESOLVE_BENEATH: EXDEV where a link or `..` leads out of the directory.
pub(super) fn beneath(kernel: &Kernel, pid: HostPid, directory: &str, subpath: &str) -> SysResult<Place> {
    let mut left: Vec<String> = names(subpath);
    let mut way: Vec<String> = Vec::new();
    let mut links = 0;
    while let Some(name) = left.pop() {
        if name == ".." {
            way.pop().ok_or(Errno::EXDEV)?;
            continue;
        }
        let path = format!("{directory}/{}", way.iter().chain([&name]).cloned().collect::<Vec<_>>().join("/"));
        let place = kernel.walk(pid, &path, false)?;
        if kernel.attributes(&place.node)?.kind != FileKind::Symlink {
            way.push(name);
            continue;
        }
        links += 1;
        let text = kernel.link_text(&place.node, pid)?;
        match () {
            () if text.starts_with('/') => return Err(Errno::EXDEV),
            () if links > LINKS_MAX => return Err(Errno::ELOOP),
            () => left.extend(names(&text)),
        }
    }
    kernel.walk(pid, &format!("{directory}/{}", way.join("/")), true)
}

/// The names of a path, the first one last.
fn names(path: &str) -> Vec<String> {
    path.split('/').rev().filter(|name| !name.is_empty() && *name != ".").map(str::to_string).collect()
}

fn copy(kernel: &mut Kernel, layers: &[String], path: &str, (directory, subpath): (&str, &str)) -> SysResult<()> {
    let mut layers = layers.iter().map(|layer| directory_at(kernel, layer)).collect::<SysResult<Vec<InodeId>>>()?;
    if layers.is_empty() {
        return Ok(());
    }
    let layers = Layers { upper: layers.remove(0), lower: layers };
    let Some(top) = kernel.overlay_stack(&layers, path)?.first().copied() else { return Ok(()) };
    if !matches!(kernel.inode(top)?.content, Content::Directory { .. }) {
        return Ok(());
    }
    let into = match beneath(kernel, kernel.engine, directory, subpath) {
        Err(Errno::ENOENT) if !subpath.is_empty() => return Ok(()),
        found => found?.node,
    };
    let NodeId::Inode(inode) = into else { return Err(Errno::EINVAL) };
    if !kernel.names(&into)?.is_empty() {
        return Ok(());
    }
    copy_directory(kernel, &layers, path.trim_matches('/'), top, inode)
}

/// What is missing of a new container's working directory, in its own layer, which is empty still.
pub(super) fn working_directory(kernel: &mut Kernel, step: &StoreStep) -> Result<(), Failure> {
    let StoreStep::MakeWorkingDirectory { layers, upper, merged, path: typed } = step else { return Ok(()) };
    let Some((top, lower)) = layers.split_first() else { return Ok(()) };
    let lower = lower.iter().map(|layer| directory_at(kernel, layer)).collect::<SysResult<Vec<InodeId>>>()?;
    let layers = Layers { upper: directory_at(kernel, top)?, lower };
    let top_of = |kernel: &Kernel, way: &[String]| Ok(kernel.overlay_stack(&layers, &way.join("/"))?.first().copied());
    let found = workdir::find(typed, merged, |way| match top_of(kernel, way)? {
        None => Ok(Shown::Missing),
        Some(id) => Ok(match &kernel.inode(id)?.content {
            Content::Directory { .. } => Shown::Directory,
            Content::Symlink(text) => Shown::Link(text.to_string()),
            _ => Shown::Other,
        }),
    });
    let refused = |why: Refusal| Failure { errno: why.errno, call: Some(why.call().to_string()), finding: why.finding() };
    let found = found.map_err(refused)?;
    if found.there == found.names.len() {
        return Ok(());
    }
    let mut at = directory_at(kernel, upper)?;
    for (index, name) in found.names.iter().enumerate() {
        let like = if index < found.there { top_of(kernel, &found.names[..=index])? } else { None };
        let super_id = kernel.inode(at)?.super_id;
        let owner = match like.map(|id| kernel.inode(id)).transpose()? {
            Some(like) => Owner { uid: like.uid, gid: like.gid, mode: like.mode },
            None => engine_owner(kernel, 0o755)?,
        };
        let new = kernel.new_inode(super_id, new_directory(at), owner);
        kernel.put_entry(at, name, new)?;
        at = new;
    }
    Ok(())
}

fn directory_at(kernel: &Kernel, path: &str) -> SysResult<InodeId> {
    match kernel.walk(kernel.engine, path, true)?.node {
        NodeId::Inode(id) => Ok(id),
        NodeId::Path(..) => Err(Errno::EINVAL),
    }
}

fn copy_directory(kernel: &mut Kernel, layers: &Layers, path: &str, from: InodeId, into: InodeId) -> SysResult<()> {
    let original = kernel.inode(from)?.clone();
    let copy = kernel.inode_mut(into)?;
    (copy.uid, copy.gid, copy.mode) = (original.uid, original.gid, original.mode);
    let super_id = copy.super_id;
    for name in kernel.overlay_names(layers, path)? {
        let below = crate::sim::overlay::join(path, &name);
        let Some(top) = kernel.overlay_stack(layers, &below)?.first().copied() else { continue };
        let found = kernel.inode(top)?.clone();
        let owner = Owner { uid: found.uid, gid: found.gid, mode: found.mode };
        let is_directory = matches!(found.content, Content::Directory { .. });
        let content = if is_directory { new_directory(into) } else { found.content };
        let new = kernel.new_inode(super_id, content, owner);
        kernel.put_entry(into, &name, new)?;
        if is_directory {
            copy_directory(kernel, layers, &below, top, new)?;
        }
    }
    Ok(())
}
