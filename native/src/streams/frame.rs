//! What a monitor and those who are attached to its container say to one another: one message of the socket, its first byte the kind.

/// From the caller to the monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Output is wanted from now on.
    Watch,
    /// For the program's standard input.
    Input(Vec<u8>),
    /// The caller's standard input is at its end.
    End,
    /// The caller's window: rows, columns.
    Size(u16, u16),
}

/// From the monitor to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// The program wrote this.
    Stdout(Vec<u8>),
    /// To stderr.
    Stderr(Vec<u8>),
    /// It has ended with this exit code, and its record says so; what is known of the cause, for the caller to read.
    Ended(i32, String),
}

impl Ask {
    /// As it is sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Ask::Watch => b"w".to_vec(),
            Ask::Input(bytes) => [b"i", bytes.as_slice()].concat(),
            Ask::End => b"e".to_vec(),
            Ask::Size(rows, columns) => [b"s".as_slice(), &rows.to_le_bytes(), &columns.to_le_bytes()].concat(),
        }
    }

    /// `None`: nothing that one says here.
    pub fn parse(bytes: &[u8]) -> Option<Ask> {
        Some(match bytes.split_first()? {
            (b'w', []) => Ask::Watch,
            (b'i', bytes) => Ask::Input(bytes.to_vec()),
            (b'e', []) => Ask::End,
            (b's', [a, b, c, d]) => Ask::Size(u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d])),
            _ => return None,
        })
    }
}

impl Tell {
    /// As it is sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Tell::Stdout(bytes) => [b"o", bytes.as_slice()].concat(),
            Tell::Stderr(bytes) => [b"r", bytes.as_slice()].concat(),
            Tell::Ended(code, cause) => [b"x".as_slice(), &code.to_le_bytes(), cause.as_bytes()].concat(),
        }
    }

    /// `None`: nothing that one says here.
    pub fn parse(bytes: &[u8]) -> Option<Tell> {
        Some(match bytes.split_first()? {
            (b'o', bytes) => Tell::Stdout(bytes.to_vec()),
            (b'r', bytes) => Tell::Stderr(bytes.to_vec()),
            (b'x', bytes) => {
                let (code, cause) = bytes.split_first_chunk()?;
                Tell::Ended(i32::from_le_bytes(*code), String::from_utf8_lossy(cause).into_owned())
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        for ask in [Ask::Watch, Ask::Input(b"ls\n".to_vec()), Ask::End, Ask::Size(24, 800)] {
            assert_eq!(Ask::parse(&ask.to_bytes()), Some(ask));
        }
        for tell in [Tell::Stdout(vec![0, 1]), Tell::Stderr(Vec::new()), Tell::Ended(-1, "why\n".into())] {
            assert_eq!(Tell::parse(&tell.to_bytes()), Some(tell));
        }
        assert!([b"".as_slice(), b"q", b"sx", b"wx"].iter().all(|bytes| Ask::parse(bytes).is_none()));
        assert!([b"".as_slice(), b"q", b"x"].iter().all(|bytes| Tell::parse(bytes).is_none()));
    }
}
