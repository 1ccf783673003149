//! The mail driver beside real servers: what the relay says, and what comes back.

use std::time::Duration;

use mail::report::{Action, Content, RecipientReport};
use mail::smtp::{
    Deadlines, Go, Login, Mechanism, Outcome, Outgoing, Relay, RelaySettings, Step, Tls, Trouble,
};
use mail::{Address, Subject, TokenKey};
use pki::Trust;

use crate::servers::{DEFERRED, Far, REFUSED, SENDER, Servers};

const KEY: [u8; 32] = [7; 32];

/// How a relay is reached that is none of ours.
fn settings(servers: &Servers, tls: Tls, mechanism: Mechanism) -> RelaySettings {
    let seconds = Duration::from_secs;
    let port = match tls {
        Tls::StartTls => servers.ports.submission,
        Tls::Implicit => servers.ports.submissions,
        Tls::Never => servers.ports.relay_plain,
    };
    let (user, password) = SENDER;
    let authority = std::fs::read(servers.authority.file()).expect("a certificate");
    RelaySettings {
        host: "localhost".into(),
        port,
        tls,
        trust: Trust::Only(authority),
        login: Some(Login { mechanism, user: user.into(), secret: password.to_owned().into() }),
        hello: "gateway.test".into(),
        connections: 2,
        deadlines: Deadlines { connect: seconds(10), reply: seconds(10), content: seconds(20) },
    }
}

fn mail(subject: Subject, to: &str) -> Outgoing {
    let token = TokenKey::new(KEY).mint(subject);
    let address = |text: &str| Address::parse(text).expect("an address");
    let from = address(&format!("receipts+{}@gateway.test", token.as_str()));
    let octets = format!("From: notice@gateway.test\r\nTo: {to}\r\nSubject: x\r\n\r\nhello\r\n");
    Outgoing::new(from, address(to), &token, octets.into()).expect("a mail")
}

#[tokio::main(flavor = "current_thread")]
pub async fn deliver(settings: RelaySettings, mail: &Outgoing) -> Outcome {
    let relay = Relay::new(settings).expect("certificates");
    let outcome = relay.deliver(mail, async || Go::On).await;
    relay.close_idle().await;
    outcome
}

/// What the receipt box says of a mail of ours, waiting for it: what was done with it, and the status.
fn report(servers: &Servers, about: Subject) -> (Action, String) {
    servers.until("a report comes back", || {
        servers.receipt_box().mails().iter().find_map(|mail| {
            let reading = mail::read(mail.as_bytes(), &TokenKey::new(KEY));
            match reading.content {
                Content::Delivery(delivery) if reading.about == Some(about) => {
                    let [RecipientReport { action, status, .. }] = delivery.recipients.as_slice()
                    else {
                        panic!("one recipient: {mail}")
                    };
                    Some((
                        *action,
                        format!("{}.{}.{}", status.class, status.subject, status.detail),
                    ))
                }
                _ => None,
            }
        })
    })
}

#[test]
fn relay_takes_mails_in_every_way_to_log_in_and_a_report_names_each_one_that_arrived() {
    let servers = Servers::start();
    let ways = [
        (Tls::StartTls, Mechanism::Plain),
        (Tls::StartTls, Mechanism::Login),
        (Tls::Implicit, Mechanism::Plain),
    ];
    for ((tls, mechanism), subject) in ways.into_iter().zip(1_u8..) {
        let outcome = deliver(
            settings(&servers, tls, mechanism),
            &mail([subject; 16], Far::Office.address()),
        );
        assert!(matches!(outcome, Outcome::Accepted { dsn: true, .. }), "{tls:?}: {outcome:?}");
        assert_eq!(report(&servers, [subject; 16]), (Action::Delivered, "2.0.0".into()));
    }
    let office = servers.far_mailbox(Far::Office.address()).mails();
    assert_eq!(office.len(), ways.len());
    for mail in office {
        assert!(mail.contains("using TLSv1.3") && mail.contains("with ESMTPSA id"), "{mail}");
    }
}

#[test]
fn mail_that_the_far_host_refuses_puts_off_or_returns_is_reported_as_that() {
    let servers = Servers::start();
    let fates = [
        (Far::Unknown, Action::Failed, "5.1.1"),
        (Far::Greylisted, Action::Delayed, "4.2.0"),
        (Far::Full, Action::Failed, "5.2.2"),
    ];
    for ((far, _, _), subject) in fates.into_iter().zip(1_u8..) {
        let outcome = deliver(
            settings(&servers, Tls::StartTls, Mechanism::Plain),
            &mail([subject; 16], far.address()),
        );
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{far:?}: {outcome:?}");
    }
    for ((far, action, status), subject) in fates.into_iter().zip(1_u8..) {
        assert_eq!(report(&servers, [subject; 16]), (action, status.to_owned()), "{far:?}");
        assert!(servers.far_mailbox(far.address()).mails().is_empty(), "{far:?}");
    }
}

#[test]
fn relay_that_refuses_or_is_not_who_it_should_be_has_nothing() {
    let servers = Servers::start();
    let usual = || settings(&servers, Tls::StartTls, Mechanism::Plain);
    let to_office = mail([1; 16], Far::Office.address());

    for (to, code) in [(REFUSED, 550), (DEFERRED, 450)] {
        let outcome = deliver(usual(), &mail([1; 16], to));
        let Outcome::Refused { step: Step::Recipient, reply } = outcome else {
            panic!("{to}: {outcome:?}")
        };
        assert_eq!(reply.code, code);
    }

    let mut stranger = usual();
    stranger.login = Some(Login {
        mechanism: Mechanism::Plain,
        user: SENDER.0.into(),
        secret: String::from("wrong").into(),
    });
    let outcome = deliver(stranger, &to_office);
    assert!(matches!(outcome, Outcome::Refused { step: Step::Login, .. }), "{outcome:?}");

    let other = std::fs::read(servers.authority.other_file()).expect("a certificate");
    let outcome = deliver(RelaySettings { trust: Trust::Only(other), ..usual() }, &to_office);
    let certificate = |trouble: &Trouble| matches!(trouble, Trouble::Certificate(_));
    assert!(
        matches!(&outcome, Outcome::NotHanded { step: Step::Tls, trouble } if certificate(trouble)),
        "{outcome:?}"
    );

    let clear = RelaySettings { port: servers.ports.relay_plain, ..usual() };
    let outcome = deliver(clear, &to_office);
    assert!(matches!(outcome, Outcome::NotHanded { trouble: Trouble::NoTls, .. }), "{outcome:?}");

    // One that works, so that an empty mailbox would mean something.
    let last = deliver(usual(), &mail([2; 16], Far::Office.address()));
    assert!(matches!(last, Outcome::Accepted { .. }), "{last:?}");
    report(&servers, [2; 16]);
    assert_eq!(servers.far_mailbox(Far::Office.address()).mails().len(), 1);
}
