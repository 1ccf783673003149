//! Choosing the next mail for a free lane; what became of mails, by domain.
//!
//! In: the time, the lane, and which domains get nothing now. Out: a [`MailClaim`], one per lane and per job at a time.
//! Order: the highest urgency, then the longest due, then the first accepted.
//! Not here: how many mails a domain gets at a time, and when (`schedule`).

use rusqlite::{Connection, OptionalExtension, params};

use super::appliance;
use super::changes::{Destination, event, move_idle_job, move_job};
use super::claim::{MOST_MOVED, Opened, To, end_what_ran_out, open_attempt, refuse_if_busy};
use super::fault::Fault;
use super::record::{JOB_COLUMNS, JobRow, MailNotice};
use super::writer::Effect;
use crate::app::crash::{self, Point};
use crate::job::{ClientId, FaxBecause, JobState, UnixMillis};
use crate::queue::seal::Sealer;
use crate::queue::{MailAsk, MailClaim, MailDomain};
use crate::schedule::backoff::LAST_CALL;
use crate::schedule::windows::Windows;
use crate::settle::mailing::Overdue;
use crate::settle::{MailStanding, mailing, receipts};

/// So many mails to held domains are passed over one by one. Behind more of them the turn goes by domains. Chosen: a
/// millisecond.
const MOST_PASSED: u32 = 256;
/// Most domains that a turn by domains looks at. Chosen: a few milliseconds; the others have their turn when these have
/// nothing that is due, or are held.
const MOST_DOMAINS: u32 = 1000;
/// Most domains in one answer.
const MOST_LISTED: u32 = 1000;

pub(super) fn claim(
    conn: &Connection,
    sealer: &Sealer,
    windows: &Windows,
    now: UnixMillis,
    ask: &MailAsk,
    effects: &mut Vec<Effect>,
) -> Result<Option<MailClaim>, Fault> {
    refuse_if_busy(conn, &ask.lane)?;
    end_what_ran_out(conn, windows, now, effects)?;
    if appliance::is_held(conn)? {
        return Ok(None);
    }
    for _moved in 0..MOST_MOVED {
        let Some(row) = next_due(conn, now, &ask.held)? else { return Ok(None) };
        match row.open_mail(sealer) {
            Ok((id, job, MailNotice { notice, route })) => {
                let to = route.to().clone();
                let tries = tries(conn, &row.id)?;
                let standing = MailStanding { not_after: job.not_after, tries, watch: ask.watch };
                let domain = To::Domain(to.domain());
                let Opened { attempt, number, token } =
                    open_attempt(conn, &row.id, now, &ask.lane, domain, Some(ask.watch))?;
                effects.push(Effect::Moved(now));
                let token = token.ok_or(Fault::Row { detail: "a mail without a token".into() })?;
                crash::here(Point::MailClaimWritten);
                return Ok(Some(MailClaim {
                    attempt,
                    attempt_number: number,
                    id,
                    lane: ask.lane.clone(),
                    notice,
                    language: job.language,
                    sender: job.sender,
                    office_name: job.recipient.office_name,
                    to,
                    token,
                    standing,
                }));
            }
            Err(code) => {
                tracing::error!(job = row.id, code, "queue.job.unreadable");
                move_idle_job(conn, &row.id, now, JobState::Failed, None, code, effects)?;
            }
        }
    }
    Ok(None)
}

/// The mail whose turn it is, to a domain that is not held.
fn next_due(conn: &Connection, now: UnixMillis, held: &[String]) -> Result<Option<JobRow>, Fault> {
    for urgency in [1, 0] {
        let found = match next_in_row(conn, now, held, urgency)? {
            InRow::Found(rowid) => Some(rowid),
            InRow::None => None,
            InRow::TooManyHeld => next_by_domain(conn, now, held, urgency)?,
        };
        if let Some(rowid) = found {
            let row = conn
                .prepare_cached(&format!("SELECT {JOB_COLUMNS} FROM job WHERE rowid = ?1"))?
                .query_row([rowid], JobRow::read)?;
            return Ok(Some(row));
        }
    }
    Ok(None)
}

enum InRow {
    Found(i64),
    None,
    /// More may stand behind them.
    TooManyHeld,
}

/// Mails as they stand in the row.
pub(super) const IN_ROW: &str = "SELECT rowid, mail_domain FROM job
    WHERE state = 'waiting' AND channel = 'mail' AND urgency = ?1 AND due_at <= ?2 AND not_after > ?2
    ORDER BY due_at, rowid LIMIT ?3";
/// The next domain that has some, by name.
pub(super) const NEXT_DOMAIN: &str = "SELECT min(mail_domain) FROM job
    WHERE state = 'waiting' AND channel = 'mail' AND urgency = ?1 AND mail_domain > ?2";
/// The first mail to it.
pub(super) const FIRST_OF_DOMAIN: &str = "SELECT due_at, rowid FROM job
    WHERE state = 'waiting' AND channel = 'mail' AND urgency = ?1 AND mail_domain = ?2
        AND due_at <= ?3 AND not_after > ?3
    ORDER BY due_at, rowid LIMIT 1";

/// The first mail in the row, past not too many to held domains.
fn next_in_row(
    conn: &Connection,
    now: UnixMillis,
    held: &[String],
    urgency: i64,
) -> Result<InRow, Fault> {
    let mut statement = conn.prepare_cached(IN_ROW)?;
    let mut rows = statement.query(params![urgency, now.0, MOST_PASSED])?;
    let mut passed = 0;
    while let Some(row) = rows.next()? {
        let domain: String = row.get(1)?;
        if !held.contains(&domain) {
            return Ok(InRow::Found(row.get(0)?));
        }
        passed += 1;
    }
    Ok(if passed < MOST_PASSED { InRow::None } else { InRow::TooManyHeld })
}

/// The longest due mail to any of the first domains that have some and are not held: a step in the index for each,
/// however many mails wait behind it.
fn next_by_domain(
    conn: &Connection,
    now: UnixMillis,
    held: &[String],
    urgency: i64,
) -> Result<Option<i64>, Fault> {
    let mut next_domain = conn.prepare_cached(NEXT_DOMAIN)?;
    let mut first_of = conn.prepare_cached(FIRST_OF_DOMAIN)?;
    let mut first: Option<(i64, i64)> = None;
    let mut domain = String::new();
    for _looked_at in 0..MOST_DOMAINS {
        let next: Option<String> =
            next_domain.query_row(params![urgency, domain], |row| row.get(0))?;
        let Some(next) = next else { break };
        domain = next;
        if held.contains(&domain) {
            continue;
        }
        let due = first_of
            .query_row(params![urgency, domain, now.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        first = first.into_iter().chain(due).min();
    }
    Ok(first.map(|(_due_at, rowid)| rowid))
}

/// What waits for a lane since before a time, and can still be called for.
const LONG_WAITING: &str = "SELECT id, max(?4, coalesce(not_before, 0)), not_after FROM job
    WHERE state = 'waiting' AND channel = 'mail' AND accepted_at <= ?1
        AND coalesce(not_before, 0) <= ?1 AND not_after - ?5 >= max(?2, coalesce(not_before, 0))
    ORDER BY accepted_at LIMIT ?3";
/// The same of what must have arrived by a time, and was tried, or should have been.
const ENDING_SOON: &str = "SELECT id, max(?4, coalesce(not_before, 0)), not_after FROM job
    WHERE state = 'waiting' AND channel = 'mail'
        AND not_after <= ?1 AND not_after - ?5 >= max(?2, coalesce(not_before, 0))
        AND (max(accepted_at, coalesce(not_before, 0)) <= ?6
            OR EXISTS (SELECT 1 FROM attempt WHERE attempt.job = job.id))
    ORDER BY not_after LIMIT ?3";

/// Gives over to FAX what has waited long enough. Of a storm the rest has its turn with the next look.
pub(super) fn give_up(
    conn: &Connection,
    windows: &Windows,
    now: UnixMillis,
    overdue: Overdue,
    effects: &mut Vec<Effect>,
) -> Result<u32, Fault> {
    let Overdue { since, not_after, untried_since } = overdue;
    // What ends before anybody may be called is better tried by mail to the last.
    let Some(opens) = windows.next_open(now) else { return Ok(0) };
    let (most, last_call_ms) = (MOST_MOVED as i64, LAST_CALL.as_millis() as i64);
    let long_waiting = params![since.0, opens.0, most, now.0, last_call_ms];
    let ending_soon = params![not_after.0, opens.0, most, now.0, last_call_ms, untried_since.0];
    let mut given = 0;
    for (sql, values) in [(LONG_WAITING, long_waiting), (ENDING_SOON, ending_soon)] {
        let late: Vec<(String, UnixMillis, UnixMillis)> = conn
            .prepare_cached(sql)?
            .query_map(values, |row| {
                Ok((row.get(0)?, UnixMillis(row.get(1)?), UnixMillis(row.get(2)?)))
            })?
            .collect::<rusqlite::Result<_>>()?;
        for (job, from, not_after) in late {
            let Some(due) = receipts::fax_at(from, not_after, windows) else { continue };
            let to = Destination::by_fax(due, FaxBecause::MailNotSent);
            move_job(conn, &job, now, &to, effects)?;
            event(conn, &job, None, now, to.state.as_str(), to.detail().into())?;
            tracing::warn!(job, "queue.mail.given_up");
            given += 1;
        }
    }
    Ok(given)
}

/// Mails of a job that were not taken, and count.
pub(super) fn tries(conn: &Connection, job: &str) -> Result<u32, Fault> {
    let counted = serde_json::json!(mailing::COUNTED).to_string();
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FROM attempt
             WHERE job = ?1 AND channel = 'mail' AND code IN (SELECT value FROM json_each(?2))",
        )?
        .query_row([job, &counted], |row| row.get(0))?)
}

/// What became of a client's mails. Of other clients' it learns nothing, not even to whom they go.
pub(super) fn domains(
    conn: &Connection,
    client: &ClientId,
    since: UnixMillis,
) -> Result<Vec<MailDomain>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT attempt.mail_domain, count(*) AS handed, count(delivered_at), count(refuted_at), count(unread_at),
            count(opened_at), count(*) FILTER (WHERE attempt.state = 'uncertain' AND delivered_at IS NULL
                AND refuted_at IS NULL AND opened_at IS NULL)
         FROM attempt JOIN job ON job.id = attempt.job
         WHERE job.client = ?3 AND attempt.channel = 'mail' AND attempt.claimed_at >= ?1
            AND attempt.state IN ('handed_off', 'uncertain')
         GROUP BY attempt.mail_domain ORDER BY handed DESC, attempt.mail_domain LIMIT ?2",
    )?;
    let rows = statement.query_map(params![since.0, MOST_LISTED, client.0], |row| {
        Ok(MailDomain {
            domain: row.get(0)?,
            handed: row.get(1)?,
            delivered: row.get(2)?,
            bounced: row.get(3)?,
            unread: row.get(4)?,
            opened: row.get(5)?,
            uncertain: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Tokens of what somebody may have, as long as it is waited for; the newest first.
pub(super) fn unsure(conn: &Connection) -> Result<Vec<mail::Subject>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT attempt.token FROM job JOIN attempt ON attempt.job = job.id
         WHERE job.watch_until IS NOT NULL AND job.state = 'uncertain'
            AND attempt.state = 'uncertain' AND attempt.token IS NOT NULL
         ORDER BY attempt.id DESC LIMIT ?1",
    )?;
    let rows = statement.query_map([MOST_LISTED], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
