//! A WebAssembly module as a process of the model kernel, run by the interpreter `wasmi`: for real, instruction by instruction.
//!
//! A program of the model is plain data that can be cloned, and an interpreter's stack is not. So what is kept is what determines it: the
//! module, and each answer that it got ([`Answered`]). From these it can be run again up to where it was; a running instance is only a
//! shortcut, shared by the clones of a world, and taken by whoever goes on from exactly that point.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use rpds::Vector;
use wasmi::{
    Caller, Config, Engine, Error, Extern, Instance, Linker, Module, ResumableCall, ResumableCallHostTrap, ResumableCallOutOfFuel,
    Store, StoreLimits, StoreLimitsBuilder, TrapCode, Val,
};

use super::guest::{Fault, Memory};
use super::{Answer, Call, MAGIC, MODULES, REFUSED_CODE, TRAP_CODE, Wasi, WasiErrno};
use crate::userland::{OpenFlags, Program, Resumable, Resume, Sys};

/// Units of fuel (about one for each instruction) until others have their turn.
const SLICE: u64 = 200_000;
/// The largest module that the model runs.
const MODULE_BYTES_MAX: u64 = 16 << 20;
/// What one read takes of the file.
const READ_BYTES: usize = 1 << 16;
/// Memory of a module without a limit of its container's: that of 32-bit addresses would not fit a page of the browser.
const MEMORY_BYTES_MAX: usize = 256 << 20;

/// What the runtime was told: `glassbox-wasi [--fuel UNITS] [--memory BYTES] -- MODULE [ARGUMENT]...`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `--fuel`: instructions, about.
    pub fuel: Option<u64>,
    /// `--memory`: bytes of linear memory.
    pub memory_bytes_max: Option<usize>,
    /// The module's path, and its arguments.
    pub argv: Vec<String>,
}

impl Asked {
    /// `None`: that is not how it is called.
    pub fn read(args: &[String]) -> Option<Asked> {
        let mut asked = Asked::default();
        let mut words = args.iter();
        loop {
            match words.next()?.as_str() {
                "--fuel" => asked.fuel = Some(words.next()?.parse().ok()?),
                "--memory" => asked.memory_bytes_max = Some(words.next()?.parse().ok()?),
                "--" => break,
                _ => return None,
            }
        }
        asked.argv = words.cloned().collect();
        if asked.argv.is_empty() { None } else { Some(asked) }
    }
}

/// What is said where it is called in another way.
pub const USAGE: &str = "usage: glassbox-wasi [--fuel UNITS] [--memory BYTES] -- MODULE [ARGUMENT]...\n";

/// Why a module did not come to its end, in the words of both kernels.
pub fn trap_line(module: &str, what: &str) -> String {
    format!("glassbox-wasi: {module}: trap: {what}\n")
}

/// Why a file is not run, in the words of both kernels.
pub fn refusal_line(module: &str, what: &str) -> String {
    format!("glassbox-wasi: {module}: {what}\n")
}

/// Why a module is refused that has no `_start`, in the words of both kernels.
pub const NO_COMMAND: &str = "it exports no function _start: it is a library, and no command of WASI";

/// What the first bytes of a file say against running it.
pub fn refusal(head: &[u8]) -> Option<&'static str> {
    match head {
        head if !head.starts_with(MAGIC) => Some("this is not a WebAssembly module: it does not begin with \\0asm"),
        [_, _, _, _, 0x0d, 0, 1, 0, ..] => {
            Some("this is a component (WASI 0.2), and modules of WASI preview 1 run here: build for wasm32-wasip1")
        }
        [_, _, _, _, 1, 0, 0, 0, ..] => None,
        _ => Some("this is a WebAssembly module of a version that is not 1"),
    }
}

/// The words for a trap: core specification, appendix "Soundness" knows no words; these are those of its test suite.
pub mod trap {
    /// `unreachable` was executed: a panic, an abort.
    pub const UNREACHABLE: &str = "unreachable";
    /// An address outside of the linear memory.
    pub const MEMORY: &str = "out of bounds memory access";
    /// An index outside of a table.
    pub const TABLE: &str = "undefined element";
    /// A call through a table to a function of another type.
    pub const SIGNATURE: &str = "indirect call type mismatch";
    /// A call through an empty element of a table.
    pub const NULL: &str = "uninitialized element";
    /// Division by zero.
    pub const DIVISION: &str = "integer divide by zero";
    /// A number that does not fit.
    pub const OVERFLOW: &str = "integer overflow";
    /// A float that is no integer.
    pub const CONVERSION: &str = "invalid conversion to integer";
    /// Calls nested too deeply.
    pub const STACK: &str = "call stack exhausted";
    /// The fuel is used up.
    pub const FUEL: &str = "all fuel consumed";
    /// Anything else.
    pub const OTHER: &str = "the module cannot go on";
}

/// One call that was answered: all that the module has learnt by it.
#[derive(Clone, Debug)]
struct Answered {
    errno: WasiErrno,
    /// What was written into its memory: address and bytes.
    written: Vec<(u32, Rc<[u8]>)>,
}

/// The process.
#[derive(Clone)]
struct Interpreted {
    asked: Asked,
    wasi: Wasi,
    /// The file, once it is read.
    module: Option<Rc<[u8]>>,
    /// What it has learnt so far, in order.
    learnt: Vector<Answered>,
    /// How many slices it has computed since then.
    slices: u64,
    /// The call that has to be made, or made again.
    pending: Option<Call>,
    /// An instance, and after how many answers and slices it stands.
    live: Rc<RefCell<Option<(usize, u64, Live)>>>,
}

/// A running instance.
struct Live {
    store: Store<StoreLimits>,
    memory: Option<wasmi::Memory>,
    next: Next,
    /// Fuel that is left of what was asked for.
    fuel: Option<u64>,
}

/// How it goes on.
enum Next {
    Start(Instance),
    Call(ResumableCallHostTrap),
    Answered(ResumableCallHostTrap, WasiErrno),
    Computing(ResumableCallOutOfFuel),
    /// Nothing can be resumed.
    Over,
}

/// What it did next.
enum Came {
    Calls(Call),
    Computes,
    Ends,
    Traps(&'static str),
}

/// What the interpreter is left with, so that the call can be carried out outside of it.
#[derive(Debug)]
struct Suspended(Call);

impl fmt::Display for Suspended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the module calls {}", self.0.name)
    }
}

impl wasmi::errors::HostError for Suspended {}

impl fmt::Debug for Interpreted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreted").field("asked", &self.asked).field("learnt", &self.learnt.len()).finish_non_exhaustive()
    }
}

/// The runtime, called with these words; `None`: that is not how it is called.
pub fn start(argv: &[String], env: &[String]) -> Option<Program> {
    let asked = Asked::read(argv.get(1..).unwrap_or_default())?;
    let wasi = Wasi::new(asked.argv.clone(), env.to_vec());
    let (module, learnt, pending, live) = (None, Vector::new(), None, Rc::default());
    Some(Program::Boxed(Box::new(Interpreted { asked, wasi, module, learnt, slices: 0, pending, live })))
}

impl Resumable for Interpreted {
    fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        let module = match &self.module {
            Some(module) => Rc::clone(module),
            None => match read(self.name(), sys) {
                Ok(bytes) => Rc::clone(self.module.insert(bytes.into())),
                Err(what) => return say(sys, &refusal_line(self.name(), &what), REFUSED_CODE),
            },
        };
        let mut live = match self.instance(&module) {
            Ok(live) => live,
            Err(what) => return say(sys, &refusal_line(self.name(), &what), REFUSED_CODE),
        };
        let resume = self.go_on(&mut live, sys);
        *self.live.borrow_mut() = Some((self.learnt.len(), self.slices, live));
        resume
    }

    fn duplicate(&self) -> Box<dyn Resumable> {
        Box::new(self.clone())
    }
}

impl Interpreted {
    fn name(&self) -> &str {
        self.asked.argv.first().map_or("", String::as_str)
    }

    fn go_on(&mut self, live: &mut Live, sys: &mut dyn Sys) -> Resume {
        let call = match self.pending.take() {
            Some(call) => call,
            None => match live.advance() {
                Came::Calls(call) => call,
                Came::Computes => {
                    self.slices += 1;
                    return Resume::Yield;
                }
                Came::Ends => return Resume::Exit(0),
                Came::Traps(what) => return say(sys, &trap_line(self.name(), what), TRAP_CODE),
            },
        };
        let mut memory = Recorded { live, written: Vec::new() };
        match self.wasi.call(&call, &mut memory, sys) {
            Answer::Exit(code) => Resume::Exit(code),
            Answer::Wait => {
                self.pending = Some(call);
                Resume::Waiting
            }
            Answer::Errno(errno) => {
                let written = memory.written;
                live.answer(errno);
                self.learnt.push_back_mut(Answered { errno, written });
                self.slices = 0;
                Resume::Yield
            }
        }
    }

    /// The instance that stands where this process does: the last one, or a new one that is brought there.
    fn instance(&self, module: &[u8]) -> Result<Live, String> {
        let at = (self.learnt.len(), self.slices);
        let kept = self.live.borrow_mut().take_if(|(answers, slices, _)| (*answers, *slices) == at);
        if let Some((_, _, live)) = kept {
            return Ok(live);
        }
        let mut live = Live::new(module, &self.asked)?;
        for answered in &self.learnt {
            while matches!(live.advance(), Came::Computes) {}
            for (address, bytes) in &answered.written {
                // It was written there before.
                let _ = live.write(*address, bytes);
            }
            live.answer(answered.errno);
        }
        for _ in 0..self.slices {
            live.advance();
        }
        if self.pending.is_some() {
            live.advance();
        }
        Ok(live)
    }
}

impl Live {
    fn new(module: &[u8], asked: &Asked) -> Result<Live, String> {
        let engine = Engine::new(Config::default().consume_fuel(true));
        let module = Module::new(&engine, module).map_err(|error| format!("this module is not valid: {error}"))?;
        let bytes = asked.memory_bytes_max.unwrap_or(MEMORY_BYTES_MAX).min(MEMORY_BYTES_MAX);
        let mut store = Store::new(&engine, StoreLimitsBuilder::new().memory_size(bytes).build());
        store.limiter(|limits| limits);
        let mut linker = Linker::new(&engine);
        for import in module.imports().filter(|import| MODULES.contains(&import.module())) {
            let Some(kind) = import.ty().func() else { continue };
            let name = import.name().to_string();
            let suspend = move |_: Caller<'_, StoreLimits>, arguments: &[Val], _: &mut [Val]| {
                let arguments = arguments.iter().map(bits).collect();
                Err(Error::host(Suspended(Call { name: name.clone(), arguments })))
            };
            // A name that is imported twice has been defined.
            let _ = linker.func_new(import.module(), import.name(), kind.clone(), suspend);
        }
        let fuel = asked.fuel;
        store.set_fuel(SLICE).map_err(|error| error.to_string())?;
        let instance =
            linker.instantiate_and_start(&mut store, &module).map_err(|error| format!("it cannot be started: {error}"))?;
        let memory = instance.get_export(&store, "memory").and_then(Extern::into_memory);
        if instance.get_func(&store, "_start").is_none() {
            return Err(NO_COMMAND.into());
        }
        Ok(Live { store, memory, next: Next::Start(instance), fuel })
    }

    /// Goes on to the next call, to the end of its turn, or to its end.
    fn advance(&mut self) -> Came {
        let needed = match &self.next {
            Next::Computing(call) => call.required_fuel(),
            _ => 0,
        };
        if self.fuel.is_some_and(|left| left < needed.max(1)) {
            self.next = Next::Over;
            return Came::Traps(trap::FUEL);
        }
        let given = self.fuel.unwrap_or(u64::MAX).min(SLICE.max(needed));
        let _ = self.store.set_fuel(given);
        let came = match std::mem::replace(&mut self.next, Next::Over) {
            Next::Start(instance) => match instance.get_func(&self.store, "_start") {
                Some(start) => start.call_resumable(&mut self.store, &[], &mut []),
                None => return Came::Ends,
            },
            Next::Computing(call) => call.resume(&mut self.store, &mut []),
            Next::Answered(call, errno) => {
                let result = [Val::I32(i32::from(errno.0))];
                let takes = call.host_func().ty(&self.store).results().len();
                call.resume(&mut self.store, result.get(..takes).unwrap_or_default(), &mut [])
            }
            // A call that is not answered is made again: the same one.
            Next::Call(call) => {
                let made = suspended(&call);
                self.next = Next::Call(call);
                return made.map_or(Came::Traps(trap::OTHER), Came::Calls);
            }
            Next::Over => return Came::Traps(trap::OTHER),
        };
        let left = self.store.get_fuel().unwrap_or_default();
        self.fuel = self.fuel.map(|fuel| fuel - given.saturating_sub(left).min(fuel));
        self.came(came)
    }

    fn came(&mut self, came: Result<ResumableCall, Error>) -> Came {
        match came {
            Ok(ResumableCall::Finished) => Came::Ends,
            Ok(ResumableCall::OutOfFuel(call)) => {
                self.next = Next::Computing(call);
                Came::Computes
            }
            Ok(ResumableCall::HostTrap(call)) => {
                let made = suspended(&call);
                self.next = Next::Call(call);
                made.map_or(Came::Traps(trap::OTHER), Came::Calls)
            }
            Err(error) => Came::Traps(words_of(&error)),
        }
    }

    /// The result of the call at hand.
    fn answer(&mut self, errno: WasiErrno) {
        self.next = match std::mem::replace(&mut self.next, Next::Over) {
            Next::Call(call) => Next::Answered(call, errno),
            other => other,
        };
    }

    fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), Fault> {
        let memory = self.memory.ok_or(Fault)?;
        memory.write(&mut self.store, address as usize, bytes).map_err(|_| Fault)
    }
}

/// The memory of an instance, with a note of what is written into it.
struct Recorded<'a> {
    live: &'a mut Live,
    written: Vec<(u32, Rc<[u8]>)>,
}

impl Memory for Recorded<'_> {
    fn read(&self, address: u32, length: u32) -> Result<Vec<u8>, Fault> {
        let memory = self.live.memory.ok_or(Fault)?.data(&self.live.store);
        let start = address as usize;
        memory.get(start..start.saturating_add(length as usize)).map(<[u8]>::to_vec).ok_or(Fault)
    }

    fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), Fault> {
        self.live.write(address, bytes)?;
        self.written.push((address, bytes.into()));
        Ok(())
    }
}

fn suspended(call: &ResumableCallHostTrap) -> Option<Call> {
    call.host_error().downcast_ref::<Suspended>().map(|suspended| suspended.0.clone())
}

/// As it lies on the stack.
fn bits(value: &Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        Val::F32(value) => u64::from(value.to_bits()),
        Val::F64(value) => value.to_bits(),
        _ => 0,
    }
}

fn words_of(error: &Error) -> &'static str {
    match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => trap::UNREACHABLE,
        Some(TrapCode::MemoryOutOfBounds) => trap::MEMORY,
        Some(TrapCode::TableOutOfBounds) => trap::TABLE,
        Some(TrapCode::IndirectCallToNull) => trap::NULL,
        Some(TrapCode::IntegerDivisionByZero) => trap::DIVISION,
        Some(TrapCode::IntegerOverflow) => trap::OVERFLOW,
        Some(TrapCode::BadConversionToInteger) => trap::CONVERSION,
        Some(TrapCode::StackOverflow) => trap::STACK,
        Some(TrapCode::BadSignature) => trap::SIGNATURE,
        Some(TrapCode::OutOfFuel) => trap::FUEL,
        _ => trap::OTHER,
    }
}

/// The module's file.
fn read(name: &str, sys: &mut dyn Sys) -> Result<Vec<u8>, String> {
    let told = |errno: crate::errno::Errno| errno.to_string();
    let size = sys.stat(name, true).map_err(told)?.size;
    if size > MODULE_BYTES_MAX {
        return Err(format!("the module has {size} bytes, the model runs at most {MODULE_BYTES_MAX}"));
    }
    let fd = sys.open(name, OpenFlags::READ, 0).map_err(told)?;
    let mut bytes = Vec::new();
    loop {
        let more = sys.read(fd, READ_BYTES).map_err(told)?;
        if more.is_empty() {
            break;
        }
        bytes.extend(more);
    }
    sys.close(fd).map_err(told)?;
    refusal(&bytes).map_or(Ok(bytes), |what| Err(what.to_string()))
}

/// The runtime's own words, and the end. A stream that takes nothing does not hold it up.
fn say(sys: &mut dyn Sys, line: &str, code: i32) -> Resume {
    let _ = sys.write(2, line.as_bytes());
    Resume::Exit(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_it_is_called() {
        let words = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
        let asked = Asked::read(&words("--fuel 100 --memory 65536 -- /a.wasm x --fuel")).unwrap();
        assert_eq!((asked.fuel, asked.memory_bytes_max), (Some(100), Some(65536)));
        assert_eq!(asked.argv, words("/a.wasm x --fuel"));
        for wrong in ["", "--", "/a.wasm", "--fuel x -- /a.wasm", "--fuel", "--what 1 -- /a.wasm"] {
            assert_eq!(Asked::read(&words(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_module_is_told_apart() {
        assert_eq!(refusal(b"\0asm\x01\0\0\0rest"), None);
        assert!(refusal(b"\0asm\x0d\0\x01\0").unwrap().contains("component"));
        assert!(refusal(b"\0asm\x02\0\0\0").unwrap().contains("version"));
        assert!(refusal(b"\x7fELF").unwrap().contains("not a WebAssembly module"));
        assert!(refusal(b"").is_some());
    }
}
