//! Compiles the seccomp profile of an OCI runtime spec into a BPF program for seccomp(2). Pure: no call is made here.
//!
//! ```text
//! architecture ─▶ its table of numbers ─▶ binary search over ranges of numbers with one verdict ─▶ conditions ─▶ verdict
//! ```
//! What the program answers is what `glassbox_core::oci::seccomp::verdict` says. Two things are added, as runc and libseccomp do:
//! an architecture that the profile does not name ends the thread, and a call that is newer than every call in the profile is
//! answered with ENOSYS where the default is another errno, so that programs fall back to an older call.

use glassbox_core::errno::Errno;
use glassbox_core::oci::seccomp::{Verdict, are_alternatives, conditions, default_verdict};
use oci_spec::runtime::{Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompOperator, LinuxSyscall};

use super::syscall_numbers::{Abi, Numbers, X32_BIT, numbers_of};

/// One instruction: struct sock_filter of linux/filter.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// How many instructions to pass over where the comparison holds.
    pub jump_true: u8,
    /// How many where it does not.
    pub jump_false: u8,
    /// Operand.
    pub k: u32,
}

/// The bytes of an instruction: struct sock_filter without padding.
const INSTRUCTION_BYTES: usize = 8;

/// The program as it goes from one process to another.
pub fn to_bytes(program: &[Instruction]) -> Vec<u8> {
    let bytes = |one: &Instruction| {
        let ([code, more], [k0, k1, k2, k3]) = (one.code.to_le_bytes(), one.k.to_le_bytes());
        [code, more, one.jump_true, one.jump_false, k0, k1, k2, k3]
    };
    program.iter().flat_map(bytes).collect()
}

/// What `to_bytes` has written.
pub fn from_bytes(bytes: &[u8]) -> Vec<Instruction> {
    let (whole, _) = bytes.as_chunks::<INSTRUCTION_BYTES>();
    let one = |&[code, more, jump_true, jump_false, k0, k1, k2, k3]: &[u8; INSTRUCTION_BYTES]| Instruction {
        code: u16::from_le_bytes([code, more]),
        jump_true,
        jump_false,
        k: u32::from_le_bytes([k0, k1, k2, k3]),
    };
    whole.iter().map(one).collect()
}

/// The longest program that the kernel takes: BPF_MAXINSNS.
pub const INSTRUCTIONS_MAX: usize = 4096;

/// Why a profile cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The program would be longer than INSTRUCTIONS_MAX.
    #[error("the seccomp profile needs {0} instructions, the kernel takes at most {INSTRUCTIONS_MAX}")]
    TooLong(usize),
    /// A condition on an argument that calls do not have.
    #[error("the seccomp profile looks at argument {0}, calls have the arguments 0 to 5")]
    NoSuchArgument(usize),
    /// SCMP_ACT_NOTIFY needs a listener, which Glassbox does not have.
    #[error("the seccomp profile asks for SCMP_ACT_NOTIFY, which is not supported")]
    Notify,
}

const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_GREATER_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;

/// Offsets within struct seccomp_data.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// linux/audit.h
const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
const AUDIT_ARCH_I386: u32 = 0x4000_0003;

/// SECCOMP_RET_KILL_THREAD
const KILL_THREAD: u32 = 0;

/// A conditional jump passes over at most this many instructions.
const REACH: usize = u8::MAX as usize;

/// A program that grows from its end to its beginning: where a jump leads to stands before the jump is written. Places are counted from
/// the end.
#[derive(Debug)]
struct Reversed(Vec<Instruction>);

/// The program for this profile on x86-64. Names that an architecture does not have are passed over, as runc does.
pub fn compile(profile: &LinuxSeccomp) -> Result<Vec<Instruction>, CompileError> {
    refuse_what_cannot_be(profile)?;
    let has = |wanted: Arch| profile.architectures().iter().flatten().any(|arch| *arch == wanted);
    let native = profile.architectures().is_none() || has(Arch::ScmpArchX86_64) || has(Arch::ScmpArchNative);
    let named = named_calls(profile);
    let part = |code: &mut Reversed, abi: Abi, wanted: bool| {
        if wanted { calls(code, profile, &named, abi) } else { code.answer(KILL_THREAD) }
    };
    let mut code = Reversed(Vec::with_capacity(1024));
    let other = code.answer(KILL_THREAD);
    part(&mut code, Abi::X86, has(Arch::ScmpArchX86));
    let thirty_two = code.push(instruction(LOAD, NUMBER));
    let compatible = code.branch(JUMP_EQUAL, AUDIT_ARCH_I386, thirty_two, other);
    let x32 = part(&mut code, Abi::X32, has(Arch::ScmpArchX32));
    let x64 = part(&mut code, Abi::X64, native);
    code.branch(JUMP_GREATER_EQUAL, X32_BIT, x32, x64);
    let sixty_four = code.push(instruction(LOAD, NUMBER));
    code.branch(JUMP_EQUAL, AUDIT_ARCH_X86_64, sixty_four, compatible);
    code.push(instruction(LOAD, ARCHITECTURE));
    code.finish()
}

impl Reversed {
    /// The place of the instruction.
    fn push(&mut self, instruction: Instruction) -> usize {
        self.0.push(instruction);
        self.0.len() - 1
    }

    /// The place of a RETURN with this answer: one that is there already, if a jump reaches it.
    fn answer(&mut self, answer: u32) -> usize {
        let wanted = instruction(RETURN, answer);
        let near = self.0.iter().rev().take(REACH / 2).position(|other| *other == wanted);
        match near {
            Some(distance) => self.0.len() - 1 - distance,
            None => self.push(wanted),
        }
    }

    /// The place of a comparison of the loaded value that goes on at `holds` or at `fails`.
    fn branch(&mut self, comparison: u16, k: u32, holds: usize, fails: usize) -> usize {
        let (holds, fails) = (self.in_reach(holds), self.in_reach(fails));
        let distance = |code: &Reversed, place: usize| (code.0.len() - 1 - place) as u8;
        let (jump_true, jump_false) = (distance(self, holds), distance(self, fails));
        self.push(Instruction { code: comparison, jump_true, jump_false, k })
    }

    /// The place itself, or that of a jump to it. One more instruction may be written before the jump that goes there.
    fn in_reach(&mut self, place: usize) -> usize {
        let distance = self.0.len() - 1 - place;
        if distance < REACH { place } else { self.push(instruction(JUMP, distance as u32)) }
    }

    fn finish(mut self) -> Result<Vec<Instruction>, CompileError> {
        self.0.reverse();
        if self.0.len() > INSTRUCTIONS_MAX { Err(CompileError::TooLong(self.0.len())) } else { Ok(self.0) }
    }
}

fn refuse_what_cannot_be(profile: &LinuxSeccomp) -> Result<(), CompileError> {
    let rules = || profile.syscalls().iter().flatten();
    let mut actions = rules().map(LinuxSyscall::action).chain([profile.default_action()]);
    if actions.any(|action| action == LinuxSeccompAction::ScmpActNotify) {
        return Err(CompileError::Notify);
    }
    match rules().flat_map(conditions).find(|condition| condition.index() > 5) {
        Some(condition) => Err(CompileError::NoSuchArgument(condition.index())),
        None => Ok(()),
    }
}

/// A call that the profile names, with its numbers, and the rule that does.
type Named<'a> = (Numbers, &'a LinuxSyscall);

fn named_calls(profile: &LinuxSeccomp) -> Vec<Named<'_>> {
    let rules = profile.syscalls().iter().flatten();
    rules.flat_map(|rule| rule.names().iter().filter_map(move |name| Some((numbers_of(name)?, rule)))).collect()
}

/// What happens to the calls of a range: one answer, or what the rules of one call say, of which all have conditions.
enum Fate<'a> {
    Answer(u32),
    Rules(Vec<&'a LinuxSyscall>),
}

/// The part of the program for the calls of one architecture, and its place; the number is loaded.
fn calls(code: &mut Reversed, profile: &LinuxSeccomp, named: &[Named<'_>], abi: Abi) -> usize {
    let default = answer_of(default_verdict(profile));
    let first = if abi == Abi::X32 { X32_BIT } else { 0 };
    search(code, &ranges(named, abi, first, default, answer_for_newer(profile, default)), default)
}

/// Ranges of numbers with one fate, each by its first number, from `first` on without a gap. Calls that are not named meet
/// `default`, those after the last named one `newer`.
fn ranges<'a>(named: &[Named<'a>], abi: Abi, first: u32, default: u32, newer: u32) -> Vec<(u32, Fate<'a>)> {
    let mut calls: Vec<(u32, &LinuxSyscall)> = named.iter().filter_map(|(numbers, rule)| Some((numbers.on(abi)?, *rule))).collect();
    // Stable: the rules of one call keep their order.
    calls.sort_by_key(|(number, _)| *number);
    let mut ranges: Vec<(u32, Fate<'a>)> = Vec::new();
    let mut add = |start: u32, fate: Fate<'a>| match (ranges.last(), &fate) {
        (Some((_, Fate::Answer(last))), Fate::Answer(new)) if last == new => {}
        _ => ranges.push((start, fate)),
    };
    let mut next = first;
    for same in calls.chunk_by(|one, other| one.0 == other.0) {
        if same[0].0 > next {
            add(next, Fate::Answer(default));
        }
        add(same[0].0, fate_of(same));
        next = same[0].0 + 1;
    }
    add(next, Fate::Answer(newer));
    ranges
}

fn fate_of<'a>(rules: &[(u32, &'a LinuxSyscall)]) -> Fate<'a> {
    match rules.iter().find(|(_, rule)| conditions(rule).is_empty()) {
        Some((_, rule)) => Fate::Answer(answer_of(verdict_of(rule))),
        None => Fate::Rules(rules.iter().map(|(_, rule)| *rule).collect()),
    }
}

/// ENOSYS for calls that are newer than the profile, unless the profile lets unknown calls pass or says ENOSYS itself.
fn answer_for_newer(profile: &LinuxSeccomp, default: u32) -> u32 {
    match profile.default_action() {
        LinuxSeccompAction::ScmpActAllow | LinuxSeccompAction::ScmpActLog | LinuxSeccompAction::ScmpActTrace => default,
        _ => LinuxSeccompAction::ScmpActErrno.as_u32(Some(Errno::ENOSYS.0 as u32)),
    }
}

fn verdict_of(rule: &LinuxSyscall) -> Verdict {
    Verdict { action: rule.action(), errno: rule.errno_ret() }
}

fn answer_of(verdict: Verdict) -> u32 {
    verdict.action.as_u32(verdict.errno)
}

/// Binary search for the range that holds the number; each range ends with an answer. Its place.
fn search(code: &mut Reversed, ranges: &[(u32, Fate<'_>)], default: u32) -> usize {
    match ranges {
        [] => code.answer(default),
        [(_, Fate::Answer(answer))] => code.answer(*answer),
        [(_, Fate::Rules(rules))] => {
            code.0.extend(ask(rules, default).iter().rev());
            code.0.len() - 1
        }
        _ => {
            let (left, right) = ranges.split_at(ranges.len() / 2);
            let holds = search(code, right, default);
            let fails = search(code, left, default);
            code.branch(JUMP_GREATER_EQUAL, right[0].0, holds, fails)
        }
    }
}

/// One rule after the other, then the default.
fn ask(rules: &[&LinuxSyscall], default: u32) -> Vec<Instruction> {
    let mut code = Vec::new();
    for rule in rules {
        let (conditions, answer) = (conditions(rule), answer_of(verdict_of(rule)));
        if are_alternatives(conditions) {
            conditions.iter().for_each(|one| code.extend(if_all(std::slice::from_ref(one), answer)));
        } else {
            code.extend(if_all(conditions, answer));
        }
    }
    code.push(instruction(RETURN, default));
    code
}

/// Answers where all conditions hold, runs on to the next instruction where one does not. At most 6 conditions: short jumps.
fn if_all(conditions: &[LinuxSeccompArg], answer: u32) -> Vec<Instruction> {
    let mut code = vec![instruction(RETURN, answer)];
    for condition in conditions.iter().rev() {
        let mut whole = compare(condition, code.len() as u8);
        whole.extend(code);
        code = whole;
    }
    code
}

/// Runs on where the condition holds, passes over itself and the `rest` instructions after it where not. Arguments have 64
/// bits and the machine 32: the upper half decides unless both are equal.
fn compare(condition: &LinuxSeccompArg, rest: u8) -> Vec<Instruction> {
    let (value, second) = (condition.value(), condition.value_two().unwrap_or_default());
    let low = ARGUMENTS + 8 * condition.index() as u32;
    let high = low + 4;
    let halves = |whole: u64| ((whole >> 32) as u32, whole as u32);
    let jump = |code: u16, jump_true: u8, jump_false: u8, k: u32| Instruction { code, jump_true, jump_false, k };
    let (value_high, value_low) = halves(value);
    let load = |offset: u32| instruction(LOAD, offset);
    let ordered = |comparison: u16, holds: u8, fails: u8, above: u8, below: u8| {
        vec![
            load(high),
            jump(JUMP_GREATER, above, 0, value_high),
            jump(JUMP_EQUAL, 0, below, value_high),
            load(low),
            jump(comparison, holds, fails, value_low),
        ]
    };
    match condition.op() {
        LinuxSeccompOperator::ScmpCmpEq => {
            vec![load(high), jump(JUMP_EQUAL, 0, rest + 2, value_high), load(low), jump(JUMP_EQUAL, 0, rest, value_low)]
        }
        LinuxSeccompOperator::ScmpCmpNe => {
            vec![load(high), jump(JUMP_EQUAL, 0, 2, value_high), load(low), jump(JUMP_EQUAL, rest, 0, value_low)]
        }
        LinuxSeccompOperator::ScmpCmpMaskedEq => {
            let (second_high, second_low) = halves(second);
            vec![
                load(high),
                instruction(AND, value_high),
                jump(JUMP_EQUAL, 0, rest + 3, second_high),
                load(low),
                instruction(AND, value_low),
                jump(JUMP_EQUAL, 0, rest, second_low),
            ]
        }
        LinuxSeccompOperator::ScmpCmpGt => ordered(JUMP_GREATER, 0, rest, 3, rest + 2),
        LinuxSeccompOperator::ScmpCmpGe => ordered(JUMP_GREATER_EQUAL, 0, rest, 3, rest + 2),
        LinuxSeccompOperator::ScmpCmpLt => ordered(JUMP_GREATER_EQUAL, rest, 0, rest + 3, 2),
        LinuxSeccompOperator::ScmpCmpLe => ordered(JUMP_GREATER, rest, 0, rest + 3, 2),
    }
}

fn instruction(code: u16, k: u32) -> Instruction {
    Instruction { code, jump_true: 0, jump_false: 0, k }
}

#[cfg(test)]
mod tests {
    use glassbox_core::oci::capability::{Capability, CapabilitySet};
    use glassbox_core::oci::seccomp::{default_profile, verdict};

    use super::super::syscall_numbers::name_of;
    use super::*;

    /// What the kernel's interpreter would answer.
    fn run(program: &[Instruction], architecture: u32, number: u32, arguments: &[u64; 6]) -> u32 {
        let word = |offset: u32| match offset {
            NUMBER => number,
            ARCHITECTURE => architecture,
            _ => (arguments[(offset as usize - 16) / 8] >> (8 * ((offset - 16) % 8))) as u32,
        };
        let (mut at, mut loaded) = (0, 0u32);
        loop {
            let Instruction { code, jump_true, jump_false, k } = program[at];
            at += 1;
            let holds = match code {
                RETURN => return k,
                LOAD => {
                    loaded = word(k);
                    continue;
                }
                AND => {
                    loaded &= k;
                    continue;
                }
                JUMP => {
                    at += k as usize;
                    continue;
                }
                JUMP_EQUAL => loaded == k,
                JUMP_GREATER => loaded > k,
                JUMP_GREATER_EQUAL => loaded >= k,
                other => panic!("no such instruction: {other:#x}"),
            };
            at += usize::from(if holds { jump_true } else { jump_false });
        }
    }

    const ABIS: [(Abi, u32, u32); 3] =
        [(Abi::X64, AUDIT_ARCH_X86_64, 0), (Abi::X86, AUDIT_ARCH_I386, 0), (Abi::X32, AUDIT_ARCH_X86_64, X32_BIT)];
    const INTERESTING: [u64; 14] =
        [0, 1, 8, 39, 40, 41, 0x2_0000, 0x2_0008, 0x1000_0011, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0028, 0x7e02_0000, u64::MAX];

    #[test]
    fn the_program_says_what_the_profile_says() {
        for capabilities in [CapabilitySet::EMPTY, CapabilitySet::DOCKER_DEFAULT, CapabilitySet::ALL] {
            let profile = default_profile(&capabilities);
            let program = compile(&profile).unwrap();
            for (abi, architecture, bit) in ABIS {
                let last = named_calls(&profile).iter().filter_map(|(numbers, _)| numbers.on(abi)).max().unwrap();
                for number in bit..=last {
                    for argument in INTERESTING {
                        let arguments = [argument, 0, 0, 0, 0, 0];
                        let name = name_of(number, abi).unwrap_or("");
                        let wanted = answer_of(verdict(&profile, name, &arguments));
                        assert_eq!(run(&program, architecture, number, &arguments), wanted, "{name} {number:#x}({argument:#x})");
                    }
                }
                assert_eq!(run(&program, architecture, last + 1, &[0; 6]), 0x0005_0000 | 38);
            }
            assert_eq!(run(&program, 0xc000_00b7, 0, &[0; 6]), KILL_THREAD);
        }
    }

    fn rule(operator: LinuxSeccompOperator, value: u64, second: u64) -> LinuxSyscall {
        let text = format!(r#"{{"index":3,"value":{value},"valueTwo":{second},"op":"{operator}"}}"#);
        let first = r#"{"index":0,"value":7,"op":"SCMP_CMP_EQ"}"#;
        let text = format!(r#"{{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":5,"args":[{first},{text}]}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn every_operator_on_both_halves() {
        let operators = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
        let values = [0, 5, 0x1_0000_0000, 0x1_0000_0005, 0x2_0000_0004, u64::MAX];
        for (operator, value) in operators.iter().flat_map(|operator| values.map(|value| (operator, value))) {
            let operator: LinuxSeccompOperator = serde_json::from_str(&format!("\"SCMP_CMP_{operator}\"")).unwrap();
            let mut profile = LinuxSeccomp::default();
            profile.set_syscalls(Some(vec![rule(operator, value, value & 0x1_0000_0001)]));
            let program = compile(&profile).unwrap();
            for (first, argument) in [7, 8].iter().flat_map(|first| INTERESTING.map(|argument| (*first, argument))) {
                let arguments = [first, 0, 0, argument, 0, 0];
                let wanted = answer_of(verdict(&profile, "read", &arguments));
                assert_eq!(run(&program, AUDIT_ARCH_X86_64, 0, &arguments), wanted, "{operator} {value:#x} {argument:#x}");
            }
        }
    }

    #[test]
    fn an_architecture_that_is_not_named_ends_the_thread() {
        let mut profile = default_profile(&CapabilitySet::EMPTY);
        profile.set_architectures(Some(vec![Arch::ScmpArchX86_64]));
        let program = compile(&profile).unwrap();
        assert_eq!(run(&program, AUDIT_ARCH_I386, 3, &[0; 6]), KILL_THREAD);
        assert_eq!(run(&program, AUDIT_ARCH_X86_64, X32_BIT, &[0; 6]), KILL_THREAD);
        assert_eq!(run(&program, AUDIT_ARCH_X86_64, 0, &[0; 6]), 0x7fff_0000);
    }

    #[test]
    fn what_cannot_be_compiled_is_refused() {
        let mut profile = LinuxSeccomp::default();
        profile.set_default_action(LinuxSeccompAction::ScmpActNotify);
        assert_eq!(compile(&profile).unwrap_err(), CompileError::Notify);
        let mut profile = LinuxSeccomp::default();
        let text = r#"{"names":["read"],"action":"SCMP_ACT_KILL","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}"#;
        profile.set_syscalls(Some(vec![serde_json::from_str(text).unwrap()]));
        assert_eq!(compile(&profile).unwrap_err(), CompileError::NoSuchArgument(6));
    }

    #[test]
    fn a_program_arrives_as_it_was_sent() {
        let program = compile(&default_profile(&CapabilitySet::DOCKER_DEFAULT)).unwrap();
        assert_eq!(from_bytes(&to_bytes(&program)), program);
        assert_eq!(from_bytes(&to_bytes(&[])), []);
    }

    #[test]
    fn programs_are_short() {
        let with_admin = CapabilitySet::DOCKER_DEFAULT.with(Capability::SysAdmin);
        for capabilities in [CapabilitySet::DOCKER_DEFAULT, with_admin] {
            let length = compile(&default_profile(&capabilities)).unwrap().len();
            assert!(length < 430, "{length}");
        }
    }
}
