//! The body of a notification: from octets to a [`NewJob`] whose every field is parsed.
//!
//! In: the request's body and the time. Out: a [`NewJob`], or a [`Problem`] that names every faulty field
//! by its JSON pointer and repeats no value: of a text that cannot be printed the one character, of a
//! secret not even that.
//! Limits: octets and time by [`Limits`]; lengths by `job::fields`; times below.
//! Not here: whether it may be sent (`office`), whether it can be drawn (`SheetCheck`).

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use zeroize::Zeroizing;

use super::json::{self, Fault, Faults, Fields};
use super::limits::Limits;
use super::problem::{Code, Problem};
use crate::job::fields::{
    MAX_COUNT, MAX_DOCUMENTS, MAX_OFFICE_NAME_CHARS, MAX_PHONE_CHARS, MAX_TITLE_CHARS,
};
use crate::job::{
    Content, Credentials, Document, FaxNumber, IfUncertain, Keys, Kind, Language, MailHint,
    MailHintError, NewJob, Notice, NumberError, Occasion, OfficeNumber, Party, Recipient, Secret,
    SheetText, TextError, UnixMillis, Urgency,
};

/// How long a notification is tried when the caller does not say: from Saturday's closing hour a day
/// would end before the next call is allowed, three days end on Tuesday.
pub const DEFAULT_LIFE: Duration = Duration::from_secs(72 * 60 * 60);

/// Shortest time to send in: dialling, one repetition, and the page.
pub const LEAST_LIFE: Duration = Duration::from_secs(15 * 60);

/// Nobody waits longer for a fax; a later time is taken for a slip.
pub const MOST_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Reads a JSON body within its limits of size and time.
///
/// # Errors
/// [`Code::UnsupportedMediaType`], [`Code::BodyTooLarge`], [`Code::BodyTimeout`], [`Code::BodyBroken`].
pub async fn read(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if !is_json(headers) {
        return Err(Problem::new(Code::UnsupportedMediaType));
    }
    let limited = Limited::new(body, limits.body_octets);
    let collected = tokio::time::timeout(limits.body, limited.collect())
        .await
        .map_err(|_| Problem::new(Code::BodyTimeout))?
        .map_err(|error| {
            let large = error.downcast_ref::<LengthLimitError>().is_some();
            Problem::new(if large { Code::BodyTooLarge } else { Code::BodyBroken })
        })?;
    Ok(Zeroizing::new(collected.to_bytes().to_vec()))
}

/// Reads a request of some fields; no other may be in it.
///
/// # Errors
/// As [`read`], and a [`Problem`] with every faulty field.
pub async fn fields<T>(
    request: Request,
    limits: &Limits,
    read_all: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Problem> {
    let (head, octets) = request.into_parts();
    let octets = read(&head.headers, octets, limits).await?;
    let mut faults = Faults::default();
    let mut fields = Fields::new(String::new(), json::object(&octets)?, &mut faults);
    let got = read_all(&mut fields);
    fields.close();
    faults.verdict(got)
}

/// `application/json`, UTF-8, not compressed.
fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.unwrap_or("").split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json")
        && !headers.contains_key(header::CONTENT_ENCODING)
}

/// Parses a notification.
///
/// # Errors
/// A [`Problem`] with every faulty field.
pub fn parse(octets: &[u8], now: UnixMillis) -> Result<NewJob, Problem> {
    let mut faults = Faults::default();
    let mut fields = Fields::new(String::new(), json::object(octets)?, &mut faults);
    let job = notification(&mut fields, now);
    fields.close();
    faults.verdict(job)
}

fn notification(fields: &mut Fields<'_>, now: UnixMillis) -> Option<NewJob> {
    // Every field is read before the first `?`, so that all faults are told at once.
    let kind = fields.required("kind", name::<Kind>);
    let language = fields.optional("language", name::<Language>);
    let sender = fields.object("sender", party);
    let recipient = fields.object("recipient", recipient);
    let credentials = fields.optional_object("credentials", |fields| credentials(fields, now));
    let valid_until = match &credentials {
        Some(Some(credentials)) => credentials.valid_until,
        Some(None) | None => None,
    };
    let documents = fields.optional_list("documents", MAX_DOCUMENTS, document);
    let channel = fields.optional_object("channel", channel);
    let if_uncertain = fields.optional("if_uncertain", name::<IfUncertain>);
    let given = OfSomeKinds { credentials, documents, channel, if_uncertain };
    let content = kind.and_then(|kind| content(&mut OfKind { fields, kind }, given));
    let urgency = fields.optional("urgency", name::<Urgency>);
    let not_before = fields.optional("not_before", time);
    let not_after = fields.optional("not_after", time);
    let (not_before, not_after) = window(fields, now, not_before?, not_after?, valid_until)?;
    Some(NewJob {
        content: content?,
        language: language?.unwrap_or_default(),
        sender: sender?,
        recipient: recipient?,
        urgency: urgency?.unwrap_or(Urgency::Normal),
        not_before,
        not_after,
    })
}

/// What stood in a field that only some kinds have. The outer `None` was a fault, and has been told.
type Given<T> = Option<Option<T>>;

/// The fields that only some kinds have.
struct OfSomeKinds {
    credentials: Given<Credentials>,
    documents: Given<Vec<Document>>,
    channel: Given<Option<MailHint>>,
    if_uncertain: Given<IfUncertain>,
}

/// What a kind needs, and nothing else: a key in a notification that has no place for one was meant for
/// another sheet.
fn content(of: &mut OfKind<'_, '_>, given: OfSomeKinds) -> Option<Content> {
    let OfSomeKinds { credentials, documents, channel, if_uncertain } = given;
    if !of.kind.has_secret() {
        of.has_no("if_uncertain", &if_uncertain);
    }
    match of.kind {
        Kind::FirstContact => {
            of.has_no("channel", &channel);
            let credentials = of.needs("credentials", Code::CredentialsRequired, credentials);
            let documents = of.needs("documents", Code::MissingField, documents);
            let occasion = Occasion::FirstContact { documents: documents? };
            let if_uncertain = if_uncertain?.unwrap_or_default();
            Some(Content::Keys(Keys { credentials: credentials?, occasion, if_uncertain }))
        }
        Kind::CredentialsReissued => {
            of.has_no("documents", &documents);
            of.has_no("channel", &channel);
            let credentials = of.needs("credentials", Code::CredentialsRequired, credentials);
            let if_uncertain = if_uncertain?.unwrap_or_default();
            let occasion = Occasion::Reissued;
            Some(Content::Keys(Keys { credentials: credentials?, occasion, if_uncertain }))
        }
        Kind::Document => {
            of.has_no("credentials", &credentials);
            of.has_no("channel", &channel);
            let documents = of.needs("documents", Code::MissingField, documents)?;
            Some(Content::Notice(Notice::Document { documents }))
        }
        Kind::ChannelChanged => {
            of.has_no("credentials", &credentials);
            of.has_no("documents", &documents);
            Some(Content::Notice(Notice::ChannelChanged { mail_hint: channel?.flatten() }))
        }
        Kind::Message => {
            of.has_no("credentials", &credentials);
            of.has_no("documents", &documents);
            of.has_no("channel", &channel);
            Some(Content::Notice(Notice::Message))
        }
        Kind::NumberProof => {
            of.has_no("credentials", &credentials);
            of.has_no("documents", &documents);
            of.has_no("channel", &channel);
            Some(Content::Notice(Notice::NumberProof))
        }
    }
}

/// The fields of a notification whose kind is known.
struct OfKind<'f, 'a> {
    fields: &'f mut Fields<'a>,
    kind: Kind,
}

impl OfKind<'_, '_> {
    /// A field that every notification of this kind has; `code` if it is missing.
    fn needs<T>(&mut self, name: &str, code: Code, given: Given<T>) -> Option<T> {
        let given = given?;
        if given.is_none() {
            self.fields.note(name, Fault::new(code, format!("is required for {}", self.kind)));
        }
        given
    }

    /// A field that no notification of this kind has.
    fn has_no<T>(&mut self, name: &str, given: &Given<T>) {
        if let Some(Some(_)) = given {
            let message = format!("a notification of kind {} does not have it", self.kind);
            self.fields.note(name, Fault::new(Code::FieldNotOfKind, message));
        }
    }
}

fn party(fields: &mut Fields<'_>) -> Option<Party> {
    let office_number = fields.required("office_number", office_number);
    let office_name = fields.required("office_name", sheet_text::<MAX_OFFICE_NAME_CHARS>);
    let phone = fields.required("phone", sheet_text::<MAX_PHONE_CHARS>);
    Some(Party { office_number: office_number?, office_name: office_name?, phone: phone? })
}

fn recipient(fields: &mut Fields<'_>) -> Option<Recipient> {
    let office_number = fields.required("office_number", office_number);
    let office_name = fields.required("office_name", sheet_text::<MAX_OFFICE_NAME_CHARS>);
    let fax = fields.required("fax", fax_number);
    Some(Recipient { office_number: office_number?, office_name: office_name?, fax: fax? })
}

pub(super) fn credentials(fields: &mut Fields<'_>, now: UnixMillis) -> Option<Credentials> {
    let login_id = fields.required("login_id", secret);
    let password = fields.required("password", secret);
    let first_time_key = fields.required("first_time_key", secret);
    let valid_until = fields.optional("valid_until", |value| future(value, now));
    Some(Credentials {
        login_id: login_id?,
        password: password?,
        first_time_key: first_time_key?,
        valid_until: valid_until?,
    })
}

fn document(fields: &mut Fields<'_>) -> Option<Document> {
    let title = fields.required("title", sheet_text::<MAX_TITLE_CHARS>);
    let count = fields.required("count", |value| json::count(&value, MAX_COUNT));
    Some(Document { title: title?, count: count? })
}

/// What is said of the new channel: the hint alone. The outer `None` is a fault.
fn channel(fields: &mut Fields<'_>) -> Option<Option<MailHint>> {
    fields.optional("mail_hint", mail_hint)
}

/// The time to send in. Without `not_after` it ends after [`DEFAULT_LIFE`], or when the credentials do;
/// a sheet whose key is dead helps nobody.
fn window(
    fields: &mut Fields<'_>,
    now: UnixMillis,
    not_before: Option<UnixMillis>,
    not_after: Option<UnixMillis>,
    valid_until: Option<UnixMillis>,
) -> Option<(Option<UnixMillis>, UnixMillis)> {
    let start = not_before.map_or(now, |not_before| not_before.max(now));
    let by_default = valid_until.unwrap_or(UnixMillis(i64::MAX)).min(start.after(DEFAULT_LIFE));
    let end = not_after.unwrap_or(by_default);
    let wrong = if end > now.after(MOST_LIFE) {
        Some("must lie within 30 days from now")
    } else if end < start.after(LEAST_LIFE) {
        Some("must leave at least 15 minutes after now and after not_before")
    } else if valid_until.is_some_and(|valid_until| end > valid_until) {
        Some("must not be later than credentials.valid_until")
    } else {
        None
    };
    match wrong {
        Some(message) => {
            fields.note("not_after", Fault::new(Code::InvalidTime, message));
            None
        }
        None => Some((not_before, end)),
    }
}

pub(super) fn name<T: std::str::FromStr<Err = crate::job::UnknownName>>(
    value: Value,
) -> Result<T, Fault> {
    json::text(value)?.parse().map_err(|error| Fault::new(Code::InvalidValue, error))
}

fn office_number(value: Value) -> Result<OfficeNumber, Fault> {
    OfficeNumber::parse(&json::text(value)?)
        .map_err(|error| Fault::new(Code::InvalidOfficeNumber, error))
}

fn sheet_text<const LIMIT: usize>(value: Value) -> Result<SheetText, Fault> {
    SheetText::parse(&json::text(value)?, LIMIT)
        .map_err(|error| Fault::new(text_code(error), error))
}

fn text_code(error: TextError) -> Code {
    match error {
        TextError::Empty => Code::InvalidText,
        TextError::Long { .. } | TextError::Character { .. } => Code::Unrenderable,
    }
}

fn mail_hint(value: Value) -> Result<MailHint, Fault> {
    MailHint::parse(&json::text(value)?).map_err(|error| {
        let code = match error {
            MailHintError::Text(error) => text_code(error),
            MailHintError::Whole => Code::InvalidValue,
        };
        Fault::new(code, error)
    })
}

pub(super) fn fax_number(value: Value) -> Result<FaxNumber, Fault> {
    FaxNumber::parse(&json::text(value)?).map_err(|error| {
        let code = match error {
            NumberError::Denied(_) => Code::DestinationDenied,
            NumberError::Empty
            | NumberError::Long { .. }
            | NumberError::Character { .. }
            | NumberError::NoAreaCode
            | NumberError::Length { .. } => Code::InvalidNumber,
        };
        Fault::new(code, error)
    })
}

fn secret(value: Value) -> Result<Secret, Fault> {
    Secret::parse(json::text(value)?, Credentials::MAX_CHARS)
        .map_err(|error| Fault::new(Code::InvalidCredential, error))
}

/// A time of RFC 3339 with a zone.
pub(super) fn time(value: Value) -> Result<UnixMillis, Fault> {
    let text = json::text(value)?;
    // jiff reads more than RFC 3339: no separators, zones in brackets, a space for the T, and second 60
    // as 59.
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let plain = text.len() <= 35
        && text.is_ascii()
        && !text.contains(['[', ' '])
        && separators.iter().all(|(place, octet)| text.as_bytes().get(*place) == Some(octet));
    let leap_second = text.get(17..19) == Some("60");
    text.parse::<jiff::Timestamp>()
        .ok()
        .filter(|_| plain && !leap_second)
        .map(|time| UnixMillis(time.as_millisecond()))
        .ok_or_else(|| {
            Fault::new(Code::InvalidTime, "must be a time like 2026-11-24T09:00:00+09:00")
        })
}

fn future(value: Value, now: UnixMillis) -> Result<UnixMillis, Fault> {
    let time = time(value)?;
    if time > now { Ok(time) } else { Err(Fault::new(Code::InvalidTime, "lies in the past")) }
}
