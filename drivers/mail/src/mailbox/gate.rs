//! What the IMAP client library is shown of a server: that a command ended, and that the server wants more. All else is
//! read here.
//!
//! In: octets of the server. Out: replies, each complete; to the library lines of our own making.
//! The library has no limit for what it reads, takes nested lists apart on the stack, and panics on replies that no honest
//! server sends: an untagged NO to SELECT, a date of NIL, an answer to IDLE with a tag.
//! Limits: [`REPLY_OCTETS`] and its like, for a command and all that comes until it ends; a literal is never believed
//! beyond them, so that nothing is kept free for it.
//! Not here: what a reply means (`reply.rs`), when the time is over (`wire.rs`).

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::MailboxError;
use zeroize::Zeroizing;

use super::reply::{Ending, Mail, Reply, can_hold_literals, literal_at_end, printable};
use super::wire::{Wire, WireError};
use crate::report::READ_OCTETS;

/// Fetched of one mail: as much as is looked at.
pub const FETCH_OCTETS: usize = READ_OCTETS;
/// Of what a command is answered with, when it asks for nothing. Chosen: servers stay below 4 KiB.
pub(super) const REPLY_OCTETS: usize = 64 << 10;
/// Of an answer with a mail.
pub(super) const MAIL_OCTETS: usize = FETCH_OCTETS + REPLY_OCTETS;
/// Of the numbers of mails: some 95,000 of the longest. One search asks about fewer.
pub(super) const SEARCH_OCTETS: usize = 1 << 20;
/// Taken from the wire at once.
const READ_AT_ONCE: usize = 8 << 10;

/// What was heard since it was last cleared.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub uid_validity: Option<u32>,
    pub capabilities: Vec<String>,
    pub found: Vec<u32>,
    pub mail: Option<Mail>,
    /// Code and printable words of the command that failed.
    pub refusal: Option<(Option<String>, String)>,
}

/// Between the wire and the library.
pub(super) struct Gate<W> {
    wire: W,
    /// The login's, which no words for people may hold.
    secret: Zeroizing<String>,
    /// Read and not yet looked at.
    raw: Vec<u8>,
    /// May still be read.
    left: usize,
    /// For the library.
    shown: io::Cursor<Vec<u8>>,
    pub heard: Heard,
    /// A mail came since this was last set back.
    pub news: bool,
    /// Mails that the folder which is open had when the server last told.
    pub exists: u32,
    /// Why the library read nothing; what it makes of that says less.
    fault: Option<MailboxError>,
}

impl<W: Wire> Gate<W> {
    fn new(wire: W, secret: Zeroizing<String>) -> Self {
        Self {
            wire,
            secret,
            raw: Vec::new(),
            left: 0,
            shown: io::Cursor::default(),
            heard: Heard::default(),
            news: false,
            exists: 0,
            fault: None,
        }
    }

    /// The next command begins: what may be read until it ends, and how long that may take.
    pub(super) fn begin(&mut self, octets: usize, time: Duration) {
        self.left = octets;
        self.wire.allow(time);
        self.heard = Heard::default();
        self.fault = None;
    }

    /// Why reading failed, if it was not the library's doing.
    pub(super) fn take_fault(&mut self) -> Option<MailboxError> {
        self.fault.take()
    }

    /// Sends octets that are no command.
    pub(super) fn tell(&mut self, octets: &[u8]) -> Result<(), MailboxError> {
        self.wire.write(octets).map_err(error_of)
    }

    /// The next reply; what it says is noted as well.
    pub(super) fn reply(&mut self) -> Result<Reply, MailboxError> {
        let length = self.await_reply()?;
        let mut octets: Vec<u8> = self.raw.drain(..length).collect();
        octets.pop(); // LF
        if octets.last() == Some(&b'\r') {
            octets.pop();
        }
        let reply = Reply::read(&octets).map_err(MailboxError::Nonsense)?;
        match &reply {
            Reply::GoOn | Reply::Fine | Reply::Other => {}
            Reply::Tagged { ending: Ending::Ok, .. } => {}
            Reply::Tagged { ending: Ending::No | Ending::Bad, code, words, .. } => {
                self.heard.refusal = Some((code.clone(), printable(words, &self.secret)));
            }
            Reply::UidValidity(number) => self.heard.uid_validity = Some(*number),
            Reply::Exists(mails) => (self.news, self.exists) = (true, *mails),
            Reply::Capabilities(words) => self.heard.capabilities.clone_from(words),
            Reply::Found(uids) => self.heard.found.extend_from_slice(uids),
            Reply::Mail(mail) => self.heard.mail = Some(mail.clone()),
            Reply::Bye(words) => return Err(MailboxError::Bye(printable(words, &self.secret))),
        }
        Ok(reply)
    }

    /// Reads until a reply is complete; says how many octets it has.
    fn await_reply(&mut self) -> Result<usize, MailboxError> {
        let mut line_start = 0;
        let mut seen = 0;
        let mut has_literals = None;
        loop {
            let Some(line_end) = self.line_end(seen) else {
                seen = self.raw.len();
                self.read_more()?;
                continue;
            };
            let line = self.raw.get(line_start..line_end.saturating_sub(1)).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let has_literals = *has_literals.get_or_insert_with(|| can_hold_literals(line));
            let Some(length) = literal_at_end(line).filter(|_| has_literals) else {
                return Ok(line_end);
            };
            // Not begun, if it cannot end.
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let missing = length.saturating_sub(self.raw.len() - line_end);
            if missing > self.left {
                return Err(MailboxError::TooLong);
            }
            line_start = line_end + length;
            while self.raw.len() < line_start {
                self.read_more()?;
            }
            seen = line_start;
        }
    }

    /// Behind the first LF from `from` on.
    fn line_end(&self, from: usize) -> Option<usize> {
        let rest = self.raw.get(from..)?;
        rest.iter().position(|octet| *octet == b'\n').map(|at| from + at + 1)
    }

    fn read_more(&mut self) -> Result<(), MailboxError> {
        let mut octets = [0; READ_AT_ONCE];
        let most = self.left.min(READ_AT_ONCE);
        let room = octets.get_mut(..most).filter(|room| !room.is_empty());
        let read = self.wire.read(room.ok_or(MailboxError::TooLong)?).map_err(error_of)?;
        let read = octets.get(..read).filter(|read| !read.is_empty());
        let read =
            read.ok_or_else(|| MailboxError::Broken(String::from("the server closed it")))?;
        self.left -= read.len().min(self.left);
        self.raw.extend_from_slice(read);
        Ok(())
    }

    /// The next line for the library.
    fn show(&mut self) -> Result<Vec<u8>, MailboxError> {
        loop {
            return Ok(match self.reply()? {
                Reply::GoOn => b"+ \r\n".to_vec(),
                Reply::Tagged { tag, ending: Ending::Ok, .. } => {
                    format!("{tag} OK\r\n").into_bytes()
                }
                Reply::Tagged { tag, ending: Ending::No, .. } => {
                    format!("{tag} NO\r\n").into_bytes()
                }
                Reply::Tagged { tag, ending: Ending::Bad, .. } => {
                    format!("{tag} BAD\r\n").into_bytes()
                }
                Reply::Fine
                | Reply::UidValidity(_)
                | Reply::Exists(_)
                | Reply::Capabilities(_)
                | Reply::Found(_)
                | Reply::Mail(_)
                | Reply::Bye(_)
                | Reply::Other => continue,
            });
        }
    }
}

fn error_of(error: WireError) -> MailboxError {
    match error {
        WireError::Late => MailboxError::Late("a reply"),
        WireError::Stopped => MailboxError::Stopped,
        WireError::Broken(why) => MailboxError::Broken(why),
    }
}

/// The gate as the library and we have it in our hands at the same time.
pub(super) struct Shared<W>(Arc<Mutex<Gate<W>>>);

impl<W: Wire> Shared<W> {
    pub(super) fn new(wire: W, secret: Zeroizing<String>) -> Self {
        Self(Arc::new(Mutex::new(Gate::new(wire, secret))))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Gate<W>> {
        // Only one thread has it, and nothing here panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> Clone for Shared<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Wire> Read for Shared<W> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut gate = self.lock();
        let read = gate.shown.read(room)?;
        if read > 0 || room.is_empty() {
            return Ok(read);
        }
        match gate.show() {
            Ok(line) => gate.shown = io::Cursor::new(line),
            Err(error) => {
                gate.fault = Some(error);
                return Err(io::Error::other("see the gate"));
            }
        }
        gate.shown.read(room)
    }
}

impl<W: Wire> Write for Shared<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut gate = self.lock();
        match gate.tell(octets) {
            Ok(()) => Ok(octets.len()),
            Err(error) => {
                gate.fault = Some(error);
                Err(io::Error::other("see the gate"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
