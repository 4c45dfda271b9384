//! WASI preview 1 over `Sys`: what a WebAssembly module may ask of the system that it runs on.
//!
//! Written once, as the userland is. In the model kernel an interpreter runs the module ([`program`]); on Linux `glassbox-wasi` does,
//! with wasmtime. Both come here with each call, and it becomes system calls of the one process that the container sees. The module has
//! the container's root as its preopened directory `/`; the container's namespaces, limits and permissions hold for it as for any process.
//!
//! ```text
//! module ─ import "wasi_snapshot_preview1" "fd_write" (1, 0x100, 1, 0x120) ─▶ Wasi::call ─▶ write(2) ─▶ errno 0, bytes at 0x120
//! ```
//! Source: `WebAssembly/WASI`, legacy/preview1/docs.md and witx/wasi_snapshot_preview1.witx.

mod answer;
mod clock;
mod descriptors;
mod files;
mod guest;
mod paths;
pub mod program;
mod streams;
mod words;

use std::collections::BTreeMap;

pub use answer::{Answer, WasiErrno};
pub use guest::{Fault, Memory};

use crate::userland::{Fd, Sys};

/// The modules that the calls are imported from; the second is what preview 1 was called before it was finished.
pub const MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];
/// The platform of an image that holds a module, as `--platform` names it.
pub const PLATFORM: &str = "wasi/wasm";
/// What such an image says of itself under `os`.
pub const OS: &str = "wasi";
/// And under `architecture`.
pub const ARCHITECTURE: &str = "wasm";
/// The file under which the runtime is seen in a container.
pub const RUNTIME: &str = "/sbin/glassbox-wasi";
/// Exit code after a trap: that of the `wasmtime` command, 128 + SIGABRT.
pub const TRAP_CODE: i32 = 134;
/// Exit code where the file is no module that can be run.
pub const REFUSED_CODE: i32 = 126;
/// How a module begins: core specification, "Binary Format".
pub const MAGIC: &[u8] = b"\0asm";

/// The descriptor of the preopened directory.
const ROOT: u32 = 3;
/// Descriptors that a module may have at once.
const DESCRIPTORS_MAX: u32 = 1024;

/// What the host keeps for one running module: plain data, so that a world with such a process can be cloned.
#[derive(Clone, Debug)]
pub struct Wasi {
    args: Vec<String>,
    env: Vec<String>,
    open: BTreeMap<u32, Open>,
    /// Until when the call at hand sleeps.
    deadline: Option<u64>,
}

/// An open descriptor of the module.
#[derive(Clone, Debug)]
struct Open {
    /// The process's own descriptor; a directory has none, it is known by its path.
    fd: Option<Fd>,
    /// Absolute, where it was opened by name.
    path: Option<String>,
    /// Bytes from the beginning, as the module has read, written and sought.
    at: u64,
    flags: u16,
    is_seekable: bool,
}

/// One call: its name, and its arguments as they lie on the stack (i32 without a sign).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `fd_write`
    pub name: String,
    /// As many as the import's type has.
    pub arguments: Vec<u64>,
}

impl Call {
    fn at(&self, index: usize) -> u64 {
        self.arguments.get(index).copied().unwrap_or_default()
    }

    /// An argument of 32 bits: a pointer, a length, a descriptor, flags.
    fn word(&self, index: usize) -> u32 {
        self.at(index) as u32
    }
}

impl Wasi {
    /// For a module that begins with these; descriptors 0, 1 and 2 are the process's own.
    pub fn new(args: Vec<String>, env: Vec<String>) -> Wasi {
        let stream = |fd: Fd| Open { fd: Some(fd), path: None, at: 0, flags: 0, is_seekable: false };
        let root = Open { fd: None, path: Some("/".into()), at: 0, flags: 0, is_seekable: false };
        let open = [(0, stream(0)), (1, stream(1)), (2, stream(2)), (ROOT, root)].into();
        Wasi { args, env, open, deadline: None }
    }

    /// Carries a call out. After [`Answer::Wait`] the same call is to be made again.
    pub fn call(&mut self, call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Answer {
        let done = match call.name.as_str() {
            "proc_exit" => return Answer::Exit(call.word(0) as i32 & 0xff),
            "args_get" => words::put(&self.args, call, memory),
            "args_sizes_get" => words::put_sizes(&self.args, call, memory),
            "environ_get" => words::put(&self.env, call, memory),
            "environ_sizes_get" => words::put_sizes(&self.env, call, memory),
            "clock_res_get" => clock::resolution(call, memory),
            "clock_time_get" => clock::time(call, memory, sys),
            "poll_oneoff" => self.poll(call, memory, sys),
            "sched_yield" => Ok(()),
            "random_get" => clock::random(call, memory, sys),
            name if name.starts_with("path_") => self.path_call(call, memory, sys),
            name if name.starts_with("fd_") => self.descriptor_call(call, memory, sys),
            _ => Err(WasiErrno::NOSYS.into()),
        };
        answer::of(done)
    }
}
