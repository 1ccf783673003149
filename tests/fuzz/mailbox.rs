//! What the targets that read mails share: a key, the only token that it ever made, and what holds of any reading.
//!
//! Nobody makes a token up: a mail is about our attempt or about none, and by the word of another key about none at all.

use mail::report::{Content, RecipientReport};
use mail::{Reading, Subject, TokenKey};

pub const SUBJECT: Subject = *b"\x01\x93\x2a\x54\xf0\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa";

/// The seeds hold tokens of this key.
pub fn key() -> TokenKey {
    TokenKey::new([9; 32])
}

pub fn token() -> String {
    key().mint(SUBJECT).as_str().to_owned()
}

/// Reads a mail and checks what must hold whatever it is.
pub fn read(octets: &[u8]) -> Reading {
    let reading = mail::read(octets, &key());
    assert!(matches!(reading.about, None | Some(SUBJECT)), "a token that nobody made");
    assert_eq!(reading, mail::read(octets, &key()), "read twice");
    let stranger = mail::read(octets, &TokenKey::new([8; 32]));
    assert_eq!((stranger.about, &stranger.content), (None, &reading.content), "another key");
    match &reading.content {
        Content::Delivery(delivery) => {
            assert!((1..=16).contains(&delivery.recipients.len()));
            fits_a_log(delivery.reporting_mta.as_deref());
            for RecipientReport { status, remote_mta, diagnostic, .. } in &delivery.recipients {
                assert!(matches!(status.class, 2 | 4 | 5));
                assert!(status.subject <= 999 && status.detail <= 999);
                fits_a_log(remote_mta.as_deref());
                fits_a_log(diagnostic.as_deref());
            }
        }
        Content::Disposition(disposition) => {
            fits_a_log(disposition.original_message_id.as_deref());
        }
        Content::Automatic | Content::Unstructured | Content::Unusable(_) | Content::Other => {}
    }
    reading
}

/// One line, and not a long one.
fn fits_a_log(value: Option<&str>) {
    let Some(value) = value else { return };
    assert!(value.chars().count() <= 501 && !value.chars().any(char::is_control), "{value:?}");
}

/// Text that stays on its line, so that what stands around it keeps its place.
pub fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}
