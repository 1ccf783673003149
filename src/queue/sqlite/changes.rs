//! Every change of a job's state and of an attempt's, each with its event, inside the writer's
//! transaction.
//!
//! In: commands of [`Queue`](crate::queue::Queue). Out: rows.
//! What the states allow is decided here and kept once more by the schema's checks and triggers.
//! Not here: the acceptance (`accept.rs`), cancellations (`cancel.rs`), choosing the next job (`claim.rs`), what comes in
//! later (`receipts.rs`), what is decided (`resolution.rs`), what is done after a crash (`recover.rs`).

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::writer::Effect;
use super::{appliance, numbers, receipts, record};
use crate::app::crash::{self, Point};
use crate::job::{
    AttemptId, AttemptState, Channel, Evidence, FaxBecause, JobState, Sign, UnixMillis,
};
use crate::queue::Step;
use crate::queue::seal::Sealer;
use crate::settle::receipts::Change;
use crate::settle::resolution::next_reminder;
use crate::settle::{Next, Settlement, Watch, at_rest, signs};

/// Why a notification that was withdrawn is not `Cancelled`.
pub(super) const WITHDRAWN_UNCONFIRMED: &str = "by-client-unconfirmed";

/// An attempt and its job, as a step or a settlement finds them.
struct Standing {
    job: String,
    number: u32,
    channel: Channel,
    /// None of a mail.
    fax_digits: Option<String>,
    state: AttemptState,
    pages_acked: u16,
    /// It is known by a token in what comes back.
    has_token: bool,
    stop_wanted: bool,
    has_secret: bool,
    /// Its sender would rather have two sheets with its key than none, and nobody has decided anything.
    once_more: bool,
}

fn standing(conn: &Connection, attempt: AttemptId) -> Result<Standing, Fault> {
    let row = conn
        .prepare_cached(
            "SELECT job.id, attempt.number, attempt.state, attempt.pages_acked,
                job.stop_wanted_at IS NOT NULL, attempt.fax_digits, job.sealed IS NOT NULL,
                attempt.channel, attempt.token IS NOT NULL,
                job.decisions = 0 AND json_extract(job.fields, '$.if_uncertain') IS 'send_once_more'
             FROM attempt JOIN job ON job.id = attempt.job WHERE attempt.id = ?1",
        )?
        .query_row([attempt.0], |row| {
            let names: (String, String) = (row.get(2)?, row.get(7)?);
            let standing = Standing {
                job: row.get(0)?,
                number: row.get(1)?,
                channel: Channel::Fax,
                fax_digits: row.get(5)?,
                state: AttemptState::Claimed,
                pages_acked: row.get(3)?,
                has_token: row.get(8)?,
                stop_wanted: row.get(4)?,
                has_secret: row.get(6)?,
                once_more: row.get(9)?,
            };
            Ok((standing, names))
        })
        .optional()?;
    let Some((standing, (state, channel))) = row else {
        return Err(Fault::NotAllowed { what: "a step", from: "no such attempt".into() });
    };
    let state = record::named(&state, "attempt.state")?;
    Ok(Standing { state, channel: record::named(&channel, "attempt.channel")?, ..standing })
}

/// What ended attempts of a job may have left behind.
pub(super) struct Left {
    /// Sheets that were not confirmed, of the version that counts.
    pub(super) unconfirmed: u32,
    /// A mail.
    pub(super) mailed: bool,
    /// Sheets of versions before it, which are void.
    void: u32,
}

impl Left {
    pub(super) fn may_be_out(&self) -> bool {
        self.unconfirmed > 0 || self.mailed
    }

    /// Whoever logs in can have it from there, void or not.
    pub(super) fn may_be_followed(&self) -> bool {
        self.may_be_out() || self.void > 0
    }
}

/// What the attempts of a job may have left behind, but for `besides`.
pub(super) fn left(
    conn: &Connection,
    job: &str,
    besides: Option<AttemptId>,
) -> Result<Left, Fault> {
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE channel = 'fax' AND version = counts),
                count(*) FILTER (WHERE channel = 'mail'),
                count(*) FILTER (WHERE channel = 'fax' AND version < counts)
             FROM attempt, (SELECT sealed_version AS counts FROM job WHERE id = ?1)
             WHERE job = ?1 AND state IN ('uncertain', 'handed_off') AND refuted_at IS NULL
                AND id IS NOT ?2",
        )?
        .query_row(params![job, besides.map(|id| id.0)], |row| {
            Ok(Left {
                unconfirmed: row.get(0)?,
                mailed: row.get::<_, u32>(1)? > 0,
                void: row.get(2)?,
            })
        })?)
}

/// Makes a step durable, if the states allow it, nobody wants the call to stop, and, where it begins, nothing is held.
pub(super) fn step(conn: &Connection, attempt: AttemptId, step: Step) -> Result<(), Fault> {
    let at = standing(conn, attempt)?;
    let refused = |what| Fault::NotAllowed { what, from: at.state.to_string() };
    let stopped = |what| Fault::NotAllowed { what, from: "cancelled".into() };
    let write = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> Result<(), Fault> {
        conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    };
    match (step, at.state) {
        // Whoever was told that everything is held sees nothing begin after it.
        (Step::Dialing { .. } | Step::DotSent { .. }, AttemptState::Claimed)
            if !at.stop_wanted && appliance::is_held(conn)? =>
        {
            Err(Fault::Held)
        }
        (Step::Dialing { .. }, AttemptState::Claimed) if at.stop_wanted => Err(stopped("dialing")),
        (Step::Dialing { now, sheet_mark }, AttemptState::Claimed)
            if at.channel == Channel::Fax =>
        {
            write(
                "UPDATE attempt SET state = 'dialing', dialled_at = ?2, sheet_mark = ?3 WHERE id = ?1",
                &[&attempt.0, &now.0, &sheet_mark],
            )?;
            let detail = json!({ "attempt": at.number });
            event(conn, &at.job, Some(attempt), now, "dialing", detail)?;
            crash::here(Point::DialWritten);
            Ok(())
        }
        (
            Step::Dialing { .. },
            AttemptState::Claimed
            | AttemptState::Dialing
            | AttemptState::PageStarted
            | AttemptState::PageAcked
            | AttemptState::DotSent
            | AttemptState::HandedOff
            | AttemptState::Confirmed
            | AttemptState::NotSent
            | AttemptState::Uncertain,
        ) => Err(refused("dialing")),

        // The first page octet decides the race with a cancellation: whoever commits first.
        (Step::PageStarted { .. }, AttemptState::Dialing) if at.stop_wanted => {
            Err(stopped("page_started"))
        }
        (Step::PageStarted { now, page }, AttemptState::Dialing | AttemptState::PageAcked)
            if page == at.pages_acked =>
        {
            write(
                "UPDATE attempt SET state = 'page_started',
                    page_started_at = coalesce(page_started_at, ?2) WHERE id = ?1",
                &[&attempt.0, &now.0],
            )?;
            let detail = json!({ "attempt": at.number, "page": page + 1 });
            event(conn, &at.job, Some(attempt), now, "page_started", detail)?;
            crash::here(Point::PageWritten);
            Ok(())
        }
        // Asked before each carrier: a repetition is known already.
        (Step::PageStarted { page, .. }, AttemptState::PageStarted) if page == at.pages_acked => {
            Ok(())
        }
        (
            Step::PageStarted { .. },
            AttemptState::Claimed
            | AttemptState::Dialing
            | AttemptState::PageStarted
            | AttemptState::PageAcked
            | AttemptState::DotSent
            | AttemptState::HandedOff
            | AttemptState::Confirmed
            | AttemptState::NotSent
            | AttemptState::Uncertain,
        ) => Err(refused("page_started")),

        (Step::PageAcked { now, page }, AttemptState::PageStarted) if page == at.pages_acked => {
            write(
                "UPDATE attempt SET state = 'page_acked', pages_acked = pages_acked + 1 WHERE id = ?1",
                &[&attempt.0],
            )?;
            let detail = json!({ "attempt": at.number, "page": page + 1 });
            event(conn, &at.job, Some(attempt), now, "page_acked", detail)
        }
        (
            Step::PageAcked { .. },
            AttemptState::Claimed
            | AttemptState::Dialing
            | AttemptState::PageStarted
            | AttemptState::PageAcked
            | AttemptState::DotSent
            | AttemptState::HandedOff
            | AttemptState::Confirmed
            | AttemptState::NotSent
            | AttemptState::Uncertain,
        ) => Err(refused("page_acked")),

        // The first octet of the content decides that race.
        (Step::DotSent { .. }, AttemptState::Claimed) if at.stop_wanted => Err(stopped("dot_sent")),
        (Step::DotSent { now }, AttemptState::Claimed) if at.channel == Channel::Mail => {
            write(
                "UPDATE attempt SET state = 'dot_sent', dot_sent_at = ?2 WHERE id = ?1",
                &[&attempt.0, &now.0],
            )?;
            let detail = json!({ "attempt": at.number });
            event(conn, &at.job, Some(attempt), now, "dot_sent", detail)
        }
        (
            Step::DotSent { .. },
            AttemptState::Claimed
            | AttemptState::Dialing
            | AttemptState::PageStarted
            | AttemptState::PageAcked
            | AttemptState::DotSent
            | AttemptState::HandedOff
            | AttemptState::Confirmed
            | AttemptState::NotSent
            | AttemptState::Uncertain,
        ) => Err(refused("dot_sent")),

        // What people see changes nothing, and some of it comes after the result.
        (Step::Rung { now, name, detail }, _any_state) => {
            let detail = json!({ "attempt": at.number, "seen": detail });
            event(conn, &at.job, Some(attempt), now, name, detail)
        }
    }
}

/// Ends an attempt, moves its job, and remembers what the call taught, in one go.
pub(super) fn settle(
    conn: &Connection,
    sealer: &Sealer,
    attempt: AttemptId,
    settlement: &Settlement,
    effects: &mut Vec<Effect>,
) -> Result<(), Fault> {
    let at = standing(conn, attempt)?;
    if !may_end(&at, settlement.evidence) {
        return Err(Fault::NotAllowed {
            what: settlement.evidence.as_str(),
            from: at.state.to_string(),
        });
    }
    // An attempt that left nothing behind is none that anybody can have followed.
    let besides = (settlement.evidence == Evidence::NotSent).then_some(attempt);
    let followed = receipts::followed(conn, &at.job, besides)?;
    let destination = destination(settlement, &at, &left(conn, &at.job, None)?, followed)?;
    conn.prepare_cached(
        "UPDATE attempt SET state = ?2, code = ?3, reach = ?4, receipt = ?5, ended_at = ?6
         WHERE id = ?1",
    )?
    .execute(params![
        attempt.0,
        settlement.evidence.attempt_state().as_str(),
        settlement.code,
        settlement.reach.as_str(),
        settlement.receipt.to_string(),
        settlement.now.0,
    ])?;
    if let (Some(lesson), Some(fax_digits)) = (&settlement.lesson, &at.fax_digits) {
        numbers::learn(conn, sealer, fax_digits, lesson, settlement.now)?;
    }
    move_job(conn, &at.job, settlement.now, &destination, effects)?;
    effects.push(Effect::AttemptEnded(attempt));
    let mut detail = destination.detail();
    detail.insert("attempt".into(), at.number.into());
    detail.insert("evidence".into(), settlement.evidence.as_str().into());
    detail.insert("code".into(), settlement.code.into());
    detail.insert("receipt".into(), settlement.receipt.clone());
    let (now, name) = (settlement.now, destination.state.as_str());
    event(conn, &at.job, Some(attempt), now, name, detail.into())?;
    crash::here(Point::SettleWritten);
    Ok(())
}

/// Can an attempt that stands so have ended so?
fn may_end(at: &Standing, evidence: Evidence) -> bool {
    match (at.state, evidence) {
        (AttemptState::Claimed, Evidence::NotSent) => true,
        (
            AttemptState::Claimed,
            Evidence::Uncertain | Evidence::HandedOff | Evidence::Confirmed,
        ) => false,
        (AttemptState::Dialing, Evidence::NotSent | Evidence::Uncertain) => true,
        (AttemptState::Dialing, Evidence::HandedOff | Evidence::Confirmed) => false,
        // Written before the first octet: the driver can know that none of it left after all.
        (AttemptState::PageStarted, Evidence::NotSent) => at.pages_acked == 0,
        (AttemptState::PageStarted, Evidence::Uncertain | Evidence::Confirmed) => true,
        // What nobody can report on was not handed to anybody.
        (AttemptState::PageStarted, Evidence::HandedOff) => at.has_token,
        (AttemptState::PageAcked, Evidence::NotSent | Evidence::HandedOff) => false,
        (AttemptState::PageAcked, Evidence::Uncertain | Evidence::Confirmed) => true,
        // A relay can refuse the whole content in its reply to the dot. That anybody read it no relay can say.
        (AttemptState::DotSent, Evidence::NotSent | Evidence::Uncertain | Evidence::HandedOff) => {
            true
        }
        (AttemptState::DotSent, Evidence::Confirmed) => false,
        (
            AttemptState::HandedOff
            | AttemptState::Confirmed
            | AttemptState::NotSent
            | AttemptState::Uncertain,
            _ended,
        ) => false,
    }
}

/// Where a job goes, and what stands with it there.
pub(super) struct Destination<'a> {
    pub(super) state: JobState,
    pub(super) due: Option<UnixMillis>,
    pub(super) reason: &'a str,
    pub(super) watch: Option<Watch>,
    /// It goes by FAX from here on.
    pub(super) because: Option<FaxBecause>,
}

impl<'a> Destination<'a> {
    /// Stays there.
    pub(super) fn rest(state: JobState, reason: &'a str) -> Self {
        Self { state, due: None, reason, watch: None, because: None }
    }

    /// Waits for its turn.
    pub(super) fn wait(due: UnixMillis, reason: &'a str) -> Self {
        Self { due: Some(due), ..Self::rest(JobState::Waiting, reason) }
    }

    /// Waits for its turn on a line instead of a lane.
    pub(super) fn by_fax(due: UnixMillis, because: FaxBecause) -> Self {
        Self { because: Some(because), ..Self::wait(due, because.as_str()) }
    }

    /// Waits for a receipt.
    pub(super) fn watch(state: JobState, watch: Watch, reason: &'a str) -> Self {
        Self { watch: Some(watch), ..Self::rest(state, reason) }
    }

    /// As the event of the change tells it.
    pub(super) fn detail(&self) -> Map<String, Value> {
        let mut detail = Map::new();
        detail.insert("state".into(), self.state.as_str().into());
        detail.insert("reason".into(), self.reason.into());
        detail.insert("due_at".into(), self.due.map(UnixMillis::rfc3339).into());
        if let Some(Watch { until, then }) = self.watch {
            detail.insert("watch_until".into(), until.rfc3339().into());
            detail.insert("watch_then".into(), then.as_str().into());
        }
        if self.because.is_some() {
            detail.insert("channel".into(), Channel::Fax.as_str().into());
        }
        detail
    }
}

/// Where the job goes. What came in while the attempt was open was not known to whoever settles it: a sign that somebody
/// followed the notification wins over everything, a cancellation that came in time over another try and over the FAX
/// after a mail, and what came back is not in doubt any more. `left` is what attempts before this one may have left
/// behind.
fn destination<'a>(
    settlement: &'a Settlement,
    at: &Standing,
    left: &Left,
    followed: Option<Sign>,
) -> Result<Destination<'a>, Fault> {
    if let Some(sign) = followed {
        match signs::on_kept_sign(settlement.evidence, left.may_be_followed(), sign) {
            Change::Move { next: Next::Rest(state), code } => {
                return Ok(Destination::rest(state, code));
            }
            Change::Move { .. } | Change::RungOnly | Change::NotYet => {}
        }
    }
    let code = settlement.code;
    let rest = |state| Ok(Destination::rest(state, code));
    let may_be_out = left.may_be_out();
    match (settlement.evidence, &settlement.next) {
        (
            Evidence::NotSent,
            Next::Again { .. }
            | Next::ByFax { .. }
            | Next::Rest(JobState::Failed | JobState::Uncertain),
        ) if at.stop_wanted && !may_be_out => rest(JobState::Cancelled),
        (
            Evidence::NotSent,
            Next::Again { .. } | Next::ByFax { .. } | Next::Rest(JobState::Uncertain),
        ) if at.stop_wanted && may_be_out => {
            Ok(Destination::rest(JobState::Uncertain, WITHDRAWN_UNCONFIRMED))
        }
        (Evidence::Uncertain, Next::Again { .. }) if at.stop_wanted => rest(JobState::Uncertain),
        (Evidence::NotSent, Next::Again { due, reason }) => Ok(Destination::wait(*due, reason)),
        // Neither a key on paper nor a mail: of what may have arrived only a sheet without a key goes once more, and a key
        // whose sender wants it so, once.
        (Evidence::Uncertain, Next::Again { due, reason })
            if at.channel == Channel::Fax
                && (!at.has_secret || at.once_more && left.unconfirmed == 0) =>
        {
            Ok(Destination::wait(*due, reason))
        }
        (Evidence::NotSent, Next::ByFax { due, because }) if at.channel == Channel::Mail => {
            Ok(Destination::by_fax(*due, *because))
        }
        (
            Evidence::NotSent,
            Next::Rest(state @ (JobState::Failed | JobState::Expired | JobState::Cancelled)),
        ) if !may_be_out => rest(*state),
        // How this call ended says nothing of the sheet that may be out.
        (Evidence::NotSent, Next::Rest(state @ JobState::Uncertain)) if may_be_out => {
            Ok(Destination::rest(*state, "copy-not-sent"))
        }
        // It was out when this attempt began, and came back meanwhile.
        (Evidence::NotSent, Next::Rest(JobState::Uncertain)) => rest(JobState::Failed),
        (Evidence::NotSent, Next::Rest(state @ JobState::Hold))
        | (Evidence::Uncertain, Next::Rest(state @ JobState::Uncertain))
        | (Evidence::Confirmed, Next::Rest(state @ JobState::Confirmed)) => rest(*state),
        // Nothing comes back about an attempt that has no token.
        (Evidence::HandedOff, Next::Watch { state: state @ JobState::HandedOff, watch })
        | (Evidence::Uncertain, Next::Watch { state: state @ JobState::Uncertain, watch })
            if at.has_token =>
        {
            Ok(Destination::watch(*state, *watch, code))
        }
        (
            Evidence::NotSent | Evidence::Uncertain | Evidence::HandedOff | Evidence::Confirmed,
            next,
        ) => {
            let what = match next {
                Next::Again { .. } => "waiting",
                Next::Rest(state) | Next::Watch { state, .. } => state.as_str(),
                Next::ByFax { because, .. } => because.as_str(),
            };
            Err(Fault::NotAllowed { what, from: settlement.evidence.to_string() })
        }
    }
}

/// Writes where a job is; with a final state its secret is destroyed, and if somebody has to decide, the time begins
/// after which he is reminded.
pub(super) fn move_job(
    conn: &Connection,
    job: &str,
    now: UnixMillis,
    to: &Destination<'_>,
    effects: &mut Vec<Effect>,
) -> Result<(), Fault> {
    if let Some(because) = to.because {
        conn.prepare_cached("UPDATE job SET channel = 'fax', fax_because = ?2 WHERE id = ?1")?
            .execute([job, because.as_str()])?;
    }
    // That nobody wants it any more stays with it: much later something can still come back.
    conn.prepare_cached(
        "UPDATE job SET state = ?2, due_at = ?3, reason = ?4, watch_until = ?5, watch_then = ?6,
            sealed = iif(?7, NULL, sealed),
            undecided_since = iif(?8, coalesce(undecided_since, ?9), NULL),
            remind_at = iif(?8, iif(undecided_since IS NULL, ?10, remind_at), NULL)
         WHERE id = ?1",
    )?
    .execute(params![
        job,
        to.state.as_str(),
        to.due.map(|at| at.0),
        to.reason,
        to.watch.map(|watch| watch.until.0),
        to.watch.map(|watch| watch.then.as_str()),
        to.state.is_final(),
        // As long as something is waited for, nobody has to.
        to.state == JobState::Uncertain && to.watch.is_none(),
        now.0,
        next_reminder(now, now).map(|at| at.0),
    ])?;
    if to.state.is_final() {
        effects.push(Effect::SecretDestroyed);
    }
    Ok(())
}

/// Moves a job that has no open attempt, with its event. Nothing says that no sheet is out when one may be.
pub(super) fn move_idle_job(
    conn: &Connection,
    job: &str,
    now: UnixMillis,
    state: JobState,
    due: Option<UnixMillis>,
    reason: &str,
    effects: &mut Vec<Effect>,
) -> Result<(), Fault> {
    let state = at_rest(state, left(conn, job, None)?.may_be_out());
    let to = Destination { due, ..Destination::rest(state, reason) };
    move_job(conn, job, now, &to, effects)?;
    event(conn, job, None, now, state.as_str(), to.detail().into())
}

/// Writes one row of the feed.
pub(super) fn event(
    conn: &Connection,
    job: &str,
    attempt: Option<AttemptId>,
    at: UnixMillis,
    name: &str,
    detail: Value,
) -> Result<(), Fault> {
    let cursor = appliance::newest(conn, "event")? + 1;
    conn.prepare_cached(
        "INSERT INTO event (cursor, at, client, job, attempt, name, detail, mark)
         SELECT ?6, ?1, client, id, ?3, ?4, ?5, event_mark(?6, ?1, client, id, ?3, ?4, ?5)
         FROM job WHERE id = ?2",
    )?
    .execute(params![at.0, job, attempt.map(|id| id.0), name, detail.to_string(), cursor])?;
    Ok(())
}
