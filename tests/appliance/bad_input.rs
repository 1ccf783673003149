//! Bad input gets its own clear error, nothing is queued, and the appliance goes on.
//! Not here: settings and secret files (`tests/daemon`).

use serde_json::{Value, json};

use crate::harness::{Appliance, Setup, first_contact, repository};

/// The appliance still takes a good notification.
fn goes_on(appliance: &Appliance) {
    assert_eq!(appliance.request("GET", "/healthz", &[], b"").status, 200);
    let answer = appliance.post("goes-on", &first_contact("0312345678"));
    assert_eq!(answer.status, 202, "{}", answer.text);
}

#[test]
fn a_number_with_letters_or_commands_is_refused_by_field() {
    let appliance = Appliance::start(&Setup { fars: &["0312345678=busy"], ..Setup::default() });
    for number in ["03-1234-567a", "0312345678;", "0312345678\rATZ", "031234567", "0312345678!"] {
        let answer = appliance.post("letters", &first_contact(number));
        assert_eq!((answer.status, answer.code().as_str()), (422, "invalid-number"), "{number:?}");
        assert!(answer.text.contains("/recipient/fax"), "{}", answer.text);
    }
    for number in ["09012345678", "0120123456", "119"] {
        let answer = appliance.post("denied", &first_contact(number));
        assert!(
            ["destination-denied", "invalid-number"].contains(&answer.code().as_str()),
            "{number}: {}",
            answer.text
        );
    }
    goes_on(&appliance);
}

#[test]
fn a_body_of_64_kib_and_one_octet_is_too_long() {
    let appliance = Appliance::start(&Setup { fars: &["0312345678=busy"], ..Setup::default() });
    let body = vec![b' '; 64 * 1024 + 1];
    let head = [("Idempotency-Key", "long"), ("Content-Type", "application/json")];
    let answer = appliance.request("POST", "/v1/notifications", &head, &body);
    assert_eq!(answer.status, 413, "{}", answer.text);
    goes_on(&appliance);
}

#[test]
fn an_unknown_field_is_named() {
    let appliance = Appliance::start(&Setup { fars: &["0312345678=busy"], ..Setup::default() });
    let mut body = first_contact("0312345678");
    body["care_recipient"] = json!({ "name": "春日" });
    let answer = appliance.post("unknown", &body);
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(answer.text.contains("care_recipient"), "{}", answer.text);
    assert!(!answer.text.contains("春日"), "a value that nobody asked for is not repeated");
    goes_on(&appliance);
}

#[test]
fn a_wrong_token_gets_401_whatever_is_wrong_with_it() {
    let appliance = Appliance::start(&Setup { fars: &["0312345678=busy"], ..Setup::default() });
    let mut bodies = Vec::new();
    for token in ["", "Bearer", "Bearer test.wrong", "Bearer nobody.wrong", "Basic dGVzdA=="] {
        let answer =
            appliance.request("GET", "/v1/notifications", &[("Authorization", token)], b"");
        assert_eq!(answer.status, 401, "{token}: {}", answer.text);
        bodies.push(answer.text);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "the answer does not tell what was wrong: {bodies:#?}");
    goes_on(&appliance);
}

#[test]
fn a_missing_device_is_named_and_notifications_wait() {
    let mut appliance = Appliance::start(&Setup {
        device: Some("/dev/serial/by-id/usb-not-there"),
        ..Setup::default()
    });
    let id = appliance.submit("0312345678");
    let ready = appliance.request("GET", "/readyz", &[], b"");
    assert_eq!(ready.status, 503, "{}", ready.text);
    assert!(appliance.log().contains("/dev/serial/by-id/usb-not-there"), "{}", appliance.log());
    assert_eq!(appliance.await_state(&id, &["waiting"])["attempts"], Value::Array(Vec::new()));
    goes_on(&appliance);
}

#[test]
fn a_template_with_an_error_is_named_by_file_and_line_and_nothing_is_queued() {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(repository("templates/fax")).expect("templates") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_file() {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copy");
        }
    }
    std::fs::write(folder.path().join("first_contact.typ"), "= よい\n#let x = \n").expect("write");
    let appliance = Appliance::start(&Setup {
        fars: &["0312345678=busy"],
        templates: Some(folder.path()),
        ..Setup::default()
    });
    let answer = appliance.post("broken", &first_contact("0312345678"));
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(appliance.log().contains("first_contact.typ:2"), "{}", appliance.log());
    assert_eq!(appliance.request("GET", "/healthz", &[], b"").status, 200);
}
