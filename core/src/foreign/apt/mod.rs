//! apt-get, apt and what belongs to them, as Debian and Ubuntu have it: apt-get(8).
//!
//! The lists of packages are files that `update` brings: without them nothing is found, and in a layer of their own they stay for good.

mod install;
mod others;
mod table;

use super::{Act, Situation};
use crate::userland::{OpenFlags, Sys};

pub(super) use others::acts as others;

/// Where the lists of packages are.
const LISTS: &str = "/var/lib/apt/lists";
/// What is installed.
const STATUS: &str = "/var/lib/dpkg/status";

/// What an imitation may know of the machine.
pub(super) struct Machine {
    pub(super) codename: String,
    pub(super) is_ubuntu: bool,
    pub(super) installed: Vec<String>,
    pub(super) has_lists: bool,
    pub(super) is_root: bool,
}

/// How it was called.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) yes: bool,
    pub(super) quiet: u32,
    pub(super) no_recommends: bool,
    pub(super) purge: bool,
    pub(super) operands: Vec<String>,
}

/// A small file as text; empty where it cannot be read.
pub(super) fn text(sys: &mut dyn Sys, path: &str) -> String {
    let Ok(fd) = sys.open(path, OpenFlags::READ, 0) else { return String::new() };
    let mut bytes = Vec::new();
    while let Ok(piece) = sys.read(fd, 1 << 16) {
        if piece.is_empty() || bytes.len() > 1 << 20 {
            break;
        }
        bytes.extend(piece);
    }
    let _ = sys.close(fd);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A value of os-release(5).
pub(super) fn release(sys: &mut dyn Sys, key: &str) -> String {
    let text = text(sys, "/etc/os-release");
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    value.unwrap_or_default().trim_matches('"').to_string()
}

impl Machine {
    fn look(sys: &mut dyn Sys) -> Machine {
        let status = text(sys, STATUS);
        let lists = sys.read_dir(LISTS).unwrap_or_default();
        Machine {
            codename: release(sys, "VERSION_CODENAME"),
            is_ubuntu: release(sys, "ID") == "ubuntu",
            installed: status.lines().filter_map(|line| line.strip_prefix("Package: ")).map(str::to_string).collect(),
            has_lists: lists.iter().any(|entry| entry.name.contains("Packages")),
            is_root: sys.ids().0 == 0,
        }
    }

    /// Where packages come from.
    pub(super) fn archive(&self) -> &'static str {
        if self.is_ubuntu { "http://archive.ubuntu.com/ubuntu" } else { "http://deb.debian.org/debian" }
    }
}

fn options(args: &[String]) -> Options {
    let mut options = Options::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-y" | "--yes" | "--assume-yes" | "-qqy" | "-yqq" | "-qy" | "-yq" => {
                options.yes = true;
                options.quiet += arg.matches('q').count() as u32;
            }
            "-q" | "--quiet" => options.quiet += 1,
            "-qq" => (options.quiet, options.yes) = (2, true),
            "--no-install-recommends" => options.no_recommends = true,
            "--purge" => options.purge = true,
            "-o" | "--option" | "-t" | "--target-release" | "-c" => {
                if rest.next().is_some_and(|value| value.contains("APT::Install-Recommends=") && !value.ends_with(['1', 'e'])) {
                    options.no_recommends = true;
                }
            }
            word if word.starts_with('-') => {}
            word => options.operands.push(word.to_string()),
        }
    }
    options
}

/// apt-get and apt.
pub(super) fn acts(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let mut options = options(&situation.args);
    let machine = Machine::look(sys);
    options.yes |= text(sys, "/etc/apt/apt.conf.d/90assume-yes").contains("Assume-Yes");
    let mut acts = Vec::new();
    if situation.name == "apt" {
        acts.push(Act::err("\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n\n"));
    }
    let command = if options.operands.is_empty() { String::new() } else { options.operands.remove(0) };
    let changes = !matches!(command.as_str(), "" | "help" | "download" | "list" | "search" | "show" | "policy" | "changelog");
    if changes && !machine.is_root {
        return denied(acts, &command);
    }
    acts.extend(match command.as_str() {
        "update" => update(&machine, &options),
        "install" | "build-dep" | "reinstall" => install::install(&machine, &options, sys),
        "upgrade" | "dist-upgrade" | "full-upgrade" => install::upgrade(&machine, &options),
        "remove" | "purge" | "autoremove" | "autopurge" => install::remove(&machine, &options, &command, sys),
        "clean" | "autoclean" | "auto-clean" => clean(sys, "/var/cache/apt/archives"),
        "dist-clean" | "distclean" => [clean(sys, LISTS), clean(sys, "/var/cache/apt/archives")].concat(),
        "" | "help" => vec![Act::out(&format!("{} 2.6.1 (amd64)\nUsage: {} [options] command\n", situation.name, situation.name))],
        "list" | "search" | "show" | "policy" | "check" | "download" | "source" | "changelog" => super::opaque::acts(situation),
        other => vec![Act::err(&format!("E: Invalid operation {other}\n")), Act::Exit(100)],
    });
    acts
}

fn denied(mut acts: Vec<Act>, command: &str) -> Vec<Act> {
    let (file, what) = match command {
        "update" => ("/var/lib/apt/lists/lock", "E: Unable to lock directory /var/lib/apt/lists/\n"),
        _ => (
            "/var/lib/dpkg/lock-frontend",
            "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n",
        ),
    };
    acts.push(Act::err(&format!("E: Could not open lock file {file} - open (13: Permission denied)\n{what}")));
    acts.push(Act::Exit(100));
    acts
}

/// The lists: name of the suite, of the file, kilobytes as transferred, kilobytes on the disk.
fn lists(machine: &Machine) -> Vec<(String, String, u64, u64)> {
    let name = &machine.codename;
    let list = |suite: &str, part: &str, kilobytes: u64, kept: u64| {
        (suite.replace("NAME", name), part.replace("NAME", name), kilobytes, kept)
    };
    if machine.is_ubuntu {
        return vec![
            list("NAME InRelease", "NAME_InRelease", 250, 262),
            list("NAME-updates InRelease", "NAME-updates_InRelease", 123, 126),
            list("NAME-security InRelease", "NAME-security_InRelease", 123, 126),
            list("NAME/universe amd64 Packages", "NAME_universe_binary-amd64_Packages.lz4", 18_900, 29_000),
            list("NAME/main amd64 Packages", "NAME_main_binary-amd64_Packages.lz4", 1_770, 2_600),
            list("NAME-updates/main amd64 Packages", "NAME-updates_main_binary-amd64_Packages.lz4", 1_500, 2_300),
        ];
    }
    vec![
        list("NAME InRelease", "NAME_InRelease", 148, 151),
        list("NAME-updates InRelease", "NAME-updates_InRelease", 54, 55),
        list("NAME-security InRelease", "NAME-security_InRelease", 47, 48),
        list("NAME/main amd64 Packages", "NAME_main_binary-amd64_Packages.lz4", 8_586, 18_300),
        list("NAME-security/main amd64 Packages", "NAME-security_main_binary-amd64_Packages.lz4", 280, 600),
    ]
}

fn update(machine: &Machine, options: &Options) -> Vec<Act> {
    let archive = machine.archive();
    let host = archive.trim_start_matches("http://").replace('/', "_");
    let mut acts = vec![Act::Directory(format!("{LISTS}/partial"))];
    let mut fetched = 0;
    for (at, (suite, part, kilobytes, kept)) in lists(machine).into_iter().enumerate() {
        fetched += kilobytes;
        if options.quiet < 2 {
            let size = super::package::decimal(kilobytes);
            acts.push(Act::out(&format!("Get:{} {archive} {suite} [{size}]\n", at + 1)));
        }
        acts.push(Act::Take(40 + kilobytes / 20));
        let path = format!("{LISTS}/{host}_dists_{part}");
        acts.push(Act::Sized { path, head: crate::modelled::DATA_HEADER.into(), bytes: kept * 1024, mode: 0o644 });
    }
    if options.quiet < 2 {
        let size = super::package::decimal(fetched);
        acts.push(Act::out(&format!("Fetched {size} in 1s ({})\nReading package lists...\n", format_args!("{size}/s"))));
    }
    acts
}

/// The files in a directory go; `partial` and `lock` stay.
fn clean(sys: &mut dyn Sys, directory: &str) -> Vec<Act> {
    let entries = sys.read_dir(directory).unwrap_or_default();
    let kept = ["partial", "lock", "auxfiles"];
    let gone = entries.into_iter().filter(|entry| !kept.contains(&entry.name.as_str()));
    gone.map(|entry| Act::Remove(format!("{directory}/{}", entry.name))).collect()
}
