//! Lines and what they are read as, or refused with.

mod limits;
mod table;

use super::*;
use crate::userland::Signal;

fn run(line: &str) -> RunContainer {
    match parse_line(line).unwrap().command {
        Command::RunContainer(run) => run,
        other => panic!("{other:?}"),
    }
}

fn refusal(line: &str) -> UsageError {
    parse_line(line).unwrap_err()
}

#[test]
fn run_reads_its_flags_and_stops_at_the_image() {
    let run =
        run("docker run -it --rm -m64m --cpus=1.5 --name web -e A=b -e C --pids-limit 5 -w /x -u 1 toolbox sh -c 'echo -d' -d");
    assert!(run.spec.interactive && run.spec.tty && run.spec.auto_remove && !run.detach && run.sig_proxy);
    let resources = &run.spec.resources;
    assert_eq!((resources.memory_bytes_max, resources.nano_cpus, resources.pids_max), (64 << 20, 1_500_000_000, Some(5)));
    assert_eq!(run.spec.arguments, ["sh", "-c", "echo -d", "-d"]);
    assert_eq!((run.spec.image.as_str(), run.spec.name.as_deref()), ("toolbox", Some("web")));
    assert_eq!(run.spec.env, ["A=b", "C"]);
}

#[test]
fn flags_know_where_they_stand() {
    let invocation = parse_line("glassbox run -it -m 64m --name='a b' toolbox true").unwrap();
    let words = invocation.words;
    let at = |span: Span| &words.text[span.start..span.end];
    let spans: Vec<_> = words.flags.iter().map(|flag| (flag.name.as_str(), at(flag.span))).collect();
    assert_eq!(spans, [("interactive", "-i"), ("tty", "t"), ("memory", "-m 64m"), ("name", "--name='a b'")]);
    assert_eq!(words.positional("IMAGE").map(at), Some("toolbox"));
    assert_eq!(words.positional("COMMAND").map(at), Some("true"));
}

#[test]
fn modes() {
    let mode = |line: &str| parse_line(line).unwrap().mode;
    assert_eq!(mode("glassbox run --plan toolbox"), Mode::Plan { json: false });
    assert_eq!(mode("glassbox --plan=json run toolbox"), Mode::Plan { json: true });
    assert_eq!(mode("glassbox plan docker run toolbox"), Mode::Plan { json: false });
    assert_eq!(mode("plan run toolbox --plan=json"), Mode::Plan { json: false });
    assert_eq!((mode("run --step toolbox"), mode("--explain ps"), mode("ps")), (Mode::Step, Mode::Explain, Mode::Execute));
}

#[test]
fn the_other_commands() {
    let command = |line: &str| parse_line(line).unwrap().command;
    assert_eq!(
        command("stop a -t 3 -s INT b"),
        Command::StopContainers {
            containers: vec!["a".into(), "b".into()],
            signal: Some(Signal::SIGINT),
            timeout_seconds: Some(3)
        }
    );
    assert_eq!(
        command("container ls -aq"),
        Command::ListContainers(ContainerList {
            all: true,
            quiet: true,
            no_trunc: false,
            last: -1,
            filters: Vec::new(),
            format: None,
            sizes: false,
        })
    );
    assert_eq!(command("kill a"), Command::KillContainers { containers: vec!["a".into()], signal: Signal::SIGKILL });
    assert_eq!(command("run --help"), Command::Help { topic: vec!["run".into()] });
    assert_eq!((command(""), command("--version")), (Command::Help { topic: vec![] }, Command::Version));
    let Command::ExecProcess(exec) = command("exec -it web sh -c x") else { panic!() };
    assert_eq!((exec.container.as_str(), exec.argv), ("web", vec!["sh".into(), "-c".into(), "x".into()]));
}

#[test]
fn what_is_not_carried_out_says_so_at_the_flag() {
    let error = refusal("docker run --use-api-socket toolbox");
    assert_eq!((error.exit_code, error.span), (125, Some(Span { start: 11, end: 27 })));
    assert!(error.message.starts_with("glassbox: --use-api-socket is understood but not carried out yet"), "{}", error.message);
    let error = refusal("docker search a");
    assert!(error.message.starts_with("glassbox: docker search is not carried out yet"), "{}", error.message);
    assert!(check_grammar(&["search".into(), "a".into()]).is_ok());
}

#[test]
fn docker_does_not_know_our_flags() {
    let error = check_grammar(&["run".into(), "--plan".into(), "toolbox".into()]).unwrap_err();
    assert!(error.message.starts_with("unknown flag: --plan\n"), "{}", error.message);
}

/// Lines and what the stock client of Docker 28.2 says to them.
#[test]
fn refusals_are_dockers_word_for_word() {
    let run_frame = "\n\nUsage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'docker run --help' for more information";
    for (line, first) in [
        ("run --foo", "unknown flag: --foo"),
        ("run -zq", "unknown shorthand flag: 'z' in -zq"),
        ("run -itz a", "unknown shorthand flag: 'z' in -z"),
        ("run --name", "flag needs an argument: --name"),
        ("run -e", "flag needs an argument: 'e' in -e"),
        ("run -m x a", "invalid argument \"x\" for \"-m, --memory\" flag: invalid size: 'x'"),
        ("run --cpus 1.1234567891 a", "invalid argument \"1.1234567891\" for \"--cpus\" flag: value is too precise"),
        ("run ---x a", "bad flag syntax: ---x"),
        ("run --rm=x a", "invalid argument \"x\" for \"--rm\" flag: strconv.ParseBool: parsing \"x\": invalid syntax"),
        ("run -e = a", "invalid argument \"=\" for \"-e, --env\" flag: invalid environment variable: ="),
    ] {
        let error = refusal(line);
        assert_eq!((error.message, error.exit_code), (format!("{first}{run_frame}"), 125), "{line}");
    }
    for (line, message, exit_code) in [
        ("foo", "docker: unknown command: docker foo\n\nRun 'docker --help' for more information", 1),
        (
            "container foo",
            "docker: unknown command: docker container foo\n\nUsage:  docker container\n\nRun 'docker container --help' for more information",
            1,
        ),
        (
            "run",
            "docker: 'docker run' requires at least 1 argument\n\nUsage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nSee 'docker run --help' for more information",
            1,
        ),
        (
            "ps x",
            "docker: 'docker ps' accepts no arguments\n\nUsage:  docker ps [OPTIONS]\n\nRun 'docker ps --help' for more information",
            1,
        ),
        (
            "container list --foo",
            "unknown flag: --foo\n\nUsage:  docker container ls [OPTIONS]\n\nRun 'docker container ls --help' for more information",
            125,
        ),
        (
            "run Foo",
            "docker: invalid reference format: repository name (library/Foo) must be lowercase\n\nRun 'docker run --help' for more information",
            125,
        ),
        ("create Foo", "invalid reference format: repository name (library/Foo) must be lowercase", 1),
        (
            "create --restart always --rm a",
            "docker: conflicting options: cannot specify both --restart and --rm\n\nRun 'docker create --help' for more information",
            125,
        ),
        ("start -i a b", "you cannot start and attach multiple containers at once", 1),
    ] {
        let error = refusal(line);
        assert_eq!((error.message.as_str(), error.exit_code), (message, exit_code), "{line}");
    }
}
