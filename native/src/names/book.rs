//! Whom the container can name now: from the engine's records, read again when they have changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use glassbox_core::model::{Container, ContainerId, State, predefined};
use glassbox_core::net::dns::{self, Directory, Reply, Transport, Upstream};

use super::Service;
use crate::store::record::{self, Edition};
use crate::store::{Store, network};

/// So often at most it is looked whether a record has changed; a program that is told of a change takes longer to ask.
const LOOK: Duration = Duration::from_millis(1);

/// The records as they were when somebody looked last.
pub struct Book {
    store: Store,
    service: Service,
    known: BTreeMap<ContainerId, (Edition, Option<Container>)>,
    directory: Directory,
    looked: Option<Instant>,
    turn: usize,
}

impl Book {
    /// Nothing is read yet.
    pub fn open(store: &Store, service: &Service) -> Book {
        let (store, service) = (store.clone(), service.clone());
        Book { store, service, known: BTreeMap::new(), directory: Directory::default(), looked: None, turn: 0 }
    }

    /// Answers a question.
    pub fn answer(&mut self, query: &[u8], transport: Transport) -> Reply {
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.look();
            self.looked = Some(Instant::now());
        }
        self.turn = self.turn.wrapping_add(1);
        dns::answer(query, &self.directory, transport, self.turn)
    }

    /// Who is asked where nothing is known.
    pub fn upstream(&self) -> Vec<Upstream> {
        self.directory.upstream().collect()
    }

    fn look(&mut self) {
        let Ok(there) = fs::read_dir(self.store.layout().containers()) else { return };
        let ids = there.flatten().filter_map(|entry| entry.file_name().into_string().ok().map(ContainerId));
        let editions: BTreeMap<ContainerId, Edition> =
            ids.filter_map(|id| Some((id.clone(), Edition::of(&self.path(&id))?))).collect();
        let same = self.looked.is_some() && self.known.iter().map(|(id, (edition, _))| (id, edition)).eq(editions.iter());
        if same {
            return;
        }
        let before = std::mem::take(&mut self.known);
        for (id, edition) in editions {
            let container = match before.get(&id) {
                Some((known, container)) if *known == edition => container.clone(),
                _ => record::read(&self.path(&id), &id).ok().flatten().map(|record| record.container),
            };
            self.known.insert(id, (edition, container));
        }
        self.directory = self.written();
    }

    fn path(&self, id: &ContainerId) -> PathBuf {
        PathBuf::from(self.store.layout().of(id, "state.json"))
    }

    fn written(&self) -> Directory {
        let mut state = State::default();
        let root = self.store.root();
        let own = root.to_str().map(predefined).unwrap_or_default();
        let recorded = network::load(root).map(|(found, _)| found).unwrap_or_default();
        own.into_iter().chain(recorded).for_each(|network| state.networks.insert_mut(network.id.clone(), network));
        for (id, container) in self.known.iter().filter_map(|(id, (_, container))| Some((id, container.as_ref()?))) {
            state.containers.insert_mut(id.clone(), container.clone());
        }
        let found = state.containers.get(&self.service.id).map(|own| state.directory(own)).unwrap_or_default();
        Directory { servers: self.service.servers.clone(), ndots_said: self.service.ndots_said, ..found }
    }
}
