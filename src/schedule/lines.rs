//! One thread per line: get ready, take the next due claim, carry it, and again.
//!
//! In: the queue, a [`Carrier`], calling hours. Out: settled attempts, and the state of each line for
//! `/readyz`. A line with a fault takes no claims and is tried again; other lines go on.
//! Not here: which job is next (`queue`), how a call goes (`send`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::app::clock::Clock;
use crate::queue::{Alarm, Queue, QueueError};
use crate::schedule::windows::Windows;
use crate::send::{Carrier, LineFault};

/// Longest sleep of an idle line: bounds how late a job that became due by time alone is taken.
const IDLE_TICK: Duration = Duration::from_secs(1);
/// Between two tries to get a faulty line ready.
const FAULT_TICK: Duration = Duration::from_secs(5);

/// What wakes idle lines: a job was accepted, or the appliance stops.
#[derive(Default)]
pub struct Bell {
    stopping: AtomicBool,
    rung: Mutex<u64>,
    heard: Condvar,
}

impl Bell {
    /// Something may be due now.
    pub fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.heard.notify_all();
    }

    /// No new call; lines end after the one they carry.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.ring();
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn count(&self) -> u64 {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until a ring after `seen`, or `longest`.
    fn wait(&self, seen: u64, longest: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.heard.wait_timeout_while(rung, longest, |rung| *rung == seen));
    }
}

/// What a technician sees of a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LineState {
    /// Not tried yet.
    Starting,
    /// On-hook, waiting for work.
    Ready,
    /// A call is on.
    Calling,
    Faulty(LineFault),
    Stopped,
}

/// One running line.
pub struct LineHandle {
    pub name: String,
    state: Arc<Mutex<LineState>>,
    moves: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl LineHandle {
    /// The line's state now.
    pub fn state(&self) -> LineState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Rises whenever the line's loop moves; during a call it rests.
    pub fn moves(&self) -> u64 {
        self.moves.load(Ordering::Relaxed)
    }

    /// Waits for the thread; call [`Bell::stop`] first.
    pub fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts the thread of a line.
///
/// # Errors
/// The OS gives no thread.
pub fn start(
    mut carrier: Box<dyn Carrier>,
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    windows: Windows,
    bell: Arc<Bell>,
    alarm: Alarm,
) -> std::io::Result<LineHandle> {
    let name = carrier.name().to_owned();
    let state = Arc::new(Mutex::new(LineState::Starting));
    let moves = Arc::new(AtomicU64::new(0));
    let line = Loop {
        queue,
        clock,
        windows,
        bell,
        alarm,
        state: Arc::clone(&state),
        moves: Arc::clone(&moves),
    };
    let thread =
        Builder::new().name(format!("line-{name}")).spawn(move || line.run(carrier.as_mut()))?;
    Ok(LineHandle { name, state, moves, thread: Some(thread) })
}

struct Loop {
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    windows: Windows,
    bell: Arc<Bell>,
    alarm: Alarm,
    state: Arc<Mutex<LineState>>,
    moves: Arc<AtomicU64>,
}

impl Loop {
    fn run(&self, carrier: &mut dyn Carrier) {
        while !self.bell.is_stopping() {
            self.moves.fetch_add(1, Ordering::Relaxed);
            let seen = self.bell.count();
            let turn = self.turn(carrier);
            self.moves.fetch_add(1, Ordering::Relaxed); // a dead modem alone can take 20 s
            match turn {
                Turn::Again => {}
                Turn::Rest(longest) => self.bell.wait(seen, longest),
                Turn::End => break,
            }
        }
        self.show(carrier, LineState::Stopped);
    }

    fn turn(&self, carrier: &mut dyn Carrier) -> Turn {
        if let Err(fault) = carrier.make_ready() {
            self.show(carrier, LineState::Faulty(fault));
            return Turn::Rest(FAULT_TICK);
        }
        self.show(carrier, LineState::Ready);
        let now = self.clock.now();
        if !self.windows.is_open(now) {
            return Turn::Rest(IDLE_TICK);
        }
        match self.queue.claim(now, carrier.name().to_owned()).wait() {
            Ok(None) => Turn::Rest(IDLE_TICK),
            Ok(Some(claim)) => {
                self.show(carrier, LineState::Calling);
                let job = claim.id;
                match carrier.carry(claim) {
                    Ok(()) => Turn::Again,
                    Err(error) => {
                        // What the line did is not written down: only a new start can tell the truth.
                        tracing::error!(%error, %job, "line.result.not_stored");
                        self.alarm.raise();
                        Turn::End
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, "line.store.failed");
                match error {
                    QueueError::Stopped | QueueError::Ambiguous => {
                        self.alarm.raise();
                        Turn::End
                    }
                    QueueError::Full
                    | QueueError::InUse
                    | QueueError::NotAllowed { .. }
                    | QueueError::Broken { .. } => Turn::Rest(FAULT_TICK),
                }
            }
        }
    }

    /// Shows a state, and logs it when it is new: a dead line says so once, not every five seconds.
    fn show(&self, carrier: &dyn Carrier, new: LineState) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state == new {
            return;
        }
        let line = carrier.name();
        match &new {
            LineState::Faulty(fault) => {
                tracing::error!(line, code = fault.code, fault = %fault.message, "line.faulty");
            }
            LineState::Ready if matches!(*state, LineState::Calling) => {}
            LineState::Ready => tracing::info!(line, "line.ready"),
            LineState::Stopped => tracing::info!(line, "line.stopped"),
            LineState::Starting | LineState::Calling => {}
        }
        *state = new;
    }
}

enum Turn {
    Again,
    Rest(Duration),
    End,
}
