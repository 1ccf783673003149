//! Messages that are no HTTP, no JSON, or not to be told apart.

use std::io::Write as _;
use std::sync::Barrier;

use serde_json::json;

use crate::house::{Answer, House, message};

const JSON: &str = "Idempotency-Key: bad\r\nContent-Type: application/json\r\n";

#[test]
fn b01_body_of_64_kib_and_one_octet_or_without_end_is_413() {
    let house = House::new();
    let mut daemon = house.daemon();
    let mut body = message().to_string().into_bytes();
    body.resize(64 << 10, b' ');
    assert_eq!(house.post_octets("long", &body).status, 202, "64 KiB are a body");
    body.push(b' ');
    house.post_octets("longer", &body).is_problem(413, "body-too-large");

    let mut stream = house.connect();
    let head = format!(
        "POST /v1/notifications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n",
        house.token
    );
    stream.write_all(head.as_bytes()).expect("a head");
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    // Sixteen make 64 KiB; what comes behind may find the connection closed.
    while stream.write_all(chunk.as_bytes()).is_ok() {}
    house.goes_on(&mut daemon);
}

#[test]
fn b01_chunked_body_that_is_too_long_hears_so_before_the_connection_ends() {
    let house = House::new();
    let _daemon = house.daemon();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let request = format!(
        "POST /v1/notifications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        house.token,
        chunk.repeat(40)
    );
    house.send(request.as_bytes()).is_problem(413, "body-too-large");
}

#[test]
fn b02_json_that_is_too_deep_too_large_twice_or_followed_by_more_is_400() {
    let house = House::new();
    let mut daemon = house.daemon();
    let whole = message().to_string();
    for (octets, code) in [
        ("[".repeat(10_000), "invalid-json"),
        ("{\"a\":".repeat(10_000), "invalid-json"),
        (whole.replacen('{', "{\"urgency\":1e400,", 1), "invalid-json"),
        (whole.replacen('{', "{\"urgency\":NaN,", 1), "invalid-json"),
        (whole.replacen('{', "{\"kind\":\"message\",", 1), "duplicate-field"),
        (whole.replace("\"fax\":", "\"fax\":\"03-5550-0002\",\"fax\":"), "duplicate-field"),
        (whole.clone() + "junk", "invalid-json"),
        (whole + "{}", "invalid-json"),
    ] {
        house.post_octets("bad", octets.as_bytes()).is_problem(400, code);
    }
    house.goes_on(&mut daemon);
}

#[test]
fn b04_text_that_is_no_unicode_is_400() {
    let house = House::new();
    let mut daemon = house.daemon();
    let whole = message().to_string();
    for bad in [&b"\\ud800"[..], b"\\udc00\\ud800", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80"] {
        let (before, after) = whole.split_once("みどり").expect("a name");
        let octets = [before.as_bytes(), bad, after.as_bytes()].concat();
        house.post_octets("bad", &octets).is_problem(400, "invalid-json");
    }
    house.goes_on(&mut daemon);
}

#[test]
fn b05_field_that_does_not_exist_or_has_another_type_is_422_and_named() {
    let house = House::new();
    let mut daemon = house.daemon();
    for (pointer, name, value, code) in [
        ("", "care_recipient", json!({ "name": "春日" }), "unknown-field"),
        ("/recipient", "mobile", json!("1"), "unknown-field"),
        ("", "kind", json!(["message"]), "wrong-type"),
        ("", "sender", json!("somebody"), "wrong-type"),
        ("/recipient", "fax", json!(355_500_001), "wrong-type"),
        ("/sender", "office_number", json!(1_379_900_028), "wrong-type"),
        ("", "not_after", json!(1_800_000_000), "wrong-type"),
    ] {
        let mut body = message();
        body.pointer_mut(pointer).expect("a place")[name] = value;
        let answer = house.post("bad", &body);
        answer.is_problem(422, code);
        assert_eq!(answer.json()["errors"][0]["pointer"], format!("{pointer}/{name}"));
        assert!(!answer.text.contains("春日"), "a value that nobody asked for is repeated");
    }
    house.goes_on(&mut daemon);
}

#[test]
fn b06_idempotency_key_that_is_missing_empty_long_invisible_or_twice_is_400() {
    let house = House::new();
    let mut daemon = house.daemon();
    let long = format!("Idempotency-Key: {}\r\n", "k".repeat(256));
    for (fields, code) in [
        ("", "idempotency-key-missing"),
        ("Idempotency-Key:\r\n", "idempotency-key-invalid"),
        ("Idempotency-Key: 鍵\r\n", "idempotency-key-invalid"),
        ("Idempotency-Key: a b\r\n", "idempotency-key-invalid"),
        ("Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "idempotency-key-invalid"),
        (&long, "idempotency-key-invalid"),
    ] {
        let fields = format!("{fields}Content-Type: application/json\r\n");
        let body = message().to_string();
        let answer = house.request("POST", "/v1/notifications", &fields, body.as_bytes());
        answer.is_problem(400, code);
    }
    assert_eq!(house.post(&"k".repeat(255), &message()).status, 202, "255 are a key");
    house.goes_on(&mut daemon);
}

#[test]
fn b07_same_key_other_body_is_422_and_64_at_once_are_one_notification() {
    let house = House::new();
    let mut daemon = house.daemon();
    assert_eq!(house.post("one", &message()).status, 202);
    let mut other = message();
    other["urgency"] = json!("urgent");
    house.post("one", &other).is_problem(422, "idempotency-key-reused");

    let together = Barrier::new(64);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let post = || {
            together.wait();
            house.post("many", &message())
        };
        let posts: Vec<_> = (0..64).map(|_| scope.spawn(post)).collect();
        posts.into_iter().map(|post| post.join().expect("an answer")).collect()
    });
    let fresh = answers.iter().filter(|answer| !answer.head.contains("idempotency-replayed"));
    assert_eq!(fresh.count(), 1, "one is new, all others are its repetition");
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (202, &answers[0].text));
    }
    let listed = house.get("/v1/notifications?limit=200").json();
    let items = listed.as_array().or_else(|| listed["notifications"].as_array());
    assert_eq!(items.expect("a list").len(), 2);
    house.goes_on(&mut daemon);
}

/// Two readers of such a message would see two messages.
#[test]
fn b08_message_whose_length_is_told_twice_or_in_unknown_coding_is_refused_and_the_connection_ends()
{
    let house = House::new();
    let mut daemon = house.daemon();
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n";
    for fields in [
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4, 5\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    ] {
        let head = format!(
            "POST /v1/notifications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{JSON}{fields}\r\n",
            house.token
        );
        let answer = house.send(format!("{head}0\r\n\r\n{smuggled}").as_bytes());
        assert_eq!(answer.status, 400, "{fields}: {answer:?}");
        assert!(!answer.text.contains("alive"), "{fields}: the second message was answered");
    }
    house.goes_on(&mut daemon);
}

#[test]
fn b09_header_without_measure_and_paths_that_lead_elsewhere_are_4xx() {
    let house = House::new();
    let mut daemon = house.daemon();
    let many: String = (0..1000).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "y".repeat(64 << 10));
    for fields in [many, long] {
        let head = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
        assert_eq!(house.send(head.as_bytes()).status, 431);
    }
    let method = format!("{} /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "A".repeat(10 << 10));
    assert!((400..500).contains(&house.send(method.as_bytes()).status));
    for line in ["GET /healthz HTTP/9.9", "GET healthz HTTP/1.1", "GET /a b HTTP/1.1", "\u{0}"] {
        let answer =
            house.send(format!("{line}\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        assert!([400, 404].contains(&answer.status), "{line}: {answer:?}");
    }
    for path in [
        "/../../etc/passwd",
        "/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/v1/../healthz",
        "/v1/problems/%00",
        "/v1/notifications/%2e%2e%2fevents",
        "/v1/notifications/..%5c",
        "//healthz",
    ] {
        let answer = house.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(!answer.text.contains("root:"), "{path}");
    }
    house.goes_on(&mut daemon);
}
