//! `daemon.json`: Glassbox's own, or dockerd's.

use std::fs::File;
use std::io::{ErrorKind, Read};

use glassbox_core::registry::Settings;
use glassbox_core::registry::settings::SETTINGS_BYTES_MAX;

use super::words;

/// What the first of both files says that is there, and which that is.
pub fn read_settings(own: &str, docker: &str) -> Result<(Option<String>, Settings), String> {
    for path in [own, docker] {
        let failed = |call: &str, error: &std::io::Error| {
            format!("unable to configure the Docker daemon with file {path}: {call} {path}: {}", words(error))
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(failed("open", &error)),
        };
        let mut bytes = Vec::new();
        file.take(SETTINGS_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| failed("read", &error))?;
        return Ok((Some(path.to_string()), Settings::read(&bytes, path, path == own)?));
    }
    Ok((None, Settings::default()))
}
