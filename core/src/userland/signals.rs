//! kill: signals to processes.

use super::sys::{Pid, Signal};
use super::tool::Context;

/// kill(1): `kill [-s NAME | -NAME | -N] PID…`, `kill -l [N]`.
pub(crate) fn kill(context: &mut Context<'_>, args: &[String]) -> i32 {
    let (signal, pids) = match args {
        [first, rest @ ..] if first == "-l" => return list(context, rest),
        [first, name, rest @ ..] if first == "-s" => (name.as_str(), rest),
        [first, rest @ ..] if first == "--" => ("TERM", rest),
        [first, rest @ ..] if first.len() > 1 && first.starts_with('-') => (&first[1..], rest),
        all => ("TERM", all),
    };
    let pids = if pids.first().is_some_and(|word| word == "--") { &pids[1..] } else { pids };
    let parsed = if signal == "0" { Some(None) } else { Signal::parse(signal).map(Some) };
    let Some(signal) = parsed else { return context.fail(&format!("bad signal name '{signal}'")) };
    if pids.is_empty() {
        return context.fail("you need to specify whom to kill");
    }
    let mut status = 0;
    for text in pids {
        status |= one(context, text, signal);
    }
    status
}

fn one(context: &mut Context<'_>, text: &str, signal: Option<Signal>) -> i32 {
    let Ok(pid) = text.parse::<Pid>() else { return context.fail(&format!("invalid number '{text}'")) };
    match context.sys.kill(pid, signal) {
        Ok(()) => 0,
        Err(errno) => context.fail_with(&format!("can't kill pid {pid}"), errno),
    }
}

fn list(context: &mut Context<'_>, wanted: &[String]) -> i32 {
    if wanted.is_empty() {
        for (name, signal) in Signal::NAMED {
            context.out.out(&format!("{:2}) {}\n", signal.0, &name[3..]));
        }
        return 0;
    }
    let mut status = 0;
    for text in wanted {
        let by_status = text.parse::<i32>().ok().filter(|number| *number > 128).map(|number| (number - 128).to_string());
        match Signal::parse(by_status.as_deref().unwrap_or(text)) {
            Some(signal) if text.parse::<i32>().is_ok() => context.out.out(&(signal.name()[3..].to_string() + "\n")),
            Some(signal) => context.out.out(&format!("{}\n", signal.0)),
            None => status = context.fail(&format!("unknown signal '{text}'")),
        }
    }
    status
}
