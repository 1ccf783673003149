//! The hook over real TCP, from the outside: each fault has its own code, and no secret comes out.
//!
//! The way of a notification is here, other resources and strange clients have a file each. The store is a small
//! one in memory that can be told to fail (`house`); `queue` has its own tests.

mod clients;
mod holding;
mod house;
mod lines;
mod metrics;
mod numbers;
mod offices;
mod openapi;
mod preflight;
mod resolution;
mod status;
mod streams;
mod webhooks;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, oneshot};

use super::auth::{self, Scope};
use super::*;
use crate::job::examples::{CANARIES, TUESDAY_10_00};
use crate::job::{
    AttemptId, Channel, ClientId, FaxNumber, IdempotencyKey, JobId, JobState, Kind, Live,
    OfficeNumber, Sign, UnixMillis,
};
use crate::office::identity::{LEARNT_AFTER, Said};
use crate::office::known::{self, Known, Lock, SeenIdentity, Trouble};
use crate::office::rate::Rate;
use crate::office::terms::LineLimits;
use crate::office::{Office, OfficeChange};
use crate::queue::resolution::{Decided, Way};
use crate::queue::{
    Acceptance, Accepted, AttemptView, CallFilter, CallId, CallRecord, CallRow, Cancelled, Claim,
    Dialled, EventRow, Feed, Filter, LineAsk, MailAsk, MailClaim, MailDomain, NumberId, NumberRow,
    Pending, Place, Received, ReceivedMail, Resolution, Resolved, Signed, Step, Swept, Tally,
    Unreadable, View, WebhookBoard, WebhookEndpoint, WebhookOpened, WebhookOutcome, WebhookWork,
};
use crate::schedule::line_board::LineState;
use crate::send::LineFault;
use crate::settle::Settlement;
use crate::settle::mailing::Overdue;
use crate::settle::resolution::Refusal;
use crate::tell::Tellers;

use house::*;

const ALL_SCOPES: &[Scope] =
    &[Scope::Notify, Scope::Read, Scope::Lines, Scope::Numbers, Scope::Operate];

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
        ("/language", json!("fr"), 422, "invalid-value"),
        ("/language", json!(["ja"]), 422, "wrong-type"),
        ("/urgency", json!("at once"), 422, "invalid-value"),
        ("/if_uncertain", json!("send_twice_more"), 422, "invalid-value"),
        ("/sender", json!(["1379900028", "名前", "03-9876-5432"]), 422, "wrong-type"),
        ("/sender/office_number", json!("1379900029"), 422, "invalid-office-number"),
        ("/sender/office_number", json!(1379900028), 422, "wrong-type"),
        ("/sender/phone", json!("x\r\nBcc: y"), 422, "unrenderable"),
        ("/recipient/office_name", json!("a\u{202e}b"), 422, "unrenderable"),
        ("/recipient/office_name", json!("a\u{2028}b"), 422, "unrenderable"),
        ("/recipient/office_name", json!("a\0b"), 422, "unrenderable"),
        ("/recipient/office_name", json!(long), 422, "unrenderable"),
        ("/recipient/office_name", json!("\u{3000} "), 422, "invalid-text"),
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
    let whole = body_of_all_kinds();
    for (schema, pointer) in [
        ("NewNotification", ""),
        ("Sender", "/sender"),
        ("Recipient", "/recipient"),
        ("Credentials", "/credentials"),
        ("Document", "/documents/0"),
        ("Channel", "/channel"),
    ] {
        let described = schemas[schema]["properties"].as_object().expect(schema);
        let used = whole.pointer(pointer).and_then(Value::as_object).expect(pointer);
        let names = |map: &serde_json::Map<String, Value>| {
            let mut names: Vec<String> = map.keys().cloned().collect();
            names.sort();
            names
        };
        assert_eq!(names(described), names(used), "{schema}");
        for required in schemas[schema]["required"].as_array().into_iter().flatten() {
            let required = required.as_str().expect("a name");
            let mut without = body();
            let object = without.pointer_mut(pointer).and_then(Value::as_object_mut);
            object.expect(pointer).remove(required);
            let answer = house.post("key", &without).await;
            answer.is_problem(422, "missing-field");
            assert_eq!(answer.json()["errors"][0]["pointer"], format!("{pointer}/{required}"));
        }
    }
    house.post("key", &whole).await.is_problem(422, "field-not-of-kind");
    assert_eq!(
        house.post("key", &body()).await.status,
        202,
        "and without the field of another kind"
    );
}

#[tokio::test]
async fn each_kind_is_taken_with_what_it_needs_and_refused_with_what_it_must_not_have() {
    let house = House::open().await;
    for kind in Kind::ALL {
        let whole = body_of(*kind);
        for part in PARTS {
            let pointer = format!("/{part}");
            let mut changed = whole.clone();
            let code = if whole.get(part).is_none() {
                put(&mut changed, &pointer, body_of_all_kinds()[part].clone());
                "field-not-of-kind"
            } else {
                put(&mut changed, &pointer, Value::Null);
                match part {
                    "credentials" => "credentials-required",
                    "documents" => "missing-field",
                    _ => continue, // may be left out, see below
                }
            };
            let answer = house.post("key", &changed).await;
            answer.is_problem(422, code);
            let errors = answer.json()["errors"].clone();
            assert_eq!(errors.as_array().map(Vec::len), Some(1), "{kind} {part}: {}", answer.text);
            assert_eq!(errors[0]["pointer"], pointer, "{kind}");
        }
        assert_eq!(house.post(kind.as_str(), &whole).await.status, 202, "{kind}");
    }
    let mut bare = body_of(Kind::ChannelChanged);
    bare.as_object_mut().expect("an object").remove("channel");
    assert_eq!(house.post("bare", &bare).await.status, 202, "nobody has to hint at the address");
}

#[tokio::test]
async fn sheet_of_the_lines_own_test_is_nobodys_notification() {
    let house = House::open().await;
    let mut line_test = body_of(Kind::Message);
    put(&mut line_test, "/kind", json!("line_test"));
    house.post("key", &line_test).await.is_problem(422, "invalid-value");
}

#[tokio::test]
async fn hint_that_gives_an_address_away_is_refused_and_not_repeated() {
    let house = House::open().await;
    let mut whole = body_of(Kind::ChannelChanged);
    put(&mut whole, "/channel/mail_hint", json!("sakura@example.co.jp"));
    let answer = house.post("key", &whole).await;
    answer.is_problem(422, "invalid-value");
    assert_eq!(answer.json()["errors"][0]["pointer"], "/channel/mail_hint");
    assert!(!answer.text.contains("sakura@"), "{}", answer.text);
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
async fn fields_that_cannot_be_drawn_are_422_and_all_of_them_are_named() {
    let fault = |pointer: &str| FieldFault { pointer: pointer.into(), message: "no face".into() };
    let faults = vec![fault("/sender/phone"), fault("/documents/0/title")];
    let sheet = Err(SheetFault::Unrenderable { faults });
    let house = House::with(Setup { sheet, ..Setup::default() }).await;
    let answer = house.post("key-1", &body()).await;
    answer.is_problem(422, "unrenderable");
    let error =
        |pointer| json!({ "pointer": pointer, "code": "unrenderable", "message": "no face" });
    assert_eq!(
        answer.json()["errors"],
        json!([error("/sender/phone"), error("/documents/0/title")])
    );
    assert_eq!(house.store.kept(), 0);
}

#[tokio::test]
async fn broken_template_is_503_with_its_kind_and_not_its_place_and_not_ready() {
    let sheet = Err(SheetFault::OutOfOrder { message: "main.typ:3: x".into() });
    let house = House::with(Setup { sheet, ..Setup::default() }).await;
    let answer = house.post("key-1", &body()).await;
    answer.is_problem(503, "sheet-unavailable");
    assert_eq!(answer.json()["detail"], "first_contact in ja");
    assert_eq!(house.store.kept(), 0);
    let ready = house.get("/readyz").await;
    ready.is_problem(503, "sheet-unavailable");
    assert_eq!(ready.json().get("detail"), None, "a monitor without a token hears a word");
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
    let policy = Policy { keys: false, ..Policy::default() };
    let house = House::with(Setup { policy, ..Setup::default() }).await;
    house.post("key-1", &body()).await.is_problem(422, "no-line-for-keys");
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
        "/v1/notifications?sender=1379900044",
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
