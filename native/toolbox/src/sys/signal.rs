//! Signals: blocked while the program works, let in while it waits, queued by a handler that does nothing else.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use glassbox_core::errno::Errno;
use glassbox_core::userland::{Disposition, Fd, Signal, SysResult};

use super::check;

const QUEUE_MAX: usize = 64;
static QUEUE: [AtomicI32; QUEUE_MAX] = [const { AtomicI32::new(0) }; QUEUE_MAX];
static ARRIVED: AtomicUsize = AtomicUsize::new(0);
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// The handler: atomics only, which signal-safety(7) allows. SIGCHLD is not queued by it: it only ends a wait.
extern "C" fn arrived(number: libc::c_int) {
    QUEUE[ARRIVED.fetch_add(1, Ordering::SeqCst) % QUEUE_MAX].store(number, Ordering::SeqCst);
}

extern "C" fn child_ended(_: libc::c_int) {}

/// What this process does about signals.
pub struct Signals {
    caught: libc::sigset_t,
    caught_count: usize,
    at_start: libc::sigset_t,
}

fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset fills the set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn contains(set: &libc::sigset_t, signal: Signal) -> bool {
    // SAFETY: a live, initialised set; a number that is no signal is an error that reads as "no".
    unsafe { libc::sigismember(set, signal.0) == 1 }
}

fn set_mask(how: libc::c_int, set: &libc::sigset_t) -> libc::sigset_t {
    let mut before = empty_set();
    // SAFETY: both sets are live and initialised.
    unsafe { libc::sigprocmask(how, set, &mut before) };
    before
}

fn queued() -> bool {
    ARRIVED.load(Ordering::SeqCst) != TAKEN.load(Ordering::SeqCst)
}

impl Signals {
    /// SIGPIPE, which Rust's start-up ignores, gets its default back: a program of the toolbox dies of it as others do.
    pub fn new() -> Signals {
        let at_start = set_mask(libc::SIG_BLOCK, &empty_set());
        let signals = Signals { caught: empty_set(), caught_count: 0, at_start };
        // SAFETY: SIG_DFL is a valid disposition.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        signals
    }

    /// Whether any signal has a handler.
    pub fn any_caught(&self) -> bool {
        self.caught_count > 0
    }

    /// A forked child starts with no signal pending, as fork(2) has it.
    pub fn forget_queued(&mut self) {
        TAKEN.store(ARRIVED.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// sigaction(2), without SA_RESTART.
    pub fn set_disposition(&mut self, signal: Signal, disposition: Disposition) -> SysResult<()> {
        let handler = match disposition {
            Disposition::Default => libc::SIG_DFL,
            Disposition::Ignore => libc::SIG_IGN,
            Disposition::Catch => arrived as *const () as libc::sighandler_t,
        };
        self.install(signal, handler)?;
        let was = contains(&self.caught, signal);
        let mut one = empty_set();
        // SAFETY: live sets, and a number that sigaction has just accepted.
        unsafe { libc::sigaddset(&mut one, signal.0) };
        match (was, disposition == Disposition::Catch) {
            (false, true) => {
                self.caught_count += 1;
                // SAFETY: as above.
                unsafe { libc::sigaddset(&mut self.caught, signal.0) };
                set_mask(libc::SIG_BLOCK, &one);
            }
            (true, false) => {
                self.caught_count -= 1;
                // SAFETY: as above.
                unsafe { libc::sigdelset(&mut self.caught, signal.0) };
                set_mask(libc::SIG_UNBLOCK, &one);
            }
            _ => {}
        }
        self.watch_children()
    }

    fn install(&self, signal: Signal, handler: libc::sighandler_t) -> SysResult<()> {
        // SAFETY: a zeroed sigaction is a valid value; the handler is a function of the right type, SIG_DFL or SIG_IGN.
        check(unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler;
            libc::sigaction(signal.0, &action, std::ptr::null_mut())
        })
        .map(drop)
    }

    /// While signals are caught, waits sleep in sigsuspend(2), which the end of a child must interrupt: SIGCHLD needs a handler
    /// and must be blocked outside of it.
    fn watch_children(&self) -> SysResult<()> {
        if !self.any_caught() || contains(&self.caught, Signal::SIGCHLD) {
            return Ok(());
        }
        let mut one = empty_set();
        // SAFETY: live set, valid number.
        unsafe { libc::sigaddset(&mut one, libc::SIGCHLD) };
        set_mask(libc::SIG_BLOCK, &one);
        self.install(Signal::SIGCHLD, child_ended as *const () as libc::sighandler_t)
    }

    /// The next caught signal: from the queue, or one that is blocked and pending.
    pub fn take(&mut self) -> Option<Signal> {
        if !queued() {
            self.fetch_pending();
        }
        if !queued() {
            return None;
        }
        let at = TAKEN.fetch_add(1, Ordering::SeqCst);
        Some(Signal(QUEUE[at % QUEUE_MAX].load(Ordering::SeqCst)))
    }

    fn fetch_pending(&self) {
        if !self.any_caught() {
            return;
        }
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: a live set and a live timespec; no information beyond the number is asked for.
        let number = unsafe { libc::sigtimedwait(&self.caught, std::ptr::null_mut(), &now) };
        if number > 0 {
            arrived(number);
        }
    }

    /// The mask during waits: that of the start, with what is caught let in.
    fn open_mask(&self) -> libc::sigset_t {
        let mut mask = self.at_start;
        for number in 1..=64 {
            if contains(&self.caught, Signal(number)) || number == libc::SIGCHLD {
                // SAFETY: live set, valid number.
                unsafe { libc::sigdelset(&mut mask, number) };
            }
        }
        mask
    }

    /// pause(2): fails with EINTR once a signal is caught.
    pub fn pause(&self) -> SysResult<()> {
        while !queued() {
            self.suspend();
        }
        Err(Errno::EINTR)
    }

    /// Sleeps until a child may have ended; EINTR where another signal was caught.
    pub fn pause_for_child(&self) -> SysResult<()> {
        if queued() {
            return Err(Errno::EINTR);
        }
        self.suspend();
        if queued() { Err(Errno::EINTR) } else { Ok(()) }
    }

    fn suspend(&self) {
        let mask = self.open_mask();
        // SAFETY: a live set.
        unsafe { libc::sigsuspend(&mask) };
    }

    /// Waits until `fd` is ready, with signals let in. Without caught signals the call itself waits.
    pub fn wait_for(&self, fd: Fd, events: libc::c_short) -> SysResult<()> {
        if !self.any_caught() {
            return Ok(());
        }
        let mut poll = libc::pollfd { fd, events, revents: 0 };
        self.poll(std::slice::from_mut(&mut poll), None)
    }

    fn poll(&self, fds: &mut [libc::pollfd], timeout: Option<libc::timespec>) -> SysResult<()> {
        let mask = self.open_mask();
        let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        loop {
            if queued() {
                return Err(Errno::EINTR);
            }
            // SAFETY: the pointers are those of a live slice, of a live timespec or null, and of a live set.
            match check(unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout, &mask) }) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) if !queued() && timeout.is_null() => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Sleeps until the monotonic clock shows `until` nanoseconds.
    pub fn sleep_until(&self, until: u64) -> SysResult<()> {
        if self.any_caught() {
            let left = until.saturating_sub(super::wait::clock(libc::CLOCK_MONOTONIC).0);
            return self.poll(&mut [], Some(timespec(left)));
        }
        let until = timespec(until);
        // SAFETY: a live timespec; with TIMER_ABSTIME nothing is written back.
        match unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &until, std::ptr::null_mut()) } {
            0 => Ok(()),
            errno => Err(Errno(errno)),
        }
    }

    /// Before execve(2): the new program gets the mask with which this one started, and SIGCHLD as by default.
    pub fn unblock_all(&self) -> libc::sigset_t {
        set_mask(libc::SIG_SETMASK, &self.at_start)
    }

    /// After an execve(2) that failed.
    pub fn block_again(&self, mask: &libc::sigset_t) {
        set_mask(libc::SIG_SETMASK, mask);
    }
}

fn timespec(nanoseconds: u64) -> libc::timespec {
    libc::timespec { tv_sec: (nanoseconds / 1_000_000_000) as i64, tv_nsec: (nanoseconds % 1_000_000_000) as i64 }
}
