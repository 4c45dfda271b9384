//! dpkg and the small programs around apt.

use super::{Act, Situation, release, text};
use crate::userland::Sys;

/// `None`: it is none of them.
pub(in crate::foreign) fn acts(situation: &Situation, sys: &mut dyn Sys) -> Option<Vec<Act>> {
    let first = situation.args.first().map_or("", String::as_str);
    Some(match situation.name.as_str() {
        "dpkg" => dpkg(situation, first, sys),
        "dpkg-architecture" => vec![Act::out("x86_64-linux-gnu\n")],
        "dpkg-query" => vec![Act::out(&listed(sys))],
        "apt-mark" => marked(situation, first, sys),
        "apt-key" => vec![
            Act::err("Warning: apt-key is deprecated. Manage keyring files in trusted.gpg.d instead (see apt-key(8)).\n"),
            Act::out("OK\n"),
        ],
        "add-apt-repository" => {
            let source = situation.args.iter().find(|word| !word.starts_with('-')).cloned().unwrap_or_default();
            let name: String = source.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
            vec![Act::Write { path: format!("/etc/apt/sources.list.d/{name}.list"), text: format!("{source}\n"), mode: 0o644 }]
        }
        "lsb_release" => vec![Act::out(&lsb(situation, sys))],
        "apt-cache"
        | "apt-config"
        | "update-alternatives"
        | "debconf-set-selections"
        | "dpkg-reconfigure"
        | "dpkg-divert"
        | "dpkg-statoverride"
        | "locale-gen"
        | "localedef"
        | "update-locale"
        | "ldconfig"
        | "update-ca-certificates"
        | "update-rc.d"
        | "invoke-rc.d"
        | "pam-auth-update"
        | "unminimize" => quiet(situation),
        _ => return None,
    })
}

/// Programs of which a build wants no more than that they end well.
fn quiet(situation: &Situation) -> Vec<Act> {
    match situation.name.as_str() {
        "locale-gen" => vec![Act::out("Generating locales (this might take a while)...\nGeneration complete.\n")],
        "update-ca-certificates" => {
            vec![Act::out(
                "Updating certificates in /etc/ssl/certs...\n0 added, 0 removed; done.\nRunning hooks in /etc/ca-certificates/update.d...\ndone.\n",
            )]
        }
        _ => Vec::new(),
    }
}

fn dpkg(situation: &Situation, first: &str, sys: &mut dyn Sys) -> Vec<Act> {
    match first {
        "--print-architecture" => vec![Act::out("amd64\n")],
        "-l" | "--list" | "--get-selections" => vec![Act::out(&listed(sys))],
        "-s" | "--status" => {
            let name = situation.args.get(1).cloned().unwrap_or_default();
            match text(sys, super::STATUS).lines().any(|line| line == format!("Package: {name}")) {
                true => vec![Act::out(&format!("Package: {name}\nStatus: install ok installed\n"))],
                false => vec![
                    Act::err(&format!("dpkg-query: package '{name}' is not installed and no information is available\n")),
                    Act::Exit(1),
                ],
            }
        }
        "-i" | "--install" => situation
            .args
            .iter()
            .skip(1)
            .filter(|word| !word.starts_with('-'))
            .flat_map(|file| {
                let name =
                    file.rsplit('/').next().unwrap_or(file).split('_').next().unwrap_or(file).trim_end_matches(".deb").to_string();
                [
                    Act::out(&format!(
                        "Selecting previously unselected package {name}.\nUnpacking {name} ...\nSetting up {name} ...\n"
                    )),
                    Act::Append { path: super::STATUS.into(), text: super::install::entry(&name, "1.0") },
                ]
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn listed(sys: &mut dyn Sys) -> String {
    let status = text(sys, super::STATUS);
    status.lines().filter_map(|line| line.strip_prefix("Package: ")).map(|name| format!("ii  {name}\n")).collect()
}

fn marked(situation: &Situation, first: &str, sys: &mut dyn Sys) -> Vec<Act> {
    if first == "showmanual" {
        let states = text(sys, "/var/lib/apt/extended_states");
        let names: String =
            states.lines().filter_map(|line| line.strip_prefix("Package: ")).map(|name| format!("{name}\n")).collect();
        return vec![Act::out(&names)];
    }
    let how = if first == "auto" { "automatically" } else { "manually" };
    let names = situation.args.iter().skip(1).filter(|word| !word.starts_with('-') && !word.contains('*'));
    match first {
        "hold" | "unhold" => names.map(|name| Act::out(&format!("{name} set on {first}.\n"))).collect(),
        _ => names.map(|name| Act::out(&format!("{name} set to {how} installed.\n"))).collect(),
    }
}

fn lsb(situation: &Situation, sys: &mut dyn Sys) -> String {
    let (id, number, name) = (release(sys, "ID"), release(sys, "VERSION_ID"), release(sys, "VERSION_CODENAME"));
    let id = format!("{}{}", id[..id.len().min(1)].to_uppercase(), id.get(1..).unwrap_or_default());
    let flags: String = situation.args.concat();
    let short = flags.contains('s');
    let line = |label: &str, value: &str| if short { format!("{value}\n") } else { format!("{label}:\t{value}\n") };
    let mut text = String::new();
    for (flag, label, value) in [('i', "Distributor ID", &id), ('r', "Release", &number), ('c', "Codename", &name)] {
        if flags.contains(flag) || flags.contains('a') {
            text.push_str(&line(label, value));
        }
    }
    text
}
