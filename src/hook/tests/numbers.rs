//! What technicians see of numbers, and set for them.

use super::*;

#[tokio::test]
async fn number_is_shown_locked_unlocked_and_forgotten_and_never_said_whole() {
    let house = House::open().await;
    let show = async || house.ask("show", json!({ "number": "03-1234-5678" })).await;
    let new = show().await;
    assert_eq!((new.status, &new.json()["state"]), (200, &json!("new")), "{}", new.text);
    assert_eq!(new.json()["next_call"][0]["rate_bps"], 14_400);
    assert_eq!(new.json()["next_call"][0]["t85"], true);

    let lock = json!({ "number": "03-1234-5678", "fastest_bps": 9600, "no_t85": true, "identity": "0699998888" });
    assert_eq!(house.ask("lock", lock).await.json()["changed"], true);
    let locked = show().await;
    assert_eq!(locked.json()["state"], "locked");
    assert_eq!(locked.json()["lock"]["identity"], "******8888");
    let next = &locked.json()["next_call"][0];
    assert_eq!((&next["modulation"], &next["rate_bps"]), (&json!("V.29"), &json!(9600)));
    assert_eq!((&next["why"][0]["reason"], &next["t85"]), (&json!("locked"), &json!(false)));
    let listed = house.get("/v1/numbers").await;
    assert_eq!(listed.json()[0]["number"], "******5678");
    for answer in [&locked, &listed] {
        assert!(!answer.text.contains("0312345678") && !answer.text.contains("99998888"));
    }

    let number = || json!({ "number": "0312345678" });
    for (changed, verb) in
        [(true, "unlock"), (false, "unlock"), (true, "forget"), (false, "forget")]
    {
        let answer = house.ask(verb, number()).await;
        assert_eq!(answer.json(), json!({ "number": "******5678", "changed": changed }), "{verb}");
    }
}

#[tokio::test]
async fn number_that_met_people_says_why_it_is_not_called_and_how_to_mend_it() {
    let house = House::open().await;
    let number = FaxNumber::parse("0312345678").expect("valid");
    let people = Trouble { times: 2, last: TUESDAY_10_00, rate: None };
    let identity = SeenIdentity {
        said: Said::read("CARE CENTER").expect("says something"),
        first: TUESDAY_10_00,
        last: TUESDAY_10_00,
        confirmed: LEARNT_AFTER,
    };
    let known = Known { voice: Some(people), identity: Some(identity), ..Known::default() };
    house.store.numbers.lock().expect("unharmed").push((number, Ok(known)));
    let view = house.ask("show", json!({ "number": "0312345678" })).await.json();
    assert_eq!((&view["state"], &view["next_call"]), (&json!("telephone"), &json!([])));
    assert_eq!(view["not_called"]["code"], "number-is-a-telephone");
    assert_eq!(view["troubles"][0]["what"], "voice");
    assert_eq!(view["troubles"][0]["until"], TUESDAY_10_00.after(known::VOICE).rfc3339());
    let identity = &view["identity"];
    assert_eq!((&identity["said"], &identity["learnt"]), (&json!("*******NTER"), &json!(true)));
    assert_eq!(identity["until"], TUESDAY_10_00.after(known::IDENTITY).rfc3339());
}

#[tokio::test]
async fn number_where_another_machine_answered_stands_out_until_somebody_vouches_for_it() {
    let house = House::open().await;
    let number = FaxNumber::parse("0312345678").expect("valid");
    let last_said = Said::read("06 9999 8888");
    let known = Known { last_seen: Some(TUESDAY_10_00), last_said, ..Known::default() };
    house.store.numbers.lock().expect("unharmed").push((number, Ok(known)));
    let listed = house.get("/v1/numbers").await.json();
    let of = |view: &Value| (view["state"].clone(), view["last_verdict"].clone());
    assert_eq!(of(&listed[0]), (json!("conflict"), json!("conflict")));
    let lock = json!({ "number": "0312345678", "identity": "0699998888" });
    assert_eq!(house.ask("lock", lock).await.status, 200);
    let vouched = house.ask("show", json!({ "number": "0312345678" })).await.json();
    assert_eq!(of(&vouched), (json!("locked"), json!("learnt")));
}

#[tokio::test]
async fn number_whose_memory_is_damaged_is_shown_as_it_is_listed() {
    for (locked, why) in [(true, json!("number-unreadable")), (false, Value::Null)] {
        let house = House::open().await;
        let number = FaxNumber::parse("0312345678").expect("valid");
        let row = (number, Err(Unreadable { locked }));
        house.store.numbers.lock().expect("unharmed").push(row);
        let shown = house.ask("show", json!({ "number": "0312345678" })).await;
        assert_eq!((shown.status, &shown.json()["state"]), (200, &json!("unreadable")));
        assert_eq!(shown.json()["not_called"]["code"], why);
        assert_eq!(shown.json()["next_call"] == json!([]), locked);
        let mut listed = house.get("/v1/numbers").await.json()[0].clone();
        listed.as_object_mut().expect("an object").remove("id");
        assert_eq!(listed, shown.json());
    }
}

#[tokio::test]
async fn faulty_locks_are_refused_by_field_and_change_nothing() {
    let house = House::open().await;
    for (field, value, code) in [
        ("number", json!("0312345678\rATZ"), "invalid-number"),
        ("fastest_bps", json!(9601), "invalid-value"),
        ("fastest_bps", json!("9600"), "wrong-type"),
        ("no_ecm", json!("yes"), "wrong-type"),
        ("no_t85", json!("yes"), "wrong-type"),
        ("identity", json!("88888888"), "invalid-value"),
        ("identity", json!("x".repeat(400)), "invalid-value"),
        ("surprise", json!(1), "unknown-field"),
    ] {
        let mut body = json!({ "number": "0312345678" });
        body[field] = value;
        let answer = house.ask("lock", body).await;
        assert_eq!(answer.json()["errors"][0]["pointer"], format!("/{field}"), "{}", answer.text);
        answer.is_problem(422, code);
    }
    assert_eq!(house.get("/v1/numbers").await.json(), json!([]));
    house.get("/v1/numbers?limit=201").await.is_problem(400, "invalid-query");
}

#[tokio::test]
async fn numbers_are_for_their_own_scope_only() {
    let scopes: &'static [Scope] = &[Scope::Notify, Scope::Read];
    let house = House::with(Setup { scopes, ..Setup::default() }).await;
    house.get("/v1/numbers").await.is_problem(403, "scope-missing");
    for verb in ["show", "lock", "unlock", "forget"] {
        let answer = house.ask(verb, json!({ "number": "0312345678" })).await;
        answer.is_problem(403, "scope-missing");
    }
}
