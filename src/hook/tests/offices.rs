//! What the exchange reports of offices and of notifications, and what follows for the next one.

use super::*;
use crate::job::FaxBecause;
use crate::schedule::mail_board::MailBoard;
use crate::send::mailbox_board::MailboxBoard;
use crate::settle::{AtEnd, Watch};

const OFFICE: &str = "/v1/offices/1179900012";
const ADDRESS: &str = "sakura.office@example.co.jp";

async fn with_mail() -> House {
    House::with(Setup { policy: Policy { mail: true, ..Policy::default() }, ..Setup::default() })
        .await
}

async fn report(house: &House, body: Value) -> Answer {
    house.post_json(&format!("{OFFICE}/events"), &body).await
}

fn registered() -> Value {
    json!({ "event": "mail_registered", "mail": ADDRESS })
}

#[tokio::test]
async fn office_of_which_nothing_was_reported_is_open_and_gets_everything_by_fax() {
    let house = with_mail().await;
    let office = house.get(OFFICE).await;
    let expected = json!({
        "office_number": "1179900012", "fax": null, "anew_since": null, "mail": null, "closed": false, "channel": "fax",
        "changed_at": null,
    });
    assert_eq!((office.status, office.json()), (200, expected));
}

#[tokio::test]
async fn registered_address_holds_from_the_next_notice_until_the_manager_changes() {
    let log = Log::default();
    let _guard = log.listen();
    let house = with_mail().await;
    let channel = async |key: &str, kind| {
        let answer = house.post(key, &body_of(kind)).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json()["channel"].clone()
    };
    assert_eq!(channel("before", Kind::Document).await, "fax");
    let office = report(&house, registered()).await;
    assert_eq!(
        (office.status, &office.json()["channel"]),
        (200, &json!("mail")),
        "{}",
        office.text
    );
    assert_eq!(office.json()["mail"], "s***@example.co.jp");
    assert_eq!(office.json()["changed_at"], TUESDAY_10_00.rfc3339());
    assert_eq!(channel("document", Kind::Document).await, "mail");
    // A repetition gets its first answer, whatever was reported since.
    assert_eq!(channel("before", Kind::Document).await, "fax");
    assert_eq!(channel("key", Kind::FirstContact).await, "fax");
    for event in ["manager_changed", "mail_withdrawn"] {
        assert_eq!(report(&house, registered()).await.json()["channel"], "mail");
        let office = report(&house, json!({ "event": event })).await;
        assert_eq!(
            (&office.json()["mail"], &office.json()["channel"]),
            (&json!(null), &json!("fax"))
        );
        assert_eq!(channel(event, Kind::Message).await, "fax", "{event}");
    }
    assert_eq!(channel("document", Kind::Document).await, "mail");
    let said = [log.text(), office.text, house.get(OFFICE).await.text].concat();
    assert!(said.contains("hook.office.changed"), "the log was listened to");
    assert!(!said.contains("sakura.office"), "a whole address was shown");
}

#[tokio::test]
async fn gateway_without_a_relay_keeps_the_address_and_goes_on_by_fax() {
    let house = House::open().await;
    let office = report(&house, registered()).await.json();
    let shown = (&office["mail"], &office["channel"]);
    assert_eq!(shown, (&json!("s***@example.co.jp"), &json!("fax")));
    assert_eq!(house.post("key", &body_of(Kind::Document)).await.json()["channel"], "fax");
}

#[tokio::test]
async fn closed_office_gets_nothing_until_it_reopens() {
    let house = House::open().await;
    let closed = report(&house, json!({ "event": "closed" })).await.json();
    assert_eq!((&closed["closed"], &closed["channel"]), (&json!(true), &json!(null)));
    house.post("key", &body()).await.is_problem(422, "office-closed");
    assert_eq!(house.store.kept(), 0);
    assert_eq!(report(&house, json!({ "event": "reopened" })).await.json()["closed"], false);
    assert_eq!(house.post("key", &body()).await.status, 202, "the key was left free");
}

#[tokio::test]
async fn report_that_is_wrong_changes_nothing_and_tells_all_faults() {
    let house = with_mail().await;
    for (body, faults) in [
        (json!({}), vec![("/event", "missing-field")]),
        (
            json!({ "event": "moved", "mail": "a@b", "x": 1 }),
            vec![
                ("/event", "invalid-value"),
                ("/mail", "invalid-mail-address"),
                ("/x", "unknown-field"),
            ],
        ),
        (json!({ "event": "mail_registered" }), vec![("/mail", "missing-field")]),
        (json!({ "event": "closed", "mail": ADDRESS }), vec![("/mail", "field-not-of-kind")]),
        (
            json!({ "event": "fax_changed", "mail": ADDRESS }),
            vec![("/mail", "field-not-of-kind"), ("/fax", "missing-field")],
        ),
        (json!({ "event": "fax_changed", "fax": "119" }), vec![("/fax", "destination-denied")]),
        (
            json!({ "event": "mail_registered", "mail": "a@b.jp\r\nBcc: c@d.jp" }),
            vec![("/mail", "invalid-mail-address")],
        ),
        (json!({ "event": "mail_registered", "mail": [ADDRESS] }), vec![("/mail", "wrong-type")]),
    ] {
        let answer = report(&house, body).await;
        answer.is_problem(if faults[0].1 == "destination-denied" { 403 } else { 422 }, faults[0].1);
        let errors = answer.json()["errors"].as_array().expect("errors").clone();
        let told = |error: &Value| (error["pointer"].clone(), error["code"].clone());
        let told: Vec<_> = errors.iter().map(told).collect();
        let expected: Vec<_> = faults.iter().map(|(at, code)| (json!(at), json!(code))).collect();
        assert_eq!(told, expected, "{}", answer.text);
        assert!(!answer.text.contains("Bcc") && !answer.text.contains("sakura"), "{}", answer.text);
    }
    assert_eq!(house.get(OFFICE).await.json()["changed_at"], json!(null));
    for path in ["/v1/offices/1179900013", "/v1/offices/x", "/v1/offices/%ff"] {
        house.get(path).await.is_problem(422, "invalid-office-number");
    }
}

/// The caller may not even learn which of both is wrong.
#[tokio::test]
async fn office_is_told_under_its_registered_number_and_a_refusal_gives_neither_number_away() {
    let log = Log::default();
    let _guard = log.listen();
    let house = House::open().await;
    let entry = |fax: &str| json!({ "fax": fax });
    let office = house.put_json(OFFICE, &entry("03-5550-9999")).await;
    assert_eq!((office.status, &office.json()["fax"]), (200, &json!("******9999")));
    assert_eq!(office.json()["anew_since"], Value::Null);
    let refused = house.post("key", &body()).await;
    refused.is_problem(422, "office-fax-mismatch");
    let said = [refused.text, log.text()].concat();
    assert!(!said.contains("9999") && !said.contains("5678"), "{said}");
    assert_eq!(house.store.kept(), 0);
    let changed = report(&house, json!({ "event": "fax_changed", "fax": "03-1234-5678" })).await;
    assert_eq!(changed.json()["anew_since"], TUESDAY_10_00.rfc3339());
    assert_eq!(house.post("key", &body()).await.status, 202);
    house
        .put_json(OFFICE, &json!({ "fax": "x", "mail": 1 }))
        .await
        .is_problem(422, "invalid-number");
}

#[tokio::test]
async fn offices_are_listed_by_their_numbers_a_piece_at_a_time() {
    let house = House::open().await;
    for number in ["2779900030", "1179900012", "1379900028"] {
        let path = format!("/v1/offices/{number}");
        assert_eq!(house.put_json(&path, &json!({ "fax": "03-1234-5678" })).await.status, 200);
    }
    let numbers = async |query: &str| -> Vec<String> {
        let listed = house.get(&format!("/v1/offices{query}")).await.json();
        let number = |office: &Value| office["office_number"].as_str().expect("one").to_owned();
        listed.as_array().expect("a list").iter().map(number).collect()
    };
    assert_eq!(numbers("").await, ["1179900012", "1379900028", "2779900030"]);
    assert_eq!(numbers("?limit=1").await, ["1179900012"]);
    assert_eq!(numbers("?after=1179900012&limit=1").await, ["1379900028"]);
    for query in ["?limit=0", "?limit=201", "?after=x", "?x=1"] {
        house.get(&format!("/v1/offices{query}")).await.is_problem(400, "invalid-query");
    }
}

#[tokio::test]
async fn reader_may_see_an_office_and_report_nothing() {
    let house = House::with(Setup { scopes: &[Scope::Read], ..Setup::default() }).await;
    assert_eq!(house.get(OFFICE).await.status, 200);
    report(&house, registered()).await.is_problem(403, "scope-missing");
    house
        .put_json(OFFICE, &json!({ "fax": "03-1234-5678" }))
        .await
        .is_problem(403, "scope-missing");
    let evidence = "/v1/notifications/01KAQ0000000000000000000AA/evidence";
    house
        .post_json(evidence, &json!({ "kind": "first_login" }))
        .await
        .is_problem(403, "scope-missing");
}

#[tokio::test]
async fn report_that_the_store_cannot_keep_is_not_answered_as_if_it_were() {
    let failing = Some(QueueError::Full);
    let house = House::with(Setup { failing, ..Setup::default() }).await;
    report(&house, registered()).await.is_problem(507, "store-full");
}

#[tokio::test]
async fn sign_of_the_exchange_is_kept_once_and_answered_with_the_state() {
    let house = House::open().await;
    let id = house.accepted().await;
    let sign = async |kind: &str| {
        house.post_json(&format!("/v1/notifications/{id}/evidence"), &json!({ "kind": kind })).await
    };
    for kind in ["first_login", "first_login", "terms_accepted", "first_download"] {
        let answer = sign(kind).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({ "id": id, "state": "confirmed" }))
        );
    }
    let kept: Vec<Sign> =
        house.store.signs.lock().expect("unharmed").iter().map(|(_, sign)| *sign).collect();
    assert_eq!(kept, Sign::ALL);
    sign("second_login").await.is_problem(422, "invalid-value");
    for id in ["01KAQ0000000000000000000AA", "x"] {
        let path = format!("/v1/notifications/{id}/evidence");
        let answer = house.post_json(&path, &json!({ "kind": "first_login" })).await;
        answer.is_problem(404, "notification-not-found");
    }
}

#[test]
fn mail_that_went_by_fax_after_all_shows_both_and_why() {
    let view = View {
        state: JobState::HandedOff,
        kind: "document",
        channel: Channel::Mail,
        mail_domain: Some("example.co.jp".into()),
        watch: Some(Watch { until: TUESDAY_10_00, then: AtEnd::Fax }),
        ..Memory::view(JobId::new(TUESDAY_10_00, 1))
    };
    let shown = |view: &View| {
        serde_json::to_value(view::Notification::new(view.clone(), None)).expect("JSON")
    };
    let handed = shown(&view);
    assert_eq!((&handed["channel"], &handed["state"]), (&json!("mail"), &json!("handed_off")));
    assert_eq!(handed["recipient"]["mail"], "***@example.co.jp");
    assert_eq!(handed["recipient"]["fax"], "******5678");
    assert_eq!(handed["awaits"], json!({ "until": TUESDAY_10_00.rfc3339(), "then": "fax" }));
    assert_eq!((&handed["is_final"], &handed["because"]), (&json!(false), &json!(null)));
    let because = Some(FaxBecause::MailUnread);
    let back = shown(&View { channel: Channel::Fax, because, watch: None, ..view });
    let told = (&back["channel"], &back["because"], &back["awaits"]);
    assert_eq!(told, (&json!("fax"), &json!("mail-unread"), &json!(null)));
    assert_eq!(handed["because_means"], json!(null));
    for language in ["text", "text_ja"] {
        assert!(back["because_means"][language].is_string(), "{back:#}");
    }
}

#[tokio::test]
async fn mail_channel_shows_relay_mailbox_and_who_does_not_read() {
    let counts = MailDomain {
        domain: "example.co.jp".into(),
        handed: 4,
        delivered: 3,
        opened: 1,
        unread: 2,
        ..MailDomain::default()
    };
    let mail = MailBoards {
        relay: Some(MailBoard::new("relay.example.jp:587".into(), 4, TUESDAY_10_00)),
        inbox: Some(MailboxBoard::new(TUESDAY_10_00)),
    };
    let house = House::with(Setup { mail, domains: vec![counts], ..Setup::default() }).await;
    let shown = house.get("/v1/mail").await.json();
    let relay = &shown["relay"];
    assert_eq!(
        (&relay["relay"], &relay["state"]),
        (&json!("relay.example.jp:587"), &json!("starting"))
    );
    assert_eq!((&relay["lanes"], &relay["fault"]), (&json!(4), &json!(null)));
    assert_eq!(
        (&shown["inbox"]["state"], &shown["inbox"]["mails"]),
        (&json!("starting"), &json!({}))
    );
    let domain = &shown["domains"][0];
    let told = (&domain["domain"], &domain["unread"], &domain["unopened_percent"]);
    assert_eq!(told, (&json!("example.co.jp"), &json!(2), &json!(75)));
    assert_eq!(house.get("/v1/mail?days=8").await.json()["domains"], json!([]));
    for query in ["days=0", "days=32", "days=x", "weeks=1"] {
        house.get(&format!("/v1/mail?{query}")).await.is_problem(400, "invalid-query");
    }
    let without = House::open().await.get("/v1/mail").await.json();
    assert_eq!((&without["relay"], &without["inbox"]), (&json!(null), &json!(null)));
}
