//! Compilers and the tools around them: cargo, Maven, Gradle, javac and java, gcc, make, dotnet, composer, bundler, php, ruby.

use super::apt::text;
use super::{Act, Situation, opaque, source};
use crate::modelled;
use crate::userland::{Signal, Sys};

/// `None`: it is none of them.
pub(super) fn acts(situation: &Situation, sys: &mut dyn Sys) -> Option<Vec<Act>> {
    let first = situation.args.first().map_or("", String::as_str);
    if matches!(first, "--version" | "-v" | "-V" | "-version" | "version") && situation.name != "java" {
        return Some(vec![Act::out(&format!("{} (modelled)\n", situation.name))]);
    }
    Some(match situation.name.as_str() {
        "cargo" => cargo(first, sys),
        "mvn" | "mvnw" => maven(situation, sys),
        "gradle" | "gradlew" => gradle(situation),
        "javac" => javac(situation, sys),
        "java" => java(situation, sys),
        "gcc" | "g++" | "cc" | "c++" | "clang" | "rustc" => compiler(situation, sys),
        "make" | "ninja" => make(situation, sys),
        "dotnet" => dotnet(situation, first),
        "composer" => vec![
            Act::Take(900),
            Act::Sized { path: "vendor/modelled-files".into(), head: modelled::DATA_HEADER.into(), bytes: 9_000_000, mode: 0o644 },
            Act::Write { path: "vendor/autoload.php".into(), text: "<?php // modelled\n".into(), mode: 0o644 },
            Act::err("Installing dependencies from lock file (including require-dev)\nGenerating autoload files\n"),
        ],
        "bundle" | "bundler" => bundle(situation, first, sys),
        "gem" => gem(situation, first),
        "docker-php-ext-install" | "docker-php-ext-enable" | "docker-php-ext-configure" | "pecl" => extensions(situation),
        "a2enmod" => situation
            .args
            .iter()
            .map(|name| {
                Act::out(&format!(
                    "Enabling module {name}.\nTo activate the new configuration, you need to run:\n  service apache2 restart\n"
                ))
            })
            .collect(),
        "php" | "ruby" | "perl" => interpreter(situation, sys),
        _ => return None,
    })
}

fn made(path: String, name: &str, facts: &[(String, String)], bytes: u64) -> Act {
    Act::Sized { path, head: modelled::program(name, facts), bytes, mode: 0o755 }
}

/// What a source lets the model see of a program.
fn facts(code: &str) -> Vec<(String, String)> {
    let c = |line: &str| {
        let rest = line.trim().strip_prefix("printf(\"").or_else(|| line.trim().strip_prefix("puts(\""))?;
        rest.split('"').next().filter(|text| !text.contains('%')).map(|text| text.trim_end_matches("\\n").to_string())
    };
    let java = |line: &str| {
        let rest = line.trim().split("System.out.println(\"").nth(1)?;
        rest.split('"').next().map(str::to_string)
    };
    let lines = code.lines().filter_map(|line| c(line).or_else(|| java(line)).or_else(|| source::printed(line.trim())));
    lines.take(20).map(|line| ("prints".to_string(), line)).collect()
}

fn cargo(first: &str, sys: &mut dyn Sys) -> Vec<Act> {
    if !matches!(first, "build" | "install" | "run") {
        return vec![Act::Take(500)];
    }
    let manifest = text(sys, "Cargo.toml");
    if manifest.is_empty() && first != "install" {
        let cwd = sys.getcwd().unwrap_or_default();
        return vec![Act::err(&format!("error: could not find `Cargo.toml` in `{cwd}` or any parent directory\n")), Act::Exit(101)];
    }
    let value = |key: &str| {
        manifest
            .lines()
            .find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='))
            .map(|text| text.trim().trim_matches('"').to_string())
    };
    let name = value("name").unwrap_or_else(|| "app".into());
    let code = text(sys, "src/main.rs");
    vec![
        Act::err(&format!("   Compiling {name} v{} (modelled)\n", value("version").unwrap_or_else(|| "0.1.0".into()))),
        Act::Take(6_000),
        Act::Sized {
            path: "target/release/deps/modelled-files".into(),
            head: modelled::DATA_HEADER.into(),
            bytes: 180_000_000,
            mode: 0o644,
        },
        made(format!("target/release/{name}"), "go-program", &facts(&code), 4_200_000),
        made(format!("target/debug/{name}"), "go-program", &facts(&code), 40_000_000),
        Act::err("    Finished `release` profile [optimized] target(s) in 6.00s\n"),
    ]
}

fn tag(text: &str, name: &str) -> Option<String> {
    let rest = text.split(&format!("<{name}>")).nth(1)?;
    rest.split('<').next().map(|value| value.trim().to_string())
}

fn maven(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let pom = text(sys, "pom.xml");
    if pom.is_empty() {
        let cwd = sys.getcwd().unwrap_or_default();
        return vec![
            Act::out(&format!(
                "[ERROR] The goal you specified requires a project to execute but there is no POM in this directory ({cwd}).\n"
            )),
            Act::Exit(1),
        ];
    }
    let own = pom.split("</parent>").last().unwrap_or(&pom);
    let (name, version) =
        (tag(own, "artifactId").unwrap_or_else(|| "app".into()), tag(own, "version").unwrap_or_else(|| "1.0".into()));
    let name = tag(own, "finalName").unwrap_or(format!("{name}-{version}"));
    let repository = Act::Sized {
        path: "/root/.m2/repository/modelled-files".into(),
        head: modelled::DATA_HEADER.into(),
        bytes: 70_000_000,
        mode: 0o644,
    };
    let mut acts = vec![Act::out("[INFO] Scanning for projects...\n"), repository, Act::Take(5_000)];
    if situation.args.iter().any(|word| matches!(word.as_str(), "package" | "install" | "verify" | "deploy")) {
        acts.push(made(format!("target/{name}.jar"), "jar", &[], 18_000_000));
        acts.push(Act::out(&format!("[INFO] Building jar: target/{name}.jar\n")));
    }
    acts.push(Act::out("[INFO] BUILD SUCCESS\n"));
    acts
}

fn gradle(situation: &Situation) -> Vec<Act> {
    let mut acts = vec![Act::Take(5_000)];
    if situation.args.iter().any(|word| matches!(word.as_str(), "build" | "assemble" | "bootJar" | "jar" | "shadowJar")) {
        acts.push(made("build/libs/app.jar".into(), "jar", &[], 18_000_000));
    }
    acts.push(Act::out("BUILD SUCCESSFUL in 5s\n"));
    acts
}

fn javac(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let mut acts = vec![Act::Take(700)];
    for file in situation.args.iter().filter(|word| word.ends_with(".java")) {
        if sys.stat(file, true).is_err() {
            return vec![
                Act::err(&format!("error: file not found: {file}\nUsage: javac <options> <source files>\n")),
                Act::Exit(2),
            ];
        }
        let code = text(sys, file);
        acts.push(made(file.replace(".java", ".class"), "go-program", &facts(&code), 900));
    }
    acts
}

fn java(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    if situation.args.iter().any(|word| word == "-version" || word == "--version") {
        return vec![Act::err("openjdk version \"21\" (modelled)\n")];
    }
    let at = situation.args.iter().position(|word| word == "-jar");
    if let Some(jar) = at.and_then(|at| situation.args.get(at + 1)) {
        if sys.stat(jar, true).is_err() {
            return vec![Act::err(&format!("Error: Unable to access jarfile {jar}\n")), Act::Exit(1)];
        }
        // Java's runtime ends at SIGTERM with 143, as the first process too.
        return vec![
            Act::out("INFO: modelled: Tomcat started on port 8080 (http)\nINFO: modelled: Started Application\n"),
            Act::Serve(vec![(Signal::SIGTERM, vec![Act::Exit(143)]), (Signal::SIGINT, vec![Act::Exit(130)])]),
        ];
    }
    let class = situation.args.iter().find(|word| !word.starts_with('-')).cloned().unwrap_or_default();
    let head = [format!("{class}.class"), class.clone()].iter().map(|path| text(sys, path)).find(|text| !text.is_empty());
    match head.as_deref().map(str::as_bytes).and_then(modelled::read_program) {
        Some((_, facts)) => {
            facts.iter().filter(|(key, _)| key == "prints").map(|(_, line)| Act::out(&format!("{line}\n"))).collect()
        }
        None if class.ends_with(".java") => {
            facts(&text(sys, &class)).iter().map(|(_, line)| Act::out(&format!("{line}\n"))).collect()
        }
        None => vec![
            Act::err(&format!(
                "Error: Could not find or load main class {class}\nCaused by: java.lang.ClassNotFoundException: {class}\n"
            )),
            Act::Exit(1),
        ],
    }
}

fn compiler(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let args = &situation.args;
    let sources: Vec<&String> =
        args.iter().filter(|word| [".c", ".cc", ".cpp", ".rs", ".S"].iter().any(|end| word.ends_with(end))).collect();
    if sources.is_empty() {
        return if args.is_empty() {
            vec![Act::err(&format!("{}: fatal error: no input files\ncompilation terminated.\n", situation.name)), Act::Exit(1)]
        } else {
            Vec::new()
        };
    }
    if let Some(missing) = sources.iter().find(|path| sys.stat(path, true).is_err()) {
        let name = &situation.name;
        return vec![
            Act::err(&format!(
                "{name}: error: {missing}: No such file or directory\n{name}: fatal error: no input files\ncompilation terminated.\n"
            )),
            Act::Exit(1),
        ];
    }
    let code: String = sources.iter().map(|path| text(sys, path)).collect();
    let at = args.iter().position(|word| word == "-o");
    let output = at.and_then(|at| args.get(at + 1).cloned()).unwrap_or_else(|| "a.out".into());
    let bytes = if args.iter().any(|word| word == "-static") { 780_000 } else { 16_000 };
    vec![Act::Take(300), made(output, "go-program", &facts(&code), bytes)]
}

fn make(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let named = situation.args.iter().any(|word| word.starts_with("-f") || word.starts_with("-C"));
    let there = ["Makefile", "makefile", "GNUmakefile", "build.ninja"].iter().any(|name| sys.stat(name, true).is_ok());
    if !named && !there {
        return vec![Act::err("make: *** No targets specified and no makefile found.  Stop.\n"), Act::Exit(2)];
    }
    opaque::acts(situation)
}

fn dotnet(situation: &Situation, first: &str) -> Vec<Act> {
    match first {
        "restore" => vec![Act::Take(2_000), Act::out("  Restored (modelled).\n")],
        "build" | "publish" => {
            let at = situation.args.iter().position(|word| word == "-o" || word == "--output");
            let directory =
                at.and_then(|at| situation.args.get(at + 1).cloned()).unwrap_or_else(|| "bin/Release/net8.0/publish".into());
            let path = format!("{directory}/modelled-files");
            vec![
                Act::Take(4_000),
                Act::Sized { path, head: modelled::DATA_HEADER.into(), bytes: 2_000_000, mode: 0o644 },
                Act::out("Build succeeded.\n"),
            ]
        }
        word if word.ends_with(".dll") => vec![
            Act::out("info: Microsoft.Hosting.Lifetime[14]\n      Now listening on: http://[::]:8080\n"),
            Act::Serve(vec![(
                Signal::SIGTERM,
                vec![Act::out("info: Microsoft.Hosting.Lifetime[0]\n      Application is shutting down...\n"), Act::Exit(0)],
            )]),
        ],
        _ => opaque::acts(situation),
    }
}

fn bundle(situation: &Situation, first: &str, sys: &mut dyn Sys) -> Vec<Act> {
    match first {
        "install" | "" | "update" if sys.stat("Gemfile", true).is_err() => {
            vec![Act::err("Could not locate Gemfile\n"), Act::Exit(10)]
        }
        "install" | "" | "update" => vec![
            Act::Take(3_000),
            Act::Sized {
                path: "/usr/local/bundle/modelled-files".into(),
                head: modelled::DATA_HEADER.into(),
                bytes: 40_000_000,
                mode: 0o644,
            },
            Act::out("Bundle complete! Use `bundle info [gemname]` to see where a bundled gem is installed.\n"),
        ],
        "exec" => vec![Act::Become(situation.args.iter().skip(1).cloned().collect())],
        _ => Vec::new(),
    }
}

fn gem(situation: &Situation, first: &str) -> Vec<Act> {
    let names: Vec<&String> = situation.args.iter().skip(1).filter(|word| !word.starts_with('-')).collect();
    if first != "install" {
        return Vec::new();
    }
    let mut acts = vec![Act::Take(1_000)];
    for name in &names {
        if source::guessed(name).is_none() {
            let text = format!("ERROR:  Could not find a valid gem '{name}' (>= 0) in any repository\n");
            return vec![Act::err(&text), Act::Exit(2)];
        }
        acts.push(made(format!("/usr/local/bundle/bin/{name}"), name, &[], 600));
        acts.push(Act::out(&format!("Successfully installed {name}\n")));
    }
    acts.push(Act::out(&format!("{} gems installed\n", names.len())));
    acts
}

fn extensions(situation: &Situation) -> Vec<Act> {
    let names = situation.args.iter().filter(|word| !word.starts_with('-') && *word != "install");
    let mut acts = vec![Act::Take(4_000)];
    for name in names.filter(|_| situation.name != "docker-php-ext-configure") {
        acts.push(Act::Sized {
            path: format!("/usr/local/lib/php/extensions/{name}.so"),
            head: modelled::DATA_HEADER.into(),
            bytes: 400_000,
            mode: 0o644,
        });
        acts.push(Act::Write {
            path: format!("/usr/local/etc/php/conf.d/docker-php-ext-{name}.ini"),
            text: format!("extension={name}\n"),
            mode: 0o644,
        });
    }
    acts
}

fn interpreter(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    if let Some(at) = situation.args.iter().position(|word| word == "-S") {
        let address = situation.args.get(at + 1).cloned().unwrap_or_default();
        let text = format!("PHP Development Server (http://{address}) started\n");
        return vec![Act::err(&text), Act::Serve(vec![(Signal::SIGINT, vec![Act::Exit(0)])])];
    }
    let Some(file) = situation.args.iter().find(|word| !word.starts_with('-')) else { return opaque::acts(situation) };
    if situation.args.iter().any(|word| word == "-r" || word == "-e") {
        return opaque::acts(situation);
    }
    if sys.stat(file, true).is_err() {
        let text = match situation.name.as_str() {
            "php" => format!("Could not open input file: {file}\n"),
            name => format!("{name}: No such file or directory -- {file} (LoadError)\n"),
        };
        return vec![Act::err(&text), Act::Exit(1)];
    }
    let printed = source::all_printed(&text(sys, file));
    if printed.is_empty() { opaque::acts(situation) } else { printed }
}
