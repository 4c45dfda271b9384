//! Why a program cannot be executed: found by Docker's rules or not, and what execve(2) did not like.
//!
//! Docker's runtime looks a program up first (Go's `os/exec.LookPath`), which has words of its own; what is found it executes, and
//! what then goes wrong the container's process says itself, and ends with 255.

use serde::{Deserialize, Serialize};

use super::{Diagnosis, Files, elf, kind_name, path};
use crate::errno::Errno;
use crate::userland::FileKind;

/// Bytes of a file that the kernel looks at to know its format: BINPRM_BUF_SIZE.
const HEAD_BYTES: usize = 256;
/// A script, and interpreters that are scripts themselves: exec_binprm() of fs/exec.c.
pub const INTERPRETERS_MAX: usize = 5;
/// Any x bit.
const EXECUTE_BITS: u32 = 0o111;

/// Why Docker's runtime does not find a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// In no directory of PATH.
    NotFound,
    /// Only below the working directory, by an entry of PATH that is not absolute.
    Relative,
    /// stat(2) failed.
    Unseen(Errno),
    /// It is a directory (EISDIR), or may not be executed.
    Closed(Errno),
}

/// A program that was found, and that execve(2) refused all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Its file.
    pub program: String,
    /// What execve(2) answered.
    pub errno: Errno,
    /// Why.
    pub diagnosis: Option<Diagnosis>,
}

impl Refused {
    /// What Docker's runtime writes to the container's stderr then.
    pub fn line(&self) -> String {
        format!("exec {}: {}\n", self.program, self.errno.to_string().to_lowercase())
    }
}

/// Exit code of a process in which execve(2) failed: that of Docker's runtime.
pub const REFUSED_CODE: i32 = 255;

/// Why nothing was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotExecuted {
    /// Docker's runtime does not find it: the container cannot be started.
    Missing(Refusal),
    /// The container's process is there, says it, and ends.
    Refused(Refused),
}

/// Somebody who can execute programs, and see the files.
pub trait Executor {
    /// As the process sees them that is to become the program.
    fn files(&self) -> impl Files + '_;
    /// execve(2) of this file.
    fn execute(&mut self, file: &str) -> Result<(), Errno>;
}

/// Executes the program by Docker's rules. What is found is executed first, and looked at only where that failed.
pub fn execute(executor: &mut impl Executor, asked: Asked<'_>) -> Result<(), NotExecuted> {
    let by_path = asked.name.contains('/');
    for file in candidates(asked.name, asked.path) {
        if !by_path && !file.starts_with('/') {
            match accept(&executor.files(), &file) {
                Ok(()) => return Err(NotExecuted::Missing(Refusal::Relative)),
                Err(_) => continue,
            }
        }
        let Err(errno) = executor.execute(&file) else { return Ok(()) };
        let files = executor.files();
        match accept(&files, &file) {
            Ok(()) => {
                let diagnosis = fault(&files, &file, asked, errno);
                return Err(NotExecuted::Refused(Refused { program: file, errno, diagnosis }));
            }
            Err(refusal) if by_path => return Err(NotExecuted::Missing(refusal)),
            Err(_) => {}
        }
    }
    Err(NotExecuted::Missing(Refusal::NotFound))
}

impl Refusal {
    /// What execve(2) answers.
    pub fn errno(self) -> Errno {
        match self {
            Refusal::NotFound | Refusal::Relative => Errno::ENOENT,
            Refusal::Unseen(errno) => errno,
            Refusal::Closed(_) => Errno::EACCES,
        }
    }

    /// What Docker's runtime says of it, and the exit code of `docker run`.
    pub fn told(self, name: &str) -> (String, i32) {
        const CANNOT_EXECUTE: i32 = 126;
        const NOT_FOUND: i32 = 127;
        const ENGINE_FAILED: i32 = 125;
        let sentence = |errno: Errno| errno.to_string().to_lowercase();
        let code = |errno: Errno| match errno {
            Errno::ENOENT => NOT_FOUND,
            Errno::EACCES | Errno::EISDIR => CANNOT_EXECUTE,
            _ => ENGINE_FAILED,
        };
        match self {
            Refusal::NotFound => (format!("exec: \"{name}\": executable file not found in $PATH"), NOT_FOUND),
            Refusal::Relative => {
                (format!("exec: \"{name}\": cannot run executable found relative to current directory"), ENGINE_FAILED)
            }
            Refusal::Unseen(errno) => (format!("exec: \"{name}\": stat {name}: {}", sentence(errno)), code(errno)),
            Refusal::Closed(errno) => (format!("exec: \"{name}\": {}", sentence(errno)), code(errno)),
        }
    }
}

/// What is to be executed, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// As the user wrote it.
    pub name: &'a str,
    /// PATH of the program's environment.
    pub path: &'a str,
    /// uname(2) machine.
    pub machine: &'a str,
}

/// Where to look, in order; a name with a slash is looked for there and nowhere else.
pub fn candidates(name: &str, path: &str) -> Vec<String> {
    if name.contains('/') {
        return vec![name.to_string()];
    }
    if name.is_empty() || path.is_empty() {
        return Vec::new();
    }
    let place = |directory: &str| match directory.trim_end_matches('/') {
        "" if directory.is_empty() => format!("./{name}"),
        directory => format!("{directory}/{name}"),
    };
    path.split(':').map(place).collect()
}

/// Whether Docker's runtime takes this file for a program.
pub fn accept(files: &dyn Files, file: &str) -> Result<(), Refusal> {
    let seen = files.stat(file).map_err(Refusal::Unseen)?;
    if seen.kind == FileKind::Directory {
        return Err(Refusal::Closed(Errno::EISDIR));
    }
    match files.may_execute(file) {
        // A seccomp profile may refuse the question.
        Err(Errno::EPERM | Errno::ENOSYS) if seen.mode & EXECUTE_BITS != 0 => Ok(()),
        answer => answer.map_err(Refusal::Closed),
    }
}

/// Why a program was not found.
pub fn lookup_fault(files: &dyn Files, asked: Asked<'_>, refusal: Refusal) -> Option<Diagnosis> {
    let name = asked.name;
    match refusal {
        Refusal::NotFound => not_found(files, asked),
        Refusal::Relative => {
            let what = format!("{name} is only in the working directory, which PATH names by an entry that is not absolute");
            Some(Diagnosis::new(what, format!("name it as ./{name}")))
        }
        Refusal::Unseen(_) => one_word(name).or_else(|| path::fault(files, name)),
        Refusal::Closed(_) => closed(files, name),
    }
}

fn one_word(name: &str) -> Option<Diagnosis> {
    let what = format!("\"{name}\" is one word: the blank is part of the program's name");
    let advice = "leave the quotes out, or give the words to a shell: sh -c '…'";
    name.contains([' ', '\t']).then(|| Diagnosis::new(what, advice))
}

fn not_found(files: &dyn Files, asked: Asked<'_>) -> Option<Diagnosis> {
    let name = asked.name;
    if name.is_empty() {
        return None;
    }
    if name.starts_with('-') {
        let what = format!("what comes after the image is the program and its arguments, so {name} was taken for the program");
        return Some(Diagnosis::new(what, "write the flags of run before the image"));
    }
    if let Some(found) = one_word(name) {
        return Some(found);
    }
    if asked.path.is_empty() {
        return Some(Diagnosis::new("PATH is empty or not set: there is nowhere to look", "name the program by its path"));
    }
    let there = candidates(name, asked.path).into_iter().find_map(|place| closed(files, &place));
    Some(there.unwrap_or_else(|| {
        let advice = "see what there is with: glassbox run --rm IMAGE ls /bin";
        Diagnosis::new(format!("no {name} in {}", asked.path.replace(':', ", ")), advice)
    }))
}

/// Why a file that is there may not be executed.
fn closed(files: &dyn Files, file: &str) -> Option<Diagnosis> {
    let seen = files.stat(file).ok()?;
    if seen.kind == FileKind::Directory {
        return Some(Diagnosis::new(format!("{file} is a directory"), "name the program in it"));
    }
    if seen.kind != FileKind::File {
        return Some(Diagnosis::new(format!("{file} is {}, and only files are executed", kind_name(seen.kind)), ""));
    }
    if files.is_on_noexec(file) {
        let what = format!("{file} lies on a mount with noexec: nothing there is executed, whatever its mode");
        return Some(Diagnosis::new(what, "put it elsewhere, or mount without noexec (--tmpfs PATH:exec)"));
    }
    files.may_execute(file).err()?;
    let mode = seen.mode & 0o7777;
    if mode & EXECUTE_BITS == 0 {
        let advice = format!("in the image: RUN chmod +x {file}, or COPY --chmod=755");
        return Some(Diagnosis::new(format!("{file} is there, and has no x bit (mode {mode:04o})"), advice));
    }
    let what = format!("{file} may be executed, but not by this user (mode {mode:04o}, owner {})", seen.uid);
    Some(Diagnosis::new(what, format!("run it as another user (-u), or change the mode: chmod a+x {file}")))
}

/// What execve(2) did not like about a file that is there.
pub fn fault(files: &dyn Files, file: &str, asked: Asked<'_>, errno: Errno) -> Option<Diagnosis> {
    if errno == Errno::E2BIG {
        return Some(Diagnosis::new("arguments and environment together are longer than the kernel takes (2 MiB)", ""));
    }
    let mut at = file.to_string();
    for depth in 0..=INTERPRETERS_MAX {
        let head = files.read(&at, 0, HEAD_BYTES).ok()?;
        if !head.starts_with(b"#!") {
            return format_fault(files, &at, &head, asked);
        }
        let script = match Shebang::read(&head) {
            Ok(script) => script,
            Err(why) => return Some(Diagnosis::new(format!("{at} {why}"), "begin it with #!/bin/sh")),
        };
        if let Some(found) = interpreter_fault(files, &at, &script) {
            return Some(found);
        }
        if depth == INTERPRETERS_MAX {
            let what = format!("{file} and its interpreters are scripts whose interpreters are scripts, {INTERPRETERS_MAX} deep");
            return Some(Diagnosis::new(what, ""));
        }
        at = script.interpreter;
    }
    None
}

/// The first line of a script: execve(2), "Interpreter scripts".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shebang {
    /// The program, as it stands there.
    pub interpreter: String,
    /// All that follows, blanks around it taken away: one argument.
    pub argument: Option<String>,
}

impl Shebang {
    /// Reads it from the first [`HEAD_BYTES`] of a file; an error says why the kernel does not take it for a script.
    pub fn read(head: &[u8]) -> Result<Shebang, &'static str> {
        let line = head.strip_prefix(b"#!").ok_or("does not begin with #!")?;
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let whole = line.contains(&b'\n') || head.len() < HEAD_BYTES;
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let begin = line.iter().position(|byte| !blank(byte)).ok_or("names no interpreter after #!")?;
        let line = &line[begin..];
        let end = line.iter().position(blank).unwrap_or(line.len());
        if end == line.len() && !whole {
            return Err("has a first line that is longer than the 256 bytes that the kernel reads of it");
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let argument = text(&line[end..]).trim_matches([' ', '\t']).to_string();
        Ok(Shebang { interpreter: text(&line[..end]), argument: Some(argument).filter(|text| !text.is_empty()) })
    }
}

fn interpreter_fault(files: &dyn Files, file: &str, script: &Shebang) -> Option<Diagnosis> {
    let name = &script.interpreter;
    let refused = accept(files, name).err()?;
    if let Some(unix) = name.strip_suffix('\r') {
        let what =
            format!("the first line of {file} ends in CR LF, as on Windows: the kernel looks for an interpreter \"{unix}\\r\"");
        let advice = format!("save {file} with LF line ends: sed -i 's/\\r$//' FILE; for Git: core.autocrlf=input");
        return Some(Diagnosis::new(what, advice));
    }
    let why = match refused {
        Refusal::Unseen(_) => path::fault(files, name),
        _ => closed(files, name),
    };
    let why = why.map_or_else(String::new, |why| format!(": {}", why.what));
    let what = format!("{file} is there, its interpreter (first line: #!{}) cannot be executed{why}", script.line());
    Some(Diagnosis::new(what, format!("put {name} into the image, or name one in the first line that it has")))
}

impl Shebang {
    fn line(&self) -> String {
        self.argument.iter().fold(self.interpreter.clone(), |line, argument| format!("{line} {argument}"))
    }
}

fn format_fault(files: &dyn Files, file: &str, head: &[u8], asked: Asked<'_>) -> Option<Diagnosis> {
    if head.is_empty() {
        return Some(Diagnosis::new(format!("{file} is empty"), "see how it came into the image: a COPY or a build that failed"));
    }
    if elf::is_elf(head) {
        return elf_fault(files, file, asked);
    }
    if let Some((what, advice)) = foreign(head) {
        return Some(Diagnosis::new(format!("{file} {what}"), advice));
    }
    let text = !head.contains(&0) && std::str::from_utf8(head).is_ok_and(|text| text.chars().all(is_printed));
    if text {
        let what = format!("{file} is text and does not begin with #!: the kernel knows no interpreter for it");
        return Some(Diagnosis::new(what, format!("begin it with #!/bin/sh, or run it by a shell: sh {file}")));
    }
    let first: Vec<String> = head.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Some(Diagnosis::new(format!("{file} is in no format that this kernel executes (it begins with {})", first.join(" ")), ""))
}

fn is_printed(c: char) -> bool {
    !c.is_control() || matches!(c, '\n' | '\r' | '\t')
}

/// Files that people take for programs, by their first bytes.
fn foreign(head: &[u8]) -> Option<(&'static str, &'static str)> {
    const KNOWN: [(&[u8], &str, &str); 10] = [
        (
            b"\xef\xbb\xbf#!",
            "begins with a byte order mark (BOM): the kernel does not see the #! after it",
            "save it as UTF-8 without BOM",
        ),
        (b"\xff\xfe", "is text in UTF-16: the kernel reads bytes, and sees no #!", "save it as UTF-8 without BOM"),
        (b"\xfe\xff", "is text in UTF-16: the kernel reads bytes, and sees no #!", "save it as UTF-8 without BOM"),
        (b"MZ", "is a program for Windows", "build it for Linux: a container shares the kernel of its host"),
        (b"\xcf\xfa\xed\xfe", "is a program for macOS", "build it for Linux: a container shares the kernel of its host"),
        (b"\xca\xfe\xba\xbe", "is a program for macOS, or a Java class", "build it for Linux, or run it by java"),
        (b"PK\x03\x04", "is a ZIP archive (a .jar is one)", "run it by java -jar, or unpack it"),
        (b"\x1f\x8b", "is compressed with gzip", "unpack it first"),
        (b"!<arch>\n", "is a library archive (.a, or a .deb)", ""),
        (b"\0asm", "is WebAssembly, and this kernel runs none", ""),
    ];
    KNOWN.iter().find(|(magic, ..)| head.starts_with(magic)).map(|(_, what, advice)| (*what, *advice))
}

fn elf_fault(files: &dyn Files, file: &str, asked: Asked<'_>) -> Option<Diagnosis> {
    const EXECUTABLE: [u16; 2] = [2, 3];
    let Some(elf) = elf::read(files, file) else {
        return Some(Diagnosis::new(format!("{file} is a program that is cut off: its ELF header is not whole"), "copy it again"));
    };
    if !elf.is_for(asked.machine) {
        let what = format!("{file} is a program for {}; this machine is {}", elf.machine_name(), asked.machine);
        let advice = "take the image for this machine (--platform), or have the kernel emulate the other (qemu-user, binfmt_misc)";
        return Some(Diagnosis::new(what, advice));
    }
    if !EXECUTABLE.contains(&elf.kind) {
        let which = match elf.kind {
            1 => "an object file (.o): it was not linked",
            4 => "a core dump",
            _ => "no executable ELF file",
        };
        return Some(Diagnosis::new(format!("{file} is {which}"), ""));
    }
    let loader = elf.interpreter?;
    let refused = accept(files, &loader).err()?;
    let why = match refused {
        Refusal::Unseen(_) => path::fault(files, &loader),
        _ => closed(files, &loader),
    };
    let why = why.map_or_else(String::new, |why| format!(": {}", why.what));
    let what = format!("{file} is there, the loader of shared libraries that it asks for ({loader}) cannot be executed{why}");
    let advice = if loader.contains("ld-musl") {
        "it was built for musl (Alpine): build it for the C library of this image, or static"
    } else if loader.contains("ld-linux") {
        "it was built for glibc: take an image with glibc (not Alpine or scratch), or build it static"
    } else {
        "put the loader into the image, or build the program static"
    };
    Some(Diagnosis::new(what, advice))
}
