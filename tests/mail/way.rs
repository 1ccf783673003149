//! What becomes of a notice whose office has a mail address, told by what happens to the mail.

use mail_parser::{MessageParser, MimeHeaders};
use serde_json::{Value, json};

use crate::gateway::{self, Exchange, FAX, Way, rungs};
use crate::harness::{Appliance, FIRST_TIME_KEY, PASSWORD, first_contact};
use crate::servers::{DEFERRED, Far, REFUSED, Servers};

/// The one mail of an office's mailbox.
fn only_mail(servers: &Servers, address: &str) -> String {
    let mut mails = servers.far_mailbox(address).mails();
    assert_eq!(mails.len(), 1, "one notice, one mail");
    mails.remove(0)
}

/// The token of a mail, as it stands in its return path.
fn token(mail: &str) -> &str {
    let path = mail.split("Return-Path: <receipts+").nth(1).expect("a return path of ours");
    path.split('@').next().expect("a part")
}

#[test]
fn notice_lies_in_the_mailbox_its_report_comes_back_and_a_login_confirms_it() {
    let servers = Servers::start();
    let mut appliance = gateway::start(&servers, Way::Submission);
    appliance.register(Far::Office.address());
    let id = appliance.notify("notice");
    let view = appliance.await_rung(&id, "mail_delivered");
    assert_eq!(view["state"], "handed_off", "a report is no reader: {view:#}");
    let mail = only_mail(&servers, Far::Office.address());
    assert_is_a_notice(&mail);

    let answer = appliance.tell_login(&id);
    assert_eq!(answer["state"], "confirmed", "{answer:#}");
    let view = appliance.show(&id);
    assert_eq!(view["state"], "confirmed", "{view:#}");
    let events = appliance.request("GET", "/v1/events?after=0", &[], b"").text;
    for told in ["handed_off", "mail_delivered", "first_login", "confirmed"] {
        assert!(events.contains(told), "{told} in {events}");
    }
    servers.until("the report is put away", || {
        let done = servers.receipt_box().folder("Done");
        (done.len() == 1 && servers.receipt_box().mails().is_empty()).then_some(())
    });
    assert!(appliance.calls().is_empty(), "nobody was called");
    for text in [appliance.log(), events, view.to_string()] {
        assert!(!text.contains("office@office.test"), "no whole address in {text}");
    }
}

/// Headers and both texts of a mail, as another reader takes them.
fn assert_is_a_notice(octets: &str) {
    let mail = MessageParser::default().parse(octets).expect("a mail");
    let token = token(octets);
    assert_eq!(mail.message_id(), Some(format!("{token}@gateway.test").as_str()));
    assert!(
        mail.subject().is_some_and(|subject| subject.starts_with("【書類交換サイト】")),
        "{octets}"
    );
    let from = mail.from().and_then(|from| from.first()).expect("a sender");
    assert_eq!(from.name(), Some("書類交換サイト"));
    assert_eq!(from.address(), Some("notice@gateway.test"));
    assert_eq!(mail.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
    for absent in ["List-Id", "List-Unsubscribe", "Precedence", "Bcc"] {
        assert_eq!(mail.header_raw(absent), None, "{absent}");
    }
    let kind = mail.content_type().expect("a type");
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("alternative")));
    let (text, html) = (mail.body_text(0).expect("text"), mail.body_html(0).expect("HTML"));
    for part in [&text, &html] {
        for told in ["提供票", "みどり居宅介護支援事業所", "https://exchange.example.jp/"]
        {
            assert!(part.contains(told), "{told} in {part}");
        }
        for secret in [PASSWORD, FIRST_TIME_KEY, "az-2779900030"] {
            assert!(!part.contains(secret), "{secret} in {part}");
        }
    }
    for remote in ["src=", "url(", "<script", "<img", "@import"] {
        assert!(!html.to_ascii_lowercase().contains(remote), "{remote} in {html}");
    }
    assert_eq!(mail.attachment_count(), 0);
}

#[test]
fn notice_that_comes_back_goes_by_fax_at_once_and_the_receipt_says_why() {
    let servers = Servers::start();
    let mut appliance = gateway::start(&servers, Way::Submission);
    // The relay says no, the far host says no, the far host says yes and then no.
    for (calls, address) in
        [REFUSED, Far::Unknown.address(), Far::Full.address()].iter().enumerate()
    {
        appliance.register(address);
        let id = appliance.notify(address);
        let view = appliance.await_state(&id, &["confirmed"]);
        assert_eq!(view["channel"], "fax", "{address}: {view:#}");
        assert_eq!(view["because"], "mail-bounced", "{address}: {view:#}");
        let call = appliance.await_calls(calls + 1).remove(calls);
        assert_eq!((&call["pages"], &call["dialled"]), (&json!(1), &json!(FAX)), "{call:#}");
        assert!(servers.far_mailbox(address).mails().is_empty(), "{address}");
        if *address != REFUSED {
            assert!(rungs(&view).contains(&"mail_bounced".to_owned()), "{address}: {view:#}");
        }
    }
}

#[test]
fn notice_that_nobody_follows_goes_by_fax_when_its_time_is_over() {
    let servers = Servers::start();
    let mut appliance = gateway::start(&servers, Way::Submission);
    appliance.register(Far::Office.address());
    let followed = appliance.notify("followed");
    let unread = appliance.notify("unread");
    for id in [&followed, &unread] {
        appliance.await_rung(id, "mail_delivered");
    }
    appliance.tell_login(&followed);
    let view = appliance.show(&unread);
    let time = |value: &Value| -> jiff::Timestamp {
        value.as_str().and_then(|time| time.parse().ok()).expect("a time")
    };
    let waits = time(&view["awaits"]["until"]) - time(&view["accepted_at"]);
    // Nine hours of which none is closed, from when the relay took it.
    let minutes = waits.total(jiff::Unit::Minute).expect("a span of hours");
    assert!((540.0..542.0).contains(&minutes), "{minutes} minutes: {view:#}");
    appliance.kill_daemon();
    gateway::set_clock(&mut appliance, &servers, "+10h");
    appliance.start_daemon();
    let view = appliance.await_state(&unread, &["confirmed"]);
    assert_eq!(view["channel"], "fax", "{view:#}");
    assert_eq!(view["because"], "mail-unread", "{view:#}");
    assert_eq!(appliance.await_calls(1).len(), 1, "one sheet, for the one that nobody followed");
    let view = appliance.show(&followed);
    assert_eq!(
        (&view["state"], &view["channel"]),
        (&json!("confirmed"), &json!("mail")),
        "{view:#}"
    );
    assert_eq!(
        servers.far_mailbox(Far::Office.address()).mails().len(),
        2,
        "none was mailed again"
    );
}

#[test]
fn key_goes_by_fax_though_an_address_is_registered_and_no_mail_leaves() {
    let servers = Servers::start();
    let mut appliance = gateway::start(&servers, Way::Submission);
    appliance.register(Far::Office.address());
    let answer = appliance.post("key", &first_contact(FAX));
    assert_eq!((answer.status, &answer.json()["channel"]), (202, &json!("fax")), "{}", answer.text);
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    appliance.await_state(&id, &["confirmed"]);
    assert_eq!(mails_in(&servers.relay_log()), 0, "{}", servers.relay_log());
    // The same office gets a notice by mail, so that none of the other would mean something.
    let id = appliance.notify("notice");
    appliance.await_rung(&id, "mail_delivered");
    assert_eq!(mails_in(&servers.relay_log()), 1, "{}", servers.relay_log());
}

/// Mails to the office that a relay's log tells of.
fn mails_in(log: &str) -> usize {
    log.lines()
        .filter(|line| line.contains("postfix/smtp[") && line.contains("to=<office@"))
        .count()
}

#[test]
fn notice_that_is_put_off_waits_and_nothing_that_strangers_send_changes_it() {
    let servers = Servers::start();
    let mut appliance = gateway::start(&servers, Way::Submission);
    appliance.register(DEFERRED);
    let deferred = appliance.notify("deferred");
    let view = appliance.await_attempt(&deferred, &["not_sent"]);
    assert_eq!((&view["state"], &view["channel"]), (&json!("waiting"), &json!("mail")), "{view:#}");
    assert_eq!(view["attempts"][0]["code"], "mail-deferred", "{view:#}");
    assert!(view["due_at"].is_string(), "{view:#}");

    appliance.register(Far::Greylisted.address());
    let greylisted = appliance.notify("greylisted");
    let view = appliance.await_rung(&greylisted, "mail_delayed");
    assert_eq!(view["state"], "handed_off", "{view:#}");

    // The other domain goes on while that one rests.
    appliance.register(Far::Office.address());
    let delivered = appliance.notify("delivered");
    appliance.await_rung(&delivered, "mail_delivered");
    let mail = only_mail(&servers, Far::Office.address());
    let before = told(&mut appliance, [&deferred, &greylisted, &delivered]);
    put_what_strangers_send(&servers, token(&mail));
    // One more report behind them: they were read before it.
    let last = appliance.notify("last");
    appliance.await_rung(&last, "mail_delivered");
    assert_eq!(told(&mut appliance, [&deferred, &greylisted, &delivered]), before);
}

/// States and rungs of notifications.
fn told(appliance: &mut Appliance, ids: [&str; 3]) -> Vec<(Value, Vec<String>)> {
    ids.iter()
        .map(|id| appliance.show(id))
        .map(|view| (view["state"].clone(), rungs(&view)))
        .collect()
}

/// A holiday note about a mail of ours, a bounce with a token that nobody of us made, and mails of no meaning.
fn put_what_strangers_send(servers: &Servers, token: &str) {
    // The attempt is named by the first half of a token, and proven by the second.
    let forged: String = token
        .char_indices()
        .map(|(at, c)| match (at < token.len() - 10, c) {
            (true, c) => c,
            (false, 'a') => 'b',
            (false, _) => 'a',
        })
        .collect();
    let bounce = |token: &str| {
        format!(
            "Return-Path: <>\r\nFrom: MAILER-DAEMON@office.test\r\nTo: receipts+{token}@gateway.test\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nno\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.office.test\r\n\r\n\
             Final-Recipient: rfc822; office@office.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
        )
    };
    let holiday = format!(
        "From: office@office.test\r\nTo: receipts+{token}@gateway.test\r\nAuto-Submitted: auto-replied\r\n\
         Subject: out of office\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nback on Monday\r\n"
    );
    let deep = format!(
        "From: x@y.test\r\n{}\r\n\r\nx\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n".repeat(1000)
    );
    let mails =
        [bounce(&forged), holiday, deep, String::new(), "\u{0}\r\n".into(), bounce("short")];
    for (number, mail) in mails.iter().enumerate() {
        servers.receipt_box().put(&format!("1.stranger-{number}"), mail.as_bytes());
    }
}
