//! Requests to registries, and what is told of them.

use glassbox_core::cli::{Command, RegistryCommand};
use glassbox_core::errno::Errno;
use glassbox_core::observe::{Heard, Outcome};
use glassbox_core::plan::{CommandError, Cursor, Plan};
use glassbox_core::registry::compress::compress;
use glassbox_core::registry::told::Told;
use glassbox_core::step::{RegistryStep, Step, Undo};

use super::{Engine, say};
use crate::exec::{Done, Failure, NameCall};
use crate::registry::Client;
use crate::store::blobs::StoreBlobs;

fn refused(why: &str) -> Failure {
    Failure::of(why, Errno::ECONNREFUSED)
}

impl Engine {
    pub(super) fn registry(&mut self, step: &RegistryStep, outcome: &mut Outcome) -> Done {
        let mut client = self.client.take().unwrap_or_default();
        let done = self.asked(step, &mut client, outcome);
        self.client = Some(client);
        done
    }

    fn asked(&mut self, step: &RegistryStep, client: &mut Client, outcome: &mut Outcome) -> Done {
        match step {
            RegistryStep::FindLogin { server, config, .. } => {
                let login = client.find_login(server, config).map_err(|why| refused(&why))?;
                outcome.heard = login.map(Heard::Login).map(Box::new);
            }
            RegistryStep::TakePassword { user, from_stdin } => {
                let Command::Registry(RegistryCommand::LogIn(login)) = &self.invocation.command else { return Ok(()) };
                let given = login.password.as_deref().filter(|_| !from_stdin);
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
        loaded.map_err(|error| CommandError { message: format!("glassbox: {error}\n"), exit_code: 125, span: None })
    }

    /// The steps that fetch an image, and then the plan of what is done with it; `None`: they failed, and the command is at its end.
    pub(super) fn fetch_first(&mut self, mut plan: Plan) -> Result<(Plan, usize), CommandError> {
        let mut done = 0;
        while plan.goes_on {
            let upto = plan.steps.len();
            self.walk_on(&mut Cursor::after(plan.steps, done))?;
            let kept = self.journal.take().map_or(Ok(()), crate::journal::Journal::commit);
            kept.map_err(|error| super::lost_journal(&error))?;
            (plan, done) = (self.plan()?, upto);
        }
        Ok((plan, done))
    }

    pub(super) fn tell_fetching(&self, step: &Step, what: impl Fn(Told, &Engine, &Step) -> String) {
        let Some(told) = self.told else { return };
        let text = what(told, self, step);
        if text.is_empty() {
            return;
        }
        if told.to_stdout() {
            // Where stdout is closed there is nobody to tell.
            let _ = crate::sys::file::write_all(&std::io::stdout(), text.as_bytes());
        } else {
            say(&text);
        }
    }
}
