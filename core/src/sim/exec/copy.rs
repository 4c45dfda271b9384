//! Steps of `cp`, made by the engine's process: the model as a [`Machine`] of `copying`.

use std::io::{self, Read, Write};
use std::rc::Rc;

use super::{Carried, Done, Failure, Run};
use crate::copying::{self, Look, Machine, Refusal, Side, Streams};
use crate::errno::Errno;
use crate::model::State;
use crate::modelled;
use crate::observe::Outcome;
use crate::sim::kernel::Kernel;
use crate::sim::tables::{Content, Data, Place};
use crate::sim::tree::{Owner, directory};
use crate::sim::walk::{Target, Walker};
use crate::step::{CopyEnd, CopyStep};
use crate::userland::{FileKind, SysResult};
use crate::view::copied;

/// An archive that goes through the model is no longer than this: a page and a terminal carry text.
pub const ARCHIVE_BYTES_MAX: usize = 16 << 20;

pub(super) fn execute(step: &CopyStep, kernel: &mut Kernel, run: &mut Run, state: &State) -> Carried {
    let host = CopyEnd { container: None, path: "/".to_string() };
    let copied = match step {
        CopyStep::CopyFiles(copy) => {
            let mut model = Model::new(kernel, run, state, (&copy.from, &copy.to))?;
            let copied = copying::carry_out(&mut model, copy).map_err(|refusal| refused(&refusal))?;
            if copy.told {
                run.shown.push((true, copied::summary(copy, &copied).into_bytes()));
            }
            Some(copied)
        }
        CopyStep::PackArchive { from, follow_links } => {
            let mut packed = Bounded::default();
            let mut model = Model::new(kernel, run, state, (from, &host))?;
            let answer = copying::pack(&mut model, from, *follow_links, &mut packed);
            run.shown.push((false, packed.bytes));
            answer.map_err(|refusal| refused(&refusal))?;
            None
        }
        CopyStep::UnpackArchive { to, owner } => {
            copying::extraction_directory(&mut Model::new(kernel, run, state, (&host, to))?, to)
                .map_err(|refusal| refused(&refusal))?;
            // All of it is read first; what cannot be read of it is told when it is looked at.
            run.asked = !run.answer_ended && run.answer.len() <= ARCHIVE_BYTES_MAX;
            if run.asked {
                return Ok(Done::Waiting);
            }
            let archive = Bounded::of(std::mem::take(&mut run.answer)).map_err(|error| refused(&too_long(&error)))?;
            let mut model = Model::new(kernel, run, state, (&host, to))?;
            Some(copying::unpack(&mut model, to, owner, archive.bytes.as_slice()).map_err(|refusal| refused(&refusal))?)
        }
    };
    Ok(Done::Outcome(Outcome { copied: copied.map(Box::new), at_ns: kernel.realtime_ns(), ..Outcome::default() }))
}

fn too_long(error: &io::Error) -> Refusal {
    Refusal::Archive { why: error.to_string() }
}

/// Bytes up to [`ARCHIVE_BYTES_MAX`].
#[derive(Debug, Default)]
pub(super) struct Bounded {
    bytes: Vec<u8>,
}

impl Bounded {
    fn of(bytes: Vec<u8>) -> io::Result<Bounded> {
        let mut bounded = Bounded::default();
        bounded.write_all(&bytes)?;
        Ok(bounded)
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > ARCHIVE_BYTES_MAX {
            return Err(io::Error::other(format!("glassbox: the model takes archives of at most {ARCHIVE_BYTES_MAX} bytes")));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn refused(refusal: &Refusal) -> Failure {
    Failure { call: Some(refusal.to_string()), ..Failure::from(refusal.errno()) }
}

/// Who walks below the root of this end.
fn walker(kernel: &Kernel, run: &Run, state: &State, end: &CopyEnd) -> Result<Walker, Failure> {
    let own = kernel.walker(kernel.engine)?;
    let Some(wanted) = &end.container else { return Ok(own) };
    let root = match &wanted.mounted {
        Some(merged) => kernel.walk(run.process.ok_or(Errno::ESRCH)?, merged, true)?,
        None => {
            let pid = state.containers.get(&wanted.id).and_then(|container| container.state.pid).ok_or(Errno::ESRCH)?;
            kernel.process(pid)?.root.clone()
        }
    };
    Ok(Walker { cwd: root.clone(), root, ..own })
}

pub(super) struct Model<'a> {
    kernel: &'a mut Kernel,
    from: Walker,
    to: Walker,
}

impl<'a> Model<'a> {
    fn new(kernel: &'a mut Kernel, run: &Run, state: &State, (from, to): (&CopyEnd, &CopyEnd)) -> Result<Model<'a>, Failure> {
        let (from, to) = (walker(kernel, run, state, from)?, walker(kernel, run, state, to)?);
        Ok(Model { kernel, from, to })
    }

    /// Below these two roots.
    pub(super) fn below(kernel: &'a mut Kernel, from: Walker, to: Walker) -> Model<'a> {
        Model { kernel, from, to }
    }

    fn walk(&self, side: Side, path: &str, follow: bool) -> SysResult<Place> {
        let walker = if side == Side::From { &self.from } else { &self.to };
        self.kernel.walk_as(walker, path, follow)
    }

    /// The directory in which something is to be made or removed.
    fn target(&self, path: &str) -> SysResult<Target> {
        let target = self.kernel.walk_parent_as(&self.to, path)?;
        self.kernel.check_entries(self.kernel.engine, &target.dir)?;
        Ok(target)
    }

    fn make(&mut self, path: &str, content: Content) -> SysResult<()> {
        const UNTIL_ADORNED: u32 = 0o700;
        let target = self.target(path)?;
        let credentials = &self.kernel.process(self.kernel.engine)?.credentials;
        // The mode of a link is never another: symlink(7).
        let mode = if matches!(content, Content::Symlink(_)) { 0o777 } else { UNTIL_ADORNED };
        let owner = Owner { uid: credentials.uid, gid: credentials.gid, mode };
        self.kernel.add(&target.dir.node, &target.name, content, owner).map(drop)
    }
}

impl Machine for Model<'_> {
    fn look(&mut self, side: Side, path: &str) -> SysResult<Look> {
        let place = self.walk(side, path, false)?;
        let found = self.kernel.attributes(&place.node)?;
        Ok(Look {
            kind: Some(found.kind),
            mode: found.mode,
            uid: found.uid,
            gid: found.gid,
            size_bytes: found.size,
            modified: (found.modified_seconds, 0),
            device: found.rdev.map(|(major, minor)| (major, minor, false)),
        })
    }

    fn names(&mut self, side: Side, path: &str) -> SysResult<Vec<String>> {
        self.kernel.names(&self.walk(side, path, false)?.node)
    }

    fn link_text(&mut self, side: Side, path: &str) -> SysResult<String> {
        self.kernel.link_text(&self.walk(side, path, false)?.node, self.kernel.engine)
    }

    fn text(&mut self, side: Side, path: &str) -> String {
        let bytes = self.walk(side, path, true).and_then(|place| self.kernel.bytes_at(&place));
        bytes.map(|data| String::from_utf8_lossy(&data.bytes).into_owned()).unwrap_or_default()
    }

    fn remove(&mut self, path: &str) -> SysResult<()> {
        let target = self.target(path)?;
        self.kernel.take(&target.dir.node, &target.name)
    }

    fn make_directory(&mut self, path: &str) -> SysResult<()> {
        self.make(path, directory(0))
    }

    fn make_link(&mut self, path: &str, target: &str) -> SysResult<()> {
        self.make(path, Content::Symlink(target.into()))
    }

    fn make_hardlink(&mut self, existing: &str, path: &str) -> SysResult<()> {
        let place = self.walk(Side::To, existing, false)?;
        let target = self.target(path)?;
        let inode = self.kernel.writable(&place.node)?;
        self.kernel.enter(&target.dir.node, &target.name, inode)
    }

    fn make_node(&mut self, path: &str, look: &Look) -> SysResult<()> {
        match (look.kind, look.device) {
            (Some(FileKind::Fifo), _) => self.make(path, Content::Fifo),
            (Some(FileKind::CharDevice), Some((major, minor, false))) => self.make(path, Content::Device(major, minor)),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    fn copy_file(&mut self, from: &str, to: &str) -> SysResult<()> {
        let data = self.kernel.bytes_at(&self.walk(Side::From, from, false)?)?;
        self.make(to, Content::File(data))
    }

    fn adorn(&mut self, path: &str, look: &Look, owner: Option<(u32, u32)>) -> SysResult<()> {
        let place = self.walk(Side::To, path, false)?;
        let inode = self.kernel.writable(&place.node)?;
        let inode = self.kernel.inode_mut(inode)?;
        if let Some((uid, gid)) = owner {
            (inode.uid, inode.gid) = (uid, gid);
        }
        if !matches!(inode.content, Content::Symlink(_)) {
            inode.mode = look.mode;
            inode.modified_seconds = look.modified.0;
        }
        Ok(())
    }
}

impl Streams for Model<'_> {
    type Source = io::Chain<io::Cursor<Vec<u8>>, io::Take<io::Repeat>>;
    type Sink = Bounded;

    fn open(&mut self, path: &str) -> SysResult<Self::Source> {
        let data = self.kernel.bytes_at(&self.walk(Side::From, path, false)?)?;
        Ok(io::Cursor::new(data.bytes.as_ref().clone()).chain(io::repeat(0).take(data.zeros)))
    }

    fn create(&mut self, _path: &str) -> SysResult<Bounded> {
        Ok(Bounded::default())
    }

    fn close(&mut self, path: &str, file: Bounded) -> SysResult<()> {
        let mut bytes = file.bytes;
        // A file that stands for another keeps its zeros as such: they are in no archive.
        let own = match modelled::is_modelled(&bytes) {
            true => bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1),
            false => bytes.len(),
        };
        let zeros = (bytes.len() - own) as u64;
        bytes.truncate(own);
        self.make(path, Content::File(Data { bytes: Rc::new(bytes), zeros }))
    }
}

impl Kernel {
    /// The content of a file, or what the kernel makes of one when it is read.
    fn bytes_at(&self, place: &Place) -> SysResult<Data> {
        match self.real(&place.node)? {
            Some(inode) => match &self.inode(inode)?.content {
                Content::File(data) => Ok(data.clone()),
                _ => Err(Errno::EINVAL),
            },
            None => Ok(Data { bytes: std::rc::Rc::new(self.made_text(&place.node, self.engine)?), zeros: 0 }),
        }
    }
}
