//! `shirase events`: what changed, in order, and with `--follow` what changes from now on.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

use super::client::{Client, Gateway};
use super::exit::{Exit, Failure};
use super::print::{self, word};

/// Events in one answer.
const PIECE: usize = 1000;
/// A gateway that restarts is asked again after so long.
const BACK_AFTER: Duration = Duration::from_secs(1);
/// The gateway gives a sign of life every 15 s: after three that did not come, nobody is there any more.
const SILENCE: Duration = Duration::from_secs(45);
/// No event is longer; one that is comes from something else than a gateway.
const EVENT_OCTETS: usize = 1 << 20;

/// Show every change of this client's notifications, oldest first.
#[derive(clap::Args)]
pub struct Events {
    /// Only what came after this cursor, the first column.
    #[arg(long, value_name = "CURSOR", default_value_t = 0)]
    after: i64,
    /// Go on with each change as it comes, also after a restart of the gateway.
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    gateway: Gateway,
    /// Print JSON as the gateway gives it, an event a line.
    #[arg(long)]
    json: bool,
}

impl Events {
    /// # Errors
    /// [`Failure`]: refused, or not reachable; with `--follow` only what the gateway refuses.
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.gateway.client()?;
        let mut shown = Shown { json: self.json, cursor: self.after };
        if self.follow { follow(&client, &mut shown).await } else { all(&client, &mut shown).await }
    }
}

async fn all(client: &Client, shown: &mut Shown) -> Result<(), Failure> {
    loop {
        let path = format!("/v1/events?after={}&limit={PIECE}", shown.cursor);
        let feed = client.get(&path).await?.body;
        let events = feed["events"].as_array().map_or(&[][..], Vec::as_slice);
        for event in events {
            shown.show(event)?;
        }
        if events.len() < PIECE {
            return Ok(());
        }
    }
}

async fn follow(client: &Client, shown: &mut Shown) -> Result<(), Failure> {
    let mut is_away = false;
    loop {
        match listen(client, shown).await {
            Ok(()) => is_away = false,
            Err(failure) if failure.exit == Exit::Unreachable => {
                if !is_away {
                    eprintln!("  … {failure}; tried again until it answers");
                }
                is_away = true;
            }
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(BACK_AFTER).await;
    }
}

/// One stream to its end.
async fn listen(client: &Client, shown: &mut Shown) -> Result<(), Failure> {
    let mut body: Incoming = client.stream("/v1/events", shown.cursor).await?;
    let mut frames = Frames::default();
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(SILENCE, body.frame()).await {
        let Some(octets) = frame.data_ref() else { continue };
        frames.push(octets);
        while let Some(data) = frames.next() {
            if let Ok(event) = serde_json::from_str(&data) {
                shown.show(&event)?;
            }
        }
        if frames.0.len() > EVENT_OCTETS {
            return Err(Failure::new(Exit::Unreachable, "an event without an end"));
        }
    }
    Ok(())
}

/// Where the screen is.
struct Shown {
    json: bool,
    cursor: i64,
}

impl Shown {
    fn show(&mut self, event: &Value) -> Result<(), Failure> {
        self.cursor = event["cursor"].as_i64().unwrap_or(self.cursor);
        print::out(&if self.json { event.to_string() } else { line(event) })
    }
}

fn line(event: &Value) -> String {
    let date = print::date_and_time(&event["at"]);
    let date = date.split(' ').next().unwrap_or_default();
    let (cursor, notification) = (word(&event["cursor"]), word(&event["notification"]));
    format!("{cursor:>8}  {notification}  {date} {}", print::rung(event))
}

/// What came of a stream and has not been taken apart yet.
#[derive(Default)]
struct Frames(Vec<u8>);

impl Frames {
    fn push(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
    }

    /// The data of the next whole event; what is none, such as a sign of life, is passed over.
    fn next(&mut self) -> Option<String> {
        loop {
            let end = self.0.windows(2).position(|two| two == b"\n\n")?;
            let frame: Vec<u8> = self.0.drain(..end + 2).collect();
            let text = String::from_utf8_lossy(&frame);
            let data: Vec<&str> = text
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(str::trim_start)
                .collect();
            if !data.is_empty() {
                return Some(data.join("\n"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn event_that_comes_in_pieces_between_signs_of_life_is_whole() {
        let mut frames = Frames::default();
        frames.push(b":\n\nid: 1\nevent: acc");
        assert_eq!(frames.next(), None);
        frames.push(b"epted\ndata: {\"cursor\":1}\n\n:\n\ndata: {\"cursor\":2}\n\nda");
        assert_eq!(frames.next().as_deref(), Some("{\"cursor\":1}"));
        assert_eq!(frames.next().as_deref(), Some("{\"cursor\":2}"));
        assert_eq!(frames.next(), None);
    }

    #[test]
    fn line_has_cursor_notification_time_in_japan_and_what_happened() {
        let event = json!({
            "cursor": 42, "at": "2026-11-23T16:22:40Z", "notification": "01JD3Z9Q6M4W1V8X2C5T7R0BNE",
            "name": "accepted", "detail": { "state": "waiting", "channel": "fax" },
        });
        let expected = "      42  01JD3Z9Q6M4W1V8X2C5T7R0BNE  2026-11-24 01:22:40  accepted";
        assert_eq!(line(&event), expected);
    }
}
