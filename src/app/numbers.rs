//! `shirase numbers`: what is remembered of fax numbers, and what a technician sets for one.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::client::Gateway;
use super::exit::{Exit, Failure};
use super::print::{self, word};
use crate::office::rate::Rate;

/// Show what is remembered of fax numbers; lock it or forget it. Needs a token with scope `numbers`.
#[derive(clap::Args)]
#[command(subcommand_negates_reqs = true)]
pub struct Numbers {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(clap::Subcommand)]
enum Verb {
    Show(Show),
    Lock(Lock),
    Unlock(Unlock),
    Forget(Forget),
}

/// The numbers of which something is remembered, the newest first.
#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    gateway: Option<Gateway>,
    /// Most of them, 1 to 200.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    /// Print JSON as the gateway gives it.
    #[arg(long)]
    json: bool,
}

/// Everything that is remembered of a number, until when it counts, and what the next call will use and why.
#[derive(clap::Args)]
struct Show {
    /// The number, with or without hyphens.
    number: String,
    #[command(flatten)]
    gateway: Gateway,
    /// Print JSON as the gateway gives it.
    #[arg(long)]
    json: bool,
}

/// Set how a number is called, in place of what was set before. It does not run out, it wins over what calls
/// have taught, and it vouches that a fax machine is there: a number that was taken for a telephone is called
/// again.
#[derive(clap::Args)]
struct Lock {
    /// The number, with or without hyphens.
    number: String,
    /// Never faster than this, in bit/s: 2400, 4800, 7200, 9600, 12000 or 14400.
    #[arg(long, value_name = "BPS", value_parser = bps)]
    fastest: Option<u16>,
    /// Never with error correction. The far machine then confirms pages with wrong lines: only for one that
    /// cannot receive otherwise.
    #[arg(long)]
    no_ecm: bool,
    /// What the right machine says of itself, if that is not its number: ask the office, do not guess.
    #[arg(long, value_name = "TEXT")]
    identity: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
}

/// Lift what was set for a number.
#[derive(clap::Args)]
struct Unlock {
    /// The number, with or without hyphens.
    number: String,
    #[command(flatten)]
    gateway: Gateway,
}

/// Forget everything about a number, what was set included: after its machine or its number was changed.
#[derive(clap::Args)]
struct Forget {
    /// The number, with or without hyphens.
    number: String,
    #[command(flatten)]
    gateway: Gateway,
}

impl Numbers {
    /// # Errors
    /// [`Failure`]: not a number, not allowed, or not reachable.
    pub async fn run(self) -> Result<(), Failure> {
        match self.verb {
            None => self.list.run().await,
            Some(Verb::Show(show)) => show.run().await,
            Some(Verb::Lock(lock)) => lock.run().await,
            Some(Verb::Unlock(unlock)) => unlock.run().await,
            Some(Verb::Forget(forget)) => forget.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let Some(gateway) = self.gateway else {
            return Err(Failure::new(Exit::Usage, "--token-file is missing"));
        };
        let path = format!("/v1/numbers?limit={}", self.limit);
        let numbers = gateway.client()?.get(&path).await?.body;
        if self.json {
            return print::out(&format!("{numbers:#}"));
        }
        match numbers.as_array().map(Vec::as_slice) {
            Some([]) | None => print::out("nothing is remembered of any number yet"),
            Some(numbers) => numbers.iter().try_for_each(|number| print::out(&line(number))),
        }
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let view = post(&self.gateway, "show", &json!({ "number": self.number })).await?;
        print::out(&if self.json { format!("{view:#}") } else { number(&view) })
    }
}

impl Lock {
    async fn run(self) -> Result<(), Failure> {
        let body = json!({
            "number": self.number,
            "fastest_bps": self.fastest,
            "no_ecm": self.no_ecm,
            "identity": self.identity,
        });
        post(&self.gateway, "lock", &body).await?;
        // What the next call will make of it.
        let view = post(&self.gateway, "show", &json!({ "number": self.number })).await?;
        print::out(&number(&view))
    }
}

impl Unlock {
    async fn run(self) -> Result<(), Failure> {
        let answer = post(&self.gateway, "unlock", &json!({ "number": self.number })).await?;
        let said = if answer["changed"] == true { "is unlocked" } else { "was not locked" };
        print::out(&format!("{} {said}", word(&answer["number"])))
    }
}

impl Forget {
    async fn run(self) -> Result<(), Failure> {
        let answer = post(&self.gateway, "forget", &json!({ "number": self.number })).await?;
        let said = if answer["changed"] == true { "is forgotten" } else { "was not remembered" };
        print::out(&format!("{} {said}", word(&answer["number"])))
    }
}

async fn post(gateway: &Gateway, what: &str, body: &Value) -> Result<Value, Failure> {
    let path = format!("/v1/numbers/{what}");
    Ok(gateway.client()?.post_json(&path, body).await?.body)
}

fn bps(text: &str) -> Result<u16, String> {
    let bps = text.parse().ok().filter(|bps| Rate::of_limit(*bps).is_some());
    bps.ok_or_else(|| Rate::LIMIT_WORDS.to_owned())
}

/// A number in one line of the list.
fn line(view: &Value) -> String {
    let next = view["next_call"].as_array().and_then(|lines| lines.first());
    let next = next.map_or(String::from("not called"), speed);
    format!(
        "{:>11}  {:<9}  last answered {:<24}  next {next}",
        word(&view["number"]),
        word(&view["state"]),
        word(&view["last_seen"]),
    )
}

/// A number with everything that is remembered of it.
fn number(view: &Value) -> String {
    let mut text = format!("{}  {}", word(&view["number"]), word(&view["state"]));
    let mut row = |name: &str, said: String| {
        let _ = write!(text, "\n  {name:<10} {said}");
    };
    row(
        "answered",
        match view["last_seen"].is_null() {
            true => String::from("no fax machine so far"),
            false => format!(
                "first {}, last {}, last as {}",
                word(&view["first_seen"]),
                word(&view["last_seen"]),
                word(&view["last_said"]),
            ),
        },
    );
    let identity = &view["identity"];
    if !identity.is_null() {
        let learnt = if identity["learnt"] == true { "known again" } else { "not yet known again" };
        row(
            "identity",
            format!(
                "{}, at {} confirmed deliveries ({learnt}), until {}",
                word(&identity["said"]),
                word(&identity["confirmed"]),
                word(&identity["until"]),
            ),
        );
    }
    if !view["machine"].is_null() {
        row("can", word(&view["machine"]["can"]));
    }
    let good = &view["good"];
    if !good.is_null() {
        row(
            "worked",
            format!("{}, {}, until {}", speed(good), word(&good["coding"]), word(&good["until"])),
        );
    }
    for trouble in view["troubles"].as_array().into_iter().flatten() {
        row(
            "trouble",
            format!(
                "{} times: {}, last {}, until {}",
                word(&trouble["times"]),
                word(&trouble["text"]),
                word(&trouble["last"]),
                word(&trouble["until"]),
            ),
        );
    }
    let lock = &view["lock"];
    if !lock.is_null() {
        row(
            "locked",
            format!(
                "fastest {} bit/s, {}, identity {}, since {}",
                word(&lock["fastest_bps"]),
                if lock["no_ecm"] == true {
                    "no error correction"
                } else {
                    "error correction by the line"
                },
                word(&lock["identity"]),
                word(&lock["at"]),
            ),
        );
    }
    if !view["not_called"].is_null() {
        row(
            "not called",
            format!("{} {}", word(&view["not_called"]["text"]), word(&view["not_called"]["next"])),
        );
    }
    for call in view["next_call"].as_array().into_iter().flatten() {
        row("next call", format!("{}: {}", word(&call["line"]), speed(call)));
        for why in call["why"].as_array().into_iter().flatten() {
            let until = match why["until"].is_null() {
                true => String::from("until it is unlocked"),
                false => format!("until {}", word(&why["until"])),
            };
            row("", format!("because {} ({until})", word(&why["text"])));
        }
    }
    text
}

/// `V.29 9600 bit/s with error correction`.
fn speed(call: &Value) -> String {
    let ecm = if call["ecm"] == true { "with" } else { "without" };
    let (modulation, bps) = (word(&call["modulation"]), word(&call["rate_bps"]));
    format!("{modulation} {bps} bit/s {ecm} error correction")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_says_what_the_next_call_uses_why_and_until_when() {
        let view = json!({
            "number": "******5678", "state": "troubled",
            "first_seen": "2026-11-01T00:00:00Z", "last_seen": "2026-11-24T00:00:00Z",
            "last_said": "*******NTER",
            "identity": { "said": "*******NTER", "confirmed": 2, "learnt": false, "until": "2027-05-23T00:00:00Z" },
            "machine": { "can": "up to V.17 14400 bit/s" },
            "good": null,
            "troubles": [{ "text": "V.17 failed in an earlier call", "times": 1, "last": "a", "until": "b" }],
            "lock": null, "not_called": null,
            "next_call": [{ "line": "line1", "modulation": "V.29", "rate_bps": 9600, "ecm": true,
                "why": [{ "text": "V.17 failed in an earlier call", "until": "b" }] }],
        });
        let expected = "\
******5678  troubled
  answered   first 2026-11-01T00:00:00Z, last 2026-11-24T00:00:00Z, last as *******NTER
  identity   *******NTER, at 2 confirmed deliveries (not yet known again), until 2027-05-23T00:00:00Z
  can        up to V.17 14400 bit/s
  trouble    1 times: V.17 failed in an earlier call, last a, until b
  next call  line1: V.29 9600 bit/s with error correction
             because V.17 failed in an earlier call (until b)";
        assert_eq!(number(&view), expected);
    }

    #[test]
    fn number_that_is_not_called_says_what_to_do() {
        let view = json!({
            "number": "******5678", "state": "telephone", "last_seen": null,
            "troubles": [], "next_call": [],
            "not_called": { "text": "People answered.", "next": "Check the number." },
        });
        let shown = number(&view);
        assert!(shown.ends_with("not called People answered. Check the number."), "{shown}");
        assert!(line(&view).ends_with("next not called"));
    }
}
