//! What comes in later about an attempt: receipts, signs of the exchange, and the end of the time for both.
//!
//! In: mails of the receipt box, signs, the time. Out: rungs, and where the job goes, each with its event.
//! A receipt finds its attempt by the token; one mail is taken in once, and how far the box was read is part of the same
//! transaction: whoever is killed in between reads it again and changes nothing twice.
//! Not here: what follows from them (`settle/receipts.rs`, `settle/signs.rs`).

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::changes::{Destination, event, left, move_idle_job, move_job};
use super::claim::{MOST_MOVED, standing};
use super::fault::Fault;
use super::writer::Effect;
use super::{numbers, record};
use crate::app::crash::{self, Point};
use crate::job::{AttemptId, Channel, ClientId, FaxBecause, JobId, JobState, Sign, UnixMillis};
use crate::queue::seal::Sealer;
use crate::queue::{Place, Received, ReceivedMail, Signed};
use crate::schedule::windows::Windows;
use crate::settle::receipts::{self, Change, FaxFailure, Receipt, Report, Watched};
use crate::settle::{Next, Watch, at_rest, signs};

/// How long a receipt is known again. Chosen: no host tries for as long, and boxes are read within days.
const KEPT: Duration = Duration::from_secs(60 * 24 * 60 * 60);
/// Most rungs of one attempt that come from outside are kept among. Chosen: whoever has a mail of ours can report on it as
/// often as he likes.
const MOST_RUNGS: u32 = 200;

/// Takes in one mail of the receipt box.
pub(super) fn receive(
    conn: &Connection,
    sealer: &Sealer,
    windows: &Windows,
    mail: &ReceivedMail,
    effects: &mut Vec<Effect>,
) -> Result<Received, Fault> {
    let received = match &mail.receipt {
        Some(receipt) => take_in(conn, sealer, windows, mail, receipt, effects)?,
        None => Received::Nothing,
    };
    if received != Received::NotYet {
        keep_place(conn, mail.place)?;
        crash::here(Point::ReceiptWritten);
    }
    Ok(received)
}

fn take_in(
    conn: &Connection,
    sealer: &Sealer,
    windows: &Windows,
    mail: &ReceivedMail,
    receipt: &Receipt,
    effects: &mut Vec<Effect>,
) -> Result<Received, Fault> {
    let is_known: bool = conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM received WHERE sha256 = ?1)")?
        .query_row([&mail.sha256], |row| row.get(0))?;
    if is_known {
        return Ok(Received::Known);
    }
    let found = About::of_token(conn, &receipt.token).and_then(|about| match about {
        Some(about) => {
            let (job, watched) = (record::parse_id(&about.job)?, about.watched(conn)?);
            Ok(Some((about, job, watched)))
        }
        None => Ok(None),
    });
    let (about, job, watched) = match found {
        Ok(Some(found)) => found,
        // It is looked at again whenever the box brings it again: what is missing may have been restored by then.
        Ok(None) => return Ok(Received::UnknownAttempt),
        Err(Fault::Row { detail }) => {
            // No other look at the same row reads it better, and the mails behind this one must not wait for it.
            let code = "record-unreadable";
            tracing::error!(code, detail, "queue.receipt.not_taken");
            return Ok(Received::UnknownAttempt);
        }
        Err(fault @ (Fault::Sql(_) | Fault::NotAllowed { .. } | Fault::Held)) => return Err(fault),
    };
    let Some(state) = apply(conn, windows, &about, &watched, receipt, mail.now, effects)? else {
        return Ok(Received::NotYet);
    };
    if about.channel == Channel::Fax && state == JobState::Confirmed && about.state != state {
        numbers::prove(conn, sealer, about.attempt, mail.now)?;
    }
    conn.prepare_cached("INSERT INTO received (sha256, attempt, at) VALUES (?1, ?2, ?3)")?
        .execute(params![mail.sha256, about.attempt.0, mail.now.0])?;
    Ok(Received::Taken { job, state })
}

/// Keeps a receipt and does what follows from it. Gives the state of the job, or none if it has to be asked again.
fn apply(
    conn: &Connection,
    windows: &Windows,
    about: &About,
    watched: &Watched,
    receipt: &Receipt,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<Option<JobState>, Fault> {
    // What it tells of the attempt comes first: what follows depends on it.
    let change = receipts::on_receipt(watched, receipt.report, now, windows);
    if change == Change::NotYet {
        return Ok(None);
    }
    let told = match receipt.report {
        Report::Delivered => {
            Some("UPDATE attempt SET delivered_at = coalesce(delivered_at, ?2) WHERE id = ?1")
        }
        Report::Bounced(_)
        | Report::FaxFailed(FaxFailure::Busy | FaxFailure::NoAnswer | FaxFailure::NoFax) => {
            Some("UPDATE attempt SET refuted_at = coalesce(refuted_at, ?2) WHERE id = ?1")
        }
        // A part of the page may be there.
        Report::FaxFailed(FaxFailure::Failed)
        | Report::FaxSent { .. }
        | Report::Relayed
        | Report::Delayed
        | Report::Displayed
        | Report::SentCopy => None,
    };
    if let Some(sql) = told {
        conn.prepare_cached(sql)?.execute(params![about.attempt.0, now.0])?;
    }
    if about.channel == Channel::Fax && receipt.report.was_answered() {
        conn.prepare_cached(
            "UPDATE attempt SET reach = 'answered' WHERE id = ?1 AND ended_at IS NOT NULL",
        )?
        .execute([about.attempt.0])?;
    }
    let rungs: u32 = conn
        .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM event WHERE attempt = ?1 LIMIT ?2)")?
        .query_row(params![about.attempt.0, MOST_RUNGS], |row| row.get(0))?;
    if rungs < MOST_RUNGS {
        let detail = json!({ "attempt": about.number, "seen": receipt.detail });
        event(conn, &about.job, Some(about.attempt), now, receipt.report.rung(), detail)?;
    }
    match change {
        Change::Move { next, code } => about.go(conn, &next, code, now, effects).map(Some),
        Change::RungOnly | Change::NotYet => Ok(Some(about.state)),
    }
}

fn keep_place(conn: &Connection, place: Place) -> Result<(), Fault> {
    // Within one numbering it never goes back.
    conn.prepare_cached(
        "INSERT INTO inbox (one, uid_validity, uid) VALUES (1, ?1, ?2)
         ON CONFLICT (one) DO UPDATE SET uid_validity = excluded.uid_validity,
            uid = iif(uid_validity = excluded.uid_validity, max(uid, excluded.uid), excluded.uid)",
    )?
    .execute(params![place.uid_validity, place.uid])?;
    Ok(())
}

pub(super) fn place(conn: &Connection) -> Result<Option<Place>, Fault> {
    Ok(conn
        .prepare_cached("SELECT uid_validity, uid FROM inbox")?
        .query_row([], |row| Ok(Place { uid_validity: row.get(0)?, uid: row.get(1)? }))
        .optional()?)
}

/// Attempts of which somebody may have something in his hands, even if they are not over for us yet.
pub(super) const MAY_BE_OUT: &str = "refuted_at IS NULL
    AND state IN ('page_started', 'page_acked', 'dot_sent', 'handed_off', 'uncertain')";

/// The sign that somebody followed what attempts of a job left behind, but for `besides`.
pub(super) fn followed(
    conn: &Connection,
    job: &str,
    besides: Option<AttemptId>,
) -> Result<Option<Sign>, Fault> {
    let seen: [Option<bool>; 3] = conn
        .prepare_cached(&format!(
            "SELECT first_login_at >= opened, terms_accepted_at >= opened, first_download_at >= opened
             FROM job, (SELECT min(opened_at) AS opened FROM attempt
                WHERE job = ?1 AND id IS NOT ?2 AND {MAY_BE_OUT})
             WHERE job.id = ?1"
        ))?
        .query_row(params![job, besides.map(|id| id.0)], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?])
        })?;
    let signs = [Sign::FirstLogin, Sign::TermsAccepted, Sign::FirstDownload];
    Ok(signs.into_iter().zip(seen).find_map(|(sign, seen)| (seen == Some(true)).then_some(sign)))
}

/// Takes in what the exchange has seen.
pub(super) fn sign(
    conn: &Connection,
    sealer: &Sealer,
    client: &ClientId,
    id: JobId,
    sign: Sign,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<Signed, Fault> {
    let job = id.to_string();
    let column = match sign {
        Sign::FirstLogin => "first_login_at",
        Sign::TermsAccepted => "terms_accepted_at",
        Sign::FirstDownload => "first_download_at",
    };
    let found: Option<(String, bool)> = conn
        .prepare_cached(&format!(
            "SELECT state, {column} IS NOT NULL FROM job WHERE id = ?1 AND client = ?2"
        ))?
        .query_row(params![job, client.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((state, is_known)) = found else { return Ok(Signed::NotFound) };
    let state: JobState = record::named(&state, "state")?;
    if is_known {
        return Ok(Signed::Known { state });
    }
    conn.prepare_cached(&format!("UPDATE job SET {column} = ?2 WHERE id = ?1"))?
        .execute(params![job, now.0])?;
    conn.prepare_cached(&format!(
        "UPDATE attempt SET opened_at = coalesce(opened_at, ?2) WHERE job = ?1 AND {MAY_BE_OUT}"
    ))?
    .execute(params![job, now.0])?;
    let latest = About::latest_of(conn, &job)?;
    let detail = json!({ "state": state.as_str() });
    event(conn, &job, latest.as_ref().map(|latest| latest.attempt), now, sign.as_str(), detail)?;
    let may_be_followed = left(conn, &job, None)?.may_be_followed();
    let state = match (signs::on_sign(state, may_be_followed, sign), latest) {
        (Change::Move { next, code }, Some(latest)) => {
            // Whoever follows a notice may have known of it before; a key stands on its sheet alone.
            if record::kind(&latest.kind)?.has_secret() {
                numbers::prove_by_person(conn, sealer, &job, now)?;
            }
            latest.go(conn, &next, code, now, effects)?
        }
        (Change::Move { .. }, None) | (Change::RungOnly | Change::NotYet, _) => state,
    };
    crash::here(Point::SignWritten);
    Ok(Signed::Taken { state })
}

pub(super) const WATCHES_OVER: &str =
    "SELECT id FROM job WHERE watch_until <= ?1 ORDER BY watch_until LIMIT ?2";

/// Ends what was waited for long enough; how many.
pub(super) fn end_watches(
    conn: &Connection,
    windows: &Windows,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<u32, Fault> {
    let over: Vec<String> = conn
        .prepare_cached(WATCHES_OVER)?
        .query_map(params![now.0, MOST_MOVED as i64], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut ended = 0;
    for job in over {
        let found = About::latest_of(conn, &job).and_then(|latest| match latest {
            Some(latest) => {
                let watched = latest.watched(conn)?;
                Ok((latest, watched))
            }
            None => Err(Fault::Row { detail: "a watch without an attempt".into() }),
        });
        match found {
            Ok((latest, watched)) => {
                let (next, code) = receipts::at_end(&watched, now, windows);
                let state = latest.go(conn, &next, code, now, effects)?;
                tracing::info!(job, code, state = state.as_str(), "queue.watch.over");
            }
            Err(Fault::Row { detail }) => {
                // Somebody must decide; the others go on.
                let code = "record-unreadable";
                tracing::error!(job, code, detail, "queue.job.unreadable");
                move_idle_job(conn, &job, now, JobState::Failed, None, code, effects)?;
            }
            Err(fault @ (Fault::Sql(_) | Fault::NotAllowed { .. } | Fault::Held)) => {
                return Err(fault);
            }
        }
        ended += 1;
    }
    Ok(ended)
}

/// Forgets receipts that no box can bring again.
pub(super) fn delete_old(conn: &Connection, now: UnixMillis) -> Result<(), Fault> {
    conn.prepare_cached("DELETE FROM received WHERE at < ?1")?.execute([now.before(KEPT).0])?;
    Ok(())
}

/// An attempt and its job, when something comes in about them.
struct About {
    attempt: AttemptId,
    number: u32,
    channel: Channel,
    is_delivered: bool,
    job: String,
    state: JobState,
    job_channel: Channel,
    kind: String,
    not_after: UnixMillis,
    watch: Option<Watch>,
    is_withdrawn: bool,
    is_last: bool,
}

const ABOUT: &str = "SELECT attempt.id, attempt.number, attempt.channel, attempt.delivered_at, job.id AS job,
        job.state, job.channel AS job_channel, job.kind, job.not_after, job.watch_until, job.watch_then,
        job.stop_wanted_at,
        NOT EXISTS (SELECT 1 FROM attempt AS later
            WHERE later.job = job.id AND later.number > attempt.number) AS is_last
     FROM attempt JOIN job ON job.id = attempt.job";

impl About {
    fn of_token(conn: &Connection, token: &mail::Subject) -> Result<Option<Self>, Fault> {
        let mut statement = conn.prepare_cached(&format!("{ABOUT} WHERE attempt.token = ?1"))?;
        statement.query_row([token], |row| Ok(Self::read(row))).optional()?.transpose()
    }

    fn latest_of(conn: &Connection, job: &str) -> Result<Option<Self>, Fault> {
        let mut statement = conn.prepare_cached(&format!(
            "{ABOUT} WHERE attempt.job = ?1 ORDER BY attempt.number DESC LIMIT 1"
        ))?;
        statement.query_row([job], |row| Ok(Self::read(row))).optional()?.transpose()
    }

    fn read(row: &Row<'_>) -> Result<Self, Fault> {
        let text = |column: &str| row.get::<_, String>(column);
        let until: Option<i64> = row.get("watch_until")?;
        let then: Option<String> = row.get("watch_then")?;
        Ok(Self {
            attempt: AttemptId(row.get("id")?),
            number: row.get("number")?,
            channel: record::named(&text("channel")?, "attempt.channel")?,
            is_delivered: row.get::<_, Option<i64>>("delivered_at")?.is_some(),
            job: text("job")?,
            state: record::named(&text("state")?, "state")?,
            job_channel: record::named(&text("job_channel")?, "channel")?,
            kind: text("kind")?,
            not_after: UnixMillis(row.get("not_after")?),
            watch: record::watch(until, then.as_deref())?,
            is_withdrawn: row.get::<_, Option<i64>>("stop_wanted_at")?.is_some(),
            is_last: row.get("is_last")?,
        })
    }

    fn watched(&self, conn: &Connection) -> Result<Watched, Fault> {
        let kind = record::kind(&self.kind)?;
        Ok(Watched {
            state: self.state,
            channel: self.channel,
            is_latest: self.is_last && self.channel == self.job_channel,
            watch: self.watch,
            delivered: self.is_delivered,
            withdrawn: self.is_withdrawn,
            standing: standing(conn, &self.job, kind, self.not_after, Some(self.attempt))?,
        })
    }

    /// Moves the job there for this reason, with its event, which stands among the rungs of the attempt. Nothing says that
    /// nothing is out when something may be.
    fn go(
        &self,
        conn: &Connection,
        next: &Next,
        code: &str,
        now: UnixMillis,
        effects: &mut Vec<Effect>,
    ) -> Result<JobState, Fault> {
        let to = match next {
            Next::Again { due, reason } => Destination::wait(*due, reason),
            Next::Rest(state) => {
                let may_be_out = left(conn, &self.job, None)?.may_be_out();
                Destination::rest(at_rest(*state, may_be_out), code)
            }
            Next::Watch { state, watch } => Destination::watch(*state, *watch, code),
            Next::ByFax { due, because } => Destination::by_fax(*due, *because),
        };
        if to.because == Some(FaxBecause::MailUnread) {
            conn.prepare_cached("UPDATE attempt SET unread_at = ?2 WHERE id = ?1")?
                .execute(params![self.attempt.0, now.0])?;
        }
        move_job(conn, &self.job, now, &to, effects)?;
        let mut detail = to.detail();
        detail.insert("attempt".into(), self.number.into());
        detail.insert("code".into(), code.into());
        event(conn, &self.job, Some(self.attempt), now, to.state.as_str(), detail.into())?;
        Ok(to.state)
    }
}
