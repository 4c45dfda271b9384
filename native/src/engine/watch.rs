//! Steps that show how containers are and what happens to them: `top`, `stats`, `events`.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use glassbox_core::errno::Errno;
use glassbox_core::model::{Container, ContainerId};
use glassbox_core::step::StatsView;
use glassbox_core::view::happenings::EventView;
use glassbox_core::view::stats::{self, Sample, Watched};
use glassbox_core::view::top;

use super::client::{LOOK_MILLISECONDS, print, wait_milliseconds};
use super::{Engine, say};
use crate::exec::{Done, Failure, NameCall};
use crate::observe::LinuxProbe;
use crate::observe::facts::now_ns;
use crate::store::happenings::Reader;

const SECOND_MILLISECONDS: u32 = 1000;
/// To the corner; the rest of the line, and of the screen, is cleared: console_codes(4).
const HOME: &str = "\x1b[H";
const END_OF_LINE: &str = "\x1b[K\n";
const REST: &str = "\x1b[J";

impl Engine {
    pub(super) fn show_processes(&self, id: &ContainerId, options: &[String], utc_offset_seconds: i32) -> Done {
        let container = self.state.containers.get(id).ok_or_else(|| Failure::of("openat", Errno::ESRCH))?;
        let asked = top::parse(options).map_err(|_| Failure::of("", Errno::EINVAL))?;
        print(top::text(container, &asked, utc_offset_seconds, &LinuxProbe::new(&self.store)).call("openat")?.as_bytes());
        Ok(())
    }

    /// Two looks a second apart, then one a second. A terminal is drawn anew, a file gets one table after the other.
    pub(super) fn show_stats(&mut self, view: &StatsView) -> Done {
        let redraws = view.stream && std::io::stdout().is_terminal();
        let mut before: BTreeMap<ContainerId, Sample> = self.looks_at(view);
        loop {
            wait_milliseconds(SECOND_MILLISECONDS)?;
            if view.stream {
                self.load().call("openat")?;
            }
            let after = self.looks_at(view);
            let rows: Vec<Watched<'_>> = stats::chosen(view, &self.state)
                .into_iter()
                .filter_map(|(container, word)| {
                    let look = after.get(&container.id)?;
                    Some((container, word, before.get(&container.id).unwrap_or(look).clone(), look.clone()))
                })
                .collect();
            let text = match stats::text(&rows, view.no_trunc, view.format.as_deref()) {
                Ok(text) if redraws => format!("{HOME}{}{REST}", text.replace('\n', END_OF_LINE)),
                Ok(text) => text,
                Err(why) => {
                    say(&format!("{why}\n"));
                    self.exit_code = 1;
                    return Ok(());
                }
            };
            if print(text.as_bytes()) < text.len() || !view.stream {
                return Ok(());
            }
            before = after;
        }
    }

    fn looks_at(&self, view: &StatsView) -> BTreeMap<ContainerId, Sample> {
        let probe = LinuxProbe::new(&self.store);
        let look = |container: &Container| (container.id.clone(), Sample::look(container, self.host.cpus, &probe));
        stats::chosen(view, &self.state).into_iter().map(|(container, _)| look(container)).collect()
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
