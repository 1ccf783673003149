//! `GET /v1/events`: the ordered feed of every change, to be read again from any cursor.
//!
//! In: a cursor. Out: what came after it, oldest first, of the caller's own notifications: a piece as JSON, or, if the
//! caller asks for `text/event-stream`, piece after piece without an end.
//! Not here: how a stream goes on (`streams.rs`).

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Hook;
use super::auth::MayRead;
use super::problem::{Code, Problem, ProblemBody};
use super::streams;
use crate::job::ClientId;
use crate::queue::{self, EventRow};

/// Most events in one answer.
const MOST_EVENTS: u16 = 1000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What to read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// `next` of the last answer; 0 or nothing for the oldest that there is.
    #[serde(default)]
    after: i64,
    /// Most events to answer, 1 to 1000; 100. A stream has no such end.
    #[serde(default = "usual_limit")]
    limit: u16,
}

fn usual_limit() -> u16 {
    100
}

/// A piece of the feed.
#[derive(Serialize, ToSchema)]
pub struct Feed {
    events: Vec<Event>,
    /// To be given as `after` next time; unchanged if nothing was new.
    next: i64,
}

/// One change.
#[derive(Serialize, ToSchema)]
pub struct Event {
    /// Its place in the feed: rises, with gaps.
    pub(super) cursor: i64,
    /// When it happened, RFC 3339.
    at: String,
    /// Id of the notification; zeros with `unreadable` if not even that can be read.
    notification: String,
    /// Stable name of what happened.
    pub(super) name: String,
    /// Details by name; never a secret, never a whole number.
    #[schema(value_type = Object)]
    detail: serde_json::Value,
}

/// Every change of the caller's notifications after a cursor, oldest first. With `Accept: text/event-stream` as
/// Server-Sent Events that go on: `id` is the cursor, `event` the name, `data` the same JSON. A stream ends after some time;
/// whoever comes back with `Last-Event-ID` misses nothing.
#[utoipa::path(get, path = "/v1/events", tag = "events", security(("token" = ["read"])),
    params(FeedQuery, ("Last-Event-ID" = Option<i64>, Header, description = "of a stream: the last id that was seen; goes before `after`")),
    responses(
        (status = 200, content((Feed = "application/json"), (String = "text/event-stream"))),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn feed(
    State(hook): State<Hook>,
    MayRead(client): MayRead,
    query: Result<Query<FeedQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| Problem::new(Code::InvalidQuery))?;
    if query.after < 0 || !(1..=MOST_EVENTS).contains(&query.limit) {
        return Err(Problem::because(Code::InvalidQuery, "after is 0 or more, limit is 1 to 1000"));
    }
    if wants_a_stream(&headers) {
        let seen = last_seen(&headers)?;
        return streams::open(hook, client, seen.unwrap_or(query.after)).await;
    }
    let rows = rows(&hook, client, query.after, query.limit).await?;
    let next = rows.last().map_or(query.after, |row| row.cursor);
    Ok(Json(Feed { events: rows.into_iter().map(Event::from).collect(), next }).into_response())
}

fn wants_a_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(',')).map(|one| one.split(';').next());
    types.any(|one| one.is_some_and(|one| one.trim().eq_ignore_ascii_case("text/event-stream")))
}

/// As EventSource sends it when it comes back.
fn last_seen(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let cursor = value.to_str().ok().and_then(|text| text.parse().ok()).filter(|id| *id >= 0);
    cursor.map(Some).ok_or_else(|| {
        Problem::because(Code::InvalidQuery, "Last-Event-ID is not an id that was given")
    })
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        Self {
            cursor: row.cursor,
            at: row.at.rfc3339(),
            notification: row.job.to_string(),
            name: row.name,
            detail: row.detail,
        }
    }
}

/// What comes after a cursor; refused rather than given with a gap.
pub(super) async fn rows(
    hook: &Hook,
    client: ClientId,
    after: i64,
    limit: u16,
) -> Result<Vec<EventRow>, Problem> {
    let feed = hook.queue.events(client, after, limit).await;
    match feed.map_err(|error| hook.queue_problem(error))? {
        queue::Feed::Rows(rows) => Ok(rows),
        queue::Feed::Forgotten { through } => {
            let detail = format!("there is no gap from after={through} on");
            Err(Problem::because(Code::CursorTooOld, detail))
        }
    }
}
