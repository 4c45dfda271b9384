//! `glassbox layers IMAGE` on a terminal: the layers of an image on the whole screen.
//!
//! ```text
//! keys ──▶ Browser::press ──▶ Wish (a file is to be read, an end) ──▶ the loop below ──▶ Browser::read, or back to the shell
//!          (pure, no I/O)  └▶ draw: the state as ratatui's widgets
//! ```
//! The loop alone has to do with the terminal. It is as it was before on every way out: a key, a signal, an error, a panic.

mod content;
mod draw;
mod rows;
mod state;
#[cfg(test)]
mod tests;

use std::io::{self, Stdout};
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use glassbox_core::errno::Errno;
use glassbox_core::userland::Signal;
use glassbox_core::view::layers::LayersView;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use crate::sys::errno_of;
use crate::sys::file::{self, Watch};
use crate::sys::signal::{self, SignalFd, SignalSet};
use crate::sys::terminal::{self, RawMode};
use state::{Browser, Key, Wish};

/// The alternate screen, without a cursor; and back (xterm's control sequences 1049 and 25).
const SCREEN: &[u8] = b"\x1b[?1049h\x1b[?25l";
const SCREEN_AND_CURSOR: &[u8] = b"\x1b[?25h\x1b[?1049l";
/// Of a terminal that does not say.
const USUAL: Rect = Rect { x: 0, y: 0, width: 80, height: 24 };
/// So long the rest of a key's sequence is waited for.
const UNFINISHED: Duration = Duration::from_millis(50);
/// These end it.
const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

/// Answers a file as a layer has it, by the layer's number, or why not.
pub type Reader<'a> = dyn FnMut(usize, &str) -> Result<Vec<u8>, String> + 'a;

/// Both sides of the conversation are a terminal.
pub fn is_possible() -> bool {
    terminal::is_terminal(&io::stdin()) && terminal::is_terminal(&io::stdout())
}

/// Shows the layers until the person has seen enough. Answers the signal that ended it, if one did.
pub fn browse(view: LayersView, read: &mut Reader<'_>) -> Result<Option<Signal>, Errno> {
    let mut heard = ENDING.to_vec();
    heard.push(Signal::SIGWINCH);
    let set = SignalSet::of(&heard);
    let before = signal::block(&set)?;
    let ended = SignalFd::new(&set).and_then(|signals| show(view, read, &signals));
    signal::set_mask(&before)?;
    ended
}

fn show(view: LayersView, read: &mut Reader<'_>, signals: &SignalFd) -> Result<Option<Signal>, Errno> {
    let _raw = RawMode::enter_screen(&io::stdin(), &io::stdout(), SCREEN, SCREEN_AND_CURSOR)?;
    let options = TerminalOptions { viewport: Viewport::Fixed(size()) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(io::stdout()), options).map_err(|error| errno_of(&error))?;
    let mut browser = Browser::new(view);
    loop {
        terminal.draw(|frame| draw::draw(frame, &mut browser)).map_err(|error| errno_of(&error))?;
        let mut watches = [Watch::read(&io::stdin()), Watch::read(signals)];
        match file::poll(&mut watches, None) {
            Err(Errno::EINTR) => continue,
            polled => polled?,
        };
        while let Some(info) = signals.read()? {
            match info.signal {
                Signal::SIGWINCH => resize(&mut terminal)?,
                ending => return Ok(Some(ending)),
            }
        }
        if watches[0].closed {
            return Ok(Some(Signal::SIGHUP));
        }
        if watches[0].readable && typed(&mut browser, read)? {
            return Ok(None);
        }
    }
}

/// Takes the keys that are there. `true`: the person has seen enough.
fn typed(browser: &mut Browser, read: &mut Reader<'_>) -> Result<bool, Errno> {
    let mut patience = UNFINISHED;
    while event::poll(patience).map_err(|error| errno_of(&error))? {
        patience = Duration::ZERO;
        let Event::Key(key) = event::read().map_err(|error| errno_of(&error))? else { continue };
        match key_of(key).map_or(Wish::Nothing, |key| browser.press(key)) {
            Wish::Nothing => {}
            Wish::Quit => return Ok(true),
            Wish::Read { layer, path } => {
                let content = read(layer, &path);
                browser.read(&path, content);
            }
        }
    }
    Ok(false)
}

fn size() -> Rect {
    match terminal::window_size(&io::stdout()) {
        Ok(size) if size.columns > 0 && size.rows > 0 => Rect::new(0, 0, size.columns, size.rows),
        _ => USUAL,
    }
}

fn resize(terminal: &mut Terminal<CrosstermBackend<Stdout>>) -> Result<(), Errno> {
    terminal.resize(size()).map_err(|error| errno_of(&error))
}

fn key_of(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    Some(match event.code {
        KeyCode::Char('c' | 'd') if control => Key::Interrupt,
        KeyCode::Char(letter) if !control => Key::Letter(letter),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Tab | KeyCode::BackTab => Key::Tab,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc | KeyCode::Backspace => Key::Back,
        _ => return None,
    })
}
