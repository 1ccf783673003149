//! What is known of each line, for those who look at it, and what they want of it.
//!
//! In: what a line's thread does and finds. Out: a [`LineStatus`] at any time; wishes of people, taken up by
//! the thread between two calls.
//! It is in memory: at a start every modem is set up anew, and the journal has what was before.
//! Not here: what the thread does (`lines.rs`), when a line is healthy (`line_health.rs`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::job::names::stable_names;
use crate::job::{FaxNumber, UnixMillis};
use crate::schedule::horizon::{self, Carrying, Pace};
use crate::send::line_test::{Step, StepName};
use crate::send::{LineFault, ModemFacts};

/// What a line is at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LineState {
    /// Not tried yet.
    Starting,
    /// On-hook, waiting for work.
    Ready,
    /// A call is on.
    Calling,
    /// It is being tested.
    Testing,
    /// Somebody calls it. Nothing answers, and nothing is dialled meanwhile.
    Ringing,
    Faulty(LineFault),
    /// Faulty again and again: a person should look at it.
    Quarantined(LineFault),
    Stopped,
}

impl LineState {
    /// Stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Calling => "calling",
            Self::Testing => "testing",
            Self::Ringing => "ringing",
            Self::Faulty(_) => "faulty",
            Self::Quarantined(_) => "quarantined",
            Self::Stopped => "stopped",
        }
    }

    /// Every name.
    pub const NAMES: &'static [&'static str] =
        &["starting", "ready", "calling", "testing", "ringing", "faulty", "quarantined", "stopped"];

    /// It carries calls, if not at this moment.
    pub fn is_usable(&self) -> bool {
        match self {
            Self::Ready | Self::Calling | Self::Testing | Self::Ringing => true,
            Self::Starting | Self::Faulty(_) | Self::Quarantined(_) | Self::Stopped => false,
        }
    }
}

/// Who wanted a test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wanted {
    ByPerson,
    /// With a page to the test number. Nobody gets one without a person who looks at it.
    PageByPerson,
    Daily,
}

stable_names!(Wanted {
    ByPerson => "person",
    PageByPerson => "person-page",
    Daily => "daily",
});

/// A test that runs or ran.
#[derive(Clone, Debug)]
pub struct TestRun {
    /// Counted from 1 for each line since the start.
    pub number: u64,
    pub wanted: Wanted,
    pub started: UnixMillis,
    /// What is being done now, and since when.
    pub doing: Option<(StepName, UnixMillis)>,
    pub steps: Vec<Step>,
    pub ended: Option<UnixMillis>,
}

impl TestRun {
    /// Whether no step failed; `None` while it runs.
    pub fn passed(&self) -> Option<bool> {
        self.ended.map(|_| self.steps.iter().all(|step| !step.has_failed()))
    }
}

/// All that is known of a line.
#[derive(Clone, Debug)]
pub struct LineStatus {
    pub name: String,
    /// Where its modem is, or the service that it is instead.
    pub device: String,
    /// The line's own number.
    pub number: Option<FaxNumber>,
    /// As it was last found.
    pub modem: Option<ModemFacts>,
    pub state: LineState,
    pub since: UnixMillis,
    /// End and code of the last call.
    pub last_call: Option<(UnixMillis, &'static str)>,
    /// Calls since the start, by the code of their ending.
    pub endings: BTreeMap<&'static str, u64>,
    /// How long calls were answered since the start.
    pub connected: Duration,
    pub last_fault: Option<(UnixMillis, LineFault)>,
    pub last_test: Option<TestRun>,
    /// How long a sheet holds it.
    pub pace: Pace,
}

impl LineStatus {
    fn test_begins(&mut self, wanted: Wanted, now: UnixMillis) {
        let number = self.last_test.as_ref().map_or(0, |test| test.number) + 1;
        self.last_test = Some(TestRun {
            number,
            wanted,
            started: now,
            doing: None,
            steps: Vec::new(),
            ended: None,
        });
        (self.state, self.since) = (LineState::Testing, now);
    }
}

/// What people want of a line's thread.
#[derive(Debug, Default)]
struct Wishes {
    test: Option<Wanted>,
    lift: bool,
}

/// One line on the board. Clones share it.
#[derive(Clone, Debug)]
pub struct LineBoard(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    status: Mutex<LineStatus>,
    wishes: Mutex<Wishes>,
    looks: Mutex<Looks>,
    looked: Condvar,
    /// Tests of other lines that ring this one just now: it takes no work meanwhile. Raised under the lock
    /// of `status`.
    held: AtomicU64,
}

/// What the line's thread has heard of calls to it.
#[derive(Debug, Default)]
struct Looks {
    /// How often it has looked.
    count: u64,
    /// Of all modems that stood here.
    rings: u64,
    /// As the present modem counts them: from 0 each time it is opened.
    of_modem: u64,
}

/// Why a test is not begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TestRefused {
    AlreadyWanted,
    Stopped,
}

impl LineBoard {
    pub fn new(name: String, device: String, number: Option<FaxNumber>, now: UnixMillis) -> Self {
        let status = LineStatus {
            name,
            device,
            number,
            modem: None,
            state: LineState::Starting,
            since: now,
            last_call: None,
            endings: BTreeMap::new(),
            connected: Duration::ZERO,
            last_fault: None,
            last_test: None,
            pace: horizon::SHEET,
        };
        Self(Arc::new(Shared {
            status: Mutex::new(status),
            wishes: Mutex::default(),
            looks: Mutex::default(),
            looked: Condvar::new(),
            held: AtomicU64::new(0),
        }))
    }

    /// The line as it is now.
    pub fn status(&self) -> LineStatus {
        self.lock().clone()
    }

    pub fn state(&self) -> LineState {
        self.lock().state.clone()
    }

    /// Asks for a test; its number, by which its result is found.
    ///
    /// # Errors
    /// [`TestRefused`].
    pub fn want_test(&self, wanted: Wanted) -> Result<u64, TestRefused> {
        let status = self.lock();
        if status.state == LineState::Stopped {
            return Err(TestRefused::Stopped);
        }
        let runs = status.last_test.as_ref().is_some_and(|test| test.ended.is_none());
        let mut wishes = self.wishes();
        if runs || wishes.test.is_some() {
            return Err(TestRefused::AlreadyWanted);
        }
        wishes.test = Some(wanted);
        Ok(status.last_test.as_ref().map_or(0, |test| test.number) + 1)
    }

    /// Says that a person has mended the line.
    pub fn want_lift(&self) {
        self.wishes().lift = true;
    }

    /// Whether the thread has something to do for a person now.
    pub(super) fn has_wishes(&self) -> bool {
        let wishes = self.wishes();
        wishes.lift || (wishes.test.is_some() && !self.is_held())
    }

    pub(super) fn take_lift(&self) -> bool {
        std::mem::take(&mut self.wishes().lift)
    }

    /// Begins the test that is wanted, if any: from then on it runs. A line that another one rings does not
    /// test itself meanwhile.
    pub(super) fn take_test(&self, now: UnixMillis) -> Option<Wanted> {
        let mut status = self.lock();
        if self.is_held() {
            return None;
        }
        let wanted = self.wishes().test.take()?;
        status.test_begins(wanted, now);
        Some(wanted)
    }

    /// Begins a test that nobody asked for. False if the line is held, or one is wanted: that one goes first.
    pub(super) fn begin_test(&self, wanted: Wanted, now: UnixMillis) -> bool {
        let mut status = self.lock();
        if self.is_held() || self.wishes().test.is_some() {
            return false;
        }
        status.test_begins(wanted, now);
        true
    }

    /// Shows a state; whether it is another one.
    pub(crate) fn show(&self, new: LineState, now: UnixMillis) -> bool {
        let mut status = self.lock();
        if status.state == new {
            return false;
        }
        status.since = now;
        status.state = new;
        true
    }

    pub(crate) fn found(&self, modem: Option<ModemFacts>) {
        self.lock().modem = modem;
    }

    pub(crate) fn call_ended(&self, code: &'static str, connected: Duration, now: UnixMillis) {
        let mut status = self.lock();
        status.last_call = Some((now, code));
        *status.endings.entry(code).or_default() += 1;
        status.connected = status.connected.saturating_add(connected);
    }

    /// A claim was carried, whatever came of it, and held the line so long.
    pub(crate) fn carried_for(&self, took: Duration) {
        self.lock().pace.took(took);
    }

    /// What it carries with, for whoever asks how long that takes. A line that begins is one that will carry.
    pub fn carrying(&self) -> Carrying {
        let status = self.lock();
        let is_usable = status.state.is_usable() || status.state == LineState::Starting;
        Carrying { pace: status.pace, is_usable }
    }

    pub(crate) fn failed(&self, fault: LineFault, now: UnixMillis) {
        self.lock().last_fault = Some((now, fault));
    }

    pub(crate) fn step_starts(&self, step: StepName, now: UnixMillis) {
        if let Some(test) = &mut self.lock().last_test {
            test.doing = Some((step, now));
        }
    }

    pub(crate) fn step_ended(&self, step: Step) {
        if let Some(test) = &mut self.lock().last_test {
            test.doing = None;
            test.steps.push(step);
        }
    }

    pub(crate) fn test_ended(&self, now: UnixMillis) -> Option<TestRun> {
        let mut status = self.lock();
        let test = status.last_test.as_mut()?;
        (test.doing, test.ended) = (None, Some(now));
        Some(test.clone())
    }

    /// The thread has looked: its modem has counted so many rings since it was opened.
    pub(super) fn looked(&self, of_modem: u64) {
        let mut looks = self.looks();
        looks.rings += of_modem.checked_sub(looks.of_modem).unwrap_or(of_modem);
        looks.of_modem = of_modem;
        looks.count += 1;
        self.0.looked.notify_all();
    }

    /// How often the line has rung, as far as its thread has looked.
    pub fn rings(&self) -> u64 {
        self.looks().rings
    }

    /// How often the line has rung by now: waits for a look that begins after this call. `None` if its thread
    /// has not looked after `longest`.
    pub fn rings_by_now(&self, longest: Duration) -> Option<u64> {
        let looks = self.looks();
        // The next one may have begun before.
        let wanted = looks.count + 2;
        let (looks, waited) = self
            .0
            .looked
            .wait_timeout_while(looks, longest, |looks| looks.count < wanted)
            .unwrap_or_else(PoisonError::into_inner);
        (!waited.timed_out()).then_some(looks.rings)
    }

    /// Keeps an idle line free of work until the guard is dropped; `None` if it is not idle, or about to be
    /// tested. A call that it takes at this very moment goes on, and whoever rings it then hears that it is
    /// engaged.
    pub fn hold(&self) -> Option<Hold> {
        let status = self.lock();
        let is_idle = match status.state {
            LineState::Ready => self.wishes().test.is_none(),
            // Who rings it is not known: that is no answer to a call of ours.
            LineState::Ringing
            | LineState::Starting
            | LineState::Calling
            | LineState::Testing
            | LineState::Faulty(_)
            | LineState::Quarantined(_)
            | LineState::Stopped => false,
        };
        is_idle.then(|| {
            self.0.held.fetch_add(1, Ordering::AcqRel);
            Hold(self.clone())
        })
    }

    pub(super) fn is_held(&self) -> bool {
        self.0.held.load(Ordering::Acquire) > 0
    }

    fn lock(&self) -> MutexGuard<'_, LineStatus> {
        // Nothing here can break half-way.
        self.0.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be locked after the status, where both are.
    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.0.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.0.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line that takes no work while this lives.
pub struct Hold(LineBoard);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.0.held.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_482_000_000);

    fn board() -> LineBoard {
        LineBoard::new("line1".into(), "/dev/ttyACM0".into(), None, NOW)
    }

    #[test]
    fn second_test_is_refused_until_the_first_has_ended() {
        let board = board();
        assert_eq!(board.want_test(Wanted::ByPerson), Ok(1));
        assert_eq!(board.want_test(Wanted::ByPerson), Err(TestRefused::AlreadyWanted));
        assert!(!board.begin_test(Wanted::Daily, NOW), "1 is promised to the person");
        assert_eq!(board.take_test(NOW), Some(Wanted::ByPerson));
        assert_eq!(board.want_test(Wanted::ByPerson), Err(TestRefused::AlreadyWanted), "it runs");
        board.test_ended(NOW);
        assert!(board.begin_test(Wanted::Daily, NOW));
        board.test_ended(NOW);
        assert_eq!(board.want_test(Wanted::ByPerson), Ok(3));
    }

    #[test]
    fn line_that_is_rung_defers_its_own_test_and_one_about_to_be_tested_is_not_rung() {
        let board = board();
        board.show(LineState::Ready, NOW);
        let hold = board.hold();
        board.want_test(Wanted::ByPerson).expect("no test is on");
        assert!(!board.has_wishes(), "nothing to do now");
        assert_eq!(board.take_test(NOW), None);
        assert!(!board.begin_test(Wanted::Daily, NOW));
        drop(hold);
        assert!(board.hold().is_none() && board.has_wishes());
        assert_eq!(board.take_test(NOW), Some(Wanted::ByPerson));
        assert!(board.hold().is_none(), "it is tested");
    }

    #[test]
    fn rings_are_counted_over_a_modem_that_is_opened_anew() {
        let board = board();
        for of_modem in [0, 2, 2, 0, 1] {
            board.looked(of_modem);
        }
        assert_eq!(board.rings(), 3);
    }

    #[test]
    fn rings_by_now_are_those_of_a_look_that_began_later() {
        let board = board();
        assert_eq!(board.rings_by_now(Duration::ZERO), None, "nobody looks");
        let looking = board.clone();
        let thread = std::thread::spawn(move || looking.rings_by_now(Duration::from_secs(20)));
        while !thread.is_finished() {
            board.looked(board.rings() + 1);
        }
        assert!(thread.join().expect("it ends").is_some_and(|rings| rings >= 2));
    }

    #[test]
    fn only_an_idle_line_can_be_held_and_is_free_when_the_guard_goes() {
        let board = board();
        assert!(board.hold().is_none() && !board.is_held(), "not ready yet");
        board.show(LineState::Ringing, NOW);
        assert!(board.hold().is_none(), "a stranger's ring would prove that its number is ours");
        board.show(LineState::Ready, NOW);
        let hold = board.hold();
        assert!(hold.is_some() && board.is_held());
        drop(hold);
        assert!(!board.is_held());
    }

    #[test]
    fn state_that_stays_keeps_its_time() {
        let board = board();
        assert!(board.show(LineState::Ready, NOW));
        assert!(!board.show(LineState::Ready, UnixMillis(NOW.0 + 1)));
        assert_eq!(board.status().since, NOW);
    }
}
