//! Steps of `cp`, in words.

use super::{Call, CallWhen, Explanation, base, call, explanation};
use crate::step::{CopyEnd, CopyStep};

fn look(end: &CopyEnd) -> Vec<Call> {
    let open = |flags: &str| call("openat2", &["…", "…", flags, "…"]).when(CallWhen::Repeated);
    let root =
        end.container.as_ref().map(|_| call("open", &["…", "O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_PATH"]).when(CallWhen::IfPresent));
    root.into_iter().chain([open("…")]).collect()
}

pub(super) fn explain(step: &CopyStep) -> Explanation {
    let rooted = "Paths are opened by openat2 with RESOLVE_IN_ROOT: a link in the container leads to the container's own files.";
    match step {
        CopyStep::CopyFiles(copy) => {
            let headline = match &copy.from.container {
                Some(_) => format!("Copy {} out of the container", base(copy.from.path.trim_end_matches(['/', '.']))),
                None => format!("Copy {} into the container", base(copy.from.path.trim_end_matches(['/', '.']))),
            };
            let mut calls = look(&copy.from);
            calls.push(call("fchmod", &["…", "…"]).when(CallWhen::IfPresent));
            calls.push(call("utimensat", &["…", "…", "…", "…"]).when(CallWhen::IfPresent));
            explanation(headline, rooted, calls, &["ls -ln"], "root")
        }
        CopyStep::PackArchive { from, .. } => {
            let mut calls = look(from);
            calls.push(call("write", &["1", "…", "…"]).when(CallWhen::Repeated));
            explanation("Write an archive of it to stdout", rooted, calls, &["glassbox cp NAME:/etc - | tar tv"], "root")
        }
        CopyStep::UnpackArchive { to, .. } => {
            let mut calls = look(to);
            calls.push(call("read", &["0", "…", "…"]).when(CallWhen::Repeated));
            let why = "An archive can hold any name, also `../../etc/passwd`. What would lead out of the directory is refused.";
            explanation("Unpack the archive from stdin", why, calls, &["tar tv < archive.tar"], "root")
        }
    }
}
