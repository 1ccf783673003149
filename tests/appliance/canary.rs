//! Credentials that are known to the test go every way that there is; afterwards none of them stands anywhere, in any form.
//!
//! Looked through: every file that the gateway keeps or prints, what the kernel shows of its process, every answer that it
//! gave. Not here: pages (they are made to be read), the memory of the process.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{Answer, Appliance, Setup, first_contact, repository};

/// One set of credentials for each way.
struct Canary {
    way: &'static str,
    secrets: [String; 3],
}

impl Canary {
    /// Values that nothing else in the world holds.
    fn of(way: &'static str) -> Self {
        let mut random = [0_u8; 18];
        getrandom::fill(&mut random).expect("random octets");
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random);
        let part = |from: usize| text.get(from..from + 8).expect("24 characters").to_owned();
        Self { way, secrets: [part(0), part(8), part(16)] }
    }

    fn credentials(&self) -> Value {
        let [login_id, password, first_time_key] = &self.secrets;
        json!({ "login_id": login_id, "password": password, "first_time_key": first_time_key })
    }

    fn body(&self, fax: &str) -> Value {
        let mut body = first_contact(fax);
        body["credentials"] = self.credentials();
        body
    }
}

/// Finds secrets in every form in which one could leak.
struct Search {
    /// What each form is, by its first octets.
    forms: HashMap<[u8; 4], Vec<(String, Vec<u8>)>>,
}

impl Search {
    fn for_all(canaries: &[Canary]) -> Self {
        let mut forms: HashMap<[u8; 4], Vec<(String, Vec<u8>)>> = HashMap::new();
        for canary in canaries {
            for (secret, what) in canary.secrets.iter().zip(["login", "password", "key"]) {
                for (form, octets) in forms_of(secret) {
                    let begin = *octets.first_chunk().expect("no form is shorter");
                    let name = format!("{what} of {} in {form}", canary.way);
                    forms.entry(begin).or_default().push((name, octets));
                }
            }
        }
        Self { forms }
    }

    /// What of them is in there.
    fn found_in(&self, octets: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        // Hexadecimal digits come in either case.
        for octets in [octets.to_vec(), octets.to_ascii_lowercase()] {
            for (at, begin) in octets.windows(4).enumerate() {
                let begin: &[u8; 4] = begin.try_into().expect("four");
                for (name, form) in self.forms.get(begin).into_iter().flatten() {
                    if octets[at..].starts_with(form) {
                        found.push(name.clone());
                    }
                }
            }
        }
        found
    }
}

/// A text as it could stand somewhere; hexadecimal digits in lower case.
fn forms_of(secret: &str) -> Vec<(String, Vec<u8>)> {
    let each = |form: &dyn Fn(u8) -> String| secret.bytes().map(form).collect::<String>();
    let spaced = each(&|octet| format!("{} ", char::from(octet)));
    let mut forms = vec![
        ("plain text".to_owned(), secret.as_bytes().to_vec()),
        ("hex".to_owned(), each(&|octet| format!("{octet:02x}")).into_bytes()),
        ("spaced characters".to_owned(), spaced.trim_end().as_bytes().to_vec()),
        ("spaced hex".to_owned(), each(&|octet| format!("{octet:02x} ")).trim_end().into()),
        ("percent encoding".to_owned(), each(&|octet| format!("%{octet:02x}")).into_bytes()),
        ("escapes of JSON".to_owned(), each(&|octet| format!("\\u00{octet:02x}")).into_bytes()),
        (
            "a list of octets".to_owned(),
            each(&|octet| format!("{octet}, ")).trim_end_matches(", ").into(),
        ),
        ("UTF-16LE".to_owned(), secret.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("UTF-16BE".to_owned(), secret.encode_utf16().flat_map(u16::to_be_bytes).collect()),
    ];
    // With none, one or two octets before it; the characters that hold bits of neighbours are left away.
    for (before, skip) in [(0_usize, 0), (1, 2), (2, 3)] {
        let text = STANDARD.encode([&vec![0; before], secret.as_bytes()].concat());
        let text = text.trim_end_matches('=');
        let whole = (before + secret.len()) * 8 / 6;
        let sure = text.get(skip..whole).expect("ASCII");
        forms.push((format!("base64 behind {before}"), sure.as_bytes().to_vec()));
        let url = sure.replace('+', "-").replace('/', "_");
        if url != sure {
            forms.push((format!("base64url behind {before}"), url.into_bytes()));
        }
    }
    forms
}

/// Everything in a folder and below it, by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("lists") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            // One that is gone by now holds nothing.
            found.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
    found
}

/// The shipped templates, of which one cannot be drawn.
fn templates_without_reissued() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let words = folder.path().join("words");
    std::fs::create_dir(&words).expect("a folder");
    let shipped = repository("templates/fax");
    for (from, to) in [(shipped.join("words"), words.as_path()), (shipped, folder.path())] {
        for entry in std::fs::read_dir(from).expect("lists") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copies");
            }
        }
    }
    std::fs::write(folder.path().join("credentials_reissued.typ"), "#nothing\n").expect("written");
    folder
}

#[test]
fn known_credentials_are_nowhere_whatever_became_of_them() {
    let ways =
        ["success", "failure", "uncertain", "renewal", "refusal", "broken-template", "too-early"];
    let canaries = ways.map(Canary::of);
    let [success, failure, uncertain, renewal, refusal, broken, early] = &canaries;
    let templates = templates_without_reissued();
    let mut appliance = Appliance::start(&Setup {
        fars: &[
            "0312345678=fax,csi=0312345678",
            "0312345679=fax,csi=0312345111",
            "0312345670=fax,csi=0312345670",
        ],
        templates: Some(templates.path()),
        ..Setup::default()
    });
    let mut answers: Vec<(String, Answer)> = Vec::new();
    let mut post = |appliance: &Appliance, way: &str, body: &Value, status: u16| {
        let answer = appliance.post(way, body);
        assert_eq!(answer.status, status, "{way}: {}", answer.text);
        let id = answer.json()["id"].as_str().unwrap_or_default().to_owned();
        answers.push((format!("answer to {way}"), answer));
        id
    };

    // Refused, in every way in which a body can be wrong around a secret.
    let mut with_text = refusal.body("0312345678");
    with_text["credentials"]["password"] = json!(format!("{}\u{7}", refusal.secrets[1]));
    post(&appliance, "wrong-secret", &with_text, 422);
    post(&appliance, "wrong-number", &refusal.body("0312"), 422);
    let mut elsewhere = refusal.body("0312345678");
    elsewhere["sender"]["office_name"] = json!(format!("\u{7}{}", refusal.secrets[2]));
    post(&appliance, "wrong-place", &elsewhere, 422);
    post(
        &appliance,
        "wrong-type",
        &json!({ "kind": refusal.secrets, "credentials": refusal.secrets[0] }),
        422,
    );
    let mut reissued = broken.body("0312345678");
    reissued["kind"] = json!("credentials_reissued");
    reissued.as_object_mut().expect("an object").remove("documents");
    post(&appliance, "broken-template", &reissued, 503);

    let id = post(&appliance, "success", &success.body("0312345678"), 202);
    appliance.await_state(&id, &["confirmed"]);
    let id = post(&appliance, "failure", &failure.body("0312345679"), 202);
    appliance.await_state(&id, &["failed"]);

    // Killed in the page, decided after the new start.
    let id = post(&appliance, "uncertain", &uncertain.body("0312345670"), 202);
    appliance.await_attempt(&id, &["page_started"]);
    appliance.kill_daemon();
    appliance.await_calls(3);
    appliance.start_daemon();
    appliance.await_state(&id, &["uncertain"]);
    let new = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(new.path(), renewal.credentials().to_string()).expect("written");
    let new_file = new.path().to_str().expect("a name");
    let rotated = appliance.verb(&["resolve", &id, "rotate", new_file, "--by", "佐藤"]);
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    let view = appliance.await_state(&id, &["confirmed"]);
    assert_eq!((&view["version"], &view["attempts"][1]["version"]), (&json!(2), &json!(2)));
    let too_early = json!({ "action": "rotate", "credentials": early.credentials() });
    let path = format!("/v1/notifications/{id}/resolution");
    let head = [("Content-Type", "application/json")];
    let answer = appliance.request("POST", &path, &head, too_early.to_string().as_bytes());
    assert_eq!((answer.status, answer.code().as_str()), (409, "not-uncertain"));
    answers.push(("answer to a decision".into(), answer));

    for path in [
        &format!("/v1/notifications/{id}"),
        "/v1/notifications",
        "/v1/events?after=0",
        "/v1/calls",
        "/v1/calls/1",
        "/v1/calls/2",
        "/v1/calls/3",
        "/v1/numbers",
        "/v1/lines",
        "/v1/status",
        "/metrics",
        "/readyz",
    ] {
        answers.push((path.into(), appliance.request("GET", path, &[], b"")));
    }
    let printed = appliance.verb(&["show", &id]);
    let search = Search::for_all(&canaries);
    let look = |appliance: &Appliance| {
        let mut places = files(&appliance.path(""));
        for name in ["environ", "cmdline", "status", "maps"] {
            let path = format!("/proc/{}/{name}", appliance.daemon_id());
            // What is kept from us is kept from everybody but root.
            places.push((path.clone(), std::fs::read(&path).unwrap_or_default()));
        }
        places.extend(
            answers.iter().map(|(name, answer)| (name.clone(), answer.text.clone().into_bytes())),
        );
        places.push(("shirase resolve".into(), [&rotated.stdout[..], &rotated.stderr].concat()));
        places.push(("shirase show".into(), printed.stdout.clone()));
        let found_in = |(name, octets): &(String, Vec<u8>)| {
            search
                .found_in(octets)
                .into_iter()
                .map(|what| format!("{what}: {name}"))
                .collect::<Vec<_>>()
        };
        (places.iter().flat_map(found_in).collect::<Vec<_>>(), places)
    };
    let (found, places) = look(&appliance);
    assert_eq!(found, Vec::<String>::new());
    for name in ["queue.db", "queue.db-lock", "daemon.log", "environ", "/v1/events?after=0"] {
        let place = places.iter().find(|(place, _)| place.ends_with(name));
        assert!(place.is_some(), "{name} is looked through");
    }
    // It would be found.
    std::fs::write(appliance.path("planted"), format!("x{}", STANDARD.encode(&renewal.secrets[2])))
        .expect("written");
    let (found, _) = look(&appliance);
    assert!(found.iter().any(|what| what.starts_with("key of renewal in base64")), "{found:?}");
}

#[test]
fn secret_is_found_in_every_form_and_wherever_it_stands() {
    let canary = Canary::of("test");
    let search = Search::for_all(std::slice::from_ref(&canary));
    let secret = canary.secrets[1].as_str();
    let in_utf_16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02X}")).collect::<String>();
    let percent: String = secret.bytes().map(|octet| format!("%{octet:02X}")).collect();
    let mut leaks: Vec<Vec<u8>> = vec![
        secret.into(),
        hex(secret.as_bytes()).into(),
        in_utf_16,
        percent.into(),
        secret.chars().map(|c| format!("{c} ")).collect::<String>().into(),
        format!("{:?}", secret.as_bytes()).into(),
    ];
    for before in ["", "a", "ab", "abc"] {
        leaks.push(STANDARD.encode(format!("{before}{secret}tail")).into());
    }
    for leak in leaks {
        let around = [b"before ", &leak[..], b" behind"].concat();
        let found = search.found_in(&around);
        assert!(!found.is_empty(), "not found in {}", String::from_utf8_lossy(&around));
    }
    assert!(search.found_in(b"nothing of the kind").is_empty());
}
