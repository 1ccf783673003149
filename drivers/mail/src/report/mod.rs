//! One mail of the receipt box: which mail of ours it is about, and what it says.
//!
//! In: its octets, from anybody. Out: a [`Reading`]. A mail without a token of ours can say nothing about us, and one
//! that says two things says nothing.
//! Limits: [`READ_OCTETS`] are looked at, `mime.rs` has those of a header and of parts, `fields.rs` those of a block of
//! fields. A report is one multipart; what its parts are made of is not looked at. Never panics.
//! Source: RFC 3464, RFC 8098, RFC 3834 2, RFC 5321 4.5.5; RFC 6522 (`multipart/report`).
//! Not here: what follows from it (`src/settle`), fetching it.

mod automatic;
mod delivery;
mod disposition;
mod fields;

use mail_parser::HeaderName;

pub use delivery::{Action, Delivery, Flaw, RecipientReport, Status};
pub use disposition::{Disposition, DispositionKind};

use crate::mime::Entity;
use crate::token::{Subject, TokenKey};

/// Looked at of one mail. What a report says stands before the mail that it returns. Chosen.
pub const READ_OCTETS: usize = 256 << 10;

/// What a mail in the receipt box comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reading {
    /// What its token names: the attempt that it is about. Without one it is about none of ours, whatever it says.
    pub about: Option<Subject>,
    /// What it says.
    pub content: Content,
}

/// What a mail says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Content {
    /// A mail host reports on delivery (DSN).
    Delivery(Delivery),
    /// A reader's program reports that the mail was shown or deleted (MDN).
    Disposition(Disposition),
    /// A program answered: on holiday, new address, ticket opened. Says nothing about delivery.
    Automatic,
    /// Sent with a null return path, as reports are, but not in the form of one: an old host's words.
    Unstructured,
    /// A report in form that cannot be used, with the reason.
    Unusable(Flaw),
    /// Any other mail, from a person for instance.
    Other,
}

/// Reads one mail of the receipt box.
#[must_use]
pub fn read(octets: &[u8], key: &TokenKey) -> Reading {
    let Some(mail) = looked_at(octets) else {
        return Reading { about: None, content: Content::Other };
    };
    let mut texts = Vec::new();
    let content = content(&mail, &mut texts);
    texts.extend(addressees(&mail));
    let about = key.find(texts.iter().map(String::as_str));
    Reading { about, content }
}

/// The mail, as far as it is looked at.
pub(crate) fn looked_at(octets: &[u8]) -> Option<Entity<'_>> {
    Entity::of(octets.get(..READ_OCTETS).unwrap_or(octets))
}

/// The values of [`ADDRESSEES`].
pub(crate) fn addressees(mail: &Entity<'_>) -> impl Iterator<Item = String> {
    let is_one = |name: &str| ADDRESSEES.iter().any(|known| name.eq_ignore_ascii_case(known));
    let named = mail.header.headers_raw().filter(move |(name, _)| is_one(name));
    named.map(|(_, value)| value.to_owned())
}

/// Headers that can hold a return path or a message id of ours. `From`, `Subject` and the text cannot: a token there was
/// copied by a person.
const ADDRESSEES: [&str; 6] =
    ["To", "Delivered-To", "X-Original-To", "Envelope-To", "In-Reply-To", "References"];

/// What the mail says; into `texts` goes whatever of a report may hold a token.
fn content(mail: &Entity<'_>, texts: &mut Vec<String>) -> Content {
    let report = mail.parameter("report-type").filter(|_| mail.is("multipart", "report"));
    match report.map(str::to_ascii_lowercase).as_deref() {
        Some("delivery-status") => {
            note_returned(mail, texts);
            match status(mail, "delivery-status", delivery::parse) {
                Ok(report) => {
                    texts.extend(report.envelope_id.clone());
                    Content::Delivery(report)
                }
                Err(flaw) => Content::Unusable(flaw),
            }
        }
        Some("disposition-notification") => {
            match status(mail, "disposition-notification", disposition::parse) {
                Ok(report) => {
                    texts.extend(report.original_message_id.clone());
                    Content::Disposition(report)
                }
                Err(flaw) => Content::Unusable(flaw),
            }
        }
        Some(_) | None if automatic::is_automatic(&mail.header) => Content::Automatic,
        Some(_) | None if has_null_path(mail) => Content::Unstructured,
        Some(_) | None => Content::Other,
    }
}

/// What the first part `message/<name>` says.
fn status<T>(
    report: &Entity<'_>,
    name: &str,
    parse: fn(&[u8]) -> Result<T, Flaw>,
) -> Result<T, Flaw> {
    let mut parts = report.parts().filter_map(Entity::of);
    let status = parts.find(|part| part.is("message", name)).ok_or(Flaw::NoStatus)?;
    parse(&status.content())
}

/// The ids of the mail that a report returns, or of which it returns the header.
fn note_returned(report: &Entity<'_>, texts: &mut Vec<String>) {
    for part in report.parts().filter_map(Entity::of) {
        let is_returned = part.is("message", "rfc822")
            || part.is("message", "global")
            || part.is("text", "rfc822-headers");
        if is_returned && let Some(returned) = Entity::of(&part.content()) {
            texts.extend(returned.header.message_id().map(str::to_owned));
            texts.extend(returned.header.return_address().map(str::to_owned));
        }
    }
}

/// `Return-Path: <>`, which the host that stored the mail wrote.
fn has_null_path(mail: &Entity<'_>) -> bool {
    mail.header.header_raw(HeaderName::ReturnPath).is_some_and(|path| path.trim() == "<>")
}

#[cfg(test)]
mod tests;
