//! The hook over real TCP, from the outside: each fault has its own code, and no secret comes out.
//!
//! The store is a small one in memory that can be told to fail; `queue` has its own tests.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

use super::auth::{self, Scope};
use super::*;
use crate::job::examples::{CANARIES, TUESDAY_10_00};
use crate::job::{
    AttemptId, ClientId, FaxNumber, IdempotencyKey, JobId, JobState, Live, UnixMillis,
};
use crate::office::identity::{LEARNT_AFTER, Said};
use crate::office::known::{self, Known, Lock, SeenIdentity, Trouble};
use crate::office::rate::Rate;
use crate::office::terms::LineLimits;
use crate::queue::{
    Acceptance, Accepted, AttemptView, CallFilter, CallId, CallRecord, CallRow, Cancelled, Claim,
    Dialled, EventRow, Filter, NumberId, NumberRow, Pending, Step, Swept, Unreadable, View,
};
use crate::schedule::line_board::LineState;
use crate::send::LineFault;
use crate::settle::Settlement;

const ALL_SCOPES: &[Scope] = &[Scope::Notify, Scope::Read, Scope::Lines, Scope::Numbers];

// ---- the body -------------------------------------------------------------------------------------

#[tokio::test]
async fn complete_body_is_accepted_after_the_store_has_it() {
    let house = House::open().await;
    let answer = house.post("key-1", &body()).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(answer.json()["state"], "waiting");
    assert_eq!(answer.json()["channel"], "fax");
    assert_eq!(answer.header("location"), Some(format!("/v1/notifications/{id}").as_str()));
    assert_eq!(answer.header("idempotency-replayed"), None);
    assert_eq!(house.store.kept(), 1);
}

#[tokio::test]
async fn calls_are_for_readers_and_one_that_is_not_there_says_so() {
    let house = House::open().await;
    let listed = house.get("/v1/calls").await;
    assert_eq!((listed.status, listed.json()[0]["id"].as_i64()), (200, Some(17)));
    assert_eq!(listed.json()[0]["to"], "******5678");
    assert_eq!(house.get("/v1/calls?line=line2").await.json(), json!([]));
    assert_eq!(house.get("/v1/calls?before=17").await.json(), json!([]));
    let shown = house.get("/v1/calls/17").await.json();
    assert_eq!((&shown["line_ms"], &shown["trace"]), (&json!(41_300), &json!({ "entries": [] })));
    for path in ["/v1/calls/18", "/v1/calls/x", "/v1/calls/99999999999999999999"] {
        house.get(path).await.is_problem(404, "call-not-found");
    }
    for path in [
        "/v1/calls?limit=0",
        "/v1/calls?limit=201",
        "/v1/calls?line=a&x=1",
        "/v1/calls?notification=x",
    ] {
        house.get(path).await.is_problem(400, "invalid-query");
    }
}

/// One change to a good body, and the code, status and pointer that it must give.
#[tokio::test]
async fn every_faulty_field_has_its_own_code_and_pointer() {
    let house = House::open().await;
    let long = "あ".repeat(61);
    let cases: Vec<(&str, Value, u16, &str)> = vec![
        ("/callback_url", json!("http://169.254.169.254/"), 422, "unknown-field"),
        ("/recipient/mail", json!("a@example.jp"), 422, "unknown-field"),
        ("/kind", json!("second_contact"), 422, "invalid-value"),
        ("/kind", json!(1), 422, "wrong-type"),
        ("/urgency", json!("at once"), 422, "invalid-value"),
        ("/sender", json!(["1379900028", "名前", "03-9876-5432"]), 422, "wrong-type"),
        ("/sender/office_number", json!("1379900029"), 422, "invalid-office-number"),
        ("/sender/office_number", json!(1379900028), 422, "wrong-type"),
        ("/sender/phone", json!("x\r\nBcc: y"), 422, "invalid-text"),
        ("/recipient/office_name", json!("a\u{202e}b"), 422, "invalid-text"),
        ("/recipient/office_name", json!("a\u{2028}b"), 422, "invalid-text"),
        ("/recipient/office_name", json!("a\0b"), 422, "invalid-text"),
        ("/recipient/office_name", json!(long), 422, "invalid-text"),
        ("/recipient/fax", json!("0312345678\rATZ"), 422, "invalid-number"),
        ("/recipient/fax", json!("03-1234-567B"), 422, "invalid-number"),
        ("/recipient/fax", json!("0312345678;+GCI"), 422, "invalid-number"),
        ("/recipient/fax", json!("0312345678!"), 422, "invalid-number"),
        ("/recipient/fax", json!("٠٣١٢٣٤٥٦٧٨"), 422, "invalid-number"),
        ("/recipient/fax", json!("0"), 422, "invalid-number"),
        ("/recipient/fax", json!("0".repeat(40)), 422, "invalid-number"),
        ("/recipient/fax", json!("+"), 422, "invalid-number"),
        ("/recipient/fax", json!("119"), 403, "destination-denied"),
        ("/recipient/fax", json!("090-1234-5678"), 403, "destination-denied"),
        ("/credentials/password", json!("あいうえお"), 422, "invalid-credential"),
        ("/credentials/login_id", json!("x".repeat(10_000)), 422, "invalid-credential"),
        ("/credentials/valid_until", json!("2020-01-01T00:00:00Z"), 422, "invalid-time"),
        ("/documents", json!([]), 422, "invalid-value"),
        ("/documents/0/count", json!(0), 422, "invalid-value"),
        ("/documents/0/count", json!("2"), 422, "wrong-type"),
        ("/documents/0/count", json!(1.5), 422, "invalid-value"),
        ("/not_before", json!("2026-11-24T11:00:00"), 422, "invalid-time"),
        ("/not_before", json!("2026-11-24T11:00:60+09:00"), 422, "invalid-time"),
        ("/not_after", json!("2026-11-24T10:10:00+09:00"), 422, "invalid-time"),
        ("/not_after", json!("2020-11-24T10:00:00Z"), 422, "invalid-time"),
        ("/not_after", json!("9999-12-31T23:59:59Z"), 422, "invalid-time"),
        ("/not_after", json!("20261125T103000+0900"), 422, "invalid-time"),
    ];
    for (pointer, value, status, code) in cases {
        let mut wrong = body();
        put(&mut wrong, pointer, value.clone());
        let answer = house.post("key-1", &wrong).await;
        answer.is_problem(status, code);
        let error = &answer.json()["errors"][0];
        assert_eq!(error["pointer"], pointer, "{}", answer.text);
        assert_eq!(error["code"], code, "{}", answer.text);
    }
    assert_eq!(house.store.kept(), 0, "a refused request stores nothing");
    assert_eq!(house.post("key-1", &body()).await.status, 202, "and leaves its key free");
}

#[tokio::test]
async fn all_faults_of_a_body_are_told_at_once() {
    let house = House::open().await;
    let mut wrong = body();
    put(&mut wrong, "/recipient/fax", json!("abc"));
    put(&mut wrong, "/sender/office_number", json!("123"));
    put(&mut wrong, "/surprise", json!(1));
    wrong.as_object_mut().expect("an object").remove("kind");
    let answer = house.post("key-1", &wrong).await;
    let pointers: Vec<&str> = answer.json()["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| error["pointer"].as_str().expect("a pointer").to_owned().leak() as &str)
        .collect();
    assert_eq!(pointers, ["/kind", "/sender/office_number", "/recipient/fax", "/surprise"]);
    answer.is_problem(422, "missing-field");
}

/// The description of the body and the reader of the body know the same fields.
#[tokio::test]
async fn body_described_in_openapi_is_the_body_that_is_read() {
    let house = House::open().await;
    let api = serde_json::to_value(openapi()).expect("JSON");
    let schemas = &api["components"]["schemas"];
    let whole = body();
    for (schema, pointer) in [
        ("NewNotification", ""),
        ("Sender", "/sender"),
        ("Recipient", "/recipient"),
        ("Credentials", "/credentials"),
        ("Document", "/documents/0"),
    ] {
        let described = schemas[schema]["properties"].as_object().expect(schema);
        let used = whole.pointer(pointer).and_then(Value::as_object).expect(pointer);
        let names = |map: &serde_json::Map<String, Value>| {
            let mut names: Vec<String> = map.keys().cloned().collect();
            names.sort();
            names
        };
        assert_eq!(names(described), names(used), "{schema}");
        for required in schemas[schema]["required"].as_array().expect(schema) {
            let required = required.as_str().expect("a name");
            let mut without = body();
            let object = without.pointer_mut(pointer).and_then(Value::as_object_mut);
            object.expect(pointer).remove(required);
            let answer = house.post("key", &without).await;
            answer.is_problem(422, "missing-field");
            assert_eq!(answer.json()["errors"][0]["pointer"], format!("{pointer}/{required}"));
        }
    }
    assert_eq!(house.post("key", &whole).await.status, 202, "every field at once");
}

#[tokio::test]
async fn octets_that_are_no_json_are_refused_with_their_place() {
    let house = House::open().await;
    let deep = "[".repeat(10_000);
    for (octets, code) in [
        (b"{\"kind\":\n NaN}".as_slice(), "invalid-json"),
        (b"{\"kind\":1e400}", "invalid-json"),
        (b"{} trailing", "invalid-json"),
        (b"{\"kind\":\"\\ud800\"}", "invalid-json"),
        (b"{\"kind\":\"\xff\"}", "invalid-json"),
        (deep.as_bytes(), "invalid-json"),
        (b"", "invalid-json"),
        (b"{\"a\":{\"x\":1,\"x\":2}}", "duplicate-field"),
    ] {
        let answer = house.post_octets("key-1", "application/json", octets).await;
        answer.is_problem(400, code);
        let detail = answer.json()["detail"].as_str().expect("a place").to_owned();
        assert!(detail.starts_with("line "), "{detail}");
    }
    house.post_octets("key-1", "application/json", b"[]").await.is_problem(422, "wrong-type");
}

#[tokio::test]
async fn other_media_types_are_refused_unread() {
    let house = House::open().await;
    for media_type in ["text/plain", "image/tiff", "application/x-www-form-urlencoded", ""] {
        house
            .post_octets("key-1", media_type, b"{}")
            .await
            .is_problem(415, "unsupported-media-type");
    }
    let with_charset = "Application/JSON; charset=utf-8";
    let octets = body().to_string();
    let answer = house.post_octets("key-1", with_charset, octets.as_bytes()).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
}

#[tokio::test]
async fn body_of_64_kib_is_read_and_one_octet_more_is_413() {
    let house = House::open().await;
    let mut octets = body().to_string().into_bytes();
    octets.resize(64 << 10, b' ');
    assert_eq!(house.post_octets("key-1", "application/json", &octets).await.status, 202);
    octets.push(b' ');
    let answer = house.post_octets("key-2", "application/json", &octets).await;
    answer.is_problem(413, "body-too-large");
}

#[tokio::test]
async fn chunked_body_without_end_is_413_too() {
    let house = House::open().await;
    let mut stream = house.connect().await;
    stream.write_all(house.head("POST /v1/notifications", "key-1").as_bytes()).await.expect("head");
    stream
        .write_all(b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .expect("head");
    let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
    for _ in 0..65 {
        // The answer may come, and the connection go, while we still write.
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    Answer::read(&mut stream).await.is_problem(413, "body-too-large");
}

// ---- who may what -----------------------------------------------------------------------------------

#[tokio::test]
async fn wrong_tokens_get_the_same_401_to_the_octet() {
    let house = House::open().await;
    let right = house.token.to_string();
    let wrong_secret = format!("{}x", right);
    let long = "a".repeat(8 << 10);
    let mut texts = Vec::new();
    for header in [
        String::new(),
        String::from("Authorization: Bearer\r\n"),
        String::from("Authorization: Bearer \r\n"),
        format!("Authorization: Bearer {wrong_secret}\r\n"),
        format!("Authorization: Bearer {}\r\n", right.to_uppercase()),
        format!("Authorization: Bearer nobody.{long}\r\n"),
        format!("Authorization: Basic {right}\r\n"),
        format!("Authorization: Bearer {right}\r\nAuthorization: Bearer {right}\r\n"),
    ] {
        let head =
            format!("GET /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n");
        let answer = house.send(head.as_bytes()).await;
        answer.is_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        texts.push(answer.text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
}

#[tokio::test]
async fn token_without_the_scope_is_403() {
    let house = House::with(Setup { scopes: &[Scope::Read], ..Setup::default() }).await;
    house.post("key-1", &body()).await.is_problem(403, "scope-missing");
    let house = House::with(Setup { scopes: &[Scope::Notify], ..Setup::default() }).await;
    house.get("/v1/events").await.is_problem(403, "scope-missing");
}

// ---- idempotency ------------------------------------------------------------------------------------

#[tokio::test]
async fn same_key_and_body_is_the_same_answer_and_one_notification() {
    let house = House::open().await;
    let first = house.post("key-1", &body()).await;
    let second = house.post("key-1", &body()).await;
    assert_eq!((second.status, &second.text), (202, &first.text));
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(house.store.kept(), 1);
    assert_eq!(house.lines.woken.load(Ordering::Relaxed), 1, "a repetition wakes no line");
}

#[tokio::test]
async fn repetition_of_what_would_now_be_refused_gets_its_first_answer() {
    let house = House::open().await;
    let first = house.post("key-1", &body()).await;
    let later = House::with(Setup {
        kept: house.store.rows(),
        sheet: Err(SheetFault::OutOfOrder { message: "main.typ:3: x".into() }),
        policy: Policy { deny_prefixes: vec!["03".into()], ..Policy::default() },
        // `not_after` of the body has passed.
        now: TUESDAY_10_00.after(Duration::from_secs(48 * 60 * 60)),
        ..Setup::default()
    })
    .await;
    let again = later.post("key-1", &body()).await;
    assert_eq!((again.status, &again.text), (202, &first.text));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(later.post("key-2", &body()).await.status, 422, "a new request is judged by today");
}

#[tokio::test]
async fn same_key_with_another_body_is_422() {
    let house = House::open().await;
    assert_eq!(house.post("key-1", &body()).await.status, 202);
    let mut other = body();
    put(&mut other, "/urgency", json!("urgent"));
    house.post("key-1", &other).await.is_problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn idempotency_key_is_needed_once_and_visible() {
    let house = House::open().await;
    let octets = body().to_string();
    let long = format!("Idempotency-Key: {}\r\n", "x".repeat(256));
    for (header, code) in [
        ("", "idempotency-key-missing"),
        ("Idempotency-Key: \r\n", "idempotency-key-invalid"),
        ("Idempotency-Key: a\r\nIdempotency-Key: b\r\n", "idempotency-key-invalid"),
        ("Idempotency-Key: \u{9375}\r\n", "idempotency-key-invalid"),
        (&long, "idempotency-key-invalid"),
    ] {
        let request = format!(
            "POST /v1/notifications HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n{header}\r\n{octets}",
            *house.token,
            octets.len(),
        );
        house.send(request.as_bytes()).await.is_problem(400, code);
    }
    assert_eq!(house.store.kept(), 0);
}

// ---- before the store -------------------------------------------------------------------------------

#[tokio::test]
async fn sheet_that_cannot_be_drawn_is_422_and_a_broken_template_is_503() {
    for (fault, status, code) in [
        (SheetFault::Unrenderable { message: "no glyph for U+1F600".into() }, 422, "unrenderable"),
        (SheetFault::OutOfOrder { message: "main.typ:3: x".into() }, 503, "sheet-unavailable"),
    ] {
        let house = House::with(Setup { sheet: Err(fault), ..Setup::default() }).await;
        house.post("key-1", &body()).await.is_problem(status, code);
        assert_eq!(house.store.kept(), 0);
    }
}

#[tokio::test]
async fn office_and_prefix_that_the_policy_refuses_are_told_apart() {
    let policy = Policy { deny_prefixes: vec!["0312".into()], ..Policy::default() };
    let house = House::with(Setup { policy, ..Setup::default() }).await;
    house.post("key-1", &body()).await.is_problem(403, "destination-denied");
    let house = House::open().await;
    let mut nurse = body();
    put(&mut nurse, "/recipient/office_number", json!("1169900014"));
    house.post("key-1", &nurse).await.is_problem(422, "service-not-supported");
    let mut bare = body();
    put(&mut bare, "/credentials", Value::Null);
    house.post("key-1", &bare).await.is_problem(422, "credentials-required");
}

#[tokio::test]
async fn time_that_ends_before_the_next_calling_hours_is_refused() {
    let windows = Windows::Hours(crate::schedule::windows::Hours::default());
    let house = House::with(Setup { windows, ..Setup::default() }).await;
    let mut night = body();
    put(&mut night, "/not_before", json!("2026-11-24T18:00:00+09:00"));
    put(&mut night, "/not_after", json!("2026-11-25T08:00:00+09:00"));
    house.post("key-1", &night).await.is_problem(422, "outside-calling-hours");
    put(&mut night, "/not_after", json!("2026-11-25T09:00:00+09:00"));
    assert_eq!(house.post("key-1", &night).await.status, 202);
}

// ---- when the store fails ---------------------------------------------------------------------------

#[tokio::test]
async fn store_that_cannot_say_gives_no_definite_answer_and_raises_the_alarm() {
    let house =
        House::with(Setup { failing: Some(QueueError::Ambiguous), ..Setup::default() }).await;
    let answer = house.post("key-1", &body()).await;
    answer.is_problem(503, "outcome-unknown");
    assert_eq!(answer.header("retry-after"), Some("5"));
    soon(house.alarm.raised()).await;
}

#[tokio::test]
async fn full_disk_is_507_and_broken_store_is_503_and_not_ready() {
    let house = House::with(Setup { failing: Some(QueueError::Full), ..Setup::default() }).await;
    house.post("key-1", &body()).await.is_problem(507, "store-full");
    let broken = QueueError::Broken { detail: "malformed".into() };
    let house = House::with(Setup { failing: Some(broken), ..Setup::default() }).await;
    house.get("/readyz").await.is_problem(503, "store-unavailable");
    assert_eq!(house.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn gateway_without_a_ready_line_accepts_and_is_not_ready() {
    let house = House::with(Setup { line_ready: false, ..Setup::default() }).await;
    house.get("/readyz").await.is_problem(503, "no-line-ready");
    assert_eq!(house.post("key-1", &body()).await.status, 202);
    assert_eq!(House::open().await.get("/readyz").await.status, 200);
}

// ---- reading ----------------------------------------------------------------------------------------

#[tokio::test]
async fn notification_is_shown_with_its_rungs_and_what_is_live() {
    let house = House::open().await;
    let id = house.accepted().await;
    let live = Live { line: "line-1".into(), phase: "page", percent: Some(42) };
    house.progress.set(id.parse().expect("an id"), live);
    let answer = house.get(&format!("/v1/notifications/{id}")).await;
    let shown = answer.json();
    assert_eq!(shown["state"], "waiting");
    assert_eq!(shown["is_final"], false);
    assert_eq!(shown["recipient"]["fax"], "******5678");
    assert_eq!(shown["accepted_at"], "2026-11-24T01:00:00Z");
    assert_eq!(shown["live"], json!({ "line": "line-1", "phase": "page", "percent": 42 }));
    assert_eq!(shown["attempts"][0]["rungs"][0]["name"], "answered");
}

#[tokio::test]
async fn unknown_and_impossible_ids_are_the_same_404() {
    let house = House::open().await;
    let unknown = JobId(ulid::Ulid::from_parts(1, 2)).to_string();
    for id in [unknown.as_str(), "1", "..%2f..%2fetc%2fpasswd", "%00", "%ff"] {
        house
            .get(&format!("/v1/notifications/{id}"))
            .await
            .is_problem(404, "notification-not-found");
    }
}

#[tokio::test]
async fn feed_goes_on_where_the_cursor_stands() {
    let house = House::open().await;
    house.accepted().await;
    let first = house.get("/v1/events?limit=1").await.json();
    assert_eq!((&first["events"][0]["name"], &first["next"]), (&json!("accepted"), &json!(1)));
    let second = house.get("/v1/events?after=1").await.json();
    assert_eq!((&second["events"], &second["next"]), (&json!([]), &json!(1)));
}

#[tokio::test]
async fn query_that_is_not_allowed_is_400() {
    let house = House::open().await;
    for path in [
        "/v1/events?limit=0",
        "/v1/events?limit=1001",
        "/v1/events?after=-1",
        "/v1/events?after=x",
        "/v1/events?since=1",
        "/v1/notifications?state=asleep",
        "/v1/notifications?after=1",
        "/v1/notifications?limit=201",
        "/v1/notifications?page=2",
    ] {
        house.get(path).await.is_problem(400, "invalid-query");
    }
    assert_eq!(house.get("/v1/notifications?state=waiting&limit=200").await.status, 200);
}

#[tokio::test]
async fn withdrawal_says_what_became_of_it() {
    for (cancelled, status, word) in [
        (Cancelled::Done, 200, "cancelled"),
        (Cancelled::Final(JobState::Cancelled), 200, "cancelled"),
        (Cancelled::Stopping, 202, "sending"),
        (Cancelled::TooLate, 409, "cancel-too-late"),
        (Cancelled::Final(JobState::Confirmed), 409, "already-final"),
        (Cancelled::NotFound, 404, "notification-not-found"),
    ] {
        let house = House::with(Setup { cancelled, ..Setup::default() }).await;
        let id = house.accepted().await;
        let answer = house
            .send(
                format!("{}\r\n", house.head(&format!("DELETE /v1/notifications/{id}"), ""))
                    .as_bytes(),
            )
            .await;
        assert_eq!(answer.status, status, "{cancelled:?}");
        let said = if status < 300 { &answer.json()["state"] } else { &answer.json()["code"] };
        assert_eq!(said, word, "{cancelled:?}");
    }
}

#[tokio::test]
async fn wrong_path_and_wrong_method_are_problems_as_well() {
    let house = House::open().await;
    house.get("/").await.is_problem(404, "no-such-route");
    house.get("/v1/../etc/passwd").await.is_problem(404, "no-such-route");
    house.get("/v1/problems/%ff").await.is_problem(404, "problem-not-found");
    let answer =
        house.send(b"PUT /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    answer.is_problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn type_of_a_problem_leads_to_its_entry() {
    let house = House::open().await;
    let refused = house.get("/v1/notifications?limit=0").await.json();
    let entry = house.get(refused["type"].as_str().expect("a path")).await.json();
    for name in ["code", "title", "title_ja", "mender", "status"] {
        assert_eq!(entry[name], refused[name]);
    }
    assert_eq!(
        house.get("/v1/problems").await.json().as_array().map(Vec::len),
        Some(Code::ALL.len())
    );
    house.get("/v1/problems/nothing").await.is_problem(404, "problem-not-found");
}

/// Rewritten with `GOLDEN=rewrite`; a difference is a change of what callers were promised.
#[tokio::test]
async fn lines_show_what_is_wrong_and_what_to_do_and_no_whole_number() {
    let house = House::open().await;
    let answer = house.get("/v1/lines").await;
    assert_eq!(answer.status, 200);
    let lines = answer.json();
    assert_eq!(lines[0]["state"], "quarantined");
    assert_eq!(lines[0]["usable"], false);
    assert_eq!(lines[0]["fault"]["code"], "modem-silent");
    assert_eq!(lines[0]["last_fault"]["message"], "switch it off and on");
    assert_eq!(lines[1]["last_call"]["code"], "delivered");
    assert_eq!(lines[1]["number"], "******0100");
    assert!(!lines.to_string().contains("5550"), "{lines}");
    assert_eq!(house.get("/v1/lines/line2").await.json()["name"], "line2");
    house.get("/v1/lines/line3").await.is_problem(404, "line-not-found");
    house.get("/v1/lines/%FF").await.is_problem(404, "line-not-found");
}

#[tokio::test]
async fn test_of_a_line_is_wanted_once_and_wakes_it() {
    let house = House::open().await;
    let answer = house.post_empty("/v1/lines/line2/test").await;
    assert_eq!((answer.status, answer.json()["number"].as_u64()), (202, Some(1)));
    assert_eq!(house.lines.woken.load(Ordering::Relaxed), 1);
    house.post_empty("/v1/lines/line2/test").await.is_problem(409, "line-not-testable");
    house.post_empty("/v1/lines/line9/test").await.is_problem(404, "line-not-found");
    for path in ["/v1/lines/%FF/test", "/v1/lines/%FF/reset"] {
        house.post_empty(path).await.is_problem(404, "line-not-found");
    }
    assert_eq!(house.post_empty("/v1/lines/line1/reset").await.status, 202);
}

#[tokio::test]
async fn who_may_read_lines_may_not_test_them() {
    let house = House::with(Setup { scopes: &[Scope::Read], ..Setup::default() }).await;
    for wish in ["test", "reset"] {
        let answer = house.post_empty(&format!("/v1/lines/line2/{wish}")).await;
        answer.is_problem(403, "scope-missing");
    }
    let house = House::with(Setup { scopes: &[Scope::Lines], ..Setup::default() }).await;
    house.get("/v1/lines").await.is_problem(403, "scope-missing");
}

#[test]
fn openapi_is_what_was_promised() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openapi.json");
    let got = openapi().to_pretty_json().expect("JSON") + "\n";
    if std::env::var_os("GOLDEN").is_some_and(|word| word == "rewrite") {
        std::fs::write(path, &got).expect("written");
    }
    let promised = std::fs::read_to_string(path).expect("tests/golden/openapi.json");
    assert!(got == promised, "differs from {path}; look at it, then GOLDEN=rewrite");
}

// ---- numbers ----------------------------------------------------------------------------------------

#[tokio::test]
async fn number_is_shown_locked_unlocked_and_forgotten_and_never_said_whole() {
    let house = House::open().await;
    let show = async || house.ask("show", json!({ "number": "03-1234-5678" })).await;
    let new = show().await;
    assert_eq!((new.status, &new.json()["state"]), (200, &json!("new")), "{}", new.text);
    assert_eq!(new.json()["next_call"][0]["rate_bps"], 14_400);

    let lock = json!({ "number": "03-1234-5678", "fastest_bps": 9600, "identity": "0699998888" });
    assert_eq!(house.ask("lock", lock).await.json()["changed"], true);
    let locked = show().await;
    assert_eq!(locked.json()["state"], "locked");
    assert_eq!(locked.json()["lock"]["identity"], "******8888");
    let next = &locked.json()["next_call"][0];
    assert_eq!((&next["modulation"], &next["rate_bps"]), (&json!("V.29"), &json!(9600)));
    assert_eq!(next["why"][0]["reason"], "locked");
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

// ---- slow, many and strange clients -----------------------------------------------------------------

#[tokio::test]
async fn silent_and_dripping_clients_are_closed_when_the_header_time_is_over() {
    let house = House::with(Setup { limits: short_limits(), ..Setup::default() }).await;
    let mut silent = house.connect().await;
    assert!(closed(&mut silent).await, "a silent client");

    let mut dripping = house.connect().await;
    let drip = async {
        for octet in b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        {
            if dripping.write_all(&[*octet]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the header took {} ms longer than allowed", 75 * 20 - 200);
    };
    drip.await;

    let mut idle = house.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("a request");
    assert!(closed(&mut idle).await, "an idle client after its answer");
}

#[tokio::test]
async fn body_that_drips_is_408() {
    let house = House::with(Setup { limits: short_limits(), ..Setup::default() }).await;
    let mut stream = house.connect().await;
    let head = house.head("POST /v1/notifications", "key-1");
    let head = format!("{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{");
    stream.write_all(head.as_bytes()).await.expect("head");
    Answer::read(&mut stream).await.is_problem(408, "body-timeout");
}

#[tokio::test]
async fn connections_of_one_address_are_limited_and_free_again() {
    let limits = Limits { connections_per_address: 2, ..Limits::default() };
    let house = House::with(Setup { limits, ..Setup::default() }).await;
    let (first, _second) = (house.connect().await, house.connect().await);
    let mut third = house.connect().await;
    assert!(closed(&mut third).await, "one too many");
    drop(first);
    // The place is free once the server has seen the end of the first connection.
    let deadline = tokio::time::sleep(Duration::from_secs(5));
    tokio::pin!(deadline);
    loop {
        let again = tokio::select! {
            answer = house.try_get("/healthz") => answer,
            () = &mut deadline => panic!("the place was never free again"),
        };
        if again.is_some_and(|answer| answer.status == 200) {
            break;
        }
    }
}

#[tokio::test]
async fn ambiguous_framing_is_refused_and_closed() {
    let house = House::open().await;
    for head in [
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: gzip, chunked, gzip\r\n",
    ] {
        let request = format!("{}{head}\r\n{{}}", house.head("POST /v1/notifications", "key-1"));
        let answer = house.send(request.as_bytes()).await;
        assert!((400..500).contains(&answer.status), "{head} gave {}", answer.status);
    }
    assert_eq!(house.store.kept(), 0);
}

#[tokio::test]
async fn header_without_end_is_431() {
    let house = House::open().await;
    let many = (0..1000).map(|n| format!("X-{n}: y\r\n")).collect::<String>();
    let long = format!("X-Long: {}\r\n", "y".repeat(64 << 10));
    for extra in [many, long] {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{extra}\r\n");
        assert_eq!(house.send(request.as_bytes()).await.status, 431);
    }
}

#[tokio::test]
async fn stop_lets_a_request_end_and_takes_no_other() {
    let mut house = House::with(Setup { slow_store: true, ..Setup::default() }).await;
    let mut stream = house.connect().await;
    let octets = body().to_string();
    let head = house.head("POST /v1/notifications", "key-1");
    let request = format!(
        "{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{octets}",
        octets.len()
    );
    stream.write_all(request.as_bytes()).await.expect("a request");
    soon(house.store.asked.notified()).await;
    house.stop.take().expect("running").send(()).expect("listening");
    house.store.go_on.notify_one();
    assert_eq!(Answer::read(&mut stream).await.status, 202);
    (&mut house.server).await.expect("it ended");
    assert!(TcpStream::connect(house.address).await.is_err(), "nobody listens any more");
}

// ---- secrets ----------------------------------------------------------------------------------------

#[tokio::test]
async fn no_secret_and_no_whole_number_is_in_any_answer_or_log_line() {
    let log = Log::default();
    let _guard = log.listen();
    let house = House::with(Setup { scopes: ALL_SCOPES, ..Setup::default() }).await;
    let mut said = Vec::new();
    let id = house.accepted().await;
    said.push(house.get(&format!("/v1/notifications/{id}")).await);
    said.push(house.get("/v1/notifications").await);
    said.push(house.get("/v1/events").await);
    said.push(house.post("key-0", &body()).await);
    // Each canary at a place where it is refused, and a body that breaks off behind them all.
    for pointer in
        ["/kind", "/urgency", "/documents/0/count", "/not_after", "/sender/office_number"]
    {
        let mut wrong = body();
        put(&mut wrong, pointer, json!(CANARIES[0]));
        said.push(house.post("key-2", &wrong).await);
    }
    let mut wrong = body();
    put(&mut wrong, "/credentials/password", json!(format!("{} with space", CANARIES[1])));
    said.push(house.post("key-2", &wrong).await);
    let mut octets = body().to_string().into_bytes();
    octets.pop();
    said.push(house.post_octets("key-2", "application/json", &octets).await);
    let broken = House::with(Setup {
        failing: Some(QueueError::Broken { detail: "malformed".into() }),
        ..Setup::default()
    })
    .await;
    said.push(broken.post("key-3", &body()).await);

    let lines = log.text();
    assert!(lines.contains("hook.notification.accepted"), "the log was listened to: {lines}");
    assert!(lines.contains("hook.store.failed"), "{lines}");
    let whole_number = "0312345678";
    for answer in &said {
        for secret in CANARIES.iter().chain([&whole_number, &"03-1234-5678"]) {
            assert!(!answer.text.contains(secret), "{secret} in {}", answer.text);
            assert!(!lines.contains(secret), "{secret} in the log");
        }
    }
    for token in [&house.token, &broken.token] {
        assert!(!lines.contains(token.as_str()), "a token in the log");
    }
}

// ---- what the tests are made of ---------------------------------------------------------------------

/// A body with every field.
fn body() -> Value {
    let [login_id, password, first_time_key] = CANARIES;
    json!({
        "kind": "first_contact",
        "sender": { "office_number": "1379900028", "office_name": "ひまわり居宅介護支援事業所", "phone": "03-9876-5432" },
        "recipient": { "office_number": "1179900012", "office_name": "さくらデイサービス", "fax": "03-1234-5678" },
        "credentials": {
            "login_id": login_id, "password": password, "first_time_key": first_time_key,
            "valid_until": "2026-12-24T00:00:00+09:00",
        },
        "documents": [{ "title": "提供票", "count": 2 }],
        "urgency": "normal",
        "not_before": "2026-11-24T10:30:00+09:00",
        "not_after": "2026-11-25T10:30:00+09:00",
    })
}

/// Puts a value where a pointer leads, new or not.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    parent.insert(name.to_owned(), value);
}

fn short_limits() -> Limits {
    Limits {
        header: Duration::from_millis(200),
        body: Duration::from_millis(200),
        ..Limits::default()
    }
}

/// What has to happen, or the test fails instead of hanging.
async fn soon(event: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(10), event).await.expect("it never happened");
}

/// Whether the other side closes within 5 s; what it says before does not matter.
async fn closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    // A reset is an end as well.
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.is_ok()
}

/// What differs from the usual in a test.
struct Setup {
    scopes: &'static [Scope],
    sheet: Result<(), SheetFault>,
    policy: Policy,
    windows: Windows,
    limits: Limits,
    failing: Option<QueueError>,
    cancelled: Cancelled,
    slow_store: bool,
    line_ready: bool,
    kept: Vec<Kept>,
    now: UnixMillis,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            scopes: ALL_SCOPES,
            sheet: Ok(()),
            policy: Policy::default(),
            windows: Windows::Always,
            limits: Limits::default(),
            failing: None,
            cancelled: Cancelled::Done,
            slow_store: false,
            line_ready: true,
            kept: Vec::new(),
            now: TUESDAY_10_00,
        }
    }
}

/// A hook that listens.
struct House {
    address: SocketAddr,
    token: zeroize::Zeroizing<String>,
    store: Arc<Memory>,
    lines: Arc<Lines>,
    progress: ProgressBoard,
    alarm: Alarm,
    stop: Option<oneshot::Sender<()>>,
    server: tokio::task::JoinHandle<()>,
}

impl House {
    async fn open() -> Self {
        Self::with(Setup::default()).await
    }

    async fn with(setup: Setup) -> Self {
        let new = auth::new_token("exchange", setup.scopes, [7; 32]).expect("a token");
        let store = Arc::new(Memory {
            failing: setup.failing,
            cancelled: setup.cancelled,
            slow: setup.slow_store,
            kept: Mutex::new(setup.kept),
            numbers: Mutex::default(),
            asked: Notify::new(),
            go_on: Arc::default(),
        });
        let lines = Arc::new(Lines::new(setup.line_ready, setup.now));
        let (progress, alarm) = (ProgressBoard::default(), Alarm::default());
        let hook = Hook::new(Parts {
            queue: Arc::clone(&store) as Arc<dyn Queue>,
            clock: Arc::new(Stopped(setup.now)),
            sheet: Arc::new(Drawing(setup.sheet)),
            policy: setup.policy,
            windows: setup.windows,
            tokens: Tokens::parse(&new.line).expect("one token"),
            fingerprints: Fingerprints::new(&[9; 32]),
            progress: progress.clone(),
            limits: setup.limits.clone(),
            alarm: alarm.clone(),
            lines: Arc::clone(&lines) as Arc<dyn LineDesk>,
            line_limits: vec![LineLimits {
                line: "line1".into(),
                fastest: Rate(t30::Modulation::V17At14400),
                ecm: true,
            }],
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let until = async move {
            let _ = stopped.await;
        };
        let server = tokio::spawn(listener::serve(listener, router(hook), setup.limits, until));
        Self { address, token: new.token, store, lines, progress, alarm, stop: Some(stop), server }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    async fn send(&self, octets: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // The answer may come before all was read.
        let _ = stream.write_all(octets).await;
        Answer::read(&mut stream).await
    }

    /// A request's head without its last empty line.
    fn head(&self, line: &str, key: &str) -> String {
        let key =
            if key.is_empty() { String::new() } else { format!("Idempotency-Key: {key}\r\n") };
        format!(
            "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n{key}",
            *self.token
        )
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(format!("{}\r\n", self.head(&format!("GET {path}"), "")).as_bytes()).await
    }

    async fn try_get(&self, path: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        let head = format!("{}\r\n", self.head(&format!("GET {path}"), ""));
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).await.ok()?;
        (!octets.is_empty()).then(|| Answer::parse(&octets))
    }

    async fn post(&self, key: &str, body: &Value) -> Answer {
        self.post_octets(key, "application/json", body.to_string().as_bytes()).await
    }

    async fn post_octets(&self, key: &str, media_type: &str, octets: &[u8]) -> Answer {
        let head = format!(
            "{}Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            self.head("POST /v1/notifications", key),
            octets.len()
        );
        self.send(&[head.as_bytes(), octets].concat()).await
    }

    async fn post_empty(&self, path: &str) -> Answer {
        let head = self.head(&format!("POST {path}"), "");
        self.send(format!("{head}Content-Length: 0\r\n\r\n").as_bytes()).await
    }

    /// Asks something about a number.
    async fn ask(&self, verb: &str, body: Value) -> Answer {
        let body = body.to_string();
        let head = format!(
            "{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.head(&format!("POST /v1/numbers/{verb}"), ""),
            body.len()
        );
        self.send(&[head.as_bytes(), body.as_bytes()].concat()).await
    }

    async fn accepted(&self) -> String {
        let answer = self.post("key-0", &body()).await;
        answer.json()["id"].as_str().expect(&answer.text).to_owned()
    }
}

/// What came back.
struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    text: String,
}

impl Answer {
    async fn read(stream: &mut TcpStream) -> Self {
        let mut octets = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match tokio::time::timeout(Duration::from_secs(10), stream.read(&mut piece)).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(length)) => octets.extend_from_slice(&piece[..length]),
                Err(_) => panic!("no answer: {}", String::from_utf8_lossy(&octets)),
            }
        }
        Self::parse(&octets)
    }

    fn parse(octets: &[u8]) -> Self {
        let whole = String::from_utf8_lossy(octets).into_owned();
        let (head, text) = whole.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Self { status: status.parse().expect("a number"), headers, text: text.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    #[track_caller]
    fn is_problem(&self, status: u16, code: &str) {
        let said = self.json();
        assert_eq!((self.status, &said["code"]), (status, &json!(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(said["type"], format!("/v1/problems/{code}"));
    }
}

/// The time does not pass.
struct Stopped(UnixMillis);

impl Clock for Stopped {
    fn now(&self) -> UnixMillis {
        self.0
    }
}

struct Drawing(Result<(), SheetFault>);

impl SheetCheck for Drawing {
    fn check(&self, _job: &NewJob) -> Result<(), SheetFault> {
        self.0.clone()
    }
}

struct Lines {
    boards: [LineBoard; 2],
    woken: AtomicUsize,
}

impl Lines {
    /// A line in quarantine, and one that is ready or has not begun.
    fn new(ready: bool, now: UnixMillis) -> Self {
        let number = FaxNumber::parse("03-5550-0100").ok();
        let boards = ["line1", "line2"]
            .map(|name| LineBoard::new(name.into(), "/dev/ttyACM0".into(), number.clone(), now));
        let fault = LineFault { code: "modem-silent", message: "switch it off and on".into() };
        boards[0].show(LineState::Quarantined(fault.clone()), now);
        boards[0].failed(fault, now);
        if ready {
            boards[1].show(LineState::Ready, now);
            boards[1].call_ended("delivered", now);
        }
        Self { boards, woken: AtomicUsize::new(0) }
    }
}

impl LineDesk for Lines {
    fn wake(&self) {
        self.woken.fetch_add(1, Ordering::Relaxed);
    }

    fn boards(&self) -> &[LineBoard] {
        &self.boards
    }
}

/// A request that was taken on.
type Kept = (ClientId, IdempotencyKey, [u8; 32], JobId);

/// A store in memory that can be told to fail, and to wait.
struct Memory {
    failing: Option<QueueError>,
    cancelled: Cancelled,
    slow: bool,
    kept: Mutex<Vec<Kept>>,
    numbers: Mutex<Vec<(FaxNumber, Result<Known, Unreadable>)>>,
    /// A slow store was asked …
    asked: Notify,
    /// … and may answer.
    go_on: Arc<Notify>,
}

impl Memory {
    fn kept(&self) -> usize {
        self.kept.lock().expect("unharmed").len()
    }

    fn rows(&self) -> Vec<Kept> {
        self.kept.lock().expect("unharmed").clone()
    }

    fn ids(&self) -> Vec<JobId> {
        self.kept.lock().expect("unharmed").iter().map(|(_, _, _, id)| *id).collect()
    }

    fn known(
        &self,
        client: &ClientId,
        key: &IdempotencyKey,
        fingerprint: [u8; 32],
    ) -> Option<Accepted> {
        let kept = self.kept.lock().expect("unharmed");
        let known = kept.iter().find(|(of, known, _, _)| (of, known) == (client, key))?;
        let same = known.2 == fingerprint;
        Some(if same { Accepted::Replay { id: known.3 } } else { Accepted::OtherBody })
    }

    fn answer<T: Send + 'static>(&self, answer: T) -> Pending<T> {
        let (give, pending) = Pending::channel();
        let answer = self.failing.clone().map_or(Ok(answer), Err);
        if self.slow {
            let go_on = Arc::clone(&self.go_on);
            self.asked.notify_one();
            tokio::spawn(async move {
                go_on.notified().await;
                let _ = give.send(answer);
            });
        } else {
            let _ = give.send(answer);
        }
        pending
    }

    fn view(id: JobId) -> View {
        View {
            id,
            state: JobState::Waiting,
            reason: None,
            kind: "first_contact",
            office_number: "1179900012".into(),
            fax_masked: "******5678".into(),
            accepted_at: TUESDAY_10_00,
            due_at: Some(TUESDAY_10_00),
            not_after: TUESDAY_10_00,
            attempts: vec![AttemptView {
                number: 1,
                line: "line-1".into(),
                state: crate::job::AttemptState::Dialing,
                code: None,
                receipt: None,
                rungs: vec![("answered".into(), TUESDAY_10_00, json!({}))],
            }],
        }
    }
}

impl Memory {
    fn call_row() -> CallRow {
        CallRow {
            id: CallId(17),
            job: None,
            line: "line1".into(),
            number_masked: "******5678".into(),
            began_at: TUESDAY_10_00,
            line_ms: 41_300,
            code: "delivered".into(),
            rate_bps: Some(14_400),
        }
    }
}

impl Queue for Memory {
    fn accept(&self, request: Acceptance) -> Pending<Accepted> {
        let earlier = self.known(&request.client, &request.key, request.fingerprint);
        self.answer(earlier.unwrap_or_else(|| {
            let mut kept = self.kept.lock().expect("unharmed");
            let id = JobId::new(request.now, kept.len() as u128);
            kept.push((request.client, request.key, request.fingerprint, id));
            Accepted::New { id }
        }))
    }

    /// Reading goes on while writing fails or is slow.
    fn earlier(
        &self,
        client: ClientId,
        key: IdempotencyKey,
        fingerprint: [u8; 32],
    ) -> Pending<Option<Accepted>> {
        let (give, pending) = Pending::channel();
        let _ = give.send(Ok(self.known(&client, &key, fingerprint)));
        pending
    }

    fn dialled(&self, _number: FaxNumber, _now: UnixMillis) -> Pending<Dialled> {
        unreachable!("the hook makes no calls")
    }

    fn show(&self, _client: ClientId, id: JobId) -> Pending<Option<View>> {
        self.answer(self.ids().contains(&id).then(|| Self::view(id)))
    }

    fn list(&self, _client: ClientId, _filter: Filter) -> Pending<Vec<View>> {
        self.answer(self.ids().into_iter().map(Self::view).collect())
    }

    fn events(&self, _client: ClientId, after: i64, limit: u16) -> Pending<Vec<EventRow>> {
        let row = |(cursor, job)| EventRow {
            cursor,
            at: TUESDAY_10_00,
            job,
            name: "accepted".into(),
            detail: json!({}),
        };
        let rows = (1..).zip(self.ids()).map(row).filter(|row| row.cursor > after);
        self.answer(rows.take(limit.into()).collect())
    }

    fn calls(&self, _client: ClientId, filter: CallFilter) -> Pending<Vec<CallRow>> {
        let row = Self::call_row();
        let is_asked = filter.line.is_none_or(|line| line == row.line)
            && filter.before.is_none_or(|before| row.id < before);
        self.answer(is_asked.then_some(row).into_iter().collect())
    }

    fn call(&self, _client: ClientId, id: CallId) -> Pending<Option<(CallRow, Value)>> {
        let row = Self::call_row();
        self.answer((row.id == id).then(|| (row, json!({ "entries": [] }))))
    }

    fn record_call(&self, _call: CallRecord) -> Pending<CallId> {
        unreachable!("the hook makes no calls")
    }

    fn forget_calls(&self, _before: UnixMillis) -> Pending<u32> {
        unreachable!("the hook sweeps nothing")
    }

    fn cancel(&self, _client: ClientId, _id: JobId, _now: UnixMillis) -> Pending<Cancelled> {
        self.answer(self.cancelled)
    }

    fn claim(&self, _now: UnixMillis, _line: String) -> Pending<Option<Claim>> {
        unreachable!("the hook claims nothing")
    }

    fn step(&self, _attempt: AttemptId, _step: Step) -> Pending<()> {
        unreachable!("the hook sends nothing")
    }

    fn settle(&self, _attempt: AttemptId, _settlement: Settlement) -> Pending<()> {
        unreachable!("the hook settles nothing")
    }

    fn numbers(&self, _after: Option<NumberId>, _limit: u16) -> Pending<Vec<NumberRow>> {
        let numbers = self.numbers.lock().expect("unharmed").clone();
        let row = |(id, (number, known))| NumberRow { id: NumberId(id), number, known };
        self.answer((1..).zip(numbers).map(row).collect())
    }

    fn known(&self, number: FaxNumber) -> Pending<Option<Result<Known, Unreadable>>> {
        let numbers = self.numbers.lock().expect("unharmed");
        let found = numbers.iter().find(|(known, _)| *known == number);
        self.answer(found.map(|(_, known)| known.clone()))
    }

    fn lock(&self, number: FaxNumber, lock: Option<Lock>, _now: UnixMillis) -> Pending<bool> {
        let mut numbers = self.numbers.lock().expect("unharmed");
        let before = numbers.iter().position(|(known, _)| *known == number);
        let known = before.and_then(|place| numbers.remove(place).1.ok()).unwrap_or_default();
        let changed = known.lock.is_some() || lock.is_some();
        numbers.push((number, Ok(Known { lock, ..known })));
        self.answer(changed)
    }

    fn forget(&self, number: FaxNumber, _now: UnixMillis) -> Pending<bool> {
        let mut numbers = self.numbers.lock().expect("unharmed");
        let before = numbers.len();
        numbers.retain(|(known, _)| *known != number);
        self.answer(numbers.len() < before)
    }

    fn sweep(&self, _now: UnixMillis) -> Pending<Swept> {
        unreachable!("the hook sweeps nothing")
    }

    fn stop_wanted(&self, _attempt: AttemptId) -> bool {
        unreachable!("the hook sends nothing")
    }
}

/// Everything that is logged on this thread, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("unharmed")).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("unharmed").extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
