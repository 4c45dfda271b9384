//! `glassbox-wasi`: runs a WebAssembly module as the process of a container.
//!
//! `glassbox-wasi [--fuel UNITS] [--memory BYTES] -- MODULE [ARGUMENT]...`
//!
//! wasmtime compiles the module and runs it; what it asks of the system comes to `glassbox_core::wasi`, the same code as in the model
//! kernel, and from there as system calls of this process to Linux. Namespaces, limits and permissions are the container's. Exit codes:
//! the module's own, 134 after a trap, 126 for a file that is not run, 2 for words that are not understood.

use glassbox_core::userland::Sys;
use glassbox_core::wasi::program::{Asked, NO_COMMAND, USAGE, refusal, refusal_line, trap, trap_line};
use glassbox_core::wasi::{Answer, Call, Fault, MODULES, Memory, REFUSED_CODE, TRAP_CODE, Wasi};
use glassbox_toolbox::sys::{self, Linux};
use wasmtime::{
    Caller, Config, Engine, Extern, ExternType, Linker, Module, ResourceLimiter, Store, StoreLimits, StoreLimitsBuilder, Trap, Val,
};

const USAGE_CODE: i32 = 2;

/// What the calls of the module work on.
struct Host {
    wasi: Wasi,
    linux: Linux,
    limits: StoreLimits,
    /// The module has ended by proc_exit.
    exit: Option<i32>,
}

/// Why it does not run, in one line.
struct Refused(String);

fn main() {
    let args: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let Some(asked) = Asked::read(&args) else {
        sys::say(2, USAGE);
        sys::exit(USAGE_CODE);
    };
    let name = asked.argv[0].clone();
    let code = run(&asked).unwrap_or_else(|Refused(what)| {
        sys::say(2, &refusal_line(&name, &what));
        REFUSED_CODE
    });
    sys::exit(code);
}

fn run(asked: &Asked) -> Result<i32, Refused> {
    let name = &asked.argv[0];
    let bytes = std::fs::read(name).map_err(|error| {
        let errno = error.raw_os_error().map(glassbox_core::errno::Errno);
        Refused(errno.map_or_else(|| error.to_string(), |errno| errno.to_string()))
    })?;
    if let Some(what) = refusal(&bytes) {
        return Err(Refused(what.into()));
    }
    let mut config = Config::new();
    config.consume_fuel(asked.fuel.is_some());
    let engine = Engine::new(&config).map_err(cannot("wasmtime does not start"))?;
    let module = Module::new(&engine, &bytes).map_err(cannot("this module is not valid"))?;
    let mut limits = StoreLimitsBuilder::new();
    if let Some(bytes) = asked.memory_bytes_max {
        limits = limits.memory_size(bytes);
    }
    let wasi = Wasi::new(asked.argv.clone(), sys::environment());
    let mut store = Store::new(&engine, Host { wasi, linux: Linux::new(), limits: limits.build(), exit: None });
    store.limiter(|host| -> &mut dyn ResourceLimiter { &mut host.limits });
    if let Some(units) = asked.fuel {
        store.set_fuel(units).map_err(cannot("the fuel cannot be set"))?;
    }
    let instance = linker(&engine, &module)?.instantiate(&mut store, &module).map_err(cannot("it cannot be started"))?;
    let Ok(start) = instance.get_typed_func::<(), ()>(&mut store, "_start") else {
        return Err(Refused(NO_COMMAND.into()));
    };
    let Err(error) = start.call(&mut store, ()) else { return Ok(0) };
    if let Some(code) = store.data().exit {
        return Ok(code);
    }
    sys::say(2, &trap_line(name, words_of(error.downcast_ref::<Trap>().copied())));
    Ok(TRAP_CODE)
}

fn cannot(what: &'static str) -> impl Fn(wasmtime::Error) -> Refused {
    move |error| Refused(format!("{what}: {error}"))
}

/// Every import that belongs to WASI, as a call to the host.
fn linker(engine: &Engine, module: &Module) -> Result<Linker<Host>, Refused> {
    let mut linker = Linker::new(engine);
    for import in module.imports().filter(|import| MODULES.contains(&import.module())) {
        let ExternType::Func(kind) = import.ty() else { continue };
        let name = import.name().to_string();
        let defined = linker.func_new(import.module(), import.name(), kind, move |mut caller, arguments, results| {
            let arguments = arguments.iter().map(bits).collect();
            let errno = call(&mut caller, &Call { name: name.clone(), arguments })?;
            if let Some(result) = results.first_mut() {
                *result = Val::I32(i32::from(errno));
            }
            Ok(())
        });
        defined.map(drop).map_err(cannot("its imports cannot be linked"))?;
    }
    Ok(linker)
}

/// Carries the call out. An error ends the module: by proc_exit.
fn call(caller: &mut Caller<'_, Host>, call: &Call) -> Result<u16, wasmtime::Error> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    let (data, host) = match memory {
        Some(memory) => memory.data_and_store_mut(caller),
        None => (&mut [][..], caller.data_mut()),
    };
    let mut memory = Linear(data);
    loop {
        let linux: &mut dyn Sys = &mut host.linux;
        match host.wasi.call(call, &mut memory, linux) {
            Answer::Errno(errno) => return Ok(errno.0),
            // Linux itself has waited.
            Answer::Wait => {}
            Answer::Exit(code) => {
                host.exit = Some(code);
                return Err(wasmtime::Error::msg("the module has ended"));
            }
        }
    }
}

/// The module's memory.
struct Linear<'a>(&'a mut [u8]);

impl Memory for Linear<'_> {
    fn read(&self, address: u32, length: u32) -> Result<Vec<u8>, Fault> {
        let start = address as usize;
        self.0.get(start..start.saturating_add(length as usize)).map(<[u8]>::to_vec).ok_or(Fault)
    }

    fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), Fault> {
        let start = address as usize;
        let place = self.0.get_mut(start..start.saturating_add(bytes.len())).ok_or(Fault)?;
        place.copy_from_slice(bytes);
        Ok(())
    }
}

fn bits(value: &Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        Val::F32(bits) => u64::from(*bits),
        Val::F64(bits) => *bits,
        _ => 0,
    }
}

fn words_of(found: Option<Trap>) -> &'static str {
    match found {
        Some(Trap::UnreachableCodeReached) => trap::UNREACHABLE,
        Some(Trap::MemoryOutOfBounds) => trap::MEMORY,
        Some(Trap::TableOutOfBounds) => trap::TABLE,
        Some(Trap::IndirectCallToNull) => trap::NULL,
        Some(Trap::BadSignature) => trap::SIGNATURE,
        Some(Trap::IntegerDivisionByZero) => trap::DIVISION,
        Some(Trap::IntegerOverflow) => trap::OVERFLOW,
        Some(Trap::BadConversionToInteger) => trap::CONVERSION,
        Some(Trap::StackOverflow) => trap::STACK,
        Some(Trap::OutOfFuel) => trap::FUEL,
        _ => trap::OTHER,
    }
}
