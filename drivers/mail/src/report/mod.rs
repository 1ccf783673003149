//! One mail of the receipt box: which mail of ours it is about, and what it says.
//!
//! In: its octets, from anybody. Out: a [`Reading`]. A mail without a token of ours can say nothing about us, and one
//! that says two things says nothing.
//! Limits: [`READ_OCTETS`] are looked at, [`MOST_PARTS`] parts, `fields.rs` has those of a block of fields. Never panics.
//! Source: RFC 3464, RFC 8098, RFC 3834 2, RFC 5321 4.5.5; RFC 6522 (`multipart/report`).
//! Not here: what follows from it (`src/settle`), fetching it.

mod automatic;
mod delivery;
mod disposition;
mod fields;

use std::panic::catch_unwind;

use mail_parser::{HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType};

pub use delivery::{Action, Delivery, Flaw, RecipientReport, Status};
pub use disposition::{Disposition, DispositionKind};

use crate::token::{Subject, TokenKey};

/// Looked at of one mail. What a report says stands before the mail that it returns. Chosen.
pub const READ_OCTETS: usize = 256 << 10;
/// A mail of more parts than this is no report. Chosen: reports have three, mailing lists wrap them once or twice.
pub const MOST_PARTS: usize = 100;

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
    let Some(message) = parsed(octets) else {
        return Reading { about: None, content: Content::Other };
    };
    let mut texts = Vec::new();
    let content = content(&message, &mut texts);
    texts.extend(addressees(&message));
    let about = key.find(texts.iter().map(String::as_str));
    Reading { about, content }
}

/// The mail, as far as it is looked at.
pub(crate) fn parsed(octets: &[u8]) -> Option<Message<'_>> {
    let octets = octets.get(..READ_OCTETS).unwrap_or(octets);
    // The parser is not ours: if some mail breaks it, that mail is none of ours.
    let parse = || catch_unwind(|| MessageParser::default().parse(octets)).ok().flatten();
    (parts_at_most(octets) <= MOST_PARTS).then(parse).flatten()
}

/// The values of [`ADDRESSEES`].
pub(crate) fn addressees(message: &Message<'_>) -> impl Iterator<Item = String> {
    let is_one = |name: &str| ADDRESSEES.iter().any(|known| name.eq_ignore_ascii_case(known));
    let named = message.headers_raw().filter(move |(name, _)| is_one(name));
    named.map(|(_, value)| value.to_owned())
}

/// Headers that can hold a return path or a message id of ours. `From`, `Subject` and the text cannot: a token there was
/// copied by a person.
const ADDRESSEES: [&str; 6] =
    ["To", "Delivered-To", "X-Original-To", "Envelope-To", "In-Reply-To", "References"];

/// No fewer than the mail's nesting is deep: each level is announced by a line of its own. The parser nests messages in
/// messages, so that thousands of levels would be taken apart on the stack.
fn parts_at_most(octets: &[u8]) -> usize {
    let name = b"content-type:";
    octets.windows(name.len()).filter(|window| window.eq_ignore_ascii_case(name)).count()
}

/// What the mail says; into `texts` goes whatever of a report may hold a token.
fn content(message: &Message<'_>, texts: &mut Vec<String>) -> Content {
    let kind = message.content_type().filter(|kind| kind.ctype().eq_ignore_ascii_case("multipart"));
    let report = kind
        .filter(|kind| kind.subtype().is_some_and(|name| name.eq_ignore_ascii_case("report")))
        .and_then(|kind| kind.attribute("report-type"));
    match report.map(str::to_ascii_lowercase).as_deref() {
        Some("delivery-status") => {
            note_returned(message, texts);
            let Some(octets) = part(message, "delivery-status") else {
                return Content::Unusable(Flaw::NoStatus);
            };
            match delivery::parse(&octets) {
                Ok(report) => {
                    texts.extend(report.envelope_id.clone());
                    Content::Delivery(report)
                }
                Err(flaw) => Content::Unusable(flaw),
            }
        }
        Some("disposition-notification") => {
            let Some(octets) = part(message, "disposition-notification") else {
                return Content::Unusable(Flaw::NoStatus);
            };
            match disposition::parse(&octets) {
                Ok(report) => {
                    texts.extend(report.original_message_id.clone());
                    Content::Disposition(report)
                }
                Err(flaw) => Content::Unusable(flaw),
            }
        }
        Some(_) | None if automatic::is_automatic(message) => Content::Automatic,
        Some(_) | None if has_null_path(message) => Content::Unstructured,
        Some(_) | None => Content::Other,
    }
}

/// The first part `message/<name>`, its transfer encoding undone.
fn part(message: &Message<'_>, name: &str) -> Option<Vec<u8>> {
    let is_it = |part: &&MessagePart<'_>| {
        part.content_type().is_some_and(|kind| {
            kind.ctype().eq_ignore_ascii_case("message")
                && kind.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case(name))
        })
    };
    match &message.parts.iter().find(is_it)?.body {
        PartType::Binary(octets) | PartType::InlineBinary(octets) => Some(octets.to_vec()),
        PartType::Text(text) | PartType::Html(text) => Some(text.as_bytes().to_vec()),
        PartType::Message(inner) => Some(inner.raw_message().to_vec()),
        PartType::Multipart(_) => None,
    }
}

/// The ids of the mail that a report returns, or of which it returns the header.
fn note_returned(message: &Message<'_>, texts: &mut Vec<String>) {
    let mut note = |returned: &Message<'_>| {
        texts.extend(returned.message_id().map(str::to_owned));
        texts.extend(returned.return_address().map(str::to_owned));
    };
    for part in &message.parts {
        match &part.body {
            PartType::Message(returned) => note(returned),
            PartType::Text(text) => {
                let headers = part.content_type().and_then(|kind| kind.subtype());
                if headers.is_some_and(|name| name.eq_ignore_ascii_case("rfc822-headers")) {
                    let header = format!("{text}\r\n\r\n");
                    if let Some(returned) = MessageParser::default().parse_headers(&header) {
                        note(&returned);
                    }
                }
            }
            PartType::Html(_)
            | PartType::Binary(_)
            | PartType::InlineBinary(_)
            | PartType::Multipart(_) => {}
        }
    }
}

/// `Return-Path: <>`, which the host that stored the mail wrote.
fn has_null_path(message: &Message<'_>) -> bool {
    message.header_raw(HeaderName::ReturnPath).is_some_and(|path| path.trim() == "<>")
}

#[cfg(test)]
mod tests;
