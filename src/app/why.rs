//! `shirase why`: where a notification stands, in one paragraph for a person, in Japanese and in English.
//!
//! In: the notification and the appliance as the gateway shows them. Out: where it is, why, what is waited for, who acts and
//! what is next, each sentence in both languages.
//! Not here: every attempt with its rungs (`shirase show`).

use serde_json::Value;

use super::client::{Gateway, path};
use super::exit::Failure;
use super::print::{self, date_and_time, word};

/// Say in a few sentences where a notification stands, why, and who does what next.
#[derive(clap::Args)]
pub struct Why {
    /// Its id.
    id: String,
    #[command(flatten)]
    gateway: Gateway,
}

impl Why {
    /// # Errors
    /// [`Failure`]: not found, or not reachable.
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.gateway.client()?;
        let view = client.get(&path(&["v1", "notifications", &self.id])?).await?.body;
        let status = client.get("/v1/status").await?.body;
        print::out(&told(&view, &status))
    }
}

/// Both paragraphs.
fn told(view: &Value, status: &Value) -> String {
    let mut paragraph = Paragraph::default();
    paragraph.say(
        format!("照会番号 {} の通知（{} 宛）。", word(&view["reference"]), to_ja(view)),
        format!("The notification {} to {}.", word(&view["reference"]), to(view)),
    );
    match view["state"].as_str() {
        Some("waiting") => waiting(view, status, &mut paragraph),
        Some("sending") => sending(view, &mut paragraph),
        Some("handed_off") => handed_off(view, &mut paragraph),
        Some("uncertain") => uncertain(view, &mut paragraph),
        Some("hold") => hold(view, &mut paragraph),
        Some("confirmed") => confirmed(view, &mut paragraph),
        Some(_) | None => over(view, &mut paragraph),
    }
    format!("{}\n{}", paragraph.ja, paragraph.en.trim_start())
}

/// What is said, in both languages.
#[derive(Default)]
struct Paragraph {
    ja: String,
    en: String,
}

impl Paragraph {
    fn say(&mut self, ja: impl AsRef<str>, en: impl AsRef<str>) {
        self.ja += ja.as_ref();
        self.en += " ";
        self.en += en.as_ref();
    }

    /// What a code means, if that is known, and who does what about it.
    fn means(&mut self, meaning: &Value, and_what_to_do: bool) {
        if meaning.is_null() {
            return;
        }
        self.say(word(&meaning["text_ja"]), word(&meaning["text"]));
        if and_what_to_do && !meaning["next"].is_null() {
            let acts = match meaning["acts"].is_null() {
                true => String::new(),
                false => format!("対応は{}：", word(&meaning["acts"])),
            };
            self.say(format!("{acts}{}", word(&meaning["next_ja"])), word(&meaning["next"]));
        }
    }
}

fn is_mail(view: &Value) -> bool {
    view["channel"] == "mail"
}

fn to(view: &Value) -> String {
    let office = word(&view["recipient"]["office_number"]);
    match is_mail(view) {
        true => format!("office {office}, by mail to {}", word(&view["recipient"]["mail"])),
        false => format!("office {office}, by FAX to {}", word(&view["recipient"]["fax"])),
    }
}

fn to_ja(view: &Value) -> String {
    let office = word(&view["recipient"]["office_number"]);
    match is_mail(view) {
        true => format!("事業所 {office}、メール {}", word(&view["recipient"]["mail"])),
        false => format!("事業所 {office}、FAX {}", word(&view["recipient"]["fax"])),
    }
}

fn waiting(view: &Value, status: &Value, paragraph: &mut Paragraph) {
    let (due, now) = (&view["due_at"], &status["now"]);
    // RFC 3339 in UTC with as many digits sorts as time does; what differs only there is now.
    let is_due = due.as_str() <= now.as_str();
    match view["attempts"].as_array().and_then(|attempts| attempts.last()) {
        None => paragraph.say("まだ一度も試していません。", "Nothing was tried yet."),
        Some(last) => {
            let number = word(&last["number"]);
            paragraph.say(format!("{number} 回目の結果："), format!("Try {number} ended so:"));
            paragraph.means(&last["ending"], false);
        }
    }
    paragraph.means(&view["because_means"], false);
    let last = view["attempts"].as_array().and_then(|attempts| attempts.last());
    if last.is_none_or(|attempt| attempt["code"] != view["reason"]) {
        paragraph.means(&view["reason_means"], true);
    }
    if !is_due {
        let due = date_and_time(due);
        paragraph.say(format!("次は {due} に送信します。"), format!("It goes again at {due}."));
    } else {
        its_turn(view, status, paragraph);
    }
    let end = date_and_time(&view["not_after"]);
    paragraph.say(
        format!("{end} までに送れなければ期限切れとなり、イベントで通知されます。"),
        format!("If it cannot be sent until {end}, it expires, and the feed says so."),
    );
}

/// It is due: what keeps it from its turn?
fn its_turn(view: &Value, status: &Value, paragraph: &mut Paragraph) {
    let (channel, carriers, carriers_ja) = match is_mail(view) {
        true => (&status["mail"], "lane to the relay", "メール送信枠"),
        false => (&status["fax"], "line", "回線"),
    };
    let usable = channel["usable"].as_u64().unwrap_or(0);
    let held = &status["appliance"]["held"];
    if !held.is_null() {
        paragraph.say("送信を全体で停止しています。", "Everything is held back.");
        paragraph.say(word(&held["text_ja"]), word(&held["text"]));
    } else if !status["appliance"]["clock_in_doubt"].is_null() {
        paragraph.say(
            "時計が大きく進んだか戻ったため、正しいと確認できるまで送信しません。対応は技術者：timedatectl で時刻を確認してください。",
            format!(
                "Nothing is sent until the clock can be believed: {}. A technician acts: see `timedatectl`.",
                word(&status["appliance"]["clock_in_doubt"])
            ),
        );
    } else if usable == 0 {
        paragraph.say(
            format!("使用できる{carriers_ja}がないため待っています。"),
            format!("It waits because no {carriers} works."),
        );
        for wrong in status["wrong"].as_array().into_iter().flatten() {
            paragraph.say(
                format!("（{}：{}）", word(&wrong["what"]), word(&wrong["code"])),
                format!("({}: {})", word(&wrong["what"]), word(&wrong["code"])),
            );
        }
        paragraph.say(
            "対応は技術者：shirase status で対処を確認してください。",
            "A technician acts: `shirase status` says what to do.",
        );
    } else if status["calling"] == false && !is_mail(view) {
        let from = date_and_time(&status["calling_from"]);
        paragraph.say(
            format!("送信時間外です。{from} から順に送信します。"),
            format!("Outside the calling hours: calls go on at {from}."),
        );
    } else {
        let waiting = word(&channel["waiting"]);
        paragraph.say(
            format!("順番待ちです（全 {waiting} 件、使用できる{carriers_ja} {usable}）。"),
            format!("It waits for its turn among {waiting}; {usable} of the {carriers}s work."),
        );
    }
}

fn sending(view: &Value, paragraph: &mut Paragraph) {
    let line = match view["live"].is_null() {
        true => view["attempts"]
            .as_array()
            .and_then(|attempts| attempts.last())
            .map_or_else(String::new, |last| word(&last["line"])),
        false => word(&view["live"]["line"]),
    };
    let phase = match view["live"]["phase"].as_str() {
        Some(phase) => format!(" ({})", phase.replace('_', " ")),
        None => String::new(),
    };
    paragraph.say(
        format!("現在 {line} で送信中です{phase}。対応は不要です。"),
        format!("It is on its way on {line}{phase}. There is nothing to do."),
    );
}

fn handed_off(view: &Value, paragraph: &mut Paragraph) {
    let until = date_and_time(&view["awaits"]["until"]);
    let ja = match view["awaits"]["then"].as_str() {
        Some("fax") => {
            format!("引き渡し済みです。{until} までにログインがなければ FAX で送ります。")
        }
        Some(_) | None => {
            format!("引き渡し済みです。{until} まで結果を待ち、その後は人の判断が必要です。")
        }
    };
    let awaits = print::awaits(view);
    paragraph
        .say(ja, format!("It was handed over and waits for {awaits}. There is nothing to do."));
}

fn uncertain(view: &Value, paragraph: &mut Paragraph) {
    paragraph.say("届いたかどうか確認できていません。", "Nobody knows whether it arrived.");
    let last = view["attempts"].as_array().and_then(|attempts| attempts.last());
    match last.filter(|last| !last["ending"].is_null()) {
        Some(last) => paragraph.means(&last["ending"], false),
        None => paragraph.means(&view["reason_means"], false),
    }
    if !view["awaits"].is_null() {
        let until = date_and_time(&view["awaits"]["until"]);
        paragraph.say(
            format!("{until} までに届く報告で決まることがあります。"),
            format!("A report may still decide it until {until}."),
        );
    }
    let (reference, id) = (word(&view["reference"]), word(&view["id"]));
    let end = date_and_time(&view["not_after"]);
    paragraph.say(
        format!("対応は居宅：事業所に電話し、照会番号 {reference} の用紙の有無を確認してください。結果は shirase resolve {id} で記録します。{end} を過ぎると、決まらないまま未達として閉じられます。"),
        format!("The care manager's office acts: call the office and ask for the sheet {reference}; then `shirase resolve {id}` records the decision. Undecided, it is closed as not delivered after {end}."),
    );
}

fn hold(view: &Value, paragraph: &mut Paragraph) {
    paragraph.say("保留中です。", "It is held back.");
    paragraph.means(&view["reason_means"], false);
    let (id, end) = (word(&view["id"]), date_and_time(&view["not_after"]));
    paragraph.say(
        format!(
            "対応は技術者：shirase release {id} で再開します。{end} を過ぎると期限切れになります。"
        ),
        format!("A technician acts: `shirase release {id}` lets it go on. It expires after {end}."),
    );
}

fn confirmed(view: &Value, paragraph: &mut Paragraph) {
    match is_mail(view) {
        true => paragraph.say(
            "サイトへのログインが確認されました。対応は不要です。",
            "Somebody logged in because of it. There is nothing to do.",
        ),
        false => paragraph.say(
            "相手の FAX 機が全ページの受信を確認しました（人が読んだことの証明ではありません）。対応は不要です。",
            "The far machine acknowledged every page, which does not say that somebody read it. There is nothing to do.",
        ),
    }
}

fn over(view: &Value, paragraph: &mut Paragraph) {
    let state = word(&view["state"]).replace('_', " ");
    let (ja, en) = match view["state"].as_str() {
        Some("failed") => ("送信できずに終了しました。", "It ended without being sent."),
        Some("expired") => (
            "期限切れで終了しました。紙には出ていません。",
            "Its time ran out, and nothing is on paper.",
        ),
        Some("cancelled") => {
            ("取り消されました。紙には出ていません。", "It was withdrawn, and nothing is on paper.")
        }
        Some("resolved_delivered") => {
            ("届いたものとして確定しました。", "It was decided to have arrived.")
        }
        Some("resolved_not_delivered") => {
            ("届かなかったものとして確定しました。", "It was closed as not delivered.")
        }
        Some(_) | None => ("終了しています。", "It is over."),
    };
    paragraph.say(ja, en);
    paragraph.means(&view["reason_means"], true);
    if view["reason_means"].is_null() && !view["reason"].is_null() {
        let reason = word(&view["reason"]);
        paragraph.say(format!("理由：{reason}。"), format!("It is {state} because of {reason}."));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::job::JobState;
    use crate::settle::endings;

    fn status() -> Value {
        json!({
            "now": "2026-11-24T01:00:00Z", "calling": true, "calling_from": null, "wrong": [], "mail": null,
            "fax": { "waiting": 12, "usable": 2, "of": 2 },
        })
    }

    fn view(state: &str) -> Value {
        json!({
            "id": "01JD3Z9Q6M4W1V8X2C5T7R0BNE", "reference": "5T7R-0BNE", "state": state, "channel": "fax",
            "recipient": { "office_number": "1179900012", "fax": "******5678", "mail": null },
            "due_at": "2026-11-24T00:50:00Z", "not_after": "2026-11-27T01:00:00Z", "attempts": [],
        })
    }

    #[test]
    fn one_that_is_due_says_what_keeps_it_from_its_turn_and_who_acts() {
        let mut status = status();
        let said = |status: &Value| told(&view("waiting"), status);
        assert_eq!(
            said(&status),
            "照会番号 5T7R-0BNE の通知（事業所 1179900012、FAX ******5678 宛）。まだ一度も試していません。\
             順番待ちです（全 12 件、使用できる回線 2）。\
             2026-11-27 10:00:00 までに送れなければ期限切れとなり、イベントで通知されます。\n\
             The notification 5T7R-0BNE to office 1179900012, by FAX to ******5678. Nothing was tried yet. \
             It waits for its turn among 12; 2 of the lines work. \
             If it cannot be sent until 2026-11-27 10:00:00, it expires, and the feed says so."
        );
        let person = crate::queue::HoldReason::Person;
        status["appliance"]["held"] = json!({ "text": person.text(), "text_ja": person.text_ja() });
        assert!(said(&status).contains("Everything is held back. Somebody holds the gateway back"));
        status["appliance"]["held"] = Value::Null;
        status["calling"] = json!(false);
        status["calling_from"] = json!("2026-11-24T23:30:00Z");
        assert!(said(&status).contains("calls go on at 2026-11-25 08:30:00"));
        status["fax"]["usable"] = json!(0);
        status["wrong"] = json!([{ "what": "line1", "code": "no-dial-tone" }]);
        let dead = said(&status);
        assert!(dead.contains("no line works. (line1: no-dial-tone) A technician acts"), "{dead}");
        assert!(dead.contains("対応は技術者"), "{dead}");
    }

    #[test]
    fn one_that_was_busy_says_so_and_when_it_goes_again() {
        let busy = serde_json::to_value(endings::find("busy")).expect("an entry");
        let mut view = view("waiting");
        view["due_at"] = json!("2026-11-24T01:05:00Z");
        view["reason"] = json!("busy");
        view["reason_means"] = busy.clone();
        view["attempts"] = json!([{ "number": 1, "code": "busy", "ending": busy }]);
        let said = told(&view, &status());
        assert!(
            said.contains(
                "Try 1 ended so: The number was busy. It goes again at 2026-11-24 10:05:00."
            ),
            "{said}"
        );
        assert_eq!(said.matches("The number was busy.").count(), 1, "{said}");
    }

    #[test]
    fn uncertain_one_names_the_sheet_to_ask_for_and_until_when() {
        let said = told(&view("uncertain"), &status());
        for part in
            ["ask for the sheet 5T7R-0BNE", "after 2026-11-27 10:00:00", "対応は居宅", "用紙の有無"]
        {
            assert!(said.contains(part), "{part} in {said}");
        }
    }

    #[test]
    fn every_state_has_a_paragraph_in_both_languages() {
        for state in JobState::ALL {
            let mut view = view(state.as_str());
            if *state == JobState::HandedOff {
                view["awaits"] = json!({ "until": "2026-11-25T01:00:00Z", "then": "decide" });
            }
            let said = told(&view, &status());
            let (ja, en) = said.split_once('\n').expect("two paragraphs");
            assert!(ja.matches('。').count() >= 2, "{state}: {ja}");
            assert!(en.is_ascii() && en.matches('.').count() >= 2, "{state}: {en}");
            assert!(!en.contains(" -"), "{state}: something is missing in {en}");
        }
    }
}
