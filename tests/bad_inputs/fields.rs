//! Fields that could do harm on paper, on a line, in a mail or in a log.

use serde_json::{Value, json};

use crate::house::{House, message};

/// A notification with every text that a caller writes.
fn with_documents() -> Value {
    let mut body = message();
    body["kind"] = json!("document");
    body["documents"] = json!([{ "title": "提供票", "count": 2 }]);
    body
}

fn first_contact() -> Value {
    let mut body = with_documents();
    body["kind"] = json!("first_contact");
    body["credentials"] = json!({
        "login_id": "az2779900030", "password": "Wm7kQp4zHr9t", "first_time_key": "K7NW42MDXQ93TFHA",
    });
    body
}

/// Refused with this code, for the field at this pointer, with no word of what stood there.
#[track_caller]
fn refused(house: &House, body: &Value, pointer: &str, status: u16, codes: &[&str]) {
    let answer = house.post("bad", body);
    let code = answer.code();
    assert!(answer.status == status && codes.contains(&code.as_str()), "{pointer}: {answer:?}");
    assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{answer:?}");
}

/// The whole of a body with one field exchanged.
fn put(body: &Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let mut body = body.clone();
    body.pointer_mut(parent).expect("a place")[name] = value;
    body
}

#[test]
fn b03_line_ends_nul_and_marks_of_direction_are_refused_in_every_string() {
    let house = House::new();
    let mut daemon = house.daemon();
    let whole = first_contact();
    for pointer in [
        "/kind",
        "/language",
        "/urgency",
        "/sender/office_number",
        "/sender/office_name",
        "/sender/phone",
        "/recipient/office_number",
        "/recipient/office_name",
        "/recipient/fax",
        "/credentials/login_id",
        "/credentials/password",
        "/credentials/first_time_key",
        "/credentials/valid_until",
        "/documents/0/title",
        "/not_before",
        "/not_after",
    ] {
        let old = whole.pointer(pointer).and_then(Value::as_str).unwrap_or("ja");
        for bad in ["\r\nBcc: x", "\0", "\u{2028}", "\u{202e}", "\u{1b}[2J"] {
            let body = match pointer.strip_prefix("/documents/0") {
                None => put(&whole, pointer, json!(format!("{old}{bad}"))),
                Some(_) => put(
                    &whole,
                    "/documents",
                    json!([{ "title": format!("{old}{bad}"), "count": 2 }]),
                ),
            };
            let answer = house.post("bad", &body);
            assert_eq!(answer.status, 422, "{pointer} {bad:?}: {answer:?}");
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{bad:?}: {answer:?}");
        }
    }
    let log = house.log();
    assert!(!log.contains("Bcc: x") && !log.contains('\u{202e}'), "{log}");
    house.goes_on(&mut daemon);
}

#[test]
fn b11_number_that_is_none_or_may_not_be_called_is_refused() {
    let house = House::new();
    let mut daemon = house.daemon();
    let fax = |number: &str| put(&message(), "/recipient/fax", json!(number));
    for number in [
        "0312345678\rATZ",
        "0312345678;",
        "0312345678!",
        "0312345678,,1",
        "0312345678W9",
        "٠٣١٢٣٤٥٦٧٨",
        "5",
        &"0".repeat(40),
        "+",
        "",
    ] {
        refused(&house, &fax(number), "/recipient/fax", 422, &["invalid-number"]);
    }
    for number in ["119", "110", "0990123456", "09012345678", "0120123456", "0101234567890"] {
        let answer = house.post("bad", &fax(number));
        let known = [(403, "destination-denied"), (422, "invalid-number")];
        assert!(known.contains(&(answer.status, answer.code().as_str())), "{number}: {answer:?}");
    }
    // Digits as a Japanese keyboard writes them are the same number, not another one.
    let wide = house.post("wide", &fax("０３－５５５０－０００１"));
    assert_eq!(wide.status, 202, "{wide:?}");
    let path = wide.json()["links"]["self"].as_str().expect("a link").to_owned();
    assert!(house.get(&path).text.contains("******0001"), "{wide:?}");
    house.goes_on(&mut daemon);
}

#[test]
fn b12_text_that_cannot_stand_on_paper_is_422() {
    let house = House::new();
    let mut daemon = house.daemon();
    let whole = first_contact();
    for (pointer, text, codes) in [
        ("/credentials/login_id", "x".repeat(10_000), ["invalid-credential", "unrenderable"]),
        ("/credentials/password", "パスワード".into(), ["invalid-credential", "unrenderable"]),
        ("/recipient/office_name", "🏥".into(), ["unrenderable", "unrenderable"]),
        (
            "/recipient/office_name",
            format!("a{}", "\u{301}".repeat(500)),
            ["unrenderable", "invalid-text"],
        ),
        ("/recipient/office_name", "שלום".into(), ["unrenderable", "invalid-text"]),
        ("/sender/office_name", "\u{13000}".into(), ["unrenderable", "invalid-text"]),
        ("/sender/office_name", "\u{e000}".into(), ["unrenderable", "invalid-text"]),
    ] {
        // A key would be refused before, for a number that was not proven.
        let body = if pointer.starts_with("/credentials") { &whole } else { &message() };
        refused(&house, &put(body, pointer, json!(text)), pointer, 422, &codes);
    }
    assert!(!house.log().contains("パスワード"), "a secret in the log");
    house.goes_on(&mut daemon);
}

#[test]
fn b13_time_in_the_past_too_far_without_zone_or_of_a_leap_second_is_422() {
    let house = House::new();
    let mut daemon = house.daemon();
    for time in [
        "2020-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2016-12-31T23:59:60Z",
        "2026-11-26T12:00:00",
        "2026-11-26",
        "2026-02-30T12:00:00Z",
        "2026-11-26T12:00:00+99:00",
        "now",
        "",
    ] {
        let body = put(&message(), "/not_after", json!(time));
        refused(&house, &body, "/not_after", 422, &["invalid-time"]);
    }
    house.goes_on(&mut daemon);
}

#[test]
fn b14_address_to_call_back_is_no_field_anywhere() {
    let house = House::new();
    let mut daemon = house.daemon();
    let url = json!("http://169.254.169.254/latest/meta-data");
    let whole = with_documents();
    for pointer in ["/callback_url", "/webhook", "/sender/url", "/recipient/callback_url"] {
        refused(&house, &put(&whole, pointer, url.clone()), pointer, 422, &["unknown-field"]);
    }
    let query = "/v1/notifications?callback_url=http://169.254.169.254/";
    house.request("GET", query, "", b"").is_problem(400, "invalid-query");
    house.goes_on(&mut daemon);
}
