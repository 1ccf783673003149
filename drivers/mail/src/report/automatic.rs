//! Mails that a program wrote in answer: holiday notes, new addresses, tickets.
//!
//! In: the header of a mail that is no report. Out: whether a program answered.
//! Source: RFC 3834 5 (`Auto-Submitted`), RFC 2076 (`Precedence`); the rest by custom.
//! Not here: reports (`delivery.rs`, `disposition.rs`), which call themselves automatic too.

use mail_parser::Message;

/// Header fields by which programs say that they answered; one of these values counts, or any where none is listed.
const SIGNS: [(&str, &[&str]); 6] = [
    ("Auto-Submitted", &["auto-replied", "auto-generated", "auto-notified"]),
    ("X-Auto-Response-Suppress", &[]),
    ("X-Autoreply", &[]),
    ("X-Autorespond", &[]),
    ("X-Autoresponse", &[]),
    ("Precedence", &["auto_reply", "bulk", "junk", "list"]),
];

/// Whether a program answered.
pub(super) fn is_automatic(header: &Message<'_>) -> bool {
    header.headers_raw().any(|(name, value)| {
        let word = value.split([';', '(']).next().unwrap_or_default().trim();
        SIGNS.iter().any(|(sign, values)| {
            name.eq_ignore_ascii_case(sign)
                && (values.is_empty()
                    || values.iter().any(|known| word.eq_ignore_ascii_case(known)))
        })
    })
}
