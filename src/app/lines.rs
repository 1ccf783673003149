//! The running lines, as the rest of the program sees them: started, woken, watched, stopped.
//!
//! In: the settings of each line. Out: one thread per line, and what `/readyz` and the watchdog ask.
//! Not here: what a line does (`schedule/lines.rs`), how it calls (`send`).

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::exit::{Exit, Failure};
use super::settings::Line;
use super::systemd::Heartbeats;
use crate::hook::LineBoard;
use crate::queue::Alarm;
use crate::schedule::lines::{self, Bell, LineHandle, LineState};
use crate::send::fax::{Desk, FaxCarrier, FaxSettings};

/// Every line of this gateway.
pub struct Lines {
    bell: Arc<Bell>,
    desk: Arc<Desk>,
    handles: Mutex<Vec<LineHandle>>,
}

impl Lines {
    /// Starts a thread per line; a modem that is not there is waited for by its line.
    ///
    /// # Errors
    /// [`Failure`] if the system gives no thread.
    pub fn start(
        settings: &[Line],
        desk: Arc<Desk>,
        hearts: &Heartbeats,
        alarm: &Alarm,
    ) -> Result<Arc<Self>, Failure> {
        let bell = Arc::<Bell>::default();
        let mut handles = Vec::new();
        for line in settings {
            let carrier = FaxCarrier::new(Arc::clone(&desk), fax_settings(line));
            let handle = lines::start(
                Box::new(carrier),
                Arc::clone(&desk.queue),
                Arc::clone(&desk.clock),
                desk.windows.clone(),
                Arc::clone(&bell),
                alarm.clone(),
            )
            .map_err(|error| {
                Failure::new(Exit::Internal, format!("line `{}`: {error}", line.name))
            })?;
            handles.push(handle);
        }
        let started = Arc::new(Self { bell, desk, handles: Mutex::new(handles) });
        for (place, line) in settings.iter().enumerate() {
            let watched = Arc::clone(&started);
            hearts.watch(format!("line {}", line.name), move || watched.turns(place));
        }
        Ok(started)
    }

    /// No new call. A call without page data ends, one with page data is waited for: nobody could say
    /// later what was printed.
    pub fn stop(&self) {
        self.desk.stopping.store(true, Ordering::Release);
        self.bell.stop();
        // Taken out first, so that nobody who asks meanwhile waits for a call to end.
        let handles = std::mem::take(&mut *self.lock());
        for mut handle in handles {
            handle.join();
        }
    }

    /// What the watchdog counts. During a call it rests: the driver limits how long that is.
    fn turns(&self, place: usize) -> Option<u64> {
        let handles = self.lock();
        let handle = handles.get(place)?;
        match handle.state() {
            LineState::Starting | LineState::Ready | LineState::Faulty(_) => Some(handle.moves()),
            LineState::Calling | LineState::Stopped => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<LineHandle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LineBoard for Lines {
    fn wake(&self) {
        self.bell.ring();
    }

    fn is_any_ready(&self) -> bool {
        self.lock().iter().any(|handle| match handle.state() {
            LineState::Ready | LineState::Calling => true,
            LineState::Starting | LineState::Faulty(_) | LineState::Stopped => false,
        })
    }
}

fn fax_settings(line: &Line) -> FaxSettings {
    FaxSettings {
        line: line.modem(),
        tsi: line.tsi.clone(),
        ecm: line.ecm,
        fastest: line.fastest(),
    }
}
