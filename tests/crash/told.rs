//! What the gateway was asked and what it said, as far as it has to keep to it.
//!
//! In: the lines of the history. Out: [`Told`]. What was not answered may have happened or not: it is no promise, but what
//! it allowed is allowed.
//! Not here: whether it was kept (`judge.rs`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What the gateway said to its caller.
#[derive(Default)]
pub(super) struct Told {
    /// Ids of 202s, by key.
    pub(super) accepted: BTreeMap<String, BTreeSet<String>>,
    /// When a withdrawal was answered with "cancelled".
    pub(super) cancelled: BTreeMap<String, i64>,
    /// Signs that were answered.
    pub(super) signed: BTreeSet<(String, String)>,
    /// When decisions to send once more were asked for, answered as carried out or not at all: each may be followed by
    /// one more sheet.
    pub(super) sends: BTreeMap<String, Vec<i64>>,
    /// Who decided, of those that were answered as carried out; everybody decides once.
    pub(super) decided: BTreeMap<String, BTreeSet<String>>,
    /// Answered as held back, or as let go on, and nothing else was asked for after that.
    pub(super) held: BTreeMap<String, bool>,
    /// Whether all is held back, if that is known: it was answered, and nothing else was asked for after that.
    pub(super) all_held: Option<bool>,
    /// So old that they may be forgotten, and their numbers.
    pub(super) aged: BTreeSet<String>,
    pub(super) aged_numbers: BTreeSet<String>,
    /// States in the order in which they were shown.
    pub(super) shown: BTreeMap<String, Vec<String>>,
}

impl Told {
    pub(super) fn read(history: &[Value]) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut told = Self { all_held: Some(false), ..Self::default() };
        let mut asked: BTreeMap<i64, &Value> = BTreeMap::new();
        // Of each decision to send once more, by whom: whoever asks again asks for the same.
        let mut sends: BTreeMap<(String, String), i64> = BTreeMap::new();
        for line in history {
            match line["event"].as_str() {
                Some(
                    event @ ("post" | "withdraw" | "sign" | "decide" | "hold" | "release"
                    | "hold_all" | "release_all"),
                ) => {
                    asked.insert(line["call"].as_i64().unwrap_or_default(), line);
                    let id = || text(&line["id"]);
                    match event {
                        "decide"
                            if matches!(line["action"].as_str(), Some("resend" | "rotate")) =>
                        {
                            let ms = line["ms"].as_i64().unwrap_or_default();
                            sends.entry((id(), text(&line["by"]))).or_insert(ms);
                        }
                        "hold" | "release" => drop(told.held.remove(&id())),
                        "hold_all" | "release_all" => told.all_held = None,
                        _of_no_matter_before_it_is_answered => {}
                    }
                }
                Some("aged") => {
                    told.aged.insert(text(&line["id"]));
                    told.aged_numbers.insert(text(&line["number"]));
                }
                Some("answer") => {
                    let Some(asked) = line["call"].as_i64().and_then(|call| asked.get(&call))
                    else {
                        continue;
                    };
                    match (asked["event"].as_str(), line["status"].as_i64()) {
                        (Some("post"), Some(202)) => {
                            let ids = told.accepted.entry(text(&asked["key"])).or_default();
                            ids.insert(text(&line["id"]));
                        }
                        (Some("withdraw"), Some(200)) => {
                            let ms = line["ms"].as_i64().unwrap_or_default();
                            told.cancelled.entry(text(&asked["id"])).or_insert(ms);
                        }
                        (Some("sign"), Some(200)) => {
                            told.signed.insert((text(&asked["id"]), text(&asked["kind"])));
                        }
                        (Some("decide"), Some(200)) => {
                            let by = told.decided.entry(text(&asked["id"])).or_default();
                            by.insert(text(&asked["by"]));
                        }
                        // It was refused: nothing follows from it. What the gateway could not say is as if unheard.
                        (Some("decide"), Some(400..500)) => {
                            sends.remove(&(text(&asked["id"]), text(&asked["by"])));
                        }
                        (Some(event @ ("hold" | "release")), Some(200)) => {
                            told.held.insert(text(&asked["id"]), event == "hold");
                        }
                        (Some(event @ ("hold_all" | "release_all")), Some(200)) => {
                            told.all_held = Some(event == "hold_all");
                        }
                        _of_no_promise => {}
                    }
                }
                Some("shown") => {
                    told.shown.entry(text(&line["id"])).or_default().push(text(&line["state"]));
                }
                _of_no_promise => {}
            }
        }
        for ((id, _by), ms) in sends {
            told.sends.entry(id).or_default().push(ms);
        }
        told
    }
}
