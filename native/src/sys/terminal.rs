//! Terminals: pseudoterminals (pty(7)), sizes and the controlling terminal (ioctl_tty(2)), and raw mode (termios(3)).

use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::{Mutex, Once, PoisonError};

use glassbox_core::errno::Errno;

use super::{Result, c_path, check, file};

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    /// Height.
    pub rows: u16,
    /// Width.
    pub columns: u16,
}

/// The side of a pseudoterminal that plays the user's keyboard and screen. Closed on exec.
#[derive(Debug)]
pub struct Pty {
    /// The master side.
    pub master: OwnedFd,
    /// N of `pts/N`: TIOCGPTN.
    pub number: u32,
}

impl Pty {
    /// Opens `ptmx` (`/dev/ptmx`, or `ptmx` of another devpts instance) and unlocks the other side: posix_openpt(3),
    /// TIOCSPTLCK, TIOCGPTN.
    pub fn open(ptmx: impl AsRef<Path>) -> Result<Pty> {
        let path = c_path(ptmx)?;
        // SAFETY: the path is a C string that outlives the call.
        let fd = check(unsafe { libc::open(path.as_ptr(), libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC) })?;
        // SAFETY: the descriptor is new and nobody else owns it.
        let master = unsafe { OwnedFd::from_raw_fd(fd) };
        let (unlocked, mut number): (libc::c_int, libc::c_uint) = (0, 0);
        // SAFETY: both requests take a pointer to an int, which is valid for the call.
        unsafe {
            check(libc::ioctl(fd, libc::TIOCSPTLCK as _, &raw const unlocked))?;
            check(libc::ioctl(fd, libc::TIOCGPTN as _, &raw mut number))?;
        }
        Ok(Pty { master, number })
    }

    /// Opens the other side, without going through a path: TIOCGPTPEER (Linux 4.13). It does not become the controlling
    /// terminal. Closed on exec.
    pub fn open_peer(&self) -> Result<OwnedFd> {
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        // SAFETY: the argument of this request is a number.
        let fd = check(unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCGPTPEER as _, flags) })?;
        // SAFETY: the descriptor is new and nobody else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

/// isatty(3)
pub fn is_terminal(fd: &impl AsRawFd) -> bool {
    // SAFETY: no pointers.
    unsafe { libc::isatty(fd.as_raw_fd()) == 1 }
}

/// TIOCGWINSZ
pub fn window_size(fd: &impl AsRawFd) -> Result<WindowSize> {
    // SAFETY: winsize is plain data; the kernel writes into it.
    let size = unsafe {
        let mut size: libc::winsize = zeroed();
        check(libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ as _, &raw mut size))?;
        size
    };
    Ok(WindowSize { rows: size.ws_row, columns: size.ws_col })
}

/// TIOCSWINSZ. The foreground process group gets SIGWINCH if the size changed.
pub fn set_window_size(fd: &impl AsRawFd, size: WindowSize) -> Result<()> {
    let size = libc::winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the pointer is valid for the call; the kernel only reads.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCSWINSZ as _, &raw const size) })?;
    Ok(())
}

/// TIOCSCTTY: makes this the controlling terminal of the caller, which leads a session without one: credentials(7).
pub fn make_controlling(fd: &impl AsRawFd) -> Result<()> {
    // SAFETY: the argument of this request is a number; 0 does not steal the terminal from another session.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCSCTTY as _, 0) })?;
    Ok(())
}

/// tcgetpgrp(3): the foreground process group.
pub fn foreground_group(fd: &impl AsRawFd) -> Result<i32> {
    // SAFETY: no pointers.
    check(unsafe { libc::tcgetpgrp(fd.as_raw_fd()) })
}

/// A terminal in raw mode (cfmakeraw(3)): keys come one by one and unchanged. Dropping it restores the mode before. A panic
/// restores it too, before its message is printed, also where panics abort; at most one guard can be alive.
#[derive(Debug)]
pub struct RawMode(());

/// The terminal (a descriptor of its own), its settings, and what is written to the screen to leave it.
#[derive(Debug)]
struct Saved {
    terminal: OwnedFd,
    settings: libc::termios,
    screen: Option<(OwnedFd, &'static [u8])>,
}

/// What the one living guard will restore.
static SAVED: Mutex<Option<Saved>> = Mutex::new(None);
static PANIC_HOOK: Once = Once::new();

impl RawMode {
    /// ENOTTY: not a terminal. EBUSY: a guard is alive already.
    pub fn enter(fd: &impl AsRawFd) -> Result<RawMode> {
        RawMode::begin(fd, None)
    }

    /// The same for whoever takes the whole screen: `enters` is written to it at once, and `leaves` when it is restored.
    pub fn enter_screen(fd: &impl AsRawFd, screen: &impl AsRawFd, enters: &[u8], leaves: &'static [u8]) -> Result<RawMode> {
        let own = file::duplicate(screen)?;
        let raw = RawMode::begin(fd, Some((own, leaves)))?;
        file::write_all(screen, enters)?;
        Ok(raw)
    }

    fn begin(fd: &impl AsRawFd, screen: Option<(OwnedFd, &'static [u8])>) -> Result<RawMode> {
        let before = attributes(fd.as_raw_fd())?;
        let own = file::duplicate(fd)?;
        PANIC_HOOK.call_once(restore_on_panic);
        let mut saved = SAVED.lock().unwrap_or_else(PoisonError::into_inner);
        if saved.is_some() {
            return Err(Errno::EBUSY);
        }
        let mut raw = before;
        // SAFETY: `raw` is a whole termios.
        unsafe { libc::cfmakeraw(&mut raw) };
        set_attributes(own.as_raw_fd(), &raw)?;
        *saved = Some(Saved { terminal: own, settings: before, screen });
        Ok(RawMode(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

fn restore() {
    // `try_lock`: a panic inside `enter` must not deadlock in the hook.
    let saved = SAVED.try_lock().ok().and_then(|mut saved| saved.take());
    if let Some(Saved { terminal, settings, screen }) = saved {
        // Where the terminal is gone there is nothing to restore.
        if let Some((screen, leaves)) = screen {
            let _ = file::write_all(&screen, leaves);
        }
        let _ = set_attributes(terminal.as_raw_fd(), &settings);
    }
}

fn restore_on_panic() {
    let next = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        restore();
        next(info);
    }));
}

fn attributes(fd: RawFd) -> Result<libc::termios> {
    // SAFETY: termios is plain data; the call writes into it.
    unsafe {
        let mut attributes: libc::termios = zeroed();
        check(libc::tcgetattr(fd, &mut attributes))?;
        Ok(attributes)
    }
}

fn set_attributes(fd: RawFd, attributes: &libc::termios) -> Result<()> {
    // SAFETY: the pointer is valid for the call.
    super::retry(|| check(unsafe { libc::tcsetattr(fd, libc::TCSADRAIN, attributes) }))?;
    Ok(())
}

/// Whether the terminal is in line mode with echo (ICANON and ECHO of termios(3)).
pub fn is_cooked(fd: &impl AsRawFd) -> Result<bool> {
    Ok(attributes(fd.as_raw_fd())?.c_lflag & (libc::ICANON | libc::ECHO) == libc::ICANON | libc::ECHO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pty_has_a_size_and_a_raw_mode_that_ends() {
        let Ok(pty) = Pty::open("/dev/ptmx") else { return };
        let peer = pty.open_peer().unwrap();
        assert!(is_terminal(&peer));
        let size = WindowSize { rows: 40, columns: 132 };
        set_window_size(&pty.master, size).unwrap();
        assert_eq!(window_size(&peer).unwrap(), size);
        let raw = RawMode::enter(&peer).unwrap();
        assert!(!is_cooked(&peer).unwrap());
        assert_eq!(RawMode::enter(&peer).unwrap_err(), Errno::EBUSY);
        drop(raw);
        assert!(is_cooked(&peer).unwrap());
        let raw = RawMode::enter(&peer).unwrap();
        assert!(std::panic::catch_unwind(|| panic!("restores the terminal")).is_err());
        assert!(is_cooked(&peer).unwrap());
        drop(raw);
        let screen = RawMode::enter_screen(&peer, &peer, b"in", b"out").unwrap();
        assert!(std::panic::catch_unwind(|| panic!("leaves the screen")).is_err());
        drop(screen);
        assert!(is_cooked(&peer).unwrap());
        // What two calls have written may come in two pieces.
        let (mut read, mut buffer) = (Vec::new(), [0; 64]);
        while read.len() < b"inout".len() {
            let count = file::read(&pty.master, &mut buffer).unwrap();
            read.extend_from_slice(&buffer[..count]);
        }
        assert_eq!(read, b"inout");
    }

    #[test]
    fn a_file_is_no_terminal() {
        let null = std::fs::File::open("/dev/null").unwrap();
        assert!(!is_terminal(&null));
        assert_eq!(RawMode::enter(&null).unwrap_err(), Errno::ENOTTY);
    }
}
