//! Callers that keep to the rules: every request has a key of its own and is repeated until it is answered.
//!
//! In: a gateway that may be gone for seconds. Out: what they were told, in the logs of `tests/crash`, and a [`Told`].
//! Most of what they hand in is for later, so that lines of some sheets a minute can carry the rest; so much later that
//! they can carry all of it by then, or it would be refused.
//! Not here: whether what they were told is true (`verdict.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::chance::Chance;
use crate::house::{Answer, Caller, decision, document, first_contact};
use crate::wall;

/// Of one caller, at most, between two notifications.
const PACE: Duration = Duration::from_millis(1200);
const TRIES_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// Once all is over: it is up, or it will not be.
const LAST_TRIES: u32 = 200;
const DECIDES_EVERY: Duration = Duration::from_secs(2);
const LOOKS_EVERY: Duration = Duration::from_millis(500);
/// For what is on a line, or before one, when time is up.
const GRACE: Duration = Duration::from_secs(60);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// One of so many is asked for once more, though its answer is known.
const REPEATED: u64 = 7;
const WITHDRAWN: u64 = 12;

pub struct Honest {
    caller: Arc<Caller>,
    is_up: AtomicBool,
    offices: AtomicU64,
    told: Mutex<Told>,
}

/// What they did and heard.
#[derive(Default)]
pub struct Told {
    pub acknowledged: usize,
    pub repeated: usize,
    pub withdrawn: usize,
    pub decided: usize,
    /// By status and code.
    pub refused: BTreeMap<String, usize>,
    /// Of posts to a running gateway that it answered.
    pub took: Vec<Duration>,
    /// Acknowledged, not withdrawn, and to be sent at once.
    pub due: BTreeSet<String>,
}

/// What became of the ones that were to be sent at once.
#[derive(Default)]
pub struct Ends {
    /// By state. `waiting`: its next try is later.
    pub states: BTreeMap<String, usize>,
    /// They are due, and nothing came of them.
    pub overdue: Vec<String>,
}

/// What is handed in.
enum Wish {
    KeyNow,
    NoticeNow,
    NoticeByMail,
    KeyLater,
    NoticeLater,
}

impl Wish {
    fn by(chance: &mut Chance) -> Self {
        match chance.below(200) {
            0 => Self::KeyNow,
            1 => Self::NoticeNow,
            2 | 3 => Self::NoticeByMail,
            4..100 => Self::KeyLater,
            _most => Self::NoticeLater,
        }
    }
}

impl Honest {
    pub fn new(caller: Arc<Caller>) -> Self {
        let (is_up, offices) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { caller, is_up, offices, told: Mutex::default() }
    }

    /// How long an answer takes is counted only while it is.
    pub fn gateway_is_up(&self, is_up: bool) {
        self.is_up.store(is_up, Ordering::Release);
    }

    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of each kind that goes at once.
    pub fn hand_in_each(&self, chance: &mut Chance, over: &AtomicBool) {
        for wish in [Wish::KeyNow, Wish::NoticeByMail, Wish::NoticeNow] {
            self.hand_in(&wish, chance, over);
        }
    }

    /// Hands in one notification after the other.
    pub fn call(&self, mut chance: Chance, over: &AtomicBool) {
        while !over.load(Ordering::Acquire) {
            let began = wall();
            self.hand_in(&Wish::by(&mut chance), &mut chance, over);
            std::thread::sleep(chance.up_to(PACE).saturating_sub(began.elapsed()));
        }
    }

    fn hand_in(&self, wish: &Wish, chance: &mut Chance, over: &AtomicBool) {
        let (key, number) = self.caller.fresh();
        let (body, is_due) = match wish {
            Wish::KeyNow => (first_contact(&number), true),
            Wish::NoticeNow => (document(&number), true),
            Wish::NoticeByMail => (self.to_a_mail_office(&number, over), true),
            Wish::KeyLater => (much_later(first_contact(&number)), false),
            Wish::NoticeLater => (much_later(document(&number)), false),
        };
        let Some(id) = self.until_accepted(&key, &body, over) else { return };
        self.told().acknowledged += 1;
        if chance.one_in(REPEATED) && self.until_accepted(&key, &body, over).is_some() {
            self.told().repeated += 1;
        }
        if chance.one_in(WITHDRAWN)
            && self.caller.withdraw(&id).is_some_and(|answer| answer.status == 200)
        {
            self.told().withdrawn += 1;
        } else if is_due {
            self.told().due.insert(id);
        }
    }

    /// Its id.
    fn until_accepted(&self, key: &str, body: &Value, over: &AtomicBool) -> Option<String> {
        self.until_answered(over, || self.caller.post(key, body, true)).map(|answer| {
            let id = answer["id"].as_str();
            id.expect("an acceptance has an id").to_owned()
        })
    }

    /// A notice to an office that has an address, which names the number: so the relay's log tells whose mail it was.
    fn to_a_mail_office(&self, number: &str, over: &AtomicBool) -> Value {
        let office = office(self.offices.fetch_add(1, Ordering::Relaxed));
        let mail = format!("n{number}@office.test");
        let registers = json!({ "event": "mail_registered", "mail": mail });
        self.until_answered(over, || self.caller.report(&office, &registers));
        let mut body = document(number);
        body["recipient"]["office_number"] = json!(office);
        body
    }

    /// What a success said. What may be so or not is asked again, as everybody is told to.
    fn until_answered(&self, over: &AtomicBool, ask: impl Fn() -> Option<Answer>) -> Option<Value> {
        let mut last_tries = 0;
        while last_tries < LAST_TRIES {
            let (was_up, began) = (self.is_up.load(Ordering::Acquire), wall());
            match ask() {
                Some(answer) if answer.status < 300 => {
                    if was_up {
                        self.told().took.push(began.elapsed());
                    }
                    return Some(answer.body);
                }
                Some(answer) if answer.status < 500 => {
                    let code = answer.body["code"].as_str().unwrap_or_default();
                    let why = format!("{} {code}", answer.status);
                    *self.told().refused.entry(why).or_default() += 1;
                    return None;
                }
                Some(_) | None => std::thread::sleep(TRIES_AGAIN_AFTER),
            }
            last_tries += u32::from(over.load(Ordering::Acquire));
        }
        None
    }

    /// Somebody who decides about sheets of which nobody knows whether they arrived; about some he never does.
    pub fn decide(&self, mut chance: Chance, over: &AtomicBool) {
        let mut seen = BTreeSet::new();
        while !over.load(Ordering::Acquire) {
            std::thread::sleep(DECIDES_EVERY);
            let path = "/v1/notifications?state=uncertain&limit=200";
            let answer = self.caller.exchange("GET", path, "", "", true);
            let views = answer.and_then(|answer| answer.body.as_array().cloned());
            for view in views.unwrap_or_default() {
                let Some(id) = view["id"].as_str() else { continue };
                if view["kind"] == "first_contact" && seen.insert(id.to_owned()) {
                    self.decide_about(id, &mut chance);
                }
            }
        }
    }

    fn decide_about(&self, id: &str, chance: &mut Chance) {
        if chance.one_in(4) {
            return;
        }
        let (by, choice) = (self.caller.fresh().0, usize::try_from(chance.below(3)).unwrap_or(0));
        let answer = self.caller.decide(id, &decision(choice, &by));
        self.told().decided += usize::from(answer.is_some_and(|answer| answer.status == 200));
    }

    /// Waits until everything that was to be sent at once has an end, or a next try that is further away than `limit`.
    pub fn until_ended(&self, limit: Duration) -> Ends {
        let began = wall();
        let last = jiff::Timestamp::now() + limit;
        let mut ends = Ends::default();
        let mut open = self.told().due.clone();
        loop {
            open.retain(|id| {
                let answer =
                    self.caller.exchange("GET", &format!("/v1/notifications/{id}"), "", "", true);
                let Some(view) = answer.filter(|answer| answer.status == 200) else { return true };
                let view = view.body;
                let is_open = match view["state"].as_str() {
                    Some("waiting") => due_at(&view).is_none_or(|due| due <= last),
                    Some("sending") | None => true,
                    Some(_) => false,
                };
                if !is_open {
                    let state = view["state"].as_str().unwrap_or_default().to_owned();
                    *ends.states.entry(state).or_default() += 1;
                }
                is_open
            });
            if open.is_empty() || began.elapsed() >= limit + GRACE {
                ends.overdue = open.into_iter().collect();
                return ends;
            }
            std::thread::sleep(LOOKS_EVERY);
        }
    }
}

/// Before the million, which no lines can carry.
fn much_later(mut body: Value) -> Value {
    let in_days = |days: u32| (jiff::Timestamp::now() + DAY * days).to_string();
    body["not_before"] = json!(in_days(10));
    body["not_after"] = json!(in_days(14));
    body
}

fn due_at(view: &Value) -> Option<jiff::Timestamp> {
    view["due_at"].as_str()?.parse().ok()
}

/// The number of an office in 大阪 that nobody else has, with its check digit: Luhn's, over nine digits.
fn office(nth: u64) -> String {
    let digits = format!("277{:06}", nth % 1_000_000);
    let sum: u32 = digits
        .bytes()
        .enumerate()
        .map(|(at, digit)| u32::from(digit - b'0') * if at % 2 == 0 { 2 } else { 1 })
        .map(|product| product / 10 + product % 10)
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}
