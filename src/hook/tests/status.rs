//! The appliance at a glance.

use super::*;
use crate::hook::renewals::Renewable;
use crate::job::Urgency;
use crate::queue::{Counted, Held, HoldReason};
use crate::schedule::windows::Hours;

fn counted(state: JobState, channel: Channel, jobs: u64) -> Counted {
    Counted { state, channel, urgency: Urgency::Normal, due_hour: None, jobs }
}

fn codes(status: &Value) -> Vec<&str> {
    let wrong = status["wrong"].as_array().expect("a list");
    wrong.iter().map(|one| one["code"].as_str().expect("a code")).collect()
}

#[tokio::test]
async fn status_counts_what_there_is_and_says_when_the_next_one_goes_out() {
    let mut tally = Tally { fax_due: Some(TUESDAY_10_00), ..Tally::default() };
    (0..120).for_each(|_| tally.add(Channel::Fax, Urgency::Normal, TUESDAY_10_00));
    tally.counted.push(counted(JobState::Confirmed, Channel::Mail, 7));
    let house = House::with(Setup { tally, ..Setup::default() }).await;
    let status = house.get("/v1/status").await.json();
    let expected = json!({
        "waiting": 120, "longest_due": TUESDAY_10_00.rfc3339(), "usable": 1, "of": 2,
        "horizon": TUESDAY_10_00.after(Duration::from_secs(120 * 60)).rfc3339(),
    });
    assert_eq!(status["fax"], expected);
    assert_eq!((&status["mail"], &status["calling"]), (&json!(null), &json!(true)));
    assert_eq!(status["states"]["waiting"], json!({ "fax": 120, "mail": 0 }));
    assert_eq!(status["states"]["confirmed"], json!({ "fax": 0, "mail": 7 }));
    assert_eq!(status["states"].as_object().map(serde_json::Map::len), Some(JobState::ALL.len()));
    let line = &status["lines"][1];
    assert_eq!((&line["name"], &line["sheet_takes_s"]), (&json!("line2"), &json!(60)));
}

#[tokio::test]
async fn what_stops_everything_stands_before_what_stops_a_part_and_what_waits_for_a_person() {
    let tally = Tally {
        counted: vec![
            counted(JobState::Uncertain, Channel::Fax, 2),
            counted(JobState::Uncertain, Channel::Mail, 1),
        ],
        ..Tally::default()
    };
    let sheet = Err(SheetFault::OutOfOrder { message: "x".into() });
    let house = House::with(Setup { tally, sheet, ..Setup::default() }).await;
    let fault = LineFault { code: "no-dial-tone", message: "the line is dead".into() };
    let status = house.get("/v1/status").await.json();
    // One of both lines is in quarantine from the beginning.
    assert_eq!(codes(&status), ["sheet-unavailable", "modem-silent", "uncertain-open"]);
    assert_eq!(status["wrong"][2]["what"], "notifications");
    assert_eq!(status["wrong"][2]["message"], "3 of them (3 件)");
    let silent = &status["wrong"][1];
    assert_eq!(
        (&silent["what"], &silent["acts"]),
        (&json!("line1"), &json!("技術者")),
        "{silent:#}"
    );
    assert!(silent["message"].as_str().is_some_and(|said| said.contains("lines reset line1")));
    for language in ["text", "text_ja", "next", "next_ja"] {
        assert!(silent[language].is_string(), "{silent:#}");
    }
    house.lines.boards[1].show(LineState::Faulty(fault), TUESDAY_10_00);
    let status = house.get("/v1/status").await.json();
    assert_eq!(codes(&status)[..2], ["sheet-unavailable", "no-line-ready"]);
}

/// The night does not count: nobody could have called. Nor is it late while what stands before it is called.
#[tokio::test]
async fn notification_is_late_after_five_hours_in_which_no_line_called_anybody_although_it_could_have()
 {
    let cases = [
        (15, LineState::Ready, false),
        (21, LineState::Ready, true),
        (21, LineState::Calling, false),
    ];
    for (due_hours_ago, line, is_late) in cases {
        let due = TUESDAY_10_00.before(Duration::from_secs(3600 * due_hours_ago));
        let tally = Tally { fax_due: Some(due), ..Tally::default() };
        let windows = Windows::Hours(Hours::default());
        let house = House::with(Setup { tally, windows, ..Setup::default() }).await;
        let for_three_minutes = TUESDAY_10_00.before(Duration::from_secs(180));
        house.lines.boards[1].show(LineState::Testing, for_three_minutes);
        house.lines.boards[1].show(line, for_three_minutes);
        let status = house.get("/v1/status").await.json();
        assert_eq!(codes(&status).contains(&"queue-late"), is_late, "{due_hours_ago}: {status:#}");
    }
}

#[tokio::test]
async fn feed_that_somebody_altered_is_pointed_out_with_its_cursor() {
    let house = House::open().await;
    let status = house.get("/v1/status").await.json();
    assert!(!codes(&status).contains(&"history-altered"));
    *house.store.altered.lock().expect("unharmed") = Some(7);
    let status = house.get("/v1/status").await.json();
    let at = codes(&status).iter().position(|code| *code == "history-altered").expect("it is");
    let altered = &status["wrong"][at];
    assert_eq!(
        (&altered["what"], &altered["message"]),
        (&json!("feed"), &json!("from cursor 7 on"))
    );
}

#[tokio::test]
async fn gateway_that_is_held_back_says_so_first_and_why() {
    let house = House::open().await;
    let since = TUESDAY_10_00;
    let held = Held { reason: HoldReason::Restored, since, note: Some("copy of May".into()) };
    *house.store.held.lock().expect("unharmed") = Some(held);
    let status = house.get("/v1/status").await.json();
    assert_eq!(codes(&status)[0], "held");
    let message = status["wrong"][0]["message"].as_str().expect("a message");
    assert!(message.contains("an older one") && message.ends_with("(copy of May)"), "{message}");
    assert_eq!(status["appliance"]["held"]["reason"], "restored");
}

/// The gateway works on with what it read before, so nothing else would show it.
#[tokio::test]
async fn files_that_cannot_be_renewed_are_pointed_out_with_since_when_and_what_to_do() {
    let renewals = Renewals::default();
    let since = TUESDAY_10_00.before(Duration::from_secs(3600));
    renewals.stale(Renewable::Tokens, "/etc/shirase/tokens:3: no scope".into(), since);
    let house = House::with(Setup { renewals: renewals.clone(), ..Setup::default() }).await;
    let status = house.get("/v1/status").await.json();
    let wrong = status["wrong"].as_array().and_then(|all| all.last()).expect("pointed out");
    assert_eq!((&wrong["code"], &wrong["what"]), (&json!("tokens-not-renewed"), &json!("tokens")));
    let message = format!("since {}: /etc/shirase/tokens:3: no scope", since.rfc3339());
    assert_eq!(wrong["message"], json!(message));
    for language in ["text", "text_ja", "next", "next_ja"] {
        assert!(wrong[language].is_string(), "{wrong:#}");
    }
    renewals.fresh(Renewable::Tokens);
    renewals.stale(Renewable::Certificates, "chain.pem: no certificate".into(), since);
    let status = house.get("/v1/status").await.json();
    assert_eq!(codes(&status).last(), Some(&"certificates-not-renewed"));
    assert!(!codes(&status).contains(&"tokens-not-renewed"));
}

#[tokio::test]
async fn certificate_is_pointed_out_from_14_days_before_its_end_on() {
    // It is the 24th of November.
    for (end, is_told) in [((2026, 12, 9), false), ((2026, 12, 7), true), ((2026, 11, 23), true)] {
        let pem = tls::examples::valid_until(end.0, end.1, end.2);
        let shown = tls::Certificates::new(&pem, Vec::new()).expect("a pair");
        let renewals = Renewals::new(Some(Arc::new(shown)));
        let house = House::with(Setup { renewals, ..Setup::default() }).await;
        let status = house.get("/v1/status").await.json();
        assert_eq!(codes(&status).contains(&"certificate-runs-out"), is_told, "{end:?}");
    }
}

#[tokio::test]
async fn status_is_for_readers() {
    let house = House::with(Setup { scopes: &[Scope::Notify], ..Setup::default() }).await;
    house.get("/v1/status").await.is_problem(403, "scope-missing");
}
