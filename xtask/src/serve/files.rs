//! Files below one folder, with their types. A path that leads out of the folder, by dots or by a link, is not there.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The bytes at a URL's path, and their type; of a folder, those of its `index.html`.
pub fn read(folder: &Path, path: &str) -> Option<(Vec<u8>, &'static str)> {
    let mut file = place(folder, path)?;
    if file.is_dir() {
        file = file.join("index.html");
    }
    Some((fs::read(&file).ok()?, mime(&file)))
}

/// Whether a URL's path is a folder without its last `/`, by which relative links would go astray.
pub fn lacks_its_slash(folder: &Path, path: &str) -> bool {
    !path.ends_with('/') && place(folder, path).is_some_and(|place| place.is_dir())
}

fn place(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = decoded(path.strip_prefix('/')?)?;
    if !Path::new(&relative).components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let folder = folder.canonicalize().ok()?;
    let file = folder.join(&relative).canonicalize().ok()?;
    file.starts_with(&folder).then_some(file)
}

fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { digit(rest.next()?)? * 16 + digit(rest.next()?)? } else { byte });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains(['\0', '\\']))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn mime(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "txt" | "md" | "toml" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_with_their_type_and_nothing_outside_of_the_folder_is() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("dist");
        fs::create_dir_all(folder.join("book")).unwrap();
        fs::write(place.path().join("secret"), "s").unwrap();
        fs::write(folder.join("index.html"), "page").unwrap();
        fs::write(folder.join("book/a b.wasm"), "w").unwrap();
        std::os::unix::fs::symlink("../secret", folder.join("link")).unwrap();

        assert_eq!(read(&folder, "/"), Some((b"page".to_vec(), "text/html; charset=utf-8")));
        assert_eq!(read(&folder, "/book/a%20b.wasm"), Some((b"w".to_vec(), "application/wasm")));
        for path in [
            "/../secret",
            "/%2e%2e/secret",
            "/book/../../secret",
            "//etc/passwd",
            "/%2fetc/passwd",
            "/link",
            "/..%5csecret",
            "secret",
            "/%",
            "/book",
        ] {
            assert_eq!(read(&folder, path), None, "{path}");
        }
        assert!(lacks_its_slash(&folder, "/book") && !lacks_its_slash(&folder, "/book/") && !lacks_its_slash(&folder, "//book"));
    }
}
