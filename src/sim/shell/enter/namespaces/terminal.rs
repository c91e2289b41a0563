//! The terminal of a node: a pseudo-terminal that is the node's own, and this end of it, which hands keys in and what is written out.
//! What is typed on a node cannot get into the learner's own terminal by it.

use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, Termios, Winsize};
use signal_hook::consts::{SIGHUP, SIGTERM, SIGWINCH};

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// Opens a terminal on the node, makes it the session's, and sends its other end to the stage outside, whose socket is standard input.
pub fn open((columns, rows): (u16, u16)) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let master = rustix::fs::open("/dev/pts/ptmx", flags, Mode::empty())?;
    rustix::pty::unlockpt(&master)?;
    let slave =
        rustix::pty::ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&slave, size)?;
    rustix::process::ioctl_tiocsctty(&slave)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let files = [master.as_fd()];
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    rustix::net::sendmsg(io::stdin(), &[io::IoSlice::new(b"t")], &mut ancillary, SendFlags::empty())?;
    Ok(slave)
}

/// The other end of the node's terminal; none where the stage inside ended before it had one.
fn received(socket: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut into = [io::IoSliceMut::new(&mut byte)];
    rustix::net::recvmsg(socket, &mut into, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut files = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    Ok(files.next().and_then(|mut files| files.next()))
}

/// The learner's terminal without its line editing, which the node's own has; as it was when this goes.
struct Raw(Termios);

impl Raw {
    fn of_stdin() -> Option<Self> {
        let before = rustix::termios::tcgetattr(io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(io::stdin(), OptionalActions::Drain, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = rustix::termios::tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
    }
}

/// Hands keys in and what is written out, until the node's side is closed; `false` where this side is told to end before.
pub fn serve(socket: &UnixStream) -> io::Result<bool> {
    let Some(master) = received(socket)? else { return Ok(true) };
    rustix::io::ioctl_fionbio(&master, true)?;
    let (resized, resize) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(SIGWINCH, resize)?;
    let (ended, end) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(SIGTERM, end.try_clone()?)?;
    signal_hook::low_level::pipe::register(SIGHUP, end)?;
    resized.set_nonblocking(true)?;
    let _raw = Raw::of_stdin();
    Pump { master: std::fs::File::from(master), resized, ended, typed: Vec::new(), hears: true }.run()
}

struct Pump {
    master: std::fs::File,
    resized: UnixStream,
    ended: UnixStream,
    /// Typed, and not yet taken by the node.
    typed: Vec<u8>,
    /// Whether more may be typed.
    hears: bool,
}

impl Pump {
    fn run(mut self) -> io::Result<bool> {
        loop {
            let stdin = io::stdin();
            let reads = if self.hears && self.typed.is_empty() { PollFlags::IN } else { PollFlags::empty() };
            let writes = if self.typed.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
            let mut all = [
                PollFd::new(&self.master, writes),
                PollFd::new(&self.resized, PollFlags::IN),
                PollFd::new(&self.ended, PollFlags::IN),
                PollFd::new(&stdin, reads),
            ];
            // A file that ended is always ready.
            let asked = if reads.is_empty() { &mut all[..3] } else { &mut all[..] };
            match rustix::event::poll(asked, None) {
                Err(Errno::INTR) => continue,
                polled => polled?,
            };
            let [node, resized, ended, typed] = all.map(|one| one.revents());
            if !ended.is_empty() {
                return Ok(false);
            }
            if !resized.is_empty() {
                self.resize()?;
            }
            if node.contains(PollFlags::OUT) {
                self.hand_in()?;
            }
            if node.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) && !self.hand_out()? {
                return Ok(true);
            }
            if !typed.is_empty() {
                self.hear()?;
            }
        }
    }

    fn hear(&mut self) -> io::Result<()> {
        let mut bytes = vec![0; CHUNK];
        let read = rustix::io::read(io::stdin(), &mut bytes[..])?;
        // As a terminal that is closed says it; Ctrl-D, as a file that ended is no keyboard.
        self.hears = read > 0;
        self.typed.extend(if self.hears { &bytes[..read] } else { &[4] });
        self.hand_in()
    }

    fn hand_in(&mut self) -> io::Result<()> {
        match self.master.write(&self.typed) {
            Ok(written) => drop(self.typed.drain(..written)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether there may be more.
    fn hand_out(&mut self) -> io::Result<bool> {
        let mut bytes = vec![0; CHUNK];
        match self.master.read(&mut bytes) {
            // The last process that had it open is gone (pty(7): EIO).
            Ok(0) => Ok(false),
            Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => Ok(false),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(true),
            Err(error) => Err(error),
            Ok(read) => {
                let mut out = io::stdout().lock();
                out.write_all(&bytes[..read])?;
                out.flush()?;
                Ok(true)
            }
        }
    }

    fn resize(&mut self) -> io::Result<()> {
        let mut bytes = [0; 64];
        while matches!(self.resized.read(&mut bytes), Ok(1..)) {}
        if let Ok(size) = rustix::termios::tcgetwinsize(io::stdin()) {
            rustix::termios::tcsetwinsize(&self.master, size)?;
        }
        Ok(())
    }
}
