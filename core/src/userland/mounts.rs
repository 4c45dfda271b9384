//! mount and umount.

use super::options::Options;
use super::tool::Context;

/// The options of mount(8) that are flags of mount(2); the others are the file system's data.
const FLAGS: &[&str] = &[
    "ro",
    "rw",
    "nosuid",
    "suid",
    "nodev",
    "dev",
    "noexec",
    "exec",
    "sync",
    "remount",
    "bind",
    "rbind",
    "move",
    "private",
    "rprivate",
    "slave",
    "rslave",
    "shared",
    "rshared",
    "unbindable",
    "runbindable",
    "noatime",
    "relatime",
    "strictatime",
    "nodiratime",
    "silent",
    "dirsync",
    "defaults",
];

/// How mounts spread, each also with an `r` before it: mount_namespaces(7).
const SPREADS: &[&str] = &["private", "slave", "shared", "unbindable"];

/// mount(8): without arguments it shows /proc/mounts; otherwise `mount [-t TYPE] [-o OPTIONS] [-r] [--bind] SOURCE TARGET`.
pub(crate) fn mount(context: &mut Context<'_>, args: &[String]) -> i32 {
    let (long, short): (Vec<String>, Vec<String>) = args.iter().cloned().partition(|arg| arg.starts_with("--") && arg.len() > 2);
    let options = match Options::parse(&short, "t:o:rwa") {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    let mut words: Vec<String> =
        long.iter().map(|word| word.trim_start_matches("--make-").trim_start_matches("--").to_string()).collect();
    for (letter, value) in options.given() {
        match letter {
            'o' => words.extend(value.split(',').filter(|word| !word.is_empty()).map(str::to_string)),
            'r' => words.push("ro".to_string()),
            _ => {}
        }
    }
    let fs_type = options.value('t').unwrap_or_default();
    match &options.operands[..] {
        [] if words.is_empty() => show(context, fs_type),
        [target] if words.iter().any(|word| word == "remount" || SPREADS.iter().any(|known| word.ends_with(known))) => {
            attach(context, "none", target, fs_type, &words)
        }
        [source, target] => attach(context, source, target, fs_type, &words),
        _ => context.fail("usage: mount [-t TYPE] [-o OPTIONS] SOURCE TARGET"),
    }
}

fn attach(context: &mut Context<'_>, source: &str, target: &str, fs_type: &str, words: &[String]) -> i32 {
    let (flags, data): (Vec<&str>, Vec<&str>) = words.iter().map(String::as_str).partition(|word| FLAGS.contains(word));
    let flags: Vec<&str> = flags.into_iter().filter(|flag| *flag != "defaults").collect();
    match context.sys.mount(source, target, fs_type, &flags, &data.join(",")) {
        Ok(()) => 0,
        Err(errno) => context.fail(&format!("mounting {source} on {target} failed: {errno}")),
    }
}

fn show(context: &mut Context<'_>, fs_type: &str) -> i32 {
    let table = match context.read_text("/proc/mounts") {
        Ok(table) => table,
        Err(errno) => return context.fail_with("/proc/mounts", errno),
    };
    for line in table.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        if let [source, target, kind, options, ..] = fields[..]
            && (fs_type.is_empty() || fs_type == kind)
        {
            context.out.out(&format!("{source} on {target} type {kind} ({options})\n"));
        }
    }
    0
}

/// umount(8) with -l.
pub(crate) fn umount(context: &mut Context<'_>, args: &[String]) -> i32 {
    let options = match Options::parse(args, "lf") {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    let mut status = 0;
    for target in &options.operands {
        if let Err(errno) = context.sys.umount(target, options.has('l')) {
            status = context.fail_with(&format!("can't unmount {target}"), errno);
        }
    }
    if options.operands.is_empty() { context.fail("missing operand") } else { status }
}
