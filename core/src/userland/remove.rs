//! rm: files, and with -r whole trees, without recursion.

use super::links::{base_name, join};
use super::options::Options;
use super::sys::FileKind;
use super::tool::Context;
use crate::errno::Errno;

enum Task {
    Remove(String),
    RemoveEmptied(String),
}

/// rm(1) with -r (-R) and -f.
pub(crate) fn rm(context: &mut Context<'_>, args: &[String]) -> i32 {
    let options = match Options::parse(args, "rRfiv") {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    let (recursive, force) = (options.has('r') || options.has('R'), options.has('f'));
    if options.operands.is_empty() && !force {
        return context.fail("missing operand");
    }
    let mut status = 0;
    for path in &options.operands {
        let last = base_name(path);
        status |= if last == "." || last == ".." {
            context.fail("can't remove '.' or '..'")
        } else {
            remove_tree(context, path, recursive, force)
        };
    }
    status
}

/// Removes `path` and, where asked, what is in it; answers 1 where something is left.
pub(crate) fn remove_tree(context: &mut Context<'_>, path: &str, recursive: bool, force: bool) -> i32 {
    let mut status = 0;
    let mut tasks = vec![Task::Remove(path.to_string())];
    while let Some(task) = tasks.pop() {
        let (path, done) = match task {
            Task::RemoveEmptied(path) => {
                let done = context.sys.rmdir(&path);
                (path, done)
            }
            Task::Remove(path) => match context.sys.stat(&path, false) {
                Ok(stat) if stat.kind == FileKind::Directory && !recursive => {
                    status = context.fail(&format!("'{path}' is a directory"));
                    continue;
                }
                Ok(stat) if stat.kind == FileKind::Directory => {
                    let listed = enter(context, &path, &mut tasks);
                    (path, listed)
                }
                Ok(_) => {
                    let done = context.sys.unlink(&path);
                    (path, done)
                }
                Err(errno) => (path, Err(errno)),
            },
        };
        match done {
            Ok(()) => {}
            Err(Errno::ENOENT) if force => {}
            Err(errno) => status = context.fail_with(&format!("can't remove '{path}'"), errno),
        }
    }
    status
}

fn enter(context: &mut Context<'_>, path: &str, tasks: &mut Vec<Task>) -> Result<(), Errno> {
    let entries = context.sys.read_dir(path)?;
    tasks.push(Task::RemoveEmptied(path.to_string()));
    tasks.extend(entries.iter().rev().map(|entry| Task::Remove(join(path, &entry.name))));
    Ok(())
}
