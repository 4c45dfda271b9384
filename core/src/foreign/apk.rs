//! apk, Alpine's package manager: apk(8).

use super::apt::{release, text};
use super::package::{self, Package};
use super::{Act, Situation};
use crate::userland::Sys;

const TABLE: &str = include_str!("data/apk.txt");
const INSTALLED: &str = "/lib/apk/db/installed";
const WORLD: &str = "/etc/apk/world";
const CACHE: &str = "/var/cache/apk";

fn line_of(name: &str) -> Option<&'static str> {
    TABLE.lines().find(|line| line.split('|').next() == Some(name))
}

/// How the names of packages begin and end, and names, that the table has not.
const STARTS: &str = "lib php py3- font- ttf- ruby- perl- postgresql openjdk alpine- lua gst- qt gcc-";
/// See [`STARTS`].
const ENDS: &str = "-dev -libs -doc -utils -tools -client -openrc -lang -static";
/// See [`STARTS`].
const NAMES: &str = "acl aws-cli certbot cmake composer dcron docker docker-cli doas fuse gawk gdb gradle grpc haproxy htop hugo iftop \
    jpegoptim kubectl lftp lsof mailcap memcached mercurial mosquitto nfs-utils ncurses nmap nodejs-current openrc optipng \
    p7zip pngquant pwgen rabbitmq-c runit s6 s6-overlay screen socat squid sshpass subversion swig tcpdump tmux tree upx \
    xvfb zsh zlib expat busybox-extras busybox-suid alpine-baselayout apk-tools busybox pcre readline nghttp2 icu gifsicle \
    ethtool ip6tables nss-tools pnpm";

fn find(name: &str) -> Option<Package> {
    let other = match name {
        "python" | "python2" => "python3",
        "py-pip" | "py2-pip" => "py3-pip",
        "python-dev" => "python3-dev",
        "nodejs-npm" => "npm",
        "pkgconfig" => "pkgconf",
        name => name,
    };
    if let Some(line) = line_of(name).or_else(|| line_of(other)) {
        let mut parts = line.split('|');
        let mut word = || parts.next().unwrap_or_default();
        let (name, version) = (word().to_string(), word().to_string());
        let installed_kb = word().parse().unwrap_or(64);
        return Some(Package { name, version, installed_kb, archive_kb: installed_kb / 3 + 1 });
    }
    let like = STARTS.split(' ').any(|start| name.starts_with(start))
        || ENDS.split(' ').any(|end| name.ends_with(end))
        || NAMES.split(' ').any(|known| known == name);
    like.then(|| Package { name: name.into(), version: "1.0.0-r0".into(), installed_kb: 900, archive_kb: 300 })
}

fn needs(name: &str) -> Vec<&'static str> {
    let part = line_of(name).and_then(|line| line.split('|').nth(3)).unwrap_or_default();
    part.split(' ').filter(|word| !word.is_empty()).collect()
}

/// `nodejs=20.15.1-r0`, `nodejs>18`, `foo@edge`: the name alone.
fn bare(word: &str) -> &str {
    word.trim_start_matches('!').split(['=', '<', '>', '~', '@']).next().unwrap_or(word)
}

struct Database {
    installed: Vec<String>,
    world: Vec<String>,
    branch: String,
    has_index: bool,
}

impl Database {
    fn look(sys: &mut dyn Sys) -> Database {
        let installed = text(sys, INSTALLED);
        let version = release(sys, "VERSION_ID");
        Database {
            installed: installed.lines().filter_map(|line| line.strip_prefix("P:")).map(str::to_string).collect(),
            world: text(sys, WORLD).lines().map(str::to_string).collect(),
            branch: version.split('.').take(2).collect::<Vec<_>>().join("."),
            has_index: sys.read_dir(CACHE).unwrap_or_default().iter().any(|entry| entry.name.starts_with("APKINDEX")),
        }
    }

    fn total(&self, added: &[Package]) -> String {
        let base = 8_u64;
        let more: u64 = self.installed.iter().filter_map(|name| line_of(name)?.split('|').nth(2)?.parse::<u64>().ok()).sum();
        let new: u64 = added.iter().map(|found| found.installed_kb).sum();
        format!("OK: {} MiB in {} packages\n", base + (more + new) / 1024, self.installed.len() + added.len())
    }

    fn fetch(&self, keep: bool) -> Vec<Act> {
        let mut acts = Vec::new();
        for (at, part) in ["main", "community"].iter().enumerate() {
            let url = format!("https://dl-cdn.alpinelinux.org/alpine/v{}/{part}/x86_64/APKINDEX.tar.gz", self.branch);
            acts.extend([Act::out(&format!("fetch {url}\n")), Act::Take(150)]);
            if keep {
                let bytes = [460_000, 1_900_000][at];
                let path = format!("{CACHE}/APKINDEX.{}.tar.gz", ["1d3f9a52", "8c07b6e1"][at]);
                acts.push(Act::Sized { path, head: crate::modelled::DATA_HEADER.into(), bytes, mode: 0o644 });
            }
        }
        acts
    }
}

/// apk.
pub(super) fn acts(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let mut words: Vec<&str> = Vec::new();
    let (mut no_cache, mut update, mut quiet, mut group) = (false, false, false, None);
    let mut rest = situation.args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--no-cache" => no_cache = true,
            "--update" | "--update-cache" | "-U" => update = true,
            "-q" | "--quiet" => quiet = true,
            "-t" | "--virtual" => group = rest.next().cloned(),
            "--repository" | "-X" | "--root" | "-p" | "--repositories-file" | "--keys-dir" | "--cache-dir" | "--arch" => {
                rest.next();
            }
            word if word.starts_with('-') => {}
            word => words.push(word),
        }
    }
    let Some((command, names)) = words.split_first() else {
        return vec![
            Act::out("apk-tools 2.14.4, compiled for x86_64.\n\nusage: apk [<OPTIONS>...] COMMAND [<ARGUMENTS>...]\n"),
            Act::Exit(1),
        ];
    };
    let database = Database::look(sys);
    let changes = matches!(*command, "add" | "del" | "update" | "upgrade" | "fix");
    if changes && sys.ids().0 != 0 {
        return vec![
            Act::err("ERROR: Unable to lock database: Permission denied\nERROR: Failed to open apk database: Permission denied\n"),
            Act::Exit(99),
        ];
    }
    let mut acts = Vec::new();
    let wants_index =
        matches!(*command, "add" | "upgrade" | "update") && (no_cache || update || !database.has_index || *command == "update");
    if wants_index {
        acts.extend(database.fetch(!no_cache));
    }
    acts.extend(match *command {
        "add" => add(&database, names, group.as_deref(), sys),
        "del" => remove(&database, names, sys),
        "update" => vec![Act::out(&format!(
            "v{0} [https://dl-cdn.alpinelinux.org/alpine/v{0}/main]\nv{0} [https://dl-cdn.alpinelinux.org/alpine/v{0}/community]\nOK: 24170 distinct packages available\n",
            database.branch
        ))],
        "upgrade" => vec![Act::out(&database.total(&[]))],
        "info" => vec![Act::out(&database.installed.iter().map(|name| format!("{name}\n")).collect::<String>())],
        "fix" | "cache" | "fetch" | "audit" | "verify" | "list" | "search" | "policy" | "version" => Vec::new(),
        "--version" => vec![Act::out("apk-tools 2.14.4, compiled for x86_64.\n")],
        other => vec![Act::err(&format!("apk: '{other}' is not an apk command. See 'apk --help'.\n")), Act::Exit(1)],
    });
    if quiet {
        acts.retain(|act| !matches!(act, Act::Say(1, _)));
    }
    acts
}

fn add(database: &Database, names: &[&str], group: Option<&str>, sys: &mut dyn Sys) -> Vec<Act> {
    let unknown: Vec<&str> =
        names.iter().map(|word| bare(word)).filter(|name| !name.starts_with(['/', '.']) && find(name).is_none()).collect();
    if !unknown.is_empty() {
        let by = |name: &str| group.map_or(format!("world[{name}]"), |group| format!("{group}-20260101.000000[{name}]"));
        let line = |name: &&str| format!("  {name} (no such package):\n    required by: {}\n", by(name));
        let lines: String = unknown.iter().map(line).collect();
        return vec![Act::err(&format!("ERROR: unable to select packages:\n{lines}")), Act::Exit(unknown.len() as i32)];
    }
    let mut all: Vec<Package> = Vec::new();
    let mut pending: Vec<String> = names.iter().rev().map(|word| bare(word).to_string()).collect();
    while let Some(name) = pending.pop() {
        let Some(found) = find(&name) else { continue };
        if database.installed.contains(&found.name) || all.iter().any(|known| known.name == found.name) {
            continue;
        }
        pending.extend(needs(&found.name).into_iter().map(str::to_string));
        all.push(found);
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let mut acts = Vec::new();
    let count = all.len() + usize::from(group.is_some());
    for (at, found) in all.iter().enumerate() {
        acts.push(Act::out(&format!("({}/{count}) Installing {} ({})\n", at + 1, found.name, found.version)));
        let paths = package::programs(&found.name).into_iter().map(|(program, _)| format!("/usr/bin/{program}"));
        // A link of busybox makes room for the program itself.
        let taken: Vec<String> = paths.filter(|path| sys.readlink(path).is_err() && sys.stat(path, false).is_ok()).collect();
        acts.extend(package::unpacked(found, &|path| !taken.iter().any(|known| known == path)));
        acts.push(Act::Take(5 + found.installed_kb / 100));
    }
    if let Some(group) = group {
        acts.push(Act::out(&format!("({count}/{count}) Installing {group} (20260101.000000)\n")));
    }
    acts.push(Act::out("Executing busybox-1.36.1-r29.trigger\n"));
    let mut added: String = all.iter().map(|found| format!("P:{}\n", found.name)).collect();
    let wanted: String = match group {
        Some(group) => {
            added.push_str(&format!("P:{group}\nD:{}\n", names.join(" ")));
            format!("{group}\n")
        }
        None => names
            .iter()
            .map(|word| bare(word))
            .filter(|name| !database.world.iter().any(|known| known == name))
            .map(|name| format!("{name}\n"))
            .collect(),
    };
    acts.push(Act::Append { path: INSTALLED.into(), text: added });
    acts.push(Act::Append { path: WORLD.into(), text: wanted });
    acts.push(Act::out(&database.total(&all)));
    acts
}

fn remove(database: &Database, names: &[&str], sys: &mut dyn Sys) -> Vec<Act> {
    let records = text(sys, INSTALLED);
    let world: Vec<String> = database.world.iter().filter(|name| !names.contains(&name.as_str())).cloned().collect();
    let of_group = |name: &str| {
        let lines: Vec<&str> = records.lines().collect();
        let at = lines.iter().position(|line| *line == format!("P:{name}"))?;
        lines.get(at + 1)?.strip_prefix("D:").map(|names| names.split(' ').map(str::to_string).collect::<Vec<_>>())
    };
    let mut needed: Vec<String> = Vec::new();
    let mut pending: Vec<String> = world.clone();
    while let Some(name) = pending.pop() {
        if needed.contains(&name) {
            continue;
        }
        pending.extend(of_group(&name).unwrap_or_default());
        pending.extend(needs(bare(&name)).into_iter().map(str::to_string));
        needed.push(name);
    }
    let base = [
        "alpine-baselayout",
        "alpine-keys",
        "apk-tools",
        "busybox",
        "ca-certificates-bundle",
        "libcrypto3",
        "libssl3",
        "musl",
        "musl-utils",
        "scanelf",
        "ssl_client",
        "zlib",
    ];
    let gone: Vec<&String> =
        database.installed.iter().filter(|name| !needed.contains(name) && !base.contains(&name.as_str())).collect();
    let mut acts = Vec::new();
    for (at, name) in gone.iter().enumerate() {
        let version = find(name).map_or("20260101.000000".to_string(), |found| found.version);
        acts.push(Act::out(&format!("({}/{}) Purging {name} ({version})\n", at + 1, gone.len())));
        acts.extend(package::removed(name));
    }
    let is_gone = |line: &&str| gone.iter().any(|name| **line == format!("P:{name}"));
    let left: String =
        records.lines().filter(|line| !is_gone(line) && !line.starts_with("D:")).map(|line| format!("{line}\n")).collect();
    acts.push(Act::Write { path: INSTALLED.into(), text: left, mode: 0o644 });
    acts.push(Act::Write { path: WORLD.into(), text: world.iter().map(|name| format!("{name}\n")).collect(), mode: 0o644 });
    acts.push(Act::out("Executing busybox-1.36.1-r29.trigger\n"));
    let remaining = Database {
        installed: database.installed.iter().filter(|name| !gone.contains(name)).cloned().collect(),
        world,
        branch: String::new(),
        has_index: false,
    };
    acts.push(Act::out(&remaining.total(&[])));
    acts
}
