//! id and hostname: who and where the process is.

use super::options::Options;
use super::tool::Context;

/// hostname(1): shows or sets the node name.
pub(crate) fn hostname(context: &mut Context<'_>, args: &[String]) -> i32 {
    let options = match Options::parse(args, "s") {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    if let Some(name) = options.operands.first() {
        return match context.sys.set_hostname(name) {
            Ok(()) => 0,
            Err(errno) => context.fail_with("sethostname", errno),
        };
    }
    let name = context.sys.hostname();
    let short = name.split('.').next().unwrap_or_default().to_string();
    context.out.out(&(if options.has('s') { short } else { name } + "\n"));
    0
}

/// id(1) with -u -g -G -n. Names come from /etc/passwd and /etc/group; without them the numbers stand alone.
pub(crate) fn id(context: &mut Context<'_>, args: &[String]) -> i32 {
    let options = match Options::parse(args, "ugGn") {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    let (uid, gid, groups) = context.sys.ids();
    let mut all = vec![gid];
    all.extend(groups.into_iter().filter(|group| *group != gid));
    let users = context.read_text("/etc/passwd").unwrap_or_default();
    let group_file = context.read_text("/etc/group").unwrap_or_default();
    let one = |file: &str, number: u32| {
        let name = name_of(file, number).filter(|_| options.has('n'));
        name.unwrap_or_else(|| number.to_string())
    };
    let line = if options.has('u') {
        one(&users, uid)
    } else if options.has('g') {
        one(&group_file, gid)
    } else if options.has('G') {
        all.iter().map(|group| one(&group_file, *group)).collect::<Vec<_>>().join(" ")
    } else {
        let list: Vec<String> = all.iter().map(|group| named(&group_file, *group)).collect();
        format!("uid={} gid={} groups={}", named(&users, uid), named(&group_file, gid), list.join(","))
    };
    context.out.out(&(line + "\n"));
    0
}

fn named(file: &str, number: u32) -> String {
    name_of(file, number).map_or_else(|| number.to_string(), |name| format!("{number}({name})"))
}

/// The name for a number in a file of the form of passwd(5) or group(5).
pub(crate) fn name_of(file: &str, number: u32) -> Option<String> {
    file.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| name.to_string())
    })
}
