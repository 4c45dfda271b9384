//! Installing and removing.

use super::super::package::{self, Package, decimal};
use super::table::{Table, plausible};
use super::{Act, Machine, Options, STATUS};
use crate::userland::Sys;

/// `git=1:2.39*`, `git/bookworm`, `libc6:amd64`: the name alone.
fn bare(operand: &str) -> &str {
    operand.split(['=', '/', ':']).next().unwrap_or(operand)
}

fn lines_of(names: &[String]) -> String {
    let mut text = String::new();
    let mut line = String::from(" ");
    for name in names {
        if line.len() + name.len() + 1 > 79 {
            text.push_str(&format!("{line}\n"));
            line = " ".into();
        }
        line.push_str(&format!(" {name}"));
    }
    format!("{text}{line}\n")
}

const READING: &str = "Reading package lists...\nBuilding dependency tree...\nReading state information...\n";

/// What is to be installed: that was asked for, and with all that comes with it.
struct Order {
    asked: Vec<Package>,
    all: Vec<Package>,
}

fn order(machine: &Machine, options: &Options) -> Result<Order, Vec<String>> {
    let table = Table::new();
    let has = |name: &str| machine.installed.iter().any(|installed| installed == name);
    let (mut roots, mut others, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for operand in &options.operands {
        let name = bare(operand);
        match table.find(name).filter(|_| machine.has_lists || has(name)) {
            Some(at) => roots.push(at),
            None if has(name) => {}
            None => match plausible(name).filter(|_| machine.has_lists) {
                Some(package) => others.push(package),
                None => unknown.push(name.to_string()),
            },
        }
    }
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let mut all: Vec<Package> =
        table.closure(&roots, !options.no_recommends, &has).into_iter().map(|at| table.package(at)).collect();
    let mut asked: Vec<Package> = roots.into_iter().map(|at| table.package(at)).filter(|found| !has(&found.name)).collect();
    all.extend(others.iter().cloned());
    all.sort_by(|one, other| one.name.cmp(&other.name));
    asked.extend(others);
    Ok(Order { asked, all })
}

pub(super) fn install(machine: &Machine, options: &Options, sys: &mut dyn Sys) -> Vec<Act> {
    let mut acts = vec![Act::Take(300)];
    if options.quiet < 2 {
        acts.push(Act::out(READING));
    }
    // Archives by path: what is in them the model does not know.
    let (files, names): (Vec<String>, Vec<String>) = options.operands.iter().cloned().partition(|word| word.contains(".deb"));
    let options = Options { operands: names, ..options.clone() };
    let order = match order(machine, &options) {
        Ok(order) => order,
        Err(unknown) => {
            let lines: String = unknown.iter().map(|name| format!("E: Unable to locate package {name}\n")).collect();
            acts.extend([Act::err(&lines), Act::Exit(100)]);
            return acts;
        }
    };
    for file in files {
        acts.push(Act::err(&format!("glassbox: modelled: what is in {file} is not known to this model: it is left out\n")));
    }
    let download: u64 = order.all.iter().map(|found| found.archive_kb).sum();
    let installed: u64 = order.all.iter().map(|found| found.installed_kb).sum();
    acts.extend(announced(&order, &options, (download, installed)));
    if !options.yes && order.all.len() > order.asked.len() {
        acts.extend([Act::out("Do you want to continue? [Y/n] Abort.\n"), Act::Exit(1)]);
        return acts;
    }
    if !order.all.is_empty() {
        acts.extend(carried_out(&order, &options, machine, (download, sys)));
    }
    acts
}

fn announced(order: &Order, options: &Options, (download, installed): (u64, u64)) -> Vec<Act> {
    if options.quiet >= 2 {
        return Vec::new();
    }
    let names = |all: &[Package]| all.iter().map(|found| found.name.clone()).collect::<Vec<_>>();
    let additional: Vec<Package> = order.all.iter().filter(|found| !order.asked.contains(found)).cloned().collect();
    let mut text = String::new();
    if !additional.is_empty() {
        text.push_str(&format!("The following additional packages will be installed:\n{}", lines_of(&names(&additional))));
    }
    if !order.all.is_empty() {
        text.push_str(&format!("The following NEW packages will be installed:\n{}", lines_of(&names(&order.all))));
    }
    text.push_str(&format!("0 upgraded, {} newly installed, 0 to remove and 0 not upgraded.\n", order.all.len()));
    if !order.all.is_empty() {
        let (download, installed) = (decimal(download), decimal(installed));
        text.push_str(&format!(
            "Need to get {download} of archives.\nAfter this operation, {installed} of additional disk space will be used.\n"
        ));
    }
    vec![Act::out(&text)]
}

fn carried_out(order: &Order, options: &Options, machine: &Machine, (download, sys): (u64, &mut dyn Sys)) -> Vec<Act> {
    let (archive, suite) = (machine.archive(), &machine.codename);
    let mut acts = Vec::new();
    let say = |acts: &mut Vec<Act>, text: String| {
        if options.quiet < 2 {
            acts.push(Act::out(&text));
        }
    };
    for (at, found) in order.all.iter().enumerate() {
        let (name, version, size) = (&found.name, &found.version, decimal(found.archive_kb));
        say(&mut acts, format!("Get:{} {archive} {suite}/main amd64 {name} amd64 {version} [{size}]\n", at + 1));
        acts.push(Act::Take(5 + found.archive_kb / 40));
    }
    if !machine.installed.iter().any(|name| name == "apt-utils") && !machine.is_ubuntu {
        acts.push(Act::err("debconf: delaying package configuration, since apt-utils is not installed\n"));
    }
    let size = decimal(download);
    say(&mut acts, format!("Fetched {size} in 1s ({size}/s)\n"));
    for found in &order.all {
        let (name, version) = (&found.name, &found.version);
        let file = format!("{name}_{}_amd64.deb", version.replace(':', "%3a"));
        say(
            &mut acts,
            format!(
                "Selecting previously unselected package {name}.\nPreparing to unpack .../{file} ...\nUnpacking {name} ({version}) ...\n"
            ),
        );
        let free: Vec<String> = package::programs(name)
            .into_iter()
            .map(|(program, _)| format!("/usr/bin/{program}"))
            .filter(|path| sys.stat(path, false).is_err())
            .collect();
        acts.extend(package::unpacked(found, &|path| free.iter().any(|known| known == path)));
        acts.push(Act::Take(8 + found.installed_kb / 400));
    }
    for found in &order.all {
        say(&mut acts, format!("Setting up {} ({}) ...\n", found.name, found.version));
    }
    let status: String = order.all.iter().map(|found| entry(&found.name, &found.version)).collect();
    acts.push(Act::Append { path: STATUS.into(), text: status });
    let asked: String = order.asked.iter().map(|found| format!("Package: {}\nAuto-Installed: 0\n", found.name)).collect();
    acts.push(Act::Append { path: "/var/lib/apt/extended_states".into(), text: asked });
    say(&mut acts, "Processing triggers for libc-bin (2.36-9+deb12u10) ...\n".into());
    acts
}

/// As dpkg(1) keeps it, short.
pub(super) fn entry(name: &str, version: &str) -> String {
    format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\n")
}

pub(super) fn upgrade(machine: &Machine, options: &Options) -> Vec<Act> {
    let mut acts = vec![Act::Take(300)];
    if options.quiet < 2 {
        let text = "Calculating upgrade...\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n";
        acts.push(Act::out(&format!("{READING}{text}")));
    }
    if machine.has_lists {
        acts.push(Act::err("glassbox: modelled: in this model every package is up to date: nothing is upgraded\n"));
    }
    acts
}

pub(super) fn remove(machine: &Machine, options: &Options, command: &str, sys: &mut dyn Sys) -> Vec<Act> {
    let automatic = command.starts_with("auto") || options.operands.iter().any(|word| word == "--auto-remove");
    let table = Table::new();
    let known = |name: &str| table.find(name).is_some() || plausible(name).is_some();
    let mut gone: Vec<String> = Vec::new();
    for operand in &options.operands {
        let name = bare(operand).to_string();
        if machine.installed.contains(&name) {
            gone.push(name);
        } else if !known(&name) {
            return vec![Act::out(READING), Act::err(&format!("E: Unable to locate package {name}\n")), Act::Exit(100)];
        }
    }
    let states = super::text(sys, "/var/lib/apt/extended_states");
    if automatic || options.purge {
        gone.extend(unneeded(machine, &states, &gone, &table));
    }
    gone.sort();
    gone.dedup();
    let freed: u64 = gone.iter().filter_map(|name| Some(table.package(table.find(name)?).installed_kb)).sum();
    let star = if command == "purge" || options.purge { "*" } else { "" };
    let shown: Vec<String> = gone.iter().map(|name| format!("{name}{star}")).collect();
    let mut acts = vec![Act::Take(200)];
    let mut text = READING.to_string();
    if !gone.is_empty() {
        text.push_str(&format!("The following packages will be REMOVED:\n{}", lines_of(&shown)));
    }
    text.push_str(&format!("0 upgraded, 0 newly installed, {} to remove and 0 not upgraded.\n", gone.len()));
    if !gone.is_empty() {
        text.push_str(&format!("After this operation, {} disk space will be freed.\n", decimal(freed)));
    }
    acts.push(Act::out(&text));
    if !options.yes && !gone.is_empty() {
        acts.extend([Act::out("Do you want to continue? [Y/n] Abort.\n"), Act::Exit(1)]);
        return acts;
    }
    for name in &gone {
        acts.push(Act::out(&format!("Removing {name} ...\n")));
        acts.extend(package::removed(name));
    }
    if !gone.is_empty() {
        let left = left_in(&super::text(sys, STATUS), &gone);
        acts.push(Act::Write { path: STATUS.into(), text: left, mode: 0o644 });
        let states = left_in(&states, &gone);
        acts.push(Act::Write { path: "/var/lib/apt/extended_states".into(), text: states, mode: 0o644 });
    }
    acts
}

/// What nobody asked for, and nothing that stays needs.
fn unneeded(machine: &Machine, states: &str, gone: &[String], table: &Table) -> Vec<String> {
    let asked: Vec<usize> = states
        .lines()
        .filter_map(|line| line.strip_prefix("Package: "))
        .filter(|name| !gone.iter().any(|known| known == name))
        .filter_map(|name| table.find(name))
        .collect();
    let needed: Vec<String> = table.closure(&asked, true, &|_| false).into_iter().map(|at| table.package(at).name).collect();
    let came_along = |name: &&String| table.find(name).is_some() && !needed.contains(name);
    machine.installed.iter().filter(came_along).cloned().collect()
}

fn left_in(text: &str, gone: &[String]) -> String {
    let mut kept = String::new();
    let mut keeps = true;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("Package: ") {
            keeps = !gone.iter().any(|known| known == name);
        }
        if keeps {
            kept.push_str(&format!("{line}\n"));
        }
    }
    kept
}
