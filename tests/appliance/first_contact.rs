//! What becomes of a first contact, told by who answers the telephone.

use std::io::Cursor;
use std::time::Duration;

use serde_json::Value;
use shirase::job::UnixMillis;
use shirase::send::sheets::SheetMarks;
use shirase::send::tag_line::TagLine;

use crate::harness::{Appliance, FIRST_TIME_KEY, PASSWORD, Setup};

/// The page of a received file.
fn received(call: &Value) -> t4::Page {
    let file = call["file"].as_str().expect("the far end kept a file");
    let bytes = std::fs::read(file).expect("the received file");
    let mut pages = t4::container::read(Cursor::new(bytes)).expect("a TIFF-F file");
    assert_eq!(pages.len(), 1, "one sheet is one page");
    pages.remove(0).page
}

/// The mark of the pels of a received file, as the receipt names those of the sent page.
fn received_mark(appliance: &Appliance, call: &Value) -> String {
    let key = std::fs::read(appliance.path("master-key")).expect("the master key");
    let marks = SheetMarks::new(&key.try_into().expect("32 octets"));
    shirase::job::hex(&marks.of(&received(call)))
}

/// Whether the received page has the tag line of a call of this minute at its head, and nothing else there.
fn has_tag_line(page: &t4::Page, at: UnixMillis) -> bool {
    let tag_line = TagLine {
        at,
        sender: "書類交換サイト",
        tsi: Some("03 0000 0000"),
        receiver: "あおぞら訪問介護ステーション",
    };
    let white = t4::Page::new(page.width_pels(), page.resolution());
    let head = tag_line.stamp(&white, 1, 1).expect("a white page");
    page.bits().starts_with(head.bits())
}

#[test]
fn a_fax_machine_answers_and_the_receipt_names_the_very_pels_it_received() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=fax,csi=03 1234 5678"], ..Setup::default() });
    let id = appliance.submit("03-1234-5678");
    let view = appliance.await_state(&id, &["confirmed"]);
    let call = appliance.await_calls(1).remove(0);
    let receipt = &view["attempts"][0]["receipt"];
    assert_eq!(receipt["sheet_mark"], received_mark(&appliance, &call), "{view:#}");
    let rungs = view["attempts"][0]["rungs"].as_array().expect("rungs");
    let dialing = rungs.iter().find(|rung| rung["name"] == "dialing").expect("it was dialled");
    let at: jiff::Timestamp =
        dialing["at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
    let (page, at) = (received(&call), UnixMillis(at.as_millisecond()));
    // The modem is told to dial a little later, perhaps in the next minute.
    let before = at.before(Duration::from_secs(60));
    assert!(has_tag_line(&page, at) || has_tag_line(&page, before), "{view:#}");
    assert!(!has_tag_line(&page, at.before(Duration::from_secs(120))), "the minute is not read");
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
fn what_passed_on_a_call_is_listed_drawn_saved_and_run_again_and_names_nobody_whole() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=fax,csi=0312345678"], ..Setup::default() });
    let notification = appliance.submit("0312345678");
    appliance.await_state(&notification, &["confirmed"]);
    let id = appliance.await_trace();
    let said = |arguments: &[&str]| {
        let output = appliance.verb(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).expect("text")
    };

    let list = said(&["calls", "--of", &notification]);
    assert!(list.contains("******5678") && list.contains("14400 bit/s"), "{list}");
    let drawn = said(&["calls", "show", &id, "--at"]);
    for part in ["> ATDT******5678", "CSI  ******5678", "AT+FTM=146", "PAGE 1", "MCF  received"] {
        assert!(drawn.contains(part), "{part} in\n{drawn}");
    }
    assert!(!drawn.contains('\x1b'), "no colours where no person looks");
    let json = said(&["calls", "show", &id, "--json"]);
    assert!(json.contains(&notification), "one's own notification is named");
    let file = appliance.path("call.json");
    std::fs::write(&file, &json).expect("saved");
    let file = file.to_str().expect("a name");
    for which in [id.as_str(), file] {
        assert!(said(&["calls", "replay", which]).contains("to the end of the session"));
    }

    // The same far end, but in the recording it was not content.
    let other = json.replace("FF138C", "FF134C");
    assert_ne!(other, json, "it said MCF");
    std::fs::write(file, other).expect("saved");
    let differs = appliance.verb(&["calls", "replay", file]);
    assert_eq!(differs.status.code(), Some(6), "{differs:?}");
    let differs = String::from_utf8_lossy(&differs.stdout).into_owned();
    assert!(differs.contains("different at") && differs.contains("confirmed"), "{differs}");

    let backwards = "8765432130".bytes().map(|digit| format!("{digit:02X}")).collect::<String>();
    let forwards = "0312345678".bytes().map(|digit| format!("{digit:02X}")).collect::<String>();
    for text in [list, drawn, json] {
        for secret in [PASSWORD, FIRST_TIME_KEY, "0312345678", "8765432130", &forwards, &backwards]
        {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    for name in ["queue.db", "queue.db-wal"] {
        let octets = std::fs::read(appliance.path(name)).unwrap_or_default();
        let holds = |text: &str| octets.windows(text.len()).any(|part| part == text.as_bytes());
        for secret in [PASSWORD, FIRST_TIME_KEY, "8765432130", &forwards, &backwards] {
            assert!(!holds(secret), "{secret} in {name}");
        }
    }
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
