//! The toolbox image's layer as an archive (OCI image specification, layer.md): the same bytes for the same binary, whoever builds it.
//! Part of `native/build.rs`: nothing else packs what is embedded.

use std::io::{self, Write};

use tar::{Builder, EntryType, Header};

use super::{ToolboxFileKind, files};

/// Writes the archive: ustar, owned by root, last changed in 1970.
pub fn write(binary: &[u8], output: impl Write) -> io::Result<()> {
    let mut builder = Builder::new(output);
    for file in files() {
        let mut header = Header::new_ustar();
        header.set_mode(file.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let name = file.path.trim_start_matches('/');
        let content = match file.kind {
            ToolboxFileKind::Text(text) => text.as_bytes(),
            ToolboxFileKind::Binary => binary,
            ToolboxFileKind::Directory | ToolboxFileKind::Link(_) => &[],
        };
        header.set_size(content.len() as u64);
        match file.kind {
            ToolboxFileKind::Directory => {
                header.set_entry_type(EntryType::Directory);
                builder.append_data(&mut header, format!("{name}/"), content)?;
            }
            ToolboxFileKind::Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                builder.append_link(&mut header, name, target)?;
            }
            ToolboxFileKind::Text(_) | ToolboxFileKind::Binary => {
                header.set_entry_type(EntryType::Regular);
                builder.append_data(&mut header, name, content)?;
            }
        }
    }
    builder.finish()
}
