//! Callers who hand in everything eight times at once, go away before they are answered, and try again, while the gateway
//! is killed under them: one notification for each key, and the same answer for everybody.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::house::{Caller, Furniture, House, LOOK_EVERY, document, first_contact, judged, later};

const COPIES: usize = 8;
/// Keys that are handed in at the same time.
const AT_ONCE: usize = 2;
/// Where it is killed, in turn, and how many passes later; the last one from outside.
const POINTS: [(&str, u32); 5] = [
    ("accept.committed", 40),
    ("group.ran", 60),
    ("accept.written", 50),
    ("replay.found", 150),
    ("group.committed", 70),
];
/// A gateway that is not killed by then is killed from outside.
const LIFE: Duration = Duration::from_secs(2);

/// More by `make crash`.
fn keys() -> usize {
    std::env::var("CRASH_KEYS").map_or(1000, |keys| keys.parse().expect("a number"))
}

#[test]
fn every_key_handed_in_eight_times_through_kills_and_dropped_answers_is_one_notification() {
    let keys = keys();
    let mut house = House::new(Furniture { without_line: true, ..Furniture::default() });
    let requests: Vec<(String, Value)> = (0..keys)
        .map(|nth| {
            let (key, number) = house.fresh();
            let body = if nth % 4 == 0 { first_contact(&number) } else { document(&number) };
            (key, later(body))
        })
        .collect();
    let answers = Mutex::new(BTreeMap::<&str, Value>::new());
    let working = AtomicUsize::new(COPIES * AT_ONCE);
    let caller = house.caller();
    std::thread::scope(|scope| {
        for at in 0..AT_ONCE {
            for copy in 0..COPIES {
                let (requests, answers, caller, working) = (&requests, &answers, &caller, &working);
                scope.spawn(move || {
                    for (nth, (key, body)) in requests.iter().enumerate().skip(at).step_by(AT_ONCE)
                    {
                        // One of the eight goes away first.
                        let goes_away = nth % COPIES == copy;
                        let answer = until_answered(caller, key, body, goes_away);
                        let mut answers = answers.lock().expect("no panic");
                        let first = answers.entry(key).or_insert_with(|| answer.clone());
                        assert_eq!(*first, answer, "{key}");
                    }
                    working.fetch_sub(1, Ordering::Release);
                });
            }
        }
        for turn in 0.. {
            if working.load(Ordering::Acquire) == 0 {
                break;
            }
            let is_up = house.start(POINTS.get(turn % (POINTS.len() + 1)).copied());
            let looks = if is_up { LIFE.as_millis() / LOOK_EVERY.as_millis() } else { 0 };
            for _look in 0..looks {
                if working.load(Ordering::Acquire) == 0 || house.has_ended() {
                    break;
                }
                std::thread::sleep(LOOK_EVERY);
            }
            house.kill();
        }
    });
    house.close();
    let (violations, counted) = judged(house.folder());
    println!("{counted}");
    assert_eq!(violations, [""; 0]);
    assert_eq!(counted["notifications"].as_u64(), u64::try_from(keys).ok(), "{counted}");
    assert!(counted["kills"].as_u64() >= Some(3), "{counted}");
}

/// Hands in until there is an answer; the same for ever, so that it can be compared as a whole.
fn until_answered(caller: &Caller, key: &str, body: &Value, mut goes_away: bool) -> Value {
    for _try in 0..20_000 {
        let answer = caller.post(key, body, !std::mem::take(&mut goes_away));
        match answer {
            Some(answer) if answer.status == 202 => return answer.body,
            // It is down, or was asked too much.
            Some(answer) if answer.status >= 429 => {}
            Some(answer) => panic!("{key}: {} {}", answer.status, answer.body),
            None => {}
        }
        std::thread::sleep(LOOK_EVERY);
    }
    panic!("{key} is never answered")
}
