//! `shirase status`: the appliance at a glance, what is wrong first.

use std::fmt::Write as _;

use serde_json::Value;

use super::client::Gateway;
use super::exit::{Exit, Failure};
use super::print::{self, date_and_time, word};

/// Show what is wrong and what to do, what waits, and when it goes out. Exit status 1 if something is wrong.
#[derive(clap::Args)]
pub struct Status {
    #[command(flatten)]
    gateway: Gateway,
    /// Print JSON as the gateway gives it.
    #[arg(long)]
    json: bool,
}

impl Status {
    /// # Errors
    /// [`Failure`]: not reachable, or something is wrong.
    pub async fn run(self) -> Result<(), Failure> {
        let status = self.gateway.client()?.get("/v1/status").await?.body;
        print::out(&if self.json { format!("{status:#}") } else { shown(&status) })?;
        match status["wrong"].as_array().map_or(0, Vec::len) {
            0 => Ok(()),
            1 => Err(Failure::new(Exit::NotSent, "1 thing is wrong")),
            some => Err(Failure::new(Exit::NotSent, format!("{some} things are wrong"))),
        }
    }
}

fn shown(status: &Value) -> String {
    let mut text =
        format!("{}  shirase {}", date_and_time(&status["now"]), word(&status["version"]));
    let wrong = status["wrong"].as_array().map_or(&[][..], Vec::as_slice);
    if wrong.is_empty() {
        text += "\nall is well 異常なし";
    }
    for one in wrong {
        let _ = write!(
            text,
            "\nWRONG  {}: {}{}\n       {}\n       {}\n       対応: {} {}\n       {}",
            word(&one["what"]),
            word(&one["code"]),
            match one["message"].is_null() {
                true => String::new(),
                false => format!("\n       {}", word(&one["message"])),
            },
            word(&one["text_ja"]),
            word(&one["text"]),
            word(&one["acts"]),
            word(&one["next_ja"]),
            word(&one["next"]),
        );
    }
    let _ = match status["calling"].as_bool() {
        Some(true) => write!(text, "\ncalls    may begin now"),
        Some(false) | None => {
            write!(text, "\ncalls    may begin from {} on", date_and_time(&status["calling_from"]))
        }
    };
    let _ = write!(text, "\nfax      {}", channel(&status["fax"], "line"));
    if !status["mail"].is_null() {
        let _ = write!(text, "\nmail     {}", channel(&status["mail"], "lane"));
    }
    for line in status["lines"].as_array().into_iter().flatten() {
        let _ = write!(
            text,
            "\n  {:<16} {:<12} since {}, {} s a sheet",
            word(&line["name"]),
            word(&line["state"]),
            date_and_time(&line["since"]),
            word(&line["sheet_takes_s"]),
        );
    }
    text += "\n                             fax      mail";
    for (state, counts) in status["states"].as_object().into_iter().flatten() {
        let (fax, mail) = (word(&counts["fax"]), word(&counts["mail"]));
        if (fax.as_str(), mail.as_str()) != ("0", "0") {
            let _ = write!(text, "\n  {state:<22} {fax:>8}  {mail:>8}");
        }
    }
    text
}

fn channel(view: &Value, carrier: &str) -> String {
    let horizon = match view["horizon"].is_null() {
        true => String::from("more than a year away"),
        false => date_and_time(&view["horizon"]),
    };
    let longest = match view["longest_due"].is_null() {
        true => String::new(),
        false => format!(", the first since {}", date_and_time(&view["longest_due"])),
    };
    format!(
        "{} waiting{longest}; {} of {} {carrier}s work; one that comes now goes out {horizon}",
        word(&view["waiting"]),
        word(&view["usable"]),
        word(&view["of"]),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_stands_first_with_what_to_do_and_empty_states_are_left_out() {
        let status = json!({
            "now": "2026-11-24T23:00:00Z", "version": "0.1.0", "calling": false,
            "calling_from": "2026-11-24T23:30:00Z",
            "wrong": [{
                "code": "modem-silent", "what": "line1", "message": "no answer to AT",
                "text": "The modem does not answer.",
                "text_ja": "回線 line1 が使えません。", "next": "Mend it.", "next_ja": "修理してください。", "acts": "技術者",
            }],
            "fax": { "waiting": 12, "longest_due": "2026-11-24T22:00:00Z", "usable": 1, "of": 2, "horizon": "2026-11-24T23:42:00Z" },
            "mail": null,
            "states": { "confirmed": { "fax": 3, "mail": 0 }, "failed": { "fax": 0, "mail": 0 } },
            "lines": [{ "name": "line1", "state": "quarantined", "since": "2026-11-24T22:10:00Z", "sheet_takes_s": 43 }],
        });
        assert_eq!(
            shown(&status),
            "2026-11-25 08:00:00  shirase 0.1.0
WRONG  line1: modem-silent
       no answer to AT
       回線 line1 が使えません。
       The modem does not answer.
       対応: 技術者 修理してください。
       Mend it.
calls    may begin from 2026-11-25 08:30:00 on
fax      12 waiting, the first since 2026-11-25 07:00:00; 1 of 2 lines work; one that comes now goes out 2026-11-25 08:42:00
  line1            quarantined  since 2026-11-25 07:10:00, 43 s a sheet
                             fax      mail
  confirmed                     3         0"
        );
        let mut well = status;
        well["wrong"] = json!([]);
        assert!(shown(&well).starts_with("2026-11-25 08:00:00  shirase 0.1.0\nall is well"));
    }
}
