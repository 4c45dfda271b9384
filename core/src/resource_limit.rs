//! Resource limits of a process: getrlimit(2), and Docker's names for them.
//!
//! Read by the grammar of `--ulimit`, by the steps, by both kernels and by `ulimit` of the shell. Numbers are those of x86-64.

use serde::{Deserialize, Serialize};

/// No limit: RLIM_INFINITY.
pub const UNLIMITED: u64 = u64::MAX;

/// One of the limits of getrlimit(2), by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resource(pub u8);

/// A soft and a hard limit; [`UNLIMITED`] where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitPair {
    /// What is kept.
    pub soft: u64,
    /// What the soft one may be raised to.
    pub hard: u64,
}

/// Docker's name, and the one in /proc/PID/limits with its unit.
const NAMES: [(&str, &str, &str); 16] = [
    ("cpu", "Max cpu time", "seconds"),
    ("fsize", "Max file size", "bytes"),
    ("data", "Max data size", "bytes"),
    ("stack", "Max stack size", "bytes"),
    ("core", "Max core file size", "bytes"),
    ("rss", "Max resident set", "bytes"),
    ("nproc", "Max processes", "processes"),
    ("nofile", "Max open files", "files"),
    ("memlock", "Max locked memory", "bytes"),
    ("as", "Max address space", "bytes"),
    ("locks", "Max file locks", "locks"),
    ("sigpending", "Max pending signals", "signals"),
    ("msgqueue", "Max msgqueue size", "bytes"),
    ("nice", "Max nice priority", ""),
    ("rtprio", "Max realtime priority", ""),
    ("rttime", "Max realtime timeout", "us"),
];

impl Resource {
    /// RLIMIT_FSIZE
    pub const FILE_SIZE: Resource = Resource(1);
    /// RLIMIT_NPROC
    pub const PROCESSES: Resource = Resource(6);
    /// RLIMIT_NOFILE
    pub const OPEN_FILES: Resource = Resource(7);

    /// All, in the order of their numbers, which is that of /proc/PID/limits.
    pub fn all() -> impl Iterator<Item = Resource> {
        (0..16).map(Resource)
    }

    /// By Docker's name: `nofile`.
    pub fn named(name: &str) -> Option<Resource> {
        Resource::all().find(|resource| resource.name() == name)
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        NAMES.get(usize::from(self.0)).copied().unwrap_or(("?", "?", ""))
    }

    /// Docker's name: `nofile`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// As getrlimit(2) names it: `RLIMIT_NOFILE`.
    pub fn constant(self) -> String {
        format!("RLIMIT_{}", self.name().to_ascii_uppercase())
    }

    /// The name in /proc/PID/limits.
    pub fn title(self) -> &'static str {
        self.row().1
    }
}

/// A limit as /proc/PID/limits and `ulimit` show it.
pub fn shown(limit: u64) -> String {
    if limit == UNLIMITED { "unlimited".to_string() } else { limit.to_string() }
}

/// /proc/PID/limits, proc_pid_limits(5).
pub fn table(limit: impl Fn(Resource) -> LimitPair) -> String {
    let mut text = format!("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for resource in Resource::all() {
        let LimitPair { soft, hard } = limit(resource);
        let unit = resource.row().2;
        text += &format!("{:<25} {:<20} {:<20} {unit:<10}\n", resource.title(), shown(soft), shown(hard));
    }
    text
}

/// Reads one limit from the text of /proc/PID/limits.
pub fn in_table(text: &str, resource: Resource) -> Option<LimitPair> {
    let rest = text.lines().find_map(|line| line.strip_prefix(resource.title())?.strip_prefix(' '))?;
    let mut words = rest.split_whitespace().map(|word| if word == "unlimited" { Some(UNLIMITED) } else { word.parse().ok() });
    Some(LimitPair { soft: words.next()??, hard: words.next()?? })
}

/// What a machine gives its first process: the kernel's own limits, with systemd's for open files.
pub fn of_a_host(resource: Resource) -> LimitPair {
    let both = |limit| LimitPair { soft: limit, hard: limit };
    match resource.name() {
        "stack" => LimitPair { soft: 8 << 20, hard: UNLIMITED },
        "core" => LimitPair { soft: 0, hard: UNLIMITED },
        "nproc" | "sigpending" => both(15_000),
        "nofile" => LimitPair { soft: 1024, hard: 524_288 },
        "memlock" => both(8 << 20),
        "msgqueue" => both(819_200),
        "nice" | "rtprio" => both(0),
        _ => both(UNLIMITED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_shows_can_be_read_from_it() {
        let text = table(of_a_host);
        for resource in Resource::all() {
            assert_eq!(in_table(&text, resource), Some(of_a_host(resource)), "{}", resource.name());
        }
        assert_eq!(text.lines().nth(8).unwrap(), "Max open files            1024                 524288               files     ");
        assert_eq!(Resource::named("nofile").map(Resource::constant).as_deref(), Some("RLIMIT_NOFILE"));
        assert_eq!(Resource::named("nope"), None);
    }
}
