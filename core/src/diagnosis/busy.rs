//! Who keeps something busy that is to be unmounted or removed: EBUSY of umount(2), rmdir(2), and of a cgroup.

use super::Diagnosis;

/// So many are named; of the others it is told how many they are.
const NAMED_MAX: usize = 5;

/// How a process holds on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// Something is mounted there in its mount namespace.
    Mount(String),
    /// Its working directory.
    WorkingDirectory(String),
    /// Its root directory.
    Root(String),
    /// A file that it has open.
    OpenFile(String),
    /// It is in the cgroup.
    Member,
}

/// A process that holds on to something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// As the host numbers it.
    pub pid: u32,
    /// Its name: /proc/PID/comm.
    pub command: String,
    /// How.
    pub hold: Hold,
}

impl Holder {
    fn told(&self) -> String {
        let how = match &self.hold {
            Hold::Mount(target) => format!("has something mounted at {target}"),
            Hold::WorkingDirectory(path) => format!("works in {path}"),
            Hold::Root(path) => format!("has {path} as its root"),
            Hold::OpenFile(path) => format!("has {path} open"),
            Hold::Member => "is in it".to_string(),
        };
        format!("process {} ({}) {how}", self.pid, self.command)
    }
}

/// In words; `None`: nobody was found.
pub fn fault(what: &str, holders: &[Holder]) -> Option<Diagnosis> {
    let (first, rest) = holders.split_at(holders.len().min(NAMED_MAX));
    if first.is_empty() {
        return None;
    }
    let mut told: Vec<String> = first.iter().map(Holder::told).collect();
    if !rest.is_empty() {
        told.push(format!("and {} more", rest.len()));
    }
    let advice = match first.first().map(|holder| &holder.hold) {
        Some(Hold::Mount(target)) => format!("unmount it: umount {target}"),
        _ => "it is free once they have ended".to_string(),
    };
    Some(Diagnosis::new(format!("{what} is busy: {}", told.join("; ")), advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_named_and_the_many_counted() {
        let holder = |pid, hold| Holder { pid, command: "sleep".into(), hold };
        assert_eq!(fault("/x", &[]), None);
        let one = fault("/x", &[holder(7, Hold::Mount("/x/y".into()))]).unwrap();
        assert_eq!(one.what, "/x is busy: process 7 (sleep) has something mounted at /x/y");
        assert_eq!(one.advice, "unmount it: umount /x/y");
        let many: Vec<Holder> = (1..=7).map(|pid| holder(pid, Hold::Member)).collect();
        assert!(fault("the cgroup /c", &many).unwrap().what.ends_with("process 5 (sleep) is in it; and 2 more"));
    }
}
