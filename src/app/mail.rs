//! `shirase mail`: the mail channel, and what became of the mails to each domain.

use std::fmt::Write as _;

use serde_json::Value;

use super::client::Gateway;
use super::exit::Failure;
use super::print::{self, date_and_time, time_of_day, word};

/// Show the mail channel: the relay, the mailbox for receipts, and what became of the mails to each domain.
/// `check mail` says whether it is set up well.
#[derive(clap::Args)]
pub struct Mail {
    /// Days to look back, 1 to 31.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=31))]
    days: u16,
    #[command(flatten)]
    gateway: Gateway,
    /// Print JSON as the gateway gives it.
    #[arg(long)]
    json: bool,
}

impl Mail {
    /// # Errors
    /// [`Failure`]: not reachable, or not allowed.
    pub async fn run(self) -> Result<(), Failure> {
        let path = format!("/v1/mail?days={}", self.days);
        let view = self.gateway.client()?.get(&path).await?.body;
        print::out(&if self.json { format!("{view:#}") } else { channel(&view) })
    }
}

fn channel(view: &Value) -> String {
    if view["relay"].is_null() {
        return String::from("no [mail] in the settings: every notice goes by FAX");
    }
    let mut text = relay(&view["relay"]) + "\n" + &inbox(&view["inbox"]);
    let domains = view["domains"].as_array().map_or(&[][..], Vec::as_slice);
    if domains.is_empty() {
        let _ = write!(text, "\nno mail since {}", date_and_time(&view["since"]));
        return text;
    }
    let _ = write!(
        text,
        "\nsince {}\n{:<32} {:>7} {:>9} {:>7} {:>9} {:>7} {:>7} {:>9}",
        date_and_time(&view["since"]),
        "DOMAIN",
        "HANDED",
        "DELIVERED",
        "OPENED",
        "UNOPENED",
        "BOUNCED",
        "UNREAD",
        "UNCERTAIN"
    );
    for domain in domains {
        let unopened = match domain["unopened_percent"].as_u64() {
            Some(percent) => format!("{percent} %"),
            None => String::from("-"),
        };
        let _ = write!(
            text,
            "\n{:<32} {:>7} {:>9} {:>7} {unopened:>9} {:>7} {:>7} {:>9}",
            word(&domain["domain"]),
            word(&domain["handed"]),
            word(&domain["delivered"]),
            word(&domain["opened"]),
            word(&domain["bounced"]),
            word(&domain["unread"]),
            word(&domain["uncertain"]),
        );
    }
    text
}

fn relay(view: &Value) -> String {
    let mut text = format!(
        "relay  {}  {} since {}, {} handed over today, {} of {} lanes busy",
        word(&view["relay"]),
        word(&view["state"]),
        date_and_time(&view["since"]),
        word(&view["handed_today"]),
        word(&view["under_way"]),
        word(&view["lanes"]),
    );
    text += &fault(view);
    for rest in view["resting"].as_array().into_iter().flatten() {
        let (domain, until) = (word(&rest["domain"]), time_of_day(&rest["until"]));
        let _ = write!(text, "\n  {domain} puts mails off: nothing goes there until {until}");
    }
    text
}

fn inbox(view: &Value) -> String {
    let last = match view["last_mail_at"].is_null() {
        true => String::from("no mail since the start"),
        false => format!("last mail {}", date_and_time(&view["last_mail_at"])),
    };
    let state = word(&view["state"]);
    let mut text = format!("inbox  {state} since {}, {last}", date_and_time(&view["since"]));
    text += &fault(view);
    let counts = view["mails"].as_object().into_iter().flatten();
    let counts: Vec<String> =
        counts.map(|(fate, count)| format!("{} {}", print::clean(fate), word(count))).collect();
    if !counts.is_empty() {
        let _ = write!(text, "\n  {}", counts.join(", "));
    }
    text
}

/// What is wrong, or what was.
fn fault(view: &Value) -> String {
    let (now, before) = (&view["fault"], &view["last_fault"]);
    if !now.is_null() {
        format!("\n  {}: {}", word(&now["code"]), word(&now["message"]))
    } else if !before.is_null() {
        format!("\n  was {} at {}", word(&before["code"]), date_and_time(&before["at"]))
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dead_relay_says_what_to_do_and_a_domain_how_many_do_not_read() {
        let view = json!({
            "relay": {
                "relay": "relay.example.jp:587", "state": "faulty", "since": "2026-11-24T01:00:00Z",
                "fault": { "code": "smtp-connect", "message": "cannot connect; look at host and port" },
                "last_fault": null, "lanes": 4, "under_way": 0, "handed_today": 12,
                "resting": [{ "domain": "example.ne.jp", "until": "2026-11-24T01:30:00Z" }],
            },
            "inbox": {
                "state": "reading", "since": "2026-11-24T00:00:00Z", "fault": null,
                "last_mail_at": "2026-11-24T00:59:00Z", "mails": { "other": 1, "taken": 9 },
            },
            "since": "2026-11-17T01:00:00Z",
            "domains": [{
                "domain": "example.co.jp", "handed": 12, "delivered": 10, "bounced": 2, "opened": 7, "unread": 1,
                "uncertain": 0, "unopened_percent": 30,
            }],
        });
        assert_eq!(
            channel(&view),
            "relay  relay.example.jp:587  faulty since 2026-11-24 10:00:00, 12 handed over today, 0 of 4 lanes busy
  smtp-connect: cannot connect; look at host and port
  example.ne.jp puts mails off: nothing goes there until 10:30:00
inbox  reading since 2026-11-24 09:00:00, last mail 2026-11-24 09:59:00
  other 1, taken 9
since 2026-11-17 10:00:00
DOMAIN                            HANDED DELIVERED  OPENED  UNOPENED BOUNCED  UNREAD UNCERTAIN
example.co.jp                         12        10       7      30 %       2       1         0"
        );
        assert!(channel(&json!({ "relay": null })).starts_with("no [mail]"));
    }
}
