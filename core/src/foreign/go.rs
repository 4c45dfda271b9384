//! go: modules by go.mod, and a program that does what its source lets the model see.

use super::apt::text;
use super::{Act, Situation, opaque, source};
use crate::modelled;
use crate::userland::{FileKind, Signal, Sys};

/// Files of one package that are read.
const FILES_MAX: usize = 50;

fn version(situation: &Situation) -> String {
    situation.variable("GOLANG_VERSION").unwrap_or("1.22.10").to_string()
}

/// go
pub(super) fn acts(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let (command, rest) = match situation.args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => return vec![Act::err("Go is a tool for managing Go source code.\n"), Act::Exit(2)],
    };
    match command {
        "version" => vec![Act::out(&format!("go version go{} linux/amd64\n", version(situation)))],
        "env" => vec![Act::out(if rest.iter().any(|word| word == "GOPATH") { "/go\n" } else { "" })],
        "mod" => modules(situation, rest, sys),
        "build" | "install" | "run" => build(situation, command, rest, sys),
        "get" => vec![Act::Take(800)],
        "test" | "vet" | "generate" | "fmt" | "clean" | "work" | "tool" | "list" => {
            opaque::acts(&Situation { called: format!("go {command}"), ..situation.clone() })
        }
        other => vec![Act::err(&format!("go {other}: unknown command\nRun 'go help' for usage.\n")), Act::Exit(2)],
    }
}

const NO_MODULE: &str = "go: go.mod file not found in current directory or any parent directory; see 'go help modules'\n";

/// The module's name, and what it requires.
fn module(sys: &mut dyn Sys) -> Option<(String, Vec<String>)> {
    sys.stat("go.mod", true).ok()?;
    let read = text(sys, "go.mod");
    let name = read.lines().find_map(|line| line.strip_prefix("module ")).unwrap_or("app").trim().to_string();
    let required = read.lines().filter_map(|line| {
        let line = line.trim().strip_prefix("require ").unwrap_or(line.trim());
        let (path, version) = line.split_once(' ')?;
        (path.contains('.') && version.starts_with('v')).then(|| path.to_string())
    });
    Some((name, required.collect()))
}

fn modules(situation: &Situation, rest: &[String], sys: &mut dyn Sys) -> Vec<Act> {
    match rest.first().map(String::as_str) {
        Some("init") => {
            let name = rest.get(1).cloned().unwrap_or_else(|| "app".into());
            let version = version(situation);
            let text = format!("module {name}\n\ngo {}\n", version.split('.').take(2).collect::<Vec<_>>().join("."));
            vec![
                Act::Write { path: "go.mod".into(), text, mode: 0o644 },
                Act::err(&format!("go: creating new go.mod: module {name}\n")),
            ]
        }
        Some("download" | "tidy" | "verify" | "vendor") => match module(sys) {
            None => vec![Act::err(NO_MODULE), Act::Exit(1)],
            Some((_, required)) if required.is_empty() && rest[0] == "download" => {
                vec![Act::err("go: no module dependencies to download\n")]
            }
            Some((_, required)) => required.iter().flat_map(|path| fetched(situation, path)).collect(),
        },
        _ => Vec::new(),
    }
}

fn fetched(situation: &Situation, path: &str) -> Vec<Act> {
    let root = situation.variable("GOPATH").unwrap_or("/root/go");
    let path = format!("{root}/pkg/mod/{path}/modelled-files");
    vec![Act::Sized { path, head: modelled::DATA_HEADER.into(), bytes: 900_000, mode: 0o444 }, Act::Take(80)]
}

struct Asked {
    output: Option<String>,
    stripped: bool,
    packages: Vec<String>,
}

fn asked(rest: &[String]) -> Asked {
    let mut asked = Asked { output: None, stripped: false, packages: Vec::new() };
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-o" => asked.output = words.next().cloned(),
            "-ldflags" | "-tags" | "-mod" | "-gcflags" | "-asmflags" | "-buildmode" | "-p" | "-installsuffix" => {
                asked.stripped |= words.next().is_some_and(|value| value.contains("-s"));
            }
            word if word.starts_with('-') => asked.stripped |= word.contains("-s -w") || word.contains("-w -s"),
            word => asked.packages.push(word.to_string()),
        }
    }
    asked
}

fn sources(sys: &mut dyn Sys, package: &str) -> Vec<String> {
    if package.ends_with(".go") {
        return vec![package.to_string()];
    }
    let directory = package.trim_end_matches("/...").trim_end_matches('/');
    let directory = if directory.is_empty() { "." } else { directory };
    let entries = sys.read_dir(directory).unwrap_or_default();
    let is_source = |name: &str| name.ends_with(".go") && !name.ends_with("_test.go");
    entries
        .iter()
        .filter(|entry| is_source(&entry.name))
        .take(FILES_MAX)
        .map(|entry| format!("{directory}/{}", entry.name))
        .collect()
}

fn build(situation: &Situation, command: &str, rest: &[String], sys: &mut dyn Sys) -> Vec<Act> {
    let asked = asked(rest);
    let package = asked.packages.first().cloned().unwrap_or_else(|| ".".into());
    if command == "install" && package.contains('@') {
        let name = package.split('@').next().unwrap_or(&package).rsplit('/').next().unwrap_or("tool").to_string();
        let root = situation.variable("GOPATH").unwrap_or("/root/go");
        let path = format!("{root}/bin/{name}");
        return vec![Act::Take(2_000), Act::Sized { path, head: modelled::program(&name, &[]), bytes: 9_000_000, mode: 0o755 }];
    }
    let module = module(sys);
    if module.is_none() && !package.ends_with(".go") {
        return vec![Act::err(NO_MODULE), Act::Exit(1)];
    }
    let files = sources(sys, &package);
    let cwd = sys.getcwd().unwrap_or_default();
    if files.is_empty() {
        let what = if package == "." { format!("no Go files in {cwd}") } else { format!("package {package} is not in std") };
        return vec![Act::err(&format!("{what}\n")), Act::Exit(1)];
    }
    if let Some(missing) = files.iter().find(|file| sys.stat(file, true).is_err()) {
        return vec![
            Act::err(&format!("no required module provides package {missing}; to add it:\n\tgo get {missing}\n")),
            Act::Exit(1),
        ];
    }
    let code: String = files.iter().map(|file| text(sys, file)).collect::<Vec<_>>().join("\n");
    let mut acts: Vec<Act> = Vec::new();
    let (name, required) = module.unwrap_or_else(|| ("main".into(), Vec::new()));
    acts.extend(required.iter().flat_map(|path| fetched(situation, path)));
    acts.push(Act::Take(2_500));
    if !code.contains("package main") {
        return acts;
    }
    let usual = match package.as_str() {
        "." | "./..." => name.rsplit('/').next().unwrap_or("app").to_string(),
        other => other.trim_end_matches(".go").rsplit('/').next().unwrap_or("app").to_string(),
    };
    let is_directory = |sys: &mut dyn Sys, path: &str| sys.stat(path, true).is_ok_and(|stat| stat.kind == FileKind::Directory);
    let output = match asked.output {
        Some(path) if path.ends_with('/') || is_directory(sys, &path) => format!("{}/{usual}", path.trim_end_matches('/')),
        Some(path) => path,
        None if command == "install" => format!("{}/bin/{usual}", situation.variable("GOPATH").unwrap_or("/root/go")),
        None => usual,
    };
    let output = if command == "run" { "/tmp/go-build/main".to_string() } else { output };
    let bytes = if asked.stripped { 5_100_000 } else { 7_600_000 };
    acts.push(Act::Sized { path: output.clone(), head: modelled::program("go-program", &facts(&code)), bytes, mode: 0o755 });
    if command == "run" {
        acts.push(Act::Become(vec![output]));
    }
    acts
}

/// What a program's file says of it.
fn facts(code: &str) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |key: &str, value: &str| facts.push((key.to_string(), value.to_string()));
    if code.contains("ListenAndServe(") || code.contains(".Listen(") || code.contains(".Run(\":") {
        let port = source::port(code, &|_| None).unwrap_or_else(|| "8080".into());
        fact("serves", &port);
        if let Some(said) = source::said_when_listening(code, &port) {
            let logged = code.contains("log.Print") && !code.contains("fmt.Print");
            fact(if logged { "logs" } else { "prints" }, &said);
        }
        if code.contains("signal.Notify") {
            fact("stops", "0");
        }
    } else {
        let lines = code.lines().filter_map(source::printed);
        lines.take(20).for_each(|line| fact("prints", &line));
    }
    facts
}

/// A program that was compiled in the model.
pub(super) fn program(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let mut acts = Vec::new();
    for (key, value) in &situation.facts {
        match key.as_str() {
            "prints" => acts.push(Act::out(&format!("{value}\n"))),
            "logs" => acts.push(Act::err(&format!("{} {value}\n", super::servers::stamp(sys)))),
            _ => {}
        }
    }
    if situation.fact("serves").is_some() {
        // Go's runtime catches SIGTERM, and sends it to itself again; the first process of a container does not die of that, and so
        // exits with 2 (runtime/signal_unix.go, dieFromSignal).
        let code = if situation.fact("stops").is_some() || sys.getpid() != 1 { 0 } else { 2 };
        acts.push(Act::Serve(vec![(Signal::SIGTERM, vec![Act::Exit(code)]), (Signal::SIGINT, vec![Act::Exit(code)])]));
    } else if acts.is_empty() {
        acts = opaque::acts(situation);
    }
    acts
}
