//! Files of the modelled machine's own that are written in an editor: by no step, and by no program.

use super::store::{make_directory, write_file};
use crate::errno::Errno;
use crate::sim::Kernel;
use crate::userland::FileKind;

/// A path of more bytes is refused, as by the kernel: PATH_MAX, path_resolution(7).
const PATH_BYTES_MAX: usize = 4096;

/// Writes the file anew, with the directories that it needs; `None` removes it. EISDIR where a directory has its name.
pub fn save(kernel: &mut Kernel, path: &str, text: Option<&str>) -> Result<(), Errno> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if !path.starts_with('/') || matches!(name, "" | "." | "..") {
        return Err(Errno::EINVAL);
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    if kernel
        .walk(kernel.engine, path, false)
        .and_then(|place| kernel.attributes(&place.node))
        .is_ok_and(|found| found.kind == FileKind::Directory)
    {
        return Err(Errno::EISDIR);
    }
    let Some(text) = text else {
        let target = kernel.walk_parent(kernel.engine, path)?;
        kernel.lookup(&target)?;
        return kernel.take(&target.dir.node, &target.name);
    };
    let parent = path.rsplit_once('/').map(|(parent, _)| parent).filter(|parent| !parent.is_empty());
    if let Some(parent) = parent.filter(|parent| kernel.walk(kernel.engine, parent, true).is_err()) {
        make_directory(kernel, parent, 0o755)?;
    }
    write_file(kernel, path, 0o644, text)
}
