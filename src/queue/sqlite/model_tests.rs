//! Whatever happens in whatever order, the states keep their promises.
//!
//! Random inputs of every kind go to a store in a real file, on a clock that is told; after each of them the file is
//! looked at from outside. A trigger that only this test adds notes every change of a state, so that the feed can be
//! compared with what really changed.

use std::collections::HashMap;
use std::time::Duration;

use modem::Ending;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;

use super::tests::{key, place};
use super::*;
use crate::job::examples::{CANARIES, TUESDAY_10_00};
use crate::job::{
    AttemptState, Content, Evidence, FaxBecause, IdempotencyKey, JobState, Kind, examples,
};
use crate::office::MailRoute;
use crate::queue::contract::{client, decision, rotate};
use crate::queue::resolution::{Fingerprint, Way};
use crate::settle::bounce::Bounce;
use crate::settle::receipts::{FaxFailure, Receipt, Report};
use crate::settle::{self, AtEnd, Next, Outcome, Reach, Standing, TIME_TO_DECIDE, Watch};

/// Runs of so many inputs each. Chosen: some seconds; more are a number here.
const RUNS: u32 = 16;
const INPUTS: std::ops::Range<usize> = 20..100;

#[derive(Clone, Debug)]
enum Input {
    Accept {
        sheet: Sheet,
        number: u8,
        life_min: u64,
    },
    /// A call or a mail that goes as far as its steps, and is left there or ends.
    Try {
        carrier: Carrier,
        steps: usize,
        end: Option<End>,
    },
    /// A step of any attempt, fitting or not.
    Step {
        attempt: usize,
        step: u8,
    },
    /// The real end of an attempt that was left.
    End {
        attempt: usize,
        end: End,
    },
    /// An end that no driver would give.
    Nonsense {
        attempt: usize,
        evidence: Evidence,
        next: usize,
    },
    Receipt {
        attempt: usize,
        report: usize,
        again: bool,
    },
    Sign {
        job: usize,
        sign: Sign,
    },
    Cancel {
        job: usize,
    },
    Hold {
        job: usize,
    },
    Release {
        job: usize,
    },
    Resolve {
        job: usize,
        way: u8,
        request: u8,
        more_min: Option<u64>,
    },
    GiveUpMails,
    Forget {
        number: u8,
    },
    Sweep,
    Pass {
        minutes: u64,
    },
    /// The clock is set back.
    Back {
        minutes: u64,
    },
    /// The process dies with whatever is open.
    Reopen,
}

#[derive(Clone, Copy, Debug)]
enum Sheet {
    Key,
    /// With a key that its sender would rather send twice than not at all.
    KeyOnceMore,
    Notice,
    Mail,
}

#[derive(Clone, Copy, Debug)]
enum Carrier {
    Line(u8),
    Provider,
    Lane(u8),
}

#[derive(Clone, Copy, Debug)]
enum End {
    Confirmed,
    Unconfirmed,
    Busy,
    Voice,
    /// Ours, before anything left.
    Interrupted,
    /// Of a mail or an order: somebody else answers for it.
    HandedOver,
}

fn input() -> impl Strategy<Value = Input> {
    let sheet = prop_oneof![
        2 => Just(Sheet::Key),
        1 => Just(Sheet::KeyOnceMore),
        2 => Just(Sheet::Notice),
        2 => Just(Sheet::Mail),
    ];
    let carrier = prop_oneof![
        3 => (0..2_u8).prop_map(Carrier::Line),
        1 => Just(Carrier::Provider),
        2 => (0..2_u8).prop_map(Carrier::Lane),
    ];
    let end = || {
        prop_oneof![
            1 => Just(End::Confirmed),
            3 => Just(End::Unconfirmed),
            1 => Just(End::Busy),
            1 => Just(End::Voice),
            1 => Just(End::Interrupted),
            2 => Just(End::HandedOver),
        ]
    };
    let any = || 0..usize::MAX;
    let evidence = proptest::sample::select(Evidence::ALL);
    let seldom = prop_oneof![
        (any(), 0..5_u8).prop_map(|(attempt, step)| Input::Step { attempt, step }),
        (any(), end()).prop_map(|(attempt, end)| Input::End { attempt, end }),
        (any(), evidence, 0..NEXTS).prop_map(|(attempt, evidence, next)| Input::Nonsense {
            attempt,
            evidence,
            next
        }),
        (any(), proptest::sample::select(Sign::ALL))
            .prop_map(|(job, sign)| Input::Sign { job, sign }),
        any().prop_map(|job| Input::Cancel { job }),
        any().prop_map(|job| Input::Hold { job }),
        any().prop_map(|job| Input::Release { job }),
        Just(Input::GiveUpMails),
        (0..3_u8).prop_map(|number| Input::Forget { number }),
        (1..120_u64).prop_map(|minutes| Input::Back { minutes }),
    ];
    prop_oneof![
        4 => (sheet, 0..3_u8, prop_oneof![20..200_u64, 200..20_000_u64])
            .prop_map(|(sheet, number, life_min)| Input::Accept { sheet, number, life_min }),
        8 => (carrier, 0..4_usize, proptest::option::weighted(0.8, end()))
            .prop_map(|(carrier, steps, end)| Input::Try { carrier, steps, end }),
        8 => seldom,
        3 => (any(), 0..REPORTS.len(), proptest::bool::ANY)
            .prop_map(|(attempt, report, again)| Input::Receipt { attempt, report, again }),
        5 => (any(), 0..4_u8, 0..20_u8, proptest::option::of(20..3000_u64))
            .prop_map(|(job, way, request, more_min)| Input::Resolve { job, way, request, more_min }),
        2 => Just(Input::Sweep),
        4 => prop_oneof![1..15_u64, 15..120_u64, 120..6_000_u64]
            .prop_map(|minutes| Input::Pass { minutes }),
        2 => Just(Input::Reopen),
    ]
}

const REPORTS: [Report; 10] = [
    Report::Delivered,
    Report::Relayed,
    Report::Delayed,
    Report::Bounced(Bounce::NoSuchUser),
    Report::Displayed,
    Report::SentCopy,
    Report::FaxSent { pages: None },
    Report::FaxSent { pages: Some(7) },
    Report::FaxFailed(FaxFailure::Busy),
    Report::FaxFailed(FaxFailure::Failed),
];

const NEXTS: usize = 12;

/// Anything that a settlement can ask for.
fn next(number: usize, now: UnixMillis) -> Next {
    let later = now.after(MINUTE * 10);
    let watch = Watch { until: later, then: AtEnd::Decide };
    match number {
        0 => Next::Again { due: later, reason: "busy" },
        1 => Next::ByFax { due: later, because: FaxBecause::MailBounced },
        2 => Next::Watch { state: JobState::HandedOff, watch },
        3 => Next::Watch { state: JobState::Uncertain, watch },
        4 => Next::Watch { state: JobState::Confirmed, watch },
        5 => Next::Rest(JobState::Failed),
        6 => Next::Rest(JobState::Expired),
        7 => Next::Rest(JobState::Cancelled),
        8 => Next::Rest(JobState::Uncertain),
        9 => Next::Rest(JobState::Confirmed),
        10 => Next::Rest(JobState::ResolvedDelivered),
        _last => Next::Rest(JobState::Waiting),
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// An attempt that was begun.
struct Begun {
    attempt: AttemptId,
    token: Option<mail::Subject>,
    kind: BegunKind,
}

enum BegunKind {
    Call { standing: Standing },
    Order { watch: Watch },
    Mail { watch: Watch },
}

/// A store, what was done to it, and what was seen of it.
struct World {
    _folder: TempDir,
    path: std::path::PathBuf,
    store: Option<Sqlite>,
    now: UnixMillis,
    jobs: Vec<JobId>,
    /// The key that the next sheet of a job must show.
    keys: HashMap<JobId, String>,
    begun: Vec<Begun>,
    received: u8,
    ended: HashMap<String, String>,
    outside: Connection,
}

impl World {
    fn new() -> Self {
        let (folder, path) = place();
        let now = TUESDAY_10_00;
        let (store, _) = Sqlite::open(&path, &key(), Windows::Always, now).expect("opens");
        let outside = Connection::open(&path).expect("opens");
        outside
            .execute_batch(
                "CREATE TABLE change (job TEXT NOT NULL, state TEXT NOT NULL) STRICT;
                 CREATE TRIGGER note_change AFTER UPDATE OF state ON job WHEN NEW.state <> OLD.state
                 BEGIN INSERT INTO change VALUES (NEW.id, NEW.state); END;",
            )
            .expect("a table of this test");
        Self {
            _folder: folder,
            path,
            store: Some(store),
            now,
            jobs: Vec::new(),
            keys: HashMap::new(),
            begun: Vec::new(),
            received: 0,
            ended: HashMap::new(),
            outside,
        }
    }

    fn store(&self) -> &Sqlite {
        self.store.as_ref().expect("it is open")
    }

    fn job(&self, number: usize) -> Option<JobId> {
        number.checked_rem(self.jobs.len()).map(|at| self.jobs[at])
    }

    fn begun(&self, number: usize) -> Option<&Begun> {
        number.checked_rem(self.begun.len()).map(|at| &self.begun[at])
    }

    fn take(&mut self, input: &Input) {
        match *input {
            Input::Accept { sheet, number, life_min } => self.accept(sheet, number, life_min),
            Input::Try { carrier, steps, end } => self.try_it(carrier, steps, end),
            Input::Step { attempt, step } => {
                if let Some(begun) = self.begun(attempt) {
                    answered(self.store().step(begun.attempt, self.step(step)));
                }
            }
            Input::End { attempt, end } => self.end(attempt, end),
            Input::Nonsense { attempt, evidence, next: number } => {
                if let Some(begun) = self.begun(attempt) {
                    let settlement = self.settlement(evidence, next(number, self.now));
                    answered(self.store().settle(begun.attempt, settlement));
                }
            }
            Input::Receipt { attempt, report, again } => self.receive(attempt, report, again),
            Input::Sign { job, sign } => {
                if let Some(id) = self.job(job) {
                    answered(self.store().sign(client(), id, sign, self.now));
                }
            }
            Input::Cancel { job } => {
                if let Some(id) = self.job(job) {
                    answered(self.store().cancel(client(), id, self.now));
                }
            }
            Input::Hold { job } => {
                if let Some(id) = self.job(job) {
                    answered(self.store().hold(client(), id, None, self.now));
                }
            }
            Input::Release { job } => {
                if let Some(id) = self.job(job) {
                    answered(self.store().release(client(), id, self.now));
                }
            }
            Input::Resolve { job, way, request, more_min } => {
                self.resolve(job, way, request, more_min);
            }
            Input::GiveUpMails => {
                answered(self.store().give_up_mails(self.now, Overdue::all()));
            }
            Input::Forget { number } => {
                answered(self.store().forget(fax(number), self.now));
            }
            Input::Sweep => self.sweep(),
            Input::Pass { minutes } => self.now = self.now.after(MINUTE * minutes as u32),
            Input::Back { minutes } => self.now = self.now.before(MINUTE * minutes as u32),
            Input::Reopen => {
                self.store = None;
                let opened = Sqlite::open(&self.path, &key(), Windows::Always, self.now);
                self.store = Some(opened.expect("opens again").0);
                let open = "SELECT count(*) FROM attempt WHERE ended_at IS NULL";
                assert_eq!(self.count(open), 0, "what a crash left open is ended");
            }
        }
    }

    fn accept(&mut self, sheet: Sheet, number: u8, life_min: u64) {
        let mut job = match sheet {
            Sheet::Key => examples::first_contact(),
            Sheet::KeyOnceMore => examples::first_contact_that_may_go_once_more(),
            Sheet::Notice | Sheet::Mail => examples::of(Kind::Message),
        };
        job.recipient.fax = fax(number);
        job.not_before = None;
        job.not_after = self.now.after(MINUTE * life_min as u32);
        let route = match (sheet, &job.content) {
            (Sheet::Mail, Content::Notice(notice)) => {
                let to = mail::Address::parse("care@example.jp").expect("valid");
                Route::Mail(MailRoute::of(notice, to).expect("a message goes by mail"))
            }
            _by_fax => Route::Fax { number: job.recipient.fax.clone() },
        };
        let request = Acceptance {
            client: client(),
            key: IdempotencyKey::parse(&format!("key-{}", self.jobs.len())).expect("valid"),
            fingerprint: [1; 32],
            now: self.now,
            job,
            route,
        };
        match self.store().accept(request).wait() {
            Ok(Accepted::New { id, .. }) => {
                self.jobs.push(id);
                self.keys.insert(id, CANARIES[2].to_owned());
            }
            other => panic!("{other:?}"),
        }
    }

    fn try_it(&mut self, carrier: Carrier, steps: usize, end: Option<End>) {
        let watch = Watch { until: self.now.after(MINUTE * 540), then: AtEnd::Fax };
        let (line, watch) = match carrier {
            Carrier::Line(number) => (format!("line{number}"), None),
            Carrier::Provider => ("provider".into(), Some(Watch { then: AtEnd::Decide, ..watch })),
            Carrier::Lane(number) => {
                let ask = MailAsk { lane: format!("mail-{number}"), held: Vec::new(), watch };
                let Ok(Some(claim)) = self.store().claim_mail(self.now, ask).wait() else { return };
                let (attempt, token) = (claim.attempt, Some(claim.token));
                self.begun.push(Begun { attempt, token, kind: BegunKind::Mail { watch } });
                return self.go_on(&[3], steps, end);
            }
        };
        let ask = LineAsk { line, secrets: true, watch };
        // A line on which a call is on gets none; that is an error, not a state.
        let Ok(Some(claim)) = self.store().claim(self.now, ask).wait() else { return };
        assert!(claim.job.not_after > self.now, "nobody is called when it is too late");
        if let Some(credentials) = claim.job.content.credentials() {
            assert_eq!(credentials.first_time_key.expose(), self.keys[&claim.id]);
        }
        let kind = match claim.watch {
            Some(watch) => BegunKind::Order { watch },
            None => BegunKind::Call { standing: claim.standing },
        };
        self.begun.push(Begun { attempt: claim.attempt, token: claim.token, kind });
        self.go_on(&[0, 1, 2], steps, end);
    }

    fn go_on(&mut self, all: &[u8], steps: usize, end: Option<End>) {
        let last = self.begun.len() - 1;
        for step in all.iter().take(steps) {
            answered(self.store().step(self.begun[last].attempt, self.step(*step)));
        }
        if let Some(end) = end {
            self.end(last, end);
        }
    }

    fn step(&self, step: u8) -> Step {
        let now = self.now;
        match step {
            0 => Step::Dialing { now, sheet_mark: [3; 32] },
            1 => Step::PageStarted { now, page: 0 },
            2 => Step::PageAcked { now, page: 0 },
            3 => Step::DotSent { now },
            _rung => Step::Rung { now, name: "identity", detail: serde_json::json!({}) },
        }
    }

    fn settlement(&self, evidence: Evidence, next: Next) -> Settlement {
        Settlement {
            now: self.now,
            evidence,
            code: "rtn",
            reach: Reach::NoAnswer,
            next,
            receipt: serde_json::json!({ "code": "rtn" }),
            lesson: None,
        }
    }

    /// As the program itself would settle it.
    fn end(&mut self, number: usize, end: End) {
        let Some(begun) = self.begun(number) else { return };
        let (now, again) =
            (self.now, Next::Again { due: self.now.after(MINUTE * 5), reason: "busy" });
        let settlement = match (&begun.kind, end) {
            (BegunKind::Call { standing }, _) => self.end_of_call(begun.attempt, *standing, end),
            (BegunKind::Mail { watch } | BegunKind::Order { watch }, End::HandedOver) => {
                let next = Next::Watch { state: JobState::HandedOff, watch: *watch };
                self.settlement(Evidence::HandedOff, next)
            }
            (BegunKind::Mail { watch } | BegunKind::Order { watch }, End::Unconfirmed) => {
                let next = Next::Watch { state: JobState::Uncertain, watch: *watch };
                self.settlement(Evidence::Uncertain, next)
            }
            (BegunKind::Mail { .. }, End::Voice) => {
                let next = Next::ByFax { due: now, because: FaxBecause::MailBounced };
                self.settlement(Evidence::NotSent, next)
            }
            (BegunKind::Mail { .. } | BegunKind::Order { .. }, End::Confirmed) => {
                self.settlement(Evidence::NotSent, Next::Rest(JobState::Failed))
            }
            (
                BegunKind::Mail { .. } | BegunKind::Order { .. },
                End::Busy | End::Voice | End::Interrupted,
            ) => self.settlement(Evidence::NotSent, again),
        };
        answered(self.store().settle(begun.attempt, settlement));
    }

    fn end_of_call(&self, attempt: AttemptId, standing: Standing, end: End) -> Settlement {
        let state: String = self
            .outside
            .query_row("SELECT state FROM attempt WHERE id = ?1", [attempt.0], |row| row.get(0))
            .expect("it is there");
        let state: AttemptState = state.parse().expect("a state");
        let page_started = state.past_no_return();
        let ending = match end {
            End::Confirmed | End::HandedOver => Ending::Delivered,
            End::Unconfirmed => Ending::NoCarrier,
            End::Busy => Ending::Busy,
            End::Voice => Ending::Voice,
            End::Interrupted => Ending::Stopped,
        };
        let outcome = Outcome {
            ending: &ending,
            stop: Some(settle::Stop::ShuttingDown),
            dialled: state != AttemptState::Claimed,
            answered: page_started,
            page_started,
            pages_confirmed: u16::from(page_started),
            phase: None,
            far_end: None,
            tried: None,
            t85: t30::T85::Unasked,
            identity: None,
            contract: None,
            times: None,
        };
        settle::settle(&outcome, standing, self.now, &Windows::Always)
    }

    fn receive(&mut self, attempt: usize, report: usize, again: bool) {
        let Some(token) = self.begun(attempt).and_then(|begun| begun.token) else { return };
        // Now and then the box brings the same mail again.
        self.received = self.received.wrapping_add(u8::from(!again));
        let detail = serde_json::json!({ "status": "2.0.0" });
        let mail = ReceivedMail {
            now: self.now,
            place: Place { uid_validity: 7, uid: self.received.into() },
            sha256: [self.received; 32],
            receipt: Some(Receipt { token, report: REPORTS[report], detail }),
        };
        answered(self.store().receive(mail));
    }

    fn resolve(&mut self, job: usize, way: u8, request: u8, more_min: Option<u64>) {
        let Some(id) = self.job(job) else { return };
        let new_key = format!("newKEY{request}at{}", self.now.0);
        let resolution = match way {
            0 => rotate(&new_key),
            1 => decision(Way::Resend),
            2 => decision(Way::Close { delivered: true }),
            _last => decision(Way::Close { delivered: false }),
        };
        let not_after = more_min.map(|minutes| self.now.after(MINUTE * minutes as u32));
        let resolution = Resolution { not_after, ..resolution };
        let resolved = self.store().resolve(
            client(),
            id,
            resolution,
            Fingerprint::Named([request; 32]),
            self.now,
        );
        if let Resolved::Done(_) = resolved.wait().expect("the store answers")
            && way == 0
        {
            self.keys.insert(id, new_key);
        }
    }

    fn sweep(&mut self) {
        answered(self.store().sweep(self.now));
        let (now, week) = (self.now.0, self.now.before(TIME_TO_DECIDE).0);
        for overdue in [
            format!("state IN ('waiting', 'hold') AND not_after <= {now}"),
            format!("state = 'uncertain' AND sealed IS NOT NULL AND not_after <= {now}"),
            format!("state = 'uncertain' AND watch_until IS NULL AND not_after <= {week}"),
            format!("watch_until <= {now}"),
            format!("remind_at <= {now}"),
            format!("state = 'handed_off' AND sealed IS NOT NULL AND not_after <= {now}"),
        ] {
            let found = self.count(&format!("SELECT count(*) FROM job WHERE {overdue}"));
            assert_eq!(found, 0, "after a sweep: {overdue}");
        }
    }

    fn count(&self, sql: &str) -> i64 {
        self.outside.query_row(sql, [], |row| row.get(0)).expect(sql)
    }

    fn pairs(&self, sql: &str) -> Vec<(String, String)> {
        let mut statement = self.outside.prepare_cached(sql).expect("SQL");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.map(|row| row.expect("a row")).collect()
    }

    /// What must hold after every input.
    fn look(&mut self) {
        let states: HashMap<String, String> =
            self.pairs("SELECT id, state FROM job").into_iter().collect();
        assert_eq!(states.len(), self.jobs.len(), "what was accepted is there, once");
        for (id, state) in &states {
            let state: JobState = state.parse().expect("a state");
            if state.is_final() {
                let first = self.ended.entry(id.clone()).or_insert_with(|| state.to_string());
                assert_eq!(first, state.as_str(), "a final state is never left");
            } else {
                assert!(!self.ended.contains_key(id), "a final state is never left");
            }
        }
        self.look_at_the_feed(&states);
        for (never, sql) in NEVER {
            assert_eq!(self.count(sql), 0, "{never}");
        }
    }

    /// The feed tells each change of a state once, in order, and nothing that did not happen.
    fn look_at_the_feed(&self, states: &HashMap<String, String>) {
        let by_job = |rows: Vec<(String, String)>| {
            let mut sequences: HashMap<String, Vec<String>> = HashMap::new();
            for (job, state) in rows {
                sequences.entry(job).or_default().push(state);
            }
            sequences
        };
        let mut told = by_job(self.pairs(
            "SELECT job, iif(name = 'accepted', 'waiting', name) FROM event
             WHERE name IN ('accepted', 'waiting', 'sending', 'handed_off', 'uncertain', 'hold', 'confirmed',
                'failed', 'expired', 'cancelled', 'resolved_delivered', 'resolved_not_delivered')
             ORDER BY cursor",
        ));
        let mut changed = by_job(self.pairs("SELECT job, state FROM change ORDER BY rowid"));
        for (job, state) in states {
            let mut told = told.remove(job).expect("its acceptance is told");
            // Another turn or another reason in the same state is told as well.
            told.dedup();
            let mut changed = changed.remove(job).unwrap_or_default();
            changed.insert(0, "waiting".into());
            assert_eq!(told, changed, "{job}");
            assert_eq!(told.last(), Some(state), "{job}");
        }
    }
}

/// Rows that there never are.
const NEVER: [(&str, &str); 12] = [
    (
        "a waiting one has its turn, and nothing else has one",
        "SELECT count(*) FROM job WHERE (state = 'waiting') <> (due_at IS NOT NULL)",
    ),
    (
        "one that is sent has an open attempt, and no other has one",
        "SELECT count(*) FROM job WHERE (state = 'sending')
            <> ((SELECT count(*) FROM attempt WHERE job = job.id AND ended_at IS NULL AND attempt.job = job.id) = 1)",
    ),
    (
        "what somebody else answers for is waited for until a time",
        "SELECT count(*) FROM job WHERE state = 'handed_off' AND watch_until IS NULL",
    ),
    (
        "an undecided one is waited for, or somebody is reminded of it",
        "SELECT count(*) FROM job
         WHERE (state = 'uncertain' AND watch_until IS NULL) <> (undecided_since IS NOT NULL)
            OR (remind_at IS NOT NULL AND undecided_since IS NULL)",
    ),
    (
        "a key goes out once for each decision, and once more if it was accepted so, unless it came back",
        "SELECT count(*) FROM (SELECT count(*) AS exposures, attempt.decision = 0
                AND json_extract(job.fields, '$.if_uncertain') IS 'send_once_more' AS more FROM attempt JOIN job ON job.id = attempt.job
            WHERE job.kind = 'first_contact' AND attempt.refuted_at IS NULL AND attempt.state IN
                ('page_started', 'page_acked', 'handed_off', 'uncertain', 'confirmed')
            GROUP BY attempt.job, attempt.decision) WHERE exposures > 1 + more",
    ),
    (
        "every decision to send once more is kept, and every version comes by one",
        "SELECT count(*) FROM job
         WHERE decisions <> (SELECT count(*) FROM resolution WHERE resolution.job = job.id AND state = 'waiting')
            OR sealed_version <> 1 + (SELECT count(*) FROM resolution
                WHERE resolution.job = job.id AND choice = 'rotate')",
    ),
    (
        "a confirmed one has its evidence",
        "SELECT count(*) FROM job WHERE state = 'confirmed' AND NOT EXISTS (SELECT 1 FROM attempt
            WHERE attempt.job = job.id AND (attempt.state = 'confirmed' OR delivered_at IS NOT NULL
                OR opened_at IS NOT NULL OR EXISTS (SELECT 1 FROM received WHERE received.attempt = attempt.id)))",
    ),
    (
        "one that is said not to be out has nothing out of the version that counts",
        "SELECT count(*) FROM job JOIN attempt ON attempt.job = job.id
         WHERE job.state IN ('failed', 'expired', 'cancelled') AND attempt.refuted_at IS NULL
            AND attempt.version = job.sealed_version
            AND attempt.state IN ('page_started', 'page_acked', 'dot_sent', 'handed_off', 'uncertain', 'confirmed')",
    ),
    (
        "no secret outlives its notification",
        "SELECT count(*) FROM job WHERE sealed IS NOT NULL AND state IN ('confirmed', 'failed', 'expired',
            'cancelled', 'resolved_delivered', 'resolved_not_delivered')",
    ),
    (
        "a key is there as long as it may be sent, and can be opened",
        "SELECT count(*) FROM job WHERE (kind = 'first_contact' AND sealed IS NULL
            AND state IN ('waiting', 'sending', 'hold')) OR reason IN ('secret-unreadable', 'record-unreadable')",
    ),
    (
        "a mail is mailed once",
        "SELECT count(*) FROM (SELECT count(*) AS mails FROM attempt
            WHERE channel = 'mail' AND state IN ('dot_sent', 'handed_off', 'uncertain')
            GROUP BY job) WHERE mails > 1",
    ),
    (
        "one call at a time to a number",
        "SELECT count(*) FROM (SELECT count(*) AS calls FROM attempt
            WHERE channel = 'fax' AND ended_at IS NULL GROUP BY fax_digits) WHERE calls > 1",
    ),
];

fn fax(number: u8) -> FaxNumber {
    FaxNumber::parse(&format!("031234567{number}")).expect("valid")
}

/// What is not allowed is refused; anything else must be done.
fn answered<T>(pending: Pending<T>) {
    match pending.wait() {
        Ok(_) | Err(QueueError::NotAllowed { .. }) => {}
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn whatever_happens_in_whatever_order_states_keep_their_promises() {
    let config = Config {
        cases: RUNS,
        failure_persistence: None,
        max_shrink_iters: 40,
        ..Config::default()
    };
    let story = proptest::collection::vec(input(), INPUTS);
    let ran = TestRunner::new(config).run(&story, |inputs| {
        let mut world = World::new();
        for input in &inputs {
            world.take(input);
            world.look();
        }
        Ok(())
    });
    if let Err(failure) = ran {
        panic!("{failure}");
    }
}
