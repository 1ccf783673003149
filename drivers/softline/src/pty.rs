//! One terminal that a host can open as if it were a serial port with a modem.
//!
//! In: where its link shall be. Out: bytes of the host, and whether a host is there at all.
//! Source: pty(7), tty_ioctl(4). Not here: what the bytes mean (`modem_end`).
//!
//! A closed terminal, or one set to speed 0, is DTR off: [`HostState::Gone`].

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, QueueSelector};
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Most bytes kept for a host that does not read; a modem has no more memory than that either.
const MAX_UNREAD: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PtyError {
    #[error("cannot make a terminal: {0}")]
    Make(#[from] Errno),
    #[error("cannot put the link {}: {source}", path.display())]
    Link { path: PathBuf, source: std::io::Error },
    #[error("cannot put the link {}: something that is not a link is there", path.display())]
    Occupied { path: PathBuf },
}

/// Whether a host has the terminal open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HostState {
    Present,
    Gone,
}

pub(crate) struct Pty {
    master: OwnedFd,
    device: PathBuf,
    link: Option<PathBuf>,
    unread: VecDeque<u8>,
    host: HostState,
}

impl Pty {
    /// Makes a terminal in raw mode, and a link to it that replaces an older link.
    ///
    /// # Errors
    /// [`PtyError`]; a link that cannot be put leaves nothing behind.
    pub(crate) fn new(link: Option<&Path>) -> Result<Self, PtyError> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let master = rustix::pty::openpt(flags)?;
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC)?;
        rustix::pty::grantpt(&master)?;
        rustix::pty::unlockpt(&master)?;
        let name = rustix::pty::ptsname(&master, Vec::new())?;
        let device = PathBuf::from(name.to_string_lossy().into_owned());
        rustix::fs::fcntl_setfl(&master, OFlags::NONBLOCK)?;
        let mut pty =
            Self { master, device, link: None, unread: VecDeque::new(), host: HostState::Gone };
        // A terminal that was never opened does not say that it is closed; having been, it does.
        pty.reset()?;
        if let Some(path) = link {
            put_link(&pty.device, path)?;
            pty.link = Some(path.to_owned());
        }
        Ok(pty)
    }

    pub(crate) fn device(&self) -> &Path {
        &self.device
    }

    pub(crate) fn link(&self) -> Option<&Path> {
        self.link.as_deref()
    }

    pub(crate) fn host(&self) -> HostState {
        self.host
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    pub(crate) fn has_unsent(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Reads what the host wrote into `buffer`; 0 if there is nothing. Notes on the way whether a
    /// host is there: ask [`Self::host`] afterwards.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> usize {
        match rustix::io::read(&self.master, buffer) {
            Ok(0) | Err(Errno::IO) => {
                self.host = HostState::Gone;
                0
            }
            Ok(len) => {
                self.host = HostState::Present;
                len
            }
            Err(Errno::AGAIN | Errno::INTR) => {
                self.host = if self.at_speed_0() { HostState::Gone } else { HostState::Present };
                0
            }
            // No other error is known for a pty; treat it as the loss of the host that it is.
            Err(_unexpected) => {
                self.host = HostState::Gone;
                0
            }
        }
    }

    /// Notices that the host is gone even while what it wrote is not wanted yet.
    pub(crate) fn notice_close(&mut self) {
        let mut fds = [PollFd::new(&self.master, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        if rustix::event::poll(&mut fds, Some(&now)).is_ok()
            && fds[0].revents().contains(PollFlags::HUP)
        {
            self.host = HostState::Gone;
        }
    }

    fn at_speed_0(&self) -> bool {
        rustix::termios::tcgetattr(&self.master).is_ok_and(|termios| termios.output_speed() == 0)
    }

    /// Gives bytes to the host, keeping what the terminal does not take yet.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if self.host == HostState::Gone {
            return; // nobody listens: a modem without DTR says nothing
        }
        let room = MAX_UNREAD - self.unread.len();
        self.unread.extend(&bytes[..bytes.len().min(room)]);
        self.flush();
    }

    /// Tries again to give what [`Self::write`] kept.
    pub(crate) fn flush(&mut self) {
        while !self.unread.is_empty() {
            match rustix::io::write(&self.master, self.unread.as_slices().0) {
                Ok(0) | Err(_) => return,
                Ok(written) => drop(self.unread.drain(..written)),
            }
        }
    }

    /// Makes the terminal as new for the next host: raw, nothing left to read, not exclusive.
    pub(crate) fn reset(&mut self) -> Result<(), Errno> {
        self.unread.clear();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let side = rustix::fs::open(&self.device, flags, Mode::empty())?;
        // The last host may have been killed before it gave up its exclusive use.
        rustix::termios::ioctl_tiocnxcl(&side)?;
        rustix::termios::tcflush(&side, QueueSelector::IOFlush)?;
        let mut termios = rustix::termios::tcgetattr(&side)?;
        termios.make_raw();
        termios.set_speed(115_200)?;
        rustix::termios::tcsetattr(&side, OptionalActions::Now, &termios)?;
        self.host = HostState::Gone;
        Ok(())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            // Only our own: another softline may have replaced it meanwhile.
            if std::fs::read_link(link).is_ok_and(|target| target == self.device) {
                let _gone_is_what_we_want = std::fs::remove_file(link);
            }
        }
    }
}

fn put_link(device: &Path, path: &Path) -> Result<(), PtyError> {
    let failed = |source| PtyError::Link { path: path.to_owned(), source };
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.is_symlink() => {
            return Err(PtyError::Occupied { path: path.to_owned() });
        }
        Ok(_old_link) => std::fs::remove_file(path).map_err(failed)?,
        Err(_nothing_there) => {}
    }
    std::os::unix::fs::symlink(device, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};

    fn open(pty: &Pty) -> File {
        File::options().read(true).write(true).open(pty.device()).unwrap()
    }

    #[test]
    fn closed_terminal_is_gone_open_one_is_present() {
        let mut pty = Pty::new(None).unwrap();
        let mut buffer = [0; 16];
        assert_eq!((pty.read(&mut buffer), pty.host()), (0, HostState::Gone));
        let mut host = open(&pty);
        assert_eq!((pty.read(&mut buffer), pty.host()), (0, HostState::Present));
        host.write_all(b"AT\r").unwrap();
        assert_eq!(pty.read(&mut buffer), 3);
        assert_eq!(&buffer[..3], b"AT\r", "raw: the terminal changes nothing");
        drop(host);
        assert_eq!((pty.read(&mut buffer), pty.host()), (0, HostState::Gone));
    }

    #[test]
    fn reset_leaves_nothing_for_the_next_host() {
        let mut pty = Pty::new(None).unwrap();
        let mut buffer = [0; 16];
        let host = open(&pty);
        pty.read(&mut buffer);
        pty.write(b"stale");
        drop(host);
        pty.reset().unwrap();
        let mut next = open(&pty);
        pty.read(&mut buffer);
        pty.write(b"fresh");
        let mut heard = [0; 5];
        next.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"fresh");
    }

    #[test]
    fn speed_0_is_gone() {
        let mut pty = Pty::new(None).unwrap();
        let host = open(&pty);
        let mut termios = rustix::termios::tcgetattr(&host).unwrap();
        termios.set_speed(0).unwrap();
        rustix::termios::tcsetattr(&host, OptionalActions::Now, &termios).unwrap();
        assert_eq!((pty.read(&mut [0; 16]), pty.host()), (0, HostState::Gone));
    }

    #[test]
    fn link_replaces_a_link_but_nothing_else_and_goes_with_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line1");
        let first = Pty::new(Some(&path)).unwrap();
        let second = Pty::new(Some(&path)).unwrap();
        drop(first);
        assert_eq!(std::fs::read_link(&path).unwrap(), second.device());
        drop(second);
        assert!(std::fs::symlink_metadata(&path).is_err());
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(Pty::new(Some(&path)), Err(PtyError::Occupied { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
