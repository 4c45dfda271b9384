//! node, npm, npx, yarn, pnpm: packages from package.json, scripts through the shell, servers by what their source says.

use super::apt::text;
use super::{Act, Situation, opaque, source};
use crate::modelled;
use crate::userland::Sys;

const TABLE: &str = include_str!("data/npm.txt");
/// Modules of node itself.
const LIBRARY: &str = "assert async_hooks buffer child_process cluster console crypto dgram diagnostics_channel dns events fs http http2 https \
    inspector module net os path perf_hooks process querystring readline repl stream string_decoder timers tls tty url util v8 vm worker_threads zlib";

fn version(situation: &Situation) -> String {
    situation.variable("NODE_VERSION").unwrap_or("20.15.1").to_string()
}

/// node
pub(super) fn acts(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let mut args = situation.args.as_slice();
    while let Some((first, rest)) = args.split_first() {
        match first.as_str() {
            "-v" | "--version" => return vec![Act::out(&format!("v{}\n", version(situation)))],
            "-e" | "-p" | "--eval" | "--print" => return inline(situation, rest.first().map_or("", String::as_str)),
            word if word.starts_with('-') => args = rest,
            _ => break,
        }
    }
    let Some(file) = args.first() else { return Vec::new() };
    script(situation, file, sys)
}

fn inline(situation: &Situation, code: &str) -> Vec<Act> {
    match source::printed(code.trim_end_matches(';')) {
        Some(text) => vec![Act::out(&format!("{text}\n"))],
        None => opaque::acts(situation),
    }
}

fn script(situation: &Situation, file: &str, sys: &mut dyn Sys) -> Vec<Act> {
    let candidates = [file.to_string(), format!("{file}.js"), format!("{}/index.js", file.trim_end_matches('/'))];
    let is_file =
        |sys: &mut dyn Sys, path: &str| sys.stat(path, true).is_ok_and(|stat| stat.kind == crate::userland::FileKind::File);
    let found = candidates.iter().find(|path| is_file(sys, path)).cloned();
    let cwd = sys.getcwd().unwrap_or_default();
    let absolute = |path: &str| {
        if path.starts_with('/') {
            path.to_string()
        } else {
            format!("{}/{}", cwd.trim_end_matches('/'), path.trim_start_matches("./"))
        }
    };
    let footer = format!("\nNode.js v{}\n", version(situation));
    let Some(found) = found else {
        let path = absolute(file);
        let text = format!(
            "node:internal/modules/cjs/loader:1228\n  throw err;\n  ^\n\nError: Cannot find module '{path}'\n    at Module._resolveFilename {{\n  code: 'MODULE_NOT_FOUND',\n  requireStack: []\n}}\n{footer}"
        );
        return vec![Act::err(&text), Act::Exit(1)];
    };
    let code = text(sys, &found);
    for name in imports(&code) {
        if !is_there(&name, &absolute(&found), sys) {
            let text = format!(
                "node:internal/modules/cjs/loader:1228\n  throw err;\n  ^\n\nError: Cannot find module '{name}'\nRequire stack:\n- {0}\n    at Module._resolveFilename {{\n  code: 'MODULE_NOT_FOUND',\n  requireStack: [ '{0}' ]\n}}\n{footer}",
                absolute(&found)
            );
            return vec![Act::err(&text), Act::Exit(1)];
        }
    }
    if code.contains(".listen(") {
        let port = source::port(&code, &|name| situation.variable(name).map(str::to_string)).unwrap_or_else(|| "3000".into());
        let said = source::said_when_listening(&code, &port);
        return serving(said.map(|text| Act::out(&format!("{text}\n"))).into_iter().collect(), &code);
    }
    let printed = source::all_printed(&code);
    if code.contains("setInterval(") {
        return serving(printed, &code);
    }
    if printed.is_empty() { opaque::acts(&Situation { called: format!("node {file}"), ..situation.clone() }) } else { printed }
}

/// node leaves SIGTERM as it is, unless the source has a handler.
fn serving(mut acts: Vec<Act>, code: &str) -> Vec<Act> {
    use crate::userland::Signal;
    let handled = [("SIGTERM", Signal::SIGTERM), ("SIGINT", Signal::SIGINT)];
    let caught =
        handled.into_iter().filter(|(name, _)| code.contains(&format!("'{name}'")) || code.contains(&format!("\"{name}\"")));
    acts.push(Act::Serve(caught.map(|(_, signal)| (signal, vec![Act::Exit(0)])).collect()));
    acts
}

fn imports(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        let after = line.find("require(").map(|at| &line[at + 8..]).or_else(|| {
            let is_import = line.starts_with("import ");
            is_import.then(|| line.rsplit_once(" from ").map_or(&line[7..], |(_, rest)| rest))
        });
        let name = after.map(str::trim_start).and_then(|rest| rest.strip_prefix(['"', '\''])?.split(['"', '\'']).next());
        names.extend(name.map(str::to_string));
    }
    names
}

fn is_there(name: &str, importer: &str, sys: &mut dyn Sys) -> bool {
    let plain = name.strip_prefix("node:").unwrap_or(name);
    if LIBRARY.split(' ').any(|known| Some(known) == plain.split('/').next()) {
        return true;
    }
    let directory = importer.rsplit_once('/').map_or("", |(directory, _)| directory);
    if name.starts_with(['.', '/']) {
        let base = if name.starts_with('/') { name.to_string() } else { format!("{directory}/{name}") };
        return ["", ".js", ".json", ".mjs", ".cjs", "/index.js"].iter().any(|end| sys.stat(&format!("{base}{end}"), true).is_ok());
    }
    let parts = if name.starts_with('@') { 2 } else { 1 };
    let package: String = name.split('/').take(parts).collect::<Vec<_>>().join("/");
    let mut at = directory;
    loop {
        if sys.stat(&format!("{at}/node_modules/{package}"), true).is_ok() {
            return true;
        }
        match at.rsplit_once('/') {
            Some((parent, _)) if !at.is_empty() => at = parent,
            _ => return false,
        }
    }
}

struct Project {
    name: String,
    dependencies: Vec<String>,
    development: Vec<String>,
    scripts: Vec<(String, String)>,
    main: Option<String>,
}

fn project(sys: &mut dyn Sys) -> Option<Result<Project, String>> {
    sys.stat("package.json", true).ok()?;
    let read: Result<serde_json::Value, _> = serde_json::from_str(&text(sys, "package.json"));
    let read = match read {
        Ok(read) => read,
        Err(error) => return Some(Err(error.to_string())),
    };
    let names = |key: &str| {
        let object = read.get(key).and_then(|value| value.as_object());
        object.map(|object| object.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    let text_of = |key: &str| read.get(key).and_then(|value| value.as_str()).map(str::to_string);
    let scripts = read.get("scripts").and_then(|value| value.as_object());
    let scripts =
        scripts.map(|all| all.iter().map(|(name, line)| (name.clone(), line.as_str().unwrap_or_default().to_string())).collect());
    Some(Ok(Project {
        name: format!(
            "{}@{}",
            text_of("name").unwrap_or_else(|| "app".into()),
            text_of("version").unwrap_or_else(|| "1.0.0".into())
        ),
        dependencies: names("dependencies"),
        development: names("devDependencies"),
        scripts: scripts.unwrap_or_default(),
        main: text_of("main"),
    }))
}

fn npm_error(lines: &[&str]) -> Vec<Act> {
    let text: String = lines.iter().map(|line| format!("npm error {line}\n")).collect();
    vec![Act::err(&text), Act::Exit(1)]
}

/// npm, yarn, pnpm
pub(super) fn manager(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let words: Vec<&str> = situation.args.iter().filter(|word| !word.starts_with('-')).map(String::as_str).collect();
    let has = |flags: &[&str]| situation.args.iter().any(|word| flags.contains(&word.as_str()));
    let command = words.first().copied().unwrap_or(if situation.name == "yarn" { "install" } else { "" });
    if has(&["--version", "-v"]) && words.is_empty() {
        return vec![Act::out(if situation.name == "yarn" { "1.22.22\n" } else { "10.9.2\n" })];
    }
    let rest = words.get(1..).unwrap_or_default();
    let is_global = has(&["-g", "--global"]) || command == "global";
    match command {
        "install" | "i" | "ci" | "add" | "global" | "install-clean" => install(situation, (command, rest), is_global, sys),
        "run" | "run-script" | "start" | "test" | "exec" => run(situation, command, rest, sys),
        "build" | "dev" | "serve" if situation.name != "npm" => run(situation, "run", &[command], sys),
        "cache" | "config" | "set" | "prune" | "audit" | "fund" | "rebuild" | "link" | "init" | "version" | "update" | "dedupe"
        | "store" | "fetch" | "deploy" | "import" | "uninstall" | "ls" => {
            if command == "cache" {
                let home = situation.variable("HOME").unwrap_or("/root");
                return vec![Act::Remove(format!("{home}/.npm/_cacache"))];
            }
            Vec::new()
        }
        "" => vec![
            Act::out("npm <command>\n\nUsage:\n\nnpm install        install all the dependencies in your project\n"),
            Act::Exit(1),
        ],
        other if situation.name == "npm" => vec![
            Act::err(&format!("Unknown command: \"{other}\"\n\nTo see a list of supported npm commands, run:\n  npm help\n")),
            Act::Exit(1),
        ],
        other => run(situation, "run", &[other], sys),
    }
}

fn table(name: &str) -> Option<(u64, u64, Vec<&'static str>)> {
    let line = TABLE.lines().filter(|line| !line.starts_with('#')).find(|line| line.split('|').next() == Some(name))?;
    let mut parts = line.split('|').skip(1);
    let mut number = || parts.next().and_then(|word| word.parse().ok()).unwrap_or(1);
    let (packages, kilobytes) = (number(), number());
    Some((packages, kilobytes, parts.next().unwrap_or_default().split(' ').filter(|word| !word.is_empty()).collect()))
}

/// `express@4`, `@scope/name@1`: the name alone.
fn bare(word: &str) -> &str {
    word.char_indices().skip(1).find(|(_, letter)| *letter == '@').map_or(word, |(at, _)| &word[..at])
}

fn install(situation: &Situation, (command, named): (&str, &[&str]), is_global: bool, sys: &mut dyn Sys) -> Vec<Act> {
    let named: Vec<&str> = named.iter().copied().filter(|word| *word != "add").collect();
    if is_global {
        return globally(&named);
    }
    let project = match project(sys) {
        Some(Ok(project)) => project,
        Some(Err(why)) => {
            return npm_error(&[
                "code EJSONPARSE",
                &format!("JSON.parse {why}"),
                "JSON.parse Failed to parse JSON data.",
                "JSON.parse Note: package.json must be actual JSON, not just JavaScript.",
            ]);
        }
        None if !named.is_empty() => {
            Project { name: "app".into(), dependencies: Vec::new(), development: Vec::new(), scripts: Vec::new(), main: None }
        }
        None => {
            let path = format!("{}/package.json", sys.getcwd().unwrap_or_default().trim_end_matches('/'));
            return npm_error(&[
                "code ENOENT",
                "syscall open",
                &format!("path {path}"),
                "errno -2",
                &format!("enoent Could not read package.json: Error: ENOENT: no such file or directory, open '{path}'"),
            ]);
        }
    };
    let locked = ["package-lock.json", "npm-shrinkwrap.json"].iter().any(|name| sys.stat(name, true).is_ok());
    if command == "ci" && situation.name == "npm" && !locked {
        return npm_error(&[
            "code EUSAGE",
            "",
            "The `npm ci` command can only install with an existing package-lock.json or",
            "npm-shrinkwrap.json with lockfileVersion >= 1. Run an install with npm@5 or",
            "later to generate a package-lock.json file, then try again.",
        ]);
    }
    let wanted = wanted(situation, &project, &named);
    let missing = wanted.iter().find(|name| table(name).is_none() && source::guessed(name).is_none());
    if let Some(name) = missing {
        return not_in_registry(name);
    }
    let mut acts = unpacked(&wanted, "node_modules");
    let count: u64 = wanted.iter().map(|name| table(name).map_or(3, |(packages, ..)| packages)).sum();
    if !wanted.is_empty() {
        let home = situation.variable("HOME").unwrap_or("/root");
        let bytes = wanted.iter().map(|name| table(name).map_or(400, |(_, kilobytes, _)| kilobytes) * 350).sum();
        acts.push(Act::Sized {
            path: format!("{home}/.npm/_cacache/content-v2/modelled"),
            head: modelled::DATA_HEADER.into(),
            bytes,
            mode: 0o644,
        });
        acts.push(Act::Take(700 + count * 12));
    }
    if !locked && command != "ci" && situation.name == "npm" {
        acts.push(Act::Write { path: "package-lock.json".into(), text: "{\n  \"lockfileVersion\": 3\n}\n".into(), mode: 0o644 });
    }
    acts.push(Act::out(&match situation.name.as_str() {
        "yarn" => "yarn install v1.22.22\n[1/4] Resolving packages...\n[2/4] Fetching packages...\n[3/4] Linking dependencies...\n[4/4] Building fresh packages...\nDone in 2.10s.\n".to_string(),
        "pnpm" => format!("Packages: +{count}\nProgress: resolved {count}, reused 0, downloaded {count}, added {count}, done\nDone in 2.1s\n"),
        _ => format!("\nadded {count} packages, and audited {} packages in 2s\n\nfound 0 vulnerabilities\n", count + 1),
    }));
    acts
}

/// What package.json asks for, and what was named.
fn wanted(situation: &Situation, project: &Project, named: &[&str]) -> Vec<String> {
    let all: String = situation.args.join(" ");
    let flags = ["--production", "--omit=dev", "--omit dev", "--only=production", "--prod"];
    let production = flags.iter().any(|flag| all.contains(flag)) || situation.variable("NODE_ENV") == Some("production");
    let mut wanted: Vec<String> = project.dependencies.clone();
    if !production {
        wanted.extend(project.development.clone());
    }
    wanted.extend(named.iter().map(|word| bare(word).to_string()));
    wanted
}

fn not_in_registry(name: &str) -> Vec<Act> {
    let url = format!("404 Not Found - GET https://registry.npmjs.org/{} - Not found", name.replace('/', "%2f"));
    let what = format!("404  '{name}@*' is not in this registry.");
    let closing = ["404", "404 Note that you can also install from a", "404 tarball, folder, http url, or git folder."];
    npm_error(&["code E404", &url, "404", &what, closing[0], closing[1], closing[2]])
}

fn unpacked(names: &[String], directory: &str) -> Vec<Act> {
    let mut acts = Vec::new();
    for name in names {
        let (packages, kilobytes, programs) = table(name).unwrap_or((3, 400, Vec::new()));
        acts.push(Act::Write {
            path: format!("{directory}/{name}/package.json"),
            text: format!("{{\"name\":\"{name}\"}}\n"),
            mode: 0o644,
        });
        acts.push(Act::Sized {
            path: format!("{directory}/{name}/modelled-files"),
            head: modelled::DATA_HEADER.into(),
            bytes: kilobytes * 1024 / 2,
            mode: 0o644,
        });
        if packages > 1 {
            let path = format!("{directory}/.modelled/needs-of-{}", name.replace('/', "-"));
            acts.push(Act::Sized { path, head: modelled::DATA_HEADER.into(), bytes: kilobytes * 1024 / 2, mode: 0o644 });
        }
        for program in programs {
            acts.push(Act::Sized {
                path: format!("{directory}/.bin/{program}"),
                head: modelled::program(program, &[]),
                bytes: 300,
                mode: 0o755,
            });
        }
    }
    acts
}

fn globally(names: &[&str]) -> Vec<Act> {
    let mut acts = Vec::new();
    for name in names.iter().map(|word| bare(word)) {
        let (_, kilobytes, programs) = table(name).unwrap_or((1, 400, Vec::new()));
        acts.push(Act::Sized {
            path: format!("/usr/local/lib/node_modules/{name}/modelled-files"),
            head: modelled::DATA_HEADER.into(),
            bytes: kilobytes * 1024,
            mode: 0o644,
        });
        let programs = if programs.is_empty() { vec![name.rsplit('/').next().unwrap_or(name)] } else { programs };
        for program in programs {
            acts.push(Act::Sized {
                path: format!("/usr/local/bin/{program}"),
                head: modelled::program(program, &[]),
                bytes: 300,
                mode: 0o755,
            });
        }
    }
    acts.push(Act::Take(1_200));
    acts.push(Act::out(&format!("\nadded {} packages in 2s\n", names.len())));
    acts
}

fn run(situation: &Situation, command: &str, rest: &[&str], sys: &mut dyn Sys) -> Vec<Act> {
    let Some(Ok(project)) = project(sys) else {
        return npm_error(&["code ENOENT", "enoent Could not read package.json"]);
    };
    if command == "exec" {
        let argv = rest.iter().map(|word| (*word).to_string()).collect();
        return vec![Act::Become(argv)];
    }
    let name = if matches!(command, "start" | "test") { command } else { rest.first().copied().unwrap_or_default() };
    let script = project.scripts.iter().find(|(known, _)| known == name).map(|(_, line)| line.clone());
    let usual = || (name == "start").then(|| format!("node {}", project.main.as_deref().unwrap_or("server.js")));
    let Some(line) = script.or_else(usual) else {
        return npm_error(&[&format!("Missing script: \"{name}\""), "", "To see a list of scripts, run:", "  npm run"]);
    };
    let cwd = sys.getcwd().unwrap_or_default();
    let path = format!(
        "{}/node_modules/.bin:{}",
        cwd.trim_end_matches('/'),
        situation.variable("PATH").unwrap_or("/usr/local/bin:/usr/bin:/bin")
    );
    vec![
        Act::out(&format!("\n> {} {name}\n> {line}\n\n", project.name)),
        Act::Run { argv: vec!["sh".into(), "-c".into(), line], env: vec![("PATH".into(), path)], otherwise: Vec::new() },
    ]
}

/// What bundlers and compilers of packages leave behind.
pub(super) fn bundler(situation: &Situation) -> Option<Vec<Act>> {
    let builds = situation.args.first().is_some_and(|word| word == "build") || matches!(situation.name.as_str(), "tsc" | "webpack");
    let (directory, text) = match situation.name.as_str() {
        "react-scripts" if builds => ("build", "Creating an optimized production build...\nCompiled successfully.\n"),
        "vite" if builds => ("dist", "vite v6.3.5 building for production...\n✓ built in 1.20s\n"),
        "vue-cli-service" if builds => ("dist", " DONE  Build complete.\n"),
        "ng" if builds => ("dist", "Application bundle generation complete.\n"),
        "next" if builds => (".next", "   Creating an optimized production build ...\n ✓ Compiled successfully\n"),
        "webpack" => ("dist", "webpack compiled successfully\n"),
        "tsc" => ("dist", ""),
        _ => return None,
    };
    let page = "<!doctype html>\n<html><body><div id=\"root\"></div><script src=\"/assets/index.js\"></script></body></html>\n";
    Some(vec![
        Act::Take(1_500),
        Act::Write { path: format!("{directory}/index.html"), text: page.into(), mode: 0o644 },
        Act::Sized {
            path: format!("{directory}/assets/index.js"),
            head: modelled::DATA_HEADER.into(),
            bytes: 190_000,
            mode: 0o644,
        },
        Act::out(text),
    ])
}
