//! One notice by mail: its letter written and handed to the relay.
//!
//! In: a claim. Out: its settled result. A claim makes at most one mail.
//! Not here: the hand-over (`hand_over.rs`), the text (`render/letter.rs`), the meaning of an ending
//! (`settle/mailing.rs`).

use std::sync::Arc;

use mail::TokenKey;
use mail::smtp::{Outcome, Outgoing, Relay};
use tokio::sync::watch;

use super::hand_over::{HandOver, Of};
use crate::app::clock::Clock;
use crate::app::crash::{self, Point};
use crate::job::ProgressBoard;
use crate::queue::{MailClaim, Queue, QueueError, Step};
use crate::render::{LetterOf, Letters};
use crate::schedule::windows::Windows;
use crate::settle::mailing::{self, Ended};
use crate::settle::{Settlement, Stop};

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
    let of = Of {
        queue: desk.queue.as_ref(),
        clock: desk.clock.as_ref(),
        board: &desk.board,
        attempt: claim.attempt,
        job: claim.id,
        line: &claim.lane,
    };
    let is_stopping = || *stopping.borrow();
    let hand_over = HandOver::new(of, &is_stopping);
    let outcome = match letter(desk, claim) {
        Ok(mail) => hand_over.deliver(relay, &mail, |now| [Step::DotSent { now }]).await,
        Err(stop) => {
            hand_over.ends(stop);
            Outcome::Stopped
        }
    };
    crash::here(Point::MailReplied);
    let ended = Ended::of(&outcome, hand_over.stop());
    let settlement = mailing::settle(ended, claim.standing, desk.clock.now(), &desk.windows);
    hand_over.settle(&settlement).await?;
    Ok(Handed { outcome, settlement })
}

fn letter(desk: &MailDesk, claim: &MailClaim) -> Result<Outgoing, Stop> {
    let MailClaim { id, notice, language, sender, office_name, to, token, .. } = claim;
    let letter =
        LetterOf { id: *id, notice, language: *language, sender, office_name, to, token: *token };
    desk.letters.write(&letter, &desk.key, desk.clock.now()).map_err(|error| {
        tracing::error!(job = %id, code = error.code(), %error, "mail.letter.failed");
        Stop::LetterFailed
    })
}
