//! Steps that show how containers are and what happens to them: `top`, `events`.

use glassbox_core::errno::Errno;
use glassbox_core::model::ContainerId;
use glassbox_core::view::happenings::EventView;
use glassbox_core::view::top;

use super::client::{LOOK_MILLISECONDS, print, wait_milliseconds};
use super::{Engine, say};
use crate::exec::{Done, Failure, NameCall};
use crate::observe::LinuxProbe;
use crate::observe::facts::now_ns;
use crate::store::happenings::Reader;

impl Engine {
    pub(super) fn show_processes(&self, id: &ContainerId, options: &[String]) -> Done {
        let container = self.state.containers.get(id).ok_or_else(|| Failure::of("openat", Errno::ESRCH))?;
        let asked = top::parse(options).map_err(|_| Failure::of("", Errno::EINVAL))?;
        print(top::text(container, &asked, &LinuxProbe::new(&self.store)).call("openat")?.as_bytes());
        Ok(())
    }

    /// Until the time is over, or the caller has seen enough.
    pub(super) fn show_events(&mut self, view: &EventView) -> Done {
        let began_ns = self.host.now_ns;
        let mut reader = Reader::open(self.store.root());
        loop {
            // Asked before each look, so that nothing told before the end is missed.
            let now_ns = now_ns();
            for happening in reader.read().iter().filter(|happening| view.shows(happening, began_ns)) {
                match view.line(happening) {
                    Ok(line) if print(line.as_bytes()) < line.len() => return Ok(()),
                    Ok(_) => {}
                    Err(why) => {
                        say(&format!("{why}\n"));
                        self.exit_code = 1;
                        return Ok(());
                    }
                }
            }
            let left_ms = view.until_ns.map(|until_ns| until_ns.saturating_sub(now_ns).div_ceil(1_000_000));
            match left_ms {
                Some(0) => return Ok(()),
                Some(left) => wait_milliseconds(u32::try_from(left).unwrap_or(u32::MAX).min(LOOK_MILLISECONDS))?,
                None => wait_milliseconds(LOOK_MILLISECONDS)?,
            }
        }
    }
}
