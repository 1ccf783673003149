//! `shirase webhook`: the endpoints that are told what happens, a try of one, the word that one is mended, a new secret.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;
use webhook::Key;
use zeroize::Zeroizing;

use super::client::{Gateway, path};
use super::exit::{Exit, Failure};
use super::key::create;
use super::print::{self, date_and_time, time_of_day, word};

/// Show the endpoints that are told what happens, try one, or make what failed due now.
#[derive(clap::Args)]
#[command(subcommand_negates_reqs = true)]
pub struct Webhook {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    show: Show,
}

#[derive(clap::Subcommand)]
enum Verb {
    Test(Test),
    Retry(Retry),
    Secret(Secret),
}

/// Every endpoint: what it has taken, what it owes, and what to do. Needs a token with scope `operate`.
#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    gateway: Option<Gateway>,
    /// Print JSON as the gateway gives it.
    #[arg(long)]
    json: bool,
}

/// Post a `ping` to an endpoint now and print what came back. Changes nothing. Needs a token with scope `operate`.
#[derive(clap::Args)]
struct Test {
    /// Its name.
    name: String,
    #[command(flatten)]
    gateway: Gateway,
}

/// Say that an endpoint is mended: what failed is due now, also after a 410. Needs a token with scope `operate`.
#[derive(clap::Args)]
struct Retry {
    /// Its name.
    name: String,
    #[command(flatten)]
    gateway: Gateway,
}

/// Make a secret for an endpoint: one line, `whsec_` and base64, that the receiver needs as well.
#[derive(clap::Args)]
struct Secret {
    /// The file, which must not exist yet.
    file: PathBuf,
}

impl Webhook {
    /// # Errors
    /// [`Failure`]: not reachable, not allowed, no such endpoint, or it did not take the ping.
    pub async fn run(self) -> Result<(), Failure> {
        match self.verb {
            None => self.show.run().await,
            Some(Verb::Test(test)) => test.run().await,
            Some(Verb::Retry(retry)) => retry.run().await,
            Some(Verb::Secret(secret)) => secret.run(),
        }
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let Some(gateway) = self.gateway else {
            return Err(Failure::new(Exit::Usage, "--token-file is missing"));
        };
        let endpoints = gateway.client()?.get("/v1/webhooks").await?.body;
        if self.json {
            return print::out(&format!("{endpoints:#}"));
        }
        match endpoints.as_array().map(Vec::as_slice) {
            Some([]) | None => {
                print::out("no [[webhook]] in the settings: the exchange reads GET /v1/events")
            }
            Some(endpoints) => print::out(&table(endpoints)),
        }
    }
}

impl Test {
    async fn run(self) -> Result<(), Failure> {
        let path = path(&["v1", "webhooks", &self.name, "test"])?;
        let test = self.gateway.client()?.post_empty(&path).await?.body;
        let took_ms = word(&test["took_ms"]);
        if test["taken"] == true {
            let (status, address) = (word(&test["status"]), word(&test["address"]));
            return print::out(&format!(
                "{} at {address} took the ping: {status} after {took_ms} ms",
                self.name
            ));
        }
        let fault = &test["fault"];
        let (code, message) = (word(&fault["code"]), word(&fault["message"]));
        Err(Failure::new(
            Exit::NotSent,
            format!("{} did not take the ping after {took_ms} ms: {code}: {message}", self.name),
        ))
    }
}

impl Retry {
    async fn run(self) -> Result<(), Failure> {
        let path = path(&["v1", "webhooks", &self.name, "retry"])?;
        let answer = self.gateway.client()?.post_empty(&path).await?.body;
        let due = word(&answer["due"]);
        print::out(&format!(
            "{}: {due} that failed are due now; `shirase webhook` shows what comes of it",
            self.name
        ))
    }
}

impl Secret {
    fn run(self) -> Result<(), Failure> {
        let mut random = Zeroizing::new([0; 32]);
        getrandom::fill(random.as_mut_slice())
            .map_err(|error| Failure::new(Exit::Internal, format!("no random octets: {error}")))?;
        let mut text = Key::text(&random);
        text.push('\n');
        create(&self.file, text.as_bytes()).map_err(|error| {
            Failure::new(Exit::Settings, format!("{}: {error}", self.file.display()))
        })
    }
}

fn table(endpoints: &[Value]) -> String {
    let mut text = format!(
        "{:<16} {:<9} {:<19}  {:>6} {:>8} {:>8}  {}",
        "ENDPOINT", "STATE", "LAST TAKEN", "BEHIND", "RETRYING", "GIVEN UP", "AT"
    );
    for endpoint in endpoints {
        let told = match endpoint["told_at"].is_null() {
            true => String::from("-"),
            false => date_and_time(&endpoint["told_at"]),
        };
        let _ = write!(
            text,
            "\n{:<16} {:<9} {told:<19}  {:>6} {:>8} {:>8}  {}",
            word(&endpoint["name"]),
            word(&endpoint["state"]),
            word(&endpoint["behind"]),
            word(&endpoint["retrying"]),
            word(&endpoint["given_up"]),
            word(&endpoint["origin"]),
        );
        for line in remarks(endpoint) {
            let _ = write!(text, "\n  {line}");
        }
    }
    text
}

/// What is wrong with an endpoint, and what to do; nothing of one that takes everything.
fn remarks(endpoint: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let (fault, failure) = (&endpoint["fault"], &endpoint["last_failure"]);
    if !fault.is_null() {
        lines.push(format!("{}: {}", word(&fault["code"]), word(&fault["message"])));
    }
    let is_late = endpoint["behind"].as_u64().is_some_and(|behind| behind > 0);
    if !failure.is_null() && is_late {
        let (code, message) = (word(&failure["code"]), word(&failure["message"]));
        lines.push(format!("{} {code}: {message}", date_and_time(&failure["at"])));
    }
    if is_late && !endpoint["oldest_at"].is_null() {
        lines.push(format!("waits since {}", date_and_time(&endpoint["oldest_at"])));
    }
    let name = word(&endpoint["name"]);
    if !endpoint["rests_until"].is_null() {
        let until = time_of_day(&endpoint["rests_until"]);
        lines.push(format!("left in peace until {until}; at once: shirase webhook retry {name}"));
    }
    if endpoint["state"] == "disabled" {
        lines.push(format!("nothing is posted; once it is mended: shirase webhook retry {name}"));
    }
    if endpoint["given_up"].as_u64().is_some_and(|count| count > 0) {
        lines.push(String::from(
            "what was given up is not posted again: the exchange finds it in GET /v1/events",
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn table_tells_of_an_endpoint_that_is_away_what_to_do_and_of_a_good_one_nothing() {
        let good = json!({
            "name": "exchange", "state": "telling", "told_at": "2026-11-24T01:00:00Z", "behind": 0, "retrying": 0,
            "given_up": 0, "origin": "https://exchange.example.jp",
            "last_failure": { "at": "2026-11-23T01:00:00Z", "code": "webhook-reset", "message": "old" },
        });
        let away = json!({
            "name": "copy", "state": "resting", "told_at": null, "behind": 12, "retrying": 3, "given_up": 1,
            "origin": "http://10.0.0.7:8080", "oldest_at": "2026-11-23T01:00:00Z", "rests_until": "2026-11-24T01:05:00Z",
            "last_failure": { "at": "2026-11-24T01:00:00Z", "code": "webhook-connect", "message": "see that it runs" },
        });
        assert_eq!(
            table(&[good, away]),
            "ENDPOINT         STATE     LAST TAKEN           BEHIND RETRYING GIVEN UP  AT
exchange         telling   2026-11-24 10:00:00       0        0        0  https://exchange.example.jp
copy             resting   -                        12        3        1  http://10.0.0.7:8080
  2026-11-24 10:00:00 webhook-connect: see that it runs
  waits since 2026-11-23 10:00:00
  left in peace until 10:05:00; at once: shirase webhook retry copy
  what was given up is not posted again: the exchange finds it in GET /v1/events"
        );
    }

    #[test]
    fn disabled_endpoint_says_how_it_is_taken_on_again() {
        let gone = json!({ "name": "exchange", "state": "disabled", "behind": 0 });
        assert_eq!(
            remarks(&gone),
            ["nothing is posted; once it is mended: shirase webhook retry exchange"]
        );
    }
}
