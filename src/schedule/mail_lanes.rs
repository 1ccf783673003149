//! The lanes of the mail channel: so many mails at a time, each handed to the relay by a task of its own.
//!
//! In: the queue, the relay, the bell that a new notification rings. Out: settled attempts, and what is known of the relay
//! on its [`MailBoard`]. One loop takes the claims, one after the other, so that no domain gets more than its share; a free
//! lane carries each. A relay that failed is looked at, with the files of its password and certificates read anew, before
//! the next mail goes. What waited too long is given over to FAX.
//! Mails go at any hour: they wake nobody. That nobody reads them at night is counted by `settle`.
//! Not here: which mail is next (`queue`), how one goes (`send/mail.rs`), when the relay or a domain rests
//! (`mail_traffic.rs`).

use std::sync::Arc;
use std::time::Duration;

use mail::smtp::{Outcome, Relay};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::app::crash::{self, Point};
use crate::app::systemd::Pulse;
use crate::job::UnixMillis;
use crate::queue::{Alarm, MailAsk, MailClaim, QueueError};
use crate::schedule::lines::Bell;
use crate::schedule::mail_board::{MailBoard, RelayState};
use crate::schedule::mail_traffic::{Notice, Said, Traffic, Turn};
use crate::send::mail::{self as sender, Handed, MailDesk};
use crate::send::{LineFault, hand_over};
use crate::settle::Watch;
use crate::settle::mailing::{Ended, Fault, Overdue};

/// Longest sleep of an idle loop: bounds how late a mail that became due by time alone is taken.
const IDLE_TICK: Duration = Duration::from_secs(1);
/// Between two tries of a store that failed.
const STORE_TICK: Duration = Duration::from_secs(5);
/// Between two looks at what has waited too long.
const OVERDUE_TICK: Duration = Duration::from_secs(60);

/// Opens the way to the relay, with password and certificates as their files have them now; blocks while it reads. A
/// file that the service manager hands over is a copy of its start.
pub type Opens = Arc<dyn Fn() -> Result<Relay, LineFault> + Send + Sync>;

/// What the lanes are made of.
pub struct Lanes {
    pub desk: Arc<MailDesk>,
    pub opens: Opens,
    pub lanes: u16,
    pub per_domain: u16,
    /// Calling hours after which a mail that nobody followed goes by FAX.
    pub fax_after: Option<Duration>,
    pub bell: Arc<Bell>,
    pub alarm: Alarm,
    pub board: MailBoard,
    pub pulse: Pulse,
}

/// The running lanes.
pub struct LanesHandle(JoinHandle<()>);

impl LanesHandle {
    /// Waits until the last mail is settled; call [`Bell::stop`] first.
    pub async fn join(self) {
        if let Err(error) = self.0.await {
            tracing::error!(%error, "mail.lanes.died");
        }
    }
}

impl Lanes {
    /// Starts the loop on a runtime.
    pub fn start(self, runtime: &Handle) -> LanesHandle {
        LanesHandle(runtime.spawn(Loop::new(self).run()))
    }
}

struct Loop {
    common: Lanes,
    traffic: Traffic,
    /// There after the first look that was answered.
    relay: Option<Arc<Relay>>,
    /// Lanes that carry nothing, the next one last.
    free: Vec<String>,
    tasks: JoinSet<Ending>,
    stops: watch::Sender<bool>,
    overdue_seen: UnixMillis,
}

/// What a task says when it ends.
enum Ending {
    Looked(Result<Relay, LineFault>),
    Carried { lane: String, domain: String, began: UnixMillis, handed: Result<Handed, QueueError> },
}

/// How the loop goes on.
enum Flow {
    Again,
    Wait(Duration),
    /// What is on disk is not known any more.
    End,
}

impl Loop {
    fn new(common: Lanes) -> Self {
        let now = common.desk.clock.now();
        Self {
            free: (1..=common.lanes).rev().map(|nth| format!("mail-{nth}")).collect(),
            traffic: Traffic::new(common.per_domain),
            common,
            relay: None,
            tasks: JoinSet::new(),
            stops: watch::channel(false).0,
            // The relay takes what it can before anything is given up.
            overdue_seen: now,
        }
    }

    async fn run(mut self) {
        loop {
            self.common.pulse.beat();
            if self.common.bell.is_stopping() {
                self.finish().await;
                break;
            }
            let flow = match self.turn().await {
                Flow::Wait(longest) => self.wait(longest).await,
                decided @ (Flow::Again | Flow::End) => decided,
            };
            match flow {
                Flow::Again | Flow::Wait(_) => {}
                Flow::End => {
                    self.common.alarm.raise();
                    break;
                }
            }
        }
        self.common.board.show(RelayState::Stopped, self.now());
        tracing::info!("mail.stopped");
    }

    async fn turn(&mut self) -> Flow {
        let now = self.now();
        self.show(now);
        if self.common.desk.clock.doubt().is_some() {
            return Flow::Wait(IDLE_TICK);
        }
        if self.is_overdue_due(now) {
            self.overdue_seen = now;
            return self.give_up(now).await;
        }
        match (self.traffic.turn(now), self.relay.clone(), self.free.pop()) {
            (Turn::Claim, Some(relay), Some(lane)) => self.claim(relay, lane, now).await,
            (Turn::Look, _, lane) => {
                self.free.extend(lane);
                self.look();
                Flow::Again
            }
            (Turn::Claim | Turn::Wait, _, lane) => {
                self.free.extend(lane);
                Flow::Wait(IDLE_TICK)
            }
        }
    }

    /// Opens the way to the relay and looks whether it answers, in a task of its own.
    fn look(&mut self) {
        self.traffic.look_begins();
        let opens = Arc::clone(&self.common.opens);
        let mut stopping = self.stops.subscribe();
        self.tasks.spawn(async move {
            let looked = async {
                let opened = tokio::task::spawn_blocking(move || opens()).await;
                let relay = opened.unwrap_or_else(|error| Err(stopped(&error.to_string())))?;
                relay.make_ready().await.map_err(|outcome| fault_of(&outcome))?;
                Ok(relay)
            };
            tokio::select! {
                looked = looked => Ending::Looked(looked),
                _ = stopping.wait_for(|stops| *stops) => Ending::Looked(Err(stopped("stopping"))),
            }
        });
    }

    async fn claim(&mut self, relay: Arc<Relay>, lane: String, now: UnixMillis) -> Flow {
        let held = self.traffic.held(now).into_iter().map(|(domain, _)| domain).collect();
        let watch = Watch::for_mail(now, self.common.fax_after, &self.common.desk.windows);
        let ask = MailAsk { lane: lane.clone(), held, watch };
        match self.common.desk.queue.claim_mail(now, ask).await {
            Ok(Some(claim)) => {
                crash::here(Point::MailClaimCommitted);
                self.carry(relay, lane, claim);
                Flow::Again
            }
            Ok(None) => {
                self.free.push(lane);
                Flow::Wait(IDLE_TICK)
            }
            Err(error) => {
                self.free.push(lane);
                store_failed(&error)
            }
        }
    }

    fn carry(&mut self, relay: Arc<Relay>, lane: String, claim: MailClaim) {
        let domain = claim.to.domain().to_owned();
        self.traffic.mail_begins(&domain);
        let (desk, stopping) = (Arc::clone(&self.common.desk), self.stops.subscribe());
        let began = self.now();
        self.tasks.spawn(async move {
            let handed = sender::carry(&desk, &relay, &claim, stopping).await;
            Ending::Carried { lane, domain, began, handed }
        });
    }

    /// Until something ends, something may be due, or so long.
    async fn wait(&mut self, longest: Duration) -> Flow {
        let bell = Arc::clone(&self.common.bell);
        tokio::select! {
            Some(ended) = self.tasks.join_next() => self.ended(ended),
            () = bell.heard() => Flow::Again,
            () = sleep(longest) => Flow::Again,
        }
    }

    fn ended(&mut self, ended: Result<Ending, JoinError>) -> Flow {
        let now = self.now();
        let notice = match ended {
            Ok(Ending::Looked(looked)) => {
                let answered = looked.map(|relay| self.relay = Some(Arc::new(relay)));
                self.traffic.look_ended(answered, now)
            }
            Ok(Ending::Carried { lane, domain, began, handed: Ok(handed) }) => {
                self.free.push(lane);
                self.common.board.carried_for(now.since(began));
                if let Outcome::Accepted { .. } = handed.outcome {
                    self.common.board.handed(now);
                }
                self.traffic.mail_ended(&domain, said(&handed.outcome), now)
            }
            Ok(Ending::Carried { lane, handed: Err(error), .. }) => {
                // What the relay did is not written down: only a new start can tell the truth.
                tracing::error!(lane, %error, "mail.result.not_stored");
                return Flow::End;
            }
            Err(error) => {
                tracing::error!(%error, "mail.lane.died");
                return Flow::End;
            }
        };
        self.tell(notice, now);
        Flow::Again
    }

    fn tell(&self, notice: Notice, now: UnixMillis) {
        let relay = self.common.board.status(now).relay;
        match notice {
            Notice::Nothing => {}
            Notice::Ready => {
                tracing::info!(relay, "mail.relay.ready");
                self.common.board.show(RelayState::Ready, now);
            }
            Notice::Faulty(fault) => {
                let LineFault { code, message } = &fault;
                tracing::error!(relay, code, fault = %message, "mail.relay.faulty");
                self.common.board.show(RelayState::Faulty(fault), now);
            }
        }
    }

    /// Mails that could not be handed over in time go by FAX: those that have waited for as long as one that was may stay
    /// unread, and those that end soon.
    async fn give_up(&mut self, now: UnixMillis) -> Flow {
        let is_faulty = match self.common.board.status(now).state {
            RelayState::Faulty(_) => true,
            RelayState::Starting | RelayState::Ready | RelayState::Stopped => false,
        };
        let windows = &self.common.desk.windows;
        let overdue = Overdue::at(now, self.common.fax_after, is_faulty, windows);
        match self.common.desk.queue.give_up_mails(now, overdue).await {
            Ok(0) => {}
            Ok(notifications) => tracing::warn!(notifications, "mail.given_to_fax"),
            Err(error) => return store_failed(&error),
        }
        Flow::Again
    }

    fn is_overdue_due(&self, now: UnixMillis) -> bool {
        now < self.overdue_seen || now >= self.overdue_seen.after(OVERDUE_TICK)
    }

    /// No new mail. One without content ends, one with content is waited for: nobody could say later who has it.
    async fn finish(&mut self) {
        self.stops.send_replace(true);
        loop {
            self.common.pulse.beat();
            tokio::select! {
                ended = self.tasks.join_next() => match ended {
                    Some(Ok(Ending::Carried { handed: Err(error), lane, .. })) => {
                        tracing::error!(lane, %error, "mail.result.not_stored");
                        self.common.alarm.raise();
                    }
                    Some(Err(error)) => tracing::error!(%error, "mail.lane.died"),
                    Some(Ok(Ending::Carried { handed: Ok(_), .. } | Ending::Looked(_))) => {}
                    None => break,
                },
                () = sleep(IDLE_TICK) => {}
            }
        }
        if let Some(relay) = self.relay.take() {
            // It is only polite.
            let _late = timeout(IDLE_TICK, relay.close_idle()).await;
        }
    }

    fn show(&mut self, now: UnixMillis) {
        let held = self.traffic.held(now);
        let resting = held.into_iter().filter_map(|(domain, ends)| Some((domain, ends?))).collect();
        let idle = u16::try_from(self.free.len()).unwrap_or(u16::MAX);
        self.common.board.mails(self.common.lanes.saturating_sub(idle), resting);
    }

    fn now(&self) -> UnixMillis {
        self.common.desk.clock.now()
    }
}

/// As lines take it.
fn store_failed(error: &QueueError) -> Flow {
    tracing::error!(%error, "mail.store.failed");
    match error {
        QueueError::Stopped | QueueError::Ambiguous => Flow::End,
        QueueError::Full
        | QueueError::InUse
        | QueueError::NotAllowed { .. }
        | QueueError::Held
        | QueueError::Failing { .. }
        | QueueError::Broken { .. } => Flow::Wait(STORE_TICK),
    }
}

/// What an end says of the relay and of the domain.
fn said(outcome: &Outcome) -> Said {
    match (Ended::of(outcome, None).fault(), outcome) {
        (Fault::Relay, _) => Said::RelayFault(fault_of(outcome)),
        (Fault::Domain, _) => Said::PutOff,
        (Fault::Either, _) => Said::BrokeOff(fault_of(outcome)),
        (Fault::None, Outcome::Accepted { .. }) => Said::Taken,
        (Fault::None, Outcome::Stopped) => Said::Nothing,
        (
            Fault::None,
            Outcome::Refused { .. } | Outcome::NotHanded { .. } | Outcome::Unknown { .. },
        ) => Said::Refused,
    }
}

fn fault_of(outcome: &Outcome) -> LineFault {
    hand_over::fault_of(Ended::of(outcome, None).code(), outcome)
}

fn stopped(why: &str) -> LineFault {
    LineFault { code: "mail-stopped", message: why.to_owned() }
}

#[cfg(test)]
mod tests;
