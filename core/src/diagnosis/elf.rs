//! The header of an ELF file, as far as it says why it cannot be executed: elf(5).
//!
//! Read by hand: it is six fields and one string. A crate would know all of the format, and nothing of it is needed besides.

use super::Files;

/// e_ident and the fields after it, of either class.
const HEADER_BYTES: usize = 64;
/// A header of 32 bits.
const HEADER_BYTES_MIN: usize = 52;
/// PT_INTERP
const INTERPRETER: u32 = 3;
/// Program headers looked at; linkers write about ten.
const PROGRAM_HEADERS_MAX: u64 = 64;
/// PATH_MAX
const INTERPRETER_BYTES_MAX: u64 = 4096;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    /// 32 or 64.
    pub bits: u8,
    /// Least significant byte first.
    pub little_endian: bool,
    /// e_type: 1 relocatable, 2 executable, 3 shared (or position-independent), 4 core.
    pub kind: u16,
    /// e_machine
    pub machine: u16,
    /// The loader that the file asks for; a static one asks for none.
    pub interpreter: Option<String>,
}

/// Whether these are the first bytes of an ELF file.
pub fn is_elf(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF")
}

/// Reads the header of the file at `path`; `None`: it is cut off, or none.
pub fn read(files: &dyn Files, path: &str) -> Option<Elf> {
    let head = files.read(path, 0, HEADER_BYTES).ok()?;
    if !is_elf(&head) || head.len() < HEADER_BYTES_MIN {
        return None;
    }
    let bits = match head.get(4)? {
        1 => 32,
        2 => 64,
        _ => return None,
    };
    let little_endian = match head.get(5)? {
        1 => true,
        2 => false,
        _ => return None,
    };
    let fields = Fields { bytes: &head, little_endian };
    let mut elf = Elf { bits, little_endian, kind: fields.short(16)?, machine: fields.short(18)?, interpreter: None };
    elf.interpreter = interpreter(files, path, &fields, bits == 64);
    Some(elf)
}

fn interpreter(files: &dyn Files, path: &str, head: &Fields<'_>, wide: bool) -> Option<String> {
    let (at, size, count) = if wide {
        (head.long(32)?, u64::from(head.short(54)?), u64::from(head.short(56)?))
    } else {
        (u64::from(head.word(28)?), u64::from(head.short(42)?), u64::from(head.short(44)?))
    };
    for index in 0..count.min(PROGRAM_HEADERS_MAX) {
        let bytes =
            files.read(path, at.checked_add(index.checked_mul(size)?)?, usize::try_from(size).ok()?.min(HEADER_BYTES)).ok()?;
        let fields = Fields { bytes: &bytes, little_endian: head.little_endian };
        if fields.word(0)? != INTERPRETER {
            continue;
        }
        let (offset, length) =
            if wide { (fields.long(8)?, fields.long(32)?) } else { (u64::from(fields.word(4)?), u64::from(fields.word(16)?)) };
        let text = files.read(path, offset, usize::try_from(length.min(INTERPRETER_BYTES_MAX)).ok()?).ok()?;
        let text = text.split(|byte| *byte == 0).next()?;
        return Some(String::from_utf8_lossy(text).into_owned()).filter(|text| !text.is_empty());
    }
    None
}

struct Fields<'a> {
    bytes: &'a [u8],
    little_endian: bool,
}

impl Fields<'_> {
    fn of<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let mut bytes: [u8; N] = self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()?;
        if !self.little_endian {
            bytes.reverse();
        }
        Some(bytes)
    }

    fn short(&self, at: usize) -> Option<u16> {
        self.of(at).map(u16::from_le_bytes)
    }

    fn word(&self, at: usize) -> Option<u32> {
        self.of(at).map(u32::from_le_bytes)
    }

    fn long(&self, at: usize) -> Option<u64> {
        self.of(at).map(u64::from_le_bytes)
    }
}

impl Elf {
    /// The machine that it is made for, as `docker run --platform` and people name it.
    pub fn machine_name(&self) -> String {
        let name = match (self.machine, self.bits) {
            (3, _) => "32-bit x86 (386)",
            (62, 64) => "64-bit x86 (amd64)",
            (62, _) => "x32, amd64 with 32-bit addresses",
            (40, _) => "32-bit ARM (arm)",
            (183, _) => "64-bit ARM (arm64)",
            (243, 64) => "64-bit RISC-V (riscv64)",
            (243, _) => "32-bit RISC-V",
            (21, _) if self.little_endian => "64-bit PowerPC, little-endian (ppc64le)",
            (21, _) => "64-bit PowerPC, big-endian (ppc64)",
            (20, _) => "32-bit PowerPC",
            (22, _) => "IBM Z (s390x)",
            (8, 64) if self.little_endian => "64-bit MIPS, little-endian (mips64le)",
            (8, 64) => "64-bit MIPS, big-endian (mips64)",
            (8, _) if self.little_endian => "32-bit MIPS, little-endian (mipsle)",
            (8, _) => "32-bit MIPS, big-endian (mips)",
            (258, _) => "LoongArch (loong64)",
            (247, _) => "the BPF machine of the kernel",
            _ => return format!("machine {} of elf.h, {} bits, {}", self.machine, self.bits, self.endianness()),
        };
        name.to_string()
    }

    fn endianness(&self) -> &'static str {
        if self.little_endian { "little-endian" } else { "big-endian" }
    }

    /// This file is meant for the machine that the words of `uname -m` name.
    pub fn is_for(&self, machine: &str) -> bool {
        let wanted = match machine {
            "x86_64" => (62, true),
            "aarch64" => (183, true),
            "riscv64" => (243, true),
            "s390x" => (22, false),
            "ppc64le" => (21, true),
            _ => return true,
        };
        (self.machine, self.little_endian) == wanted
    }
}
