//! What goes over the channel between the engine and the child: a byte that says what it is, then numbers in little-endian order.

use glassbox_core::accounts::Identity;
use glassbox_core::diagnosis::program::Refused;
use glassbox_core::errno::Errno;

use crate::exec::Failure;

/// From the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The next step.
    One,
    /// All that is left.
    Rest,
    /// Nothing yet: this is what the step that installs the seccomp filter will install. The engine compiles it while the child does what
    /// comes before.
    Filter {
        /// As `bpf::to_bytes` writes it.
        program: Vec<u8>,
    },
    /// Nothing yet: this is who the step that sets the user makes of it. What is mounted hides the files that say so.
    Identity {
        /// User, group, further groups.
        identity: Identity,
    },
    /// Nothing new to do: what it does not make itself is there.
    Ready,
}

impl Order {
    /// As it is sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Order::One => vec![b'1'],
            Order::Rest => vec![b'*'],
            Order::Ready => vec![b'r'],
            Order::Identity { identity } => {
                let numbers = [identity.uid, identity.gid].into_iter().chain(identity.groups.iter().copied());
                std::iter::once(b'i').chain(numbers.flat_map(u32::to_le_bytes)).collect()
            }
            Order::Filter { program } => [b"f", program.as_slice()].concat(),
        }
    }

    /// As it arrived.
    pub fn parse(bytes: &[u8]) -> Option<Order> {
        match bytes {
            b"1" => Some(Order::One),
            b"*" => Some(Order::Rest),
            b"r" => Some(Order::Ready),
            [b'i', numbers @ ..] => identity(numbers),
            [b'f', program @ ..] => Some(Order::Filter { program: program.to_vec() }),
            _ => None,
        }
    }
}

fn identity(bytes: &[u8]) -> Option<Order> {
    let (numbers, []) = bytes.as_chunks() else { return None };
    let mut numbers = numbers.iter().map(|number| u32::from_le_bytes(*number));
    let (uid, gid) = (numbers.next()?, numbers.next()?);
    Some(Order::Identity { identity: Identity { uid, gid, groups: numbers.collect() } })
}

/// From the child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A step is done.
    Done,
    /// The engine's steps come before its next one.
    Paused,
    /// A terminal is open; its master side comes along.
    Terminal {
        /// The slave, as the container names it.
        path: String,
    },
    /// execve comes next: if nothing follows, it has succeeded.
    Executing,
    /// It was refused: the process says so on its stderr, and ends.
    Refused {
        /// What, and why.
        refused: Refused,
    },
    /// A step failed; nothing more is done.
    Failed {
        /// Which of the child's steps, from 0.
        index: usize,
        /// Why.
        failure: Failure,
    },
}

impl Reply {
    /// As it is sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Reply::Done => vec![b'd'],
            Reply::Paused => vec![b'p'],
            Reply::Executing => vec![b'e'],
            Reply::Terminal { path } => [b"t", path.as_bytes()].concat(),
            Reply::Failed { index, failure } => {
                let index = u32::try_from(*index).unwrap_or(u32::MAX).to_le_bytes();
                let finding = serde_json::to_vec(&failure.finding).unwrap_or_default();
                [b"f", &index[..], &failure.errno.0.to_le_bytes()[..], failure.call.as_bytes(), b"\0", &finding].concat()
            }
            Reply::Refused { refused } => [b"r", serde_json::to_vec(refused).unwrap_or_default().as_slice()].concat(),
        }
    }

    /// As it arrived.
    pub fn parse(bytes: &[u8]) -> Option<Reply> {
        let (kind, rest) = bytes.split_first()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(match kind {
            b'd' => Reply::Done,
            b'p' => Reply::Paused,
            b'e' => Reply::Executing,
            b't' => Reply::Terminal { path: text(rest) },
            b'f' => {
                let (index, rest) = rest.split_first_chunk()?;
                let (errno, call) = rest.split_first_chunk()?;
                let mut parts = call.splitn(2, |byte| *byte == 0);
                let call = text(parts.next().unwrap_or_default());
                let finding = parts.next().and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default();
                let failure = Failure { errno: Errno(i32::from_le_bytes(*errno)), call, finding };
                Reply::Failed { index: usize::try_from(u32::from_le_bytes(*index)).ok()?, failure }
            }
            b'r' => Reply::Refused { refused: serde_json::from_slice(rest).ok()? },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use glassbox_core::diagnosis::{Diagnosis, Finding};

    use super::*;

    #[test]
    fn what_is_sent_arrives() {
        let identity = Identity { uid: 1, gid: 70_000, groups: vec![3] };
        for order in [Order::One, Order::Rest, Order::Ready, Order::Filter { program: vec![1, 2] }, Order::Identity { identity }] {
            assert_eq!(Order::parse(&order.to_bytes()), Some(order));
        }
        let diagnosis = Some(Diagnosis::new("what", ""));
        let finding = Finding { diagnosis: diagnosis.clone(), ..Finding::default() };
        let failed = Reply::Failed { index: 70_000, failure: Failure { finding, ..Failure::of("pivot_root", Errno::EINVAL) } };
        let refused = Reply::Refused { refused: Refused { program: "/x".into(), errno: Errno::ENOEXEC, diagnosis } };
        for reply in [Reply::Done, Reply::Paused, Reply::Executing, Reply::Terminal { path: "/dev/pts/0".into() }, failed, refused]
        {
            assert_eq!(Reply::parse(&reply.to_bytes()), Some(reply));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!((Order::parse(b"2"), Order::parse(b"i1234"), Order::parse(b"i12345678901")), (None, None, None));
        assert_eq!(Reply::parse(b""), None);
        assert_eq!(Reply::parse(b"f\0\0"), None);
    }
}
