//! Fields of strangers, from the body to the page: what is accepted is drawn, on one page and without a box; what
//! is refused is named. Reader, check, trials, worker, faces and templates are the real ones.

#[path = "../support/templates.rs"]
mod templates;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value, json};
use shirase::hook::{SheetCheck, SheetFault, body};
use shirase::job::{JobId, Kind, Language, NewJob, UnixMillis};
use shirase::render::{Gate, Issue, Renderer, SiteFace, SiteWords, Trials};
use shirase::send::sheets::Sheets;
use templates::{copied, shipped, worker};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Bodies that are tried; more with `FIELD_CASES`.
const CASES: u32 = 200;
/// 2026-11-24 10:00 in Japan.
const NOW: UnixMillis = UnixMillis(1_795_482_000_000);

fn site() -> SiteFace {
    let words = |name: &str, help_name: &str, help_hours: &str| SiteWords {
        name: name.to_owned(),
        help_name: help_name.to_owned(),
        help_hours: help_hours.to_owned(),
        words: BTreeMap::new(),
    };
    SiteFace {
        url: String::from("https://exchange.example.jp/"),
        help_phone: String::from("03-0000-0000"),
        ja: words("書類交換サイト", "書類交換サイト 窓口", "平日 9:00～17:00"),
        en: words("Document Exchange", "Document Exchange help desk", "weekdays 9:00–17:00"),
    }
}

/// The shipped sheets behind a gate, and a renderer of them.
struct Desk {
    gate: Arc<Gate>,
    renderer: Renderer,
}

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let worker = worker(&shipped());
    let gate = Arc::new(Gate::new(site(), PATIENCE));
    let trials = Trials::new(Arc::clone(&gate), site(), worker.clone());
    std::mem::forget(trials.start().expect("a thread"));
    Desk { gate, renderer: Renderer::new(site(), worker) }
});

/// A complete body of any kind; fields that only some kinds have are in those.
fn body_of(kind: Kind) -> Value {
    let mut body = json!({
        "kind": kind.as_str(),
        "sender": { "office_number": "1379900028", "office_name": "ひまわり居宅介護支援事業所", "phone": "03-9876-5432" },
        "recipient": { "office_number": "1179900012", "office_name": "さくらデイサービス", "fax": "03-1234-5678" },
    });
    let fields = body.as_object_mut().expect("an object");
    if kind.has_secret() {
        let secret =
            json!({ "login_id": "care0417", "password": "Qm7rT2wz", "first_time_key": "8K2PXW5N" });
        fields.insert("credentials".into(), secret);
    }
    if matches!(kind, Kind::FirstContact | Kind::Document) {
        fields.insert("documents".into(), json!([{ "title": "提供票", "count": 2 }]));
    }
    if kind == Kind::ChannelChanged {
        fields.insert("channel".into(), json!({ "mail_hint": "s***@example.co.jp" }));
    }
    body
}

/// Pieces that go wrong on paper somewhere, and pieces that must not.
const PIECES: [&str; 40] = [
    "さくら",
    "デイサービス",
    "ﾃﾞｲｻｰﾋﾞｽ",
    "㈱",
    "①",
    "髙橋",
    "山﨑",
    "𠮷野家",
    "葛\u{E0100}城",
    "Café",
    "№",
    "か\u{3099}",
    "か\u{309A}",
    "e\u{301}",
    "～－―…",
    "😀",
    "👨\u{200D}👩\u{200D}👧",
    "🇯🇵",
    "1\u{FE0F}\u{20E3}",
    "☎\u{FE0F}",
    "שלום",
    "مرحبا",
    "\u{202E}abc",
    "\u{2066}x\u{2069}",
    "한글",
    "ไทย",
    "हिन्दी",
    "\0",
    "\t",
    "\r\n",
    "\u{1B}[31m",
    "\u{2028}",
    "\u{200B}",
    "\u{FEFF}",
    "\u{E000}",
    "\u{FFFE}",
    "\u{378}",
    "\u{FFFD}",
    "\u{3164}",
    "Z\u{300}\u{301}\u{302}\u{303}\u{304}",
];

/// Where the characters of Japanese faces are, with gaps between them.
const LIKELY: [RangeInclusive<char>; 7] = [
    ' '..='~',
    '\u{A0}'..='\u{4FF}',
    '\u{2010}'..='\u{27FF}',
    '\u{3000}'..='\u{31FF}',
    '\u{4E00}'..='\u{9FFF}',
    '\u{F900}'..='\u{FAFF}',
    '\u{FF01}'..='\u{FF9F}',
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        // Any character at all, and those that the faces are likely to have.
        1 => proptest::collection::vec(any::<char>(), 1..20).prop_map(String::from_iter),
        4 => proptest::collection::vec(proptest::char::ranges(LIKELY[..].into()), 1..40)
            .prop_map(String::from_iter),
        3 => proptest::collection::vec(select(&PIECES[..]), 1..6).prop_map(|pieces| pieces.concat()),
        4 => proptest::collection::vec(select(&PIECES[..15]), 1..6).prop_map(|pieces| pieces.concat()),
        1 => ("[字Wあ]", prop_oneof![Just(60_usize), Just(61), Just(10_000)])
            .prop_map(|(piece, times)| piece.repeat(times)),
        1 => (select(&["e", "か"][..]), select(&["\u{301}", "\u{3099}", "\u{20DD}"][..]), 1..50_usize)
            .prop_map(|(base, mark, times)| format!("{base}{}", mark.repeat(times))),
    ]
}

/// Every field that is printed as it came.
const FIELDS: [&str; 8] = [
    "/sender/office_name",
    "/sender/phone",
    "/recipient/office_name",
    "/documents/0/title",
    "/channel/mail_hint",
    "/credentials/login_id",
    "/credentials/password",
    "/credentials/first_time_key",
];

fn bodies() -> impl Strategy<Value = (Value, Vec<&'static str>)> {
    let fields = proptest::collection::vec((select(&FIELDS[..]), text()), 1..4);
    (select(Kind::ALL), select(Language::ALL), fields).prop_map(|(kind, language, fields)| {
        let mut body = body_of(kind);
        body["language"] = json!(language.as_str());
        let mut changed = Vec::new();
        for (pointer, text) in fields {
            if let Some(field) = body.pointer_mut(pointer) {
                *field = json!(text);
                changed.push(pointer);
            }
        }
        (body, changed)
    })
}

/// What became of a body before anything was stored.
enum Verdict {
    Accepted(Box<NewJob>),
    /// Pointer, code and message of each fault.
    Refused(Vec<(String, String, String)>),
}

fn judge(desk: &Desk, octets: &[u8]) -> Verdict {
    let job = match body::parse(octets, NOW) {
        Ok(job) => job,
        Err(problem) => {
            let said = serde_json::to_value(problem.body()).expect("JSON");
            let errors = said["errors"].as_array().cloned().unwrap_or_default();
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            let told = |error: &Value| {
                (text(&error["pointer"]), text(&error["code"]), text(&error["message"]))
            };
            return Verdict::Refused(errors.iter().map(told).collect());
        }
    };
    match desk.gate.check(&job) {
        Ok(()) => Verdict::Accepted(Box::new(job)),
        Err(SheetFault::Unrenderable { faults }) => {
            let told = |fault: shirase::hook::FieldFault| {
                (fault.pointer, String::from("unrenderable"), fault.message)
            };
            Verdict::Refused(faults.into_iter().map(told).collect())
        }
        Err(SheetFault::OutOfOrder { message }) => panic!("out of order: {message}"),
    }
}

#[test]
fn whatever_stands_in_the_fields_it_is_drawn_on_one_page_or_refused_by_name() {
    let cases = std::env::var("FIELD_CASES").map_or(CASES, |n| n.parse().expect("a number"));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    // The usual run is the same each time; a longer one looks elsewhere.
    let mut runner = if cases == CASES {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    } else {
        TestRunner::new(config)
    };
    let (drawn, refused) = (Cell::new(0), Cell::new(0));
    let outcome = runner.run(&bodies(), |(body, changed)| {
        match judge(&DESK, body.to_string().as_bytes()) {
            Verdict::Accepted(job) => {
                drawn.set(drawn.get() + 1);
                DESK.renderer
                    .draw(JobId::new(NOW, 1), &job)
                    .map_err(|error| TestCaseError::fail(error.to_string()))?;
            }
            Verdict::Refused(faults) => {
                refused.set(refused.get() + 1);
                prop_assert!(!faults.is_empty());
                for (pointer, code, message) in faults {
                    prop_assert!(changed.contains(&pointer.as_str()), "{pointer}: {message}");
                    if pointer.starts_with("/credentials") {
                        prop_assert!(!message.contains("U+"), "{message}");
                    } else if code == "unrenderable" {
                        let names = message.contains("U+") || message.contains("at most");
                        prop_assert!(names, "{pointer}: {message}");
                    }
                    prop_assert!(message.chars().count() < 200, "{message}");
                }
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let (drawn, refused) = (drawn.get(), refused.get());
    println!("{drawn} drawn, {refused} refused");
    assert!(drawn * 5 >= cases && refused * 5 >= cases, "{drawn} drawn, {refused} refused");
}

/// What a piece of text does to a field, and how the refusal reads.
#[test]
fn every_class_of_what_cannot_be_printed_is_refused_by_field_and_character() {
    let cases = [
        ("/recipient/office_name", "さくら😀", "no face of the sheet has U+1F600 😀"),
        ("/recipient/office_name", "👨\u{200D}👩", "character 1 (from 0), U+200D, is invisible"),
        ("/recipient/office_name", "🇯🇵", "no face of the sheet has U+1F1EF 🇯, U+1F1F5 🇵"),
        (
            "/sender/office_name",
            "abגd",
            "character 2 (from 0), U+05D2, is written from right to left",
        ),
        ("/sender/office_name", "a\u{202E}b", "character 1 (from 0), U+202E, is invisible"),
        ("/sender/phone", "03\u{2066}1", "character 2 (from 0), U+2066, is invisible"),
        ("/documents/0/title", "한글", "no face of the sheet has U+D55C 한, U+AE00 글"),
        (
            "/documents/0/title",
            "Z\u{300}\u{301}\u{302}",
            "character 1 (from 0), U+0300, is a mark that does not belong to the character before it",
        ),
        ("/documents/0/title", "a\0", "character 1 (from 0), U+0000, is a control character"),
        (
            "/documents/0/title",
            "a\u{1B}[2J",
            "character 1 (from 0), U+001B, is a control character",
        ),
        ("/documents/0/title", "a\u{2028}", "character 1 (from 0), U+2028, breaks the line"),
        (
            "/documents/0/title",
            "\u{E000}",
            "character 0 (from 0), U+E000, is for private use and looks different everywhere",
        ),
        (
            "/documents/0/title",
            "\u{378}",
            "character 0 (from 0), U+0378, is no character of Unicode",
        ),
        (
            "/documents/0/title",
            "caf\u{FFFD}",
            "character 3 (from 0), U+FFFD, stands for one that was lost before it came here",
        ),
        (
            "/credentials/password",
            "Pässword",
            "must be printable ASCII characters without spaces; character 1 (from 0) is not",
        ),
    ];
    for (pointer, text, expected) in cases {
        let mut body = body_of(Kind::FirstContact);
        *body.pointer_mut(pointer).expect("a field") = json!(text);
        let Verdict::Refused(faults) = judge(&DESK, body.to_string().as_bytes()) else {
            panic!("{pointer} {text:?} was accepted");
        };
        let code =
            if pointer.starts_with("/credentials") { "invalid-credential" } else { "unrenderable" };
        let expected = vec![(pointer.to_owned(), code.to_owned(), expected.to_owned())];
        assert_eq!(faults, expected, "{text:?}");
    }
}

#[test]
fn field_of_ten_thousand_characters_is_refused_with_its_length() {
    let mut body = body_of(Kind::Message);
    body["recipient"]["office_name"] = json!("字".repeat(10_000));
    let Verdict::Refused(faults) = judge(&DESK, body.to_string().as_bytes()) else {
        panic!("accepted");
    };
    let [(pointer, code, message)] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!((pointer.as_str(), code.as_str()), ("/recipient/office_name", "unrenderable"));
    assert_eq!(message, "must have at most 60 characters, has 10000");
}

/// Accepting waits for nothing but this.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
fn check_at_the_longest_fields_takes_less_than_a_millisecond() {
    let mut body = body_of(Kind::FirstContact);
    let longest = [
        ("/sender/office_name", "国".repeat(60)),
        ("/sender/phone", "０".repeat(24)),
        ("/recipient/office_name", "鬱".repeat(60)),
        ("/credentials/login_id", "W".repeat(32)),
        ("/credentials/password", "W".repeat(32)),
        ("/credentials/first_time_key", "W".repeat(32)),
    ];
    for (pointer, text) in longest {
        *body.pointer_mut(pointer).expect("a field") = json!(text);
    }
    body["documents"] = json!(vec![json!({ "title": "書".repeat(40), "count": 9999 }); 12]);
    let job = body::parse(body.to_string().as_bytes(), NOW).expect("a job");
    assert_eq!(DESK.gate.check(&job), Ok(()));
    let check = || {
        let began = std::time::Instant::now();
        let checked = DESK.gate.check(&job);
        (began.elapsed(), checked)
    };
    // The best of many: others use the processor too.
    let (took, _) = (0..200).map(|_| check()).min_by_key(|(took, _)| *took).expect("many");
    println!("{} µs", took.as_micros());
    assert!(took < Duration::from_millis(1), "{took:?}");
}

#[test]
fn sheet_that_does_not_read_any_more_once_it_is_stamped_calls_nobody() {
    let job = body::parse(body_of(Kind::FirstContact).to_string().as_bytes(), NOW).expect("a job");
    let drawn = || {
        let (drawn, proof) =
            DESK.renderer.draw_to_send(JobId::new(NOW, 1), &job, Issue::FIRST).expect("a sheet");
        Sheets { fine: drawn.fine.page, standard: drawn.standard.page, proof }
    };
    let length_mm = drawn().coded().map(|coded| coded.length_mm());
    assert!(length_mm.is_ok_and(|mm| mm > 200));
    // As if a tag line lay over all of it, at one resolution.
    let black = |page: &t4::Page| {
        let bits = vec![0xFF; page.bits().len()];
        t4::Page::from_bits(page.width_pels(), page.resolution(), bits).expect("a page")
    };
    let fine = Sheets { fine: black(&drawn().fine), ..drawn() };
    let standard = Sheets { standard: black(&drawn().standard), ..drawn() };
    for sheets in [fine, standard] {
        assert_eq!(sheets.coded().err().map(|error| error.code()), Some("sheet-proof-failed"));
    }
}

/// A technician edits a template while the gateway runs.
#[test]
fn edited_template_with_an_error_refuses_its_kind_alone_until_it_is_mended() {
    let folder = copied();
    let gate = Arc::new(Gate::new(site(), PATIENCE));
    let trials = Trials::new(Arc::clone(&gate), site(), worker(folder.path()));
    let ask = trials.start().expect("a thread");
    let job = |kind| body::parse(body_of(kind).to_string().as_bytes(), NOW).expect("a job");
    let (broken, other) = (job(Kind::Document), job(Kind::FirstContact));
    assert_eq!((gate.check(&broken), gate.check(&other)), (Ok(()), Ok(())));

    let template = folder.path().join("document.typ");
    let good = std::fs::read_to_string(&template).expect("a template");
    std::fs::write(&template, format!("{good}#sie\n")).expect("written");
    ask.send(()).expect("the trials go on");
    let place = format!("document.typ:{}", good.lines().count() + 1);
    until(|| match gate.check(&broken) {
        Err(SheetFault::OutOfOrder { message }) => {
            assert!(message.starts_with(&place), "{message}");
            true
        }
        _ => false,
    });
    assert!(!gate.is_ready());
    assert_eq!(gate.check(&other), Ok(()));

    std::fs::write(&template, good).expect("written");
    ask.send(()).expect("the trials go on");
    until(|| gate.check(&broken) == Ok(()));
}

/// Trials meet what a template does with any one character of a credential, and without what a job need not have.
#[test]
fn error_that_only_some_fields_meet_is_found_before_anybody_needs_the_sheet() {
    let folder = copied();
    let add = |template: &str, line: &str| {
        let path = folder.path().join(template);
        let good = std::fs::read_to_string(&path).expect("a template");
        std::fs::write(path, format!("{good}{line}\n")).expect("written");
    };
    let tilde = "data.credentials.values().any(v => type(v) == str and v.contains(\"~\"))";
    add("credentials_reissued.typ", &format!("#if {tilde} [#sie]"));
    add("first_contact.typ", "#if data.credentials.valid_until == none [#sie]");
    add("document.typ", "#if data.documents.len() == 1 [#sie]");
    add("channel_changed.typ", "#if data.channel.mail_hint == none [#sie]");
    add("message.typ", "#if data.because == \"mail-unread\" [#sie]");
    let gate = Arc::new(Gate::new(site(), PATIENCE));
    let trials = Trials::new(Arc::clone(&gate), site(), worker(folder.path()));
    let _ask = trials.start().expect("a thread");
    for kind in [
        Kind::CredentialsReissued,
        Kind::FirstContact,
        Kind::Document,
        Kind::ChannelChanged,
        Kind::Message,
    ] {
        let job = body::parse(body_of(kind).to_string().as_bytes(), NOW).expect("a job");
        let refused = gate.check(&job);
        let Err(SheetFault::OutOfOrder { message }) = refused else {
            panic!("{kind}: {refused:?}")
        };
        assert!(message.starts_with(&format!("{kind}.typ:")), "{kind}: {message}");
    }
    let other = body::parse(body_of(Kind::NumberProof).to_string().as_bytes(), NOW).expect("a job");
    assert_eq!(gate.check(&other), Ok(()));
}

#[test]
fn site_with_a_character_that_no_face_has_is_named_by_its_setting() {
    let mut site = site();
    site.ja.help_name.push('😀');
    let gate = Arc::new(Gate::new(site.clone(), PATIENCE));
    let trials = Trials::new(Arc::clone(&gate), site, worker(&shipped()));
    let _ask = trials.start().expect("a thread");
    let job = body::parse(body_of(Kind::Message).to_string().as_bytes(), NOW).expect("a job");
    let message = String::from("/site/help_name: no face of the sheet has U+1F600 😀");
    assert_eq!(gate.check(&job), Err(SheetFault::OutOfOrder { message }));
}

/// Waits for something that another thread does.
fn until(mut is_so: impl FnMut() -> bool) {
    let tries = PATIENCE.as_millis() / LOOK_EVERY.as_millis();
    for _ in 0..tries {
        if is_so() {
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    panic!("it never happened");
}
