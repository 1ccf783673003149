//! Following a notification up its rungs, live.
//!
//! In: its view, asked for again and again. Out: each rung once, and between rungs a passing line for what
//! happens now, until the notification rests.
//! Rungs come from the store and are all shown; the passing line is a glance and may miss things.

use std::collections::HashSet;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::Value;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::print;

/// Between two looks; a page runs for about 15 s.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The gateway may restart meanwhile: that many looks in a row may fail, a minute's worth.
const FAILED_LOOKS: u32 = 240;

/// Once it rests, the line is still held for the hang-up: that many looks are worth waiting for it.
const LOOKS_AT_HANG_UP: u32 = 40;

/// How far apart percentages are when each one stays on the screen.
const PERCENT_STEP: u64 = 25;

/// Shows a notification until it rests: final, uncertain or held. Gives its last view.
///
/// # Errors
/// [`Failure`]: refused, or not reachable for a minute.
pub async fn follow(client: &Client, id: &str) -> Result<Value, Failure> {
    let path = format!("/v1/notifications/{id}");
    let mut screen = Screen::new();
    let mut ladder = Ladder::default();
    let (mut failed, mut at_rest) = (0, 0);
    loop {
        match client.get(&path).await {
            Ok(reply) => {
                failed = 0;
                for sight in ladder.look(&reply.body) {
                    screen.show(&sight);
                }
                if print::exit(&reply.body) != Exit::StillOnItsWay {
                    if reply.body["live"].is_null() || at_rest == LOOKS_AT_HANG_UP {
                        screen.clear();
                        return Ok(reply.body);
                    }
                    at_rest += 1;
                }
            }
            Err(failure) if failure.exit == Exit::Unreachable && failed < FAILED_LOOKS => {
                failed += 1
            }
            Err(failure) => {
                screen.clear();
                return Err(failure);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Something to show.
#[derive(Debug, Eq, PartialEq)]
enum Sight {
    /// Stays.
    Rung(String),
    /// Is written over by the next one; `step` tells whether it is worth a line of its own where
    /// nothing can be written over.
    Passing { text: String, step: bool },
}

/// What was shown already.
#[derive(Default)]
struct Ladder {
    /// Attempt and place of each rung.
    shown: HashSet<(u64, usize)>,
    /// What the passing line said, and its last percentage.
    passing: String,
    percent: u64,
}

impl Ladder {
    /// What is new since the last look.
    fn look(&mut self, view: &Value) -> Vec<Sight> {
        let mut sights = Vec::new();
        for attempt in view["attempts"].as_array().into_iter().flatten() {
            let number = attempt["number"].as_u64().unwrap_or(0);
            for (place, rung) in attempt["rungs"].as_array().into_iter().flatten().enumerate() {
                if self.shown.insert((number, place)) {
                    sights.push(Sight::Rung(print::rung(rung)));
                }
            }
        }
        sights.extend(self.pass(view));
        sights
    }

    fn pass(&mut self, view: &Value) -> Option<Sight> {
        let phase = view["live"]["phase"].as_str().unwrap_or("").replace('_', " ");
        let percent = view["live"]["percent"].as_u64();
        let (text, step) = match (phase.as_str(), percent) {
            ("", _) if view["state"] == "waiting" => match view["reason"].as_str() {
                Some(reason) => (format!("waiting ({reason})"), true),
                None => (String::from("waiting"), true),
            },
            ("", _) if !view["awaits"].is_null() => {
                (format!("waits for {}", print::awaits(view)), true)
            }
            ("", _) => return None,
            (_, Some(percent)) => {
                let step = percent / PERCENT_STEP != self.percent / PERCENT_STEP;
                self.percent = percent;
                (format!("{phase} {percent} %"), step)
            }
            // A rung says it as well, and stays.
            (_, None) => (phase, false),
        };
        if text == self.passing {
            return None;
        }
        self.passing.clone_from(&text);
        Some(Sight::Passing { text, step })
    }
}

/// Standard error, so that `--json` has standard output for itself.
struct Screen {
    rewrites: bool,
    passing: bool,
}

impl Screen {
    fn new() -> Self {
        Self { rewrites: std::io::stderr().is_terminal(), passing: false }
    }

    fn show(&mut self, sight: &Sight) {
        self.clear();
        match sight {
            Sight::Rung(text) => eprintln!("  {text}"),
            Sight::Passing { text, .. } if self.rewrites => {
                eprint!("  … {text}");
                let _ = std::io::stderr().flush();
                self.passing = true;
            }
            Sight::Passing { text, step: true } => eprintln!("  … {text}"),
            Sight::Passing { step: false, .. } => {}
        }
    }

    /// Takes the passing line off.
    fn clear(&mut self) {
        if self.passing {
            eprint!("\r\u{1b}[K");
            let _ = std::io::stderr().flush();
            self.passing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rung(name: &str) -> Value {
        json!({ "name": name, "at": "09:00", "detail": {} })
    }

    fn view(rungs: &[&str], live: Value) -> Value {
        let rungs: Vec<Value> = rungs.iter().map(|name| rung(name)).collect();
        json!({ "state": "sending", "live": live, "attempts": [{ "number": 1, "rungs": rungs }] })
    }

    fn page(percent: u8) -> Value {
        json!({ "line": "line-1", "phase": "page", "percent": percent })
    }

    fn passing(text: &str, step: bool) -> Sight {
        Sight::Passing { text: text.to_owned(), step }
    }

    #[test]
    fn each_rung_is_shown_once_in_its_order() {
        let mut ladder = Ladder::default();
        assert_eq!(
            ladder.look(&view(&["dialling"], Value::Null)),
            [Sight::Rung(String::from("09:00  dialling"))]
        );
        assert_eq!(
            ladder.look(&view(&["dialling", "answered", "identity"], Value::Null)),
            [
                Sight::Rung(String::from("09:00  answered")),
                Sight::Rung(String::from("09:00  identity")),
            ]
        );
        assert_eq!(ladder.look(&view(&["dialling", "answered", "identity"], Value::Null)), []);
    }

    #[test]
    fn percent_passes_by_and_is_a_step_at_each_quarter() {
        let mut ladder = Ladder::default();
        assert_eq!(ladder.look(&view(&[], page(1))), [passing("page 1 %", false)]);
        assert_eq!(ladder.look(&view(&[], page(1))), []);
        assert_eq!(ladder.look(&view(&[], page(20))), [passing("page 20 %", false)]);
        assert_eq!(ladder.look(&view(&[], page(26))), [passing("page 26 %", true)]);
        assert_eq!(ladder.look(&view(&[], page(30))), [passing("page 30 %", false)]);
        assert_eq!(ladder.look(&view(&[], page(100))), [passing("page 100 %", true)]);
    }

    /// A receipt comes to the attempt that it is about, whatever came after.
    #[test]
    fn mail_that_was_handed_over_says_what_it_waits_for_and_shows_each_receipt() {
        let mut ladder = Ladder::default();
        let mut handed = view(&["dot_sent", "handed_off"], Value::Null);
        handed["state"] = json!("handed_off");
        handed["awaits"] = json!({ "until": "2026-11-25T01:00:00Z", "then": "fax" });
        let waits = "waits for a login until 2026-11-25 10:00:00, then it goes by FAX";
        assert_eq!(
            ladder.look(&handed),
            [
                Sight::Rung(String::from("09:00  mail begins")),
                Sight::Rung(String::from("09:00  handed off")),
                passing(waits, true),
            ]
        );
        let rungs = handed["attempts"][0]["rungs"].as_array_mut().expect("rungs");
        rungs.push(rung("mail_delivered"));
        assert_eq!(ladder.look(&handed), [Sight::Rung(String::from("09:00  in the mailbox"))]);
    }

    #[test]
    fn second_attempt_shows_its_own_rungs() {
        let mut ladder = Ladder::default();
        let mut twice = view(&["dialling"], Value::Null);
        ladder.look(&twice);
        let again = json!({ "number": 2, "rungs": [rung("dialling")] });
        twice["attempts"].as_array_mut().expect("attempts").push(again);
        assert_eq!(ladder.look(&twice).len(), 1);
    }
}
