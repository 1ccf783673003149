//! The mail driver's mailbox beside Dovecot: what is new, putting it away, and waiting for more.

use std::time::{Duration, Instant};

use mail::TokenKey;
use mail::mailbox::{Interrupt, Mailbox, MailboxError, MailboxSettings, Patience};
use mail::smtp::{Login, Mechanism, Tls};
use pki::Trust;

use crate::servers::{RECEIPTS, Servers};

fn settings(servers: &Servers, tls: Tls, mechanism: Mechanism) -> MailboxSettings {
    let port = match tls {
        Tls::Implicit => servers.ports.imaps,
        Tls::StartTls | Tls::Never => servers.ports.imap,
    };
    let (user, password) = RECEIPTS;
    let seconds = Duration::from_secs;
    MailboxSettings {
        host: "localhost".into(),
        port,
        tls,
        trust: Trust::Only(std::fs::read(servers.authority.file()).expect("a certificate")),
        login: Login { mechanism, user: user.into(), secret: password.to_owned().into() },
        folder: "INBOX".into(),
        done_folder: "Put away".into(),
        patience: Patience { connect: seconds(10), reply: seconds(10) },
    }
}

fn open(settings: &MailboxSettings) -> Result<Mailbox, MailboxError> {
    Mailbox::open(settings, &Interrupt::default())
}

#[test]
fn mails_are_read_in_their_order_put_away_and_the_next_one_is_seen_as_it_comes() {
    let servers = Servers::start();
    let letter = |text: &str| format!("Subject: {text}\r\n\r\n{text}\r\n");
    servers.receipt_box().put("1.first", letter("first").as_bytes());
    servers.receipt_box().put("2.second", letter("second").as_bytes());
    for (tls, mechanism) in [
        (Tls::StartTls, Mechanism::Plain),
        (Tls::Implicit, Mechanism::Login),
        (Tls::Implicit, Mechanism::Plain),
    ] {
        let mut mailbox = open(&settings(&servers, tls, mechanism)).expect("it opens");
        assert_eq!(mailbox.after(0).expect("a list").len(), 2, "{tls:?} {mechanism:?}");
        mailbox.leave();
    }

    let mut mailbox = open(&settings(&servers, Tls::Implicit, Mechanism::Plain)).expect("it opens");
    let uids = mailbox.after(0).expect("a list");
    let first = mailbox.fetch(uids[0]).expect("a reply").expect("a mail");
    assert!(first.octets.ends_with(b"first\r\n") && !first.is_cut, "{first:?}");
    assert_eq!(servers.receipt_box().folder("Put away"), [""; 0], "reading moves nothing");
    mailbox.done(uids[0]).expect("it is put away");
    assert_eq!(servers.receipt_box().folder("Put away").len(), 1);
    assert_eq!(mailbox.after(0).expect("a list"), [uids[1]]);
    assert_eq!(mailbox.after(uids[1]).expect("a list"), [0; 0]);
    assert_eq!(mailbox.fetch(uids[0]).expect("a reply").map(|mail| mail.octets), None);

    let began = wall();
    std::thread::scope(|scope| {
        scope.spawn(|| servers.receipt_box().put("3.third", letter("third").as_bytes()));
        while mailbox.after(uids[1]).expect("a list").is_empty() {
            mailbox.wait(Duration::from_secs(15)).expect("news or none");
        }
    });
    assert!(began.elapsed() < Duration::from_secs(10), "it was told, and did not only look");

    let key = TokenKey::new([7; 32]);
    let (ours, other) = (key.mint([1; 16]), key.mint([2; 16]));
    let copy = format!("Message-ID: <{}@gateway.test>\r\n\r\nx\r\n", ours.as_str());
    servers.receipt_box().put_in("Sent", "4.copy", copy.as_bytes());
    let sent = mailbox.sent("Sent", &[ours, other]).expect("an answer");
    assert_eq!(sent, [true, false]);
    mailbox.leave();
}

#[test]
fn mailbox_is_not_opened_with_a_wrong_password_or_at_a_server_that_somebody_else_vouches_for() {
    let servers = Servers::start();
    let usual = || settings(&servers, Tls::Implicit, Mechanism::Plain);
    let mut wrong = usual();
    wrong.login.secret = String::from("wrong").into();
    let error = open(&wrong).err().expect("refused");
    assert!(matches!(error, MailboxError::Login(_)), "{error:?}");
    let other = std::fs::read(servers.authority.other_file()).expect("a certificate");
    for tls in [Tls::Implicit, Tls::StartTls] {
        let mut wrong = settings(&servers, tls, Mechanism::Plain);
        wrong.trust = Trust::Only(other.clone());
        let error = open(&wrong).err().expect("refused");
        assert!(matches!(error, MailboxError::Certificate(_)), "{tls:?}: {error:?}");
    }
    open(&usual()).expect("the right ones open it").leave();
}

#[allow(clippy::disallowed_methods, reason = "Dovecot tells of mails in wall time")]
fn wall() -> Instant {
    Instant::now()
}
