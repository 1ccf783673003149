//! A notification without a secret, from the HTTP call to the far machine's tray.

use serde_json::{Value, json};

use crate::harness::{Appliance, Setup, repository};

#[test]
fn a_message_in_english_is_on_paper_as_shirase_sheet_draws_it() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0355500001=fax,csi=03 5550 0001"], ..Setup::default() });
    let sample = std::fs::read(repository("templates/samples/message.json")).expect("an example");
    let mut body: Value = serde_json::from_slice(&sample).expect("JSON");
    body["language"] = json!("en");
    let answer = appliance.post("message", &body);
    assert_eq!(answer.status, 202, "{}", answer.text);
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    let view = appliance.await_state(&id, &["confirmed"]);
    assert_eq!(view["kind"], "message", "{view:#}");
    let call = appliance.await_calls(1).remove(0);
    let received = call["file"].as_str().expect("the far end kept a file");

    let (data, config) = (appliance.path("message.json"), appliance.path("shirase.toml"));
    std::fs::write(&data, body.to_string()).expect("data");
    let compare = |language: &str| {
        let compared = appliance.verb(&[
            "sheet",
            "message",
            "--data",
            data.to_str().expect("UTF-8"),
            "--config",
            config.to_str().expect("UTF-8"),
            "--id",
            &id,
            "--language",
            language,
            "--compare",
            received,
        ]);
        (compared.status.code(), String::from_utf8_lossy(&compared.stdout).into_owned())
    };
    let (status, said) = compare("en");
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(compare("ja").0, Some(6), "else the comparison proves nothing");
}
