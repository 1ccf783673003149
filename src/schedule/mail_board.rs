//! What is known of the mail channel, for those who look at it.
//!
//! In: what the lanes do and find. Out: a [`MailStatus`] at any time. It is in memory: at a start the relay is looked at
//! anew, and the journal has what was before.
//! Not here: what became of each mail (`queue`), the mailbox for receipts (`send/receipt_box.rs`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::civil::Date;

use crate::job::UnixMillis;
use crate::schedule::horizon::{self, Carrying, Pace};
use crate::send::LineFault;

/// What the relay is at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RelayState {
    /// Not looked at yet.
    Starting,
    /// It takes mails.
    Ready,
    /// It does not: no mail goes until it is looked at again.
    Faulty(LineFault),
    Stopped,
}

impl RelayState {
    /// Stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Faulty(_) => "faulty",
            Self::Stopped => "stopped",
        }
    }
}

/// All that is known of the channel.
#[derive(Clone, Debug)]
pub struct MailStatus {
    /// Host and port.
    pub relay: String,
    pub state: RelayState,
    pub since: UnixMillis,
    /// Also one that is over.
    pub last_fault: Option<(UnixMillis, LineFault)>,
    /// Mails that may be on their way to it at a time.
    pub lanes: u16,
    /// Mails that are.
    pub under_way: u16,
    /// Handed over since midnight in Japan, or since the start.
    pub handed_today: u32,
    /// Domains that put mails off, and until when they rest.
    pub resting: Vec<(String, UnixMillis)>,
    /// How long a mail holds a lane.
    pub pace: Pace,
    day: Option<Date>,
}

/// The board. Clones share it.
#[derive(Clone, Debug)]
pub struct MailBoard(Arc<Mutex<MailStatus>>);

impl MailBoard {
    pub fn new(relay: String, lanes: u16, now: UnixMillis) -> Self {
        Self(Arc::new(Mutex::new(MailStatus {
            relay,
            state: RelayState::Starting,
            since: now,
            last_fault: None,
            lanes,
            under_way: 0,
            handed_today: 0,
            resting: Vec::new(),
            pace: horizon::MAIL,
            day: None,
        })))
    }

    /// What is known now.
    pub fn status(&self, now: UnixMillis) -> MailStatus {
        let mut status = self.lock();
        status.begin_day(now);
        status.clone()
    }

    pub(super) fn show(&self, state: RelayState, now: UnixMillis) {
        let mut status = self.lock();
        if let RelayState::Faulty(fault) = &state {
            status.last_fault = Some((now, fault.clone()));
        }
        if status.state != state {
            (status.state, status.since) = (state, now);
        }
    }

    pub(super) fn mails(&self, under_way: u16, resting: Vec<(String, UnixMillis)>) {
        let mut status = self.lock();
        (status.under_way, status.resting) = (under_way, resting);
    }

    /// A mail was carried, whatever came of it, and held its lane so long.
    pub(super) fn carried_for(&self, took: Duration) {
        self.lock().pace.took(took);
    }

    /// The lanes, for whoever asks how long mails take.
    pub fn carrying(&self) -> Vec<Carrying> {
        let status = self.lock();
        let is_usable = match &status.state {
            RelayState::Starting | RelayState::Ready => true,
            RelayState::Faulty(_) | RelayState::Stopped => false,
        };
        vec![Carrying { pace: status.pace, is_usable }; status.lanes.into()]
    }

    pub(super) fn handed(&self, now: UnixMillis) {
        let mut status = self.lock();
        status.begin_day(now);
        status.handed_today = status.handed_today.saturating_add(1);
    }

    fn lock(&self) -> MutexGuard<'_, MailStatus> {
        // Nothing here can break half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MailStatus {
    fn begin_day(&mut self, now: UnixMillis) {
        let today = now.in_japan().map(|at| at.date());
        if self.day != today {
            (self.day, self.handed_today) = (today, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_482_000_000); // 2026-11-24 10:00 in Japan

    fn board() -> MailBoard {
        MailBoard::new("relay.example.jp:587".into(), 4, NOW)
    }

    #[test]
    fn mails_of_today_are_counted_until_midnight_in_japan() {
        let board = board();
        board.handed(NOW);
        board.handed(NOW);
        let hours = |hours: u64| NOW.after(Duration::from_secs(3600 * hours));
        assert_eq!(board.status(hours(13)).handed_today, 2);
        assert_eq!(board.status(hours(14)).handed_today, 0);
        board.handed(hours(14));
        assert_eq!(board.status(hours(15)).handed_today, 1);
    }

    #[test]
    fn state_that_stays_keeps_its_time_and_a_fault_is_remembered_when_it_is_over() {
        let board = board();
        let fault = LineFault { code: "smtp-connect", message: "cannot connect".into() };
        board.show(RelayState::Faulty(fault.clone()), NOW);
        board.show(RelayState::Faulty(fault.clone()), UnixMillis(NOW.0 + 1));
        assert_eq!(board.status(NOW).since, NOW);
        board.show(RelayState::Ready, UnixMillis(NOW.0 + 2));
        let status = board.status(NOW);
        assert_eq!((status.state, status.since), (RelayState::Ready, UnixMillis(NOW.0 + 2)));
        assert_eq!(status.last_fault, Some((UnixMillis(NOW.0 + 1), fault)));
    }
}
