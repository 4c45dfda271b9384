//! pwd, date, nproc, seq, stty, tty, uname: small questions.

use super::options::Options;
use super::tool::Context;

/// The most lines that `seq` writes: it holds them all before it writes.
const SEQ_LINES_MAX: i64 = 1_000_000;

/// pwd(1)
pub(crate) fn pwd(context: &mut Context<'_>, _: &[String]) -> i32 {
    match context.sys.getcwd() {
        Ok(path) => {
            context.out.out(&(path + "\n"));
            0
        }
        Err(errno) => context.fail_with("getcwd", errno),
    }
}

/// date(1), in UTC; `+%s` gives the seconds.
pub(crate) fn date(context: &mut Context<'_>, args: &[String]) -> i32 {
    let seconds = context.sys.realtime();
    let text = match args {
        [] => utc(seconds),
        [format] if format == "+%s" => seconds.to_string(),
        _ => return context.fail("only +%s is understood"),
    };
    context.out.out(&(text + "\n"));
    0
}

fn utc(seconds: i64) -> String {
    let Ok(now) = time::OffsetDateTime::from_unix_timestamp(seconds) else { return seconds.to_string() };
    let (weekday, month) = (now.weekday().to_string(), now.month().to_string());
    let (hour, minute, second) = now.to_hms();
    format!("{:.3} {:.3} {:2} {hour:02}:{minute:02}:{second:02} UTC {}", weekday, month, now.day(), now.year())
}

/// nproc(1): the processors in /sys/devices/system/cpu/online.
pub(crate) fn nproc(context: &mut Context<'_>, _: &[String]) -> i32 {
    let path = "/sys/devices/system/cpu/online";
    match context.read_text(path) {
        Ok(ranges) => {
            let line = format!("{}\n", processors(&ranges).max(1));
            context.out.out(&line);
            0
        }
        Err(errno) => context.fail_with(path, errno),
    }
}

/// Counts `0-3,8`.
fn processors(ranges: &str) -> u64 {
    let count = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(last.parse::<u64>().ok()?.checked_sub(first.parse().ok()?)? + 1)
    };
    ranges.trim().split(',').filter_map(count).sum()
}

/// seq(1) for integers: `LAST`, `FIRST LAST`, `FIRST STEP LAST`.
pub(crate) fn seq(context: &mut Context<'_>, args: &[String]) -> i32 {
    let mut numbers = Vec::new();
    for arg in args {
        match arg.parse::<i64>() {
            Ok(number) => numbers.push(number),
            Err(_) => return context.fail(&format!("invalid number '{arg}'")),
        }
    }
    let (first, step, last) = match numbers[..] {
        [last] => (1, 1, last),
        [first, last] => (first, 1, last),
        [first, step, last] => (first, step, last),
        _ => return context.fail("usage: seq [FIRST [STEP]] LAST"),
    };
    if step == 0 {
        return context.fail("the step must not be 0");
    }
    if last.saturating_sub(first) / step >= SEQ_LINES_MAX {
        return context.fail(&format!("more than {SEQ_LINES_MAX} lines"));
    }
    let mut at = first;
    while if step > 0 { at <= last } else { at >= last } {
        context.out.out(&(at.to_string() + "\n"));
        at = at.saturating_add(step);
    }
    0
}

/// tty(1)
pub(crate) fn tty(context: &mut Context<'_>, args: &[String]) -> i32 {
    let quiet = args.iter().any(|arg| arg == "-s");
    if !context.sys.is_terminal(0) {
        if !quiet {
            context.out.out("not a tty\n");
        }
        return 1;
    }
    let name = context.sys.readlink("/proc/self/fd/0").unwrap_or_else(|_| "/dev/tty".to_string());
    if !quiet {
        context.out.out(&(name + "\n"));
    }
    0
}

/// `stty size`: the rows and columns of the terminal on stdin; stty(1) knows much more.
pub(crate) fn stty(context: &mut Context<'_>, args: &[String]) -> i32 {
    if args != ["size"] {
        return context.fail("only `stty size` is understood");
    }
    match context.sys.window_size(0) {
        Ok((rows, columns)) => {
            context.out.out(&format!("{rows} {columns}\n"));
            0
        }
        Err(errno) => context.fail_with("standard input", errno),
    }
}

/// uname(1): -s -n -r -m -a.
pub(crate) fn uname(context: &mut Context<'_>, args: &[String]) -> i32 {
    let options = match Options::parse(args, "snrma") {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    let (system, release, machine) = context.sys.uname();
    let node = context.sys.hostname();
    let all = options.has('a');
    let none = options.given().is_empty();
    let parts = [('s', system), ('n', node), ('r', release), ('m', machine)];
    let shown: Vec<String> = parts
        .into_iter()
        .filter(|(letter, _)| all || options.has(*letter) || (none && *letter == 's'))
        .map(|(_, text)| text)
        .collect();
    context.out.out(&(shown.join(" ") + "\n"));
    0
}
