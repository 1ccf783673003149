//! `/v1/notifications`: take one on, show it, list them, withdraw one.
//!
//! In: requests of callers with a token. Out: answers that are true once they are given.
//! A request that is refused stores nothing, so its Idempotency-Key may be used again when it is mended.
//! Not here: the body's fields (`body.rs`), what is refused (`preflight.rs`), what a caller sees (`view.rs`).

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Hook;
use super::auth::{MayNotify, MayRead};
use super::body;
use super::preflight::{self, Judged};
use super::problem::{Code, Problem, ProblemBody};
use super::view::{Acceptance, Links, Notification};
use crate::app::crash::{self, Point};
use crate::job::{Channel, ClientId, IdempotencyKey, JobId, JobState};
use crate::queue::{self, Accepted, Cancelled, Filter};

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(super) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Most notifications in one answer.
const MOST_LISTED: u16 = 200;

/// Takes a notification on. 202 means that it is on disk and survives a power cut.
#[utoipa::path(post, path = "/v1/notifications", tag = "notifications", security(("token" = ["notify"])),
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters, the caller's own name of this request; the same key and body give the same answer for ever")),
    request_body = schema::NewNotification,
    responses(
        (status = 202, body = Acceptance, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if the key and body came before: this is the first answer again"))),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn submit(
    State(hook): State<Hook>,
    MayNotify(client): MayNotify,
    request: Request,
) -> Result<Response, Problem> {
    within_rate(&hook, &client)?;
    let key = idempotency_key(request.headers())?;
    let (head, body) = request.into_parts();
    let octets = body::read(&head.headers, body, &hook.limits).await?;
    let fingerprint = hook.fingerprints.of(&octets);
    // Before the request is judged: with the time gone by, other hours or a broken template, a
    // repetition would be refused, and its caller would send the sheet a second time under a new key.
    let earlier = hook
        .queue
        .earlier(client.clone(), key.clone(), fingerprint)
        .await
        .map_err(|error| hook.queue_problem(error))?;
    let accepted = match earlier {
        Some(earlier) => earlier,
        None => take_on(&hook, client, key, &octets, fingerprint).await?,
    };
    match accepted {
        Accepted::New { id, channel } => {
            crash::here(Point::AcceptCommitted);
            tracing::info!(job = %id, "hook.notification.accepted");
            hook.lines.wake();
            Ok(acceptance(id, channel))
        }
        Accepted::Replay { id, channel } => {
            crash::here(Point::ReplayFound);
            let mut response = acceptance(id, channel);
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        Accepted::OtherBody => Err(Problem::new(Code::IdempotencyKeyReused)),
    }
}

/// Judges a request that was not seen before, and stores it.
async fn take_on(
    hook: &Hook,
    client: ClientId,
    key: IdempotencyKey,
    octets: &[u8],
    fingerprint: [u8; 32],
) -> Result<Accepted, Problem> {
    let now = hook.clock.now();
    let Judged { job, route, .. } = preflight::judge(hook, &client, octets, now).await?;
    let (channel, urgency) = (route.channel(), job.urgency);
    let due = job.not_before.map_or(now, |not_before| not_before.max(now));
    let acceptance = queue::Acceptance { client, key, fingerprint, now, job, route };
    crash::here(Point::AcceptJudged);
    let accepted =
        hook.queue.accept(acceptance).await.map_err(|error| hook.queue_problem(error))?;
    match accepted {
        Accepted::New { .. } => hook.queued.add(channel, urgency, due),
        Accepted::Replay { .. } | Accepted::OtherBody => {}
    }
    Ok(accepted)
}

/// What a client asks to be judged costs the same, whether it is then stored or not.
pub(super) fn within_rate(hook: &Hook, client: &ClientId) -> Result<(), Problem> {
    let too_many = |wait| Problem::new(Code::TooManyRequests).retry_after(wait);
    hook.rates.post(client).map_err(too_many)
}

/// One notification with its receipt.
#[utoipa::path(get, path = "/v1/notifications/{id}", tag = "notifications", security(("token" = ["read"])),
    params(("id" = String, Path, description = "as in the 202")),
    responses(
        (status = 200, body = Notification),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn show(
    State(hook): State<Hook>,
    MayRead(client): MayRead,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Notification>, Problem> {
    let id = job_id(path)?;
    let view = hook
        .queue
        .show(client, id)
        .await
        .map_err(|error| hook.queue_problem(error))?
        .ok_or_else(|| Problem::new(Code::NotificationNotFound))?;
    Ok(Json(Notification::new(view, hook.progress.get(id))))
}

/// Which notifications to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only those in this state.
    state: Option<String>,
    /// Only those to this office number.
    office: Option<String>,
    /// Only those from this office number. It is looked for among the newest 20000; what is not found there is refused, with
    /// the hint to name `state` or `office` as well.
    sender: Option<String>,
    /// Only those accepted before this id: the last of the previous answer.
    after: Option<String>,
    /// Most to answer, 1 to 200; 50.
    #[serde(default = "usual_limit")]
    limit: u16,
}

fn usual_limit() -> u16 {
    50
}

/// The caller's notifications, newest first.
#[utoipa::path(get, path = "/v1/notifications", tag = "notifications", security(("token" = ["read"])),
    params(ListQuery),
    responses(
        (status = 200, body = [Notification]),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(hook): State<Hook>,
    MayRead(client): MayRead,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Vec<Notification>>, Problem> {
    let Query(query) = query.map_err(|_| Problem::new(Code::InvalidQuery))?;
    let invalid = |what| Problem::because(Code::InvalidQuery, what);
    if !(1..=MOST_LISTED).contains(&query.limit) {
        return Err(invalid("limit is 1 to 200"));
    }
    let filter = Filter {
        state: query
            .state
            .map(|name| name.parse::<JobState>())
            .transpose()
            .map_err(|_| invalid("no such state"))?,
        office_number: query.office,
        sender: query.sender,
        after: query
            .after
            .map(|id| id.parse::<JobId>())
            .transpose()
            .map_err(|_| invalid("after is no id"))?,
        limit: query.limit,
    };
    let views = hook.queue.list(client, filter).await.map_err(|error| hook.queue_problem(error))?;
    let too_many = "too many to look through for this sender: name state or office as well";
    let views = views.ok_or_else(|| invalid(too_many))?;
    let notification = |view: queue::View| {
        let live = hook.progress.get(view.id);
        Notification::new(view, live)
    };
    Ok(Json(views.into_iter().map(notification).collect()))
}

/// Withdraws a notification: 200 once it is, 202 while its call is being stopped, 409 once page data or a mail has left.
/// Also then no other copy is sent, and no FAX after a mail: with `cancel-too-late` one that waits to be sent again becomes `uncertain`, and one
/// whose call is on is not called for again, whatever the call ends with.
#[utoipa::path(delete, path = "/v1/notifications/{id}", tag = "notifications", security(("token" = ["notify"])),
    params(("id" = String, Path, description = "as in the 202")),
    responses(
        (status = 200, body = Withdrawal), (status = 202, body = Withdrawal),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn cancel(
    State(hook): State<Hook>,
    MayNotify(client): MayNotify,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = job_id(path)?;
    let answer = |status: StatusCode, state: JobState| {
        let body = Withdrawal { id: id.to_string(), state: state.as_str() };
        (status, Json(body)).into_response()
    };
    let cancelled = hook
        .queue
        .cancel(client, id, hook.clock.now())
        .await
        .map_err(|error| hook.queue_problem(error))?;
    crash::here(Point::CancelCommitted);
    match cancelled {
        Cancelled::Done => {
            tracing::info!(job = %id, "hook.notification.cancelled");
            Ok(answer(StatusCode::OK, JobState::Cancelled))
        }
        Cancelled::Final(JobState::Cancelled) => Ok(answer(StatusCode::OK, JobState::Cancelled)),
        Cancelled::Stopping => Ok(answer(StatusCode::ACCEPTED, JobState::Sending)),
        Cancelled::TooLate => Err(Problem::new(Code::CancelTooLate)),
        Cancelled::Final(state) => {
            Err(Problem::because(Code::AlreadyFinal, format!("it is {}", state.as_str())))
        }
        Cancelled::NotFound => Err(Problem::new(Code::NotificationNotFound)),
    }
}

/// Answer to a withdrawal.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct Withdrawal {
    id: String,
    /// `cancelled`, or `sending` while the call is being stopped.
    state: &'static str,
}

/// An id that is no id is an id that does not exist.
pub(super) fn job_id(path: Result<Path<String>, PathRejection>) -> Result<JobId, Problem> {
    path.ok()
        .and_then(|Path(id)| id.parse().ok())
        .ok_or_else(|| Problem::new(Code::NotificationNotFound))
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Err(Problem::new(Code::IdempotencyKeyMissing));
    };
    if values.next().is_some() {
        return Err(Problem::because(Code::IdempotencyKeyInvalid, "it was given twice"));
    }
    let text = value.to_str().map_err(|_| Problem::new(Code::IdempotencyKeyInvalid))?;
    IdempotencyKey::parse(text)
        .map_err(|error| Problem::because(Code::IdempotencyKeyInvalid, error.to_string()))
}

/// A function of what was accepted alone, so that a repetition is the same to the octet.
fn acceptance(id: JobId, channel: Channel) -> Response {
    let id = id.to_string();
    let links = Links::of(&id);
    let location = HeaderValue::from_str(&links.own);
    let body =
        Acceptance { id, state: JobState::Waiting.as_str(), channel: channel.as_str(), links };
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The body of a request, as `/v1/openapi.json` describes it. Read by hand in `body.rs`; a test there
/// keeps both in step.
pub mod schema {
    use utoipa::ToSchema;

    /// A notification to send. Unknown fields are refused.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct NewNotification {
        /// `first_contact`, `credentials_reissued`, `document`, `message`, `channel_changed` or `number_proof`.
        kind: String,
        /// Of the sheet: `ja` or `en`. `ja`.
        language: Option<String>,
        sender: Sender,
        recipient: Recipient,
        /// Required for `first_contact` and `credentials_reissued`; refused for every other kind.
        credentials: Option<Credentials>,
        /// 1 to 12 of them. Required for `first_contact` and `document`; refused for every other kind.
        #[schema(min_items = 1, max_items = 12)]
        documents: Option<Vec<Document>>,
        /// For `channel_changed`; refused for every other kind.
        channel: Option<Channel>,
        /// `ask` or `send_once_more`; refused for kinds without `credentials`. What follows when the page may be out and
        /// was not confirmed: the notification is `uncertain` until somebody decides, or the same page goes once more by
        /// itself, marked as a copy, and only then somebody decides. Whoever chooses that accepts that two sheets with the
        /// same key may lie in a tray. `ask`.
        if_uncertain: Option<String>,
        /// `normal` or `urgent`: first in its turn, still not at night. `normal`.
        urgency: Option<String>,
        /// RFC 3339: no call before.
        not_before: Option<String>,
        /// RFC 3339: no call after; 15 minutes to 30 days from now, not after `valid_until`.
        /// 72 hours after now or `not_before`, or `valid_until` if that is sooner.
        not_after: Option<String>,
    }

    /// The office that sends; printed on the sheet.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct Sender {
        /// 10 characters with a check digit.
        office_number: String,
        #[schema(min_length = 1, max_length = 60)]
        office_name: String,
        #[schema(min_length = 1, max_length = 24)]
        phone: String,
    }

    /// The office that is told.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct Recipient {
        /// 10 characters with a check digit.
        office_number: String,
        #[schema(min_length = 1, max_length = 60)]
        office_name: String,
        /// 0AB-J or 050, with or without hyphens.
        fax: String,
    }

    /// What only the paper shows. Sealed at rest, destroyed at the end.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct Credentials {
        /// Printable ASCII without spaces.
        #[schema(min_length = 4, max_length = 32)]
        login_id: String,
        /// Printable ASCII without spaces.
        #[schema(min_length = 4, max_length = 32)]
        password: String,
        /// Printable ASCII without spaces.
        #[schema(min_length = 4, max_length = 32)]
        first_time_key: String,
        /// RFC 3339, in the future.
        valid_until: Option<String>,
    }

    /// How the office is told from the next notice on.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct Channel {
        /// A reminder of the mail address that does not give it away, such as `s***@example.co.jp`: at least one
        /// `*` before an `@`.
        #[schema(min_length = 1, max_length = 40)]
        mail_hint: Option<String>,
    }

    /// A kind of document that waits.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct Document {
        #[schema(min_length = 1, max_length = 40)]
        title: String,
        #[schema(minimum = 1, maximum = 9999)]
        count: u16,
    }
}
