//! Each fact has its mark, and whoever reads it learns what to do.

use std::time::Duration;

use crate::app::settings::Login;
use ::mail::check::{Dmarc, SpfFault};
use ::mail::smtp::{Mechanism, Offers, Reply};
use pki::Validity;

use super::*;
use crate::job::examples::TUESDAY_10_00 as NOW;

const PEER: &str = "203.0.113.25";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn settings(tls: Tls) -> Relay {
    Relay {
        host: "relay.example.jp".into(),
        tls,
        port: 587,
        ca_file: None,
        login: None,
        hello: None,
        connections: 4,
        answer_wait_s: 60,
    }
}

fn for_days(days: i64) -> Validity {
    Validity { from_s: 0, until_s: NOW.0 / 1000 + days * 86_400 }
}

fn look() -> Look {
    let peer = (ip(PEER), 587).into();
    let certificate = Some(for_days(67));
    let offers = Offers { peer, certificate, dsn: true, size_octets: Some(20 << 20) };
    Look { offers, envelope: Ok(()) }
}

fn marks(findings: &[Finding]) -> String {
    findings.iter().map(|finding| finding.mark.sign()).collect()
}

fn shown(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn relay_in_order_takes_four_lines_and_nothing_to_do() {
    let findings = relay(&Ok(look()), &settings(Tls::StartTls), NOW);
    assert_eq!(
        shown(&findings),
        "✓ relay        relay.example.jp:587 (203.0.113.25), STARTTLS, no login
✓ certificate  valid until 2027-01-30, 67 days from now
✓ reports      the relay reports on delivery (DSN)
✓ envelope     the relay would take a mail of ours"
    );
}

#[test]
fn what_a_relay_lacks_is_a_warning_and_what_it_refuses_is_wrong() {
    let mut poor = look();
    poor.offers.certificate = Some(for_days(13));
    poor.offers.dsn = false;
    poor.offers.size_octets = Some(100_000);
    let text = String::from("5.7.1 <receipts+abc@example.jp>: not yours");
    poor.envelope = Err(Outcome::Refused { step: Step::Sender, reply: Reply { code: 553, text } });
    let findings = relay(&Ok(poor), &settings(Tls::StartTls), NOW);
    assert_eq!(marks(&findings), "✓!!!✗", "{}", shown(&findings));
    let all = shown(&findings);
    assert!(all.contains("553 5.7.1 <***@example.jp>: not yours"), "{all}");
    assert!(!all.contains("receipts+abc"), "{all}");
    assert!(all.contains("13 days from now"), "{all}");
}

#[test]
fn relay_that_cannot_be_used_has_one_line_with_the_setting_to_look_at() {
    let late = || Trouble::Late(Duration::from_secs(60));
    let cases = [
        (
            Step::Connect,
            Trouble::Connect("refused".into()),
            Tls::StartTls,
            Thing::Relay,
            "firewalls",
        ),
        (Step::Connect, late(), Tls::StartTls, Thing::Relay, "tls = \"implicit\""),
        (Step::Tls, late(), Tls::Implicit, Thing::Tls, "tls = \"starttls\""),
        (Step::Tls, Trouble::NoTls, Tls::StartTls, Thing::Tls, "465"),
        (Step::Tls, Trouble::Certificate("expired".into()), Tls::Implicit, Thing::Tls, "ca_file"),
        (
            Step::Login,
            Trouble::NoMechanism(Mechanism::Plain),
            Tls::StartTls,
            Thing::Login,
            "mechanism",
        ),
    ];
    for (step, trouble, tls, of, word) in cases {
        let outcome = Outcome::NotHanded { step, trouble };
        let findings = relay(&Err(outcome.clone()), &settings(tls), NOW);
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.mark, finding.of), (Mark::Wrong, of), "{outcome:?}");
        let todo = finding.todo.as_deref().unwrap_or_default();
        assert!(todo.contains(word), "{outcome:?}: {todo}");
    }
    let reply = Reply { code: 535, text: "5.7.8 bad login".into() };
    let outcome = Outcome::Refused { step: Step::Login, reply };
    let findings = relay(&Err(outcome), &settings(Tls::StartTls), NOW);
    assert!(shown(&findings).contains("password_file"), "{}", shown(&findings));
}

#[test]
fn mailbox_that_cannot_be_read_is_wrong_and_one_that_cannot_move_could_be_better() {
    let settings = Inbox {
        host: "imap.example.jp".into(),
        tls: Tls::Implicit,
        port: 993,
        ca_file: None,
        login: Login {
            mechanism: Mechanism::Plain,
            user: "receipts".into(),
            password_file: "/p".to_owned().try_into().expect("absolute"),
        },
        folder: "INBOX".into(),
        done_folder: "Done".into(),
        sent_folder: Some("Sent".into()),
    };
    let all = MailboxOffers { idle: true, r#move: true, uid_plus: true };
    let seen = |offers, sent_folder| InboxSeen { offers, mails: 3, done_folder: true, sent_folder };
    let no = || Some(Err(MailboxError::Refused { asked: "EXAMINE", said: "no such".into() }));
    for (seen, signs) in [
        (Ok(seen(all, Some(Ok(())))), "✓"),
        (Ok(seen(all, no())), "✓✗"),
        (Ok(seen(MailboxOffers { r#move: false, ..all }, None)), "✓"),
        (Ok(seen(MailboxOffers::default(), None)), "✓!"),
        (Err(MailboxError::Login("535 no".into())), "✗"),
    ] {
        let findings = inbox(&seen, &settings);
        assert_eq!(marks(&findings), signs, "{}", shown(&findings));
    }
    assert_eq!(
        shown(&inbox(&Ok(seen(all, None)), &settings)),
        "✓ inbox        imap.example.jp:993, folder INBOX, 3 mails in it; tells of new mails at once; mails that are done \
         go to Done"
    );
}

/// All in order here says nothing of the daemon: only its unit is kept from the network.
#[test]
fn peer_beyond_this_machine_is_named_with_the_drop_in_that_lets_the_daemon_out() {
    let local = ("localhost", vec![ip("127.0.0.1"), ip("::1")]);
    assert_eq!(fence(&[local.clone(), ("127.0.0.1", vec![ip("127.0.0.1")])]), None);
    let away = ("mail.example.jp", vec![ip(PEER), ip("2001:db8::25")]);
    let finding = fence(&[local, away.clone()]).expect("one is away");
    assert_eq!(
        shown(&[finding]),
        "? unit         the daemon must get out to mail.example.jp; the unit as it is shipped keeps it on this machine, \
         and this check does not run in it
               → systemctl edit shirase: [Service], IPAddressAllow=2001:db8::25 203.0.113.25, and the name server in \
         /etc/resolv.conf; then systemctl restart shirase"
    );
    // Both on one host are said once, and an address asks no name server.
    let twice = shown(&[fence(&[away.clone(), away]).expect("away")]);
    assert_eq!(twice.matches("mail.example.jp").count(), 1, "{twice}");
    let bare = shown(&[fence(&[("203.0.113.25", vec![ip(PEER)])]).expect("away")]);
    assert!(!bare.contains("resolv.conf"), "{bare}");
}

#[test]
fn domain_that_takes_no_mail_is_wrong_and_one_without_mx_could_be_better() {
    let host = |name: &str| vec![String::from(name)];
    for (hosts, addresses, mark) in [
        (host("mx.example.jp"), vec![], Mark::Good),
        (host("."), vec![], Mark::Wrong),
        (vec![], vec![ip(PEER)], Mark::Warning),
        (vec![], vec![], Mark::Wrong),
    ] {
        assert_eq!(mail_hosts("example.jp", &hosts, &addresses).mark, mark, "{hosts:?}");
    }
}

#[test]
fn spf_that_does_not_name_the_relay_is_as_bad_as_what_is_known_of_the_relay() {
    let of = |result, from| {
        marks(&super::spf("example.jp", &Spf { result, all: All::Fail, questions: 2 }, from))
    };
    let told = SendsFrom::Told(ip(PEER));
    let likely = SendsFrom::Likely(ip(PEER));
    for (result, from, sign) in [
        (SpfResult::Pass, told, "✓"),
        (SpfResult::Fail, told, "✗"),
        (SpfResult::SoftFail, told, "!"),
        (SpfResult::Neutral, told, "!"),
        (SpfResult::Fail, likely, "!"),
        (SpfResult::Neutral, SendsFrom::Hidden, "?"),
        (SpfResult::None, SendsFrom::Hidden, "✗"),
        (SpfResult::Broken(SpfFault::Questions), told, "✗"),
        (SpfResult::Unanswered(Unanswered::Late), told, "?"),
        (SpfResult::Depends("ptr".into()), told, "?"),
    ] {
        assert_eq!(of(result.clone(), from), sign, "{result:?} {from:?}");
    }
    let open = Spf { result: SpfResult::Pass, all: All::Pass, questions: 9 };
    assert_eq!(marks(&super::spf("example.jp", &open, told)), "✓✗!");
}

#[test]
fn address_of_a_network_of_its_own_says_nothing_of_where_mail_comes_from() {
    for hidden in
        ["127.0.0.1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"]
    {
        assert_eq!(SendsFrom::of(None, Some(ip(hidden))), SendsFrom::Hidden, "{hidden}");
    }
    for public in [PEER, "100.128.0.1", "2001:db8::1"] {
        assert_eq!(SendsFrom::of(None, Some(ip(public))), SendsFrom::Likely(ip(public)));
    }
    assert_eq!(SendsFrom::of(Some(ip(PEER)), Some(ip("10.0.0.1"))), SendsFrom::Told(ip(PEER)));
}

#[test]
fn key_counts_by_its_length_and_one_that_was_guessed_in_vain_is_left_open() {
    let key = |key, testing| Ok(DkimRecord::Key { key, testing });
    for (record, mark) in [
        (key(DkimKey::Rsa { bits: 2048 }, false), Mark::Good),
        (key(DkimKey::Rsa { bits: 2048 }, true), Mark::Warning),
        (key(DkimKey::Rsa { bits: 1024 }, false), Mark::Warning),
        (key(DkimKey::Rsa { bits: 1023 }, false), Mark::Wrong),
        (key(DkimKey::Ed25519, false), Mark::Warning),
        (Ok(DkimRecord::Revoked), Mark::Wrong),
        (Ok(DkimRecord::Broken("no p")), Mark::Wrong),
        (Err(Unanswered::Late), Mark::Open),
    ] {
        let signature =
            Signature::Found { selector: "s1", at: "example.jp", guessed: false, record };
        assert_eq!(dkim("example.jp", &signature).mark, mark, "{signature:?}");
    }
    assert_eq!(dkim("example.jp", &Signature::NotThere("s1")).mark, Mark::Wrong);
    let guessed = dkim("example.jp", &Signature::NoneUsual);
    assert_eq!(guessed.mark, Mark::Open);
    assert!(guessed.todo.unwrap_or_default().contains("--selector"));
}

#[test]
fn return_path_of_another_domain_is_wrong_where_receivers_are_told_to_refuse() {
    let record = |demand, spf_strict| {
        let at = String::from("example.jp");
        Ok(DmarcRecord::There(Dmarc { at, demand, spf_strict, dkim_strict: false, reports: true }))
    };
    let below = Ok(Alignment { equal: false, same: true });
    let other = Ok(Alignment { equal: false, same: false });
    for (record, alignment, mark) in [
        (record(Demand::Reject, false), below.clone(), Mark::Good),
        (record(Demand::Reject, true), below.clone(), Mark::Wrong),
        (record(Demand::Quarantine, false), other.clone(), Mark::Wrong),
        (record(Demand::None, false), other.clone(), Mark::Warning),
        (Ok(DmarcRecord::Nothing), other, Mark::Warning),
        (Ok(DmarcRecord::Broken { at: "example.jp".into(), why: "no p" }), below, Mark::Warning),
        (record(Demand::None, false), Err(Unanswered::Late), Mark::Open),
    ] {
        let finding = dmarc("example.jp", "bounce.example.jp", record, alignment);
        assert_eq!(finding.mark, mark, "{finding}");
    }
}

/// An answer of the DNS is anybody's words.
#[test]
fn record_cannot_write_lines_of_its_own() {
    let result = SpfResult::Depends("exists:%{i}\n✓ spf all is well\u{1b}[2J".into());
    let findings =
        super::spf("example.jp", &Spf { result, all: All::Fail, questions: 1 }, SendsFrom::Hidden);
    assert_eq!(shown(&findings).lines().count(), 2, "{}", shown(&findings));
    assert!(!shown(&findings).contains('\u{1b}'));
}
