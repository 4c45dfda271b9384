//! Terminals.

use glassbox_core::userland::{Fd, Pid, SysResult};

use super::check;

pub fn is_terminal(fd: Fd) -> bool {
    // SAFETY: a plain number.
    unsafe { libc::isatty(fd) == 1 }
}

pub fn window_size(fd: Fd) -> SysResult<(u16, u16)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ writes one winsize structure, which `size` is.
    check(unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &mut size) })?;
    Ok((size.ws_row, size.ws_col))
}

pub fn set_foreground(fd: Fd, group: Pid) -> SysResult<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::tcsetpgrp(fd, group) }).map(drop)
}
