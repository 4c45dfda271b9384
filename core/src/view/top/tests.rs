//! The words for ps and what Docker makes of its lines.

use super::*;

fn titles_of(words: &[&str]) -> Result<String, Refusal> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
    parse(&words).map(|asked| titles(&asked).join(" "))
}

#[test]
fn the_columns_are_those_of_ps() {
    assert_eq!(titles_of(&[]).unwrap(), "UID PID PPID C STIME TTY TIME CMD");
    assert_eq!(titles_of(&["-ef"]).unwrap(), "UID PID PPID C STIME TTY TIME CMD");
    assert_eq!(titles_of(&["-e"]).unwrap(), "PID TTY TIME CMD");
    assert_eq!(titles_of(&["aux"]).unwrap(), "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND");
    assert_eq!(titles_of(&["-aux"]).unwrap(), "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND");
    assert_eq!(titles_of(&["ax"]).unwrap(), "PID TTY STAT TIME COMMAND");
    assert_eq!(titles_of(&["-o", "pid,cmd"]).unwrap(), "PID CMD");
    assert_eq!(titles_of(&["-eo", "pid,comm=NAME"]).unwrap(), "PID NAME");
    assert_eq!(titles_of(&["-opid,args", "-ouser"]).unwrap(), "PID COMMAND USER");
    assert_eq!(titles_of(&["--format=pid,s"]).unwrap(), "PID S");
}

#[test]
fn refusals_are_those_of_ps_and_docker_or_say_what_to_do() {
    let daemon = |text: &str| Err(Refusal::Daemon(text.to_string()));
    assert_eq!(titles_of(&["-o", "comm"]), daemon("Couldn't find PID field in ps output"));
    assert_eq!(titles_of(&["-o", "pid="]), daemon("Couldn't find PID field in ps output"));
    assert_eq!(titles_of(&["-o", "pid,ppid=PID"]), daemon("specifying \"pid,ppid=PID\" is not allowed"));
    assert_eq!(titles_of(&["-o", "comm,pid=PID"]), daemon("specifying \"comm,pid=PID\" is not allowed"));
    assert_eq!(titles_of(&["-o", "pid,nothing"]), daemon("ps: error: unknown user-defined format specifier \"nothing\""));
    assert_eq!(titles_of(&["--nothing"]), daemon("ps: error: unknown gnu long option"));
    assert_eq!(titles_of(&["zz"]), daemon("ps: error: unsupported option (BSD syntax)"));
    for words in [&["-C", "sh"][..], &["-o", "pid,wchan"], &["--sort=wchan"], &["-T"], &["-l"]] {
        assert!(matches!(titles_of(words), Err(Refusal::NotHere(_))), "{words:?}");
    }
}

#[test]
fn what_is_too_much_goes_to_the_last_cell() {
    assert_eq!(split("root  7 sh  -c  x", 3), ["root", "7", "sh -c x"]);
    assert_eq!(split("7", 3), ["7", ""]);
}

#[test]
fn the_kernels_files_are_no_cgroups() {
    assert!(["cgroup.procs", "tasks", "memory.max", "net_cls.classid"].iter().all(|name| is_kernels(name)));
    assert!(!["nested", "my.slice", "init.scope"].iter().any(|name| is_kernels(name)));
}
