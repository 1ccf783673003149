//! Jobs as rows and back, and events as they are read.
//!
//! In: [`NewJob`]; or a row, which is parsed with the same care as a request, because a file can be changed
//! by others; but its texts by what every version has refused, for they were accepted once. Out: columns; or [`NewJob`];
//! or [`EventRow`], also of a row that cannot be read.

use std::str::FromStr;

use rusqlite::Row;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use crate::job::fields::{MAX_OFFICE_NAME_CHARS, MAX_PHONE_CHARS, MAX_TITLE_CHARS};
use crate::job::{
    Content, Credentials, Document, FaxBecause, FaxNumber, IfUncertain, JobId, Keys, Kind,
    Language, MailHint, NewJob, Notice, Occasion, OfficeNumber, Party, Recipient, SheetText,
    UnixMillis, Urgency,
};
use crate::office::MailRoute;
use crate::queue::seal::Sealer;
use crate::queue::{EventRow, UNREADABLE};
use crate::settle::Watch;

/// What the sheet says besides its columns and its secrets.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    sender_office_number: String,
    sender_office_name: String,
    sender_phone: String,
    recipient_office_name: String,
    documents: Vec<(String, u16)>,
    valid_until: Option<UnixMillis>,
    /// Since version 4 of the store; before, every sheet was in Japanese.
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    mail_hint: Option<String>,
    /// Since version 6, of a key for which it is not to be asked. The schema reads it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    if_uncertain: Option<String>,
}

/// The `fields` column.
pub(super) fn fields_json(job: &NewJob) -> Result<String, Fault> {
    let documents = job.content.documents();
    let fields = Fields {
        sender_office_number: job.sender.office_number.to_string(),
        sender_office_name: job.sender.office_name.to_string(),
        sender_phone: job.sender.phone.to_string(),
        recipient_office_name: job.recipient.office_name.to_string(),
        documents: documents.iter().map(|d| (d.title.to_string(), d.count)).collect(),
        valid_until: job.content.credentials().and_then(|c| c.valid_until),
        language: Some(job.language.to_string()),
        mail_hint: job.content.mail_hint().map(|hint| hint.as_str().to_owned()),
        if_uncertain: job
            .content
            .if_uncertain()
            .filter(|if_uncertain| *if_uncertain != IfUncertain::default())
            .map(|if_uncertain| if_uncertain.to_string()),
    };
    serde_json::to_string(&fields).map_err(|_| unreadable("fields"))
}

/// The `urgency` column: higher goes first.
pub(super) fn urgency_rank(urgency: Urgency) -> i64 {
    match urgency {
        Urgency::Normal => 0,
        Urgency::Urgent => 1,
    }
}

/// What such a rank means; a table lets no other in.
pub(super) fn urgency(rank: i64) -> Urgency {
    if rank == urgency_rank(Urgency::Urgent) { Urgency::Urgent } else { Urgency::Normal }
}

/// Columns that [`read_job`] needs, in no particular order.
pub(super) const JOB_COLUMNS: &str = "id, kind, urgency, office_number, fax_digits, fields, sealed, \
     sealed_version, not_before, not_after, mail_to, fax_because";

/// A row as it is read, before anything in it is believed.
pub(super) struct JobRow {
    pub(super) id: String,
    kind: String,
    urgency: i64,
    office_number: String,
    pub(super) fax_digits: String,
    fields: String,
    sealed: Option<Vec<u8>>,
    pub(super) sealed_version: u32,
    not_before: Option<i64>,
    pub(super) not_after: i64,
    mail_to: Option<String>,
    fax_because: Option<String>,
}

impl JobRow {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            kind: row.get("kind")?,
            urgency: row.get("urgency")?,
            office_number: row.get("office_number")?,
            fax_digits: row.get("fax_digits")?,
            fields: row.get("fields")?,
            sealed: row.get("sealed")?,
            sealed_version: row.get("sealed_version")?,
            not_before: row.get("not_before")?,
            not_after: row.get("not_after")?,
            mail_to: row.get("mail_to")?,
            fax_because: row.get("fax_because")?,
        })
    }

    /// Parses it whole and opens its credentials.
    ///
    /// # Errors
    /// The stable code of what cannot be read: `record-unreadable` or `secret-unreadable`.
    pub(super) fn open(&self, sealer: &Sealer) -> Result<(JobId, NewJob), &'static str> {
        const RECORD: &str = "record-unreadable";
        let id = parse_id(&self.id).map_err(|_| RECORD)?;
        let fields: Fields = serde_json::from_str(&self.fields).map_err(|_| RECORD)?;
        let kind = kind(&self.kind).map_err(|_| RECORD)?;
        let credentials = if kind.has_secret() {
            Some(self.unseal(sealer, id, fields.valid_until).ok_or("secret-unreadable")?)
        } else {
            None
        };
        let content = content(kind, credentials, &fields).map_err(|_| RECORD)?;
        let job = self.job(content, &fields).map_err(|_| RECORD)?;
        Ok((id, job))
    }

    /// Why it comes by FAX, if it was accepted to go by mail.
    pub(super) fn because(&self) -> Result<Option<FaxBecause>, Fault> {
        self.fax_because.as_deref().map(|name| named(name, "fax_because")).transpose()
    }

    /// Parses what goes by mail.
    ///
    /// # Errors
    /// `record-unreadable`, as [`JobRow::open`] says it; also for anything that must not go by mail.
    pub(super) fn open_mail(
        &self,
        sealer: &Sealer,
    ) -> Result<(JobId, NewJob, MailNotice), &'static str> {
        const RECORD: &str = "record-unreadable";
        let (id, job) = self.open(sealer)?;
        let to = mail_address(self.mail_to.as_deref()).map_err(|_| RECORD)?.ok_or(RECORD)?;
        let Content::Notice(notice) = &job.content else { return Err(RECORD) };
        let notice = notice.clone();
        let route = MailRoute::of(&notice, to).ok_or(RECORD)?;
        Ok((id, job, MailNotice { notice, route }))
    }

    fn unseal(
        &self,
        sealer: &Sealer,
        id: JobId,
        valid_until: Option<UnixMillis>,
    ) -> Option<Credentials> {
        let sealed = self.sealed.as_ref()?;
        let [login_id, password, first_time_key] =
            sealer.open(id, self.sealed_version, sealed).ok()?;
        Some(Credentials { login_id, password, first_time_key, valid_until })
    }

    fn job(&self, content: Content, fields: &Fields) -> Result<NewJob, Fault> {
        Ok(NewJob {
            content,
            language: match &fields.language {
                Some(name) => named(name, "fields")?,
                None => Language::Japanese,
            },
            sender: Party {
                office_number: office(&fields.sender_office_number)?,
                office_name: text(&fields.sender_office_name, MAX_OFFICE_NAME_CHARS)?,
                phone: text(&fields.sender_phone, MAX_PHONE_CHARS)?,
            },
            recipient: Recipient {
                office_number: office(&self.office_number)?,
                office_name: text(&fields.recipient_office_name, MAX_OFFICE_NAME_CHARS)?,
                fax: fax_number(&self.fax_digits)?,
            },
            urgency: urgency(self.urgency),
            not_before: self.not_before.map(UnixMillis),
            not_after: UnixMillis(self.not_after),
        })
    }
}

/// A notice and its way.
pub(super) struct MailNotice {
    pub(super) notice: Notice,
    pub(super) route: MailRoute,
}

/// The `mail_to` column.
pub(super) fn mail_address(text: Option<&str>) -> Result<Option<mail::Address>, Fault> {
    text.map(|text| mail::Address::parse(text).map_err(|_| unreadable("mail_to"))).transpose()
}

/// The columns `watch_until` and `watch_then`.
pub(super) fn watch(until: Option<i64>, then: Option<&str>) -> Result<Option<Watch>, Fault> {
    until
        .zip(then)
        .map(|(until, then)| {
            Ok(Watch { until: UnixMillis(until), then: named(then, "watch_then")? })
        })
        .transpose()
}

/// What a kind says; what it does not have is not read.
fn content(
    kind: Kind,
    credentials: Option<Credentials>,
    fields: &Fields,
) -> Result<Content, Fault> {
    let keys = |occasion| {
        let credentials = credentials.ok_or_else(|| unreadable("sealed"))?;
        let if_uncertain = if_uncertain(fields.if_uncertain.as_deref())?;
        Ok(Content::Keys(Keys { credentials, occasion, if_uncertain }))
    };
    match kind {
        Kind::FirstContact => keys(Occasion::FirstContact { documents: documents(fields)? }),
        Kind::CredentialsReissued => keys(Occasion::Reissued),
        Kind::Document => Ok(Content::Notice(Notice::Document { documents: documents(fields)? })),
        Kind::Message => Ok(Content::Notice(Notice::Message)),
        Kind::ChannelChanged => {
            let hint = fields.mail_hint.as_deref().map(MailHint::stored).transpose();
            let mail_hint = hint.map_err(|_| unreadable("fields"))?;
            Ok(Content::Notice(Notice::ChannelChanged { mail_hint }))
        }
        Kind::NumberProof => Ok(Content::Notice(Notice::NumberProof)),
    }
}

fn documents(fields: &Fields) -> Result<Vec<Document>, Fault> {
    let document = |(title, count): &(String, u16)| {
        Ok(Document { title: text(title, MAX_TITLE_CHARS)?, count: *count })
    };
    fields.documents.iter().map(document).collect()
}

/// The member of `fields`.
pub(super) fn if_uncertain(name: Option<&str>) -> Result<IfUncertain, Fault> {
    name.map_or(Ok(IfUncertain::default()), |name| named(name, "fields"))
}

/// The `kind` column.
pub(super) fn kind(name: &str) -> Result<Kind, Fault> {
    named(name, "kind")
}

/// The `fax_digits` column.
pub(super) fn fax_number(digits: &str) -> Result<FaxNumber, Fault> {
    FaxNumber::parse(digits).map_err(|_| unreadable("fax_digits"))
}

pub(super) fn office_number(text: &str) -> Result<OfficeNumber, Fault> {
    OfficeNumber::parse(text).map_err(|_| unreadable("office_number"))
}

pub(super) fn parse_id(text: &str) -> Result<JobId, Fault> {
    text.parse().map_err(|_| unreadable("id"))
}

/// A column that holds one of our stable names.
pub(super) fn named<T: FromStr>(name: &str, column: &'static str) -> Result<T, Fault> {
    name.parse().map_err(|_| unreadable(column))
}

/// A column that holds JSON.
pub(super) fn json(text: &str, column: &'static str) -> Result<serde_json::Value, Fault> {
    serde_json::from_str(text).map_err(|_| unreadable(column))
}

fn text(value: &str, limit: usize) -> Result<SheetText, Fault> {
    SheetText::stored(value, limit).map_err(|_| unreadable("fields"))
}

fn office(value: &str) -> Result<OfficeNumber, Fault> {
    OfficeNumber::parse(value).map_err(|_| unreadable("office_number"))
}

/// An event before anything in it is believed. Its row begins with `cursor, at, job, name, detail`.
pub(super) struct RawEvent {
    cursor: i64,
    at: i64,
    job: String,
    pub name: String,
    detail: String,
}

impl RawEvent {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            cursor: row.get(0)?,
            at: row.get(1)?,
            job: row.get(2)?,
            name: row.get(3)?,
            detail: row.get(4)?,
        })
    }

    pub(super) fn parsed(self) -> Result<EventRow, Fault> {
        Ok(EventRow {
            cursor: self.cursor,
            at: UnixMillis(self.at),
            job: parse_id(&self.job)?,
            name: self.name,
            detail: json(&self.detail, "event.detail")?,
        })
    }

    /// The event of a row; of one that cannot be read [`UNREADABLE`], with what can be: those behind it are told.
    pub(super) fn told(row: &Row<'_>) -> rusqlite::Result<EventRow> {
        if let Some(event) = Self::read(row).ok().and_then(|event| event.parsed().ok()) {
            return Ok(event);
        }
        let cursor: i64 = row.get(0)?;
        tracing::error!(
            cursor,
            what = "the feed says `unreadable` in its place: the file was damaged, or changed by somebody; see \
                `shirase explain unreadable`",
            "queue.event.unreadable"
        );
        let job = row.get_ref(2)?.as_str().ok().and_then(|id| id.parse().ok());
        Ok(EventRow {
            cursor,
            at: UnixMillis(row.get(1)?),
            job: job.unwrap_or(JobId(ulid::Ulid::nil())),
            name: UNREADABLE.into(),
            detail: serde_json::json!({ "code": "record-unreadable" }),
        })
    }
}

fn unreadable(column: &'static str) -> Fault {
    Fault::Row { detail: format!("the {column} of a row cannot be read") }
}
