//! yum, dnf and microdnf, as Fedora, CentOS, Rocky and their kin have them: dnf(8).

use super::package::{self, Package, decimal};
use super::{Act, Situation};
use crate::userland::Sys;

/// Where what is installed is known.
const INSTALLED: &str = "/var/lib/rpm/modelled-packages";
const CACHE: &str = "/var/cache/dnf";

/// Of RPM distributions no table is here: a name that looks like a package's is one, of a guessed size.
fn find(word: &str) -> Option<Package> {
    let name = word.trim_start_matches('@');
    let known = name.len() > 1 && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-._".contains(letter));
    let nonsense = name.contains("nosuch") || name.contains("no-such") || name.contains("nonexist");
    (known && !nonsense).then(|| Package { name: name.into(), version: "1.0-1".into(), installed_kb: 2_400, archive_kb: 800 })
}

pub(super) fn acts(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let words: Vec<&str> = situation.args.iter().filter(|word| !word.starts_with('-')).map(String::as_str).collect();
    let yes = situation.args.iter().any(|word| matches!(word.as_str(), "-y" | "-yq" | "-qy" | "--assumeyes"));
    let Some((command, names)) = words.split_first() else {
        return vec![Act::err("You need to give some command\n"), Act::Exit(1)];
    };
    let changes = !matches!(*command, "info" | "list" | "search" | "repolist" | "provides" | "--version");
    if changes && sys.ids().0 != 0 {
        return vec![
            Act::err("Error: This command has to be run with superuser privileges (under the root user on most systems).\n"),
            Act::Exit(1),
        ];
    }
    match *command {
        "install" | "localinstall" | "groupinstall" | "reinstall" => install(situation, names, yes, sys),
        "update" | "upgrade" | "check-update" | "makecache" | "distro-sync" => {
            vec![
                cache(),
                Act::Take(900),
                Act::out("Last metadata expiration check: 0:00:01 ago.\nDependencies resolved.\nNothing to do.\nComplete!\n"),
            ]
        }
        "clean" => vec![Act::Remove(format!("{CACHE}/metadata.solv")), Act::out("1 files removed\n")],
        "remove" | "erase" | "autoremove" => {
            let gone = names.iter().flat_map(|name| package::removed(name));
            gone.chain([Act::out("Complete!\n")]).collect()
        }
        "config-manager" | "module" | "copr" | "repolist" | "swap" | "group" | "mark" => vec![Act::Take(50)],
        _ => super::opaque::acts(situation),
    }
}

fn cache() -> Act {
    let head = crate::modelled::DATA_HEADER.into();
    Act::Sized { path: format!("{CACHE}/metadata.solv"), head, bytes: 62_000_000, mode: 0o644 }
}

fn install(situation: &Situation, names: &[&str], yes: bool, sys: &mut dyn Sys) -> Vec<Act> {
    let records = super::apt::text(sys, INSTALLED);
    let (files, names): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains('/') || name.ends_with(".rpm"));
    let unknown: Vec<&&str> = names.iter().filter(|name| find(name).is_none()).collect();
    let mut acts = vec![cache(), Act::Take(1_200), Act::out("Last metadata expiration check: 0:00:01 ago.\n")];
    if let Some(first) = unknown.first() {
        let lines: String = unknown.iter().map(|name| format!("No match for argument: {name}\n")).collect();
        acts.push(Act::err(&format!("{lines}Error: Unable to find a match: {first}\n")));
        acts.push(Act::Exit(1));
        return acts;
    }
    let new = |found: &Package| !records.lines().any(|line| line == found.name);
    let all: Vec<Package> = names.iter().filter_map(|name| find(name)).filter(new).collect();
    if !all.is_empty() {
        let size: u64 = all.iter().map(|found| found.archive_kb).sum();
        let lines: String = all
            .iter()
            .map(|found| format!(" {:<24} x86_64    {}    {}\n", found.name, found.version, decimal(found.archive_kb)))
            .collect();
        let text = format!(
            "Dependencies resolved.\nInstalling:\n{lines}\nTransaction Summary\nInstall  {} Packages\n\nTotal download size: {}\n",
            all.len(),
            decimal(size)
        );
        acts.push(Act::out(&text));
        if !yes {
            acts.extend([Act::out("Is this ok [y/N]: Operation aborted.\n"), Act::Exit(1)]);
            return acts;
        }
    }
    for (at, found) in all.iter().enumerate() {
        acts.push(Act::out(&format!("  Installing       : {}-{}.x86_64    {}/{}\n", found.name, found.version, at + 1, all.len())));
        let free: Vec<String> = package::programs(&found.name)
            .into_iter()
            .map(|(name, _)| format!("/usr/bin/{name}"))
            .filter(|path| sys.stat(path, false).is_err())
            .collect();
        acts.extend(package::unpacked(found, &|path| free.iter().any(|known| known == path)));
        acts.push(Act::Append { path: INSTALLED.into(), text: format!("{}\n", found.name) });
        acts.push(Act::Take(60));
    }
    for file in files {
        acts.push(Act::err(&format!("glassbox: modelled: what is in {file} is not known to this model: it is left out\n")));
    }
    if all.is_empty() {
        acts.push(Act::out(&format!("{}Nothing to do.\n", if situation.name == "yum" { "" } else { "Dependencies resolved.\n" })));
    }
    acts.push(Act::out("Complete!\n"));
    acts
}
