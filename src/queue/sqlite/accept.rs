//! Taking a notification on, once for each key of each client.
//!
//! In: what an acceptance writes. Out: its row, with its event; or what became of the request that came before.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::changes::event;
use super::fault::Fault;
use super::record;
use crate::app::crash::{self, Point};
use crate::job::{Channel, ClientId, IdempotencyKey, JobId, JobState, UnixMillis};
use crate::queue::Accepted;

/// What an acceptance writes; sealed before it comes to the writer.
pub(super) struct NewRow {
    pub(super) id: JobId,
    pub(super) client: ClientId,
    pub(super) key: IdempotencyKey,
    pub(super) fingerprint: [u8; 32],
    pub(super) now: UnixMillis,
    pub(super) kind: &'static str,
    pub(super) urgency: i64,
    pub(super) office_number: String,
    pub(super) fax_digits: String,
    /// None of what goes by FAX.
    pub(super) mail_to: Option<mail::Address>,
    pub(super) fields: String,
    pub(super) sealed: Option<Vec<u8>>,
    pub(super) sealed_version: u32,
    pub(super) not_before: Option<UnixMillis>,
    pub(super) not_after: UnixMillis,
}

/// What became of an earlier request with this key, if there was one.
pub(super) fn earlier(
    conn: &Connection,
    client: &ClientId,
    key: &IdempotencyKey,
    fingerprint: &[u8; 32],
) -> Result<Option<Accepted>, Fault> {
    let known: Option<(String, Vec<u8>, bool)> = conn
        .prepare_cached(
            "SELECT id, fingerprint, mail_to IS NOT NULL FROM job WHERE client = ?1 AND idempotency_key = ?2",
        )?
        .query_row(params![client.0, key.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    Ok(match known {
        Some((id, known, by_mail)) if known == fingerprint => {
            Some(Accepted::Replay { id: record::parse_id(&id)?, channel: accepted_for(by_mail) })
        }
        Some(_) => Some(Accepted::OtherBody),
        None => None,
    })
}

/// The channel for which it was accepted, whatever it took later.
fn accepted_for(by_mail: bool) -> Channel {
    if by_mail { Channel::Mail } else { Channel::Fax }
}

pub(super) fn accept(conn: &Connection, new: &NewRow) -> Result<Accepted, Fault> {
    // Asked again, inside the transaction: of two requests at once one is the repetition.
    if let Some(earlier) = earlier(conn, &new.client, &new.key, &new.fingerprint)? {
        return Ok(earlier);
    }
    let due = new.not_before.map_or(new.now, |not_before| not_before.max(new.now));
    let channel = accepted_for(new.mail_to.is_some());
    conn.prepare_cached(
        "INSERT INTO job (id, client, idempotency_key, fingerprint, state, reason, kind, urgency,
            office_number, fax_digits, fields, sealed, sealed_version, accepted_at, not_before,
            not_after, due_at, channel, mail_to, mail_domain)
         VALUES (?1, ?2, ?3, ?4, 'waiting', 'first-turn', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
            ?14, ?15, ?16, ?17, ?18)",
    )?
    .execute(params![
        new.id.to_string(),
        new.client.0,
        new.key.as_str(),
        new.fingerprint,
        new.kind,
        new.urgency,
        new.office_number,
        new.fax_digits,
        new.fields,
        new.sealed,
        new.sealed_version,
        new.now.0,
        new.not_before.map(|at| at.0),
        new.not_after.0,
        due.0,
        channel.as_str(),
        new.mail_to.as_ref().map(mail::Address::as_str),
        new.mail_to.as_ref().map(mail::Address::domain),
    ])?;
    let detail = json!({
        "state": JobState::Waiting.as_str(),
        "due_at": due.rfc3339(),
        "channel": channel.as_str(),
    });
    event(conn, &new.id.to_string(), None, new.now, "accepted", detail)?;
    crash::here(Point::AcceptWritten);
    Ok(Accepted::New { id: new.id, channel })
}
