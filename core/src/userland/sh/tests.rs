//! The parser against garbage, and what it must refuse.

use super::parse::{Parser, Problem};

fn parse(text: &str) -> Result<(), Problem> {
    Parser::new(text, 1, true).whole_text().map(drop)
}

#[test]
fn refuses_with_the_line() {
    assert_eq!(parse("echo a\n)").unwrap_err().message(), "line 2: syntax error: unexpected \")\"");
    assert_eq!(parse("if true; then\n").unwrap_err().message(), "line 2: syntax error: unexpected end of file");
    assert_eq!(parse("echo 'a").unwrap_err(), Problem::Incomplete(1));
    for bad in ["&&", "a | | b", "done", "for 1 in a; do b; done", "case a in b", "a ( b", "{ }", "${x", "echo ${x!}", "a >", "( )"]
    {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn nesting_has_a_limit() {
    for deep in ["(", "$(", "{ ", "\"${x:-", "if ", "`$(", "$(( (", "! ! ! "] {
        assert!(parse(&deep.repeat(5_000)).is_err(), "{deep}");
    }
    assert!(parse(&format!("{}echo{}", "(".repeat(90), ")".repeat(90))).is_ok());
    assert!(parse(&"a && ".repeat(20_000)).is_err());
    assert!(parse(&format!("{} b", "a && ".repeat(20_000))).is_ok());
}

/// A seeded generator (xorshift): the same garbage in every run.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as usize
}

#[test]
fn garbage_never_panics() {
    const PIECES: &[&str] = &[
        "if", "then", "fi", "while", "do", "done", "for", "in", "case", "esac", "{", "}", "(", ")", ";", ";;", "&", "&&", "|",
        "||", "<", ">", ">>", "<<E", "<<-'E'", "\nE\n", "\n", " ", " ", " ", "$", "${", "x", "=", "$((", "))", "$(", "`", "\"",
        "'", "\\", "~", "#", "*", "é", "2>&1", "!", "-", ":-", "%", "1", "+", "a b", "\t", "&>", "<&-", "echo",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let mut whole = 0;
    for _ in 0..20_000 {
        let length = next(&mut state) % 24;
        let text: String = (0..length).map(|_| PIECES[next(&mut state) % PIECES.len()]).collect();
        whole += usize::from(parse(&text).is_ok());
    }
    assert!(whole > 500, "only {whole} of the texts were commands: the generator has lost its point");
}
