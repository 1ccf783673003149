//! `shirase office`: what was reported of an office, and how its notices go because of it.

use serde_json::{Value, json};

use super::client::{Gateway, path};
use super::exit::Failure;
use super::print::{self, date_and_time, word};

/// Offices in one answer.
const PIECE: usize = 200;

/// Show an office as the exchange has reported it, or report something of it.
#[derive(clap::Args)]
pub struct Office {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    List(List),
    Show(Show),
    Register(Register),
    Report(Report),
}

/// Every office of which something was reported, by its number.
#[derive(clap::Args)]
struct List {
    /// Only those behind this number.
    #[arg(long, value_name = "NUMBER")]
    after: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
    /// Print JSON as the gateway gives it.
    #[arg(long)]
    json: bool,
}

/// Register the one fax number under which it is told; from the next notification on no other is. Needs a token with scope
/// `notify`.
#[derive(clap::Args)]
struct Register {
    /// Its number: 10 characters with a check digit.
    number: String,
    /// Its fax number.
    fax: String,
    #[command(flatten)]
    gateway: Gateway,
}

/// Whether it has a mail address, whether it is closed, and how notices go to it.
#[derive(clap::Args)]
struct Show {
    /// Its number: 10 characters with a check digit.
    number: String,
    #[command(flatten)]
    gateway: Gateway,
    /// Print JSON as the gateway gives it.
    #[arg(long)]
    json: bool,
}

/// Report something of it, in place of the exchange. It holds from the next notification on. Needs a token with scope
/// `notify`.
#[derive(clap::Args)]
struct Report {
    /// Its number: 10 characters with a check digit.
    number: String,
    /// mail_registered (with --mail), mail_withdrawn, fax_changed (with --fax), manager_changed (no mail until it is registered
    /// anew), closed, or reopened (the same).
    event: String,
    /// The address to which notices may go.
    #[arg(long, value_name = "ADDRESS")]
    mail: Option<String>,
    /// The fax number under which it is told from now on.
    #[arg(long, value_name = "NUMBER")]
    fax: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
}

impl Office {
    /// # Errors
    /// [`Failure`]: no such office number, not allowed, or not reachable.
    pub async fn run(self) -> Result<(), Failure> {
        match self.verb {
            Verb::List(list) => list.run().await,
            Verb::Show(show) => show.run().await,
            Verb::Register(register) => register.run().await,
            Verb::Report(report) => report.run().await,
        }
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let path = path(&["v1", "offices", &self.number])?;
        let view = self.gateway.client()?.get(&path).await?.body;
        print::out(&if self.json { format!("{view:#}") } else { office(&view) })
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let client = self.gateway.client()?;
        let mut after = self.after;
        loop {
            let behind = match &after {
                Some(number) => format!("&after={}", path(&[number])?.trim_start_matches('/')),
                None => String::new(),
            };
            let offices = client.get(&format!("/v1/offices?limit={PIECE}{behind}")).await?.body;
            let offices = offices.as_array().map_or(&[][..], Vec::as_slice);
            for view in offices {
                print::out(&if self.json { view.to_string() } else { line(view) })?;
            }
            if offices.len() < PIECE {
                return Ok(());
            }
            after = offices.last().map(|view| word(&view["office_number"]));
        }
    }
}

impl Register {
    async fn run(self) -> Result<(), Failure> {
        let path = path(&["v1", "offices", &self.number])?;
        let view = self.gateway.client()?.put_json(&path, &json!({ "fax": self.fax })).await?.body;
        print::out(&office(&view))
    }
}

impl Report {
    async fn run(self) -> Result<(), Failure> {
        let path = path(&["v1", "offices", &self.number, "events"])?;
        let body = json!({ "event": self.event, "mail": self.mail, "fax": self.fax });
        let view = self.gateway.client()?.post_json(&path, &body).await?.body;
        print::out(&office(&view))
    }
}

fn line(view: &Value) -> String {
    let state = if view["closed"] == true { "closed" } else { "" };
    let (fax, mail) = (word(&view["fax"]), word(&view["mail"]));
    format!("{}  {fax:>12}  {mail:<32}  {state}", word(&view["office_number"]))
        .trim_end()
        .to_owned()
}

fn office(view: &Value) -> String {
    let notices = match (view["channel"].as_str(), view["mail"].is_null()) {
        (Some("mail"), _) => "by mail: document, message; everything else by FAX",
        (Some(_), true) => "all by FAX: no mail address is registered",
        (Some(_), false) => "all by FAX: the gateway's settings have no [mail]",
        (None, _) => "refused: the office is closed",
    };
    let changed = match view["changed_at"].is_null() {
        true => String::from("never"),
        false => date_and_time(&view["changed_at"]),
    };
    let fax = match (view["fax"].is_null(), view["anew_since"].is_null()) {
        (true, _) => String::from("none registered: the number of each notification counts"),
        (false, true) => word(&view["fax"]),
        (false, false) => {
            format!(
                "{}, proven anew since {}",
                word(&view["fax"]),
                date_and_time(&view["anew_since"])
            )
        }
    };
    format!(
        "{}\n  fax       {fax}\n  mail      {}\n  notices   {notices}\n  reported  {changed}",
        word(&view["office_number"]),
        word(&view["mail"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn office_tells_how_its_notices_go_and_why() {
        let of = |mail: Value, closed: bool, channel: Value| {
            office(&json!({
                "office_number": "1179900012", "fax": "******5678", "mail": mail, "closed": closed,
                "channel": channel,
                "changed_at": "2026-11-24T01:00:00Z",
            }))
        };
        assert_eq!(
            of(json!("s***@example.co.jp"), false, json!("mail")),
            "1179900012
  fax       ******5678
  mail      s***@example.co.jp
  notices   by mail: document, message; everything else by FAX
  reported  2026-11-24 10:00:00"
        );
        assert!(of(Value::Null, false, json!("fax")).contains("no mail address is registered"));
        assert!(of(json!("s***@b.jp"), false, json!("fax")).contains("have no [mail]"));
        assert!(of(json!("s***@b.jp"), true, Value::Null).contains("refused"));
    }
}
