//! `GET /v1/endings`: what the code of every attempt means, for people and for programs.
//!
//! Open to everybody: it says nothing about anybody.

use axum::Json;

use crate::settle::endings::{ENDINGS, Meaning};

/// What every code of an ending means.
#[utoipa::path(get, path = "/v1/endings", tag = "catalogue",
    responses((status = 200, body = [Meaning])))]
pub(super) async fn meanings() -> Json<&'static [Meaning]> {
    Json(ENDINGS)
}
