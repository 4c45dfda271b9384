//! Steps of a build, made by the engine's process.

use super::copy::Model;
use super::store::{make_directory, remove_tree, write_file};
use super::{Carried, Done, Failure, Run, called, done};
use crate::build::transfer::{self, TransferFault};
use crate::build::{record, work};
use crate::dockerfile::ignore::Ignore;
use crate::errno::Errno;
use crate::model::State;
use crate::observe::{BuildFiles, Outcome};
use crate::sim::kernel::Kernel;
use crate::step::{BuildStep, FilesRoot};

const RECORD_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

pub(super) fn execute(step: &BuildStep, kernel: &mut Kernel, run: &Run, state: &State) -> Carried {
    match step {
        BuildStep::LoadDefinition { .. }
        | BuildStep::UseBase { .. }
        | BuildStep::Configure { .. }
        | BuildStep::MissCache { .. } => {}
        BuildStep::ReadSources { copy, from, ignore, .. } => {
            let ignore = ignore.as_deref().map(Ignore::read);
            let mut model = sides(kernel, run, from, from)?;
            let found = transfer::find(&mut model, copy, ignore.as_ref()).map_err(|fault| refused(&fault))?;
            let parts = transfer::parts(&mut model, copy, &found).map_err(|fault| refused(&fault))?;
            return Ok(seen(kernel, BuildFiles { parts, made: 0 }));
        }
        BuildStep::UseCached { path, .. } => {
            called(kernel.walk(kernel.engine, path, true), "openat")?;
        }
        BuildStep::BringFiles { copy, from, to, ignore, manner } => {
            let ignore = ignore.as_deref().map(Ignore::read);
            let mut model = sides(kernel, run, from, to)?;
            let found = transfer::find(&mut model, copy, ignore.as_ref()).map_err(|fault| refused(&fault))?;
            let made = transfer::bring(&mut model, copy, &found, *manner).map_err(|fault| refused(&fault))?;
            return Ok(seen(kernel, BuildFiles { parts: Vec::new(), made }));
        }
        BuildStep::CheckExit { id, argv } => {
            let code = state.containers.get(id).map_or(0, |container| container.state.exit_code);
            if code != 0 {
                return Err(Failure { call: Some(work::failed(argv, code)), ..Failure::from(Errno::ECANCELED) });
            }
        }
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

fn seen(kernel: &Kernel, files: BuildFiles) -> Done {
    Done::Outcome(Outcome { files: Some(Box::new(files)), at_ns: kernel.realtime_ns(), ..Outcome::default() })
}

fn refused(fault: &TransferFault) -> Failure {
    Failure { call: Some(fault.told()), ..Failure::from(fault.errno()) }
}

fn sides<'a>(kernel: &'a mut Kernel, run: &Run, from: &FilesRoot, to: &FilesRoot) -> Result<Model<'a>, Failure> {
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
