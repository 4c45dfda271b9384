//! curl, wget and git: what the Internet would send is a file that says where it would be from.

use super::{Act, Situation};
use crate::modelled;
use crate::userland::Sys;

/// What an archive of a repository is said to be long.
const DOWNLOAD_BYTES: u64 = 2_400_000;

fn body(url: &str) -> String {
    // A comment for a shell, so that `curl … | sh` is carried out and does nothing.
    format!("# glassbox: modelled: what {url} would send stands here\n")
}

fn is_own(url: &str) -> bool {
    let host = url.split("://").last().unwrap_or(url).split(['/', ':']).next().unwrap_or_default();
    host == "localhost" || host.starts_with("127.") || !host.contains('.')
}

/// curl
pub(super) fn curl(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let (mut urls, mut output, mut by_name, mut only_head) = (Vec::new(), None, false, false);
    let mut words = situation.args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--output" => output = words.next().cloned(),
            "--remote-name" => by_name = true,
            "-H" | "--header" | "-d" | "--data" | "-X" | "--request" | "-u" | "--user" | "-A" | "-m" | "--max-time" | "--retry"
            | "-e" | "-w" | "--connect-timeout" | "--retry-delay" | "--proto" | "-T" | "-F" | "--data-binary" | "--user-agent"
            | "--cacert" => {
                words.next();
            }
            "--version" | "-V" => return vec![Act::out("curl 8.14.1 (modelled)\n")],
            word if word.starts_with("--") => only_head |= word == "--head",
            word if word.starts_with('-') => {
                by_name |= word.contains('O');
                only_head |= word.contains('I');
                if word.ends_with('o') {
                    output = words.next().cloned();
                }
            }
            word => urls.push(word.to_string()),
        }
    }
    let Some(url) = urls.first() else {
        return vec![Act::err("curl: try 'curl --help' or 'curl --manual' for more information\n"), Act::Exit(2)];
    };
    if is_own(url) {
        let host = url.split("://").last().unwrap_or(url).split('/').next().unwrap_or_default();
        let (name, port) = host.split_once(':').unwrap_or((host, "80"));
        return vec![
            Act::err("glassbox: modelled: networks come in a later version of this model\n"),
            Act::err(&format!("curl: (7) Failed to connect to {name} port {port} after 0 ms: Couldn't connect to server\n")),
            Act::Exit(7),
        ];
    }
    let name = url.split('?').next().unwrap_or(url).rsplit('/').next().unwrap_or("index.html").to_string();
    let target = output.filter(|path| path != "-").or_else(|| by_name.then_some(name));
    let _ = sys;
    match target {
        Some(path) => received(url, &path),
        None if only_head => vec![Act::Take(200), Act::out("HTTP/2 200 \r\n\r\n")],
        None => vec![Act::Take(200), Act::out(&body(url))],
    }
}

/// What the file at a URL is: how it begins, and how many zeros follow.
pub(crate) fn content(url: &str, path: &str) -> (String, u64) {
    match received(url, path).pop() {
        Some(Act::Sized { head, bytes, .. }) => {
            let zeros = bytes.saturating_sub(head.len() as u64);
            (head, zeros)
        }
        _ => (body(url), 0),
    }
}

fn received(url: &str, path: &str) -> Vec<Act> {
    let archive = ["gz", "tgz", "xz", "bz2", "zip", "deb", "jar", "whl", "zst"].iter().any(|end| url.ends_with(end));
    let program = url.contains("amd64") || url.contains("x86_64") || url.contains("linux");
    let file = match (archive, program) {
        (true, _) => Act::Sized {
            path: path.into(),
            head: format!("{}source={url}\n", modelled::DATA_HEADER),
            bytes: DOWNLOAD_BYTES,
            mode: 0o644,
        },
        (false, true) if !url.ends_with(".sh") && !url.ends_with(".asc") => {
            let name = path.rsplit('/').next().unwrap_or(path);
            Act::Sized { path: path.into(), head: modelled::program(name, &[]), bytes: DOWNLOAD_BYTES, mode: 0o644 }
        }
        _ => Act::Write { path: path.into(), text: body(url), mode: 0o644 },
    };
    vec![Act::Take(400), file]
}

/// wget
pub(super) fn wget(situation: &Situation) -> Vec<Act> {
    let (mut urls, mut output, mut directory, mut quiet) = (Vec::new(), None, String::new(), false);
    let mut words = situation.args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-O" | "--output-document" => output = words.next().cloned(),
            "-P" | "--directory-prefix" => directory = words.next().cloned().unwrap_or_default() + "/",
            "-qO" | "-nvO" | "-qO-" | "-O-" => {
                quiet = true;
                output = if word.ends_with('-') { Some("-".into()) } else { words.next().cloned() };
            }
            "-t" | "-T" | "--tries" | "--timeout" | "--header" | "-U" | "-e" => {
                words.next();
            }
            word if word.starts_with("--output-document=") => output = word.split_once('=').map(|(_, path)| path.to_string()),
            word if word.starts_with('-') => quiet |= word.contains('q') || word == "--quiet",
            word => urls.push(word.to_string()),
        }
    }
    let Some(url) = urls.first() else {
        return vec![Act::err("wget: missing URL\nUsage: wget [OPTION]... [URL]...\n"), Act::Exit(1)];
    };
    if is_own(url) {
        let note = "glassbox: modelled: networks come in a later version of this model\n";
        return vec![Act::err(note), Act::err("wget: can't connect to remote host: Connection refused\n"), Act::Exit(1)];
    }
    let name =
        url.split('?').next().unwrap_or(url).rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("index.html").to_string();
    match output.as_deref() {
        Some("-") => vec![Act::Take(200), Act::out(&body(url))],
        path => {
            let path = path.map_or_else(|| format!("{directory}{name}"), str::to_string);
            let mut acts = received(url, &path);
            if !quiet {
                acts.push(Act::err(&format!("Saving to: '{path}'\n'{path}' saved\n")));
            }
            acts
        }
    }
}

/// git: a clone is a directory with a modelled source tree.
pub(super) fn git(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let mut words: Vec<&str> = Vec::new();
    let mut rest = situation.args.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-b" | "--branch" | "--depth" | "-c" | "-C" | "--origin" | "-o" | "-m" | "-j" | "--jobs" => {
                rest.next();
            }
            word if word.starts_with('-') && word != "--version" => {}
            word => words.push(word),
        }
    }
    match words.as_slice() {
        ["--version" | "version", ..] => vec![Act::out("git version 2.39.5\n")],
        ["clone", url, target @ ..] => {
            let name = url.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or("repository").trim_end_matches(".git");
            let directory = target.first().copied().unwrap_or(name);
            if sys.read_dir(directory).is_ok_and(|entries| !entries.is_empty()) {
                let text = format!("fatal: destination path '{directory}' already exists and is not an empty directory.\n");
                return vec![Act::err(&text), Act::Exit(128)];
            }
            [vec![Act::err(&format!("Cloning into '{directory}'...\n")), Act::Take(900)], tree(directory, url)].concat()
        }
        ["init", ..] => vec![Act::Write { path: ".git/HEAD".into(), text: "ref: refs/heads/master\n".into(), mode: 0o644 }],
        ["rev-parse", ..] => vec![Act::out("0000000000000000000000000000000000000000\n")],
        [] => vec![Act::out("usage: git [-v | --version] <command> [<args>]\n"), Act::Exit(1)],
        ["config", ..] => Vec::new(),
        [_, ..] if sys.stat(".git", true).is_err() && !situation.args.iter().any(|word| word == "-C") => {
            vec![Act::err("fatal: not a git repository (or any of the parent directories): .git\n"), Act::Exit(128)]
        }
        _ => Vec::new(),
    }
}

/// A file that stands for one of a repository.
pub(crate) struct Modelled {
    /// Its path there.
    pub(crate) name: String,
    /// How it begins.
    pub(crate) head: String,
    /// How many zeros follow.
    pub(crate) zeros: u64,
    /// Its permission bits.
    pub(crate) mode: u32,
}

/// The files of a repository; `git`: those of `.git`, too.
pub(crate) fn repository_tree(url: &str, git: bool) -> Vec<Modelled> {
    let of_act = |act: Act| match act {
        Act::Write { path, text, mode } => Some(Modelled { name: path, head: text, zeros: 0, mode }),
        Act::Sized { path, head, bytes, mode } => {
            let zeros = bytes.saturating_sub(head.len() as u64);
            Some(Modelled { name: path, head, zeros, mode })
        }
        _ => None,
    };
    let named = |file: Modelled| Modelled { name: file.name.trim_start_matches("./").to_string(), ..file };
    tree(".", url).into_iter().filter_map(of_act).map(named).filter(|file| git || !file.name.starts_with(".git/")).collect()
}

/// A source tree that nobody has looked into.
pub(super) fn tree(directory: &str, from: &str) -> Vec<Act> {
    let opaque = |name: &str| Act::Sized {
        path: format!("{directory}/{name}"),
        head: modelled::program(name, &[]),
        bytes: 30_000,
        mode: 0o755,
    };
    vec![
        Act::Write { path: format!("{directory}/.git/HEAD"), text: "ref: refs/heads/main\n".into(), mode: 0o644 },
        Act::Write {
            path: format!("{directory}/README.md"),
            text: format!("glassbox: modelled: the source tree of {from}\n"),
            mode: 0o644,
        },
        Act::Write { path: format!("{directory}/Makefile"), text: "# glassbox: modelled\n".into(), mode: 0o644 },
        opaque("configure"),
        opaque("autogen.sh"),
        Act::Sized {
            path: format!("{directory}/modelled-files"),
            head: modelled::DATA_HEADER.into(),
            bytes: DOWNLOAD_BYTES,
            mode: 0o644,
        },
    ]
}

/// tar, unzip and the like: what the model made itself is unpacked; of others it is said that they are not known.
pub(super) fn archiver(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let args = &situation.args;
    let first = args.first().map_or("", String::as_str);
    let extracts = situation.name != "tar"
        || first.contains('x')
        || args.iter().any(|word| word == "--extract" || word == "-x" || word == "-xzf" || word == "-xf");
    let value = |names: &[&str]| {
        let at = args.iter().position(|word| names.contains(&word.as_str()))?;
        args.get(at + 1).cloned()
    };
    let directory = value(&["-C", "--directory", "-d"]).unwrap_or_else(|| ".".into());
    let strips = args.iter().any(|word| word.starts_with("--strip"));
    let is_archive =
        |word: &&String| [".gz", ".tgz", ".xz", ".bz2", ".zip", ".tar", ".zst", ".txz"].iter().any(|end| word.ends_with(end));
    let archive = args.iter().find(is_archive).cloned();
    let Some(archive) = archive.filter(|_| extracts) else { return super::opaque::acts(situation) };
    if sys.stat(&archive, true).is_err() {
        let text = match situation.name.as_str() {
            "unzip" => format!("unzip:  cannot find or open {archive}, {archive}.zip or {archive}.ZIP.\n"),
            _ => format!("tar: {archive}: Cannot open: No such file or directory\ntar: Error is not recoverable: exiting now\n"),
        };
        return vec![Act::err(&text), Act::Exit(if situation.name == "unzip" { 9 } else { 2 })];
    }
    let head = super::apt::text(sys, &archive);
    let Some(source) = head.lines().find_map(|line| line.strip_prefix("source=")) else { return super::opaque::acts(situation) };
    let name = archive.rsplit('/').next().unwrap_or(&archive);
    let stem = [".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip", ".tar", ".txz"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    let target = if strips { directory } else { format!("{}/{stem}", directory.trim_end_matches('/')) };
    tree(&target, source)
}
