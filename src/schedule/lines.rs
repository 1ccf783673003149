//! One thread per line: get ready, take the next due claim, carry it, and again.
//!
//! In: the queue, a [`Carrier`], calling hours, wishes of people. Out: settled attempts, and what is known of
//! each line on its [`LineBoard`]. A line with a fault takes no claims and is asked again; other lines go on.
//! Not here: which job is next (`queue`), how a call goes (`send`), when a line is healthy
//! (`line_health.rs`), when a test is due (`self_test.rs`).

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use jiff::civil::Time;
use modem::CallReport;
use tokio::sync::Notify;

use crate::app::clock::Clock;
use crate::app::crash::{self, Point};
use crate::job::{FaxNumber, UnixMillis};
use crate::queue::{Alarm, Queue, QueueError};
use crate::schedule::line_board::{Hold, LineBoard, LineState, Wanted};
use crate::schedule::line_health::{Health, Input, Notice};
use crate::schedule::self_test::{Daily, TestCalls};
use crate::schedule::windows::Windows;
use crate::send::line_test::{Loop, Outcome, Plan, Step, StepName, Watch};
use crate::send::trace::{self, Over};
use crate::send::{Carried, Carrier, DeviceMark, LineFault};
use crate::settle::{Outcome as CallOutcome, Seen, verdict};

/// Longest sleep of an idle line: bounds how late a job that became due by time alone is taken, and how
/// late a modem that was unplugged meanwhile is missed.
const IDLE_TICK: Duration = Duration::from_secs(1);
/// Between two tries of a store that failed.
const STORE_TICK: Duration = Duration::from_secs(5);
/// Longest wait for an idle line to look whether it rings: it does each second.
const PEER_LOOK: Duration = Duration::from_secs(5);
/// A faulty line looks so often whether somebody plugged something or wants something.
const LOOK_TICK: Duration = Duration::from_secs(1);

/// What wakes idle lines: a job was accepted, somebody wants something of a line, or the appliance stops.
#[derive(Default)]
pub struct Bell {
    stopping: AtomicBool,
    rung: Mutex<u64>,
    heard: Condvar,
    /// For the one loop of the mail lanes.
    woken: Notify,
}

impl Bell {
    /// Something may be due now.
    pub fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.heard.notify_all();
        self.woken.notify_one();
    }

    /// Waits for the next ring; one that came since the last time counts. For one task only.
    pub(super) async fn heard(&self) {
        self.woken.notified().await;
    }

    /// No new call; lines end after the one they carry.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.ring();
    }

    pub(super) fn is_stopping(&self) -> bool {
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

    /// Sleeps `longest`, however often it rings, unless `awake` says otherwise.
    fn wait_for(&self, longest: Duration, awake: impl Fn() -> bool) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let asleep = |_: &mut u64| !self.is_stopping() && !awake();
        drop(self.heard.wait_timeout_while(rung, longest, asleep));
    }
}

/// One running line.
pub struct LineHandle {
    pub board: LineBoard,
    moves: Arc<Moves>,
    thread: Option<JoinHandle<()>>,
}

impl LineHandle {
    /// Rises whenever the line's loop moves; during a call or a test it rests. `None` while the line listens
    /// for the exchange: on a line without a dial tone the modem alone may take most of a minute over that.
    pub fn moves(&self) -> Option<u64> {
        let listens = self.moves.listens.load(Ordering::Acquire);
        (!listens).then(|| self.moves.count.load(Ordering::Relaxed))
    }

    /// Waits for the thread; call [`Bell::stop`] first.
    pub fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the watchdog sees of a line's loop.
#[derive(Default)]
struct Moves {
    count: AtomicU64,
    /// It waits for the modem to hear the exchange, as long as the driver lets it.
    listens: AtomicBool,
}

/// The watchdog rests as long as this lives: not longer, also if the thread panics.
struct Listens<'a>(&'a AtomicBool);

impl<'a> Listens<'a> {
    fn begin(listens: &'a AtomicBool) -> Self {
        listens.store(true, Ordering::Release);
        Self(listens)
    }
}

impl Drop for Listens<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// What all lines share.
#[derive(Clone)]
pub struct Common {
    pub queue: Arc<dyn Queue>,
    pub clock: Arc<dyn Clock>,
    pub windows: Windows,
    pub bell: Arc<Bell>,
    pub alarm: Alarm,
    /// Every line, to ring one another in tests.
    pub boards: Arc<[LineBoard]>,
    pub test_calls: Arc<TestCalls>,
    /// Whose turn the daily test is.
    pub daily_turns: Arc<Mutex<()>>,
    /// When each line is tested, in Japan.
    pub self_test: Option<Time>,
}

/// Starts the thread of a line.
///
/// # Errors
/// The OS gives no thread.
pub fn start(
    mut carrier: Box<dyn Carrier>,
    board: LineBoard,
    test_number: Option<FaxNumber>,
    common: Common,
) -> std::io::Result<LineHandle> {
    let moves = Arc::<Moves>::default();
    let daily = Daily::new(common.self_test, common.clock.now());
    let mut line = LineThread {
        name: carrier.name().to_owned(),
        board: board.clone(),
        test_number,
        common,
        moves: Arc::clone(&moves),
        health: Health::AwaitFirstAnswer,
        is_dead: false,
        daily,
    };
    let thread = Builder::new()
        .name(format!("line-{}", line.name))
        .spawn(move || line.run(carrier.as_mut()))?;
    Ok(LineHandle { board, moves, thread: Some(thread) })
}

struct LineThread {
    name: String,
    board: LineBoard,
    test_number: Option<FaxNumber>,
    common: Common,
    moves: Arc<Moves>,
    health: Health,
    /// The telephone line was dead, whatever became of the modem since: no work until it is heard.
    is_dead: bool,
    daily: Daily,
}

impl LineThread {
    fn run(&mut self, carrier: &mut dyn Carrier) {
        while !self.common.bell.is_stopping() {
            self.beat();
            let seen = self.common.bell.count();
            let turn = self.turn(carrier);
            self.beat(); // a dead modem alone can take 20 s
            match turn {
                Turn::Again => {}
                Turn::Rest(longest) => self.common.bell.wait(seen, longest),
                Turn::Mend => self.rest_until_mended(carrier),
                Turn::End => break,
            }
        }
        self.show(LineState::Stopped);
        tracing::info!(line = self.name, "line.stopped");
    }

    fn turn(&mut self, carrier: &mut dyn Carrier) -> Turn {
        if self.board.take_lift() {
            tracing::info!(line = self.name, "line.lifted");
            self.health(Input::Lift);
        }
        self.health(match self.ask(carrier) {
            Ok(()) => {
                // First of all: another line may ring this one and wait for it.
                self.board.looked(carrier.rings());
                Input::Answered
            }
            Err(fault) => Input::Failed(fault),
        });
        if let Some(wanted) = self.board.take_test(self.common.clock.now()) {
            self.test(carrier, wanted);
            return Turn::Again;
        }
        if !self.health.takes_work() {
            return Turn::Mend;
        }
        self.board.found(carrier.modem());
        if carrier.is_ringing() {
            self.show(LineState::Ringing);
            return Turn::Rest(IDLE_TICK);
        }
        self.show(LineState::Ready);
        if self.board.is_held() {
            return Turn::Rest(IDLE_TICK);
        }
        if self.common.clock.doubt().is_some() {
            return Turn::Rest(IDLE_TICK);
        }
        let now = self.common.clock.now();
        // One line after the other: a line that is tested cannot be rung. The others go on with their work.
        let turns = Arc::clone(&self.common.daily_turns);
        if self.daily.is_due(now)
            && let Some(_turn) = turn_of(&turns)
            && self.board.begin_test(Wanted::Daily, now)
        {
            self.daily.done(now);
            self.test(carrier, Wanted::Daily);
            return Turn::Again;
        }
        if !self.common.windows.is_open(now) {
            return Turn::Rest(IDLE_TICK);
        }
        match self.common.queue.claim(now, carrier.ask(now)).wait() {
            Ok(None) => Turn::Rest(IDLE_TICK),
            Ok(Some(claim)) => {
                crash::here(Point::ClaimCommitted);
                self.show(LineState::Calling);
                let job = claim.id;
                match carrier.carry(claim) {
                    Ok(carried) => {
                        self.board.carried_for(self.common.clock.now().since(now));
                        self.carried(carried);
                        Turn::Again
                    }
                    Err(error) => {
                        // What the line did is not written down: only a new start can tell the truth.
                        tracing::error!(%error, %job, "line.result.not_stored");
                        self.common.alarm.raise();
                        Turn::End
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, "line.store.failed");
                match error {
                    QueueError::Stopped | QueueError::Ambiguous => {
                        self.common.alarm.raise();
                        Turn::End
                    }
                    QueueError::Full
                    | QueueError::InUse
                    | QueueError::NotAllowed { .. }
                    | QueueError::Held
                    | QueueError::Failing { .. }
                    | QueueError::Broken { .. } => Turn::Rest(STORE_TICK),
                }
            }
        }
    }

    /// Whether the line can be used. A modem that answers proves nothing about a telephone line that was
    /// dead: the exchange must be heard.
    fn ask(&self, carrier: &mut dyn Carrier) -> Result<(), LineFault> {
        carrier.make_ready()?;
        if !self.is_dead {
            return Ok(());
        }
        self.beat();
        let _listens = Listens::begin(&self.moves.listens);
        carrier.dial_tone()
    }

    fn carried(&mut self, Carried { code, fault, connected }: Carried) {
        self.board.call_ended(code, connected, self.common.clock.now());
        self.health(match fault {
            Some(fault) => Input::Failed(fault),
            None => Input::CallWentWell,
        });
    }

    /// The health's next state, shown and told.
    fn health(&mut self, input: Input) {
        if let Input::Failed(fault) = &input {
            self.board.failed(fault.clone(), self.common.clock.now());
            self.is_dead |= fault.is_of_the_line();
        }
        let before = std::mem::replace(&mut self.health, Health::AwaitFirstAnswer);
        let (health, notice) = before.step(input);
        self.health = health;
        // Of a dead line only a dial tone counts as an answer, or else a call went well.
        self.is_dead &= !self.health.takes_work();
        let line = &self.name;
        match (notice, self.health.fault()) {
            (Notice::Ready, _) => tracing::info!(line, "line.ready"),
            (Notice::Faulty, Some(fault)) => {
                tracing::error!(line, code = fault.code, fault = %fault.message, "line.faulty");
            }
            (Notice::Quarantined, Some(fault)) => {
                tracing::error!(line, code = fault.code, fault = %fault.message, "line.quarantined");
            }
            (Notice::Nothing, _) | (Notice::Faulty | Notice::Quarantined, None) => {}
        }
        match self.health.fault().cloned() {
            Some(fault) if self.health.is_quarantined() => self.show(LineState::Quarantined(fault)),
            Some(fault) => self.show(LineState::Faulty(fault)),
            None => {}
        }
    }

    /// Waits for the time of the next try, or for somebody who does something about the line.
    fn rest_until_mended(&mut self, carrier: &dyn Carrier) {
        let before = carrier.device();
        let mut rested = Duration::ZERO;
        while rested < self.health.pause() {
            self.beat();
            self.common.bell.wait_for(LOOK_TICK, || self.board.has_wishes());
            rested += LOOK_TICK;
            if self.common.bell.is_stopping() || self.board.has_wishes() {
                return;
            }
            let device = carrier.device();
            if device != DeviceMark::Absent && device != before {
                self.health(Input::DeviceChanged);
                return;
            }
        }
    }

    /// Makes the test that has begun.
    fn test(&mut self, carrier: &mut dyn Carrier, wanted: Wanted) {
        let common = &self.common;
        let (peer, hold) = self.peer().unzip();
        let watch =
            TestWatch { board: &self.board, common, peer: peer.clone(), hold: Cell::new(hold) };
        let rings = || peer.as_ref().map_or(0, |(board, _)| board.rings());
        let look = || {
            common.bell.ring();
            peer.as_ref().and_then(|(board, _)| board.rings_by_now(PEER_LOOK))
        };
        let now = common.clock.now();
        let loop_call = match &peer {
            Some((board, number)) => {
                common.test_calls.may_ring(number, wanted, &common.windows, now).map_or_else(
                    |not_now| Err(not_now.to_string()),
                    |()| {
                        let (name, number) = (board.status().name, number.clone());
                        Ok(Loop { name, number, rings: &rings, look: &look })
                    },
                )
            }
            None => Err(String::from("no other line with its `number` in the settings is idle")),
        };
        let test_call = match &self.test_number {
            Some(number) => TestCalls::may_call(&common.windows, now)
                .map(|()| number.clone())
                .map_err(|not_now| not_now.to_string()),
            None => Err(String::from("the settings of this line have no `test_number`")),
        };
        let page = match wanted {
            Wanted::PageByPerson => true,
            Wanted::ByPerson | Wanted::Daily => false,
        };
        carrier.test(Plan { loop_call, test_call, page }, &watch);
        drop(watch);
        self.test_ended();
    }

    fn test_ended(&mut self) {
        let Some(test) = self.board.test_ended(self.common.clock.now()) else { return };
        let (line, wanted) = (&self.name, test.wanted.as_str());
        let failed = test.steps.iter().find_map(|step| match &step.outcome {
            Outcome::Failed { code, what_to_do } => Some((step.name, *code, what_to_do)),
            Outcome::Passed(_) | Outcome::Skipped(_) => None,
        });
        match failed {
            Some((step, code, what_to_do)) => {
                tracing::error!(line, wanted, %step, code, what_to_do, "line.test.failed");
                let is_of_line = match step {
                    StepName::Modem | StepName::DialTone | StepName::Relay => true,
                    StepName::Country
                    | StepName::Service
                    | StepName::LoopCall
                    | StepName::TestCall
                    | StepName::TestPage => false,
                };
                // What is known already is no second strike.
                let is_known = self.health.fault().is_some_and(|fault| fault.code == code);
                if is_of_line && !is_known {
                    self.health(Input::Failed(LineFault { code, message: what_to_do.clone() }));
                }
            }
            None => {
                let passed = test.steps.iter().filter(|step| is_passed(step));
                let called = passed.clone().any(|step| match step.name {
                    StepName::LoopCall | StepName::TestCall | StepName::TestPage => true,
                    StepName::Modem
                    | StepName::Country
                    | StepName::DialTone
                    | StepName::Relay
                    | StepName::Service => false,
                });
                let (passed, of) = (passed.count(), test.steps.len());
                tracing::info!(line, wanted, passed, of, "line.test.passed");
                // Answers alone are no proof that a call works.
                if called {
                    self.health(Input::CallWentWell);
                }
            }
        }
    }

    /// Another line that can be rung, held free for it.
    fn peer(&self) -> Option<((LineBoard, FaxNumber), Hold)> {
        self.common.boards.iter().find_map(|board| {
            let status = board.status();
            let number = status.number.filter(|_| status.name != self.name)?;
            Some(((board.clone(), number), board.hold()?))
        })
    }

    fn beat(&self) {
        self.moves.count.fetch_add(1, Ordering::Relaxed);
    }

    fn show(&self, new: LineState) {
        self.board.show(new, self.common.clock.now());
    }
}

/// The turn to test, if nobody has it. Nothing is kept in it that a panic of its holder could spoil.
fn turn_of(turns: &Mutex<()>) -> Option<MutexGuard<'_, ()>> {
    match turns.try_lock() {
        Ok(turn) => Some(turn),
        Err(TryLockError::Poisoned(spoilt)) => Some(spoilt.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

fn is_passed(step: &Step) -> bool {
    match step.outcome {
        Outcome::Passed(_) => true,
        Outcome::Skipped(_) | Outcome::Failed { .. } => false,
    }
}

/// Whether the line that was to ring did; `None` if that is not known.
fn has_rung(loop_call: &Outcome) -> Option<bool> {
    match loop_call {
        Outcome::Passed(_) => Some(true),
        Outcome::Failed { code: "loop-silent" | "loop-answered", .. } => Some(false),
        Outcome::Failed { .. } | Outcome::Skipped(_) => None,
    }
}

/// A test as it is shown on the board.
struct TestWatch<'a> {
    board: &'a LineBoard,
    common: &'a Common,
    /// The line that is to be rung.
    peer: Option<(LineBoard, FaxNumber)>,
    /// Keeps it free of work until it has been rung.
    hold: Cell<Option<Hold>>,
}

impl Watch for TestWatch<'_> {
    fn now(&self) -> UnixMillis {
        self.common.clock.now()
    }

    fn starts(&self, step: StepName) {
        self.board.step_starts(step, self.now());
    }

    fn ended(&self, step: Step) {
        match step.name {
            StepName::LoopCall => {
                if let (Some((_, number)), Some(it_rang)) = (&self.peer, has_rung(&step.outcome)) {
                    self.common.test_calls.rang(number, it_rang);
                }
                drop(self.hold.take());
            }
            StepName::Modem
            | StepName::Country
            | StepName::DialTone
            | StepName::TestCall
            | StepName::TestPage
            | StepName::Relay
            | StepName::Service => {}
        }
        self.board.step_ended(step);
    }

    fn may_dial(&self, number: &FaxNumber) -> Result<(), String> {
        let (queue, now) = (&self.common.queue, self.now());
        let notified = queue.dialled(number.clone(), now).wait();
        let notified = notified.map_err(|error| error.to_string())?;
        self.common.test_calls.dial(number, notified, now).map_err(|not_now| not_now.to_string())
    }

    fn answered(&self, number: &FaxNumber) {
        self.common.test_calls.answered(number);
    }

    fn called(&self, number: &FaxNumber, began_at: UnixMillis, report: &CallReport) {
        let code = verdict::of(&CallOutcome::of(report, &Seen::default())).code;
        let line = self.board.status().name;
        let call = Over { attempt: None, line, number, began_at, code };
        trace::keep(self.common.queue.as_ref(), call, report);
    }

    fn stopping(&self) -> bool {
        self.common.bell.is_stopping()
    }
}

enum Turn {
    Again,
    Rest(Duration),
    /// The line takes no work until it has answered.
    Mend,
    End,
}

#[cfg(test)]
mod tests;
