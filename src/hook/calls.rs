//! `/v1/calls`: what passed on each call, for technicians.
//!
//! In: requests of callers who may read. Out: calls of all lines, for a line is everybody's; a notification
//! is named to its own client only. Numbers are masked to the last four, and a trace holds no page bits and
//! no secret.
//! Not here: what is in a trace (`drivers/modem`), how a person sees it (`app/diagram.rs`).

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Hook;
use super::auth::MayRead;
use super::problem::{Code, Problem, ProblemBody};
use crate::job::JobId;
use crate::queue::{CallFilter, CallId, CallRow};
use crate::settle::endings::{self, Meaning};

/// Most calls in one answer.
const MOST_CALLS: u16 = 200;

/// Which calls to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CallsQuery {
    /// Only those of this line.
    line: Option<String>,
    /// Only those of this notification, if it is the caller's own.
    notification: Option<String>,
    /// Only those before this id: the last of the previous answer.
    before: Option<i64>,
    /// Most to answer, 1 to 200; 50.
    #[serde(default = "usual_limit")]
    limit: u16,
}

fn usual_limit() -> u16 {
    50
}

/// A call that is over.
#[derive(Serialize, ToSchema)]
pub struct Call {
    id: i64,
    /// The notification, if it is the caller's own.
    notification: Option<String>,
    line: String,
    /// Masked but for the last four digits.
    to: String,
    /// When ATD went out, or was to; RFC 3339.
    began_at: String,
    /// From ATD to on-hook.
    line_ms: u64,
    /// Stable code of the ending.
    code: String,
    /// What that means; nothing for a code that the catalogue does not have.
    ending: Option<&'static Meaning>,
    /// Of the agreement that stood last, if there was one.
    rate_bps: Option<u32>,
}

/// A call with what passed on it.
#[derive(Serialize, ToSchema)]
pub struct CallWithTrace {
    #[serde(flatten)]
    call: Call,
    /// `entries` in order, each with `at_ms` since ATD and what passed; `dropped` counts those that had no
    /// room. `shirase calls show` draws it.
    #[schema(value_type = Object)]
    trace: serde_json::Value,
}

impl Call {
    fn new(row: CallRow) -> Self {
        Self {
            id: row.id.0,
            notification: row.job.map(|job| job.to_string()),
            line: row.line,
            to: row.number_masked,
            began_at: row.began_at.rfc3339(),
            line_ms: row.line_ms,
            ending: endings::find(&row.code),
            code: row.code,
            rate_bps: row.rate_bps,
        }
    }
}

/// Calls of all lines that are still remembered, newest first.
#[utoipa::path(get, path = "/v1/calls", operation_id = "list_calls", tag = "lines", params(CallsQuery), security(("token" = ["read"])),
    responses(
        (status = 200, body = [Call]),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(hook): State<Hook>,
    MayRead(client): MayRead,
    query: Result<Query<CallsQuery>, QueryRejection>,
) -> Result<Json<Vec<Call>>, Problem> {
    let Query(query) = query.map_err(|_| Problem::new(Code::InvalidQuery))?;
    if !(1..=MOST_CALLS).contains(&query.limit) {
        return Err(Problem::because(Code::InvalidQuery, "limit is 1 to 200"));
    }
    let job = query.notification.map(|id| id.parse::<JobId>()).transpose();
    let filter = CallFilter {
        line: query.line,
        job: job.map_err(|_| Problem::because(Code::InvalidQuery, "notification is no id"))?,
        before: query.before.map(CallId),
        limit: query.limit,
    };
    let rows = hook.queue.calls(client, filter).await.map_err(|error| hook.queue_problem(error))?;
    Ok(Json(rows.into_iter().map(Call::new).collect()))
}

/// One call with its trace.
#[utoipa::path(get, path = "/v1/calls/{id}", operation_id = "show_call", tag = "lines", security(("token" = ["read"])),
    params(("id" = i64, Path, description = "as in the list")),
    responses(
        (status = 200, body = CallWithTrace),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn show(
    State(hook): State<Hook>,
    MayRead(client): MayRead,
    path: Result<Path<i64>, PathRejection>,
) -> Result<Json<CallWithTrace>, Problem> {
    let Path(id) = path.map_err(|_| Problem::new(Code::CallNotFound))?;
    let (row, trace) = hook
        .queue
        .call(client, CallId(id))
        .await
        .map_err(|error| hook.queue_problem(error))?
        .ok_or_else(|| Problem::new(Code::CallNotFound))?;
    Ok(Json(CallWithTrace { call: Call::new(row), trace }))
}
