//! `/v1/numbers`: what is remembered of fax numbers, and what a technician sets for one.
//!
//! In: requests of callers with the scope `numbers`. A number comes in a body, never in a path, so that it is in
//! no log of any server on the way. Out: JSON, numbers and identities masked to the last four.
//! What the next call will use is worked out here as the call itself does it.
//! Not here: what is remembered and for how long (`office/known.rs`), the ladder (`office/terms.rs`).

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

use super::Hook;
use super::auth::MayTendNumbers;
use super::body;
use super::json::{self, Fault, Fields};
use super::problem::{Code, Problem, ProblemBody};
use crate::job::{ClientId, FaxNumber, UnixMillis, hex};
use crate::office::identity::{self, Identity, LEARNT_AFTER, OnAbsent, Said};
use crate::office::known::{
    self, IDENTITY, Known, Lock, NotCalled, T85, TONELESS, TROUBLE, Trouble, VOICE,
};
use crate::office::rate::Rate;
use crate::office::terms::{self, LineLimits, Reason};
use crate::queue::{NumberId, Unreadable};
use crate::settle::endings::{self, Meaning};

/// Most numbers in one answer.
const MOST_LISTED: u16 = 200;

/// A number and what is remembered of it.
#[derive(Serialize, ToSchema)]
pub struct NumberView {
    /// Masked but for the last four digits.
    number: String,
    /// `new`, `known`, `troubled`, `locked`, `telephone` (not called), `toneless` (not called for a day), `conflict`
    /// (the machine that answered last gets no page), `unreadable` (what is stored of it is damaged; not called if it
    /// was locked).
    state: &'static str,
    /// When a fax machine first answered there, RFC 3339, as all times.
    first_seen: Option<String>,
    /// When one last did.
    last_seen: Option<String>,
    /// As whom the last one answered, whatever came of the call; masked but for the last four characters.
    last_said: Option<String>,
    /// What that is worth: `exact`, `learnt`, `absent`, `conflict`.
    last_verdict: Option<&'static str>,
    /// Who took sheets there.
    identity: Option<IdentityView>,
    /// Until when keys may go there, because a sheet was confirmed and no other machine has answered since; null if they may not.
    /// What is reported of an office can end it sooner for that office.
    proven_until: Option<String>,
    /// What the machine says that it can.
    machine: Option<MachineView>,
    /// The speed that worked.
    good: Option<GoodView>,
    /// What went wrong, as long as it counts.
    troubles: Vec<TroubleView>,
    /// What a technician has set.
    lock: Option<LockView>,
    /// Why it is not called, if it is not.
    not_called: Option<Meaning>,
    /// With what each line would call it now, for a sheet with a secret.
    next_call: Vec<NextCall>,
}

/// Who said what at confirmed deliveries.
#[derive(Serialize, ToSchema)]
pub struct IdentityView {
    /// Masked but for the last four characters.
    said: String,
    /// Confirmed deliveries at which it said so.
    confirmed: u32,
    /// It is the number itself, or was said often enough to be known again.
    learnt: bool,
    first: String,
    last: String,
    /// Until when it is believed.
    until: String,
}

/// What a machine says that it can.
#[derive(Serialize, ToSchema)]
pub struct MachineView {
    /// In words.
    can: String,
    /// The octets of its DIS, in hexadecimal.
    dis: String,
    at: String,
    /// Until when it is believed.
    until: String,
}

/// How the last confirmed page went.
#[derive(Serialize, ToSchema)]
pub struct GoodView {
    /// `V.17`, `V.29` or `V.27ter`.
    modulation: &'static str,
    rate_bps: u32,
    ecm: bool,
    /// `MH`, `MR`, `MMR` or `T.85`.
    coding: String,
    /// When this speed was first confirmed.
    since: String,
    /// Until when calls begin with it.
    until: String,
}

/// Something that went wrong.
#[derive(Serialize, ToSchema)]
pub struct TroubleView {
    /// `training-trouble`, `v17-trouble`, `t85-trouble`, `ecm-trouble`, `rtn-trouble`, `voice`, `no-fax-tone`.
    what: &'static str,
    /// In words.
    text: &'static str,
    times: u32,
    last: String,
    /// Until when it counts.
    until: String,
}

/// What a technician has set for a number. It does not run out.
#[derive(Serialize, ToSchema)]
pub struct LockView {
    /// Never faster.
    fastest_bps: Option<u32>,
    /// Never with error correction.
    no_ecm: bool,
    /// Never in T.85.
    no_t85: bool,
    /// The machine that says this is the right one, and no other; masked but for the last four characters.
    identity: Option<String>,
    at: String,
}

/// How one line would call.
#[derive(Serialize, ToSchema)]
pub struct NextCall {
    line: String,
    /// `V.17`, `V.29` or `V.27ter`.
    modulation: &'static str,
    rate_bps: u32,
    ecm: bool,
    /// T.85, where the machine offers it and the page is quickest in it.
    t85: bool,
    /// Why that is less than the line allows.
    why: Vec<WhyView>,
}

/// A reason to hold back.
#[derive(Serialize, ToSchema)]
pub struct WhyView {
    /// Stable name.
    reason: &'static str,
    /// In words.
    text: &'static str,
    /// Until when it counts; never by itself, if there is no time.
    until: Option<String>,
}

/// A number in a list.
#[derive(Serialize, ToSchema)]
pub struct ListedNumber {
    /// For `after`; it says nothing about the number.
    id: i64,
    #[serde(flatten)]
    view: NumberView,
}

/// What became of a change.
#[derive(Serialize, ToSchema)]
pub struct Changed {
    /// Masked but for the last four digits.
    number: String,
    /// False if there was nothing to change.
    changed: bool,
}

impl NumberView {
    fn new(number: &FaxNumber, known: Known, lines: &[LineLimits], now: UnixMillis) -> Self {
        let not_called = known.not_called(now);
        let troubles = troubles(&known, now);
        let last_verdict = known.last_seen.map(|_| {
            let said = known.last_said.as_ref();
            // Who it is does not depend on what is done with those who do not say.
            identity::judge_said(said, number, &known, OnAbsent::Refuse, now).identity
        });
        Self {
            number: number.to_string(),
            state: match not_called {
                Some(NotCalled::Voice) => "telephone",
                Some(NotCalled::Toneless { .. }) => "toneless",
                None if last_verdict == Some(Identity::Conflict) => "conflict",
                None if known.lock.is_some() => "locked",
                None if !troubles.is_empty() => "troubled",
                None if known.last_seen.is_some() => "known",
                None => "new",
            },
            first_seen: known.first_seen.map(UnixMillis::rfc3339),
            last_seen: known.last_seen.map(UnixMillis::rfc3339),
            last_said: known.last_said.as_ref().map(Said::to_string),
            last_verdict: last_verdict.map(Identity::as_str),
            identity: known.identity(now).map(|seen| IdentityView {
                said: seen.said.to_string(),
                confirmed: seen.confirmed,
                learnt: seen.said.is_of(number) || seen.confirmed >= LEARNT_AFTER,
                first: seen.first.rfc3339(),
                last: seen.last.rfc3339(),
                until: seen.last.after(IDENTITY).rfc3339(),
            }),
            proven_until: known.proven_until(None, now).map(UnixMillis::rfc3339),
            machine: known.abilities(now).map(|abilities| MachineView {
                can: t30::offers(&abilities.dis),
                dis: hex(&abilities.dis),
                at: abilities.at.rfc3339(),
                until: abilities.at.after(IDENTITY).rfc3339(),
            }),
            good: known.good(now).map(|good| GoodView {
                modulation: good.terms.rate.family(),
                rate_bps: good.terms.rate.0.rate_bps(),
                ecm: good.terms.ecm,
                coding: good.terms.coding.clone(),
                since: good.since.rfc3339(),
                until: good.since.after(known::GOOD).rfc3339(),
            }),
            troubles,
            lock: known.lock.as_ref().map(|lock| LockView {
                fastest_bps: lock.fastest.map(|rate| rate.0.rate_bps()),
                no_ecm: lock.no_ecm,
                no_t85: lock.no_t85,
                identity: lock.identity.as_ref().map(Said::to_string),
                at: lock.at.rfc3339(),
            }),
            not_called: not_called
                .and_then(|why| {
                    endings::find(match why {
                        NotCalled::Voice => "number-is-a-telephone",
                        NotCalled::Toneless { .. } => "no-carrier",
                    })
                })
                .copied(),
            next_call: match not_called {
                Some(_) => Vec::new(),
                None => lines.iter().map(|limits| next_call(&known, limits, now)).collect(),
            },
        }
    }

    fn of(
        number: &FaxNumber,
        known: Result<Known, Unreadable>,
        lines: &[LineLimits],
        now: UnixMillis,
    ) -> Self {
        match known {
            Ok(known) => Self::new(number, known, lines, now),
            Err(unreadable) => Self::unreadable(number, unreadable, lines, now),
        }
    }

    /// Of a number whose memory is damaged: it is called as one that is new, unless a lock is lost with it.
    fn unreadable(
        number: &FaxNumber,
        unreadable: Unreadable,
        lines: &[LineLimits],
        now: UnixMillis,
    ) -> Self {
        let new = Self::new(number, Known::default(), lines, now);
        let not_called =
            unreadable.locked.then(|| endings::find("number-unreadable")).flatten().copied();
        let next_call = if unreadable.locked { Vec::new() } else { new.next_call };
        Self { state: "unreadable", not_called, next_call, ..new }
    }
}

fn next_call(known: &Known, limits: &LineLimits, now: UnixMillis) -> NextCall {
    let terms = terms::of_next_call(known, limits, true, now);
    let why = |why: &terms::Why| WhyView {
        reason: why.reason.as_str(),
        text: why.reason.text(),
        until: why.until.map(UnixMillis::rfc3339),
    };
    NextCall {
        line: limits.line.clone(),
        modulation: terms.fastest.family(),
        rate_bps: terms.fastest.0.rate_bps(),
        ecm: terms.ecm,
        t85: terms.t85,
        why: terms.why.iter().map(why).collect(),
    }
}

fn troubles(known: &Known, now: UnixMillis) -> Vec<TroubleView> {
    let of = |reason: Reason| (reason.as_str(), reason.text());
    let counters: [((&'static str, &'static str), &Option<Trouble>, Duration); 7] = [
        (of(Reason::Training), &known.troubles.training, TROUBLE),
        (of(Reason::V17), &known.troubles.v17, TROUBLE),
        (of(Reason::T85), &known.troubles.t85, T85),
        (of(Reason::Ecm), &known.troubles.ecm, TROUBLE),
        (of(Reason::Rtn), &known.troubles.rtn, TROUBLE),
        (("voice", "a person answered"), &known.voice, VOICE),
        (("no-fax-tone", "no fax tone was heard"), &known.toneless, TONELESS),
    ];
    let view = |((what, text), trouble, span): ((_, _), &Option<Trouble>, Duration)| {
        let trouble = known::fresh(trouble.as_ref(), span, now)?;
        let (last, until) = (trouble.last.rfc3339(), trouble.last.after(span).rfc3339());
        Some(TroubleView { what, text, times: trouble.times, last, until })
    };
    counters.into_iter().filter_map(view).collect()
}

/// Which numbers to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NumbersQuery {
    /// Only those behind this id: the last of the previous answer.
    after: Option<i64>,
    /// Most to answer, 1 to 200; 50.
    #[serde(default = "usual_limit")]
    limit: u16,
}

fn usual_limit() -> u16 {
    50
}

/// The numbers of which something is remembered, the newest first.
#[utoipa::path(get, path = "/v1/numbers", tag = "numbers", security(("token" = ["numbers"])),
    params(NumbersQuery),
    responses(
        (status = 200, body = [ListedNumber]),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn listed(
    State(hook): State<Hook>,
    MayTendNumbers(_client): MayTendNumbers,
    query: Result<Query<NumbersQuery>, QueryRejection>,
) -> Result<Json<Vec<ListedNumber>>, Problem> {
    let Query(query) = query.map_err(|_| Problem::new(Code::InvalidQuery))?;
    if !(1..=MOST_LISTED).contains(&query.limit) {
        return Err(Problem::because(Code::InvalidQuery, "limit is 1 to 200"));
    }
    let rows = hook.queue.numbers(query.after.map(NumberId), query.limit).await;
    let rows = rows.map_err(|error| hook.queue_problem(error))?;
    let now = hook.clock.now();
    let view = |row: crate::queue::NumberRow| ListedNumber {
        id: row.id.0,
        view: NumberView::of(&row.number, row.known, &hook.line_limits, now),
    };
    Ok(Json(rows.into_iter().map(view).collect()))
}

/// Everything that is remembered of one number, and what the next call will use and why.
#[utoipa::path(post, path = "/v1/numbers/show", tag = "numbers", security(("token" = ["numbers"])),
    request_body = schema::OneNumber,
    responses(
        (status = 200, body = NumberView),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn about(
    State(hook): State<Hook>,
    MayTendNumbers(_client): MayTendNumbers,
    request: Request,
) -> Result<Json<NumberView>, Problem> {
    let number = body::fields(request, &hook.limits, one_number).await?;
    let known = hook.queue.known(number.clone()).await;
    let known = known.map_err(|error| hook.queue_problem(error))?;
    let known = known.unwrap_or_else(|| Ok(Known::default()));
    Ok(Json(NumberView::of(&number, known, &hook.line_limits, hook.clock.now())))
}

/// Sets what a technician has decided for a number, in place of what was set before. It does not run out, and
/// it vouches that a fax machine is there.
#[utoipa::path(post, path = "/v1/numbers/lock", tag = "numbers", security(("token" = ["numbers"])),
    request_body = schema::NumberLock,
    responses(
        (status = 200, body = Changed),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn lock(
    State(hook): State<Hook>,
    MayTendNumbers(client): MayTendNumbers,
    request: Request,
) -> Result<Json<Changed>, Problem> {
    let now = hook.clock.now();
    let (number, lock) =
        body::fields(request, &hook.limits, |fields| number_lock(fields, now)).await?;
    let changed = hook.queue.lock(number.clone(), Some(lock), now).await;
    changed_by(&hook, &client, "locked", &number, changed)
}

/// Lifts what a technician has set for a number.
#[utoipa::path(post, path = "/v1/numbers/unlock", tag = "numbers", security(("token" = ["numbers"])),
    request_body = schema::OneNumber,
    responses(
        (status = 200, body = Changed),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn unlock(
    State(hook): State<Hook>,
    MayTendNumbers(client): MayTendNumbers,
    request: Request,
) -> Result<Json<Changed>, Problem> {
    let number = body::fields(request, &hook.limits, one_number).await?;
    let changed = hook.queue.lock(number.clone(), None, hook.clock.now()).await;
    changed_by(&hook, &client, "unlocked", &number, changed)
}

/// Forgets everything about a number, a technician's settings included: its next call is like the first.
#[utoipa::path(post, path = "/v1/numbers/forget", tag = "numbers", security(("token" = ["numbers"])),
    request_body = schema::OneNumber,
    responses(
        (status = 200, body = Changed),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn forget(
    State(hook): State<Hook>,
    MayTendNumbers(client): MayTendNumbers,
    request: Request,
) -> Result<Json<Changed>, Problem> {
    let number = body::fields(request, &hook.limits, one_number).await?;
    let changed = hook.queue.forget(number.clone(), hook.clock.now()).await;
    changed_by(&hook, &client, "forgotten", &number, changed)
}

/// Answers a change, and writes down whose it was.
fn changed_by(
    hook: &Hook,
    client: &ClientId,
    change: &'static str,
    number: &FaxNumber,
    changed: Result<bool, crate::queue::QueueError>,
) -> Result<Json<Changed>, Problem> {
    let changed = changed.map_err(|error| hook.queue_problem(error))?;
    if changed {
        // Shows the last four digits.
        tracing::info!(change, client = client.0, %number, "hook.number.changed");
    }
    Ok(Json(Changed { number: number.to_string(), changed }))
}

fn one_number(fields: &mut Fields<'_>) -> Option<FaxNumber> {
    fields.required("number", body::fax_number)
}

fn number_lock(fields: &mut Fields<'_>, at: UnixMillis) -> Option<(FaxNumber, Lock)> {
    // Every field is read before the first `?`, so that all faults are told at once.
    let number = one_number(fields);
    let fastest = fields.optional("fastest_bps", rate);
    let no_ecm = fields.optional("no_ecm", |value| json::flag(&value));
    let no_t85 = fields.optional("no_t85", |value| json::flag(&value));
    let identity = fields.optional("identity", said);
    let lock = Lock {
        fastest: fastest?,
        no_ecm: no_ecm?.unwrap_or(false),
        no_t85: no_t85?.unwrap_or(false),
        identity: identity?,
        at,
    };
    Some((number?, lock))
}

fn rate(value: Value) -> Result<Rate, Fault> {
    let bps = json::count(&value, u16::MAX)?;
    Rate::of_limit(bps).ok_or_else(|| Fault::new(Code::InvalidValue, Rate::LIMIT_WORDS))
}

fn said(value: Value) -> Result<Said, Fault> {
    let text = json::text(value)?;
    let short = text.chars().count() <= Said::LONGEST_CHARS;
    Said::read(&text).filter(|_| short).ok_or_else(|| {
        let message = "must be as the machine says it: at most 20 characters, not all the same";
        Fault::new(Code::InvalidValue, message)
    })
}

/// The bodies of requests, as `/v1/openapi.json` describes them; they are read by hand above.
pub mod schema {
    use utoipa::ToSchema;

    /// One number.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct OneNumber {
        /// 0AB-J or 050, with or without hyphens.
        number: String,
    }

    /// What a technician sets for a number.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct NumberLock {
        /// 0AB-J or 050, with or without hyphens.
        number: String,
        /// Never faster: 2400, 4800, 7200, 9600, 12000 or 14400 bit/s.
        fastest_bps: Option<u16>,
        /// Never with error correction. Wrong lines then go unnoticed.
        no_ecm: Option<bool>,
        /// Never in T.85: for a machine that offers it and prints such pages wrong.
        no_t85: Option<bool>,
        /// What the right machine says of itself, at most 20 characters. No other gets a page then, and none that
        /// does not say who it is; one that says the number dialled does.
        identity: Option<String>,
    }
}
