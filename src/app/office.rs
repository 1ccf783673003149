//! `shirase office`: what was reported of an office, and how its notices go because of it.

use serde_json::{Value, json};

use super::client::{Gateway, path};
use super::exit::Failure;
use super::print::{self, date_and_time, word};

/// Show an office as the exchange has reported it, or report something of it.
#[derive(clap::Args)]
pub struct Office {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    Show(Show),
    Report(Report),
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
    /// mail_registered (with --mail), mail_withdrawn, manager_changed (no mail until it is registered anew), closed, or
    /// reopened (the same).
    event: String,
    /// The address to which notices may go.
    #[arg(long, value_name = "ADDRESS")]
    mail: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
}

impl Office {
    /// # Errors
    /// [`Failure`]: no such office number, not allowed, or not reachable.
    pub async fn run(self) -> Result<(), Failure> {
        match self.verb {
            Verb::Show(show) => show.run().await,
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

impl Report {
    async fn run(self) -> Result<(), Failure> {
        let path = path(&["v1", "offices", &self.number, "events"])?;
        let body = json!({ "event": self.event, "mail": self.mail });
        let view = self.gateway.client()?.post_json(&path, &body).await?.body;
        print::out(&office(&view))
    }
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
    format!(
        "{}\n  mail      {}\n  notices   {notices}\n  reported  {changed}",
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
                "office_number": "1179900012", "mail": mail, "closed": closed, "channel": channel,
                "changed_at": "2026-11-24T01:00:00Z",
            }))
        };
        assert_eq!(
            of(json!("s***@example.co.jp"), false, json!("mail")),
            "1179900012
  mail      s***@example.co.jp
  notices   by mail: document, message; everything else by FAX
  reported  2026-11-24 10:00:00"
        );
        assert!(of(Value::Null, false, json!("fax")).contains("no mail address is registered"));
        assert!(of(json!("s***@b.jp"), false, json!("fax")).contains("have no [mail]"));
        assert!(of(json!("s***@b.jp"), true, Value::Null).contains("refused"));
    }
}
