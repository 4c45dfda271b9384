//! Debian's packages: `data/apt.txt`, from the lists of Debian 12. What a package needs is written as numbers of lines, in base 36.

use super::super::package::Package;

const TABLE: &str = include_str!("../data/apt.txt");

/// Names of the table, by line; lines that are no package's are not there.
pub(super) struct Table {
    lines: Vec<&'static str>,
}

/// What names of others stand for.
const OTHER_NAMES: [(&str, &str); 24] = [
    ("python", "python3"),
    ("python-pip", "python3-pip"),
    ("python-dev", "python3-dev"),
    ("python-setuptools", "python3-setuptools"),
    ("netcat", "netcat-openbsd"),
    ("ssh-client", "openssh-client"),
    ("libpng12-dev", "libpng-dev"),
    ("libgl1-mesa-glx", "libgl1"),
    ("git-core", "git"),
    ("openjdk-8-jdk", "default-jdk-headless"),
    ("openjdk-11-jdk", "default-jdk-headless"),
    ("openjdk-17-jdk", "default-jdk-headless"),
    ("openjdk-17-jre", "default-jre-headless"),
    ("openjdk-11-jre", "default-jre-headless"),
    ("default-jdk", "default-jdk-headless"),
    ("default-jre", "default-jre-headless"),
    ("golang", "golang-go"),
    ("php", "php-cli"),
    ("dnsutils", "bind9-dnsutils"),
    ("mysql-client", "default-mysql-client"),
    ("libmysqlclient-dev", "libmariadb-dev"),
    ("libjpeg62-turbo-dev", "libjpeg-dev"),
    ("vim-common", "vim"),
    ("ruby-full", "ruby"),
];

impl Table {
    pub(super) fn new() -> Table {
        Table { lines: TABLE.lines().collect() }
    }

    /// The line of a package.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let known = |name: &str| self.lines.iter().position(|line| line.split('|').next() == Some(name));
        let other = || OTHER_NAMES.iter().find(|(other, _)| *other == name).and_then(|(_, known_as)| known(known_as));
        known(name).or_else(other)
    }

    pub(super) fn package(&self, at: usize) -> Package {
        let mut parts = self.lines[at].split('|');
        let mut word = || parts.next().unwrap_or_default();
        let (name, version) = (word().to_string(), word().to_string());
        let (installed_kb, archive_kb) = (word().parse().unwrap_or(64), word().parse().unwrap_or(16));
        Package { name, version, installed_kb, archive_kb }
    }

    /// What it needs, or, with `recommended`, what it recommends.
    pub(super) fn needs(&self, at: usize, recommended: bool) -> Vec<usize> {
        let part = self.lines[at].split('|').nth(if recommended { 5 } else { 4 }).unwrap_or_default();
        let number = |word: &str| usize::from_str_radix(word, 36).ok().filter(|number| *number < self.lines.len());
        part.split(' ').filter_map(number).collect()
    }

    /// All that comes with these, in the order of names; what `has` says is there already is left out.
    pub(super) fn closure(&self, roots: &[usize], recommends: bool, has: &dyn Fn(&str) -> bool) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut pending: Vec<usize> = roots.to_vec();
        while let Some(at) = pending.pop() {
            let name = self.lines[at].split('|').next().unwrap_or_default();
            if found.contains(&at) || has(name) {
                continue;
            }
            found.push(at);
            pending.extend(self.needs(at, false));
            if recommends {
                pending.extend(self.needs(at, true));
            }
        }
        found.sort_unstable();
        found
    }
}

/// How the names of packages begin and end, and names, that the table has not.
const STARTS: &str = "lib python3- python- php fonts- ttf- ruby- golang- openjdk- postgresql r-cran- texlive g++- gcc- clang- llvm \
    linux- mysql- mariadb- perl x11 xserver gstreamer tesseract";
/// See [`STARTS`].
const ENDS: &str = "-dev -utils -tools -client -server -common -data -doc -bin -dbg";
/// See [`STARTS`].
const NAMES: &str = "ansible aria2 awscli btrfs-tools btrfs-progs ccache chromium clang dialog docker.io dos2unix emacs erlang exim4 expect \
    fakeroot flex gawk gdb gfortran ghostscript git-lfs gosu gradle graphviz haproxy jq kmod lftp llvm lsof lua5.3 man-db \
    maven memcached mercurial meson mingw-w64 mosquitto nasm netbase ninja-build nmap ocaml parallel perl pv \
    qemu-user-static rabbitmq-server rename rlwrap rsyslog runit screen silversearcher-ag socat squid sshpass strace \
    subversion swig syslog-ng tcpdump tcl tmux traceroute tree uuid-runtime valgrind virtualenv wkhtmltopdf xfsprogs xvfb \
    yasm zsh certbot exiftool poppler-utils protobuf-compiler apparmor xauth mc fish ncdu yarn npm nodejs tini moreutils \
    acl ntp";

/// A package that the table has not, of a kind that Debian has thousands of. Its size is a guess.
pub(super) fn plausible(name: &str) -> Option<Package> {
    let is_like = STARTS.split(' ').any(|start| name.starts_with(start))
        || ENDS.split(' ').any(|end| name.ends_with(end))
        || NAMES.split(' ').any(|known| known == name);
    let is_name = name.len() > 2
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "+-.".contains(letter));
    (is_like && is_name).then(|| Package { name: name.into(), version: "1.0-1".into(), installed_kb: 2_000, archive_kb: 500 })
}
