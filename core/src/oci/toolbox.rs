//! The toolbox image, as data: the one image that Glassbox brings along. One layer, made from a description and the toolbox binary.
//!
//! Both kernels extract [`files`]; the page's machine models the binary, Linux has it embedded. The layer's digest is that of its
//! description (names, modes, contents, and the binary's digest), so that a new binary is a new layer.

use sha2::{Digest, Sha256};

use crate::host::ToolboxFacts;
use crate::model::{Image, ImageConfig, Layer};
use crate::userland::Program;

/// How people write it.
pub const REFERENCE: &str = "toolbox:latest";

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
const TEXTS: [(&str, &str); 6] = [
    ("/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("/etc/os-release", "NAME=\"Glassbox toolbox\"\nID=toolbox\nPRETTY_NAME=\"Glassbox toolbox\"\n"),
    ("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    ("/etc/hostname", ""),
    ("/etc/hosts", ""),
    ("/etc/resolv.conf", ""),
];

/// The text of a file of the image.
pub fn text(path: &str) -> Option<String> {
    match files().into_iter().find(|file| file.path == path)?.kind {
        ToolboxFileKind::Text(text) => Some(text.to_string()),
        _ => None,
    }
}

/// All files of the layer.
pub fn files() -> Vec<ToolboxFile> {
    let file = |path: &str, mode: u32, kind: ToolboxFileKind| ToolboxFile { path: path.to_string(), mode, kind };
    let mut all: Vec<ToolboxFile> = DIRECTORIES.iter().map(|(path, mode)| file(path, *mode, ToolboxFileKind::Directory)).collect();
    all.extend(TEXTS.iter().map(|(path, text)| file(path, 0o644, ToolboxFileKind::Text(text))));
    all.push(file(BINARY, 0o755, ToolboxFileKind::Binary));
    all.extend(Program::NAMES.iter().map(|name| file(&format!("/bin/{name}"), 0o777, ToolboxFileKind::Link("toolbox"))));
    all
}

/// The image, with this binary in it.
pub fn image(facts: &ToolboxFacts) -> Image {
    let diff_id = digest(&description(facts));
    let config = ImageConfig {
        env: vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()],
        cmd: vec!["sh".into()],
        ..ImageConfig::default()
    };
    let texts: usize = TEXTS.iter().map(|(_, text)| text.len()).sum();
    Image {
        reference: REFERENCE.into(),
        id: digest(&format!("toolbox {diff_id} {} {}", config.env.join(" "), config.cmd.join(" "))),
        config,
        layers: vec![Layer { diff_id, size_bytes: facts.size_bytes + texts as u64, extracted: false }],
    }
}

fn description(facts: &ToolboxFacts) -> String {
    let line = |file: &ToolboxFile| {
        let kind = match file.kind {
            ToolboxFileKind::Directory => "directory".to_string(),
            ToolboxFileKind::Text(text) => format!("text {text:?}"),
            ToolboxFileKind::Link(target) => format!("link {target}"),
            ToolboxFileKind::Binary => format!("binary {} {}", facts.size_bytes, facts.sha256),
        };
        format!("{} {:o} {kind}\n", file.path, file.mode)
    };
    files().iter().map(line).collect()
}

fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::HostFacts;

    #[test]
    fn every_directory_stands_before_what_is_in_it() {
        let files = files();
        for (index, file) in files.iter().enumerate() {
            let (parent, _) = file.path.rsplit_once('/').unwrap();
            let known = files[..index].iter().any(|earlier| earlier.path == parent);
            assert!(parent.is_empty() || known, "{}", file.path);
        }
    }

    #[test]
    fn another_binary_is_another_layer_and_another_image() {
        let facts = HostFacts::example().toolbox;
        let other = ToolboxFacts { sha256: "1".repeat(64), ..facts.clone() };
        assert_eq!(image(&facts), image(&facts));
        assert_ne!(image(&facts).layers[0].diff_id, image(&other).layers[0].diff_id);
        assert_ne!(image(&facts).id, image(&other).id);
        assert_eq!(image(&facts).id.len(), "sha256:".len() + 64);
    }
}
