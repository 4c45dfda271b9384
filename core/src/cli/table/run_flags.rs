//! The flags of `run` and `create` on the program, its terminal and its life.

use super::{FlagRow, Kind};

/// Both commands.
pub(super) const BOTH: &[&str] = &["run", "create"];
const RUN: &[&str] = &["run"];

pub(super) const fn both(long: &'static str, kind: Kind, help: &'static str, example: &'static str) -> FlagRow {
    FlagRow::new(long, kind, BOTH, help, example)
}

/// The rows.
pub(super) const ROWS: &[FlagRow] = &[
    FlagRow::new("detach", Kind::Bool, RUN, "Leave the container in the background and print its id", "-d")
        .short('d')
        .carried_out(),
    FlagRow::new("detach-keys", Kind::Text, RUN, "Keys that let go of the terminal", "--detach-keys ctrl-x,x").carried_out(),
    FlagRow::new("sig-proxy", Kind::Bool, RUN, "Hand signals on to the program", "--sig-proxy=false").default("true").carried_out(),
    both("attach", Kind::Attach, "Connect only these streams: stdin, stdout, stderr", "-a stdout").short('a').carried_out(),
    both("cidfile", Kind::Text, "Write the container's id into a file", "--cidfile id.txt").carried_out(),
    both("disable-content-trust", Kind::Bool, "Take an image whose signature nobody checked", "--disable-content-trust")
        .default("true")
        .carried_out(),
    both("entrypoint", Kind::Text, "Program that takes the place of the image's own", "--entrypoint /bin/sh").carried_out(),
    both("env", Kind::Env, "Set an environment variable; without a value, hand on the caller's", "-e LEVEL=debug")
        .short('e')
        .carried_out(),
    both("env-file", Kind::List, "Set the environment variables that a file lists", "--env-file app.env").carried_out(),
    both("group-add", Kind::List, "Add the program to one more group", "--group-add audio").carried_out(),
    both("health-cmd", Kind::Text, "Program that says whether the container is well", "--health-cmd 'wget -q localhost'")
        .carried_out(),
    both("health-interval", Kind::Duration, "Time between two checks", "--health-interval 30s").default("0s").carried_out(),
    both("health-retries", Kind::Int, "Failed checks in a row that make it unhealthy", "--health-retries 3")
        .default("0")
        .carried_out(),
    both("health-start-interval", Kind::Duration, "Time between two checks while it starts", "--health-start-interval 1s")
        .default("0s")
        .carried_out(),
    both("health-start-period", Kind::Duration, "Time to start, in which failures do not count", "--health-start-period 1m")
        .default("0s")
        .carried_out(),
    both("health-timeout", Kind::Duration, "Longest that one check may take", "--health-timeout 3s").default("0s").carried_out(),
    both("no-healthcheck", Kind::Bool, "Leave out the image's own check", "--no-healthcheck").carried_out(),
    both("help", Kind::Bool, "Print this", "--help").carried_out(),
    both("hostname", Kind::Text, "The container's host name", "-h web").short('h').carried_out(),
    both("domainname", Kind::Text, "The container's NIS domain name", "--domainname example.org").carried_out(),
    both("init", Kind::Bool, "Put a small init in front that hands signals on and reaps processes", "--init").carried_out(),
    both("interactive", Kind::Bool, "Keep the program's input open", "-i").short('i').carried_out(),
    both("label", Kind::Label, "Attach a note to the container", "-l tier=web").short('l').carried_out(),
    both("label-file", Kind::List, "Attach the notes that a file lists", "--label-file labels.txt").carried_out(),
    both("annotation", Kind::Map, "Attach a note that is handed on to the OCI runtime", "--annotation a=b")
        .default("map[]")
        .carried_out(),
    both("log-driver", Kind::Text, "Where the output is kept", "--log-driver json-file").carried_out(),
    both("log-opt", Kind::LogOpt, "An option of the log driver", "--log-opt mode=blocking").carried_out(),
    both("name", Kind::Text, "Name the container", "--name web").carried_out(),
    both("platform", Kind::Text, "Take the image for this system and processor", "--platform linux/arm64").carried_out(),
    both("pull", Kind::Text, "When to fetch the image: always, missing, never", "--pull never").default("missing").carried_out(),
    both("quiet", Kind::Bool, "Say nothing while the image is fetched", "-q").short('q').carried_out(),
    both("restart", Kind::Text, "When to start it again: no, on-failure[:n], always, unless-stopped", "--restart always")
        .default("no")
        .carried_out(),
    both("rm", Kind::Bool, "Delete the container and its unnamed volumes when it has ended", "--rm").carried_out(),
    both("runtime", Kind::Text, "The OCI runtime that runs it", "--runtime runc").carried_out(),
    both("stop-signal", Kind::Text, "The signal that asks it to end", "--stop-signal SIGINT").carried_out(),
    both("stop-timeout", Kind::Int, "Seconds until it is ended by force", "--stop-timeout 3").default("0").carried_out(),
    both("tty", Kind::Bool, "Give the program a terminal", "-t").short('t').carried_out(),
    both("user", Kind::Text, "Run as this user, and group: name or number", "-u 1000:1000").short('u').carried_out(),
    both("workdir", Kind::Text, "Start in this directory of the container", "-w /srv").short('w').carried_out(),
];
