//! `GET /healthz` and `/readyz`: what a monitor asks. Open to everybody, and they say nothing more than a word.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Hook;
use super::problem::{Code, Problem};

/// Longest wait for the store before we are not ready. Its slowest COMMIT takes about 0.1 s.
const STORE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// One word.
#[derive(Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = Health)))]
pub(super) async fn alive() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Notifications would be accepted and go out: the store answers, a line is ready, and every sheet can be drawn.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, body = Health), (status = 503, body = super::problem::ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn ready(State(hook): State<Hook>) -> Result<Json<Health>, Problem> {
    let asked = hook.queue.appliance();
    match tokio::time::timeout(STORE_ANSWERS_WITHIN, asked).await {
        Ok(Ok(appliance)) if !appliance.takes_new_work => Err(Problem::new(Code::StoreFull)),
        Ok(Ok(_)) if !hook.lines.boards().iter().any(|board| board.state().is_usable()) => {
            Err(Problem::new(Code::NoLineReady))
        }
        Ok(Ok(_)) if !hook.sheet.is_ready() => Err(Problem::new(Code::SheetUnavailable)),
        Ok(Ok(_)) => Ok(Json(Health { status: "ready" })),
        Ok(Err(error)) => Err(hook.queue_problem(error)),
        Err(_) => Err(Problem::new(Code::StoreUnavailable)),
    }
}
