//! `ExecProgram`: the program takes the process over. A name without a slash is looked up in the PATH of its own environment, as
//! execvp(3) does, but by the caller's choice of environment and without the shell as a fall-back.

use std::convert::Infallible;
use std::ffi::CString;

use glassbox_core::errno::Errno;

use crate::sys::{self, process};

/// Executes; answers only why that failed: the errno by which a missing program (ENOENT) and one that cannot be executed (EACCES) are
/// told apart.
pub fn execute(argv: &[String], env: &[String]) -> Errno {
    match try_execute(argv, env) {
        Err(errno) => errno,
        Ok(never) => match never {},
    }
}

fn try_execute(argv: &[String], env: &[String]) -> sys::Result<Infallible> {
    let name = argv.first().ok_or(Errno::EINVAL)?;
    let (arguments, variables) = (process::c_strings(argv)?, process::c_strings(env)?);
    let mut refused = Errno::ENOENT;
    for place in candidates(name, path_of(env)) {
        let place = CString::new(place).map_err(|_| Errno::EINVAL)?;
        let Err(errno) = process::execve(&place, &arguments, &variables);
        match errno {
            Errno::ENOENT | Errno::ENOTDIR if !name.contains('/') => {}
            Errno::EACCES if !name.contains('/') => refused = Errno::EACCES,
            errno => return Err(errno),
        }
    }
    Err(refused)
}

fn path_of(env: &[String]) -> &str {
    env.iter().find_map(|entry| entry.strip_prefix("PATH=")).unwrap_or("")
}

/// Where to look; an empty part of PATH is the working directory.
fn candidates(name: &str, path: &str) -> Vec<String> {
    if name.contains('/') {
        return vec![name.to_string()];
    }
    if name.is_empty() {
        return Vec::new();
    }
    let place = |directory: &str| if directory.is_empty() { format!("./{name}") } else { format!("{directory}/{name}") };
    path.split(':').map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_looked_up_and_a_path_is_not() {
        assert_eq!(candidates("ls", "/bin::/sbin"), ["/bin/ls", "./ls", "/sbin/ls"]);
        assert_eq!(candidates("./ls", "/bin"), ["./ls"]);
        assert!(candidates("", "/bin").is_empty());
    }

    #[test]
    fn why_it_failed_is_told_apart() {
        let run = |name: &str, path: &str| execute(&[name.to_string()], &[format!("PATH={path}")]);
        assert_eq!(run("glassbox-no-such-program", "/bin:/usr/bin"), Errno::ENOENT);
        assert_eq!(run("/etc/passwd", ""), Errno::EACCES);
        assert_eq!(run("passwd", "/etc"), Errno::EACCES);
        assert_eq!(run("/etc/passwd/x", ""), Errno::ENOTDIR);
        assert_eq!(run("a\0b", "/bin"), Errno::EINVAL);
    }
}
