//! `/v1/hold` and `/v1/notifications/{id}/hold`: holding back, and which store stands behind the answers.
//!
//! In: requests of callers who may operate; everybody who may read sees it. Out: JSON, and on every answer the header
//! [`STORE`], by which the exchange notices that another or an older store came back.
//! Not here: when the appliance holds itself back (`queue/sqlite/appliance.rs`).

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::auth::{MayOperate, MayRead};
use super::json::{self, Fault};
use super::notifications::job_id;
use super::problem::{Code, Problem, ProblemBody};
use super::{Hook, body};
use crate::app::clock::Doubt;
use crate::app::crash::{self, Point};
use crate::job::{JobId, JobState, hex};
use crate::queue::{Appliance, Held, HoldReason, Note, OneHeld};
use crate::settle::words;

/// `<store>; generation=<starts>`: another store, or fewer starts than were seen before, and an older copy came back.
pub const STORE: HeaderName = HeaderName::from_static("shirase-store");

/// The appliance itself, apart from its notifications.
#[derive(Serialize, ToSchema)]
pub struct ApplianceView {
    /// Drawn when the store was made, and anew when the gateway found that an older copy of it had come back.
    pub store_id: String,
    /// How often a daemon opened the store.
    pub generation: u64,
    /// The newest cursor of the feed. Lower than one that was seen before: an older copy came back.
    pub events_head: i64,
    /// Why nothing is sent now, if it is held back.
    pub held: Option<HeldView>,
    /// False while the disk is nearly full: notifications are refused (`store-full`), results are still written.
    pub takes_new_work: bool,
    /// Why the clock is not believed, and what to do; nothing is sent meanwhile.
    pub clock_in_doubt: Option<String>,
}

/// The gateway holds back: nothing is dialled and nothing mailed until somebody lets it go on. All else goes on.
#[derive(Serialize, ToSchema)]
pub struct HeldView {
    /// `person`, `restored` (another or an older store came back) or `trouble` (the disk failed again and again).
    pub reason: &'static str,
    /// RFC 3339.
    pub since: String,
    /// What a person wrote, or what was found.
    pub note: Option<String>,
    /// What happened and what to do.
    pub text: &'static str,
    /// The same in Japanese.
    pub text_ja: &'static str,
}

/// One notification that somebody holds, or lets go on.
#[derive(Serialize, ToSchema)]
pub struct OneHeldView {
    id: String,
    /// `hold` or `waiting`.
    state: &'static str,
    /// False if it was so before.
    changed: bool,
}

impl ApplianceView {
    pub(super) fn new(appliance: Appliance, doubt: Option<Doubt>) -> Self {
        Self {
            store_id: hex(&appliance.store_id),
            generation: appliance.generation,
            events_head: appliance.events_head,
            held: appliance.held.map(HeldView::from),
            takes_new_work: appliance.takes_new_work,
            clock_in_doubt: doubt.map(|doubt| doubt.to_string()),
        }
    }
}

impl From<Held> for HeldView {
    fn from(held: Held) -> Self {
        Self {
            reason: held.reason.as_str(),
            since: held.since.rfc3339(),
            note: held.note,
            text: held.reason.text(),
            text_ja: held.reason.text_ja(),
        }
    }
}

/// What [`STORE`] says of this store.
pub fn store_header(appliance: &Appliance) -> Option<HeaderValue> {
    let text = format!("{}; generation={}", hex(&appliance.store_id), appliance.generation);
    HeaderValue::from_str(&text).ok()
}

/// Puts [`STORE`] on an answer.
pub(super) async fn tell_store(State(hook): State<Hook>, mut response: Response) -> Response {
    if let Some(store) = &hook.store {
        response.headers_mut().insert(STORE, store.clone());
    }
    response
}

/// Whether the gateway holds back, and which store stands behind it.
#[utoipa::path(get, path = "/v1/hold", tag = "hold", security(("token" = ["read"])),
    responses(
        (status = 200, body = ApplianceView),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn show(
    State(hook): State<Hook>,
    MayRead(_client): MayRead,
) -> Result<Json<ApplianceView>, Problem> {
    state(&hook).await
}

/// Holds the gateway back: no further call, no further mail, until somebody lets it go on. Calls that are on go to
/// their end, and what runs out expires.
#[utoipa::path(post, path = "/v1/hold", tag = "hold", security(("token" = ["operate"])),
    request_body = schema::Hold,
    responses(
        (status = 200, body = ApplianceView),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn hold_all(
    State(hook): State<Hook>,
    MayOperate(client): MayOperate,
    request: Request,
) -> Result<Json<ApplianceView>, Problem> {
    let note = read_note(&hook, request).await?;
    let words = note.as_ref().map(|note| note.as_str().to_owned());
    let held = hook.queue.hold_all(HoldReason::Person, note, hook.clock.now()).await;
    if held.map_err(|error| hook.queue_problem(error))? {
        tracing::warn!(client = client.0, note = words, "hook.hold.begun");
    }
    state(&hook).await
}

/// Lets the gateway go on.
#[utoipa::path(delete, path = "/v1/hold", tag = "hold", security(("token" = ["operate"])),
    responses(
        (status = 200, body = ApplianceView),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn release_all(
    State(hook): State<Hook>,
    MayOperate(client): MayOperate,
) -> Result<Json<ApplianceView>, Problem> {
    let released = hook.queue.release_all().await.map_err(|error| hook.queue_problem(error))?;
    if let Some(Held { reason, .. }) = released {
        tracing::warn!(client = client.0, %reason, "hook.hold.released");
        hook.lines.wake();
    }
    state(&hook).await
}

/// Holds one notification that waits. Its `not_after` holds all the same.
#[utoipa::path(post, path = "/v1/notifications/{id}/hold", tag = "hold", security(("token" = ["operate"])),
    params(("id" = String, Path, description = "as in the 202")),
    request_body = schema::Hold,
    responses(
        (status = 200, body = OneHeldView),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn hold(
    State(hook): State<Hook>,
    MayOperate(client): MayOperate,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<OneHeldView>, Problem> {
    let id = job_id(path)?;
    let note = read_note(&hook, request).await?;
    let held = hook.queue.hold(client.clone(), id, note, hook.clock.now()).await;
    let held = held.map_err(|error| hook.queue_problem(error))?;
    crash::here(Point::HoldCommitted);
    let view = one(id, JobState::Hold, held)?;
    if view.changed {
        tracing::info!(job = %id, client = client.0, "hook.notification.held");
    }
    Ok(Json(view))
}

/// Lets one notification go on that is held, with the turn that it had.
#[utoipa::path(delete, path = "/v1/notifications/{id}/hold", tag = "hold", security(("token" = ["operate"])),
    params(("id" = String, Path, description = "as in the 202")),
    responses(
        (status = 200, body = OneHeldView),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn release(
    State(hook): State<Hook>,
    MayOperate(client): MayOperate,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<OneHeldView>, Problem> {
    let id = job_id(path)?;
    let released = hook.queue.release(client.clone(), id, hook.clock.now()).await;
    let released = released.map_err(|error| hook.queue_problem(error))?;
    crash::here(Point::ReleaseCommitted);
    let view = one(id, JobState::Waiting, released)?;
    if view.changed {
        tracing::info!(job = %id, client = client.0, "hook.notification.released");
        hook.lines.wake();
    }
    Ok(Json(view))
}

async fn state(hook: &Hook) -> Result<Json<ApplianceView>, Problem> {
    let appliance = hook.queue.appliance().await.map_err(|error| hook.queue_problem(error))?;
    Ok(Json(ApplianceView::new(appliance, hook.clock.doubt())))
}

fn one(id: JobId, state: JobState, held: OneHeld) -> Result<OneHeldView, Problem> {
    let changed = match held {
        OneHeld::Done => true,
        OneHeld::Already => false,
        OneHeld::NotNow(state) => {
            return Err(Problem::because(Code::NotWaiting, format!("it is {state}")));
        }
        OneHeld::NotFound => return Err(Problem::new(Code::NotificationNotFound)),
    };
    Ok(OneHeldView { id: id.to_string(), state: state.as_str(), changed })
}

async fn read_note(hook: &Hook, request: Request) -> Result<Option<Note>, Problem> {
    body::fields(request, &hook.limits, |fields| fields.optional("note", note)).await
}

/// Kept as what people write about a decision is: without whole numbers and addresses of others.
fn note(value: Value) -> Result<Note, Fault> {
    let message = "must be one line of 1 to 200 characters";
    Note::parse(&words::unnamed(&json::text(value)?))
        .ok_or_else(|| Fault::new(Code::InvalidValue, message))
}

/// The body of a request, as `/v1/openapi.json` describes it; it is read by hand above.
pub mod schema {
    use utoipa::ToSchema;

    /// Holding something back.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct Hold {
        /// Why, in one line: it is shown to everybody who asks, and stands in the feed.
        #[schema(min_length = 1, max_length = 200)]
        note: Option<String>,
    }
}
