//! The 512 bytes before each entry: tar(5), in its v7, ustar, star and GNU forms.

use std::ops::Range;

use super::{BLOCK_BYTES, Fault};

pub(super) type Block = [u8; BLOCK_BYTES];

pub(super) const NAME: Range<usize> = 0..100;
pub(super) const MODE: Range<usize> = 100..108;
pub(super) const UID: Range<usize> = 108..116;
pub(super) const GID: Range<usize> = 116..124;
pub(super) const SIZE: Range<usize> = 124..136;
pub(super) const MODIFIED: Range<usize> = 136..148;
pub(super) const CHECKSUM: Range<usize> = 148..156;
pub(super) const TYPE: usize = 156;
pub(super) const LINK: Range<usize> = 157..257;
pub(super) const MAGIC: Range<usize> = 257..265;
pub(super) const MAJOR: Range<usize> = 329..337;
pub(super) const MINOR: Range<usize> = 337..345;
pub(super) const PREFIX: Range<usize> = 345..500;
/// star keeps times behind a shorter prefix, and says who it is at the end.
const STAR_PREFIX: Range<usize> = 345..476;
const STAR_TRAILER: Range<usize> = 508..512;

pub(super) const USTAR: &[u8; 8] = b"ustar\x0000";
const GNU: &[u8; 8] = b"ustar  \0";

/// A header whose sum is right.
pub(super) struct Header<'a>(&'a Block);

/// The sums of a header with its own sum left blank: of its bytes, and, as some old programs added them, of its bytes as signed ones.
pub(super) fn sums(block: &Block) -> (i64, i64) {
    let (mut unsigned, mut signed) = (0, 0);
    for (index, byte) in block.iter().enumerate() {
        let byte = if CHECKSUM.contains(&index) { b' ' } else { *byte };
        unsigned += i64::from(byte);
        signed += i64::from(byte as i8);
    }
    (unsigned, signed)
}

impl<'a> Header<'a> {
    pub(super) fn check(block: &'a Block) -> Result<Header<'a>, Fault> {
        let (unsigned, signed) = sums(block);
        match number(&block[CHECKSUM]) {
            Some(sum) if sum == unsigned || sum == signed => Ok(Header(block)),
            _ => Err(Fault::Checksum),
        }
    }

    /// The name in a header that may be none: for errors.
    pub(super) fn raw_name(block: &Block) -> Vec<u8> {
        Header(block).name()
    }

    pub(super) fn type_flag(&self) -> u8 {
        self.0[TYPE]
    }

    pub(super) fn name(&self) -> Vec<u8> {
        let name = text(&self.0[NAME]);
        let prefix = match &self.0[MAGIC] {
            magic if magic == USTAR && &self.0[STAR_TRAILER] == b"tar\0" => text(&self.0[STAR_PREFIX]),
            magic if magic == USTAR => text(&self.0[PREFIX]),
            _ => b"",
        };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    pub(super) fn link(&self) -> Vec<u8> {
        text(&self.0[LINK]).to_vec()
    }

    pub(super) fn size(&self) -> Result<u64, Fault> {
        self.unsigned(SIZE, "size")
    }

    pub(super) fn unsigned(&self, field: Range<usize>, what: &'static str) -> Result<u64, Fault> {
        number(&self.0[field]).and_then(|found| u64::try_from(found).ok()).ok_or(Fault::Header(what))
    }

    pub(super) fn modified(&self) -> Result<i64, Fault> {
        number(&self.0[MODIFIED]).ok_or(Fault::Header("time"))
    }

    /// Both numbers; v7 has none.
    pub(super) fn device(&self) -> Result<(u32, u32), Fault> {
        let magic = &self.0[MAGIC];
        if magic != USTAR && magic != GNU {
            return Err(Fault::Header("device numbers"));
        }
        let part = |field| u32::try_from(self.unsigned(field, "device numbers")?).map_err(|_| Fault::Header("device numbers"));
        Ok((part(MAJOR)?, part(MINOR)?))
    }
}

/// Up to the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// An octal number among blanks, nothing for 0; or, as GNU tar writes what is too big for that, a big-endian two's complement after a
/// marking bit. `None`: neither, or it does not fit.
fn number(field: &[u8]) -> Option<i64> {
    match field.first()? {
        first if first & 0x80 != 0 => binary(field),
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<i64> {
    let digits = text(field.trim_ascii_start()).trim_ascii();
    digits.iter().try_fold(0_i64, |sum, digit| match digit {
        b'0'..=b'7' => sum.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

fn binary(field: &[u8]) -> Option<i64> {
    let negative = field.first()? & 0x40 != 0;
    let mut value: i128 = if negative { -1 } else { 0 };
    for (index, byte) in field.iter().enumerate() {
        // The mark is no part of the number.
        let byte = if index == 0 { (byte & 0x7f) | if negative { 0x80 } else { 0 } } else { *byte };
        value = (value << 8) | i128::from(byte);
    }
    i64::try_from(value).ok()
}
