//! What endpoints have been told, and what they have not taken yet.
//!
//! In: what is asked for an endpoint, what became of posts. Out: events that are due; places in the feed.
//! An event that is to be told goes from behind the endpoint's cursor into `webhook_due` before it is posted, and out of it
//! when the endpoint has it. A process that ends between the two posts it again, with the same id.
//! Not here: when a failed post comes again, what is told at all (`tell`).

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::fault::Fault;
use super::record::RawEvent;
use super::{changes, record};
use crate::app::crash::{self, Point};
use crate::job::UnixMillis;
use crate::queue::{
    WebhookBoard, WebhookDue, WebhookEndpoint, WebhookFate, WebhookOpened, WebhookOutcome,
    WebhookWork,
};
use crate::tell::{Carries, DISABLED, GIVEN_UP, LONGEST_WAIT};

/// Events behind a cursor that are looked at in one go: the writer has others to serve.
const LOOKED_AT: u32 = 500;

/// Events that an endpoint is not told are looked at again rather than that each costs a write; but not more than these.
const SKIPPED: u32 = 100;

/// Takes an endpoint on, or goes on with it.
pub(super) fn open(
    conn: &Connection,
    endpoint: &WebhookEndpoint,
    now: UnixMillis,
) -> Result<WebhookOpened, Fault> {
    let known: Option<(String, i64)> = conn
        .prepare_cached("SELECT client, cursor FROM webhook WHERE endpoint = ?1")?
        .query_row([&endpoint.name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((client, after)) = &known
        && *client == endpoint.client.0
    {
        conn.prepare_cached("UPDATE webhook SET carries = ?2 WHERE endpoint = ?1")?
            .execute([&endpoint.name, endpoint.carries.as_str()])?;
        return Ok(WebhookOpened::Known { after: *after });
    }
    // What another client's endpoint was owed is nothing for this one.
    conn.prepare_cached("DELETE FROM webhook WHERE endpoint = ?1")?.execute([&endpoint.name])?;
    let after: i64 = conn
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'")?
        .query_row([], |row| row.get(0))?;
    conn.prepare_cached(
        "INSERT INTO webhook (endpoint, client, carries, cursor, since) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        endpoint.name,
        endpoint.client.0,
        endpoint.carries.as_str(),
        after,
        now.0
    ])?;
    Ok(WebhookOpened::New { after })
}

struct Endpoint {
    client: String,
    carries: Carries,
    cursor: i64,
    disabled: bool,
    told_at: Option<UnixMillis>,
}

fn find(conn: &Connection, name: &str) -> Result<Endpoint, Fault> {
    let row: Option<(String, String, i64, bool, Option<i64>)> = conn
        .prepare_cached(
            "SELECT client, carries, cursor, disabled_at IS NOT NULL, told_at FROM webhook
             WHERE endpoint = ?1",
        )?
        .query_row([name], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })
        .optional()?;
    let Some((client, carries, cursor, disabled, told_at)) = row else {
        return Err(Fault::NotAllowed { what: "a post", from: "no such endpoint".into() });
    };
    let carries = record::named(&carries, "webhook.carries")?;
    Ok(Endpoint { client, carries, cursor, disabled, told_at: told_at.map(UnixMillis) })
}

/// What is to be told now, `most` at once: what waits here and is due, and then what is new. Where both do not fit one place
/// is for what never failed, or a few that are refused would keep everything else from an endpoint.
pub(super) fn work(
    conn: &Connection,
    name: &str,
    now: UnixMillis,
    most: u16,
) -> Result<WebhookWork, Fault> {
    let endpoint = find(conn, name)?;
    if endpoint.disabled {
        return Ok(WebhookWork { disabled: true, ..WebhookWork::default() });
    }
    let mut work = WebhookWork { told_at: endpoint.told_at, ..WebhookWork::default() };
    let (rows, mut due) = due(conn, name, now, most)?;
    work.more = rows >= most.into() || rows > due.len();
    // The last has the most tries.
    let stands_back = due.pop_if(|last| rows >= most.into() && last.tries > 0);
    if due.len() < most.into() {
        work.more |= take_new(conn, name, &endpoint, now, most.into(), &mut due)?;
    }
    if due.len() < most.into() {
        due.extend(stands_back);
    }
    work.due = due;
    work.next_due = conn
        .prepare_cached("SELECT min(due_at) FROM webhook_due WHERE endpoint = ?1 AND due_at > ?2")?
        .query_row(params![name, now.0], |row| Ok(row.get::<_, Option<i64>>(0)?.map(UnixMillis)))?;
    Ok(work)
}

/// What waits here and is due, what failed least first; and how many rows there were, some of which may be unreadable.
/// Nothing waits longer than [`LONGEST_WAIT`]: what seems to was written by a clock that went ahead.
fn due(
    conn: &Connection,
    name: &str,
    now: UnixMillis,
    most: u16,
) -> Result<(usize, Vec<WebhookDue>), Fault> {
    type Waiting = (rusqlite::Result<RawEvent>, i64, String, u32, i64);
    let rows: Vec<Waiting> = conn
        .prepare_cached(
            "SELECT cursor, at, event.job, name, detail, webhook_due.event, webhook_due.job, tries, turn_at
             FROM webhook_due JOIN event ON event.cursor = webhook_due.event
             WHERE endpoint = ?1 AND (due_at <= ?2 OR due_at > ?3) ORDER BY tries, event LIMIT ?4",
        )?
        .query_map(params![name, now.0, now.after(LONGEST_WAIT).0, most], |row| {
            Ok((RawEvent::read(row), row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let found = rows.len();
    let mut due = Vec::with_capacity(found);
    for (event, cursor, job, tries, turn_at) in rows {
        match event.map_err(Fault::from).and_then(RawEvent::parsed) {
            Ok(event) => due.push(WebhookDue { event, tries, turn_at: UnixMillis(turn_at) }),
            Err(fault) => {
                skip(conn, name, cursor, &fault, now)?;
                remove(conn, name, cursor, &job, now)?;
            }
        }
    }
    Ok((found, due))
}

/// Gives up an event that cannot be read: it must not keep those behind it for ever.
fn skip(
    conn: &Connection,
    name: &str,
    cursor: i64,
    fault: &Fault,
    now: UnixMillis,
) -> Result<(), Fault> {
    let detail = format!("event {cursor} of the feed: {}", fault.for_caller());
    tracing::error!(
        endpoint = name,
        cursor,
        detail,
        what = "it is not posted: the file was damaged, or changed by somebody; see `shirase explain record-unreadable`",
        "webhook.event.unreadable"
    );
    failed(conn, name, now, "record-unreadable", &detail)?;
    lost(conn, name, 1)
}

/// Counts events that the endpoint will never be told.
fn lost(conn: &Connection, name: &str, events: u32) -> Result<(), Fault> {
    conn.prepare_cached("UPDATE webhook SET given_up = given_up + ?2 WHERE endpoint = ?1")?
        .execute(params![name, events])?;
    Ok(())
}

/// Counts what endpoints are still owed of notifications that are about to be forgotten.
pub(super) fn forgets(conn: &Connection, jobs: &[String]) -> Result<(), Fault> {
    let names: Vec<String> = conn
        .prepare_cached("SELECT endpoint FROM webhook ORDER BY endpoint")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for name in names {
        let endpoint = find(conn, &name)?;
        let mut events = 0_u32;
        for job in jobs {
            let mut owed = conn.prepare_cached(
                "SELECT name FROM event WHERE job = ?2 AND client = ?3 AND (cursor > ?4
                    OR EXISTS (SELECT 1 FROM webhook_due WHERE endpoint = ?1 AND event = cursor))",
            )?;
            let owed = owed
                .query_map(params![name, job, endpoint.client, endpoint.cursor], |row| {
                    Ok(row.get::<_, String>(0))
                })?;
            for event in owed {
                // One that cannot be read is none that was told.
                if event?.map_or(true, |event| endpoint.carries.takes(&event)) {
                    events = events.saturating_add(1);
                }
            }
        }
        if events > 0 {
            tracing::error!(
                endpoint = name,
                events,
                what = "their notifications are older than what is kept, and nobody took them: the exchange will not \
                    hear of them any more. See `shirase webhook`; an endpoint that is not in the settings any more \
                    needs nothing",
                "webhook.events.forgotten"
            );
            lost(conn, &name, events)?;
        }
    }
    Ok(())
}

/// Takes what is new from behind the cursor; true if there may be more.
fn take_new(
    conn: &Connection,
    name: &str,
    endpoint: &Endpoint,
    now: UnixMillis,
    most: usize,
    due: &mut Vec<WebhookDue>,
) -> Result<bool, Fault> {
    let mut rows = conn.prepare_cached(
        "SELECT cursor, at, job, name, detail FROM event
         WHERE client = ?1 AND cursor > ?2 ORDER BY cursor LIMIT ?3",
    )?;
    let mut waits = conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM webhook_due WHERE endpoint = ?1 AND job = ?2)",
    )?;
    let mut insert = conn.prepare_cached(
        "INSERT INTO webhook_due (endpoint, event, job, turn_at, due_at) VALUES (?1, ?2, ?3, ?4, ?4)",
    )?;
    let (mut cursor, mut looked_at, mut taken) = (endpoint.cursor, 0, false);
    let rows = rows.query_map(params![endpoint.client, cursor, LOOKED_AT], |row| {
        Ok((row.get::<_, i64>(0)?, RawEvent::read(row)))
    })?;
    for row in rows {
        if due.len() >= most {
            looked_at = LOOKED_AT;
            break;
        }
        let (place, event) = row?;
        (cursor, looked_at) = (place, looked_at + 1);
        let event = event.map_err(Fault::from).and_then(|event| {
            if endpoint.carries.takes(&event.name) { event.parsed().map(Some) } else { Ok(None) }
        });
        let event = match event {
            Ok(Some(event)) => event,
            Ok(None) => continue,
            Err(fault) => {
                taken = true;
                skip(conn, name, place, &fault, now)?;
                continue;
            }
        };
        taken = true;
        let job = event.job.to_string();
        let is_behind_another: bool = waits.query_row(params![name, job], |row| row.get(0))?;
        let turn_at = (!is_behind_another).then_some(now);
        insert.execute(params![name, event.cursor, job, turn_at.map(|at| at.0)])?;
        if let Some(turn_at) = turn_at {
            due.push(WebhookDue { event, tries: 0, turn_at });
        }
    }
    let more = looked_at == LOOKED_AT;
    if taken || looked_at >= SKIPPED {
        conn.prepare_cached("UPDATE webhook SET cursor = ?2 WHERE endpoint = ?1")?
            .execute(params![name, cursor])?;
        crash::here(Point::WebhookDueWritten);
    }
    Ok(more)
}

/// Keeps what became of posts.
pub(super) fn done(
    conn: &Connection,
    name: &str,
    outcomes: &[WebhookOutcome],
    now: UnixMillis,
) -> Result<(), Fault> {
    for outcome in outcomes {
        // It may have been forgotten meanwhile, with its notification.
        let job: Option<(String, u32)> = conn
            .prepare_cached(
                "SELECT job, tries FROM webhook_due WHERE endpoint = ?1 AND event = ?2",
            )?
            .query_row(params![name, outcome.event], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((job, tries)) = job else { continue };
        match &outcome.fate {
            WebhookFate::Told => {
                conn.prepare_cached("UPDATE webhook SET told_at = ?2 WHERE endpoint = ?1")?
                    .execute(params![name, now.0])?;
                remove(conn, name, outcome.event, &job, now)?;
            }
            WebhookFate::Again { due, code, detail } => {
                failed(conn, name, now, code, detail)?;
                tried(conn, name, outcome.event, *due)?;
            }
            WebhookFate::GivenUp { code, detail } => {
                failed(conn, name, now, code, detail)?;
                lost(conn, name, 1)?;
                let what: String = conn
                    .prepare_cached("SELECT name FROM event WHERE cursor = ?1")?
                    .query_row([outcome.event], |row| row.get(0))?;
                // Or the word that one was given up would be followed by another for ever.
                if what != GIVEN_UP {
                    let detail = json!({ "endpoint": name, "missed": outcome.event, "event": what,
                        "posts": tries + 1, "code": code });
                    changes::event(conn, &job, None, now, GIVEN_UP, detail)?;
                }
                remove(conn, name, outcome.event, &job, now)?;
            }
            WebhookFate::Disabled { code, detail } => {
                failed(conn, name, now, code, detail)?;
                tried(conn, name, outcome.event, now)?;
                let disabled = conn
                    .prepare_cached(
                        "UPDATE webhook SET disabled_at = ?2 WHERE endpoint = ?1 AND disabled_at IS NULL",
                    )?
                    .execute(params![name, now.0])?;
                if disabled > 0 {
                    let detail = json!({ "endpoint": name, "code": code });
                    changes::event(conn, &job, None, now, DISABLED, detail)?;
                }
            }
        }
    }
    crash::here(Point::WebhookMarkWritten);
    Ok(())
}

/// It is owed no more; the next event of its notification has its turn.
fn remove(
    conn: &Connection,
    name: &str,
    event: i64,
    job: &str,
    now: UnixMillis,
) -> Result<(), Fault> {
    conn.prepare_cached("DELETE FROM webhook_due WHERE endpoint = ?1 AND event = ?2")?
        .execute(params![name, event])?;
    conn.prepare_cached(
        "UPDATE webhook_due SET turn_at = ?3, due_at = ?3 WHERE endpoint = ?1 AND event =
            (SELECT min(event) FROM webhook_due WHERE endpoint = ?1 AND job = ?2)",
    )?
    .execute(params![name, job, now.0])?;
    Ok(())
}

fn tried(conn: &Connection, name: &str, event: i64, due: UnixMillis) -> Result<(), Fault> {
    conn.prepare_cached(
        "UPDATE webhook_due SET tries = tries + 1, due_at = ?3 WHERE endpoint = ?1 AND event = ?2",
    )?
    .execute(params![name, event, due.0])?;
    Ok(())
}

fn failed(
    conn: &Connection,
    name: &str,
    now: UnixMillis,
    code: &str,
    detail: &str,
) -> Result<(), Fault> {
    conn.prepare_cached(
        "UPDATE webhook SET failed_at = ?2, failed_code = ?3, failed_detail = ?4 WHERE endpoint = ?1",
    )?
    .execute(params![name, now.0, code, detail])?;
    Ok(())
}

/// Makes due now what may have failed by the endpoint: whose turn came since it last took something, and not what failed
/// while it took others. How many.
pub(super) fn back(
    conn: &Connection,
    name: &str,
    told_at: Option<UnixMillis>,
    now: UnixMillis,
) -> Result<u32, Fault> {
    let due = conn
        .prepare_cached(
            "UPDATE webhook_due SET due_at = ?3
             WHERE endpoint = ?1 AND due_at IS NOT NULL AND turn_at >= ?2",
        )?
        .execute(params![name, told_at.map_or(i64::MIN, |at| at.0), now.0])?;
    Ok(u32::try_from(due).unwrap_or(u32::MAX))
}

/// Makes everything that failed due now as if its turn had just come, and lifts a 410; how many. None if there is no such
/// endpoint.
pub(super) fn retry(conn: &Connection, name: &str, now: UnixMillis) -> Result<Option<u32>, Fault> {
    let known = conn
        .prepare_cached("UPDATE webhook SET disabled_at = NULL WHERE endpoint = ?1")?
        .execute([name])?;
    if known == 0 {
        return Ok(None);
    }
    let due = conn
        .prepare_cached(
            "UPDATE webhook_due SET turn_at = ?2, due_at = ?2
             WHERE endpoint = ?1 AND due_at IS NOT NULL",
        )?
        .execute(params![name, now.0])?;
    Ok(Some(u32::try_from(due).unwrap_or(u32::MAX)))
}

/// How every endpoint stands that ever was in the settings.
pub(super) fn boards(conn: &Connection) -> Result<Vec<WebhookBoard>, Fault> {
    // One transaction: what waits and what is behind the cursor are of the same moment.
    let moment = conn.unchecked_transaction()?;
    let rows: Vec<(Endpoint, WebhookBoard)> = moment
        .prepare_cached(
            "SELECT endpoint, client, carries, cursor, disabled_at, given_up, told_at, failed_at,
                failed_code, failed_detail FROM webhook ORDER BY endpoint",
        )?
        .query_map([], |row| {
            let disabled_at: Option<i64> = row.get(4)?;
            let carries: String = row.get(2)?;
            let endpoint = Endpoint {
                client: row.get(1)?,
                carries: carries.parse().unwrap_or(Carries::Usual),
                cursor: row.get(3)?,
                disabled: disabled_at.is_some(),
                told_at: row.get::<_, Option<i64>>(6)?.map(UnixMillis),
            };
            let failed: (Option<i64>, Option<String>, Option<String>) =
                (row.get(7)?, row.get(8)?, row.get(9)?);
            let board = WebhookBoard {
                name: row.get(0)?,
                cursor: endpoint.cursor,
                behind: 0,
                retrying: 0,
                oldest: None,
                given_up: row.get(5)?,
                told_at: endpoint.told_at,
                failed: match failed {
                    (Some(at), Some(code), Some(detail)) => Some((UnixMillis(at), code, detail)),
                    (_, _, _) => None,
                },
                disabled_at: disabled_at.map(UnixMillis),
            };
            Ok((endpoint, board))
        })?
        .collect::<rusqlite::Result<_>>()?;
    rows.into_iter().map(|(endpoint, board)| counted(&moment, &endpoint, board)).collect()
}

fn counted(
    conn: &Connection,
    endpoint: &Endpoint,
    board: WebhookBoard,
) -> Result<WebhookBoard, Fault> {
    let (waiting, retrying, oldest): (u32, u32, Option<i64>) = conn
        .prepare_cached(
            "SELECT count(*), count(*) FILTER (WHERE tries > 0), min(event.at)
             FROM (SELECT event AS cursor, tries FROM webhook_due WHERE endpoint = ?1 LIMIT ?2)
                JOIN event USING (cursor)",
        )?
        .query_row(params![board.name, WebhookBoard::MOST_BEHIND], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let (mut behind, mut oldest) = (waiting, oldest.map(UnixMillis));
    let mut news = conn.prepare_cached(
        "SELECT name, at FROM event WHERE client = ?1 AND cursor > ?2 ORDER BY cursor LIMIT ?3",
    )?;
    let news = news
        .query_map(params![endpoint.client, endpoint.cursor, WebhookBoard::MOST_BEHIND], |row| {
            Ok((row.get::<_, String>(0)?, UnixMillis(row.get(1)?)))
        })?;
    for event in news {
        let (name, at) = event?;
        if endpoint.carries.takes(&name) {
            behind = behind.saturating_add(1);
            oldest = oldest.or(Some(at));
        }
    }
    Ok(WebhookBoard { behind: behind.min(WebhookBoard::MOST_BEHIND), retrying, oldest, ..board })
}
