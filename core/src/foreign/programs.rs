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

/// Whether the model knows more of a program than its name. Those of which a build wants no more than that they end well are listed here.
#[cfg(test)]
pub(super) fn is_known(name: &str) -> bool {
    const BY_NAME: &str = "apt-get apt apk yum dnf microdnf python python2 python3 pip pip3 flask uvicorn gunicorn node npm yarn pnpm cnpm go curl \
        wget git tar unzip tini gosu su-exec sudo corepack bash dpkg dpkg-query apt-mark apt-key add-apt-repository apt-add-repository lsb_release \
        apt-cache update-alternatives debconf-set-selections dpkg-reconfigure dpkg-divert locale-gen localedef update-locale ldconfig \
        update-ca-certificates unminimize cargo mvn gradle java javac gcc g++ make ninja dotnet composer bundle gem docker-php-ext-install \
        docker-php-ext-enable docker-php-ext-configure pecl a2enmod php ruby perl nginx";
    BY_NAME.split(' ').any(|known| known == name)
}
