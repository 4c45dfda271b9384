//! Requests to registries, and what is told of them.

use std::path::Path;

use glassbox_core::cli::{Command, RegistryCommand};
use glassbox_core::errno::Errno;
use glassbox_core::model::short_digest;
use glassbox_core::observe::{Heard, Outcome};
use glassbox_core::oci::image::transfer::Blobs;
use glassbox_core::plan::{CommandError, Cursor, Plan, Visit};
use glassbox_core::registry::bars::Bars;
use glassbox_core::registry::compress::compress;
use glassbox_core::registry::told::{Told, layer_of};
use glassbox_core::registry::{Purpose, Request};
use glassbox_core::step::{PasswordSource, RegistryStep, Step, Undo};

use super::{Engine, say};
use crate::exec::{Done, Failure, NameCall};
use crate::journal::{Journal, Mark};
use crate::registry::{Ahead, Client, Come, read_settings};
use crate::store::blobs::StoreBlobs;
use crate::sys::terminal;

/// Of a terminal that does not say: as Docker's client has it.
const COLUMNS: u16 = 200;

fn refused(why: &str) -> Failure {
    Failure::of(why, Errno::ECONNREFUSED)
}

impl Engine {
    pub(super) fn registry(&mut self, step: &RegistryStep, cursor: &Cursor, outcome: &mut Outcome) -> Done {
        let mut client = self.client.take().unwrap_or_default();
        let done = match step {
            RegistryStep::SendRequest(request) if self.comes_beside(request, cursor, &client) => self.take_ahead(request, outcome),
            _ => self.asked(step, &mut client, outcome),
        };
        self.client = Some(client);
        done
    }

    /// Of several requests that may go beside each other: they are on their way now. Where anybody looks, steps go one by one.
    fn comes_beside(&mut self, request: &Request, cursor: &Cursor, client: &Client) -> bool {
        if self.ahead.as_ref().is_some_and(|ahead| ahead.has(request)) {
            return true;
        }
        let step = Step::Registry(RegistryStep::SendRequest(Box::new(request.clone())));
        let Some(at_most) = step.together_at_most().filter(|_| !self.looks) else { return false };
        let mut requests = vec![request.clone()];
        let mut cursor = cursor.clone();
        while let Some(Visit::Leaf(node)) = self.advance(&mut cursor)
            && let Step::Registry(RegistryStep::SendRequest(next)) = &node.step
            && node.step.together_at_most() == Some(at_most)
        {
            requests.push((**next).clone());
        }
        self.ahead = Some(Ahead::start(client, &self.store, requests, at_most));
        true
    }

    /// Takes the next one in, in the plan's order.
    fn take_ahead(&mut self, request: &Request, outcome: &mut Outcome) -> Done {
        let Some(mut ahead) = self.ahead.take() else { return Ok(()) };
        let come = ahead.take(request, &mut |digest, moved, whole| self.tell_progress(request, digest, moved, whole));
        // Where one fails, the others are given up.
        let Come { answered, blob } = come.map_err(|why| refused(&why))?;
        if let Some((blob, (digest, _, path))) = blob.zip(request.purpose.blob()) {
            let store = self.store.clone();
            let journal = self.journal().map_err(|error| Failure::of("openat", error.errno().unwrap_or(Errno::EIO)))?;
            let mut announce = |_: &str| journal.will(&Undo::DropBlob { path: path.to_string() });
            StoreBlobs { store: &store, announce: &mut announce }.keep(blob, digest).call("rename")?;
        }
        outcome.heard = Some(Box::new(Heard::Answer(Box::new(answered))));
        match ahead.is_through() {
            true => ahead.end(),
            false => self.ahead = Some(ahead),
        }
        Ok(())
    }

    fn tell_progress(&mut self, request: &Request, digest: &str, moved: u64, whole: u64) {
        let Some((bars, told)) = self.bars.as_mut().zip(self.told) else { return };
        // Docker knows a layer that goes by its diff id, and one that comes by its blob.
        let (layer, doing) = match request.purpose {
            Purpose::PutBlob { .. } => (layer_of(digest, &self.state), "Pushing"),
            _ => (Some(digest), "Downloading"),
        };
        if let Some(layer) = layer {
            write_told(told, &bars.progress(short_digest(layer), doing, moved, whole));
        }
    }

    fn asked(&mut self, step: &RegistryStep, client: &mut Client, outcome: &mut Outcome) -> Done {
        match step {
            RegistryStep::ReadDaemonSettings { own, docker } => {
                let (file, settings) = read_settings(own, docker).map_err(|why| refused(&why))?;
                outcome.heard = Some(Box::new(Heard::Settings(file, settings)));
            }
            RegistryStep::FindLogin { server, config, .. } => {
                let login = client.find_login(server, config).map_err(|why| refused(&why))?;
                outcome.heard = login.map(Heard::Login).map(Box::new);
            }
            RegistryStep::TakePassword { user, source: PasswordSource::Terminal } => {
                let Command::Registry(RegistryCommand::LogIn(login)) = &self.invocation.command else { return Ok(()) };
                let login = client.ask_password(user, login.password.as_deref()).map_err(|why| refused(&why))?;
                outcome.heard = Some(Box::new(Heard::Login(login)));
            }
            RegistryStep::TakePassword { user, source } => {
                let Command::Registry(RegistryCommand::LogIn(login)) = &self.invocation.command else { return Ok(()) };
                let given = login.password.as_deref().filter(|_| *source == PasswordSource::Command);
                let login = client.take_password(user, given).map_err(|why| refused(&why))?;
                outcome.heard = Some(Box::new(Heard::Login(login)));
            }
            RegistryStep::KeepLogin { server, config, .. } => {
                say(&client.keep_login(server, config).map_err(|why| refused(&why))?);
            }
            RegistryStep::DropLogin { server, config } => client.drop_login(server, config).map_err(|why| refused(&why))?,
            RegistryStep::ReadStoredManifest { path, .. } => {
                let text = std::fs::read_to_string(path).call("openat")?;
                outcome.heard = Some(Box::new(Heard::Document(text)));
            }
            RegistryStep::CompressLayer { path, .. } => {
                let digest = format!("sha256:{}", path.rsplit('/').next().unwrap_or_default());
                let store = self.store.clone();
                let journal = self.journal().map_err(|error| Failure::of("openat", error.errno().unwrap_or(Errno::EIO)))?;
                let mut announce = |digest: &str| journal.will(&Undo::DropBlob { path: store.layout().blob(digest) });
                let mut blobs = StoreBlobs { store: &store, announce: &mut announce };
                let (blob, fresh) = compress(&mut blobs, &digest).map_err(|why| refused(&why))?;
                outcome.heard = Some(Box::new(Heard::Compressed(blob, fresh)));
            }
            RegistryStep::SendRequest(request) => {
                let store = self.store.clone();
                let journal = self.journal().map_err(|error| Failure::of("openat", error.errno().unwrap_or(Errno::EIO)))?;
                let mut announce = |digest: &str| journal.will(&Undo::DropBlob { path: store.layout().blob(digest) });
                let mut blobs = StoreBlobs { store: &store, announce: &mut announce };
                let answered = client.send(request, &mut blobs).map_err(|why| refused(&why))?;
                outcome.heard = Some(Box::new(Heard::Answer(Box::new(answered))));
            }
        }
        Ok(())
    }

    /// Nobody waits for the records while something is fetched.
    pub(super) fn begin_to_fetch(&mut self) {
        self.unlock_records();
        self.store.remove_incoming();
    }

    /// What came in is put into the store, as the store is by now.
    pub(super) fn begin_to_keep(&mut self) -> Result<(), CommandError> {
        self.lock_records()?;
        let exchange = std::mem::take(&mut self.state.exchange);
        let building = std::mem::take(&mut self.state.building);
        let loaded = self.load();
        (self.state.exchange, self.state.building) = (exchange, building);
        self.miss_blobs();
        loaded.map_err(|error| CommandError { message: format!("glassbox: {error}\n"), exit_code: 125, span: None })
    }

    /// Which blobs of the image somebody has taken away since it was begun.
    fn miss_blobs(&mut self) {
        let Some((_, manifest)) = &self.state.exchange.manifest else { return };
        let layout = self.store.layout();
        let digests = std::iter::once(&manifest.config).chain(&manifest.layers).map(|blob| &blob.digest);
        self.state.exchange.gone = digests.filter(|digest| !Path::new(&layout.blob(digest)).is_file()).cloned().collect();
    }

    /// The steps that fetch an image, and then the plan of what is done with it; `None`: they failed, and the command is at its end.
    pub(super) fn fetch_first(&mut self, mut plan: Plan) -> Result<(Plan, usize), CommandError> {
        let mut done = 0;
        while plan.goes_on {
            let upto = plan.steps.len();
            self.take_pieces(plan.pieces);
            self.walk_on(&mut Cursor::after(plan.steps, done))?;
            let kept = self.journal.take().map_or(Ok(()), Journal::commit);
            kept.map_err(|error| super::lost_journal(&error))?;
            self.guard_context()?;
            (plan, done) = match self.plan() {
                Ok(plan) => (plan, upto),
                Err(error) => return Err(self.clean_up_after(error)),
            };
        }
        Ok((plan, done))
    }

    /// What was brought here for a build goes with it, also where nobody is left to take it away.
    pub(crate) fn guard_context(&mut self) -> Result<(), CommandError> {
        let path = self.state.building.taken.directory.clone();
        if path.is_empty() {
            return Ok(());
        }
        let lost = |error| super::lost_journal(&error);
        let journal = self.journal().map_err(lost)?;
        journal.will(&Undo::RemoveTree { path }).map_err(lost)?;
        self.phase = self.journal.as_ref().map_or(Mark::default(), Journal::mark);
        Ok(())
    }

    pub(super) fn tell_fetching(&mut self, step: &Step, what: impl Fn(Told, &Engine, &Step) -> String) {
        let Some(told) = self.told else { return };
        let text = what(told, self, step);
        match &mut self.bars {
            Some(bars) => write_told(told, &bars.lines(&text)),
            None => write_told(told, &text),
        }
    }
}

fn write_told(told: Told, text: &str) {
    if text.is_empty() {
        return;
    }
    if told.to_stdout() {
        // Where stdout is closed there is nobody to tell.
        let _ = crate::sys::file::write_all(&std::io::stdout(), text.as_bytes());
    } else {
        say(text);
    }
}

/// Where what is told goes to a terminal.
pub(super) fn bars(told: Told) -> Option<Bars> {
    let size = match told.to_stdout() {
        true => terminal::is_terminal(&std::io::stdout()).then(|| terminal::window_size(&std::io::stdout())),
        false => terminal::is_terminal(&std::io::stderr()).then(|| terminal::window_size(&std::io::stderr())),
    };
    size.map(|size| Bars::new(size.map_or(COLUMNS, |size| size.columns)))
}
