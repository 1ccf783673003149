//! Mails that strangers send to the receipt box: the daemon stays small, its FAX goes on, and what comes behind them is read.

use std::fmt::Write as _;

use serde_json::json;

use crate::gateway::{self, Exchange, FAX, Way};
use crate::harness::first_contact;
use crate::servers::{Far, Servers};

/// More than what all of them together may make the daemon keep.
const MEMORY_KIB: u64 = 32 << 10;
/// What a mail of a quarter of a MiB costs a reader that goes into each mail in it, a hundred times.
const FLOOD: usize = 100;

/// Mails in one another, none of which shows until the encoding is undone: two thousand, and a thousand with a long one
/// in the midst.
const DEEP: &str = include_str!("../fuzz/seeds/dsn/nested-in-base64");
const DEEP_AND_LONG: &str = include_str!("../fuzz/seeds/dsn/nested-in-base64-and-long");

/// A bounce in form about no mail of ours, with a mail of 10 MB that it returns.
fn long_report() -> String {
    let mut mail = String::from(
        "Return-Path: <>\r\nTo: receipts@gateway.test\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.office.test\r\n\r\n\
         Final-Recipient: rfc822; office@office.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n\
         --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n",
    );
    for line in 0..150_000 {
        let _ = write!(mail, "{line:06} {}\r\n", "x".repeat(60));
    }
    mail + "--b--\r\n"
}

#[test]
fn flood_of_hostile_mails_leaves_the_daemon_small_its_fax_going_and_the_report_behind_it_read() {
    let servers = Servers::start();
    let mut appliance = gateway::start(&servers, Way::Submission);
    appliance.register(Far::Office.address());
    let before = appliance.notify("before");
    appliance.await_rung(&before, "mail_delivered");
    let memory_kib = appliance.memory_kib("VmRSS");

    let mut mails =
        vec![("1.deep".to_owned(), DEEP.to_owned()), ("1.long".to_owned(), long_report())];
    mails.extend((0..FLOOD).map(|number| (format!("2.flood-{number}"), DEEP_AND_LONG.to_owned())));
    for (name, mail) in &mails {
        servers.receipt_box().put(name, mail.as_bytes());
    }

    let key = appliance.post("key", &first_contact(FAX));
    let key = key.json()["id"].as_str().expect("an id").to_owned();
    let view = appliance.await_state(&key, &["confirmed"]);
    assert_eq!(view["channel"], "fax", "{view:#}");

    // Its report lies behind all of them: they were read before it.
    let last = appliance.notify("last");
    let view = appliance.await_rung(&last, "mail_delivered");
    assert_eq!(view["state"], "handed_off", "{view:#}");
    let view = appliance.show(&before);
    assert_eq!((&view["state"], &view["channel"]), (&json!("handed_off"), &json!("mail")));
    // They are nobody's receipt and are left where they are.
    assert_eq!(servers.receipt_box().mails().len(), mails.len());

    let more = appliance.memory_kib("VmHWM").saturating_sub(memory_kib);
    assert!(more < MEMORY_KIB, "{more} KiB more");
}
