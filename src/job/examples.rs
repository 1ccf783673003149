//! Notifications for tests, in every room.

use super::{
    Credentials, Document, FaxNumber, Kind, NewJob, OfficeNumber, Party, Recipient, Secret,
    SheetText, UnixMillis, Urgency,
};

/// Appear nowhere but on paper: tests look for them in files and logs.
pub const CANARIES: [&str; 3] = ["canaryLOGIN7531", "canaryPASS8642", "canaryKEY9753"];

/// 2026-11-24 10:00 in Japan, a Tuesday.
pub const TUESDAY_10_00: UnixMillis = UnixMillis(1_795_482_000_000);

/// A complete first contact to 03-1234-5678 that may be sent for a day from [`TUESDAY_10_00`].
pub fn first_contact() -> NewJob {
    let [login_id, password, first_time_key] =
        CANARIES.map(|value| Secret::parse(value.into(), Credentials::MAX_CHARS).expect("valid"));
    NewJob {
        kind: Kind::FirstContact,
        sender: Party {
            office_number: OfficeNumber::parse("1379900028").expect("valid"),
            office_name: text("ひまわり居宅介護支援事業所"),
            phone: text("03-9876-5432"),
        },
        recipient: Recipient {
            office_number: OfficeNumber::parse("1179900012").expect("valid"),
            office_name: text("さくらデイサービス"),
            fax: FaxNumber::parse("03-1234-5678").expect("valid"),
        },
        credentials: Some(Credentials { login_id, password, first_time_key, valid_until: None }),
        documents: vec![Document { title: text("提供票"), count: 2 }],
        urgency: Urgency::Normal,
        not_before: None,
        not_after: UnixMillis(TUESDAY_10_00.0 + 24 * 60 * 60 * 1000),
    }
}

fn text(value: &str) -> SheetText {
    SheetText::parse(value, 60).expect("valid")
}
