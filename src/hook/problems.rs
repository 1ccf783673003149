//! `GET /v1/problems` and `/v1/problems/{code}`: what every refusal means, for people and for programs.
//!
//! Open to everybody: it says nothing about anybody.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use super::problem::{Code, Entry, Problem};

/// The whole catalogue.
#[utoipa::path(get, path = "/v1/problems", tag = "catalogue",
    responses((status = 200, body = [Entry])))]
pub(super) async fn catalogue() -> Json<Vec<Entry>> {
    Json(Code::ALL.iter().map(|code| code.entry()).collect())
}

/// One entry; the `type` of a refusal leads here.
#[utoipa::path(get, path = "/v1/problems/{code}", tag = "catalogue",
    params(("code" = String, Path, description = "as in a refusal")),
    responses((status = 200, body = Entry), (status = 404, body = super::problem::ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn entry(
    wanted: Result<Path<String>, PathRejection>,
) -> Result<Json<Entry>, Problem> {
    // Octets that are no text are no code either.
    let Path(wanted) = wanted.map_err(|_| Problem::new(Code::ProblemNotFound))?;
    Code::ALL
        .iter()
        .map(|code| code.entry())
        .find(|entry| entry.code == wanted)
        .map(Json)
        .ok_or_else(|| Problem::new(Code::ProblemNotFound))
}
