//! What the store says after the process died in the middle of calls.
//!
//! In: attempts that were open when it died. Out: their endings, in one transaction, before anything else
//! is done. What an open attempt proves is decided by `settle`, as for every other ending.

use rusqlite::Connection;

use super::changes;
use super::claim::standing;
use super::fault::Fault;
use super::writer::Effect;
use super::{mails, record};
use crate::app::crash::{self, Point};
use crate::job::{AttemptId, AttemptState, Channel, UnixMillis};
use crate::queue::seal::Sealer;
use crate::schedule::windows::Windows;
use crate::settle::{self, MailStanding, mailing};

/// What was found open.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Recovered {
    /// Nothing had been dialled, and no content of a mail had left.
    pub before_dial: u32,
    /// A number had gone out, no page.
    pub in_call: u32,
    /// Page data may have left: those with a key wait for a decision, the others for another call.
    pub after_page: u32,
    /// The content of a mail may have left: a receipt is waited for.
    pub after_dot: u32,
}

struct Open {
    attempt: AttemptId,
    job: String,
    state: String,
    kind: String,
    not_after: UnixMillis,
    channel: String,
    watch_until: Option<i64>,
    watch_then: Option<String>,
}

/// The few that were open, without a look at the many that have ended: a start must not take long.
pub(super) const OPEN: &str = "SELECT attempt.id, job.id, attempt.state, job.kind, job.not_after,
        attempt.channel, attempt.watch_until, attempt.watch_then
    FROM attempt INDEXED BY attempt_open_of_job JOIN job ON job.id = attempt.job
    WHERE attempt.ended_at IS NULL ORDER BY attempt.id";

pub(super) fn recover(
    conn: &Connection,
    sealer: &Sealer,
    windows: &Windows,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<Recovered, Fault> {
    let open: Vec<Open> = conn
        .prepare(OPEN)?
        .query_map([], |row| {
            Ok(Open {
                attempt: AttemptId(row.get(0)?),
                job: row.get(1)?,
                state: row.get(2)?,
                kind: row.get(3)?,
                not_after: UnixMillis(row.get(4)?),
                channel: row.get(5)?,
                watch_until: row.get(6)?,
                watch_then: row.get(7)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    crash::here(Point::RecoverFound);
    let mut recovered = Recovered::default();
    for Open { attempt, job, state, kind, not_after, channel, watch_until, watch_then } in open {
        let state: AttemptState = record::named(&state, "attempt.state")?;
        match state {
            AttemptState::Claimed => recovered.before_dial += 1,
            AttemptState::Dialing => recovered.in_call += 1,
            AttemptState::PageStarted | AttemptState::PageAcked => recovered.after_page += 1,
            AttemptState::DotSent => recovered.after_dot += 1,
            AttemptState::HandedOff
            | AttemptState::Confirmed
            | AttemptState::NotSent
            | AttemptState::Uncertain => continue,
        }
        let watch = record::watch(watch_until, watch_then.as_deref())?;
        let settlement = match (record::named(&channel, "attempt.channel")?, watch) {
            (Channel::Mail, Some(watch)) => {
                let standing = MailStanding { not_after, tries: mails::tries(conn, &job)?, watch };
                mailing::after_crash(state, standing, now, windows)
            }
            // The store keeps no mail without one.
            (Channel::Fax | Channel::Mail, watch) => {
                let kind = record::kind(&kind)?;
                let standing = standing(conn, &job, kind, not_after, Some(attempt))?;
                match watch {
                    Some(watch) => mailing::order_after_crash(state, standing, watch, now),
                    None => settle::after_crash(state, standing, now),
                }
            }
        };
        tracing::warn!(job, attempt = attempt.0, code = settlement.code, "queue.attempt.recovered");
        changes::settle(conn, sealer, attempt, &settlement, effects)?;
        crash::here(Point::RecoverEnded);
    }
    Ok(recovered)
}
