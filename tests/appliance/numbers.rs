//! What is remembered from one call to the next, told by a technician at the command line.

use serde_json::json;

use crate::harness::{Appliance, Setup};

#[test]
fn a_machine_three_numbers_off_gets_no_page_until_a_technician_vouches_for_it() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=fax,csi=0312345675"], ..Setup::default() });
    let refused = appliance.submit("0312345678");
    let view = appliance.await_state(&refused, &["failed"]);
    let ending = &view["attempts"][0]["ending"];
    assert_eq!(ending["code"], "identity-conflict", "{view:#}");
    assert_eq!(ending["label_ja"], "宛先不一致");
    assert_eq!(appliance.await_calls(1)[0]["image_bytes"], 0);
    let shown = appliance.numbers(&["show", "03-1234-5678"]);
    assert!(shown.contains("as ******5675: another than dialled"), "{shown}");
    assert!(!shown.contains("worked"), "{shown}");

    let lock = ["lock", "03-1234-5678", "--identity", "03 1234 5675", "--fastest", "9600"];
    let locked = appliance.numbers(&lock);
    assert!(locked.contains("V.29 9600 bit/s with error correction"), "{locked}");
    let sent = appliance.submit("0312345678");
    let view = appliance.await_state(&sent, &["confirmed"]);
    let attempt = &view["attempts"][0];
    assert_eq!(attempt["receipt"]["identity"], "learnt", "{view:#}");
    assert_eq!(attempt["receipt"]["contract"]["rate_bps"], 9600, "{view:#}");
    let settings = attempt["rungs"].as_array().expect("rungs").iter();
    let settings = settings.clone().find(|rung| rung["name"] == "settings").expect("a rung");
    assert_eq!(settings["detail"]["seen"]["why"], "locked");

    let shown = appliance.numbers(&["show", "0312345678"]);
    assert!(shown.contains("worked     V.29 9600 bit/s"), "{shown}");
    assert!(shown.contains("1 as ******5675"), "{shown}");
    assert!(appliance.numbers(&[]).contains("locked"));
    assert!(appliance.numbers(&["forget", "0312345678"]).contains("******5678 is forgotten"));
    assert!(!appliance.log().contains("0312345675"), "an identity is a number, too");
}

#[test]
fn a_number_without_a_fax_tone_is_called_three_times_and_then_rests_for_a_day() {
    let mut appliance = Appliance::start(&Setup {
        fars: &["0312345678=voice"],
        lines: &[("line1", "answer_wait_s = 30")],
        ..Setup::default()
    });
    // A later notification must not find the one before it still waiting for its turn.
    for _ in 0..2 {
        let id = appliance.submit("0312345678");
        let view = appliance.await_attempt(&id, &["not_sent"]);
        assert_eq!(view["attempts"][0]["code"], "no-carrier", "{view:#}");
        appliance.request("DELETE", &format!("/v1/notifications/{id}"), &[], b"");
    }
    let third = appliance.submit("0312345678");
    let view = appliance.await_attempt(&third, &["not_sent"]);
    assert_eq!((&view["state"], &view["reason"]), (&json!("waiting"), &json!("no-fax-tone")));
    let fourth = appliance.submit("0312345678");
    let view = appliance.until("the fourth is put off", |appliance| {
        let view = appliance.show(&fourth);
        (view["reason"] == "no-fax-tone").then_some(view)
    });
    assert_eq!(view["state"], "waiting", "{view:#}");
    assert_eq!((view["attempts"].clone(), appliance.await_calls(3).len()), (json!([]), 3));
    let shown = appliance.numbers(&["show", "0312345678"]);
    assert!(shown.contains("toneless") && shown.contains("not called"), "{shown}");
}
