//! Digests, as the OCI image specification writes them: `sha256:` and 64 hexadecimal digits.

use sha2::{Digest, Sha256};

/// Of these bytes.
pub fn of(bytes: &[u8]) -> String {
    in_words(Sha256::digest(bytes).as_slice())
}

/// Of what a hash has come to.
pub fn in_words(hash: &[u8]) -> String {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// It is a digest that can be checked here, so that it can also stand in a path.
pub fn is_sha256(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
