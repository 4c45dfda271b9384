//! `--detach-keys`: the keys that let go of a container's terminal, and the gate through which all typed keys pass. Pure: both kernels use it.

use serde::{Deserialize, Serialize};

/// ctrl-p, ctrl-q.
const DEFAULT: &[u8] = &[16, 17];

/// A sequence of keys, and how much of it has been typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetachKeys {
    sequence: Vec<u8>,
    typed: usize,
}

impl Default for DetachKeys {
    fn default() -> DetachKeys {
        DetachKeys { sequence: DEFAULT.to_vec(), typed: 0 }
    }
}

impl DetachKeys {
    /// As Docker reads them: `ctrl-p,ctrl-q`, `ctrl-x,x`; empty: the usual ones. `None`: that names no keys.
    pub fn parse(text: &str) -> Option<DetachKeys> {
        if text.is_empty() {
            return Some(DetachKeys::default());
        }
        let sequence = text.split(',').map(key).collect::<Option<Vec<u8>>>()?;
        Some(DetachKeys { sequence, typed: 0 })
    }

    /// What of the typed bytes goes to the program, and whether the sequence is complete. Its beginning is held back until it is known
    /// what follows.
    pub fn pass(&mut self, bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut through = Vec::new();
        for byte in bytes {
            if self.sequence.get(self.typed) == Some(byte) {
                self.typed += 1;
                if self.typed == self.sequence.len() {
                    self.typed = 0;
                    return (through, true);
                }
                continue;
            }
            through.extend_from_slice(self.sequence.get(..std::mem::take(&mut self.typed)).unwrap_or_default());
            if self.sequence.first() == Some(byte) {
                self.typed = 1;
            } else {
                through.push(*byte);
            }
        }
        (through, false)
    }
}

fn key(word: &str) -> Option<u8> {
    match word.strip_prefix("ctrl-").map(str::as_bytes) {
        Some([letter @ b'a'..=b'z']) => Some(letter - b'a' + 1),
        Some([b'@']) => Some(0),
        Some([mark @ b'['..=b'_']) => Some(mark - b'[' + 27),
        _ => match word.as_bytes() {
            [one] => Some(*one),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_docker_reads_them() {
        assert_eq!(DetachKeys::parse("").unwrap().sequence, [16, 17]);
        assert_eq!(DetachKeys::parse("ctrl-x,x").unwrap().sequence, [24, b'x']);
        assert_eq!(DetachKeys::parse("ctrl-@,ctrl-[,ctrl-_,a").unwrap().sequence, [0, 27, 31, b'a']);
        assert!(["ctrl-", "ctrl-P", "word", "a,,b"].iter().all(|text| DetachKeys::parse(text).is_none()));
    }

    #[test]
    fn the_sequence_lets_go_and_everything_else_comes_through() {
        let mut keys = DetachKeys::default();
        assert_eq!(keys.pass(b"ls\r"), (b"ls\r".to_vec(), false));
        assert_eq!(keys.pass(&[16]), (vec![], false));
        assert_eq!(keys.pass(&[16, b'a']), (vec![16, 16, b'a'], false));
        assert_eq!(keys.pass(&[b'b', 16]), (vec![b'b'], false));
        assert_eq!(keys.pass(&[17, b'c']), (vec![], true));
    }
}
