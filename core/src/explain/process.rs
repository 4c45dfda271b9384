//! Steps on processes, in words.

use super::{CallWhen, Explanation, call, explanation, quoted};
use crate::step::{NamespaceKind, ProcessStep};
use crate::userland::Signal;

pub(super) fn explain(step: &ProcessStep) -> Explanation {
    match step {
        ProcessStep::CloneProcess { namespaces, cgroup } => clone(namespaces, cgroup.as_deref()),
        ProcessStep::DenySetgroups | ProcessStep::WriteIdMap { .. } => ids(step),
        ProcessStep::StartSession => {
            let why = "A session has its own terminal or none. Keys pressed in the engine's terminal no longer reach this process.";
            explanation("Start a session of its own", why, vec![call("setsid", &[])], &["ps -o pid,sid -p PID"], "process")
        }
        ProcessStep::UnshareNamespace { kind } => {
            let see = format!("readlink /proc/PID/ns/{} /proc/self/ns/{}", kind.file(), kind.file());
            let headline = format!("Enter a new {} namespace", kind_name(*kind));
            explanation(headline, kind_why(*kind), vec![call("unshare", &[kind.flag()])], &[&see], "namespaces")
        }
        ProcessStep::SetTimeOffsets { offsets } => {
            let text = offsets.text();
            let calls = vec![
                call("openat", &["AT_FDCWD", "\"/proc/self/timens_offsets\"", "O_WRONLY|O_CLOEXEC"]),
                call("write", &["…", &quoted(&text), &text.len().to_string()]),
            ];
            let why = "Uptime and timers go by these clocks, the date does not. They can be moved only as long as nobody is in the namespace.";
            explanation("Move the clocks of the time namespace", why, calls, &["cat /proc/PID/timens_offsets"], "namespaces")
        }
        ProcessStep::JoinNamespace { kind, .. } => {
            let calls = vec![
                call("openat", &["AT_FDCWD", &format!("\"/proc/…/ns/{}\"", kind.file()), "O_RDONLY|O_CLOEXEC"]),
                call("setns", &["…", kind.flag()]),
            ];
            let why =
                "The new process is to see what the container's first process sees. Namespaces can be entered by a descriptor.";
            let see = format!("readlink /proc/PID/ns/{}", kind.file());
            explanation(format!("Join the container's {} namespace", kind_name(*kind)), why, calls, &[&see], "namespaces")
        }
        ProcessStep::SetHostname { hostname } => {
            let calls = vec![call("sethostname", &[&quoted(hostname), &hostname.len().to_string()])];
            let why = "The name is kept in the UTS namespace. The host's own name is in another one and stays.";
            explanation(format!("Set the host name to {hostname}"), why, calls, &["nsenter -t PID -u hostname"], "namespaces")
        }
        ProcessStep::BringUpInterface { interface } => interface_up(interface),
        ProcessStep::SetSysctl { name, value } => sysctl(name, value),
        ProcessStep::OpenTerminal { rows, columns } => terminal(*rows, *columns),
        ProcessStep::ChangeDirectory { path, make } => {
            let mkdir = call("mkdir", &[&quoted(path), "0755"]).when(CallWhen::IfMissing);
            let calls: Vec<_> = make.then_some(mkdir).into_iter().chain([call("chdir", &[&quoted(path)])]).collect();
            let why = match make {
                true => "The program starts in this directory. Docker makes it if the image has none.",
                false => "The program starts in this directory. For a further process Docker makes none.",
            };
            explanation(format!("Change to the directory {path}"), why, calls, &["readlink /proc/PID/cwd"], "program")
        }
        ProcessStep::ExecProgram { argv, env, secrets, own_home } => exec(argv, env.len() + secrets.len() + usize::from(*own_home)),
        ProcessStep::EndProcess => {
            let calls = vec![
                call("pidfd_send_signal", &["…", "SIGKILL", "…", "0"]),
                call("waitid", &["P_PIDFD", "…", "…", "WEXITED", "…"]),
            ];
            let why = "It held the mounts. A mount namespace ends with its last process, and what is mounted in it with it.";
            explanation("End the process that held the mounts", why, calls, &["findmnt"], "end")
        }
        ProcessStep::SendSignal { signal, .. } => send(Signal(*signal)),
    }
}

fn sysctl(name: &str, value: &str) -> Explanation {
    let path = crate::sysctl::path(name);
    let calls = vec![
        call("openat", &["AT_FDCWD", &quoted(&path), "O_WRONLY|O_CLOEXEC"]),
        call("write", &["…", &quoted(value), &value.len().to_string()]),
    ];
    let why = "Each network and IPC namespace has settings of its own, so the host's stay. Later /proc/sys is read-only.";
    explanation(format!("Set {name} to {value}"), why, calls, &[&format!("nsenter -t PID -n -i cat {path}")], "namespaces")
}

fn clone(namespaces: &[NamespaceKind], cgroup: Option<&str>) -> Explanation {
    // In the order of their bits, as strace has them: that of `NamespaceKind::ALL` for the two that are made here.
    let mut flags = vec!["CLONE_PIDFD"];
    flags.extend(NamespaceKind::ALL.iter().filter(|kind| namespaces.contains(kind)).map(|kind| kind.flag()));
    flags.extend(cgroup.map(|_| "CLONE_INTO_CGROUP"));
    let group = if cgroup.is_some() { ", cgroup=…" } else { "" };
    let arguments = format!("{{flags={}, pidfd=…, exit_signal=SIGCHLD, stack=NULL, stack_size=0{group}}}…", flags.join("|"));
    let mut calls: Vec<_> =
        cgroup.map(|directory| call("openat", &["AT_FDCWD", &quoted(directory), "O_RDONLY|O_CLOEXEC"])).into_iter().collect();
    calls.push(call("clone3", &[&arguments, "88"]));
    let pid = namespaces.contains(&NamespaceKind::Pid);
    let user = namespaces.contains(&NamespaceKind::User);
    let (headline, why) = match (pid, user) {
        (true, true) => (
            "Clone a process in new user and pid namespaces",
            "In its user namespace an ordinary user's process may do what root may, to what belongs to that namespace. In its pid \
             namespace it is number 1.",
        ),
        (true, false) => (
            "Clone a process in a new pid namespace",
            "In its pid namespace it is number 1 and sees no process outside. On the host it has a number like any other.",
        ),
        _ => ("Clone a process", "It is numbered in the pid namespace of its maker, or in one that this joined for its children."),
    };
    let why = match cgroup {
        Some(_) => {
            let first = why.split_inclusive(". ").next().unwrap_or(why).trim_end();
            format!("{first} It is born in the container's control group: the limits hold from its first moment.")
        }
        None => why.to_string(),
    };
    explanation(headline, &why, calls, &["grep NSpid /proc/PID/status"], "process")
}

fn ids(step: &ProcessStep) -> Explanation {
    let file = |name: &str, text: &str| {
        let path = format!("\"/proc/…/{name}\"");
        vec![
            call("openat", &["AT_FDCWD", &path, "O_WRONLY|O_CLOEXEC"]),
            call("write", &["…", &quoted(text), &text.len().to_string()]),
        ]
    };
    match step {
        ProcessStep::WriteIdMap { groups, lines } => {
            let text: String = lines.iter().map(|line| format!("{} {} {}\n", line.inside, line.outside, line.count)).collect();
            let calls = file(if *groups { "gid_map" } else { "uid_map" }, &text);
            let which = if *groups { "group" } else { "user" };
            let why = "The map says which id outside each id inside stands for. Root inside becomes you, who are not root outside.";
            let see = if *groups { "cat /proc/PID/gid_map" } else { "cat /proc/PID/uid_map" };
            explanation(format!("Write the {which} id map"), why, calls, &[see], "privileges")
        }
        _ => {
            let why = "Dropping a group can open files that the group was shut out of. So an ordinary user may map groups only without setgroups.";
            explanation(
                "Deny setgroups in the user namespace",
                why,
                file("setgroups", "deny"),
                &["cat /proc/PID/setgroups"],
                "privileges",
            )
        }
    }
}

fn interface_up(interface: &str) -> Explanation {
    let calls = vec![
        call("socket", &["AF_INET", "SOCK_DGRAM|SOCK_CLOEXEC", "IPPROTO_IP"]),
        call("ioctl", &["…", "SIOCGIFFLAGS", &format!("{{ifr_name={}, …}}", quoted(interface))]),
        call("ioctl", &["…", "SIOCSIFFLAGS", &format!("{{ifr_name={}, ifr_flags=IFF_UP…}}", quoted(interface))]),
    ];
    let why = "A new network namespace has one interface, loopback, and it is down. Programs expect 127.0.0.1 to answer.";
    explanation(format!("Bring up the interface {interface}"), why, calls, &["nsenter -t PID -n ip link"], "namespaces")
}

fn terminal(rows: u16, columns: u16) -> Explanation {
    let size = format!("{{ws_row={rows}, ws_col={columns}, ws_xpixel=0, ws_ypixel=0}}");
    let mut calls = vec![
        call("openat", &["AT_FDCWD", "\"/dev/pts/ptmx\"", "O_RDWR|O_NOCTTY|O_CLOEXEC"]),
        call("ioctl", &["…", "TIOCSPTLCK", "[0]"]),
        call("ioctl", &["…", "TIOCGPTN", "…"]),
        call("ioctl", &["…", "TIOCSWINSZ", &size]),
        call("openat", &["AT_FDCWD", "\"/dev/pts/…\"", "O_RDWR|O_NOCTTY|O_CLOEXEC"]),
        call("ioctl", &["…", "TIOCSCTTY", "0"]),
    ];
    calls.extend(["0", "1", "2"].map(|number| call("dup2", &["…", number])));
    let why = "A terminal has two ends: the program gets one, the engine the other. It comes from the container's own /dev/pts.";
    explanation("Open a terminal for the program", why, calls, &["ls -l /proc/PID/fd"], "program")
}

fn exec(argv: &[String], count: usize) -> Explanation {
    let program = argv.first().map_or("", String::as_str);
    let path = if program.contains('/') { quoted(program) } else { format!("\"…/{program}\"") };
    let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
    let variables = format!("0x… /* {count} var{} */", if count == 1 { "" } else { "s" });
    let calls = vec![call("execve", &[&path, &format!("[{}]", words.join(", ")), &variables])];
    let why = "The kernel puts the program in the place of the engine's code; the process, its namespaces and limits stay. Docker's exit \
               codes 126 and 127 come from here.";
    explanation(format!("Execute {program}"), why, calls, &["cat /proc/PID/cmdline | tr '\\0' ' '"], "program")
}

fn send(signal: Signal) -> Explanation {
    let calls = vec![call("pidfd_open", &["…", "0"]), call("pidfd_send_signal", &["…", &signal.name(), "NULL", "0"])];
    let why = match signal {
        Signal::SIGKILL => {
            "This signal cannot be caught or ignored. With number 1 of a pid namespace the kernel ends all others in it."
        }
        _ => "Only the first process gets it. As pid 1 it ignores a signal for which it has no handler.",
    };
    explanation(format!("Send {} to the container", signal.name()), why, calls, &["grep Sig /proc/PID/status"], "end")
}

fn kind_name(kind: NamespaceKind) -> &'static str {
    match kind {
        NamespaceKind::User => "user",
        NamespaceKind::Pid => "pid",
        NamespaceKind::Mount => "mount",
        NamespaceKind::Uts => "uts",
        NamespaceKind::Ipc => "ipc",
        NamespaceKind::Network => "network",
        NamespaceKind::Cgroup => "cgroup",
        NamespaceKind::Time => "time",
    }
}

fn kind_why(kind: NamespaceKind) -> &'static str {
    match kind {
        NamespaceKind::User => "Ids and capabilities inside hold for what belongs to this namespace.",
        NamespaceKind::Pid => "Process numbers start at 1 for the children of this process.",
        NamespaceKind::Mount => {
            "It begins as a copy of the host's mounts. What is mounted here from now on is this process's own affair."
        }
        NamespaceKind::Uts => "Host name and domain name are kept here (UTS stands for Unix Time-sharing System).",
        NamespaceKind::Ipc => "System V queues, semaphores, shared memory and POSIX message queues are kept here.",
        NamespaceKind::Network => {
            "Interfaces, addresses, routes, ports and firewall rules are kept here. It begins with a loopback that is down."
        }
        NamespaceKind::Cgroup => {
            "The cgroup that the process is in now becomes the root of what it sees. Names above it no longer show."
        }
        NamespaceKind::Time => {
            "The monotonic and the boot-time clock can be ahead here. It is made for children: the maker stays outside."
        }
    }
}
