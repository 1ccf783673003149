//! What people read on a terminal: refusals, notifications, receipts.
//!
//! In: JSON as the hook gives it. Out: text without control characters, for the gateway's answers hold
//! words that a far machine chose.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::Value;

use super::exit::{Exit, Failure};
use crate::job::{JAPAN, Kind};

/// A line for standard output. A reader that went away, such as `head`, has had enough.
///
/// # Errors
/// [`Failure`] if it cannot be written for another reason.
pub fn out(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Internal, format!("standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A refusal: what, in both languages, who can mend it, and each field.
pub fn problem(body: &Value) -> String {
    let mut text = format!(
        "refused: {} ({})\n  {}\n  {} 対応: {}",
        word(&body["code"]),
        word(&body["status"]),
        word(&body["title"]),
        word(&body["title_ja"]),
        word(&body["mender"]),
    );
    if let Some(detail) = body["detail"].as_str() {
        let _ = write!(text, "\n  {}", clean(detail));
    }
    for error in body["errors"].as_array().into_iter().flatten() {
        let _ = write!(
            text,
            "\n  {}: {} [{}]",
            word(&error["pointer"]),
            word(&error["message"]),
            word(&error["code"])
        );
    }
    text
}

/// A notification with everything that was tried for it.
pub fn notification(view: &Value) -> String {
    let mut text =
        format!("{}  {}  {}", word(&view["id"]), word(&view["reference"]), word(&view["state"]));
    if !view["reason"].is_null() {
        let _ = write!(text, " ({})", word(&view["reason"]));
    }
    let last_attempt = view["attempts"].as_array().and_then(|attempts| attempts.last());
    // With the attempt it would be said twice.
    if last_attempt.is_none_or(|attempt| attempt["code"] != view["reason"]) {
        text += &ending(&view["reason_means"], "  ");
    }
    let _ = write!(
        text,
        "\n  kind      {}\n  to        office {}, {}\n  accepted  {}",
        word(&view["kind"]),
        word(&view["recipient"]["office_number"]),
        destination(view),
        word(&view["accepted_at"]),
    );
    if view["is_final"] == false {
        if !view["due_at"].is_null() {
            let _ = write!(text, "\n  due       {}", word(&view["due_at"]));
        }
        if !view["awaits"].is_null() {
            let _ = write!(text, "\n  awaits    {}", awaits(view));
        }
        let _ = write!(text, "\n  until     {}", word(&view["not_after"]));
    }
    for decision in view["decisions"].as_array().into_iter().flatten() {
        let _ = write!(text, "\n  decided   {}", self::decision(decision));
    }
    for attempt in view["attempts"].as_array().into_iter().flatten() {
        let _ = write!(
            text,
            "\n  attempt {}  {} {}, {}",
            word(&attempt["number"]),
            if is_mail(attempt) { "lane" } else { "line" },
            word(&attempt["line"]),
            word(&attempt["state"]),
        );
        if !attempt["code"].is_null() {
            let _ = write!(text, " ({})", word(&attempt["code"]));
        }
        text += &ending(&attempt["ending"], "    ");
        for rung in attempt["rungs"].as_array().into_iter().flatten() {
            let _ = write!(text, "\n    {}", self::rung(rung));
        }
        for (name, fact) in attempt["receipt"].as_object().into_iter().flatten() {
            let _ = write!(text, "\n    {:<24}{}", clean(name), details(fact));
        }
    }
    let mut attempts = view["attempts"].as_array().into_iter().flatten();
    if attempts.any(|attempt| !is_mail(attempt)) {
        let _ = write!(text, "\n  frames    shirase calls --of {}", word(&view["id"]));
    }
    text += &choices(view);
    text
}

/// `2026-11-25 18:22:40  resend by Sato: the office has no sheet`.
fn decision(decision: &Value) -> String {
    let mut text = format!("{}  {}", date_and_time(&decision["at"]), word(&decision["choice"]));
    if decision["choice"] == "rotate" {
        let _ = write!(text, " to version {}", word(&decision["version"]));
    }
    if !decision["by"].is_null() {
        let _ = write!(text, " by {}", word(&decision["by"]));
    }
    if !decision["reason"].is_null() {
        let _ = write!(text, ": {}", word(&decision["reason"]));
    }
    text
}

/// What can be decided about one that is uncertain, and how; nothing of any other.
fn choices(view: &Value) -> String {
    if view["state"] != "uncertain" {
        return String::new();
    }
    let has_key = view["kind"]
        .as_str()
        .and_then(|name| name.parse::<Kind>().ok())
        .is_some_and(Kind::has_secret);
    let resolve = format!("shirase resolve {}", word(&view["id"]));
    let mut text = format!(
        "\n  事業所に電話し、番号 {reference} の用紙があるか確認してください。
  Call the office and ask for the sheet {reference}; then one of
    {resolve} close --delivered
    {resolve} close --not-delivered         nothing more is sent
    {resolve} resend --reason TEXT          the same once more, marked as a copy",
        reference = word(&view["reference"]),
    );
    if has_key {
        let _ = write!(
            text,
            "\n    {resolve} rotate FILE                   new credentials, the old are void"
        );
    }
    text
}

/// Where it goes now, and why not the way that it was to go.
fn destination(view: &Value) -> String {
    let fax = word(&view["recipient"]["fax"]);
    let mail = word(&view["recipient"]["mail"]);
    match (view["channel"] == "mail", view["because"].is_null()) {
        (true, _) => format!("mail {mail} (fax {fax})"),
        (false, true) => format!("fax {fax}"),
        (false, false) => {
            let (why, means) = (word(&view["because"]), &view["because_means"]);
            let (text, text_ja) = (word(&means["text"]), word(&means["text_ja"]));
            format!(
                "fax {fax} instead of mail {mail} ({why})\n            {text_ja}\n            {text}"
            )
        }
    }
}

fn is_mail(attempt: &Value) -> bool {
    attempt["channel"] == "mail"
}

/// What a notification waits for once a relay or a provider has it, until when, and what then.
pub fn awaits(view: &Value) -> String {
    let until = date_and_time(&view["awaits"]["until"]);
    match (view["awaits"]["then"].as_str(), view["channel"].as_str()) {
        (Some("fax"), _) => format!("a login until {until}, then it goes by FAX"),
        (_, Some("mail")) => format!(
            "a login or a report until {until}; then it counts as delivered if one said so, else somebody has to decide"
        ),
        (_, _) => format!(
            "the provider's answer until {until}, then as after a call that was not confirmed"
        ),
    }
}

/// What an ending means, in both languages, and what to do; nothing if it is in no catalogue.
pub fn ending(entry: &Value, indent: &str) -> String {
    if entry.is_null() {
        return String::new();
    }
    let mut text = format!(
        "\n{indent}{}: {}\n{indent}{} {}",
        word(&entry["label_ja"]),
        word(&entry["text_ja"]),
        word(&entry["text"]),
        word(&entry["next"]),
    );
    if !entry["acts"].is_null() {
        let _ =
            write!(text, "\n{indent}対応: {} {}", word(&entry["acts"]), word(&entry["next_ja"]));
    }
    text
}

/// Details of a rung that its surroundings already say, or that the receipt says better.
const SAID_ELSEWHERE: [&str; 10] = [
    "attempt",
    "channel",
    "line",
    "state",
    "evidence",
    "reason",
    "receipt",
    "due_at",
    "watch_until",
    "watch_then",
];

/// A rung in one line: time of the day in Japan, name, what was seen.
pub fn rung(rung: &Value) -> String {
    let detail = rung["detail"].as_object().into_iter().flatten();
    let seen = rung["detail"]["seen"].as_object().into_iter().flatten();
    let said: Vec<String> = detail
        .filter(|(name, _)| *name != "seen" && !SAID_ELSEWHERE.contains(&name.as_str()))
        .chain(seen)
        .map(|(name, value)| format!("{} {}", clean(name), word(value)))
        .collect();
    let name = match rung["name"].as_str() {
        // What the protocol calls them says nothing to somebody who has never read it.
        Some("dot_sent") => String::from("mail begins"),
        Some("mail_delivered") => String::from("in the mailbox"),
        Some("mail_relayed") => String::from("passed on"),
        Some("mail_delayed") => String::from("on its way"),
        Some("mail_bounced") => String::from("came back"),
        Some("mail_displayed") => String::from("was displayed"),
        Some(_) | None => word(&rung["name"]).replace('_', " "),
    };
    let line = format!("{}  {name:<15} {}", time_of_day(&rung["at"]), said.join(", "));
    line.trim_end().to_owned()
}

/// `18:22:40` in Japan; whatever it is, if it is no time.
pub fn time_of_day(at: &Value) -> String {
    in_japan(at, "%H:%M:%S")
}

/// `2026-11-25 18:22:40` in Japan.
pub fn date_and_time(at: &Value) -> String {
    in_japan(at, "%Y-%m-%d %H:%M:%S")
}

fn in_japan(at: &Value, format: &str) -> String {
    let parsed = at.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    parsed.map_or_else(|| word(at), |at| JAPAN.to_datetime(at).strftime(format).to_string())
}

/// Why nothing is sent at all, and what to do; nothing if all goes its way.
pub fn standstill(appliance: &Value) -> Option<String> {
    let mut lines = Vec::new();
    let held = &appliance["held"];
    if let Some(reason) = held["reason"].as_str() {
        let (since, reason) = (date_and_time(&held["since"]), clean(reason));
        lines.push(format!("HELD since {since} ({reason}). {}", word(&held["text"])));
        if !held["note"].is_null() {
            lines.push(format!("  {}", word(&held["note"])));
        }
    }
    if appliance["takes_new_work"] == false {
        let what = "results are still written; make room where the store lies";
        lines.push(format!("THE DISK IS NEARLY FULL: nothing is accepted, {what}."));
    }
    if !appliance["clock_in_doubt"].is_null() {
        lines.push(format!("NOTHING IS SENT: {}", word(&appliance["clock_in_doubt"])));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A notification in one line of a list.
pub fn line(view: &Value) -> String {
    format!(
        "{}  {:>9}  {:<22}  {:<20}  {:>12}  {}",
        word(&view["id"]),
        word(&view["reference"]),
        word(&view["state"]),
        word(&view["kind"]),
        word(&view["recipient"][if is_mail(view) { "mail" } else { "fax" }]),
        word(&view["accepted_at"]),
    )
}

/// A call in one line of a list.
pub fn call(view: &Value) -> String {
    let seconds = view["line_ms"].as_u64().map(|ms| format!("{}.{} s", ms / 1000, ms % 1000 / 100));
    let rate = view["rate_bps"].as_u64().map(|rate| format!("{rate} bit/s"));
    let line = format!(
        "{:>6}  {}  {:<8}  {:>11}  {:<20}  {:>7}  {}",
        word(&view["id"]),
        date_and_time(&view["began_at"]),
        word(&view["line"]),
        word(&view["to"]),
        word(&view["code"]),
        seconds.as_deref().unwrap_or("-"),
        rate.as_deref().unwrap_or(""),
    );
    line.trim_end().to_owned()
}

/// How a command that waited for this notification ends.
pub fn exit(view: &Value) -> Exit {
    match view["state"].as_str() {
        // Closed because nobody said anything: that is no proof that no sheet is there.
        Some("resolved_not_delivered") if is_closed_undecided(&view["reason"]) => Exit::Undecided,
        Some("confirmed" | "resolved_delivered") => Exit::Done,
        Some("failed" | "expired" | "cancelled" | "resolved_not_delivered") => Exit::NotSent,
        Some("uncertain" | "hold") => Exit::Undecided,
        Some("waiting" | "sending" | "handed_off") => Exit::StillOnItsWay,
        Some(_) | None => Exit::Internal,
    }
}

fn is_closed_undecided(reason: &Value) -> bool {
    matches!(reason.as_str(), Some("key-expired-unresolved" | "not-after-unconfirmed"))
}

/// `name value, name value`: one level of a small object, or a plain value.
fn details(value: &Value) -> String {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| format!("{} {}", clean(name), word(value)))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            word(value)
        }
    }
}

/// A value as a word; `-` if there is none.
pub fn word(value: &Value) -> String {
    match value {
        Value::Null => String::from("-"),
        Value::String(text) => clean(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            clean(&value.to_string())
        }
    }
}

/// Nothing that moves a cursor or changes a colour.
pub fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notification_that_was_closed_undecided_did_not_end_as_not_sent() {
        let ended = |state: &str, reason: &str| exit(&json!({ "state": state, "reason": reason }));
        for reason in ["key-expired-unresolved", "not-after-unconfirmed"] {
            assert_eq!(ended("resolved_not_delivered", reason), Exit::Undecided, "{reason}");
        }
        assert_eq!(ended("resolved_not_delivered", "by-telephone"), Exit::NotSent);
        assert_eq!(ended("expired", "not-after"), Exit::NotSent);
        assert_eq!(ended("uncertain", "rtn"), Exit::Undecided);
    }

    #[test]
    fn refusal_shows_both_languages_who_mends_it_and_the_field() {
        let body = json!({
            "code": "invalid-number", "status": 422, "title": "No.", "title_ja": "不正です。", "mender": "居宅",
            "errors": [{ "pointer": "/recipient/fax", "code": "invalid-number", "message": "is empty" }],
        });
        assert_eq!(
            problem(&body),
            "refused: invalid-number (422)\n  No.\n  不正です。 対応: 居宅\n  /recipient/fax: is empty [invalid-number]"
        );
    }

    #[test]
    fn words_of_a_far_machine_cannot_move_the_cursor() {
        let shown =
            rung(&json!({ "at": "t", "name": "identity", "detail": { "csi": "\u{1b}[2J" } }));
        assert_eq!(shown, "t  identity        csi ?[2J");
    }

    #[test]
    fn rung_shows_what_was_seen_at_what_time_in_japan() {
        let shown = rung(&json!({
            "at": "2026-11-23T09:22:40.291Z", "name": "page_started",
            "detail": { "attempt": 1, "state": "sending", "code": "x", "seen": { "rate_bps": 14400 } },
        }));
        assert_eq!(shown, "18:22:40  page started    code x, rate_bps 14400");
    }

    #[test]
    fn attempt_says_in_both_languages_what_happened_and_who_does_what() {
        let busy = serde_json::to_value(crate::settle::endings::find("busy")).expect("an entry");
        let view = json!({
            "reason": "busy", "reason_means": busy,
            "attempts": [{ "number": 1, "line": "line1", "state": "not_sent", "code": "busy", "ending": busy }],
        });
        let shown = notification(&view);
        for part in [
            "話中: 相手が話し中でした。",
            "The number was busy. If it stays so,",
            "対応: 事業所 続く場合は",
        ] {
            assert_eq!(shown.matches(part).count(), 1, "{part} in {shown}");
        }
        // What no attempt says is said at the top.
        let over = serde_json::to_value(crate::settle::endings::find("not-after")).expect("one");
        let view =
            json!({ "reason": "not-after", "reason_means": over, "attempts": view["attempts"] });
        assert!(notification(&view).contains("Its time ran out"));
    }

    /// What a technician sees of a notice from its handing over to the login, and of one that went by FAX instead.
    #[test]
    fn mail_shows_where_it_is_and_what_is_waited_for() {
        let rung = |name: &str, at: &str, seen: Value| json!({ "name": name, "at": format!("2026-11-24T01:{at}Z"), "detail": { "attempt": 1, "seen": seen } });
        let mut view = json!({
            "id": "01JD3Z9Q6M4W1V8X2C5T7R0BNE", "reference": "5T7R-0BNE", "state": "handed_off", "is_final": false,
            "kind": "document", "channel": "mail", "accepted_at": "2026-11-24T01:00:00Z",
            "recipient": { "office_number": "1179900012", "fax": "******5678", "mail": "***@example.co.jp" },
            "awaits": { "until": "2026-11-25T01:00:00Z", "then": "fax" }, "not_after": "2026-11-27T01:00:00Z",
            "attempts": [{ "number": 1, "channel": "mail", "line": "mail-1", "state": "handed_off", "rungs": [
                rung("dot_sent", "00:01", json!({})),
                json!({ "name": "handed_off", "at": "2026-11-24T01:00:02Z", "detail": {
                    "attempt": 1, "code": "mail-accepted", "watch_then": "fax", "watch_until": "2026-11-25T01:00:00Z",
                }}),
                rung("mail_delivered", "00:05", json!({ "status": "2.0.0" })),
                rung("first_login", "30:00", json!({})),
            ]}],
        });
        let shown = notification(&view);
        assert_eq!(
            shown,
            "01JD3Z9Q6M4W1V8X2C5T7R0BNE  5T7R-0BNE  handed_off
  kind      document
  to        office 1179900012, mail ***@example.co.jp (fax ******5678)
  accepted  2026-11-24T01:00:00Z
  awaits    a login until 2026-11-25 10:00:00, then it goes by FAX
  until     2026-11-27T01:00:00Z
  attempt 1  lane mail-1, handed_off
    10:00:01  mail begins
    10:00:02  handed off      code mail-accepted
    10:00:05  in the mailbox  status 2.0.0
    10:30:00  first login"
        );
        view["awaits"]["then"] = json!("decide");
        let for_the_mail =
            "then it counts as delivered if one said so, else somebody has to decide";
        assert!(notification(&view).contains(for_the_mail));
        view["channel"] = json!("fax");
        assert!(notification(&view).contains("the provider's answer until 2026-11-25 10:00:00"));
        view["because"] = json!("mail-unread");
        view["because_means"] = json!({ "text": "Nobody logged in.", "text_ja": "ログインなし。" });
        let shown = notification(&view);
        assert!(
            shown.contains(
                "fax ******5678 instead of mail ***@example.co.jp (mail-unread)
            ログインなし。
            Nobody logged in."
            ),
            "{shown}"
        );
    }

    /// An office on the telephone names its sheet by the reference alone.
    #[test]
    fn line_of_the_list_has_the_reference_beside_the_id() {
        let view = json!({
            "id": "01JD3Z9Q6M4W1V8X2C5T7R0BNE", "reference": "5T7R-0BNE", "state": "uncertain", "kind": "message",
            "recipient": { "fax": "******0123" }, "accepted_at": "2026-11-23T09:22:40Z",
        });
        let shown = line(&view);
        let words: Vec<&str> = shown.split_whitespace().collect();
        let expected = ["01JD3Z9Q6M4W1V8X2C5T7R0BNE", "5T7R-0BNE", "uncertain", "message"];
        assert_eq!(words[..4], expected);
    }

    #[test]
    fn only_a_confirmed_notification_is_a_success() {
        for state in crate::job::JobState::ALL {
            let done = exit(&json!({ "state": state.as_str() })) == Exit::Done;
            let expected = matches!(state.as_str(), "confirmed" | "resolved_delivered");
            assert_eq!(done, expected, "{state}");
            assert_ne!(exit(&json!({ "state": state.as_str() })), Exit::Internal, "{state}");
        }
    }
}
