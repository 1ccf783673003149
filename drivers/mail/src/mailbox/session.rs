//! A mailbox that is open, command by command.
//!
//! In: settings, UIDs. Out: mails. The client library tags commands, quotes, and shows the login; what the server answers
//! is read from the gate.
//! Source: RFC 3501 6, RFC 2177, RFC 4315 2.1, RFC 4616, RFC 6851 3.
//! Not here: how a reply is read (`reply.rs`), when to connect anew (the caller).

use std::cell::Cell;
use std::ops::RangeInclusive;
use std::time::Duration;

use zeroize::Zeroizing;

use super::gate::{FETCH_OCTETS, Gate, MAIL_OCTETS, REPLY_OCTETS, SEARCH_OCTETS, Shared};
use super::reply::{Ending, Reply};
use super::wire::{Connected, NetWire, Wire};
use super::{Interrupt, MailboxError, MailboxSettings};
use crate::Token;
use crate::smtp::{Login, Mechanism};

/// RFC 2177: a server may end an IDLE of half an hour.
const LONGEST_IDLE: Duration = Duration::from_secs(29 * 60);
/// Between two looks at a server that does not tell by itself. Chosen: a bounce is not awaited by anybody for less.
const POLL_EVERY: Duration = Duration::from_secs(60);
/// Mails that are named at once. Chosen: a mailbox that was bombed is read in pieces.
const MOST_AT_ONCE: usize = 1000;
/// UIDs that one search asks about where a folder has more mails. Chosen: however long they are, they stay well below
/// [`SEARCH_OCTETS`].
const SEARCHED_AT_ONCE: u32 = 1 << 16;

/// A folder of a mailbox that is open.
pub struct Mailbox<W: Wire = NetWire> {
    library: imap::Session<Shared<W>>,
    gate: Shared<W>,
    reply: Duration,
    folder: String,
    done_folder: String,
    uid_validity: u32,
    offers: MailboxOffers,
}

/// What the server offers of what we use.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MailboxOffers {
    /// It tells of a new mail by itself.
    pub idle: bool,
    /// It moves a mail in one step.
    pub r#move: bool,
    /// It can remove one mail that was copied. Without this and MOVE a mail that is done stays, marked as seen.
    pub uid_plus: bool,
}

/// A mail, as far as it is looked at.
#[derive(Clone, Eq, PartialEq)]
pub struct Fetched {
    /// Its beginning, at most [`FETCH_OCTETS`].
    pub octets: Vec<u8>,
    /// It goes on behind them.
    pub is_cut: bool,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { octets, is_cut } = self;
        f.debug_struct("Fetched").field("octets", &octets.len()).field("is_cut", is_cut).finish()
    }
}

impl Mailbox {
    /// Connects, logs in, opens the folder.
    ///
    /// # Errors
    /// [`MailboxError`].
    pub fn open(settings: &MailboxSettings, interrupt: &Interrupt) -> Result<Self, MailboxError> {
        let Connected { wire, greeting_is_next } = NetWire::connect(settings, interrupt.clone())?;
        Self::begin(wire, settings, greeting_is_next)
    }
}

impl<W: Wire> Mailbox<W> {
    /// Logs in over a connection that stands, and opens the folder. The server greets first.
    ///
    /// # Errors
    /// [`MailboxError`].
    pub fn over(wire: W, settings: &MailboxSettings) -> Result<Self, MailboxError> {
        Self::begin(wire, settings, true)
    }

    fn begin(
        wire: W,
        settings: &MailboxSettings,
        greeting_is_next: bool,
    ) -> Result<Self, MailboxError> {
        let reply = settings.patience.reply;
        let gate = Shared::new(wire, settings.login.secret.clone());
        if greeting_is_next {
            gate.lock().begin(REPLY_OCTETS, reply);
            // A server that says that we are somebody already is none that we know.
            if gate.lock().reply()? != Reply::Fine {
                return Err(MailboxError::Nonsense("no greeting"));
            }
        }
        let library = log_in(&gate, &settings.login, reply)?;
        let mut mailbox = Self {
            library,
            gate,
            reply,
            folder: settings.folder.clone(),
            done_folder: settings.done_folder.clone(),
            uid_validity: 0,
            offers: MailboxOffers::default(),
        };
        mailbox.command("CAPABILITY", "CAPABILITY", REPLY_OCTETS)?;
        mailbox.offers = {
            let gate = mailbox.gate.lock();
            let has = |name: &str| gate.heard.capabilities.iter().any(|word| word == name);
            MailboxOffers { idle: has("IDLE"), r#move: has("MOVE"), uid_plus: has("UIDPLUS") }
        };
        mailbox.select()?;
        Ok(mailbox)
    }

    /// UIDs are comparable as long as this stays (RFC 3501 2.3.1.1). It can change with [`Self::sent`].
    #[must_use]
    pub fn uid_validity(&self) -> u32 {
        self.uid_validity
    }

    /// What the server offers.
    #[must_use]
    pub fn offers(&self) -> MailboxOffers {
        self.offers
    }

    /// Mails that lie in the folder, as the server last told.
    #[must_use]
    pub fn mails(&self) -> u32 {
        self.gate.lock().exists
    }

    /// Whether the folder for mails that are done is there; if it is not, the first one that is done makes it.
    ///
    /// # Errors
    /// [`MailboxError`].
    pub fn has_done_folder(&mut self) -> Result<bool, MailboxError> {
        let line = format!("STATUS {} (UIDNEXT)", quoted(&self.done_folder));
        match self.command("STATUS", &line, REPLY_OCTETS) {
            Ok(()) => Ok(true),
            Err(MailboxError::Refused { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// The first mails behind `uid`, in rising order; none means that there are none.
    ///
    /// # Errors
    /// [`MailboxError`].
    pub fn after(&mut self, uid: u32) -> Result<Vec<u32>, MailboxError> {
        let Some(first) = uid.checked_add(1) else { return Ok(Vec::new()) };
        // Before the command: a mail that comes while it runs is news.
        self.gate.lock().news = false;
        let mut found = if self.mails() <= SEARCHED_AT_ONCE {
            self.search(&format!("{first}:*"), first..=u32::MAX)?
        } else {
            self.first_of_many(first)?
        };
        found.truncate(MOST_AT_ONCE);
        Ok(found)
    }

    /// Of so many mails that their numbers would not fit into one reply: those of the first range of UIDs that has some.
    fn first_of_many(&mut self, first: u32) -> Result<Vec<u32>, MailboxError> {
        let Some(last) = self.search("*", first..=u32::MAX)?.pop() else { return Ok(Vec::new()) };
        let mut start = first;
        loop {
            let end = start.saturating_add(SEARCHED_AT_ONCE - 1);
            let found = self.search(&format!("{start}:{end}"), start..=end)?;
            if !found.is_empty() || end >= last {
                return Ok(found);
            }
            start = end.saturating_add(1);
        }
    }

    /// The mails of `set` within a range, in rising order: `*` is the last mail, also if its number is below the range.
    fn search(&mut self, set: &str, within: RangeInclusive<u32>) -> Result<Vec<u32>, MailboxError> {
        self.command("SEARCH", &format!("UID SEARCH UID {set}"), SEARCH_OCTETS)?;
        let mut found = std::mem::take(&mut self.gate.lock().heard.found);
        found.retain(|uid| within.contains(uid));
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// A mail; `None` if it is not there any more. Nothing about it changes.
    ///
    /// # Errors
    /// [`MailboxError`].
    pub fn fetch(&mut self, uid: u32) -> Result<Option<Fetched>, MailboxError> {
        let line = format!("UID FETCH {uid} (UID RFC822.SIZE BODY.PEEK[]<0.{FETCH_OCTETS}>)");
        self.command("FETCH", &line, MAIL_OCTETS)?;
        let Some(mail) = self.gate.lock().heard.mail.take() else { return Ok(None) };
        if mail.uid != uid || mail.octets.len() > FETCH_OCTETS {
            return Err(MailboxError::Nonsense("another mail than was asked for"));
        }
        let size = mail.size.and_then(|size| usize::try_from(size).ok());
        // A server that does not tell the size cannot be caught cutting.
        let is_cut =
            size.map_or(mail.octets.len() == FETCH_OCTETS, |size| size > mail.octets.len());
        Ok(Some(Fetched { octets: mail.octets, is_cut }))
    }

    /// Puts a mail away: into the folder for those that are done, if the server can do that without touching any other
    /// mail; else it is marked as seen.
    ///
    /// # Errors
    /// [`MailboxError`]. The mail is then where it was, or in both folders.
    pub fn done(&mut self, uid: u32) -> Result<(), MailboxError> {
        let folder = quoted(&self.done_folder);
        if self.offers.r#move {
            return self.making(&folder, "MOVE", &format!("UID MOVE {uid} {folder}"));
        }
        if !self.offers.uid_plus {
            // EXPUNGE without a UID would take with it what somebody else marked.
            return self.mark(uid, "\\Seen");
        }
        self.making(&folder, "COPY", &format!("UID COPY {uid} {folder}"))?;
        self.mark(uid, "\\Deleted")?;
        self.command("EXPUNGE", &format!("UID EXPUNGE {uid}"), REPLY_OCTETS)
    }

    /// Returns when a mail came, or after `longest`; sooner if the server cannot tell by itself, so that somebody looks.
    ///
    /// # Errors
    /// [`MailboxError`].
    pub fn wait(&mut self, longest: Duration) -> Result<(), MailboxError> {
        if self.gate.lock().news {
            return Ok(());
        }
        if self.offers.idle && self.start_idle()? {
            self.hear(longest.min(LONGEST_IDLE))?;
            let mut gate = self.gate.lock();
            gate.begin(REPLY_OCTETS, self.reply);
            gate.tell(b"DONE\r\n")?;
            loop {
                match gate.reply()? {
                    Reply::Tagged { ending: Ending::Ok, .. } => return Ok(()),
                    Reply::Tagged { .. } => {
                        let said = gate.heard.refusal.take().map(|(_code, words)| words);
                        let said = said.unwrap_or_default();
                        return Err(MailboxError::Refused { asked: "DONE", said });
                    }
                    _other => {}
                }
            }
        }
        self.hear(longest.min(POLL_EVERY))?;
        self.command("NOOP", "NOOP", REPLY_OCTETS)
    }

    /// Which of our mails lie in `folder`: a relay that keeps a copy of what it took has them.
    ///
    /// # Errors
    /// [`MailboxError`].
    pub fn sent(&mut self, folder: &str, tokens: &[Token]) -> Result<Vec<bool>, MailboxError> {
        let found = self.look_for(folder, tokens);
        // Also after a refusal, for that closed the folder.
        self.select()?;
        found
    }

    /// Says goodbye.
    pub fn leave(mut self) {
        // Whatever it says, we are gone.
        let _ = self.command("LOGOUT", "LOGOUT", REPLY_OCTETS);
    }

    fn look_for(&mut self, folder: &str, tokens: &[Token]) -> Result<Vec<bool>, MailboxError> {
        self.command("EXAMINE", &format!("EXAMINE {}", quoted(folder)), REPLY_OCTETS)?;
        let look = |token: &Token| {
            let line = format!("UID SEARCH HEADER Message-ID {}", token.as_str());
            self.command("SEARCH", &line, SEARCH_OCTETS)?;
            Ok(!self.gate.lock().heard.found.is_empty())
        };
        tokens.iter().map(look).collect()
    }

    fn select(&mut self) -> Result<(), MailboxError> {
        let line = format!("SELECT {}", quoted(&self.folder));
        self.command("SELECT", &line, REPLY_OCTETS).map_err(|error| match error {
            MailboxError::Refused { said, .. } => MailboxError::Folder(said),
            other => other,
        })?;
        let validity = self.gate.lock().heard.uid_validity;
        self.uid_validity =
            validity.ok_or(MailboxError::Nonsense("a folder without UIDVALIDITY"))?;
        Ok(())
    }

    fn mark(&mut self, uid: u32, flag: &str) -> Result<(), MailboxError> {
        self.command("STORE", &format!("UID STORE {uid} +FLAGS.SILENT ({flag})"), REPLY_OCTETS)
    }

    /// A command that needs `folder`: if the server says that it could be made, it is.
    fn making(
        &mut self,
        folder: &str,
        asked: &'static str,
        line: &str,
    ) -> Result<(), MailboxError> {
        let refused = match self.command(asked, line, REPLY_OCTETS) {
            Err(error @ MailboxError::Refused { .. }) => error,
            other => return other,
        };
        let code = self.gate.lock().heard.refusal.take().and_then(|(code, _words)| code);
        if code.as_deref() != Some("TRYCREATE") {
            return Err(refused);
        }
        self.command("CREATE", &format!("CREATE {folder}"), REPLY_OCTETS)?;
        self.command(asked, line, REPLY_OCTETS)
    }

    /// Whether the server tells by itself from now on.
    fn start_idle(&mut self) -> Result<bool, MailboxError> {
        self.gate.lock().begin(REPLY_OCTETS, self.reply);
        let begun = self.library.run_command("IDLE");
        let mut gate = self.gate.lock();
        begun.map_err(|error| error_of("IDLE", &error, &mut gate))?;
        loop {
            match gate.reply()? {
                Reply::GoOn => return Ok(true),
                Reply::Tagged { ending: Ending::No | Ending::Bad, .. } => {
                    self.offers.idle = false;
                    return Ok(false);
                }
                Reply::Tagged { ending: Ending::Ok, .. } => {
                    return Err(MailboxError::Nonsense("an IDLE that ended before it began"));
                }
                _other => {}
            }
        }
    }

    /// Listens until a mail comes, or for `time`.
    fn hear(&mut self, time: Duration) -> Result<(), MailboxError> {
        let mut gate = self.gate.lock();
        gate.begin(REPLY_OCTETS, time);
        while !gate.news {
            match gate.reply() {
                Ok(Reply::Tagged { .. }) => {
                    return Err(MailboxError::Nonsense("an answer to nothing"));
                }
                Ok(_other) => {}
                Err(MailboxError::Late(_)) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn command(
        &mut self,
        asked: &'static str,
        line: &str,
        most_octets: usize,
    ) -> Result<(), MailboxError> {
        self.gate.lock().begin(most_octets, self.reply);
        let ended = self.library.run_command_and_check_ok(line);
        ended.map_err(|error| error_of(asked, &error, &mut self.gate.lock()))
    }
}

fn log_in<W: Wire>(
    gate: &Shared<W>,
    login: &Login,
    reply: Duration,
) -> Result<imap::Session<Shared<W>>, MailboxError> {
    let mut client = imap::Client::new(gate.clone());
    gate.lock().begin(REPLY_OCTETS, reply);
    client.capabilities().map_err(|error| error_of("CAPABILITY", &error, &mut gate.lock()))?;
    let offers = |name: &str| gate.lock().heard.capabilities.iter().any(|word| word == name);
    let is_offered = match login.mechanism {
        Mechanism::Plain => offers("AUTH=PLAIN"),
        Mechanism::Login => !offers("LOGINDISABLED"),
        Mechanism::Xoauth2 => offers("AUTH=XOAUTH2"),
    };
    if !is_offered {
        return Err(MailboxError::NoMechanism(login.mechanism));
    }
    gate.lock().begin(REPLY_OCTETS, reply);
    let (user, secret) = (login.user.as_str(), login.secret.as_str());
    let logged_in = match login.mechanism {
        Mechanism::Plain => client.authenticate("PLAIN", &Once::new(format!("\0{user}\0{secret}"))),
        Mechanism::Login => client.login(user, secret),
        Mechanism::Xoauth2 => {
            let bearer = format!("user={user}\u{1}auth=Bearer {secret}\u{1}\u{1}");
            client.authenticate("XOAUTH2", &Once::new(bearer))
        }
    };
    logged_in.map_err(|(error, _client)| match error_of("LOGIN", &error, &mut gate.lock()) {
        MailboxError::Refused { said, .. } => MailboxError::Login(said),
        other => other,
    })
}

/// Shows the login when it is asked for. A server that asks again has refused it and waits for an empty line (XOAUTH2).
struct Once(Cell<Zeroizing<Vec<u8>>>);

impl Once {
    fn new(response: String) -> Self {
        Self(Cell::new(Zeroizing::new(response.into_bytes())))
    }
}

impl imap::Authenticator for Once {
    type Response = Zeroizing<Vec<u8>>;

    fn process(&self, _challenge: &[u8]) -> Self::Response {
        self.0.take()
    }
}

/// What the library's error means. Its own words are not used: they may hold what the server sent.
fn error_of<W: Wire>(asked: &'static str, error: &imap::Error, gate: &mut Gate<W>) -> MailboxError {
    if let Some(fault) = gate.take_fault() {
        return fault;
    }
    match error {
        imap::Error::No(_) | imap::Error::Bad(_) => {
            let said = gate.heard.refusal.as_ref().map(|(_code, words)| words.clone());
            MailboxError::Refused { asked, said: said.unwrap_or_default() }
        }
        imap::Error::Validate(_) => MailboxError::Refused {
            asked,
            said: String::from("user or password has a line end or another control character"),
        },
        imap::Error::TagMismatch(_) => MailboxError::Nonsense("an answer to another command"),
        _other => MailboxError::Nonsense("an answer that is none"),
    }
}

/// A folder's name in a command (RFC 3501 9, `quoted`). Those of settings are printable ASCII.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}
