//! `--platform`: `os`, `arch`, `os/arch` or `os/arch/variant`, as containerd reads it.

use super::super::error::quote;

const SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "macos",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];
const PROCESSORS: &[&str] = &[
    "386",
    "aarch64",
    "amd64",
    "amd64p32",
    "arm",
    "arm64",
    "arm64be",
    "armbe",
    "armel",
    "armhf",
    "i386",
    "loong64",
    "mips",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "mipsle",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
    "x86-64",
    "x86_64",
];

/// Docker's refusal.
pub(super) fn check(value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Ok(());
    }
    parse(value).map_err(|reason| format!("error parsing specified platform: {reason}: invalid argument"))
}

fn parse(value: &str) -> Result<(), String> {
    let whole = quote(value);
    let parts: Vec<&str> = value.split('/').collect();
    for (at, part) in parts.iter().enumerate() {
        if at == 0 && !is_system(part) {
            let form = r#"OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.-]*)\\))?$""#;
            return Err(format!("{} is an invalid OS component of {whole}: {form}", quote(part)));
        }
        if at > 0 && !is_component(part) {
            let form = r#"platform specifier component must match "^[A-Za-z0-9_.-]+$""#;
            return Err(format!("{} is an invalid component of {whole}: {form}", quote(part)));
        }
    }
    match parts.as_slice() {
        [one] if !is_known(one) => Err(format!("{whole}: unknown operating system or architecture")),
        [_] | [_, _] | [_, _, _] => Ok(()),
        _ => Err(format!("{whole}: cannot parse platform specifier")),
    }
}

fn is_known(part: &str) -> bool {
    let lower = part.split('(').next().unwrap_or_default().to_lowercase();
    SYSTEMS.contains(&lower.as_str()) || PROCESSORS.contains(&lower.as_str())
}

fn is_component(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// A system's name, with its version in parentheses or without.
fn is_system(part: &str) -> bool {
    let (name, version) = part.split_once('(').map_or((part, Some("")), |(name, rest)| (name, rest.strip_suffix(')')));
    let named = !name.contains('.') && is_component(name);
    named && version.is_some_and(|version| version.is_empty() || is_component(version))
}
