//! What becomes of a first contact, told by who answers the telephone.

use std::io::Cursor;

use serde_json::Value;

use crate::harness::{Appliance, FIRST_TIME_KEY, PASSWORD, Setup};

/// SHA-256 of the pels of a received file, as the receipt names those of the sent sheet.
fn received_sha256(call: &Value) -> String {
    let file = call["file"].as_str().expect("the far end kept a file");
    let bytes = std::fs::read(file).expect("the received file");
    let pages = t4::container::read(Cursor::new(bytes)).expect("a TIFF-F file");
    assert_eq!(pages.len(), 1, "one sheet is one page");
    shirase::job::hex(&shirase::send::fax::sheet_sha256(&pages[0].page))
}

#[test]
fn a_fax_machine_answers_and_the_receipt_names_the_very_pels_it_received() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=fax,csi=03 1234 5678"], ..Setup::default() });
    let id = appliance.submit("03-1234-5678");
    let view = appliance.await_state(&id, &["confirmed"]);
    let call = appliance.await_calls(1).remove(0);
    let receipt = &view["attempts"][0]["receipt"];
    assert_eq!(receipt["sheet_sha256"], received_sha256(&call), "{view:#}");
    assert_eq!(receipt["pages_confirmed"], 1);
    assert_eq!(receipt["identity"], "exact");
    assert_eq!(call["ecm"], true);
    assert_eq!(call["rate_bps"], 14_400);
}

#[test]
fn busy_is_not_sent_and_waits_for_a_second_call() {
    let mut appliance = Appliance::start(&Setup { fars: &["0312345678=busy"], ..Setup::default() });
    let id = appliance.submit("0312345678");
    let view = appliance.await_attempt(&id, &["not_sent"]);
    assert_eq!(view["state"], "waiting", "{view:#}");
    assert_eq!(view["attempts"][0]["code"], "busy");
    assert!(view["due_at"].is_string(), "{view:#}");
}

#[test]
fn another_office_answers_and_no_page_leaves() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=fax,csi=0312345675"], ..Setup::default() });
    let id = appliance.submit("0312345678");
    let view = appliance.await_attempt(&id, &["not_sent"]);
    let call = appliance.await_calls(1).remove(0);
    assert_eq!(call["pages"], 0, "{call:#}");
    assert_eq!(call["image_bytes"], 0, "{call:#}");
    assert_eq!(view["attempts"][0]["code"], "identity-conflict", "{view:#}");
}

#[test]
fn a_call_that_is_cancelled_before_the_page_sends_none() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=noanswer"], ..Setup::default() });
    let id = appliance.submit("0312345678");
    appliance.await_attempt(&id, &["dialing"]);
    let answer = appliance.request("DELETE", &format!("/v1/notifications/{id}"), &[], b"");
    assert!([200, 202].contains(&answer.status), "{}", answer.text);
    let view = appliance.await_state(&id, &["cancelled"]);
    assert_eq!(view["attempts"][0]["state"], "not_sent", "{view:#}");
}

#[test]
fn no_secret_and_no_whole_number_is_in_any_log_or_answer() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=fax,csi=0312345678"], ..Setup::default() });
    let id = appliance.submit("0312345678");
    appliance.await_state(&id, &["confirmed"]);
    let answers = [
        appliance.show(&id).to_string(),
        appliance.request("GET", "/v1/notifications", &[], b"").text,
        appliance.request("GET", "/v1/events?after=0", &[], b"").text,
        appliance.log(),
    ];
    for text in &answers {
        for secret in [PASSWORD, FIRST_TIME_KEY, "0312345678"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    assert!(appliance.log().contains(&id), "the log was looked at and tells of the job");
}
