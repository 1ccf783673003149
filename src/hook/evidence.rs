//! `POST /v1/notifications/{id}/evidence`: what the exchange saw somebody do with what a notification told.
//!
//! In: a sign. Out: the state of the notification, once both are on disk. The same sign twice changes nothing.
//! Not here: what a sign proves (`settle/signs.rs`).

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::Hook;
use super::auth::MayNotify;
use super::body;
use super::json::Fields;
use super::notifications::job_id;
use super::problem::{Code, Problem, ProblemBody};
use crate::app::crash::{self, Point};
use crate::job::Sign;
use crate::queue::Signed;

/// A notification after a sign.
#[derive(Serialize, ToSchema)]
pub struct Evident {
    pub id: String,
    /// `confirmed` or `resolved_delivered` if the sign has proven it; others as they were.
    pub state: &'static str,
}

/// Reports that somebody logged in, accepted the terms or fetched the documents with what this notification told.
#[utoipa::path(post, path = "/v1/notifications/{id}/evidence", tag = "notifications", security(("token" = ["notify"])),
    params(("id" = String, Path, description = "as in the 202")),
    request_body = schema::Evidence,
    responses(
        (status = 200, body = Evident),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn report(
    State(hook): State<Hook>,
    MayNotify(client): MayNotify,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<Evident>, Problem> {
    let id = job_id(path)?;
    let kind = |fields: &mut Fields<'_>| fields.required("kind", body::name::<Sign>);
    let sign = body::fields(request, &hook.limits, kind).await?;
    let signed = hook.queue.sign(client, id, sign, hook.clock.now()).await;
    let state = match signed.map_err(|error| hook.queue_problem(error))? {
        Signed::Taken { state } => {
            crash::here(Point::SignCommitted);
            tracing::info!(job = %id, sign = sign.as_str(), state = state.as_str(), "hook.evidence.taken");
            state
        }
        Signed::Known { state } => state,
        Signed::NotFound => return Err(Problem::new(Code::NotificationNotFound)),
    };
    Ok(Json(Evident { id: id.to_string(), state: state.as_str() }))
}

/// The body of a request, as `/v1/openapi.json` describes it; it is read by hand above.
pub mod schema {
    use utoipa::ToSchema;

    /// What was seen.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct Evidence {
        /// `first_login`, `terms_accepted` or `first_download`.
        kind: String,
    }
}
