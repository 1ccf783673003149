//! `GET /v1/events`: the ordered feed of every change, to be read again from any cursor.
//!
//! In: a cursor. Out: what came after it, oldest first, of the caller's own notifications.
//! Not here: webhooks and Server-Sent Events, which carry the same rows.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Hook;
use super::auth::MayRead;
use super::problem::{Code, Problem, ProblemBody};

/// Most events in one answer.
const MOST_EVENTS: u16 = 1000;

/// What to read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// `next` of the last answer; 0 or nothing for the beginning.
    #[serde(default)]
    after: i64,
    /// Most events to answer, 1 to 1000; 100.
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
    cursor: i64,
    /// When it happened, RFC 3339.
    at: String,
    /// Id of the notification.
    notification: String,
    /// Stable name of what happened.
    name: String,
    /// Details by name; never a secret, never a whole number.
    #[schema(value_type = Object)]
    detail: serde_json::Value,
}

/// Every change of the caller's notifications after a cursor, oldest first.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(FeedQuery), security(("token" = ["read"])),
    responses(
        (status = 200, body = Feed),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn feed(
    State(hook): State<Hook>,
    MayRead(client): MayRead,
    query: Result<Query<FeedQuery>, QueryRejection>,
) -> Result<Json<Feed>, Problem> {
    let Query(query) = query.map_err(|_| Problem::new(Code::InvalidQuery))?;
    if query.after < 0 || !(1..=MOST_EVENTS).contains(&query.limit) {
        return Err(Problem::because(Code::InvalidQuery, "after is 0 or more, limit is 1 to 1000"));
    }
    let rows = hook
        .queue
        .events(client, query.after, query.limit)
        .await
        .map_err(|error| hook.queue_problem(error))?;
    let next = rows.last().map_or(query.after, |row| row.cursor);
    let events = rows
        .into_iter()
        .map(|row| Event {
            cursor: row.cursor,
            at: row.at.rfc3339(),
            notification: row.job.to_string(),
            name: row.name,
            detail: row.detail,
        })
        .collect();
    Ok(Json(Feed { events, next }))
}
