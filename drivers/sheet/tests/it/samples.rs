//! Fields for every sheet: what an office usually gets, and the worst that the gateway accepts.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sheet::Worker;

use crate::settings;

pub const KINDS: [&str; 7] = [
    "first_contact",
    "credentials_reissued",
    "document",
    "message",
    "channel_changed",
    "number_proof",
    "line_test",
];
pub const LANGUAGES: [&str; 2] = ["ja", "en"];
pub const URL: &str = "https://renkei.example.jp/";

pub fn templates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates/fax")
}

pub fn worker() -> Worker {
    Worker::new(settings(&templates()))
}

/// Names and numbers of a length that is met every day; a password with every character that needs a reading.
pub fn usual(kind: &str, language: &str) -> Value {
    let (issued, valid_until) = match language {
        "ja" => ("2026年11月23日", "2026年12月23日"),
        _ => ("23 November 2026", "23 December 2026"),
    };
    json!({
        "kind": kind, "language": language, "words": {},
        "site": {
            "name": "ケアプラン交換センター", "url": URL, "help_name": "サポート窓口",
            "help_phone": "03-5550-0199", "help_hours": "平日 9:00〜17:00",
        },
        "sender": { "office_name": "さくら居宅介護支援事業所", "phone": "03-5550-0123" },
        "recipient": { "office_name": "ひだまり訪問介護ステーション" },
        "credentials": matches!(kind, "first_contact" | "credentials_reissued").then(|| json!({
            "login_id": "HM4T9RWX", "password": "k7Qx2mO0lI1p", "first_time_key": "H4TM9RWX3KPE7FCY",
            "valid_until": valid_until,
            "check": { "login_id": "47", "password": "92", "first_time_key": "08" },
        })),
        "documents": if matches!(kind, "first_contact" | "document") {
            json!([
                { "title": "サービス提供票", "count": 3 },
                { "title": "居宅サービス計画書", "count": 1 },
            ])
        } else {
            json!([])
        },
        "channel": (kind == "channel_changed").then(|| json!({ "mail_hint": "s***@example.co.jp" })),
        "line": (kind == "line_test").then(|| json!({ "name": "line1" })),
        "reference": "7F3K-92QX", "version": null, "copy": null, "because": null, "issued": issued,
    })
}

/// Why a sheet comes by FAX that a mail was to be.
pub const REASONS: [&str; 4] = ["mail-bounced", "mail-unread", "mail-not-sent", "mail-unsure"];

/// Characters to fill fields with.
pub const FILLINGS: [(&str, &str); 5] = [
    ("black kanji", "鬱護鑑衛驚響欄"),
    ("words", "Rehabilitation centre of "),
    ("one long word", "W"),
    ("no line begins with it", "」"),
    ("no line breaks beside it", "鬱\u{a0}"),
];

/// Every field as long as the gateway accepts it (`templates/README.md`), in these characters.
pub fn widest(kind: &str, language: &str, filling: &str) -> Value {
    let text = |count: usize| {
        // What begins or ends with a blank is trimmed before it comes here.
        let mut text: Vec<char> = filling.chars().cycle().take(count).collect();
        text[count - 1] = filling.chars().next().unwrap();
        text.into_iter().collect::<String>()
    };
    let mut fields = usual(kind, language);
    fields["site"] = json!({
        "name": text(40), "url": format!("https://{}", "W".repeat(52)), "help_name": text(40),
        "help_phone": text(20), "help_hours": text(40),
    });
    fields["sender"] = json!({ "office_name": text(60), "phone": text(24) });
    fields["recipient"]["office_name"] = json!(text(60));
    if !fields["credentials"].is_null() {
        fields["credentials"]["login_id"] = json!("WmO0lI1o".repeat(4));
        fields["credentials"]["password"] = json!("oOxX0O0O".repeat(4));
        fields["credentials"]["first_time_key"] = json!("@O%0I1Wl".repeat(4));
    }
    if fields["documents"] != json!([]) {
        fields["documents"] = json!(vec![json!({ "title": text(40), "count": 9999 }); 12]);
    }
    if !fields["channel"].is_null() {
        fields["channel"]["mail_hint"] = json!(text(40));
    }
    if !fields["line"].is_null() {
        fields["line"]["name"] = json!("w".repeat(16));
    }
    if !fields["credentials"].is_null() {
        fields["version"] = json!(99);
    }
    fields["copy"] = json!(99);
    fields
}
