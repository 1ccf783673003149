//! The thread of a line over a carrier that does what a test says.

use std::sync::Mutex;
use std::sync::atomic::AtomicU32;

use super::*;
use crate::app::clock::SystemClock;
use crate::job::examples::TUESDAY_10_00;
use crate::queue::contract::{accept, request};
use crate::queue::sqlite::{Sqlite, StoreKey};
use crate::queue::{Claim, HoldReason, LineAsk};
use crate::schedule::line_board::{TestRefused, TestRun};
use crate::send::LineFault;

/// Longest wait for anything; most things take a second.
const SOON: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Scripted {
    fault: Mutex<Option<LineFault>>,
    asked: AtomicU32,
    /// How often somebody looked whether the device is there.
    looks: AtomicU32,
    rings: AtomicU64,
    /// The telephone line gives no dial tone.
    is_dead: AtomicBool,
    /// The modem listens for it as long as this is locked.
    exchange: Mutex<()>,
    /// A test of this line waits in its last step as long as this is locked.
    gate: Mutex<()>,
}

struct FakeCarrier {
    name: String,
    script: Arc<Scripted>,
}

impl Carrier for FakeCarrier {
    fn name(&self) -> &str {
        &self.name
    }
    fn device(&self) -> DeviceMark {
        self.script.looks.fetch_add(1, Ordering::Relaxed);
        DeviceMark::Absent
    }
    fn ask(&self, _now: UnixMillis) -> LineAsk {
        LineAsk { line: self.name.clone(), secrets: true, watch: None }
    }
    fn make_ready(&mut self) -> Result<(), LineFault> {
        self.script.asked.fetch_add(1, Ordering::Relaxed);
        self.script.fault.lock().expect("a script").clone().map_or(Ok(()), Err)
    }
    fn dial_tone(&mut self) -> Result<(), LineFault> {
        drop(self.script.exchange.lock());
        let is_dead = self.script.is_dead.load(Ordering::Relaxed);
        if is_dead { Err(LineFault::no_dial_tone()) } else { Ok(()) }
    }
    fn modem(&self) -> Option<crate::send::ModemFacts> {
        None
    }
    fn is_ringing(&self) -> bool {
        false
    }
    fn rings(&self) -> u64 {
        self.script.rings.load(Ordering::Relaxed)
    }
    fn carry(&mut self, _claim: Claim) -> Result<Carried, QueueError> {
        Err(QueueError::Stopped) // nothing was accepted
    }
    fn test(&mut self, plan: Plan<'_>, watch: &dyn Watch) {
        let ended = |name, outcome| watch.ended(Step { name, took_ms: 0, outcome });
        let found = match self.dial_tone() {
            Ok(()) => Outcome::Passed("heard".into()),
            Err(LineFault { code, message }) => Outcome::Failed { code, what_to_do: message },
        };
        ended(StepName::DialTone, found);
        let loop_call = match plan.loop_call {
            Ok(peer) if (peer.look)().is_none() => Outcome::Skipped("nobody looks".into()),
            Ok(peer) => match watch.may_dial(&peer.number) {
                Ok(()) => Outcome::Passed(peer.name),
                Err(why) => Outcome::Skipped(why),
            },
            Err(why) => Outcome::Skipped(why),
        };
        ended(StepName::LoopCall, loop_call);
        drop(self.script.gate.lock());
        let last = if plan.page { StepName::TestPage } else { StepName::TestCall };
        ended(last, Outcome::Skipped("no number".into()));
    }
}

struct House {
    boards: Arc<[LineBoard]>,
    scripts: Vec<Arc<Scripted>>,
    queue: Arc<dyn Queue>,
    bell: Arc<Bell>,
    handles: Vec<LineHandle>,
    _folder: tempfile::TempDir,
}

impl House {
    fn with_lines(numbers: &[Option<&str>]) -> Self {
        Self::with_daily_test(numbers, None, Arc::new(SystemClock))
    }

    fn with_daily_test(
        numbers: &[Option<&str>],
        self_test: Option<Time>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let now = clock.now();
        let store = Sqlite::open(
            &folder.path().join("queue.db"),
            &StoreKey::new([1; 32]),
            Windows::Always,
            now,
        );
        let board = |(place, number): (usize, &Option<&str>)| {
            let number = number.map(|number| FaxNumber::parse(number).expect("a number"));
            LineBoard::new(format!("line{place}"), "/dev/none".into(), number, now)
        };
        let boards: Arc<[LineBoard]> = numbers.iter().enumerate().map(board).collect();
        let common = Common {
            queue: Arc::new(store.expect("a store").0),
            clock,
            windows: Windows::Always,
            bell: Arc::default(),
            alarm: Alarm::default(),
            boards: Arc::clone(&boards),
            test_calls: Arc::default(),
            daily_turns: Arc::default(),
            self_test,
        };
        let mut scripts = Vec::new();
        let mut handles = Vec::new();
        for (place, board) in boards.iter().enumerate() {
            let script = Arc::<Scripted>::default();
            let carrier = FakeCarrier { name: format!("line{place}"), script: Arc::clone(&script) };
            let handle = start(Box::new(carrier), board.clone(), None, common.clone());
            handles.push(handle.expect("a thread"));
            scripts.push(script);
        }
        let queue = common.queue;
        Self { boards, scripts, queue, bell: common.bell, handles, _folder: folder }
    }

    fn until(&self, what: &str, seen: impl Fn(&Self) -> bool) {
        let tick = Duration::from_millis(5);
        for _ in 0..SOON.as_millis() / tick.as_millis() {
            if seen(self) {
                return;
            }
            std::thread::sleep(tick); // the board has no call that waits for a change
        }
        panic!("waited in vain: {what}, {:?}", self.boards);
    }

    fn await_state(&self, place: usize, name: &str) {
        self.until(name, |house| house.boards[place].state().as_str() == name);
    }

    fn test(&self, place: usize) -> TestRun {
        self.test_as(place, Wanted::ByPerson)
    }

    fn test_as(&self, place: usize, wanted: Wanted) -> TestRun {
        let number = self.boards[place].want_test(wanted).expect("no test is on");
        self.bell.ring();
        let ended = |house: &Self| {
            let test = house.boards[place].status().last_test;
            test.filter(|test| test.number == number && test.ended.is_some())
        };
        self.until("the test", |house| ended(house).is_some());
        ended(self).expect("it ended")
    }

    /// The telephone line is found dead.
    fn dies(&self, place: usize) {
        self.scripts[place].is_dead.store(true, Ordering::Relaxed);
        assert_eq!(self.test(place).passed(), Some(false));
        self.await_state(place, "faulty");
    }

    /// Somebody looks after the line: it is asked at once.
    fn lift(&self, place: usize) {
        self.boards[place].want_lift();
        self.bell.ring();
    }

    fn await_fault(&self, place: usize, code: &'static str) {
        let last = |house: &Self| house.boards[place].status().last_fault;
        self.until(code, |house| last(house).is_some_and(|(_, fault)| fault.code == code));
    }

    fn breaks(&self, place: usize, code: &'static str) {
        let fault = LineFault { code, message: "switch it off and on".into() };
        *self.scripts[place].fault.lock().expect("a script") = Some(fault);
    }

    fn mended(&self, place: usize) {
        *self.scripts[place].fault.lock().expect("a script") = None;
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.bell.stop();
        self.handles.iter_mut().for_each(LineHandle::join);
    }
}

#[test]
fn tested_line_rings_another_one_that_is_idle_and_leaves_it_free_again() {
    let house = House::with_lines(&[None, Some("03-1234-5678")]);
    house.await_state(0, "ready");
    house.await_state(1, "ready");
    let test = house.test(0);
    assert_eq!(test.steps[1].outcome, Outcome::Passed("line1".into()));
    assert_eq!(test.passed(), Some(true));
    assert!(!house.boards[1].is_held());

    house.breaks(1, "modem-silent");
    house.await_state(1, "faulty");
    let test = house.test(0);
    assert!(matches!(test.steps[1].outcome, Outcome::Skipped(_)), "{test:?}");
}

#[test]
fn while_everything_is_held_back_a_test_rings_no_other_line() {
    let house = House::with_lines(&[None, Some("03-1234-5678")]);
    house.await_state(0, "ready");
    house.await_state(1, "ready");
    assert_eq!(house.queue.hold_all(HoldReason::Restored, None, TUESDAY_10_00).wait(), Ok(true));
    for wanted in [Wanted::Daily, Wanted::ByPerson] {
        let test = house.test_as(0, wanted);
        assert_eq!(test.steps[0].outcome, Outcome::Passed("heard".into()));
        let held = "everything is held back: `shirase release` first";
        assert_eq!(test.steps[1].outcome, Outcome::Skipped(held.into()), "{wanted:?}");
    }
    assert!(house.queue.release_all().wait().is_ok());
    assert_eq!(house.test(0).steps[1].outcome, Outcome::Passed("line1".into()));
}

#[test]
fn dead_telephone_line_takes_no_work_until_the_exchange_is_heard() {
    let house = House::with_lines(&[None]);
    house.await_state(0, "ready");
    let script = &house.scripts[0];
    script.is_dead.store(true, Ordering::Relaxed);
    assert_eq!(house.test(0).passed(), Some(false));
    house.await_state(0, "faulty");
    // The modem answers: that is no dial tone.
    let asked = script.asked.load(Ordering::Relaxed);
    house.boards[0].want_lift();
    house.bell.ring();
    house.until("it was asked", |house| house.scripts[0].asked.load(Ordering::Relaxed) > asked + 1);
    let (_, fault) = house.boards[0].status().last_fault.expect("it is dead");
    assert_eq!((house.boards[0].state().is_usable(), fault.code), (false, "no-dial-tone"));
    script.is_dead.store(false, Ordering::Relaxed);
    house.boards[0].want_lift();
    house.bell.ring();
    house.await_state(0, "ready");
}

#[test]
fn watchdog_rests_while_the_modem_of_a_dead_line_listens_for_the_exchange() {
    let house = House::with_lines(&[None]);
    house.await_state(0, "ready");
    house.dies(0);
    let exchange = house.scripts[0].exchange.lock().expect("an exchange");
    house.lift(0);
    house.until("it listens", |house| house.handles[0].moves().is_none());
    assert_eq!(house.boards[0].state().as_str(), "faulty", "a state that has to move else");
    drop(exchange);
    house.until("it moves", |house| house.handles[0].moves().is_some());
}

#[test]
fn dead_telephone_line_stays_dead_over_a_modem_that_is_unplugged_and_plugged_in() {
    let house = House::with_lines(&[None]);
    house.await_state(0, "ready");
    house.dies(0);
    house.breaks(0, "modem-gone");
    house.lift(0);
    house.await_fault(0, "modem-gone");
    house.mended(0);
    house.lift(0);
    house.await_fault(0, "no-dial-tone");
    assert_eq!(house.boards[0].state().as_str(), "faulty", "the modem's answer is no dial tone");
    house.scripts[0].is_dead.store(false, Ordering::Relaxed);
    house.lift(0);
    house.await_state(0, "ready");
}

#[test]
fn daily_tests_go_on_after_one_that_panicked() {
    let turns = Arc::new(Mutex::new(()));
    let spoilt = Arc::clone(&turns);
    let panicked = std::thread::spawn(move || {
        let _turn = spoilt.lock();
        panic!("in its turn");
    });
    assert!(panicked.join().is_err() && turns.is_poisoned());
    let turn = turn_of(&turns);
    assert!(turn.is_some() && turn_of(&turns).is_none(), "one at a time all the same");
}

#[test]
fn test_that_called_nobody_leaves_a_quarantine_as_it_is() {
    let house = House::with_lines(&[None]);
    house.await_state(0, "ready");
    house.breaks(0, "modem-silent");
    house.await_state(0, "quarantined");
    house.mended(0);
    assert_eq!(house.test(0).passed(), Some(true));
    house.await_state(0, "quarantined");
}

#[test]
fn page_goes_out_in_a_test_only_if_a_person_wanted_one() {
    let house = House::with_lines(&[None]);
    house.await_state(0, "ready");
    let last = |wanted| house.test_as(0, wanted).steps.last().map(|step| step.name);
    assert_eq!(last(Wanted::ByPerson), Some(StepName::TestCall));
    assert_eq!(last(Wanted::PageByPerson), Some(StepName::TestPage));
    assert_eq!(last(Wanted::Daily), Some(StepName::TestCall));
}

#[test]
fn line_is_free_for_work_as_soon_as_it_has_been_rung() {
    let house = House::with_lines(&[None, Some("03-1234-5678")]);
    house.await_state(0, "ready");
    house.await_state(1, "ready");
    let gate = house.scripts[0].gate.lock().expect("a gate");
    house.boards[0].want_test(Wanted::ByPerson).expect("no test is on");
    house.bell.ring();
    house.until("the loop call", |house| {
        house.boards[0].status().last_test.is_some_and(|test| test.steps.len() == 2)
    });
    assert!(!house.boards[1].is_held());
    drop(gate);
}

/// Goes on as a test says.
struct Hand(Mutex<UnixMillis>);

impl Clock for Hand {
    fn now(&self) -> UnixMillis {
        *self.0.lock().expect("a clock")
    }
}

#[test]
fn while_one_line_makes_its_daily_test_the_other_takes_work() {
    let clock = Arc::new(Hand(Mutex::new(TUESDAY_10_00)));
    let one_past_ten = Some(jiff::civil::time(10, 1, 0, 0));
    let house = House::with_daily_test(&[None, None], one_past_ten, Arc::clone(&clock) as _);
    house.await_state(0, "ready");
    house.await_state(1, "ready");
    let gates: Vec<_> = house.scripts.iter().map(|script| script.gate.lock()).collect();
    *clock.0.lock().expect("a clock") = TUESDAY_10_00.after(Duration::from_secs(120));
    let states = |house: &House| {
        let mut states: Vec<_> = house.boards.iter().map(|board| board.state()).collect();
        states.sort_by_key(LineState::as_str);
        states.iter().map(LineState::as_str).collect::<Vec<_>>()
    };
    house.until("a daily test", |house| states(house).contains(&"testing"));
    accept(house.queue.as_ref(), request("a", |_| {}));
    house.bell.ring();
    // The carrier gives up at its first claim.
    house.until("a claim", |house| states(house) == ["stopped", "testing"]);
    drop(gates);
}

#[test]
fn line_that_is_unplugged_waits_without_work_for_its_owner_and_is_back_at_once() {
    let house = House::with_lines(&[None]);
    house.await_state(0, "ready");
    house.breaks(0, "modem-gone");
    house.await_state(0, "faulty");
    let asked = house.scripts[0].asked.load(Ordering::Relaxed);
    // Notifications that come in meanwhile wake nobody here.
    for _ in 0..1000 {
        house.bell.ring();
    }
    house.mended(0);
    house.await_state(0, "ready");
    let asked = house.scripts[0].asked.load(Ordering::Relaxed) - asked;
    assert!(asked <= 3, "asked {asked} times");
}

#[test]
fn line_that_is_unplugged_sleeps_between_two_looks_however_often_it_rings() {
    let house = House::with_lines(&[None]);
    house.await_state(0, "ready");
    house.breaks(0, "modem-gone");
    house.await_state(0, "faulty");
    let looks = |house: &House| house.scripts[0].looks.load(Ordering::Relaxed);
    let (before, began) = (looks(&house), SystemClock.now());
    house.until("seven looks", |house| {
        house.bell.ring();
        looks(house) >= before + 7
    });
    // One a second, and one more each time the device is asked for. A busy machine only takes longer.
    let took = SystemClock.now().0 - began.0;
    assert!(took >= 3000, "{took} ms");
}

#[test]
fn quarantine_is_lifted_by_a_person_without_waiting_for_the_pause() {
    let house = House::with_lines(&[None]);
    house.await_state(0, "ready");
    house.breaks(0, "modem-silent");
    house.await_state(0, "quarantined");
    house.mended(0);
    house.boards[0].want_lift();
    house.bell.ring();
    house.await_state(0, "ready");
    let (_, fault) = house.boards[0].status().last_fault.expect("it is remembered");
    assert_eq!(fault.code, "modem-silent");
}

#[test]
fn stopped_line_takes_no_test() {
    let house = House::with_lines(&[None]);
    house.await_state(0, "ready");
    house.bell.stop();
    house.await_state(0, "stopped");
    assert_eq!(house.boards[0].want_test(Wanted::ByPerson), Err(TestRefused::Stopped));
}
