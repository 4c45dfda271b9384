//! What packages bring: the part that the package managers of all distributions share.

use super::Act;
use crate::modelled;

const PROGRAMS: &str = include_str!("data/programs.txt");
/// What a program is said to be long.
const PROGRAM_BYTES: u64 = 150_000;
/// Where the rest of a package is.
pub(super) const RESTS: &str = "/usr/share/glassbox/packages";

/// A package of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) installed_kb: u64,
    pub(super) archive_kb: u64,
}

/// The programs of a package: names, and the models that they run.
pub(super) fn programs(package: &str) -> Vec<(String, String)> {
    let listed = PROGRAMS.lines().filter(|line| !line.starts_with('#')).find(|line| line.split(' ').next() == Some(package));
    if let Some(line) = listed {
        let pair =
            |word: &str| word.split_once('=').map_or((word.into(), word.into()), |(name, model)| (name.into(), model.into()));
        return line.split(' ').skip(1).map(pair).collect();
    }
    let no_program =
        ["lib", "fonts-", "python3-", "python-", "php", "ruby-", "ttf-", "font-", "py3-", "golang-", "node-", "linux-", "x11-"];
    let parts = ["-dev", "-data", "-doc", "-common", "-libs", "-base", "-modules", "-headers", "-locales", "-keyring"];
    if no_program.iter().any(|start| package.starts_with(start)) || parts.iter().any(|end| package.ends_with(end)) {
        return Vec::new();
    }
    vec![(package.to_string(), package.to_string())]
}

/// Its files, each as long as it is said to be.
pub(super) fn unpacked(package: &Package, missing: &dyn Fn(&str) -> bool) -> Vec<Act> {
    let programs = programs(&package.name);
    let rest = (package.installed_kb * 1024).saturating_sub(PROGRAM_BYTES * programs.len() as u64).max(512);
    let mut acts: Vec<Act> = programs
        .into_iter()
        .map(|(name, model)| (format!("/usr/bin/{name}"), model))
        .filter(|(path, _)| missing(path))
        .map(|(path, model)| Act::Sized { path, head: modelled::program(&model, &[]), bytes: PROGRAM_BYTES, mode: 0o755 })
        .collect();
    acts.push(Act::Sized { path: rest_of(&package.name), head: modelled::DATA_HEADER.into(), bytes: rest, mode: 0o644 });
    acts
}

/// Away with them.
pub(super) fn removed(name: &str) -> Vec<Act> {
    let mut acts: Vec<Act> = programs(name).into_iter().map(|(name, _)| Act::Remove(format!("/usr/bin/{name}"))).collect();
    acts.push(Act::Remove(rest_of(name)));
    acts
}

fn rest_of(name: &str) -> String {
    format!("{RESTS}/{name}")
}

/// Decimal, as apt writes it: `151 kB`, `12.3 MB`.
pub(super) fn decimal(kilobytes: u64) -> String {
    let bytes = kilobytes * 1024;
    let one = |unit: u64, name: &str| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..=9_999 => format!("{bytes} B"),
        10_000..=99_999 => one(1_000, "kB"),
        100_000..=9_999_999 => format!("{} kB", bytes / 1_000),
        10_000_000..=99_999_999 => one(1_000_000, "MB"),
        100_000_000..=9_999_999_999 => format!("{} MB", bytes / 1_000_000),
        _ => one(1_000_000_000, "GB"),
    }
}
