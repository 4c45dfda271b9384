//! Holding what explanations claim against a traced run: do the calls that they name occur, with these arguments, in this order?
//!
//! Pure: the trace comes in as text that strace(1) wrote (`-f -s 4096`); whoever ran it is in `tests/`. What a C library is free to
//! choose (open or openat, mkdir or mkdirat) is put into one form first.

use std::collections::BTreeMap;

use super::{Call, CallWhen};

/// A claim that the trace does not bear out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfounded {
    /// The step that claims it, as the caller named it.
    pub step: String,
    /// The call.
    pub call: Call,
}

/// The calls of a trace in the order in which they were made; those that were interrupted in the text are put together again.
pub fn parse_trace(text: &str) -> Vec<Call> {
    let mut begun: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let (pid, rest) = split_pid(line);
        if let Some(head) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(pid, (lines.len(), head.trim_end().to_string()));
            lines.push(String::new());
        } else if let Some((_, tail)) = rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            if let Some((place, head)) = begun.remove(pid) {
                lines[place] = head + tail;
            }
        } else {
            lines.push(rest.to_string());
        }
    }
    // A call that never came back, as exit or a last execve of another thread, was made all the same.
    for (place, head) in begun.into_values() {
        lines[place] = head + ") = ?";
    }
    lines.iter().filter_map(|line| parse_call(line)).collect()
}

fn split_pid(line: &str) -> (&str, &str) {
    match line.split_once(' ') {
        Some((pid, rest)) if !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()) => (pid, rest.trim_start()),
        _ => ("", line),
    }
}

/// `name(first, second) = result`; `None` for signals, exits and other remarks.
fn parse_call(line: &str) -> Option<Call> {
    let (name, rest) = line.split_once('(')?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    let arguments = split_arguments(rest)?;
    Some(Call { name: name.to_string(), arguments, when: CallWhen::Always })
}

/// The arguments up to the closing parenthesis: commas count outside of quotes and brackets.
fn split_arguments(text: &str) -> Option<Vec<String>> {
    let (mut all, mut one, mut depth, mut quoted, mut escaped) = (Vec::new(), String::new(), 0_u32, false, false);
    for character in text.chars() {
        if quoted {
            quoted = character != '"' || escaped;
            escaped = character == '\\' && !escaped;
            one.push(character);
            continue;
        }
        match character {
            ')' if depth == 0 => {
                let last = one.trim().to_string();
                if !last.is_empty() || !all.is_empty() {
                    all.push(last);
                }
                return Some(all);
            }
            ',' if depth == 0 => {
                all.push(one.trim().to_string());
                one.clear();
                continue;
            }
            '"' => quoted = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        one.push(character);
    }
    None
}

/// The claims, by step in the order of the plan, that do not occur in the trace in this order. What is made only sometimes is looked
/// for as well, and may be missing.
pub fn unfounded(claims: &[(String, Vec<Call>)], trace: &[Call]) -> Vec<Unfounded> {
    let trace: Vec<Call> = trace.iter().map(one_form).collect();
    let (mut missing, mut from) = (Vec::new(), 0);
    for (step, calls) in claims {
        for call in calls.iter().filter(|call| call.when == CallWhen::Always) {
            let wanted = one_form(call);
            match trace.iter().skip(from).position(|made| is_claimed(&wanted, made)) {
                Some(at) => from += at + 1,
                None => missing.push(Unfounded { step: step.clone(), call: call.clone() }),
            }
        }
    }
    missing
}

/// Calls of these names that were made and that no step claims, up to the one that starts the program: what follows is the program's
/// own doing. The first call of a trace, which starts the engine, is left out.
pub fn unnamed(claims: &[(String, Vec<Call>)], trace: &[Call], names: &[&str]) -> Vec<Call> {
    let wanted: Vec<Call> = claims.iter().flat_map(|(_, calls)| calls.iter().map(one_form)).collect();
    let starts_program = |made: &Call| wanted.iter().any(|claim| claim.name == "execve" && is_claimed(claim, made));
    let made = trace.iter().skip(1).take_while(|made| !starts_program(made));
    let named = made.filter(|made| names.contains(&made.name.as_str()));
    named.filter(|made| !wanted.iter().any(|claim| is_claimed(claim, &one_form(made)))).cloned().collect()
}

/// The call in the form with a directory's descriptor, and with flags where the other form has none.
fn one_form(call: &Call) -> Call {
    let here = || "AT_FDCWD".to_string();
    // musl adds it to every open; on this machine it means nothing.
    let mut arguments: Vec<String> = call.arguments.iter().map(|argument| argument.replace("|O_LARGEFILE", "")).collect();
    let name = match call.name.as_str() {
        "open" => "openat",
        "mkdir" => "mkdirat",
        "mknod" => "mknodat",
        "chmod" => "fchmodat",
        "rename" => {
            arguments.insert(1.min(arguments.len()), here());
            "renameat"
        }
        // What is exchanged is put in its place as well.
        "renameat2" if arguments.last().is_some_and(|flags| flags == "RENAME_EXCHANGE") => {
            arguments.pop();
            return Call { name: "renameat".into(), arguments, when: call.when };
        }
        "symlink" => {
            arguments.insert(1.min(arguments.len()), here());
            return Call { name: "symlinkat".into(), arguments, when: call.when };
        }
        "unlink" => {
            arguments.push("0".into());
            "unlinkat"
        }
        "rmdir" => {
            arguments.push("AT_REMOVEDIR".into());
            "unlinkat"
        }
        other => return Call { name: other.to_string(), arguments, when: call.when },
    };
    arguments.insert(0, here());
    Call { name: name.to_string(), arguments, when: call.when }
}

/// A last `…` stands for all further arguments.
fn is_claimed(claim: &Call, made: &Call) -> bool {
    let open_ended = claim.arguments.last().is_some_and(|last| last == "…");
    let enough =
        if open_ended { made.arguments.len() + 1 >= claim.arguments.len() } else { made.arguments.len() == claim.arguments.len() };
    claim.name == made.name && enough && claim.arguments.iter().zip(&made.arguments).all(|(claim, made)| fits(claim, made))
}

/// `…` stands for any text, also inside of an argument.
fn fits(claim: &str, made: &str) -> bool {
    let mut parts = claim.split('…');
    let Some(mut rest) = parts.next().and_then(|first| made.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::call;

    const TRACE: &str = r#"7     clone3({flags=CLONE_PIDFD|CLONE_NEWPID, pidfd=0x7ffd, exit_signal=SIGCHLD, stack=NULL, stack_size=0} => {pidfd=[14]}, 88) = 8
8     mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL <unfinished ...>
7     openat(AT_FDCWD, "/a, \"b\" (c", O_WRONLY|O_CLOEXEC) = 6
8     <... mount resumed>)              = 0
8     rename("/x.new", "/x") = 0
8     --- SIGCHLD {si_signo=SIGCHLD} ---
8     execve("/bin/echo", ["echo", "hi"], 0x7ffe /* 4 vars */) = 0
8     +++ exited with 0 +++
"#;

    #[track_caller]
    fn check(claims: &[Call], missing: &[&str]) {
        let claims = [("Step".to_string(), claims.to_vec())];
        let found: Vec<String> = unfounded(&claims, &parse_trace(TRACE)).into_iter().map(|claim| claim.call.name).collect();
        assert_eq!(found, missing);
    }

    #[test]
    fn a_trace_is_read() {
        let calls = parse_trace(TRACE);
        let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["clone3", "mount", "openat", "rename", "execve"]);
        assert_eq!(calls[1].arguments, ["NULL", "\"/\"", "NULL", "MS_REC|MS_PRIVATE", "NULL"]);
        assert_eq!(calls[2].arguments[1], r#""/a, \"b\" (c""#);
    }

    #[test]
    fn what_was_made_is_founded() {
        check(&[call("clone3", &["{flags=CLONE_PIDFD|CLONE_NEWPID, …, exit_signal=SIGCHLD, …}…", "88"])], &[]);
        check(
            &[
                call("open", &["\"/a, \\\"b\\\" (c\"", "O_WRONLY|O_CLOEXEC"]),
                call("renameat", &["AT_FDCWD", "…", "AT_FDCWD", "\"/x\""]),
            ],
            &[],
        );
        check(&[call("execve", &["…", "[\"echo\", \"hi\"]", "…"])], &[]);
        check(&[call("umount2", &["…"]).when(CallWhen::IfPresent)], &[]);
    }

    #[test]
    fn what_no_step_names_is_found() {
        let names = ["mount", "rename", "execve"];
        let found = |claims: &[Call]| -> Vec<String> {
            let claims = [("Step".to_string(), claims.to_vec())];
            unnamed(&claims, &parse_trace(TRACE), &names).into_iter().map(|call| call.name).collect()
        };
        assert_eq!(found(&[]), ["mount", "rename", "execve"]);
        let mount = call("mount", &["NULL", "\"/\"", "…"]).when(CallWhen::IfPresent);
        assert_eq!(found(&[mount, call("execve", &["…", "…", "…"])]), ["rename"]);
    }

    #[test]
    fn another_order_argument_or_number_of_arguments_is_not() {
        check(&[call("rename", &["…", "…"]), call("mount", &["NULL", "\"/\"", "NULL", "MS_REC|MS_PRIVATE", "NULL"])], &["mount"]);
        check(&[call("mount", &["NULL", "\"/\"", "NULL", "MS_PRIVATE", "NULL"])], &["mount"]);
        check(&[call("mount", &["NULL", "\"/\""])], &["mount"]);
        check(&[call("umount2", &["…"])], &["umount2"]);
        check(&[call("execve", &["…", "[\"echo\"…x\"]", "…"])], &["execve"]);
    }
}
