//! `shirase lines`: the telephone lines, the test of one, and the word that one is mended.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::client::{Client, Gateway, path};
use super::exit::{Exit, Failure};
use super::print;

/// Between two looks at a test.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Longest wait for a test to end: a call of half an hour may be before it.
const LOOKS: u32 = 4 * 45 * 60;

/// Show the telephone lines, test one, or put one back into use.
#[derive(clap::Args)]
#[command(subcommand_negates_reqs = true)]
pub struct Lines {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    show: Show,
}

#[derive(clap::Subcommand)]
enum Verb {
    Test(Test),
    Reset(Reset),
}

/// Every line: its state, its last call, fault and test, and what to do.
#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    gateway: Option<Gateway>,
    /// Print JSON as the gateway gives it.
    #[arg(long)]
    json: bool,
}

/// Test a line: modem, country, dial tone, a ring at another line, a call to its test number. Nobody gets a
/// page, unless you say so. Needs a token with scope `lines`.
#[derive(clap::Args)]
struct Test {
    /// Its name.
    name: String,
    /// Send a page to the test number: letters, bars and a ruler, to be compared with `shirase sheet line_test`.
    #[arg(long)]
    page: bool,
    #[command(flatten)]
    gateway: Gateway,
}

/// Say that a line was mended: it is asked at once and used at its first answer. Needs a token with scope
/// `lines`.
#[derive(clap::Args)]
struct Reset {
    /// Its name.
    name: String,
    #[command(flatten)]
    gateway: Gateway,
}

impl Lines {
    /// # Errors
    /// [`Failure`]: not reachable, no such line, or a test that failed.
    pub async fn run(self) -> Result<(), Failure> {
        match self.verb {
            None => self.show.run().await,
            Some(Verb::Test(test)) => test.run().await,
            Some(Verb::Reset(reset)) => reset.run().await,
        }
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let Some(gateway) = self.gateway else {
            return Err(Failure::new(Exit::Usage, "--token-file is missing"));
        };
        let client = gateway.client()?;
        let lines = client.get("/v1/lines").await?.body;
        if self.json {
            return print::out(&format!("{lines:#}"));
        }
        if let Some(held) = print::standstill(&client.get("/v1/hold").await?.body) {
            print::out(&held)?;
        }
        match lines.as_array().map(Vec::as_slice) {
            Some([]) | None => print::out("no line in the settings: notifications wait"),
            Some(lines) => print::out(&table(lines)),
        }
    }
}

impl Reset {
    async fn run(self) -> Result<(), Failure> {
        let path = path(&["v1", "lines", &self.name, "reset"])?;
        self.gateway.client()?.post_empty(&path).await?;
        print::out(&format!("{} is asked again; `shirase lines` shows what it says", self.name))
    }
}

impl Test {
    async fn run(self) -> Result<(), Failure> {
        let client = self.gateway.client()?;
        let line = path(&["v1", "lines", &self.name])?;
        let query = if self.page { "?page=true" } else { "" };
        let accepted = client.post_empty(&format!("{line}/test{query}")).await?.body;
        let number = accepted["number"].as_u64().unwrap_or_default();
        let test = follow(&client, &line, number).await?;
        if test["passed"] == true {
            return print::out(&format!("{} is in order", self.name));
        }
        Err(Failure::new(Exit::NotSent, format!("{} is not in order", self.name)))
    }
}

/// Prints each step of this test as it ends; gives the ended test.
async fn follow(client: &Client, line: &str, number: u64) -> Result<Value, Failure> {
    let mut printed = 0;
    let mut waits_for = String::new();
    for _ in 0..LOOKS {
        let view = client.get(line).await?.body;
        let test = &view["last_test"];
        let is_ours = test["number"] == number;
        if !is_ours && test["number"].as_u64() > Some(number) {
            break; // ours has ended, and the next one is there already
        }
        if is_ours {
            let steps = test["steps"].as_array().map_or(&[][..], Vec::as_slice);
            for step in steps.iter().skip(printed) {
                print::out(&self::step(step))?;
            }
            printed = printed.max(steps.len());
            if !test["ended_at"].is_null() {
                return Ok(test.clone());
            }
        } else {
            let state = print::word(&view["state"]);
            if state != waits_for {
                eprintln!("  waiting: the line is {state}");
                waits_for = state;
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(Failure::new(Exit::StillOnItsWay, "the test did not end; `shirase lines` shows it"))
}

/// `✓ modem  1.2 s  answers and is set up`.
fn step(step: &Value) -> String {
    let mark = match step["outcome"].as_str() {
        Some("passed") => "✓",
        Some("failed") => "✗",
        _ => "–",
    };
    let seconds = step["took_ms"].as_f64().unwrap_or_default() / 1000.0;
    let code = match step["code"].as_str() {
        Some(_) => format!("{}: ", print::word(&step["code"])),
        None => String::new(),
    };
    let name = print::word(&step["name"]);
    format!("{mark} {name:<10} {seconds:>5.1} s  {code}{}", print::word(&step["detail"]))
}

/// A line of the table for each line, and below it what a person has to know.
fn table(lines: &[Value]) -> String {
    let mut text = format!(
        "{:<16} {:<12} {:<9} {:<20} {:<9} {:<22} {}",
        "LINE", "STATE", "SINCE", "LAST CALL", "TEST", "MODEM", "DEVICE"
    );
    for line in lines {
        let _ = write!(
            text,
            "\n{:<16} {:<12} {:<9} {:<20} {:<9} {:<22} {}",
            print::word(&line["name"]),
            print::word(&line["state"]),
            print::time_of_day(&line["since"]),
            match line["last_call"].is_null() {
                true => String::from("-"),
                false => format!(
                    "{} {}",
                    print::time_of_day(&line["last_call"]["ended_at"]),
                    print::word(&line["last_call"]["code"])
                ),
            },
            test_word(&line["last_test"]),
            match line["modem"].is_null() {
                true => String::from("-"),
                false => format!(
                    "{} class {}",
                    print::word(&line["modem"]["model"]),
                    print::word(&line["modem"]["class"])
                ),
            },
            print::word(&line["device"]),
        );
        if !line["fault"].is_null() {
            let fault = &line["fault"];
            let _ = write!(
                text,
                "\n  {}: {}",
                print::word(&fault["code"]),
                print::word(&fault["message"])
            );
            if line["state"] == "quarantined" {
                let name = print::word(&line["name"]);
                let _ = write!(
                    text,
                    "\n  faulty again and again; once it is mended: shirase lines reset {name}"
                );
            }
        } else if !line["last_fault"].is_null() {
            let fault = &line["last_fault"];
            let _ = write!(
                text,
                "\n  was {} at {}",
                print::word(&fault["code"]),
                print::time_of_day(&fault["at"])
            );
        }
        for step in line["last_test"]["steps"].as_array().into_iter().flatten() {
            if step["outcome"] == "failed" {
                let _ = write!(text, "\n  {}", self::step(step));
            }
        }
    }
    text
}

fn test_word(test: &Value) -> String {
    match (test.is_null(), test["passed"].as_bool()) {
        (true, _) => String::from("-"),
        (false, None) => String::from("runs"),
        (false, Some(true)) => format!("✓ {}", minute_of(&test["ended_at"])),
        (false, Some(false)) => format!("✗ {}", minute_of(&test["ended_at"])),
    }
}

/// `08:30` of `08:30:12`.
fn minute_of(at: &Value) -> String {
    print::time_of_day(at).chars().take(5).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn table_tells_of_a_dead_line_what_to_do_and_of_a_good_one_nothing() {
        let good = json!({
            "name": "line1", "modem": { "model": "generic", "class": "1" }, "state": "ready", "since": "2026-11-23T23:30:00Z", "device": "/dev/ttyACM0",
            "last_call": { "ended_at": "2026-11-23T23:31:00Z", "code": "delivered" },
            "last_test": { "passed": true, "ended_at": "2026-11-23T23:30:20Z", "steps": [] },
        });
        let dead = json!({
            "name": "line2", "state": "quarantined", "since": "2026-11-23T23:00:00Z",
            "device": "/dev/ttyACM1", "fault": { "code": "modem-silent", "message": "switch it off and on" },
            "last_test": { "passed": false, "ended_at": "2026-11-23T23:30:40Z", "steps": [
                { "name": "modem", "outcome": "failed", "code": "modem-silent", "detail": "no answer", "took_ms": 18_000 },
            ] },
        });
        assert_eq!(
            table(&[good, dead]),
            "LINE             STATE        SINCE     LAST CALL            TEST      MODEM                  DEVICE
line1            ready        08:30:00  08:31:00 delivered   ✓ 08:30   generic class 1        /dev/ttyACM0
line2            quarantined  08:00:00  -                    ✗ 08:30   -                      /dev/ttyACM1
  modem-silent: switch it off and on
  faulty again and again; once it is mended: shirase lines reset line2
  ✗ modem       18.0 s  modem-silent: no answer"
        );
    }

    #[test]
    fn step_shows_how_it_went_how_long_and_what_was_found() {
        let passed =
            json!({ "name": "dial-tone", "outcome": "passed", "took_ms": 1240, "detail": "heard" });
        assert_eq!(step(&passed), "✓ dial-tone    1.2 s  heard");
        let skipped = json!({ "name": "loop-call", "outcome": "skipped", "took_ms": 0, "detail": "no number" });
        assert_eq!(step(&skipped), "– loop-call    0.0 s  no number");
    }
}
