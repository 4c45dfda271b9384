//! Generated command sequences: seeded, carried out by the model kernel and by Linux, and compared as fixtures are.
//!
//! `GLASSBOX_SEED` chooses another seed, `GLASSBOX_SEQUENCES` another number. A failure prints the sequence as a fixture.

// clippy.toml allows it in test functions; these are what they are made of.
#![allow(clippy::unwrap_used)]

mod shared;

use glassbox_tests::binary::skip;
use glassbox_tests::fixture::{Exchange, Fixture};
use glassbox_tests::kernels::Model;
use glassbox_tests::suite;

const SEQUENCES: u64 = 1000;
const COMMANDS_MAX: u64 = 6;

/// A small generator of numbers (splitmix64): the same seed, the same sequences.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let at = self.next() % all.len() as u64;
        all[usize::try_from(at).unwrap_or_default()]
    }
}

const FLAGS: &[&str] = &[
    "",
    "",
    "--hostname web ",
    "-e A=1 ",
    "-w /tmp ",
    "-u 1000 ",
    "--read-only ",
    "--cap-drop ALL ",
    "--cap-add NET_ADMIN ",
    "--security-opt no-new-privileges ",
    "--privileged ",
    "--network host ",
    "-m 64m ",
    "--pids-limit 50 ",
    "--init ",
    "--init -u 1000 ",
    "--ulimit nofile=100:200 --ulimit core=0 ",
    "--sysctl net.core.somaxconn=99 ",
    "--group-add 77 -u 1000 ",
    "--shm-size 1m --oom-score-adj 100 ",
    "--device /dev/kmsg --device-cgroup-rule 'c 1:* rw' ",
    "--security-opt seccomp=unconfined --security-opt systempaths=unconfined ",
    "--pid host ",
    "--uts host ",
    "--add-host db:10.0.0.5 --add-host web=10.0.0.6 ",
    "--dns 10.0.0.1 --dns-search example.org --dns-option ndots:2 ",
    "--network host --dns-search . --add-host db:10.0.0.5 ",
    "--ipc none ",
    "--ipc host ",
    "--ipc shareable ",
    "--ipc container:left ",
    "--network container:left ",
    "--cgroupns private ",
    "--cgroup-parent /glassbox-batch ",
    "--cgroup-parent glassbox-batch/night --cpuset-cpus 0 ",
    "--cpus 0.1 ",
    "--device-read-bps /dev/vda:1gb --device-write-iops /dev/vda:100000 ",
    "--blkio-weight 300 --device-read-iops /dev/vda:50000 ",
    "--cgroupns host --userns host ",
    "--time-offset boottime=240h ",
    "-a stdout ",
    "-i -a stderr ",
    "--log-driver none ",
    "--log-driver local --log-opt max-file=2 ",
    "--log-opt max-size=1 --log-opt max-file=2 ",
    "--log-driver local --log-opt max-size=40 ",
    "-w /etc/group ",
    "-w /srv/made/for ",
    "-e HOME= -u nobody ",
    "--mac-address 02:42:ac:11:00:02 ",
];
/// Of containers that stay: how one finds out whether they are well. The first look is a long way off: when it comes is a matter of the
/// clock, and fixtures treat what it says.
const HEALTH: &[&str] = &[
    "",
    "",
    "",
    "--health-cmd true --health-interval 1h ",
    "--health-cmd 'exit 1' --health-interval 1h --health-retries 1 --health-start-period 1m ",
    "--no-healthcheck ",
];
/// Of an exec, most of the time nothing.
const EXEC_FLAGS: &[&str] = &["", "", "", "--detach-keys ctrl-x,x ", "--detach-keys xy "];
/// What is asked of everything at once, and what is done to it.
const SYSTEM_COMMANDS: &[&str] = &[
    "prune -f",
    "prune -f --volumes",
    "prune -f --filter label=none",
    "df --format '{{.Type}} {{.TotalCount}} {{.Active}}'",
    "df -v",
    "info --format '{{.Containers}} {{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}} {{.Images}}'",
];
/// What happens, told of everything; and how much is used.
const WATCHING: &[&str] = &[
    "events --since 1h --until -1s -f type=volume --format '{{.Action}} {{.Actor.ID}}'",
    "events --since 1h --until -1s -f event=die -f event=destroy --format '{{.Actor.Attributes.name}} {{.Action}}'",
    "events --since 1h --until -1s -f type=container -f event=health_status --format '{{.Action}}'",
    "stats --no-stream --format '{{.Nothing}}'",
    "stats --no-stream -a --format 'table {{.Name}}\t{{.NetIO}}'",
];
/// Of containers that stay: what is to become of them when they end.
const POLICIES: &[&str] = &["", "", "", "--restart always ", "--restart on-failure:2 ", "--restart unless-stopped "];
/// Volumes with options, and what is asked of volumes.
const MEMORY: &str = "-o type=tmpfs -o device=tmpfs -o o=size=1m memory";
const OUTSIDE: &str = "-o type=none -o o=bind -o device=<place>/host outside";
const VOLUME_COMMANDS: &[&str] = &[
    "ls",
    "ls -qf dangling=true",
    "ls --format '{{.Name}} {{.Labels}}'",
    "inspect -f '{{.Name}} {{json .Options}}' data memory",
    "update data",
    "prune -f",
    "prune -af",
];

/// What is mounted; often nothing.
const STORAGE: &[&str] = &[
    "",
    "",
    "",
    "",
    "",
    "",
    "-v data:/data ",
    "-v data:/etc ",
    "-v /own ",
    "-v <place>/host:/host ",
    "-v memory:/memory ",
    "-v outside:/outside ",
    "--domainname example.org ",
    "-v more:/tmp:ro ",
    "-v <place>/host:/spread:rshared ",
    "-v <place>/host:/spread:ro,slave ",
    "--tmpfs /tmp ",
    "--mount type=volume,source=more,target=/srv/x,volume-nocopy ",
    "--mount type=bind,source=<place>/host,target=/in ",
    "--mount type=volume,source=data,target=/part,volume-subpath=a ",
    "--mount type=volume,source=memory,target=/mem,volume-opt=type=tmpfs,volume-opt=device=tmpfs ",
    "--mount type=bind,source=<place>/host,target=/in,readonly,bind-recursive=writable ",
];
const PROGRAMS: &[&str] = &[
    "true",
    "false",
    "echo hi",
    "id -u",
    "hostname",
    "pwd",
    "sh -c 'exit 9'",
    "nothere",
    "cat /etc/hostname",
    "cat /etc/hosts /etc/resolv.conf",
    "sh -c 'echo x >> /etc/hosts; echo x > /etc/hostname'",
    "ls /",
    "sh -c 'echo x > /tmp/x; rm /etc/passwd; ls /etc'",
    "sh -c 'touch /data/x /host/x /own/x; ls /data /host /own /tmp'",
    "grep Cap /proc/self/status",
    "syscall mount chroot mknod setpriority write-root open-device",
    "sh -c 'kill -9 $$; echo survived'",
];
/// No name is a prefix of an id. Containers that stay, and those that end by themselves: the latter are never started in the background, where they would race.
const LASTING: &[&str] = &["left", "right"];
const ENDING: &[&str] = &["short", "brief"];

fn command(numbers: &mut Numbers) -> String {
    let (flags, program) = (format!("{}{}", numbers.pick(FLAGS), numbers.pick(STORAGE)), numbers.pick(PROGRAMS));
    let (lasting, ending) = (numbers.pick(LASTING), numbers.pick(ENDING));
    let any = numbers.pick(&[lasting, lasting, ending]);
    match numbers.next() % 48 {
        0 | 1 | 22..=27 => {
            let (policy, health) = (numbers.pick(POLICIES), numbers.pick(HEALTH));
            format!("docker run -d --name {lasting} --network none {policy}{health}{flags}toolbox sleep 1000")
        }
        2 => format!("docker create --name {lasting} --network none {flags}toolbox sleep 1000"),
        3 => format!("docker run --rm --network none {flags}toolbox {program}"),
        4 | 29 => format!("docker run --name {ending} --network none {flags}toolbox {program}"),
        5 => format!("docker start {lasting}"),
        6 | 7 | 28 => format!("docker exec {}{lasting} {program}", numbers.pick(EXEC_FLAGS)),
        8 => format!("docker stop -t 0 {any}"),
        9 => format!("docker kill {any}"),
        10 => format!("docker rm {any}"),
        11 => format!("docker rm -f {any}"),
        12 => format!("docker logs {ending}"),
        13 => format!("docker restart -t 0 {lasting}"),
        14 => format!("docker rename {lasting} {}", numbers.pick(LASTING)),
        18 | 19 => format!("docker pause {lasting}"),
        20 => format!("docker unpause {lasting}"),
        21 => {
            let change = numbers.pick(&[
                "--pids-limit 30",
                "--cpu-shares 300",
                "-m 80m --memory-swap 90m",
                "--cpus 0.5",
                "--blkio-weight 200",
                "-m 70m",
                "--restart always",
            ]);
            format!("docker update {change} {lasting}")
        }
        15 => "docker container prune -f".to_string(),
        16 => format!("docker ps -a -f name={any} --format '{{{{.Names}}}} {{{{.State}}}} {{{{.Command}}}}'"),
        17 => format!("docker inspect -f '{{{{.Name}}}} {{{{.State.Status}}}} {{{{.State.ExitCode}}}}' {any}"),
        30 => format!("docker volume rm {}", numbers.pick(&["data", "more", "-f data", "memory", "outside"])),
        31 => format!("docker volume create {}", numbers.pick(&["data", MEMORY, OUTSIDE])),
        32 => format!("docker volume {}", numbers.pick(VOLUME_COMMANDS)),
        33 => format!("docker rm -v {any}"),
        35..=37 | 47 => copying(numbers, any),
        38 => "glassbox ns".to_string(),
        40 if numbers.next().is_multiple_of(4) => {
            format!("docker stats --no-stream --format '{{{{.Name}}}} {{{{.NetIO}}}}' {any}")
        }
        40 => format!(
            "docker events --since 1h --until -1s -f container={any} --format '{{{{.Action}}}} {{{{.Actor.Attributes.exitCode}}}} {{{{.Actor.Attributes.signal}}}}'"
        ),
        39 => format!("docker top {any} {}", numbers.pick(&["-o pid,comm", "-o comm,pid,args", "-o comm", "-o pid,cgrp"])),
        41 => format!("docker run -d {}--name {lasting} --network none {flags}toolbox nothere", numbers.pick(&["", "--rm "])),
        42 | 43 => format!("docker system {}", numbers.pick(SYSTEM_COMMANDS)),
        44 if numbers.next().is_multiple_of(3) => format!("docker {}", numbers.pick(WATCHING)),
        44 => format!("docker exec -u {} -w /root {lasting} {program}", numbers.pick(&["1000", "nobody", "0:7"])),
        45 => format!("docker rm {}{any} {lasting} {any}", numbers.pick(&["", "-f "])),
        46 => format!("docker inspect -f '{{{{.Name}}}} {{{{json .State.Health}}}} {{{{.HostConfig.LogConfig.Type}}}}' {lasting}"),
        _ if numbers.next().is_multiple_of(2) => format!("glassbox why {any}"),
        _ => "docker ps -a".to_string(),
    }
}

fn copying(numbers: &mut Numbers, any: &str) -> String {
    match numbers.next() % 4 {
        0 => {
            format!("docker cp /proc/sys/kernel/ostype {any}:{}", numbers.pick(&["/tmp", "/data", "/new", "/tmp/x", "/etc/group/"]))
        }
        1 => format!(
            "docker cp {any}:{} <place>/{}",
            numbers.pick(&["/tmp", "/data/.", "/etc/group", "/own"]),
            numbers.pick(&["copy", "host"])
        ),
        2 => format!("docker cp -aL <place>/host {any}:{}", numbers.pick(&["/tmp", "/srv/x", "/in"])),
        // What goes out of one container goes into another: two lines.
        _ => format!(
            "docker cp {}{any}:{} - > files.tar\ndocker cp {}- {}:{} < files.tar",
            numbers.pick(&["", "-L "]),
            numbers.pick(&["/tmp", "/etc", "/data/.", "/etc/group", "/in"]),
            numbers.pick(&["", "-a "]),
            numbers.pick(LASTING),
            numbers.pick(&["/tmp", "/data", "/own", "/nothere", "/etc/group"])
        ),
    }
}

fn sequence(seed: u64, number: u64) -> Fixture {
    let mut numbers = Numbers(seed.wrapping_mul(1_000_003).wrapping_add(number));
    let count = 2 + numbers.next() % (COMMANDS_MAX - 1);
    let drawn: Vec<String> = (0..count).map(|_| command(&mut numbers)).collect();
    let lines = without_the_race(drawn.iter().flat_map(|lines| lines.split('\n')).map(str::to_string).collect());
    // The host's cgroups are those of all sequences that run at the same time: each has parents of its own.
    let own = |line: String| line.replace("glassbox-batch", &format!("glassbox-batch-{number}"));
    let mut commands: Vec<Exchange> = lines.into_iter().map(|line| Exchange { line: own(line), ..Exchange::default() }).collect();
    commands.push(Exchange { line: "docker rm -f left right short brief".into(), ..Exchange::default() });
    Fixture { name: format!("seed {seed}, sequence {number}"), commands, ..Fixture::default() }
}

/// `stop -t 0` sends SIGTERM and, at once, SIGKILL. A program that is pid 1 ignores the first (signal(7)) and always ends with 137; an init
/// hands it on to its child, and Linux leaves open who is first: the child, ended by SIGTERM and reaped by its init (143), or SIGKILL to
/// init (137). With the host's pid namespace there is no pid 1, and SIGTERM and SIGKILL race as well. Docker has the same race. Such a container gets the time that it needs; nothing else is changed.
fn without_the_race(mut lines: Vec<String>) -> Vec<String> {
    for at in 0..lines.len() {
        // An init may not have made its child yet.
        if lines[at].starts_with("docker top ") && lines[..at].iter().any(|line| line.contains("--init ")) {
            lines[at] = "docker ps -aq".to_string();
        }
        let Some((command, name)) = lines[at].split_once(" -t 0 ").map(|(command, name)| (command.to_string(), name.to_string()))
        else {
            continue;
        };
        let named = format!("--name {name} ");
        let renamed = lines[..at].iter().any(|line| line.starts_with("docker rename "));
        if lines[..at]
            .iter()
            .any(|line| (renamed || line.contains(&named)) && (line.contains("--init ") || line.contains("--pid host ")))
        {
            lines[at] = format!("{command} -t 10 {name}");
        }
    }
    lines
}

/// How the kernels differ, if they do.
fn compared(fixture: &Fixture) -> Option<String> {
    let (_place, mut linux) = suite::linux().unwrap();
    let host = linux.facts().unwrap();
    let (shown, seen) = suite::run(&mut linux, fixture).unwrap();
    let (_, predicted) = suite::run(&mut Model::new(&host), fixture).unwrap();
    let differences = predicted.differences(&seen, ("the model", "Linux"));
    let rendered = || suite::rendered(&linux, fixture, &shown);
    (!differences.is_empty()).then(|| format!("{}\n{}  {}", fixture.name, rendered(), differences.join("\n  ")))
}

fn number_from(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn generated_sequences_show_the_same_on_both_kernels() {
    if !glassbox_tests::suite::is_root() {
        skip("containers with all namespaces need root");
        return;
    }
    shared::share_mounts();
    let (seed, count) = (number_from("GLASSBOX_SEED", 1), number_from("GLASSBOX_SEQUENCES", SEQUENCES));
    let sequences: Vec<Fixture> = (0..count).map(|number| sequence(seed, number)).collect();
    let problems: Vec<String> = suite::at_once(&sequences, compared).into_iter().flatten().collect();
    let commands: usize = sequences.iter().map(|sequence| sequence.commands.len()).sum();
    println!("{count} sequences of {commands} commands compared, seed {seed}");
    assert!(problems.is_empty(), "{} of {count} sequences differ\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn only_the_stop_that_races_with_an_init_is_given_time() {
    let lines = |texts: [&str; 4]| texts.map(str::to_string).to_vec();
    let run = "docker run -d --name left --network none --init toolbox sleep 1000";
    let given = lines(["docker stop -t 0 left", run, "docker stop -t 0 right", "docker stop -t 0 left"]);
    let expected = lines(["docker stop -t 0 left", run, "docker stop -t 0 right", "docker stop -t 10 left"]);
    assert_eq!(without_the_race(given), expected);
    let all = (0..SEQUENCES).flat_map(|number| sequence(1, number).commands);
    assert!(all.filter(|exchange| exchange.line.contains("--init ")).count() > 20, "hardly any --init");
}

#[test]
fn a_seed_gives_the_same_sequences_and_another_gives_others() {
    assert_eq!(sequence(1, 7), sequence(1, 7));
    assert_ne!(sequence(1, 7).commands, sequence(2, 7).commands);
}
