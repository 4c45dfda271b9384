//! Tools: programs that look, act and answer in one go, without ever having to wait before their output.
//!
//! A tool is a function that makes its calls, queues its output and answers its exit status; [`Tool`] carries that output out
//! afterwards, which may take several resumes.

use super::options::Options;
use super::output::{Flush, Output};
use super::sys::{Resume, Sys};
use super::{
    accounts, attempt, echo, files, identity, info, links, lookup, ls, mounts, owner, printf, ps, remove, resolver, signals, test,
};
use crate::errno::Errno;

/// What a tool works with.
pub(crate) struct Context<'a> {
    /// The kernel.
    pub(crate) sys: &'a mut dyn Sys,
    /// Where to queue output.
    pub(crate) out: &'a mut Output,
    /// The name in error messages.
    pub(crate) name: &'a str,
}

impl Context<'_> {
    /// Queues `NAME: message` for the standard error and answers 1.
    pub(crate) fn fail(&mut self, message: &str) -> i32 {
        let line = [self.name, ": ", message, "\n"].concat();
        self.out.err(&line);
        1
    }

    /// Queues `NAME: what: sentence of the errno`.
    pub(crate) fn fail_with(&mut self, what: &str, errno: Errno) -> i32 {
        self.fail(&format!("{what}: {errno}"))
    }

    /// One operand after the other: where one fails the rest is still done.
    pub(crate) fn each(&mut self, args: &[String], letters: &str, act: impl Fn(&mut Self, &Options, &str) -> i32) -> i32 {
        let options = match Options::parse(args, letters) {
            Ok(options) => options,
            Err(message) => return self.fail(&message),
        };
        if options.operands.is_empty() {
            return self.fail("missing operand");
        }
        options.operands.iter().fold(0, |status, operand| act(self, &options, operand).max(status))
    }

    /// The text of a small file (of /proc, /etc), at most `TEXT_BYTES_MAX`; not UTF-8 is replaced.
    pub(crate) fn read_text(&mut self, path: &str) -> Result<String, Errno> {
        read_file(self.sys, path, TEXT_BYTES_MAX).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The largest file that a tool takes in whole.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 20;

/// Reads a file whole: one that never has to wait. E2BIG where it is larger than `bytes_max`.
pub(crate) fn read_file(sys: &mut dyn Sys, path: &str, bytes_max: usize) -> Result<Vec<u8>, Errno> {
    let fd = sys.open(path, super::OpenFlags::READ, 0)?;
    let mut bytes = Vec::new();
    let result = loop {
        match sys.read(fd, 1 << 16) {
            Ok(chunk) if chunk.is_empty() => break Ok(()),
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(errno) => break Err(errno),
        }
        if bytes.len() > bytes_max {
            break Err(Errno::EFBIG);
        }
    };
    sys.close(fd)?;
    result.map(|()| bytes)
}

macro_rules! tools {
    ($($variant:ident $name:literal $function:path;)*) => {
        /// Which tool.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $(#[doc = $name] $variant,)* }

        impl Kind {
            /// The tool of that name.
            pub(crate) fn named(name: &str) -> Option<Kind> {
                match name { $($name => Some(Kind::$variant),)* _ => None }
            }

            /// Runs the tool on its arguments (without the name) and answers its exit status.
            pub(crate) fn run(self, context: &mut Context<'_>, args: &[String]) -> i32 {
                match self { $(Kind::$variant => $function(context, args),)* }
            }
        }
    };
}

tools! {
    BaseName "basename" lookup::basename;
    Bracket "[" test::bracket;
    AddGroup "addgroup" accounts::add_group;
    AddUser "adduser" accounts::add_user;
    Chgrp "chgrp" owner::chgrp;
    Chmod "chmod" files::chmod;
    Chown "chown" owner::chown;
    DelGroup "delgroup" accounts::remove;
    DelUser "deluser" accounts::remove;
    GroupAdd "groupadd" accounts::add_group;
    GroupDel "groupdel" accounts::remove;
    Which "which" lookup::which;
    WhoAmI "whoami" lookup::whoami;
    UserAdd "useradd" accounts::add_user;
    UserDel "userdel" accounts::remove;
    UserMod "usermod" accounts::modify_user;
    Date "date" info::date;
    DirName "dirname" lookup::dirname;
    Echo "echo" echo::echo;
    False "false" echo::fail;
    GetEnt "getent" resolver::getent;
    Hostname "hostname" identity::hostname;
    Id "id" identity::id;
    Install "install" lookup::install;
    Kill "kill" signals::kill;
    Ln "ln" links::ln;
    Ls "ls" ls::ls;
    MakeTemp "mktemp" lookup::mktemp;
    Mkdir "mkdir" files::mkdir;
    Mknod "mknod" attempt::mknod;
    Mount "mount" mounts::mount;
    NsLookup "nslookup" resolver::nslookup;
    Nproc "nproc" info::nproc;
    Printf "printf" printf::printf;
    Ps "ps" ps::ps;
    Pwd "pwd" info::pwd;
    Readlink "readlink" links::readlink;
    Rm "rm" remove::rm;
    Rmdir "rmdir" files::rmdir;
    Seq "seq" info::seq;
    Stty "stty" info::stty;
    Syscall "syscall" attempt::syscall;
    Test "test" test::test;
    Touch "touch" files::touch;
    True "true" echo::succeed;
    Tty "tty" info::tty;
    Umount "umount" mounts::umount;
    Uname "uname" info::uname;
}

/// A tool as a program: run once, then written out.
#[derive(Clone, Debug)]
pub struct Tool {
    kind: Kind,
    name: String,
    args: Vec<String>,
    out: Output,
    status: Option<i32>,
}

impl Tool {
    /// The tool called `name`, if there is one.
    pub(crate) fn start(name: &str, args: &[String]) -> Option<Tool> {
        let kind = Kind::named(name)?;
        let (name, args) = (name.to_string(), args.to_vec());
        Some(Tool { kind, name, args, out: Output::default(), status: None })
    }

    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        let status = match self.status {
            Some(status) => status,
            None => {
                let mut context = Context { sys: &mut *sys, out: &mut self.out, name: &self.name };
                *self.status.insert(self.kind.run(&mut context, &self.args))
            }
        };
        finish(&mut self.out, &self.name, &mut self.status, status, sys)
    }
}

/// Writes out what is queued and then exits with `status`; with 1 where the output could not be written.
pub(crate) fn finish(out: &mut Output, name: &str, place: &mut Option<i32>, status: i32, sys: &mut dyn Sys) -> Resume {
    match out.flush(sys) {
        Flush::Done => Resume::Exit(status),
        Flush::Waiting => Resume::Waiting,
        Flush::Interrupted => Resume::Yield,
        Flush::Failed(errno) => {
            if place.replace(1) != Some(1) || status != 1 {
                out.err(&format!("{name}: write error: {errno}\n"));
            }
            Resume::Yield
        }
    }
}
