//! Decisions about uncertain notifications: what may be in one, and that the same one counts once.

use super::*;

fn rotate() -> Value {
    let [login_id, password, first_time_key] = CANARIES;
    json!({
        "action": "rotate", "by": "佐藤", "reason": "用紙が見つからない",
        "credentials": { "login_id": login_id, "password": password, "first_time_key": first_time_key },
        "not_after": "2026-11-25T10:30:00+09:00",
    })
}

impl House {
    async fn decide(&self, id: &str, body: &Value) -> Answer {
        self.post_json(&format!("/v1/notifications/{id}/resolution"), body).await
    }
}

#[tokio::test]
async fn decision_is_handed_on_as_it_was_made_and_lines_look_at_once() {
    let house = House::open().await;
    let id = house.accepted().await;
    let woken = house.lines.woken.load(Ordering::Relaxed);
    let answer = house.decide(&id, &rotate()).await;
    let expected = json!({ "id": id, "state": "waiting", "version": 2 });
    assert_eq!((answer.status, answer.json()), (200, expected.clone()));
    assert_eq!(house.lines.woken.load(Ordering::Relaxed), woken + 1);
    let again = house.decide(&id, &rotate()).await;
    assert_eq!((again.json(), again.header("idempotency-replayed")), (expected, Some("true")));

    let kept = house.store.resolutions.lock().expect("unharmed");
    let [(_, Resolution { way: Way::Rotate(credentials), not_after, by, reason })] = &kept[..]
    else {
        panic!("{kept:?}")
    };
    assert_eq!(credentials.first_time_key.expose(), CANARIES[2]);
    assert!(not_after.is_some());
    let said = (by.as_ref().map(|by| by.as_str()), reason.as_ref().map(|why| why.as_str()));
    assert_eq!(said, (Some("佐藤"), Some("用紙が見つからない")));
}

#[tokio::test]
async fn same_words_under_another_key_are_another_decision() {
    let house = House::open().await;
    let id = house.accepted().await;
    let resend = json!({ "action": "resend", "same_version": true, "reason": "lost" });
    let named = async |key: &str| {
        let body = resend.to_string();
        let head = format!(
            "{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            house.head(&format!("POST /v1/notifications/{id}/resolution"), key),
            body.len()
        );
        let answer = house.send(&[head.as_bytes(), body.as_bytes()].concat()).await;
        (answer.status, answer.header("idempotency-replayed").is_some())
    };
    assert_eq!(named("monday").await, (200, false));
    assert_eq!(named("monday").await, (200, true));
    assert_eq!(named("tuesday").await, (200, false));
    let nameless = house.decide(&id, &resend).await;
    assert_eq!((nameless.status, nameless.header("idempotency-replayed")), (200, None));
}

#[tokio::test]
async fn every_fault_of_a_decision_has_its_own_code_and_pointer() {
    let house = House::open().await;
    let id = house.accepted().await;
    let resend = json!({ "action": "resend", "same_version": true, "reason": "lost" });
    let close = json!({ "action": "close", "delivered": true });
    let null = Value::Null;
    for (good, pointer, value, code) in [
        (&close, "/action", json!("open"), "invalid-value"),
        (&close, "/action", null.clone(), "wrong-type"),
        (&close, "/delivered", null.clone(), "missing-field"),
        (&close, "/delivered", json!("yes"), "wrong-type"),
        (&close, "/not_after", json!("2026-11-25T10:30:00+09:00"), "unknown-field"),
        (&close, "/credentials", rotate()["credentials"].clone(), "unknown-field"),
        (&close, "/same_version", json!(true), "unknown-field"),
        (&close, "/by", json!("x".repeat(41)), "invalid-value"),
        (&close, "/by", json!("a\u{1b}[2J"), "invalid-value"),
        (&close, "/reason", json!("字".repeat(101)), "invalid-value"),
        (&close, "/why", json!("x"), "unknown-field"),
        (&resend, "/reason", null.clone(), "missing-field"),
        (&resend, "/same_version", null.clone(), "missing-field"),
        (&resend, "/same_version", json!(false), "invalid-value"),
        (&resend, "/delivered", json!(true), "unknown-field"),
        (&rotate(), "/credentials", null.clone(), "missing-field"),
        (&rotate(), "/credentials/password", json!("abc"), "invalid-credential"),
        (&rotate(), "/not_after", json!("2026-11-24T10:10:00+09:00"), "invalid-time"),
        (&rotate(), "/not_after", json!("2027-11-24T10:00:00+09:00"), "invalid-time"),
        (&rotate(), "/same_version", json!(true), "unknown-field"),
    ] {
        let mut body = good.clone();
        put(&mut body, pointer, value);
        let answer = house.decide(&id, &body).await;
        answer.is_problem(422, code);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{}", answer.text);
        assert!(CANARIES.iter().all(|canary| !answer.text.contains(canary)), "{}", answer.text);
    }
    assert_eq!(house.store.resolutions.lock().expect("unharmed").len(), 0);
    for id in ["01KAQ0000000000000000000AA", "x"] {
        house.decide(id, &close).await.is_problem(404, "notification-not-found");
    }
}

#[tokio::test]
async fn technician_closes_and_resends_and_has_no_credentials_to_send() {
    let kept = House::open().await;
    kept.accepted().await;
    let setup = |scopes| Setup { scopes, kept: kept.store.rows(), ..Setup::default() };
    let id = kept.store.ids()[0].to_string();
    let technician = House::with(setup(&[Scope::Read, Scope::Operate])).await;
    technician.decide(&id, &rotate()).await.is_problem(403, "scope-missing");
    let close = json!({ "action": "close", "delivered": true });
    assert_eq!(technician.decide(&id, &close).await.status, 200);
    let reader = House::with(setup(&[Scope::Read])).await;
    reader.decide(&id, &close).await.is_problem(403, "scope-missing");
}

#[tokio::test]
async fn refused_decision_says_what_can_be_done() {
    let house = House::open().await;
    let id = house.accepted().await;
    for (refusal, status, code) in [
        (Refusal::NotUncertain(JobState::Confirmed), 409, "not-uncertain"),
        (Refusal::KeyGone, 409, "key-gone"),
        (Refusal::NoKeyOfKind(Kind::Message), 422, "field-not-of-kind"),
        (Refusal::NoTime, 422, "invalid-time"),
    ] {
        *house.store.refusal.lock().expect("unharmed") = Some(refusal);
        house.decide(&id, &rotate()).await.is_problem(status, code);
    }
}

/// A telephone number or an address that somebody writes down in passing is not kept whole.
#[tokio::test]
async fn words_of_whoever_decides_are_kept_without_whole_numbers_and_addresses() {
    let house = House::open().await;
    let id = house.accepted().await;
    let reason = "called 03-1234-5678, told by sato@example.jp";
    let body = json!({ "action": "close", "delivered": false, "reason": reason });
    assert_eq!(house.decide(&id, &body).await.status, 200);
    let kept = house.store.resolutions.lock().expect("unharmed");
    let kept = kept[0].1.reason.as_ref().expect("one").as_str().to_owned();
    assert_eq!(kept, "called **-****-5678, told by ***@example.jp");
}

/// Somebody else may take the sheet from the tray by now: what a new notification is refused for is no way out here.
#[tokio::test]
async fn nothing_is_sent_once_more_to_a_number_that_is_known_to_be_wrong() {
    let reports = [
        (json!({ "event": "fax_changed", "fax": "03-1234-5679" }), "office-fax-mismatch"),
        (json!({ "event": "closed" }), "office-closed"),
        (json!({ "event": "manager_changed" }), "number-not-proven"),
    ];
    for (report, code) in reports {
        let policy = Policy { keys_only_to_proven: true, ..Policy::default() };
        let house = House::with(Setup { policy, ..Setup::default() }).await;
        let number = FaxNumber::parse("03-1234-5678").expect("valid");
        let proven = Known { proven: Some(TUESDAY_10_00), ..Known::default() };
        house.store.numbers.lock().expect("unharmed").push((number, Ok(proven)));
        let id = house.accepted().await;
        *house.store.state.lock().expect("unharmed") = JobState::Uncertain;
        let resend = json!({ "action": "resend", "same_version": true, "reason": "lost" });
        let told = house.post_json("/v1/offices/1179900012/events", &report).await;
        assert_eq!(told.status, 200, "{}", told.text);
        let woken = house.lines.woken.load(Ordering::Relaxed);
        for body in [rotate(), resend] {
            house.decide(&id, &body).await.is_problem(422, code);
        }
        assert_eq!(house.store.resolutions.lock().expect("unharmed").len(), 0);
        assert_eq!(house.lines.woken.load(Ordering::Relaxed), woken);
        let close = json!({ "action": "close", "delivered": true });
        assert_eq!(house.decide(&id, &close).await.status, 200, "{code}");
    }
}
