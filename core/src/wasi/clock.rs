//! Clocks, waiting, random numbers.

use super::answer::{Done, WasiErrno};
use super::guest::{BYTES_MAX, Memory, put_u32, put_u64, u64_at};
use super::{Call, Wasi};
use crate::userland::{OpenFlags, Sys};

const NANOSECONDS: u64 = 1_000_000_000;
/// `clockid`
const REALTIME: u32 = 0;
const CLOCKS: u32 = 4;
/// `subscription` and `event`, bytes.
const SUBSCRIPTION_BYTES: u32 = 48;
const EVENT_BYTES: usize = 32;
/// `eventtype`
const CLOCK: u8 = 0;
/// `subclockflags`: the time is a moment and no span.
const ABSOLUTE: u8 = 1;
/// Subscriptions of one call.
const SUBSCRIPTIONS_MAX: u32 = 1024;

pub(super) fn resolution(call: &Call, memory: &mut dyn Memory) -> Done {
    match call.word(0) {
        REALTIME => Ok(put_u64(memory, call.word(1), NANOSECONDS)?),
        id if id < CLOCKS => Ok(put_u64(memory, call.word(1), 1)?),
        _ => Err(WasiErrno::INVAL.into()),
    }
}

/// The time of day is known in whole seconds.
pub(super) fn time(call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
    let now = match call.word(0) {
        REALTIME => u64::try_from(sys.realtime()).unwrap_or_default().saturating_mul(NANOSECONDS),
        id if id < CLOCKS => sys.clock(),
        _ => return Err(WasiErrno::INVAL.into()),
    };
    Ok(put_u64(memory, call.word(2), now)?)
}

/// From the kernel's own source, so that a container without /dev/urandom has none.
pub(super) fn random(call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
    let wanted = call.word(1).min(BYTES_MAX) as usize;
    let fd = sys.open("/dev/urandom", OpenFlags::READ, 0)?;
    let mut bytes = Vec::new();
    while bytes.len() < wanted {
        match sys.read(fd, wanted - bytes.len()) {
            Ok(more) if !more.is_empty() => bytes.extend(more),
            _ => break,
        }
    }
    sys.close(fd)?;
    if bytes.len() < call.word(1) as usize {
        return Err(WasiErrno::IO.into());
    }
    Ok(memory.write(call.word(0), &bytes)?)
}

/// What `poll_oneoff` waits for.
struct Subscription {
    user_data: u64,
    kind: u8,
    /// Nanoseconds of the monotonic clock, for one on time.
    until: u64,
}

impl Wasi {
    /// (subscriptions, events, how many, where to write how many happened). A file or stream is always ready: the read itself waits.
    pub(super) fn poll(&mut self, call: &Call, memory: &mut dyn Memory, sys: &mut dyn Sys) -> Done {
        let count = call.word(2);
        if count == 0 || count > SUBSCRIPTIONS_MAX {
            return Err(WasiErrno::INVAL.into());
        }
        let list = memory.read(call.word(0), count * SUBSCRIPTION_BYTES)?;
        let wanted: Vec<Subscription> =
            list.chunks_exact(SUBSCRIPTION_BYTES as usize).map(|one| Subscription::read(one, sys)).collect();
        let mut happened: Vec<&Subscription> = wanted.iter().filter(|one| one.kind != CLOCK).collect();
        if happened.is_empty() {
            let until = wanted.iter().map(|one| one.until).min().unwrap_or_default();
            let until = *self.deadline.get_or_insert(until);
            sys.sleep_until(until)?;
            self.deadline = None;
            happened = wanted.iter().filter(|one| one.until <= until).collect();
            // A span that was read again after waiting ends later than it did then.
            if happened.is_empty() {
                happened = wanted.iter().min_by_key(|one| one.until).into_iter().collect();
            }
        }
        let events: Vec<u8> = happened.iter().flat_map(|one| one.event()).collect();
        memory.write(call.word(1), &events)?;
        Ok(put_u32(memory, call.word(3), happened.len() as u32)?)
    }
}

impl Subscription {
    fn read(bytes: &[u8], sys: &mut dyn Sys) -> Subscription {
        let (time, now) = (u64_at(bytes, 24), sys.clock());
        let is_moment = bytes.get(40).is_some_and(|flags| flags & ABSOLUTE != 0);
        let is_real = bytes.get(16) == Some(&(REALTIME as u8));
        let real_now = u64::try_from(sys.realtime()).unwrap_or_default().saturating_mul(NANOSECONDS);
        let until = match (is_moment, is_real) {
            (false, _) => now.saturating_add(time),
            (true, false) => time,
            (true, true) => now.saturating_add(time.saturating_sub(real_now)),
        };
        Subscription { user_data: u64_at(bytes, 0), kind: bytes.get(8).copied().unwrap_or_default(), until }
    }

    fn event(&self) -> [u8; EVENT_BYTES] {
        let mut bytes = [0; EVENT_BYTES];
        bytes[..8].copy_from_slice(&self.user_data.to_le_bytes());
        bytes[10] = self.kind;
        if self.kind != CLOCK {
            // How many bytes are there is not known before they are asked for: one at least.
            bytes[16] = 1;
        }
        bytes
    }
}
