//! The device cgroup of version 2: a program of type BPF_PROG_TYPE_CGROUP_DEVICE, built here and attached by bpf(2).
//!
//! The kernel asks it on every mknod(2) and open(2) of a device by a process in the cgroup. It gets `struct bpf_cgroup_dev_ctx` of
//! linux/bpf.h (access and type, major, minor) and answers 1 or 0:
//! ```text
//! r2 = type   r3 = access   r4 = major   r5 = minor
//! for each rule: unless it is of this kind and number, and allows all of the access, on to the next; else return 1
//! return 0
//! ```

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use glassbox_core::device::{DeviceKind, DeviceRule};
use glassbox_core::errno::Errno;

use super::{Result, check_long};

/// struct bpf_insn of linux/bpf.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    code: u8,
    /// Destination in the low four bits, source in the high ones.
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// The most instructions that are made: a few hundred rules.
const INSTRUCTIONS_MAX: usize = 4096;

/// Operations: class, source of the operand, operation.
const LOAD_WORD: u8 = 0x61;
const MOVE_IMMEDIATE: u8 = 0xb7;
const MOVE_REGISTER: u8 = 0xbf;
const AND_IMMEDIATE: u8 = 0x57;
const SHIFT_RIGHT: u8 = 0x77;
const JUMP_UNLESS_EQUAL: u8 = 0x55;
const JUMP_UNLESS_SAME: u8 = 0x5d;
const EXIT: u8 = 0x95;

/// BPF_DEVCG_* of linux/bpf.h.
const BLOCK: i32 = 1;
const CHAR: i32 = 2;
const MAKE: i32 = 1;
const READ: i32 = 2;
const WRITE: i32 = 4;
const ALL: i32 = MAKE | READ | WRITE;

const fn instruction(code: u8, destination: u8, source: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction { code, registers: destination | source << 4, offset, immediate }
}

/// The program that allows what one of the rules allows. E2BIG: too many of them.
pub fn compile(rules: &[DeviceRule]) -> Result<Vec<Instruction>> {
    let mut program = vec![
        instruction(LOAD_WORD, 2, 1, 0, 0),
        instruction(AND_IMMEDIATE, 2, 0, 0, 0xffff),
        instruction(LOAD_WORD, 3, 1, 0, 0),
        instruction(SHIFT_RIGHT, 3, 0, 0, 16),
        instruction(LOAD_WORD, 4, 1, 4, 0),
        instruction(LOAD_WORD, 5, 1, 8, 0),
    ];
    for rule in rules {
        program.extend(one(rule)?);
    }
    program.extend([instruction(MOVE_IMMEDIATE, 0, 0, 0, 0), instruction(EXIT, 0, 0, 0, 0)]);
    if program.len() > INSTRUCTIONS_MAX { Err(Errno::E2BIG) } else { Ok(program) }
}

fn one(rule: &DeviceRule) -> Result<Vec<Instruction>> {
    let access = rule.access.chars().fold(0, |sum, letter| {
        sum | match letter {
            'm' => MAKE,
            'r' => READ,
            'w' => WRITE,
            _ => 0,
        }
    });
    let number = |number: u32| i32::try_from(number).map_err(|_| Errno::EINVAL);
    let mut tests = Vec::new();
    if let Some(kind) = rule.kind {
        tests.push(instruction(JUMP_UNLESS_EQUAL, 2, 0, 0, if kind == DeviceKind::Char { CHAR } else { BLOCK }));
    }
    if access != ALL {
        tests.push(instruction(MOVE_REGISTER, 1, 3, 0, 0));
        tests.push(instruction(AND_IMMEDIATE, 1, 0, 0, access));
        tests.push(instruction(JUMP_UNLESS_SAME, 1, 3, 0, 0));
    }
    if let Some(major) = rule.major {
        tests.push(instruction(JUMP_UNLESS_EQUAL, 4, 0, 0, number(major)?));
    }
    if let Some(minor) = rule.minor {
        tests.push(instruction(JUMP_UNLESS_EQUAL, 5, 0, 0, number(minor)?));
    }
    tests.extend([instruction(MOVE_IMMEDIATE, 0, 0, 0, 1), instruction(EXIT, 0, 0, 0, 0)]);
    let length = tests.len();
    for (at, test) in tests.iter_mut().enumerate() {
        if matches!(test.code, JUMP_UNLESS_EQUAL | JUMP_UNLESS_SAME) {
            test.offset = i16::try_from(length - at - 1).map_err(|_| Errno::E2BIG)?;
        }
    }
    Ok(tests)
}

/// Commands, types and flags of bpf(2).
const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;
const PROG_QUERY: libc::c_int = 16;
const TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;

/// union bpf_attr as far as BPF_PROG_LOAD reads it.
#[repr(C)]
#[derive(Default)]
struct Load {
    program_type: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buffer: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

/// As far as BPF_PROG_ATTACH reads it.
#[repr(C)]
struct Attach {
    target: u32,
    program: u32,
    attach_type: u32,
    flags: u32,
}

/// As far as BPF_PROG_QUERY reads and writes it.
#[repr(C)]
#[derive(Default)]
struct Ask {
    target: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    programs: u64,
    count: u32,
    padding: u32,
}

/// bpf(2) with one of the structures above.
fn bpf<T>(command: libc::c_int, attributes: &mut T) -> Result<i64> {
    // SAFETY: the structure has the layout of the command's part of union bpf_attr, its size is told, and it outlives the call; what it
    // points to does so as well, by the borrows of the callers.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) };
    check_long(answer)
}

/// Loads the program and attaches it to the cgroup. It stays until the cgroup is removed. EPERM without CAP_BPF (or CAP_SYS_ADMIN);
/// EINVAL where the kernel was built without it.
pub fn attach(directory: &File, program: &[Instruction]) -> Result<()> {
    let license = c"Apache-2.0";
    let mut load = Load {
        program_type: TYPE_CGROUP_DEVICE,
        count: u32::try_from(program.len()).map_err(|_| Errno::E2BIG)?,
        instructions: program.as_ptr() as u64,
        license: license.as_ptr() as u64,
        name: *b"glassbox_devices",
        ..Load::default()
    };
    // The name ends with a zero.
    load.name[15] = 0;
    let number = bpf(PROG_LOAD, &mut load)?;
    let number = i32::try_from(number).map_err(|_| Errno::EBADF)?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns.
    let loaded = unsafe { OwnedFd::from_raw_fd(number) };
    let descriptor = |number: i32| u32::try_from(number).map_err(|_| Errno::EBADF);
    let mut attach = Attach {
        target: descriptor(directory.as_raw_fd())?,
        program: descriptor(loaded.as_raw_fd())?,
        attach_type: ATTACH_CGROUP_DEVICE,
        flags: ALLOW_MULTI,
    };
    bpf(PROG_ATTACH, &mut attach).map(drop)
}

/// How many such programs are attached to the cgroup itself.
pub fn attached(directory: &File) -> Result<u32> {
    let target = u32::try_from(directory.as_raw_fd()).map_err(|_| Errno::EBADF)?;
    let mut ask = Ask { target, attach_type: ATTACH_CGROUP_DEVICE, ..Ask::default() };
    bpf(PROG_QUERY, &mut ask)?;
    Ok(ask.count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use glassbox_core::device::{default_rules, is_allowed, rules};

    /// What the kernel's interpreter would answer.
    fn run(program: &[Instruction], context: [u32; 3]) -> u64 {
        let mut registers = [0u64; 11];
        let mut at = 0usize;
        loop {
            let Instruction { code, registers: both, offset, immediate } = program[at];
            let (to, from) = (usize::from(both & 15), usize::from(both >> 4));
            at += 1;
            let operand = immediate as u64;
            let jumps = match code {
                LOAD_WORD => {
                    registers[to] = u64::from(context[offset as usize / 4]);
                    false
                }
                MOVE_IMMEDIATE => {
                    registers[to] = operand;
                    false
                }
                MOVE_REGISTER => {
                    registers[to] = registers[from];
                    false
                }
                AND_IMMEDIATE => {
                    registers[to] &= operand;
                    false
                }
                SHIFT_RIGHT => {
                    registers[to] >>= operand;
                    false
                }
                JUMP_UNLESS_EQUAL => registers[to] != operand,
                JUMP_UNLESS_SAME => registers[to] != registers[from],
                EXIT => return registers[0],
                other => panic!("{other:#x}"),
            };
            if jumps {
                at += offset as usize;
            }
        }
    }

    #[test]
    fn the_program_answers_what_the_rules_say() {
        let own = rules(&[], &["c 1:11 r".into(), "b 7:* rw".into(), "a 9:9 m".into()]);
        for rules in [default_rules(), own, Vec::new()] {
            let program = compile(&rules).unwrap();
            for (kind, number) in [(DeviceKind::Char, CHAR), (DeviceKind::Block, BLOCK)] {
                for (major, minor) in [(1, 3), (1, 11), (5, 2), (7, 0), (7, 9), (9, 9), (10, 229), (136, 5), (8, 0)] {
                    for (letter, access) in [('m', MAKE), ('r', READ), ('w', WRITE)] {
                        let context = [(access as u32) << 16 | number as u32, major, minor];
                        let expected = is_allowed(&rules, kind, major, minor, letter);
                        assert_eq!(run(&program, context) == 1, expected, "{kind:?} {major}:{minor} {letter}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_access_of_two_kinds_needs_both() {
        let program = compile(&rules(&[], &["c 1:11 r".into()])).unwrap();
        let ask = |access: i32| run(&program, [(access as u32) << 16 | CHAR as u32, 1, 11]);
        assert_eq!((ask(READ), ask(READ | WRITE)), (1, 0));
    }

    #[test]
    fn structures_have_the_sizes_of_the_kernel() {
        assert_eq!((size_of::<Instruction>(), size_of::<Load>(), size_of::<Attach>(), size_of::<Ask>()), (8, 64, 16, 32));
    }

    /// A cgroup of a v2 tree that goes with it.
    struct Cgroup(std::path::PathBuf);

    impl Cgroup {
        fn new() -> Option<Cgroup> {
            let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(std::path::Path::new);
            let root = roots.into_iter().find(|root| root.join("cgroup.controllers").exists())?;
            let path = root.join(format!("glassbox-device-test-{}", std::process::id()));
            std::fs::create_dir(&path).ok().map(|()| Cgroup(path))
        }
    }

    impl Drop for Cgroup {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir(&self.0);
        }
    }

    #[test]
    fn the_kernel_takes_the_program_and_asks_it() {
        let Some(cgroup) = Cgroup::new() else {
            println!("skipped: no cgroup v2 that can be written to");
            return;
        };
        let directory = File::open(&cgroup.0).unwrap();
        match attach(&directory, &compile(&default_rules()).unwrap()) {
            Err(Errno::EPERM) => return println!("skipped: bpf(2) is not allowed here"),
            answer => answer.unwrap(),
        }
        assert_eq!(attached(&directory), Ok(1));
        // The shell moves itself in, then opens one device that is on the list and one that is not.
        let procs = cgroup.0.join("cgroup.procs");
        let node = std::env::temp_dir().join(format!("glassbox-device-test-{}", std::process::id()));
        let script = "echo 0 > \"$0\" || exit 9; : > /dev/null || exit 8; mknod \"$1\" c 1 11 || exit 7; (: > \"$1\") 2>/dev/null; code=$?; rm \"$1\"; exit $code";
        let status = std::process::Command::new("sh").arg("-c").arg(script).arg(&procs).arg(&node).status().unwrap();
        assert!(matches!(status.code(), Some(1 | 2)), "{status:?}");
    }
}
