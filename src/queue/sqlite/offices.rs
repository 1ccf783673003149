//! What each client has reported of offices, as rows.
//!
//! Not here: what a report changes (`office/directory.rs`).

use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::record;
use crate::app::crash::{self, Point};
use crate::job::{ClientId, OfficeNumber, UnixMillis};
use crate::office::{Office, OfficeChange};

pub(super) fn find(
    conn: &Connection,
    client: &ClientId,
    number: &OfficeNumber,
) -> Result<Option<Office>, Fault> {
    let row: Option<(Option<String>, bool, i64)> = conn
        .prepare_cached(
            "SELECT mail_to, closed, changed_at FROM office WHERE client = ?1 AND office_number = ?2",
        )?
        .query_row(params![client.0, number.to_string()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    row.map(|(mail_to, closed, changed_at)| {
        Ok(Office {
            number: number.clone(),
            mail: record::mail_address(mail_to.as_deref())?,
            closed,
            changed_at: UnixMillis(changed_at),
        })
    })
    .transpose()
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
        "INSERT INTO office (client, office_number, mail_to, closed, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (client, office_number) DO UPDATE SET mail_to = excluded.mail_to,
            closed = excluded.closed, changed_at = excluded.changed_at",
    )?
    .execute(params![
        client.0,
        number.to_string(),
        office.mail.as_ref().map(mail::Address::as_str),
        office.closed,
        office.changed_at.0,
    ])?;
    crash::here(Point::OfficeWritten);
    Ok(office)
}
