//! Holding back over HTTP.

use super::*;

#[tokio::test]
async fn hold_says_why_and_what_to_do_until_it_is_released() {
    let house = House::open().await;
    let answer = house.get("/v1/hold").await;
    assert_eq!(answer.json()["held"], Value::Null);
    assert_eq!(answer.header("shirase-store"), Some("01; generation=3"));
    let held = house.post_json("/v1/hold", &json!({ "note": "modem is being changed" })).await;
    assert_eq!(held.status, 200, "{}", held.text);
    let held = house.get("/v1/hold").await.json();
    assert_eq!(held["held"]["reason"], "person");
    assert_eq!(held["held"]["note"], "modem is being changed");
    assert!(held["held"]["text"].as_str().is_some_and(|text| text.contains("shirase release")));
    assert_eq!(house.delete("/v1/hold").await.json()["held"], Value::Null);
    assert_eq!(house.delete("/v1/hold").await.status, 200, "twice does no harm");
}

#[tokio::test]
async fn hold_needs_its_scope_and_a_note_of_one_line() {
    let house = House::with(Setup { scopes: &[Scope::Read], ..Setup::default() }).await;
    house.post_json("/v1/hold", &json!({})).await.is_problem(403, "scope-missing");
    house.delete("/v1/hold").await.is_problem(403, "scope-missing");
    let house = House::open().await;
    house.post_json("/v1/hold", &json!({ "note": "a\nb" })).await.is_problem(422, "invalid-value");
    house.post_json("/v1/hold", &json!({ "why": "x" })).await.is_problem(422, "unknown-field");
    assert_eq!(house.get("/v1/hold").await.json()["held"], Value::Null);
}

#[tokio::test]
async fn one_notification_is_held_only_while_it_waits() {
    let house = House::open().await;
    let id = house.accepted().await;
    let path = format!("/v1/notifications/{id}/hold");
    let held = house.post_json(&path, &json!({})).await.json();
    assert_eq!((&held["state"], &held["changed"]), (&json!("hold"), &json!(true)));
    // The store of these tests says that it is being sent.
    house.delete(&path).await.is_problem(409, "not-waiting");
    let nobody = "/v1/notifications/01KAQ000000000000000000000/hold";
    house.post_json(nobody, &json!({})).await.is_problem(404, "notification-not-found");
    house.delete("/v1/notifications/x/hold").await.is_problem(404, "notification-not-found");
}

/// It stands in the journal and in the feed.
#[tokio::test]
async fn note_of_a_hold_is_kept_without_whole_numbers_and_addresses() {
    let house = House::open().await;
    let note = "０３－１２３４－５６７８ の佐藤 sato@example.jp に確認";
    let held = house.post_json("/v1/hold", &json!({ "note": note })).await.json();
    assert_eq!(held["held"]["note"], "**－****－５６７８ の佐藤 ***@example.jp に確認");
}
