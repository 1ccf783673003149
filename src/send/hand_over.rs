//! One mail on its way to the relay, whatever it carries: ended as long as it may be, waited for after that, its result
//! written down.
//!
//! In: a written mail, and the steps that must be on disk before the first octet of its content. Out: what the relay said;
//! the settled attempt.
//! Once its content has begun it is waited for, also when the gateway stops; if that takes too long nobody can say whether
//! the relay has it, and so it is written down.
//! Source: the order of writes is the attempt's state machine, `job/state.rs`; RFC 5321 6.1 (from when on the mail is
//! the relay's).
//! Not here: what is mailed (`mail.rs`, `mail_to_fax.rs`), SMTP (`drivers/mail`), the meaning of an ending
//! (`settle/mailing.rs`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mail::smtp::{Go, Outcome, Outgoing, Relay, Trouble};
use tokio::time::{sleep, timeout};

use super::{LineFault, journal, result};
use crate::app::clock::Clock;
use crate::app::crash::{self, Point};
use crate::job::{AttemptId, JobId, Live, ProgressBoard, UnixMillis};
use crate::queue::{Queue, QueueError, Step};
use crate::settle::words::masked;
use crate::settle::{Settlement, Stop, endings};

/// Longest wait for a step before the content: the relay waits minutes for it (RFC 5321 4.5.3.2.5), a COMMIT takes about
/// 0.1 s when it is slow.
const STORE_WAIT: Duration = Duration::from_secs(5);
/// Between two looks whether the gateway stops or the client wants it no more.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Longest wait for a mail whose content has begun, when the gateway stops: the service manager waits 100 s.
const CONTENT_AT_STOP: Duration = Duration::from_secs(90);

/// Whose mail it is.
pub struct Of<'a> {
    pub queue: &'a dyn Queue,
    pub clock: &'a dyn Clock,
    pub board: &'a ProgressBoard,
    pub attempt: AttemptId,
    pub job: JobId,
    /// The line or lane.
    pub line: &'a str,
}

/// One hand-over.
pub struct HandOver<'a> {
    of: Of<'a>,
    is_stopping: &'a (dyn Fn() -> bool + Sync),
    /// Its content may be on its way.
    content: AtomicBool,
    /// Why we ended it before that, if we did.
    stop: OnceLock<Stop>,
}

impl<'a> HandOver<'a> {
    /// `is_stopping` says whether the gateway stops.
    pub fn new(of: Of<'a>, is_stopping: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { of, is_stopping, content: AtomicBool::default(), stop: OnceLock::new() }
    }

    /// Hands the mail over. `steps` go to disk, one after the other, before the first octet of its content.
    pub async fn deliver<const N: usize>(
        &self,
        relay: &Relay,
        mail: &Outgoing,
        steps: impl Fn(UnixMillis) -> [Step; N],
    ) -> Outcome {
        self.live("connecting");
        let handing = relay.deliver(mail, async || self.content_starts(&steps).await);
        tokio::select! {
            biased; // what is known is better than what is not
            outcome = handing => outcome,
            outcome = self.stopped() => outcome,
        }
    }

    /// Ends it before its content; the first reason counts.
    pub fn ends(&self, why: Stop) {
        self.stop.get_or_init(|| why);
    }

    /// Why it was ended before its content, if it was.
    pub fn stop(&self) -> Option<Stop> {
        self.stop.get().copied()
    }

    /// Writes the result down.
    ///
    /// # Errors
    /// The store did not take it: the attempt is left open for the next start to settle.
    pub async fn settle(&self, settlement: &Settlement) -> Result<(), QueueError> {
        let Of { queue, board, attempt, job, line, .. } = self.of;
        journal::settled(job, attempt, line, settlement);
        let first = queue.settle(attempt, settlement.clone()).await;
        let stored = result::stored(queue, job, attempt, settlement, first).await;
        crash::here(Point::MailSettled);
        board.clear(job);
        stored
    }

    /// Ends when the gateway stops or the client wants it no more: at once without content, otherwise when it was waited
    /// for long enough.
    async fn stopped(&self) -> Outcome {
        loop {
            match (self.content.load(Ordering::Acquire), self.why_stop()) {
                (true, Some(Stop::ShuttingDown)) => break,
                (false, Some(stop)) => {
                    self.ends(stop);
                    return Outcome::Stopped;
                }
                (true | false, _) => sleep(LOOK_EVERY).await,
            }
        }
        sleep(CONTENT_AT_STOP).await;
        Outcome::Unknown { trouble: Trouble::Late(CONTENT_AT_STOP) }
    }

    fn why_stop(&self) -> Option<Stop> {
        if (self.is_stopping)() {
            Some(Stop::ShuttingDown)
        } else {
            self.of.queue.stop_wanted(self.of.attempt).then_some(Stop::Cancelled)
        }
    }

    /// Goes on only if every step is on disk.
    async fn content_starts<const N: usize>(&self, steps: &impl Fn(UnixMillis) -> [Step; N]) -> Go {
        let stop = match self.why_stop() {
            Some(stop) => Err(stop),
            None => {
                // From here on a stop does not cut in: a step may be on its way to the disk.
                self.content.store(true, Ordering::Release);
                crash::here(Point::DotAsked);
                self.step(steps(self.of.clock.now())).await
            }
        };
        match stop {
            Ok(()) => {
                crash::here(Point::DotCommitted);
                self.live("content");
                Go::On
            }
            Err(stop) => {
                self.ends(stop);
                Go::Stop
            }
        }
    }

    async fn step<const N: usize>(&self, steps: [Step; N]) -> Result<(), Stop> {
        let Of { queue, attempt, job, line, .. } = self.of;
        for step in steps {
            match timeout(STORE_WAIT, queue.step(attempt, step)).await {
                Ok(Ok(())) => {}
                Ok(Err(QueueError::NotAllowed { .. })) if queue.stop_wanted(attempt) => {
                    return Err(Stop::Cancelled);
                }
                Ok(Err(QueueError::Held)) => return Err(Stop::Held),
                Ok(Err(error)) => {
                    tracing::error!(%job, line, %error, "mail.step.not_stored");
                    return Err(Stop::NotStored);
                }
                Err(_late) => {
                    tracing::error!(%job, line, "mail.step.late");
                    return Err(Stop::NotStored);
                }
            }
        }
        Ok(())
    }

    fn live(&self, phase: &'static str) {
        let live = Live { line: self.of.line.to_owned(), phase, percent: None };
        self.of.board.set(self.of.job, live);
    }
}

/// Why no mail goes now, in the relay's words, and what to do about it.
pub fn fault_of(code: &'static str, outcome: &Outcome) -> LineFault {
    let what = match outcome {
        Outcome::Accepted { reply, .. } | Outcome::Refused { reply, .. } => {
            format!("the mail relay says {} {}", reply.code, masked(&reply.text))
        }
        Outcome::NotHanded { trouble, .. } | Outcome::Unknown { trouble } => {
            masked(&trouble.to_string())
        }
        Outcome::Stopped => String::from("nothing was sent"),
    };
    let what_to_do = endings::find(code).map_or("", |meaning| meaning.next);
    LineFault { code, message: format!("{what}: {what_to_do}") }
}
