//! `POST /v1/notifications/{id}/resolution`: what somebody decides about a notification of which nobody knows whether it
//! arrived.
//!
//! In: a choice, with new credentials if it needs them. Out: where the notification went, once that is on disk. The same
//! request twice decides once: an Idempotency-Key names it, and without one its body does until there is something to
//! decide anew.
//! What would send a sheet is refused where a new notification would be; closing is always possible.
//! Not here: what follows from a choice (`settle/resolution.rs`), how new credentials are kept (`queue`).

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::Hook;
use super::auth::MayDecide;
use super::body::{self, LEAST_LIFE, MOST_LIFE};
use super::json::{self, Fault, Faults, Fields};
use super::notifications::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, idempotency_key, job_id};
use super::preflight;
use super::problem::{Code, FieldError, Problem, ProblemBody};
use crate::app::crash::{self, Point};
use crate::job::names::stable_names;
use crate::job::{ClientId, JobId, JobState, Kind, OfficeNumber, SheetText, UnixMillis};
use crate::office::known::Known;
use crate::office::{self, Destination};
use crate::queue::resolution::{Decided, MAX_BY_CHARS, MAX_REASON_CHARS, Way};
use crate::queue::{Fingerprint, Resolution, Resolved};
use crate::settle::resolution::{Choice, Refusal};
use crate::settle::words;

/// A notification after a decision.
#[derive(Serialize, ToSchema)]
pub struct AfterDecision {
    pub id: String,
    /// `waiting` to be sent once more, `resolved_delivered` or `resolved_not_delivered`; not now, but by this decision.
    pub state: &'static str,
    /// Of its credentials from here on: sheets with a lower one are void. 1 of a notification that has none.
    pub version: u32,
}

/// Decides about an `uncertain` notification. `rotate` sends new credentials as the next version: revoke the old ones, the
/// sheet says that only the higher version works; scope `notify`. `resend` sends the same once more, marked as a copy; a notice that may
/// have come by mail goes by FAX. `close` ends it: revoke the credentials if they did not arrive.
#[utoipa::path(post, path = "/v1/notifications/{id}/resolution", tag = "notifications", security(("token" = ["notify"]), ("token" = ["operate"])),
    params(
        ("id" = String, Path, description = "as in the 202"),
        ("Idempotency-Key" = Option<String>, Header, description = "names this decision: the same key and body decide once; without it the same body does, until it is uncertain anew"),
    ),
    request_body = schema::Resolution,
    responses(
        (status = 200, body = AfterDecision),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn decide(
    State(hook): State<Hook>,
    MayDecide { client, may_rotate }: MayDecide,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let id = job_id(path)?;
    let (head, octets) = request.into_parts();
    let octets = body::read(&head.headers, octets, &hook.limits).await?;
    let fingerprint = fingerprint(&hook, &head.headers, &octets)?;
    let now = hook.clock.now();
    let resolution = parse(&octets, now)?;
    if resolution.way.choice() == Choice::Rotate && !may_rotate {
        return Err(Problem::because(Code::ScopeMissing, "scope `notify` is needed to rotate"));
    }
    match resolution.way.choice() {
        Choice::Rotate | Choice::Resend => may_go_there(&hook, &client, id, now).await?,
        Choice::CloseDelivered | Choice::CloseNotDelivered => {}
    }
    let resolved = hook.queue.resolve(client, id, resolution, fingerprint, now).await;
    let answer = |Decided { state, version }| {
        Json(AfterDecision { id: id.to_string(), state: state.as_str(), version }).into_response()
    };
    match resolved.map_err(|error| hook.queue_problem(error))? {
        Resolved::Done(decided) => {
            crash::here(Point::DecisionCommitted);
            hook.lines.wake();
            Ok(answer(decided))
        }
        Resolved::Replay(decided) => {
            let mut response = answer(decided);
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        Resolved::Refused(refusal) => Err(problem(refusal)),
        Resolved::NotFound => Err(Problem::new(Code::NotificationNotFound)),
    }
}

/// What was reported of the office since it was taken on counts for a sheet that somebody has sent once more, too. What is
/// not uncertain is answered by the store: it knows a request that came before.
async fn may_go_there(
    hook: &Hook,
    client: &ClientId,
    id: JobId,
    now: UnixMillis,
) -> Result<(), Problem> {
    let view = hook.queue.show(client.clone(), id).await;
    let view = view.map_err(|error| hook.queue_problem(error))?;
    let Some(view) = view.filter(|view| view.state == JobState::Uncertain) else { return Ok(()) };
    // A row that cannot be read is nothing to send.
    let unreadable = || Problem::new(Code::Internal);
    let office_number = OfficeNumber::parse(&view.office_number).map_err(|_| unreadable())?;
    let fax = view.fax.ok_or_else(unreadable)?;
    let has_key = view.kind.parse::<Kind>().map_err(|_| unreadable())?.has_secret();
    let office = hook.queue.office(client.clone(), office_number.clone()).await;
    let office = office.map_err(|error| hook.queue_problem(error))?;
    let known = if hook.policy.asks_for_proof(has_key) {
        preflight::remembered(hook, &fax).await?
    } else {
        Known::default()
    };
    let to = Destination { office_number: &office_number, fax: &fax, has_key };
    Ok(office::may_go(&to, &hook.policy, office.as_ref(), &known, now)?)
}

/// A key cannot hold the octet between it and the body.
fn fingerprint(hook: &Hook, headers: &HeaderMap, octets: &[u8]) -> Result<Fingerprint, Problem> {
    if !headers.contains_key(IDEMPOTENCY_KEY) {
        return Ok(Fingerprint::Nameless(hook.fingerprints.of(octets)));
    }
    let key = idempotency_key(headers)?;
    let named = Zeroizing::new([key.as_str().as_bytes(), &[0], octets].concat());
    Ok(Fingerprint::Named(hook.fingerprints.of(&named)))
}

fn problem(refusal: Refusal) -> Problem {
    let field = |code: Code, pointer: &str, message: String| {
        let error = FieldError { pointer: pointer.into(), code: code.entry().code, message };
        Problem::fields(code, vec![error])
    };
    match refusal {
        Refusal::NotUncertain(state) => {
            Problem::because(Code::NotUncertain, format!("it is {state}"))
        }
        Refusal::NoKeyOfKind(kind) => {
            let message = format!("a notification of kind {kind} does not have it");
            field(Code::FieldNotOfKind, "/credentials", message)
        }
        Refusal::KeyGone => Problem::new(Code::KeyGone),
        Refusal::NoTime => {
            let message =
                "no call can begin 15 minutes before the end of its time, or of its credentials";
            field(Code::InvalidTime, "/not_after", message.into())
        }
    }
}

/// As the body names what is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Action {
    Rotate,
    Resend,
    Close,
}

stable_names!(Action { Rotate => "rotate", Resend => "resend", Close => "close" });

/// Parses a decision.
///
/// # Errors
/// A [`Problem`] with every faulty field.
fn parse(octets: &[u8], now: UnixMillis) -> Result<Resolution, Problem> {
    let mut faults = Faults::default();
    let mut fields = Fields::new(String::new(), json::object(octets)?, &mut faults);
    let resolution = resolution(&mut fields, now);
    fields.close();
    faults.verdict(resolution)
}

fn resolution(fields: &mut Fields<'_>, now: UnixMillis) -> Option<Resolution> {
    // Every field is read before the first `?`, so that all faults are told at once.
    let action = fields.required("action", body::name::<Action>);
    let credentials =
        fields.optional_object("credentials", |fields| body::credentials(fields, now));
    let same_version = fields.optional("same_version", |value| json::flag(&value));
    let delivered = fields.optional("delivered", |value| json::flag(&value));
    let not_after = fields.optional("not_after", |value| end(value, now));
    let by = fields.optional("by", own_words::<MAX_BY_CHARS>);
    let reason = fields.optional("reason", own_words::<MAX_REASON_CHARS>);
    let action = action?;
    let mut of = OfAction { fields, action };
    let way = match action {
        Action::Rotate => {
            of.has_no("same_version", &same_version);
            of.has_no("delivered", &delivered);
            of.needs("credentials", credentials).map(Way::Rotate)
        }
        Action::Resend => {
            of.has_no("credentials", &credentials);
            of.has_no("delivered", &delivered);
            of.needs("reason", reason.as_ref().map(Option::as_ref));
            let same_version = of.needs("same_version", same_version);
            if same_version == Some(false) {
                let message = "must be true: a second sheet with the same credentials is meant";
                of.fields.note("same_version", Fault::new(Code::InvalidValue, message));
            }
            Some(Way::Resend)
        }
        Action::Close => {
            of.has_no("credentials", &credentials);
            of.has_no("same_version", &same_version);
            of.has_no("not_after", &not_after);
            of.needs("delivered", delivered).map(|delivered| Way::Close { delivered })
        }
    };
    Some(Resolution { way: way?, not_after: not_after?, by: by?, reason: reason? })
}

/// The fields of a decision whose action is known.
struct OfAction<'f, 'a> {
    fields: &'f mut Fields<'a>,
    action: Action,
}

impl OfAction<'_, '_> {
    /// A field that every decision of this action has. The outer `None` was a fault, and has been told.
    fn needs<T>(&mut self, name: &str, given: Option<Option<T>>) -> Option<T> {
        let given = given?;
        if given.is_none() {
            let message = format!("is required for {}", self.action);
            self.fields.note(name, Fault::new(Code::MissingField, message));
        }
        given
    }

    /// A field that no decision of this action has.
    fn has_no<T>(&mut self, name: &str, given: &Option<Option<T>>) {
        if let Some(Some(_)) = given {
            let message = format!("{} does not have it", self.action);
            self.fields.note(name, Fault::new(Code::UnknownField, message));
        }
    }
}

fn end(value: Value, now: UnixMillis) -> Result<UnixMillis, Fault> {
    let end = body::time(value)?;
    if (now.after(LEAST_LIFE)..=now.after(MOST_LIFE)).contains(&end) {
        Ok(end)
    } else {
        Err(Fault::new(Code::InvalidTime, "must lie 15 minutes to 30 days from now"))
    }
}

/// What people write of themselves is kept for people, without whole numbers and addresses of others.
fn own_words<const LIMIT: usize>(value: Value) -> Result<SheetText, Fault> {
    let text = json::text(value)?;
    if text.chars().count() > LIMIT {
        return Err(Fault::new(Code::InvalidValue, format!("has more than {LIMIT} characters")));
    }
    SheetText::parse(&words::masked(&text), LIMIT)
        .map_err(|error| Fault::new(Code::InvalidValue, error))
}

/// The body of a request, as `/v1/openapi.json` describes it; it is read by hand above.
pub mod schema {
    use utoipa::ToSchema;

    use super::super::notifications::schema::Credentials;

    /// A decision.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct Resolution {
        /// `rotate`, `resend` or `close`.
        action: String,
        /// For `rotate`: the new ones. The old are overwritten.
        credentials: Option<Credentials>,
        /// For `resend`: `true`. A second sheet with the same credentials may come to be in a tray.
        same_version: Option<bool>,
        /// For `close`: whether it arrived.
        delivered: Option<bool>,
        /// For `rotate` and `resend`, RFC 3339: a new end of its time, 15 minutes to 30 days from now. It is never later
        /// than `valid_until`. As it was.
        not_after: Option<String>,
        /// Who decided.
        #[schema(min_length = 1, max_length = 40)]
        by: Option<String>,
        /// Why; `resend` needs it. No secret: everybody who may read the notification sees it.
        #[schema(min_length = 1, max_length = 100)]
        reason: Option<String>,
    }
}
