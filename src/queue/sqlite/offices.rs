//! What each client has reported of offices, as rows.
//!
//! Not here: what a report changes (`office/directory.rs`).

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::record;
use crate::app::crash::{self, Point};
use crate::job::{ClientId, FaxNumber, OfficeNumber, UnixMillis};
use crate::office::{Office, OfficeChange};

pub(super) fn find(
    conn: &Connection,
    client: &ClientId,
    number: &OfficeNumber,
) -> Result<Option<Office>, Fault> {
    conn.prepare_cached(&format!("{SELECT} WHERE client = ?1 AND office_number = ?2"))?
        .query_row(params![client.0, number.to_string()], OfficeRow::read)
        .optional()?
        .map(OfficeRow::open)
        .transpose()
}

/// By their numbers, beginning behind `after`.
pub(super) fn list(
    conn: &Connection,
    client: &ClientId,
    after: Option<&OfficeNumber>,
    limit: u16,
) -> Result<Vec<Office>, Fault> {
    let after = after.map(ToString::to_string).unwrap_or_default();
    conn.prepare_cached(&format!(
        "{SELECT} WHERE client = ?1 AND office_number > ?2 ORDER BY office_number LIMIT ?3"
    ))?
    .query_map(params![client.0, after, limit], OfficeRow::read)?
    .map(|row| row?.open())
    .collect()
}

const SELECT: &str =
    "SELECT office_number, fax_digits, anew_since, mail_to, closed, changed_at FROM office";

/// A row as it is read, before anything in it is believed.
struct OfficeRow {
    office_number: String,
    fax_digits: Option<String>,
    anew_since: Option<i64>,
    mail_to: Option<String>,
    closed: bool,
    changed_at: i64,
}

impl OfficeRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            office_number: row.get("office_number")?,
            fax_digits: row.get("fax_digits")?,
            anew_since: row.get("anew_since")?,
            mail_to: row.get("mail_to")?,
            closed: row.get("closed")?,
            changed_at: row.get("changed_at")?,
        })
    }

    fn open(self) -> Result<Office, Fault> {
        Ok(Office {
            number: record::office_number(&self.office_number)?,
            fax: self.fax_digits.as_deref().map(record::fax_number).transpose()?,
            anew_since: self.anew_since.map(UnixMillis),
            mail: record::mail_address(self.mail_to.as_deref())?,
            closed: self.closed,
            changed_at: UnixMillis(self.changed_at),
        })
    }
}

pub(super) fn change(
    conn: &Connection,
    client: &ClientId,
    number: &OfficeNumber,
    change: OfficeChange,
    now: UnixMillis,
) -> Result<Office, Fault> {
    let before = find(conn, client, number)?;
    let office = before.unwrap_or_else(|| Office::new(number.clone(), now)).after(change, now);
    conn.prepare_cached(
        "INSERT INTO office (client, office_number, mail_to, closed, changed_at, fax_digits, anew_since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (client, office_number) DO UPDATE SET mail_to = excluded.mail_to,
            closed = excluded.closed, changed_at = excluded.changed_at,
            fax_digits = excluded.fax_digits, anew_since = excluded.anew_since",
    )?
    .execute(params![
        client.0,
        number.to_string(),
        office.mail.as_ref().map(mail::Address::as_str),
        office.closed,
        office.changed_at.0,
        office.fax.as_ref().map(FaxNumber::digits),
        office.anew_since.map(|at| at.0),
    ])?;
    crash::here(Point::OfficeWritten);
    Ok(office)
}
