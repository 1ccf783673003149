//! The hook: what the exchange calls over HTTP.
//!
//! In: requests. Out: accepted notifications in the `queue`, and answers that are true once they are given:
//! 202 only after COMMIT.
//! Source: RFC 9110, RFC 9457; the Idempotency-Key header as draft-ietf-httpapi-idempotency-key-header-07.
//! Not here: what the exchange is told without asking (`tell`).

pub mod alerts;
pub mod auth;
pub mod body;
pub mod caller;
pub mod calls;
mod docs;
pub mod endings;
pub mod events;
pub mod evidence;
mod examples;
pub mod fingerprint;
mod guests;
pub mod health;
pub mod hold;
mod json;
pub mod limits;
pub mod lines;
pub mod listener;
pub mod mail_channel;
mod metrics;
mod next_steps;
pub mod notifications;
pub mod numbers;
pub mod offices;
mod pace;
pub mod preflight;
pub mod problem;
pub mod problems;
pub mod rates;
pub mod renewals;
pub mod resolution;
pub mod status;
pub mod streams;
pub mod tls;
pub mod view;
pub mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::clock::Clock;
use crate::job::{Kind, Language, NewJob, ProgressBoard};
use crate::office::Policy;
use crate::office::terms::LineLimits;
use crate::queue::{Alarm, Pace, Queue, QueueError};
use crate::schedule::line_board::LineBoard;
use crate::schedule::windows::Windows;
use crate::tell::Tellers;

pub use auth::{LiveTokens, Scope, Tokens, is_client_name};
pub use fingerprint::Fingerprints;
pub use limits::Limits;
pub use mail_channel::MailBoards;
pub use metrics::Meters;
pub use preflight::Queued;
use problem::{Code, Problem};
pub use rates::Rates;
pub use renewals::Renewals;
pub use streams::Streams;

/// Everything that a request may need. Clones share it.
#[derive(Clone)]
pub struct Hook(Arc<Parts>);

/// What [`Hook`] is made of.
pub struct Parts {
    pub queue: Arc<dyn Queue>,
    pub clock: Arc<dyn Clock>,
    pub sheet: Arc<dyn SheetCheck>,
    pub policy: Policy,
    pub windows: Windows,
    pub tokens: LiveTokens,
    /// Whether tokens and certificates are as their files are.
    pub renewals: Renewals,
    pub rates: Rates,
    pub fingerprints: Fingerprints,
    pub progress: ProgressBoard,
    pub limits: Limits,
    /// Raised when the store can no longer be believed: the process must end.
    pub alarm: Alarm,
    pub lines: Arc<dyn LineDesk>,
    /// What each line may use, in the order of the settings.
    pub line_limits: Vec<LineLimits>,
    pub mail: MailBoards,
    /// On every answer: which store it comes from.
    pub store: Option<HeaderValue>,
    pub queued: Queued,
    pub streams: Streams,
    /// Endpoints that are told what happens.
    pub tellers: Tellers,
    pub meters: Meters,
    /// How the store keeps pace.
    pub pace: Pace,
}

impl Hook {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// A store's error as the caller hears it; if the store is lost, so is this process.
    fn queue_problem(&self, error: QueueError) -> Problem {
        tracing::error!(%error, "hook.store.failed");
        match error {
            QueueError::Ambiguous | QueueError::Stopped => self.alarm.raise(),
            QueueError::Full
            | QueueError::InUse
            | QueueError::NotAllowed { .. }
            | QueueError::Held
            | QueueError::Failing { .. }
            | QueueError::Broken { .. } => {}
        }
        error.into()
    }
}

impl std::ops::Deref for Hook {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What the hook has to do with telephone lines.
pub trait LineDesk: Send + Sync {
    /// A notification was taken on, or somebody wants something of a line: idle lines look at once.
    fn wake(&self);
    /// Every line, in the order of the settings.
    fn boards(&self) -> &[LineBoard];
}

/// Tells before anything is stored whether the sheet can be drawn: every glyph is there, one page.
pub trait SheetCheck: Send + Sync {
    /// Takes some microseconds; until such a sheet [`SheetCheck::is_tried`] it may block for the worker's deadline.
    ///
    /// # Errors
    /// [`SheetFault`]; nothing is stored.
    fn check(&self, job: &NewJob) -> Result<(), SheetFault>;

    /// Whether a sheet of this kind is checked without waiting.
    fn is_tried(&self, kind: Kind, language: Language) -> bool;

    /// Whether every kind of sheet could be drawn now; does not wait.
    fn is_ready(&self) -> bool;
}

/// Why a sheet cannot be drawn. Holds no field's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SheetFault {
    /// Other texts could be drawn: the caller's matter. One or more fields.
    Unrenderable { faults: Vec<FieldFault> },
    /// No text could be drawn: the technician's matter.
    OutOfOrder { message: String },
}

/// A field that cannot be drawn.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldFault {
    /// JSON pointer (RFC 6901) to the field.
    pub pointer: String,
    /// Names the characters, but of a secret only a place.
    pub message: String,
}

/// All routes, on one screen.
pub fn router(hook: Hook) -> Router {
    let (router, api) = routes().split_for_parts();
    // Written once: anybody may ask for it, as often as he likes.
    let api = axum::body::Bytes::from(finish(api).to_json().unwrap_or_default());
    let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
    router
        .route("/v1/openapi.json", axum::routing::get(async move || (json, api)))
        .merge(docs::routes())
        .fallback(async || Problem::new(Code::NoSuchRoute))
        .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed))
        .layer(axum::middleware::map_response_with_state(hook.clone(), hold::tell_store))
        .layer(axum::middleware::from_fn_with_state(hook.clone(), metrics::count))
        .with_state(hook)
}

fn routes() -> OpenApiRouter<Hook> {
    OpenApiRouter::with_openapi(Face::openapi())
        .routes(routes!(notifications::submit, notifications::list))
        .routes(routes!(notifications::show, notifications::cancel))
        .routes(routes!(hold::hold, hold::release))
        .routes(routes!(hold::show, hold::hold_all, hold::release_all))
        .routes(routes!(preflight::ask))
        .routes(routes!(evidence::report))
        .routes(routes!(resolution::decide))
        .routes(routes!(offices::list))
        .routes(routes!(offices::show, offices::register))
        .routes(routes!(offices::report))
        .routes(routes!(events::feed))
        .routes(routes!(calls::list))
        .routes(routes!(calls::show))
        .routes(routes!(lines::list))
        .routes(routes!(lines::show))
        .routes(routes!(lines::test))
        .routes(routes!(lines::reset))
        .routes(routes!(mail_channel::show))
        .routes(routes!(webhooks::list))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::retry))
        .routes(routes!(numbers::listed))
        .routes(routes!(numbers::about))
        .routes(routes!(numbers::lock))
        .routes(routes!(numbers::unlock))
        .routes(routes!(numbers::forget))
        .routes(routes!(problems::catalogue))
        .routes(routes!(problems::entry))
        .routes(routes!(endings::meanings))
        .routes(routes!(status::show))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::show))
}

/// The description of all routes, as `/v1/openapi.json` gives it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    finish(routes().into_openapi())
}

fn finish(mut api: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("`client.secret`, as `shirase token new` prints it"))
        .build();
    api.components
        .get_or_insert_default()
        .add_security_scheme("token", SecurityScheme::Http(bearer));
    examples::give(&mut api);
    api
}

#[derive(OpenApi)]
#[openapi(info(
    title = "shirase",
    description = "FAX notification gateway. Every refusal is application/problem+json with a stable `code`."
))]
struct Face;

#[cfg(test)]
mod tests;
