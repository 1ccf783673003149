//! `shirase numbers`: what is remembered of fax numbers, and what a technician sets for one.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::client::Gateway;
use super::exit::{Exit, Failure};
use super::print::{self, date_and_time, word};
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
    /// Never in T.85: for a machine that offers it and prints such pages wrong.
    #[arg(long)]
    no_t85: bool,
    /// What the right machine says of itself, if that is not its number: ask the office, do not guess. No other gets
    /// a page then, and none that does not say who it is.
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
            "no_t85": self.no_t85,
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
    let next = match next {
        _ if view["state"] == "conflict" => String::from("no page for this machine"),
        Some(call) => speed(call),
        None => String::from("not called"),
    };
    format!(
        "{:>11}  {:<9}  last answered {:<19}  next {next}",
        word(&view["number"]),
        word(&view["state"]),
        date_and_time(&view["last_seen"]),
    )
}

/// A number with everything that is remembered of it; times as in Japan.
fn number(view: &Value) -> String {
    let mut text = format!("{}  {}", word(&view["number"]), word(&view["state"]));
    for (name, said) in facts(view) {
        let _ = write!(text, "\n  {name:<10} {said}");
    }
    text
}

/// What is remembered, row by row.
fn facts(view: &Value) -> Vec<(&'static str, String)> {
    let mut rows = vec![("answered", answered(view))];
    let identity = &view["identity"];
    if !identity.is_null() {
        let known =
            if identity["learnt"] == true { "" } else { ", not yet enough to know it again" };
        let (said, times) = (word(&identity["said"]), word(&identity["confirmed"]));
        let until = date_and_time(&identity["until"]);
        rows.push(("took pages", format!("{times} as {said}{known}, until {until}")));
    }
    let proven = match view["proven_until"].is_null() {
        true => String::from("no: a key goes there once a number_proof was confirmed"),
        false => format!("for keys, until {}", date_and_time(&view["proven_until"])),
    };
    rows.push(("proven", proven));
    if !view["machine"].is_null() {
        rows.push(("can", word(&view["machine"]["can"])));
    }
    let good = &view["good"];
    if !good.is_null() {
        let until = date_and_time(&good["until"]);
        rows.push(("worked", format!("{}, {}, until {until}", speed(good), word(&good["coding"]))));
    }
    for trouble in view["troubles"].as_array().into_iter().flatten() {
        let (times, what) = (word(&trouble["times"]), word(&trouble["text"]));
        let (last, until) = (date_and_time(&trouble["last"]), date_and_time(&trouble["until"]));
        rows.push(("trouble", format!("{times} × {what}, last {last}, until {until}")));
    }
    if !view["lock"].is_null() {
        rows.push(("locked", locked(&view["lock"])));
    }
    let not_called = &view["not_called"];
    if !not_called.is_null() {
        rows.push(("not called", word(&not_called["text"])));
        rows.push(("", word(&not_called["next"])));
    }
    for call in view["next_call"].as_array().into_iter().flatten() {
        rows.push(("next call", format!("{}: {}", word(&call["line"]), speed(call))));
        for why in call["why"].as_array().into_iter().flatten() {
            let until = match why["until"].is_null() {
                true => String::from("until it is unlocked"),
                false => format!("until {}", date_and_time(&why["until"])),
            };
            rows.push(("", format!("because {} ({until})", word(&why["text"]))));
        }
    }
    rows
}

fn answered(view: &Value) -> String {
    if view["last_seen"].is_null() {
        return String::from("no fax machine so far");
    }
    let (first, last) = (date_and_time(&view["first_seen"]), date_and_time(&view["last_seen"]));
    let who = match view["last_verdict"].as_str() {
        Some("absent") if view["last_said"].is_null() => String::from("without saying who it is"),
        Some("conflict") => {
            format!("as {}: another than dialled, no page for it", word(&view["last_said"]))
        }
        Some(_) | None => format!("as {}", word(&view["last_said"])),
    };
    format!("first {first}, last {last} {who}")
}

/// What a technician has set, and nothing else.
fn locked(lock: &Value) -> String {
    let mut set = vec![String::from("a fax machine is there")];
    if !lock["fastest_bps"].is_null() {
        set.push(format!("at most {} bit/s", word(&lock["fastest_bps"])));
    }
    if lock["no_ecm"] == true {
        set.push(String::from("no error correction"));
    }
    if lock["no_t85"] == true {
        set.push(String::from("no T.85"));
    }
    if !lock["identity"].is_null() {
        set.push(format!("it says {}", word(&lock["identity"])));
    }
    format!("{}, since {}", set.join(", "), date_and_time(&lock["at"]))
}

/// `V.29 9600 bit/s with error correction`.
fn speed(call: &Value) -> String {
    let ecm = if call["ecm"] == true { "with" } else { "without" };
    let (modulation, bps) = (word(&call["modulation"]), word(&call["rate_bps"]));
    let t85 = if call["t85"] == false { ", no T.85" } else { "" };
    format!("{modulation} {bps} bit/s {ecm} error correction{t85}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_says_what_the_next_call_uses_why_and_until_when() {
        let failed = "V.17 failed in an earlier call";
        let (first, last) = ("2026-11-01T00:00:00Z", "2026-11-24T00:00:00Z");
        let (soon, late) = ("2026-12-08T00:00:00Z", "2027-05-23T00:00:00Z");
        let view = json!({
            "number": "******5678", "state": "troubled", "first_seen": first, "last_seen": last,
            "last_said": "*******NTER", "last_verdict": "absent",
            "identity": { "said": "*******NTER", "confirmed": 2, "learnt": false, "until": late },
            "proven_until": late,
            "machine": { "can": "up to V.17 14400 bit/s" },
            "good": null,
            "troubles": [{ "text": failed, "times": 1, "last": last, "until": soon }],
            "lock": { "fastest_bps": null, "no_ecm": true, "no_t85": true, "identity": null, "at": last },
            "not_called": null,
            "next_call": [{ "line": "line1", "modulation": "V.29", "rate_bps": 9600, "ecm": false, "t85": false, "why": [
                { "text": "a technician has set it so", "until": null },
                { "text": failed, "until": soon },
            ] }],
        });
        let expected = "\
******5678  troubled
  answered   first 2026-11-01 09:00:00, last 2026-11-24 09:00:00 as *******NTER
  took pages 2 as *******NTER, not yet enough to know it again, until 2027-05-23 09:00:00
  proven     for keys, until 2027-05-23 09:00:00
  can        up to V.17 14400 bit/s
  trouble    1 × V.17 failed in an earlier call, last 2026-11-24 09:00:00, until 2026-12-08 09:00:00
  locked     a fax machine is there, no error correction, no T.85, since 2026-11-24 09:00:00
  next call  line1: V.29 9600 bit/s without error correction, no T.85
             because a technician has set it so (until it is unlocked)
             because V.17 failed in an earlier call (until 2026-12-08 09:00:00)";
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
        assert!(
            shown.ends_with("not called People answered.\n             Check the number."),
            "{shown}"
        );
        assert!(line(&view).ends_with("next not called"));
    }

    #[test]
    fn machine_that_is_another_one_stands_out_in_the_list() {
        let view = json!({
            "number": "******5678", "state": "conflict", "last_seen": "2026-11-24T00:00:00Z",
            "last_said": "******8888", "last_verdict": "conflict",
            "next_call": [{ "modulation": "V.17", "rate_bps": 14400, "ecm": true }],
        });
        assert!(line(&view).ends_with("next no page for this machine"));
        assert!(number(&view).contains("as ******8888: another than dialled, no page for it"));
    }
}
