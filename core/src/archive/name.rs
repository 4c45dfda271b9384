//! Names of entries as paths below a directory.

/// The path below the directory that a name means: without `.`, doubled slashes and a slash at either end, and each `..` has taken the
/// name before it away. An absolute name is taken from the directory on, as Docker takes it. `None`: it leads out.
pub fn inside(name: &[u8]) -> Option<Vec<u8>> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join(&b'/'))
}
