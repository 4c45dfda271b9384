//! Which program is imitated how.

use super::{Act, Situation, apk, apt, compile, fetch, go, node, opaque, python, rpm, servers};
use crate::userland::Sys;

/// What the program does, in this situation.
pub(super) fn acts(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    match situation.name.as_str() {
        "apt-get" | "apt" => apt::acts(situation, sys),
        "apk" => apk::acts(situation, sys),
        "yum" | "dnf" | "dnf5" | "microdnf" => rpm::acts(situation, sys),
        "python" => python::acts(situation, sys),
        "pip" => python::pip(situation, sys),
        "flask" | "uvicorn" | "gunicorn" => python::server(situation, sys),
        "node" => node::acts(situation, sys),
        "npm" | "yarn" | "pnpm" | "cnpm" => node::manager(situation, sys),
        "nodemon" | "ts-node" | "tsx" | "pm2-runtime" => node::acts(&Situation { name: "node".into(), ..situation.clone() }, sys),
        "go" => go::acts(situation, sys),
        "go-program" => go::program(situation, sys),
        "curl" => fetch::curl(situation, sys),
        "wget" => fetch::wget(situation),
        "git" => fetch::git(situation, sys),
        "tar" | "unzip" | "bsdtar" => fetch::archiver(situation, sys),
        "tini" | "dumb-init" | "gosu" | "su-exec" | "sudo" | "corepack" | "update-ca-certificates" => small(situation),
        "hello" => vec![Act::out(HELLO)],
        _ => other(situation, sys),
    }
}

fn other(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let known = apt::others(situation, sys).or_else(|| servers::acts(situation, sys)).or_else(|| compile::acts(situation, sys));
    known.or_else(|| node::bundler(situation)).unwrap_or_else(|| opaque::acts(situation))
}

/// Programs that start another one. Whose it runs as is left as it is: the model's programs change no user.
fn small(situation: &Situation) -> Vec<Act> {
    let (skipped, args) = match situation.name.as_str() {
        "gosu" | "su-exec" => (1, situation.args.as_slice()),
        "corepack" | "update-ca-certificates" => return Vec::new(),
        _ => (0, situation.args.as_slice()),
    };
    let rest: Vec<String> = args.iter().skip(skipped).skip_while(|word| word.starts_with('-')).cloned().collect();
    if rest.is_empty() { opaque::acts(situation) } else { vec![Act::Become(rest)] }
}

const HELLO: &str = "\nHello from Docker!\nThis message shows that your installation appears to be working correctly.\n\n";
