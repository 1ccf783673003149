//! `/v1/webhooks`: the endpoints that are told what happens, as a technician asks for them, and what he may do with one.
//!
//! In: what their tasks are at, how they stand in the store. Out: JSON; of a URL scheme, host and port.
//! Not here: endpoints themselves, which only the settings name; when a post comes again (`tell/patience.rs`).

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::Hook;
use super::auth::MayOperate;
use super::lines::FaultView;
use super::problem::{Code, Problem, ProblemBody};
use crate::job::UnixMillis;
use crate::queue::WebhookBoard;
use crate::tell::{TellState, Teller};

/// One endpoint.
#[derive(Serialize, ToSchema)]
pub struct WebhookView {
    pub name: String,
    /// Whose notifications it is told of.
    pub client: String,
    /// Scheme, host and port.
    pub origin: String,
    /// `usual` or `all`.
    pub events: &'static str,
    /// `starting`, `telling`, `resting` (it took nothing and is left in peace), `faulty` (its files), `disabled` (it answered
    /// 410), `stopped`.
    pub state: &'static str,
    /// RFC 3339, as all times.
    pub since: String,
    /// Until when it rests.
    pub rests_until: Option<String>,
    /// What is wrong with its files.
    pub fault: Option<FaultView>,
    /// Every event up to this cursor was taken, given up, or waits; null before it was taken on.
    pub cursor: Option<i64>,
    /// Events that it has not taken yet; 10000 stands for more.
    pub behind: u32,
    /// Those among them that failed and come again.
    pub retrying: u32,
    /// When the oldest of them happened.
    pub oldest_at: Option<String>,
    /// Events that it did not take in 75 hours, ever.
    pub given_up: u32,
    /// When it last took one.
    pub told_at: Option<String>,
    /// The last post that failed, with its time and what to do.
    pub last_failure: Option<PastFailure>,
}

/// A post that failed.
#[derive(Serialize, ToSchema)]
pub struct PastFailure {
    pub at: String,
    /// Stable code.
    pub code: String,
    /// What happened, and what to do.
    pub message: String,
}

/// What came of a try.
#[derive(Serialize, ToSchema)]
pub struct WebhookTest {
    /// It answered 2xx.
    pub taken: bool,
    /// Its status; null without one.
    pub status: Option<u16>,
    /// Who answered.
    pub address: Option<String>,
    /// What is wrong, and what to do.
    pub fault: Option<FaultView>,
    pub took_ms: u64,
}

/// What is tried again.
#[derive(Serialize, ToSchema)]
pub struct WebhookRetry {
    /// Events that are due now.
    pub due: u32,
}

/// Every endpoint, in the order of the settings.
#[utoipa::path(get, path = "/v1/webhooks", tag = "webhooks", security(("token" = ["operate"])),
    responses(
        (status = 200, body = Vec<WebhookView>),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(hook): State<Hook>,
    MayOperate(_client): MayOperate,
) -> Result<Json<Vec<WebhookView>>, Problem> {
    let boards = hook.queue.webhook_boards().await.map_err(|error| hook.queue_problem(error))?;
    let view = |teller: &Teller| {
        let board = boards.iter().find(|board| board.name == teller.name());
        WebhookView::new(teller, board)
    };
    Ok(Json(hook.tellers.all().iter().map(view).collect()))
}

/// Post a `ping` to an endpoint now, in whatever state it is, and say what came back.
#[utoipa::path(post, path = "/v1/webhooks/{name}/test", tag = "webhooks", security(("token" = ["operate"])),
    params(("name" = String, Path, description = "its name in the settings")),
    responses(
        (status = 200, body = WebhookTest),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn test(
    State(hook): State<Hook>,
    MayOperate(client): MayOperate,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<WebhookTest>, Problem> {
    let teller = teller(&hook, path)?;
    tracing::info!(endpoint = teller.name(), client = client.0, "webhook.test.wanted");
    let began = hook.clock.now();
    let result = teller.test().await;
    let took_ms = u64::try_from(hook.clock.now().0.saturating_sub(began.0)).unwrap_or(0);
    Ok(Json(match result {
        Ok(answered) => WebhookTest {
            taken: true,
            status: Some(answered.status),
            address: Some(answered.address.to_string()),
            fault: None,
            took_ms,
        },
        Err(fault) => WebhookTest {
            taken: false,
            status: None,
            address: None,
            fault: Some(fault.into()),
            took_ms,
        },
    }))
}

/// Say that an endpoint was mended: what failed is due now, also after a 410.
#[utoipa::path(post, path = "/v1/webhooks/{name}/retry", tag = "webhooks", security(("token" = ["operate"])),
    params(("name" = String, Path, description = "its name in the settings")),
    responses(
        (status = 202, body = WebhookRetry),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn retry(
    State(hook): State<Hook>,
    MayOperate(client): MayOperate,
    path: Result<Path<String>, PathRejection>,
) -> Result<(StatusCode, Json<WebhookRetry>), Problem> {
    let teller = teller(&hook, path)?;
    let name = teller.name().to_owned();
    let due = hook.queue.webhook_retry(name, hook.clock.now()).await;
    // One that was not taken on yet owes nothing.
    let due = due.map_err(|error| hook.queue_problem(error))?.unwrap_or(0);
    tracing::info!(endpoint = teller.name(), client = client.0, due, "webhook.retry.wanted");
    teller.wake();
    Ok((StatusCode::ACCEPTED, Json(WebhookRetry { due })))
}

/// A name that is no text is that of no endpoint.
fn teller(hook: &Hook, path: Result<Path<String>, PathRejection>) -> Result<&Teller, Problem> {
    let found = path.ok().and_then(|Path(name)| hook.tellers.named(&name));
    found.ok_or_else(|| Code::WebhookNotFound.into())
}

impl WebhookView {
    fn new(teller: &Teller, board: Option<&WebhookBoard>) -> Self {
        let (endpoint, status) = (teller.endpoint(), teller.status());
        let (rests_until, fault) = match &status.state {
            TellState::Resting { until } => (Some(until.rfc3339()), None),
            TellState::Faulty(fault) => (None, Some(fault.clone().into())),
            TellState::Starting | TellState::Telling | TellState::Disabled | TellState::Stopped => {
                (None, None)
            }
        };
        Self {
            name: endpoint.name.clone(),
            client: endpoint.client.0.clone(),
            origin: teller.origin().to_owned(),
            events: endpoint.carries.as_str(),
            state: status.state.as_str(),
            since: status.since.rfc3339(),
            rests_until,
            fault,
            cursor: board.map(|board| board.cursor),
            behind: board.map_or(0, |board| board.behind),
            retrying: board.map_or(0, |board| board.retrying),
            oldest_at: board.and_then(|board| board.oldest).map(UnixMillis::rfc3339),
            given_up: board.map_or(0, |board| board.given_up),
            told_at: board.and_then(|board| board.told_at).map(UnixMillis::rfc3339),
            last_failure: board
                .and_then(|board| board.failed.clone())
                .map(|(at, code, message)| PastFailure { at: at.rfc3339(), code, message }),
        }
    }
}
