//! What must be true of every history, and what of it is not.
//!
//! | | promise |
//! |---|---|
//! | I1 | what was answered with 202 exists, until it is so old that it may be forgotten |
//! | I2 | one notification for each key, the same for each answer |
//! | I3 | a key is on paper at most once without a confirmation or a decision; never again after a confirmation |
//! | I4 | a final state stays; a withdrawal, sign, decision, hold or release that was answered is kept |
//! | I5 | confirmed only what the far end acknowledged, handed off only what the relay took |
//! | I6 | every change has one event; the feed and the state agree; the endpoint took each, signed, under one id and in order |
//! | I7 | no secret in clear in the store, the logs of the gateway or its answers |
//! | I8 | one call at a time on a line, and one to a number |
//! | I9 | every call and every page that went out is on disk |
//! | I10 | what is not final has a next time or somebody who decides |
//! | I11 | no call after its time, and none for what was withdrawn |
//! | I12 | the store is whole |
//!
//! In: a folder. Out: a [`Verdict`]. Not here: where the logs come from (`history.rs`); what a caller was told (`told.rs`); what the
//! endpoint heard (`posts.rs`).

#[path = "posts.rs"]
mod posts;
#[path = "told.rs"]
mod told;

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use self::told::Told;
use crate::history;

const FINAL: [&str; 6] =
    ["confirmed", "failed", "expired", "cancelled", "resolved_delivered", "resolved_not_delivered"];
/// Kinds with a key.
const SECRET: [&str; 2] = ["first_contact", "credentials_reissued"];
/// A notice without a key goes so often in all, if nobody confirms it.
const MOST_COPIES: usize = 3;

/// What was found.
#[derive(Default)]
pub struct Verdict {
    pub violations: Vec<String>,
    pub counted: BTreeMap<&'static str, usize>,
}

impl Verdict {
    pub fn to_json(&self) -> Value {
        json!({ "violations": self.violations, "counted": self.counted })
    }

    fn must(&mut self, is_true: bool, otherwise: impl FnOnce() -> String) {
        if !is_true {
            self.violations.push(otherwise());
        }
    }
}

struct Job {
    id: String,
    key: String,
    state: String,
    kind: String,
    fax: String,
    due_at: Option<i64>,
    not_after: i64,
    watch_until: Option<i64>,
    signs: [Option<i64>; 3],
    /// Decisions that are kept.
    decisions: u32,
    /// Those among them by which it is sent once more.
    sends: u32,
}

struct Attempt {
    channel: String,
    state: String,
    dialled: bool,
    page_started: bool,
    dot_sent: bool,
    ended: bool,
}

struct Event {
    cursor: i64,
    job: String,
    name: String,
    detail: Value,
}

struct Store {
    /// By id.
    jobs: BTreeMap<String, Job>,
    /// Of each job, in their order.
    attempts: BTreeMap<String, Vec<Attempt>>,
    events: Vec<Event>,
    /// Why all is held back.
    held: Option<String>,
    /// There is an endpoint that is told everything.
    has_endpoint: bool,
}

/// What was written down beside the store; see [`history`].
#[derive(Clone, Default)]
pub struct Logs {
    pub history: Vec<Value>,
    pub line: Vec<Value>,
    pub relay: Vec<Value>,
    pub webhook: Vec<Value>,
}

/// Judges a folder.
#[allow(dead_code, reason = "whoever has the logs in memory judges these")]
pub fn judge(folder: &Path) -> Verdict {
    let log = |name: &str| history::read(&folder.join(name));
    let logs = Logs {
        history: log(history::HISTORY),
        line: log(history::LINE),
        relay: log(history::RELAY),
        webhook: log(history::WEBHOOK),
    };
    let mut verdict = judge_store(&folder.join("queue.db"), &logs);
    secrets(&mut verdict, folder);
    verdict
}

/// Judges a store by logs. No gateway runs on it.
pub fn judge_store(store: &Path, logs: &Logs) -> Verdict {
    let mut verdict = Verdict::default();
    let opened = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let store = opened.and_then(|conn| {
        let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        verdict.must(sound == "ok", || format!("I12 the store is damaged: {sound}"));
        let dangling: i64 =
            conn.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
        verdict.must(dangling == 0, || format!("I12 {dangling} rows refer to nothing"));
        Store::read(&conn)
    });
    let store = match store {
        Ok(store) => store,
        Err(error) => {
            verdict.violations.push(format!("I12 the store cannot be read: {error}"));
            return verdict;
        }
    };
    let Logs { history, line, relay, webhook } = logs;
    let told = Told::read(history);
    answers(&mut verdict, &store, &told);
    states(&mut verdict, &store, &told);
    events(&mut verdict, &store);
    calls(&mut verdict, &store, &told, line);
    mails(&mut verdict, &store, relay);
    posts::judge(&mut verdict, &store, webhook);
    let of = |log: &[Value], event: &str| log.iter().filter(|line| line["event"] == event).count();
    verdict.counted.extend([
        ("notifications", store.jobs.len()),
        ("attempts", store.attempts.values().map(Vec::len).sum()),
        ("events", store.events.len()),
        ("kills", history.iter().filter(|line| line["signal"] == 9).count()),
        ("posts", of(history, "post")),
        ("dialled", of(line, "dialled")),
        ("pages", of(line, "page")),
        ("mails", of(relay, "content")),
        ("webhooks", of(webhook, "post")),
    ]);
    verdict
}

impl Store {
    fn read(conn: &Connection) -> rusqlite::Result<Self> {
        let jobs = conn
            .prepare(
                "SELECT id, idempotency_key, state, kind, fax_digits, due_at, not_after, watch_until,
                    first_login_at, terms_accepted_at, first_download_at,
                    (SELECT count(*) FROM resolution WHERE resolution.job = job.id),
                    (SELECT count(*) FROM resolution WHERE resolution.job = job.id
                        AND choice IN ('resend', 'rotate')) FROM job",
            )?
            .query_map([], |row| {
                let job = Job {
                    id: row.get(0)?,
                    key: row.get(1)?,
                    state: row.get(2)?,
                    kind: row.get(3)?,
                    fax: row.get(4)?,
                    due_at: row.get(5)?,
                    not_after: row.get(6)?,
                    watch_until: row.get(7)?,
                    signs: [row.get(8)?, row.get(9)?, row.get(10)?],
                    decisions: row.get(11)?,
                    sends: row.get(12)?,
                };
                Ok((job.id.clone(), job))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut attempts = BTreeMap::<String, Vec<Attempt>>::new();
        let rows: Vec<(String, Attempt)> = conn
            .prepare(
                "SELECT job, channel, state, dialled_at IS NOT NULL, page_started_at IS NOT NULL,
                    dot_sent_at IS NOT NULL, ended_at IS NOT NULL FROM attempt ORDER BY id",
            )?
            .query_map([], |row| {
                let attempt = Attempt {
                    channel: row.get(1)?,
                    state: row.get(2)?,
                    dialled: row.get(3)?,
                    page_started: row.get(4)?,
                    dot_sent: row.get(5)?,
                    ended: row.get(6)?,
                };
                Ok((row.get(0)?, attempt))
            })?
            .collect::<rusqlite::Result<_>>()?;
        rows.into_iter().for_each(|(job, it)| attempts.entry(job).or_default().push(it));
        let events = conn
            .prepare("SELECT cursor, job, name, detail FROM event ORDER BY cursor")?
            .query_map([], |row| {
                let detail: String = row.get(3)?;
                let detail = serde_json::from_str(&detail).unwrap_or_default();
                Ok(Event { cursor: row.get(0)?, job: row.get(1)?, name: row.get(2)?, detail })
            })?
            .collect::<rusqlite::Result<_>>()?;
        let held = conn.query_row("SELECT held_because FROM appliance", [], |row| row.get(0))?;
        let has_endpoint =
            conn.query_row("SELECT EXISTS (SELECT 1 FROM webhook)", [], |row| row.get(0))?;
        Ok(Self { jobs, attempts, events, held, has_endpoint })
    }

    fn attempts_of(&self, job: &str) -> &[Attempt] {
        self.attempts.get(job).map_or(&[], Vec::as_slice)
    }
}

fn answers(verdict: &mut Verdict, store: &Store, told: &Told) {
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for job in store.jobs.values() {
        by_key.entry(&job.key).or_default().push(&job.id);
    }
    for (key, ids) in &told.accepted {
        verdict.must(ids.len() == 1, || format!("I2 {key} was answered with {ids:?}"));
        for id in ids {
            let is_there = by_key.get(key.as_str()).is_some_and(|jobs| jobs.contains(&id.as_str()));
            verdict.must(is_there || told.aged.contains(id), || {
                format!("I1 {id} of {key} was accepted and is lost")
            });
        }
    }
    for (key, ids) in by_key.iter().filter(|(_, ids)| ids.len() > 1) {
        verdict.violations.push(format!("I2 {key} has {} notifications", ids.len()));
    }
}

fn states(verdict: &mut Verdict, store: &Store, told: &Told) {
    for job in store.jobs.values() {
        let id = &job.id;
        let mut shown: Vec<&str> =
            told.shown.get(id).into_iter().flatten().map(String::as_str).collect();
        shown.push(&job.state);
        for pair in shown.windows(2) {
            if let [before, after] = pair {
                let stays = !FINAL.contains(before) || before == after;
                verdict.must(stays, || format!("I4 {id} was {before} and became {after}"));
            }
        }
        let has_owner = match job.state.as_str() {
            "waiting" => job.due_at.is_some(),
            "handed_off" => job.watch_until.is_some(),
            // A person decides; a technician releases.
            "uncertain" | "hold" => true,
            // Nobody is on any line: the gateway does not run.
            "sending" => false,
            state => FINAL.contains(&state),
        };
        verdict.must(has_owner, || format!("I10 {id} is {} and nothing follows", job.state));
    }
    for id in told.cancelled.keys() {
        let is_kept = store.jobs.get(id).is_some_and(|job| job.state == "cancelled");
        verdict.must(is_kept, || format!("I4 {id} was answered as cancelled and is not"));
    }
    for (id, kind) in &told.signed {
        let column = ["first_login", "terms_accepted", "first_download"];
        let at = column.iter().position(|name| name == kind);
        let is_kept = store
            .jobs
            .get(id)
            .zip(at)
            .is_some_and(|(job, at)| job.signs.get(at).copied().flatten().is_some());
        verdict.must(is_kept, || format!("I4 {kind} of {id} was answered and is not kept"));
    }
    for (id, by) in &told.decided {
        let kept = store.jobs.get(id).map_or(0, |job| job.decisions) as usize;
        verdict.must(kept >= by.len(), || {
            format!("I4 {} decisions of {id} were answered, {kept} are kept", by.len())
        });
    }
    for (id, is_held) in &told.held {
        let is_kept = store.jobs.get(id).is_some_and(|job| (job.state == "hold") == *is_held);
        verdict.must(is_kept, || format!("I4 {id} was answered as held ({is_held}) and is not so"));
    }
    // By a person, or not at all: nothing was restored, and no disk failed.
    let is_held_as_told = match store.held.as_deref() {
        None => told.all_held != Some(true),
        Some("person") => told.all_held != Some(false),
        Some(_) => false,
    };
    verdict.must(is_held_as_told, || {
        format!("I4 all is held back for {:?}, told {:?}", store.held, told.all_held)
    });
    let open = store.attempts.values().flatten().filter(|attempt| !attempt.ended).count();
    verdict.must(open == 0, || format!("I10 {open} attempts are open and nobody is on a line"));
}

fn events(verdict: &mut Verdict, store: &Store) {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    let mut accepted: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &store.events {
        if let Some(state) = event.detail["state"].as_str()
            && let Some(before) = last.insert(&event.job, state)
        {
            let stays = !FINAL.contains(&before) || before == state;
            verdict.must(stays, || format!("I4 {}: {state} after {before}", event.job));
        }
        *ends.entry(&event.job).or_default() += usize::from(!event.detail["evidence"].is_null());
        *accepted.entry(&event.job).or_default() += usize::from(event.name == "accepted");
    }
    for job in store.jobs.values() {
        let id = job.id.as_str();
        let told = last.get(id).copied().unwrap_or_default();
        verdict.must(told == job.state, || format!("I6 {id} is {}, told {told}", job.state));
        let ended = store.attempts_of(id).iter().filter(|it| it.ended).count();
        let told = ends.get(id).copied().unwrap_or_default();
        verdict.must(told == ended, || format!("I6 {id}: {ended} attempts ended, told {told}"));
        let told = accepted.get(id).copied().unwrap_or_default();
        verdict.must(told == 1, || format!("I6 {id}: its acceptance was told {told} times"));
    }
}

/// What the lines saw of one number.
#[derive(Default)]
struct Seen {
    dialled: Vec<i64>,
    pages: Vec<i64>,
    acknowledged: usize,
}

impl Seen {
    /// By number. No line is in two calls at once, and no number.
    fn read(verdict: &mut Verdict, log: &[Value]) -> BTreeMap<String, Self> {
        let mut seen: BTreeMap<String, Self> = BTreeMap::new();
        let mut on_call: BTreeMap<&str, &str> = BTreeMap::new();
        for entry in log {
            let number = entry["number"].as_str().unwrap_or_default();
            let line = entry["line"].as_str().unwrap_or_default();
            let ms = entry["ms"].as_i64().unwrap_or_default();
            let here = seen.entry(number.to_owned()).or_default();
            match entry["event"].as_str() {
                Some("dialled") => {
                    here.dialled.push(ms);
                    let elsewhere =
                        on_call.iter().any(|(other, it)| *other != line && *it == number);
                    verdict.must(!elsewhere, || {
                        format!("I8 ...{} was dialled on two lines at once", tail(number))
                    });
                    let before = on_call.insert(line, number);
                    verdict.must(before.is_none(), || {
                        format!("I8 ...{} was dialled in a call", tail(number))
                    });
                }
                Some("page") => here.pages.push(ms),
                Some("acknowledged") => here.acknowledged += 1,
                Some("on_hook") => drop(on_call.remove(line)),
                _of_no_matter => {}
            }
        }
        seen
    }
}

/// A line knows of numbers only: what it saw is of all notifications to one of them.
fn calls(verdict: &mut Verdict, store: &Store, told: &Told, log: &[Value]) {
    let mut by_number: BTreeMap<&str, Vec<&Job>> = BTreeMap::new();
    for job in store.jobs.values() {
        by_number.entry(&job.fax).or_default().push(job);
    }
    let all_seen = Seen::read(verdict, log);
    for (number, seen) in &all_seen {
        let is_known =
            by_number.contains_key(number.as_str()) || told.aged_numbers.contains(number);
        verdict.must(seen.dialled.is_empty() || is_known, || {
            format!("I9 ...{} was dialled for nobody", tail(number))
        });
    }
    let none = Seen::default();
    for (number, jobs) in by_number {
        let seen = all_seen.get(number).unwrap_or(&none);
        let of = |job: &&Job| store.attempts_of(&job.id).iter().filter(|it| it.channel == "fax");
        let count = |what: &dyn Fn(&Attempt) -> bool| {
            jobs.iter().flat_map(of).filter(|attempt| what(attempt)).count()
        };
        let number = tail(number);

        let dialled = count(&|it| it.dialled);
        verdict.must(dialled >= seen.dialled.len(), || {
            format!("I9 ...{number}: {} calls went out, {dialled} are counted", seen.dialled.len())
        });
        let started = count(&|it| it.page_started);
        verdict.must(started >= seen.pages.len(), || {
            format!("I9 ...{number}: {} pages went out, {started} are known", seen.pages.len())
        });
        let confirmed = count(&|it| it.state == "confirmed");
        verdict.must(confirmed <= seen.acknowledged, || {
            format!("I5 ...{number}: {confirmed} confirmed, {} acknowledged", seen.acknowledged)
        });
        for (before, ms) in seen.pages.iter().enumerate() {
            let most: usize = jobs.iter().map(|job| most_sheets(job, told, *ms)).sum();
            verdict.must(before < most, || {
                format!("I3 ...{number}: on paper {} times, {most} were wanted by then", before + 1)
            });
        }
        for ms in &seen.dialled {
            let has_time = jobs.iter().any(|job| *ms <= job.not_after);
            verdict.must(has_time, || format!("I11 ...{number} was dialled after its time"));
            let is_wanted =
                jobs.iter().any(|job| told.cancelled.get(&job.id).is_none_or(|at| ms <= at));
            verdict
                .must(is_wanted, || format!("I11 ...{number} was dialled after it was cancelled"));
        }
        for job in jobs {
            let is_signed = job.signs.iter().any(Option::is_some);
            let is_proven = job.state != "confirmed" || seen.acknowledged > 0 || is_signed;
            verdict.must(is_proven, || {
                format!("I5 {} is confirmed, and nobody acknowledged it", job.id)
            });
            // By the store: an acknowledgement that a gateway did not live to hear is none that it knows of.
            let behind = of(&job).skip_while(|it| it.state != "confirmed").skip(1);
            let again = behind.filter(|it| it.page_started).count();
            verdict.must(again == 0, || {
                format!("I3 {}: sent {again} times after its confirmation", job.id)
            });
        }
    }
}

/// How often it may be on paper by then: by itself, and by decisions that were asked for before and are kept.
fn most_sheets(job: &Job, told: &Told, ms: i64) -> usize {
    let by_itself = if SECRET.contains(&job.kind.as_str()) { 1 } else { MOST_COPIES };
    let asked = told.sends.get(&job.id).into_iter().flatten().filter(|at| **at <= ms).count();
    by_itself + asked.min(job.sends as usize)
}

/// By the number in the recipient's address: no two notifications have the same.
fn mails(verdict: &mut Verdict, store: &Store, relay: &[Value]) {
    let mut content: BTreeMap<&str, usize> = BTreeMap::new();
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in relay {
        let number = entry["number"].as_str().unwrap_or_default();
        match entry["event"].as_str() {
            Some("content") => *content.entry(number).or_default() += 1,
            Some("taken") => *taken.entry(number).or_default() += 1,
            _of_no_matter => {}
        }
    }
    for job in store.jobs.values() {
        let id = &job.id;
        let of_job = || store.attempts_of(id).iter().filter(|it| it.channel == "mail");
        let count = |of: &BTreeMap<&str, usize>| of.get(job.fax.as_str()).copied().unwrap_or(0);
        let begun = of_job().filter(|it| it.dot_sent).count();
        verdict.must(begun >= count(&content), || {
            format!("I9 {id}: {} mails went out, {begun} are known", count(&content))
        });
        let mailed = count(&content);
        verdict.must(mailed <= 1, || format!("I3 {id} was mailed {mailed} times"));
        let handed = of_job().filter(|it| it.state == "handed_off").count();
        verdict.must(handed <= count(&taken), || {
            format!("I5 {id}: {handed} handed off, the relay took {}", count(&taken))
        });
    }
}

fn secrets(verdict: &mut Verdict, folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_told = [history::HISTORY, history::WEBHOOK].contains(&name.as_str());
        if name.starts_with("queue.db") || name.ends_with(".log") || is_told {
            let octets = std::fs::read(entry.path()).unwrap_or_default();
            let is_clean = !String::from_utf8_lossy(&octets).contains(history::CANARY);
            verdict.must(is_clean, || format!("I7 a secret is in {name}"));
        }
    }
}

fn tail(number: &str) -> &str {
    number.get(number.len().saturating_sub(4)..).unwrap_or_default()
}
