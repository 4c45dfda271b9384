//! Users and groups: lines in /etc/passwd, /etc/group and /etc/shadow. useradd(8), groupadd(8), usermod(8) and, in the forms of Debian and
//! of BusyBox, adduser, addgroup, deluser, delgroup.

use super::owner::number_of;
use super::sys::OpenFlags;
use super::tool::Context;
use crate::errno::Errno;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
const SHADOW: &str = "/etc/shadow";

/// What was asked for.
#[derive(Clone, Debug, Default)]
struct Account {
    system: bool,
    uid: Option<String>,
    /// The group that it logs in with.
    group: Option<String>,
    /// The groups that it is in besides.
    groups: Vec<String>,
    append: bool,
    home: Option<String>,
    shell: Option<String>,
    comment: String,
    makes_home: bool,
    own_group: bool,
    quiet: bool,
    force: bool,
    login: Option<String>,
    operands: Vec<String>,
}

/// Options of one program: those with a value, and what each means.
fn read(program: &str, args: &[String]) -> Result<Account, String> {
    let useradd = matches!(program, "useradd" | "usermod" | "groupadd" | "groupmod");
    let mut account = Account { makes_home: !useradd, own_group: true, ..Account::default() };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let (name, inline) = match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_string())),
            _ => (arg.as_str(), None),
        };
        let mut value =
            || inline.clone().or_else(|| rest.next().cloned()).ok_or_else(|| format!("option '{arg}' requires an argument"));
        match name {
            "-u" | "--uid" => account.uid = Some(value()?),
            "-g" | "--gid" | "--ingroup" if useradd || name != "-g" || program.ends_with("group") => account.group = Some(value()?),
            "-g" | "--gecos" | "-c" | "--comment" => account.comment = value()?,
            "-G" if !useradd => account.group = Some(value()?),
            "-G" | "--groups" => account.groups = value()?.split(',').map(str::to_string).collect(),
            "-a" | "--append" => account.append = true,
            "-aG" | "-Ga" => (account.append, account.groups) = (true, value()?.split(',').map(str::to_string).collect()),
            "-d" | "--home" | "--home-dir" => account.home = Some(value()?),
            "-h" if !useradd => account.home = Some(value()?),
            "-s" | "--shell" => account.shell = Some(value()?),
            "-l" | "--login" if program == "usermod" => account.login = Some(value()?),
            "-m" | "--create-home" => account.makes_home = true,
            "-M" | "--no-create-home" | "-H" => account.makes_home = false,
            "-k" | "-K" | "--skel" | "-p" | "--password" | "-e" | "-f" | "--inactive" if program != "groupadd" || name == "-K" => {
                value()?;
            }
            "-r" | "-S" | "--system" => account.system = true,
            "-N" | "--no-user-group" => account.own_group = false,
            "-U" | "--user-group" | "--group" => account.own_group = true,
            "-q" | "--quiet" => account.quiet = true,
            "-f" => account.force = true,
            "-mr" | "-rm" => (account.makes_home, account.system) = (true, true),
            "-ms" => (account.makes_home, account.shell) = (true, Some(value()?)),
            "-mU" | "-Um" => account.makes_home = true,
            "-rg" => (account.system, account.group) = (true, Some(value()?)),
            "-ru" => (account.system, account.uid) = (true, Some(value()?)),
            "-SD" | "-DS" | "-SDH" | "-DSH" | "-DH" | "-HD" | "-Du" | "-DHu" | "-SH" | "-HS" => {
                account.system |= name.contains('S');
                account.makes_home &= !name.contains('H');
                if name.ends_with('u') {
                    account.uid = Some(value()?);
                }
            }
            word if word.starts_with('-') && word.len() > 1 => {}
            word => account.operands.push(word.to_string()),
        }
    }
    Ok(account)
}

fn next_id(file: &str, system: bool) -> u32 {
    let used: Vec<u32> = file.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect();
    let mut range: Box<dyn Iterator<Item = u32>> = if system { Box::new((100..1000).rev()) } else { Box::new(1000..60_000) };
    range.find(|id| !used.contains(id)).unwrap_or(60_000)
}

fn write(context: &mut Context<'_>, path: &str, text: &str) -> Result<(), Errno> {
    let fd = context.sys.open(path, OpenFlags::REPLACE, 0o644)?;
    let mut sent = 0;
    let result = loop {
        match context.sys.write(fd, &text.as_bytes()[sent..]) {
            Ok(count) if sent + count < text.len() => sent += count,
            other => break other.map(drop),
        }
    };
    context.sys.close(fd)?;
    result
}

fn save(context: &mut Context<'_>, path: &str, text: &str) -> i32 {
    match write(context, path, text) {
        Ok(()) => 0,
        Err(errno) => {
            let what = if errno == Errno::EACCES { "Permission denied.".to_string() } else { errno.to_string() };
            context.fail(&format!("{what}\n{}: cannot lock {path}; try again later.", context.name))
        }
    }
}

fn file(context: &mut Context<'_>, path: &str) -> String {
    context.read_text(path).unwrap_or_default()
}

fn has(file: &str, name: &str) -> bool {
    file.lines().any(|line| line.split(':').next() == Some(name))
}

/// useradd(8), adduser(8)
pub(crate) fn add_user(context: &mut Context<'_>, args: &[String]) -> i32 {
    let account = match read(context.name, args) {
        Ok(account) => account,
        Err(message) => return context.fail(&message),
    };
    let Some(name) = account.operands.first().cloned() else { return context.fail("missing operand") };
    if context.name == "adduser" && account.operands.len() > 1 {
        return join_group(context, &name, &account.operands[1]);
    }
    let users = file(context, PASSWD);
    let busybox = context.name == "adduser" && context.sys.stat("/etc/alpine-release", true).is_ok();
    if has(&users, &name) {
        let text = if busybox { format!("user '{name}' in use") } else { format!("user '{name}' already exists") };
        context.fail(&text);
        return if context.name == "useradd" { 9 } else { 1 };
    }
    let uid = match account.uid.as_deref().map(str::parse) {
        None => next_id(&users, account.system),
        Some(Ok(uid)) => uid,
        Some(Err(_)) => return context.fail(&format!("invalid user ID '{}'", account.uid.unwrap_or_default())),
    };
    if users.lines().any(|line| line.split(':').nth(2) == Some(&uid.to_string())) {
        context.fail(&if busybox { format!("uid '{uid}' in use") } else { format!("UID {uid} is not unique") });
        return if context.name == "useradd" { 4 } else { 1 };
    }
    let gid = match login_group(context, &account, &name, uid) {
        Ok(gid) => gid,
        Err(status) => return status,
    };
    let home = account.home.clone().unwrap_or_else(|| format!("/home/{name}"));
    let usual = if busybox {
        "/bin/ash"
    } else if context.name == "useradd" {
        "/bin/sh"
    } else {
        "/bin/bash"
    };
    let usual = if account.system && context.name == "adduser" { "/usr/sbin/nologin" } else { usual };
    let shell = account.shell.clone().unwrap_or_else(|| usual.to_string());
    let line = format!("{name}:x:{uid}:{gid}:{}:{home}:{shell}\n", account.comment);
    let shadow = file(context, SHADOW);
    let status = save(context, PASSWD, &format!("{users}{line}"));
    if status != 0 {
        return status;
    }
    let _ = write(context, SHADOW, &format!("{shadow}{name}:!:20000:0:99999:7:::\n"));
    account.groups.iter().fold(0, |status, group| status.max(join_group(context, &name, group)))
        | if account.makes_home { make_home(context, &home, (uid, gid)) } else { 0 }
}

fn login_group(context: &mut Context<'_>, account: &Account, name: &str, uid: u32) -> Result<u32, i32> {
    let groups = file(context, GROUP);
    if let Some(asked) = &account.group {
        let known = groups.lines().find(|line| line.split(':').nth(2) == Some(asked)).and_then(|_| asked.parse().ok());
        return number_of(&groups, asked).or(known).ok_or_else(|| {
            context.fail(&if context.name == "adduser" {
                format!("unknown group {asked}")
            } else {
                format!("group '{asked}' does not exist")
            });
            if context.name == "useradd" { 6 } else { 1 }
        });
    }
    if let Some(gid) = number_of(&groups, name) {
        return Ok(gid);
    }
    if !account.own_group {
        return Ok(100);
    }
    let taken = groups.lines().any(|line| line.split(':').nth(2) == Some(&uid.to_string()));
    let gid = if taken { next_id(&groups, account.system) } else { uid };
    match save(context, GROUP, &format!("{groups}{name}:x:{gid}:\n")) {
        0 => Ok(gid),
        status => Err(status),
    }
}

fn make_home(context: &mut Context<'_>, home: &str, (uid, gid): (u32, u32)) -> i32 {
    let mut at = String::new();
    for part in home.split('/').filter(|part| !part.is_empty()) {
        at = format!("{at}/{part}");
        match context.sys.mkdir(&at, 0o755) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return context.fail_with(&at, errno),
        }
    }
    let _ = context.sys.chown(home, Some(uid), Some(gid), true);
    0
}

/// The user becomes one more member of the group.
fn join_group(context: &mut Context<'_>, user: &str, group: &str) -> i32 {
    let groups = file(context, GROUP);
    if !has(&groups, group) {
        context.fail(&format!("group '{group}' does not exist"));
        return if context.name.starts_with("user") { 6 } else { 1 };
    }
    let line = |line: &str| {
        let members = line.rsplit(':').next().unwrap_or_default();
        match line.split(':').next() == Some(group) && !members.split(',').any(|member| member == user) {
            true if members.is_empty() => format!("{line}{user}\n"),
            true => format!("{line},{user}\n"),
            false => format!("{line}\n"),
        }
    };
    let text: String = groups.lines().map(line).collect();
    save(context, GROUP, &text)
}

/// groupadd(8), addgroup(8)
pub(crate) fn add_group(context: &mut Context<'_>, args: &[String]) -> i32 {
    let account = match read(context.name, args) {
        Ok(account) => account,
        Err(message) => return context.fail(&message),
    };
    let Some(name) = account.operands.first().cloned() else { return context.fail("missing operand") };
    if let Some(group) = account.operands.get(1) {
        return join_group(context, &name, group);
    }
    let groups = file(context, GROUP);
    if has(&groups, &name) {
        if account.force {
            return 0;
        }
        context.fail(&if context.name == "groupadd" {
            format!("group '{name}' already exists")
        } else {
            format!("group '{name}' in use")
        });
        return if context.name == "groupadd" { 9 } else { 1 };
    }
    let gid = match account.group.as_deref().map(str::parse::<u32>) {
        None => next_id(&groups, account.system),
        Some(Ok(gid)) => gid,
        Some(Err(_)) => return context.fail("invalid group ID"),
    };
    if groups.lines().any(|line| line.split(':').nth(2) == Some(&gid.to_string())) {
        context.fail(&if context.name == "groupadd" {
            format!("GID '{gid}' already exists")
        } else {
            format!("gid '{gid}' in use")
        });
        return if context.name == "groupadd" { 4 } else { 1 };
    }
    save(context, GROUP, &format!("{groups}{name}:x:{gid}:\n"))
}

/// usermod(8): -a -G, -g, -s, -d, -u, -l.
pub(crate) fn modify_user(context: &mut Context<'_>, args: &[String]) -> i32 {
    let account = match read(context.name, args) {
        Ok(account) => account,
        Err(message) => return context.fail(&message),
    };
    let Some(name) = account.operands.first().cloned() else { return context.fail("missing operand") };
    let (users, groups) = (file(context, PASSWD), file(context, GROUP));
    if !has(&users, &name) {
        context.fail(&format!("user '{name}' does not exist"));
        return 6;
    }
    let gid = account.group.as_ref().and_then(|group| number_of(&groups, group).or_else(|| group.parse().ok()));
    let changed = |line: &str| {
        let mut fields: Vec<String> = line.split(':').map(str::to_string).collect();
        if fields.first() == Some(&name) && fields.len() >= 7 {
            let new = [
                account.login.clone(),
                None,
                account.uid.clone(),
                gid.map(|gid| gid.to_string()),
                None,
                account.home.clone(),
                account.shell.clone(),
            ];
            new.into_iter().enumerate().filter_map(|(at, value)| Some((at, value?))).for_each(|(at, value)| fields[at] = value);
        }
        format!("{}\n", fields.join(":"))
    };
    let text: String = users.lines().map(changed).collect();
    let status = save(context, PASSWD, &text);
    account.groups.iter().fold(status, |status, group| status.max(join_group(context, &name, group)))
}

/// userdel(8), deluser, groupdel(8), delgroup
pub(crate) fn remove(context: &mut Context<'_>, args: &[String]) -> i32 {
    let is_group = context.name.contains("group");
    let names: Vec<String> = args.iter().filter(|word| !word.starts_with('-')).cloned().collect();
    let path = if is_group { GROUP } else { PASSWD };
    let known = file(context, path);
    let Some(name) = names.first() else { return context.fail("missing operand") };
    if !has(&known, name) {
        context.fail(&format!("{} '{name}' does not exist", if is_group { "group" } else { "user" }));
        return 6;
    }
    let without = |text: &str| -> String {
        text.lines().filter(|line| line.split(':').next() != Some(name)).map(|line| format!("{line}\n")).collect()
    };
    let status = save(context, path, &without(&known));
    if !is_group && status == 0 {
        let (shadow, groups) = (file(context, SHADOW), file(context, GROUP));
        let _ = write(context, SHADOW, &without(&shadow));
        let _ = write(context, GROUP, &without(&groups));
    }
    status
}
