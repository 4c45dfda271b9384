//! python and pip: what a script would say when it starts, packages from a table.

use super::apt::text;
use super::{Act, Situation, opaque, source};
use crate::userland::{Signal, Sys};

const TABLE: &str = include_str!("data/pip.txt");

/// The version of the interpreter, by the library beside it.
fn version(situation: &Situation, sys: &mut dyn Sys) -> String {
    if let Some(version) = situation.variable("PYTHON_VERSION") {
        return version.to_string();
    }
    let found = sys.read_dir("/usr/local/lib").unwrap_or_default();
    let minor =
        found.iter().find_map(|entry| entry.name.strip_prefix("python").filter(|rest| rest.contains('.')).map(str::to_string));
    minor.map_or("3.11.2".to_string(), |minor| format!("{minor}.0"))
}

fn two(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// Where packages go.
fn packages(situation: &Situation, sys: &mut dyn Sys) -> String {
    let version = two(&version(situation, sys));
    match situation.variable("VIRTUAL_ENV") {
        Some(environment) => format!("{environment}/lib/python{version}/site-packages"),
        None if situation.variable("PYTHON_VERSION").is_some() => format!("/usr/local/lib/python{version}/site-packages"),
        None => "/usr/local/lib/python3/dist-packages".to_string(),
    }
}

/// python
pub(super) fn acts(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let mut args = situation.args.as_slice();
    while let Some((first, rest)) = args.split_first() {
        match first.as_str() {
            "-V" | "--version" => return vec![Act::out(&format!("Python {}\n", version(situation, sys)))],
            "-u" | "-B" | "-O" | "-OO" | "-s" | "-S" | "-E" | "-I" => args = rest,
            "-W" | "-X" => args = rest.get(1..).unwrap_or_default(),
            "-m" => return module(situation, rest, sys),
            "-c" => return inline(situation, rest.first().map_or("", String::as_str), sys),
            _ => break,
        }
    }
    match args.first() {
        None => vec![],
        Some(file) if file == "-" => opaque::acts(situation),
        Some(file) => script(situation, file, sys),
    }
}

/// `print("…")` is carried out; of the rest it is said that it is not known.
fn inline(situation: &Situation, code: &str, sys: &mut dyn Sys) -> Vec<Act> {
    let mut acts = Vec::new();
    for statement in code.split([';', '\n']).map(str::trim).filter(|statement| !statement.is_empty()) {
        if let Some(name) = statement.strip_prefix("import ").map(|names| names.split([',', ' ', '.']).next().unwrap_or_default()) {
            if !source::is_importable(name, &packages(situation, sys), sys) {
                acts.push(Act::err(&format!(
                    "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nModuleNotFoundError: No module named '{name}'\n"
                )));
                acts.push(Act::Exit(1));
                return acts;
            }
        } else if let Some(text) = source::printed(statement) {
            acts.push(Act::out(&format!("{text}\n")));
        } else {
            acts.extend(opaque::acts(situation));
            return acts;
        }
    }
    acts
}

fn module(situation: &Situation, rest: &[String], sys: &mut dyn Sys) -> Vec<Act> {
    let Some((name, args)) = rest.split_first() else {
        return vec![Act::err("Argument expected for the -m option\n"), Act::Exit(2)];
    };
    let inner = Situation { args: args.to_vec(), ..situation.clone() };
    match name.as_str() {
        "pip" => pip(&inner, sys),
        "venv" | "virtualenv" => environment(args, &version(situation, sys)),
        "http.server" => {
            let port = args.iter().find_map(|word| word.parse::<u16>().ok()).unwrap_or(8000);
            serving(vec![Act::out(&format!("Serving HTTP on 0.0.0.0 port {port} (http://0.0.0.0:{port}/) ...\n"))])
        }
        "flask" | "uvicorn" | "gunicorn" | "hypercorn" | "waitress" => server(&Situation { name: name.clone(), ..inner }, sys),
        "compileall" | "ensurepip" | "unittest" | "pytest" | "build" | "pip._internal" => {
            opaque::acts(&Situation { called: format!("python -m {name}"), ..inner })
        }
        name => {
            let top = name.split('.').next().unwrap_or(name);
            if source::is_importable(top, &packages(situation, sys), sys) {
                return opaque::acts(&Situation { called: format!("python -m {name}"), ..inner });
            }
            vec![Act::err(&format!("{}: No module named {name}\n", situation.called)), Act::Exit(1)]
        }
    }
}

fn environment(args: &[String], version: &str) -> Vec<Act> {
    let Some(path) = args.iter().find(|word| !word.starts_with('-')) else { return vec![Act::Exit(2)] };
    let program = |name: &str, model: &str| Act::Sized {
        path: format!("{path}/bin/{name}"),
        head: crate::modelled::program(model, &[]),
        bytes: 15_000,
        mode: 0o755,
    };
    vec![
        Act::Directory(format!("{path}/lib/python{}/site-packages", two(version))),
        program("python3", "python"),
        Act::Link { path: format!("{path}/bin/python"), target: "python3".into() },
        program("pip", "pip"),
        Act::Link { path: format!("{path}/bin/pip3"), target: "pip".into() },
        Act::Write {
            path: format!("{path}/bin/activate"),
            text: format!("VIRTUAL_ENV={path}\nexport VIRTUAL_ENV\nPATH=\"$VIRTUAL_ENV/bin:$PATH\"\nexport PATH\n"),
            mode: 0o644,
        },
        Act::Write { path: format!("{path}/pyvenv.cfg"), text: format!("version = {version}\n"), mode: 0o644 },
    ]
}

/// A script: what it imports has to be there; then it serves, or prints what it prints.
fn script(situation: &Situation, file: &str, sys: &mut dyn Sys) -> Vec<Act> {
    if sys.stat(file, true).is_err() {
        let cwd = sys.getcwd().unwrap_or_default();
        let shown = if file.starts_with('/') { file.to_string() } else { format!("{}/{file}", cwd.trim_end_matches('/')) };
        let interpreter = situation.variable("PATH").map_or("python".to_string(), |_| situation.called.clone());
        return vec![
            Act::err(&format!("{interpreter}: can't open file '{shown}': [Errno 2] No such file or directory\n")),
            Act::Exit(2),
        ];
    }
    let code = text(sys, file);
    let library = packages(situation, sys);
    for (number, line) in code.lines().enumerate() {
        let Some(name) = source::python_import(line) else { continue };
        if !source::is_importable(name, &library, sys) {
            let cwd = sys.getcwd().unwrap_or_default();
            let path = if file.starts_with('/') { file.to_string() } else { format!("{}/{file}", cwd.trim_end_matches('/')) };
            let text = format!(
                "Traceback (most recent call last):\n  File \"{path}\", line {}, in <module>\n    {}\nModuleNotFoundError: No module named '{name}'\n",
                number + 1,
                line.trim()
            );
            return vec![Act::err(&text), Act::Exit(1)];
        }
    }
    if code.contains("Flask(") && code.contains(".run(") {
        return serving(flask(
            &source::argument(&code, "host").unwrap_or_else(|| "127.0.0.1".into()),
            &port(&code, situation, 5000),
            file,
            &code,
        ));
    }
    if code.contains("uvicorn.run(") || code.contains("FastAPI(") && code.contains("uvicorn") {
        return serving(uvicorn(
            &source::argument(&code, "host").unwrap_or_else(|| "127.0.0.1".into()),
            &port(&code, situation, 8000),
        ));
    }
    if code.contains("serve_forever(") || code.contains("run_forever(") {
        return serving(source::all_printed(&code));
    }
    let printed = source::all_printed(&code);
    let endless = code.contains("while True") || code.contains("while 1");
    if endless {
        return serving(printed);
    }
    if printed.is_empty() {
        opaque::acts(&Situation { called: format!("{} {file}", situation.called), ..situation.clone() })
    } else {
        printed
    }
}

fn port(code: &str, situation: &Situation, usual: u16) -> String {
    source::port(code, &|name| situation.variable(name).map(str::to_string)).unwrap_or_else(|| usual.to_string())
}

fn flask(host: &str, port: &str, file: &str, code: &str) -> Vec<Act> {
    let name = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".py");
    let debug = code.contains("debug=True");
    let mut log =
        "WARNING: This is a development server. Do not use it in a production deployment. Use a production WSGI server instead.\n"
            .to_string();
    if host == "0.0.0.0" {
        log.push_str(&format!(
            " * Running on all addresses (0.0.0.0)\n * Running on http://127.0.0.1:{port}\n * Running on http://172.17.0.2:{port}\n"
        ));
    } else {
        log.push_str(&format!(" * Running on http://{host}:{port}\n"));
    }
    vec![
        Act::out(&format!(" * Serving Flask app '{name}'\n * Debug mode: {}\n", if debug { "on" } else { "off" })),
        Act::err(&format!("{log}Press CTRL+C to quit\n")),
    ]
}

fn uvicorn(host: &str, port: &str) -> Vec<Act> {
    vec![
        Act::err(
            "INFO:     Started server process [1]\nINFO:     Waiting for application startup.\nINFO:     Application startup complete.\n",
        ),
        Act::err(&format!("INFO:     Uvicorn running on http://{host}:{port} (Press CTRL+C to quit)\n")),
    ]
}

/// python leaves SIGTERM as it is, which the first process of a container does not die of; SIGINT ends it.
fn serving(mut acts: Vec<Act>) -> Vec<Act> {
    acts.push(Act::Serve(vec![(Signal::SIGINT, vec![Act::Exit(0)])]));
    acts
}

fn flag(args: &[String], names: &[&str]) -> Option<String> {
    let at = args.iter().position(|word| names.contains(&word.as_str()));
    let inline = || {
        args.iter().find_map(|word| names.iter().find_map(|name| word.strip_prefix(name)?.strip_prefix('=').map(str::to_string)))
    };
    at.and_then(|at| args.get(at + 1).cloned()).or_else(inline)
}

/// flask, uvicorn, gunicorn: they stop on SIGTERM.
pub(super) fn server(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let args = &situation.args;
    let application = args.iter().find(|word| word.contains(':') && !word.contains('.') || word.ends_with(":app")).cloned();
    let module = application.as_deref().and_then(|name| name.split(':').next()).map(|name| name.replace('.', "/"));
    if let Some(module) =
        module.filter(|module| sys.stat(&format!("{module}.py"), true).is_err() && sys.stat(module, true).is_err())
    {
        return vec![Act::err(&format!("ModuleNotFoundError: No module named '{}'\n", module.replace('/', "."))), Act::Exit(1)];
    }
    let port = flag(args, &["--port", "-p"]);
    let host = flag(args, &["--host", "-h"]);
    let (log, last) = match situation.name.as_str() {
        "flask" => {
            let host =
                host.or_else(|| situation.variable("FLASK_RUN_HOST").map(str::to_string)).unwrap_or_else(|| "127.0.0.1".into());
            let port = port.or_else(|| situation.variable("FLASK_RUN_PORT").map(str::to_string)).unwrap_or_else(|| "5000".into());
            let file = situation.variable("FLASK_APP").unwrap_or("app.py").to_string();
            return serving(flask(&host, &port, &file, ""));
        }
        "gunicorn" => {
            let bind = flag(args, &["--bind", "-b"]).unwrap_or_else(|| "127.0.0.1:8000".into());
            let text = format!(
                "[INFO] Starting gunicorn 23.0.0\n[INFO] Listening at: http://{bind} (1)\n[INFO] Using worker: sync\n[INFO] Booting worker with pid: 7\n"
            );
            (vec![Act::err(&text)], "[INFO] Handling signal: term\n[INFO] Worker exiting (pid: 7)\n[INFO] Shutting down: Master\n")
        }
        _ => (
            uvicorn(&host.unwrap_or_else(|| "127.0.0.1".into()), &port.unwrap_or_else(|| "8000".into())),
            "INFO:     Shutting down\nINFO:     Waiting for application shutdown.\nINFO:     Application shutdown complete.\nINFO:     Finished server process [1]\n",
        ),
    };
    let end = vec![Act::err(last), Act::Exit(0)];
    let mut acts = log;
    acts.push(Act::Serve(vec![(Signal::SIGTERM, end.clone()), (Signal::SIGINT, end)]));
    acts
}

fn line_of(name: &str) -> Option<&'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#')).find(|line| line.split('|').next() == Some(name))
}

/// A requirement: the name, and the version if one is fixed.
fn requirement(word: &str) -> Option<(String, Option<String>)> {
    let word = word.split([';', '#']).next().unwrap_or(word).trim().trim_matches(['"', '\'']);
    let end = word.find(['=', '<', '>', '~', '!', '[', ' ', '@']).unwrap_or(word.len());
    let name = word[..end].to_lowercase().replace('_', "-");
    let version = word.split_once("==").map(|(_, version)| version.trim().to_string());
    let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-.".contains(letter));
    is_name.then_some((name, version))
}

/// What is on PyPI as far as the model knows: the table, and names that are not made up to be missing.
fn known(name: &str) -> Option<(String, u64, Vec<&'static str>, Vec<&'static str>)> {
    let line = line_of(name)?;
    let mut parts = line.split('|').skip(1);
    let mut word = || parts.next().unwrap_or_default();
    let (version, kilobytes) = (word().to_string(), word().parse().unwrap_or(200));
    let list = |text: &'static str| text.split(' ').filter(|word| !word.is_empty()).collect();
    Some((version, kilobytes, list(word()), list(word())))
}

/// The requirements of a command line, with those of the files that it names; or what pip says instead.
fn wanted(args: &[String], sys: &mut dyn Sys) -> Result<Vec<(String, Option<String>)>, String> {
    let mut all = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-r" | "--requirement" | "-c" | "--constraint" => {
                let file = rest.next().cloned().unwrap_or_default();
                if sys.stat(&file, true).is_err() {
                    return Err(format!(
                        "ERROR: Could not open requirements file: [Errno 2] No such file or directory: '{file}'\n"
                    ));
                }
                if arg.contains('r') && arg != "--constraint" {
                    all.extend(
                        text(sys, &file).lines().filter(|line| !line.trim_start().starts_with(['#', '-'])).filter_map(requirement),
                    );
                }
            }
            "--target" | "-t" | "--index-url" | "-i" | "--extra-index-url" | "--prefix" | "--find-links" | "-f"
            | "--trusted-host" | "--timeout" | "--default-timeout" | "--retries" | "--platform" | "--root-user-action"
            | "--progress-bar" | "--cache-dir" => {
                rest.next();
            }
            word if word.starts_with('-') || word.contains("://") || word.starts_with(['.', '/']) => {}
            word => all.extend(requirement(word)),
        }
    }
    Ok(all)
}

/// pip
pub(super) fn pip(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let version = version(situation, sys);
    let words: Vec<&String> = situation.args.iter().filter(|word| !word.starts_with('-')).collect();
    match words.first().map(|word| word.as_str()) {
        Some("install") => install(situation, &version, sys),
        Some("--version") | None if situation.args.iter().any(|word| word == "--version" || word == "-V") => {
            vec![Act::out(&format!("pip 25.0.1 from {}/pip (python {})\n", packages(situation, sys), two(&version)))]
        }
        Some("freeze" | "list") => {
            let library = packages(situation, sys);
            let entries = sys.read_dir(&library).unwrap_or_default();
            let names = entries.iter().filter_map(|entry| entry.name.strip_suffix(".dist-info")?.split_once('-'));
            vec![Act::out(&names.map(|(name, version)| format!("{name}=={version}\n")).collect::<String>())]
        }
        Some("uninstall") => words.iter().skip(1).map(|name| Act::Remove(format!("{}/{name}", packages(situation, sys)))).collect(),
        Some("cache" | "config" | "check" | "download" | "wheel" | "show" | "debug") => opaque::acts(situation),
        _ => vec![Act::out("\nUsage:   \n  pip <command> [options]\n"), Act::Exit(1)],
    }
}

fn install(situation: &Situation, python: &str, sys: &mut dyn Sys) -> Vec<Act> {
    let args = situation.args.as_slice();
    let quiet = args.iter().any(|word| word == "-q" || word == "--quiet");
    let caches = !args.iter().any(|word| word == "--no-cache-dir") && situation.variable("PIP_NO_CACHE_DIR").is_none();
    let asked = match wanted(args, sys) {
        Ok(asked) => asked.into_iter().filter(|(name, _)| name != "install").collect::<Vec<_>>(),
        Err(text) => return vec![Act::err(&text), Act::Exit(1)],
    };
    let library = packages(situation, sys);
    let library = if sys.ids().0 == 0 || situation.variable("VIRTUAL_ENV").is_some() {
        library
    } else {
        format!("{}/.local/lib/python{}/site-packages", situation.variable("HOME").unwrap_or("/"), two(python))
    };
    let mut acts = Vec::new();
    let mut pending = asked;
    let mut done: Vec<(String, String, u64)> = Vec::new();
    pending.reverse();
    while let Some((name, fixed)) = pending.pop() {
        if done.iter().any(|(known, ..)| *known == name) {
            continue;
        }
        let Some((version, kilobytes, needs, modules)) = known(&name).or_else(|| source::guessed(&name)) else {
            acts.push(Act::err(&format!(
                "ERROR: Could not find a version that satisfies the requirement {name} (from versions: none)\nERROR: No matching distribution found for {name}\n"
            )));
            acts.push(Act::Exit(1));
            return acts;
        };
        let version = fixed.unwrap_or(version);
        if !quiet {
            let file = format!("{}-{version}-py3-none-any.whl", name.replace('-', "_"));
            acts.push(Act::out(&format!("Collecting {name}\n  Downloading {file} ({} kB)\n", kilobytes / 3 + 1)));
        }
        acts.push(Act::Take(30 + kilobytes / 50));
        acts.extend(unpacked(&library, (&name, &version, kilobytes), &modules));
        if caches {
            let home = situation.variable("HOME").unwrap_or("/root");
            acts.push(Act::Sized {
                path: format!("{home}/.cache/pip/http-v2/{name}-{version}.whl"),
                head: crate::modelled::DATA_HEADER.into(),
                bytes: (kilobytes / 3 + 1) * 1024,
                mode: 0o600,
            });
        }
        pending.extend(needs.into_iter().rev().map(|need| (need.to_string(), None)));
        done.push((name, version, kilobytes));
    }
    if !quiet && !done.is_empty() {
        let names: Vec<&str> = done.iter().map(|(name, ..)| name.as_str()).collect();
        let full: Vec<String> = done.iter().map(|(name, version, _)| format!("{name}-{version}")).collect();
        acts.push(Act::out(&format!("Installing collected packages: {}\n", names.join(", "))));
        acts.push(Act::out(&format!("Successfully installed {}\n", full.join(" "))));
    }
    if sys.ids().0 == 0 && situation.variable("VIRTUAL_ENV").is_none() && !done.is_empty() {
        acts.push(Act::err("WARNING: Running pip as the 'root' user can result in broken permissions and conflicting behaviour with the system package manager. It is recommended to use a virtual environment instead.\n"));
    }
    acts
}

fn unpacked(library: &str, (name, version, kilobytes): (&str, &str, u64), modules: &[&str]) -> Vec<Act> {
    let own = name.replace('-', "_");
    let modules: Vec<String> =
        if modules.is_empty() { vec![own.clone()] } else { modules.iter().map(|name| (*name).to_string()).collect() };
    let mut acts: Vec<Act> = Vec::new();
    for (at, module) in modules.iter().enumerate() {
        acts.push(Act::Sized {
            path: format!("{library}/{module}/__init__.py"),
            head: crate::modelled::DATA_HEADER.into(),
            bytes: if at == 0 { kilobytes * 1024 } else { 0 },
            mode: 0o644,
        });
    }
    acts.push(Act::Write {
        path: format!("{library}/{own}-{version}.dist-info/METADATA"),
        text: format!("Name: {name}\nVersion: {version}\n"),
        mode: 0o644,
    });
    let program = match name {
        "flask" | "uvicorn" | "gunicorn" | "black" | "pytest" | "celery" | "poetry" | "pipenv" | "uv" | "virtualenv" | "awscli"
        | "ansible" | "tox" | "mypy" | "ruff" | "alembic" | "streamlit" | "django" => Some(name),
        _ => None,
    };
    if let Some(program) = program {
        let directory = library.split("/lib/python").next().unwrap_or("/usr/local");
        let called = if program == "django" { "django-admin" } else { program };
        acts.push(Act::Sized {
            path: format!("{directory}/bin/{called}"),
            head: crate::modelled::program(program, &[]),
            bytes: 300,
            mode: 0o755,
        });
    }
    acts
}
