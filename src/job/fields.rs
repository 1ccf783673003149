//! The fields of a notification, and the longest that each may be.
//!
//! In: values that `hook` or the store has parsed. Out: the parts of a [`NewJob`].
//! Not here: their JSON (`hook/body.rs`), their columns (`queue/sqlite/record.rs`).

use super::names::stable_names;
use super::{Content, FaxNumber, Kind, OfficeNumber, Secret, SheetText, UnixMillis};

/// In which language the sheet is set.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Language {
    #[default]
    Japanese,
    English,
}

stable_names!(Language { Japanese => "ja", English => "en" });

/// When lines may be used for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Urgency {
    Normal,
    /// First in its turn; still not at night.
    Urgent,
}

stable_names!(Urgency { Normal => "normal", Urgent => "urgent" });

/// What follows when nobody knows whether the sheet with a key is on paper.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum IfUncertain {
    /// Somebody decides.
    #[default]
    Ask,
    /// One more sheet by itself, marked as a copy. Whoever asks for it accepts that two may lie in a tray. Only as long as
    /// nobody has decided anything.
    SendOnceMore,
}

stable_names!(IfUncertain { Ask => "ask", SendOnceMore => "send_once_more" });

/// The office that sends: printed on the sheet.
#[derive(Clone, Debug)]
pub struct Party {
    pub office_number: OfficeNumber,
    pub office_name: SheetText,
    pub phone: SheetText,
}

/// The office that is told.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub office_number: OfficeNumber,
    pub office_name: SheetText,
    pub fax: FaxNumber,
}

/// What only the paper may show.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub login_id: Secret,
    pub password: Secret,
    pub first_time_key: Secret,
    pub valid_until: Option<UnixMillis>,
}

impl Credentials {
    /// Longest login ID, password or key that can be set large and grouped on one sheet. Chosen.
    pub const MAX_CHARS: usize = 32;
}

/// A kind of document that waits, and how many.
#[derive(Clone, Debug)]
pub struct Document {
    pub title: SheetText,
    pub count: u16,
}

/// Most kinds of document that fit on one sheet. Chosen.
pub const MAX_DOCUMENTS: usize = 12;
/// Most documents of one title. Chosen: four digits.
pub const MAX_COUNT: u16 = 9999;
/// Longest name of an office. Chosen: two lines on the sheet.
pub const MAX_OFFICE_NAME_CHARS: usize = 60;
/// Longest telephone number as printed. Chosen.
pub const MAX_PHONE_CHARS: usize = 24;
/// Longest title of a document. Chosen: one line on the sheet.
pub const MAX_TITLE_CHARS: usize = 40;

/// A notification whose every field was accepted.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub content: Content,
    pub language: Language,
    pub sender: Party,
    pub recipient: Recipient,
    pub urgency: Urgency,
    pub not_before: Option<UnixMillis>,
    pub not_after: UnixMillis,
}

impl NewJob {
    pub fn kind(&self) -> Kind {
        self.content.kind()
    }
}
