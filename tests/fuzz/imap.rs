//! Any octets as the words of a mail server, in whole sessions: no panic, nothing kept beyond its limits, mails only as
//! they were asked for, and no word of the server in an error that could not stand in the journal.
//!
//! An input is what the server says to one command after the other, parted by 0xFF; `$` is the command's tag, 0xFE a
//! pause that is too long. If it begins with an even octet, the server lets the client in first, as it should.
#![no_main]

use std::collections::VecDeque;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use mail::TokenKey;
use mail::mailbox::{
    FETCH_OCTETS, Mailbox, MailboxError, MailboxSettings, Patience, Wire, WireError,
};
use mail::smtp::{Login, Mechanism, Tls, Trust};

const SECRET: &str = "battery staple";
const PAUSE: u8 = 0xFE;

/// How an honest server lets a client in, command by command.
const WELCOME: [&[u8]; 6] = [
    b"* OK hello\r\n",
    b"* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE MOVE UIDPLUS\r\n$ OK\r\n",
    b"+ \r\n",
    b"$ OK\r\n",
    b"* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE MOVE UIDPLUS\r\n$ OK\r\n",
    b"* OK [UIDVALIDITY 7]\r\n$ OK\r\n",
];

/// The server, in memory.
struct Script {
    says: VecDeque<Vec<u8>>,
    line: VecDeque<u8>,
    tag: Vec<u8>,
}

impl Script {
    fn next(&mut self) {
        let tag = self.tag.clone();
        let says = self.says.pop_front().unwrap_or_default();
        self.line.extend(says.iter().flat_map(|octet| match octet {
            b'$' => tag.clone(),
            octet => vec![*octet],
        }));
    }
}

impl Wire for Script {
    fn allow(&mut self, _time: Duration) {}

    fn read(&mut self, octets: &mut [u8]) -> Result<usize, WireError> {
        assert!(!octets.is_empty(), "a read of nothing never ends");
        if self.line.front() == Some(&PAUSE) {
            self.line.pop_front();
            return Err(WireError::Late);
        }
        let most = octets.len();
        let run = self.line.iter().take_while(|octet| **octet != PAUSE).count();
        let run: Vec<u8> = self.line.drain(..run.min(most)).collect();
        octets[..run.len()].copy_from_slice(&run);
        Ok(run.len())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), WireError> {
        // Commands come in one piece; an answer to `+` has no tag.
        if octets.ends_with(b"\r\n") {
            if octets.first() == Some(&b'a') {
                self.tag = octets.split(|octet| *octet == b' ').next().unwrap_or_default().to_vec();
            }
            self.next();
        }
        Ok(())
    }
}

fn settings() -> MailboxSettings {
    MailboxSettings {
        host: "mail.example.jp".into(),
        port: 993,
        tls: Tls::Implicit,
        trust: Trust::System,
        login: Login {
            mechanism: Mechanism::Plain,
            user: "ops".into(),
            secret: SECRET.to_owned().into(),
        },
        folder: "INBOX".into(),
        done_folder: "Done".into(),
        patience: Patience::default(),
    }
}

/// What an error says can stand in the journal.
fn seen<T>(result: Result<T, MailboxError>) -> Option<T> {
    result
        .map_err(|error| {
            let words = error.to_string();
            assert!(!words.contains(char::is_control), "{words:?}");
            assert!(words.len() < 2000, "{words:?}");
            assert!(!words.contains(SECRET), "{words:?}");
            assert!(
                words.split('@').rev().skip(1).all(|before| before.ends_with("***")),
                "{words:?}"
            );
        })
        .ok()
}

fn session(script: Script) -> Option<()> {
    let key = TokenKey::new([9; 32]);
    let mut mailbox = seen(Mailbox::over(script, &settings()))?;
    for _look in 0..2 {
        let uids = seen(mailbox.after(3))?;
        assert!(uids.is_sorted_by(|one, next| one < next) && uids.iter().all(|uid| *uid > 3));
        for uid in uids.into_iter().take(2) {
            if let Some(mail) = seen(mailbox.fetch(uid)).flatten() {
                assert!(mail.octets.len() <= FETCH_OCTETS);
                let _ = mail::read(&mail.octets, &key);
            }
            seen(mailbox.done(uid))?;
        }
        let _ = seen(mailbox.has_done_folder());
        let tokens = [key.mint([1; 16]), key.mint([2; 16])];
        if let Some(sent) = seen(mailbox.sent("Sent", &tokens)) {
            assert_eq!(sent.len(), tokens.len());
        }
        seen(mailbox.wait(Duration::from_secs(60)))?;
    }
    mailbox.leave();
    Some(())
}

fuzz_target!(|octets: &[u8]| {
    let Some((first, octets)) = octets.split_first() else { return };
    let mut says: VecDeque<Vec<u8>> =
        octets.split(|octet| *octet == 0xFF).map(<[u8]>::to_vec).collect();
    if first % 2 == 0 {
        WELCOME.iter().rev().for_each(|words| says.push_front(words.to_vec()));
    }
    let mut script = Script { says, line: VecDeque::new(), tag: Vec::new() };
    script.next(); // the greeting
    let _ = session(script);
});
