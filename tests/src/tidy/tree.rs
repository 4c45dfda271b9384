//! The workspace's Rust files. What is built, fetched or hidden is not ours.

use std::path::{Path, PathBuf};

use super::Source;

const NOT_OURS: [&str; 4] = ["target", "node_modules", "dist", "book/book"];

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every Rust file under `root`, in the order of their paths.
pub fn sources(root: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    collect(root, root, &mut sources);
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let relative = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let hidden = path.file_name().unwrap().to_str().unwrap().starts_with('.');
        if hidden || NOT_OURS.contains(&relative.as_str()) {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            collect(root, &path, sources);
        } else if relative.ends_with(".rs") {
            sources.push(Source::new(&relative, &std::fs::read_to_string(&path).unwrap()));
        }
    }
}
