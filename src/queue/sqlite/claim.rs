//! Choosing the next job for a free line, and ending what has run out.
//!
//! In: the time and the line. Out: a [`Claim`], one per line, per job and per number at a time. A number of which a
//! provider may yet tell how its call went is not called.
//! A key is not called for any more once its office has shut, moved to another number, or counts anew.
//! While everything is held there is none, and what runs out ends all the same.
//! Order: the highest urgency, then the longest due, then the first accepted.
//! Not here: calling hours (the caller does not ask outside them), mails (`mails.rs`), what follows when a watch is over
//! (`receipts.rs`), what people decide (`resolution.rs`).

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::changes::{Left, event, left, move_idle_job};
use super::fault::Fault;
use super::record::{self, JOB_COLUMNS, JobRow};
use super::writer::Effect;
use super::{appliance, numbers, offices, receipts, resolution, tally};
use crate::app::crash::{self, Point};
use crate::job::{AttemptId, Channel, ClientId, JobState, Kind, NewJob, UnixMillis};
use crate::office::known::{Known, NotCalled};
use crate::office::redial::{self, Leave};
use crate::office::{Refusal, key_may_still_go};
use crate::queue::seal::Sealer;
use crate::queue::{Claim, Dialled, LineAsk, Swept, Unreadable};
use crate::schedule::backoff::Cause;
use crate::schedule::windows::Windows;
use crate::settle::verdict::IN_VAIN;
use crate::settle::{Standing, TIME_TO_DECIDE, Watch};

/// Most jobs that one claim or sweep moves out of the way; the next one goes on. Keeps the transaction
/// short. Chosen.
pub(super) const MOST_MOVED: usize = 256;

/// Why a job is not waiting.
const ON_LINE: &str = "on-line";
/// What a job waits for that no service may send.
const FOR_A_MODEM: &str = "for-a-modem";

pub(super) fn claim(
    conn: &Connection,
    sealer: &Sealer,
    windows: &Windows,
    now: UnixMillis,
    ask: &LineAsk,
    effects: &mut Vec<Effect>,
) -> Result<Option<Claim>, Fault> {
    let line = ask.line.as_str();
    refuse_if_busy(conn, line)?;
    end_what_ran_out(conn, windows, now, effects)?;
    if appliance::is_held(conn)? {
        return Ok(None);
    }
    // Numbers that are not for this line.
    let mut passed_over = Vec::new();
    for _moved in 0..MOST_MOVED {
        let Some(row) = next_due(conn, now, ask.secrets, &passed_over)? else { return Ok(None) };
        let known = match numbers::recall(conn, sealer, &row.fax_digits)? {
            Some(Ok(known)) => known,
            None | Some(Err(Unreadable { locked: false })) => Known::default(),
            Some(Err(Unreadable { locked: true })) => {
                // Nobody can say any more which machine a technician meant.
                let code = "number-unreadable";
                tracing::error!(job = row.id, code, "queue.job.not_called");
                move_idle_job(conn, &row.id, now, JobState::Failed, None, code, effects)?;
                continue;
            }
        };
        // Where somebody else dials, nobody hears which machine answers.
        let is_unheard = ask.watch.is_some();
        if is_unheard && known.lock.as_ref().is_some_and(|lock| lock.identity.is_some()) {
            waits_for_a_modem(conn, &row.id, now, effects)?;
            passed_over.push(row.fax_digits);
            continue;
        }
        match known.not_called(now) {
            None => {}
            Some(NotCalled::Voice) => {
                // Persons are left in peace, and the client is told at once.
                let code = "number-is-a-telephone";
                tracing::error!(job = row.id, code, "queue.job.not_called");
                move_idle_job(conn, &row.id, now, JobState::Failed, None, code, effects)?;
                continue;
            }
            Some(NotCalled::Toneless { until }) => {
                let reason = Cause::NoFaxTone.as_str();
                move_idle_job(conn, &row.id, now, JobState::Waiting, Some(until), reason, effects)?;
                continue;
            }
        }
        date_back(conn, &row.fax_digits, now)?;
        let unanswered = unanswered_calls(conn, &row.fax_digits, now)?;
        if let Leave::Rest { until } = redial::ask(&unanswered, now) {
            let reason = "redial-rule";
            move_idle_job(conn, &row.id, now, JobState::Waiting, Some(until), reason, effects)?;
            continue;
        }
        match row.open(sealer) {
            Ok((id, job)) => {
                if let Some(code) = not_to_go(conn, &row.id, &job, &known, now)? {
                    tracing::error!(job = row.id, code, "queue.job.not_called");
                    move_idle_job(conn, &row.id, now, JobState::Failed, None, code, effects)?;
                    continue;
                }
                let standing = Standing {
                    toneless_calls: known.toneless_calls(now),
                    ..standing(conn, &row.id, job.kind(), job.not_after, None)?
                };
                let (because, version) = (row.because()?, row.sealed_version);
                let to = To::Number(&row.fax_digits);
                let Opened { attempt, number, token } =
                    open_attempt(conn, &row.id, now, line, to, ask.watch)?;
                effects.push(Effect::Moved(now));
                let (line, attempt_number) = (line.to_owned(), number);
                crash::here(Point::ClaimWritten);
                return Ok(Some(Claim {
                    attempt,
                    attempt_number,
                    id,
                    line,
                    job,
                    standing,
                    known,
                    version,
                    because,
                    token,
                    watch: ask.watch,
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

/// Why a key may not go to its number any more, if so.
fn not_to_go(
    conn: &Connection,
    id: &str,
    job: &NewJob,
    known: &Known,
    now: UnixMillis,
) -> Result<Option<&'static str>, Fault> {
    if job.content.credentials().is_none() {
        return Ok(None);
    }
    let (client, since): (String, i64) = conn
        .prepare_cached(
            "SELECT client, max(accepted_at,
                coalesce((SELECT max(at) FROM resolution WHERE resolution.job = job.id), accepted_at))
             FROM job WHERE id = ?1",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let office = match offices::find(conn, &ClientId(client), &job.recipient.office_number) {
        Ok(office) => office,
        // The others go on.
        Err(Fault::Row { .. }) => return Ok(Some("record-unreadable")),
        Err(fault @ (Fault::Sql(_) | Fault::NotAllowed { .. } | Fault::Held)) => return Err(fault),
    };
    let Some(office) = office else { return Ok(None) };
    let may = key_may_still_go(&job.recipient.fax, &office, known, UnixMillis(since), now);
    Ok(may.err().map(Refusal::code))
}

/// Says once what it waits for: if there is no line with a modem, somebody has to hear of it before it runs out.
fn waits_for_a_modem(
    conn: &Connection,
    job: &str,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<(), Fault> {
    let (due, reason): (Option<i64>, Option<String>) = conn
        .prepare_cached("SELECT due_at, reason FROM job WHERE id = ?1")?
        .query_row([job], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if reason.as_deref() == Some(FOR_A_MODEM) {
        return Ok(());
    }
    tracing::warn!(job, "queue.job.waits_for_a_modem");
    let due = due.map(UnixMillis);
    move_idle_job(conn, job, now, JobState::Waiting, due, FOR_A_MODEM, effects)
}

/// One thing at a time on a line or lane.
pub(super) fn refuse_if_busy(conn: &Connection, line: &str) -> Result<(), Fault> {
    let is_busy: bool = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM attempt WHERE line = ?1 AND ended_at IS NULL)",
        )?
        .query_row([line], |row| row.get(0))?;
    if is_busy {
        let from = "a line with an open attempt".into();
        return Err(Fault::NotAllowed { what: "a claim", from });
    }
    Ok(())
}

pub(super) fn in_turn(secrets: bool) -> String {
    let which = if secrets { "" } else { "AND sealed IS NULL" };
    format!(
        "SELECT {JOB_COLUMNS} FROM job
         WHERE state = 'waiting' AND channel = 'fax' {which}
            AND urgency = ?1 AND due_at <= ?2 AND not_after > ?2
            AND NOT EXISTS (SELECT 1 FROM json_each(?3) WHERE value = job.fax_digits)
            AND NOT EXISTS (SELECT 1 FROM attempt
                WHERE attempt.fax_digits = job.fax_digits AND attempt.ended_at IS NULL)
            AND NOT EXISTS (SELECT 1 FROM job AS other
                WHERE other.fax_digits = job.fax_digits AND other.channel = 'fax'
                    AND other.watch_until IS NOT NULL)
         ORDER BY due_at, rowid LIMIT 1"
    )
}

/// The job whose turn it is, if its number is free and none of those passed over; with a key only if the line may carry
/// one.
fn next_due(
    conn: &Connection,
    now: UnixMillis,
    secrets: bool,
    passed_over: &[String],
) -> Result<Option<JobRow>, Fault> {
    let passed_over = json!(passed_over).to_string();
    // One range of the index for each urgency: what is due later is never walked over.
    for urgency in [1, 0] {
        let row = conn
            .prepare_cached(&in_turn(secrets))?
            .query_row(params![urgency, now.0, passed_over], JobRow::read)
            .optional()?;
        if row.is_some() {
            return Ok(row);
        }
    }
    Ok(None)
}

/// Calls that seem to lie in the future were made before the clock was set back, so just now at the
/// latest: dated so once, they hold the number back for no longer than the redial rule does.
fn date_back(conn: &Connection, fax_digits: &str, now: UnixMillis) -> Result<(), Fault> {
    conn.prepare_cached(
        "UPDATE attempt SET dialled_at = ?2 WHERE fax_digits = ?1 AND dialled_at > ?2",
    )?
    .execute(params![fax_digits, now.0])?;
    Ok(())
}

/// What a call that is no notification's has to know before it goes to a number.
pub(super) fn dialled(
    conn: &Connection,
    fax_digits: &str,
    now: UnixMillis,
) -> Result<Dialled, Fault> {
    let is_on_call = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM attempt WHERE fax_digits = ?1 AND ended_at IS NULL)
                OR EXISTS (SELECT 1 FROM job WHERE fax_digits = ?1 AND channel = 'fax'
                    AND watch_until IS NOT NULL)",
        )?
        .query_row([fax_digits], |row| row.get(0))?;
    let mut unanswered = unanswered_calls(conn, fax_digits, now)?;
    unanswered.iter_mut().for_each(|at| *at = (*at).min(now));
    Ok(Dialled { is_held: appliance::is_held(conn)?, is_on_call, unanswered })
}

/// The calls to a number since something last answered there, newest first: by their order, since the
/// clock may have jumped between them. A call whose ending is not known counts as unanswered; one that never left the modem does not count.
fn unanswered_calls(
    conn: &Connection,
    fax_digits: &str,
    now: UnixMillis,
) -> Result<Vec<UnixMillis>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT dialled_at, reach IS 'answered' FROM attempt
         WHERE fax_digits = ?1 AND dialled_at > ?2 AND reach IS NOT 'no_call'
         ORDER BY id DESC",
    )?;
    let since = now.before(redial::MEMORY);
    let calls = statement.query_map(params![fax_digits, since.0], |row| {
        Ok((UnixMillis(row.get(0)?), row.get::<_, bool>(1)?))
    })?;
    let mut unanswered = Vec::new();
    for call in calls {
        let (at, answered) = call?;
        if answered {
            break;
        }
        unanswered.push(at);
    }
    Ok(unanswered)
}

/// What a job has behind it and before it, but for the attempt `besides`.
pub(super) fn standing(
    conn: &Connection,
    job: &str,
    kind: Kind,
    not_after: UnixMillis,
    besides: Option<AttemptId>,
) -> Result<Standing, Fault> {
    let codes = json!(IN_VAIN).to_string();
    let (dials, in_vain, name): (_, _, Option<String>) = conn
        .prepare_cached(
            // Whoever decides that it is sent once more gives it its tries anew.
            "SELECT count(*) FILTER (WHERE dialled_at IS NOT NULL AND reach IS NOT 'no_call'),
                count(*) FILTER (WHERE channel = 'fax' AND dialled_at IS NULL
                    AND code IN (SELECT value FROM json_each(?3))),
                (SELECT json_extract(fields, '$.if_uncertain') FROM job WHERE id = ?1 AND decisions = 0)
             FROM attempt WHERE job = ?1 AND id IS NOT ?2
                AND decision = (SELECT decisions FROM job WHERE id = ?1)",
        )?
        .query_row(params![job, besides.map(|id| id.0), codes], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let if_uncertain = record::if_uncertain(name.as_deref())?;
    let Left { unconfirmed, mailed, .. } = left(conn, job, besides)?;
    let toneless_calls = 0;
    Ok(Standing {
        kind,
        if_uncertain,
        dials,
        not_after,
        toneless_calls,
        unconfirmed,
        in_vain,
        mailed,
    })
}

/// Where an attempt goes.
#[derive(Clone, Copy)]
pub(super) enum To<'a> {
    Number(&'a str),
    Domain(&'a str),
}

/// An attempt that has begun.
pub(super) struct Opened {
    pub(super) attempt: AttemptId,
    pub(super) number: u32,
    pub(super) token: Option<mail::Subject>,
}

/// Begins an attempt; with a watch it gets a token.
pub(super) fn open_attempt(
    conn: &Connection,
    job: &str,
    now: UnixMillis,
    line: &str,
    to: To<'_>,
    watch: Option<Watch>,
) -> Result<Opened, Fault> {
    let (channel, fax_digits, mail_domain) = match to {
        To::Number(fax_digits) => (Channel::Fax, Some(fax_digits), None),
        To::Domain(mail_domain) => (Channel::Mail, None, Some(mail_domain)),
    };
    let token = watch.map(|_| draw_token()).transpose()?;
    let (attempt, number) = conn
        .prepare_cached(
            "INSERT INTO attempt (job, number, line, state, claimed_at, channel, fax_digits, mail_domain,
                token, watch_until, watch_then, version, decision)
             SELECT id, 1 + (SELECT count(*) FROM attempt WHERE job = ?1), ?2, 'claimed', ?3, ?4, ?5, ?6,
                ?7, ?8, ?9, sealed_version, decisions
             FROM job WHERE id = ?1
             RETURNING id, number",
        )?
        .query_row(
            params![
                job,
                line,
                now.0,
                channel.as_str(),
                fax_digits,
                mail_domain,
                token,
                watch.map(|watch| watch.until.0),
                watch.map(|watch| watch.then.as_str()),
            ],
            |row| Ok((AttemptId(row.get(0)?), row.get(1)?)),
        )?;
    conn.prepare_cached(
        "UPDATE job SET state = 'sending', due_at = NULL, reason = ?2 WHERE id = ?1",
    )?
    .execute([job, ON_LINE])?;
    let detail = json!({
        "state": JobState::Sending.as_str(),
        "attempt": number,
        "channel": channel.as_str(),
        "line": line,
    });
    event(conn, job, Some(attempt), now, JobState::Sending.as_str(), detail)?;
    Ok(Opened { attempt, number, token })
}

fn draw_token() -> Result<mail::Subject, Fault> {
    let mut token = mail::Subject::default();
    getrandom::fill(&mut token)
        .map_err(|_| Fault::Row { detail: "the system gives no random octets".into() })?;
    Ok(token)
}

/// Ends what has run out, and says when the next job is due.
pub(super) fn sweep(
    conn: &Connection,
    windows: &Windows,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<Swept, Fault> {
    let ended = end_what_ran_out(conn, windows, now, effects)?;
    numbers::delete_old(conn, now, effects)?;
    receipts::delete_old(conn, now)?;
    tally::tidy(conn)?;
    resolution::remind(conn, now)?;
    let (next_due, next_mail) = (next(conn, Channel::Fax)?, next(conn, Channel::Mail)?);
    crash::here(Point::SweepWritten);
    Ok(Swept { ended, next_due, next_mail })
}

/// When the next job of a channel is due.
pub(super) fn next(conn: &Connection, channel: Channel) -> Result<Option<UnixMillis>, Fault> {
    let due: Option<i64> = conn
        .prepare_cached(&format!(
            "SELECT min(due) FROM (
                SELECT min(due_at) AS due FROM job
                WHERE state = 'waiting' AND channel = '{channel}' AND urgency = 1
                UNION ALL
                SELECT min(due_at) FROM job
                WHERE state = 'waiting' AND channel = '{channel}' AND urgency = 0)"
        ))?
        .query_row([], |row| row.get(0))?;
    Ok(due.map(UnixMillis))
}

/// A job that waits too long expires, or is uncertain if a sheet of it may be out. One that nobody decided about is
/// closed as not delivered: at once if its secret would have to be kept any longer, otherwise when the time to decide
/// is over, too. A key that a provider has is destroyed when it runs out, and what became of its sheet can still be told.
pub(super) fn end_what_ran_out(
    conn: &Connection,
    windows: &Windows,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<u32, Fault> {
    let mut ended = receipts::end_watches(conn, windows, now, effects)?;
    let keys = conn
        .prepare_cached(
            "UPDATE job SET sealed = NULL
             WHERE state = 'handed_off' AND sealed IS NOT NULL AND not_after <= ?1",
        )?
        .execute([now.0])?;
    if keys > 0 {
        effects.push(Effect::SecretDestroyed);
    }
    let over: Vec<(String, String, bool)> = conn
        .prepare_cached(
            "SELECT id, state, sealed IS NOT NULL FROM job
             WHERE state IN ('waiting', 'hold', 'uncertain') AND not_after <= ?1
                AND (state <> 'uncertain' OR sealed IS NOT NULL OR not_after <= ?2)
             ORDER BY not_after LIMIT ?3",
        )?
        .query_map(params![now.0, now.before(TIME_TO_DECIDE).0, MOST_MOVED as i64], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (job, state, has_secret) in over {
        let state: JobState = record::named(&state, "state")?;
        let is_undecided = state == JobState::Uncertain || left(conn, &job, None)?.may_be_out();
        let (state, reason) = match (is_undecided, has_secret) {
            (false, _) => (JobState::Expired, "not-after"),
            (true, true) => (JobState::ResolvedNotDelivered, "key-expired-unresolved"),
            (true, false) if state == JobState::Uncertain => {
                (JobState::ResolvedNotDelivered, "not-after-unconfirmed")
            }
            (true, false) => (JobState::Uncertain, "not-after-unconfirmed"),
        };
        move_idle_job(conn, &job, now, state, None, reason, effects)?;
        ended += 1;
    }
    Ok(ended)
}
