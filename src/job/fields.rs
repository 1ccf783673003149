//! The fields of a notification.

use super::{FaxNumber, Secret, UnixMillis};

/// Which sheet, and with it whether a secret is on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Login ID, password and first-time key for an office that knows nothing of the exchange.
    FirstContact,
}

/// When lines may be used for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Urgency {
    Normal,
    /// First in its turn; still not at night.
    Urgent,
}

/// Text that can be set on a sheet: no control, bidi or line-separator characters, trimmed, within its limit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SheetText(pub(super) String);

/// The office that sends: printed on the sheet.
#[derive(Clone, Debug)]
pub struct Party {
    pub office_number: String,
    pub office_name: SheetText,
    pub phone: SheetText,
}

/// The office that is told.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub office_number: String,
    pub office_name: SheetText,
    pub fax: FaxNumber,
}

/// What only the paper may show.
pub struct Credentials {
    pub login_id: Secret,
    pub password: Secret,
    pub first_time_key: Secret,
    pub valid_until: Option<UnixMillis>,
}

/// A kind of document that waits, and how many.
#[derive(Clone, Debug)]
pub struct Document {
    pub title: SheetText,
    pub count: u16,
}

/// A notification whose every field was accepted.
pub struct NewJob {
    pub kind: Kind,
    pub sender: Party,
    pub recipient: Recipient,
    pub credentials: Option<Credentials>,
    pub documents: Vec<Document>,
    pub urgency: Urgency,
    pub not_before: Option<UnixMillis>,
    pub not_after: UnixMillis,
}
