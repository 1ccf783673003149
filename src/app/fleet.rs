//! The running lines, as the rest of the program sees them: started, woken, watched, stopped.
//!
//! In: the settings of each line. Out: one thread per line, and what the hook and the watchdog ask.
//! Not here: what a line does (`schedule/lines.rs`), how it calls (`send`).

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Time;

use super::exit::{Exit, Failure};
use super::settings::Line;
use super::systemd::Heartbeats;
use crate::hook::LineDesk;
use crate::queue::Alarm;
use crate::schedule::line_board::{LineBoard, LineState};
use crate::schedule::lines::{self, Bell, Common, LineHandle};
use crate::send::Carrier;
use crate::send::fax::{Desk, FaxCarrier, FaxSettings};
use crate::send::mail_to_fax::{MailToFaxCarrier, Service};

/// Every line of this gateway.
pub struct Fleet {
    bell: Arc<Bell>,
    desk: Arc<Desk>,
    boards: Arc<[LineBoard]>,
    handles: Mutex<Vec<LineHandle>>,
}

impl Fleet {
    /// Starts a thread per line; a modem that is not there is waited for by its line, and so is the relay by a line that
    /// is a service.
    ///
    /// # Errors
    /// [`Failure`] if the system gives no thread.
    pub fn start(
        settings: &[Line],
        services: Vec<Service>,
        self_test: Option<Time>,
        desk: Arc<Desk>,
        hearts: &Heartbeats,
        alarm: &Alarm,
    ) -> Result<Arc<Self>, Failure> {
        let now = desk.clock.now();
        let with_modem = settings.iter().map(|line| {
            let device = line.device.display().to_string();
            let board = LineBoard::new(line.name.clone(), device, line.number.clone(), now);
            let carrier = FaxCarrier::new(Arc::clone(&desk), fax_settings(line));
            (board, Box::new(carrier) as Box<dyn Carrier>, line.test_number.clone())
        });
        let by_mail = services.into_iter().map(|service| {
            let place = format!("mail-to-fax {}", service.provider.profile().name());
            let board = LineBoard::new(service.line.clone(), place, None, now);
            let carrier = MailToFaxCarrier::new(Arc::clone(&desk), service);
            (board, Box::new(carrier) as Box<dyn Carrier>, None)
        });
        let lines: Vec<_> = with_modem.chain(by_mail).collect();
        let boards: Arc<[LineBoard]> = lines.iter().map(|(board, ..)| board.clone()).collect();
        let common = Common {
            queue: Arc::clone(&desk.queue),
            clock: Arc::clone(&desk.clock),
            windows: desk.windows.clone(),
            bell: Arc::default(),
            alarm: alarm.clone(),
            boards: Arc::clone(&boards),
            test_calls: Arc::default(),
            daily_turns: Arc::default(),
            self_test,
        };
        let mut handles = Vec::new();
        for (board, carrier, test_number) in lines {
            let name = carrier.name().to_owned();
            let handle = lines::start(carrier, board, test_number, common.clone())
                .map_err(|error| Failure::new(Exit::Internal, format!("line `{name}`: {error}")))?;
            handles.push(handle);
        }
        let bell = common.bell;
        let started = Arc::new(Self { bell, desk, boards, handles: Mutex::new(handles) });
        for (place, board) in started.boards.iter().enumerate() {
            let watched = Arc::clone(&started);
            hearts.watch(format!("line {}", board.status().name), move || watched.turns(place));
        }
        Ok(started)
    }

    /// No new call, and no new mail of whoever hears the same bell. A call without page data ends, one with page data goes
    /// on: nobody could say later what was printed.
    pub fn begin_stop(&self) {
        self.desk.stopping.store(true, Ordering::Release);
        self.bell.stop();
    }

    /// Waits until the last call has ended; [`Self::begin_stop`] first.
    pub fn join(&self) {
        // Taken out first, so that nobody who asks meanwhile waits for a call to end.
        let handles = std::mem::take(&mut *self.lock());
        for mut handle in handles {
            handle.join();
        }
    }

    /// What wakes the lines; it also says when the gateway stops.
    pub fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    /// What the watchdog counts. During a call or a test it rests, and while a dead line is listened to: the
    /// driver limits how long that is.
    fn turns(&self, place: usize) -> Option<u64> {
        let handles = self.lock();
        let handle = handles.get(place)?;
        match handle.board.state() {
            LineState::Starting
            | LineState::Ready
            | LineState::Ringing
            | LineState::Faulty(_)
            | LineState::Quarantined(_) => handle.moves(),
            LineState::Calling | LineState::Testing | LineState::Stopped => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<LineHandle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LineDesk for Fleet {
    fn wake(&self) {
        self.bell.ring();
    }

    fn boards(&self) -> &[LineBoard] {
        &self.boards
    }
}

fn fax_settings(line: &Line) -> FaxSettings {
    FaxSettings { line: line.modem(), tsi: line.tsi.clone(), limits: line.limits() }
}
