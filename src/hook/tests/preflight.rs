//! Asking what would become of a notification, and what is refused because too much waits before it.

use super::*;
use crate::job::Urgency;

/// `count` notifications whose turn comes before that of [`body`], which may go at half past ten until the next day.
fn waiting(count: u32) -> Tally {
    let mut tally = Tally::default();
    (0..count).for_each(|_| tally.add(Channel::Fax, Urgency::Normal, TUESDAY_10_00));
    tally
}

async fn ask(house: &House, body: &Value) -> Answer {
    house.post_json("/v1/preflight", body).await
}

/// The same house for each body, since one that was accepted changes nothing for the next.
#[tokio::test]
async fn preflight_says_of_every_body_what_the_acceptance_says_and_stores_nothing() {
    let changed = |pointer: &str, value: Value| {
        let mut wrong = body();
        put(&mut wrong, pointer, value);
        wrong
    };
    let mut bodies: Vec<Value> = Kind::ALL.iter().map(|kind| body_of(*kind)).collect();
    bodies.extend([
        body_of_all_kinds(),
        json!({}),
        json!([]),
        changed("/surprise", json!(1)),
        changed("/recipient/fax", json!("119")),
        changed("/recipient/fax", json!("03-1234")),
        changed("/recipient/office_number", json!("1169900014")),
        changed("/recipient/office_number", json!("1179900013")),
        changed("/not_after", json!("2026-11-24T10:10:00+09:00")),
        changed("/credentials/password", json!("あ")),
    ]);
    let fault = FieldFault { pointer: "/recipient/office_name".into(), message: "U+1F600".into() };
    let setups = [
        Setup::default(),
        Setup { sheet: Err(SheetFault::Unrenderable { faults: vec![fault] }), ..Setup::default() },
        Setup { policy: Policy { keys: false, ..Policy::default() }, ..Setup::default() },
        Setup { tally: waiting(100_000), ..Setup::default() },
        Setup {
            windows: Windows::Hours(crate::schedule::windows::Hours::default()),
            ..Setup::default()
        },
    ];
    for (place, setup) in setups.into_iter().enumerate() {
        let house = House::with(setup).await;
        for (number, body) in bodies.iter().enumerate() {
            let asked = ask(&house, body).await;
            let kept = house.store.kept();
            let submitted = house.post(&format!("key-{number}"), body).await;
            if submitted.status == 202 {
                assert_eq!(asked.status, 200, "{place}: {body:#}\n{}", asked.text);
                assert_eq!(house.store.kept(), kept + 1, "only the acceptance stores it");
                assert_eq!(asked.json()["channel"], submitted.json()["channel"]);
            } else {
                let both = (asked.status, asked.json()) == (submitted.status, submitted.json());
                assert!(both, "{place}: {body:#}\n{}\n{}", asked.text, submitted.text);
                assert_eq!(asked.header("retry-after"), submitted.header("retry-after"));
                assert_eq!(house.store.kept(), kept);
            }
        }
    }
}

/// A minute a sheet on the one line that works, from ten on: 1,470 until half past on the next day, when it is to be gone.
#[tokio::test]
async fn what_would_go_out_too_late_is_refused_with_its_projection_and_urgent_ones_are_not() {
    let house = House::with(Setup { tally: waiting(1_470), ..Setup::default() }).await;
    assert_eq!(ask(&house, &body()).await.json()["ahead"], 1_470);
    assert_eq!(house.post("last", &body()).await.status, 202);
    // What was taken on since the last count counts.
    let refused = house.post("too-much", &body()).await;
    refused.is_problem(429, "queue-horizon");
    let start = "2026-11-25T01:31:00Z";
    assert_eq!(
        refused.json()["projection"],
        json!({ "start": start, "ahead": 1_471, "usable": 1 })
    );
    assert_eq!(refused.header("retry-after"), Some("60"));
    assert_eq!(house.store.kept(), 1);
    let mut urgent = body();
    put(&mut urgent, "/urgency", json!("urgent"));
    assert_eq!(house.post("urgent", &urgent).await.status, 202);
    assert_eq!(house.post("too-much", &body_of(Kind::Message)).await.status, 429, "of any kind");
}

#[tokio::test]
async fn while_no_line_works_only_what_can_wait_for_a_technician_is_taken_on() {
    let house = House::with(Setup { line_ready: false, ..Setup::default() }).await;
    // The other line has not begun yet.
    house.lines.boards[1].show(
        LineState::Faulty(LineFault { code: "modem-silent", message: String::new() }),
        TUESDAY_10_00,
    );
    let mut soon_over = body();
    put(&mut soon_over, "/not_before", Value::Null);
    put(&mut soon_over, "/not_after", json!("2026-11-24T10:50:00+09:00"));
    let refused = house.post("key", &soon_over).await;
    refused.is_problem(429, "queue-horizon");
    assert_eq!(refused.json()["projection"]["usable"], 0);
    assert!(refused.json()["detail"].as_str().is_some_and(|said| said.contains("works now")));
    put(&mut soon_over, "/not_after", json!("2026-11-24T12:00:00+09:00"));
    assert_eq!(house.post("key", &soon_over).await.status, 202);
    let told = ask(&house, &soon_over).await.json();
    let codes: Vec<_> =
        told["warnings"].as_array().expect("some").iter().map(|w| w["code"].clone()).collect();
    assert!(codes.contains(&json!("nothing-usable")), "{told:#}");
}

#[tokio::test]
async fn preflight_tells_the_way_its_reason_the_turn_and_what_to_know_of_the_number() {
    let house = House::open().await;
    let mut told = ask(&house, &body()).await.json();
    let expected = json!({
        "kind": "first_contact", "channel": "fax", "because": "only-by-fax",
        "earliest": "2026-11-24T01:30:00Z", "ahead": 0, "not_after": "2026-11-25T01:30:00Z", "version": 1,
        "proven_until": null,
    });
    let warnings = told["warnings"].clone();
    told.as_object_mut().expect("an object").remove("warnings");
    assert_eq!(told, expected);
    let codes = warnings.as_array().expect("a list").iter().map(|warning| &warning["code"]);
    assert!(codes.eq(["number-unknown", "number-not-proven"]), "{warnings:#}");
    assert!(warnings[0]["text"].is_string() && warnings[0]["next_ja"].is_string());
    let notice = ask(&house, &body_of(Kind::Document)).await.json();
    let way = (&notice["because"], &notice["version"]);
    assert_eq!(way, (&json!("no-mail-address"), &Value::Null));
    let voice = Trouble { times: known::VOICE_CALLS, last: TUESDAY_10_00, rate: None };
    let number = FaxNumber::parse("03-1234-5678").expect("valid");
    let barred = Known { voice: Some(voice), ..Known::default() };
    house.store.numbers.lock().expect("unharmed").push((number, Ok(barred)));
    let told = ask(&house, &body()).await.json();
    assert_eq!(told["warnings"][0]["code"], "number-is-a-telephone");
}

/// The proof comes by any sheet without a key, and is gone with a report that somebody else may stand at the machine.
#[tokio::test]
async fn key_waits_for_a_sheet_that_was_confirmed_at_the_number() {
    let policy = Policy { keys_only_to_proven: true, ..Policy::default() };
    let house = House::with(Setup { policy, ..Setup::default() }).await;
    for refused in [house.post("key", &body()).await, ask(&house, &body()).await] {
        refused.is_problem(422, "number-not-proven");
    }
    assert_eq!(house.post("proof", &body_of(Kind::NumberProof)).await.status, 202);
    let number = FaxNumber::parse("03-1234-5678").expect("valid");
    let proven = Known { proven: Some(TUESDAY_10_00), ..Known::default() };
    house.store.numbers.lock().expect("unharmed").push((number, Ok(proven)));
    let told = ask(&house, &body()).await.json();
    assert_eq!(told["proven_until"], TUESDAY_10_00.after(known::PROOF).rfc3339());
    assert_eq!(house.post("key", &body()).await.status, 202);
    let office = "/v1/offices/1179900012";
    house.post_json(&format!("{office}/events"), &json!({ "event": "manager_changed" })).await;
    house.post("next", &body()).await.is_problem(422, "number-not-proven");
}

#[tokio::test]
async fn preflight_is_for_whoever_may_send() {
    let house = House::with(Setup { scopes: &[Scope::Read], ..Setup::default() }).await;
    ask(&house, &body()).await.is_problem(403, "scope-missing");
}
