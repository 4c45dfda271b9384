//! Nothing panics, and whatever is thrown at the parser is answered in bounded words.

use super::super::*;

/// Numbers that look random and are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.next(from.len())]
    }
}

const PIECES: &[&str] = &[
    "docker ",
    "run ",
    "create ",
    "exec ",
    "container ",
    "ps ",
    "plan ",
    "help ",
    "build ",
    " ",
    "-",
    "--",
    "=",
    ":",
    ",",
    "/",
    "@",
    "'",
    "\"",
    "\\",
    "é",
    "\u{a0}",
    "\u{1f600}",
    "\0",
    "\n",
    "it",
    "m",
    "64m",
    "--mount ",
    "type=bind,",
    "--network ",
    "-p ",
    "[::1]",
    "--ulimit ",
    "nofile=",
    "--health-interval ",
    "1h",
    ".5",
    "99999999999999999999",
    "--cpus ",
    "1/",
    "e9",
    "0x",
    "-v ",
    "--gpus ",
    "--add-host ",
    "a",
    "toolbox",
    "--plan",
    "--step",
    "-1",
    "sha256:",
    "_",
    "%",
    "\u{301}",
];

/// The spans of an answer lie within the text, between letters.
fn check(text: &str, answer: Result<Invocation, UsageError>) {
    let inside = |span: Span| assert!(text.get(span.start..span.end).is_some(), "{span:?} of {text:?}");
    match answer {
        Ok(invocation) => {
            assert_eq!(invocation.words.text, text);
            invocation.words.flags.iter().for_each(|flag| inside(flag.span));
            invocation.words.positionals.iter().for_each(|(_, span)| inside(*span));
        }
        Err(error) => {
            assert!(!error.message.is_empty() && error.message.len() < 16 * 1024 && error.exit_code != 0);
            error.span.into_iter().for_each(inside);
        }
    }
}

#[test]
fn no_line_panics() {
    let mut dice = Dice(1);
    for _ in 0..20_000 {
        let line: String = (0..dice.next(14)).map(|_| dice.pick(PIECES)).collect();
        check(&line, parse_line(&line));
        complete(&line, dice.next(line.len() + 2));
    }
    for _ in 0..5_000 {
        let bytes: Vec<u8> = (0..dice.next(60)).map(|_| dice.next(256) as u8).collect();
        let line = String::from_utf8_lossy(&bytes).into_owned();
        check(&line, parse_line(&line));
    }
}

#[test]
fn no_argument_vector_panics() {
    let mut dice = Dice(2);
    for _ in 0..20_000 {
        let word = |dice: &mut Dice| (0..dice.next(5)).map(|_| dice.pick(PIECES)).collect::<String>();
        let mut argv: Vec<String> = (0..dice.next(8)).map(|_| word(&mut dice).trim().to_string()).collect();
        if dice.next(2) == 0 {
            argv.insert(0, "run".to_string());
        }
        let text = words::join(&argv).unwrap().text;
        check(&text, parse(&argv));
        let _ = check_grammar(&argv);
    }
}

#[test]
fn garbage_is_answered_in_bounded_words() {
    let garbage = "é".repeat(5_000_000);
    for argv in [vec![garbage.clone()], vec!["run".into(), format!("--{garbage}")], vec!["x".into(); 1_000_000]] {
        let error = parse(&argv).unwrap_err();
        assert!(error.message.starts_with("glassbox: the command line has") && error.message.len() < 400, "{}", error.message);
    }
    assert!(parse_line(&garbage).unwrap_err().message.contains("1048576"));
    let long = "x".repeat(LINE_BYTES_MAX - 100);
    for line in [
        long.clone(),
        format!("run --{long}"),
        format!("run -m {long} a"),
        format!("run -z{long}"),
        format!("run --mount {long} a"),
        format!("run A{long}"),
        format!("run -v {}: a", long.replace('x', ":")),
        format!("run --network-alias {long} a"),
        format!("help {long}"),
        format!("container {long}"),
        format!("run --platform {long} a"),
        format!("run -p {long} a"),
    ] {
        let error = parse_line(&line).unwrap_err();
        assert!(error.message.len() < 16 * 1024, "{} bytes for {}", error.message.len(), &line[..30]);
    }
}

#[test]
fn a_cluster_holds_so_many_flags() {
    let error = parse_line(&format!("run -{} a", "i".repeat(500_000))).unwrap_err();
    assert_eq!(error.message, format!("glassbox: more flags than the limit of {FLAGS_MAX}"));
    assert!(parse_line(&format!("run -{} a", "i".repeat(FLAGS_MAX))).is_ok());
}
