//! What an endpoint that hears everything must have heard: I6 of the judgement.
//!
//! In: the feed, and what was posted. Out: each event that was never taken, came under two ids, before an earlier one of its
//! notification, as something else, or without a signature that a receiver believes.
//! Source: Standard Webhooks 1.0.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::{Store, Verdict};
use crate::history;

/// The only event that an endpoint is not told: it is about itself.
const NOT_TOLD: &str = "webhook_disabled";

/// What one event was posted as.
#[derive(Default)]
struct Posted {
    ids: BTreeSet<String>,
    taken: bool,
}

pub(super) fn judge(verdict: &mut Verdict, store: &Store, log: &[Value]) {
    if !store.has_endpoint {
        return;
    }
    // Of each notification what it went through, in order.
    let mut owed: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let mut names: BTreeMap<i64, (&str, &str)> = BTreeMap::new();
    for event in store.events.iter().filter(|event| event.name != NOT_TOLD) {
        owed.entry(&event.job).or_default().push(event.cursor);
        names.insert(event.cursor, (&event.job, &event.name));
    }
    let mut posted: BTreeMap<i64, Posted> = BTreeMap::new();
    // The event of each post that was not answered yet.
    let mut heard: BTreeMap<i64, i64> = BTreeMap::new();
    for entry in log {
        let post = entry["post"].as_i64().unwrap_or_default();
        match entry["event"].as_str() {
            Some("post") => {
                verdict.must(is_signed(entry), || {
                    format!("I6 post {post} is not signed as it should")
                });
                let text = entry["body"].as_str().unwrap_or_default();
                let body: Value = serde_json::from_str(text).unwrap_or_default();
                let cursor = body["data"]["cursor"].as_i64().unwrap_or_default();
                let Some((job, name)) = names.get(&cursor) else {
                    verdict.violations.push(format!("I6 post {post} tells what never happened"));
                    continue;
                };
                let is_so = body["data"]["notification"] == *job
                    && body["type"] == format!("notification.{name}");
                verdict.must(is_so, || format!("I6 event {cursor} was told as {body}"));
                let before = owed.get(job).into_iter().flatten().take_while(|it| **it < cursor);
                let skipped = before.filter(|it| posted.get(it).is_none_or(|it| !it.taken)).count();
                verdict.must(skipped == 0, || {
                    format!("I6 event {cursor} was told before {skipped} that came before it")
                });
                let id = entry["id"].as_str().unwrap_or_default().to_owned();
                posted.entry(cursor).or_default().ids.insert(id);
                heard.insert(post, cursor);
            }
            Some("taken") => {
                let of = heard.get(&post).and_then(|cursor| posted.get_mut(cursor));
                of.into_iter().for_each(|it| it.taken = true);
            }
            _of_no_matter => {}
        }
    }
    let mut events_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (cursor, (job, name)) in &names {
        let none = Posted::default();
        let Posted { ids, taken } = posted.get(cursor).unwrap_or(&none);
        verdict.must(*taken, || format!("I6 {name} of {job}, event {cursor}, was never taken"));
        verdict.must(ids.len() <= 1, || format!("I6 event {cursor} was told under {ids:?}"));
    }
    posted.values().flat_map(|it| &it.ids).for_each(|id| *events_of.entry(id).or_default() += 1);
    for (id, events) in events_of.into_iter().filter(|(_, events)| *events > 1) {
        verdict.violations.push(format!("I6 {events} events were told under {id}"));
    }
}

/// As a receiver checks it.
fn is_signed(post: &Value) -> bool {
    let text = |name: &str| post[name].as_str().unwrap_or_default();
    let secret = history::WEBHOOK_SECRET.strip_prefix("whsec_").map(|it| STANDARD.decode(it));
    let Some(Ok(secret)) = secret else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&secret) else { return false };
    mac.update(format!("{}.{}.{}", text("id"), text("timestamp"), text("body")).as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    text("signature").split(' ').any(|one| one == expected)
}
