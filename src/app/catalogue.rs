//! Every stable code that anybody can meet, looked up in one way.
//!
//! In: a code, as an answer, a receipt, the journal, `shirase check` or the shell showed it. Out: [`Explained`], one for each
//! sort of thing that has this code: `busy` is why a call ended and why a notification waits.
//! Each text stands where its meaning is decided; here are only the ways to them.
//! The tests read the sources: a code anywhere without an entry fails, and so does one that stands twice in its table.

use serde::Serialize;

use super::check::Thing;
use super::exit::Exit;
use crate::hook::alerts::ALERTS;
use crate::hook::problem::Code;
use crate::job::meaning::Meaning;
use crate::job::{Mender, names::stable_names};
use crate::send::faults::FAULTS;
use crate::settle::endings::ENDINGS;
use crate::settle::names::{ATTEMPT_STATES, EVENTS, STATES};
use crate::settle::reasons::REASONS;
use crate::tell;

/// What has the code.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Sort {
    Refusal,
    Ending,
    Reason,
    Fault,
    Alert,
    State,
    Rung,
    Event,
    Finding,
    Exit,
}

stable_names!(Sort {
    Refusal => "refusal",
    Ending => "ending",
    Reason => "reason",
    Fault => "fault",
    Alert => "alert",
    State => "state",
    Rung => "rung",
    Event => "event",
    Finding => "finding",
    Exit => "exit",
});

impl Sort {
    /// What all of this sort are, in English and in Japanese.
    pub const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Refusal => ("Refusals over HTTP", "HTTP の拒否応答"),
            Self::Ending => ("How an attempt or a notification ended", "試行・通知の結果"),
            Self::Reason => ("Why a notification waits", "待機の理由"),
            Self::Fault => (
                "Faults of lines, mail, sheets, letters and webhooks",
                "回線・メール・用紙・Webhook の異常",
            ),
            Self::Alert => ("What status and preflight point out", "状態確認・事前確認の警告"),
            Self::State => ("States of a notification", "通知の状態"),
            Self::Rung => ("States of an attempt", "試行の状態"),
            Self::Event => ("Other events and rungs", "その他のイベント"),
            Self::Finding => ("What `shirase check` looks at", "`shirase check` の確認項目"),
            Self::Exit => ("Exit statuses of the command line", "コマンドの終了ステータス"),
        }
    }
}

/// What a code means, and what to do.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Explained {
    pub code: &'static str,
    #[serde(serialize_with = "by_name")]
    pub sort: Sort,
    /// The HTTP status with which it comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What happened, in English and in Japanese.
    pub text: &'static str,
    pub text_ja: &'static str,
    /// The short Japanese term, where there is one.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub label_ja: &'static str,
    /// Who acts; nobody if there is nothing to do.
    pub acts: Option<Mender>,
    /// What to do.
    pub next: &'static str,
    pub next_ja: &'static str,
}

/// All of them, sort by sort.
pub fn all() -> impl Iterator<Item = Explained> {
    Sort::ALL.iter().flat_map(|sort| of(*sort))
}

/// All of one sort, in the order of their table.
pub fn of(sort: Sort) -> Vec<Explained> {
    let table = |table: &[Meaning]| table.iter().map(|entry| Explained::of(sort, entry)).collect();
    match sort {
        Sort::Refusal => Code::ALL.iter().map(|code| Explained::refusal(*code)).collect(),
        Sort::Ending => table(ENDINGS),
        Sort::Reason => table(REASONS),
        Sort::Fault => [table(FAULTS), table(tell::faults::FAULTS)].concat(),
        Sort::Alert => table(ALERTS),
        Sort::State => table(STATES),
        Sort::Rung => table(ATTEMPT_STATES),
        Sort::Event => table(EVENTS),
        Sort::Finding => {
            Thing::ALL.iter().map(|thing| Explained::of(sort, &thing.meaning())).collect()
        }
        Sort::Exit => Exit::ALL.iter().map(|exit| Explained::of(sort, &exit.meaning())).collect(),
    }
}

/// Everything that has exactly this code.
pub fn find(code: &str) -> Vec<Explained> {
    all().filter(|entry| entry.code == code).collect()
}

/// The codes that somebody may have meant, the nearest first, at most five.
pub fn nearest(wanted: &str) -> Vec<&'static str> {
    const MOST: usize = 5;
    // Nobody mistypes more than a third of it.
    let (wanted, limit) = (wanted.to_lowercase().replace('_', "-"), wanted.len() / 3 + 1);
    let mut found: Vec<(usize, &str)> = all()
        .filter_map(|entry| {
            let code = entry.code.replace('_', "-");
            if wanted.len() > 2 && code.contains(&wanted) {
                return Some((1, entry.code));
            }
            let distance = distance(&wanted, &code);
            (distance <= limit).then_some((distance, entry.code))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(MOST).map(|(_, code)| code).collect()
}

impl Explained {
    fn of(sort: Sort, entry: &Meaning) -> Self {
        let Meaning { code, label_ja, text, text_ja, acts, next, next_ja } = *entry;
        Self { code, sort, status: None, text, text_ja, label_ja, acts, next, next_ja }
    }

    fn refusal(code: Code) -> Self {
        let entry = code.entry();
        Self {
            code: entry.code,
            sort: Sort::Refusal,
            status: Some(entry.status.as_u16()),
            text: entry.title,
            text_ja: entry.title_ja,
            label_ja: "",
            acts: Some(entry.mender),
            next: entry.next,
            next_ja: entry.next_ja,
        }
    }
}

/// How many characters must be put in, taken out or exchanged to make one word the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (above, left) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (column, top) in other.chars().enumerate() {
            let exchanged = diagonal + usize::from(left != top);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

fn by_name<S: serde::Serializer>(sort: &Sort, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(sort.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::path::Path;

    use super::*;
    use crate::job::{AttemptState, FaxBecause, JobState, Sign};
    use crate::schedule::backoff::Cause;
    use crate::settle::bounce::Bounce;

    fn is_known(code: &str) -> bool {
        !find(code).is_empty()
    }

    #[test]
    fn every_entry_stands_once_in_its_sort_and_speaks_both_languages() {
        let mut seen = HashSet::new();
        for entry in all() {
            let code = entry.code;
            assert!(seen.insert((entry.sort, code)), "{code} twice among {}", entry.sort);
            let is_name = |octet: u8| octet.is_ascii_alphanumeric() || b"-_".contains(&octet);
            assert!(code.bytes().all(is_name), "{code}");
            for english in [entry.text, entry.next] {
                assert!(english.is_ascii() && english.ends_with(['.', '?']), "{code}: {english}");
            }
            for japanese in [entry.text_ja, entry.next_ja] {
                assert!(japanese.ends_with('。') && !japanese.is_ascii(), "{code}: {japanese}");
            }
        }
    }

    /// A code of two sorts is named alike on purpose; each pair is written here by somebody who has thought about it.
    #[test]
    fn code_of_two_sorts_is_one_that_may_be() {
        let alike = [
            // What ended the last call is what the next one waits for.
            ("busy", [Sort::Ending, Sort::Reason]),
            ("no-answer", [Sort::Ending, Sort::Reason]),
            ("cannot-receive", [Sort::Ending, Sort::Reason]),
            ("mail-deferred", [Sort::Ending, Sort::Reason]),
            ("service-refused", [Sort::Ending, Sort::Reason]),
            // The attempt that was stopped, and the notification.
            ("cancelled", [Sort::Ending, Sort::State]),
            // No sheet, as the caller hears it before and the notification after it was stored.
            ("sheet-unavailable", [Sort::Refusal, Sort::Reason]),
            // Why it is not taken on, and why it is not called after all.
            ("office-closed", [Sort::Refusal, Sort::Ending]),
            ("office-fax-mismatch", [Sort::Refusal, Sort::Ending]),
            ("number-not-proven", [Sort::Refusal, Sort::Ending]),
        ];
        let mut sorts: HashMap<&str, Vec<Sort>> = HashMap::new();
        all().for_each(|entry| sorts.entry(entry.code).or_default().push(entry.sort));
        sorts.retain(|_, sorts| sorts.len() > 1);
        for (code, sorts) in &sorts {
            let listed = alike.iter().any(|(name, both)| name == code && both[..] == sorts[..]);
            assert!(listed, "`{code}` is {sorts:?}: tell them apart, or say here why not");
        }
        assert_eq!(sorts.len(), alike.len(), "the list above has one that is none: {sorts:?}");
    }

    #[test]
    fn every_name_of_every_enum_has_an_entry() {
        let of_sort = |sort, name: &str| {
            assert!(of(sort).iter().any(|entry| entry.code == name), "`{name}` is no {sort}");
        };
        Cause::ALL.iter().for_each(|cause| of_sort(Sort::Reason, cause.as_str()));
        FaxBecause::ALL.iter().for_each(|because| of_sort(Sort::Ending, because.as_str()));
        Bounce::ALL.iter().for_each(|bounce| of_sort(Sort::Ending, bounce.as_str()));
        JobState::ALL.iter().for_each(|state| of_sort(Sort::State, state.as_str()));
        Sign::ALL.iter().for_each(|sign| of_sort(Sort::Event, sign.as_str()));
        for state in AttemptState::ALL {
            assert!(is_known(state.as_str()), "{state}");
        }
        assert_eq!(Code::ALL.len(), of(Sort::Refusal).len());
        assert_eq!(of(Sort::State).len(), JobState::ALL.len(), "one that is none any more");
    }

    /// Every code that any source gives: `code: "x"`, `reason: "x"`, what a `fn code` answers, and the names of events.
    #[test]
    fn every_code_that_a_source_can_give_has_an_entry() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut given: Vec<(String, String)> = Vec::new();
        for folder in
            ["src", "drivers/mail/src", "drivers/modem/src", "drivers/sheet/src"].into_iter().chain(
                ["drivers/t30/src", "drivers/t4/src", "drivers/tagline/src", "drivers/webhook/src"],
            )
        {
            for file in sources(&root.join(folder)) {
                let text = std::fs::read_to_string(&file).expect("a source");
                let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
                let place = file.strip_prefix(root).expect("within").display().to_string();
                given.extend(codes_in(product).into_iter().map(|code| (code, place.clone())));
            }
        }
        assert!(given.len() > 150, "the sources look otherwise now: {} codes", given.len());
        let missing: Vec<_> = given.iter().filter(|(code, _)| !is_known(code)).collect();
        assert!(missing.is_empty(), "without an entry: {missing:#?}");
    }

    /// What the store writes into the feed is in the catalogue, and what the catalogue has of the feed is written.
    #[test]
    fn every_event_that_the_store_writes_has_an_entry_and_every_entry_is_of_one_that_is_written() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let product = |path: &Path| {
            let text = std::fs::read_to_string(path).expect("a source");
            text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()
        };
        // In the place of one that was written and cannot be read.
        let mut written = HashSet::from([crate::queue::UNREADABLE.to_owned()]);
        let mut calls = 0;
        for file in sources(&root.join("src/queue/sqlite")) {
            for call in product(&file).split("event(conn,").skip(1) {
                calls += 1;
                // The name is the fifth; none before it has a comma within.
                let name = call.split(',').nth(3).map(str::trim).unwrap_or_default();
                match name {
                    _ if name.starts_with('"') => {
                        written.insert(name.trim_matches('"').to_owned());
                    }
                    // A state of a notification.
                    _ if name.ends_with("state.as_str()") || name.starts_with("JobState::") => {}
                    "sign.as_str()" | "receipt.report.rung()" => {}
                    // Of a rung that a carrier gives, or of a state.
                    "name" => {}
                    "GIVEN_UP" => {
                        written.insert(tell::GIVEN_UP.to_owned());
                    }
                    "DISABLED" => {
                        written.insert(tell::DISABLED.to_owned());
                    }
                    other => panic!("{}: which events are `{other}`?", file.display()),
                }
            }
        }
        assert!(calls > 15, "the store writes events otherwise now: {calls} places");
        for file in sources(&root.join("src/send")) {
            let text = product(&file);
            written.extend(text.split(".rung(\"").skip(1).filter_map(quoted));
        }
        let receipts = product(&root.join("src/settle/receipts.rs"));
        let receipts = receipts.split("fn rung(self)").nth(1).expect("names of receipts");
        let receipts = receipts.split("\n    }\n").next().unwrap_or_default();
        written.extend(receipts.split("=> \"").skip(1).filter_map(quoted));
        written.extend(JobState::ALL.iter().map(|state| state.as_str().to_owned()));
        written.extend(Sign::ALL.iter().map(|sign| sign.as_str().to_owned()));

        let feed = [Sort::State, Sort::Rung, Sort::Event];
        for name in &written {
            assert!(find(name).iter().any(|entry| feed.contains(&entry.sort)), "`{name}`");
        }
        for entry in feed.iter().flat_map(|sort| of(*sort)) {
            // Not every state of an attempt is told as well.
            let is_attempt = entry.code.parse::<AttemptState>().is_ok();
            assert!(is_attempt || written.contains(entry.code), "nobody writes `{}`", entry.code);
        }
    }

    fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            // Tests, programs of a driver, and what a trace of a call says of frames.
            if name.contains("test") || ["contract", "bin", "replay", "describe"].contains(&name) {
                continue;
            }
            if path.is_dir() {
                files.extend(sources(&path));
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
        files
    }

    fn codes_in(source: &str) -> Vec<String> {
        let mut codes = Vec::new();
        for before in ["code: \"", "reason: \"", "let reason = \"", "let code = \"", ".rung(\""] {
            codes.extend(source.split(before).skip(1).filter_map(quoted));
        }
        for before in ["fn code(self)", "fn code(&self)", "fn rung(self)", "fn stop_code("] {
            for body in source.split(before).skip(1) {
                let body = body.split("\n    }\n").next().unwrap_or_default();
                codes.extend(body.split("=> \"").skip(1).filter_map(quoted));
            }
        }
        let is_code = |code: &String| {
            code.starts_with(|first: char| first.is_ascii_lowercase())
                && code.bytes().all(|o| o.is_ascii_lowercase() || b"-_0123456789".contains(&o))
        };
        codes.into_iter().filter(is_code).collect()
    }

    fn quoted(rest: &str) -> Option<String> {
        Some(rest.split_once('"')?.0.to_owned())
    }

    #[test]
    fn mistyped_code_leads_to_the_one_that_was_meant() {
        assert_eq!(nearest("no-anwser").first(), Some(&"no-answer"));
        assert_eq!(nearest("Unrenderable").first(), Some(&"unrenderable"));
        assert!(nearest("identity").contains(&"identity-conflict"));
        assert!(nearest("page-started").contains(&"page_started"));
        assert_eq!(nearest("xyzzyplugh"), [""; 0]);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
