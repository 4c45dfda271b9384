//! Steps of a build, made by the engine's process.

use std::rc::Rc;

use super::copy::{ARCHIVE_BYTES_MAX, Model};
use super::layer::{export, packed_files};
use super::remote;
use super::shared_cache;
use super::store::{make_directory, remove_tree, write_file};
use super::{Carried, Done, Failure, Run, called, done};
use crate::archive::{Limits, MemberKind, Reader};
use crate::build::transfer::{self, TransferFault};
use crate::build::{input, record, work};
use crate::copying::unpack_below;
use crate::dockerfile::ignore::Ignore;
use crate::errno::Errno;
use crate::model::{ContainerId, Slot, State};
use crate::observe::{BuildFiles, Outcome};
use crate::oci::image::transfer::Wording;
use crate::plan::clean;
use crate::sim::kernel::Kernel;
use crate::sim::tables::{Content, Data, NodeId};
use crate::sim::tree::Owner;
use crate::step::{BuildStep, CallersFile, ContainerFiles, FilesRoot};
use crate::userland::{FileKind, WaitStatus};

const RECORD_MODE: u32 = 0o600;
const RESULT_MODE: u32 = 0o644;
/// Of a directory that `--output` names.
const OUTPUT_MODE: u32 = 0o755;
const DIRECTORY_MODE: u32 = 0o700;
/// Of the directory in which all workspaces are.
const WORKSPACES_MODE: u32 = 0o711;

pub(super) fn execute(step: &BuildStep, kernel: &mut Kernel, run: &mut Run, state: &State) -> Carried {
    match step {
        BuildStep::LoadDefinition { .. }
        | BuildStep::UseBase { .. }
        | BuildStep::Configure { .. }
        | BuildStep::MissCache { .. }
        | BuildStep::NoteImage { .. }
        // In the model one build runs at a time: there is nobody to wait for.
        | BuildStep::UnlockCacheMount { .. } => {}
        BuildStep::WriteOutput { .. }
        | BuildStep::ReadInput { .. }
        | BuildStep::UnpackContext { .. }
        | BuildStep::ReadDefinition { .. }
        | BuildStep::FindCommit { .. }
        | BuildStep::FetchCommit { .. }
        | BuildStep::FetchFile { .. } => return of_the_caller(step, kernel, run),
        BuildStep::ReadSources { copy, from, ignore, .. } => {
            let ignore = ignore.as_deref().map(Ignore::read);
            let mut model = sides(kernel, run, from, from)?;
            let found = transfer::find(&mut model, copy, ignore.as_ref()).map_err(|fault| refused(&fault))?;
            let parts = transfer::parts(&mut model, copy, &found).map_err(|fault| refused(&fault))?;
            return Ok(seen(kernel, BuildFiles { parts, ..BuildFiles::default() }));
        }
        BuildStep::UseCached { path, .. } | BuildStep::LockCacheMount { directory: path, .. } => {
            called(kernel.walk(kernel.engine, path, true), "openat")?;
        }
        BuildStep::BringFiles { copy, from, to, ignore, manner } => {
            let ignore = ignore.as_deref().map(Ignore::read);
            let mut model = sides(kernel, run, from, to)?;
            let found = transfer::find(&mut model, copy, ignore.as_ref()).map_err(|fault| refused(&fault))?;
            let made = transfer::bring(&mut model, copy, &found, *manner).map_err(|fault| refused(&fault))?;
            return Ok(seen(kernel, BuildFiles { made, ..BuildFiles::default() }));
        }
        BuildStep::ReadCache { .. } | BuildStep::TakeLayer { .. } | BuildStep::WriteCache { .. } => {
            return shared_cache::execute(step, kernel, run);
        }
        BuildStep::MakeCacheMount { directory, mount, owner, mode, .. } => {
            make_cache_mount(kernel, directory, &record::written_mount(mount), Owner { mode: *mode, ..owner_of(*owner) })?;
        }
        BuildStep::RemoveCacheMount { directory, .. } => called(remove_tree(kernel, directory), "rmdir")?,
        BuildStep::PlaceSecret { id, path, owner, mode } => {
            let secret = run.secrets.iter().find(|secret| secret.id == *id).ok_or_else(|| without_secret(id))?;
            let bytes = secret.value.bytes().to_vec();
            place_secret(kernel, path, bytes, Owner { mode: *mode, ..owner_of(*owner) })?;
        }
        BuildStep::FindAgent { id, socket } => {
            called(kernel.walk(kernel.engine, socket.as_ref().ok_or_else(|| without_agent(id))?, true), "stat")?;
        }
        BuildStep::NoteExit { id, .. } => return note_exit(kernel, state, id),
        BuildStep::CheckExit { slot, argv } => check_exit(state, *slot, argv)?,
        BuildStep::WriteResultFile { path, what, contents } => {
            write_result_file(kernel, path, what, contents)?;
        }
        BuildStep::SetAside { upper, directory, .. } => set_aside(kernel, upper, directory)?,
        BuildStep::RemoveWorkspace { path } => called(remove_tree(kernel, path), "rmdir")?,
        BuildStep::DropResult { path, .. } => {
            let engine = kernel.engine;
            called(kernel.remove_node(engine, path, false), "unlink")?;
        }
        BuildStep::KeepResult { path, record: kept, .. } => {
            let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
            called(make_directory(kernel, directory, DIRECTORY_MODE), "mkdir")?;
            called(write_file(kernel, path, RECORD_MODE, &record::written(kept)), "openat")?;
        }
    }
    done(kernel)
}

fn check_exit(state: &State, slot: Slot, argv: &[String]) -> Result<(), Failure> {
    let Some(failed) = state.building.failed.as_ref().filter(|failed| failed.slot == slot) else { return Ok(()) };
    Err(Failure { call: Some(work::failed(argv, failed.exit_code)), ..Failure::from(Errno::ECANCELED) })
}

/// What comes from the caller or from elsewhere, and what goes to her.
fn of_the_caller(step: &BuildStep, kernel: &mut Kernel, run: &mut Run) -> Carried {
    match step {
        BuildStep::WriteOutput { files, directory: false, output } => {
            export(kernel, run, files, output.as_ref(), Wording::Build)?;
        }
        BuildStep::WriteOutput { files, output, .. } => {
            let file = output.as_ref().ok_or(Errno::EINVAL)?;
            let before = kernel.clone();
            let made = write_tree(kernel, run, files, file).inspect_err(|_| *kernel = before)?;
            return Ok(seen(kernel, BuildFiles { made, ..BuildFiles::default() }));
        }
        BuildStep::ReadInput { archive, remote: None } => return read_input(kernel, run, *archive),
        BuildStep::ReadInput { archive, remote: Some(remote) } => {
            let data = remote::content(run, remote, &remote.name)?;
            let found = input::look(|| Ok(data.bytes.as_slice()), *archive).map_err(|why| told(why, Errno::EINVAL))?;
            run.answer = data.bytes.as_ref().clone();
            return Ok(seen(kernel, BuildFiles { seen: Some(found), ..BuildFiles::default() }));
        }
        BuildStep::FindCommit { repository, .. } => {
            let commit = Some(remote::find_commit(run, repository)?);
            return Ok(seen(kernel, BuildFiles { commit, ..BuildFiles::default() }));
        }
        BuildStep::FetchCommit { repository, commit, path, .. } => {
            let made = remote::fetch_commit(kernel, run, repository, commit, path)?;
            return Ok(seen(kernel, BuildFiles { made, ..BuildFiles::default() }));
        }
        BuildStep::UnpackContext { path } => {
            let sent = run.answer.clone();
            let root = FilesRoot { path: path.clone(), held: false };
            let mut model = sides(kernel, run, &root, &root)?;
            let made = input::unpack(&mut model, sent.as_slice()).map_err(|why| told(why, Errno::EINVAL))?;
            return Ok(seen(kernel, BuildFiles { made, ..BuildFiles::default() }));
        }
        BuildStep::ReadDefinition { path, file } => {
            let root = FilesRoot { path: path.clone(), held: false };
            let mut model = sides(kernel, run, &root, &root)?;
            let definition = Some(input::definition(&mut model, file).map_err(|why| told(why, Errno::ENOENT))?);
            return Ok(seen(kernel, BuildFiles { definition, ..BuildFiles::default() }));
        }
        BuildStep::FetchFile { remote, path } => {
            let made = remote::fetch_file(kernel, run, remote, path)?;
            return Ok(seen(kernel, BuildFiles { made, ..BuildFiles::default() }));
        }
        _ => {}
    }
    done(kernel)
}

/// All files or none.
fn write_tree(kernel: &mut Kernel, run: &Run, files: &ContainerFiles, file: &CallersFile) -> Result<u64, Failure> {
    let archive = packed_files(kernel, files)?;
    if kernel.walk(kernel.engine, &file.path, true).is_ok() && !is_directory(kernel, &file.path) {
        return Err(told(format!("destination directory {} is a file", file.typed), Errno::ENOTDIR));
    }
    if let Some(clash) = clash(kernel, &archive.0, &file.path) {
        return Err(told(clash, Errno::EEXIST));
    }
    called(make_directory(kernel, &file.path, OUTPUT_MODE), "mkdir")?;
    let root = FilesRoot { path: file.path.clone(), held: false };
    let done = unpack_below(&mut sides(kernel, run, &root, &root)?, "/", &None, archive.0.as_slice());
    done.map(|copied| copied.entries).map_err(|refusal| told(refusal.to_string(), refusal.errno()))
}

/// A directory and what is none in one place.
fn clash(kernel: &Kernel, archive: &[u8], directory: &str) -> Option<String> {
    let mut reader = Reader::new(archive, Limits::of_disk());
    while let Ok(Some(member)) = reader.next_member() {
        let name = String::from_utf8_lossy(&member.name).into_owned();
        let path = clean(&format!("{directory}/{name}"));
        let Ok(there) = kernel.walk(kernel.engine, &path, false) else { continue };
        let found = kernel.attributes(&there.node).is_ok_and(|found| found.kind == FileKind::Directory);
        let comes = member.kind == MemberKind::Directory;
        if found != comes {
            return Some(work::clash(&path, comes));
        }
    }
    None
}

pub(super) fn told(why: String, errno: Errno) -> Failure {
    Failure { call: Some(why), ..Failure::from(errno) }
}

/// All of it is read first; it is there until the command ends.
fn read_input(kernel: &Kernel, run: &mut Run, archive: bool) -> Carried {
    run.asked = !run.answer_ended && run.answer.len() <= ARCHIVE_BYTES_MAX;
    if run.asked {
        return Ok(Done::Waiting);
    }
    if run.answer.len() > ARCHIVE_BYTES_MAX {
        let why = format!("glassbox: the model takes archives of at most {ARCHIVE_BYTES_MAX} bytes");
        return Err(told(why, Errno::EFBIG));
    }
    let found = input::look(|| Ok(run.answer.as_slice()), archive).map_err(|why| told(why, Errno::EINVAL))?;
    Ok(seen(kernel, BuildFiles { seen: Some(found), ..BuildFiles::default() }))
}

/// What `--iidfile` or `--metadata-file` names.
fn write_result_file(kernel: &mut Kernel, path: &str, what: &str, contents: &str) -> Result<(), Failure> {
    let failed = |errno: Errno| Failure { call: Some(work::unwritten(what, path, errno)), ..Failure::from(errno) };
    if is_directory(kernel, path) {
        return Err(failed(Errno::EISDIR));
    }
    write_file(kernel, path, RESULT_MODE, contents).map_err(failed)
}

fn set_aside(kernel: &mut Kernel, upper: &str, directory: &str) -> Result<(), Failure> {
    let all = directory.rsplit_once('/').map_or("/", |(all, _)| all);
    called(make_directory(kernel, all, WORKSPACES_MODE), "mkdir")?;
    called(kernel.rename_node(kernel.engine, upper, directory), "rename")
}

fn note_exit(kernel: &Kernel, state: &State, id: &ContainerId) -> Carried {
    let unknown = || Failure { call: Some(work::end_unknown(id)), ..Failure::from(Errno::ENOENT) };
    let container = state.containers.get(id).ok_or_else(unknown)?;
    let status = Some(WaitStatus::Exited(container.state.exit_code));
    Ok(Done::Outcome(Outcome { status, at_ns: kernel.realtime_ns(), ..Outcome::default() }))
}

fn is_directory(kernel: &Kernel, path: &str) -> bool {
    let found = kernel.walk(kernel.engine, path, true).ok().and_then(|place| match place.node {
        NodeId::Inode(id) => kernel.inode(id).ok(),
        _ => None,
    });
    found.is_some_and(|inode| matches!(inode.content, Content::Directory { .. }))
}

fn owner_of((uid, gid): (u32, u32)) -> Owner {
    Owner { uid, gid, mode: 0 }
}

fn without_secret(id: &str) -> Failure {
    Failure { call: Some(work::without_secret(id)), ..Failure::from(Errno::ENOENT) }
}

fn without_agent(id: &str) -> Failure {
    Failure { call: Some(work::without_agent(id)), ..Failure::from(Errno::ENOENT) }
}

fn make_cache_mount(kernel: &mut Kernel, directory: &str, record: &str, owner: Owner) -> Result<(), Failure> {
    called(make_directory(kernel, directory, DIRECTORY_MODE), "mkdir")?;
    let data = called(make_directory(kernel, &format!("{directory}/_data"), owner.mode), "mkdir")?;
    let inode = called(kernel.inode_mut(data), "chown")?;
    (inode.uid, inode.gid) = (owner.uid, owner.gid);
    called(write_file(kernel, &format!("{directory}/mount.json"), RECORD_MODE, record), "openat")
}

fn place_secret(kernel: &mut Kernel, path: &str, bytes: Vec<u8>, owner: Owner) -> Result<(), Failure> {
    called(write_file(kernel, path, owner.mode, ""), "openat")?;
    let place = called(kernel.walk(kernel.engine, path, true), "openat")?;
    let NodeId::Inode(id) = place.node else { return Err(Failure::from(Errno::EINVAL)) };
    let inode = called(kernel.inode_mut(id), "fchown")?;
    (inode.uid, inode.gid, inode.mode) = (owner.uid, owner.gid, owner.mode);
    inode.content = Content::File(Data { bytes: Rc::new(bytes), zeros: 0 });
    Ok(())
}

pub(super) fn seen(kernel: &Kernel, files: BuildFiles) -> Done {
    Done::Outcome(Outcome { files: Some(Box::new(files)), at_ns: kernel.realtime_ns(), ..Outcome::default() })
}

fn refused(fault: &TransferFault) -> Failure {
    Failure { call: Some(fault.told()), ..Failure::from(fault.errno()) }
}

pub(super) fn sides<'a>(kernel: &'a mut Kernel, run: &Run, from: &FilesRoot, to: &FilesRoot) -> Result<Model<'a>, Failure> {
    let from = called(root(kernel, run, from), "open")?;
    let to = called(root(kernel, run, to), "open")?;
    Ok(Model::below(kernel, from, to))
}

fn root(kernel: &Kernel, run: &Run, root: &FilesRoot) -> Result<crate::sim::walk::Walker, Errno> {
    let own = kernel.walker(kernel.engine)?;
    let who = if root.held { run.process.ok_or(Errno::ESRCH)? } else { kernel.engine };
    let top = kernel.walk(who, &root.path, true)?;
    Ok(crate::sim::walk::Walker { cwd: top.clone(), root: top, ..own })
}
