//! What lies in the toolbox image's layer. This file stands alone but for the programs' names: `native/build.rs` reads it as well.

use super::NAMES;

/// The binary, inside the image.
pub const BINARY: &str = "/bin/toolbox";

/// A file of the layer. Directories stand before what is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolboxFile {
    /// Absolute, inside the image.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What it is.
    pub kind: ToolboxFileKind,
}

/// What a file of the layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolboxFileKind {
    /// A directory.
    Directory,
    /// A file with this text.
    Text(&'static str),
    /// A symbolic link that says this.
    Link(&'static str),
    /// The toolbox binary.
    Binary,
}

const DIRECTORIES: [(&str, u32); 14] = [
    ("/bin", 0o755),
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/sbin", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/usr/bin", 0o755),
    ("/var", 0o755),
    ("/var/tmp", 0o1777),
];

/// The last three are what the engine's own files are mounted on.
pub(super) const TEXTS: [(&str, &str); 6] = [
    ("/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("/etc/os-release", "NAME=\"Glassbox toolbox\"\nID=toolbox\nPRETTY_NAME=\"Glassbox toolbox\"\n"),
    ("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    ("/etc/hostname", ""),
    ("/etc/hosts", ""),
    ("/etc/resolv.conf", ""),
];

/// All files of the layer.
pub fn files() -> Vec<ToolboxFile> {
    let file = |path: &str, mode: u32, kind: ToolboxFileKind| ToolboxFile { path: path.to_string(), mode, kind };
    let mut all: Vec<ToolboxFile> = DIRECTORIES.iter().map(|(path, mode)| file(path, *mode, ToolboxFileKind::Directory)).collect();
    all.extend(TEXTS.iter().map(|(path, text)| file(path, 0o644, ToolboxFileKind::Text(text))));
    all.push(file(BINARY, 0o755, ToolboxFileKind::Binary));
    all.extend(NAMES.iter().map(|name| file(&format!("/bin/{name}"), 0o777, ToolboxFileKind::Link("toolbox"))));
    all
}
