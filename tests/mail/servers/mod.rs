//! Postfix twice and Dovecot, real ones, on loopback: a relay with the receipt box beside it, and a far host.
//!
//! In: nothing; `.ci/unpack` has put Debian's packages beside the programs of this build. Out: ports, a certificate
//! authority, accounts, and the mailboxes as files. Nothing is installed, no user is made, and no service of this
//! machine is touched: configuration, queues and mailboxes are in a folder of their own.
//! Everything ends with the value, and also when the test is killed: see [`Program`].
//! Source: postconf(5), master(5), virtual(8) of Postfix 3.7; doveconf(1) of Dovecot 2.3.
//!
//! | who | listens | does |
//! |---|---|---|
//! | relay | submission (STARTTLS, AUTH), submissions (TLS), plain | carries on; keeps the mailboxes of `gateway.test` |
//! | far host | plain | office.test: see [`Far`] |
//! | Dovecot | IMAP (STARTTLS), IMAPS | the mailboxes of `gateway.test`; AUTH of the relay |

#![allow(dead_code, reason = "each program that includes this uses a part of it")]

mod authority;
mod dovecot;
mod mailbox;
pub mod postfix;
mod unpacked;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use authority::Authority;
pub use mailbox::Mailbox;
use unpacked::{Program, Unpacked};

/// A server that has not opened its port by then will not: they need less than a second.
const START: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The account at the relay that may send, and its password.
pub const SENDER: (&str, &str) = ("sender@gateway.test", "relay-Secret-1");
/// The account of the receipt box, and its password. Mail for `receipts+ANYTHING@gateway.test` goes there.
pub const RECEIPTS: (&str, &str) = ("receipts@gateway.test", "inbox-Secret-2");

/// What the far host does with mail for `NAME@office.test`. What comes for `fax.test`, a fax
/// service, it keeps in one mailbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Far {
    /// Keeps it, and reports so if asked.
    Office,
    /// 550 to RCPT: nobody of that name.
    Unknown,
    /// 450 to RCPT, for ever.
    Greylisted,
    /// Takes it, then bounces it: the mailbox is full.
    Full,
}

impl Far {
    pub fn address(self) -> &'static str {
        match self {
            Self::Office => "office@office.test",
            Self::Unknown => "unknown@office.test",
            Self::Greylisted => "greylisted@office.test",
            Self::Full => "full@office.test",
        }
    }
}

/// Addresses to which the relay itself says no at RCPT: 550 and 450.
pub const REFUSED: &str = "refused@office.test";
pub const DEFERRED: &str = "deferred@another.test";
/// A domain of which the relay takes every mail and throws it away.
pub const SINK: &str = "sink.test";

/// The three of them.
pub struct Servers {
    pub authority: Authority,
    pub ports: Ports,
    // Before the folder: they end first.
    programs: Vec<Program>,
    pub unpacked: Unpacked,
    folder: Folder,
}

/// All on 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub submission: u16,
    pub submissions: u16,
    /// The relay without TLS and login.
    pub relay_plain: u16,
    pub far: u16,
    pub imap: u16,
    pub imaps: u16,
}

impl Servers {
    /// Starts all and waits until they answer.
    pub fn start() -> Self {
        let unpacked = Unpacked::find();
        let folder = Folder::new();
        let authority = Authority::new(folder.path());
        // Held until all are chosen, so that none is given out twice.
        let chosen: Vec<TcpListener> =
            (0..6).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let mut free = chosen.iter().map(|socket| socket.local_addr().expect("bound").port());
        let mut port = || free.next().expect("six");
        let ports = Ports {
            submission: port(),
            submissions: port(),
            relay_plain: port(),
            far: port(),
            imap: port(),
            imaps: port(),
        };
        drop(chosen);
        let mailboxes = folder.path().join("mailboxes");
        let dovecot = dovecot::start(&unpacked, folder.path(), &mailboxes, &ports);
        let relay = postfix::start_relay(&unpacked, folder.path(), &mailboxes, &ports);
        let far = postfix::start_far(&unpacked, folder.path(), &ports);
        let servers =
            Self { authority, ports, programs: vec![dovecot, relay, far], unpacked, folder };
        let Ports { submission, submissions, relay_plain, far, imap, imaps } = ports;
        for port in [submission, submissions, relay_plain, far, imap, imaps] {
            servers.until("a server listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        }
        servers
    }

    /// The mailbox of an office at the far host, e.g. `office@office.test`, or `fax.test`.
    pub fn far_mailbox(&self, address: &str) -> Mailbox {
        Mailbox::new(self.folder.path().join("far/mailboxes").join(address))
    }

    /// The receipt box, as Dovecot keeps it.
    pub fn receipt_box(&self) -> Mailbox {
        Mailbox::new(self.folder.path().join("mailboxes/receipts"))
    }

    /// What the relay has logged.
    pub fn relay_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("relay/log")).unwrap_or_default()
    }

    /// What the far host has logged.
    pub fn far_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("far/log")).unwrap_or_default()
    }

    /// A library that, loaded first, shows a program the time that `FAKETIME` says.
    pub fn other_clock(&self) -> PathBuf {
        self.unpacked.library("faketime/libfaketimeMT.so.1")
    }

    /// A file with the password of an account, as settings name one.
    pub fn password_file(&self, (account, password): (&str, &str)) -> PathBuf {
        let path = self.folder.path().join(format!("{account}.password"));
        fs::write(&path, format!("{password}\n")).expect("a password");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("for its owner");
        path
    }

    /// Looks until there is something to see; Postfix and Dovecot tell of nothing but in files.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let began = wall();
        while began.elapsed() < START {
            if let Some(found) = look() {
                return found;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        panic!("waited in vain: {what}\n{}", self.logs())
    }

    fn logs(&self) -> String {
        let dovecot = fs::read_to_string(self.folder.path().join("dovecot/log"));
        format!(
            "--- relay\n{}\n--- far host\n{}\n--- Dovecot\n{}\n--- standard error\n{}",
            self.relay_log(),
            self.far_log(),
            dovecot.unwrap_or_default(),
            fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default(),
        )
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        self.programs.clear();
    }
}

/// A folder that users of other programs can pass through but not list.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("mail-")
            .permissions(fs::Permissions::from_mode(0o711))
            .tempdir()
            .expect("a folder for the servers");
        Self(folder.keep())
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Not all of it is ours if we are not root.
        let _ = unpacked::as_root(&[]).args(["rm", "-rf"]).arg(&self.0).status();
    }
}

#[allow(clippy::disallowed_methods, reason = "real servers start in wall time")]
fn wall() -> Instant {
    Instant::now()
}
