//! A channel between two processes that carries messages with descriptors: a SOCK_SEQPACKET pair of unix(7).
//!
//! A message arrives whole or not at all, and the end of the other side is told. Used between glassbox and the child that
//! carries out the part of a plan after clone.

use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use glassbox_core::errno::Errno;

use super::{Result, check, last_errno, retry};

/// The most descriptors in one message.
pub const DESCRIPTORS_MAX: usize = 16;

/// The longest message in bytes.
pub const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// Space for one SCM_RIGHTS message of DESCRIPTORS_MAX descriptors, aligned as cmsg(3) wants it.
type ControlBuffer = [u64; 12];

/// One end. Closed on exec; `keep_on_exec` of `file` changes that.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// What arrived.
#[derive(Debug)]
pub struct Message {
    /// The bytes, never empty.
    pub bytes: Vec<u8>,
    /// The descriptors that came along, closed on exec.
    pub descriptors: Vec<OwnedFd>,
}

impl Channel {
    /// Both ends: socketpair(2).
    pub fn pair() -> Result<(Channel, Channel)> {
        let mut ends: [RawFd; 2] = [-1, -1];
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
        // SAFETY: the kernel writes two descriptors into the array.
        check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
        // SAFETY: both descriptors are new and nobody else owns them.
        Ok(unsafe { (Channel(OwnedFd::from_raw_fd(ends[0])), Channel(OwnedFd::from_raw_fd(ends[1]))) })
    }

    /// The end that another process has left in this descriptor.
    pub fn from_fd(fd: OwnedFd) -> Channel {
        Channel(fd)
    }

    /// Sends one message: sendmsg(2). EINVAL: empty (it could not be told from the end) or too many descriptors. EMSGSIZE: too
    /// long. EPIPE: the other end is closed; no signal is raised.
    pub fn send(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<()> {
        if bytes.is_empty() || descriptors.len() > DESCRIPTORS_MAX {
            return Err(Errno::EINVAL);
        }
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(Errno(libc::EMSGSIZE));
        }
        let mut control: ControlBuffer = [0; 12];
        let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let mut header = header_of(&mut part, &mut control);
        put_descriptors(&mut header, descriptors);
        // SAFETY: the header points to `part` and `control`, which outlive the call, with their true lengths; sendmsg only reads.
        retry(|| match unsafe { libc::sendmsg(self.0.as_raw_fd(), &header, libc::MSG_NOSIGNAL) } {
            -1 => Err(last_errno()),
            _ => Ok(()),
        })
    }

    /// Waits for one message: recvmsg(2). `None`: the other end is closed and all was read. EMSGSIZE: it was longer than
    /// MESSAGE_BYTES_MAX. EMFILE: its descriptors did not fit into this process.
    pub fn receive(&self) -> Result<Option<Message>> {
        let mut bytes = vec![0u8; self.next_length()?.min(MESSAGE_BYTES_MAX)];
        let mut control: ControlBuffer = [0; 12];
        let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        let mut header = header_of(&mut part, &mut control);
        // SAFETY: the header points to `part` and `control`, which outlive the call, with their true lengths.
        let length = past_reset(|| match unsafe { libc::recvmsg(self.0.as_raw_fd(), &mut header, libc::MSG_CMSG_CLOEXEC) } {
            -1 => Err(last_errno()),
            length => Ok(length as usize),
        })?;
        let descriptors = take_descriptors(&header);
        bytes.truncate(length);
        match header.msg_flags {
            flags if flags & libc::MSG_TRUNC != 0 => Err(Errno(libc::EMSGSIZE)),
            flags if flags & libc::MSG_CTRUNC != 0 => Err(Errno::EMFILE),
            _ if length == 0 => Ok(None),
            _ => Ok(Some(Message { bytes, descriptors })),
        }
    }

    /// The other end is closed and nothing is left to be read.
    pub fn has_ended(&self) -> bool {
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        // SAFETY: a length of 0: nothing is written.
        let answer = unsafe { libc::recv(self.0.as_raw_fd(), ptr::null_mut(), 0, flags | libc::MSG_TRUNC) };
        answer == 0
    }

    /// Waits for a message and answers its length, leaving it there; 0 at the end. Most are a few bytes: room for the longest would cost
    /// more than all else of a message.
    fn next_length(&self) -> Result<usize> {
        let flags = libc::MSG_PEEK | libc::MSG_TRUNC;
        // SAFETY: a length of 0: nothing is written.
        past_reset(|| match unsafe { libc::recv(self.0.as_raw_fd(), ptr::null_mut(), 0, flags) } {
            -1 => Err(last_errno()),
            length => Ok(length as usize),
        })
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl std::os::fd::AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// ECONNRESET: the other end was closed with messages in it that nobody had read. It is told once; what the other has sent before is
/// still there (net/unix/af_unix.c, `unix_release_sock`).
fn past_reset<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    match retry(&mut call) {
        Err(Errno(libc::ECONNRESET)) => retry(call),
        answer => answer,
    }
}

fn header_of(part: &mut libc::iovec, control: &mut ControlBuffer) -> libc::msghdr {
    // SAFETY: msghdr is plain data; zeros are an empty header.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_iov = part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of::<ControlBuffer>() as _;
    header
}

/// Writes the descriptors into the control buffer of the header, or takes the buffer away where there are none.
fn put_descriptors(header: &mut libc::msghdr, descriptors: &[BorrowedFd<'_>]) {
    if descriptors.is_empty() {
        header.msg_control = ptr::null_mut();
        header.msg_controllen = 0;
        return;
    }
    let size = (descriptors.len() * size_of::<RawFd>()) as libc::c_uint;
    // SAFETY: the buffer is aligned and has room for DESCRIPTORS_MAX descriptors, which the caller has checked; CMSG_FIRSTHDR and
    // CMSG_DATA stay within it. The data is written unaligned.
    unsafe {
        header.msg_controllen = libc::CMSG_SPACE(size) as _;
        let first = libc::CMSG_FIRSTHDR(header);
        (*first).cmsg_level = libc::SOL_SOCKET;
        (*first).cmsg_type = libc::SCM_RIGHTS;
        (*first).cmsg_len = libc::CMSG_LEN(size) as _;
        let data = libc::CMSG_DATA(first).cast::<RawFd>();
        for (index, descriptor) in descriptors.iter().enumerate() {
            data.add(index).write_unaligned(descriptor.as_raw_fd());
        }
    }
}

/// Takes ownership of all descriptors that came with the message.
fn take_descriptors(header: &libc::msghdr) -> Vec<OwnedFd> {
    let mut taken = Vec::new();
    // SAFETY: the kernel has filled the control buffer and set its length; the CMSG functions walk within it. Each descriptor in
    // an SCM_RIGHTS message is new in this process and nobody else owns it.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(header);
        while !next.is_null() {
            if (*next).cmsg_level == libc::SOL_SOCKET && (*next).cmsg_type == libc::SCM_RIGHTS {
                let count = ((*next).cmsg_len as usize - libc::CMSG_LEN(0) as usize) / size_of::<RawFd>();
                let data = libc::CMSG_DATA(next).cast::<RawFd>();
                taken.extend((0..count).map(|index| OwnedFd::from_raw_fd(data.add(index).read_unaligned())));
            }
            next = libc::CMSG_NXTHDR(header, next);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_was_said_before_the_end_is_heard_though_nobody_has_listened_there() {
        let (left, right) = Channel::pair().unwrap();
        left.send(b"unheard", &[]).unwrap();
        right.send(b"last words", &[]).unwrap();
        drop(right);
        assert_eq!(left.receive().unwrap().unwrap().bytes, b"last words");
        assert!(left.receive().unwrap().is_none() && left.has_ended());
    }

    #[test]
    fn the_control_buffer_has_room_for_the_most_descriptors() {
        // SAFETY: CMSG_SPACE only computes.
        let needed = unsafe { libc::CMSG_SPACE((DESCRIPTORS_MAX * size_of::<RawFd>()) as u32) };
        assert!(needed as usize <= size_of::<ControlBuffer>());
    }

    #[test]
    fn messages_keep_their_borders_and_the_end_is_told() {
        let (left, right) = Channel::pair().unwrap();
        left.send(b"one", &[]).unwrap();
        left.send(b"two!", &[]).unwrap();
        drop(left);
        assert_eq!(right.receive().unwrap().unwrap().bytes, b"one");
        assert_eq!(right.receive().unwrap().unwrap().bytes, b"two!");
        assert!(right.receive().unwrap().is_none());
        assert_eq!(right.send(b"x", &[]).unwrap_err(), Errno::EPIPE);
    }

    #[test]
    fn what_was_sent_before_an_end_that_left_something_unread_is_heard() {
        let (left, right) = Channel::pair().unwrap();
        left.send(b"never read", &[]).unwrap();
        right.send(b"why", &[]).unwrap();
        drop(right);
        assert_eq!(left.receive().unwrap().unwrap().bytes, b"why");
        assert!(left.receive().unwrap().is_none());
    }

    #[test]
    fn descriptors_arrive_as_descriptors_of_the_same_file() {
        let (left, right) = Channel::pair().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let null = File::open("/dev/null").unwrap();
        left.send(b"fds", &[writer.as_fd(), null.as_fd()]).unwrap();
        drop(writer);
        let message = right.receive().unwrap().unwrap();
        assert_eq!(message.descriptors.len(), 2);
        let mut descriptors = message.descriptors.into_iter();
        let mut received = File::from(descriptors.next().unwrap());
        received.write_all(b"through").unwrap();
        drop(received);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let (left, _right) = Channel::pair().unwrap();
        assert_eq!(left.send(b"", &[]).unwrap_err(), Errno::EINVAL);
        assert_eq!(left.send(&vec![0; MESSAGE_BYTES_MAX + 1], &[]).unwrap_err(), Errno(libc::EMSGSIZE));
        let null = File::open("/dev/null").unwrap();
        assert_eq!(left.send(b"x", &[null.as_fd(); DESCRIPTORS_MAX + 1]).unwrap_err(), Errno::EINVAL);
        left.send(b"x", &[null.as_fd(); DESCRIPTORS_MAX]).unwrap();
    }

    #[test]
    fn the_longest_message_arrives() {
        let (left, right) = Channel::pair().unwrap();
        left.send(&vec![7; MESSAGE_BYTES_MAX], &[]).unwrap();
        assert_eq!(right.receive().unwrap().unwrap().bytes, vec![7; MESSAGE_BYTES_MAX]);
    }
}
