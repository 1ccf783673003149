//! Any octets and any texts as a notification: what its reader lets through can neither move nor hide nor cover
//! what stands beside it on paper.
//!
//! Judges characters by ranges of its own, sharing nothing with `src/job/text.rs`. That what is accepted is drawn
//! is `tests/sheets`.
#![no_main]

use arbitrary::Arbitrary;
use serde_json::json;
use shirase::hook::body;
use shirase::job::{Kind, MailHint, UnixMillis};

/// 2026-11-24 10:00 in Japan.
const NOW: UnixMillis = UnixMillis(1_795_482_000_000);

#[derive(Arbitrary, Debug)]
struct Fields {
    octets: Vec<u8>,
    kind: u8,
    /// Stands in every field.
    text: Vec<Letter>,
    secret: String,
}

/// Two octets reach most of what can go wrong, so that it is met soon.
#[derive(Arbitrary, Debug)]
enum Letter {
    Low(u16),
    Any(char),
}

impl Letter {
    fn character(&self) -> char {
        match self {
            Self::Low(code) => char::from_u32((*code).into()).unwrap_or('字'),
            Self::Any(character) => *character,
        }
    }
}

fn bad(character: char) -> bool {
    let code = u32::from(character);
    matches!(code,
        0..0x20 | 0x7F..0xA0 | 0xAD | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF
        | 0xD800..=0xF8FF | 0xFDD0..=0xFDEF | 0xFFF9..=0xFFFF | 0xE0000..=0xE00FF | 0xF0000..
        | 0x590..=0x8FF | 0x10800..=0x10FFF)
        || code & 0xFFFE == 0xFFFE
}

/// The marks of which people know that they can be piled up.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36F}' | '\u{20D0}'..='\u{20F0}' | '\u{3099}')
}

fn printed(text: &str, limit: usize) {
    assert!((1..=limit).contains(&text.chars().count()), "{} characters", text.chars().count());
    assert_eq!(text, text.trim());
    assert_eq!(text.chars().find(|character| bad(*character) || is_mark(*character)), None);
}

libfuzzer_sys::fuzz_target!(|fields: Fields| {
    // A refusal, at least.
    let _ = body::parse(&fields.octets, NOW);

    let kind = Kind::ALL[usize::from(fields.kind) % Kind::ALL.len()];
    let text: String = fields.text.iter().map(Letter::character).collect();
    let mut body = json!({
        "kind": kind.as_str(),
        "sender": { "office_number": "1379900028", "office_name": text, "phone": text },
        "recipient": { "office_number": "1179900012", "office_name": text, "fax": "03-1234-5678" },
    });
    if kind.has_secret() {
        let secret = &fields.secret;
        body["credentials"] =
            json!({ "login_id": secret, "password": secret, "first_time_key": secret });
    }
    if matches!(kind, Kind::FirstContact | Kind::Document) {
        body["documents"] = json!([{ "title": text, "count": 2 }]);
    }
    if kind == Kind::ChannelChanged {
        body["channel"] = json!({ "mail_hint": text });
    }
    let Ok(job) = body::parse(body.to_string().as_bytes(), NOW) else { return };
    printed(job.sender.office_name.as_str(), 60);
    printed(job.recipient.office_name.as_str(), 60);
    printed(job.sender.phone.as_str(), 24);
    for document in job.content.documents() {
        printed(document.title.as_str(), 40);
    }
    if let Some(hint) = job.content.mail_hint() {
        printed(hint.as_str(), MailHint::MAX_CHARS);
    }
    if let Some(credentials) = job.content.credentials() {
        let secret = credentials.password.expose();
        assert!(
            (4..=32).contains(&secret.len())
                && secret.bytes().all(|octet| octet.is_ascii_graphic())
        );
    }
});
