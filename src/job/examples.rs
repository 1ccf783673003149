//! Notifications for tests, in every room.

use super::{
    Content, Credentials, Document, FaxNumber, IfUncertain, Keys, Kind, Language, MailHint, NewJob,
    Notice, Occasion, OfficeNumber, Party, Recipient, Secret, SheetText, UnixMillis, Urgency,
};

/// Appear nowhere but on paper: tests look for them in files and logs.
pub const CANARIES: [&str; 3] = ["canaryLOGIN7531", "canaryPASS8642", "canaryKEY9753"];

/// 2026-11-24 10:00 in Japan, a Tuesday.
pub const TUESDAY_10_00: UnixMillis = UnixMillis(1_795_482_000_000);

/// A complete first contact to 03-1234-5678 that may be sent for a day from [`TUESDAY_10_00`].
pub fn first_contact() -> NewJob {
    of(Kind::FirstContact)
}

/// The same from a sender who would rather have two sheets out than none.
pub fn first_contact_that_may_go_once_more() -> NewJob {
    let mut job = first_contact();
    if let Content::Keys(keys) = &mut job.content {
        keys.if_uncertain = IfUncertain::SendOnceMore;
    }
    job
}

/// A complete notification of this kind, otherwise as [`first_contact`].
pub fn of(kind: Kind) -> NewJob {
    let documents = vec![Document { title: text("提供票"), count: 2 }];
    let keys = |occasion| {
        let if_uncertain = IfUncertain::Ask;
        Content::Keys(Keys { credentials: credentials(), occasion, if_uncertain })
    };
    let content = match kind {
        Kind::FirstContact => keys(Occasion::FirstContact { documents }),
        Kind::CredentialsReissued => keys(Occasion::Reissued),
        Kind::Document => Content::Notice(Notice::Document { documents }),
        Kind::Message => Content::Notice(Notice::Message),
        Kind::ChannelChanged => {
            let mail_hint = Some(MailHint::parse("s***@example.co.jp").expect("a hint"));
            Content::Notice(Notice::ChannelChanged { mail_hint })
        }
        Kind::NumberProof => Content::Notice(Notice::NumberProof),
    };
    NewJob {
        content,
        language: Language::Japanese,
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
        urgency: Urgency::Normal,
        not_before: None,
        not_after: UnixMillis(TUESDAY_10_00.0 + 24 * 60 * 60 * 1000),
    }
}

fn credentials() -> Credentials {
    let [login_id, password, first_time_key] =
        CANARIES.map(|value| Secret::parse(value.into(), Credentials::MAX_CHARS).expect("valid"));
    Credentials { login_id, password, first_time_key, valid_until: None }
}

fn text(value: &str) -> SheetText {
    SheetText::parse(value, 60).expect("valid")
}
