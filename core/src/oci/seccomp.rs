//! Docker's default seccomp profile as data, and what a profile says on one call.
//!
//! The facts follow moby's `profiles/seccomp/default.json` as Docker 28.2 ships it: names, conditions, order, for x86-64 with its
//! two compatible architectures. What is not named is refused with EPERM. Groups are opened by capabilities of the container.
//! The profile is lowered to the OCI runtime spec's `LinuxSeccomp`; `native` compiles that into a BPF program, and the model
//! kernel asks [`verdict`].

use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompArgBuilder, LinuxSeccompOperator, LinuxSyscall,
};

use super::capability::{Capability, CapabilitySet};
use crate::errno::Errno;

/// Allowed to everybody, whatever the arguments.
const ALWAYS: &str = "\
    accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 clock_adjtime \
    clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 \
    close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old \
    epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 \
    fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 \
    fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate \
    ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat getcpu getcwd getdents getdents64 \
    getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid \
    getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid \
    getsockname getsockopt get_thread_area gettid gettimeofday getuid getuid32 getxattr getxattrat inotify_add_watch \
    inotify_init inotify_init1 inotify_rm_watch io_cancel ioctl io_destroy io_getevents io_pgetevents io_pgetevents_time64 \
    ioprio_get ioprio_set io_setup io_submit ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown \
    lchown32 lgetxattr link linkat listen listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr \
    lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock \
    mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend \
    mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at \
    nanosleep newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free \
    pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 \
    pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg \
    remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall riscv_hwprobe rmdir rseq rt_sigaction \
    rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 \
    rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min \
    sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam \
    sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 \
    sendmmsg sendmsg sendto setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid \
    setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list \
    setsid setsockopt set_thread_area set_tid_address setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown \
    sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount \
    statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun \
    timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 \
    timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime \
    utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev";

/// Allowed to everybody since Linux 4.8, where ptrace can no longer be used to get around a filter.
const TRACING: &str = "process_vm_readv process_vm_writev ptrace";

/// Allowed on x86 only, each in a group of its own.
const X86_ONLY: &[&str] = &["arch_prctl", "modify_ldt"];

/// The arguments of personality(2) that are allowed: PER_LINUX, PER_LINUX32, UNAME26, both, and "tell the current one".
const PERSONALITIES: &[u64] = &[0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// AF_VSOCK reaches the hypervisor past all namespaces: socket(2) with it is refused.
const AF_VSOCK: u64 = 40;

/// CLONE_NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWCGROUP: what clone(2) may not ask for without CAP_SYS_ADMIN.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// What CAP_SYS_ADMIN opens.
const ADMIN: &str = "\
    bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules \
    lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname \
    setns syslog umount umount2 unshare";

/// What other capabilities open.
const BY_CAPABILITY: &[(Capability, &str)] = &[
    (Capability::SysBoot, "reboot"),
    (Capability::SysChroot, "chroot"),
    (Capability::SysModule, "delete_module init_module finit_module"),
    (Capability::SysPacct, "acct"),
    (Capability::SysPtrace, "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"),
    (Capability::SysRawio, "iopl ioperm"),
    (Capability::SysTime, "settimeofday stime clock_settime clock_settime64"),
    (Capability::SysTtyConfig, "vhangup"),
    (Capability::SysNice, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
    (Capability::Syslog, "syslog"),
    (Capability::Bpf, "bpf"),
    (Capability::Perfmon, "perf_event_open"),
];

/// Docker's default profile as it applies to a container with these capabilities.
pub fn default_profile(capabilities: &CapabilitySet) -> LinuxSeccomp {
    let mut rules = vec![allow(ALWAYS), allow(TRACING)];
    rules.push(allow_if("socket", LinuxSeccompOperator::ScmpCmpNe, AF_VSOCK));
    rules.extend(PERSONALITIES.iter().map(|persona| allow_if("personality", LinuxSeccompOperator::ScmpCmpEq, *persona)));
    rules.extend(X86_ONLY.iter().map(|name| allow(name)));
    if capabilities.contains(Capability::DacReadSearch) {
        rules.push(allow("open_by_handle_at"));
    }
    if capabilities.contains(Capability::SysAdmin) {
        rules.push(allow(ADMIN));
    } else {
        rules.push(allow_if("clone", LinuxSeccompOperator::ScmpCmpMaskedEq, NEW_NAMESPACES));
        rules.push(refuse("clone3", Errno::ENOSYS));
    }
    rules.extend(BY_CAPABILITY.iter().filter(|(needed, _)| capabilities.contains(*needed)).map(|(_, names)| allow(names)));
    let mut profile = LinuxSeccomp::default();
    profile.set_default_action(LinuxSeccompAction::ScmpActErrno);
    profile.set_default_errno_ret(Some(Errno::EPERM.0 as u32));
    profile.set_architectures(Some(vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32]));
    profile.set_syscalls(Some(rules));
    profile
}

/// The capabilities of which one is enough for Docker's profile to allow the call, where it is not allowed to everybody.
pub fn opened_by(call: &str) -> CapabilitySet {
    let named = |names: &str| names.split_whitespace().any(|name| name == call);
    let mut openers: CapabilitySet = BY_CAPABILITY.iter().filter(|(_, names)| named(names)).map(|(opener, _)| *opener).collect();
    if named(ADMIN) {
        openers = openers.with(Capability::SysAdmin);
    }
    if call == "open_by_handle_at" {
        openers = openers.with(Capability::DacReadSearch);
    }
    openers
}

fn allow(names: &str) -> LinuxSyscall {
    rule(names, LinuxSeccompAction::ScmpActAllow, None, None)
}

fn allow_if(name: &str, operator: LinuxSeccompOperator, value: u64) -> LinuxSyscall {
    // Every field has a default, so that the builder cannot fail.
    let condition = LinuxSeccompArgBuilder::default().index(0usize).value(value).op(operator).build().unwrap_or_default();
    rule(name, LinuxSeccompAction::ScmpActAllow, None, Some(vec![condition]))
}

fn refuse(name: &str, errno: Errno) -> LinuxSyscall {
    rule(name, LinuxSeccompAction::ScmpActErrno, Some(errno.0 as u32), None)
}

fn rule(names: &str, action: LinuxSeccompAction, errno: Option<u32>, conditions: Option<Vec<LinuxSeccompArg>>) -> LinuxSyscall {
    let mut rule = LinuxSyscall::default();
    rule.set_names(names.split_whitespace().map(str::to_string).collect());
    rule.set_action(action);
    rule.set_errno_ret(errno);
    rule.set_args(conditions);
    rule
}

/// What a profile says on one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The action.
    pub action: LinuxSeccompAction,
    /// The number that goes with ERRNO and TRACE.
    pub errno: Option<u32>,
}

impl Verdict {
    /// The errno that the caller sees, where the call is refused with one.
    pub fn refusal(self) -> Option<Errno> {
        let refuses = self.action == LinuxSeccompAction::ScmpActErrno;
        refuses.then(|| Errno(self.errno.unwrap_or(Errno::EPERM.0 as u32) as i32))
    }
}

/// What the profile says on the call `name` with these arguments: a rule without conditions decides, then the first rule whose
/// conditions all hold, then the default. Two conditions on one argument are alternatives, as runc takes them.
pub fn verdict(profile: &LinuxSeccomp, name: &str, arguments: &[u64; 6]) -> Verdict {
    let rules = profile.syscalls().iter().flatten().filter(|rule| rule.names().iter().any(|named| named == name));
    let (unconditional, conditional): (Vec<_>, Vec<_>) = rules.partition(|rule| conditions(rule).is_empty());
    let found = unconditional.first().or_else(|| conditional.iter().find(|rule| applies(rule, arguments)));
    found.map_or(default_verdict(profile), |rule| Verdict { action: rule.action(), errno: rule.errno_ret() })
}

/// What the profile says on calls that it does not name.
pub fn default_verdict(profile: &LinuxSeccomp) -> Verdict {
    Verdict { action: profile.default_action(), errno: profile.default_errno_ret() }
}

/// The conditions of a rule.
pub fn conditions(rule: &LinuxSyscall) -> &[LinuxSeccompArg] {
    rule.args().as_deref().unwrap_or_default()
}

/// Whether two conditions of the rule are on the same argument, which makes all of them alternatives.
pub fn are_alternatives(conditions: &[LinuxSeccompArg]) -> bool {
    conditions.iter().enumerate().any(|(at, one)| conditions[..at].iter().any(|other| other.index() == one.index()))
}

fn applies(rule: &LinuxSyscall, arguments: &[u64; 6]) -> bool {
    let conditions = conditions(rule);
    let mut held = conditions.iter().map(|condition| holds(condition, arguments));
    if are_alternatives(conditions) { held.any(|held| held) } else { held.all(|held| held) }
}

fn holds(condition: &LinuxSeccompArg, arguments: &[u64; 6]) -> bool {
    let argument = arguments.get(condition.index()).copied().unwrap_or_default();
    match condition.op() {
        LinuxSeccompOperator::ScmpCmpNe => argument != condition.value(),
        LinuxSeccompOperator::ScmpCmpLt => argument < condition.value(),
        LinuxSeccompOperator::ScmpCmpLe => argument <= condition.value(),
        LinuxSeccompOperator::ScmpCmpEq => argument == condition.value(),
        LinuxSeccompOperator::ScmpCmpGe => argument >= condition.value(),
        LinuxSeccompOperator::ScmpCmpGt => argument > condition.value(),
        LinuxSeccompOperator::ScmpCmpMaskedEq => argument & condition.value() == condition.value_two().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn refusal(capabilities: CapabilitySet, name: &str, first: u64) -> Option<Errno> {
        verdict(&default_profile(&capabilities), name, &[first, 0, 0, 0, 0, 0]).refusal()
    }

    /// What dockerd 28.5.2 wrote into config.json for containers with these capabilities: rule, and the calls that it is for.
    const DOCKERS: &str = include_str!("../../../tests/docker-seccomp.txt");

    fn told(profile: &LinuxSeccomp) -> Vec<String> {
        let mut rules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for rule in profile.syscalls().iter().flatten() {
            let errno = rule.errno_ret().map(|errno| format!(" {errno}")).unwrap_or_default();
            let condition = |one: &LinuxSeccompArg| {
                format!(" arg{} {} {} {}", one.index(), one.op(), one.value(), one.value_two().unwrap_or_default())
            };
            let conditions: String = conditions(rule).iter().map(condition).collect();
            rules.entry(format!("{}{errno}{conditions}", rule.action())).or_default().extend(rule.names().iter().cloned());
        }
        let names = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" ");
        rules.into_iter().map(|(rule, calls)| format!("{rule}: {}", names(calls))).collect()
    }

    #[test]
    fn the_profile_is_dockers_for_each_set_of_capabilities() {
        let mut compared = 0;
        for case in DOCKERS.split("== ").skip(1) {
            let mut lines = case.lines();
            let title = lines.next().unwrap();
            let named = lines.next().and_then(|line| line.strip_prefix("capabilities:")).unwrap();
            let parse = |set: CapabilitySet, name| set.with(Capability::parse(name).unwrap());
            let capabilities = named.split_whitespace().fold(CapabilitySet::EMPTY, parse);
            let ours = told(&default_profile(&capabilities));
            for (ours, docker) in ours.iter().zip(lines.clone()) {
                assert_eq!(ours, docker, "{title}");
            }
            assert_eq!(ours.len(), lines.count(), "{title}");
            compared += 1;
        }
        assert_eq!(compared, 7);
    }

    #[test]
    fn what_a_container_may_not_call() {
        let default = CapabilitySet::DOCKER_DEFAULT;
        for name in
            ["mount", "keyctl", "add_key", "unshare", "setns", "bpf", "io_uring_setup", "kexec_load", "userfaultfd", "syslog"]
        {
            assert_eq!(refusal(default, name, 0), Some(Errno::EPERM), "{name}");
        }
        assert_eq!(refusal(default, "clone3", 0), Some(Errno::ENOSYS));
        for name in ["read", "execve", "chroot", "ptrace", "openat2", "arch_prctl", "seccomp"] {
            assert_eq!(refusal(default, name, 0), None, "{name}");
        }
    }

    #[test]
    fn arguments_decide() {
        let default = CapabilitySet::DOCKER_DEFAULT;
        assert_eq!(refusal(default, "socket", 40), Some(Errno::EPERM));
        assert_eq!(refusal(default, "socket", 2), None);
        assert_eq!(refusal(default, "clone", 0x1000_0000 | 17), Some(Errno::EPERM));
        assert_eq!(refusal(default, "clone", 0x0100_0000 | 17), None);
        assert_eq!(refusal(default, "personality", 0x4_0000), Some(Errno::EPERM));
        assert_eq!(refusal(default, "personality", 0xffff_ffff), None);
    }

    #[test]
    fn capabilities_open_groups() {
        let with = |capability| CapabilitySet::DOCKER_DEFAULT.with(capability);
        for name in ["mount", "clone", "clone3", "unshare", "sethostname"] {
            assert_eq!(refusal(with(Capability::SysAdmin), name, 0x1000_0000), None, "{name}");
        }
        assert_eq!(refusal(with(Capability::SysTime), "clock_settime", 0), None);
        assert_eq!(refusal(with(Capability::Syslog), "syslog", 0), None);
        assert_eq!(refusal(with(Capability::DacReadSearch), "open_by_handle_at", 0), None);
        assert_eq!(refusal(CapabilitySet::EMPTY, "chroot", 0), Some(Errno::EPERM));
        assert_eq!(opened_by("syslog"), CapabilitySet::of(&[Capability::SysAdmin, Capability::Syslog]));
        assert!(opened_by("read").is_empty() && opened_by("keyctl").is_empty());
    }

    #[test]
    fn the_profile_is_a_valid_part_of_a_runtime_spec() {
        let profile = default_profile(&CapabilitySet::DOCKER_DEFAULT);
        let text = serde_json::to_string(&profile).unwrap();
        let start = r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"]"#;
        assert!(text.starts_with(start), "{text:.200}");
        assert_eq!(serde_json::from_str::<LinuxSeccomp>(&text).unwrap(), profile);
    }

    #[test]
    fn two_conditions_on_one_argument_are_alternatives() {
        let mut either = allow_if("x", LinuxSeccompOperator::ScmpCmpEq, 1);
        let second = conditions(&allow_if("x", LinuxSeccompOperator::ScmpCmpEq, 2))[0];
        either.set_args(Some(vec![conditions(&either)[0], second]));
        assert!(applies(&either, &[2, 0, 0, 0, 0, 0]) && !applies(&either, &[3, 0, 0, 0, 0, 0]));
    }
}
