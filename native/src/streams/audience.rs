//! The monitor's side of `attach`: everybody gets the output, and what anybody types goes to the program.
//!
//! Who is slow holds the program up once so much is waiting for her, as with Docker; who has gone is forgotten.

use std::collections::VecDeque;
use std::path::PathBuf;

use glassbox_core::errno::Errno;

use super::frame::{Ask, Tell};
use crate::store::log::Stream;
use crate::sys::file::{self, Watch};
use crate::sys::listen::Listener;
use crate::sys::socket::Channel;

/// So much may wait for one of them before the program has to.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Whoever takes nothing for so long once the program has ended gets no more.
const PATIENCE_MILLISECONDS: u32 = 5_000;
/// And so many of them are heard; further ones are turned away.
const GUESTS_MAX: usize = 64;

/// Those who are attached, and the door.
#[derive(Debug, Default)]
pub struct Audience {
    /// Where to listen, once it is worth it.
    place: Option<PathBuf>,
    listener: Option<Listener>,
    guests: Vec<Guest>,
}

#[derive(Debug)]
struct Guest {
    channel: Channel,
    /// She wants output.
    watches: bool,
    /// Not yet taken by her.
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
}

/// What somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// For the program's standard input.
    Input(Vec<u8>),
    /// Somebody's standard input is at its end.
    End,
    /// Rows, columns.
    Size(u16, u16),
}

impl Audience {
    /// Nobody yet; `place` is the socket that `listen` makes.
    pub fn at(place: PathBuf) -> Audience {
        Audience { place: Some(place), ..Audience::default() }
    }

    /// Somebody; with `watches` she gets all output from now on, without asking for it.
    pub fn seat(&mut self, channel: Channel, watches: bool) -> Result<(), Errno> {
        file::set_nonblocking(&channel, true)?;
        self.guests.push(Guest { channel, watches, waiting: VecDeque::new(), waiting_bytes: 0 });
        Ok(())
    }

    /// The door is still to be opened.
    pub fn is_closed(&self) -> bool {
        self.place.is_some() && self.listener.is_none()
    }

    /// Opens the door. Where that fails nobody can attach; the container runs all the same.
    pub fn open(&mut self) {
        if let Some(place) = &self.place {
            self.listener = Listener::bind(place).ok();
            if self.listener.is_none() {
                self.place = None;
            }
        }
    }

    /// The program has to wait until somebody has read.
    pub fn is_full(&self) -> bool {
        self.guests.iter().any(|guest| guest.waiting_bytes >= WAITING_BYTES_MAX)
    }

    /// What poll(2) is to look for.
    pub fn watches(&self, hears: bool) -> Vec<Watch> {
        let door = self.listener.as_ref().map(Watch::read);
        let guest = |guest: &Guest| {
            let write = !guest.waiting.is_empty();
            // Passed over where there is nothing to look for: a closed end would else be told again and again.
            let watch = Watch { want_read: hears, want_write: write, ..Watch::read(&guest.channel) };
            if hears || write { watch } else { Watch { fd: -1, ..watch } }
        };
        door.into_iter().chain(self.guests.iter().map(guest)).collect()
    }

    /// Lets in who stands at the door, gives to everybody what waits for her, and tells what they want.
    pub fn attend(&mut self, hears: bool) -> Vec<Wish> {
        while let Some(Ok(Some(channel))) = self.listener.as_ref().map(Listener::accept) {
            if self.guests.len() < GUESTS_MAX {
                let _ = self.seat(channel, false);
            }
        }
        let mut wishes = Vec::new();
        self.guests.retain_mut(|guest| guest.flush() && (!hears || guest.hear(&mut wishes)));
        wishes
    }

    /// Output to everybody who watches.
    pub fn deliver(&mut self, stream: Stream, bytes: &[u8]) {
        let tell = match stream {
            Stream::Stdout => Tell::Stdout(bytes.to_vec()),
            Stream::Stderr => Tell::Stderr(bytes.to_vec()),
        };
        let bytes = if self.guests.is_empty() { Vec::new() } else { tell.to_bytes() };
        self.guests.retain_mut(|guest| !guest.watches || guest.give(bytes.clone()));
    }

    /// The program has ended: what waits for somebody is still given to her, if she takes it in time.
    pub fn drain(&mut self) {
        self.listener = None;
        while self.guests.iter().any(|guest| guest.watches && !guest.waiting.is_empty()) {
            let mut watches = self.watches(false);
            match file::poll(&mut watches, Some(PATIENCE_MILLISECONDS)) {
                Ok(0) => break,
                Ok(_) | Err(Errno::EINTR) => drop(self.attend(false)),
                Err(_) => break,
            }
        }
    }

    /// Its end is on record: everybody is told, and goes.
    pub fn dismiss(&mut self, code: i32, cause: &str) {
        for mut guest in self.guests.drain(..) {
            guest.give(Tell::Ended(code, cause.to_string()).to_bytes());
        }
    }
}

impl Guest {
    /// `false`: she has gone.
    fn give(&mut self, bytes: Vec<u8>) -> bool {
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(bytes);
        self.flush()
    }

    fn flush(&mut self) -> bool {
        while let Some(bytes) = self.waiting.front() {
            match self.channel.send(bytes, &[]) {
                Ok(()) => self.waiting_bytes -= bytes.len(),
                Err(Errno::EAGAIN) => return true,
                Err(_) => return false,
            }
            self.waiting.pop_front();
        }
        true
    }

    fn hear(&mut self, wishes: &mut Vec<Wish>) -> bool {
        loop {
            match self.channel.receive() {
                Ok(Some(message)) => match Ask::parse(&message.bytes) {
                    Some(Ask::Watch) => self.watches = true,
                    Some(Ask::Input(bytes)) => wishes.push(Wish::Input(bytes)),
                    Some(Ask::End) => wishes.push(Wish::End),
                    Some(Ask::Size(rows, columns)) => wishes.push(Wish::Size(rows, columns)),
                    None => return false,
                },
                Err(Errno::EAGAIN) => return true,
                Ok(None) | Err(_) => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(channel: &Channel) -> Option<Tell> {
        Tell::parse(&channel.receive().unwrap()?.bytes)
    }

    #[test]
    fn everybody_who_watches_gets_the_output_and_is_told_of_the_end() {
        let mut audience = Audience::default();
        let guests: Vec<Channel> = (0..2)
            .map(|_| {
                let (near, far) = Channel::pair().unwrap();
                audience.seat(far, false).unwrap();
                near
            })
            .collect();
        guests[0].send(&Ask::Watch.to_bytes(), &[]).unwrap();
        guests[1].send(&Ask::Input(b"ls\n".to_vec()).to_bytes(), &[]).unwrap();
        assert_eq!(audience.attend(true), [Wish::Input(b"ls\n".to_vec())]);
        audience.deliver(Stream::Stderr, b"out");
        let ended = || Tell::Ended(7, String::new());
        audience.dismiss(7, "");
        assert_eq!(heard(&guests[0]), Some(Tell::Stderr(b"out".to_vec())));
        assert_eq!((heard(&guests[0]), heard(&guests[1])), (Some(ended()), Some(ended())));
        assert_eq!((heard(&guests[0]), heard(&guests[1])), (None, None));
    }

    #[test]
    fn who_is_slow_is_waited_for_and_who_has_gone_is_forgotten() {
        let mut audience = Audience::default();
        let (near, far) = Channel::pair().unwrap();
        audience.seat(far, false).unwrap();
        near.send(&Ask::Watch.to_bytes(), &[]).unwrap();
        audience.attend(true);
        while !audience.is_full() {
            audience.deliver(Stream::Stdout, &[b'x'; 16 * 1024]);
        }
        drop(near);
        audience.attend(true);
        assert!(!audience.is_full());
    }
}
