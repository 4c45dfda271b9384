//! Servers: what they log when they start and when they end. On which port they listen stands in their log; networks come later.

use super::apt::text;
use super::{Act, Situation};
use crate::userland::{Signal, Sys};

const TABLE: &str = include_str!("data/servers.txt");

/// `2026/11/22 14:00:00`, as nginx and Go write it.
pub(super) fn stamp(sys: &mut dyn Sys) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(sys.realtime()).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (date, clock) = (at.date(), at.time());
    let month = u8::from(date.month());
    format!("{}/{month:02}/{:02} {:02}:{:02}:{:02}", date.year(), date.day(), clock.hour(), clock.minute(), clock.second())
}

/// The lines of a server in the table: `|` what it says, `-` what it says at its end, `!NAME` a variable that it needs, `:` what it says
/// without it.
fn section(name: &str) -> Option<Vec<&'static str>> {
    let heading = format!("[{name}]");
    let mut lines = TABLE.lines().skip_while(|line| *line != heading);
    lines.next()?;
    Some(lines.take_while(|line| !line.starts_with('[')).collect())
}

/// `None`: it is no server.
pub(super) fn acts(situation: &Situation, sys: &mut dyn Sys) -> Option<Vec<Act>> {
    if situation.name == "nginx" {
        return Some(nginx(situation, sys));
    }
    let lines = section(&situation.name)?;
    if situation.args.iter().any(|word| matches!(word.as_str(), "--version" | "-v" | "-V" | "version")) {
        return Some(vec![Act::out(&format!("{} (modelled)\n", situation.name))]);
    }
    let needed: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix('!')).flat_map(|names| names.split(' ')).collect();
    if !needed.is_empty() && needed.iter().all(|name| situation.variable(name).is_none()) {
        let said: String = lines.iter().filter_map(|line| line.strip_prefix(':')).map(|line| format!("{line}\n")).collect();
        return Some(vec![Act::err(&said), Act::Exit(1)]);
    }
    let stamp = stamp(sys);
    let filled = |line: &str| format!("{}\n", line.replace("{time}", &stamp));
    // Without time that goes by: at the prompt the clock stands still, and a server is to be there.
    let mut acts = Vec::new();
    let error = lines.contains(&"stderr");
    for line in lines.iter().filter_map(|line| line.strip_prefix('|')) {
        acts.push(if error { Act::err(&filled(line)) } else { Act::out(&filled(line)) });
    }
    let mut end: Vec<Act> = lines.iter().filter_map(|line| line.strip_prefix('-')).map(|line| Act::out(&filled(line))).collect();
    end.push(Act::Exit(0));
    let signals = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGWINCH];
    acts.push(Act::Serve(signals.into_iter().map(|signal| (signal, end.clone())).collect()));
    Some(acts)
}

fn nginx(situation: &Situation, sys: &mut dyn Sys) -> Vec<Act> {
    let all = situation.args.join(" ");
    let version = situation.variable("NGINX_VERSION").unwrap_or("1.26.3").to_string();
    let configuration = text(sys, "/etc/nginx/nginx.conf");
    if all.contains("-v") || all.contains("-V") {
        return vec![Act::err(&format!("nginx version: nginx/{version}\n"))];
    }
    if let Some(fault) = fault(sys) {
        return vec![Act::err(&format!("{} [emerg] 1#1: {fault}\nnginx: [emerg] {fault}\n", stamp(sys))), Act::Exit(1)];
    }
    if situation.args.iter().any(|word| word == "-t") {
        let file = "/etc/nginx/nginx.conf";
        return vec![Act::err(&format!(
            "nginx: the configuration file {file} syntax is ok\nnginx: configuration file {file} test is successful\n"
        ))];
    }
    let (release, pid) = (sys.uname().1, sys.getpid());
    let now = stamp(sys);
    let notice = |text: &str| format!("{now} [notice] {pid}#{pid}: {text}\n");
    let start = [
        "using the \"epoll\" event method".to_string(),
        format!("nginx/{version}"),
        format!("OS: Linux {release}"),
        "start worker processes".into(),
        "start worker process 29".into(),
    ];
    let start: String = start.iter().map(|line| notice(line)).collect();
    if !all.contains("daemon off") && !configuration.contains("daemon off") {
        // The master goes to the background, and what was started ends: a container of it is over at once.
        return Vec::new();
    }
    let end = |number: i32, name: &str, what: &str| {
        vec![Act::err(&notice(&format!("signal {number} ({name}) received, {what}"))), Act::err(&notice("exit")), Act::Exit(0)]
    };
    let signals = vec![
        (Signal::SIGQUIT, end(3, "SIGQUIT", "shutting down")),
        (Signal::SIGTERM, end(15, "SIGTERM", "exiting")),
        (Signal::SIGINT, end(2, "SIGINT", "exiting")),
    ];
    vec![Act::err(&start), Act::Serve(signals)]
}

/// The first thing in conf.d that nginx does not take: braces that do not close, a line without a semicolon.
fn fault(sys: &mut dyn Sys) -> Option<String> {
    let entries = sys.read_dir("/etc/nginx/conf.d").unwrap_or_default();
    for entry in entries.iter().filter(|entry| entry.name.ends_with(".conf")) {
        let path = format!("/etc/nginx/conf.d/{}", entry.name);
        let read = text(sys, &path);
        let plain: Vec<&str> = read.lines().map(|line| line.split('#').next().unwrap_or(line).trim()).collect();
        let open: i64 = plain.iter().map(|line| line.matches('{').count() as i64 - line.matches('}').count() as i64).sum();
        if open > 0 {
            return Some(format!("unexpected end of file, expecting \"}}\" in {path}:{}", plain.len() + 1));
        }
        if open < 0 {
            return Some(format!("unexpected \"}}\" in {path}:{}", plain.len()));
        }
    }
    None
}
