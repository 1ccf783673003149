//! One mail: written, handed to the relay, and what the relay said is written down.
//!
//! In: a claim. Out: the step before its content, on disk before the first octet of it; the settled result.
//! A claim makes at most one mail. Once its content has begun it is waited for, also when the gateway stops; if that
//! takes too long nobody can say whether the relay has it, and so it is written down.
//! Source: the order of writes is the attempt's state machine, `job/state.rs`; RFC 5321 6.1 (from when on the mail is
//! the relay's).
//! Not here: SMTP (`drivers/mail`), the text (`render/letter.rs`), the meaning of an ending (`settle/mailing.rs`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mail::TokenKey;
use mail::smtp::{Go, Outcome, Outgoing, Relay, Trouble};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::journal;
use crate::app::clock::Clock;
use crate::job::{Live, ProgressBoard};
use crate::queue::{MailClaim, Queue, QueueError, Step};
use crate::render::{LetterOf, Letters};
use crate::schedule::windows::Windows;
use crate::settle::mailing::{self, Ended};
use crate::settle::{Settlement, Stop};

/// Longest wait for the step before the content: the relay waits minutes for it (RFC 5321 4.5.3.2.5), a COMMIT takes
/// about 0.1 s when it is slow.
const STORE_WAIT: Duration = Duration::from_secs(5);

/// A full disk is tried again this often, a second apart, before the result is given up.
const FULL_TRIES: u32 = 60;

/// Longest wait for a mail whose content has begun, when the gateway stops: the service manager waits 100 s.
const CONTENT_AT_STOP: Duration = Duration::from_secs(90);

/// What every lane shares.
pub struct MailDesk {
    pub queue: Arc<dyn Queue>,
    pub letters: Arc<Letters>,
    /// Makes the tokens by which reports name their mail.
    pub key: TokenKey,
    pub clock: Arc<dyn Clock>,
    pub board: ProgressBoard,
    pub windows: Windows,
}

/// What became of a claim.
#[derive(Clone, Debug)]
pub struct Handed {
    pub outcome: Outcome,
    pub settlement: Settlement,
}

/// Carries a claim to its end. The attempt is settled when it returns. `stopping` turns true when the gateway stops: a
/// mail without content ends then.
///
/// # Errors
/// The store did not take the result: the attempt is left open for the next start to settle.
pub async fn carry(
    desk: &MailDesk,
    relay: &Relay,
    claim: &MailClaim,
    stopping: watch::Receiver<bool>,
) -> Result<Handed, QueueError> {
    let (content, stop) = (AtomicBool::default(), OnceLock::new());
    let host = MailHost { desk, claim, stopping, content, stop };
    let outcome = match host.letter() {
        Some(mail) => host.deliver(relay, &mail).await,
        None => Outcome::Stopped,
    };
    let ended = Ended::of(&outcome, host.stop.get().copied());
    let settlement = mailing::settle(ended, claim.standing, desk.clock.now(), &desk.windows);
    journal::settled(claim.id, claim.attempt, &claim.lane, &settlement);
    let stored = host.stored(&settlement).await;
    desk.board.clear(claim.id);
    stored.map(|()| Handed { outcome, settlement })
}

/// The decisions of one mail.
struct MailHost<'a> {
    desk: &'a MailDesk,
    claim: &'a MailClaim,
    stopping: watch::Receiver<bool>,
    /// Its content may be on its way.
    content: AtomicBool,
    /// Why we ended it before that, if we did.
    stop: OnceLock<Stop>,
}

impl MailHost<'_> {
    fn letter(&self) -> Option<Outgoing> {
        let MailClaim { id, notice, language, sender, office_name, to, token, .. } = self.claim;
        let letter = LetterOf {
            id: *id,
            notice,
            language: *language,
            sender,
            office_name,
            to,
            token: *token,
        };
        let written = self.desk.letters.write(&letter, &self.desk.key, self.desk.clock.now());
        written
            .inspect_err(|error| {
                tracing::error!(job = %id, code = error.code(), %error, "mail.letter.failed");
                self.ends(Stop::LetterFailed);
            })
            .ok()
    }

    async fn deliver(&self, relay: &Relay, mail: &Outgoing) -> Outcome {
        self.live("connecting");
        let handing = relay.deliver(mail, async || self.content_starts().await);
        tokio::select! {
            biased; // what is known is better than what is not
            outcome = handing => outcome,
            outcome = self.stopped() => outcome,
        }
    }

    /// Ends when the gateway stops: at once without content, otherwise when it was waited for long enough.
    async fn stopped(&self) -> Outcome {
        let mut stopping = self.stopping.clone();
        if stopping.wait_for(|stops| *stops).await.is_err() {
            // Whoever could say so is gone, and the process with him.
            return std::future::pending().await;
        }
        if self.content.load(Ordering::Acquire) {
            sleep(CONTENT_AT_STOP).await;
            return Outcome::Unknown { trouble: Trouble::Late(CONTENT_AT_STOP) };
        }
        self.ends(Stop::ShuttingDown);
        Outcome::Stopped
    }

    /// Goes on only if the step is on disk.
    async fn content_starts(&self) -> Go {
        if *self.stopping.borrow() {
            return self.ends(Stop::ShuttingDown);
        }
        // From here on a stop does not cut in: the step may be on its way to the disk.
        self.content.store(true, Ordering::Release);
        let step = Step::DotSent { now: self.desk.clock.now() };
        let stored = timeout(STORE_WAIT, self.desk.queue.step(self.claim.attempt, step)).await;
        let job = self.claim.id;
        let stop = match stored {
            Ok(Ok(())) => {
                self.live("content");
                return Go::On;
            }
            Ok(Err(QueueError::NotAllowed { .. }))
                if self.desk.queue.stop_wanted(self.claim.attempt) =>
            {
                Stop::Cancelled
            }
            Ok(Err(error)) => {
                tracing::error!(%job, %error, "mail.step.not_stored");
                Stop::NotStored
            }
            Err(_late) => {
                tracing::error!(%job, "mail.step.late");
                Stop::NotStored
            }
        };
        self.ends(stop)
    }

    /// Ends it before its content; the first reason counts.
    fn ends(&self, why: Stop) -> Go {
        self.stop.get_or_init(|| why);
        Go::Stop
    }

    /// The store's last word on the result.
    async fn stored(&self, settlement: &Settlement) -> Result<(), QueueError> {
        let settle = || self.desk.queue.settle(self.claim.attempt, settlement.clone());
        let mut stored = settle().await;
        for _ in 0..FULL_TRIES {
            if stored != Err(QueueError::Full) {
                break;
            }
            tracing::error!(job = %self.claim.id, "mail.result.disk_full");
            sleep(Duration::from_secs(1)).await;
            stored = settle().await;
        }
        stored
    }

    fn live(&self, phase: &'static str) {
        let line = self.claim.lane.clone();
        self.desk.board.set(self.claim.id, Live { line, phase, percent: None });
    }
}
