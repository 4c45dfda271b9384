//! Steps that take power away, in words.

use super::{CallWhen, Explanation, call, explanation};
use crate::oci::capability::CapabilitySet;
use crate::resource_limit::{UNLIMITED, shown};
use crate::step::PrivilegeStep;

pub(super) fn explain(step: &PrivilegeStep) -> Explanation {
    match step {
        PrivilegeStep::SetNoNewPrivileges => {
            let calls = vec![call("prctl", &["PR_SET_NO_NEW_PRIVS", "1", "0", "0", "0"])];
            let why = "From here on no execve can give more rights: set-user-id programs run with the caller's.";
            explanation("Forbid gaining privileges", why, calls, &["grep NoNewPrivs /proc/PID/status"], "privileges")
        }
        PrivilegeStep::InstallSeccompFilter { .. } => {
            let calls = vec![call("seccomp", &["SECCOMP_SET_MODE_FILTER", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "{len=…, filter=…}"])];
            let why = "The kernel asks this small program about every system call and refuses those that containers do not need.";
            explanation("Install the seccomp filter", why, calls, &["grep Seccomp /proc/PID/status"], "privileges")
        }
        PrivilegeStep::LimitBoundingSet { keep } => {
            let dropped = CapabilitySet::ALL.minus(*keep);
            let calls =
                dropped.iter().map(|capability| call("prctl", &["PR_CAPBSET_DROP", capability.name()]).when(CallWhen::IfPresent));
            let why = "What is not in the bounding set cannot come back by execve, not even for root.";
            let headline = format!("Keep {} of {} capabilities", keep.len(), CapabilitySet::ALL.len());
            let mut calls: Vec<super::Call> = calls.collect();
            calls.push(call("prctl", &["PR_CAPBSET_READ", "…"]).when(CallWhen::Repeated));
            explanation(headline, why, calls, &["grep CapBnd /proc/PID/status"], "privileges")
        }
        PrivilegeStep::SetResourceLimit { resource, limit } => {
            let number = |limit: u64| if limit == UNLIMITED { "RLIM64_INFINITY".to_string() } else { "…".to_string() };
            let pair = format!("{{rlim_cur={}, rlim_max={}}}", number(limit.soft), number(limit.hard));
            let calls = vec![call("prlimit64", &["0", &resource.constant(), &pair, "NULL"])];
            let why =
                "The limit goes on to every process that this one starts. The soft one is kept; it can be raised to the hard one.";
            let headline = format!("Limit {} to {}, at most {}", resource.name(), shown(limit.soft), shown(limit.hard));
            explanation(headline, why, calls, &[&format!("grep '{}' /proc/PID/limits", resource.title())], "limits")
        }
        PrivilegeStep::SetAppArmorProfile { profile } => apparmor(profile),
        PrivilegeStep::SetOomScore { score } => oom_score(*score),
        PrivilegeStep::SetUser { user, groups: _, layers } => {
            let name = user.split(':').next().unwrap_or_default();
            let uid = match name.parse::<u32>() {
                Ok(uid) => uid.to_string(),
                Err(_) if name.is_empty() || name == "root" => "0".to_string(),
                Err(_) => "…".to_string(),
            };
            let calls = vec![
                call("prctl", &["PR_SET_KEEPCAPS", "1"]).when(CallWhen::Repeated),
                call("setgroups", &["…", "…"]),
                call("setresgid", &["…", "…", "…"]),
                call("setresuid", &[&uid, &uid, &uid]),
            ];
            let name = if user.is_empty() { "root" } else { user };
            let why = match layers {
                None => "Files are judged by user and group. Groups first: once the user is given up, they cannot be changed.",
                Some(_) => {
                    "Files are judged by user and group. What the name means is read in the image and the container's own layer, as \
                     Docker does: what is mounted over /etc/passwd or /etc/group names nobody."
                }
            };
            explanation(format!("Become the user {name}"), why, calls, &["grep -E 'Uid|Gid' /proc/PID/status"], "privileges")
        }
        PrivilegeStep::SetCapabilities { capabilities } => {
            let calls = vec![
                call("capset", &["{version=_LINUX_CAPABILITY_VERSION_3, pid=0}", "{effective=…, permitted=…, inheritable=0}"]),
                call("prctl", &["PR_CAP_AMBIENT", "PR_CAP_AMBIENT_CLEAR_ALL", "0", "0", "0"]),
            ];
            let why = "Root's power is cut into capabilities. The process keeps these and gives up the rest for good.";
            let headline = format!("Give up all but {} capabilities", capabilities.len());
            explanation(headline, why, calls, &["grep Cap /proc/PID/status"], "privileges")
        }
    }
}

fn apparmor(profile: &str) -> Explanation {
    let text = format!("exec {profile}");
    let calls = vec![
        call("openat", &["AT_FDCWD", "\"/proc/self/attr/apparmor/exec\"", "O_WRONLY|O_CLOEXEC"]),
        call("write", &["…", &format!("\"{text}\""), &text.len().to_string()]),
    ];
    let why =
        "AppArmor judges files and mounts by their paths, by rules that are loaded into the kernel. These hold from execve on.";
    let headline = format!("Run under the AppArmor profile {profile}");
    explanation(headline, why, calls, &["cat /proc/PID/attr/apparmor/current"], "privileges")
}

fn oom_score(score: i64) -> Explanation {
    let text = score.to_string();
    let calls = vec![
        call("openat", &["AT_FDCWD", "\"/proc/self/oom_score_adj\"", "O_WRONLY|O_CLOEXEC"]),
        call("write", &["…", &format!("\"{text}\""), &text.len().to_string()]),
    ];
    let why =
        "When the host's memory is out the kernel ends the process with the highest score. Lowering it needs CAP_SYS_RESOURCE.";
    explanation(format!("Add {score} to its OOM score"), why, calls, &["cat /proc/PID/oom_score_adj"], "limits")
}
